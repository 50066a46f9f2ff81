"""Settings of the template-service service; all of them are shared ones."""

from common.settings import ServiceSettings


class Settings(ServiceSettings):
    """What the template-service service reads from the environment."""

"""Settings of the sales service; all of them are shared ones."""

from common.settings import ServiceSettings


class Settings(ServiceSettings):
    """What the sales service reads from the environment."""

"""Settings of the service desk; all of them are shared ones."""

from common.settings import ServiceSettings


class Settings(ServiceSettings):
    """What the service desk reads from the environment."""

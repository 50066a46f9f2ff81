"""Settings of the channel service; all of them are shared ones."""

from common.settings import ServiceSettings


class Settings(ServiceSettings):
    """What the channel service reads from the environment."""

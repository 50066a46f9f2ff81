"""Settings of the reporting service; all of them are shared ones."""

from common.settings import ServiceSettings


class Settings(ServiceSettings):
    """What the reporting service reads from the environment."""

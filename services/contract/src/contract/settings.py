"""Settings of the contract service; all of them are shared ones."""

from common.settings import ServiceSettings


class Settings(ServiceSettings):
    """What the contract service reads from the environment."""

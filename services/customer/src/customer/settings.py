"""Settings of the customer service; all of them are shared ones."""

from common.settings import ServiceSettings


class Settings(ServiceSettings):
    """What the customer service reads from the environment."""

"""Settings of the contract service: the shared ones and its notice periods."""

from pydantic import Field

from common.settings import ServiceSettings


class Settings(ServiceSettings):
    """What the contract service reads from the environment."""

    milestone_notice_days: int = Field(
        7,
        validation_alias="FAIRWAY_MILESTONE_NOTICE_DAYS",
        ge=0,
        le=365,
        description="how many days before its due date a milestone is announced",
    )
    expiry_notice_days: int = Field(
        30,
        validation_alias="FAIRWAY_CONTRACT_EXPIRY_NOTICE_DAYS",
        ge=0,
        le=365,
        description="how many days before its last day the end of a contract is announced",
    )

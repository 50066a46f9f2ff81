"""Who may take how much from a pool: refusals and their rules."""

from datetime import datetime, timedelta

from common.errors import Conflict


class ClaimantNotEmployee(Conflict):
    """Only who is an employee takes leads; a program or an operator assigns them."""

    code = "claimant_not_employee"


class ClaimLimitReached(Conflict):
    """You look after as many claimed leads as one may: convert, lose or release some first."""

    code = "claim_limit_reached"


class ClaimCoolingDown(Conflict):
    """You had this lead not long ago: until `until` it is for the others."""

    code = "claim_cooling_down"


def check_limit(held: int, limit: int) -> None:
    """Refuse one more than `limit` claimed leads at once."""
    if held >= limit:
        raise ClaimLimitReached(
            f"you hold {held} claimed leads; at most {limit} at once", held=held, limit=limit
        )


def check_cool_down(left_at: datetime | None, *, days: int, now: datetime) -> None:
    """Refuse who has had the lead until `left_at`, for so many days after it; None is never."""
    if left_at is None:
        return
    until = left_at + timedelta(days=days)
    if now < until:
        raise ClaimCoolingDown(
            f"you had this lead until {left_at:%Y-%m-%d}", until=until.isoformat()
        )

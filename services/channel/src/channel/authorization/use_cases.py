"""What people ask about permission."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from channel.accounts.model import AccountNotFound
from common.access.accounts import find_actor
from common.access.explanation import Explanation, explain
from common.access.gate import reach
from common.auth import Actor


async def explain_authorization(
    session: AsyncSession,
    *,
    asking: Actor,
    account_id: UUID | None,
    right: str,
    record: Mapping[str, Any] | None,
) -> Explanation:
    """Why the account, or who asks, may do this, or what is missing.

    Asking about others needs the right to read accounts.
    """
    actor: Actor | None = asking
    if account_id is not None and account_id != asking.account_id:
        reach(asking, "channel.accounts.read")
        actor = await find_actor(session, str(account_id))
    if actor is None:
        raise AccountNotFound(f"no active account {account_id}")
    return explain(actor, right, record)

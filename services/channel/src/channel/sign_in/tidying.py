"""What the worker tidies up behind sign-in."""

from sqlalchemy.ext.asyncio import AsyncSession

from channel.sign_in import use_cases as sign_in
from common.clock import utc_now


async def forget_old_sign_ins(session: AsyncSession) -> None:
    """Remove what is over, as of now."""
    await sign_in.forget_what_is_over(session, now=utc_now())

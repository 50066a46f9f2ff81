"""Accounts for the demo data: people who see different parts of it.

They have one password, made up for this suite and kept in its folder, where `fairway demo accounts`
reads it again.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from fairway.demo.api import Api
from fairway.demo.data import SOURCE
from fairway.home import home, keep_to_ourselves
from fairway.signing_in import made_up_password

PREFIX = "demo-"
"""Of every username, so that they are told from people."""
_CHANNEL = "/channel/v1"


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """Somebody of the demo firm, or of one of its partners, by their keys in the demo data."""

    username: str
    role: str
    sees: str
    employee_key: str | None = None
    partner_key: str | None = None


ACCOUNTS = (
    DemoAccount("demo-hq", "channel_manager", "everything 总部，全部数据", employee_key="CM"),
    DemoAccount(
        "demo-east",
        "regional_manager",
        "the East China region and below 华东区及下属",
        employee_key="BM-HD",
    ),
    DemoAccount(
        "demo-sales",
        "sales",
        "their own and the Suzhou office's 本人及苏州办事处",
        employee_key="S02",
    ),
    DemoAccount("demo-mingze", "dealer", "the dealer 宁波铭泽 alone 仅本经销商", partner_key="P03"),
    DemoAccount("demo-hanyu", "dealer", "the dealer 大连瀚屿 alone 仅本经销商", partner_key="P15"),
)


def kept_password() -> str | None:
    """The password of the demo accounts; None before there are any."""
    try:
        return (home() / "demo-password").read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


async def ensure(api: Api, *, renew: bool = False) -> Sequence[DemoAccount]:
    """Open the accounts that are missing; those that are there now, with the kept password.

    Where that is lost, or with `renew`, all get another one. There are none where the roles or
    somebody of the demo data is missing. Raises Refused.
    """
    roles = {role["code"]: role["id"] async for role in api.pages(f"{_CHANNEL}/roles")}
    known = {
        row["username"]: row["id"] async for row in api.pages(f"{_CHANNEL}/accounts", q=PREFIX)
    }
    missing = [account for account in ACCOUNTS if account.username not in known]
    whose = [await _find(api, account) for account in missing]
    if not all(whose) or any(account.role not in roles for account in missing):
        return ()
    password = None if renew else kept_password()
    is_another = password is None
    password = password or made_up_password()
    renewed = (
        api.post(
            f"{_CHANNEL}/accounts/{known[account.username]}:set-password", {"password": password}
        )
        for account in ACCOUNTS
        if account.username in known and is_another
    )
    opened = (
        api.post(
            f"{_CHANNEL}/accounts",
            {
                "username": account.username,
                "password": password,
                "role_ids": [roles[account.role]],
                **owner,
            },
        )
        for account, owner in zip(missing, whose, strict=True)
    )
    await asyncio.gather(*renewed, *opened)
    if is_another:
        keep_to_ourselves(home() / "demo-password", password)
    return ACCOUNTS


async def _find(api: Api, account: DemoAccount) -> dict[str, str]:
    """Whose account it is, as the fields of one; empty where that is not there."""
    is_partner = account.partner_key is not None
    page = await api.get(
        f"{_CHANNEL}/{'partners' if is_partner else 'employees'}",
        external_source=SOURCE,
        external_id=account.partner_key or account.employee_key,
        limit=1,
    )
    if not page["data"]:
        return {}
    return {"partner_id" if is_partner else "employee_id": page["data"][0]["id"]}

"""The account endpoints."""

from uuid import UUID

from fastapi import Response

from channel.accounts import use_cases as accounts
from channel.accounts.model import Account
from channel.accounts.schemas import (
    AccountCreate,
    AccountRead,
    AccountUpdate,
    AccountWithSecret,
    PasswordSet,
)
from common.app import service_router
from common.auth import CurrentActor
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging

router = service_router("channel", "accounts")


@router.post("", status_code=201, response_model=AccountWithSecret)
async def open_account(
    new: AccountCreate, session: Session, actor: CurrentActor, now: Now, response: Response
) -> AccountWithSecret:
    account, secret = await accounts.open_account(session, new, actor=actor, now=now)
    response.headers["Location"] = f"{router.prefix}/{account.id}"
    return _with_secret(account, secret, response)


@router.get("", response_model=PageOf[AccountRead])
async def list_accounts(
    session: Session,
    page: Paging,
    q: str | None = None,
    kind: str | None = None,
    state: str | None = None,
    employee_id: UUID | None = None,
    partner_id: UUID | None = None,
    role_id: UUID | None = None,
) -> Page[Account]:
    equal = {
        Account.kind: kind,
        Account.state: state,
        Account.employee_id: employee_id,
        Account.partner_id: partner_id,
    }
    filters = [column == value for column, value in equal.items() if value is not None]
    if role_id is not None:
        filters.append(Account.role_ids.contains([role_id]))
    return await accounts.list_accounts(session, page, q=q, filters=filters)


@router.get("/{account_id}", response_model=AccountRead)
async def get_account(account_id: UUID, session: Session) -> Account:
    return await accounts.get_account(session, account_id)


@router.patch("/{account_id}", response_model=AccountRead)
async def update_account(
    account_id: UUID, changes: AccountUpdate, session: Session, actor: CurrentActor, now: Now
) -> Account:
    return await accounts.update_account(
        session, account_id, changes=changes.changes(), actor=actor, now=now
    )


@router.post("/{account_id}:disable", response_model=AccountRead)
async def disable_account(
    account_id: UUID, session: Session, actor: CurrentActor, now: Now
) -> Account:
    return await accounts.disable_account(session, account_id, actor=actor, now=now)


@router.post("/{account_id}:enable", response_model=AccountRead)
async def enable_account(account_id: UUID, session: Session, actor: CurrentActor) -> Account:
    return await accounts.enable_account(session, account_id, actor=actor)


@router.post("/{account_id}:set-password", response_model=AccountRead)
async def set_password(
    account_id: UUID,
    new: PasswordSet,
    session: Session,
    actor: CurrentActor,
    now: Now,
    response: Response,
) -> Account:
    account = await accounts.set_password(
        session, account_id, password=new.password, actor=actor, now=now
    )
    response.headers["Cache-Control"] = "no-store"
    return account


@router.post("/{account_id}:renew-secret", response_model=AccountWithSecret)
async def renew_secret(
    account_id: UUID, session: Session, actor: CurrentActor, now: Now, response: Response
) -> AccountWithSecret:
    account, secret = await accounts.renew_secret(session, account_id, actor=actor, now=now)
    return _with_secret(account, secret, response)


@router.post("/{account_id}:revoke-sessions", response_model=AccountRead)
async def revoke_account_sessions(
    account_id: UUID, session: Session, actor: CurrentActor, now: Now
) -> Account:
    return await accounts.revoke_account_sessions(session, account_id, actor=actor, now=now)


def _with_secret(account: Account, secret: str | None, response: Response) -> AccountWithSecret:
    response.headers["Cache-Control"] = "no-store"
    known = AccountRead.model_validate(account)
    return AccountWithSecret(**known.model_dump(), client_secret=secret)

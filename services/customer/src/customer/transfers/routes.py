"""The endpoints for transfers of many customers."""

from uuid import UUID

from fastapi import Response

from common.app import service_router
from common.auth import CurrentActor
from common.clock import Now
from common.db import Session
from customer.transfers import use_cases as transfers
from customer.transfers.model import Transfer
from customer.transfers.schemas import TransferRead, TransferRequest

starting = service_router("customer", "customers:transfer")
router = service_router("customer", "customer-transfers")


@starting.post("", status_code=202, response_model=TransferRead)
async def transfer_customers(
    asked: TransferRequest, session: Session, actor: CurrentActor, now: Now, response: Response
) -> Transfer:
    transfer = await transfers.start_transfer(session, asked, actor=actor, now=now)
    response.headers["Operation-Location"] = f"{router.prefix}/{transfer.id}"
    return transfer


@router.get("/{transfer_id}", response_model=TransferRead)
async def get_customer_transfer(
    transfer_id: UUID, session: Session, actor: CurrentActor
) -> Transfer:
    return await transfers.get_transfer(session, transfer_id, actor=actor)

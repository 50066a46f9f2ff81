"""The transaction endpoints, on the path of customers."""

from uuid import UUID

from common.app import service_router
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from customer.transactions import use_cases as transactions
from customer.transactions.schemas import (
    PaymentHistory,
    PaymentLine,
    TransactionRead,
    TransactionSummary,
)

router = service_router("customer", "customers")


@router.get("/{customer_id}/transactions", response_model=PageOf[TransactionRead])
async def list_transactions(
    customer_id: UUID, session: Session, page: Paging, state: str | None = None
) -> Page[TransactionRead]:
    return await transactions.list_transactions(session, customer_id, page, state=state)


@router.get("/{customer_id}/transaction-summary", response_model=TransactionSummary)
async def get_transaction_summary(
    customer_id: UUID, session: Session, now: Now
) -> TransactionSummary:
    return await transactions.get_transaction_summary(session, customer_id, now=now)


@router.get("/{customer_id}/payments", response_model=PageOf[PaymentLine])
async def list_payments(customer_id: UUID, session: Session, page: Paging) -> Page[PaymentLine]:
    return await transactions.list_payments(session, customer_id, page)


@router.get("/{customer_id}/payment-history", response_model=PaymentHistory)
async def get_payment_history(customer_id: UUID, session: Session, now: Now) -> PaymentHistory:
    return await transactions.get_payment_history(session, customer_id, now=now)

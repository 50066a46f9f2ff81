"""A transfer of many customers and its rules."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from common.errors import Invalid, NotFound
from common.ids import new_id
from customer.db import Base


class TransferNotFound(NotFound):
    """There is no such transfer."""

    code = "transfer_not_found"


class NobodyChosen(Invalid):
    """A transfer names its customers, or says which ones by a filter; one of the two."""

    code = "nobody_chosen"


class TransferState(StrEnum):
    """How far a transfer is; more may follow."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"


class Transfer(Base):
    """Customers that go to one owner and department: `done` of `total` were looked at.

    Which ones was decided when it was asked for, among those that who asked may see. Of these
    `transferred` changed hands; the others belonged there already, or are deleted by now.
    """

    __tablename__ = "customer_transfers"
    __table_args__ = (
        Index(
            "ix_customer_transfers_running",
            "started_at",
            "id",
            postgresql_where=text("state = 'running'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    state: Mapped[str] = mapped_column(String(20))
    to_owner_id: Mapped[UUID | None]
    to_department_id: Mapped[UUID | None]
    reason: Mapped[str] = mapped_column(String(300))
    total: Mapped[int]
    done: Mapped[int] = mapped_column(default=0)
    transferred: Mapped[int] = mapped_column(default=0)
    started_by: Mapped[str] = mapped_column(String(80))
    started_at: Mapped[datetime]
    correlation_id: Mapped[str | None] = mapped_column(Text)
    finished_at: Mapped[datetime | None]

    @property
    def progress(self) -> float:
        """From 0 to 1."""
        return 1.0 if self.finished_at is not None or not self.total else self.done / self.total

    def advance(self, *, looked_at: int, transferred: int, now: datetime) -> None:
        """Count a batch; one with nothing in it is the end."""
        self.done += looked_at
        self.transferred += transferred
        if not looked_at:
            self.state, self.finished_at = TransferState.SUCCEEDED, now


class TransferItem(Base):
    """A customer that is still to be transferred."""

    __tablename__ = "customer_transfer_items"

    transfer_id: Mapped[UUID] = mapped_column(ForeignKey("customer_transfers.id"), primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(primary_key=True)

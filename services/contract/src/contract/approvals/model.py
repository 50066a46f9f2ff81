"""A decision on a contract. It is written once; the database refuses to change or remove it."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from contract.db import Base

if TYPE_CHECKING:
    from contract.contracts.model import Contract


class Decision(StrEnum):
    """What a step said."""

    APPROVE = "approve"
    REJECT = "reject"


class Approval(Base):
    """What one step decided about one revision of a contract."""

    __tablename__ = "approvals"
    __seen_with__ = ("contract_id", "Contract")
    __table_args__ = (
        Index(
            "uq_approvals_contract_id_revision_step", "contract_id", "revision", "step", unique=True
        ),
        Index("ix_approvals_decided_at_id", "decided_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    contract_id: Mapped[UUID] = mapped_column(ForeignKey("contracts.id"))
    revision: Mapped[int]
    """The text that was decided about; an edit of the contract makes the next one."""
    step: Mapped[str] = mapped_column(String(40))
    decision: Mapped[str] = mapped_column(String(20))
    opinion: Mapped[str | None] = mapped_column(Text)
    decided_by: Mapped[UUID] = mapped_column(index=True)
    decided_at: Mapped[datetime]
    policy_version: Mapped[int]

    contract: Mapped["Contract"] = relationship(lazy="raise", viewonly=True)

    @property
    def void(self) -> bool:
        """Whether the contract was edited since, so that the decision no longer counts."""
        return self.revision != self.contract.revision

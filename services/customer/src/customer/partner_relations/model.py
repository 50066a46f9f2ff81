"""A relation of a customer and a partner, and its rules."""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.errors import Conflict, Invalid, NotFound
from customer import events
from customer.db import Base


class RelationNotFound(NotFound):
    """There is no such relation."""

    code = "partner_relation_not_found"


class RelationThere(Conflict):
    """The two are that to each other already; `existing_id` says since when."""

    code = "partner_relation_there"


class PartyTaken(Conflict):
    """A partner is one customer, and a customer one partner: `existing_id` is the other relation."""

    code = "party_taken"


class RelationEnded(Conflict):
    """The relation has ended before."""

    code = "partner_relation_ended"


class EndsBeforeItBegins(Invalid):
    """The last day of a relation does not come before its first."""

    code = "ends_before_it_begins"


class RelationRole(StrEnum):
    """What the customer is to the partner; more may follow."""

    SAME_PARTY = "same_party"
    END_CUSTOMER = "end_customer"


class PartnerRelation(Aggregate, Base):
    """From a day on, and perhaps until one, a customer is the partner itself or its end customer.

    `of_partner_id` is a partner of the channel service. Who buys and sells is one party: one customer
    here and one partner there, bound by a relation `same_party`, and nobody is entered twice.
    """

    __tablename__ = "partner_relations"
    __seen_with__ = ("customer_id", "Customer")
    __table_args__ = (
        Index("ix_partner_relations_customer", "customer_id", "valid_from", "id"),
        Index("ix_partner_relations_of_partner", "of_partner_id", "valid_from", "id"),
        Index("ix_partner_relations_valid_from_id", "valid_from", "id"),
        Index(
            "uq_partner_relations_same_party",
            "of_partner_id",
            unique=True,
            postgresql_where=text("role = 'same_party' AND valid_until IS NULL"),
        ),
    )

    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    of_partner_id: Mapped[UUID]
    role: Mapped[str] = mapped_column(String(20))
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]

    @classmethod
    def begin(
        cls,
        *,
        customer_id: UUID,
        of_partner_id: UUID,
        role: RelationRole,
        valid_from: date,
        others: Iterable["PartnerRelation"],
    ) -> tuple["PartnerRelation", events.PartnerRelationChanged]:
        """A new relation; `others` are those of the customer, and of the partner, without an end.

        Raises RelationThere and PartyTaken.
        """
        for other in others:
            if other.role != role:
                continue
            is_same = (other.customer_id, other.of_partner_id) == (customer_id, of_partner_id)
            if is_same:
                raise RelationThere("the two are that already", existing_id=str(other.id))
            if role == RelationRole.SAME_PARTY:
                raise PartyTaken("one of the two is another party", existing_id=str(other.id))
        relation = cls(
            customer_id=customer_id,
            of_partner_id=of_partner_id,
            role=role,
            valid_from=valid_from,
        )
        return relation, relation._told()

    def end(self, valid_until: date) -> events.PartnerRelationChanged:
        """Hold until this day. Raises RelationEnded and EndsBeforeItBegins."""
        if self.valid_until is not None:
            raise RelationEnded(f"the relation ended on {self.valid_until}")
        if valid_until < self.valid_from:
            raise EndsBeforeItBegins(f"it began on {self.valid_from}", pointer="/valid_until")
        self.valid_until = valid_until
        return self._told()

    def _told(self) -> events.PartnerRelationChanged:
        return events.PartnerRelationChanged(
            relation_id=self.id,
            customer_id=self.customer_id,
            of_partner_id=self.of_partner_id,
            role=self.role,
            valid_from=self.valid_from,
            valid_until=self.valid_until,
        )

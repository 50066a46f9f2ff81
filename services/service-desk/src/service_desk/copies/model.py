"""The copies; each row follows the events of its owner."""

from uuid import UUID

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from common.errors import Invalid
from service_desk.db import Base


class CustomerNotKnown(Invalid):
    """No customer of this id or number has been told of, or it is deleted.

    One that was created a moment ago may still be on its way: the same request works then.
    """

    code = "customer_not_known"


class PartnerNotKnown(Invalid):
    """No partner of this id has been told of; a new one may still be on its way."""

    code = "partner_not_known"


class KnownCustomer(Base):
    """What the customer service told of a customer last."""

    __tablename__ = "known_customers"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(20), index=True)
    name: Mapped[str] = mapped_column(String(200))
    external_source: Mapped[str | None] = mapped_column(String(40))
    external_id: Mapped[str | None] = mapped_column(String(200))
    owner_id: Mapped[UUID | None]
    department_id: Mapped[UUID | None]
    partner_id: Mapped[UUID | None]
    region_id: Mapped[UUID | None]
    is_deleted: Mapped[bool] = mapped_column(default=False)

    @property
    def scope(self) -> dict[str, UUID | None]:
        """Whose the customer's tickets are while nobody works on them."""
        return {
            "owner_id": self.owner_id,
            "department_id": self.department_id,
            "partner_id": self.partner_id,
            "region_id": self.region_id,
        }


class KnownPartner(Base):
    """What the channel service told of a partner last."""

    __tablename__ = "known_partners"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(200))

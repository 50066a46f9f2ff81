"""The pattern of a series of numbers, as an administrator has set it."""

from typing import Any
from uuid import NAMESPACE_OID, uuid5

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.errors import NotFound
from common.numbers import DatePart, Pattern, Series
from customer import events
from customer.db import Base

CUSTOMERS = Series("customers", Pattern("C", DatePart.YEAR, 6))
SERIES = {CUSTOMERS.name: CUSTOMERS}


class SeriesNotFound(NotFound):
    """There is no such series of numbers here."""

    code = "series_not_found"


class NumberPattern(Aggregate, Base):
    """How the numbers of a series are written from now on; those that were given stay."""

    __tablename__ = "number_patterns"

    series: Mapped[str] = mapped_column(Text, unique=True)
    prefix: Mapped[str] = mapped_column(Text)
    date_part: Mapped[str] = mapped_column(Text)
    width: Mapped[int]

    @classmethod
    def set_first(
        cls, series: str, **values: Any
    ) -> tuple["NumberPattern", events.NumberPatternChanged]:
        """The first pattern of a series that is not the one it came with."""
        pattern = cls(id=uuid5(NAMESPACE_OID, f"fairway/numbers/{series}"), series=series, **values)
        return pattern, pattern._told()

    def update(self, values: dict[str, Any]) -> events.NumberPatternChanged | None:
        """Another pattern; None when it is this one already."""
        if all(getattr(self, name) == value for name, value in values.items()):
            return None
        for name, value in values.items():
            setattr(self, name, value)
        return self._told()

    def _told(self) -> events.NumberPatternChanged:
        return events.NumberPatternChanged(
            series=self.series,
            prefix=self.prefix,
            date_part=DatePart(self.date_part),
            width=self.width,
        )

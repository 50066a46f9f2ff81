"""An entry of a dictionary and its rules."""

from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.errors import Conflict, Invalid, NotFound
from customer import events
from customer.db import Base
from customer.dictionaries.standard import NEEDED, Dictionary


class UnknownCode(Invalid):
    """The dictionary of the field has no such code."""

    code = "unknown_code"


class CodeRetired(Invalid):
    """The code is retired: records that have it keep it, and no other gets it."""

    code = "code_retired"


class CodeNeeded(Conflict):
    """The service gives this code to customers by itself, so it cannot be retired."""

    code = "code_needed"


class DictionaryNotFound(NotFound):
    """There is no such dictionary."""

    code = "dictionary_not_found"


class DictionaryEntry(Aggregate, Base):
    """A code of a dictionary: its names, its place, and whether new records may have it.

    An entry is never removed, so that what a record holds can always be read.
    """

    __tablename__ = "dictionary_entries"
    __table_args__ = (UniqueConstraint("dictionary", "code"),)

    dictionary: Mapped[str] = mapped_column(String(40))
    code: Mapped[str] = mapped_column(String(60))
    label_zh: Mapped[str] = mapped_column(String(120))
    label_en: Mapped[str] = mapped_column(String(120))
    position: Mapped[int]
    is_retired: Mapped[bool]

    @classmethod
    def add(
        cls, dictionary: Dictionary, code: str, **values: Any
    ) -> tuple["DictionaryEntry", events.DictionaryEntryChanged]:
        """A new entry, or one that stands in the place of a standard one. Raises CodeNeeded."""
        _refuse_retiring_needed(dictionary, code, values["is_retired"])
        entry = cls(id=id_of(dictionary, code), dictionary=dictionary, code=code, **values)
        return entry, entry._told()

    def update(self, values: dict[str, Any]) -> events.DictionaryEntryChanged | None:
        """Other names, another place, retired or not; None when all is the same already."""
        if all(getattr(self, name) == value for name, value in values.items()):
            return None
        _refuse_retiring_needed(self.dictionary, self.code, values["is_retired"])
        for name, value in values.items():
            setattr(self, name, value)
        return self._told()

    def _told(self) -> events.DictionaryEntryChanged:
        return events.DictionaryEntryChanged(
            dictionary=self.dictionary,
            code=self.code,
            label_zh=self.label_zh,
            label_en=self.label_en,
            position=self.position,
            is_retired=self.is_retired,
        )


def id_of(dictionary: str, code: str) -> UUID:
    """The id of an entry: the same for the standard one and what takes its place."""
    return uuid5(NAMESPACE_OID, f"fairway/customer/{dictionary}/{code}")


def _refuse_retiring_needed(dictionary: str, code: str, is_retired: bool) -> None:
    if is_retired and (dictionary, code) in NEEDED:
        raise CodeNeeded(f"{code} is given by the service itself", pointer="/is_retired")

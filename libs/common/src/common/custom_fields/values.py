"""The value of a custom field: which are taken, and how each is spelled.

A value has one spelling, so that equality in the database is equality of values: decimals are
strings without zeros at the end, moments are in UTC with six places of a second, options stand in
the order of their definition. Dates and moments, spelled so, are ordered as their texts are.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, assert_never
from urllib.parse import urlsplit

from common.csv_lines import as_meant
from common.errors import Invalid

LARGEST_INTEGER = 2**53 - 1
"""Beyond it a reader that takes numbers for floats, as a browser does, reads another one."""
MOST_DIGITS = 20
"""Of a decimal, before its point."""
LONGEST_TEXT = 4000
_LONGEST = {"link": 1000, "email": 200, "phone": 40}

_DECIMAL = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")
_INTEGER = re.compile(r"-?[0-9]{1,16}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE = re.compile(r"[+\d][\d\s()\-.]{4,38}(x\d{1,6})?", re.ASCII)
_YES_OR_NO = {"true": True, "是": True, "yes": True, "false": False, "否": False, "no": False}


class UnknownCustomField(Invalid):
    """There is no custom field with this key here."""

    code = "unknown_custom_field"


class CustomFieldIsRetired(Invalid):
    """The field is retired: what records have stays, and nothing new is written to it."""

    code = "custom_field_retired"


class CustomValueMissing(Invalid):
    """The field is required: a new record has a value, and it is not cleared."""

    code = "custom_value_missing"


class CustomValueOfAnotherKind(Invalid):
    """The value is none of the kind of the field."""

    code = "custom_value_of_another_kind"


class CustomValueOutOfRange(Invalid):
    """The value is below the least or above the greatest one of the field, or too exact."""

    code = "custom_value_out_of_range"


class CustomValueTooLong(Invalid):
    """The text has more characters than the field takes."""

    code = "custom_value_too_long"


class UnknownOption(Invalid):
    """The field has no such option."""

    code = "custom_option_unknown"


class OptionIsRetired(Invalid):
    """The option is retired: records that have it keep it, and no other gets it."""

    code = "custom_option_retired"


class FieldKind(StrEnum):
    """What a custom field holds; more may follow."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    MOMENT = "moment"
    CHOICE = "choice"
    LINK = "link"
    EMAIL = "email"
    PHONE = "phone"


ORDERED = frozenset({FieldKind.INTEGER, FieldKind.DECIMAL, FieldKind.DATE, FieldKind.MOMENT})
"""Kinds with a least and a greatest value."""


@dataclass(frozen=True, slots=True)
class Definition:
    """What a custom field takes; `options` says of each whether it is retired, in their order."""

    entity: str
    key: str
    kind: FieldKind
    is_required: bool = False
    default_value: Any = None
    scale: int | None = None
    minimum: Any = None
    maximum: Any = None
    max_length: int | None = None
    allows_many: bool = False
    options: Mapping[str, bool] = field(default_factory=dict)
    is_retired: bool = False

    @property
    def pointer(self) -> str:
        """Where the value stands in a body."""
        return f"/custom/{self.key}"

    @property
    def without_limits(self) -> "Definition":
        """The same field for a value that some record may have, whatever is taken from now on."""
        return replace(
            self,
            minimum=None,
            maximum=None,
            scale=MOST_DIGITS,
            max_length=LONGEST_TEXT,
            options=dict.fromkeys(self.options, False),
        )

    def for_one_with(self, before: Any) -> "Definition":
        """The same field for a record that has this value: it keeps the options it has."""
        held = before if isinstance(before, list) else [before]
        return replace(
            self,
            options={code: retired and code not in held for code, retired in self.options.items()},
        )

    def taken(self, value: Any, *, pointer: str | None = None) -> Any:
        """The value in its one spelling, None where it is none; `pointer` says where it stood.

        Raises CustomValueOfAnotherKind, CustomValueOutOfRange, CustomValueTooLong, UnknownOption
        and OptionIsRetired.
        """
        where = pointer or self.pointer
        if value is None or value == []:
            return None
        if self.allows_many and isinstance(value, list):
            options = [self._option(each, where) for each in value]
            return [code for code in self.options if code in options]
        spelled = self._spelled(value, where)
        self._check_range(spelled, where)
        return [spelled] if self.allows_many else spelled

    def read(self, text: str, *, pointer: str | None = None) -> Any:
        """The value that a parameter of a query says; as `taken`."""
        return self.taken(self._meant(text.strip()), pointer=pointer)

    def read_cell(self, cell: str) -> Any:
        """The value that a cell of a file says, as an export writes it; as `taken`."""
        return self.read(as_meant(cell))

    def _meant(self, text: str) -> Any:
        """What a text says, as a JSON body would have it; the text itself where it says nothing."""
        match self.kind:
            case FieldKind.INTEGER if _INTEGER.fullmatch(text):
                return int(text)
            case FieldKind.BOOLEAN:
                return _YES_OR_NO.get(text.lower(), text)
            case FieldKind.CHOICE if self.allows_many:
                return _several(text)
            case FieldKind.DATE:
                # A workbook has days as moments.
                return text.removesuffix("T00:00:00")
        return text

    def _spelled(self, value: Any, where: str) -> Any:
        match self.kind:
            case FieldKind.INTEGER:
                return self._integer(value, where)
            case FieldKind.DECIMAL:
                return self._decimal(value, where)
            case FieldKind.BOOLEAN:
                if isinstance(value, bool):
                    return value
                raise self._another_kind("true or false", where)
            case FieldKind.DATE:
                return self._date(value, where)
            case FieldKind.MOMENT:
                return self._moment(value, where)
            case FieldKind.CHOICE:
                return self._option(value, where)
            case FieldKind.TEXT | FieldKind.LINK | FieldKind.EMAIL | FieldKind.PHONE:
                return self._text(value, where)
            case _:  # pragma: no cover - a kind that is not written here
                assert_never(self.kind)

    def _integer(self, value: Any, where: str) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._another_kind("a whole number", where)
        if abs(value) > LARGEST_INTEGER:
            raise CustomValueOutOfRange(
                f"{self.key} holds whole numbers up to {LARGEST_INTEGER}", pointer=where
            )
        return value

    def _decimal(self, value: Any, where: str) -> str:
        if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
            raise self._another_kind("a decimal number, as a string", where)
        try:
            amount = Decimal(value if isinstance(value, (str, int, Decimal)) else repr(value))
        except InvalidOperation:
            raise self._another_kind("a decimal number, as a string", where) from None
        digits = _plain(amount) if amount.is_finite() and abs(amount.adjusted()) <= 40 else ""
        if isinstance(value, str) and not _DECIMAL.fullmatch(value):
            raise self._another_kind("a decimal number, as a string", where)
        whole, _, places = digits.lstrip("-").partition(".")
        if not digits or len(whole) > MOST_DIGITS or len(places) > (self.scale or 0):
            raise CustomValueOutOfRange(
                f"{self.key} holds numbers of {MOST_DIGITS} digits and {self.scale} decimal places",
                pointer=where,
            )
        return digits

    def _date(self, value: Any, where: str) -> str:
        if isinstance(value, date) and not isinstance(value, datetime):
            return value.isoformat()
        try:
            if isinstance(value, str) and _DATE.fullmatch(value):
                return date.fromisoformat(value).isoformat()
        except ValueError:
            pass
        raise self._another_kind("a date, as 2026-03-02", where)

    def _moment(self, value: Any, where: str) -> str:
        try:
            # The separator tells a point in time from a bare day, which Python takes as well.
            if isinstance(value, str) and value[10:11] in ("T", " "):
                moment = datetime.fromisoformat(value)
                if moment.tzinfo is not None:
                    utc = moment.astimezone(UTC)
                    return utc.isoformat(timespec="microseconds").replace("+00:00", "Z")
        except (ValueError, OverflowError):
            pass
        raise self._another_kind("a point in time, as 2026-03-02T09:30:00Z", where)

    def _option(self, value: Any, where: str) -> str:
        if not isinstance(value, str):
            raise self._another_kind("an option", where)
        if value not in self.options:
            known = ", ".join(code for code, retired in self.options.items() if not retired)
            raise UnknownOption(
                f"{self.key} has no option {value!r}; it has {known}", pointer=where
            )
        if self.options[value]:
            raise OptionIsRetired(f"the option {value} of {self.key} is retired", pointer=where)
        return value

    def _text(self, value: Any, where: str) -> str:
        if not isinstance(value, str) or "\0" in value:
            raise self._another_kind("a text", where)
        text = value.strip().replace("\r\n", "\n").replace("\r", "\n")
        longest = self.max_length or _LONGEST.get(self.kind, LONGEST_TEXT)
        if len(text) > longest:
            raise CustomValueTooLong(
                f"{self.key} takes {longest} characters, not {len(text)}", pointer=where
            )
        match self.kind:
            case FieldKind.LINK if not _is_link(text):
                raise self._another_kind("an address that begins with https:// or http://", where)
            case FieldKind.EMAIL if not _EMAIL.fullmatch(text):
                raise self._another_kind("an e-mail address", where)
            case FieldKind.PHONE if not _PHONE.fullmatch(text):
                raise self._another_kind("a phone number", where)
        if not text:
            raise self._another_kind("a text that is not blank; null clears", where)
        return text

    def _check_range(self, spelled: Any, where: str) -> None:
        if self.kind not in ORDERED:
            return
        place = self.comparable(spelled)
        if self.minimum is not None and place < self.comparable(self.minimum):
            raise CustomValueOutOfRange(f"{self.key} begins at {self.minimum}", pointer=where)
        if self.maximum is not None and place > self.comparable(self.maximum):
            raise CustomValueOutOfRange(f"{self.key} ends at {self.maximum}", pointer=where)

    def comparable(self, spelled: Any) -> Any:
        """A value of the field as something that is ordered."""
        return Decimal(spelled) if self.kind == FieldKind.DECIMAL else spelled

    def _another_kind(self, what: str, where: str) -> CustomValueOfAnotherKind:
        return CustomValueOfAnotherKind(f"{self.key} holds {what}", pointer=where)


def _plain(amount: Decimal) -> str:
    digits = format(amount, "f")
    digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
    return "0" if digits in ("-0", "") else digits


def _is_link(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", text)


def _several(text: str) -> Any:
    """Options as an export writes them, a JSON list, or with commas between them."""
    if not text.startswith("["):
        return [part.strip() for part in re.split("[,，、;；]", text) if part.strip()]
    try:
        return json.loads(text)
    except ValueError:
        return text

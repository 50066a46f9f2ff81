from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from common.events import (
    AnyEvent,
    Consumed,
    Day,
    Event,
    Id,
    Moment,
    ScopedEvent,
    example_of,
)
from common.ids import new_id
from common.money import Amount, Currency
from common.testing.service import received_event


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Line(BaseModel):
    sku: Annotated[str, Field(examples=["A-1"])]
    amount: Amount


class Everything(ScopedEvent):
    """An event with a field of every kind."""

    type = "shop.basket.described.v1"

    basket_id: Id
    at: Moment
    on: Day
    plain_at: datetime
    plain_on: date
    amount: Amount
    currency: Currency
    name: Annotated[str, Field(examples=["apples"])]
    nickname: Annotated[str | None, Field(examples=["apfel"])] = None
    count: int
    few: Annotated[int, Field(ge=3)]
    share: float
    is_open: bool
    colour: Colour
    kind: Literal["basket"]
    either: Literal["a", "b"]
    line: Line
    maybe: Line | None = None
    named: Annotated[Line, Field(examples=[{"sku": "B-2", "amount": "2.50"}])]
    lines: list[Line]
    tags: list[Annotated[str, Field(examples=["new"])]] = []
    more: dict[str, Any] = {}


def test_an_example_is_built_from_the_fields_and_is_valid():
    example = example_of(Everything)

    assert Everything.model_validate(example).model_dump(mode="json") == example
    assert example["basket_id"] == "01936f5e-8a2b-7c3d-9e4f-5a6b7c8d9e0f"
    assert example["at"] == "2026-03-02T09:30:00.000000Z"
    assert example["amount"] == "1250.00"
    assert example["few"] == 3
    assert example["colour"] == "red"
    assert example["kind"] == "basket"
    assert example["line"] == example["maybe"] == {"sku": "A-1", "amount": "1250.00"}
    assert example["named"] == {"sku": "B-2", "amount": "2.50"}
    assert example["lines"] == [example["line"]]
    assert example["owner_id"] is not None


def test_a_field_without_an_example_is_named():
    class Nameless(Event):
        """An event whose text nobody can imagine."""

        type = "shop.basket.named.v1"

        line: list[dict[str, str]] = []
        name: str

    with pytest.raises(ValueError, match=r"Nameless\.name needs Field"):
        example_of(Nameless)


def test_an_example_that_does_not_fit_its_field_is_refused():
    class Wrong(Event):
        """An event with an example of something else."""

        type = "shop.basket.weighed.v1"

        weight: Annotated[int, Field(examples=["heavy"])]

    with pytest.raises(ValueError):
        example_of(Wrong)


def test_an_event_is_made_of_its_fields_only_and_stays_as_it_is():
    class Filled(Event):
        """A basket was filled."""

        type = "shop.basket.filled.v1"

        basket_id: Id

    filled = Filled(basket_id=new_id())

    with pytest.raises(ValidationError):
        Filled(basket_id=new_id(), colour="red")
    with pytest.raises(ValidationError):
        filled.basket_id = new_id()


def test_a_moment_travels_with_microseconds_and_z():
    class Told(Event):
        """Something was told."""

        type = "shop.basket.told.v1"

        at: Moment
        amount: Amount

    told = Told(at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC), amount=Decimal("0.10"))

    assert told.model_dump_json() == '{"at":"2026-03-02T09:30:00.000000Z","amount":"0.10"}'


class Read(Consumed):
    type = "shop.basket.filled.v1"

    name: str
    colour: str = "unknown"


def heard(**data):
    subject = new_id()
    return received_event(Read.type, subject=subject, version=3, data=data).envelope


def test_a_consumer_reads_its_fields_and_passes_over_the_rest():
    envelope = heard(name="apples", weight=3)

    event = Read.of(envelope)

    assert (event.name, event.colour) == ("apples", "unknown")
    assert event.subject == envelope.subject
    assert event.envelope.aggregateversion == 3
    assert not hasattr(event, "weight")


def test_a_field_that_a_consumer_needs_must_be_there():
    with pytest.raises(ValidationError):
        Read.of(heard(weight=3))


def test_who_keeps_everything_looks_into_nothing():
    event = AnyEvent.of(heard(weight=3))

    assert event.envelope.data == {"weight": 3}

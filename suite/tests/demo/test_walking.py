"""What the walk along a deal takes for an effect, and what for a missing one."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from fairway.demo.api import Refused
from fairway.demo.showing import ForMachines
from fairway.demo.walking import EffectMissing, Figure, Walk

Answers = Callable[[httpx.Request], httpx.Response]
ACCEPTED, DRAFTED = "sales.quote.accepted.v1", "contract.contract.drafted.v1"


def an_event(wire_type: str, *, event_id: str, because_of: str | None = None) -> dict[str, Any]:
    return {
        "event_id": event_id,
        "type": wire_type,
        "source": "/fairway/" + wire_type.split(".")[0],
        "causation_id": because_of,
    }


class World:
    """A service that accepts quotes, and a history that shows more with every look."""

    def __init__(self) -> None:
        self.history: list[list[dict[str, Any]]] = []
        self.refusals: list[httpx.Response] = []
        self.correlations: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path != "/reporting/v1/events":
            self.correlations.append(request.headers["X-Request-ID"])
            if self.refusals:
                return self.refusals.pop(0)
            return httpx.Response(200, json={"number": "Q1", "state": "accepted"})
        assert request.url.params["correlation_id"] == self.correlations[-1]
        rows = self.history.pop(0) if len(self.history) > 1 else self.history[0]
        return httpx.Response(200, json={"data": rows})


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def telling() -> ForMachines:
    return ForMachines()


@pytest.fixture
def walk(world, telling) -> Iterator[Walk]:
    with httpx.Client(transport=httpx.MockTransport(world), base_url="http://suite") as client:
        yield Walk(client, telling, within_s=0.5)


def test_a_call_is_told_with_the_events_it_caused_in_whichever_service(walk, world, telling):
    said = an_event(ACCEPTED, event_id="1")
    followed = an_event(DRAFTED, event_id="2", because_of="1")
    world.history = [[], [said], [said, followed]]

    walk.post("and accepted", "/sales/v1/quotes/7:accept", said=[ACCEPTED, DRAFTED])

    [step] = telling.document([])["steps"]
    assert (step["call"], step["status"]) == ("POST /sales/v1/quotes/7:accept", 200)
    assert step["facts"] == {"number": "Q1"}
    assert step["events"] == [
        {"type": ACCEPTED, "service": "sales", "because_of": None},
        {"type": DRAFTED, "service": "contract", "because_of": ACCEPTED},
    ]


def test_an_event_that_does_not_come_is_named(walk, world):
    world.history = [[an_event(ACCEPTED, event_id="1")]]

    with pytest.raises(EffectMissing, match=DRAFTED) as missing:
        walk.post("and accepted", "/sales/v1/quotes/7:accept", said=[ACCEPTED, DRAFTED])

    assert ACCEPTED not in str(missing.value)


def test_what_is_not_known_yet_is_asked_for_again_as_the_same_request(walk, world):
    world.refusals = [httpx.Response(422, json={"code": "customer_not_known"})]
    world.history = [[an_event(ACCEPTED, event_id="1")]]

    walk.post("and accepted", "/sales/v1/quotes/7:accept", said=[ACCEPTED])

    assert len(world.correlations) == 2
    assert len(set(world.correlations)) == 1


def test_a_refusal_ends_the_walk(walk, world):
    world.refusals = [httpx.Response(409, json={"code": "quote_not_open", "detail": "expired"})]

    with pytest.raises(Refused, match="quote_not_open"):
        walk.post("and accepted", "/sales/v1/quotes/7:accept")


def test_an_effect_is_waited_for_and_told(walk, world, telling):
    world.history = [[]]
    walk.post("and accepted", "/sales/v1/quotes/7:accept")
    looks = iter([None, None, "contract CT1 was drafted"])

    walk.until("contract", lambda: next(looks), "no contract")

    [step] = telling.document([])["steps"]
    assert step["effects"] == [{"service": "contract", "what": "contract CT1 was drafted"}]


def test_an_effect_that_does_not_show_is_named(walk):
    with pytest.raises(EffectMissing, match="contract: no contract within"):
        walk.until("contract", lambda: None, "no contract")


@pytest.mark.parametrize(("after", "is_right"), [("110.00", True), ("109.99", False)])
def test_a_figure_is_right_when_it_changed_by_exactly_the_deal(after, is_right):
    figure = Figure("won-revenue", "won_revenue", Decimal("100.00"), Decimal(after), Decimal(10))

    assert figure.is_right is is_right

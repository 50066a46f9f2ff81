"""The pages that are made from the code: docs/events.md and docs/capabilities.md."""

from pathlib import Path

import pytest

from tools import capabilities, event_map
from tools.asyncapi import EventApi, SaidEvent
from tools.schema import Field

from .builders import write

TEXT = frozenset({"string"})


def an_event(wire_name: str, **fields: Field) -> SaidEvent:
    return SaidEvent(wire_name, f"Said when {wire_name}.", fields)


def some_services() -> dict[str, EventApi]:
    quote = an_event(
        "sales.quote.accepted.v1",
        total=Field(TEXT, True, None, "net | gross", "99.90"),
        note=Field(TEXT | {"null"}, False, None),
        kind=Field(TEXT, True, frozenset({"renewal", "new"})),
    )
    lead = an_event("sales.lead.lost.v1", reason=Field(TEXT, True, None))
    return {
        "contract": EventApi({}, {quote.wire_name: "draft a contract"}),
        "reporting": EventApi({}, {"*": ""}),
        "sales": EventApi({quote.wire_name: quote, lead.wire_name: lead}, {}),
    }


def test_the_map_says_who_hears_an_event_and_what_it_carries():
    page = event_map.event_map(some_services())

    assert (
        "| [`sales.quote.accepted.v1`](#salesquoteacceptedv1) "
        "| Said when sales.quote.accepted.v1. | contract, reporting |" in page
    )
    assert "- heard by contract: draft a contract" in page
    assert "| `total` | string | net \\| gross | `99.90` |" in page
    assert "| `note`? | string |" in page
    assert "| `kind` | `new`, `renewal` |" in page
    assert "| sales (2) | 1 | 2 | – |" in page


def test_a_consumer_of_everything_does_not_hear_itself():
    apis = some_services()
    apis["sales"] = EventApi(apis["sales"].said, {"*": ""})

    assert event_map.heard_by("sales.lead.lost.v1", apis) == ["reporting"]


def test_an_event_that_is_heard_and_never_said_is_found():
    apis = some_services()
    apis["contract"] = EventApi({}, {"sales.quote.acepted.v1": ""})

    problems = event_map.unsaid(apis)

    assert len(problems) == 1
    assert problems[0].startswith("contract hears sales.quote.acepted.v1, and nobody says it.")


def test_the_events_of_services_with_nothing_to_say_are_an_empty_map():
    assert "Says nothing." in event_map.event_map({"reporting": EventApi({}, {})})


# ---------------------------------------------------------------------------------- capabilities


def test_marks_on_functions_classes_modules_and_parameters_are_collected(tmp_path: Path):
    write(
        tmp_path,
        "services/sales/tests/leads/test_model.py",
        "import pytest\n"
        'pytestmark = [pytest.mark.capability("SAL-01")]\n'
        '@pytest.mark.capability("SAL-10", "SAL-02")\n'
        "async def test_a_lead_is_lost_once(): ...\n"
        '@pytest.mark.capability("N3")\n'
        "class TestLeads:\n"
        "    def test_they_are_found(self): ...\n"
        "    def helper(self): ...\n"
        '@pytest.mark.parametrize("n", [pytest.param(1, marks=pytest.mark.capability("C-07"))])\n'
        "def test_many(n): ...\n",
    )
    write(tmp_path, "tests/journeys/test_flow.py", "def test_without_a_mark(): ...\n")

    proofs = capabilities.collect(tmp_path)

    assert [(proof.capability, proof.sentence) for proof in proofs] == [
        ("C-07", "many"),
        ("N3", "they are found"),
        ("SAL-01", "a lead is lost once"),
        ("SAL-01", "many"),
        ("SAL-01", "they are found"),
        ("SAL-02", "a lead is lost once"),
        ("SAL-10", "a lead is lost once"),
    ]
    page = capabilities.page(proofs)
    assert (
        "| SAL-10 | a lead is lost once "
        "([services/sales/tests/leads/test_model.py]"
        "(../services/sales/tests/leads/test_model.py)) |" in page
    )
    assert "5 capabilities, 7 proofs." in page


@pytest.mark.parametrize("mark", ["capability", "capability()", "capability(NAME)"])
def test_a_mark_whose_ids_are_not_written_out_is_refused(mark, tmp_path):
    write(
        tmp_path,
        "tests/test_flow.py",
        f"import pytest\n@pytest.mark.{mark}\ndef test_it(): ...\n",
    )

    with pytest.raises(capabilities.UnreadableMark, match=r"tests/test_flow\.py:2"):
        capabilities.collect(tmp_path)


def test_the_ids_of_a_catalogue_are_those_in_the_first_column_of_its_tables():
    text = "Users of CUS-99\n\n| ID | What |\n|---|---|\n| CUS-01 | as CUS-02 |\n| **N3** | x |\n"

    assert capabilities.catalogue_ids(text) == ["CUS-01", "N3"]

"""Nothing is forgotten: every operation has a right, every table somebody whose rows they are."""

import re
from importlib import import_module
from typing import Any

import httpx
import pytest

from common.access.rights import INTERNAL, PUBLIC, SIGNED_IN
from common.access.rows import is_scoped
from common.ids import new_id
from fairway.services import PACKAGES, load_one

from .conftest import Guard

pytestmark = [pytest.mark.capability("X-05"), pytest.mark.capability("N10")]

FOR_EVERYBODY = {
    "channel": {
        "Department": "the organisation is known to its people; dealers lack the right",
        "DepartmentMove": "as departments",
        "Employee": "as departments",
        "Territory": "as departments",
        "Account": "for administrators, by right",
        "Role": "for administrators, by right",
        "Parameter": "for administrators, by right",
        "ParameterSetting": "of a parameter",
        "ScorecardPolicy": "the rules of the score are known to whom they are applied",
        "SigningKey": "never read by an operation but to sign and to show its public part",
        "SignInSession": "found by its secret only",
        "RefreshToken": "found by its secret only",
        "RevokedSession": "never read but to say that it is over",
        "SignInAttempt": "counted by the name and address of who tries",
        "ScorecardInput": "read for the scores of a partner that was found before",
    },
    "customer": {
        "PoolPolicy": "what holds in a pool is known to whom it is applied",
        "ReminderRule": "by right; what it plans is narrowed",
        "VerificationPolicy": "how often something is asked is no secret",
        "DuplicateKeys": "looked up for everybody's customers, and never shown",
        "KeysProgress": "used by the worker",
        "DuplicateScan": "by right; it compares everybody's customers",
        "DuplicateGroup": "by right; its customers are narrowed",
        "DictionaryEntry": "the codes are known to all who fill in a form",
        "NumberPattern": "by right",
        "Transfer": "by right; its customers were narrowed when it was asked for",
        "TransferItem": "used by the worker",
        "DuplicatePair": "by right; shown with its customers, who are narrowed",
        "AssessmentPolicy": "by right",
        "DueAssessment": "used by the worker",
        "Listening": "when the worker last said that it works",
    },
    "sales": {
        "Product": "what we sell is known to all who sell it",
        "PriceList": "by right",
        "PriceLine": "of a price list",
        "ExchangeRate": "what a currency is worth is no secret",
        "KnownEmployee": "a name, looked up for a record that was found before",
        "KnownDepartment": "a name, looked up for a record that was found before",
        "KnownTerritory": "a name, looked up for a record that was found before",
        "KnownPartner": "a name, looked up for a record that was found before",
        "Pipeline": "the stages of deals are known to all who sell",
        "LostReason": "the list of reasons is no secret",
        "Competitor": "by right",
        "CompetitorProduct": "of a competitor",
        "LeadScoringPolicy": "the rules of the score are known to whom they are applied",
        "CommissionRule": "the rules of commission are known to whom they are applied",
        "CommissionPeriod": "the months of the ledger",
        "ForecastSnapshot": "the days on which forecasts were kept",
        "LeadRoutingPolicy": "by right",
        "RoutingTeam": "by right",
        "RoutingMember": "by right",
        "RoutingBalance": "read under the lock of its team, to share the team's leads",
    },
    "contract": {
        "ApprovalPolicy": "the rules of approval are known to whom they are applied",
        "KnownCustomer": "a name, looked up for a contract that was found before",
        "KnownOrder": "used by consumers",
        "KnownReceipt": "used by consumers",
    },
    "service_desk": {
        "SlaCalendar": "working hours are no secret",
        "SlaPolicy": "what we promise is no secret",
        "KnownPartner": "a name, looked up for a record that was found before",
    },
    "reporting": {
        "Product": "a name, looked up for a figure that was computed before",
        "Person": "a name, looked up for a figure that was computed before",
        "Department": "a name, looked up for a figure that was computed before",
        "Region": "a name, looked up for a figure that was computed before",
        "Partner": "a name, looked up for a figure; the list of active ones is narrowed by hand",
        "WorkerSeen": "how fresh the figures are",
    },
}
"""Mapped classes that are not narrowed, and why that is right."""


def mapped_classes(package: str) -> list[type]:
    # Loading a service imports all of its models.
    load_one(package)
    base = import_module(f"{package}.db").Base
    return [mapper.class_ for mapper in base.registry.mappers]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_table_is_narrowed_or_said_to_be_for_everybody(package):
    for mapped in mapped_classes(package):
        if is_scoped(mapped) or hasattr(mapped, "__seen_with__"):
            assert mapped.__name__ not in FOR_EVERYBODY[package], mapped
        else:
            assert mapped.__name__ in FOR_EVERYBODY[package], f"whose are the rows of {mapped}?"


def operations(app: Any) -> list[tuple[str, str, str]]:
    """Method, path with ids filled in, and operation, of the service's OpenAPI document."""
    found = []
    for path, methods in app.openapi()["paths"].items():
        filled = re.sub(r"\{[^}]+\}", str(new_id()), path)
        for method, operation in methods.items():
            found.append((method.upper(), filled, operation["operationId"]))
    return found


async def answers(client: httpx.AsyncClient, app: Any) -> dict[str, int]:
    """The status of every operation for this client, with an empty body."""
    return {
        operation: (await client.request(method, path)).status_code
        for method, path, operation in operations(app)
    }


@pytest.mark.parametrize("package", PACKAGES)
async def test_every_operation_asks_for_its_right(guard: Guard, package):
    guarded = await guard(package)
    policy = guarded.app.state.policy
    nobody, powerless = guarded.client(), (await guarded.signed_in("nothing.at.all"))[0]

    without_token = await answers(nobody, guarded.app)
    without_right = await answers(powerless, guarded.app)

    assert without_token.keys() <= policy.keys()
    for operation in without_token:
        if policy[operation] == PUBLIC:
            continue
        assert without_token[operation] == 401, operation
        if policy[operation] == SIGNED_IN:
            assert without_right[operation] not in (401, 403), operation
        else:
            assert without_right[operation] == 403, operation


@pytest.mark.parametrize("package", PACKAGES)
async def test_each_right_opens_its_operations_and_no_others(guard: Guard, package):
    guarded = await guard(package)
    policy = guarded.app.state.policy
    service = package.replace("_", "-")
    rights = sorted(set(policy.values()) - {PUBLIC, SIGNED_IN, INTERNAL})
    for right in rights:
        client, _ = await guarded.signed_in(f"{service}.{right}")
        for operation, status in (await answers(client, guarded.app)).items():
            if policy[operation] in (PUBLIC, SIGNED_IN):
                continue
            assert (status == 403) == (policy[operation] != right), (right, operation, status)


@pytest.mark.parametrize("package", PACKAGES)
def test_what_is_public_is_meant_to_be(package):
    meant = {
        "service_desk": {"answer_survey"},
        "reporting": {"show_dashboard", "get_page_file"},
        "channel": {"issue_token", "revoke_token", "list_public_keys", "get_sign_in_metadata"},
    }
    policy = import_module(f"{package}.policy").POLICY

    public = {operation for operation, right in policy.items() if right == PUBLIC}
    assert public == meant.get(package, set())

"""What every endpoint of every service promises, by construction and not by memory."""

import re

import pytest

from common.api_files import openapi_of
from common.testing.service import settings_for
from fairway.services import load

NOWHERE = "postgresql://nobody@localhost/none"
ONE_THING = re.compile(r"/[a-z-]+/v1/[a-z-]+/\{\w+_id\}(:[a-z-]+)?$")
CONTENDED = {
    *(
        f"/{service}/v1/custom-fields/{{custom_field_id}}"
        for service in ("channel", "contract", "customer", "sales", "service-desk")
    ),
    "/contract/v1/contracts/{contract_id}",
    "/customer/v1/assessment-policies/{policy_id}",
    "/customer/v1/pool-policies/{policy_id}",
    "/customer/v1/reminder-rules/{rule_id}",
    "/customer/v1/verification-policies/{policy_id}",
    "/sales/v1/commission-rules/{rule_id}",
    "/sales/v1/competitors/{competitor_id}",
    "/sales/v1/lead-routing-policies/{policy_id}",
    "/sales/v1/lead-scoring-policies/{policy_id}",
    "/sales/v1/orders/{order_id}",
    "/sales/v1/pipelines/{pipeline_id}",
    "/sales/v1/price-lists/{price_list_id}",
    "/sales/v1/quotes/{quote_id}",
    "/sales/v1/routing-members/{member_id}",
}
"""What is changed by replacing whole lists, or by who has read what the rules say now."""


def operations():
    for entry in load():
        document = openapi_of(entry.create_app(settings_for(entry, NOWHERE), None))
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                yield pytest.param(document, path, method, operation, id=f"{method} {path}")


OPERATIONS = list(operations())


def answer_schema(document, operation):
    """The schema of the successful answer, and what its headers are."""
    status = next(code for code in operation["responses"] if code.startswith("2"))
    answer = operation["responses"][status]
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema, answer.get("headers", {})


def headers_in(operation):
    return {
        parameter["name"]: parameter["required"]
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "header"
    }


@pytest.mark.capability("P-12")
@pytest.mark.parametrize(("document", "path", "method", "operation"), OPERATIONS)
def test_what_has_a_version_has_an_etag(document, path, method, operation):
    schema, headers = answer_schema(document, operation)
    has_version = {"id", "version"} <= schema.get("properties", {}).keys()

    assert ("ETag" in headers) is has_version
    if ONE_THING.match(path) and method != "get":
        assert "If-Match" in headers_in(operation)


@pytest.mark.capability("P-12")
def test_what_is_replaced_list_by_list_needs_to_have_been_read():
    required = {
        path
        for _, path, method, operation in (case.values for case in OPERATIONS)
        if method == "patch" and headers_in(operation).get("If-Match")
    }

    assert required == CONTENDED


@pytest.mark.capability("P-12")
@pytest.mark.parametrize(("document", "path", "method", "operation"), OPERATIONS)
def test_a_change_of_a_list_of_things_is_a_contended_one(document, path, method, operation):
    """A PATCH that takes a list of objects replaces what others may have added to it."""
    if method != "patch":
        return
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    schema = document["components"]["schemas"][body["$ref"].rsplit("/", 1)[1]]
    replaces = [
        name
        for name, field in schema["properties"].items()
        for kind in field.get("anyOf", [field])
        if "$ref" in kind.get("items", {})
    ]

    assert not replaces or path in CONTENDED, replaces


@pytest.mark.capability("C-06", "C-07")
@pytest.mark.parametrize(("document", "path", "method", "operation"), OPERATIONS)
def test_a_list_in_pages_links_to_the_next_one_and_counts_on_request(
    document, path, method, operation
):
    schema, headers = answer_schema(document, operation)
    in_pages = "next_cursor" in schema.get("properties", {})
    parameters = {parameter["name"] for parameter in operation.get("parameters", ())}

    assert ("Link" in headers) is in_pages
    assert ({"limit", "cursor", "include"} <= parameters) is in_pages

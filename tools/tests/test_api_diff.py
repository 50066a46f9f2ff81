"""What may change in an API after a release, and what may not."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from tools import api_diff, asyncapi
from tools.tree import Service

# ---------------------------------------------------------------------------------- events

QUOTE_ACCEPTED: dict[str, Any] = {
    "type": "object",
    "properties": {
        "customer_id": {"type": "string", "format": "uuid"},
        "total": {"type": "string", "description": "net"},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "kind": {"enum": ["new", "renewal"], "type": "string"},
        "lines": {"type": "array", "items": {"$ref": "#/components/schemas/Line"}},
    },
    "required": ["customer_id", "total", "kind", "lines"],
}
LINE: dict[str, Any] = {
    "type": "object",
    "properties": {"sku": {"type": "string"}, "quantity": {"type": "integer"}},
    "required": ["sku", "quantity"],
}


def an_asyncapi(
    *, said: dict[str, Any] | None = None, heard: tuple[str, ...] = (), line: Any = LINE
) -> dict[str, Any]:
    """A document as the services print it, with these events."""
    said = {"sales.quote.accepted.v1": QUOTE_ACCEPTED} if said is None else said
    messages = {
        name: {"name": name, "payload": {"$ref": f"#/components/schemas/{name}"}} for name in said
    }
    operations: dict[str, Any] = {}
    channels: dict[str, Any] = {}
    for name in [*said, *heard]:
        channels[name] = {
            "address": name,
            "messages": {"event": {"$ref": f"#/components/messages/{name}"}},
        }
        operations[f"on {name}" if name in heard else f"say {name}"] = {
            "action": "receive" if name in heard else "send",
            "channel": {"$ref": f"#/channels/{name}"},
        }
        messages.setdefault(name, {"name": name})
    return {
        "asyncapi": "3.0.0",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": {**said, "Line": line}},
    }


def changed(schema: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The schema with these fields; None takes one away."""
    schema = copy.deepcopy(schema)
    for name, field in fields.items():
        if field is None:
            del schema["properties"][name]
            schema["required"] = [other for other in schema["required"] if other != name]
        else:
            schema["properties"][name] = field
    return schema


def broken(new: dict[str, Any], *, line: Any = LINE, heard_by: Any = None) -> list[str]:
    return list(
        api_diff.broken_events(
            asyncapi.parse(an_asyncapi()),
            asyncapi.parse(an_asyncapi(said=new, line=line)),
            heard_by or {},
        )
    )


def test_an_event_that_did_not_change_is_kept():
    assert broken({"sales.quote.accepted.v1": QUOTE_ACCEPTED}) == []


def test_a_new_field_in_an_event_needs_nothing():
    event = changed(QUOTE_ACCEPTED, partner_id={"type": "string", "format": "uuid"})
    event["required"].append("partner_id")

    assert broken({"sales.quote.accepted.v1": event}) == []


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        (changed(QUOTE_ACCEPTED, total=None), "`total` is gone"),
        (changed(QUOTE_ACCEPTED, total={"type": "number"}), "`total` was string and is number now"),
        (
            changed(QUOTE_ACCEPTED, customer_id={"type": "string"}),
            "`customer_id` was string:uuid and is string now",
        ),
        (
            changed(QUOTE_ACCEPTED, note={"type": "string"}),
            "`note` was null or string and is string now",
        ),
        (
            {**QUOTE_ACCEPTED, "required": ["customer_id", "kind", "lines"]},
            "`total` was always there and is optional now",
        ),
        (
            changed(QUOTE_ACCEPTED, kind={"enum": ["new"], "type": "string"}),
            "`kind` has lost the value renewal",
        ),
        (
            changed(QUOTE_ACCEPTED, total={"enum": ["1", "2"], "type": "string"}),
            "`total` took any value and takes only 1 or 2 now",
        ),
    ],
)
def test_a_change_that_breaks_readers_of_an_event_is_found(event, problem):
    problems = broken({"sales.quote.accepted.v1": event})

    assert len(problems) == 1
    assert problems[0].startswith(f"sales.quote.accepted.v1: {problem}. Declare a new version")


def test_a_field_inside_a_list_is_kept_as_well():
    line = changed(LINE, quantity=None)

    problems = broken({"sales.quote.accepted.v1": QUOTE_ACCEPTED}, line=line)

    assert [problem.split(". ")[0] for problem in problems] == [
        "sales.quote.accepted.v1: `lines[].quantity` is gone"
    ]


def test_a_new_value_of_an_enum_is_allowed():
    event = changed(QUOTE_ACCEPTED, kind={"enum": ["new", "renewal", "trial"], "type": "string"})

    assert broken({"sales.quote.accepted.v1": event}) == []


def test_an_event_may_go_when_a_newer_version_is_said_and_nobody_hears_it():
    assert broken({"sales.quote.accepted.v2": QUOTE_ACCEPTED}) == []


def test_an_event_may_not_go_without_a_newer_version():
    problems = broken({"sales.quote.sent.v2": QUOTE_ACCEPTED})

    assert len(problems) == 1
    assert "gone without a newer version" in problems[0]


def test_an_event_may_not_go_while_somebody_hears_it():
    problems = broken(
        {"sales.quote.accepted.v2": QUOTE_ACCEPTED},
        heard_by={"sales.quote.accepted.v1": ["contract", "reporting"]},
    )

    assert len(problems) == 1
    assert "contract, reporting hears it" in problems[0]


def test_the_envelope_around_an_event_is_not_part_of_it():
    document = an_asyncapi()
    document["components"]["messages"]["sales.quote.accepted.v1"]["payload"] = {
        "allOf": [
            {"type": "object", "properties": {"specversion": {"const": "1.0"}, "id": {}}},
            {
                "type": "object",
                "properties": {"data": {"$ref": "#/components/schemas/sales.quote.accepted.v1"}},
            },
        ]
    }

    assert (
        asyncapi.parse(document).said["sales.quote.accepted.v1"].fields
        == asyncapi.parse(an_asyncapi()).said["sales.quote.accepted.v1"].fields
    )


def test_parts_that_stand_inside_the_schema_are_found_there():
    document = an_asyncapi()
    schemas = document["components"]["schemas"]
    quote = {**copy.deepcopy(QUOTE_ACCEPTED), "$defs": {"Line": LINE}}
    quote["properties"]["lines"]["items"] = {"$ref": "#/$defs/Line"}
    document["components"]["messages"]["sales.quote.accepted.v1"]["payload"] = quote
    del schemas["sales.quote.accepted.v1"], schemas["Line"]

    assert "lines[].sku" in asyncapi.parse(document).said["sales.quote.accepted.v1"].fields


def test_what_a_service_hears_needs_a_name_and_no_description():
    document = {
        "channels": {"*": {"address": "*", "messages": {}}},
        "operations": {"hear.*": {"action": "receive", "channel": {"$ref": "#/channels/*"}}},
    }

    assert asyncapi.parse(document) == asyncapi.EventApi({}, {"*": ""})


# ---------------------------------------------------------------------------------- endpoints

LEAD = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "status": {"enum": ["open", "lost"], "type": "string"},
        "email": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "parent": {"anyOf": [{"$ref": "#/components/schemas/Lead"}, {"type": "null"}]},
    },
    "required": ["name", "status"],
}


def an_openapi(
    *,
    read: Any = LEAD,
    create: Any = LEAD,
    parameters: Any = None,
    path: str = "/sales/v1/leads/{lead_id}",
    **operation: Any,
) -> dict[str, Any]:
    """A document with one endpoint that takes and answers a lead."""
    if parameters is None:
        parameters = [
            {"name": "lead_id", "in": "path", "required": True, "schema": {"type": "string"}},
            {"name": "sort", "in": "query", "schema": {"type": "string", "enum": ["name", "age"]}},
        ]
    endpoint = {
        "parameters": parameters,
        "requestBody": {"required": True, "content": {"application/json": {"schema": create}}},
        "responses": {
            "200": {"content": {"application/json": {"schema": read}}},
            "404": {"content": {}},
        },
        **operation,
    }
    return {"paths": {path: {"patch": endpoint}}, "components": {"schemas": {"Lead": LEAD}}}


def broken_api(new: dict[str, Any], old: dict[str, Any] | None = None) -> list[str]:
    problems = api_diff.broken_endpoints(old or an_openapi(), new)
    return [
        problem.split(". ")[0].removeprefix("PATCH /sales/v1/leads/{}: ") for problem in problems
    ]


def test_an_api_that_did_not_change_is_kept_also_when_its_schemas_contain_themselves():
    assert broken_api(an_openapi(read={"$ref": "#/components/schemas/Lead"}), an_openapi()) == []


def test_the_name_of_a_path_parameter_may_change():
    assert broken_api(an_openapi(path="/sales/v1/leads/{id}")) == []


def test_an_endpoint_that_is_gone_is_found():
    assert broken_api({"paths": {}}) == ["PATCH /sales/v1/leads/{} is gone"]


def test_an_endpoint_may_go_after_a_release_that_called_it_deprecated():
    assert broken_api({"paths": {}}, an_openapi(deprecated=True)) == []


@pytest.mark.parametrize(
    ("create", "problem"),
    [
        (
            {**changed(LEAD, owner={"type": "string"}), "required": ["name", "status", "owner"]},
            "`owner` is new and required",
        ),
        (
            {**LEAD, "required": ["name", "status", "email"]},
            "`email` was optional and is required now",
        ),
        (changed(LEAD, email=None), "`email` is gone"),
        (
            changed(LEAD, email={"type": "string"}),
            "`email` was null or string and is string now",
        ),
        (
            changed(LEAD, status={"enum": ["open"], "type": "string"}),
            "`status` has lost the value lost",
        ),
        (
            changed(LEAD, name={"enum": ["a"], "type": "string"}),
            "`name` took any value and takes only a now",
        ),
    ],
)
def test_a_request_that_was_good_and_is_refused_now_is_found(create, problem):
    assert broken_api(an_openapi(create=create)) == [problem]


def test_a_request_may_take_more_than_before():
    create = changed(
        LEAD,
        owner={"type": "string"},
        name={"anyOf": [{"type": "string"}, {"type": "null"}]},
        status={"type": "string"},
    )
    create["required"] = ["name"]

    assert broken_api(an_openapi(create=create)) == []


@pytest.mark.parametrize(
    ("read", "problem"),
    [
        (changed(LEAD, name=None), "in the answer 200, `name` is gone"),
        (
            changed(LEAD, name={"type": "integer"}),
            "in the answer 200, `name` was string and is integer now",
        ),
        (
            changed(LEAD, name={"anyOf": [{"type": "string"}, {"type": "null"}]}),
            "in the answer 200, `name` was string and is null or string now",
        ),
        (
            {**LEAD, "required": ["name"]},
            "in the answer 200, `status` was always there and is optional now",
        ),
        (
            changed(LEAD, status={"enum": ["open"], "type": "string"}),
            "in the answer 200, `status` has lost the value lost",
        ),
    ],
)
def test_an_answer_that_says_less_than_before_is_found(read, problem):
    assert broken_api(an_openapi(read=read)) == [problem]


def test_an_answer_may_say_more_and_be_more_exact():
    read = changed(LEAD, owner={"type": "string"}, email={"type": "string"})

    assert broken_api(an_openapi(read=read)) == []


def test_a_field_may_go_from_an_answer_after_a_release_that_called_it_deprecated():
    old = changed(LEAD, email={"type": "string", "deprecated": True})

    assert broken_api(an_openapi(read=changed(LEAD, email=None)), an_openapi(read=old)) == []


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ([], "`sort` is gone"),
        (
            [
                {
                    "name": "sort",
                    "in": "query",
                    "schema": {"type": "string", "enum": ["name", "age"]},
                },
                {"name": "region", "in": "query", "required": True, "schema": {"type": "string"}},
            ],
            "`region` is new and required",
        ),
        (
            [{"name": "sort", "in": "query", "schema": {"type": "string", "enum": ["name"]}}],
            "`sort` has lost the value age",
        ),
    ],
)
def test_a_query_that_was_good_and_is_refused_now_is_found(parameters, problem):
    assert broken_api(an_openapi(parameters=parameters)) == [problem]


def test_an_answer_of_another_status_or_format_is_found():
    schema = {"schema": LEAD}

    assert broken_api(an_openapi(responses={"201": {"content": {"application/json": schema}}})) == [
        "the answer 200 is gone"
    ]
    assert broken_api(an_openapi(responses={"200": {"content": {"text/csv": schema}}})) == [
        "the answer 200 no longer comes as application/json"
    ]


def test_a_body_that_becomes_required_is_found():
    body = {"content": {"application/json": {"schema": LEAD}}}

    assert broken_api(an_openapi(), an_openapi(requestBody=body)) == ["a body is required now"]


# ---------------------------------------------------------------------------------- releases


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("contract", "sales"):
        (tmp_path / "services" / name / "api").mkdir(parents=True)
    write(tmp_path, "sales", an_openapi(), an_asyncapi())
    write(tmp_path, "contract", {"paths": {}}, an_asyncapi(said={}))
    return tmp_path


def write(root: Path, name: str, openapi: dict[str, Any], events: dict[str, Any]) -> None:
    api = root / "services" / name / "api"
    (api / "openapi.json").write_text(json.dumps(openapi))
    (api / "asyncapi.json").write_text(json.dumps(events))


def test_a_service_that_was_never_released_may_change_as_it_likes(root):
    write(root, "sales", {"paths": {}}, an_asyncapi(said={}))

    assert api_diff.broken_promises(root) == []


def test_what_was_released_is_kept(root):
    api_diff.release(Service("sales", root / "services" / "sales"))
    write(root, "sales", {"paths": {}}, an_asyncapi(said={"sales.quote.accepted.v2": LINE}))
    write(root, "contract", {"paths": {}}, an_asyncapi(said={}, heard=("sales.quote.accepted.v1",)))

    problems = api_diff.broken_promises(root)

    assert [problem.split(". ")[0] for problem in problems] == [
        "sales.quote.accepted.v1 is gone, and contract hears it",
        "sales: PATCH /sales/v1/leads/{} is gone",
    ]

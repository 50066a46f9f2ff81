"""A client that is generated from our OpenAPI document, and what a program does with it."""

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import httpx
import pytest
from openapi_python_client import generate
from openapi_python_client.config import Config, ConfigFile, MetaType

PASSWORD = "correct-horse-battery"
PACKAGE = "generated_fairway_client"


@pytest.fixture
def guarded(own_suite):
    """A suite that asks for tokens, with the first administrator's password."""
    own_suite.environment["FAIRWAY_ADMIN_PASSWORD"] = PASSWORD
    own_suite.start("--empty", "--sign-in")
    return own_suite


@pytest.fixture
def generated(guarded, tmp_path, monkeypatch) -> Iterator[ModuleType]:
    """The client's package, generated without a warning from the document of the whole suite."""
    document = tmp_path / "openapi.json"
    document.write_bytes(httpx.get(f"{guarded.url}/openapi.json", trust_env=False).content)
    faults = generate(
        config=Config.from_sources(
            # Nobody reads it, so nobody has to format it.
            ConfigFile(post_hooks=[]),
            MetaType.NONE,
            document_source=document,
            file_encoding="utf-8",
            overwrite=False,
            output_path=tmp_path / PACKAGE,
        )
    )
    assert [f"{fault.header} {fault.detail}" for fault in faults] == []
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module(PACKAGE)
    for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
        del sys.modules[name]


class Caller:
    """Calls operations of the generated client by their names in the document."""

    def __init__(self, generated: ModuleType, client: Any) -> None:
        self._generated = generated
        self._client = client

    def close(self) -> None:
        """Give the connections back."""
        self._client.get_httpx_client().close()

    def model(self, name: str) -> Any:
        """A class of the client."""
        return getattr(importlib.import_module(f"{PACKAGE}.models"), name)

    def __call__(self, tag: str, operation: str, *named: Any, **values: Any) -> Any:
        """The detailed answer: status, headers, and what was made of the body."""
        module = importlib.import_module(f"{PACKAGE}.api.{tag}.{operation}")
        return module.sync_detailed(*named, client=self._client, **values)


@pytest.mark.capability("P-19")
def test_a_generated_client_sells_from_the_lead_to_the_deal(guarded, generated, request):
    settings = {"timeout": httpx.Timeout(30), "httpx_args": {"trust_env": False}}
    nobody = Caller(generated, generated.Client(base_url=guarded.url, **settings))
    tokens = nobody(
        "channel_sign_in",
        "channel_issue_token",
        body=nobody.model("ChannelTokenRequest")(
            grant_type="password", username="admin", password=PASSWORD
        ),
    ).parsed
    request.addfinalizer(nobody.close)
    call = Caller(
        generated,
        generated.AuthenticatedClient(base_url=guarded.url, token=tokens.access_token, **settings),
    )
    request.addfinalizer(call.close)

    # A customer, and pages of them by cursor.
    new_customer = call.model("CustomerCustomerCreate")
    made = [
        call("customer_customers", "customer_create_customer", body=new_customer(name=name))
        for name in ("远航机电", "海达经销", "宏达贸易")
    ]
    assert [answer.status_code for answer in made] == [201, 201, 201]
    seen, cursor = [], None
    while True:
        more = {} if cursor is None else {"cursor": cursor}
        page = call("customer_customers", "customer_list_customers", limit=2, **more).parsed
        seen += [row.id for row in page.data]
        if not page.has_more:
            break
        cursor = page.next_cursor
    assert sorted(seen) == sorted(answer.parsed.id for answer in made)

    # A change, and the same change of an older version.
    customer, etag = made[0].parsed, made[0].headers["etag"]
    change = call.model("CustomerCustomerUpdate")(city="杭州")
    changed = call(
        "customer_customers", "customer_update_customer", customer.id, body=change, if_match=etag
    )
    stale = call(
        "customer_customers", "customer_update_customer", customer.id, body=change, if_match=etag
    )
    assert (changed.status_code, changed.parsed.city) == (200, "杭州")
    assert stale.status_code == 412
    assert isinstance(stale.parsed, call.model("CustomerProblem"))
    assert stale.parsed.code == "precondition_failed"

    # What is sold to them.
    lead = call(
        "sales_leads",
        "sales_capture_lead",
        body=call.model("SalesLeadCapture").from_dict(
            {"name": "远航机电", "source": "fair", "kind": "company", "phone": "0571-87654321"}
        ),
    )
    deal = call(
        "sales_opportunities",
        "sales_open_opportunity",
        body=call.model("SalesOpportunityOpen").from_dict({"name": "设备采购"}),
    )
    assert (lead.status_code, deal.status_code) == (201, 201), (lead.content, deal.content)
    assert deal.parsed.stage

    refused = nobody("customer_customers", "customer_list_customers")
    assert refused.status_code == 401
    assert refused.parsed.code == "not_signed_in"

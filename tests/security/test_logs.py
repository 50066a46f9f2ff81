"""What is logged of requests that fail: which, how and where to look, and nothing that was sent."""

import io
import logging
from collections.abc import Callable, Iterator

import pytest
import structlog

from common import telemetry
from common.ids import new_id

from ..access.conftest import Guard

pytestmark = pytest.mark.capability("N10")

PRIVATE = ("绝密联系人", "13812345678", "wang.fang@secret.example", "correct-horse-battery")
CUSTOMERS = "/customer/v1/customers"


@pytest.fixture
def written(monkeypatch) -> Iterator[Callable[[], str]]:
    """What was logged since, at the most talkative level."""
    before = structlog.get_config()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    lines = io.StringIO()
    monkeypatch.setattr("sys.stderr", lines)
    telemetry.configure_logging("customer", "DEBUG")
    structlog.configure(cache_logger_on_first_use=False)
    yield lines.getvalue
    structlog.configure(**before)
    root.handlers[:], root.level = handlers, level


async def test_no_refusal_or_fault_writes_what_was_sent(guard: Guard, written, capfd, monkeypatch):
    guarded = await guard("customer")
    client, account = await guarded.signed_in("*")
    token = guarded.issuer.token(account)
    name, phone, email, password = PRIVATE
    body = {"name": name, "phone": phone, "email": email}
    statuses = [
        (await client.post(CUSTOMERS, json=body | {"password": password})).status_code,
        (await client.post(CUSTOMERS, content=str(body).encode())).status_code,
        (await client.get(CUSTOMERS, params={"cursor": email})).status_code,
        (await client.get(CUSTOMERS, params={"phone_number": phone})).status_code,
        (await client.patch(f"{CUSTOMERS}/{new_id()}", json=body)).status_code,
        (await guarded.client().get(f"{CUSTOMERS}?q={name}")).status_code,
        (
            await guarded.client().get(
                CUSTOMERS, headers={"Authorization": f"Bearer {token[:-4]}AAAA"}
            )
        ).status_code,
    ]

    async def fails(*_: object, **__: object) -> None:
        raise RuntimeError("the database said something")

    monkeypatch.setattr("customer.customers.routes.customers.create_customer", fails)
    fault = await client.post(CUSTOMERS, json=body)
    said = written() + "".join(capfd.readouterr())

    assert statuses == [422, 415, 400, 422, 404, 401, 401]
    assert fault.status_code == 500
    assert fault.json()["request_id"] in said
    for private in (*PRIVATE, token, token[-40:], token.split(".")[1]):
        assert private not in said
        assert private not in fault.text

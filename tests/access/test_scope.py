"""Who sees which rows: every way of reading gives what an independent oracle allows."""

import json
import random
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from sqlalchemy import text

from common.ids import new_id
from common.imports.jobs import ImportRunner
from customer.imports.targets import TARGETS

from .conftest import Guard, Guarded

CUSTOMERS = "/customer/v1/customers"
SCOPES = ("own", "department", "subtree", "territory", "partner", "all")


@dataclass
class World:
    """An organisation, its records, and what each account may see of them, said a second time."""

    guarded: Guarded
    dice: random.Random
    above: dict[UUID, UUID | None] = field(default_factory=dict)
    regions_above: dict[UUID, UUID | None] = field(default_factory=dict)
    employees: dict[UUID, UUID] = field(default_factory=dict)
    partners: list[UUID] = field(default_factory=list)
    records: dict[UUID, dict[str, UUID | None]] = field(default_factory=dict)

    async def settle(self) -> None:
        for _ in range(6):
            parent = self.dice.choice([None, *self.above])
            self.above[await self.guarded.department(parent)] = parent
        for _ in range(5):
            parent = self.dice.choice([None, *self.regions_above])
            self.regions_above[await self.guarded.territory(parent)] = parent
        for _ in range(6):
            office = self.dice.choice(list(self.above))
            self.employees[await self.guarded.employee(office)] = office
        self.partners = [new_id() for _ in range(3)]

    async def fill(self, client, count: int) -> None:
        for number in range(count):
            owner = self.dice.choice([None, *self.employees])
            belongs = {
                "owner_id": owner,
                "department_id": self.dice.choice([None, *self.above]),
                "region_id": self.dice.choice([None, *self.regions_above]),
                "partner_id": self.dice.choice([None, *self.partners]),
            }
            sent = {name: str(value) for name, value in belongs.items() if value is not None}
            answer = await client.post(CUSTOMERS, json={"name": f"客户 {number:03d}", **sent})
            assert answer.status_code == 201, answer.text
            self.records[UUID(answer.json()["id"])] = belongs

    def allowed(self, scopes, *, employee, regions, partner) -> set[UUID]:
        """The records for these scopes of a reading role."""
        return {
            record
            for record, belongs in self.records.items()
            if self._fits(belongs, scopes, employee, regions, partner)
        }

    def _fits(self, belongs, scopes, employee, regions, partner) -> bool:
        if partner is not None:
            return belongs["partner_id"] == partner
        if "all" in scopes or (employee is not None and belongs["owner_id"] == employee):
            return True
        home = self.employees.get(employee)
        place = belongs["department_id"]
        if place is not None and home is not None:
            if "department" in scopes and place == home:
                return True
            if "subtree" in scopes and self._is_below(place, {home}, self.above):
                return True
        region = belongs["region_id"]
        return (
            "territory" in scopes
            and region is not None
            and self._is_below(region, set(regions), self.regions_above)
        )

    @staticmethod
    def _is_below(place, tops, above) -> bool:
        while place is not None:
            if place in tops:
                return True
            place = above[place]
        return False


async def walked(client, path: str, **parameters) -> tuple[list[str], set[int]]:
    """The ids of a list, page by page, and every total that was told."""
    ids, totals, cursor = [], set(), None
    while True:
        query = {**parameters, "limit": 3, "include": "total"}
        if cursor:
            query["cursor"] = cursor
        answer = await client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        ids += [row["id"] for row in page["data"]]
        totals.add(page["total"])
        cursor = page["next_cursor"]
        if cursor is None:
            return ids, totals


@pytest.mark.capability("X-05")
@pytest.mark.capability("N10")
@pytest.mark.capability("C-08")
@pytest.mark.parametrize("turn", range(4))
async def test_every_read_gives_exactly_what_the_oracle_allows(guard: Guard, turn, seed, verdict):
    guarded = await guard("customer")
    world = World(guarded, random.Random(seed + turn))
    await world.settle()
    operator, _ = await guarded.signed_in("*")
    await world.fill(operator, 24)
    looked = 0
    for _ in range(12):
        scopes = world.dice.sample(SCOPES, world.dice.randint(1, 2))
        employee = world.dice.choice([None, *world.employees])
        partner = world.dice.choice(world.partners) if world.dice.random() < 0.3 else None
        regions = world.dice.sample(list(world.regions_above), world.dice.randint(1, 2))
        roles = [await guarded.role("customer.customers.*", scope=scope) for scope in scopes]
        account = await guarded.account(
            *roles,
            employee_id=None if partner else employee,
            partner_id=partner,
            region_ids=regions,
        )
        client = guarded.client(account)
        allowed = world.allowed(
            scopes, employee=None if partner else employee, regions=regions, partner=partner
        )

        ids, totals = await walked(client, CUSTOMERS, sort="name")
        assert {UUID(one) for one in ids} == allowed
        assert len(ids) == len(allowed)
        assert totals == {len(allowed)}
        found, totals = await walked(client, CUSTOMERS, q="客户 00")
        assert {UUID(one) for one in found} <= allowed
        assert totals == {len(found)}
        for record in world.records:
            one = await client.get(f"{CUSTOMERS}/{record}")
            assert one.status_code == (200 if record in allowed else 404)
            looked += 1
    verdict("every read against the oracle", reads=looked, records=len(world.records))


@pytest.fixture
async def two_partners(guard: Guard):
    guarded = await guard("customer")
    ours, theirs = new_id(), new_id()
    dealer, _ = await guarded.signed_in("customer.*", scope="partner", partner_id=ours)
    other, _ = await guarded.signed_in("customer.*", scope="partner", partner_id=theirs)
    return guarded, dealer, other, theirs


@pytest.mark.capability("X-05")
async def test_a_dealer_writes_only_for_its_own_partner(two_partners):
    _, dealer, _, theirs = two_partners

    mine = await dealer.post(CUSTOMERS, json={"name": "海达"})
    foreign = await dealer.post(CUSTOMERS, json={"name": "海达", "partner_id": str(theirs)})
    assert mine.status_code == 201
    assert foreign.status_code == 403
    assert foreign.json()["code"] == "outside_own_scope"

    given_away = await dealer.patch(
        f"{CUSTOMERS}/{mine.json()['id']}", json={"partner_id": str(theirs)}
    )
    assert given_away.status_code == 403
    assert (await dealer.get(f"{CUSTOMERS}/{mine.json()['id']}")).json()["version"] == 1


@pytest.mark.capability("X-05")
async def test_another_partners_record_is_not_there_whatever_is_done_to_it(two_partners):
    guarded, dealer, other, _ = two_partners
    record = (await other.post(CUSTOMERS, json={"name": "金桥"})).json()
    contact = await other.post(
        "/customer/v1/contacts", json={"customer_id": record["id"], "name": "王芳"}
    )
    path = f"{CUSTOMERS}/{record['id']}"
    events = await _count_events(guarded)
    own = (await dealer.post(CUSTOMERS, json={"name": "海达"})).json()
    events += 1

    for method, url, body in (
        ("GET", path, None),
        ("PATCH", path, {"name": "x"}),
        ("DELETE", path, None),
        ("POST", f"{path}:restore", None),
        (
            "POST",
            f"{path}:transfer",
            {"owner_id": None, "department_id": str(new_id()), "reason": "x"},
        ),
        ("GET", f"{path}/subsidiaries", None),
        ("GET", f"/customer/v1/contacts/{contact.json()['id']}", None),
        ("POST", "/customer/v1/contacts", {"customer_id": record["id"], "name": "x"}),
        (
            "POST",
            "/customer/v1/interactions",
            {
                "customer_id": record["id"],
                "channel": "phone",
                "subject": "x",
                "occurred_at": "2026-03-02T09:30:00Z",
            },
        ),
        ("PATCH", f"{CUSTOMERS}/{own['id']}", {"parent_id": record["id"]}),
    ):
        answer = await dealer.request(method, url, json=body)
        assert answer.status_code in (404, 422), (method, url, answer.text)
        assert "金桥" not in answer.text

    probe = await dealer.get(path, headers={"If-None-Match": '"1"'})
    assert probe.status_code == 404
    listed = await dealer.get(CUSTOMERS, params={"parent_id": record["id"], "include": "total"})
    assert listed.json()["total"] == 0
    assert await _count_events(guarded) == events


@pytest.mark.capability("X-05")
async def test_what_somebody_makes_is_theirs_where_they_see_only_their_own(guard: Guard):
    guarded = await guard("customer")
    office = await guarded.department()
    person = await guarded.employee(office)
    client, _ = await guarded.signed_in("customer.*", scope="own", employee_id=person)

    made = await client.post(CUSTOMERS, json={"name": "海达"})

    assert made.status_code == 201
    assert (made.json()["owner_id"], made.json()["department_id"]) == (str(person), str(office))
    assert (await client.get(f"{CUSTOMERS}/{made.json()['id']}")).status_code == 200


@pytest.mark.capability("X-03")
@pytest.mark.capability("C-09")
async def test_who_moves_in_the_tree_sees_by_the_tree_as_it_stands_now(guard: Guard):
    guarded = await guard("customer")
    top = await guarded.department()
    east, west = await guarded.department(top), await guarded.department(top)
    shop = await guarded.department(east)
    leader = await guarded.employee(east)
    operator, _ = await guarded.signed_in("*")
    made = await operator.post(CUSTOMERS, json={"name": "海达", "department_id": str(shop)})
    client, _ = await guarded.signed_in("customer.*", scope="subtree", employee_id=leader)
    assert [row["id"] for row in (await client.get(CUSTOMERS)).json()["data"]] == [
        made.json()["id"]
    ]

    await guarded.department(west, department_id=shop)
    guarded.forget()

    assert (await client.get(CUSTOMERS)).json()["data"] == []


async def _count_events(guarded: Guarded) -> int:
    async with guarded.database.reading() as session:
        return (await session.execute(text("SELECT count(*) FROM event_log"))).scalar_one()


@pytest.mark.capability("X-05")
async def test_an_import_writes_and_shows_what_its_sender_may(two_partners):
    guarded, dealer, other, theirs = two_partners
    await _import(dealer, "name,external_id,partner_id\n海达,1,\n金桥,2," + str(theirs))
    while await ImportRunner(TARGETS)(guarded.database):
        pass

    (job,) = (await dealer.get("/customer/v1/imports")).json()
    assert (job["created"], job["rejected"]) == (1, 1)
    rows = (await dealer.get(f"/customer/v1/imports/{job['id']}/rows")).json()["data"]
    assert [row["code"] for row in rows] == [None, "outside_own_scope"]
    assert [row["name"] for row in (await dealer.get(CUSTOMERS)).json()["data"]] == ["海达"]

    assert (await other.get("/customer/v1/imports")).json() == []
    for part in ("", "/rows", "/error-file"):
        hidden = await other.get(f"/customer/v1/imports/{job['id']}{part}")
        assert hidden.status_code == 404


@pytest.mark.capability("X-05")
async def test_an_import_needs_the_right_to_what_it_writes(guard: Guard):
    guarded = await guard("customer")
    client, _ = await guarded.signed_in("customer.imports.*")

    refused = await _import(client, "name,external_id\n海达,1")

    assert refused.status_code == 403
    assert refused.json()["right"] == "customer.customers.write"


async def _import(client, content: str):
    fields = {name: {"column": name} for name in content.splitlines()[0].split(",")}
    return await client.post(
        "/customer/v1/imports",
        files={"file": ("customers.csv", content.encode())},
        data={
            "target": "customers",
            "mapping": json.dumps({"external_source": "old", "fields": fields}),
        },
    )

import pytest

from common.testing.service import said

from ..builders import (
    a_created_product,
    a_known_employee,
    a_stage,
    an_opened_opportunity,
    posted,
)

PIPELINES = "/sales/v1/pipelines"


def the_stages(*, limit_days=10):
    return [
        a_stage(
            "survey",
            moves=("tender", "lost", "won"),
            exit_activities=("site_visit",),
            limit_days=limit_days,
        ).model_dump(mode="json"),
        a_stage("tender", moves=("survey", "won", "lost")).model_dump(mode="json"),
    ]


async def a_published_pipeline(client, **values):
    draft = await posted(
        client, "pipelines", **{"code": "tenders", "name": "招标", "stages": the_stages(), **values}
    )
    return await posted(client, f"pipelines/{draft['id']}:publish", 200)


@pytest.mark.capability("SAL-08")
async def test_new_deals_begin_by_the_newest_version_and_running_ones_keep_theirs(client, session):
    product = await a_created_product(client, series="GTX")
    first = await a_published_pipeline(client, product_series=["GTX"])
    running = await an_opened_opportunity(client, product_id=product["id"])
    second = await a_published_pipeline(
        client, product_series=["GTX"], stages=the_stages(limit_days=20)
    )

    new = await an_opened_opportunity(client, product_id=product["id"])
    other = await an_opened_opportunity(client)
    kept = (await client.get(f"/sales/v1/opportunities/{running['id']}")).json()

    assert (kept["pipeline_id"], kept["pipeline_version"]) == (first["id"], 1)
    assert (new["pipeline_id"], new["pipeline_version"], new["stage"]) == (
        second["id"],
        2,
        "survey",
    )
    assert (other["pipeline_code"], other["pipeline_version"], other["stage"]) == (
        "default",
        1,
        "prospecting",
    )
    assert (kept["stalls_on"], new["stalls_on"]) == ("2026-01-15", "2026-01-25")
    assert [
        event["pipeline_version"] for event in await said(session, "sales.pipeline.published.v1")
    ] == [1, 2]


@pytest.mark.capability("SAL-08")
async def test_a_running_deal_is_brought_to_another_version_by_a_command(client, session):
    pipeline = await a_published_pipeline(client, product_series=["GTX"])
    deal = await an_opened_opportunity(client)

    moved = await posted(
        client,
        f"opportunities/{deal['id']}:migrate",
        200,
        pipeline_id=pipeline["id"],
        stage="survey",
        changed_on="2026-01-20",
        reason="now a tender",
    )
    back = await posted(
        client, f"opportunities/{deal['id']}:migrate", 200, pipeline_id=None, stage="engaging"
    )

    assert (moved["pipeline_code"], moved["stage"]) == ("tenders", "survey")
    assert (back["pipeline_code"], back["pipeline_id"], back["stage"]) == (
        "default",
        None,
        "engaging",
    )
    history = (await client.get(f"/sales/v1/opportunities/{deal['id']}/history")).json()
    first = history["stages"][0]
    assert (first["stage"], first["days"], first["reason"]) == ("prospecting", 15, "now a tender")
    assert len(await said(session, "sales.opportunity.pipeline_changed.v1")) == 2


@pytest.mark.capability("SAL-07")
async def test_a_stage_is_left_after_the_activity_it_asks_for_was_done_in_this_stay(client, hear):
    await a_published_pipeline(client)
    owner_id = await a_known_employee(hear)
    deal = await an_opened_opportunity(client, pipeline_code="tenders", owner_id=owner_id)
    path = f"opportunities/{deal['id']}"

    async def move(stage):
        return await client.post(f"/sales/v1/{path}:move", json={"stage": stage})

    planned = await posted(
        client, f"{path}/activities", kind="site_visit", subject="现场勘察", due_on="2026-02-01"
    )
    refused = await move("tender")
    done = await posted(
        client, f"opportunities/activities/{planned['id']}:complete", 200, result="可行"
    )
    again = await client.post(
        f"/sales/v1/opportunities/activities/{planned['id']}:complete", json={"result": "x"}
    )

    assert (refused.status_code, refused.json()["code"]) == (409, "activities_not_done")
    assert (planned["assignee_id"], done["state"], done["result"]) == (owner_id, "done", "可行")
    assert again.json()["code"] == "activity_not_planned"
    assert (await move("tender")).status_code == 200
    listed = (
        await client.get(f"/sales/v1/opportunities/activities?opportunity_id={deal['id']}")
    ).json()["data"]
    assert [(row["stage"], row["kind"], row["result"]) for row in listed] == [
        ("survey", "site_visit", "可行")
    ]


@pytest.mark.capability("SAL-12")
async def test_the_funnel_is_told_by_pipeline(client):
    await a_published_pipeline(client, product_series=["GTX"])
    await an_opened_opportunity(client)
    deal = await an_opened_opportunity(client, pipeline_code="tenders", stage="tender")
    await posted(client, f"opportunities/{deal['id']}:win", 200, amount="5.00")

    funnel = (await client.get("/sales/v1/opportunities/conversion?pipeline_code=tenders")).json()

    assert [(stage["stage"], stage["reached"]) for stage in funnel["stages"]] == [
        ("survey", 1),
        ("tender", 1),
    ]
    assert (funnel["opened"], funnel["win_rate"]) == (1, "1.0000")


@pytest.mark.capability("SAL-08")
async def test_no_deal_begins_by_a_draft_or_by_a_version_that_was_withdrawn(client):
    draft = await posted(client, "pipelines", code="tenders", name="招标", stages=the_stages())
    body = {"name": "设备采购", "pipeline_code": "tenders"}
    assert (await client.post("/sales/v1/opportunities", json=body)).json()["code"] == (
        "pipeline_not_known"
    )

    await posted(client, f"pipelines/{draft['id']}:publish", 200)
    assert (await client.post("/sales/v1/opportunities", json=body)).status_code == 201

    await posted(client, f"pipelines/{draft['id']}:withdraw", 200)
    assert (await client.post("/sales/v1/opportunities", json=body)).status_code == 422


async def test_a_draft_is_changed_and_listed(client):
    draft = await posted(client, "pipelines", code="default", name="招标", stages=the_stages())

    changed = await client.patch(
        f"{PIPELINES}/{draft['id']}", json={"name": "大项目"}, headers={"If-Match": '"1"'}
    )
    listed = (await client.get(f"{PIPELINES}?code=default")).json()["data"]

    # Version 1 of the default pipeline is built in.
    assert (changed.status_code, draft["pipeline_version"]) == (200, 2)
    assert [(row["name"], row["state"]) for row in listed] == [("大项目", "draft")]

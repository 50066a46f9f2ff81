import pytest

from common.testing.service import published, said

POLICIES = "/channel/v1/scorecard-policies"


@pytest.mark.capability("CHN-10")
async def test_every_policy_is_a_new_version_and_told(client, session):
    for weight in (60, 70):
        response = await client.post(
            POLICIES,
            json={
                "weights": {"won_amount": weight, "win_rate": 100 - weight},
                "valid_from": "2026-01-01",
                "currency": "CNY",
            },
        )
        assert response.status_code == 201
        assert response.headers["location"] == f"{POLICIES}/{response.json()['id']}"

    versions = (await client.get(POLICIES)).json()["data"]
    assert [(row["policy_version"], row["weights"]["won_amount"]) for row in versions] == [
        (2, "70.00"),
        (1, "60.00"),
    ]
    told = await said(session, "channel.scorecard_policy.adopted.v1")
    assert [event["policy_version"] for event in told] == [1, 2]


@pytest.mark.parametrize("weights", [{"won_amount": 90}, {"colour": 100}, {"won_amount": 100.001}])
async def test_weights_that_do_not_fit_are_refused(client, session, weights):
    response = await client.post(POLICIES, json={"weights": weights})

    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"].startswith("/weights")
    assert await published(session) == []

from uuid import uuid4

from common.testing.service import published

from .builders import a_created_sample


async def test_what_a_suspended_partner_has_open_is_closed_once(client, session, hear):
    partner_id = str(uuid4())
    theirs = await a_created_sample(client, partner_id=partner_id)
    another = await a_created_sample(client)

    suspended = await hear("channel.partner.suspended.v1", partner_id=partner_id)
    await hear.again(suspended)

    shown = [
        (await client.get(f"/template-service/v1/samples/{created['id']}")).json()
        for created in (theirs, another)
    ]
    assert [sample["state"] for sample in shown] == ["closed", "open"]
    assert (await published(session)).count("template_service.sample.closed.v1") == 1

"""What the tests need: valid by default, say only what matters."""

from datetime import UTC, datetime
from typing import Any

from httpx import AsyncClient

from template_service.samples.model import Sample

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def a_sample(**values: Any) -> Sample:
    """A sample in memory."""
    return Sample.create(**{"name": "第一", **values})[0]


async def a_created_sample(client: AsyncClient, **values: Any) -> dict[str, Any]:
    """A sample in the database, as the API answers it."""
    response = await client.post("/template-service/v1/samples", json={"name": "第一", **values})
    assert response.status_code == 201, response.text
    created: dict[str, Any] = response.json()
    return created

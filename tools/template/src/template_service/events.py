"""Everything the template-service service tells the others."""

from typing import Annotated

from pydantic import Field

from common.events import Id, Moment, ScopedEvent


class SampleCreated(ScopedEvent):
    """A sample was created."""

    type = "template_service.sample.created.v1"

    sample_id: Id
    name: Annotated[str, Field(examples=["第一"])]


class SampleRenamed(ScopedEvent):
    """A sample has another name."""

    type = "template_service.sample.renamed.v1"

    sample_id: Id
    name: Annotated[str, Field(examples=["第二"])]


class SampleClosed(ScopedEvent):
    """A sample was closed."""

    type = "template_service.sample.closed.v1"

    sample_id: Id
    closed_at: Moment

"""A view, and who may see and change it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, Text, or_
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from common.auth import Actor
from common.errors import Conflict, Forbidden, Invalid, NotFound

MOST_VIEWS = 200
"""Views that one actor may have in a service."""

EVERYBODY: Literal["everybody"] = "everybody"
SharedWith = dict[str, UUID] | Literal["everybody"] | None
Parameters = Sequence[tuple[str, str]]
"""The parameters of a query, in order; one may be there more than once."""


class ViewNotFound(NotFound):
    """There is no such view, or it is not shared with you."""

    code = "view_not_found"


class NotYourView(Forbidden):
    """A view is changed and removed by who made it; make one of your own after it."""

    code = "not_your_view"


class SharingNotAllowed(Forbidden):
    """You share with your own department and those below it; more needs the right that `right` names."""

    code = "sharing_not_allowed"


class ViewNameTaken(Conflict):
    """You have a view of this list with this name; `existing_id` is its id."""

    code = "view_name_taken"


class TooManyViews(Conflict):
    """You have as many views as one may have here; remove one first."""

    code = "too_many_views"


class ViewOfAnotherList(Invalid):
    """The view was made for another list."""

    code = "view_of_another_list"


class _Base(DeclarativeBase):
    # Of no service: a table that all of them have is in no service's metadata.
    pass


class View(_Base):
    """How somebody looks at a list: its filters, order and columns, under a name."""

    __tablename__ = "views"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column()
    made_by: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    of_list: Mapped[str] = mapped_column("list", Text)
    query: Mapped[dict[str, str]] = mapped_column(JSONB)
    sort: Mapped[str | None] = mapped_column(Text)
    columns: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    department_id: Mapped[UUID | None]
    is_for_everybody: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    __mapper_args__ = {"version_id_col": version}

    @classmethod
    def seen_by(cls, actor: Actor) -> ColumnElement[bool]:
        """The condition for the views an actor sees: own ones and what is shared with them."""
        seen = [cls.made_by == actor.id, cls.is_for_everybody]
        if actor.department_id is not None:
            seen.append(cls.department_id == actor.department_id)
        return or_(*seen)

    @property
    def shared_with(self) -> SharedWith:
        """Whom else the view is for: nobody, a department, or everybody."""
        if self.is_for_everybody:
            return EVERYBODY
        return None if self.department_id is None else {"department_id": self.department_id}

    def refuse_others(self, actor: Actor) -> None:
        """Raises NotYourView unless the actor made it."""
        if self.made_by != actor.id:
            raise NotYourView(f"the view {self.name!r} was made by somebody else")

    def share_with(self, whom: SharedWith, *, by: Actor, right: str) -> None:
        """Let others see the view; `right` is needed beyond the sharer's own department and below.

        Raises SharingNotAllowed.
        """
        department_id = whom["department_id"] if isinstance(whom, dict) else None
        own = {by.department_id, *by.subtree_ids}
        is_near = whom is None or (department_id is not None and department_id in own)
        if not is_near and not by.may(right):
            raise SharingNotAllowed(
                f"to share with {'everybody' if department_id is None else 'another department'}"
                f" you need the right {right}",
                right=right,
            )
        self.department_id, self.is_for_everybody = department_id, whom == EVERYBODY

    def put_into(self, asked: Parameters) -> list[tuple[str, str]]:
        """The query that was meant: what was asked, and what the view says of anything else."""
        given = {name for name, _ in asked}
        says: dict[str, Any] = dict(self.query)
        if self.sort is not None:
            says["sort"] = self.sort
        if self.columns is not None:
            says["fields"] = ",".join(self.columns)
        return [*asked, *((name, value) for name, value in says.items() if name not in given)]

"""A parameter that was set, its settings, and their rules."""

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from channel import events
from channel.db import Base
from channel.parameters.definitions import Value, definition_of
from common.aggregate import Aggregate
from common.errors import Conflict, Invalid
from common.ids import new_id


class EffectiveInThePast(Invalid):
    """A parameter is set from today or a later day on; what was in force stays as it was."""

    code = "effective_in_the_past"


class ParameterChangedMeanwhile(Conflict):
    """Somebody else changed the parameter since this version of it was read."""

    code = "parameter_changed_meanwhile"


class NothingPlanned(Conflict):
    """No value is planned from that day on; one that is in force is replaced, not withdrawn."""

    code = "nothing_planned"


class ParameterSetting(Base):
    """One value from one day on. Only its withdrawal is ever added.

    `place` is the version the parameter had after it: of two settings for the same day, the later
    one counts.
    """

    __tablename__ = "parameter_settings"
    __table_args__ = (
        Index("uq_parameter_settings_parameter_id_place", "parameter_id", "place", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    parameter_id: Mapped[UUID] = mapped_column(ForeignKey("parameters.id"))
    place: Mapped[int]
    value: Mapped[Value] = mapped_column(JSONB)
    effective_on: Mapped[date]
    reason: Mapped[str] = mapped_column(String(300))
    set_at: Mapped[datetime]
    set_by: Mapped[str] = mapped_column(String(80))
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None] = mapped_column(String(80))
    withdrawn_reason: Mapped[str | None] = mapped_column(String(300))


class Parameter(Aggregate, Base):
    """A parameter that somebody has set; what it may be stands in `definitions`."""

    __tablename__ = "parameters"

    name: Mapped[str] = mapped_column(String(60), unique=True)

    def set(
        self,
        value: Value,
        *,
        effective_on: date,
        today: date,
        seen_version: int | None,
        reason: str,
        by: str,
        now: datetime,
    ) -> tuple[ParameterSetting, events.ParameterChanged]:
        """Give the parameter a value from `effective_on` on, until the day of another setting.

        `seen_version` is the version the person has decided on, where they say so.
        """
        definition_of(self.name).check(value)
        if effective_on < today:
            raise EffectiveInThePast(
                f"today is {today}: from then on, or later", pointer="/effective_on"
            )
        self._check_version(seen_version)
        setting = ParameterSetting(
            parameter_id=self.id,
            place=self.version + 1,
            value=value,
            effective_on=effective_on,
            reason=reason,
            set_at=now,
            set_by=by,
        )
        return setting, events.ParameterChanged(
            name=self.name, value=value, effective_on=effective_on, reason=reason
        )

    def withdraw(
        self,
        settings: Iterable[ParameterSetting],
        *,
        effective_on: date,
        today: date,
        seen_version: int | None,
        reason: str,
        by: str,
        now: datetime,
    ) -> events.ParameterWithdrawn:
        """Take back what is planned for that day, before it comes; `settings` are all there are."""
        planned = [
            setting
            for setting in settings
            if setting.withdrawn_at is None and setting.effective_on == effective_on
        ]
        if not planned or effective_on <= today:
            raise NothingPlanned(f"nothing is planned for {effective_on}")
        self._check_version(seen_version)
        for setting in planned:
            setting.withdrawn_at, setting.withdrawn_by = now, by
            setting.withdrawn_reason = reason
        return events.ParameterWithdrawn(name=self.name, effective_on=effective_on, reason=reason)

    def _check_version(self, seen: int | None) -> None:
        if seen not in (None, self.version):
            raise ParameterChangedMeanwhile(
                f"the parameter has version {self.version}, not {seen}", version=self.version
            )


def in_force(settings: Iterable[ParameterSetting], day: date) -> ParameterSetting | None:
    """What counts on this day: the setting with the latest `effective_on` that has come.

    None before the first one: then the default counts.
    """
    come = [
        setting
        for setting in settings
        if setting.withdrawn_at is None and setting.effective_on <= day
    ]
    return max(come, key=lambda setting: (setting.effective_on, setting.place), default=None)


def next_planned(settings: Iterable[ParameterSetting], day: date) -> ParameterSetting | None:
    """What comes next after this day; None when nothing is planned."""
    coming = [
        setting
        for setting in settings
        if setting.withdrawn_at is None and setting.effective_on > day
    ]
    return min(coming, key=lambda setting: (setting.effective_on, -setting.place), default=None)

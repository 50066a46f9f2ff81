"""A reminder rule and its rules."""

from calendar import isleap
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.errors import Invalid, NotFound
from customer import events
from customer.db import Base


class ReminderKind(StrEnum):
    """What a rule looks for; more may follow.

    `no_contact`: nobody has spoken with the customer for `days`. `promised_date`: what was promised in
    an interaction is due in `days`. `birthday`: that of a contact comes within the days of the
    installation's parameter.
    """

    NO_CONTACT = "no_contact"
    PROMISED_DATE = "promised_date"
    BIRTHDAY = "birthday"


class ReminderRuleNotFound(NotFound):
    """There is no such rule."""

    code = "reminder_rule_not_found"


class DaysOfReminder(Invalid):
    """A rule has its number of days, but for birthdays, whose number is a parameter."""

    code = "days_of_reminder"


class ReminderRule(Aggregate, Base):
    """For which customers a follow-up is planned by itself, and when; its name is the subject.

    No `grades` are all of them. For each cause there is one follow-up, whatever becomes of it.
    """

    __tablename__ = "reminder_rules"
    __table_args__ = (Index("ix_reminder_rules_created_at_id", "created_at", "id"),)

    name: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(20))
    days: Mapped[int | None]
    grades: Mapped[list[str]] = mapped_column(ARRAY(String(20)))
    is_active: Mapped[bool]

    @classmethod
    def make(cls, **values: Any) -> tuple["ReminderRule", events.ReminderRuleSet]:
        """A new rule."""
        rule = cls(**values)
        return rule, rule._set()

    def update(self, changes: dict[str, Any]) -> events.ReminderRuleSet | None:
        """Change the rule; None when every value is the same already."""
        differing = {name: value for name, value in changes.items() if getattr(self, name) != value}
        if not differing:
            return None
        for name, value in differing.items():
            setattr(self, name, value)
        return self._set()

    def _set(self) -> events.ReminderRuleSet:
        if (self.days is None) != (self.kind == ReminderKind.BIRTHDAY):
            raise DaysOfReminder(
                "a rule needs its days; that of birthdays has none of its own", pointer="/days"
            )
        return events.ReminderRuleSet(
            rule_id=self.id,
            name=self.name,
            kind=self.kind,
            days=self.days,
            grades=self.grades,
            is_active=self.is_active,
        )


def birthdays_on(day: date) -> set[int]:
    """Month and day (100 * month + day) of those who keep their birthday on this day.

    One on 29 February is kept on 1 March in other years, from when age counts as well.
    """
    found = {100 * day.month + day.day}
    if (day.month, day.day) == (3, 1) and not isleap(day.year):
        found.add(229)
    return found

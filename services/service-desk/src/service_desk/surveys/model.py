"""A survey and its rules."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from common.aggregate import Aggregate
from common.errors import Conflict, Invalid, NotFound
from common.scope import Scoped
from service_desk import events
from service_desk.db import Base

QUESTIONNAIRES: dict[int, tuple[str, ...]] = {1: ("speed", "competence", "courtesy")}
"""What is asked beside the overall score, by version; a survey keeps the version it asked."""

NEWEST_QUESTIONNAIRE = max(QUESTIONNAIRES)


class SurveyState(StrEnum):
    """Where a survey stands."""

    OPEN = "open"
    ANSWERED = "answered"
    VOID = "void"


class SurveyNotFound(NotFound):
    """There is no such survey."""

    code = "survey_not_found"


class SurveyAlreadyAnswered(Conflict):
    """A survey is answered once."""

    code = "survey_already_answered"


class SurveyVoid(Conflict):
    """The survey was withdrawn because its ticket was reopened; the next closing asks again."""

    code = "survey_void"


class UnknownQuestion(Invalid):
    """The survey does not ask this."""

    code = "unknown_question"


class Survey(Aggregate, Scoped, Base):
    """The question how the service was, for one closing of one ticket.

    Its owner is the agent who closed the ticket; the rest of its scope is the ticket's.
    """

    __tablename__ = "surveys"
    __table_args__ = (
        UniqueConstraint("ticket_id", "closure"),
        Index("ix_surveys_asked_at_id", "asked_at", "id"),
    )

    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id"))
    closure: Mapped[int]
    customer_id: Mapped[UUID | None] = mapped_column(index=True)
    token: Mapped[str] = mapped_column(String(60), unique=True)
    state: Mapped[str] = mapped_column(String(20))
    questionnaire: Mapped[int]
    score: Mapped[int | None]
    answers: Mapped[dict[str, int]] = mapped_column(JSONB)
    comment: Mapped[str | None] = mapped_column(Text)
    asked_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    voided_at: Mapped[datetime | None]

    @classmethod
    def ask(cls, *, token: str, at: datetime, **about: Any) -> tuple["Survey", events.SurveyAsked]:
        """Ask; `token` is what lets its holder answer, and must not be guessable."""
        survey = cls(
            token=token,
            asked_at=at,
            state=SurveyState.OPEN,
            questionnaire=NEWEST_QUESTIONNAIRE,
            answers={},
            **about,
        )
        return survey, events.SurveyAsked(closure=survey.closure, asked_at=at, **survey._facts())

    @property
    def questions(self) -> tuple[str, ...]:
        """What is asked beside the overall score."""
        return QUESTIONNAIRES[self.questionnaire]

    def answer(
        self, *, score: int, answers: dict[str, int], comment: str | None, at: datetime
    ) -> events.SurveyAnswered:
        """Take the customer's answer; there is one."""
        if self.state == SurveyState.ANSWERED:
            raise SurveyAlreadyAnswered("this survey was answered before")
        if self.state == SurveyState.VOID:
            raise SurveyVoid("the ticket was reopened; its next closing asks again")
        for question in answers:
            if question not in self.questions:
                raise UnknownQuestion(
                    f"this survey asks {', '.join(self.questions)}", pointer=f"/answers/{question}"
                )
        self.state = SurveyState.ANSWERED
        self.score, self.answers, self.comment, self.answered_at = score, answers, comment, at
        return events.SurveyAnswered(score=score, answered_at=at, **self._facts())

    def void(self, at: datetime) -> events.SurveyVoided | None:
        """Withdraw the question; None when it was answered, which stands."""
        if self.state != SurveyState.OPEN:
            return None
        self.state, self.voided_at = SurveyState.VOID, at
        return events.SurveyVoided(
            survey_id=self.id, ticket_id=self.ticket_id, voided_at=at, **self.scope
        )

    def _facts(self) -> dict[str, Any]:
        return {
            "survey_id": self.id,
            "ticket_id": self.ticket_id,
            "customer_id": self.customer_id,
            **self.scope,
        }

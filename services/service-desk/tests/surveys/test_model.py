from datetime import timedelta
from uuid import uuid4

import pytest

from service_desk.surveys.model import (
    Survey,
    SurveyAlreadyAnswered,
    SurveyVoid,
    UnknownQuestion,
)

from ..builders import NOW


def a_survey(**values):
    about = {"token": "secret", "at": NOW, "ticket_id": uuid4(), "closure": 1, "customer_id": None}
    return Survey.ask(**{**about, **values})[0]


def answer(survey, **values):
    return survey.answer(**{"score": 4, "answers": {}, "comment": None, "at": NOW, **values})


@pytest.mark.capability("SVC-19", "C-20")
def test_a_survey_is_answered_once():
    survey = a_survey()
    answer(survey)

    with pytest.raises(SurveyAlreadyAnswered):
        answer(survey, score=1)
    assert survey.score == 4


def test_an_answer_counts_for_agent_and_partner():
    agent, partner = uuid4(), uuid4()

    answered = answer(a_survey(owner_id=agent, partner_id=partner))

    assert (answered.owner_id, answered.partner_id, answered.score) == (agent, partner, 4)


def test_a_withdrawn_survey_takes_no_answer():
    survey = a_survey()
    survey.void(NOW + timedelta(hours=1))

    with pytest.raises(SurveyVoid):
        answer(survey)


def test_an_answer_that_was_given_stands():
    survey = a_survey()
    answer(survey)

    assert survey.void(NOW) is None


@pytest.mark.capability("C-20")
def test_only_what_was_asked_can_be_answered():
    assert answer(a_survey(), answers={"speed": 5, "courtesy": 3}).score == 4
    with pytest.raises(UnknownQuestion):
        answer(a_survey(), answers={"price": 1})

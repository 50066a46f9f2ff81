"""The survey endpoints."""

from uuid import UUID

from common.app import service_router
from common.clock import Now
from common.db import Session
from common.pagination import Page, PageOf, Paging
from service_desk.surveys import use_cases as surveys
from service_desk.surveys.model import Survey
from service_desk.surveys.schemas import SurveyAnswer, SurveyRead, SurveyThanks

router = service_router("service-desk", "surveys")


@router.get("", response_model=PageOf[SurveyRead])
async def list_surveys(
    session: Session,
    page: Paging,
    ticket_id: UUID | None = None,
    state: str | None = None,
    customer_id: UUID | None = None,
    owner_id: UUID | None = None,
    department_id: UUID | None = None,
    partner_id: UUID | None = None,
    region_id: UUID | None = None,
) -> Page[Survey]:
    equal = {
        Survey.ticket_id: ticket_id,
        Survey.state: state,
        Survey.customer_id: customer_id,
        Survey.owner_id: owner_id,
        Survey.department_id: department_id,
        Survey.partner_id: partner_id,
        Survey.region_id: region_id,
    }
    filters = [column == value for column, value in equal.items() if value is not None]
    return await surveys.list_surveys(session, page, filters=filters)


@router.get("/{survey_id}", response_model=SurveyRead)
async def get_survey(survey_id: UUID, session: Session) -> Survey:
    return await surveys.get_survey(session, survey_id)


@router.post("/{token}:answer", response_model=SurveyThanks)
async def answer_survey(token: str, answer: SurveyAnswer, session: Session, now: Now) -> Survey:
    return await surveys.answer_survey(session, token, answer, at=now)

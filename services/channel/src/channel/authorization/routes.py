"""The endpoint that explains decisions."""

from channel.authorization import use_cases as authorization
from channel.authorization.schemas import AnswerRead, Question
from common.access.explanation import Explanation
from common.app import service_router
from common.auth import CurrentActor
from common.db import Session

router = service_router("channel", "authorization")


@router.post(":explain", response_model=AnswerRead)
async def explain_authorization(
    question: Question, session: Session, actor: CurrentActor
) -> Explanation:
    return await authorization.explain_authorization(
        session,
        asking=actor,
        account_id=question.account_id,
        right=question.right,
        record=None if question.record is None else question.record.model_dump(),
    )

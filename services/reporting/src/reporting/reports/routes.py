"""The report endpoints."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import Header, Query, Response
from pydantic import StringConstraints

from common.app import service_router
from common.clock import Now
from common.db import Session
from common.rate_limits import Expensive
from reporting.reports import use_cases as reports
from reporting.reports.csv_answer import as_csv, file_name
from reporting.reports.definitions import Report
from reporting.reports.schemas import AnswerRead, ReportList, ReportRead

router = service_router("reporting", "reports")

_CSV = "text/csv"
_NEGOTIATED = {"Vary": "Accept, Accept-Language"}


@router.get("", response_model=ReportList)
async def list_reports() -> ReportList:
    return ReportList(data=[_read(report) for report in reports.list_reports()])


@router.get(
    "/{name}",
    response_model=AnswerRead,
    dependencies=[Expensive],
    responses={200: {"content": {_CSV: {"schema": {"type": "string"}}}}},
)
async def run_report(
    name: str,
    session: Session,
    now: Now,
    response: Response,
    group_by: str | None = None,
    first_day: Annotated[
        date | None, Query(alias="from", description="First day, inclusive")
    ] = None,
    last_day: Annotated[date | None, Query(alias="to", description="Last day, inclusive")] = None,
    currency: Annotated[
        Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None,
        Query(description="The currency of the figures; the one in which most was won if left out"),
    ] = None,
    region: UUID | None = None,
    product: UUID | None = None,
    person: UUID | None = None,
    partner: UUID | None = None,
    accept: Annotated[str, Header()] = "*/*",
    accept_language: Annotated[str, Header()] = "en",
) -> AnswerRead | Response:
    filters = {"region": region, "product": product, "person": person, "partner": partner}
    answer = await reports.run_report(
        session,
        name,
        group_by=group_by,
        first_day=first_day,
        last_day=last_day,
        currency=currency,
        filters={name: wanted for name, wanted in filters.items() if wanted is not None},
        now=now,
    )
    response.headers.update(_NEGOTIATED)
    if not _wants_csv(accept):
        return AnswerRead.model_validate(answer)
    language = "zh" if accept_language.lower().startswith("zh") else "en"
    return Response(
        as_csv(answer, language=language),
        media_type=_CSV,
        headers={
            "Content-Disposition": f'attachment; filename="{file_name(answer)}"',
            "Content-Language": language,
            **_NEGOTIATED,
        },
    )


def _read(report: Report) -> ReportRead:
    return ReportRead.model_validate(
        {
            "name": report.name,
            "title": report.title,
            "description": report.description,
            "group_by": report.group_by,
            "default_group_by": report.default_group_by,
            "filters": report.filters,
            "columns": (*report.labels, *report.columns),
            "chart": report.chart,
        }
    )


def _wants_csv(accept: str) -> bool:
    """Whether CSV is preferred to JSON; of equals the one that is named first."""
    weights: dict[str, float] = {}
    for part in accept.split(","):
        media_type, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((piece[2:] for piece in parameters if piece.startswith("q=")), "1")
        try:
            weights.setdefault(media_type.lower(), float(weight))
        except ValueError:
            continue
    if weights.get(_CSV, 0) <= 0:
        return False
    json_weight = max(weights.get(name, 0) for name in ("application/json", "application/*", "*/*"))
    if weights[_CSV] != json_weight:
        return weights[_CSV] > json_weight
    names = list(weights)
    return "application/json" not in names or names.index(_CSV) < names.index("application/json")

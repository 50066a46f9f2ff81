from datetime import date
from decimal import Decimal

import pytest

from reporting.reports.definitions import LABELS, REPORTS, Kind
from reporting.reports.questions import Question
from reporting.reports.use_cases import shown

COLUMNS = {column.name: column for report in REPORTS for column in report.columns}


@pytest.mark.capability("REP-03")
@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.name)
def test_every_word_of_a_report_is_there_in_both_languages(report):
    texts = [report.title, report.description]
    for column in (*report.columns, *report.labels):
        texts += [column.title, column.definition]

    assert all(text.en.strip() and text.zh.strip() for text in texts)
    assert all(not text.zh.isascii() for text in texts)


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.name)
def test_every_grouping_has_a_label_and_every_column_its_figure(report):
    assert set(report.groupings) <= set(LABELS)
    assert all(column.kind is Kind.TEXT or column.figure for column in report.columns)
    names = [column.name for column in report.columns]
    assert len(names) == len(set(names))


def test_a_share_of_nothing_is_not_a_number():
    assert shown(COLUMNS["win_rate"], {"won_deals": 0, "lost_deals": 0}) is None


def test_a_percentage_is_a_fraction_with_six_decimals():
    assert shown(COLUMNS["win_rate"], {"won_deals": 4238, "lost_deals": 2473}) == 0.631501


def test_money_is_exact_and_has_two_decimals():
    large = {"won_revenue": Decimal("123456789012345678.125"), "won_deals": 1}

    assert shown(COLUMNS["won_revenue"], large) == "123456789012345678.13"
    assert shown(COLUMNS["won_revenue"], {}) == "0.00"


def test_hours_are_computed_from_minutes():
    column = COLUMNS["first_response_hours"]

    assert shown(column, {"answer_minutes": 100, "answers": 4}) == 0.42


@pytest.mark.parametrize(
    ("first", "last", "whole"),
    [
        (None, None, True),
        ("2026-02-01", "2026-02-28", True),
        ("2026-02-02", "2026-02-28", False),
        ("2026-02-01", "2026-02-27", False),
        ("2024-02-01", "2024-02-29", True),
    ],
)
def test_months_answer_only_what_begins_and_ends_with_one(first, last, whole):
    days = [None if day is None else date.fromisoformat(day) for day in (first, last)]

    assert Question("region", *days).is_of_whole_months is whole

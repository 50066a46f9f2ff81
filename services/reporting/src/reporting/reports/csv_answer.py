"""A report's answer as CSV (RFC 4180), in UTF-8, for people and their spreadsheets."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from common.csv_lines import inert
from reporting.reports.definitions import Kind, Words
from reporting.reports.use_cases import Answer

_TOTAL = Words("Total", "合计")
_NOT_ASSIGNED = Words("Not assigned", "未分配")


def as_csv(answer: Answer, *, language: str) -> str:
    """Titles, rows, and the totals as the last row; `language` is `en` or `zh`."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    label, *others = answer.columns
    writer.writerow(_cells([column.title.in_language(language) for column in answer.columns]))
    for row in answer.rows:
        name = row[label.name]
        texts = [_NOT_ASSIGNED.in_language(language) if name is None else name]
        writer.writerow(
            _cells(texts)
            + [_cell(row[column.name], is_text=column.kind is Kind.TEXT) for column in others]
        )
    totals = [_cell(answer.totals.get(column.name), is_text=False) for column in others]
    writer.writerow([_TOTAL.in_language(language), *totals])
    return out.getvalue()


def file_name(answer: Answer) -> str:
    """A name that says what is in the file."""
    days = [str(day) for day in (answer.first_day, answer.last_day) if day is not None]
    return "_".join(["fairway", answer.name, f"by-{answer.group_by}", *days]) + ".csv"


def _cells(texts: Sequence[Any]) -> list[str]:
    return [_cell(text, is_text=True) for text in texts]


def _cell(value: Any, *, is_text: bool) -> str:
    """A cell that no spreadsheet takes for a formula; numbers keep their sign."""
    written = "" if value is None else str(value)
    return inert(written) if is_text else written

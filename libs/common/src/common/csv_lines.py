"""Lines of CSV files that people open in a spreadsheet."""

import csv
import io
from collections.abc import Sequence

BYTE_ORDER_MARK = "\ufeff"
"""Before the first line: without it a spreadsheet takes Chinese in UTF-8 for something else."""

_STARTS_A_FORMULA = frozenset("=+-@\t\r\n\0＝＋－＠")


def csv_line(cells: Sequence[str]) -> str:
    """One line (RFC 4180), ended, with cells that no spreadsheet runs."""
    held = io.StringIO()
    csv.writer(held).writerow([inert(cell) for cell in cells])
    return held.getvalue()


def inert(cell: str) -> str:
    """The cell, with an apostrophe where a spreadsheet would run it as a formula (CWE-1236).

    One that begins with such an apostrophe already gets another, so that `as_meant` finds each.
    """
    if cell.lstrip("'")[:1] not in _STARTS_A_FORMULA or _is_number(cell):
        return cell
    return f"'{cell}"


def as_meant(cell: str) -> str:
    """The cell that `inert` made this one of."""
    if cell[:1] == "'" and cell.lstrip("'")[:1] in _STARTS_A_FORMULA:
        return cell[1:]
    return cell


def _is_number(cell: str) -> bool:
    return cell.lstrip("-").replace(".", "", 1).isdigit()

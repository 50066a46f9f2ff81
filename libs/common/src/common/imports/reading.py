"""CSV and XLSX files as rows of text, with the line numbers a person sees in the file."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from python_calamine import CalamineError, CalamineWorkbook

from common.errors import Invalid

LARGEST_CELL = 32_768
MOST_ROWS = 1_000_000


class FileNotReadable(Invalid):
    """The file is neither CSV in UTF-8 or GB18030 nor XLSX, or has no header."""

    code = "file_not_readable"


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One row; `line` is its line in the file, the header being line 1."""

    line: int
    cells: Sequence[str]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file taken apart."""

    header: Sequence[str]
    rows: Sequence[SourceRow]


def read(content: bytes, file_name: str) -> SourceFile:
    """Take a file apart; blank lines are passed over. Raises FileNotReadable."""
    if content.startswith(b"PK\x03\x04"):
        table = _xlsx(content)
    elif file_name.lower().endswith((".xlsx", ".xls")):
        raise FileNotReadable(f"{file_name} is not a workbook")
    else:
        table = _csv(content)
    if not table:
        raise FileNotReadable(f"{file_name} is empty: a header line is needed")
    (_, header), *rows = table
    names = [cell.strip() for cell in header]
    if len(set(names)) != len(names):
        raise FileNotReadable("two columns have the same name")
    if len(rows) > MOST_ROWS:
        raise FileNotReadable(f"{len(rows)} rows; a file has at most {MOST_ROWS}")
    return SourceFile(names, [SourceRow(line, cells) for line, cells in rows])


def _csv(content: bytes) -> list[tuple[int, list[str]]]:
    text = _text(content)
    sample = text[:4096].split("\n", 1)[0]
    delimiter = max((",", ";", "\t"), key=sample.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    csv.field_size_limit(LARGEST_CELL)
    table = []
    try:
        start = 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                table.append((start, cells))
            start = reader.line_num + 1
    except csv.Error as error:
        raise FileNotReadable(f"line {reader.line_num}: {error}") from None
    return table


def _text(content: bytes) -> str:
    if b"\0" in content:
        raise FileNotReadable("the file is not text")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise FileNotReadable("the text is neither UTF-8 nor GB18030")


def _xlsx(content: bytes) -> list[tuple[int, list[str]]]:
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        rows = workbook.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (CalamineError, IndexError, ValueError) as error:
        raise FileNotReadable(f"not a readable workbook: {error}") from None
    table = [(line, [_shown(cell) for cell in row]) for line, row in enumerate(rows, start=1)]
    return [(line, cells) for line, cells in table if any(cell.strip() for cell in cells)]


def _shown(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, (datetime, date)):
        return cell.isoformat()
    return "" if cell is None else str(cell)

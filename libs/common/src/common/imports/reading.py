"""CSV and XLSX files as rows of text, with the line numbers a person sees in the file."""

import csv
import io
import re
import sys
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from python_calamine import CalamineError, CalamineWorkbook

from common.errors import Invalid

LARGEST_CELL = 32_768
MOST_ROWS = 1_000_000
MOST_CELLS = 20_000_000
"""Of the rectangle that a sheet takes up: that much room it gets, however few of them are filled."""
LARGEST_UNPACKED = 512 * 1024 * 1024
"""Bytes of a workbook once it is unpacked, whatever it says of itself."""
_UNPACKED_AT_ONCE = 1024 * 1024
_SHEETS = "xl/worksheets/"
_POSITION = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{0,9})([0-9]{1,12})["']""")
_LONGEST_POSITION = 64


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
    _check_size(content)
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        rows = workbook.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (CalamineError, IndexError, ValueError) as error:
        raise FileNotReadable(f"not a readable workbook: {error}") from None
    table = [(line, [_shown(cell) for cell in row]) for line, row in enumerate(rows, start=1)]
    return [(line, cells) for line, cells in table if any(cell.strip() for cell in cells)]


def _check_size(content: bytes) -> None:
    """Raises FileNotReadable for a workbook that would take more memory than any import needs.

    It is unpacked once and thrown away: what its directory says of its sizes anybody may have
    written there, and a sheet of two cells can be as wide and long as they lie apart.
    """
    unpacked = 0
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as workbook:
            if "xl/workbook.xml" not in workbook.namelist():
                raise FileNotReadable("not an XLSX workbook")
            for part in workbook.infolist():
                # So that it is read to its real end, whatever that is.
                part.file_size = sys.maxsize
                width = length = 0
                rest = b""
                with workbook.open(part) as opened:
                    while chunk := opened.read(_UNPACKED_AT_ONCE):
                        unpacked += len(chunk)
                        if unpacked > LARGEST_UNPACKED:
                            raise FileNotReadable("the workbook is too large once it is unpacked")
                        if part.filename.lower().startswith(_SHEETS):
                            for column, row in _POSITION.findall(rest + chunk):
                                width = max(width, _column_number(column))
                                length = max(length, int(row))
                            rest = chunk[-_LONGEST_POSITION:]
                if width * length > MOST_CELLS:
                    raise FileNotReadable(
                        f"a sheet of {length} rows and {width} columns; it may have at most"
                        f" {MOST_CELLS} cells"
                    )
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise FileNotReadable(f"not a readable workbook: {error}") from None


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _shown(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, (datetime, date)):
        return cell.isoformat()
    return "" if cell is None else str(cell)

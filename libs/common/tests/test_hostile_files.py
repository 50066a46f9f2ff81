"""Files that are made to do harm: each is refused or read as text, at once and in little memory."""

import io
import struct
import time
import zipfile

import pytest
import xlsxwriter

from common.imports import reading
from common.imports.reading import FileNotReadable, read

pytestmark = pytest.mark.capability("N10")

REFUSED_WITHIN_S = 10
SHEET = "xl/worksheets/sheet1.xml"


def workbook(rows=(("name",), ("远航机电",))) -> bytes:
    into = io.BytesIO()
    made = xlsxwriter.Workbook(into, {"in_memory": True})
    sheet = made.add_worksheet()
    for line, cells in enumerate(rows):
        sheet.write_row(line, 0, cells)
    made.close()
    return into.getvalue()


def with_part(content: bytes, name: str, part: bytes) -> bytes:
    """The workbook, with another part in the place of its own."""
    into = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for one in old.namelist():
            if one != name:
                new.writestr(one, old.read(one))
        new.writestr(name, part)
    return into.getvalue()


def sheet_of(cells: str) -> bytes:
    return (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f"<sheetData>{cells}</sheetData></worksheet>"
    ).encode()


def test_a_workbook_is_read():
    assert [row.cells for row in read(workbook(), "a.xlsx").rows] == [["远航机电"]]


def test_two_cells_that_lie_far_apart_are_no_reason_to_make_room_for_all_between():
    far = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"/></row>'
    started = time.monotonic()

    with pytest.raises(FileNotReadable, match="1048576 rows and 16384 columns"):
        read(with_part(workbook(), SHEET, sheet_of(far)), "a.xlsx")

    assert time.monotonic() - started < REFUSED_WITHIN_S


@pytest.mark.parametrize("says_so", [True, False], ids=["it says so", "it lies"])
def test_what_unpacks_to_more_than_it_may_is_refused(monkeypatch, says_so):
    monkeypatch.setattr(reading, "LARGEST_UNPACKED", 4_000_000)
    large = b" " * 8_000_000
    content = with_part(workbook(), "xl/media/picture.png", large)
    assert len(content) < 100_000
    if not says_so:
        content = content.replace(struct.pack("<L", len(large)), struct.pack("<L", 1))

    with pytest.raises(FileNotReadable, match="too large once it is unpacked"):
        read(content, "a.xlsx")


def test_an_entity_of_a_workbook_reads_no_file(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("绝密", encoding="utf-8")
    strings = (
        f'<?xml version="1.0"?><!DOCTYPE sst [<!ENTITY it SYSTEM "file://{secret}">]>'
        '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        "<si><t>name</t></si><si><t>&it;</t></si></sst>"
    ).encode()

    try:
        found = str(read(with_part(workbook(), "xl/sharedStrings.xml", strings), "a.xlsx"))
    except FileNotReadable as refused:
        found = str(refused)

    assert "绝密" not in found


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"PK\x03\x04" + b"\0" * 100, id="no archive"),
        pytest.param(workbook()[:-30], id="cut off"),
        pytest.param(workbook().replace(b"workbook.xml", b"workbook.bin"), id="another kind"),
        pytest.param(b"%PDF-1.7\nPK\x03\x04\0", id="another kind that holds one"),
    ],
)
def test_what_is_no_workbook_is_refused(content):
    with pytest.raises(FileNotReadable):
        read(content, "a.xlsx")

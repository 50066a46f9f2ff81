"""The dashboard page and its files."""

import gzip
import mimetypes
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Response

from common.errors import NotFound

STATIC = Path(__file__).parent / "static"
SMALLEST_COMPRESSED_BYTES = 1024
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing from elsewhere, nothing inline, and the page is nobody's frame."""

_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}

router = APIRouter(prefix="/reporting/dashboard", include_in_schema=False)


class PageFileNotFound(NotFound):
    """The page has no such file."""

    code = "page_file_not_found"


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file of the page, as it is sent; compressed where that is smaller."""

    body: bytes
    compressed: bytes | None
    media_type: str
    etag: str


@cache
def _paths() -> dict[str, Path]:
    """The files there are, by the end of their address: what is not listed is not read."""
    return {
        path.relative_to(STATIC).as_posix(): path for path in STATIC.rglob("*") if path.is_file()
    }


@cache
def _page_file(name: str) -> PageFile:
    """A file, read and compressed when it is first asked for."""
    path = _paths()[name]
    body = path.read_bytes()
    compressed = gzip.compress(body, 9, mtime=0) if len(body) >= SMALLEST_COMPRESSED_BYTES else body
    guessed, _ = mimetypes.guess_type(name)
    return PageFile(
        body,
        compressed if len(compressed) < len(body) else None,
        _MEDIA_TYPES.get(path.suffix, guessed or "text/plain; charset=utf-8"),
        f'"{blake2b(body, digest_size=12).hexdigest()}"',
    )


@router.get("")
async def show_dashboard(
    accept_encoding: Annotated[str, Header()] = "",
    if_none_match: Annotated[str, Header()] = "",
) -> Response:
    return _answer("index.html", accept_encoding, if_none_match)


@router.get("/static/{name:path}")
async def get_page_file(
    name: str,
    accept_encoding: Annotated[str, Header()] = "",
    if_none_match: Annotated[str, Header()] = "",
) -> Response:
    return _answer(name, accept_encoding, if_none_match)


def _answer(name: str, accept_encoding: str, if_none_match: str) -> Response:
    if name not in _paths():
        raise PageFileNotFound(f"the page has no file {name!r}")
    found = _page_file(name)
    headers = {
        # Names stay over releases, so every use asks whether the file is still the same.
        "Cache-Control": "no-cache",
        "Content-Security-Policy": CONTENT_POLICY,
        "ETag": found.etag,
        "Referrer-Policy": "same-origin",
        "Vary": "Accept-Encoding",
    }
    if found.etag in if_none_match.replace("W/", ""):
        return Response(status_code=304, headers=headers)
    if found.compressed is not None and "gzip" in accept_encoding:
        headers["Content-Encoding"] = "gzip"
        return Response(found.compressed, media_type=found.media_type, headers=headers)
    return Response(found.body, media_type=found.media_type, headers=headers)

"""The one spelling of a contract's text, and the hash that shows whether it was touched."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any


def canonical(content: Mapping[str, Any]) -> bytes:
    """Canonical JSON: sorted names, no spaces, UTF-8. Values must be strings, integers or null."""
    return json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def content_hash(content: Mapping[str, Any]) -> str:
    """The SHA-256 of the canonical JSON, in hexadecimal."""
    return sha256(canonical(content)).hexdigest()

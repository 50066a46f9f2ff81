"""One spelling for what people type differently: done to names, addresses, phones and e-mail on write.

What records are compared by is more than that: `common.match_keys`.
"""

import unicodedata
from typing import Any

_WIDE = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F) if chr(wide - 0xFEE0).isalnum()}
_WIDE[0x3000] = 0x20
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−－"), "-")


def tidied(text: Any) -> Any:
    """Letters and digits in one width, and single spaces; punctuation stays, since 远航（集团） is how
    a name is written. What is no text stays as it is."""
    return " ".join(text.translate(_WIDE).split()) if isinstance(text, str) else text


def tidied_phone(text: Any) -> Any:
    """The digits and signs of a number in one width, with plain dashes and single spaces."""
    if not isinstance(text, str):
        return text
    return " ".join(unicodedata.normalize("NFKC", text.translate(_DASHES)).split())


def tidied_email(text: Any) -> Any:
    """An address in one width and lower case."""
    return unicodedata.normalize("NFKC", text).strip().lower() if isinstance(text, str) else text

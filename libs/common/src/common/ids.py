"""Identifiers: UUIDv7, sortable by creation time (RFC 9562, section 5.7)."""

import os
import time
from hashlib import blake2b
from uuid import UUID

_VERSION_AND_VARIANT = (0x7 << 76) | (0b10 << 62)
_RANDOM_BITS = ((1 << 12) - 1) << 64 | ((1 << 62) - 1)


def new_id() -> UUID:
    """A new UUIDv7: 48 bits of Unix milliseconds, 74 random bits."""
    random_bits = int.from_bytes(os.urandom(10), "big") & _RANDOM_BITS
    return UUID(int=(time.time_ns() // 1_000_000) << 80 | _VERSION_AND_VARIANT | random_bits)


def stable_hash(value: bytes) -> int:
    """A hash that is the same in every process, release and language (BLAKE2b, 64 bits)."""
    return int.from_bytes(blake2b(value, digest_size=8).digest(), "big")

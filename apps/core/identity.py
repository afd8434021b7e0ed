"""Identities: time-ordered ids, canonical JSON and content hashes. Imports no Django."""

import hashlib
import json
import os
import secrets
import time
import unicodedata
from threading import Lock
from uuid import UUID

_lock = Lock()
_last = 0


def new_id() -> UUID:
    """A UUID version 7 (RFC 9562): increasing within this process, so that indexes and
    keyset pages follow the order of creation."""
    global _last
    now = time.time_ns() // 1_000_000 << 12  # 48 bits of milliseconds, 12 of a counter
    with _lock:
        _last = now = now if now > _last else _last + 1
    value = (now >> 12) << 80 | 0x7 << 76 | (now & 0xFFF) << 64
    value |= 0b10 << 62 | int.from_bytes(os.urandom(8), "big") >> 2
    return UUID(int=value)


def canonical_json(value: object) -> str:
    """JSON with sorted keys and no spaces: the bytes under every hash. The standard library
    writes it, so that a hash depends on no other package."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def sha256_text(text: str) -> str:
    """Hex sha256 of the UTF-8 bytes of `text`."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def sha256_json(value: object) -> str:
    """Hex sha256 of the canonical JSON of `value`."""
    return sha256_text(canonical_json(value))


def problem_hash(statement: str) -> str:
    """The identity of a problem in its project: its statement in Unicode form NFC with runs of
    white space folded. Letter case counts."""
    if not statement.isascii():
        statement = unicodedata.normalize("NFC", statement)
    return sha256_text(" ".join(statement.split()))


def new_secret(length: int = 32) -> str:
    """A random URL-safe secret of `length` bytes of entropy."""
    return secrets.token_urlsafe(length)

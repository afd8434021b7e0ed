"""What a reader yields: records that can be used, and places of the file that cannot.

Imports no Django.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from apps.core.errors import InvalidInput

MAX_RECORD_BYTES = 100 * 1024 * 1024
"""Longest line, record or cell that is read; a longer one is refused and passed over."""

SHOWN_CHARACTERS = 500


class UnreadableFile(InvalidInput):
    """The file as a whole cannot be imported; the message says why and what to do."""

    code = "unreadable-file"


def printable(raw: bytes, limit: int = SHOWN_CHARACTERS) -> str:
    """The start of `raw` as text for a page; bytes that are not UTF-8 show as U+FFFD."""
    text = raw[: 4 * limit].decode("utf-8", "replace")
    return text if len(text) <= limit else text[:limit] + "…"


@dataclass(slots=True)
class Good:
    """One record. `index` counts records from 0, good and bad alike; `line` counts from 1 and
    is None where the format has no lines. `raw` is None where the file holds no text of it."""

    index: int
    line: int | None
    record: dict[str, Any]
    raw: bytes | None = None

    def raw_line(self) -> bytes:
        """The record as it stood in the file, or as JSON where the file holds no text of it."""
        if self.raw is not None:
            return self.raw
        return orjson.dumps(self.record, default=str, option=orjson.OPT_NON_STR_KEYS)


@dataclass(slots=True)
class Bad:
    """A place that could not be read. `reason` is one sentence for people; `raw` is the whole
    text of that place, for the rejects file. `fatal` says that nothing after it was read."""

    index: int
    line: int | None
    reason: str
    raw: bytes = b""
    fatal: bool = False

    @property
    def shown(self) -> str:
        """The start of `raw`, short enough for a page."""
        return printable(self.raw)

    def raw_line(self) -> bytes:
        """The text of that place, whole."""
        return self.raw


Item = Good | Bad

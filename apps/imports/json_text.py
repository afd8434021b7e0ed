"""One JSON text to one record: strict, exact with numbers, one sentence for every refusal.

Choices that a caller can see: of a key that occurs twice the last value counts; integers keep
all their digits; a number too large for a double stays the text it was; a value nested deeper
than the parser goes (1,024 levels) stays its JSON text; NaN and Infinity are refused, because
they are not JSON. Imports no Django.
"""

import json
import re
from typing import Any

import orjson

from apps.imports.items import MAX_RECORD_BYTES

MAX_DEPTH = 10_000
EXACT_INTEGERS = 2.0**53
TOKENS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["{}\[\]:,]', re.DOTALL)
NAMES = {list: "a list", str: "a text", int: "a number", float: "a number", bool: "true or false"}

NUL = "A text holds the character NUL (\\u0000), which cannot be stored."
HALF = "An escape \\ud800–\\udfff stands alone; half a character cannot be stored."
# What the parser says, and what a person can do about it; the first that fits counts.
REASONS: tuple[tuple[str, str], ...] = (
    ("surrogate", HALF),
    ("control character", "A text holds a raw control character; write it as \\n, \\t or \\u00xx."),
    ("invalid escape", "A text holds an escape unknown to JSON; write \\\\ for a backslash."),
    ("trailing comma", "There is a comma before a closing bracket; remove it."),
    ("content after document", "More text follows the end of the record; put it on a new line."),
    ("unexpected end", "The record is cut off before its end."),
    ("leading zero", "A number starts with a zero; write it without, or as text in quotes."),
    ("string key", "A key is not in double quotes; this is not JSON (a printed Python dict?)."),
)


class NotARecord(ValueError):
    """The text is no record; the message is one clear sentence."""


def parse_record(raw: bytes) -> dict[str, Any]:
    """The object in `raw`, fit to be stored; NotARecord otherwise. For texts that the fast path
    refused, and for places where speed matters less than the sentence."""
    return settle(parse_object(raw), raw)


def parse_object(raw: bytes) -> dict[str, Any]:
    """The object in `raw`, whatever its texts hold; NotARecord when it is none."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        value = _second_try(raw, error)
    if type(value) is not dict:
        what = "null" if value is None else NAMES.get(type(value), "no object")
        raise NotARecord(f"The record is {what}, but an object {{…}} with named fields is needed.")
    return value


def settle(record: dict[str, Any], raw: bytes) -> dict[str, Any]:
    """`record` with exact numbers; NotARecord when it holds text that cannot be stored."""
    for value in record.values():
        if type(value) is float and not -EXACT_INTEGERS < value < EXACT_INTEGERS:
            record = _exact(raw)
            break
    if b"u0000" in raw and (reason := unstorable(record)):
        raise NotARecord(reason)
    return record


def unstorable(value: Any) -> str:
    """Why a text in `value`, keys included, cannot be stored; «» when all can."""
    stack = [value]
    while stack:
        item = stack.pop()
        if type(item) is str:
            if not storable(item):
                return NUL if "\x00" in item else HALF
        elif type(item) is dict:
            stack.extend(item)
            stack.extend(item.values())
        elif type(item) is list:
            stack.extend(item)
    return ""


def storable(text: str) -> bool:
    """Whether a database can hold `text`: no NUL, no lone surrogate."""
    return "\x00" not in text and (text.isascii() or not _SURROGATES.search(text))


_SURROGATES = re.compile("[\ud800-\udfff]")


def _number(text: str) -> float | str:
    value = float(text)
    return value if -float("inf") < value < float("inf") else text


def _exact(raw: bytes) -> Any:
    def refuse(word: str) -> None:
        raise NotARecord(f"{word} is not JSON; write null or a text in quotes.")

    try:
        value = json.loads(raw, parse_float=_number, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        if isinstance(error, NotARecord):
            raise
        raise NotARecord("A number in the record has too many digits to be read.") from error
    if reason := unstorable(value):
        raise NotARecord(reason)
    return value


def _second_try(raw: bytes, error: orjson.JSONDecodeError) -> Any:
    """What can still be read exactly of a text the parser refused; NotARecord otherwise."""
    said = str(error)
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as wrong:
        raise NotARecord(
            f"The text is not UTF-8 (byte 0x{raw[wrong.start]:02x} at position {wrong.start + 1}); "
            "save the file as UTF-8, or name its encoding."
        ) from None
    if not raw.strip(b"\x00 \t\r\n"):
        raise NotARecord("The line holds only NUL bytes, as after a crash while writing.")
    if b"\x00" in raw:
        raise NotARecord("The line holds a raw NUL byte, which is not JSON and cannot be stored.")
    if "depth limit" in said:
        return _shallow(raw)
    if "infinity" in said:
        return _exact(raw)
    for sign, reason in REASONS:
        if sign in said:
            raise NotARecord(reason)
    if constant := re.search(rb"[:\[,]\s*(-?Infinity|NaN)\b", raw):
        raise NotARecord(f"{constant[1].decode()} is not JSON; write null or a text in quotes.")
    if raw.lstrip()[:1] not in (b"{", b"["):
        raise NotARecord("The line is no JSON; each line must hold one object {…}.")
    where = re.search(r"\(char (\d+)\)", said)
    place = f" at character {int(where[1]) + 1}" if where else ""
    raise NotARecord(f"The text is not valid JSON{place}.")


def _shallow(raw: bytes) -> dict[str, Any]:
    """The object in `raw` with every value that is too deep for the parser kept as its text."""
    record: dict[str, Any] = {}
    depth = 0
    start = -1
    key = None
    if raw.lstrip()[:1] != b"{" or len(raw) > MAX_RECORD_BYTES:
        raise NotARecord("The record is nested too deeply to be read.")
    for token in TOKENS.finditer(raw):
        sign = token[0][:1]
        if sign in b"{[":
            depth += 1
            if depth > MAX_DEPTH:
                raise NotARecord(f"The record is nested deeper than {MAX_DEPTH:,} levels.")
            if depth == 1:
                start = token.end()
        elif depth == 1 and sign == b":" and key is None:
            key, start = raw[start : token.start()], token.end()
        elif sign in b"}]" or (sign == b"," and depth == 1):
            if depth == 1 and key is not None:
                record[_value(key)] = _value(raw[start : token.start()])
                key, start = None, token.end()
            depth -= sign in b"}]"
    if depth != 0:
        raise NotARecord("The record is cut off before its end.")
    return record


def _value(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if "depth limit" in str(error):
            return raw.decode("utf-8").strip()
        raise NotARecord("The text is not valid JSON.") from error

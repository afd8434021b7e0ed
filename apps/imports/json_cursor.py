"""A cursor in a stream of JSON text, which finds where values begin and end without recursion
and without holding more than one of them. Imports no Django."""

import re
from collections.abc import Iterator

import orjson

from apps.imports.items import MAX_RECORD_BYTES
from apps.imports.source import CHUNK, Broken

BLANK = re.compile(rb"[\s,]*+")
STRUCTURE = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["{}\[\]]', re.DOTALL)
STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
IN_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
SCALAR = re.compile(rb'[^\s,\[\]{}"]++')


class Ended(Exception):
    """The document ends, or stops being JSON, where a value should go on."""


class Cursor:
    """A place in a stream of JSON text, with as much of it in memory as one value needs."""

    def __init__(self, chunks: Iterator[bytes], *, forget: bool = True) -> None:
        self.chunks = chunks
        self.forget = forget
        self.buffer = b""
        self.at = 0
        self.line = 1
        self.counted = 0
        self.broken = ""

    def more(self, least: int = CHUNK) -> bool:
        """Read on, by at least as much as is being looked at; False at the end."""
        parts = [self.buffer]
        got = 0
        try:
            while got < max(1, least) and (chunk := next(self.chunks, b"")):
                parts.append(chunk)
                got += len(chunk)
        except Broken as error:
            self.broken = str(error)
        self.buffer = b"".join(parts)
        return got > 0

    def drop(self) -> None:
        """Forget what lies before the cursor."""
        if self.forget:
            self.here()
            self.buffer = self.buffer[self.at :]
            self.at = self.counted = 0

    def trim(self) -> None:
        """Forget what lies before the cursor when that is worth the copying."""
        if self.at > max(CHUNK, len(self.buffer) // 2):
            self.drop()

    def here(self) -> int:
        """The number of the line the cursor is in."""
        self.line += self.buffer.count(b"\n", self.counted, self.at)
        self.counted = self.at
        return self.line

    def byte(self) -> bytes:
        """The next byte that is no blank, comma or comment, left unread; b"" at the end."""
        while True:
            self.at = BLANK.match(self.buffer, self.at).end()  # type: ignore[union-attr]
            self.trim()
            if self.at >= len(self.buffer):
                if not self.more():
                    return b""
                continue
            sign = self.buffer[self.at : self.at + 1]
            if sign not in b"/#" or not self._comment(sign):
                return sign

    def _comment(self, sign: bytes) -> bool:
        if sign == b"/" and len(self.buffer) - self.at < 2:
            self.more()
        pair = self.buffer[self.at : self.at + 2]
        if sign == b"/" and pair not in (b"//", b"/*"):
            return False
        end = b"*/" if pair == b"/*" else b"\n"
        while (stop := self.buffer.find(end, self.at + 1)) < 0:
            if len(self.buffer) - self.at > MAX_RECORD_BYTES or not self.more():
                stop = len(self.buffer)
                break
        self.at = min(len(self.buffer), stop + len(end))
        return True

    def take(self) -> bytes:
        """The value at the cursor, whole; b"" when it was too long and passed over. Raises
        Ended, with the cursor at the end, when it is cut off."""
        start = self.at
        sign = self.buffer[start : start + 1]
        if sign == b'"':
            pattern = STRING
        elif sign not in b"{[":
            pattern = SCALAR
        else:
            return self._bracketed()
        while True:
            found = pattern.match(self.buffer, start)
            if found and (pattern is STRING or found.end() < len(self.buffer)):
                break
            if len(self.buffer) - start > MAX_RECORD_BYTES or not self.more(len(self.buffer)):
                if found:
                    break
                self.at = len(self.buffer) if pattern is STRING else start + 1
                if pattern is STRING:
                    raise Ended
                return sign
        self.at = found.end()
        return found[0]

    def _bracketed(self) -> bytes:
        start = place = self.at
        depth = 0
        kept = True
        while True:
            for token in STRUCTURE.finditer(self.buffer, place):
                sign = self.buffer[token.start()]
                if sign == 0x22:
                    if token.end() - token.start() == 1:  # a text that goes on beyond the buffer
                        place = token.start()
                        break
                elif sign in b"{[":
                    depth += 1
                else:
                    depth -= 1
                    if depth == 0:
                        self.at = token.end()
                        return self.buffer[start : self.at] if kept else b""
                place = token.end()
            else:
                place = len(self.buffer)
            if len(self.buffer) - start > MAX_RECORD_BYTES:
                kept = False
                self.at = place
                self.drop()
                start = place = 0
                if self.buffer[:1] == b'"' and not STRING.match(self.buffer):
                    self._pass_string()
                    place = self.at
            elif not self.more(len(self.buffer) - start):
                self.at = len(self.buffer)
                raise Ended

    def _pass_string(self) -> None:
        """Go past a text too long to be held."""
        self.at += 1
        while True:
            self.at = IN_STRING.match(self.buffer, self.at).end()  # type: ignore[union-attr]
            if self.buffer[self.at : self.at + 1] == b'"':
                self.at += 1
                self.drop()
                return
            self.drop()
            if not self.more():
                raise Ended

    def pass_value(self) -> None:
        """Go past the value at the cursor."""
        self.take()
        self.trim()

    def members(self) -> Iterator[str]:
        """Keys of the object the cursor stands at; at each, the cursor stands at its value,
        which the caller has to take or to pass."""
        self.at += 1
        while (sign := self.byte()) != b"}":
            if not sign:
                raise Ended
            if sign != b'"':
                raise Ended("A key in double quotes should stand here; what follows is not JSON.")
            key = _text(self.take())
            if self.byte() == b":":
                self.at += 1
            if not self.byte():
                raise Ended
            yield key
        self.at += 1


def _text(raw: bytes) -> str:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw.decode("utf-8", "replace").strip('"')
    return value if type(value) is str else str(value)

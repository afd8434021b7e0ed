"""JSON documents as a stream of records, without loading them and without recursion.

A record is an object. Arrays are walked through at any depth; of a document that is one object,
`layout` says where its records are: side by side (`concatenated`), under a path (`wrapped`), as
the values of its keys (`keyed`), spread over parallel lists (`columns`), or itself (`single`).
Commas and comments between records are passed over. Imports no Django.
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson

from apps.imports.items import MAX_RECORD_BYTES, Bad, Good, Item
from apps.imports.json_text import MAX_DEPTH, NotARecord, parse_record
from apps.imports.source import CHUNK, Broken, Source

PEEK = 4 * 1024 * 1024
MAX_COLUMNS_BYTES = 256 * 1024 * 1024
BLANK = re.compile(rb"[\s,]*+")
STRUCTURE = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["{}\[\]]', re.DOTALL)
STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
IN_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
SCALAR = re.compile(rb'[^\s,\[\]{}"]++')
SPLITS = frozenset({"train", "test", "validation", "valid", "dev", "val"})
LIKELY = ("data", "items", "rows", "records", "examples", "results", "instances", "outputs")
# Lists of objects that belong to a record rather than hold records.
INNER = frozenset({"messages", "conversations", "conversation", "chat", "prompt", "turns"})
CUT = "The file ends in the middle of a record; the records before it were read."
UNCLOSED = "The file ends before its closing bracket; the records before it were read."
TOO_LONG = f"The record is longer than {MAX_RECORD_BYTES // 1024 // 1024} MB and was passed over."


@dataclass(slots=True)
class Layout:
    """Where a document keeps its records; `paths` are the keys that lead to their lists."""

    name: str
    paths: list[tuple[str, ...]] = field(default_factory=list)


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

    def here(self) -> int:
        """The number of the line the cursor is in."""
        self.line += self.buffer.count(b"\n", self.counted, self.at)
        self.counted = self.at
        return self.line

    def byte(self) -> bytes:
        """The next byte that is no blank, comma or comment, left unread; b"" at the end."""
        while True:
            self.at = BLANK.match(self.buffer, self.at).end()  # type: ignore[union-attr]
            if self.at > CHUNK:
                self.drop()
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
        self.drop()


def read(source: Source, layout: Layout) -> Iterator[Item]:
    """Items of the whole document; whatever ends it early is the last item, marked fatal."""
    cursor = Cursor(source.chunks(source.bom))
    walk = _Walk(cursor)
    try:
        if layout.name == "columns":
            yield from walk.columns()
        elif layout.name == "keyed":
            yield from walk.keyed()
        elif layout.name == "wrapped":
            yield from walk.wrapped(layout.paths, ())
        else:
            yield from walk.values(stop=b"")
    except Ended as error:
        yield walk.bad(str(error) or CUT, fatal=True)
    if cursor.broken and not walk.over:
        yield walk.bad(cursor.broken, fatal=True)


class _Walk:
    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.index = 0
        self.over = False

    def bad(self, reason: str, raw: bytes = b"", fatal: bool = False) -> Bad:
        if fatal:
            reason = self.cursor.broken or reason
            self.over = True
        item = Bad(self.index, self.cursor.here(), reason, raw, fatal)
        self.index += 1
        return item

    def record(self, key: str | None = None) -> Item:
        """The object at the cursor; with `key`, as its id unless it has one."""
        cursor = self.cursor
        line, start = cursor.here(), cursor.at
        try:
            raw = cursor.take()
        except Ended:
            item = self.bad(CUT, cursor.buffer[start:], fatal=True)
            item.line = line
            return item
        index = self.index
        self.index += 1
        if cursor.at > CHUNK:
            cursor.drop()
        if not raw:
            return Bad(index, line, TOO_LONG)
        try:
            record = parse_record(raw)
        except NotARecord as error:
            return Bad(index, line, str(error), raw)
        if key is not None:
            record.setdefault("id", key)
        return Good(index, line, record, raw)

    def values(self, stop: bytes) -> Iterator[Item]:
        """Every object up to the end of the document, or of the list the cursor stands at."""
        cursor = self.cursor
        depth = 0
        while sign := cursor.byte():
            if sign == b"{":
                item = self.record()
                yield item
                if type(item) is Bad and item.fatal:
                    return
            elif sign == b"[":
                cursor.at += 1
                depth += 1
                if depth > MAX_DEPTH:
                    reason = f"The lists are nested deeper than {MAX_DEPTH:,} levels."
                    yield self.bad(reason, fatal=True)
                    return
            elif sign == b"]":
                cursor.at += 1
                depth -= 1
                if stop and depth == 0:
                    return
            elif sign == b"}":
                cursor.at += 1
            else:
                raw = cursor.take()
                yield self.bad("An object {…} should stand here; this is none.", raw)
                cursor.drop()
        if depth > 0 and not cursor.broken:
            yield self.bad(UNCLOSED, fatal=True)

    def members(self) -> Iterator[str]:
        """Keys of the object the cursor stands at; at each, the cursor stands at its value,
        which the caller has to take or to pass."""
        cursor = self.cursor
        cursor.at += 1
        while (sign := cursor.byte()) != b"}":
            if not sign:
                raise Ended
            if sign != b'"':
                raise Ended("A key in double quotes should stand here; what follows is not JSON.")
            key = _text(cursor.take())
            if cursor.byte() == b":":
                cursor.at += 1
            if not cursor.byte():
                raise Ended
            yield key
        cursor.at += 1

    def keyed(self) -> Iterator[Item]:
        cursor = self.cursor
        cursor.byte()
        for key in self.members():
            if cursor.byte() == b"{":
                item = self.record(key)
                yield item
                if type(item) is Bad and item.fatal:
                    return
            else:
                yield self.bad(f"The value of «{key[:60]}» is no object {{…}}.", cursor.take())

    def wrapped(self, paths: list[tuple[str, ...]], inside: tuple[str, ...]) -> Iterator[Item]:
        cursor = self.cursor
        cursor.byte()
        for key in self.members():
            path = (*inside, key)
            sign = cursor.byte()
            if path in paths and sign == b"[":
                for item in self.values(stop=b"]"):
                    yield item
                    if type(item) is Bad and item.fatal:
                        return
            elif sign == b"{" and any(known[: len(path)] == path for known in paths):
                yield from self.wrapped(paths, path)
            else:
                cursor.pass_value()

    def columns(self) -> Iterator[Item]:
        cursor = self.cursor
        cursor.byte()
        try:
            while len(cursor.buffer) <= MAX_COLUMNS_BYTES and cursor.more(len(cursor.buffer)):
                pass
            if len(cursor.buffer) > MAX_COLUMNS_BYTES:
                yield self.bad(
                    "A file of parallel lists has to be held whole and this one is longer than "
                    f"{MAX_COLUMNS_BYTES // 1024 // 1024} MB; save it as JSON lines.", fatal=True
                )
                return
            columns = parse_record(cursor.take())
        except NotARecord as error:
            yield self.bad(str(error), fatal=True)
            return
        lists = {
            name: list(value.values()) if type(value) is dict else value
            for name, value in columns.items()
        }
        sizes = {len(values) for values in lists.values()}
        if len(sizes) > 1:
            told = ", ".join(f"«{name[:40]}» {len(lists[name]):,}" for name in list(lists)[:6])
            yield self.bad(
                f"The lists have different lengths ({told}), so which values belong together "
                "cannot be told.", cursor.buffer[: cursor.at], fatal=True
            )
            return
        for values in zip(*lists.values(), strict=True):
            yield Good(self.index, None, dict(zip(lists, values, strict=True)))
            self.index += 1


def _text(raw: bytes) -> str:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw.decode("utf-8", "replace").strip('"')
    return value if type(value) is str else str(value)


def layout_of(source: Source) -> Layout | None:
    """How the document keeps its records, judged by its first megabytes; None when it holds
    none that can be seen."""
    cursor = Cursor(iter([source.peek(PEEK)[source.bom :]]), forget=False)
    if cursor.byte() == b"[":
        return Layout("array")
    if cursor.byte() != b"{":
        return None
    shape = _Shape()
    try:
        shape.look(_Walk(cursor), ())
        if cursor.byte() == b"{":
            return Layout("concatenated")
    except Ended:
        pass
    return shape.layout()


class _Shape:
    """What stands under each path of the first object, two levels down."""

    def __init__(self) -> None:
        self.kinds: dict[str, str] = {}
        self.keys: list[frozenset[str]] = []
        self.lists: dict[tuple[str, ...], int] = {}

    def look(self, walk: _Walk, inside: tuple[str, ...]) -> None:
        """Note the members of the object at the cursor; Ended when the look ends within it."""
        cursor = walk.cursor
        for key in walk.members():
            path = (*inside, key)
            sign = cursor.byte()
            if not inside:
                self.kinds[key] = sign.decode("ascii", "replace")
            if sign == b"[":
                self._list(cursor, path)
            elif sign == b"{" and len(path) < 3:
                before, place = len(self.lists), cursor.at
                if not inside:
                    with contextlib.suppress(Ended):
                        self.keys.append(_keys(cursor.take()))
                    cursor.at = place
                self.look(walk, path)
                if not inside and len(self.lists) > before:
                    self.kinds[key] = "wrap"
            else:
                cursor.take()

    def _list(self, cursor: Cursor, path: tuple[str, ...]) -> None:
        start = cursor.at
        cursor.at += 1
        while (sign := cursor.byte()) == b"[":
            cursor.at += 1
        of_objects = sign == b"{"
        if of_objects and path[-1].lower() not in INNER:
            if len(path) == 1:
                self.kinds[path[0]] = "[{"
            self.lists[path] = 1
        cursor.at = start
        try:
            size = len(cursor.take())
        except Ended:
            size = len(cursor.buffer) - start
            if path in self.lists:
                self.lists[path] = size
            raise
        if path in self.lists:
            self.lists[path] = size

    def layout(self) -> Layout | None:
        kinds = list(self.kinds.values())
        tops = [path for path in self.lists if len(path) == 1]
        if len(kinds) > 1 and all(kind == "[" for kind in kinds):
            return Layout("columns")
        alike = len(self.keys) > 1 and self.keys[0] and len(self.keys[0] & self.keys[1]) * 2 >= len(
            self.keys[0] | self.keys[1]
        )
        if alike and all(kind in ("{", "wrap") for kind in kinds):
            if all(key.isdecimal() for key in self.keys[0]):
                return Layout("columns")
            return Layout("keyed")
        if self.lists:
            if tops and all(path[0].lower() in SPLITS for path in tops):
                return Layout("wrapped", tops)
            named = [path for path in self.lists if path[-1].lower() in LIKELY]
            best = max(named or self.lists, key=self.lists.__getitem__)
            # A record may well have a list of objects of its own beside its texts.
            texts = sum(kind == '"' for kind in kinds)
            if named or len(best) > 1 or texts < 2 or self.lists[best] > 64 * 1024:
                return Layout("wrapped", [best])
        if '"' in kinds or any(key.lower() in INNER for key in self.kinds):
            return Layout("single")
        return None


def _keys(raw: bytes) -> frozenset[str]:
    try:
        return frozenset(orjson.loads(raw))
    except orjson.JSONDecodeError:
        return frozenset()

"""JSON documents as a stream of records, without loading them and without recursion.

A record is an object. Arrays are walked through at any depth; where an object that is the whole
document keeps its records is told by its layout. Commas and comments between records are passed
over. Imports no Django.
"""

from collections.abc import Iterator, Sequence

from apps.imports.items import MAX_RECORD_BYTES, Bad, Good, Item
from apps.imports.json_cursor import Cursor, Ended
from apps.imports.json_layout import Layout
from apps.imports.json_text import MAX_DEPTH, NotARecord, parse_object, parse_record, unstorable
from apps.imports.source import Source

MAX_COLUMNS_BYTES = 256 * 1024 * 1024
CUT = "The file ends in the middle of a record; the records before it were read."
UNCLOSED = "The file ends before its closing bracket; the records before it were read."
TOO_LONG = f"The record is longer than {MAX_RECORD_BYTES // 1024 // 1024} MB and was passed over."


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
        cursor.trim()
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
                cursor.trim()
        if depth > 0 and not cursor.broken:
            yield self.bad(UNCLOSED, fatal=True)

    def keyed(self) -> Iterator[Item]:
        cursor = self.cursor
        cursor.byte()
        for key in cursor.members():
            if cursor.byte() == b"{":
                item = self.record(key)
                yield item
                if type(item) is Bad and item.fatal:
                    return
            else:
                yield self.bad(f"The value of «{key[:60]}» is no object {{…}}.", cursor.take())

    def wrapped(self, paths: Sequence[tuple[str, ...]], inside: tuple[str, ...]) -> Iterator[Item]:
        cursor = self.cursor
        cursor.byte()
        for key in cursor.members():
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
                    f"{MAX_COLUMNS_BYTES // 1024 // 1024} MB; save it as JSON lines.",
                    fatal=True,
                )
                return
            columns = parse_object(cursor.take())
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
                "cannot be told.",
                cursor.buffer[: cursor.at],
                fatal=True,
            )
            return
        for values in zip(*lists.values(), strict=True):
            good = Good(self.index, None, dict(zip(lists, values, strict=True)))
            if reason := unstorable(good.record):
                yield self.bad(reason, good.raw_line())
            else:
                yield good
                self.index += 1

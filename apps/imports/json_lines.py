"""JSON lines: one object a line. The hot path of every large import, so the loop does no more
for a good line than parse it and look at what the parser does not check.

Imports no Django.
"""

from collections.abc import Iterator

import orjson

from apps.imports.items import MAX_RECORD_BYTES, Bad, Good, Item
from apps.imports.json_text import EXACT_INTEGERS, NotARecord, parse_record, settle
from apps.imports.source import Broken, Source

TOO_LONG = f"The line is longer than {MAX_RECORD_BYTES // 1024 // 1024} MB and was passed over."


def lines(source: Source, offset: int) -> Iterator[list[bytes]]:
    """Lists of whole lines without their line feed; an over-long line is cut to one byte more
    than the limit. A last line without an end comes alone. Raises Broken at a fault."""
    parts: list[bytes] = []
    size = 0
    try:
        for chunk in source.chunks(offset):
            cut = chunk.rfind(b"\n")
            if cut < 0:
                if size <= MAX_RECORD_BYTES:
                    parts.append(chunk)
                    size += len(chunk)
                continue
            whole = chunk[:cut].split(b"\n")
            if parts:
                parts.append(whole[0])
                whole[0] = b"".join(parts)
            parts = [chunk[cut + 1 :]]
            size = len(parts[0])
            yield whole
    except Broken:
        if rest := b"".join(parts):
            yield [rest]
        raise
    if rest := b"".join(parts):
        yield [rest]


def read(source: Source, position: dict[str, int], limit: int = MAX_RECORD_BYTES) -> Iterator[Item]:
    """Items from `position` on, which is brought up to date before each item is handed out:
    `index`, `line` and `offset` are those of the line that comes next."""
    loads = orjson.loads
    index, line, offset = position["index"], position["line"], position["offset"]
    if offset == 0:
        offset = source.bom
    item: Item
    if position.get("ended"):
        return
    try:
        for group in lines(source, offset):
            for raw in group:
                line += 1
                offset += len(raw) + 1
                try:
                    record = loads(raw)
                    if type(record) is not dict:
                        record = parse_record(raw)
                    elif b"u0000" in raw:
                        settle(record, raw)
                    else:
                        for value in record.values():
                            if type(value) is float and not (
                                -EXACT_INTEGERS < value < EXACT_INTEGERS
                            ):
                                record = settle(record, raw)
                                break
                    item = Good(index, line, record, raw)
                except orjson.JSONDecodeError:
                    if not raw or raw.isspace():
                        continue
                    item = _second(raw, index, line)
                except NotARecord as error:
                    item = Bad(index, line, str(error), raw)
                if len(raw) > limit:
                    item = Bad(index, line, TOO_LONG, raw[:limit])
                index += 1
                position["index"], position["line"], position["offset"] = index, line, offset
                yield item
    except Broken as error:
        position["index"], position["ended"] = index + 1, 1  # or the fault would come again
        yield Bad(index, line + 1, str(error), fatal=True)


def _second(raw: bytes, index: int, line: int) -> Item:
    try:
        return Good(index, line, parse_record(raw), raw)
    except NotARecord as error:
        return Bad(index, line, str(error), raw)

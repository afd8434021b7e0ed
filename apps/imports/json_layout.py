"""How a JSON document keeps its records: judged by its first megabytes.

Of a document that is one object the records are side by side (`concatenated`), under a path
(`wrapped`), the values of its keys (`keyed`), spread over parallel lists (`columns`), or the
object itself (`single`). Imports no Django.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from apps.imports.fields import GUESSES
from apps.imports.json_cursor import Cursor, Ended
from apps.imports.source import Source

PEEK = 4 * 1024 * 1024
SPLITS = frozenset({"train", "test", "validation", "valid", "dev", "val"})
LIKELY = ("data", "items", "rows", "records", "examples", "results", "instances", "outputs")
# Lists of objects that belong to a record rather than hold records.
INNER = frozenset({"messages", "conversations", "conversation", "chat", "prompt", "turns"})


@dataclass(slots=True)
class Layout:
    """Where a document keeps its records; `paths` are the keys that lead to their lists."""

    name: str
    paths: Sequence[tuple[str, ...]] = ()


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
        shape.look(cursor, ())
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

    def look(self, cursor: Cursor, inside: tuple[str, ...]) -> None:
        """Note the members of the object at the cursor; Ended when the look ends within it."""
        for key in cursor.members():
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
                self.look(cursor, path)
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
        alike = len(self.keys) > 1 and _alike(self.keys[0], self.keys[1])
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
            asks = any(key.strip().lower() in GUESSES["statement"] for key in self.kinds)
            if named or (not asks and (texts < 2 or self.lists[best] > 64 * 1024)):
                return Layout("wrapped", [best])
        if '"' in kinds or any(key.lower() in INNER for key in self.kinds):
            return Layout("single")
        return None


def _keys(raw: bytes) -> frozenset[str]:
    try:
        return frozenset(orjson.loads(raw))
    except orjson.JSONDecodeError:
        return frozenset()


def _alike(first: frozenset[str], second: frozenset[str]) -> bool:
    """Whether two objects look like records of one kind."""
    return bool(first and second) and len(first & second) * 2 >= min(len(first), len(second))

"""Files of records, recognised by what they hold rather than by their name, read as a stream.

    reader = open_records(path)
    for batch in reader.batches(500):
        ...  # store it, with reader.position beside it

A position is JSON; `open_records(path, position=...)` goes on after the batch it came with. Of
JSON lines it holds a byte offset, so that going on costs nothing; of the other formats it holds
a count, and the records before it are read again and passed over. Imports no Django.
"""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from apps.imports import json_layout, json_lines, json_stream, tables
from apps.imports.items import Bad, Good, Item, UnreadableFile
from apps.imports.source import Source

__all__ = ["Bad", "Good", "Item", "RecordReader", "UnreadableFile", "open_records"]

Format = Literal["jsonl", "json", "csv", "parquet"]
LINE_LOOK = 16 * 1024 * 1024
BATCH_BYTES = 8 * 1024 * 1024
PACKED_NAME = re.compile(r"\.(?:gz|gzip|zst|zstd)$")
TABLE_NAMES = (".csv", ".tsv", ".tab")
JSON_NAMES = (".json", ".jsonl", ".ndjson", ".jl")


class RecordReader:
    """The records of one file, in order; iterate, or take `batches`.

    `format` is what the file was recognised as, `layout` says more where there is more to say
    (how a JSON document keeps its records, the separator of a table).
    """

    def __init__(
        self,
        source: Source,
        format: Format,
        *,
        name: str,
        layout: str = "",
        document: json_layout.Layout | None = None,
        header: bool | None = None,
        parquet: Any = None,
        position: dict[str, Any] | None = None,
    ) -> None:
        self.source = source
        self.format: Format = format
        self.name = name
        self.layout = layout
        self.packing = source.packing
        self.encoding = source.encoding
        self.size = source.size
        self._document = document
        self._header = header
        self._parquet = parquet
        self._at = {"index": 0, "line": 0, "offset": 0, "ended": 0}
        if position:
            if position.get("format") not in (None, format):
                raise UnreadableFile(
                    f"The import began with a file of format {position['format']} and this one is "
                    f"{format}; import the same file again, or start anew."
                )
            for key in self._at:
                self._at[key] = int(position.get(key, 0))

    @property
    def position(self) -> dict[str, Any]:
        """Where the next record begins, as JSON for `open_records`."""
        return {"format": self.format, **self._at}

    @property
    def progress(self) -> float:
        """Share of the file that was read so far, from 0 to 1 (Parquet: of its rows)."""
        if self.format == "parquet":
            rows = self._parquet.metadata.num_rows
            return min(1.0, self._at["index"] / rows) if rows else 1.0
        return self.source.progress

    def __iter__(self) -> Iterator[Item]:
        if self.format == "jsonl":
            return json_lines.read(self.source, self._at)
        return self._counted()

    def batches(self, size: int = 500) -> Iterator[list[Item]]:
        """Lists of up to `size` items, fewer where they are large (8 MB of text); `position`
        then stands after the last of the list."""
        batch: list[Item] = []
        held = 0
        for item in self:
            batch.append(item)
            held += len(item.raw) if item.raw is not None else 0
            if len(batch) >= size or held >= BATCH_BYTES:
                yield batch
                batch, held = [], 0
        if batch:
            yield batch

    def head(self, count: int = 20) -> list[Item]:
        """The first items of the file, wherever this reader stands."""
        fresh = RecordReader(
            Source(self.source.path, encoding=self._named_encoding),
            self.format,
            name=self.name,
            layout=self.layout,
            document=self._document,
            header=self._header,
            parquet=self._parquet,
        )
        return list(itertools.islice(fresh, count))

    @property
    def _named_encoding(self) -> str | None:
        return None if self.encoding == "utf-8" else self.encoding

    def _counted(self) -> Iterator[Item]:
        start = self._at["index"]
        if self.format == "parquet":
            items = tables.read_parquet(self._parquet, start)
        elif self.format == "csv":
            items = tables.read_csv(self.source, self.layout, self._header)
        else:
            assert self._document is not None
            items = json_stream.read(self.source, self._document)
        for item in items:
            if item.index >= start:
                self._at["index"] = item.index + 1
                self._at["line"] = item.line or 0
                yield item


def open_records(
    path: Path,
    *,
    name: str | None = None,
    position: dict[str, Any] | None = None,
    encoding: str | None = None,
    header: bool | None = None,
) -> RecordReader:
    """A reader of the records in `path`; UnreadableFile, with one sentence, when it holds none.

    `name` is the name the file had where it came from; it only decides what nothing else does.
    `position` goes on where another reader of the same file stood. `encoding` names the
    encoding of a text that is neither UTF-8 nor UTF-16; `header` says whether a table's first
    row names its columns (None: judge by its cells).
    """
    path = Path(path)
    name = PACKED_NAME.sub("", (name or path.name).lower())
    parquet = tables.open_parquet(path) if tables.is_parquet(path) else None
    source = Source(path, encoding=encoding)

    def reader(format: Format, **more: Any) -> RecordReader:
        return RecordReader(source, format, name=name, position=position, header=header, **more)

    if parquet is not None:
        return reader("parquet", parquet=parquet)
    if source.head.startswith(b"PAR1"):
        raise UnreadableFile("A Parquet file cannot be read while packed; unpack it first.")
    head = source.head[source.bom :].lstrip()
    if not head:
        if source.broken:
            raise UnreadableFile(source.broken)
        return reader("jsonl")
    table = name.endswith(TABLE_NAMES)
    if head[:1] in b"{[" or (head[:1] in b"/#" and not table):
        if _is_lines(source):
            return reader("jsonl")
        document = json_layout.layout_of(source)
        if document is not None:
            return reader("json", document=document, layout=document.name)
        if not name.endswith((".jsonl", ".ndjson")) and head[:1] in b"{[":
            raise UnreadableFile(
                "The file is JSON but holds no list of records; records are objects in an array, "
                "one object a line, or objects under keys."
            )
    text = source.head[source.bom :].decode("utf-8", "replace")
    cut = text.rfind("\n")
    separator = tables.separator_of(text if cut < 0 else text[:cut], named=table)
    if separator and not name.endswith(JSON_NAMES):
        return reader("csv", layout=separator)
    if not name.endswith(JSON_NAMES):
        raise UnreadableFile(
            "The file is neither JSON nor a table; import JSON lines, a JSON array, CSV, TSV or "
            "Parquet."
        )
    return reader("jsonl")


def _is_lines(source: Source) -> bool:
    """Whether the text is one object a line, even if some lines are broken: by the shape of its
    first lines, not by whether they parse."""
    text = source.head[source.bom :]
    whole = len(source.head) < 64 * 1024
    if b"\n" not in text.lstrip() and not whole:
        text = source.peek(LINE_LOOK)[source.bom :]
        whole = len(text) < LINE_LOOK - 3
    lines = [line.strip() for line in text.split(b"\n")]
    if not whole:
        lines.pop()
    lines = [line for line in lines if line]
    if len(lines) < 2 and whole:
        return False  # one line alone: a document tells more layouts apart
    lines = [line for line in lines if line.strip(b"\x00")][:50]
    if not lines:
        return False
    shaped = [line.startswith(b"{") and line.endswith(b"}") for line in lines]
    if shaped[0] or (lines[0].startswith(b"[") and lines[0].endswith(b"]") and any(shaped)):
        return lines[0] != b"{}" or sum(shaped) > 1
    return sum(shaped) * 2 > len(shaped)

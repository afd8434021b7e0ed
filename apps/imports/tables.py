"""Tables: CSV with any of the usual separators, and Parquet. Imports no Django."""

import base64
import csv
import datetime
import decimal
import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from apps.imports.fields import KNOWN_COLUMNS
from apps.imports.items import MAX_RECORD_BYTES, Bad, Good, Item, UnreadableFile
from apps.imports.json_text import storable
from apps.imports.source import Broken, Source

SEPARATORS = (",", "\t", ";", "|")
PARQUET_ROWS = 256
UNCLOSED = (
    "A quote is opened here and never closed, so the rows from here on cannot be told apart; "
    "close it and import the file again."
)


class _Text(io.RawIOBase):
    """A source as a file, so that the standard library can find its lines."""

    def __init__(self, source: Source) -> None:
        self.chunks = source.chunks(source.bom)
        self.rest = b""
        self.broken = ""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self.rest:
            try:
                self.rest = next(self.chunks, b"")
            except Broken as error:
                self.broken = str(error)
        part = self.rest[: len(buffer)]
        self.rest = self.rest[len(part) :]
        buffer[: len(part)] = part
        return len(part)


class _Lines:
    """Lines with their ends, remembered until the row they make up is complete."""

    def __init__(self, source: Source) -> None:
        self.raw = _Text(source)
        self.file = io.TextIOWrapper(
            io.BufferedReader(self.raw, 128 * 1024),
            encoding="utf-8",
            errors="surrogateescape",
            newline="",
        )
        self.number = 0
        self.row: list[str] = []

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self.file.readline(MAX_RECORD_BYTES)
        if not line:
            raise StopIteration
        self.number += 1
        self.row.append(line)
        return line

    def take(self) -> str:
        """The text of the row just read."""
        text = self.row[0] if len(self.row) == 1 else "".join(self.row)
        self.row = []
        return text


def separator_of(head: str, *, named: bool) -> str:
    """The separator that splits the first lines into the same number of cells; «» when none
    does and the file is not called a table (`named`)."""
    lines = head.splitlines()[:20]
    best, score = "", 0.0
    for separator in SEPARATORS:
        rows = [row for row in csv.reader(lines, delimiter=separator) if row]
        if not rows or len(rows[0]) < 2:
            continue
        same = sum(len(row) == len(rows[0]) for row in rows) / len(rows)
        value = same * 10 + min(len(rows[0]), 10) / 10
        if value > score and (named or same > 0.8):
            best, score = separator, value
    return best or ("," if named else "")


def has_header(cells: list[str]) -> bool:
    """Whether the first row names columns: a known name says yes, a number says no."""
    names = {cell.strip().lower() for cell in cells}
    return bool(names & KNOWN_COLUMNS) or not any(_is_number(cell) for cell in cells)


def _is_number(cell: str) -> bool:
    return bool(cell.strip()) and cell.strip().replace(".", "", 1).replace("-", "", 1).isdigit()


def column_names(cells: list[str]) -> list[str]:
    """Names without blanks around; an empty one is called by its place, a repeated one gets a
    number: question, question_2."""
    names: dict[str, None] = {}
    again: dict[str, int] = {}
    for place, cell in enumerate(cells, 1):
        name = base = cell.strip() or f"column_{place}"
        while name in names:
            again[base] = again.get(base, 1) + 1
            name = f"{base}_{again[base]}"
        names[name] = None
    return list(names)


def read_csv(source: Source, separator: str, header: bool | None = None) -> Iterator[Item]:
    """Rows of a table whose first row may name its columns (None: judge by its cells)."""
    csv.field_size_limit(MAX_RECORD_BYTES)
    lines = _Lines(source)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    names: list[str] = []
    index = 0
    while True:
        line = lines.number + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raw = lines.take().encode("utf-8", "surrogateescape")
            ended = "unexpected end" in str(error)
            yield Bad(index, line, UNCLOSED if ended else _reason(str(error)), raw, fatal=ended)
            index += 1
            continue
        if cells is None:
            break
        text = lines.take()
        if not cells or (len(cells) == 1 and not cells[0].strip()):
            continue
        if not names:
            named = has_header(cells) if header is None else header
            if named:
                names = column_names(cells)
                continue
            names = [f"column_{place}" for place in range(1, len(cells) + 1)]
        raw = text.rstrip("\r\n").encode("utf-8", "surrogateescape")
        if len(cells) != len(names):
            less = "fewer" if len(cells) < len(names) else "more"
            reason = f"The row has {len(cells)} cells, {less} than the {len(names)} columns."
            yield Bad(index, line, reason, raw)
        elif not storable(text):
            yield Bad(index, line, _unstorable(text), raw)
        else:
            yield Good(index, line, dict(zip(names, cells, strict=True)), raw)
        index += 1
    if lines.raw.broken:
        yield Bad(index, lines.number + 1, lines.raw.broken, fatal=True)


def _reason(said: str) -> str:
    if "field larger" in said:
        return f"A cell is longer than {MAX_RECORD_BYTES // 1024 // 1024} MB and was passed over."
    if "expected after" in said:
        return "Text follows a closing quote in a cell; write a quote inside a cell twice."
    return "The row is not valid CSV."


def _unstorable(text: str) -> str:
    if "\x00" in text:
        return "A cell holds the character NUL, which cannot be stored."
    return "The row is not UTF-8; save the file as UTF-8, or name its encoding."


def _frame(path: Path) -> tuple[bool, bool]:
    size = path.stat().st_size
    with path.open("rb") as file:
        starts = file.read(4) == b"PAR1"
        file.seek(max(4, size - 4))
        return starts, file.read(4) == b"PAR1"


def is_parquet(path: Path) -> bool:
    """Whether the file begins or ends as Parquet does."""
    return any(_frame(path))


def open_parquet(path: Path) -> pq.ParquetFile:
    """The file, opened; UnreadableFile when its frame is damaged."""
    starts, ends = _frame(path)
    if not starts or not ends:
        part = "end" if starts else "beginning"
        raise UnreadableFile(f"The {part} of the Parquet file is missing; download it again.")
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UnreadableFile("The Parquet file is damaged; download it again.") from error


def read_parquet(file: pq.ParquetFile, start: int = 0) -> Iterator[Item]:
    """Rows from number `start` on; whole row groups before it are not read."""
    index = 0
    for group in range(file.num_row_groups):
        size = file.metadata.row_group(group).num_rows
        if index + size <= start:
            index += size
            continue
        try:
            for batch in file.iter_batches(PARQUET_ROWS, row_groups=[group]):
                for item in _rows(batch, index):
                    if item.index >= start:
                        yield item
                index += batch.num_rows
        except (pa.ArrowException, OSError, ValueError):
            yield Bad(
                index,
                None,
                "The Parquet file is damaged from this row on; download it again.",
                fatal=True,
            )
            return


def _rows(batch: pa.RecordBatch, index: int) -> Iterator[Item]:
    names = batch.schema.names
    try:
        rows = batch.to_pylist()
    except (UnicodeDecodeError, pa.ArrowException, ValueError, OverflowError):
        rows = None
    for place in range(batch.num_rows):
        try:
            row = rows[place] if rows else batch.slice(place, 1).to_pylist()[0]
        except (UnicodeDecodeError, pa.ArrowException, ValueError, OverflowError):
            yield Bad(
                index + place,
                None,
                "A text of the row is not valid UTF-8: the file is damaged here.",
                _salvage(batch.slice(place, 1)),
            )
            continue
        record, fault = {}, ""
        for name in names:
            try:
                record[name] = _plain(row[name])
            except ValueError as error:
                fault = str(error)
        if fault:
            raw = Good(index + place, None, row).raw_line()
            yield Bad(index + place, None, fault, raw)
        else:
            yield Good(index + place, None, record)


def _salvage(row: pa.RecordBatch) -> bytes:
    """What can be shown of a row with damaged text."""
    parts = []
    for name, column in zip(row.schema.names, row.columns, strict=True):
        try:
            value = str(column.to_pylist()[0])
        except (UnicodeDecodeError, pa.ArrowException, ValueError, OverflowError):
            value = "(damaged)"
        parts.append(f"{name}: {value}")
    return "\n".join(parts).encode("utf-8", "replace")


def _plain(value: Any) -> Any:
    """`value` as JSON knows it: times as ISO 8601, bytes as their text or base64, decimals as
    text, NaN and infinity as null; ValueError for text that cannot be stored."""
    kind = type(value)
    if kind is str:
        if not storable(value):
            raise ValueError("A text holds the character NUL, which cannot be stored.")
        return value
    if value is None or kind is int or kind is bool:
        return value
    if kind is float:
        return value if math.isfinite(value) else None
    if kind is list:
        return [_plain(item) for item in value]
    if kind is dict:
        return {str(key): _plain(item) for key, item in value.items()}
    if kind is bytes:
        try:
            return _plain(value.decode("utf-8"))
        except UnicodeDecodeError:
            return base64.b64encode(value).decode("ascii")
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value)

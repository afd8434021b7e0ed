"""Which published shape a file has, and what its first records would become.

Imports no Django.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from apps.core.errors import InvalidInput
from apps.core.thinking import Split, split_thought
from apps.imports.base import BadRecord, Importer, ProblemRow, Record, importers
from apps.imports.fields import FIELDS
from apps.imports.items import Bad, Good
from apps.imports.readers import RecordReader

SAMPLE = 20


@dataclass(slots=True)
class PreviewRow:
    """What one record would become; `splits` are the spans of each trace's thought and answer,
    None where the thought came in a field of its own."""

    index: int
    line: int | None
    problem: ProblemRow
    splits: list[Split | None]


@dataclass(slots=True)
class Preview:
    """The first records of a file as the import would see them. `bad` holds what could not be
    used, with its sentence; `looked_at` counts the items looked at, good and bad."""

    shape: str
    columns: list[str]
    mapping: dict[str, str]
    rows: list[PreviewRow] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)
    looked_at: int = 0

    @property
    def unreadable(self) -> int:
        """How many of the items looked at cannot be used."""
        return len(self.bad)


def columns_of(sample: Iterable[Record]) -> frozenset[str]:
    """All columns that any of the records has."""
    return frozenset(column for record in sample for column in record)


def detect(columns: Iterable[str], sample: list[Record]) -> str:
    """The name of the shape with these columns: the one that requires most of them, then the
    highest priority. InvalidInput, naming the shapes and how to map columns, when none fits."""
    columns = frozenset(columns)
    found = [
        (len(importer.required), importer.priority, name)
        for name, importer in importers.items()
        if importer().matches(columns, sample)
    ]
    if not found:
        raise InvalidInput(_unknown(columns), code="unknown-shape")
    return max(found)[2]


def importer_for(
    reader: RecordReader, *, shape: str | None = None, mapping: Mapping[str, str] | None = None
) -> Importer:
    """The importer to use for a file: the named one, or the detected one. With a mapping that
    names the statement, a file of unknown columns is read as plain columns."""
    check_mapping(mapping or {})
    if shape:
        return importers.get(shape)()
    items = reader.head(SAMPLE)
    if not items:
        raise InvalidInput("The file holds no records.", code="no-records")
    sample: list[Record] = [item.record for item in items if isinstance(item, Good)]
    if not sample:
        raise InvalidInput(
            f"None of the first {SAMPLE} records of the file can be read, so its shape cannot be "
            "told; look at what the reader says of them, or name the shape.",
            code="unknown-shape",
        )
    columns = columns_of(sample)
    if mapping and (unknown := sorted(set(mapping.values()) - columns)):
        raise InvalidInput(
            f"The file has no column «{unknown[0][:80]}»; it has {_listed(columns)}.",
            code="unknown-column",
        )
    if mapping and mapping.get("statement"):
        try:
            name = detect(columns, sample)
        except InvalidInput:
            name = "columns"
        if {"trace", "reasoning"} & mapping.keys():
            name = "think-trace" if "reasoning" in mapping else "columns"
        elif name not in ("gsm8k", "think-trace"):
            name = "columns"
        return importers.get(name)()
    return importers.get(detect(columns, sample))()


def check_mapping(mapping: Mapping[str, str]) -> None:
    """InvalidInput when `mapping` names a field that problems do not have."""
    known = (*FIELDS, "messages")
    for name in mapping:
        if name not in known:
            raise InvalidInput(
                f"There is no field «{name[:80]}» to map a column to; there are: "
                f"{', '.join(sorted(known))}.",
                code="unknown-field",
            )


def rows_of(importer: Importer, item: Good, mapping: Mapping[str, str]) -> list[ProblemRow] | Bad:
    """What a record becomes, or the reason why it cannot be used."""
    try:
        return list(importer.rows(item.record, mapping))
    except BadRecord as error:
        return Bad(item.index, item.line, str(error), item.raw_line())


def preview(
    reader: RecordReader,
    importer: Importer,
    mapping: Mapping[str, str] | None = None,
    *,
    limit: int = SAMPLE,
) -> Preview:
    """What the first `limit` items of the file would become; the reader stays where it is."""
    mapping = dict(mapping or {})
    items = reader.head(limit)
    columns: dict[str, None] = {}
    result = Preview(importer.name, [], mapping, looked_at=len(items))
    for item in items:
        if isinstance(item, Bad):
            result.bad.append(item)
            continue
        columns.update(dict.fromkeys(item.record))
        rows = rows_of(importer, item, mapping)
        if isinstance(rows, Bad):
            result.bad.append(rows)
            continue
        for row in rows:
            splits = [
                None if trace.reasoning is not None else split_thought(trace.text)
                for trace in row.traces
            ]
            result.rows.append(PreviewRow(item.index, item.line, row, splits))
    result.columns = list(columns)
    return result


def _listed(columns: frozenset[str], limit: int = 12) -> str:
    names = sorted(columns)
    told = ", ".join(f"«{name[:60]}»" for name in names[:limit])
    return told + (f" and {len(names) - limit:,} more" if len(names) > limit else "")


def _unknown(columns: frozenset[str]) -> str:
    shapes = ", ".join(importers.names())
    return (
        f"No known shape fits the columns {_listed(columns)}; name the one with the problem's "
        f"statement (--map statement=COLUMN) or choose a shape: {shapes}."
    )

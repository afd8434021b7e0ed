"""Many rows at once, at the speed of the database driver rather than of model instances."""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import connection, models


def _adapter(field: models.Field, vendor: str) -> Callable[[Any], Any] | None:
    if isinstance(field, models.JSONField):
        if vendor == "postgresql":
            from psycopg.types.json import Jsonb

            return Jsonb
        return lambda value: json.dumps(value, ensure_ascii=False)
    if vendor == "sqlite":
        target = field
        while isinstance(target, models.ForeignKey):
            target = target.target_field
        if isinstance(target, models.UUIDField):
            return lambda value: None if value is None else value.hex
        if isinstance(target, models.DateTimeField):
            return connection.ops.adapt_datetimefield_value
    return None


def insert_rows(
    model: type[models.Model],
    fields: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    ignore_conflicts: bool = False,
) -> int:
    """Insert `rows` (values in the order of `fields`) and return how many were added.

    Every column without a database default must be named. Must run inside a transaction of the
    caller's. Values are Python's own (UUID, datetime, dict for JSON).
    """
    columns = [model._meta.get_field(name) for name in fields]
    names = ", ".join(connection.ops.quote_name(column.column) for column in columns)
    adapters = [
        (index, adapter)
        for index, column in enumerate(columns)
        if (adapter := _adapter(column, connection.vendor)) is not None
    ]
    prepared = []
    for row in rows:
        values = list(row)
        for index, adapter in adapters:
            values[index] = adapter(values[index])
        prepared.append(values)
    if not prepared:
        return 0
    marks = ", ".join(["%s"] * len(columns))
    table = connection.ops.quote_name(model._meta.db_table)
    tail = " ON CONFLICT DO NOTHING" if ignore_conflicts else ""
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks}){tail}", prepared)
        return cursor.rowcount

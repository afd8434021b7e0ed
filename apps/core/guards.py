"""Database triggers that refuse changes to append-only tables, on SQLite and PostgreSQL."""

from collections.abc import Iterable

from django.db import migrations
from django.db.backends.base.base import BaseDatabaseWrapper

SQLITE = """
CREATE TRIGGER IF NOT EXISTS guard_{table}_{verb} BEFORE {VERB} ON "{table}"
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END
"""
FUNCTION = """
CREATE OR REPLACE FUNCTION stillroom_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$
"""
POSTGRESQL = """
CREATE OR REPLACE TRIGGER guard_{table}_{verb} BEFORE {VERB} ON "{table}"
FOR EACH ROW EXECUTE FUNCTION stillroom_append_only()
"""


def raise_guards(connection: BaseDatabaseWrapper, tables: Iterable[str]) -> None:
    """Refuse every update and delete of these tables' rows from now on."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(FUNCTION)
        pattern = POSTGRESQL if connection.vendor == "postgresql" else SQLITE
        for table in tables:
            for verb in ("update", "delete"):
                cursor.execute(pattern.format(table=table, verb=verb, VERB=verb.upper()))


def lower_guards(connection: BaseDatabaseWrapper, tables: Iterable[str]) -> None:
    """Remove the guards: for reversing a migration and for emptying a test database."""
    with connection.cursor() as cursor:
        for table in tables:
            for verb in ("update", "delete"):
                on = f' ON "{table}"' if connection.vendor == "postgresql" else ""
                cursor.execute(f"DROP TRIGGER IF EXISTS guard_{table}_{verb}{on}")


def guard(*tables: str) -> migrations.RunPython:
    """The migration operation that guards `tables`."""
    return migrations.RunPython(
        lambda apps, editor: raise_guards(editor.connection, tables),
        lambda apps, editor: lower_guards(editor.connection, tables),
    )

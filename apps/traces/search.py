"""Full-text search over trace texts: FTS5 on SQLite, a GIN index on PostgreSQL.

The index is filled by a background job shortly after texts are written, so that an import does
not wait for it; `pending()` says how far behind it is. Superseded revisions stay in the index
and are left out by joining on the trace's head.
"""

from collections.abc import Sequence
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from apps.traces.models import RevisionText, SearchDocument, Trace

CHUNK = 500


def create_index(schema_editor) -> None:
    """The migration's forward step."""
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute(
            "CREATE VIRTUAL TABLE traces_search USING fts5(text, content='', tokenize='unicode61')"
        )
    else:
        schema_editor.execute("ALTER TABLE traces_searchdocument ADD COLUMN body tsvector")
        schema_editor.execute(
            "CREATE INDEX traces_search_body ON traces_searchdocument USING gin (body)"
        )


def drop_index(schema_editor) -> None:
    """The migration's backward step."""
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("DROP TABLE traces_search")
    else:
        schema_editor.execute("ALTER TABLE traces_searchdocument DROP COLUMN body")


NOT_INDEXED = RawSQL(
    "NOT EXISTS (SELECT 1 FROM traces_searchdocument d WHERE d.revision_id ="
    " traces_revisiontext.revision_id)",
    (),
)


def _unindexed(limit: int) -> list[tuple]:
    columns = ("revision_id", "revision__trace_id", "revision__project_id", "text")
    texts = RevisionText.objects.order_by("pk")
    last = SearchDocument.objects.order_by("-revision_id").values_list("revision_id", flat=True)
    mark = last.first()
    if mark is None:
        return list(texts.values_list(*columns)[:limit])
    if rows := list(texts.filter(pk__gt=mark).values_list(*columns)[:limit]):
        return rows
    # Ids grow with time; looking ten minutes back finds transactions that committed late.
    since = UUID(int=max(0, (mark.int >> 80) - 600_000) << 80)
    late = texts.filter(pk__gte=since).filter(NOT_INDEXED)
    return list(late.values_list(*columns)[:limit])


def texts_waiting() -> bool:
    """Whether any text is not indexed yet."""
    return bool(_unindexed(1))


def index_texts(limit: int = CHUNK) -> int:
    """Index up to `limit` texts that are not yet; returns how many there were."""
    rows = _unindexed(limit)
    if not rows:
        return 0
    with transaction.atomic():
        documents = SearchDocument.objects.bulk_create(
            [
                SearchDocument(revision_id=revision, trace_id=trace, project_id=project)
                for revision, trace, project, _ in rows
            ],
            ignore_conflicts=False,
        )
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.executemany(
                    "INSERT INTO traces_search(rowid, text) VALUES (%s, %s)",
                    [(d.pk, row[3]) for d, row in zip(documents, rows, strict=True)],
                )
            else:
                # A tsvector holds at most 1 MB; words past the first 800,000 characters of a
                # text are not found, as the search page says.
                cursor.executemany(
                    "UPDATE traces_searchdocument SET body = to_tsvector('simple', %s) WHERE id = %s",
                    [(row[3][:800_000], d.pk) for d, row in zip(documents, rows, strict=True)],
                )
    return len(rows)


def _quoted(phrase: str) -> str:
    return '"' + phrase.replace('"', '""') + '"'


def matching(traces: QuerySet[Trace], phrases: Sequence[str], *, negated: bool = False) -> QuerySet[Trace]:
    """The traces whose head text holds every phrase (or, negated, none of them as a whole)."""
    if not phrases:
        return traces
    if connection.vendor == "sqlite":
        query = " AND ".join(_quoted(phrase) for phrase in phrases)
        sql = (
            "SELECT d.revision_id FROM traces_searchdocument d WHERE d.id IN"
            " (SELECT rowid FROM traces_search WHERE traces_search MATCH %s)"
        )
        params: tuple = (query,)
    else:
        clauses = " AND ".join(["d.body @@ phraseto_tsquery('simple', %s)"] * len(phrases))
        sql = f"SELECT d.revision_id FROM traces_searchdocument d WHERE {clauses}"
        params = tuple(phrases)
    condition = {"head__in": RawSQL(sql, params)}
    return traces.exclude(**condition) if negated else traces.filter(**condition)

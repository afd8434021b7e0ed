"""Lists of traces: narrow columns only, keyset pages, bounded counts."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet

from apps.core.errors import InvalidInput
from apps.core.filters import Filter, Term, parse_filter
from apps.problems.models import Membership, Problem
from apps.problems.queries import set_named, text_condition
from apps.projects.models import Project
from apps.traces import search
from apps.traces.models import Trace, TraceState

FIELDS = {
    "set": "text",
    "state": "text",
    "verdict": "text",
    "tokens": "number",
    "teacher": "text",
    "method": "text",
    "label": "text",
    "finish": "text",
    "subject": "text",
    "difficulty": "text",
    "problem": "text",
    "run": "number",
}
COLUMNS = {
    "verdict": "verdict",
    "teacher": "teacher",
    "method": "method",
    "label": "label",
    "finish": "finish_reason",
}
COUNT_LIMIT = 10_000

# Filled by higher layers: how `run:7` becomes a condition, for instance.
EXTRA_FIELDS: dict[str, Callable[[Project, Term], Q]] = {}


def traces_matching(project: Project, text: str | Filter) -> QuerySet[Trace]:
    """A project's traces that match a filter, newest first by id. No text is read."""
    wanted = parse_filter(text, FIELDS) if isinstance(text, str) else text
    found = Trace.objects.filter(project=project)
    for term in wanted.terms:
        condition = _condition(project, term)
        found = found.exclude(condition) if term.negated else found.filter(condition)
    found = search.matching(found, wanted.words)
    for phrase in wanted.without_words:
        found = search.matching(found, [phrase], negated=True)
    return found.order_by("-id")


def _condition(project: Project, term: Term) -> Q:
    if term.field in EXTRA_FIELDS:
        return EXTRA_FIELDS[term.field](project, term)
    if term.field == "tokens":
        suffix = {"=": "", "<": "__lt", "<=": "__lte", ">": "__gt", ">=": "__gte"}[term.operator]
        return Q(**{f"tokens{suffix}": int(term.value)})
    if term.field == "state":
        if term.value not in TraceState.values:
            raise InvalidInput(f"A state is one of: {', '.join(TraceState.values)}.")
        return Q(state=term.value)
    if term.field == "set":
        inside = Membership.objects.filter(problem_set=set_named(project, term.value))
        return Q(problem__in=inside.values("problem_id"))
    if term.field in ("subject", "difficulty"):
        problems = Problem.objects.filter(text_condition(term.field, term), project=project)
        return Q(problem__in=problems.values("pk"))
    if term.field == "problem":
        try:
            return Q(problem=UUID(term.value))
        except ValueError:
            problems = Problem.objects.filter(project=project, external_id=term.value)
            return Q(problem__in=problems.values("pk"))
    return text_condition(COLUMNS[term.field], term)


def bounded_count(rows: QuerySet[Any], limit: int = COUNT_LIMIT) -> tuple[int, bool]:
    """How many rows there are, never counting past `limit`: (number, whether it is exact)."""
    count = rows.order_by()[: limit + 1].count()
    return min(count, limit), count <= limit


LIST_COLUMNS = (
    "id", "number", "state", "verdict", "tokens", "teacher", "method", "label", "finish_reason",
    "created_at", "problem_id",
)


def trace_page(
    rows: QuerySet[Trace], *, after: UUID | None = None, before: UUID | None = None, size: int = 50
) -> tuple[list[dict[str, Any]], UUID | None, UUID | None]:
    """One keyset page as dicts (with the problem's excerpt), and the cursors of the next and the
    previous page. `after` continues behind that id, `before` goes back."""
    size = max(1, min(size, 200))
    columns = rows.values(*LIST_COLUMNS, excerpt=F("problem__excerpt"), subject=F("problem__subject"))
    if before is not None:
        found = list(columns.filter(id__gt=before).order_by("id")[: size + 1])
        more_back = len(found) > size
        found = found[:size][::-1]
        return found, (found[-1]["id"] if found else None), (found[0]["id"] if more_back else None)
    if after is not None:
        columns = columns.filter(id__lt=after)
    found = list(columns.order_by("-id")[: size + 1])
    more = len(found) > size
    found = found[:size]
    return (
        found,
        found[-1]["id"] if more else None,
        found[0]["id"] if found and after is not None else None,
    )

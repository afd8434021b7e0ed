"""API routes of traces, their revisions and grades."""

from typing import Any
from uuid import UUID

from django.db.models import F, Q
from django.http import HttpRequest
from ninja import Router, Schema

from apps.core.errors import NotFound
from apps.grading.models import Grade
from apps.grading.services import record_human_grade
from apps.projects.roles import fetch, fetch_project
from apps.traces import queries
from apps.traces.models import Revision, RevisionText, Trace
from apps.traces.services import add_revision

router = Router(tags=["traces"])


class NewGrade(Schema):
    verdict: str
    rationale: str = ""
    revision: int | None = None


class NewRevision(Schema):
    text: str
    base: int
    reason: str = ""


@router.get("/projects/{slug}/traces")
def list_traces(
    request: HttpRequest, slug: str, filter: str = "", after: UUID | None = None, size: int = 50
) -> dict[str, Any]:
    """Traces that match a filter, newest first; up to 200 a page."""
    project = fetch_project(slug, by=request.user)
    rows, following, _ = queries.trace_page(
        queries.traces_matching(project, filter), after=after, size=size
    )
    return {"items": rows, "next": following}


@router.get("/projects/{slug}/traces/{trace_id}")
def read_trace(request: HttpRequest, slug: str, trace_id: UUID, revision: int | None = None) -> dict[str, Any]:
    """A trace with the text of its head, or of another revision, and its grades."""
    fetch_project(slug, by=request.user)
    wanted = Q(revision__number=revision) if revision else Q(revision__trace__head=F("revision"))
    body = (
        RevisionText.objects.filter(
            wanted, revision__trace=trace_id, revision__trace__project__slug=slug
        )
        .select_related("revision__trace__problem", "revision__author")
        .first()
    )
    if body is None:
        raise NotFound("There is nothing here, or you are not a member of its project.")
    return described(body)


def described(body: RevisionText) -> dict[str, Any]:
    """A revision's document, as routes give it."""
    row, trace = body.revision, body.revision.trace
    grades = Grade.objects.filter(revision=row, step=None).order_by("id").values(
        "grader", "grader_version", "source", "verdict", "method", "extracted", "gold_parsed",
        "answer_parsed", "rationale",
    )
    return {
        "id": trace.pk, "problem": trace.problem_id, "statement": trace.problem.statement,
        "reference_answer": trace.problem.reference_answer, "state": trace.state,
        "verdict": trace.verdict, "tokens": row.tokens, "teacher": trace.teacher,
        "method": trace.method, "label": trace.label, "revision": row.number,
        "content_hash": row.content_hash, "tag_state": row.tag_state, "text": body.text,
        "reasoning": [row.reasoning_start, row.reasoning_end], "answer_start": row.answer_start,
        "author": row.author.username if row.author else None, "provenance": row.provenance,
        "grades": list(grades),
    }


@router.get("/projects/{slug}/traces/{trace_id}/revisions")
def list_revisions(request: HttpRequest, slug: str, trace_id: UUID) -> dict[str, Any]:
    """All revisions of a trace, without their texts."""
    trace = _trace(request, slug, trace_id, "read")
    rows = Revision.objects.filter(trace=trace).order_by("number").values(
        "number", "kind", "tokens", "characters", "content_hash", "reason", "created_at",
        "author__username",
    )
    return {"items": list(rows), "next": None}


@router.post("/projects/{slug}/traces/{trace_id}/revisions", response={201: dict})
def edit_trace(request: HttpRequest, slug: str, trace_id: UUID, body: NewRevision) -> tuple[int, dict]:
    """Save an edit; 409 when `base` is not the newest revision."""
    trace = _trace(request, slug, trace_id, "edit")
    row = add_revision(trace, body.text, base_number=body.base, author=request.user, reason=body.reason)
    return 201, {"revision": row.number, "content_hash": row.content_hash}


@router.post("/projects/{slug}/traces/{trace_id}/grades", response={201: dict})
def grade_trace(request: HttpRequest, slug: str, trace_id: UUID, body: NewGrade) -> tuple[int, dict]:
    """Grade a trace's head, or another revision, as the token's person."""
    trace = _trace(request, slug, trace_id, "grade")
    revisions = Revision.objects.filter(trace=trace)
    row = revisions.filter(number=body.revision).first() if body.revision else trace.head
    if row is None:
        raise NotFound("There is no such revision.")
    grade = record_human_grade(row, by=request.user, verdict=body.verdict, rationale=body.rationale)
    return 201, {"grade": grade.pk, "verdict": grade.verdict, "revision": row.number}


def _trace(request: HttpRequest, slug: str, trace_id: UUID, right: str) -> Trace:
    trace = fetch(Trace, trace_id, by=request.user, right=right, related=("head",))
    if trace.project.slug != slug:
        raise NotFound("There is nothing here, or you are not a member of its project.")
    return trace

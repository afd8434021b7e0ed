"""API routes of review."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema

from apps.core.errors import NotFound
from apps.projects.roles import fetch, fetch_project
from apps.review import queries, services
from apps.review.models import Assignment, Queue
from apps.traces.models import RevisionText

router = Router(tags=["review"])


class NewQueue(Schema):
    name: str
    selection: str = ""
    rubric: str = ""
    approvals_needed: int = 1
    blind: bool = False
    own_work_allowed: bool = True


class NewDecision(Schema):
    outcome: str
    revision: UUID
    reason: str = ""
    comment: str = ""


class BulkDecision(Schema):
    filter: str
    outcome: str
    note: str


def _queue(request: HttpRequest, slug: str, queue_id: UUID, right: str) -> Queue:
    queue = fetch(Queue, queue_id, by=request.user, right=right)
    if queue.project.slug != slug:
        raise NotFound("There is nothing here, or you are not a member of its project.")
    return queue


def _described(row: Assignment | None) -> dict[str, Any]:
    if row is None:
        return {"assignment": None}
    return {
        "assignment": row.pk, "trace": row.trace_id, "revision": row.revision_id,
        "lease_expires_at": row.lease_expires_at, "statement": row.trace.problem.statement,
        "text": RevisionText.objects.get(pk=row.revision_id).text,
    }


@router.get("/projects/{slug}/queues")
def list_queues(request: HttpRequest, slug: str) -> dict[str, Any]:
    """Open queues with their counts."""
    project = fetch_project(slug, by=request.user)
    rows = queries.queue_rows(project, request.user)
    return {"items": [{"id": r["queue"].pk, "name": r["queue"].name, **r["counts"]} for r in rows],
            "next": None}


@router.post("/projects/{slug}/queues", response={201: dict})
def create_queue(request: HttpRequest, slug: str, body: NewQueue) -> tuple[int, dict]:
    """Make and fill a queue."""
    project = fetch_project(slug, by=request.user, right="queue")
    queue = services.create_queue(project, by=request.user, **body.dict())
    return 201, {"id": queue.pk, "name": queue.name, **queries.counts(queue)}


@router.post("/projects/{slug}/queues/{queue_id}/next")
def take_next(request: HttpRequest, slug: str, queue_id: UUID) -> dict[str, Any]:
    """Lease the next trace, with its text."""
    queue = _queue(request, slug, queue_id, "decide")
    return _described(services.take_next(queue, by=request.user))


@router.post("/projects/{slug}/queues/{queue_id}/undo")
def undo(request: HttpRequest, slug: str, queue_id: UUID) -> dict[str, Any]:
    """Take back one's last decision."""
    row = services.undo_last(_queue(request, slug, queue_id, "decide"), by=request.user)
    return {"assignment": row.pk, "trace": row.trace_id}


@router.post("/projects/{slug}/assignments/{assignment_id}/decision", response={201: dict})
def decide(request: HttpRequest, slug: str, assignment_id: UUID, body: NewDecision) -> tuple[int, dict]:
    """Decide on a leased trace."""
    row = fetch(Assignment, assignment_id, by=request.user, right="decide", path="queue__project")
    if row.queue.project.slug != slug:
        raise NotFound("There is nothing here, or you are not a member of its project.")
    done = services.decide(
        row, by=request.user, outcome=body.outcome, revision_id=body.revision, reason=body.reason,
        comment=body.comment,
    )
    return 201, {"decision": done.decision.pk, "approved": done.approved}


@router.post("/projects/{slug}/decisions", response={201: dict})
def decide_many(request: HttpRequest, slug: str, body: BulkDecision) -> tuple[int, dict]:
    """Decide on all traces that match a filter."""
    project = fetch_project(slug, by=request.user, right="decide")
    return 201, services.decide_in_bulk(project, by=request.user, **body.dict())

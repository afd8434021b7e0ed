"""What the review pages show: counts by state, people's work, recent decisions."""

from typing import Any

from django.db.models import Count

from apps.projects.models import Project
from apps.review.models import Assignment, AssignmentState, Decision, Queue
from apps.traces.models import Trace, TraceState
from apps.traces.queries import bounded_count


def counts(queue: Queue) -> dict[str, int]:
    """Assignments of a queue: waiting, leased, decided, and the sum that matters. Counts stop
    at 10,000 each."""
    found = {
        state: bounded_count(Assignment.objects.filter(queue=queue, state=state))[0]
        for state in (AssignmentState.WAITING, AssignmentState.LEASED, AssignmentState.DECIDED)
    }
    total = sum(found.values())
    return {**{str(k): v for k, v in found.items()}, "total": total,
            "open": found[AssignmentState.WAITING] + found[AssignmentState.LEASED]}


def queue_rows(project: Project, user: Any) -> list[dict[str, Any]]:
    """The project's open queues with their counts."""
    queues = Queue.objects.filter(project=project, closed_at=None)
    return [{"queue": queue, "counts": counts(queue)} for queue in queues[:100]]


def by_person(queue: Queue) -> list[dict[str, Any]]:
    """Decisions by person and outcome."""
    rows = (
        Decision.objects.filter(assignment__queue=queue, undo=None)
        .values("by__username", "outcome")
        .annotate(n=Count("id"))
        .order_by("by__username", "outcome")
    )
    people: dict[str, dict[str, int]] = {}
    for row in rows:
        people.setdefault(row["by__username"], {})[row["outcome"].replace("-", "_")] = row["n"]
    return [{"name": name, **found, "total": sum(found.values())} for name, found in people.items()]


def recent_decisions(queue: Queue, size: int = 20) -> list[Decision]:
    """The newest decisions of a queue."""
    return list(
        Decision.objects.filter(assignment__queue=queue)
        .select_related("by", "trace__problem", "undo")
        .order_by("-id")[:size]
    )


def sent_back(project: Project) -> int:
    """Traces that wait for a correction; counted up to 10,000."""
    return bounded_count(Trace.objects.filter(project=project, state=TraceState.SENT_BACK))[0]

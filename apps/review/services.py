"""Verbs of review: fill a queue, take the next trace, decide, skip, undo, decide in bulk."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, Q
from django.utils import timezone

from apps.core.bulk import insert_rows
from apps.core.errors import Conflict, InvalidInput, NotAllowed
from apps.core.identity import new_id
from apps.projects.models import Project
from apps.projects.services import record_audit
from apps.review.models import (
    Approval,
    Assignment,
    AssignmentState,
    Decision,
    Outcome,
    Queue,
    Undo,
)
from apps.traces.models import Trace, TraceState
from apps.traces.queries import traces_matching

LEASE = timedelta(minutes=30)
STATE_OF = {
    Outcome.APPROVE: TraceState.APPROVED,
    Outcome.SEND_BACK: TraceState.SENT_BACK,
    Outcome.REJECT: TraceState.REJECTED,
}
FILL_AT_ONCE = 2000
ASSIGNMENT_FIELDS = (
    "id", "queue", "trace", "revision", "slot", "round", "reviewer", "state", "lease_expires_at",
    "reason", "created_at", "changed_at",
)


@transaction.atomic
def create_queue(
    project: Project,
    *,
    by: Any,
    name: str,
    selection: str = "",
    rubric: str = "",
    approvals_needed: int = 1,
    blind: bool = False,
    own_work_allowed: bool = True,
) -> Queue:
    """Make a queue over the traces that match `selection`, and fill it."""
    if not name.strip():
        raise InvalidInput("A queue needs a name.")
    if Queue.objects.filter(project=project, name=name.strip()).exists():
        raise Conflict(f"There is already a queue «{name.strip()}» in this project.")
    if not 1 <= approvals_needed <= 9:
        raise InvalidInput("A queue asks for 1 to 9 approvals.")
    traces_matching(project, selection)
    queue = Queue.objects.create(
        project=project, name=name.strip()[:80], selection=selection, rubric=rubric,
        approvals_needed=approvals_needed, blind=blind, own_work_allowed=own_work_allowed,
    )
    record_audit(
        "create-queue", queue, actor=by, project=project,
        after={"selection": selection, "approvals_needed": approvals_needed, "blind": blind},
    )
    fill_queue(queue)
    return queue


def fill_queue(queue: Queue, *, limit: int | None = None) -> int:
    """Add the matching traces that are new and not yet in the queue; returns how many assignments
    were added. Safe to repeat: a trace has one assignment per approval needed."""
    traces = traces_matching(queue.project, queue.selection).filter(head__isnull=False)
    traces = traces.exclude(state__in=[TraceState.APPROVED, TraceState.REJECTED]).order_by("id")
    added, last, now = 0, None, timezone.now()
    while True:
        page = traces.filter(pk__gt=last) if last else traces
        chosen = list(page.values_list("pk", "head_id")[:FILL_AT_ONCE])
        if limit is not None:
            chosen = chosen[: max(0, limit - added // queue.approvals_needed)]
        if not chosen:
            return added
        with transaction.atomic():
            added += insert_rows(
                Assignment,
                ASSIGNMENT_FIELDS,
                (
                    (new_id(), queue.pk, trace, head, slot, 0, None, "waiting", None, "", now, now)
                    for trace, head in chosen
                    for slot in range(queue.approvals_needed)
                ),
                ignore_conflicts=True,
            )
        last = chosen[-1][0]


def _may_review(queue: Queue, user: Any) -> Q:
    """Assignments this person may take: not a second vote on a trace, nor (where the queue says
    so) a trace the person wrote the wording of."""
    voted = Assignment.objects.filter(
        queue=queue, reviewer=user, state__in=[AssignmentState.LEASED, AssignmentState.DECIDED]
    )
    allowed = ~Q(trace__in=voted.values("trace_id"))
    if not queue.own_work_allowed:
        allowed &= ~Q(revision__author=user)
    return allowed


@transaction.atomic
def take_next(queue: Queue, *, by: Any) -> Assignment | None:
    """The reviewer's present assignment, or the oldest one nobody has; None when there is none.

    Leases it for half an hour; a lease that ran out returns to everybody.
    """
    now = timezone.now()
    mine = Assignment.objects.filter(
        queue=queue, reviewer=by, state=AssignmentState.LEASED
    ).order_by("changed_at")
    present = mine.first()
    if present is not None:
        return _lease(present, by, now)
    waiting = Assignment.objects.filter(_may_review(queue, by), queue=queue).filter(
        Q(state=AssignmentState.WAITING)
        | Q(state=AssignmentState.LEASED, lease_expires_at__lt=now)
    )
    if connection.vendor == "postgresql":
        waiting = waiting.select_for_update(skip_locked=True, of=("self",))
    found = waiting.order_by("id").first()
    return None if found is None else _lease(found, by, now)


def _lease(assignment: Assignment, by: Any, now: Any) -> Assignment:
    head = Trace.objects.values_list("head_id", flat=True).get(pk=assignment.trace_id)
    Assignment.objects.filter(pk=assignment.pk).update(
        state=AssignmentState.LEASED, reviewer=by, revision=head, lease_expires_at=now + LEASE,
        changed_at=now if assignment.reviewer_id != by.pk else assignment.changed_at,
    )
    return Assignment.objects.select_related(
        "queue", "trace__problem", "revision", "trace__project"
    ).get(pk=assignment.pk)


@dataclass(frozen=True, slots=True)
class Decided:
    """What a decision did: whether it made the trace approved, and the decision itself."""

    decision: Decision
    approved: bool


@transaction.atomic
def decide(
    assignment: Assignment,
    *,
    by: Any,
    outcome: str,
    revision_id: UUID | str,
    reason: str = "",
    comment: str = "",
) -> Decided:
    """Record what the reviewer decided about exactly `revision_id`, and the approval if due.

    Conflict when the assignment is no longer this person's, was decided, or the trace has a newer
    wording than the one judged. Sending back needs a comment: the author must know why.
    """
    if outcome not in Outcome.values:
        raise InvalidInput(f"A decision is one of: {', '.join(Outcome.values)}.")
    if outcome == Outcome.SEND_BACK and not comment.strip():
        raise InvalidInput("Sending back needs a note that says what to mend.")
    now = timezone.now()
    row = (
        Assignment.objects.select_for_update(of=("self",))
        .select_related("queue", "trace")
        .get(pk=assignment.pk)
    )
    if row.state != AssignmentState.LEASED or row.reviewer_id != by.pk:
        raise Conflict("This trace is no longer yours: it was decided, or your lease ran out.")
    trace, queue = row.trace, row.queue
    if str(trace.head_id).replace("-", "") != str(revision_id).replace("-", ""):
        raise Conflict(
            "The trace has a newer wording than the one you judged; read it and decide again.",
            code="stale-revision", head=str(trace.head_id),
        )
    decision = Decision.objects.create(
        project_id=trace.project_id, assignment=row, trace=trace, revision_id=trace.head_id,
        outcome=outcome, reason=reason[:60], comment=comment, by=by,
        rubric_version=queue.rubric_version, state_before=trace.state,
    )
    Assignment.objects.filter(pk=row.pk).update(
        state=AssignmentState.DECIDED, revision=trace.head_id, lease_expires_at=None, changed_at=now
    )
    approved = False
    state = STATE_OF[Outcome(outcome)]
    if outcome == Outcome.APPROVE:
        approved = queue.approvals_needed == 1 or _approvals(queue, trace) >= queue.approvals_needed
        if approved:
            Approval.objects.create(
                project_id=trace.project_id, revision_id=trace.head_id, queue=queue,
                decision=decision, granted=True,
            )
        else:
            state = trace.state
    elif trace.state == TraceState.APPROVED:
        Approval.objects.create(
            project_id=trace.project_id, revision_id=trace.head_id, queue=queue,
            decision=decision, granted=False,
        )
    if state != trace.state:
        Trace.objects.filter(pk=trace.pk).update(state=state, changed_at=now)
    return Decided(decision, approved)


def _approvals(queue: Queue, trace: Trace) -> int:
    """Standing approvals of the head by different people in this queue."""
    return (
        Decision.objects.filter(
            assignment__queue=queue, revision=trace.head_id, outcome=Outcome.APPROVE, undo=None
        )
        .aggregate(people=Count("by", distinct=True))["people"]
    )


@transaction.atomic
def skip(assignment: Assignment, *, by: Any, reason: str = "") -> None:
    """Leave this trace to others; it goes to the end of the queue, and not back to this person
    before all else is done."""
    now = timezone.now()
    changed = Assignment.objects.filter(
        pk=assignment.pk, reviewer=by, state=AssignmentState.LEASED
    ).update(
        state=AssignmentState.SKIPPED, lease_expires_at=None, reason=reason[:300], changed_at=now
    )
    if not changed:
        raise Conflict("This trace is no longer yours: it was decided, or your lease ran out.")
    row = Assignment.objects.get(pk=assignment.pk)
    _again(row, reviewer=None, now=now)


def _again(row: Assignment, *, reviewer: Any, now: Any) -> Assignment:
    last = (
        Assignment.objects.filter(queue_id=row.queue_id, trace_id=row.trace_id, slot=row.slot)
        .order_by("-round")
        .values_list("round", flat=True)[0]
    )
    return Assignment.objects.create(
        queue_id=row.queue_id, trace_id=row.trace_id, revision_id=row.revision_id, slot=row.slot,
        round=last + 1, reviewer=reviewer,
        state=AssignmentState.LEASED if reviewer else AssignmentState.WAITING,
        lease_expires_at=now + LEASE if reviewer else None,
    )


def last_decision(queue: Queue, *, by: Any) -> Decision | None:
    """This person's newest decision in a queue that was not taken back."""
    return (
        Decision.objects.filter(by=by, assignment__queue=queue, undo=None).order_by("-id").first()
    )


@transaction.atomic
def undo_last(queue: Queue, *, by: Any) -> Assignment:
    """Take back this person's newest decision in a queue: the trace has its former state again and
    is leased to the person. Refused once a sealed or building dataset version holds the approval."""
    decision = last_decision(queue, by=by)
    if decision is None:
        raise Conflict("There is nothing to undo in this queue.")
    row = decision.assignment
    trace = Trace.objects.select_for_update().get(pk=decision.trace_id)
    if trace.head_id != decision.revision_id:
        raise Conflict("The trace was edited since; decide on the new wording instead.")
    Undo.objects.create(decision=decision, by=by)
    now = timezone.now()
    granted = (
        Approval.objects.filter(revision=decision.revision_id).order_by("-id").first()
    )
    if granted is not None and granted.decision_id == decision.pk:
        Approval.objects.create(
            project_id=trace.project_id, revision_id=decision.revision_id, queue=queue,
            decision=decision, granted=not granted.granted,
        )
    Trace.objects.filter(pk=trace.pk).update(state=decision.state_before or "new", changed_at=now)
    # What was being read meanwhile goes back to everybody, so that one trace is open at a time.
    Assignment.objects.filter(
        queue=queue, reviewer=by, state=AssignmentState.LEASED
    ).update(state=AssignmentState.WAITING, reviewer=None, lease_expires_at=None)
    return _again(row, reviewer=by, now=now)


DECISION_FIELDS = (
    "id", "project", "assignment", "bulk", "trace", "revision", "outcome", "reason", "comment",
    "rubric_version", "state_before", "by", "created_at",
)
APPROVAL_FIELDS = ("id", "project", "revision", "queue", "decision", "granted", "created_at")


def decide_in_bulk(
    project: Project, *, filter: str, outcome: str, by: Any, note: str
) -> dict[str, int]:
    """Decide on the heads of all traces that match `filter`, as one order with one audit entry.

    For scripts and for «approve the whole filter»; traces already in that state are left alone.
    """
    if outcome not in Outcome.values:
        raise InvalidInput(f"A decision is one of: {', '.join(Outcome.values)}.")
    if not note.strip():
        raise InvalidInput("A bulk decision needs a note that says why.")
    target = STATE_OF[Outcome(outcome)]
    bulk = new_id()
    matched = decided = 0
    traces = traces_matching(project, filter).filter(head__isnull=False).order_by("id")
    last = None
    while True:
        page = traces.filter(pk__gt=last) if last else traces
        rows = list(page.values_list("pk", "head_id", "state")[:1000])
        if not rows:
            break
        last = rows[-1][0]
        matched += len(rows)
        todo = [row for row in rows if row[2] != target]
        with transaction.atomic():
            decided += _decide_rows(project, todo, outcome, target, bulk, by, note)
    with transaction.atomic():
        record_audit(
            "decide-in-bulk", project, actor=by, project=project, note=note,
            after={"filter": filter, "outcome": outcome, "decided": decided, "bulk": str(bulk)},
        )
    return {"matched": matched, "decided": decided, "unchanged": matched - decided}


def _decide_rows(
    project: Project, rows: list[tuple], outcome: str, target: str, bulk: UUID, by: Any, note: str
) -> int:
    now = timezone.now()
    # A trace that moved on meanwhile keeps what was decided about it.
    current = dict(
        Trace.objects.select_for_update().filter(pk__in=[row[0] for row in rows])
        .values_list("pk", "head_id")
    )
    rows = [row for row in rows if current.get(row[0]) == row[1]]
    decisions = [
        (new_id(), project.pk, None, bulk, trace, head, outcome, "", note, 0, state, by.pk, now)
        for trace, head, state in rows
    ]
    insert_rows(Decision, DECISION_FIELDS, decisions)
    if outcome == Outcome.APPROVE or any(row[2] == TraceState.APPROVED for row in rows):
        insert_rows(
            Approval,
            APPROVAL_FIELDS,
            (
                (new_id(), project.pk, d[5], None, d[0], outcome == Outcome.APPROVE, now)
                for d in decisions
                if outcome == Outcome.APPROVE or d[10] == TraceState.APPROVED
            ),
        )
    Trace.objects.filter(pk__in=[row[0] for row in rows]).update(state=target, changed_at=now)
    return len(rows)


def demand_reviewer(assignment: Assignment, user: Any) -> None:
    """NotAllowed unless this person holds the assignment."""
    if assignment.reviewer_id != user.pk:
        raise NotAllowed("Somebody else is reading this trace now.")

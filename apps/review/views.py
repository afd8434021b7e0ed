"""Review: queues, and the reading desk where a trace is read, edited and decided on."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from apps.core.errors import Conflict, NotFound, StillroomError
from apps.core.htmx import respond
from apps.grading.models import Grade
from apps.grading.reading import reading_of
from apps.projects.roles import fetch, fetch_project, rights_of
from apps.review import queries, services
from apps.review.models import Assignment, Outcome, Queue
from apps.traces.models import Revision

REASONS = (
    "wrong answer", "wrong step", "too long", "loops", "unclear", "truncated", "off the problem",
    "language", "other",
)


class QueueForm(forms.Form):
    """A review queue."""

    name = forms.CharField(max_length=80)
    selection = forms.CharField(
        max_length=500, required=False, label="Traces",
        help_text="A filter, for instance set:gsm8k verdict:correct tokens:<2000. Empty: all.",
    )
    rubric = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 6}),
        help_text="What to look for; shown beside each trace.",
    )
    approvals_needed = forms.IntegerField(min_value=1, max_value=9, initial=1)
    blind = forms.BooleanField(required=False, help_text="Hide teacher, method and others' marks.")
    own_work_allowed = forms.BooleanField(
        required=False, initial=True, label="People may decide on their own edits"
    )


def list_queues(request: HttpRequest, project: str) -> HttpResponse:
    """The project's queues and what waits in them."""
    found = fetch_project(project, by=request.user)
    rights = rights_of(request.user, found.pk)
    context = {"queues": queries.queue_rows(found, request.user), "may_queue": "queue" in rights,
               "may_decide": "decide" in rights, "sent_back": queries.sent_back(found)}
    return respond(request, "review/list.html", context)


def new_queue(request: HttpRequest, project: str) -> HttpResponse:
    """Make a queue."""
    found = fetch_project(project, by=request.user, right="queue")
    form = QueueForm(request.POST or None, initial={"selection": request.GET.get("q", "")})
    error = ""
    if request.method == "POST" and form.is_valid():
        try:
            queue = services.create_queue(found, by=request.user, **form.cleaned_data)
            return redirect("review:queue", found.slug, queue.pk)
        except StillroomError as refused:
            error = refused.message
    status = 422 if error or form.errors else 200
    return respond(request, "review/new.html", {"form": form, "error": error}, status=status)


def _queue(request: HttpRequest, project: str, queue_id: UUID, right: str) -> Queue:
    queue = fetch(Queue, queue_id, by=request.user, right=right)
    if queue.project.slug != project:
        raise NotFound("There is nothing here, or you are not a member of its project.")
    return queue


def queue_detail(request: HttpRequest, project: str, queue_id: UUID) -> HttpResponse:
    """A queue: how far it is, who did what, its rubric."""
    queue = _queue(request, project, queue_id, "read")
    rights = rights_of(request.user, queue.project_id)
    context = {"queue": queue, "counts": queries.counts(queue), "people": queries.by_person(queue),
               "recent": queries.recent_decisions(queue), "may_decide": "decide" in rights,
               "may_queue": "queue" in rights}
    return respond(request, "review/queue.html", context)


@require_POST
def fill(request: HttpRequest, project: str, queue_id: UUID) -> HttpResponse:
    """Add traces that match by now."""
    queue = _queue(request, project, queue_id, "queue")
    added = services.fill_queue(queue)
    messages.success(request, f"{added} added." if added else "Nothing new matches this queue.")
    return redirect("review:queue", project, queue.pk)


def desk(request: HttpRequest, project: str, queue_id: UUID) -> HttpResponse:
    """The next trace of the queue, leased to this reviewer."""
    queue = _queue(request, project, queue_id, "decide")
    assignment = services.take_next(queue, by=request.user)
    if assignment is None:
        context = {"queue": queue, "counts": queries.counts(queue),
                   "last": services.last_decision(queue, by=request.user)}
        return respond(request, "review/empty.html", context, fragment="desk")
    return _desk(request, queue, assignment)


def _desk(
    request: HttpRequest, queue: Queue, assignment: Assignment, *, error: str = "",
    comment: str = "", status: int = 200,
) -> HttpResponse:
    revision = Revision.objects.select_related("body", "author").get(pk=assignment.revision_id)
    context = {
        "queue": queue, "assignment": assignment, "trace": assignment.trace,
        "problem": assignment.trace.problem, "revision": revision,
        "reading": reading_of(revision, whole=request.GET.get("whole") == "1"),
        "raw": request.GET.get("view") == "raw",
        "grades": [] if queue.blind else list(
            Grade.objects.filter(revision=revision, step=None).order_by("-id")),
        "counts": queries.counts(queue), "reasons": REASONS, "error": error, "comment": comment,
        "last": services.last_decision(queue, by=request.user),
    }
    return respond(request, "review/desk.html", context, fragment="desk", status=status)


def _assignment(request: HttpRequest, project: str, assignment_id: UUID) -> Assignment:
    row = fetch(
        Assignment, assignment_id, by=request.user, right="decide", path="queue__project",
        related=("trace__problem", "revision"),
    )
    if row.queue.project.slug != project:
        raise NotFound("There is nothing here, or you are not a member of its project.")
    return row


@require_POST
def decide(request: HttpRequest, project: str, assignment_id: UUID) -> HttpResponse:
    """Approve, send back or reject what was read; then the next one."""
    row = _assignment(request, project, assignment_id)
    outcome, comment = request.POST.get("outcome", ""), request.POST.get("comment", "")
    reason = request.POST.get("reason", "")
    if outcome.startswith("reject:"):
        outcome, reason = "reject", outcome.removeprefix("reject:")
    try:
        services.decide(
            row, by=request.user, outcome=outcome, revision_id=request.POST.get("revision", ""),
            reason=reason if outcome == Outcome.REJECT else "", comment=comment,
        )
    except Conflict as refused:
        messages.warning(request, refused.message)
    except StillroomError as refused:
        return _desk(
            request, row.queue, row, error=refused.message, comment=comment, status=refused.status
        )
    return redirect("review:desk", project, row.queue_id)


@require_POST
def skip(request: HttpRequest, project: str, assignment_id: UUID) -> HttpResponse:
    """Leave this trace to others."""
    row = _assignment(request, project, assignment_id)
    services.skip(row, by=request.user, reason=request.POST.get("reason", ""))
    return redirect("review:desk", project, row.queue_id)


@require_POST
def undo(request: HttpRequest, project: str, queue_id: UUID) -> HttpResponse:
    """Take back one's last decision in this queue."""
    queue = _queue(request, project, queue_id, "decide")
    services.undo_last(queue, by=request.user)
    messages.success(request, "Your last decision is taken back.")
    return redirect("review:desk", project, queue.pk)


@require_POST
def decide_many(request: HttpRequest, project: str) -> HttpResponse:
    """Decide on the whole filter, as one audited order."""
    found = fetch_project(project, by=request.user, right="decide")
    result = services.decide_in_bulk(
        found, filter=request.POST.get("q", ""), outcome=request.POST.get("outcome", ""),
        by=request.user, note=request.POST.get("note", ""),
    )
    messages.success(request, f"{result['decided']} decided, {result['unchanged']} left as they were.")
    return redirect("traces:list", found.slug)

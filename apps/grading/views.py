"""Traces: the list, the reading page with its grade panel, editing, history."""

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from apps.core.errors import Conflict, InvalidInput, NotFound
from apps.core.htmx import respond, wants_fragment
from apps.grading.base import Verdict
from apps.grading.models import Grade
from apps.grading.reading import reading_of
from apps.grading.services import record_human_grade
from apps.problems.models import ProblemSet
from apps.projects.roles import fetch, fetch_project, rights_of
from apps.traces import diffing, queries, search
from apps.traces.models import Revision, Trace, TraceState
from apps.traces.services import add_revision

PAGE = 50


class GradeForm(forms.Form):
    """A reader's verdict."""

    verdict = forms.ChoiceField(
        choices=[(v.value, v.value.replace("_", " ")) for v in (
            Verdict.CORRECT, Verdict.INCORRECT, Verdict.NO_ANSWER, Verdict.NEEDS_HUMAN)],
        widget=forms.RadioSelect,
    )
    rationale = forms.CharField(
        max_length=2000, required=False, label="Why", widget=forms.Textarea(attrs={"rows": 2})
    )


class EditForm(forms.Form):
    """The next wording of a trace. White space at its ends is kept."""

    text = forms.CharField(strip=False, widget=forms.Textarea(attrs={"rows": 30, "spellcheck": "false"}))
    reason = forms.CharField(max_length=300, required=False, help_text="What you changed, and why.")
    base = forms.IntegerField(widget=forms.HiddenInput)

    def clean_text(self) -> str:
        # Browsers send line ends as CR LF; a trace keeps those it had.
        return self.cleaned_data["text"].replace("\r\n", "\n")


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise NotFound("There is no such page of the list.") from None


def list_traces(request: HttpRequest, project: str) -> HttpResponse:
    """Traces that match a filter, 50 at a time, without touching a text."""
    found = fetch_project(project, by=request.user)
    text = request.GET.get("q", "").strip()
    error, rows, following, previous, count, exact = "", [], None, None, 0, True
    try:
        matching = queries.traces_matching(found, text)
        after, before = _uuid(request.GET.get("after", "")), _uuid(request.GET.get("before", ""))
        rows, following, previous = queries.trace_page(matching, after=after, before=before, size=PAGE)
        count, exact = queries.bounded_count(matching)
    except InvalidInput as refused:
        error = refused.message
    context = {
        "q": text, "error": error, "rows": rows, "next": following, "previous": previous,
        "count": count, "exact": exact, "states": TraceState.values,
        "sets": list(ProblemSet.objects.filter(project=found).values_list("name", flat=True)[:8]),
        "verdicts": [v.value for v in Verdict],
        "index_behind": bool(text) and search.texts_waiting(),
        "may_decide": "decide" in rights_of(request.user, found.pk),
    }
    return respond(request, "traces/list.html", context, fragment="trace-list", status=422 if error else 200)


def _trace(request: HttpRequest, project: str, trace_id: UUID, right: str = "read") -> Trace:
    trace = fetch(Trace, trace_id, by=request.user, right=right, related=("problem", "head"))
    if trace.project.slug != project or trace.head is None:
        raise NotFound("There is nothing here, or you are not a member of its project.")
    return trace


def _revision(trace: Trace, number: str | None) -> Revision:
    revisions = Revision.objects.filter(trace=trace).select_related("author", "body")
    if number and not str(number).isdigit():
        raise NotFound("There is no such revision.")
    found = revisions.filter(number=int(number)).first() if number else revisions.get(pk=trace.head_id)
    if found is None:
        raise NotFound("There is no such revision.")
    return found


def read_trace(request: HttpRequest, project: str, trace_id: UUID) -> HttpResponse:
    """The reading page: problem, steps, answer, grades, provenance, history."""
    trace = _trace(request, project, trace_id)
    revision = _revision(trace, request.GET.get("revision"))
    return _reading_page(request, trace, revision, GradeForm())


def _reading_page(
    request: HttpRequest, trace: Trace, revision: Revision, form: GradeForm, status: int = 200
) -> HttpResponse:
    raw = request.GET.get("view") == "raw"
    rights = rights_of(request.user, trace.project_id)
    siblings = Trace.objects.filter(problem=trace.problem_id).exclude(pk=trace.pk).order_by("id")
    context: dict[str, Any] = {
        "trace": trace, "problem": trace.problem, "revision": revision, "raw": raw,
        "reading": reading_of(revision, whole=request.GET.get("whole") == "1"),
        "grades": Grade.objects.filter(revision=revision, step=None).select_related("person").order_by("-id"),
        "history": Revision.objects.filter(trace=trace).select_related("author").order_by("-number"),
        "siblings": siblings.values("id", "verdict", "tokens", "teacher", "label", "state")[:12],
        "form": form, "may_grade": "grade" in rights, "may_edit": "edit" in rights,
        "is_head": revision.pk == trace.head_id,
    }
    return respond(request, "traces/read.html", context, status=status)


@require_POST
def grade_revision(request: HttpRequest, project: str, trace_id: UUID) -> HttpResponse:
    """Record the reader's verdict and redraw the grade panel."""
    trace = _trace(request, project, trace_id, right="grade")
    revision = _revision(trace, request.POST.get("revision"))
    form = GradeForm(request.POST)
    if form.is_valid():
        record_human_grade(revision, by=request.user, **form.cleaned_data)
        if not wants_fragment(request):
            return redirect("traces:read", project, trace.pk)
        form = GradeForm()
    status = 422 if form.errors else 200
    if not wants_fragment(request):
        return _reading_page(request, trace, revision, form, status)
    context = {
        "trace": trace, "revision": revision, "form": form, "may_grade": True,
        "problem": trace.problem,
        "grades": Grade.objects.filter(revision=revision, step=None).select_related("person").order_by("-id"),
    }
    return respond(request, "traces/read.html", context, fragment="grade-panel", status=status)


def edit_trace(request: HttpRequest, project: str, trace_id: UUID) -> HttpResponse:
    """Edit the whole text. A wording saved meanwhile by another person is shown beside one's own
    (409): nothing is lost."""
    trace = _trace(request, project, trace_id, right="edit")
    head = _revision(trace, None)
    back = request.GET.get("back") or request.POST.get("back") or ""
    back = back if back.startswith(f"/p/{project}/") else ""
    if request.method != "POST":
        form = EditForm(initial={"text": head.body.text, "base": head.number})
        return respond(request, "traces/edit.html", {"trace": trace, "form": form, "head": head, "back": back})
    form = EditForm(request.POST)
    conflict = None
    if form.is_valid():
        try:
            add_revision(
                trace, form.cleaned_data["text"], base_number=form.cleaned_data["base"],
                author=request.user, reason=form.cleaned_data["reason"],
            )
            return redirect(back) if back else redirect("traces:read", project, trace.pk)
        except Conflict as refused:
            conflict = _comparison(trace, form.cleaned_data["text"], refused)
            form = EditForm(
                initial={"text": form.cleaned_data["text"], "reason": form.cleaned_data["reason"],
                         "base": conflict["head"].number}
            )
        except InvalidInput as refused:
            form.add_error("text", refused.message)
    context = {"trace": trace, "form": form, "head": head, "conflict": conflict, "back": back}
    return respond(request, "traces/edit.html", context, status=409 if conflict else 422)


def _comparison(trace: Trace, mine: str, refused: Conflict) -> dict[str, Any]:
    trace.refresh_from_db()
    head = _revision(trace, None)
    return {"sentence": refused.message, "head": head, "rows": diffing.diff(head.body.text, mine)}


def compare_revisions(request: HttpRequest, project: str, trace_id: UUID) -> HttpResponse:
    """Two revisions of a trace side by side: steps aligned, words marked."""
    trace = _trace(request, project, trace_id)
    new = _revision(trace, request.GET.get("new"))
    old = _revision(trace, request.GET.get("old") or str(max(1, new.number - 1)))
    rows = diffing.diff(old.body.text, new.body.text)
    context = {"trace": trace, "old": old, "new": new, "rows": rows}
    return respond(request, "traces/compare.html", context)


def raw_text(request: HttpRequest, project: str, trace_id: UUID) -> HttpResponse:
    """The raw bytes of a revision, as a download that no browser renders."""
    trace = _trace(request, project, trace_id)
    revision = _revision(trace, request.GET.get("revision"))
    response = HttpResponse(revision.body.text.encode(), content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="trace-{trace.pk}-{revision.number}.txt"'
    return response



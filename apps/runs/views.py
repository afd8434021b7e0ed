"""Runs: list, new (forms from schemas), live progress, pause, resume, cancel, retry."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from apps.core.errors import NotFound, StillroomError
from apps.core.htmx import respond
from apps.core.registry import describe
from apps.core.schema_forms import form_for
from apps.engines.models import Teacher
from apps.grading.base import graders
from apps.methods.base import methods
from apps.problems.models import ProblemSet
from apps.projects.models import Project
from apps.projects.roles import fetch_project, rights_of
from apps.runs import queries, services
from apps.runs.models import ItemState, Run, WorkItem

VERBS = {
    "pause": services.pause_run,
    "resume": services.resume_run,
    "cancel": services.cancel_run,
}


class RunForm(forms.Form):
    """What a run works on and who plays its roles; the method's parameters are a form of their own."""

    problem_set = forms.ChoiceField(label="Problems", required=False)
    filter = forms.CharField(
        max_length=400, required=False, label="Filter",
        help_text="Only those that match, for instance subject:algebra. Empty: the whole set.",
    )
    limit = forms.IntegerField(
        min_value=1, required=False, label="At most", help_text="Problems; empty: all."
    )
    graders = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple, required=False, label="Grade each trace by"
    )

    def __init__(self, *args: Any, project: Project, roles: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sets = ProblemSet.objects.filter(project=project)
        self.fields["problem_set"].choices = [
            *((s.name, f"{s.name} ({s.problems_total:,})") for s in sets), ("", "all problems"),
        ]
        self.fields["graders"].choices = [(name, f"{name}: {describe(g)}") for name, g in graders.items()]
        self.fields["graders"].initial = services.DEFAULT_GRADERS
        teachers = Teacher.objects.filter(retired_at=None, endpoint__retired_at=None)
        names = list(dict.fromkeys(teachers.order_by("name").values_list("name", flat=True)))
        for role in roles:
            self.fields[f"teacher_{role}"] = forms.ChoiceField(
                label=f"Teacher ({role})", choices=[(n, n) for n in names]
            )

    def selection(self) -> str:
        name = self.cleaned_data["problem_set"]
        parts = (f'set:"{name}"' if name else "", self.cleaned_data["filter"])
        return " ".join(part for part in parts if part)


def list_runs(request: HttpRequest, project: str) -> HttpResponse:
    """All runs of a project, newest first."""
    found = fetch_project(project, by=request.user)
    runs = Run.objects.filter(project=found).select_related("created_by").order_by("-id")
    after = request.GET.get("after", "")
    if after.isdigit():
        runs = runs.filter(number__lt=int(after))
    rows = list(runs[:51])
    context = {
        "runs": [(run, queries.progress(run)) for run in rows[:50]],
        "next": rows[49].number if len(rows) > 50 else None,
        "methods": [(name, describe(method)) for name, method in methods.items()],
        "may_run": "run" in rights_of(request.user, found.pk),
    }
    return respond(request, "runs/list.html", context)


def new_run(request: HttpRequest, project: str, method: str = "") -> HttpResponse:
    """The form of one method; its parameters come from the method's schema."""
    found = fetch_project(project, by=request.user, right="run")
    if not method:
        choices = [(name, describe(m), m.source) for name, m in methods.items()]
        return respond(request, "runs/choose.html", {"methods": choices})
    chosen = methods.get(method)
    data = request.POST or None
    initial = {"problem_set": request.GET.get("set", "")}
    form = RunForm(data, project=found, roles=chosen.roles, initial=initial)
    params = form_for(chosen.params)(data, prefix="p")
    error = ""
    if request.method == "POST" and form.is_valid() and params.is_valid():
        try:
            run = services.create_run(
                found, method, by=request.user, filter=form.selection(),
                teachers={role: form.cleaned_data[f"teacher_{role}"] for role in chosen.roles},
                params=params.values(), graders=form.cleaned_data["graders"],
                limit=form.cleaned_data["limit"],
            )
            return redirect("runs:detail", found.slug, run.number)
        except StillroomError as refused:
            error = refused.message
    context = {"form": form, "params": params, "method": method, "about": describe(chosen),
               "chosen": chosen, "error": error}
    bad = bool(error or form.errors or params.errors) and request.method == "POST"
    return respond(request, "runs/new.html", context, status=422 if bad else 200)


def _run(request: HttpRequest, project: str, number: int, right: str = "read") -> Run:
    found = fetch_project(project, by=request.user, right=right)
    run = Run.objects.filter(project=found, number=number).select_related("created_by").first()
    if run is None:
        raise NotFound("There is no such run.")
    run.project = found
    return run


def run_detail(request: HttpRequest, project: str, number: int) -> HttpResponse:
    """A run with its live progress; htmx polls the fragment until the run has ended."""
    run = _run(request, project, number)
    context = {
        "run": run,
        "progress": queries.progress(run),
        "summary": queries.summary(run),
        "errors": queries.errors_by_kind(run) if run.items_failed else [],
        "missing": queries.missing_workers(run),
        "may_run": "run" in rights_of(request.user, run.project_id),
    }
    return respond(request, "runs/detail.html", context, fragment="run-progress")


def failed_items(request: HttpRequest, project: str, number: int) -> HttpResponse:
    """The failed items of a run, with what went wrong."""
    run = _run(request, project, number)
    items = WorkItem.objects.filter(run=run, state=ItemState.FAILED).select_related("problem")
    kind = request.GET.get("kind", "")
    if kind:
        items = items.filter(error_kind=kind)
    rows = items.only(
        "key", "error", "error_kind", "attempts", "finished_at", "problem__excerpt", "run_id"
    ).order_by("id")[:200]
    return respond(request, "runs/failed.html", {"run": run, "items": rows, "kind": kind})


@require_POST
def change_run(request: HttpRequest, project: str, number: int, verb: str) -> HttpResponse:
    """Pause, resume or cancel."""
    if verb not in VERBS:
        raise NotFound("There is nothing at this address.")
    run = _run(request, project, number, right="run")
    VERBS[verb](run, by=request.user)
    return redirect("runs:detail", project, number)


@require_POST
def retry(request: HttpRequest, project: str, number: int) -> HttpResponse:
    """Put failed items back to work."""
    run = _run(request, project, number, right="run")
    count = services.retry_failed(run, by=request.user, kind=request.POST.get("kind", ""))
    messages.success(request, f"{count} items are tried again.")
    return redirect("runs:detail", project, number)

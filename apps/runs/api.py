"""API routes of runs."""

from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from apps.projects.roles import fetch_project
from apps.runs import queries, services
from apps.runs.models import Run

router = Router(tags=["runs"])


class NewRun(Schema):
    """What a run is ordered with; `params` are the method's own."""

    filter: str = Field("", description="Which problems, for instance set:gsm8k")
    teachers: dict[str, str] = Field(description="role → teacher name")
    params: dict[str, Any] = {}
    graders: list[str] | None = None
    limit: int | None = None
    priority: int = 0


class NewGrading(Schema):
    filter: str = ""
    graders: list[str] | None = None


@router.get("/projects/{slug}/runs")
def list_runs(request: HttpRequest, slug: str, after: int | None = None) -> dict[str, Any]:
    """Runs, newest first, 50 at a time."""
    project = fetch_project(slug, by=request.user)
    runs = Run.objects.filter(project=project).order_by("-id")
    if after is not None:
        runs = runs.filter(number__lt=after)
    rows = list(runs[:51])
    return {"items": [queries.summary(run) for run in rows[:50]],
            "next": rows[49].number if len(rows) > 50 else None}


@router.post("/projects/{slug}/runs/{method}", response={201: dict})
def start_run(request: HttpRequest, slug: str, method: str, order: NewRun) -> tuple[int, dict]:
    """Start a run of a method."""
    project = fetch_project(slug, by=request.user, right="run")
    run = services.create_run(
        project, method, by=request.user, filter=order.filter, teachers=order.teachers,
        params=order.params, graders=order.graders, limit=order.limit, priority=order.priority,
    )
    return 201, queries.summary(run)


@router.post("/projects/{slug}/gradings", response={201: dict})
def start_grading(request: HttpRequest, slug: str, order: NewGrading) -> tuple[int, dict]:
    """Grade the traces that match a filter."""
    project = fetch_project(slug, by=request.user, right="run")
    run = services.create_grading(project, by=request.user, filter=order.filter, graders=order.graders)
    return 201, queries.summary(run)


def _run(request: HttpRequest, slug: str, number: int, right: str) -> Run:
    return services.run_of(fetch_project(slug, by=request.user, right=right), number)


@router.get("/projects/{slug}/runs/{int:number}")
def run_status(request: HttpRequest, slug: str, number: int) -> dict[str, Any]:
    """How far a run is."""
    return queries.summary(_run(request, slug, number, "read"))


@router.post("/projects/{slug}/runs/{int:number}/pause")
def pause(request: HttpRequest, slug: str, number: int) -> dict[str, Any]:
    """Pause a run."""
    return queries.summary(services.pause_run(_run(request, slug, number, "run"), by=request.user))


@router.post("/projects/{slug}/runs/{int:number}/resume")
def resume(request: HttpRequest, slug: str, number: int) -> dict[str, Any]:
    """Resume a run."""
    return queries.summary(services.resume_run(_run(request, slug, number, "run"), by=request.user))


@router.post("/projects/{slug}/runs/{int:number}/cancel")
def cancel(request: HttpRequest, slug: str, number: int) -> dict[str, Any]:
    """Cancel a run."""
    return queries.summary(services.cancel_run(_run(request, slug, number, "run"), by=request.user))


@router.post("/projects/{slug}/runs/{int:number}/retry")
def retry(request: HttpRequest, slug: str, number: int, kind: str = "") -> dict[str, Any]:
    """Retry a run's failed items."""
    run = _run(request, slug, number, "run")
    count = services.retry_failed(run, by=request.user, kind=kind)
    run.refresh_from_db()
    return queries.summary(run) | {"retried": count}

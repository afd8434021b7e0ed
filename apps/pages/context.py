"""What every page's frame shows: the project switcher, the navigation and what runs now."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from apps.projects.models import Member, Project
from apps.runs.models import Run, RunState

SECTIONS = (
    ("Home", "pages:project", "home", ""),
    ("Problems", "problems:list", "problems", "problems"),
    ("Imports", "imports:list", "imports", "imports"),
    ("Traces", "traces:list", "traces", "traces"),
    ("Runs", "runs:list", "runs", "runs"),
    ("Review", "review:list", "review", "review"),
    ("Datasets", "datasets:list", "datasets", "datasets"),
    ("People", "projects:people", "people", "people"),
    ("Settings", "projects:settings", "settings", "settings"),
)


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context of base.html: `project`, `projects`, `nav`, `running`, `search_url`."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated or user.must_change_password:
        return {"nav": [], "projects": [], "running": []}
    projects = [
        m.project
        for m in Member.objects.filter(user=user).select_related("project").order_by("project__name")
    ]
    match = request.resolver_match
    slug = match.kwargs.get("project") if match else None
    project = next((p for p in projects if p.slug == slug), None)
    site = [
        {"label": "Engines", "url": reverse("engines:list"), "icon": "engines",
         "active": bool(match and match.app_name == "engines"), "count": 0},
        {"label": "Methods", "url": reverse("pages:docs"), "icon": "methods",
         "active": bool(match and match.view_name.startswith("pages:docs")), "count": 0},
    ]
    if project is None:
        return {"projects": projects, "nav": site, "running": []}
    return {
        "project": project,
        "projects": projects,
        "nav": [*_sections(request, project), *site],
        "running": _running(project),
        "search_url": reverse("traces:list", args=[project.slug]),
    }


def _sections(request: HttpRequest, project: Project) -> list[dict[str, Any]]:
    tail = request.path.removeprefix(f"/p/{project.slug}/").split("/")[0]
    return [
        {"label": label, "url": reverse(name, args=[project.slug]), "icon": icon,
         "active": tail == start, "count": 0}
        for label, name, icon, start in SECTIONS
    ]


def _running(project: Project) -> list[dict[str, Any]]:
    runs = Run.objects.filter(
        project=project, state__in=[RunState.PLANNING, RunState.RUNNING]
    ).order_by("-id")[:3]
    return [
        {
            "label": str(run),
            "url": reverse("runs:detail", args=[project.slug, run.number]),
            "done": run.items_done + run.items_failed + run.checks_done,
            "total": run.items_total + run.checks_total,
        }
        for run in runs
    ]

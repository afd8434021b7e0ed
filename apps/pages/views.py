"""Home, a project's dashboard, health, documentation from registries, and error pages."""

from typing import Any

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from redis.exceptions import RedisError

from apps.accounts.middleware import public
from apps.core.htmx import respond
from apps.core.middleware import error_response
from apps.core.registry import Registry, describe
from apps.datasets.base import formats
from apps.engines.base import engines
from apps.grading.base import graders
from apps.imports.base import importers
from apps.methods.base import methods
from apps.pages import queries
from apps.projects.models import Member
from apps.projects.roles import fetch_project, rights_of

REGISTRIES: dict[str, Registry[Any]] = {
    "methods": methods,
    "graders": graders,
    "formats": formats,
    "importers": importers,
    "engines": engines,
}


def home(request: HttpRequest) -> HttpResponse:
    """A person's only project, or the choice of projects."""
    rows = Member.objects.filter(user=request.user).select_related("project").order_by("project__name")
    members = list(rows)
    if len(members) == 1 and not request.user.is_staff:
        return redirect("pages:project", members[0].project.slug)
    context = {"members": members, "workers": queries.worker_rows()}
    return respond(request, "pages/home.html", context)


def project_home(request: HttpRequest, project: str) -> HttpResponse:
    """The dashboard: what waits for me, runs with live progress, workers and what they do."""
    found = fetch_project(project, by=request.user)
    context = queries.dashboard(found, request.user)
    context["rights"] = rights_of(request.user, found.pk)
    return respond(request, "pages/project.html", context, fragment="dashboard")


@public
def healthz(request: HttpRequest) -> HttpResponse:
    """The process is alive."""
    return HttpResponse("ok\n", content_type="text/plain")


@public
def readyz(request: HttpRequest) -> HttpResponse:
    """Database, migrations and Redis are there; 503 naming what is not."""
    problems = []
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            problems.append("migrations are missing")
    except DatabaseError:
        problems.append("the database does not answer")
    try:
        queries.redis_client().ping()
    except (RedisError, OSError):
        problems.append("Redis does not answer")
    status = 503 if problems else 200
    return JsonResponse({"ready": not problems, "problems": problems}, status=status)


def metrics(request: HttpRequest) -> HttpResponse:
    """Figures for a collector, in the Prometheus text form; site administrators only."""
    if not request.user.is_staff:
        return not_found(request, None)
    return HttpResponse(queries.metrics_text(), content_type="text/plain; version=0.0.4")


def docs(request: HttpRequest, kind: str = "methods") -> HttpResponse:
    """What is installed, from the registries themselves."""
    if kind not in REGISTRIES:
        return not_found(request, None)
    rows = [(name, describe(item), getattr(item, "version", "")) for name, item in REGISTRIES[kind].items()]
    return respond(request, "pages/docs.html", {"kind": kind, "kinds": list(REGISTRIES), "rows": rows})


def doc(request: HttpRequest, kind: str, name: str) -> HttpResponse:
    """One plug-in: what it does, and its parameters from its schema."""
    if kind not in REGISTRIES or name not in REGISTRIES[kind]:
        return not_found(request, None)
    item = REGISTRIES[kind].get(name)
    schema = getattr(item, "params", None) or getattr(item, "config", None)
    properties = schema.model_json_schema().get("properties", {}) if schema else {}
    rows = [
        {
            "name": key, "type": p.get("type") or " or ".join(str(t.get("type")) for t in p.get("anyOf", [])),
            "default": p.get("default"), "description": p.get("description", ""),
            "low": p.get("minimum", p.get("exclusiveMinimum")), "high": p.get("maximum"),
            "choices": p.get("enum"),
        }
        for key, p in properties.items()
    ]
    body = "\n".join((item.__doc__ or "").strip().splitlines()[1:]).strip()
    context = {"kind": kind, "kinds": list(REGISTRIES), "name": name, "about": describe(item), "body": body,
               "item": item, "rows": rows}
    return respond(request, "pages/doc.html", context)


def not_found(request: HttpRequest, exception: Exception | None) -> HttpResponse:
    """Nothing is at this address."""
    return error_response(request, 404, "There is nothing at this address.", code="not-found")


def not_allowed(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django refused the request."""
    return error_response(request, 403, "This is not allowed.", code="not-allowed")


def csrf_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form was sent without this browser's token."""
    return error_response(
        request, 403, "The form was too old or came from elsewhere; go back, reload and send it again.",
        code="csrf",
    )


def broken(request: HttpRequest) -> HttpResponse:
    """An error nobody expected."""
    return error_response(
        request, 500, "Something broke here; nothing you saved before is lost. Try again, or tell "
        "your administrator the number below.", code="internal",
    )



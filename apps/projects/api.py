"""API routes of projects."""

from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema

from apps.core.errors import NotAllowed
from apps.projects.models import AuditEntry, Member
from apps.projects.roles import fetch_project
from apps.projects.services import create_project

router = Router(tags=["projects"])


class NewProject(Schema):
    slug: str
    name: str = ""


@router.get("/projects")
def list_projects(request: HttpRequest) -> dict[str, Any]:
    """The projects the token's person is a member of."""
    rows = Member.objects.filter(user=request.user).select_related("project").order_by("project__slug")
    return {"items": [{"slug": m.project.slug, "name": m.project.name, "role": m.role} for m in rows],
            "next": None}


@router.post("/projects", response={201: dict})
def new_project(request: HttpRequest, body: NewProject) -> tuple[int, dict]:
    """Make a project; site administrators only."""
    if not request.user.is_staff:
        raise NotAllowed("Only a site administrator may make a project.")
    project = create_project(slug=body.slug, name=body.name or body.slug, by=request.user)
    return 201, {"slug": project.slug, "name": project.name, "id": project.pk}


@router.get("/projects/{slug}/audit")
def audit(request: HttpRequest, slug: str, after: str = "") -> dict[str, Any]:
    """The audit log, newest first."""
    project = fetch_project(slug, by=request.user, right="manage")
    rows = AuditEntry.objects.filter(project=project).select_related("actor").order_by("-id")
    if after:
        rows = rows.filter(id__lt=after)
    found = list(rows[:101])
    return {
        "items": [
            {"id": e.pk, "at": e.at, "actor": e.actor.username if e.actor else None, "verb": e.verb,
             "object_type": e.object_type, "object_id": e.object_id, "before": e.before,
             "after": e.after, "note": e.note} for e in found[:100]
        ],
        "next": found[99].pk if len(found) > 100 else None,
    }

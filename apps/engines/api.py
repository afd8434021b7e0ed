"""API routes of teachers."""

from typing import Any

from django.http import HttpRequest
from ninja import Router

from apps.engines.models import Teacher

router = Router(tags=["engines"])


@router.get("/teachers")
def list_teachers(request: HttpRequest) -> dict[str, Any]:
    """Teachers that runs may name, newest version of each."""
    found: dict[str, dict[str, Any]] = {}
    for teacher in Teacher.objects.filter(retired_at=None).select_related("endpoint").order_by("-version"):
        found.setdefault(teacher.name, {
            "name": teacher.name, "version": teacher.version, "engine": teacher.endpoint.engine,
            "model": teacher.endpoint.model, "sampling": teacher.sampling,
        })
    return {"items": sorted(found.values(), key=lambda row: row["name"]), "next": None}

"""API routes of datasets."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema

from apps.core.downloads import stream_file
from apps.core.errors import NotFound
from apps.datasets import services
from apps.datasets.models import DatasetVersion
from apps.projects.roles import fetch_project

router = Router(tags=["datasets"])


class NewVersion(Schema):
    filter: str = ""
    format: str = "messages"
    params: dict[str, Any] = {}
    splits: dict[str, float] = {"train": 1.0}
    split_seed: int = 0
    container: str = "jsonl"


def _described(version: DatasetVersion) -> dict[str, Any]:
    return {
        "dataset": version.dataset.name, "version": version.number, "state": version.state,
        "rows": version.rows, "rows_written": version.rows_written, "format": version.format,
        "filter": version.filter, "error": version.error, "manifest": version.manifest,
    }


def _version(request: HttpRequest, slug: str, name: str, number: int, right: str = "read") -> DatasetVersion:
    project = fetch_project(slug, by=request.user, right=right)
    found = (
        DatasetVersion.objects.filter(dataset__project=project, dataset__name=name, number=number)
        .select_related("dataset__project").first()
    )
    if found is None:
        raise NotFound("There is no such version.")
    return found


@router.get("/projects/{slug}/datasets")
def list_versions(request: HttpRequest, slug: str) -> dict[str, Any]:
    """All versions, without their manifests."""
    project = fetch_project(slug, by=request.user)
    rows = DatasetVersion.objects.filter(dataset__project=project).select_related("dataset")
    rows = rows.defer("manifest").order_by("-id")[:200]
    return {
        "items": [
            {"dataset": v.dataset.name, "version": v.number, "state": v.state, "rows": v.rows,
             "format": v.format} for v in rows
        ],
        "next": None,
    }


@router.post("/projects/{slug}/datasets/{name}/versions", response={201: dict})
def draft(request: HttpRequest, slug: str, name: str, body: NewVersion) -> tuple[int, dict]:
    """Order the next version; it is built in the background."""
    project = fetch_project(slug, by=request.user, right="export")
    return 201, _described(services.draft_version(project, name, by=request.user, **body.dict()))


@router.get("/projects/{slug}/datasets/{name}/versions/{int:number}")
def status(request: HttpRequest, slug: str, name: str, number: int) -> dict[str, Any]:
    """A version's state and manifest."""
    return _described(_version(request, slug, name, number))


@router.get("/projects/{slug}/datasets/{name}/versions/{int:number}/files/{file}")
def download(request: HttpRequest, slug: str, name: str, number: int, file: str) -> HttpResponse:
    """One file; ranges are honoured."""
    version = _version(request, slug, name, number)
    known = (version.manifest or {}).get("files", {})
    if version.state != "sealed" or (file not in known and file != "manifest.json"):
        raise NotFound("This version has no such file.")
    etag = known[file]["sha256"] if file in known else version.manifest_hash
    return stream_file(request, services.directory_of(version) / file, name=file, etag=etag)


@router.post("/projects/{slug}/datasets/{name}/versions/{int:number}/verify")
def verify(request: HttpRequest, slug: str, name: str, number: int) -> dict[str, Any]:
    """Check the files against the manifest."""
    return services.verify_version(_version(request, slug, name, number))

"""Datasets: list, new version with a preview, progress, files, downloads."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from apps.core.downloads import stream_file
from apps.core.errors import NotFound, StillroomError
from apps.core.htmx import respond
from apps.core.registry import describe
from apps.core.schema_forms import form_for
from apps.datasets import services
from apps.datasets.base import formats
from apps.datasets.models import Dataset, DatasetVersion
from apps.projects.roles import fetch_project, rights_of
from apps.traces.queries import bounded_count


class VersionForm(forms.Form):
    """What a version holds; the format's parameters are a form of their own."""

    name = forms.SlugField(max_length=60, label="Dataset", help_text="A known name makes its next version.")
    filter = forms.CharField(
        max_length=400, required=False,
        help_text="Only approved traces that match, for instance set:gsm8k tokens:<2000.",
    )
    container = forms.ChoiceField(
        choices=[("jsonl", "JSON lines"), ("parquet", "Parquet (zstd)")], label="Files"
    )
    splits = forms.CharField(
        max_length=120, initial="train=0.9,test=0.1",
        help_text="Shares by name; all traces of a problem stay in one split.",
    )
    split_seed = forms.IntegerField(min_value=0, initial=0)


def list_datasets(request: HttpRequest, project: str) -> HttpResponse:
    """The project's datasets with their versions."""
    found = fetch_project(project, by=request.user)
    versions = (
        DatasetVersion.objects.filter(dataset__project=found).select_related("dataset", "created_by")
        .defer("manifest").order_by("dataset__name", "-number")[:200]
    )
    context = {"versions": versions, "may_export": "export" in rights_of(request.user, found.pk)}
    return respond(request, "datasets/list.html", context)


def new_version(request: HttpRequest, project: str) -> HttpResponse:
    """Choose filter and format, look at the first records, then build."""
    found = fetch_project(project, by=request.user, right="export")
    data = request.POST or None
    name = (data or request.GET).get("format", "messages")
    name = name if name in formats else "messages"
    form = VersionForm(data, initial={"filter": request.GET.get("q", ""), "name": request.GET.get("name", "")})
    params = form_for(formats.get(name).params)(data, prefix="p")
    error, preview = "", None
    if request.method == "POST" and form.is_valid() and params.is_valid():
        try:
            shares = services.parse_shares(form.cleaned_data["splits"])
            if "preview" in request.POST:
                preview = services.preview(
                    found, filter=form.cleaned_data["filter"], format=name, params=params.values()
                )
                preview["count"], preview["exact"] = bounded_count(preview.pop("traces"))
            else:
                version = services.draft_version(
                    found, form.cleaned_data["name"], by=request.user,
                    filter=form.cleaned_data["filter"], format=name, params=params.values(),
                    splits=shares, split_seed=form.cleaned_data["split_seed"],
                    container=form.cleaned_data["container"],
                )
                return redirect("datasets:version", found.slug, version.dataset.name, version.number)
        except StillroomError as refused:
            error = refused.message
    context = {
        "form": form, "params": params, "format": name, "error": error, "preview": preview,
        "formats": [(n, describe(f)) for n, f in formats.items()],
    }
    bad = request.method == "POST" and bool(error or form.errors or params.errors)
    return respond(request, "datasets/new.html", context, status=422 if bad else 200)


def _version(request: HttpRequest, project: str, name: str, number: int, right: str = "read") -> DatasetVersion:
    found = fetch_project(project, by=request.user, right=right)
    version = (
        DatasetVersion.objects.filter(dataset__project=found, dataset__name=name, number=number)
        .select_related("dataset__project", "created_by").first()
    )
    if version is None:
        raise NotFound("There is no such version.")
    return version


def version_detail(request: HttpRequest, project: str, name: str, number: int) -> HttpResponse:
    """A version: progress while it is built, then files, manifest and card."""
    version = _version(request, project, name, number)
    files = sorted((version.manifest or {}).get("files", {}).items())
    context: dict[str, Any] = {
        "version": version, "files": files, "may_export": "export" in rights_of(request.user, version.dataset.project_id),
        "others": Dataset.objects.get(pk=version.dataset_id).versions.defer("manifest").order_by("-number")[:20],
    }
    return respond(request, "datasets/version.html", context, fragment="version-state")


def download(request: HttpRequest, project: str, name: str, number: int, file: str) -> HttpResponse:
    """One file of a sealed version, with its checksum as ETag; ranges are honoured."""
    version = _version(request, project, name, number)
    known = (version.manifest or {}).get("files", {})
    if version.state != "sealed" or (file not in known and file != "manifest.json"):
        raise NotFound("This version has no such file.")
    etag = known[file]["sha256"] if file in known else version.manifest_hash
    return stream_file(request, services.directory_of(version) / file, name=file, etag=etag)


@require_POST
def verify(request: HttpRequest, project: str, name: str, number: int) -> HttpResponse:
    """Check the files against the manifest."""
    version = _version(request, project, name, number)
    result = services.verify_version(version)
    if result["ok"]:
        messages.success(request, f"Verified: {result['files']} files, {result['rows']} rows.")
    else:
        messages.error(request, "; ".join(result["problems"][:5]))
    return redirect("datasets:version", project, name, number)


@require_POST
def rebuild(request: HttpRequest, project: str, name: str, number: int) -> HttpResponse:
    """Try a failed build again."""
    services.rebuild_version(_version(request, project, name, number, "export"), by=request.user)
    return redirect("datasets:version", project, name, number)

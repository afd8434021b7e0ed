"""Engines: endpoints and teachers, for all to see and for site administrators to change."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from apps.core.errors import NotFound, StillroomError
from apps.core.htmx import respond
from apps.core.registry import describe
from apps.core.schema_forms import form_for
from apps.engines import services
from apps.engines.base import engines
from apps.engines.models import Endpoint, Teacher


class TeacherForm(forms.Form):
    """A teacher with its endpoint."""

    name = forms.CharField(max_length=80)
    model = forms.CharField(max_length=300, help_text="Path, Hub id, or the name a server knows.")
    system_prompt = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 4}))
    temperature = forms.FloatField(min_value=0, max_value=4, initial=1.0)
    max_tokens = forms.IntegerField(min_value=1, initial=4096)


def list_engines(request: HttpRequest) -> HttpResponse:
    """All endpoints with their teachers and their last answer."""
    teachers: dict = {}
    for teacher in Teacher.objects.filter(retired_at=None).order_by("name", "-version"):
        teachers.setdefault(teacher.endpoint_id, {}).setdefault(teacher.name, teacher)
    endpoints = Endpoint.objects.filter(retired_at=None)
    rows = [(endpoint, list(teachers.get(endpoint.pk, {}).values())) for endpoint in endpoints]
    kinds = [(name, describe(kind)) for name, kind in engines.items()]
    return respond(request, "engines/list.html", {"rows": rows, "kinds": kinds})


def new_teacher(request: HttpRequest, kind: str) -> HttpResponse:
    """Add a teacher on an engine of one kind, after one real call."""
    services.demand_administrator(request.user)
    adapter = engines.get(kind)
    data = request.POST or None
    form, config = TeacherForm(data), form_for(adapter.config)(data, prefix="c")
    error = ""
    if request.method == "POST" and form.is_valid() and config.is_valid():
        given = form.cleaned_data
        try:
            endpoint = services.save_endpoint(
                given["name"], engine=kind, model=given["model"],
                config=config.cleaned.model_dump(mode="json", exclude_defaults=True), by=request.user,
            )
            services.save_teacher(
                given["name"], endpoint=endpoint, system_prompt=given["system_prompt"],
                sampling={"temperature": given["temperature"], "max_tokens": given["max_tokens"]},
                by=request.user,
            )
            return redirect("engines:list")
        except StillroomError as refused:
            error = refused.message
    bad = request.method == "POST" and bool(error or form.errors or config.errors)
    context = {"form": form, "config": config, "kind": kind, "about": describe(adapter), "error": error}
    return respond(request, "engines/new.html", context, status=422 if bad else 200)


@require_POST
def probe(request: HttpRequest, endpoint_id: str) -> HttpResponse:
    """Ask an endpoint one question now."""
    services.demand_administrator(request.user)
    endpoint = Endpoint.objects.filter(pk=endpoint_id).first()
    if endpoint is None:
        raise NotFound("There is no such endpoint.")
    if engines.get(endpoint.engine).in_process and endpoint.engine != "echo":
        messages.info(request, "This model lives in the engine worker; start a run of one problem to try it.")
        return redirect("engines:list")
    result = services.probe_endpoint(endpoint, seconds=20)
    if result["ok"]:
        messages.success(request, f"{endpoint.name} answered in {result['seconds']} s.")
    else:
        messages.error(request, f"{endpoint.name} did not answer: {result['why']}")
    return redirect("engines:list")

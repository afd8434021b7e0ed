"""Fragment or page: what an htmx request is answered with."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django_htmx.middleware import HtmxDetails


class HtmxRequest(HttpRequest):
    """A request after the middleware: typed for views."""

    htmx: HtmxDetails


def wants_fragment(request: HttpRequest) -> bool:
    """Whether to answer with a fragment: asked by htmx, and not a boosted or restored page."""
    htmx = getattr(request, "htmx", None)
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def respond(
    request: HttpRequest,
    template: str,
    context: dict[str, Any],
    *,
    fragment: str = "",
    status: int = 200,
) -> HttpResponse:
    """Render `template`, or its partial `fragment` when htmx asked."""
    name = f"{template}#{fragment}" if fragment and wants_fragment(request) else template
    response = render(request, name, context, status=status)
    response["Vary"] = "HX-Request"
    return response

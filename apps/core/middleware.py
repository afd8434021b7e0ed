"""Request ids, and errors turned into pages or fragments: the one place for views."""

import logging
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from apps.core.errors import StillroomError
from apps.core.htmx import wants_fragment
from apps.core.identity import new_id

logger = logging.getLogger("stillroom.web")
GetResponse = Callable[[HttpRequest], HttpResponse]


class RequestMiddleware:
    """Give each request an id that the log and the error page show."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.request_id = str(new_id())  # type: ignore[attr-defined]
        response = self.get_response(request)
        response["X-Request-Id"] = request.request_id  # type: ignore[attr-defined]
        if response.get("Content-Type", "").startswith("text/html"):
            patch_vary_headers(response, ["HX-Request"])
            response.setdefault("Cache-Control", "private, no-cache")
        return response


class ErrorMiddleware:
    """Answer a StillroomError with its sentence and status: a page, or a flash for htmx."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, StillroomError):
            return None
        return error_response(request, error.status, error.message, code=error.code)


TITLES = {
    403: "Not allowed",
    404: "Not found",
    409: "Somebody was faster",
    422: "That cannot be used",
    500: "Something broke here",
    503: "Not available now",
}


def error_response(
    request: HttpRequest, status: int, sentence: str, *, code: str = "error"
) -> HttpResponse:
    """The error page; for htmx the same sentence as a flash in place of the page."""
    template = "error.html#error-flash" if wants_fragment(request) else "error.html"
    context = {
        "status": status,
        "title": TITLES.get(status, "That did not work"),
        "sentence": sentence,
        "code": code,
        "request_id": getattr(request, "request_id", ""),
    }
    response = render(request, template, context, status=status)
    if wants_fragment(request):
        response["HX-Retarget"] = "#flash"
        response["HX-Reswap"] = "innerHTML"
    return response

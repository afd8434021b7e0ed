"""Signing in is required everywhere; a view that is public says so with `@public`."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

GetResponse = Callable[[HttpRequest], HttpResponse]


def public(view: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a view that may be seen without signing in."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


class SignInMiddleware:
    """Send strangers to the sign-in page, and people with a one-time password to change it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        if getattr(view, "is_public", False) or request.path.startswith("/api/"):
            return None
        if not request.user.is_authenticated:
            target = f"{reverse('accounts:sign_in')}?next={quote(request.get_full_path())}"
            if getattr(request, "htmx", None):
                response = HttpResponse(status=204)
                response["HX-Redirect"] = target
                return response
            return HttpResponseRedirect(target)
        if request.user.must_change_password and not getattr(view, "before_password_change", False):
            return HttpResponseRedirect(reverse("accounts:change_password"))
        return None

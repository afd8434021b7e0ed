"""Home, health, documentation from registries, and what is said when something is wrong."""

from django.http import HttpRequest, HttpResponse

from apps.core.middleware import error_response


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Nothing is at this address."""
    return error_response(request, 404, "There is nothing at this address.", code="not-found")


def not_allowed(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django refused the request."""
    return error_response(request, 403, "This is not allowed.", code="not-allowed")


def broken(request: HttpRequest) -> HttpResponse:
    """An error nobody expected."""
    return error_response(
        request, 500, "Something broke here; nothing you saved before is lost. Try again, or tell "
        "your administrator the number below.", code="internal"
    )

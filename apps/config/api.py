"""/api/v1: tokens, routers of the apps, errors as problem details (RFC 9457), idempotent POSTs."""

import hashlib
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError
from ninja.errors import ValidationError as NinjaValidationError
from ninja.security import HttpBearer

from apps.accounts.services import user_of_token
from apps.core.errors import StillroomError


class TokenAuth(HttpBearer):
    """`Authorization: Bearer TOKEN`. Sessions are not accepted: a page's cookie never acts here."""

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        user = user_of_token(token)
        if user is not None:
            request.user = user
        return user


api = NinjaAPI(
    title="Stillroom",
    version="1",
    auth=TokenAuth(),
    docs_url="/docs",
    openapi_url="/openapi.json",
    description="Whatever a page can do, a route can do, with the same permission.",
)


def problem(status: int, code: str, detail: str, **more: Any) -> JsonResponse:
    """An error as a problem document."""
    document = {"type": f"about:blank#{code}", "title": code.replace("-", " "), "status": status,
                "code": code, "detail": detail} | more
    return JsonResponse(document, status=status, content_type="application/problem+json")


@api.exception_handler(StillroomError)
def said(request: HttpRequest, error: StillroomError) -> HttpResponse:
    return problem(error.status, error.code, error.message, **error.details)


@api.exception_handler(AuthenticationError)
def stranger(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    response = problem(401, "not-signed-in", "Send a valid token: Authorization: Bearer TOKEN.")
    response["WWW-Authenticate"] = "Bearer"
    return response


@api.exception_handler(NinjaValidationError)
def misshapen(request: HttpRequest, error: NinjaValidationError) -> HttpResponse:
    errors = [{"where": list(e.get("loc", ())), "what": e.get("msg", "")} for e in error.errors]
    sentence = "; ".join(f"{'.'.join(map(str, e['where'][1:]))}: {e['what']}" for e in errors)
    return problem(422, "invalid-input", sentence or "The request does not fit.", errors=errors)


def mount() -> None:
    """Add each app's router."""
    from importlib import import_module

    for app in ("projects", "problems", "imports", "engines", "grading", "runs", "review", "datasets"):
        api.add_router("", import_module(f"apps.{app}.api").router)


mount()

"""Sign in and out, change the password, API tokens."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from apps.accounts.forms import PasswordForm, TokenForm
from apps.accounts.middleware import public
from apps.accounts.models import ApiToken
from apps.accounts.services import issue_token, revoke_token
from apps.core.errors import NotFound


class SignIn(LoginView):
    """The sign-in page; people who are signed in are sent home."""

    template_name = "accounts/sign_in.html"
    redirect_authenticated_user = True


sign_in = public(SignIn.as_view())
sign_out = public(LogoutView.as_view(next_page="accounts:sign_in"))


def change_password(request: HttpRequest) -> HttpResponse:
    """Choose a password; asked of everybody who was given a one-time password."""
    form = PasswordForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        user = request.user
        user.set_password(form.cleaned_data["new"])
        user.must_change_password = False
        user.save(update_fields=["password", "must_change_password"])
        update_session_auth_hash(request, user)
        messages.success(request, "Your password is changed.")
        return redirect("pages:home")
    status = 422 if form.errors else 200
    return render(request, "accounts/change_password.html", {"form": form}, status=status)


change_password.before_password_change = True  # type: ignore[attr-defined]


def profile(request: HttpRequest) -> HttpResponse:
    """A person's own page: API tokens."""
    form = TokenForm(request.POST or None)
    token = ""
    if request.method == "POST" and form.is_valid():
        _, token = issue_token(request.user, name=form.cleaned_data["name"], days=form.cleaned_data["days"])
        form = TokenForm()
    context: dict[str, Any] = {
        "form": form, "token": token, "tokens": request.user.tokens.filter(revoked_at=None)
    }
    return render(request, "accounts/profile.html", context, status=422 if form.errors else 200)


@require_POST
def revoke(request: HttpRequest, token_id: str) -> HttpResponse:
    """End one of one's own tokens."""
    token = ApiToken.objects.filter(pk=token_id, user=request.user, revoked_at=None).first()
    if token is None:
        raise NotFound("There is no such token.")
    revoke_token(token)
    messages.success(request, f"The token «{token.name}» no longer works.")
    return redirect("accounts:profile")

"""Verbs on people and their tokens."""

import hashlib
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import ApiToken, User
from apps.core.errors import Conflict, InvalidInput
from apps.core.identity import new_secret

PREFIX = "still_"


@transaction.atomic
def create_user(name: str, *, password: str | None = None, administrator: bool = False) -> tuple[User, str]:
    """Make a person; returns the one-time password that must be changed at first sign-in, «» when
    `password` was given."""
    if User.objects.filter(username__iexact=name).exists():
        raise Conflict(f"There is already a person called «{name}».")
    if not name or len(name) > 150 or any(c.isspace() for c in name):
        raise InvalidInput("A user name has 1 to 150 characters and no blanks.")
    once = "" if password else new_secret(12)
    user = User.objects.create_user(
        name, password=password or once, is_staff=administrator, must_change_password=bool(once)
    )
    return user, once


@transaction.atomic
def reset_password(user: User) -> str:
    """A new one-time password, for a person who forgot theirs."""
    once = new_secret(12)
    user.set_password(once)
    user.must_change_password = True
    user.save(update_fields=["password", "must_change_password"])
    return once


def token_hash(token: str) -> str:
    """What is stored of a token. It has 256 random bits, so that a plain hash suffices."""
    return hashlib.sha256(token.encode()).hexdigest()


def issue_token(user: User, *, name: str, days: int | None = None) -> tuple[ApiToken, str]:
    """Make an API token; the second value is the only time it can be seen."""
    if days is not None and days < 1:
        raise InvalidInput("A token is valid for at least one day.")
    token = PREFIX + new_secret(32)
    row = ApiToken.objects.create(
        user=user,
        name=name.strip()[:80] or "token",
        hint=token[:10],
        token_hash=token_hash(token),
        expires_at=timezone.now() + timedelta(days=days) if days else None,
    )
    return row, token


def revoke_token(token: ApiToken) -> None:
    """End a token at once."""
    token.revoked_at = timezone.now()
    token.save(update_fields=["revoked_at"])


def user_of_token(token: str) -> Any:
    """The active user a bearer token belongs to, or None. Its last use is kept to the hour."""
    now = timezone.now()
    row = (
        ApiToken.objects.select_related("user")
        .filter(token_hash=token_hash(token), revoked_at=None)
        .first()
    )
    if row is None or not row.user.is_active or (row.expires_at and row.expires_at <= now):
        return None
    if row.last_used_at is None or now - row.last_used_at > timedelta(hours=1):
        ApiToken.objects.filter(pk=row.pk).update(last_used_at=now)
    return row.user

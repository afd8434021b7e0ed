"""People, their API tokens, and answers kept for repeated API calls."""

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone

from apps.core.models import Entity


class User(AbstractUser):
    """A person. `is_staff` is the site administrator: users, endpoints and teachers."""

    must_change_password = models.BooleanField(default=False)
    tokens_revoked_at = models.DateTimeField(null=True, blank=True)

    @property
    def initials(self) -> str:
        return (self.get_full_name() or self.username)[:2].upper()


class ApiToken(Entity):
    """A bearer token for scripts. Only its sha256 is kept; the token itself is shown once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80)
    hint = models.CharField(max_length=12)
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]


class IdempotencyKey(Entity):
    """The answer to one POST, kept so that the same key never acts twice."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    request_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="idempotency_key_once_per_user")
        ]

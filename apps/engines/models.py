"""Endpoints (an engine with its model) and teachers (an endpoint with its manner)."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from apps.core.models import Entity


class Endpoint(Entity):
    """One engine and model. Secrets are names of environment variables, never values."""

    name = models.CharField(max_length=80, unique=True)
    engine = models.CharField(max_length=40)
    model = models.CharField(max_length=300)
    config = models.JSONField(default=dict)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    probed_at = models.DateTimeField(null=True)
    probe = models.JSONField(null=True)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Teacher(Entity):
    """How an endpoint is asked. A version never changes; saving again makes the next."""

    endpoint = models.ForeignKey(Endpoint, models.PROTECT, related_name="teachers")
    name = models.CharField(max_length=80)
    version = models.PositiveIntegerField(default=1)
    system_prompt = models.TextField(blank=True)
    sampling = models.JSONField(default=dict)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="teacher_version_unique")
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"

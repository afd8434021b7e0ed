"""Uploaded files and how far their import has come."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from apps.core.models import Entity
from apps.problems.models import ProblemSet
from apps.projects.models import Project


class ImportState(models.TextChoices):
    READY = "ready"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ImportBatch(Entity):
    """One file read into one problem set, chunk by chunk: `position` is written with each
    chunk's rows, so a killed import goes on where it stood."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="+")
    problem_set = models.ForeignKey(ProblemSet, models.PROTECT, null=True, related_name="imports")
    file_name = models.CharField(max_length=200)
    file_hash = models.CharField(max_length=64)
    file_bytes = models.PositiveBigIntegerField()
    shape = models.CharField(max_length=60)
    mapping = models.JSONField(default=dict)
    licence = models.CharField(max_length=60, blank=True)
    state = models.CharField(max_length=10, choices=ImportState.choices, default=ImportState.READY)
    position = models.JSONField(null=True)
    bytes_read = models.PositiveBigIntegerField(default=0)
    rows = models.PositiveIntegerField(default=0)
    problems_new = models.PositiveIntegerField(default=0)
    problems_known = models.PositiveIntegerField(default=0)
    traces_new = models.PositiveIntegerField(default=0)
    traces_known = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    token = models.UUIDField(null=True)
    lease_expires_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["project", "id"], name="import_by_project")]


class ImportReject(models.Model):
    """One record that could not be used: its place, the reason and the raw line."""

    batch = models.ForeignKey(ImportBatch, models.CASCADE, related_name="rejects", db_index=False)
    ordinal = models.PositiveIntegerField()
    line = models.PositiveIntegerField(null=True)
    reason = models.TextField()
    raw = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["batch", "ordinal"], name="reject_once_per_place")
        ]

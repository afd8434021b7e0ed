"""Datasets and their sealed versions."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from apps.core.models import AppendOnlyModel, Entity
from apps.projects.models import Project
from apps.traces.models import Revision


class Dataset(Entity):
    """A named series of versions."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="datasets")
    name = models.SlugField(max_length=60)
    description = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="dataset_name_in_project")
        ]
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class DatasetVersion(Entity):
    """A frozen list of approved revisions in one format. `building` becomes `sealed` once;
    a sealed version's rows and files never change."""

    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    filter = models.CharField(max_length=500, blank=True)
    format = models.CharField(max_length=60)
    format_version = models.PositiveIntegerField(default=1)
    params = models.JSONField(default=dict)
    container = models.CharField(max_length=8, default="jsonl")
    splits = models.JSONField(default=dict)
    split_seed = models.PositiveIntegerField(default=0)
    state = models.CharField(
        max_length=8, choices=[("building", "building"), ("sealed", "sealed"), ("failed", "failed")],
        default="building",
    )
    frozen = models.BooleanField(default=False)
    rows = models.PositiveIntegerField(default=0)
    rows_written = models.PositiveIntegerField(default=0)
    manifest = models.JSONField(null=True)
    manifest_hash = models.CharField(max_length=64, blank=True)
    error = models.TextField(blank=True)
    token = models.UUIDField(null=True)
    lease_expires_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    sealed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dataset", "number"], name="dataset_version_number"),
            models.CheckConstraint(
                condition=~Q(state="sealed") | ~Q(manifest_hash=""), name="sealed_version_has_a_hash"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dataset.name}-v{self.number}"


class DatasetItem(AppendOnlyModel):
    """One example of a version: the revision, its split and its place."""

    version = models.ForeignKey(DatasetVersion, models.PROTECT, related_name="items", db_index=False)
    revision = models.ForeignKey(Revision, models.PROTECT, related_name="+")
    split = models.CharField(max_length=20)
    position = models.PositiveIntegerField()

    class Meta:
        base_manager_name = "objects"
        constraints = [
            models.UniqueConstraint(fields=["version", "position"], name="dataset_position_once"),
            models.UniqueConstraint(fields=["version", "revision"], name="dataset_revision_once"),
        ]

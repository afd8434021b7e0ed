"""Projects, the one border of visibility; their members; and what was done in them."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from apps.core.models import AppendOnlyModel, Entity


class Project(Entity):
    """A team's problems, traces and datasets."""

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=60, unique=True)
    guidelines = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    is_sample = models.BooleanField(default=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    VIEWER = "viewer"
    REVIEWER = "reviewer"
    CURATOR = "curator"
    OPERATOR = "operator"
    OWNER = "owner"


class Member(Entity):
    """One person's role in one project."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)
    since = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="member_once_per_project"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="member_role_known"),
        ]


class AuditEntry(AppendOnlyModel):
    """Who did what to which object. `before` and `after` hold what changed, never long texts
    and never secrets. Without a project the entry concerns the whole site."""

    project = models.ForeignKey(Project, models.PROTECT, null=True, related_name="+")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    verb = models.CharField(max_length=60)
    object_type = models.CharField(max_length=40)
    object_id = models.CharField(max_length=64)
    object_name = models.CharField(max_length=160, blank=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    note = models.TextField(blank=True)
    at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        base_manager_name = "objects"
        indexes = [
            models.Index(fields=["project", "id"], name="audit_by_project"),
            models.Index(fields=["object_type", "object_id"], name="audit_by_object"),
        ]

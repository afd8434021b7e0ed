"""Problems and the sets they are in. A problem never changes; a correction supersedes it."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from apps.core.models import AppendOnlyModel, Entity
from apps.projects.models import Project


class Problem(AppendOnlyModel):
    """A question with its reference answer. `content_hash` is apps.core.identity.problem_hash."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="+", db_index=False)
    content_hash = models.CharField(max_length=64)
    excerpt = models.CharField(max_length=160)
    answer_kind = models.CharField(max_length=20, blank=True)
    subject = models.CharField(max_length=80, blank=True)
    difficulty = models.CharField(max_length=40, blank=True)
    source = models.CharField(max_length=120, blank=True)
    external_id = models.CharField(max_length=160, blank=True)
    licence = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    supersedes = models.ForeignKey("self", models.PROTECT, null=True, related_name="superseded_by")
    reference_answer = models.TextField(blank=True)
    choices = models.JSONField(default=list)
    statement = models.TextField()
    solution = models.TextField(blank=True)
    details = models.JSONField(default=dict)

    class Meta:
        base_manager_name = "objects"
        constraints = [
            models.UniqueConstraint(
                fields=["project", "content_hash"], name="problem_once_per_project"
            )
        ]
        indexes = [models.Index(fields=["project", "id"], name="problem_by_project")]

    def __str__(self) -> str:
        return self.excerpt


class Withdrawal(AppendOnlyModel):
    """A problem found broken: it leaves all later selections."""

    problem = models.OneToOneField(Problem, models.PROTECT, related_name="withdrawal")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    reason = models.TextField()
    at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        base_manager_name = "objects"


class Purpose(models.TextChoices):
    TRAINING = "training"
    EVALUATION = "evaluation"


class ProblemSet(Entity):
    """A named set of problems. Evaluation sets never feed a dataset."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="problem_sets")
    name = models.CharField(max_length=80)
    purpose = models.CharField(max_length=10, choices=Purpose.choices, default=Purpose.TRAINING)
    licence = models.CharField(max_length=60, blank=True)
    problems_total = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="problem_set_name_in_project")
        ]
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A problem in a set."""

    problem_set = models.ForeignKey(ProblemSet, models.PROTECT, related_name="memberships", db_index=False)
    problem = models.ForeignKey(Problem, models.PROTECT, related_name="memberships")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["problem_set", "problem"], name="problem_once_in_set")
        ]

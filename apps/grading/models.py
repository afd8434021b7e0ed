"""Grades: what a check, a judge or a person decided about a revision or one of its steps."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from apps.core.models import AppendOnlyModel
from apps.grading.base import Verdict
from apps.projects.models import Project
from apps.traces.models import Revision, Step


class Grade(AppendOnlyModel):
    """One verdict with everything it rests on. Automatic: unique per revision, step, grader,
    version and parameters; imported or human: the newest counts."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="+", db_index=False)
    revision = models.ForeignKey(Revision, models.PROTECT, related_name="grades")
    step = models.ForeignKey(Step, models.PROTECT, null=True, related_name="grades")
    grader = models.CharField(max_length=60)
    grader_version = models.PositiveIntegerField(default=1)
    params_hash = models.CharField(max_length=64, blank=True)
    source = models.CharField(
        max_length=8, choices=[("check", "check"), ("judge", "judge"), ("person", "person"),
                               ("imported", "imported")]
    )
    verdict = models.CharField(max_length=16, choices=[(v.value, v.value) for v in Verdict])
    score = models.FloatField(null=True)
    method = models.CharField(max_length=60, blank=True)
    weak = models.BooleanField(default=False)
    extracted = models.TextField(blank=True)
    span_start = models.PositiveIntegerField(null=True)
    span_end = models.PositiveIntegerField(null=True)
    gold_parsed = models.TextField(blank=True)
    answer_parsed = models.TextField(blank=True)
    rationale = models.TextField(blank=True)
    milliseconds = models.FloatField(default=0)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        base_manager_name = "objects"
        constraints = [
            models.UniqueConstraint(
                fields=["revision", "grader", "grader_version", "params_hash"],
                condition=Q(step=None, source__in=["check", "judge", "imported"]),
                name="automatic_grade_once_per_revision",
            ),
            models.UniqueConstraint(
                fields=["revision", "step", "grader", "grader_version", "params_hash"],
                condition=~Q(step=None) & Q(source__in=["check", "judge", "imported"]),
                name="automatic_grade_once_per_step",
            ),
            models.CheckConstraint(
                condition=~Q(source="person") | ~Q(person=None), name="human_grade_names_its_person"
            ),
        ]

"""Runs, their work items, recorded engine calls and outputs, and the workers that live."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from apps.core.models import AppendOnlyModel, Entity
from apps.problems.models import Problem
from apps.projects.models import Project
from apps.traces.models import Revision


class RunState(models.TextChoices):
    PLANNING = "planning"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class Run(Entity):
    """A person's order: a method over a selection of problems, or grading of traces. What it
    runs with is a snapshot taken when it was made."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="runs", db_index=False)
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=120, blank=True)
    kind = models.CharField(
        max_length=8, choices=[("generate", "generate"), ("grade", "grade")], default="generate"
    )
    method = models.CharField(max_length=60, blank=True)
    method_version = models.PositiveIntegerField(default=1)
    params = models.JSONField(default=dict)
    teachers = models.JSONField(default=dict)
    """role → {teacher, name, version, endpoint, engine, model, queue, system_prompt, sampling}"""
    graders = models.JSONField(default=list)
    selection = models.JSONField(default=dict)
    priority = models.SmallIntegerField(default=0)
    state = models.CharField(max_length=10, choices=RunState.choices, default=RunState.PLANNING)
    planned = models.BooleanField(default=False)
    plan_position = models.JSONField(null=True)
    items_total = models.PositiveIntegerField(default=0)
    items_done = models.PositiveIntegerField(default=0)
    items_failed = models.PositiveIntegerField(default=0)
    checks_total = models.PositiveIntegerField(default=0)
    checks_done = models.PositiveIntegerField(default=0)
    traces_total = models.PositiveIntegerField(default=0)
    calls_total = models.PositiveIntegerField(default=0)
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    output_tokens = models.PositiveBigIntegerField(default=0)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="run_number_in_project")
        ]
        indexes = [
            models.Index(fields=["project", "id"], name="run_by_project"),
            models.Index(fields=["state"], name="run_by_state"),
        ]

    def __str__(self) -> str:
        return f"Run {self.number}"


class ItemState(models.TextChoices):
    PENDING = "pending"
    LEASED = "leased"
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class WorkItem(Entity):
    """The unit of a run. Written only by planning.py (insert) and claims.py (all the rest)."""

    run = models.ForeignKey(Run, models.PROTECT, related_name="items", db_index=False)
    kind = models.CharField(max_length=8, default="generate")
    key = models.CharField(max_length=120)
    queue = models.CharField(max_length=60)
    problem = models.ForeignKey(Problem, models.PROTECT, null=True, related_name="+", db_index=False)
    revision = models.ForeignKey(Revision, models.PROTECT, null=True, related_name="+", db_index=False)
    payload = models.JSONField(default=dict)
    priority = models.SmallIntegerField(default=0)
    state = models.CharField(max_length=10, choices=ItemState.choices, default=ItemState.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    token = models.UUIDField(null=True)
    worker = models.CharField(max_length=120, blank=True)
    lease_expires_at = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    error_kind = models.CharField(max_length=60, blank=True)
    error = models.TextField(blank=True)
    error_detail = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "key"], name="work_item_key_unique_in_run"),
            models.CheckConstraint(
                condition=~Q(state="leased") | (~Q(token=None) & ~Q(lease_expires_at=None)),
                name="leased_item_has_a_lease",
            ),
        ]
        indexes = [
            models.Index(
                fields=["run", "queue", "id"],
                name="work_item_claimable",
                condition=Q(state__in=["pending", "leased"]),
            ),
            models.Index(fields=["run", "state", "id"], name="work_item_by_state"),
        ]


class EngineCall(AppendOnlyModel):
    """One recorded completion: the journal that makes running an item again free."""

    item = models.ForeignKey(WorkItem, models.PROTECT, related_name="calls", db_index=False)
    role = models.CharField(max_length=40)
    fingerprint = models.CharField(max_length=64)
    occurrence = models.PositiveIntegerField()
    request = models.JSONField()
    completion = models.JSONField()
    prompt_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    seconds = models.FloatField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        base_manager_name = "objects"
        constraints = [
            models.UniqueConstraint(
                fields=["item", "role", "fingerprint", "occurrence"], name="engine_call_once"
            )
        ]


class Output(AppendOnlyModel):
    """A revision that came out of an item. A result cannot be stored twice."""

    item = models.ForeignKey(WorkItem, models.PROTECT, related_name="outputs", db_index=False)
    ordinal = models.PositiveIntegerField()
    revision = models.OneToOneField(Revision, models.PROTECT, related_name="output")

    class Meta:
        base_manager_name = "objects"
        constraints = [
            models.UniqueConstraint(fields=["item", "ordinal"], name="output_ordinal_unique")
        ]


class WorkerBeat(models.Model):
    """A worker process that lives, or lived until `beat_at`."""

    name = models.CharField(max_length=120, primary_key=True)
    kind = models.CharField(max_length=20)
    queue = models.CharField(max_length=60)
    host = models.CharField(max_length=120)
    pid = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()
    doing = models.CharField(max_length=200, blank=True)
    state = models.JSONField(default=dict)

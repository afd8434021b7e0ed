"""Review queues, who has which trace, what was decided, and what that approves."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from apps.core.models import AppendOnlyModel, Entity
from apps.projects.models import Project
from apps.traces.models import Revision, Trace


class Queue(Entity):
    """Traces waiting for people, chosen by a filter. The rubric is versioned text."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="queues")
    name = models.CharField(max_length=80)
    selection = models.CharField(max_length=500, blank=True)
    rubric = models.TextField(blank=True)
    rubric_version = models.PositiveIntegerField(default=1)
    approvals_needed = models.PositiveSmallIntegerField(default=1)
    blind = models.BooleanField(default=False)
    own_work_allowed = models.BooleanField(default=True)
    closed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="queue_name_in_project"),
            models.CheckConstraint(
                condition=Q(approvals_needed__gte=1), name="queue_needs_an_approval"
            ),
        ]
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class AssignmentState(models.TextChoices):
    WAITING = "waiting"
    LEASED = "leased"
    DECIDED = "decided"
    SKIPPED = "skipped"


class Assignment(Entity):
    """One review of one trace in one queue: waiting for anybody, leased by a reviewer, then
    decided. `revision` is the head when it was leased; a decision names what it judged."""

    queue = models.ForeignKey(Queue, models.PROTECT, related_name="assignments", db_index=False)
    trace = models.ForeignKey(Trace, models.PROTECT, related_name="assignments")
    revision = models.ForeignKey(Revision, models.PROTECT, related_name="+", db_index=False)
    slot = models.PositiveSmallIntegerField(default=0)
    """Which of the approvals needed this is: several reviewers, several assignments."""
    round = models.PositiveSmallIntegerField(default=0)
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="assignments"
    )
    state = models.CharField(
        max_length=8, choices=AssignmentState.choices, default=AssignmentState.WAITING
    )
    lease_expires_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["queue", "trace", "slot", "round"], name="assignment_once_per_slot"
            ),
            models.UniqueConstraint(
                fields=["queue", "revision", "reviewer"],
                condition=Q(state="leased"),
                name="one_open_assignment_per_reviewer",
            ),
            models.CheckConstraint(
                condition=~Q(state="leased") | (~Q(reviewer=None) & ~Q(lease_expires_at=None)),
                name="leased_assignment_has_a_reviewer",
            ),
        ]
        indexes = [models.Index(fields=["queue", "state", "id"], name="assignment_by_state")]


class Outcome(models.TextChoices):
    APPROVE = "approve"
    SEND_BACK = "send-back"
    REJECT = "reject"


class Decision(AppendOnlyModel):
    """What a person decided about one revision. Without an assignment it was a bulk decision,
    told apart by `bulk`, which all decisions of one order share."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="+", db_index=False)
    assignment = models.OneToOneField(Assignment, models.PROTECT, null=True, related_name="decision")
    bulk = models.UUIDField(null=True)
    trace = models.ForeignKey(Trace, models.PROTECT, related_name="decisions")
    revision = models.ForeignKey(Revision, models.PROTECT, related_name="+", db_index=False)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    reason = models.CharField(max_length=60, blank=True)
    comment = models.TextField(blank=True)
    rubric_version = models.PositiveIntegerField(default=0)
    state_before = models.CharField(max_length=10, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        base_manager_name = "objects"
        constraints = [
            models.CheckConstraint(
                condition=~Q(assignment=None) | ~Q(bulk=None), name="decision_says_where_it_was_made"
            )
        ]
        indexes = [models.Index(fields=["by", "-id"], name="decision_by_person")]


class Undo(AppendOnlyModel):
    """A decision taken back by the one who made it; the trace returns to that person."""

    decision = models.OneToOneField(Decision, models.PROTECT, related_name="undo")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        base_manager_name = "objects"


class Approval(AppendOnlyModel):
    """A revision is approved, or no longer. Written with the decision that satisfies the
    queue's policy; the newest row of a revision counts."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="+", db_index=False)
    revision = models.ForeignKey(Revision, models.PROTECT, related_name="approvals")
    queue = models.ForeignKey(Queue, models.PROTECT, null=True, related_name="+")
    decision = models.ForeignKey(Decision, models.PROTECT, related_name="+", db_index=False)
    granted = models.BooleanField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        base_manager_name = "objects"

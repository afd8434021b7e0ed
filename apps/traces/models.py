"""Traces, their wordings, and where those came from. Lists read only `Trace`, never texts."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from apps.core.models import AppendOnlyModel, Entity
from apps.problems.models import Problem
from apps.projects.models import Project


class TraceState(models.TextChoices):
    """Where a trace's head stands with people."""

    NEW = "new"
    SENT_BACK = "sent-back"
    REJECTED = "rejected"
    APPROVED = "approved"


class Trace(Entity):
    """One line of reasoning for one problem. The narrow columns repeat what lists show of the
    head revision; the verbs that move the head keep them."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="+", db_index=False)
    problem = models.ForeignKey(Problem, models.PROTECT, related_name="traces")
    head = models.OneToOneField("Revision", models.PROTECT, null=True, related_name="+")
    number = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=10, choices=TraceState.choices, default=TraceState.NEW)
    verdict = models.CharField(max_length=16, blank=True)
    tokens = models.PositiveIntegerField(default=0)
    teacher = models.CharField(max_length=120, blank=True)
    method = models.CharField(max_length=60, blank=True)
    label = models.CharField(max_length=80, blank=True)
    finish_reason = models.CharField(max_length=12, blank=True)
    run_id = models.UUIDField(null=True)
    import_key = models.CharField(max_length=64, null=True, unique=True)
    """Hash of project, problem, text and producer for imported traces: a second import of the
    same record finds it."""
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["project", "id"], name="trace_by_project"),
            models.Index(fields=["project", "state", "id"], name="trace_by_state"),
            models.Index(fields=["project", "verdict", "id"], name="trace_by_verdict"),
            models.Index(fields=["project", "tokens", "id"], name="trace_by_tokens"),
            models.Index(fields=["run_id"], name="trace_by_run", condition=~models.Q(run_id=None)),
        ]


class Revision(AppendOnlyModel):
    """One wording of a trace. Editing or rewriting adds the next; none is changed."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="+", db_index=False)
    trace = models.ForeignKey(Trace, models.PROTECT, related_name="revisions", db_index=False)
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=10)
    tokens = models.PositiveIntegerField()
    characters = models.PositiveIntegerField()
    content_hash = models.CharField(max_length=64, editable=False)
    tag_state = models.CharField(max_length=16)
    reasoning_start = models.PositiveIntegerField(default=0)
    reasoning_end = models.PositiveIntegerField(default=0)
    answer_start = models.PositiveIntegerField(default=0)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False
    )
    reason = models.CharField(max_length=300, blank=True)
    provenance = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        base_manager_name = "objects"
        constraints = [
            models.UniqueConstraint(
                fields=["trace", "number"], name="revision_number_unique_in_trace"
            )
        ]

    def __str__(self) -> str:
        return f"{self.trace_id}@{self.number}"


class RevisionText(models.Model):
    """The raw text of a revision: the whole assistant turn, as a trainer would see it."""

    revision = models.OneToOneField(
        Revision, models.PROTECT, primary_key=True, related_name="body"
    )
    text = models.TextField()


class Derivation(AppendOnlyModel):
    """How a revision follows from another. Written with the child, so there is no cycle."""

    class Role(models.TextChoices):
        EDIT_OF = "edit_of"
        REWRITE_OF = "rewrite_of"
        REPAIR_OF = "repair_of"
        MERGED_FROM = "merged_from"

    child = models.ForeignKey(Revision, models.PROTECT, related_name="parents")
    parent = models.ForeignKey(Revision, models.PROTECT, related_name="children")
    role = models.CharField(max_length=12, choices=Role.choices)

    class Meta:
        base_manager_name = "objects"
        constraints = [
            models.UniqueConstraint(
                fields=["child", "parent", "role"], name="derivation_once"
            ),
            models.CheckConstraint(
                condition=~models.Q(child=models.F("parent")), name="derivation_not_of_itself"
            ),
        ]


class Step(AppendOnlyModel):
    """A step that something points at: a grade, a label, a note. Spans are the segmenter's;
    they are recomputed for reading and stored only when referred to. Text is never copied."""

    revision = models.ForeignKey(Revision, models.PROTECT, related_name="steps")
    index = models.PositiveIntegerField()
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    segmenter = models.PositiveSmallIntegerField()

    class Meta:
        base_manager_name = "objects"
        constraints = [
            models.UniqueConstraint(
                fields=["revision", "segmenter", "index"], name="step_index_unique_in_revision"
            ),
            models.CheckConstraint(
                condition=models.Q(end__gt=models.F("start")), name="step_not_empty"
            ),
        ]


class SearchDocument(models.Model):
    """A revision that is in the full-text index; its id is the index's row number."""

    id = models.BigAutoField(primary_key=True)
    revision = models.OneToOneField(Revision, models.PROTECT, related_name="+")
    trace = models.ForeignKey(Trace, models.PROTECT, related_name="+", db_index=False)
    project = models.ForeignKey(Project, models.PROTECT, related_name="+", db_index=False)

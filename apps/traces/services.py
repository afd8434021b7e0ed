"""Verbs on traces: start one, add a revision. The head only moves forward."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.core.errors import Conflict, InvalidInput
from apps.core.identity import sha256_text
from apps.core.thinking import split_thought
from apps.problems.models import Problem
from apps.projects.services import record_audit
from apps.traces.models import Derivation, Revision, RevisionText, Step, Trace, TraceState
from apps.traces.provenance import validated
from apps.traces.segmentation import SEGMENTER, segment

LONGEST_TEXT = 20_000_000
STATE_AFTER_EDIT = {TraceState.APPROVED: TraceState.NEW, TraceState.REJECTED: TraceState.NEW}


@dataclass(frozen=True, slots=True)
class Columns:
    """What a revision's row holds of its text."""

    tokens: int
    characters: int
    content_hash: str
    tag_state: str
    reasoning_start: int
    reasoning_end: int
    answer_start: int


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has: a quarter of its UTF-8 bytes, at least 1. Engines report
    exact counts for what they made; lists say «about» for the rest."""
    return max(1, (len(text) if text.isascii() else len(text.encode())) // 4)


def columns_of(text: str, *, tokens: int = 0) -> Columns:
    """Measure a text once, for its row and for the lists. `tokens` 0 means: estimate."""
    split = split_thought(text)
    return Columns(
        tokens=tokens or estimate_tokens(text),
        characters=len(text),
        content_hash=sha256_text(text),
        tag_state=split.state,
        reasoning_start=split.reasoning[0],
        reasoning_end=split.reasoning[1],
        answer_start=split.answer[0],
    )


def check_text(text: str) -> None:
    """InvalidInput when a database could not hold the text, or it is too long."""
    if len(text) > LONGEST_TEXT:
        raise InvalidInput(f"A trace has at most {LONGEST_TEXT:,} characters; this has {len(text):,}.")
    if "\x00" in text:
        raise InvalidInput("The text holds a NUL character, which cannot be stored; remove it.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidInput("The text holds half a surrogate pair, which is no character.") from None


@transaction.atomic
def start_trace(
    problem: Problem,
    text: str,
    *,
    provenance: dict[str, Any],
    kind: str,
    teacher: str = "",
    method: str = "",
    label: str = "",
    tokens: int = 0,
    finish_reason: str = "",
    run_id: UUID | None = None,
    author: Any = None,
    parents: tuple[tuple[Revision, str], ...] = (),
) -> Revision:
    """Make a trace with its first revision; returns that revision."""
    check_text(text)
    columns = columns_of(text, tokens=tokens)
    trace = Trace.objects.create(
        project_id=problem.project_id,
        problem=problem,
        tokens=columns.tokens,
        teacher=teacher,
        method=method,
        label=label,
        finish_reason=finish_reason,
        run_id=run_id,
    )
    return _add(trace, 1, text, columns, kind, validated(provenance), author, "", parents)


@transaction.atomic
def add_revision(
    trace: Trace, text: str, *, base_number: int, author: Any, reason: str = ""
) -> Revision:
    """Save a person's edit as the next revision.

    `base_number` is the revision the person saw. Conflict (with `head` and `base` in its
    details) when somebody saved another one meanwhile: nothing is lost, nothing overwritten.
    Saving an unchanged text returns the head.
    """
    check_text(text)
    locked = Trace.objects.select_for_update().select_related("head").get(pk=trace.pk)
    head = locked.head
    if head is None or head.number != base_number:
        raise Conflict(
            "Somebody saved another wording meanwhile; compare the two and save again.",
            code="stale-base",
            head=head.number if head else 0,
            base=base_number,
        )
    columns = columns_of(text)
    if columns.content_hash == head.content_hash:
        return head
    provenance = validated(
        {
            "kind": "edited",
            "author": author.get_username(),
            "base": head.number,
            "base_hash": head.content_hash,
        }
    )
    revision = _add(
        locked, head.number + 1, text, columns, "edited", provenance, author, reason,
        ((head, Derivation.Role.EDIT_OF),),
    )
    record_audit(
        "edit-trace", locked, actor=author, project=locked.project, note=reason,
        before={"revision": head.number, "hash": head.content_hash, "state": locked.state},
        after={"revision": revision.number, "hash": revision.content_hash},
    )
    return revision


def _add(
    trace: Trace,
    number: int,
    text: str,
    columns: Columns,
    kind: str,
    provenance: dict[str, Any],
    author: Any,
    reason: str,
    parents: tuple[tuple[Revision, str], ...],
) -> Revision:
    revision = Revision.objects.create(
        project_id=trace.project_id,
        trace=trace,
        number=number,
        kind=kind,
        tokens=columns.tokens,
        characters=columns.characters,
        content_hash=columns.content_hash,
        tag_state=columns.tag_state,
        reasoning_start=columns.reasoning_start,
        reasoning_end=columns.reasoning_end,
        answer_start=columns.answer_start,
        author=author,
        reason=reason[:300],
        provenance=provenance,
    )
    RevisionText.objects.create(revision=revision, text=text)
    for parent, role in parents:
        Derivation.objects.create(child=revision, parent=parent, role=role)
    trace.head = revision
    trace.tokens = columns.tokens
    trace.changed_at = timezone.now()
    if number > 1:
        # What was graded and decided was another wording.
        trace.verdict = ""
        trace.state = STATE_AFTER_EDIT.get(trace.state, trace.state)
    trace.save(update_fields=["head", "tokens", "changed_at", "verdict", "state"])
    return revision


def step_at(revision: Revision, index: int) -> Step:
    """The stored step of a revision by its index, written the first time it is asked for."""
    known = Step.objects.filter(revision=revision, segmenter=SEGMENTER, index=index).first()
    if known is not None:
        return known
    spans = segment(revision.body.text)
    if not 0 <= index < len(spans):
        raise InvalidInput(f"This revision has {len(spans)} steps; there is no step {index + 1}.")
    span = spans[index]
    step, _ = Step.objects.get_or_create(
        revision=revision,
        segmenter=SEGMENTER,
        index=index,
        defaults={"start": span.start, "end": span.end},
    )
    return step

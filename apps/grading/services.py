"""Verbs on grades: store what a check said, what a person said, and keep a trace's verdict."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.core.bulk import insert_rows
from apps.core.errors import InvalidInput
from apps.core.identity import new_id, sha256_json
from apps.grading.base import CheckResult, ReferenceAnswer, Verdict, graders
from apps.grading.models import Grade
from apps.problems.models import Problem
from apps.traces.models import Revision, Trace

FIELDS = (
    "id", "project", "revision", "grader", "grader_version", "params_hash", "source", "verdict",
    "score", "method", "weak", "extracted", "span_start", "span_end", "gold_parsed",
    "answer_parsed", "rationale", "milliseconds", "person", "created_at", "step",
)
LONGEST_FIELD = 4000


def reference_of(problem: Problem) -> ReferenceAnswer:
    """A problem's reference answer as graders see it."""
    return ReferenceAnswer(
        value=problem.reference_answer,
        kind=problem.answer_kind,
        choices=tuple(problem.choices),
        details=problem.details,
    )


def params_hash(params: dict[str, Any]) -> str:
    """«» for default parameters, else their hash."""
    return sha256_json(params) if params else ""


def record_checks(
    grader: str, results: Sequence[tuple[UUID, UUID, CheckResult]], *, params: dict[str, Any] | None = None
) -> int:
    """Store the results of one check: (project id, revision id, result) each; returns how many
    were new. A revision already graded by this version with these parameters is passed over."""
    version = graders.get(grader).version
    now = timezone.now()
    hashed = params_hash(params or {})
    rows = []
    for project_id, revision_id, result in results:
        start, end = result.span or (None, None)
        rows.append(
            (
                new_id(), project_id, revision_id, grader, version, hashed, "check",
                str(result.verdict), None, result.method[:60], result.weak,
                result.extracted[:LONGEST_FIELD], start, end, result.gold_parsed[:LONGEST_FIELD],
                result.answer_parsed[:LONGEST_FIELD], result.rationale[:LONGEST_FIELD],
                result.milliseconds, None, now, None,
            )
        )
    with transaction.atomic():
        added = insert_rows(Grade, FIELDS, rows, ignore_conflicts=True)
        keep_verdicts([revision_id for _, revision_id, _ in results])
    return added


def record_imported_grades(rows: Iterable[tuple[UUID, UUID, bool, str]], *, at: Any = None) -> int:
    """Store correctness that came with a file: (project id, revision id, is correct, label).
    It is shown beside our own grades and never becomes a trace's verdict."""
    now = at or timezone.now()
    return insert_rows(
        Grade,
        FIELDS,
        (
            (
                new_id(), project_id, revision_id, "imported", 1, "", "imported",
                str(Verdict.CORRECT if correct else Verdict.INCORRECT), None, "", False, "", None,
                None, "", "", label[:200], 0.0, None, now, None,
            )
            for project_id, revision_id, correct, label in rows
        ),
        ignore_conflicts=True,
    )


@transaction.atomic
def record_human_grade(
    revision: Revision, *, by: Any, verdict: str, rationale: str = "", step: Any = None
) -> Grade:
    """Store a person's verdict on a revision or one of its steps; the newest counts."""
    if verdict not in list(Verdict):
        raise InvalidInput(f"There is no verdict «{verdict}»; known are: {', '.join(Verdict)}.")
    grade = Grade.objects.create(
        project_id=revision.project_id,
        revision=revision,
        step=step,
        grader="person",
        source="person",
        verdict=verdict,
        rationale=rationale[:LONGEST_FIELD],
        person=by,
    )
    if step is None:
        keep_verdicts([revision.pk])
    return grade


def verdict_of(grades: Iterable[tuple[str, str, str, bool]]) -> str:
    """The verdict lists show, from (source, grader, verdict, weak) oldest first: the newest
    person's; else what decided checks agree on; `needs_human` where they disagree; else the
    last undecided one. Imported grades never decide."""
    person = ""
    decided: dict[str, str] = {}
    undecided = ""
    for source, grader, verdict, _weak in grades:
        if source == "person":
            person = verdict
        elif source in ("check", "judge"):
            if verdict in (Verdict.CORRECT, Verdict.INCORRECT, Verdict.NO_ANSWER):
                decided[grader] = verdict
            else:
                undecided = verdict
    if person:
        return person
    said = set(decided.values())
    if len(said) > 1:
        return str(Verdict.NEEDS_HUMAN)
    return said.pop() if said else undecided


def keep_verdicts(revision_ids: Sequence[UUID]) -> None:
    """Bring the verdict column of the traces with these heads up to date."""
    by_revision: dict[UUID, list[tuple[str, str, str, bool]]] = {pk: [] for pk in revision_ids}
    rows = (
        Grade.objects.filter(revision__in=revision_ids, step=None)
        .order_by("id")
        .values_list("revision_id", "source", "grader", "verdict", "weak")
    )
    for revision_id, *grade in rows:
        by_revision[revision_id].append(tuple(grade))
    groups: dict[str, list[UUID]] = {}
    for revision_id, grades in by_revision.items():
        groups.setdefault(verdict_of(grades), []).append(revision_id)
    for verdict, ids in groups.items():
        Trace.objects.filter(head__in=ids).exclude(verdict=verdict).update(verdict=verdict)

"""Grading items: claimed like all others, checked in killable children, stored in one go."""

import traceback
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.grading.base import CheckResult, Verdict, graders
from apps.grading.sandbox import Sandbox
from apps.grading.services import record_checks, reference_of
from apps.runs import claims
from apps.runs.claims import Failed, Lease
from apps.core.wakeups import CPU_QUEUE
from apps.traces.models import RevisionText

ROOM = 20


def work_checks(sandbox: Sandbox, *, worker: str, stopping: Callable[[], bool]) -> int:
    """Grade until nothing is claimable; returns how many items ended."""
    ended = 0
    while not stopping():
        leases = claims.claim(CPU_QUEUE, ROOM, worker=worker)
        if not leases:
            return ended
        for index, lease in enumerate(leases):
            if stopping():
                claims.release(leases[index:])
                return ended
            _grade(sandbox, lease)
            ended += 1
            rest = leases[index + 1 :]
            if rest and len(rest) % 5 == 0:
                claims.renew(rest)
    return ended


def _grade(sandbox: Sandbox, lease: Lease) -> None:
    payload = lease.item.payload
    ids = [UUID(value) for value in payload["revisions"]]
    rows = list(
        RevisionText.objects.filter(pk__in=ids).select_related("revision__trace__problem")
    )
    try:
        for grader in payload["graders"]:
            results = _check_all(sandbox, grader, rows)
            with transaction.atomic():
                record_checks(grader, results)
    except Exception as error:  # a boundary: a grader that breaks is a failed item, not a crash
        with transaction.atomic():
            claims.fail(
                [Failed(lease, type(error).__name__, f"{grader}: {error}", traceback.format_exc())]
            )
        return
    claims.complete_checks([lease])


def _check_all(
    sandbox: Sandbox, grader: str, rows: list[Any]
) -> list[tuple[UUID, UUID, CheckResult]]:
    graders.get(grader)
    questions, without = [], []
    for row in rows:
        problem = row.revision.trace.problem
        (questions if problem.reference_answer else without).append((row, problem))
    answers = sandbox.check_many(
        [(grader, reference_of(problem), row.text) for row, problem in questions]
    )
    found = [
        (row.revision.project_id, row.pk, answer)
        for (row, _), answer in zip(questions, answers, strict=True)
    ]
    no_gold = CheckResult(
        Verdict.NEEDS_HUMAN, method="no-reference",
        rationale="The problem has no reference answer: a person decides.",
    )
    return found + [(row.revision.project_id, row.pk, no_gold) for row, _ in without]

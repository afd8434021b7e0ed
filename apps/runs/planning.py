"""From a selection to work items: in order, in chunks, resumable. Keys are deterministic, so that
planning twice adds nothing."""

import time
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from apps.core.bulk import insert_rows
from apps.core.wakeups import CPU_QUEUE
from apps.methods.base import methods
from apps.problems.queries import problems_matching
from apps.runs.claims import ITEM_FIELDS, finish_runs, new_item
from apps.runs.models import Run, RunState, WorkItem
from apps.traces.queries import traces_matching

CHUNK = 500
CHECKS_PER_ITEM = 100


def plan(run_id: UUID, *, seconds: float = 20.0) -> bool:
    """Plan for at most about `seconds`; returns whether the run is wholly planned."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if plan_chunk(run_id):
            return True
    return False


@transaction.atomic
def plan_chunk(run_id: UUID) -> bool:
    """Plan the next chunk; True when nothing is left to plan."""
    run = Run.objects.select_for_update().get(pk=run_id)
    if run.planned or run.state in (RunState.CANCELLED, RunState.FINISHED):
        return True
    now = timezone.now()
    rows = _grading_rows(run, now) if run.kind == "grade" else _generation_rows(run, now)
    items, position = rows
    added = insert_rows(WorkItem, ITEM_FIELDS, items, ignore_conflicts=True)
    counter = "checks_total" if run.kind == "grade" else "items_total"
    update: dict[str, Any] = {counter: F(counter) + added}
    if position is None:
        update["planned"] = True
    else:
        update["plan_position"] = position
    if run.state == RunState.PLANNING:
        update |= {"state": RunState.RUNNING, "started_at": now}
    Run.objects.filter(pk=run_id).update(**update)
    finish_runs([run_id])
    return position is None


def selected_problems(run: Run) -> QuerySet[Any]:
    """The problems of a generation run, in id order."""
    return problems_matching(run.project, run.selection.get("filter", ""))


def _generation_rows(run: Run, now: Any) -> tuple[list[tuple], str | None]:
    method = methods.get(run.method)
    params = method.params.model_validate(run.params)
    samples = method.items_per_problem(params)
    queue = run.teachers[method.roles[0]]["queue"]
    problems = selected_problems(run)
    if run.plan_position:
        problems = problems.filter(pk__gt=run.plan_position)
    limit = run.selection.get("limit")
    chosen = list(problems.values_list("pk", "content_hash")[:CHUNK])
    if limit is not None:
        room = max(0, int(limit) - run.items_total // max(1, samples))
        chosen = chosen[:room]
    rows = [
        new_item(run.pk, "generate", f"{content_hash[:32]}:{sample}", queue, pk,
                 {"sample": sample}, now)
        for pk, content_hash in chosen
        for sample in range(samples)
    ]
    return rows, (str(chosen[-1][0]) if len(chosen) == CHUNK else None)


def _grading_rows(run: Run, now: Any) -> tuple[list[tuple], str | None]:
    traces = traces_matching(run.project, run.selection.get("filter", "")).exclude(head=None)
    traces = traces.order_by("id")
    if run.plan_position:
        traces = traces.filter(pk__gt=run.plan_position)
    chosen = list(traces.values_list("pk", "head_id")[: CHUNK * 4])
    rows = []
    for start in range(0, len(chosen), CHECKS_PER_ITEM):
        part = chosen[start : start + CHECKS_PER_ITEM]
        payload = {"revisions": [str(head) for _, head in part], "graders": run.graders}
        rows.append(
            new_item(run.pk, "grade", f"check:{part[0][0]}", CPU_QUEUE, None, payload, now)
        )
    return rows, (str(chosen[-1][0]) if len(chosen) == CHUNK * 4 else None)

"""What pages, commands and routes say of runs."""

from datetime import timedelta
from typing import Any

from django.db.models import Count
from django.utils import timezone

from apps.core.wakeups import CPU_QUEUE
from apps.runs.models import ItemState, Run, RunState, WorkItem
from apps.runs.wakeup import command_for, serving

ENDED = {RunState.FINISHED, RunState.CANCELLED}


def summary(run: Run) -> dict[str, Any]:
    """The object that commands and routes print of a run."""
    until = run.finished_at or timezone.now()
    seconds = (until - run.started_at).total_seconds() if run.started_at else 0.0
    return {
        "run": run.number,
        "id": str(run.pk),
        "state": run.state,
        "kind": run.kind,
        "method": run.method,
        "items": run.items_total,
        "done": run.items_done,
        "failed": run.items_failed,
        "checks": run.checks_total,
        "checks_done": run.checks_done,
        "traces": run.traces_total,
        "completions": run.calls_total,
        "prompt_tokens": run.prompt_tokens,
        "output_tokens": run.output_tokens,
        "seconds": round(seconds, 2),
    }


def progress(run: Run) -> dict[str, Any]:
    """Done, total, rate and time left, over items and checks together."""
    done = run.items_done + run.items_failed + run.checks_done
    total = run.items_total + run.checks_total
    elapsed = ((run.finished_at or timezone.now()) - run.started_at).total_seconds() if run.started_at else 0
    rate = done / elapsed if elapsed > 0 else 0.0
    left = (total - done) / rate if rate > 0 and run.state == RunState.RUNNING else None
    return {
        "done": done,
        "total": total,
        "share": done / total if total else (1.0 if run.state in ENDED else 0.0),
        "rate": rate,
        "tokens_rate": run.output_tokens / elapsed if elapsed > 0 else 0.0,
        "elapsed": timedelta(seconds=int(elapsed)),
        "left": timedelta(seconds=int(left)) if left is not None else None,
        "ended": run.state in ENDED,
    }


def errors_by_kind(run: Run) -> list[dict[str, Any]]:
    """Failed items by kind of error, with one sentence each."""
    rows = (
        WorkItem.objects.filter(run=run, state=ItemState.FAILED)
        .values("error_kind")
        .annotate(count=Count("pk"))
        .order_by("-count")
    )
    found = []
    for row in rows:
        example = WorkItem.objects.filter(
            run=run, state=ItemState.FAILED, error_kind=row["error_kind"]
        ).values_list("error", flat=True).first()
        found.append({"kind": row["error_kind"], "count": row["count"], "example": example})
    return found


def missing_workers(run: Run) -> list[dict[str, str]]:
    """Queues of a live run that no worker serves: what waits there, and the command that starts
    one. Empty when all is well."""
    if run.state in ENDED or run.state == RunState.PAUSED:
        return []
    found = []
    for queue in sorted({t["queue"] for t in run.teachers.values()} | {CPU_QUEUE}):
        if not serving(queue):
            what = "checks and planning" if queue == CPU_QUEUE else "generation"
            found.append({"queue": queue, "what": what, "command": command_for(queue)})
    return found

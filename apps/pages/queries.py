"""What the dashboard and the metrics page show."""

from typing import Any

import redis
from django.conf import settings
from django.utils import timezone

from apps.core.wakeups import CPU_QUEUE
from apps.datasets.models import DatasetVersion
from apps.imports.models import ImportBatch, ImportState
from apps.projects.models import Project
from apps.review.models import Assignment, AssignmentState, Queue
from apps.review.queries import counts, sent_back
from apps.runs.models import Run, RunState, WorkerBeat
from apps.runs.queries import missing_workers, progress
from apps.runs.wakeup import ALIVE_FOR, command_for, serving
from apps.traces.models import Trace
from apps.traces.queries import bounded_count


def redis_client() -> redis.Redis:
    """A client of the doorbell, with short time-outs."""
    return redis.Redis.from_url(
        settings.STILLROOM.resolve_redis_url(), socket_timeout=2, socket_connect_timeout=2
    )


def worker_rows() -> list[dict[str, Any]]:
    """Workers of the last hour: alive or since when silent, and what they do."""
    now = timezone.now()
    rows = WorkerBeat.objects.order_by("kind", "name")[:100]
    return [
        {
            "name": w.name, "kind": w.kind, "queue": w.queue, "doing": w.doing or "waiting for work",
            "alive": now - w.beat_at < ALIVE_FOR, "beat_at": w.beat_at, "started_at": w.started_at,
        }
        for w in rows
    ]


def dashboard(project: Project, user: Any) -> dict[str, Any]:
    """A project's dashboard."""
    queues = Queue.objects.filter(project=project, closed_at=None)[:12]
    mine = Assignment.objects.filter(
        queue__project=project, reviewer=user, state=AssignmentState.LEASED
    ).select_related("queue")[:12]
    runs = list(Run.objects.filter(project=project).order_by("-id")[:8])
    live = [run for run in runs if run.state in (RunState.PLANNING, RunState.RUNNING, RunState.PAUSED)]
    missing: dict[str, dict[str, str]] = {}
    for run in live:
        for row in missing_workers(run):
            missing[row["queue"]] = row
    importing = ImportBatch.objects.filter(
        project=project, state__in=[ImportState.READY, ImportState.RUNNING]
    )
    building = DatasetVersion.objects.filter(dataset__project=project, state="building")
    if (importing.exists() or building.exists()) and not serving(CPU_QUEUE):
        missing.setdefault(CPU_QUEUE, {"queue": CPU_QUEUE, "what": "imports, checks and exports",
                                       "command": command_for(CPU_QUEUE)})
    traces = Trace.objects.filter(project=project)
    figures = [
        ("problems", sum(s.problems_total for s in project.problem_sets.all()[:200]), True, "problems:list", ""),
        ("traces", *bounded_count(traces), "traces:list", ""),
        ("approved", *bounded_count(traces.filter(state="approved")), "traces:list", "state:approved"),
        ("need a person", *bounded_count(traces.filter(verdict="needs_human")), "traces:list", "verdict:needs_human"),
    ]
    return {
        "figures": figures,
        "queues": [(queue, counts(queue)) for queue in queues],
        "mine": mine,
        "sent_back": sent_back(project),
        "runs": [(run, progress(run)) for run in runs],
        "live": bool(live),
        "missing": list(missing.values()),
        "workers": worker_rows(),
        "importing": importing[:5],
        "versions": DatasetVersion.objects.filter(dataset__project=project)
        .select_related("dataset").defer("manifest").order_by("-id")[:5],
    }


def metrics_text() -> str:
    """Queues, leases, workers and tokens for Prometheus."""
    now = timezone.now()
    lines = []
    for worker in WorkerBeat.objects.order_by("name"):
        alive = int(now - worker.beat_at < ALIVE_FOR)
        lines.append(f'stillroom_worker_alive{{name="{worker.name}",kind="{worker.kind}"}} {alive}')
    for run in Run.objects.filter(state__in=[RunState.RUNNING, RunState.PLANNING]).order_by("id")[:200]:
        label = f'{{run="{run.pk}"}}'
        lines += [
            f"stillroom_run_items_total{label} {run.items_total}",
            f"stillroom_run_items_done{label} {run.items_done}",
            f"stillroom_run_items_failed{label} {run.items_failed}",
            f"stillroom_run_output_tokens{label} {run.output_tokens}",
        ]
    return "\n".join(lines) + "\n"

"""What nobody rang for: queues with claimable items, imports and builds whose worker is gone,
texts not yet indexed, workers long dead. Messages may be lost any time; this finds the work."""

from datetime import timedelta

from django.utils import timezone

from apps.core.wakeups import CPU_QUEUE, ring
from apps.datasets.services import builds_to_continue
from apps.imports.services import batches_to_continue
from apps.runs.claims import queues_with_work
from apps.runs.models import Run, RunState, WorkerBeat
from apps.runs.wakeup import ring_workers
from apps.traces.search import texts_waiting

FORGET_AFTER = timedelta(days=1)


def sweep() -> None:
    """Ring for everything that waits."""
    for queue in queues_with_work():
        ring_workers(queue)
    unplanned = Run.objects.filter(
        planned=False, state__in=[RunState.PLANNING, RunState.RUNNING]
    )
    for run_id in unplanned.values_list("pk", flat=True):
        ring("plan_run", run_id)
    for batch_id in batches_to_continue():
        ring("import_batch", batch_id)
    for version_id in builds_to_continue():
        ring("build_version", version_id)
    if texts_waiting():
        ring("index_texts", queue=CPU_QUEUE)
    WorkerBeat.objects.filter(beat_at__lt=timezone.now() - FORGET_AFTER).delete()

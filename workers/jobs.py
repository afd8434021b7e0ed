"""Celery jobs: ten lines each at most. Each looks at the database and calls a verb."""

import asyncio
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.db import close_old_connections

from apps.core.wakeups import CPU_QUEUE, ring
from apps.datasets.services import build_version as build
from apps.engines.base import EngineDead
from apps.imports.services import continue_import
from apps.runs.claims import queues_with_work
from apps.runs.planning import plan
from apps.runs.wakeup import ANY_ENGINE, ring_workers
from apps.runs.models import Run
from apps.traces.search import index_texts as index
from workers import checks
from workers.engine_host import WrongProcess
from workers.process import this
from workers.shift import Shift

SLICE = 15.0


@shared_task(name="stillroom.plan_run")
def plan_run(run_id: str) -> None:
    """Plan a slice of a run, then wake its workers."""
    close_old_connections()
    if not plan(UUID(run_id), seconds=SLICE):
        ring("plan_run", run_id)
    run = Run.objects.get(pk=run_id)
    for queue in {teacher["queue"] for teacher in run.teachers.values()} | {CPU_QUEUE}:
        ring_workers(queue)


@shared_task(name="stillroom.work_checks")
def work_checks() -> None:
    """Grade whatever waits for a check."""
    close_old_connections()
    this.doing = "grading"
    checks.work_checks(this.sandbox(), worker=this.name, stopping=this.stopping)
    this.doing = ""


@shared_task(name="stillroom.import_batch")
def import_batch(batch_id: str) -> None:
    """Read a slice of a file."""
    close_old_connections()
    this.doing = "importing"
    if not continue_import(UUID(batch_id), seconds=SLICE, stopping=this.stopping):
        ring("import_batch", batch_id)
    this.doing = ""


@shared_task(name="stillroom.build_version")
def build_version(version_id: str) -> None:
    """Write a dataset version's files."""
    close_old_connections()
    this.doing = "building a dataset version"
    build(UUID(version_id))
    this.doing = ""


@shared_task(name="stillroom.index_texts")
def index_texts() -> None:
    """Add texts to the search index until none waits."""
    close_old_connections()
    while not this.stopping() and index():
        continue


@shared_task(name="stillroom.work_shift")
def work_shift() -> None:
    """Work on the served queue that has waited longest; ring again while there is work."""
    close_old_connections()
    served = [q for q in queues_with_work() if q != CPU_QUEUE and this.queue in (q, ANY_ENGINE)]
    for queue in served[:1]:
        this.doing = f"working on {queue}"
        asyncio.run(_shift(queue))
        this.doing = ""
    if not this.stopping() and any(q != CPU_QUEUE and this.queue in (q, ANY_ENGINE) for q in queues_with_work()):
        ring("work_shift", queue=this.queue)


async def _shift(queue: str) -> None:
    shift = Shift(queue, worker=this.name, sandbox=this.sandbox(), stopping=this.stopping)
    try:
        await shift.run(settings.STILLROOM.shift_minutes * 60)
    except (EngineDead, WrongProcess):
        this.exit_for_restart()

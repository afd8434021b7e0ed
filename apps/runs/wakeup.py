"""Which living worker to wake for which queue, and who is alive."""

from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.core.wakeups import CPU_QUEUE, ring
from apps.runs.models import WorkerBeat

ALIVE_FOR = timedelta(seconds=20)
ANY_ENGINE = "engine"


def living_workers() -> QuerySet[WorkerBeat]:
    """Workers that have beaten lately."""
    return WorkerBeat.objects.filter(beat_at__gte=timezone.now() - ALIVE_FOR).order_by("name")


def serving(queue: str) -> list[WorkerBeat]:
    """Living workers that serve a queue: its own, or any engine queue."""
    wanted = [queue] if queue == CPU_QUEUE else [queue, ANY_ENGINE]
    return [worker for worker in living_workers() if worker.queue in wanted]


def ring_workers(queue: str) -> None:
    """After commit, tell every living worker of `queue` to look for items. Nobody alive: no
    message; a worker looks by itself when it starts."""
    job = "work_checks" if queue == CPU_QUEUE else "work_shift"

    def send() -> None:
        for target in {worker.queue for worker in serving(queue)}:
            ring(job, queue=target)

    transaction.on_commit(send)


def command_for(queue: str) -> str:
    """The command that starts a worker for a queue, for the page of the person who waits."""
    return f"./stillroom manage worker {'cpu' if queue == CPU_QUEUE else 'engine'}"

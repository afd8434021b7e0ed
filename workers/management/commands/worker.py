"""One worker: `worker cpu`, `worker engine`, or `worker engine --endpoint NAME`."""

import logging
import os
from typing import Any

from celery.signals import worker_ready, worker_shutdown
from django.core.management.base import BaseCommand, CommandParser

from apps.core.errors import InvalidInput
from apps.core.wakeups import engine_queue, ring
from apps.engines.models import Endpoint
from apps.runs.wakeup import ANY_ENGINE
from workers.celery_app import app
from workers.process import stop_on_signals, this


class Command(BaseCommand):
    help = "Run one worker: cpu (imports, planning, checks, exports) or engine (generation)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", choices=["cpu", "engine"])
        parser.add_argument("--endpoint", help="serve only this endpoint's queue")

    def handle(self, *args: Any, kind: str, endpoint: str | None, **options: Any) -> None:
        queue = "cpu" if kind == "cpu" else ANY_ENGINE
        if endpoint:
            found = Endpoint.objects.filter(name=endpoint).first()
            if found is None:
                raise InvalidInput(f"There is no endpoint «{endpoint}».")
            queue = engine_queue(found.pk)

        @worker_ready.connect(weak=False)
        def begin(**kwargs: Any) -> None:
            this.start(kind, queue)
            stop_on_signals()
            ring("work_checks" if kind == "cpu" else "work_shift", queue=queue)
            logging.getLogger("stillroom.worker").info("worker.ready", extra={"queue": queue})

        @worker_shutdown.connect(weak=False)
        def finish(**kwargs: Any) -> None:
            this.end()

        worker = app.Worker(
            pool="threads",
            concurrency=3 if kind == "cpu" else 1,
            queues=[queue],
            hostname=f"{kind}-{os.getpid()}@{this.name.split(':')[0]}",
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            loglevel="WARNING",
        )
        worker.start()
        if this.restart_wanted or worker.exitcode:
            os._exit(worker.exitcode or 75)

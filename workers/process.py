"""What every worker process has: a name, a heartbeat, a sandbox, and a wish to stop."""

import logging
import os
import signal
import socket
import threading
import time
from typing import Any

from django.db import DatabaseError, close_old_connections, connection
from django.utils import timezone

from apps.grading.sandbox import Sandbox
from apps.runs.models import WorkerBeat

logger = logging.getLogger("stillroom.worker")
BEAT_EVERY = 5.0
SWEEP_EVERY = 15.0


class Process:
    """The state of this worker process; one per process."""

    def __init__(self) -> None:
        self.kind = "cpu"
        self.queue = "cpu"
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self.started_at = timezone.now()
        self.doing = ""
        self.state: dict[str, Any] = {}
        self.stop = threading.Event()
        self._sandbox: Sandbox | None = None
        self.restart_wanted = False
        self._lock = threading.Lock()

    def exit_for_restart(self) -> None:
        """End this process so that its supervisor starts a fresh one."""
        self.restart_wanted = True
        os.kill(os.getpid(), signal.SIGTERM)

    def stopping(self) -> bool:
        """Whether to claim nothing more."""
        return self.stop.is_set()

    def sandbox(self) -> Sandbox:
        """The checks' children, started at the first check."""
        with self._lock:
            if self._sandbox is None:
                self._sandbox = Sandbox()
            return self._sandbox

    def start(self, kind: str, queue: str) -> None:
        """Begin to beat; a CPU worker also sweeps."""
        self.kind, self.queue = kind, queue
        self.beat()
        threading.Thread(target=self._pulse, name="pulse", daemon=True).start()

    def beat(self) -> None:
        """Say that this worker lives and what it does."""
        WorkerBeat.objects.update_or_create(
            name=self.name,
            defaults={
                "kind": self.kind,
                "queue": self.queue,
                "host": socket.gethostname(),
                "pid": os.getpid(),
                "started_at": self.started_at,
                "beat_at": timezone.now(),
                "doing": self.doing[:200],
                "state": self.state,
            },
        )

    def end(self) -> None:
        """Leave the list of living workers and close the children."""
        self.stop.set()
        try:
            WorkerBeat.objects.filter(name=self.name).delete()
        except DatabaseError:
            logger.warning("worker.beat-stays")
        if self._sandbox is not None:
            self._sandbox.close()

    def _pulse(self) -> None:
        from workers.sweep import sweep

        swept = 0.0
        while not self.stop.wait(BEAT_EVERY):
            close_old_connections()
            try:
                self.beat()
                if self.kind == "cpu" and time.monotonic() - swept > SWEEP_EVERY:
                    swept = time.monotonic()
                    sweep()
            except DatabaseError as error:
                logger.warning("worker.no-beat", extra={"why": str(error)})
                connection.close()


this = Process()


def stop_on_signals() -> None:
    """SIGTERM and SIGINT first ask the present job to end; Celery's own handler does the rest."""
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)

        def handle(received: int, frame: Any, before: Any = before) -> None:
            this.stop.set()
            if callable(before):
                before(received, frame)

        signal.signal(number, handle)

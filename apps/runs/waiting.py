"""Waiting for a run from a command."""

import time
from collections.abc import Callable

from apps.core.errors import Unavailable
from apps.runs.models import Run
from apps.runs.queries import ENDED, missing_workers, progress


def wait_for(run: Run, tell: Callable[[str, int, int], None], *, patience: float = 30.0) -> Run:
    """Look at a run twice a second until it has ended. Unavailable when a queue it needs has had
    no worker for `patience` seconds."""
    alone_since: float | None = None
    while True:
        run.refresh_from_db()
        state = progress(run)
        tell(f"{run} {run.state}", state["done"], state["total"])
        if run.state in ENDED:
            return run
        missing = missing_workers(run)
        if not missing:
            alone_since = None
        elif alone_since is None:
            alone_since = time.monotonic()
        elif time.monotonic() - alone_since > patience:
            raise Unavailable(
                f"No worker serves {missing[0]['what']}; start one: {missing[0]['command']}"
            )
        time.sleep(0.5)

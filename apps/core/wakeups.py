"""Names of background jobs, and the doorbell. A ring only says «look»: a lost or doubled one
changes nothing, so a Redis that does not answer is logged and passed over."""

import logging
from typing import Any

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

logger = logging.getLogger("stillroom.wakeups")

CPU_QUEUE = "cpu"


def engine_queue(endpoint_id: object) -> str:
    """The queue of one endpoint's work."""
    return f"engine-{endpoint_id}"


def ring(job: str, *args: Any, queue: str = CPU_QUEUE) -> None:
    """Wake a worker of `queue` to run `job` once the present transaction has committed."""
    transaction.on_commit(lambda: _send(job, args, queue))


def _send(job: str, args: tuple[Any, ...], queue: str) -> None:
    try:
        current_app.send_task(
            f"stillroom.{job}", args=[str(a) for a in args], queue=queue, retry=False,
            ignore_result=True,
        )
    except (OperationalError, RedisError, OSError) as error:
        logger.warning("ring.lost", extra={"job": job, "queue": queue, "why": type(error).__name__})

"""The Celery app: a doorbell. State, retries and results live in the database."""

import os

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "apps.config.settings")

from apps.config.env import env  # noqa: E402 (the settings module must be named first)


def broker_url() -> str:
    """Celery's spelling of the Redis address."""
    url = env().resolve_redis_url()
    return url.replace("unix://", "redis+socket://", 1)


app = Celery("stillroom", broker=broker_url(), include=["workers.jobs"])
app.conf.update(
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    task_default_queue="cpu",
    task_acks_late=False,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    worker_enable_remote_control=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={"socket_connect_timeout": 2, "socket_timeout": 60},
    task_publish_retry=False,
)


@setup_logging.connect
def keep_our_logging(**kwargs: object) -> None:
    """Django's LOGGING is used; Celery sets nothing up."""

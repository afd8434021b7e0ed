"""Composition root. Naming the Celery app here makes it current in every process."""

from workers.celery_app import app as celery_app

__all__ = ["celery_app"]

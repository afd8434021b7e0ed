"""Database time: leases compare it and nothing else, so that hosts need not agree."""

from datetime import datetime, timezone

from django.db import connection
from django.utils import timezone as django_timezone


def database_now() -> datetime:
    """The database's present time, aware, in UTC. SQLite is on this host, so the host's clock
    is the database's."""
    if connection.vendor == "sqlite":
        return django_timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (moment,) = cursor.fetchone()
    return moment.astimezone(timezone.utc)

"""Put a run's failed items back to work."""

from typing import Any

from apps.core.command import StillroomCommand
from apps.runs.queries import summary
from apps.runs.services import retry_failed, run_of


class Command(StillroomCommand):
    help = "Retry a run's failed items, all or those of one kind of error."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("run", help="its number")
        parser.add_argument("--failed", action="store_true", help="(what is retried; the default)")
        parser.add_argument("--kind", default="")

    def handle(self, *args: Any, run: str, kind: str, **options: Any) -> None:
        found = run_of(self.project(options), run)
        count = retry_failed(found, by=None, kind=kind)
        found.refresh_from_db()
        self.done(summary(found) | {"retried": count})

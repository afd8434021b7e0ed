"""Cancel a run."""

from typing import Any

from apps.core.command import StillroomCommand
from apps.runs.queries import summary
from apps.runs.services import cancel_run, run_of


class Command(StillroomCommand):
    help = "Cancel a run."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("run", help="its number")

    def handle(self, *args: Any, run: str, **options: Any) -> None:
        found = run_of(self.project(options), run)
        cancel_run(found, by=None)
        self.done(summary(found))

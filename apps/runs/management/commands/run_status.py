"""Say how far a run is."""

from typing import Any

from apps.core.command import StillroomCommand
from apps.runs.queries import summary
from apps.runs.services import run_of


class Command(StillroomCommand):
    help = "Say how far a run is."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("run", help="its number")

    def handle(self, *args: Any, run: str, **options: Any) -> None:
        found = run_of(self.project(options), run)
        self.done(summary(found))

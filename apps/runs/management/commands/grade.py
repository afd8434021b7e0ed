"""Grade traces."""

from typing import Any

from django.db.models import Count

from apps.core.command import StillroomCommand
from apps.core.errors import InvalidInput
from apps.runs.queries import summary
from apps.runs.services import create_grading
from apps.runs.waiting import wait_for
from apps.traces.queries import traces_matching


class Command(StillroomCommand):
    help = "Grade the traces of a set, or those that match a filter; counts by verdict."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--set", dest="set_name")
        parser.add_argument("--filter", default="")
        parser.add_argument("--grader", action="append")
        parser.add_argument("--wait", action="store_true")

    def handle(self, *args: Any, set_name: str | None, filter: str, grader: list[str] | None,
               wait: bool, **options: Any) -> None:
        if not set_name and not filter:
            raise InvalidInput("Say which traces: --set NAME or --filter EXPR.")
        project = self.project(options)
        chosen = " ".join(p for p in (f'set:"{set_name}"' if set_name else "", filter) if p)
        run = create_grading(project, by=None, filter=chosen, graders=grader)
        if wait:
            run = wait_for(run, self.progress)
        rows = traces_matching(project, chosen).order_by().values("verdict").annotate(n=Count("pk"))
        self.done(summary(run) | {"verdicts": {row["verdict"] or "none": row["n"] for row in rows}})

"""Start a run."""

from typing import Any

from apps.core.command import StillroomCommand
from apps.core.errors import InvalidInput
from apps.engines.management.commands.save_teacher import pairs
from apps.methods.base import methods
from apps.runs.queries import summary
from apps.runs.services import create_run
from apps.runs.waiting import wait_for


class Command(StillroomCommand):
    help = "Run a method over problems: a set, or those that match a filter."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("method", choices=methods.names())
        parser.add_argument("--set", dest="set_name")
        parser.add_argument("--filter", default="")
        parser.add_argument("--teacher", action="append", default=[], metavar="ROLE=NAME")
        parser.add_argument("--param", action="append", default=[], metavar="k=v")
        parser.add_argument("--grader", action="append")
        parser.add_argument("--limit", type=int, help="at most so many problems")
        parser.add_argument("--wait", action="store_true")

    def handle(self, *args: Any, method: str, set_name: str | None, filter: str, teacher: list[str],
               param: list[str], grader: list[str] | None, limit: int | None, wait: bool, **options: Any) -> None:
        if not set_name and not filter:
            raise InvalidInput("Say which problems: --set NAME or --filter EXPR.")
        chosen = " ".join(filter_part for filter_part in (f'set:"{set_name}"' if set_name else "", filter) if filter_part)
        run = create_run(
            self.project(options), method, by=None, filter=chosen, teachers=pairs(teacher),
            params=pairs(param), graders=grader, limit=limit,
        )
        if wait:
            run = wait_for(run, self.progress)
        self.done(summary(run))

"""The base of all product commands: one JSON object as the last line, clear sentences, exit codes."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.core.errors import InvalidInput, StillroomError


class StillroomCommand(BaseCommand):
    """Exit 0 on success, 2 on bad input with one sentence, 1 on failure. Progress goes to
    standard error: a bar on a terminal, plain lines otherwise; `--json` silences it."""

    needs_project = True
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.add_argument("--json", action="store_true", help="print the JSON object only")
        if self.needs_project:
            parser.add_argument("--project", metavar="SLUG", help="default: the only project")
        return parser

    def execute(self, *args: Any, **options: Any) -> Any:
        self.quiet = bool(options.get("json"))
        self._told = -1
        try:
            return super().execute(*args, **options)
        except StillroomError as error:
            self._line("")
            sys.stderr.write(f"{error.message}\n")
            sys.exit(2 if isinstance(error, InvalidInput) or error.status in (404, 409, 422) else 1)

    def project(self, options: dict[str, Any]) -> Any:
        """The project that was named, or the only one."""
        from apps.projects.models import Project

        slug = options.get("project")
        if slug:
            found = Project.objects.filter(slug=slug).first()
            if found is None:
                raise InvalidInput(f"There is no project «{slug}».")
            return found
        projects = list(Project.objects.all()[:2])
        if len(projects) == 1:
            return projects[0]
        if not projects:
            raise InvalidInput("There is no project yet: ./stillroom manage create_project SLUG.")
        raise InvalidInput("There are several projects: name one with --project SLUG.")

    def progress(self, sentence: str, done: int = 0, total: int = 0) -> None:
        """Show how far it is; on a terminal as a bar, else a line at every tenth."""
        if self.quiet:
            return
        share = done / total if total else 0.0
        if sys.stderr.isatty():
            bar = "█" * int(share * 24)
            self._line(f"{sentence} {bar:░<24} {done:,} / {total:,}" if total else sentence)
        elif (tenth := int(share * 10)) != self._told:
            self._told = tenth
            sys.stderr.write(f"{sentence} {done:,}/{total:,}\n" if total else f"{sentence}\n")

    def done(self, result: dict[str, Any]) -> None:
        """Print the result as the last line of standard output."""
        self._line("")
        self.stdout.write(json.dumps(result, ensure_ascii=False, default=str))

    def _line(self, text: str) -> None:
        if not self.quiet and sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()

"""Check a dataset folder; needs no database."""

import json
import sys
from pathlib import Path
from typing import Any

from apps.core.command import StillroomCommand
from apps.core.errors import InvalidInput
from apps.datasets.verification import verify


class Command(StillroomCommand):
    help = "Check a dataset version's folder against its manifest."
    needs_project = False

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("directory")

    def handle(self, *args: Any, directory: str, **options: Any) -> None:
        path = Path(directory)
        if not path.is_dir():
            raise InvalidInput(f"{directory} is no folder.")
        result = verify(path)
        self.stdout.write(json.dumps(result, ensure_ascii=False))
        if not result["ok"]:
            sys.exit(1)

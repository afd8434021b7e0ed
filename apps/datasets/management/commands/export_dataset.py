"""Make a dataset version."""

import shutil
import time
from pathlib import Path
from typing import Any

from apps.core.command import StillroomCommand
from apps.core.errors import Conflict, InvalidInput, StillroomError
from apps.datasets.base import formats
from apps.datasets.services import build_version, directory_of, draft_version, parse_shares
from apps.engines.management.commands.save_teacher import pairs


class Command(StillroomCommand):
    help = "Freeze the approved traces that match a filter, and write them in a format."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("name")
        parser.add_argument("--filter", default="")
        parser.add_argument("--format", default="messages", choices=formats.names())
        parser.add_argument("--param", action="append", default=[], metavar="k=v")
        parser.add_argument("--split", default="train=1", metavar="train=0.9,test=0.1")
        parser.add_argument("--seed", type=int, default=0, help="of the split")
        parser.add_argument("--container", default="jsonl", choices=["jsonl", "parquet"])
        parser.add_argument("--out", help="copy the version's folder into this folder")
        parser.add_argument("--wait", action="store_true", help="(a command always waits)")

    def handle(self, *args: Any, name: str, filter: str, format: str, param: list[str], split: str,
               seed: int, container: str, out: str | None, **options: Any) -> None:
        target = Path(out) if out else None
        version = draft_version(
            self.project(options), name, by=None, filter=filter, format=format,
            params=pairs(param), splits=parse_shares(split), split_seed=seed, container=container,
        )
        self.progress(f"Writing {version}")
        while version.state == "building":
            version = build_version(version.pk)
            if version.state == "building":  # a worker was faster and is writing it
                time.sleep(0.2)
        if version.state == "failed":
            raise StillroomError(version.error)
        if target is not None:
            folder = target / str(version)
            if folder.exists():
                raise Conflict(f"{folder} exists already; choose another --out.")
            target.mkdir(parents=True, exist_ok=True)
            try:
                shutil.copytree(directory_of(version), folder)
            except OSError as error:
                raise InvalidInput(f"The folder could not be written: {error}.") from None
        self.done(version.manifest | {"directory": str(target / str(version) if target else directory_of(version))})

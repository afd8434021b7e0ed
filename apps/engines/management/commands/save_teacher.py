"""Save an endpoint and its teacher after one real call."""

import json
from typing import Any

from apps.core.command import StillroomCommand
from apps.core.errors import InvalidInput, Unavailable
from apps.engines.base import Sampling, engines
from apps.engines.services import probe_endpoint, save_endpoint, save_teacher


def pairs(values: list[str]) -> dict[str, Any]:
    """`k=v` arguments as a dict; values that are JSON are read as such."""
    found: dict[str, Any] = {}
    for value in values:
        key, sign, text = value.partition("=")
        if not sign or not key:
            raise InvalidInput(f"«{value}» is not name=value.")
        try:
            found[key] = json.loads(text)
        except ValueError:
            found[key] = text
    return found


class Command(StillroomCommand):
    help = "Save a teacher: an engine with its model, and how it is asked."
    needs_project = False

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("name")
        parser.add_argument("--engine", required=True, choices=engines.names())
        parser.add_argument("--model", required=True, metavar="PATH_OR_URL_OR_NAME")
        parser.add_argument("--param", action="append", default=[], metavar="k=v",
                            help="engine configuration or sampling default")
        parser.add_argument("--system", default="", help="system prompt")

    def handle(self, *args: Any, name: str, engine: str, model: str, param: list[str], system: str, **options: Any) -> None:
        given = pairs(param)
        sampling = {k: v for k, v in given.items() if k in Sampling.model_fields}
        config = {k: v for k, v in given.items() if k not in sampling}
        endpoint = save_endpoint(name, engine=engine, model=model, config=config, by=None)
        self.progress(f"Asking {model} one question")
        probe = probe_endpoint(endpoint)
        if not probe["ok"]:
            raise Unavailable(f"The {engine} engine did not answer: {probe['why']}")
        teacher = save_teacher(name, endpoint=endpoint, system_prompt=system, sampling=sampling, by=None)
        self.done({"teacher": teacher.name, "version": teacher.version, "probe": probe})

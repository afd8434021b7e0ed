"""Small things that adapters share: stop strings, opened thoughts, JSON in a text field."""

import json
from collections.abc import Iterable
from typing import Any

from apps.core.thinking import DELIMITERS

OPENERS = tuple(opener for opener, _ in DELIMITERS)


def cut_at_stop(text: str, stops: Iterable[str]) -> tuple[str, bool]:
    """`text` up to its first stop string, which is left out, and whether there was one."""
    found = [at for stop in stops if stop and (at := text.find(stop)) >= 0]
    return (text[: min(found)], True) if found else (text, False)


def opened_thought(prompt: str) -> str:
    """The opening think tag a prompt ends with, with the white space after it; else empty."""
    bare = prompt.rstrip()
    for opener in OPENERS:
        if bare.endswith(opener):
            return prompt[len(bare) - len(opener) :]
    return ""


def as_json_text(value: Any) -> Any:
    """Before-validator of fields that hold JSON as text, so that a form can show them: lists and
    dictionaries, as a command's arguments or the API may give them, become text."""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return value

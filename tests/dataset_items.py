"""Items for tests of dataset files: approved traces as the formats see them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from apps.core.identity import problem_hash, sha256_text
from apps.core.thinking import split_thought
from apps.datasets.base import ExportItem, formats
from apps.datasets.files import Item, write_version
from apps.datasets.splits import assign

HOSTILE = [
    "<think>plain</think>4",
    "<script>alert(1)</script>",
    "\\def\\a{\\a\\a}\\a $$",
    "\u202eright to left\u2066",
    "line\u2028separator\u2029and\x85",
    "\x01\x1b[31mcontrol\x7f",
    "tab\tquote\"back\\slash\r\n",
    "𝔘nicode 😀 é e\u0301",
    "---\nlicense: evil\n---",
    '","messages":[{"role":"system"}]',
    "x" * 100_000,
    " \n leading and trailing \n ",
]


def item(text: str, statement: str = "What is 2 + 2?") -> ExportItem:
    """An approved text of a problem."""
    split = split_thought(text)
    return ExportItem(
        statement=statement,
        text=text,
        reasoning=text[slice(*split.reasoning)],
        answer=text[slice(*split.answer)],
        has_thought=split.reasoning[1] > split.reasoning[0],
        reference_answer="4",
        problem_hash=problem_hash(statement),
        content_hash=sha256_text(text),
    )


def stream(
    problems: int, *, traces: int = 2, shares: dict[str, float] | None = None, licence: str = "mit"
) -> Iterator[Item]:
    """Traces of numbered problems in canonical order."""
    shares = shares or {"train": 0.9, "test": 0.1}
    statements = sorted((f"What is {n} + {n}?" for n in range(problems)), key=problem_hash)
    for statement in statements:
        for trace in range(traces):
            text = f"<think>\nfirst {trace}\n\nsecond\n</think>\n\nThe answer to {statement}"
            one = item(text, statement)
            split = assign(one.problem_hash, 0, shares)
            yield split, one, {"problem": one.problem_hash, "teacher": "t", "licence": licence}


def write(
    out: Path,
    items: Any,
    *,
    format: str = "messages",
    params: dict[str, Any] | None = None,
    container: str = "jsonl",
    **meta: Any,
) -> tuple[Path, dict[str, Any]]:
    """Write a version; its folder and manifest."""
    kind = formats.get(format)
    manifest = write_version(
        out,
        meta={
            "name": "sums", "version": 1, "project": "alpha", "filter": "set:sums",
            "splits": {"train": 0.9, "test": 0.1}, "split_seed": 0, "code_version": "1", **meta,
        },
        items=items,
        format_=kind(),
        params=kind.params.model_validate(params or {}),
        container=container,
    )
    name = f"{manifest['name']}-v{manifest['version']}"
    return out / manifest["manifest_hash"] / name, manifest

"""What every export format holds to, and what each writes."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from apps.core.registry import describe
from apps.datasets.base import MissingThought, formats
from apps.datasets.verification import verify
from tests.dataset_items import HOSTILE, item, stream, write

CONTAINERS = ("jsonl", "parquet")
CASES = [
    ("messages", {}),
    ("messages", {"think": "think-tags", "system": "Think first."}),
    ("messages", {"think": "separate-field"}),
    ("messages", {"think": "answer-only"}),
    ("prompt-completion", {}),
    ("prompt-completion", {"think": "separate-field", "system": "Think first."}),
    ("prompt-completion", {"layout": "plain"}),
    ("prompt-completion", {"layout": "plain", "think": "think-tags", "separator": "none"}),
]


def example(name: str, text: str, **params: Any) -> dict[str, Any]:
    kind = formats.get(name)
    return kind().example(item(text), kind.params.model_validate(params))


def read(folder: Path, manifest: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for name, entry in manifest["files"].items():
        if "split" not in entry:
            continue
        if name.endswith(".parquet"):
            rows += pq.read_table(folder / name).to_pylist()
        else:
            with (folder / name).open(encoding="utf-8", newline="\n") as lines:
                rows += [json.loads(line) for line in lines]
    return rows


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    return [without_nulls(v) for v in value] if isinstance(value, list) else value


def test_every_format_is_described_and_covered_here() -> None:
    assert {name for name, _ in CASES} <= set(formats.names())
    for kind in formats:
        assert describe(kind)
        assert kind.version >= 1
        assert kind.columns


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(("name", "params"), CASES)
def test_same_items_give_the_same_bytes_and_read_back(
    tmp_path: Path, name: str, params: dict[str, Any], container: str
) -> None:
    one, first = write(tmp_path / "a", stream(30), format=name, params=params, container=container)
    two, second = write(tmp_path / "b", stream(30), format=name, params=params, container=container)
    assert first == second
    for path in one.iterdir():
        assert path.read_bytes() == (two / path.name).read_bytes(), path.name
    kind = formats.get(name)
    values = kind.params.model_validate(params)
    wanted = [kind().example(i, values) for _, i, _ in stream(30)]
    rows = [without_nulls(row) for row in read(one, first)]
    assert sorted(map(json.dumps, rows)) == sorted(map(json.dumps, wanted))
    assert all(list(row) == list(kind.columns) for row in rows)
    assert verify(one) == {"ok": True, "files": len(first["files"]), "rows": 60, "problems": []}


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(("name", "params"), CASES)
def test_an_empty_dataset_has_files_and_is_whole(
    tmp_path: Path, name: str, params: dict[str, Any], container: str
) -> None:
    folder, manifest = write(tmp_path, iter(()), format=name, params=params, container=container)
    assert manifest["rows"] == 0
    assert read(folder, manifest) == []
    assert verify(folder)["ok"]


@pytest.mark.parametrize("container", CONTAINERS)
def test_hostile_texts_leave_as_they_are(tmp_path: Path, container: str) -> None:
    items = [
        ("train", item(text, statement=f"{n}: {text[:200]}"), {"licence": ""})
        for n, text in enumerate(HOSTILE)
    ]
    folder, manifest = write(tmp_path, items, container=container)
    rows = read(folder, manifest)
    assert [row["messages"][1]["content"] for row in rows] == HOSTILE
    assert [row["messages"][0]["content"] for row in rows] == [i.statement for _, i, _ in items]
    assert verify(folder)["ok"]


def test_messages_in_each_think_style() -> None:
    text = "<think>\nTwo and two.\n</think>\n\nIt is 4.\n"
    assert example("messages", text, system="Be brief.") == {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What is 2 + 2?"},
            {"role": "assistant", "content": text},
        ]
    }
    other = "<thinking>Two and two.</thinking>It is 4."
    said = {
        style: example("messages", other, think=style)["messages"][-1]
        for style in ("think-tags", "separate-field", "answer-only")
    }
    assert said == {
        "think-tags": {
            "role": "assistant",
            "content": "<think>\nTwo and two.\n</think>\n\nIt is 4.",
        },
        "separate-field": {
            "role": "assistant",
            "content": "It is 4.",
            "reasoning_content": "Two and two.",
        },
        "answer-only": {"role": "assistant", "content": "It is 4."},
    }


def test_prompt_and_completion_as_messages_and_as_text() -> None:
    assert example("prompt-completion", "4") == {
        "prompt": [{"role": "user", "content": "What is 2 + 2?"}],
        "completion": [{"role": "assistant", "content": "4"}],
    }
    assert example("prompt-completion", " 4\n", layout="plain", system="Be brief.") == {
        "prompt": "Be brief.\n\nWhat is 2 + 2?\n\n",
        "completion": " 4\n",
    }


@pytest.mark.parametrize("name", ["messages", "prompt-completion"])
@pytest.mark.parametrize("text", ["no thought at all", "<think> \n </think>only an answer"])
def test_styles_that_need_a_thought_refuse_a_text_without(name: str, text: str) -> None:
    for style in ("think-tags", "separate-field"):
        with pytest.raises(MissingThought, match="has no thought"):
            example(name, text, think=style)
    assert example(name, text, think="answer-only")
    assert example(name, text, think="as-is")


def test_a_thought_that_never_ends_has_no_answer_to_export() -> None:
    for style in ("think-tags", "separate-field", "answer-only"):
        with pytest.raises(MissingThought, match="no answer"):
            example("messages", "<think>and then", think=style)
    assert example("messages", "<think>and then")["messages"][-1]["content"] == "<think>and then"


def test_a_plain_completion_has_no_field_for_the_thought() -> None:
    with pytest.raises(ValidationError, match="no field of its own"):
        example("prompt-completion", "4", layout="plain", think="separate-field")


def test_llama_factory_gets_its_description(tmp_path: Path) -> None:
    folder, _ = write(tmp_path, stream(10))
    info = json.loads((folder / "dataset_info.json").read_text(encoding="utf-8"))
    assert info["sums_train"]["file_name"] == "train.jsonl"
    assert info["sums_train"]["formatting"] == "sharegpt"
    assert info["sums_train"]["tags"]["assistant_tag"] == "assistant"
    folder, _ = write(tmp_path, stream(10), params={"think": "separate-field"})
    assert not (folder / "dataset_info.json").exists()

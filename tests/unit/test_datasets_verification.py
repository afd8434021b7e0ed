"""Every kind of tampering with a version's files is found, and nothing crashes the check."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from apps.core.identity import sha256_json
from apps.datasets.verification import verify
from tests.dataset_items import stream, write


@pytest.fixture(params=["jsonl", "parquet"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write(tmp_path, stream(40), container=request.param)[0]


@pytest.fixture
def jsonl(tmp_path: Path) -> Path:
    return write(tmp_path, stream(40))[0]


def problems(folder: Path) -> str:
    result = verify(folder)
    assert result["ok"] is False
    return "\n".join(result["problems"])


def forge(folder: Path, change: Callable[[dict[str, Any]], None] = lambda _: None) -> None:
    """Make all checksums fit again, as somebody would who wants to deceive."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    for name, entry in manifest["files"].items():
        if (folder / name).is_file():
            data = (folder / name).read_bytes()
            entry["bytes"], entry["sha256"] = len(data), hashlib.sha256(data).hexdigest()
    change(manifest)
    manifest.pop("manifest_hash")
    manifest["manifest_hash"] = sha256_json(manifest)
    path.write_text(json.dumps(manifest), encoding="utf-8")


def edit_lines(path: Path, change: Callable[[list[Any]], Any]) -> None:
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    change(lines)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def test_a_whole_version_is_whole_wherever_it_is_copied(folder: Path, tmp_path: Path) -> None:
    result = verify(folder)
    assert result["ok"], result
    assert result["rows"] == 80
    moved = tmp_path / "elsewhere" / folder.name
    moved.parent.mkdir()
    folder.rename(moved)
    assert verify(moved)["ok"]


def test_a_changed_byte_is_found_in_every_file(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        middle = len(data) // 2
        path.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
        assert path.name in problems(folder)
        path.write_bytes(data)
    assert verify(folder)["ok"]


def test_a_missing_file_is_found(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        path.unlink()
        assert path.name in problems(folder)
        path.write_bytes(data)


def test_a_shortened_file_is_found(folder: Path) -> None:
    path = folder / "provenance.jsonl"
    path.write_bytes(path.read_bytes()[:-5])
    assert "provenance.jsonl has" in problems(folder)


def test_files_that_are_not_named_are_found(folder: Path) -> None:
    (folder / "extra.jsonl").write_text("{}\n")
    (folder / "sub").mkdir()
    found = problems(folder)
    assert "extra.jsonl is not in the manifest" in found
    assert "sub is not in the manifest" in found


def test_links_are_found_even_when_their_bytes_are_right(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (folder / "README.md").rename(outside)
    (folder / "README.md").symlink_to(outside)
    assert "README.md is a link" in problems(folder)


def test_pipes_are_not_waited_for(folder: Path) -> None:
    (folder / "README.md").unlink()
    os.mkfifo(folder / "README.md")
    assert "README.md is missing" in problems(folder)


def test_a_changed_manifest_is_found(folder: Path) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["filter"] = "set:other"
    path.write_text(json.dumps(manifest), encoding="utf-8")
    assert "manifest.json was changed" in problems(folder)


def test_a_manifest_of_another_version_is_found(folder: Path) -> None:
    other = folder.with_name("sums-v2")
    folder.rename(other)
    assert "not of this folder" in problems(other)


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", "not json", "[" * 100_000, '{"files": 3}', '{"a": "\\ud800"}', "\xff\xfe",
        "null",
    ],
)
def test_a_manifest_that_is_none_gives_one_sentence(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_bytes(text.encode("latin-1"))
    assert len(verify(folder)["problems"]) == 1


def test_a_folder_without_manifest_gives_one_sentence(tmp_path: Path) -> None:
    assert "There is no manifest.json" in problems(tmp_path)
    assert "There is no manifest.json" in problems(tmp_path / "absent")


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "a/b", "", ".", "a\x00b"])
def test_a_manifest_that_names_files_elsewhere_is_refused(folder: Path, name: str) -> None:
    forge(folder, lambda m: m["files"].update({name: {"bytes": 1, "sha256": "0", "rows": 1}}))
    assert "cannot be one" in problems(folder)


def test_wrong_counts_are_found_behind_right_checksums(folder: Path) -> None:
    forge(folder, lambda m: m.update(rows=81))
    assert "says 81 rows" in problems(folder)
    forge(folder, lambda m: m.update(rows=80, counts={"train": 80}))
    assert "The manifest counts 80 in train" in problems(folder)


def test_wrong_counts_of_a_file_are_found(folder: Path) -> None:
    def change(manifest: dict[str, Any]) -> None:
        for entry in manifest["files"].values():
            if entry.get("split") == "train":
                entry["rows"] += 1

    forge(folder, change)
    assert "rows, the manifest says" in problems(folder)


def test_removed_examples_are_found_behind_right_checksums(jsonl: Path) -> None:
    edit_lines(jsonl / "train.jsonl", lambda lines: lines.pop())
    forge(jsonl)
    assert "train.jsonl has" in problems(jsonl)


def test_other_columns_are_found(folder: Path) -> None:
    forge(folder, lambda m: m.update(columns=["prompt", "completion"]))
    assert "has other columns" in problems(folder)


def test_a_record_with_another_key_is_found(jsonl: Path) -> None:
    edit_lines(jsonl / "test.jsonl", lambda lines: lines[1].update(secret="x"))
    forge(jsonl)
    assert "test.jsonl line 2 has other columns" in problems(jsonl)


def test_files_that_are_not_what_their_name_says_are_found(folder: Path) -> None:
    path = next(p for p in folder.iterdir() if p.name.startswith("train"))
    path.write_bytes(b"\x00\x01 nonsense")
    forge(folder)
    assert "cannot be read" in problems(folder)


def test_a_problem_in_two_splits_is_found(jsonl: Path) -> None:
    def leak(lines: list[Any]) -> None:
        train = next(line for line in lines if line["split"] == "train")
        next(line for line in lines if line["split"] == "test")["problem"] = train["problem"]

    edit_lines(jsonl / "provenance.jsonl", leak)
    forge(jsonl)
    assert "stands in two splits" in problems(jsonl)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda lines: lines.pop(), "provenance.jsonl has"),
        (lambda lines: lines.append(lines[0]), "not of the next example"),
        (lambda lines: lines.reverse(), "not of the next example"),
        (lambda lines: lines[3].pop("problem"), "names no split or no problem"),
        (lambda lines: lines.insert(2, ["list"]), "names no split or no problem"),
    ],
)
def test_provenance_must_have_one_line_for_each_example(
    jsonl: Path, change: Callable[[list[Any]], Any], sentence: str
) -> None:
    edit_lines(jsonl / "provenance.jsonl", change)
    forge(jsonl)
    assert sentence in problems(jsonl)


def test_provenance_must_be_there_at_all(jsonl: Path) -> None:
    (jsonl / "provenance.jsonl").unlink()
    forge(jsonl, lambda m: m["files"].pop("provenance.jsonl"))
    assert "names no provenance.jsonl" in problems(jsonl)


def test_a_thousand_problems_are_not_all_listed(jsonl: Path) -> None:
    for n in range(300):
        (jsonl / f"extra-{n}").touch()
    result = verify(jsonl)
    assert len(result["problems"]) == 101
    assert result["problems"][-1] == "… and 200 more."

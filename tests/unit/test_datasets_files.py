"""The files of a dataset version: whole or absent, portable, within memory."""

import json
import os
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from apps.core.errors import InvalidInput
from apps.core.identity import problem_hash, sha256_json
from apps.datasets import writers
from apps.datasets.base import MissingThought
from apps.datasets.files import peek
from apps.datasets.splits import assign, checked_shares
from apps.datasets.verification import verify
from tests.dataset_items import item, stream, write
from tests.paths import ROOT


def test_a_version_has_the_promised_files(tmp_path: Path) -> None:
    folder, manifest = write(tmp_path, stream(50))
    assert {path.name for path in folder.iterdir()} == {
        "manifest.json", "README.md", "provenance.jsonl", "dataset_info.json", "train.jsonl",
        "test.jsonl",
    }
    assert folder.parent.name == manifest["manifest_hash"]
    assert json.loads((folder / "manifest.json").read_text(encoding="utf-8")) == manifest
    body = {key: value for key, value in manifest.items() if key != "manifest_hash"}
    assert sha256_json(body) == manifest["manifest_hash"]
    assert manifest["rows"] == sum(manifest["counts"].values()) == 100
    assert manifest["problems"] == 50
    assert manifest["licences"] == {"mit": 100}
    assert manifest["files"]["train.jsonl"]["rows"] == manifest["counts"]["train"]
    assert os.listdir(tmp_path) == [manifest["manifest_hash"]]


def test_the_card_has_the_header_that_the_hub_reads(tmp_path: Path) -> None:
    folder, _ = write(tmp_path, stream(50), description="Sums <b>of</b> [all](x) kinds")
    card = (folder / "README.md").read_text(encoding="utf-8")
    header = yaml.safe_load(card.split("---\n")[1])
    assert header["license"] == "mit"
    assert header["size_categories"] == ["n<1K"]
    assert header["task_categories"] == ["text-generation"]
    assert header["configs"][0]["data_files"] == [
        {"split": "test", "path": "test.jsonl"},
        {"split": "train", "path": "train.jsonl"},
    ]
    assert "<b>" not in card


def test_hostile_licences_and_filters_stay_inside_the_card(tmp_path: Path) -> None:
    evil = "x\n---\nlicense: mit\n# `<script>`"
    folder, manifest = write(tmp_path, stream(3, licence=evil), filter="a``b\n\n# head")
    card = (folder / "README.md").read_text(encoding="utf-8")
    header = yaml.safe_load(card.split("\n---\n")[0].removeprefix("---\n"))
    assert header["license"] == "other"
    assert header["license_name"] == evil
    assert "<script>" not in card.split("\n---\n", 1)[1]
    assert manifest["licences"] == {evil: 6}


def test_several_known_licences_are_listed(tmp_path: Path) -> None:
    items = [
        ("train", item("a", "p"), {"licence": "MIT"}),
        ("train", item("b", "q"), {"licence": "apache-2.0"}),
    ]
    folder, _ = write(tmp_path, items)
    header = yaml.safe_load((folder / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    assert header["license"] == ["apache-2.0", "mit"]


def test_provenance_has_a_line_for_each_example_in_order(tmp_path: Path) -> None:
    folder, manifest = write(tmp_path, stream(20))
    lines = [json.loads(x) for x in (folder / "provenance.jsonl").read_text().splitlines()]
    for split, count in manifest["counts"].items():
        assert [line["row"] for line in lines if line["split"] == split] == list(range(count))
    assert all(line["problem"] and line["revision"] and line["teacher"] == "t" for line in lines)


@pytest.mark.parametrize(
    "name",
    ["../up", "a/b", "", ".", "..", "Sums", "a b", "a\n", "-a", "x" * 61, "a\x00", None, "é"],
)
def test_names_that_are_no_names_are_refused(tmp_path: Path, name: Any) -> None:
    with pytest.raises(InvalidInput, match="cannot be a dataset's name"):
        write(tmp_path / "out", stream(1), name=name)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("version", [0, -1, "1", "../1", True, 1.5])
def test_versions_that_are_no_numbers_are_refused(tmp_path: Path, version: Any) -> None:
    with pytest.raises(InvalidInput):
        write(tmp_path, stream(1), version=version)


@pytest.mark.parametrize("split", ["../x", "Train", "provenance", "a/b", "", "x" * 21, "a\n"])
def test_split_names_that_are_no_file_names_are_refused(tmp_path: Path, split: str) -> None:
    with pytest.raises(InvalidInput):
        write(tmp_path, stream(1), splits={split: 1.0})


def test_shares_must_sum_to_one() -> None:
    assert checked_shares({"train": 0.9, "test": 0.1}) == {"test": 0.1, "train": 0.9}
    for shares in ({}, {"train": 0.5}, {"train": 2.0}, {"a": -1.0, "b": 2.0}, {"a": float("nan")}):
        with pytest.raises(InvalidInput):
            checked_shares(shares)


def test_splits_depend_on_problem_and_seed_alone() -> None:
    hashes = [problem_hash(f"problem {n}") for n in range(20_000)]
    shares = {"train": 0.9, "test": 0.1}
    split = [assign(h, 0, shares) for h in hashes]
    assert split == [assign(h, 0, {"test": 0.1, "train": 0.9}) for h in hashes]
    assert 0.09 < split.count("test") / len(split) < 0.11
    assert split != [assign(h, 1, shares) for h in hashes]
    assert {assign(h, 0, {"train": 1.0}) for h in hashes[:100]} == {"train"}


@pytest.mark.parametrize("container", ["jsonl", "parquet"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_error_half_way_leaves_nothing(
    tmp_path: Path, container: str, error: BaseException
) -> None:
    def failing() -> Any:
        yield from stream(1500)
        raise error

    with pytest.raises(type(error)):
        write(tmp_path, failing(), container=container)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("container", ["jsonl", "parquet"])
def test_a_full_disk_leaves_nothing(tmp_path: Path, container: str) -> None:
    code = f"""
import os, resource, signal, sys
from pathlib import Path
from tests.dataset_items import stream, write
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    write(Path({str(tmp_path)!r}), stream(3000), container={container!r})
except OSError as error:
    print("refused", error.errno, os.listdir({str(tmp_path)!r}))
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.stdout.strip() == "refused 27 []", ran.stderr


def test_a_missing_thought_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(MissingThought):
        write(tmp_path, [("train", item("4"), {})], params={"think": "think-tags"})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("container", ["jsonl", "parquet"])
def test_a_lone_surrogate_is_refused_with_a_sentence(tmp_path: Path, container: str) -> None:
    bad = item("fine")
    object.__setattr__(bad, "text", "\ud800")
    with pytest.raises(InvalidInput, match="record"):
        write(tmp_path, [("train", bad, {})], container=container)
    assert os.listdir(tmp_path) == []


def test_one_problem_in_two_splits_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="one split"):
        write(tmp_path, [("train", item("a"), {}), ("test", item("b"), {})])
    with pytest.raises(InvalidInput, match="no split"):
        write(tmp_path, [("dev", item("a"), {})])


def test_writing_again_changes_nothing_and_mends_damage(tmp_path: Path) -> None:
    folder, manifest = write(tmp_path, stream(10))
    before = (folder / "train.jsonl").stat()
    assert write(tmp_path, stream(10))[1] == manifest
    assert (folder / "train.jsonl").stat().st_mtime_ns == before.st_mtime_ns
    (folder / "train.jsonl").write_text("damaged")
    write(tmp_path, stream(10))
    assert verify(folder)["ok"]
    assert os.listdir(tmp_path) == [manifest["manifest_hash"]]


def test_the_rest_of_a_killed_process_is_cleared_and_others_are_left(tmp_path: Path) -> None:
    write(tmp_path, stream(2))
    for project, left in (("alpha", False), ("beta", True)):
        key = sha256_json([project, "sums-v1"])[:16]
        stale = tmp_path / f".building-{key}-0123"
        stale.mkdir()
        write(tmp_path, stream(2))
        assert stale.exists() is left


def test_peek_reads_the_first_records(tmp_path: Path) -> None:
    folder, _ = write(tmp_path, stream(40))
    assert len(peek(folder / "train.jsonl", 3)) == 3
    folder, manifest = write(tmp_path, stream(40), container="parquet")
    (path,) = folder.glob("train-*.parquet")
    assert [list(row) for row in peek(path, 3)] == [["messages"]] * 3
    assert len(peek(path, 1000)) == manifest["counts"]["train"]


def test_parquet_has_fixed_groups_and_counted_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "ROW_GROUP", 100)
    monkeypatch.setattr(writers, "SHARD_CHARACTERS", 40_000)
    folder, manifest = write(tmp_path, stream(600), container="parquet")
    shards = sorted(folder.glob("train-*.parquet"))
    assert len(shards) > 1
    assert [p.name for p in shards] == [
        f"train-{n:05d}-of-{len(shards):05d}.parquet" for n in range(len(shards))
    ]
    metadata = pq.ParquetFile(shards[0]).metadata
    assert metadata.row_group(0).num_rows == 100
    assert metadata.row_group(0).column(0).compression == "ZSTD"
    assert sum(pq.ParquetFile(p).metadata.num_rows for p in shards) == manifest["counts"]["train"]
    assert verify(folder)["ok"]
    info = json.loads((folder / "dataset_info.json").read_text(encoding="utf-8"))
    assert "sums_train" not in info


def long_rows(count: int) -> Any:
    text = "<think>\n" + "because it is so, " * 180 + "\n</think>\n\n4"
    for n in range(count):
        one = item(text, f"What is {n} + {n}?")
        yield "train", one, {"teacher": "t", "licence": "mit", "graders": [{"verdict": "correct"}]}


@pytest.mark.parametrize("container", ["jsonl", "parquet"])
def test_memory_does_not_grow_with_the_number_of_rows(tmp_path: Path, container: str) -> None:
    peaks = []
    for count in (2000, 8000):
        tracemalloc.start()
        write(tmp_path, long_rows(count), container=container)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 2_000_000
    assert peaks[1] < 30_000_000


def test_ten_thousand_rows_are_written_within_moments(tmp_path: Path) -> None:
    items = list(long_rows(10_000))
    began = time.process_time()
    write(tmp_path, iter(items))
    assert time.process_time() - began < 3  # measured: 0.3 s


def test_files_and_verification_import_no_django() -> None:
    code = (
        "import sys, apps.datasets.files, apps.datasets.verification, apps.traces.diffing; "
        "print(any(name.split('.')[0] == 'django' for name in sys.modules))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "False"

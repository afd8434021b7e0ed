"""The files of a dataset version: written once, as a whole or not at all, with the same bytes for
the same items, format and parameters on any machine. Imports no Django.

    OUT/<manifest hash>/NAME-vN/
        manifest.json  README.md  provenance.jsonl  dataset_info.json (for LLaMA-Factory)
        train.jsonl … or train-00000-of-00002.parquet …
"""

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from apps.core.errors import InvalidInput
from apps.core.identity import sha256_json
from apps.datasets.base import ExportItem, Format, FormatParams
from apps.datasets.card import write_card
from apps.datasets.splits import checked_shares
from apps.datasets.verification import verify
from apps.datasets.writers import HashedFile, JsonLines, Parquet, Writer, json_line, schema_of

NAME = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
MANIFEST_VERSION = 1

Item = tuple[str, ExportItem, Mapping[str, Any]]

# Any item with a thought: what its record holds gives the Parquet schema.
SPECIMEN = ExportItem(
    statement="1 + 1?", text="<think>one and one</think>2", reasoning="one and one", answer="2",
    has_thought=True, reference_answer="2", problem_hash="0" * 64, content_hash="0" * 64,
)


def write_version(
    out_dir: Path,
    *,
    meta: Mapping[str, Any],
    items: Iterable[Item],
    format_: Format,
    params: FormatParams,
    container: str = "jsonl",
) -> dict[str, Any]:
    """Write `OUT/<manifest hash>/NAME-vN` and return the manifest.

    `meta` needs `name` and `version`; `project`, `filter`, `splits`, `split_seed`, `description`
    and `code_version` are taken over. `items` are (split, item, provenance) in canonical order,
    all of one problem together, and are read once: memory does not grow with their number. An
    error, whichever, leaves nothing behind; MissingThought, InvalidInput and OSError are for the
    caller to tell. The same version written again is left as it is when its files are whole.
    """
    head = _head(meta, format_, params, container)
    folder_name = f"{head['name']}-v{head['version']}"
    out_dir.mkdir(parents=True, exist_ok=True)
    key = sha256_json([head["project"], folder_name])[:16]
    for stale in out_dir.glob(f".building-{key}-*"):
        shutil.rmtree(stale, ignore_errors=True)  # of a process that was killed
    building = out_dir / f".building-{key}-{secrets.token_hex(6)}"
    folder = building / folder_name
    folder.mkdir(parents=True)
    try:
        manifest = _write(folder, head, items, format_, params)
        _publish(building, out_dir / manifest["manifest_hash"], folder_name)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return manifest


def peek(path: Path, n: int) -> list[dict[str, Any]]:
    """The first `n` records of a version's file; the rest is not read."""
    if path.suffix == ".parquet":
        with pq.ParquetFile(path) as file:
            batches = file.iter_batches(batch_size=max(1, n))
            return next((batch.to_pylist() for batch in batches), [])[:n]
    with path.open("rb") as lines:
        return [orjson.loads(line) for line in islice(lines, n)]


def _head(
    meta: Mapping[str, Any], format_: Format, params: FormatParams, container: str
) -> dict[str, Any]:
    name, version = meta["name"], meta["version"]
    if not isinstance(name, str) or len(name) > 60 or not NAME.fullmatch(name):
        raise InvalidInput(
            f"«{str(name)[:60]}» cannot be a dataset's name: use lower-case letters, digits and "
            "hyphens, 60 at most."
        )
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise InvalidInput("The number of a version is a whole number from 1.")
    if container not in ("jsonl", "parquet"):
        raise InvalidInput("Files are written as jsonl or parquet.")
    head = {
        "manifest_version": MANIFEST_VERSION,
        "name": name,
        "version": version,
        "project": str(meta.get("project", "")),
        "description": str(meta.get("description", "")),
        "filter": str(meta.get("filter", "")),
        "format": format_.name,
        "format_version": format_.version,
        "params": params.model_dump(mode="json"),
        "container": container,
        "columns": list(format_.columns),
        "splits": checked_shares(meta.get("splits") or {"train": 1.0}),
        "split_seed": int(meta.get("split_seed", 0)),
        "code_version": str(meta.get("code_version", "")),
    }
    if container == "parquet":
        head["writer"] = f"pyarrow {pa.__version__}"
    return head


def _write(
    folder: Path, head: dict[str, Any], items: Iterable[Item], format_: Format, params: FormatParams
) -> dict[str, Any]:
    files: dict[str, dict[str, Any]] = {}
    licences: dict[str, int] = {}
    problems, last = 0, ("", "")
    with ExitStack() as after_error:
        writers: dict[str, Writer] = {}
        for split in head["splits"]:
            writers[split] = _writer(folder, split, head["container"], format_, params)
            after_error.callback(writers[split].abandon)
        with HashedFile(folder / "provenance.jsonl") as provenance:
            for split, item, origin in items:
                if split not in writers:
                    raise InvalidInput(f"The version has no split «{split}».")
                if item.problem_hash != last[0]:
                    problems, last = problems + 1, (item.problem_hash, split)
                elif split != last[1]:
                    raise InvalidInput("The traces of one problem must stand in one split.")
                writer = writers[split]
                place = {"split": split, "row": writer.rows}
                fixed = {"problem": item.problem_hash, "revision": item.content_hash}
                provenance.write(json_line({**place, **origin, **fixed}))
                provenance.rows += 1
                writer.add(format_.example(item, params), len(item.statement) + len(item.text))
                licence = str(origin.get("licence") or "unknown")
                licences[licence] = licences.get(licence, 0) + 1
        made = {split: writer.finish() for split, writer in writers.items()}
        after_error.pop_all()
    for split, written in made.items():
        for file in written:
            files[file.path.name] = {**file.entry(), "split": split}
    files["provenance.jsonl"] = provenance.entry()
    manifest = {
        **head,
        "rows": provenance.rows,
        "problems": problems,
        "counts": {split: writer.rows for split, writer in writers.items()},
        "licences": dict(sorted(licences.items())),
        "files": files,
    }
    info = _dataset_info(made, head, format_.llama_factory(params))
    if info:
        files["dataset_info.json"] = _write_text(folder / "dataset_info.json", _pretty(info))
    files["README.md"] = _write_text(folder / "README.md", write_card(manifest))
    manifest["files"] = dict(sorted(files.items()))
    manifest["manifest_hash"] = sha256_json(manifest)
    _write_text(folder / "manifest.json", _pretty(manifest))
    return manifest


def _writer(
    folder: Path, split: str, container: str, format_: Format, params: FormatParams
) -> Writer:
    if container == "jsonl":
        return JsonLines(folder, split)
    return Parquet(folder, split, schema_of(format_.example(SPECIMEN, params), format_.columns))


def _dataset_info(
    made: Mapping[str, list[HashedFile]], head: Mapping[str, Any], entry: dict[str, Any] | None
) -> dict[str, Any] | None:
    """One entry for each split that is a single file: LLaMA-Factory reads one file by a name."""
    if entry is None:
        return None
    return {
        f"{head['name']}_{split}": {"file_name": files[0].path.name, **entry}
        for split, files in made.items()
        if len(files) == 1
    }


def _pretty(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def _write_text(path: Path, text: str) -> dict[str, Any]:
    data = text.encode("utf-8")
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _publish(building: Path, place: Path, folder_name: str) -> None:
    """Give the folder its name in one step. What stands there already has the same manifest: it
    stays if its files are whole, and makes room if somebody damaged them."""
    _sync(building / folder_name)
    _sync(building)
    if place.exists():
        if verify(place / folder_name)["ok"]:
            return
        place.rename(building / ".damaged")
        place.mkdir()
        (building / folder_name).rename(place / folder_name)
    else:
        try:
            building.rename(place)
        except OSError:
            if not place.exists():  # otherwise another worker wrote the same version just now
                raise
    _sync(place.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

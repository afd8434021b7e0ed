"""Whether the files of a dataset version are what its manifest says. Needs no database and no
Django; believes nothing that it reads."""

import hashlib
import json
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from apps.core.identity import sha256_json

MANIFEST = "manifest.json"
LARGEST_MANIFEST = 64 * 1024 * 1024
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,120}")
FIELDS: dict[str, type] = {
    "name": str, "version": int, "columns": list, "counts": dict, "rows": int, "files": dict,
    "manifest_hash": str,
}
MOST_PROBLEMS = 100


@dataclass
class _Findings:
    """Sentences about what is wrong; the first hundred are kept."""

    problems: list[str] = field(default_factory=list)
    more: int = 0

    def add(self, sentence: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(sentence)
        else:
            self.more += 1

    def result(self, files: int, rows: int) -> dict[str, Any]:
        problems = [*self.problems, *([f"… and {self.more} more."] if self.more else [])]
        return {"ok": not problems, "files": files, "rows": rows, "problems": problems}


def verify(directory: Path) -> dict[str, Any]:
    """Check a version's folder: `{"ok", "files", "rows", "problems"}`, one sentence a problem.

    Checked are the manifest's own hash; that exactly the named files are there, as plain files;
    their sizes, checksums and counts of rows; the columns of every record; one line of provenance
    for each example; that no problem stands in two splits. `files` and `rows` count what was
    found whole.
    """
    found = _Findings()
    manifest = _manifest(directory, found)
    if manifest is None:
        return found.result(0, 0)
    _listing(directory, manifest, found)
    whole = 0
    rows: dict[str, int] = {}
    for name, entry in sorted(manifest["files"].items()):
        path = directory / name
        if not FILE_NAME.fullmatch(name) or not isinstance(entry, dict):
            found.add(f"The manifest names a file that cannot be one: {name[:80]!r}.")
        elif not _plain(path):
            found.add(f"{name} is missing.")
        elif _same_bytes(path, entry, found):
            whole += 1
            if "split" in entry:
                count = _records(path, entry, manifest["columns"], found)
                rows[str(entry["split"])] = rows.get(str(entry["split"]), 0) + count
    if "provenance.jsonl" in manifest["files"]:
        _provenance(directory / "provenance.jsonl", manifest, found)
    else:
        found.add("The manifest names no provenance.jsonl.")
    counts = {split: count for split, count in manifest["counts"].items() if count}
    if counts != {split: count for split, count in rows.items() if count}:
        found.add(f"The manifest counts {_counted(counts)}, the files hold {_counted(rows)}.")
    total = sum(rows.values())
    if total != manifest["rows"]:
        found.add(f"The manifest says {manifest['rows']} rows, the files hold {total}.")
    return found.result(whole, total)


def _manifest(directory: Path, found: _Findings) -> dict[str, Any] | None:
    path = directory / MANIFEST
    if not _plain(path):
        found.add("There is no manifest.json; give the folder of one version, NAME-vN.")
        return None
    try:
        if path.stat().st_size > LARGEST_MANIFEST:
            raise ValueError("it is too large")
        manifest = json.loads(path.read_bytes().decode("utf-8"))
        if not isinstance(manifest, dict):
            raise ValueError("it is no object")
        said = sha256_json({k: v for k, v in manifest.items() if k != "manifest_hash"})
    except (ValueError, OSError, RecursionError) as error:
        found.add(f"manifest.json cannot be read: {error}.")
        return None
    for name, kind in FIELDS.items():
        if not isinstance(manifest.get(name), kind):
            found.add(f"manifest.json lacks «{name}», or it is of another kind.")
            return None
    if not all(isinstance(n, int) and n >= 0 for n in manifest["counts"].values()):
        found.add("manifest.json lacks «counts», or it is of another kind.")
        return None
    if said != manifest["manifest_hash"]:
        found.add("manifest.json was changed: its hash is not the one it states.")
    name = f"{manifest['name']}-v{manifest['version']}"
    if directory.resolve().name != name:
        found.add(f"The manifest is of {name[:80]}, not of this folder.")
    return manifest


def _listing(directory: Path, manifest: dict[str, Any], found: _Findings) -> None:
    for path in sorted(directory.iterdir()):
        if path.is_symlink():
            found.add(f"{_shown(path)} is a link; a version holds plain files only.")
        elif path.name != MANIFEST and path.name not in manifest["files"]:
            found.add(f"{_shown(path)} is not in the manifest.")


def _shown(path: Path) -> str:
    return ascii(path.name)[1:-1][:120]


def _plain(path: Path) -> bool:
    """A regular file that is no link: nothing else is opened."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _same_bytes(path: Path, entry: dict[str, Any], found: _Findings) -> bool:
    size = path.stat().st_size
    if size != entry.get("bytes"):
        found.add(f"{path.name} has {size} bytes, the manifest says {entry.get('bytes')}.")
        return False
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != entry.get("sha256"):
            found.add(f"{path.name} was changed: its checksum is another.")
            return False
    return True


def _records(path: Path, entry: dict[str, Any], columns: list[str], found: _Findings) -> int:
    """Count the records of a file and look at their columns; their order counts too."""
    count = 0
    try:
        if path.suffix == ".parquet":
            with pq.ParquetFile(path) as file:
                count = file.metadata.num_rows
                if file.schema_arrow.names != columns:
                    found.add(f"{path.name} has other columns than the manifest says.")
        else:
            for count, record in enumerate(_lines(path), 1):
                if not isinstance(record, dict) or list(record) != columns:
                    found.add(f"{path.name} line {count} has other columns than the manifest says.")
                    break
    except (ValueError, OSError, pa.ArrowException) as error:
        found.add(f"{path.name} cannot be read after row {count}: {error}.")
    else:
        if count != entry.get("rows"):
            found.add(f"{path.name} has {count} rows, the manifest says {entry.get('rows')}.")
    return count


def _lines(path: Path) -> Iterator[Any]:
    with path.open("rb") as lines:
        yield from map(orjson.loads, lines)


def _provenance(path: Path, manifest: dict[str, Any], found: _Findings) -> None:
    """One line for each example, in order within its split; no problem in two splits."""
    if not _plain(path):
        return
    rows: dict[str, int] = {}
    split_of: dict[str, str] = {}
    at = 0
    try:
        for at, line in enumerate(_lines(path), 1):
            get: Callable[[str], Any] = line.get if isinstance(line, dict) else lambda _: None
            split, problem = get("split"), get("problem")
            if not isinstance(split, str) or not isinstance(problem, str) or not problem:
                found.add(f"provenance.jsonl line {at} names no split or no problem.")
                return
            if get("row") != rows.get(split, 0):
                found.add(f"provenance.jsonl line {at} is not of the next example of {split[:40]}.")
                return
            rows[split] = rows.get(split, 0) + 1
            if split_of.setdefault(problem, split) != split:
                found.add(f"The problem {problem[:12]} stands in two splits.")
    except (ValueError, OSError) as error:
        found.add(f"provenance.jsonl cannot be read after line {at}: {error}.")
        return
    counts = {split: count for split, count in manifest["counts"].items() if count}
    if rows != counts:
        found.add(f"provenance.jsonl has {_counted(rows)}, the manifest counts {_counted(counts)}.")


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} in {split[:40]}" for split, n in sorted(counts.items())) or "none"

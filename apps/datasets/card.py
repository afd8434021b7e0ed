"""The card of a dataset version: Markdown with the Hub's YAML header. Imports no Django."""

import html
import json
import re
from collections.abc import Mapping
from typing import Any

# Licences that the Hub knows by an identifier; others are named in full.
_IDENTIFIERS = """
    afl-3.0 agpl-3.0 apache-2.0 artistic-2.0 bsd bsd-2-clause bsd-3-clause cc cc0-1.0 cc-by-2.0
    cc-by-3.0 cc-by-4.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-4.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0
    cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cdla-permissive-1.0 cdla-permissive-2.0 gpl gpl-2.0
    gpl-3.0 isc lgpl lgpl-2.1 lgpl-3.0 llama2 llama3 llama3.1 llama3.2 llama3.3 gemma mit
    mpl-2.0 odbl odc-by openrail pddl unlicense wtfpl
"""
KNOWN_LICENCES = frozenset(_IDENTIFIERS.split())
SIZES = (
    (1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"),
)


def write_card(manifest: Mapping[str, Any]) -> str:
    """The card of a manifest (which need not have its hash yet, nor the card's own entry)."""
    name = f"{manifest['name']}-v{manifest['version']}"
    lines = [*_header(manifest, name), f"# {name}", ""]
    if manifest.get("description"):
        lines += [_plain(manifest["description"]), ""]
    lines += [
        f"{manifest['rows']:,} approved reasoning traces in the format "
        f"`{manifest['format']}` (version {manifest['format_version']}).",
        "",
        "| split | examples |",
        "| --- | ---: |",
        *(f"| {split} | {rows:,} |" for split, rows in sorted(manifest["counts"].items())),
        "",
        "| licence of the problems | examples |",
        "| --- | ---: |",
        *(f"| {_plain(name)} | {rows:,} |" for name, rows in sorted(manifest["licences"].items())),
        "",
        "All traces of one problem stand in the same split: the split is drawn by the hash of the "
        f"problem and the seed {manifest['split_seed']}.",
        "",
        "## How it was made",
        "",
        f"- Filter: {_code(manifest['filter'] or '(all approved traces)')}",
        f"- Parameters: {_code(json.dumps(manifest['params'], sort_keys=True))}",
        f"- Made with Stillroom {manifest['code_version']}",
        "",
        "`provenance.jsonl` has one line for each example, in the same order within each split: "
        "the hashes of problem and text, the teacher, the method, the graders' verdicts and who "
        "approved it. `manifest.json` has the checksum of every file; "
        "`stillroom manage verify_dataset` checks them.",
        "",
    ]
    return "\n".join(lines)


def _header(manifest: Mapping[str, Any], name: str) -> list[str]:
    # A JSON string is a YAML string: nothing in a name or licence can leave its quotes.
    lines = ["---", f"pretty_name: {json.dumps(name)}", *_licence(manifest["licences"])]
    lines += ["task_categories:", "- text-generation", "tags:", "- reasoning", "- distillation"]
    lines += ["size_categories:", f"- {size_category(manifest['rows'])}"]
    configs = [split for split, rows in sorted(manifest["counts"].items()) if rows]
    if configs:
        lines += ["configs:", "- config_name: default", "  data_files:"]
    for split in configs:
        pattern = f"{split}-*.parquet" if manifest["container"] == "parquet" else f"{split}.jsonl"
        lines += [f"  - split: {split}", f"    path: {json.dumps(pattern)}"]
    return [*lines, "---", ""]


def _licence(licences: Mapping[str, int]) -> list[str]:
    names = sorted(licences)
    known = [name.lower() for name in names if name.lower() in KNOWN_LICENCES]
    if names and len(known) == len(names):
        if len(set(known)) == 1:
            return [f"license: {known[0]}"]
        return ["license:", *(f"- {name}" for name in sorted(set(known)))]
    if not names or names == ["unknown"]:
        return ["license: unknown"]
    return ["license: other", f"license_name: {json.dumps(', '.join(names)[:200])}"]


def size_category(rows: int) -> str:
    """The Hub's word for a number of examples."""
    return next((name for limit, name in SIZES if rows < limit), "100M<n<1B")


def _plain(text: str) -> str:
    """One line that Markdown and HTML read as text."""
    return re.sub(r"([\\`*_\[\]|#])", r"\\\1", html.escape(" ".join(str(text).split())))


def _code(text: str) -> str:
    text = " ".join(str(text).split())
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    return f"{fence} {text} {fence}"

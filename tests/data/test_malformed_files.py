"""Every malformed file beside the checkout: good rows kept, bad ones told, nothing crashes."""

import json
from pathlib import Path

import pytest

from apps.core.identity import problem_hash
from apps.imports import shapes
from apps.imports.readers import Bad, Good, UnreadableFile, open_records
from tests.paths import ROOT, shared_data

pytestmark = pytest.mark.data

# (good, bad) as read, where the manifest says nothing or where we are stricter than it:
STATED = {
    "bad_crc.jsonl.gz": (200, 1),
    "broken_lines.jsonl": (35, 14),  # the two blank lines it lists are passed over
    "column_oriented_ragged.json": (0, 1),
    "cp1252.jsonl": (0, 4),  # read when the encoding is named
    "duplicates.jsonl": (17, 0),  # folding them is the import's work
    "flipped_bytes.parquet": (2, 4),
    "gb18030.jsonl": (0, 2),
    "messages_variants.jsonl": (12, 0),  # the shape refuses 7 of them, see below
    "missing_and_wrong_types.jsonl": (20, 0),  # the shape refuses 7 of them
    "not_gzip.jsonl.gz": (4, 1),
    "nul_bytes.jsonl": (1, 4),  # the escaped NUL is JSON, but cannot be stored
    "numbers.jsonl": (7, 3),
    "odd_types.parquet": (2, 1),  # a NUL again
    "shift_jis.jsonl": (0, 1),
    "trailing_commas_and_comments.json": (3, 0),  # passed over between records
    "truncated.jsonl.gz": (95, 2),
    "truncated_array.json": (7, 1),
}
REFUSED = {
    "error_body.json",
    "lfs_pointer.jsonl",
    "login_page.json",
    "png_named_jsonl.jsonl",
    "truncated.parquet",
    "truncated_head.parquet",
}
SHAPE_REFUSES = {"messages_variants.jsonl": 7, "missing_and_wrong_types.jsonl": 7}
ENCODINGS = {"cp1252.jsonl": "cp1252", "gb18030.jsonl": "gb18030", "shift_jis.jsonl": "shift_jis"}


def names() -> list[str]:
    for place in (ROOT.parent / "shared" / "data", ROOT / "shared" / "data"):
        if (folder := place / "malformed").is_dir():
            return sorted(p.name for p in folder.iterdir() if p.name != "manifest.json")
    return ["absent"]


def manifest() -> dict[str, dict]:
    text = (shared_data() / "malformed" / "manifest.json").read_text(encoding="utf-8")
    return {entry["file"]: entry for entry in json.loads(text)["files"]}


@pytest.mark.parametrize("name", names())
def test_good_rows_are_kept_and_bad_ones_told(name: str) -> None:
    path = shared_data() / "malformed" / name
    entry = manifest()[name]
    if name in REFUSED:
        with pytest.raises(UnreadableFile) as refusal:
            open_records(path)
        assert_sentence(str(refusal.value))
        return
    items = list(open_records(path))
    good = [item for item in items if isinstance(item, Good)]
    bad = [item for item in items if isinstance(item, Bad)]
    expected = STATED.get(name) or (entry["good_records"], len(entry["bad"]))
    assert (len(good), len(bad)) == expected
    assert [item.index for item in items] == list(range(len(items)))
    for item in bad:
        assert_sentence(item.reason)
    lines = {fault["line"] for fault in entry["bad"] if "line" in fault}
    if lines and bad:
        blank = {17, 18} if name == "broken_lines.jsonl" else set()
        assert lines - blank <= {item.line for item in bad}
    for item in good:
        json.dumps(item.record, allow_nan=False).encode()
        assert "\x00" not in str(item.record)


@pytest.mark.parametrize("name", names())
def test_shapes_use_a_record_or_say_why_not(name: str) -> None:
    if name in REFUSED or name == "no_header.csv":
        return
    reader = open_records(shared_data() / "malformed" / name)
    good = [item for item in reader if isinstance(item, Good)]
    if not good:
        return
    importer = shapes.importer_for(reader)
    results = [shapes.rows_of(importer, item, {}) for item in good]
    refused = [result for result in results if isinstance(result, Bad)]
    for result in refused:
        assert_sentence(result.reason)
        assert result.raw
    if name in SHAPE_REFUSES:
        assert len(refused) == SHAPE_REFUSES[name]


@pytest.mark.parametrize("name", names())
def test_reading_goes_on_in_the_middle(name: str) -> None:
    if name in REFUSED or name == "high_ratio.jsonl.gz":
        return
    path = shared_data() / "malformed" / name
    whole = [(item.index, item.line) for item in open_records(path)]
    reader = open_records(path)
    first: list[tuple[int, int | None]] = []
    for batch in reader.batches(3):
        first += [(item.index, item.line) for item in batch]
        rest = [(i.index, i.line) for i in open_records(path, position=reader.position)]
        assert first + rest == whole


@pytest.mark.parametrize("name", sorted(ENCODINGS))
def test_other_encodings_are_read_when_named(name: str) -> None:
    path = shared_data() / "malformed" / name
    items = list(open_records(path, encoding=ENCODINGS[name]))
    assert all(isinstance(item, Good) for item in items)
    assert len(items) == manifest()[name]["good_records"]


def test_model_solutions_answer_the_problems_of_the_test_split() -> None:
    folder = shared_data() / "gsm8k"
    problems = {p.statement: p for p in rows(folder / "test.jsonl")}
    known = {problem_hash(statement): problem for statement, problem in problems.items()}
    made = rows(folder / "example_model_solutions_0000-0879.jsonl.gz")
    assert (len(known), len(made), sum(len(row.traces) for row in made)) == (1319, 880, 3520)
    assert all(problem_hash(row.statement) in known for row in made)
    differ = [r for r in made if known[problem_hash(r.statement)].answer != r.answer]
    assert not differ


def rows(path: Path) -> list:
    reader = open_records(path)
    importer = shapes.importer_for(reader)
    return [row for item in reader for row in importer.rows(item.record, {})]


def assert_sentence(text: str) -> None:
    assert text[0].isupper() or not text[0].isalpha() or text.startswith("-")
    assert text.endswith(".")
    assert "\n" not in text
    assert len(text) < 400

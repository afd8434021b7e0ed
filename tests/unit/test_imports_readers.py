"""Readers: formats told by content, broken places reported, going on where a reader stood."""

import csv
import gzip
import json
import resource
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from apps.imports import json_lines
from apps.imports.readers import Bad, Good, UnreadableFile, open_records
from apps.imports.source import Source

ROWS = [
    {"id": str(n), "question": f"What is {n} + {n}? «é»", "answer": str(n + n)} for n in range(57)
]


def json_line(rows: list[dict]) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def write(path: Path, form: str) -> None:
    if form == "jsonl":
        path.write_bytes(json_line(ROWS))
    elif form == "array":
        path.write_text(json.dumps(ROWS, indent=1, ensure_ascii=False), encoding="utf-8")
    elif form == "array in one line":
        path.write_text(json.dumps(ROWS), encoding="utf-8")
    elif form == "wrapped":
        path.write_text(json.dumps({"version": "1", "data": {"rows": ROWS}}), encoding="utf-8")
    elif form == "concatenated":
        path.write_text("".join(json.dumps(row) for row in ROWS), encoding="utf-8")
    elif form == "columns":
        columns = {name: [row[name] for row in ROWS] for name in ROWS[0]}
        path.write_text(json.dumps(columns), encoding="utf-8")
    elif form == "pandas columns":
        columns = {name: {str(n): row[name] for n, row in enumerate(ROWS)} for name in ROWS[0]}
        path.write_text(json.dumps(columns), encoding="utf-8")
    elif form == "parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path, row_group_size=10)
    elif form == "gzip":
        path.write_bytes(gzip.compress(json_line(ROWS)))
    elif form == "zstd":
        path.write_bytes(zstandard.compress(json_line(ROWS)))
    elif form.startswith("utf-16"):
        path.write_bytes(json_line(ROWS).decode().encode(form))
    else:
        with path.open("w", newline="", encoding="utf-8-sig") as file:
            table = csv.DictWriter(
                file, ROWS[0], delimiter={"csv": ",", "tsv": "\t"}.get(form, ";")
            )
            table.writeheader()
            table.writerows(ROWS)


FORMS = [
    "jsonl",
    "array",
    "array in one line",
    "wrapped",
    "concatenated",
    "columns",
    "pandas columns",
    "parquet",
    "gzip",
    "zstd",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "csv",
    "tsv",
    "semicolon",
]


@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_recognised_by_content_and_read_whole(tmp_path: Path, form: str) -> None:
    path = tmp_path / "records.csv"  # the name tells nothing true but for tables
    write(path, form)
    items = list(open_records(path))
    assert [item.record for item in items if isinstance(item, Good)] == ROWS
    assert [item.index for item in items] == list(range(57))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("done", [1, 3])
def test_a_reader_goes_on_where_another_stood(tmp_path: Path, form: str, done: int) -> None:
    path = tmp_path / "records.csv"
    write(path, form)
    reader = open_records(path)
    batches = reader.batches(10)
    before = [item.index for _ in range(done) for item in next(batches)]
    position = json.loads(json.dumps(reader.position))
    after = [item.index for item in open_records(path, position=position)]
    assert before + after == list(range(57))


def test_json_lines_go_on_without_reading_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    good = json_line(ROWS)
    path.write_bytes(b"\xef\xbb\xbf" + good[:20] + b"\n\n" + good)
    reader = open_records(path)
    first = next(reader.batches(20))
    assert reader.position["offset"] > 0
    rest = list(open_records(path, position=reader.position))
    assert [item.line for item in first + rest] == [1, *range(3, 60)]
    assert rest[0].record == ROWS[19]
    assert list(open_records(path, position={**reader.position, "offset": 10**6})) == []


def test_a_position_of_another_format_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", "jsonl")
    write(tmp_path / "a.parquet", "parquet")
    position = open_records(tmp_path / "a.parquet").position
    with pytest.raises(UnreadableFile, match="import the same file again"):
        open_records(tmp_path / "a.jsonl", position=position)


def one(tmp_path: Path, line: bytes) -> Good | Bad:
    path = tmp_path / "one.jsonl"
    path.write_bytes(b'{"a": "first"}\n' + line + b"\n")
    return list(open_records(path))[1]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"a": "x', "cut off"),
        (b'{"a": 1,}', "comma"),
        (b"{'a': 1}", "double quotes"),
        (b'{"a": 1}{"a": 2}', "new line"),
        (b"[1]", "a list"),
        (b"null", "null"),
        (b'{"a": "\\x"}', "escape"),
        (b'{"a": "t\tt"}', "control character"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"a": -Infinity}', "-Infinity is not JSON"),
        (b'{"a": 007}', "zero"),
        (b'{"a": "\xff"}', "not UTF-8 (byte 0xff"),
        (b'{"a": "\\ud800"}', "half a character"),
        (b'{"a": ["\\udc00"]}', "half a character"),
        (b'{"a": ["b\\u0000"]}', "NUL"),
        (b'{"a\\u0000": 1}', "NUL"),
        (b'{"a": "\\ud800", "b": 1e400}', "half a character"),
        (b'{"b": 1e400, "a": "\\ud800"}', "half a character"),
        (b'{"a": "b\x00"}', "NUL"),
        (b"\x00\x00", "NUL"),
        (b"hello", "no JSON"),
        (b'{"a": ' + b"[" * 20_000 + b"]" * 20_000 + b"}", "deeper"),
    ],
)
def test_a_broken_line_has_its_reason_and_its_raw_text(
    tmp_path: Path, line: bytes, reason: str
) -> None:
    item = one(tmp_path, line)
    assert isinstance(item, Bad)
    assert reason in item.reason
    assert item.reason.endswith(".")
    assert (item.raw, item.line, item.index) == (line, 2, 1)
    assert len(item.shown) <= 501


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b'{"a": 12345678901234567890123}', 12345678901234567890123),
        (b'{"a": 9007199254740993}', 9007199254740993),
        (b'{"a": 1e400}', "1e400"),
        (b'{"a": 1, "a": 2}', 2),
        (b'{"a": "\\ud83d\\ude00"}', "😀"),
        (b'{"a": "\\\\u0000"}', "\\u0000"),
        (b'{"a": "x\xe2\x80\xa8y"}', "x\u2028y"),
        (b'{"a": ' + b"[" * 1500 + b"]" * 1500 + b"}", "[" * 1500 + "]" * 1500),
    ],
)
def test_an_odd_but_valid_line_keeps_its_value(tmp_path: Path, line: bytes, value: object) -> None:
    item = one(tmp_path, line)
    assert isinstance(item, Good)
    assert item.record == {"a": value}


def test_an_over_long_line_is_passed_over_and_the_next_is_read(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    path.write_bytes(b'{"a": "' + b"x" * 5000 + b'"}\n{"a": "y"}\n')
    position = {"index": 0, "line": 0, "offset": 0}
    items = list(json_lines.read(Source(path), position, limit=1000))
    assert [type(item) for item in items] == [Bad, Good]
    assert "longer than" in items[0].reason


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "git lfs pull"),
        (b"../.git/annex/objects/ab/cd/x.jsonl", "git annex get"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "image"),
        (b"PK\x03\x04" + bytes(50), "spreadsheet"),
        (b"\x80\x04\x95" + bytes(50), "never opened"),
        (bytes(range(1, 32)) * 9, "binary"),
        (b"PAR1" + bytes(50), "end of the Parquet file"),
        (bytes(50) + b"PAR1", "beginning of the Parquet file"),
        (b'{"error": {"code": 429}}', "no list of records"),
        (b"A letter to a friend.\nNo records here.\n", "neither JSON nor a table"),
        (gzip.compress(gzip.compress(b"{}")), "packed twice"),
    ],
)
def test_a_file_without_records_is_refused_with_a_sentence(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    path = tmp_path / "upload"
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match=sentence):
        open_records(path)


@pytest.mark.parametrize("form", ["gzip", "zstd"])
def test_a_cut_off_archive_keeps_its_first_records(tmp_path: Path, form: str) -> None:
    rows = b"".join(b'{"a": "%d %x"}\n' % (n, n**40) for n in range(20_000))
    pack = gzip.compress if form == "gzip" else zstandard.compress
    packed = pack(rows)
    path = tmp_path / "cut"
    path.write_bytes(packed[: len(packed) // 2])
    items = list(open_records(path))
    assert sum(isinstance(item, Good) for item in items) > 5_000
    assert isinstance(items[-1], Bad)
    assert items[-1].fatal
    assert "ends before its end" in items[-1].reason


def test_a_wrong_checksum_is_told_after_all_records(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(json_line(ROWS)))
    packed[-8] ^= 0xFF
    path = tmp_path / "crc.gz"
    path.write_bytes(packed)
    items = list(open_records(path))
    assert [item.record for item in items[:-1]] == ROWS
    assert "checksum" in items[-1].reason


def test_what_packs_a_thousandfold_is_read_with_flat_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb"
    line = b'{"a": "' + b"x" * 1000 + b'"}\n'
    for pack in (gzip.compress, zstandard.compress):
        path.write_bytes(pack(line * 200_000))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        count = sum(len(batch) for batch in open_records(path).batches())
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert count == 200_000
        assert grown < 200 * 1024  # KiB; the text itself is 200 MB


def test_a_text_in_another_encoding_is_read_when_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cp1252.jsonl"
    path.write_bytes('{"a": "7 €"}\n{"a": "ü"}\n'.encode("cp1252"))
    assert all(isinstance(item, Bad) for item in open_records(path))
    assert [item.record["a"] for item in open_records(path, encoding="cp1252")] == ["7 €", "ü"]
    with pytest.raises(UnreadableFile, match="no text encoding"):
        open_records(path, encoding="klingon")


def test_records_around_a_broken_one_in_an_array_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "array.json"
    path.write_text('[{"a": "1"},\n{"a": tru},\n5, "x",\n// why\n{"a": "2"},]', encoding="utf-8")
    items = list(open_records(path))
    assert [item.record for item in items if isinstance(item, Good)] == [{"a": "1"}, {"a": "2"}]
    assert [(item.line, item.raw) for item in items if isinstance(item, Bad)] == [
        (2, b'{"a": tru}'),
        (3, b"5"),
        (3, b'"x"'),
    ]


def test_a_cut_off_array_keeps_its_records_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "array.json"
    path.write_text('[{"a": "1"}, {"a": "2"}, {"a": "3', encoding="utf-8")
    items = list(open_records(path))
    assert len(items) == 3
    assert "middle of a record" in items[-1].reason
    path.write_text('[{"a": "1"}, {"a": "2"}', encoding="utf-8")
    assert "closing bracket" in list(open_records(path))[-1].reason


def test_records_longer_than_the_buffer_come_whole(tmp_path: Path) -> None:
    path = tmp_path / "array.json"
    rows = [{"a": '\\"[{' * n, "n": n} for n in (10, 300_000, 1, 900_000, 2)]
    path.write_text(json.dumps(rows), encoding="utf-8")
    assert [item.record for item in open_records(path)] == rows


def test_keyed_records_take_their_key_as_id(tmp_path: Path) -> None:
    path = tmp_path / "keyed.json"
    path.write_text(
        '{"x": {"question": "1+1", "answer": "2"}, "y": {"question": "2+2", "id": "own"}}',
        encoding="utf-8",
    )
    assert [item.record["id"] for item in open_records(path)] == ["x", "own"]


def test_a_single_record_with_a_list_of_its_own_is_one_record(tmp_path: Path) -> None:
    path = tmp_path / "single.json"
    record = {"problem": "1+1?", "completions": [{"text": "2"}, {"text": "3"}]}
    path.write_text(json.dumps(record), encoding="utf-8")
    assert [item.record for item in open_records(path)] == [record]


def test_a_wrapped_file_may_hold_several_splits(tmp_path: Path) -> None:
    path = tmp_path / "splits.json"
    path.write_text('{"train": [{"q": "a"}], "test": [{"q": "b"}, {"q": "c"}]}', encoding="utf-8")
    assert [item.record["q"] for item in open_records(path)] == ["a", "b", "c"]


def test_a_table_without_header_counts_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("1,What is 1+1?,2\n2,What?,4\n", encoding="utf-8")
    assert next(iter(open_records(path))).record["column_2"] == "What is 1+1?"
    path.write_text("one,two\nthree,four\n", encoding="utf-8")
    assert len(list(open_records(path))) == 1
    assert len(list(open_records(path, header=False))) == 2


def test_a_table_with_text_after_a_quote_loses_only_that_row(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text('q,a\n"x"y,1\n"multi\nline",2\nz,3\n', encoding="utf-8")
    items = list(open_records(path))
    assert [type(item) for item in items] == [Bad, Good, Good]
    assert [item.line for item in items] == [2, 3, 5]
    assert items[0].raw == b'"x"y,1\n'


def test_a_batch_ends_early_when_its_records_are_large(tmp_path: Path) -> None:
    path = tmp_path / "large.jsonl"
    path.write_bytes((b'{"a": "' + b"x" * 3_000_000 + b'"}\n') * 7)
    assert [len(batch) for batch in open_records(path).batches(500)] == [3, 3, 1]


def test_progress_reaches_one_and_a_look_at_the_head_moves_nothing(tmp_path: Path) -> None:
    for form in ("jsonl", "gzip", "parquet", "csv"):
        path = tmp_path / f"records-{form}.csv"
        write(path, form)
        reader = open_records(path)
        assert len(reader.head(5)) == 5
        assert reader.position["index"] == 0
        assert len(list(reader)) == 57
        assert reader.progress == 1.0

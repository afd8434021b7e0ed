"""Shapes: recognised by their columns, mapped to problems and traces, text kept as it came."""

import json
import time
from pathlib import Path

import pytest

from apps.core.errors import InvalidInput
from apps.imports import shapes
from apps.imports.answers import answer_kind_of, boxed_answer, lettered_answer, marked_answer
from apps.imports.base import BadRecord, ProblemRow, importers
from apps.imports.readers import open_records


def detect(*records: dict) -> str:
    return shapes.detect(shapes.columns_of(records), list(records))


def row(shape: str, record: dict, **mapping: str) -> ProblemRow:
    (only,) = importers.get(shape)().rows(record, mapping)
    return only


MODELS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")
MADE = {name: {"is_correct": n > 2, "solution": f"{name}\nA: {n}"} for n, name in enumerate(MODELS)}


@pytest.mark.parametrize(
    ("record", "shape"),
    [
        ({"question": "1+1?", "answer": "one\n#### 2"}, "gsm8k"),
        ({"question": "1+1?", "answer": "2"}, "columns"),
        ({"Problem": "1+1?", "Answer": "2"}, "columns"),
        ({"question": "q", "ground_truth": "A: 3", **MADE}, "gsm8k-model-solutions"),
        ({"messages": [], "problem": "p"}, "messages"),
        ({"conversations": []}, "sharegpt"),
        ({"problem": "p", "response": "<think>a</think>b"}, "think-trace"),
        ({"problem": "p", "answer": "b", "output": "no tags"}, "columns"),
        ({"question": "p", "answer": "x\n#### 1", "trace": "<think>a</think>b"}, "think-trace"),
        ({"problem": "p", "anything": "a</think>b"}, "think-trace"),
        ({"question": "p", "model_reasoning": "a", "model_answer": "b"}, "think-trace"),
    ],
)
def test_a_shape_is_told_by_its_columns(record: dict, shape: str) -> None:
    assert detect(record) == shape


def test_unknown_columns_are_told_how_to_be_mapped() -> None:
    with pytest.raises(InvalidInput, match=r"«foo».*--map statement=COLUMN.*gsm8k"):
        detect({"foo": "x", "bar": "y"})


def test_gsm8k_keeps_its_worked_solution_and_takes_the_answer_after_the_mark() -> None:
    found = row("gsm8k", {"question": "Q?", "answer": "So <<1=1>>.\n#### $1,200"})
    assert (found.statement, found.answer, found.answer_kind) == ("Q?", "1200", "integer")
    assert found.solution == "So <<1=1>>.\n#### $1,200"


def test_model_solutions_become_four_labelled_traces() -> None:
    found = row("gsm8k-model-solutions", {"question": "Q?", "ground_truth": "x\nA: 3", **MADE})
    assert found.answer == "3"
    assert [trace.producer for trace in found.traces] == list(MODELS)
    assert [trace.is_correct for trace in found.traces] == [False, False, False, True]
    assert found.traces[3].text == "175b_verification\nA: 3"


def test_the_last_assistant_turn_is_the_trace_byte_for_byte() -> None:
    text = " <think>\r\n a\u202e\x07 </think>\n<script>x</script> \n"
    chat = [
        {"role": "system", "content": "Be brief."},
        {"role": "human", "content": "1+1?"},
        {"role": "gpt", "content": "3"},
        {"role": "user", "content": "Sure?"},
        {"role": "assistant", "content": text},
    ]
    found = row("messages", {"messages": chat, "answer": "2", "model": "m"})
    assert (found.statement, found.answer) == ("1+1?", "2")
    assert found.details["system"] == "Be brief."
    assert [(trace.text, trace.producer) for trace in found.traces] == [(text, "m")]


def test_a_thought_in_a_key_or_a_typed_part_is_kept_apart() -> None:
    for reply in (
        {"role": "assistant", "content": "2", "reasoning_content": "hm"},
        {"role": "assistant", "content": "2", "thinking": "hm"},
        {
            "role": "assistant",
            "content": [{"type": "reasoning", "text": "hm"}, {"type": "text", "text": "2"}],
        },
    ):
        found = row("messages", {"messages": [{"role": "user", "content": "q"}, reply]})
        assert (found.traces[0].reasoning, found.traces[0].text) == ("hm", "2")


def test_sharegpt_turns_are_read_and_a_list_in_a_text_too() -> None:
    turns = [{"from": "human", "value": "1+1?"}, {"from": "gpt", "value": "2"}]
    for value in (turns, json.dumps(turns)):
        found = row("sharegpt", {"conversations": value, "system": "S"})
        assert (found.statement, found.traces[0].text, found.details["system"]) == (
            "1+1?",
            "2",
            "S",
        )


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        (None, "null"),
        ([], "empty list"),
        ("x", "not JSON"),
        ({}, "not a list"),
        ([{"role": "assistant", "content": "2"}], "begins with the assistant"),
        ([{"role": "user", "content": "q"}], "no assistant turn"),
        ([{"role": "user"}], "no content"),
        ([{"content": "q"}], "no role"),
        ([5], "not an object"),
        ([{"role": "user", "content": " "}, {"role": "assistant", "content": "2"}], "no user turn"),
    ],
)
def test_a_chat_that_cannot_be_used_says_why(turns: object, reason: str) -> None:
    with pytest.raises(BadRecord, match=reason):
        row("messages", {"messages": turns})


def test_a_tagged_trace_stays_whole_and_a_separate_thought_stays_apart() -> None:
    text = "<think>\nhm</think>\n\nIt is \\boxed{2}. "
    found = row("think-trace", {"problem": "p", "solution": "\\boxed{2}", "response": text})
    assert (found.traces[0].text, found.traces[0].reasoning, found.answer) == (text, None, "2")
    found = row("think-trace", {"question": "p", "reasoning": " hm ", "answer": "2"})
    assert (found.traces[0].text, found.traces[0].reasoning, found.answer) == ("2", " hm ", "2")


def test_two_thoughts_of_one_record_become_two_traces() -> None:
    record = {
        "question": "p",
        "solution": "s",
        "gemini_thinking_trajectory": "g",
        "gemini_attempt": "1",
        "deepseek_thinking_trajectory": ["d"],
        "deepseek_attempt": "2",
    }
    traces = row("think-trace", record).traces
    assert {(t.label, t.reasoning, t.text) for t in traces} == {
        ("gemini", "g", "1"),
        ("deepseek", "d", "2"),
    }


@pytest.mark.parametrize(
    ("value", "reason"),
    [(None, "null"), ("", "empty"), (" \n", "empty"), (["a"], "a list"), ({"t": "a"}, "an object")],
)
def test_a_statement_that_is_no_text_says_why(value: object, reason: str) -> None:
    with pytest.raises(BadRecord, match=reason):
        row("columns", {"question": value, "answer": "1"})


def test_columns_take_answers_of_any_scalar_type_and_keep_other_columns() -> None:
    for value, text in ((5, "5"), (5.0, "5.0"), (True, "true"), (None, ""), (["5", "five"], "5")):
        assert row("columns", {"question": "q", "answer": value}).answer == text
    found = row("columns", {"question": "q", "year": 1999, "long": "x" * 2000, "list": [1]})
    assert found.details == {"columns": {"year": 1999}}


def test_a_passage_is_part_of_the_statement() -> None:
    found = row("columns", {"context": "All cats.", "question": "Is it?", "answer": "A"})
    assert found.statement == "All cats.\n\nIs it?"


def test_a_mapping_overrides_the_guesses(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("foo,bar,baz\nq,2,t\n", encoding="utf-8")
    mapping = {"statement": "foo", "answer": "bar", "trace": "baz"}
    reader = open_records(path)
    importer = shapes.importer_for(reader, mapping=mapping)
    found = shapes.preview(reader, importer, mapping)
    assert (found.shape, found.columns, found.unreadable) == ("columns", ["foo", "bar", "baz"], 0)
    problem = found.rows[0].problem
    assert (problem.statement, problem.answer, problem.traces[0].text) == ("q", "2", "t")
    assert found.rows[0].splits[0].state == "no_tags"
    with pytest.raises(InvalidInput, match="no column «nope»"):
        shapes.importer_for(reader, mapping={"statement": "nope"})
    with pytest.raises(InvalidInput, match="no field «color»"):
        shapes.importer_for(reader, mapping={"color": "foo"})


def test_a_file_without_records_has_no_shape(tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.write_bytes(b" \n")
    with pytest.raises(InvalidInput, match="holds no records"):
        shapes.importer_for(open_records(path))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("18", "integer"),
        ("-1,200", "integer"),
        ("$5", "integer"),
        ("0.5", "number"),
        ("1e5", "number"),
        ("(B)", "choice"),
        ("C", "choice"),
        ("\\frac{1}{2}", "expression"),
        ("x+1", "expression"),
        ("Paris", "short_text"),
        ("", ""),
        ("True", "short_text"),
    ],
)
def test_kinds_of_answers_are_guessed(answer: str, kind: str) -> None:
    assert answer_kind_of(answer) == kind


def test_answers_are_found_at_their_marks() -> None:
    assert marked_answer("a\n#### 1,000") == "1000"
    assert marked_answer("no mark") is None
    assert boxed_answer("\\boxed{1} so \\boxed{\\frac{1}{2}}.") == "\\frac{1}{2}"
    assert boxed_answer("\\boxed{never") is None


@pytest.mark.parametrize("part", ["#", "#### ", "\nA:", "A: ", "\\boxed{", "$,", " \n"])
def test_a_hostile_text_of_megabytes_is_searched_at_once(part: str) -> None:
    text = part * 1_000_000
    started = time.process_time()
    for find in (marked_answer, lettered_answer, boxed_answer, answer_kind_of):
        find(text)
    assert time.process_time() - started < 2

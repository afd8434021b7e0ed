"""Where steps begin and end."""

import time

import pytest

from apps.traces.segmentation import LONG_STEP, segment
from tests.paths import shared_data


def parts(text: str) -> list[str]:
    return [text[step.start : step.end] for step in segment(text)]


def test_blank_lines_end_steps_and_belong_to_the_step_before() -> None:
    assert parts("one\n\ntwo\n \t\n\nthree\n") == ["one\n\n", "two\n \t\n\n", "three\n"]


def test_a_single_line_break_ends_no_step() -> None:
    assert parts("one\ntwo") == ["one\ntwo"]


def test_blank_text_is_one_step_and_no_text_is_none() -> None:
    assert parts(" \n\n ") == [" \n\n "]
    assert parts("") == []


@pytest.mark.parametrize(
    "block",
    [
        "```python\na = 1\n\nb = 2\n```",
        "~~~\na\n\nb\n~~~~",
        "````\n```\n\n```\n````",
        "$$\nx = 1\n\n+ 2\n$$",
        "\\[\nx\n\n= 1\n\\]",
        "\\begin{align*}\na &= b\n\nc &= d\n\\end{align*}",
    ],
)
def test_code_and_display_formulas_are_never_cut(block: str) -> None:
    assert parts(f"before\n\n{block}\n\nafter") == ["before\n\n", f"{block}\n\n", "after"]


@pytest.mark.parametrize("opener", ["```python\n", "$$ ", "\\[ ", "\\begin{align} "])
def test_what_is_opened_and_never_closed_swallows_nothing(opener: str) -> None:
    assert len(parts(f"{opener}x\n\ntwo\n\nthree")) == 3


def test_a_stray_pair_of_dollars_far_apart_is_no_formula() -> None:
    text = "costs $$ a lot\n\n" + "word " * 500 + "\n\n and $$ more\n\nend"
    assert len(parts(text)) > 3


def test_long_steps_are_cut_at_sentence_ends() -> None:
    text = "This is a sentence of some length, with 3.14 in it. " * 60
    cut = parts(text)
    assert all(len(step) <= LONG_STEP + 1 and step.endswith(". ") for step in cut)
    assert len(cut) == 3


def test_long_steps_without_sentences_stay_whole() -> None:
    assert len(parts("x" * 5000)) == 1


def test_chinese_sentences_need_no_space() -> None:
    assert all(len(step) <= LONG_STEP for step in parts("因此答案是四。" * 400))


def test_thought_tags_and_answer_are_told_apart() -> None:
    text = "<think>\nfirst\n\nsecond\n</think>\n\nThe answer is 4."
    assert [(step.kind, text[step.start : step.end]) for step in segment(text)] == [
        ("tag", "<think>\n"),
        ("think", "first\n\n"),
        ("think", "second\n"),
        ("tag", "</think>\n\n"),
        ("answer", "The answer is 4."),
    ]


def test_tags_of_the_solution_are_tags() -> None:
    text = (
        "<|begin_of_thought|>\na\n<|end_of_thought|>\n\n"
        "<|begin_of_solution|>\nb\n<|end_of_solution|>"
    )
    assert [step.kind for step in segment(text)] == ["tag", "think", "tag", "answer", "tag"]


def test_a_thought_opened_in_the_prompt_or_never_closed_is_a_thought() -> None:
    assert [s.kind for s in segment("a\n\nb</think>c")] == ["think", "think", "tag", "answer"]
    assert [s.kind for s in segment("<think>a\n\nb")] == ["tag", "think", "think"]
    assert [s.kind for s in segment("Well. <think>a</think>b")] == [
        "answer", "tag", "think", "tag", "answer",
    ]


MEGABYTES = 5_000_000


@pytest.mark.parametrize(
    "unit",
    [
        "x", "word ", ".", ". ", "\n", " \n", "a\n\n", "$$", "$$\n\n", "\\[", "```\n", "\n```x",
        "`",
        "\\begin{align}", "<think>", "</think>", "<|end_of_solution|>", "。", ".\"", " ", "\r\n",
        "\\[\n\n", "````\n~~~\n\n",
    ],
)
def test_five_hostile_megabytes_take_seconds_at_most(unit: str) -> None:
    text = unit * (MEGABYTES // len(unit))
    began = time.process_time()
    steps = segment(text)
    assert time.process_time() - began < 6  # measured: 0.1 to 2.5 s
    assert steps[0].start == 0
    assert steps[-1].end == len(text)


@pytest.mark.data
def test_published_traces_have_many_steps_of_moderate_length() -> None:
    import json

    files = sorted((shared_data() / "long_traces").glob("*.jsonl"))
    if not files:
        pytest.skip("there are no JSON lines among the long traces")
    for path in files[:3]:
        with path.open(encoding="utf-8") as lines:
            for line, _ in zip(lines, range(20), strict=False):
                for text in _strings(json.loads(line)):
                    assert "".join(parts(text)) == text


def _strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    children = value.values() if isinstance(value, dict) else value
    return [s for c in children for s in _strings(c)] if isinstance(value, dict | list) else []

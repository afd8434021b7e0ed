"""What every registered check owes, whoever wrote it."""

import time
from collections.abc import Iterator

import pytest

from apps.core.registry import describe
from apps.grading.base import CheckParams, ReferenceAnswer, Verdict, graders
from apps.grading.sandbox import Sandbox

REFERENCES = [
    ReferenceAnswer("42", "integer"),
    ReferenceAnswer("1/2", "number"),
    ReferenceAnswer("B", "choice", choices=("one", "two", "three")),
    ReferenceAnswer("True", "label"),
    ReferenceAnswer("x^2+1", "expression"),
    ReferenceAnswer("Paris", "short_text"),
]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(1) as pool:
        yield pool


@pytest.fixture(params=graders.names())
def grader(request: pytest.FixtureRequest) -> str:
    return request.param


def test_it_says_what_it_is_and_has_a_version(grader: str) -> None:
    check = graders.get(grader)
    assert len(describe(check)) > 20
    assert check.version >= 1
    assert issubclass(check.params, CheckParams)
    check.params()


@pytest.mark.parametrize("gold", REFERENCES, ids=lambda gold: gold.kind)
def test_the_reference_answer_is_correct_against_itself(
    sandbox: Sandbox, grader: str, gold: ReferenceAnswer
) -> None:
    text = f"<think>thought</think>\nSo it is \\boxed{{{gold.value}}}."
    result = sandbox.check(grader, gold, text)
    assert result.verdict == Verdict.CORRECT, result
    assert result.span is not None
    assert text[slice(*result.span)] == result.extracted == gold.value
    assert result.gold_parsed
    assert result.answer_parsed


@pytest.mark.parametrize("gold", REFERENCES, ids=lambda gold: gold.kind)
def test_no_answer_is_said_where_there_is_none(
    sandbox: Sandbox, grader: str, gold: ReferenceAnswer
) -> None:
    for text in ("", "\n", "<think>it is 42 and it never ends", "<think>a</think>"):
        assert sandbox.check(grader, gold, text).verdict == Verdict.NO_ANSWER


@pytest.mark.parametrize("gold", REFERENCES, ids=lambda gold: gold.kind)
def test_hostile_answers_end_in_time_and_are_never_correct(
    sandbox: Sandbox, grader: str, gold: ReferenceAnswer
) -> None:
    for answer in (
        "10^{10^{10}}",
        "((9!)!)!",
        "(" * 3000,
        "<script>alert(1)</script>",
        "\x00\ud800",
    ):
        begin = time.perf_counter()
        result = sandbox.check(grader, gold, f"\\boxed{{{answer}}}")
        assert time.perf_counter() - begin < 8
        assert result.verdict != Verdict.CORRECT


def test_the_same_input_gives_the_same_verdict(sandbox: Sandbox, grader: str) -> None:
    for gold in REFERENCES:
        first, second = (sandbox.check(grader, gold, "The answer is 42") for _ in range(2))
        assert (first.verdict, first.span, first.method) == (
            second.verdict,
            second.span,
            second.method,
        )

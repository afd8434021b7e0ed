"""What the two shipped checks decide, and the parsed forms they show for it."""

from typing import Any

import pytest

from apps.grading.base import CheckParams, CheckResult, ReferenceAnswer, Verdict, graders
from apps.grading.numbers import number


def check(
    gold: str, answer: str, kind: str = "", grader: str = "mathematical", **more: Any
) -> CheckResult:
    return graders.get(grader)().check(
        ReferenceAnswer(gold, kind, **more), f"<think>…</think> \\boxed{{{answer}}}", CheckParams()
    )


@pytest.mark.parametrize(
    ("gold", "kind", "answer", "verdict"),
    [
        (r"10\%", "percent", "10", "correct"),
        (r"10\%", "percent", r"10\%", "correct"),
        (r"10\%", "percent", "0.1", "incorrect"),
        (r"10\%", "expression", "10", "correct"),
        ("50", "integer", r"50\%", "incorrect"),
        (r"\frac{1}{2004!}", "expression", r"\frac{1}{2006!}", "incorrect"),
        (r"\frac{1}{2004!}", "expression", r"\frac{2}{2\cdot 2004!}", "correct"),
        (r"\frac{1}{99999!}", "expression", r"\frac{1}{99998!}", "needs_human"),
        (r"\{1,2\}", "set", "(1,2)", "incorrect"),
        (r"\{1,2\}", "set", r"\{2,1\}", "correct"),
        ("101_2", "base_n", "101_3", "incorrect"),
        ("101_2", "base_n", "5", "correct"),
        ("101_2", "expression", "5", "correct"),
        ("101_{2}", "base_n", "101", "correct"),
        ("12:30", "clock", "12:30", "correct"),
        ("12:30", "clock", "12:31", "incorrect"),
        ("12:30", "", "12:30 p.m.", "correct"),
        ("2:4", "ratio", "1:2", "correct"),
        ("y=2x+1", "equation", "2x+1", "correct"),
        ("3 apples", "quantity", "3 oranges", "incorrect"),
        ("3 apples", "quantity", "3 apples", "correct"),
        ("3 m", "quantity", r"300 \text{ cm}", "correct"),
        (r"3.0\times10^8", "number", "3e8", "correct"),
        ("3e8", "number", r"3.0\times10^8", "correct"),
        ("C", "choice", "(C)", "correct"),
        ("3", "integer", "three", "correct"),
        (r"\frac13", "number", "0.333", "incorrect"),
        (r"\frac13", "number", "0.333333", "incorrect"),
        ("1<x<2", "relation", "(1,2)", "correct"),
        ("(1,2)", "interval", "1<x<2", "incorrect"),
        (r"\sin x", "expression", "sin x", "correct"),
        (r"\pm 2021", "expression", "2021", "incorrect"),
        ("n=2,3,4", "expression", "n=1,2,3", "incorrect"),
    ],
)
def test_what_the_engine_alone_gets_wrong(gold: str, kind: str, answer: str, verdict: str) -> None:
    result = check(gold, answer, kind)
    assert result.verdict == verdict, result
    assert result.gold_parsed


@pytest.mark.parametrize(
    ("gold", "answer", "equal"),
    [
        ("1/2", "0.5", True),
        (r"918\frac{1}{2}", "918.5", True),
        ("x^2+2x+1", "x^2 + 2*x - (-1)", True),
        ("x^2+2x+1", "x^3+2x+1", False),
        (".185", "0.185", True),
        ("2.5", r"\frac{5}{2}", True),
        ("(r+5)(r+5)", "(r+5)^2", True),
        (r"\frac{\sqrt{3}}{3}", r"\frac{\sqrt{3}}{3} \approx 0.577", True),
        (
            r"\begin{pmatrix}0&1\\2&3\end{pmatrix}",
            r"\begin{bmatrix} 0 & 1 \\ 2 & 3 \end{bmatrix}",
            True,
        ),
        (
            r"\begin{pmatrix}0&1\\2&3\end{pmatrix}",
            r"\begin{bmatrix} 0 & 1 \\ 2 & 4 \end{bmatrix}",
            False,
        ),
        ("5", "5.001", False),
        ("x^2+1", r"\begin{pmatrix}0&1\\2&4\end{pmatrix}", False),
        (r"\tfrac{1}{2} + \frac1{72}", r"\\dfrac{1}{2} + \frac{1}{72}", True),
        (r"\tfrac{1}{2} + \frac1{72}", r"\\frac{1}{2} + 2/3", False),
        (r"10\sqrt{3} + \sqrt4", r"10\sqrt3 + \sqrt{4}", True),
        (r"\frac34i", r"\frac{3}{4}i", True),
        ("5x - 7y + 11z + 4 = 0", "x + y - z + 2 = 0", False),
        (r"\left( 3, \frac{\pi}{2} \right)", "(3,pi/2)", True),
        (r"3\sqrt{13}", "3*sqrt(13)", True),
        (r"90^\circ", "90", True),
        ("6 - 5i", "6-5i", True),
        ("p - q", "q - p", False),
        ("[1,2)", "(1,2)", False),
        (r"(-\infty, 3]", r"(-\infty,3]", True),
        ("5", r"\sqrt{25}", True),
    ],
)
def test_mathematics_is_compared_by_its_meaning(gold: str, answer: str, equal: bool) -> None:
    result = check(gold, answer)
    assert result.verdict == ("correct" if equal else "incorrect"), result


def test_all_verdicts_but_those_of_a_broken_child_come_from_a_plain_check() -> None:
    whole = graders.get("mathematical")()

    def verdict(gold: str, text: str, kind: str = "") -> str:
        return whole.check(ReferenceAnswer(gold, kind), text, CheckParams()).verdict

    assert verdict("5", "\\boxed{5}") == Verdict.CORRECT
    assert verdict("5", "\\boxed{6}") == Verdict.INCORRECT
    assert verdict("5", "<think>5") == Verdict.NO_ANSWER
    assert verdict("5", "\\boxed{I cannot tell from here}") == Verdict.ANSWER_UNPARSED
    assert verdict("", "\\boxed{5}") == Verdict.GOLD_UNPARSED
    assert verdict("\\frac{", "\\boxed{x+1}", "expression") == Verdict.GOLD_UNPARSED
    assert verdict("1", "\\boxed{1}\\boxed{2}") == Verdict.NEEDS_HUMAN
    assert verdict("1", "\\boxed{10^{10^{10}}}") == Verdict.NEEDS_HUMAN


def test_boxes_that_differ_only_in_spelling_are_one_answer() -> None:
    whole = graders.get("mathematical")()
    gold = ReferenceAnswer("1/2", "number")
    text = "\\boxed{0.5} that is \\boxed{\\frac12}"
    assert whole.check(gold, text, CheckParams()).verdict == "correct"


@pytest.mark.parametrize(
    ("answer", "details", "verdict"),
    [
        ("2/4", {"form": "reduced"}, "incorrect"),
        ("1/2", {"form": "reduced"}, "correct"),
        ("0.5", {"form": "reduced"}, "incorrect"),
        ("2/4", {}, "correct"),
        ("0.5", {"form": "exact"}, "incorrect"),
        ("0.51", {"tol_abs": 0.02}, "correct"),
        ("0.53", {"tol_abs": 0.02}, "incorrect"),
    ],
)
def test_a_problem_may_ask_for_a_form_or_a_tolerance(
    answer: str, details: dict[str, Any], verdict: str
) -> None:
    assert check("1/2", answer, "number", details=details).verdict == verdict


def test_rounding_and_fractions_of_percent_count_only_where_the_problem_says_so() -> None:
    assert check("1/3", "0.333", "number", details={"accept_rounded": True}).verdict == "correct"
    assert check("10%", "0.1", "percent", details={"accept_fraction": True}).verdict == "correct"
    assert check("3.14", "3.1415", "number").verdict == "correct"
    assert check("3.14", "3.2", "number").verdict == "incorrect"
    assert check("10000000", "10000001", "number").verdict == "incorrect"


@pytest.mark.parametrize(
    ("gold", "text", "verdict"),
    [
        ("Unknown", "The answer is: it cannot be determined.", "correct"),
        ("True", "The answer is False", "incorrect"),
        ("False", "Answer: not true", "correct"),
        ("True", "\\boxed{Ture}", "answer_unparsed"),
        ("Unknown", "\\boxed{Unkown}", "correct"),
        ("entailment", "Answer: the premise entails the hypothesis", "correct"),
        ("entailment", "Answer: neutral", "incorrect"),
        ("Yes", "\\boxed{No}", "incorrect"),
        ("True", "Answer: True or False", "answer_unparsed"),
    ],
)
def test_labels_have_synonyms(gold: str, text: str, verdict: str) -> None:
    for grader in ("exact", "mathematical"):
        result = graders.get(grader)().check(ReferenceAnswer(gold, "label"), text, CheckParams())
        assert result.verdict == verdict, result


def test_short_texts_are_equal_up_to_case_articles_and_marks() -> None:
    assert check("The Hague", "hague.", "short_text").verdict == "correct"
    assert check("NYC", "New York", "short_text", accepted=("New York",)).verdict == "correct"
    assert check("Paris", "Rome", "short_text").verdict == "incorrect"
    assert check("Paris", "It is Paris, I think", "short_text").verdict == "needs_human"
    assert check(r"\text{Evelyn}", "Evelyn", "expression").verdict == "correct"


def test_exact_leaves_formulas_to_a_person_unless_they_are_spelled_alike() -> None:
    assert check("x^2 + 1", "x^2+1", "expression", "exact").verdict == "correct"
    assert check("x^2 + 1", "1+x^2", "expression", "exact").verdict == "needs_human"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234", "1234"),
        ("1{,}234", "1234"),
        (r"1\,234", "1234"),
        ("1 234", "1234"),
        ("−5", "-5"),
        ("+5", "5"),
        ("$18", "18"),
        (r"\$18", "18"),
        ("-$18", "-18"),
        ("18 dollars", "18"),
        (r"18 \text{ dollars per day}", "18"),
        ("5km", "5"),
        ("x = 5", "5"),
        (".5", "1/2"),
        ("1e-3", "1/1000"),
        (r"2\frac{1}{2}", "5/2"),
        ("2 1/2", "5/2"),
        (r"-\frac{3}{4}", "-3/4"),
        (r"\frac34", "3/4"),
        ("½", "1/2"),
        ("twenty-one", "21"),
        ("3 million", "3000000"),
        ("４２", "42"),
        (r"\textbf{7}", "7"),
        ("**7**", "7"),
        ("10^3", "1000"),
        ("5.0", "5"),
        ("3.", "3"),
        ("90°", "90"),
    ],
)
def test_numbers_are_read_exactly(text: str, value: str) -> None:
    found = number(text)
    assert found is not None
    assert str(found.value) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3x",
        "3 x",
        "3 pi",
        "3i",
        "2^3",
        r"\sqrt{4}",
        "1,23",
        "3 or 4",
        "x",
        "1/0",
        "m²",
        "3!",
        "5 + 2",
        "three halves",
        "3 halves",
        "1.2.3",
        "10²",
        "1" * 400,
    ],
)
def test_what_is_not_a_number_is_left_alone(text: str) -> None:
    assert number(text) is None

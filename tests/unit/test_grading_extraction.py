"""Where the final answer stands, rung by rung."""

import time

import pytest

from apps.grading.extraction import extract, extract_choice, extract_choices


@pytest.mark.parametrize(
    ("text", "answer", "rung"),
    [
        ("So <answer> 42 </answer>", "42", "tag"),
        ("<answer>\\boxed{7}</answer> and \\boxed{8}", "7", "tag"),
        ('```json\n{"answer": "12 km"}\n```', "12 km", "json"),
        ('{"final_answer": 3.5}', "3.5", "json"),
        ("First \\boxed{1}, then \\boxed{\\frac{a}{b}}.", "\\frac{a}{b}", "boxed"),
        ("\\boxed{5} and then \\boxed{6", "5", "boxed"),
        ("\\boxed {9}", "9", "boxed"),
        ("Work.\n#### 1,234", "1,234", "anchored"),
        ("Work.\nA: 18", "18", "anchored"),
        ("The answer is 3. No, the final answer is: 4", "4", "anchored"),
        ("**Final Answer:**\n\n42", "42", "anchored"),
        ("### Final Answer\n$x=3$", "$x=3$", "anchored"),
        ("Answer: **15**", "15", "anchored"),
        ("所以答案是 12", "12", "anchored"),
        ("Die Antwort: 12", "12", "anchored"),
        ("La respuesta es 12", "12", "anchored"),
        ("Therefore the total number of eggs is 30.", "30.", "therefore"),
        ("We get $y = 2$ and $$x = 3$$ at last", "x = 3", "formula"),
        ("She sold 3.\nIn all it made $224 a day", "224", "last-number"),
        ("It fell to -5%", "-5%", "last-number"),
    ],
)
def test_the_first_rung_that_yields_something_wins(text: str, answer: str, rung: str) -> None:
    found = extract(text)
    assert found is not None
    assert (found.text, found.rung) == (answer, rung)
    assert text[slice(*found.span)] == answer
    assert found.weak is (rung in ("formula", "last-number"))


def test_only_what_stands_after_the_thought_is_read() -> None:
    assert extract("<think>\\boxed{1}</think>") is None
    assert extract("<think>\\boxed{1} and it never ends") is None
    text = "<think>😀 \\boxed{1}</think>It is \\boxed{2}."
    found = extract(text)
    assert found is not None
    assert found.text == text[slice(*found.span)] == "2"


def test_only_the_last_four_thousand_characters_are_read() -> None:
    assert extract("\\boxed{1}" + " word" * 900) is None
    text = "x" * 10_000 + "\\boxed{1}"
    found = extract(text)
    assert found is not None
    assert text[slice(*found.span)] == "1"


def test_two_boxes_that_differ_are_both_kept() -> None:
    found = extract("\\boxed{1}\\boxed{2}")
    assert found is not None
    assert (found.other, found.text) == ("1", "2")
    same = extract("\\boxed{2} so \\boxed{2}")
    assert same is not None
    assert same.other == ""


def test_money_is_not_taken_for_a_formula() -> None:
    found = extract("He had $18 and spent $20 of it, leaving 5 debts")
    assert found is not None
    assert found.text == "5"


@pytest.mark.parametrize("text", ["", "   \n", "I give up.", "<think>5</think>\n\n"])
def test_nothing_is_found_where_nothing_stands(text: str) -> None:
    assert extract(text) is None


CITIES = ("Berlin", "Paris in France", "Rome", "Madrid")


@pytest.mark.parametrize(
    "text",
    [
        "\\boxed{B}",
        "\\boxed{\\text{B}}",
        "\\boxed{(B)}",
        "<answer>B</answer>",
        "The answer is (B).",
        "Answer: B",
        "answer: **B**",
        "The correct option is B.",
        "The answer is option B",
        "Not A. The answer is (A)? No: the answer is (B) Paris in France",
        "I think so.\n**B**",
        "I think so.\n(B)",
        "Ｂ",
        "答案是 Ｂ",
        "The answer is Paris in France.",
        "\\boxed{Paris in France}",
        "The correct choice is B) Paris in France",
    ],
)
def test_a_choice_is_read_in_all_its_spellings(text: str) -> None:
    found = extract_choice(text, CITIES)
    assert found is not None
    assert found.text == "B"


@pytest.mark.parametrize(
    "text",
    [
        "A man walks into a town.",
        "It could be A or B",
        "\\boxed{E}",
        "The answer is a town.",
        "The answer is unclear",
        "I choose (A) or (B)",
        "A lamp",
    ],
)
def test_a_capital_in_prose_is_no_choice(text: str) -> None:
    assert extract_choice(text, CITIES) is None


def test_several_choices_are_a_set_of_letters() -> None:
    for text in ("\\boxed{C, A}", "Answer: A and C", "The answer is AC"):
        found = extract_choices(text, CITIES)
        assert found is not None
        assert found.text == "A,C"


@pytest.mark.parametrize(
    "text",
    [
        "\\boxed{" * 600,
        "$" * 4000,
        "therefore " * 400,
        "answer is " * 400,
        "(" * 4000,
        "1 " * 2000,
        "<answer>" * 500,
        '"answer": "' * 400,
        "#### " * 800,
        "\\(" * 2000,
        "9," * 2000,
        "$a " * 1300,
        "=" * 4000,
        "A:\n" * 1300,
        " " * 5_000_000,
        "x" * 5_000_000,
    ],
)
def test_hostile_text_is_read_in_time(text: str) -> None:
    begin = time.perf_counter()
    for kind in ("", "short_text"):
        extract(text, kind)
    extract_choice(text, CITIES)
    assert time.perf_counter() - begin < 1.0

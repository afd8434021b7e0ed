"""What a comparison of two texts shows, and that hostile texts do not stop it."""

import random
import time

import pytest

from apps.traces.diffing import Row, apply, diff


def kinds(rows: list[Row]) -> list[str]:
    return [row.kind for row in rows]


def test_equal_texts_have_only_equal_rows() -> None:
    rows = diff("one\n\ntwo", "one\n\ntwo")
    assert rows == [Row("same", "one\n\n", "one\n\n", 1, 1), Row("same", "two", "two", 2, 2)]
    assert diff("", "") == []


def test_a_changed_word_is_marked_inside_its_step() -> None:
    left = "Add the two.\n\nSo the sum is 7 apples.\n\nDone."
    right = "Add the two.\n\nSo the sum is 8 apples.\n\nDone."
    rows = diff(left, right)
    assert kinds(rows) == ["same", "changed", "same"]
    assert rows[1].words == (
        ("equal", "So the sum is "),
        ("delete", "7"),
        ("insert", "8"),
        ("equal", " apples.\n\n"),
    )
    assert (rows[1].left_number, rows[1].right_number) == (2, 2)


def test_removed_and_added_steps_have_a_number_on_one_side() -> None:
    rows = diff("a b c\n\nWait, check again.\n\nend", "a b c\n\nend\n\nNew remark entirely")
    assert [(r.kind, r.left_number, r.right_number) for r in rows if r.kind in ("removed",)] == [
        ("removed", 2, 0)
    ]
    assert ("added", 0, 3) in [(r.kind, r.left_number, r.right_number) for r in rows]


def test_steps_without_common_words_are_not_paired() -> None:
    assert kinds(diff("alpha beta gamma", "one two three four")) == ["removed", "added"]


def test_a_rewritten_phrase_reads_as_one_change() -> None:
    rows = diff("we see it is very large indeed today", "we see it is quite small indeed today")
    assert ("delete", "very large") in rows[0].words
    assert ("insert", "quite small") in rows[0].words


def test_a_number_is_marked_whole() -> None:
    (row,) = diff("the answer is 1234 as said", "the answer is 1299 as said")
    assert ("delete", "1234") in row.words
    assert ("insert", "1299") in row.words


def test_rows_of_other_texts_are_refused() -> None:
    rows = diff("a", "b")
    with pytest.raises(ValueError, match="another text"):
        apply("c", rows)
    with pytest.raises(ValueError, match="another text"):
        apply("a and more", rows)


def rewritten(words: int, steps_dropped: float) -> tuple[str, str]:
    chance = random.Random(7)
    vocabulary = [f"word{n}" for n in range(3000)]
    left, right = [], []
    for _ in range(words // 60):
        step = [chance.choice(vocabulary) for _ in range(60)]
        left.append(" ".join(step))
        if chance.random() > steps_dropped:
            edited = [chance.choice(vocabulary) if chance.random() < 0.1 else w for w in step]
            right.append(" ".join(edited if chance.random() < 0.5 else step))
    return "\n\n".join(left), "\n\n".join(right)


def test_twelve_thousand_words_are_compared_while_a_page_loads() -> None:
    left, right = rewritten(12_000, 0.2)
    diff(left, right)
    began = time.process_time()
    rows = diff(left, right)
    assert time.process_time() - began < 0.3  # measured: 12 ms
    assert apply(left, rows) == right
    assert {"same", "changed", "removed"} <= set(kinds(rows))


HOSTILE = {
    "one line": lambda n: "x" * n,
    "words on one line": lambda n: "word " * (n // 5),
    "many words on one line": lambda n: " ".join(map(str, range(n // 7))),
    "equal steps": lambda n: "a\n\n" * (n // 3),
    "different steps": lambda n: "\n\n".join(map(str, range(n // 8))),
    "lines": lambda n: "\n" * n,
    "marks": lambda n: "$$ ` \\[ " * (n // 8),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("size", [450_000, 5_000_000])
def test_hostile_texts_end_soon(name: str, size: int) -> None:
    left = HOSTILE[name](size)
    middle = len(left) // 2
    shuffled = left[middle:] + "!" + left[:middle]
    reversed_ = left[::-1] + "?"
    edited = left[:middle] + " edited " + left[middle:]
    for right in (shuffled, reversed_, edited, ""):
        began = time.process_time()
        rows = diff(left, right)
        assert time.process_time() - began < 6  # measured: below 2 s
        assert apply(left, rows) == right


def test_a_small_edit_in_five_megabytes_is_still_shown_as_words() -> None:
    left = " ".join(map(str, range(700_000)))
    right = left.replace(" 350000 ", " 350000 edited ")
    rows = diff(left, right)
    assert [w for row in rows for w in row.words if w[0] != "equal"] == [("insert", "edited ")]

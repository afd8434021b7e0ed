"""Steps tile every text, whatever it holds; a difference applied gives the other text."""

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.traces.diffing import apply, diff
from apps.traces.segmentation import segment

PIECES = [
    "\n", "\n\n", " \n\t\n", "\r\n\r\n", "```", "```python\n", "````\n", "~~~", "$$", "\\[", "\\]",
    "\\begin{align}", "\\end{align}", "One step. Two! ", "答案是四。", "x" * 700, ". " * 400, "é😀",
    "\u2028", "\u202e", "\x00", " ", "a", "so b = 4", "3.14",
]
TAGS = [
    "<think>", "</think>", "<thinking>", "</thinking>", "<|begin_of_thought|>",
    "<|end_of_thought|>", "<|begin_of_solution|>", "<|end_of_solution|>",
]
plain = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)
tagged = st.lists(st.sampled_from(PIECES + TAGS), max_size=30).map("".join) | st.text()


@given(tagged)
@settings(max_examples=400, deadline=None)
def test_steps_tile_the_text_and_none_is_empty(text: str) -> None:
    steps = segment(text)
    assert "".join(text[step.start : step.end] for step in steps) == text
    assert [step.index for step in steps] == list(range(len(steps)))
    assert all(step.start < step.end for step in steps)
    if text.strip():
        assert all(text[step.start : step.end].strip() for step in steps)
    assert segment(text) == steps


@given(plain)
@settings(max_examples=300, deadline=None)
def test_what_follows_a_step_does_not_change_the_steps_before_it(text: str) -> None:
    steps = segment(text)
    for count in range(1, len(steps)):
        assert segment(text[: steps[count - 1].end]) == steps[:count]


@given(tagged, tagged)
@settings(max_examples=300, deadline=None)
def test_applying_a_difference_gives_the_right_text(left: str, right: str) -> None:
    rows = diff(left, right)
    assert apply(left, rows) == right
    assert "".join(row.left for row in rows) == left
    assert "".join(row.right for row in rows) == right
    for row in rows:
        if row.kind == "changed":
            assert "".join(t for op, t in row.words if op != "insert") == row.left
            assert "".join(t for op, t in row.words if op != "delete") == row.right


@given(st.lists(st.sampled_from(PIECES + TAGS), min_size=2, max_size=30), st.data())
@settings(max_examples=200, deadline=None)
def test_an_edit_in_one_place_is_found_and_undone(parts: list[str], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(parts) - 1))
    left, right = "".join(parts), "".join([*parts[:at], "edited ", *parts[at + 1 :]])
    assert apply(left, diff(left, right)) == right
    assert apply(right, diff(right, left)) == left

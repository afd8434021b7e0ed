"""How the next token is drawn."""

from collections import Counter

import pytest

torch = pytest.importorskip("torch")

from apps.engines.slots import Drawer, step_mask  # noqa: E402

CPU = torch.device("cpu")
LOGITS = torch.log(torch.tensor([[0.5, 0.25, 0.15, 0.1]]))
GRID = [(n + 0.5) / 1000 for n in range(1000)]


def drawn(way: tuple[float, float, int]) -> dict[int, float]:
    """The share of each token over evenly spread uniform numbers."""
    drawer = Drawer([way] * len(GRID), CPU)
    counts = Counter(drawer.draw(LOGITS.expand(len(GRID), -1), GRID))
    return {token: count / len(GRID) for token, count in sorted(counts.items())}


def close(shares: dict[int, float]) -> object:
    return pytest.approx(shares, abs=0.003)


def test_tokens_are_drawn_by_their_probability() -> None:
    assert drawn((1.0, 1.0, 0)) == close({0: 0.5, 1: 0.25, 2: 0.15, 3: 0.1})


def test_temperature_zero_takes_the_likeliest() -> None:
    assert drawn((0.0, 1.0, 0)) == {0: 1.0}


def test_temperature_flattens_or_sharpens() -> None:
    assert drawn((0.5, 1.0, 0)) == close({0: 0.7246, 1: 0.1812, 2: 0.0652, 3: 0.029})


def test_top_k_keeps_the_k_likeliest() -> None:
    assert drawn((1.0, 1.0, 2)) == close({0: 2 / 3, 1: 1 / 3})


def test_top_p_keeps_the_smallest_set_that_reaches_it() -> None:
    assert drawn((1.0, 0.6, 0)) == close({0: 2 / 3, 1: 1 / 3})
    assert drawn((1.0, 0.01, 0)) == {0: 1.0}


def test_rows_of_one_batch_draw_each_in_its_own_way() -> None:
    drawer = Drawer([(0.0, 1.0, 0), (1.0, 1.0, 1), (1.0, 1.0, 0)], CPU)
    assert drawer.draw(LOGITS.expand(3, -1), [0.99, 0.99, 0.99]) == [0, 0, 3]


def test_a_row_that_is_not_finite_is_told_apart() -> None:
    logits = LOGITS.repeat(2, 1)
    logits[1, 2] = float("nan")
    assert Drawer([(1.0, 1.0, 0)] * 2, CPU).draw(logits, [0.1, 0.1]) == [0, -1]


def test_a_new_token_sees_itself_its_past_and_no_further_than_its_window() -> None:
    seen = (step_mask(torch.tensor([0, 3]), 5, torch.float32, window=2)[:, 0, 0] == 0).tolist()
    assert seen == [[True, False, False, False, False], [False, False, True, True, False]]

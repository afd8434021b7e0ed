"""What changed between two texts, in two levels: steps are aligned first, then words are compared
inside the pairs of steps. Plain data, no markup. Imports no Django.

Comparing 20,000 words with 11,000 at once takes seconds; in two levels it takes hundredths of one.
Whatever would take longer (megabytes on one line, thousands of equal steps) is shown more coarsely.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rapidfuzz.distance import LCSseq

from apps.traces.segmentation import segment

LARGE = 1_000_000  # characters of both texts together: beyond, common ends are cut off first
MIDDLE = 600_000  # characters between common ends that are still cut into steps
CELLS = 16_000_000  # of one comparison's table: 4,000 by 4,000 steps or words
ALL_CELLS = 400_000_000
PAIRS = 60_000  # pairs of steps whose words are counted
SIMILAR = 0.4  # share of common words (Dice) from which two steps are one, changed
WORD = re.compile(r"\s+|\w+|[^\w\s]")
SNAP = 200

RowKind = Literal["same", "changed", "added", "removed"]
Operation = Literal["equal", "delete", "insert"]
Words = list[tuple[Operation, str]]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the comparison.

    `left` and `right` are texts of steps ("" where there is none), numbered from 1 (0: none).
    `words` of a changed row rebuild both sides: equal and delete give the left, equal and insert
    the right. `coarse` says that the words were not compared.
    """

    kind: RowKind
    left: str
    right: str
    left_number: int = 0
    right_number: int = 0
    words: tuple[tuple[Operation, str], ...] = ()
    coarse: bool = False


class _Budget:
    """What may still be spent on one comparison."""

    def __init__(self) -> None:
        self.cells = ALL_CELLS
        self.pairs = PAIRS

    def take_cells(self, wanted: int) -> bool:
        if wanted > min(CELLS, self.cells):
            return False
        self.cells -= wanted
        return True

    def take_pairs(self, wanted: int) -> bool:
        if wanted > self.pairs:
            return False
        self.pairs -= wanted
        return True


def diff(left: str, right: str) -> list[Row]:
    """Rows in reading order; their left texts joined are `left`, their right texts `right`."""
    budget = _Budget()
    if len(left) + len(right) <= LARGE:
        return list(_diff_steps(_texts(left), _texts(right), budget))
    if left == right:
        return [Row("same", left, right, 1, 1)]
    head, tail = _common_ends(left, right, "\n")
    old, new = left[head : len(left) - tail], right[head : len(right) - tail]
    lefts, rights = [old] if old else [], [new] if new else []
    if max(len(old), len(new)) <= MIDDLE:
        lefts, rights = _texts(old), _texts(new)
    if head:
        lefts, rights = [left[:head], *lefts], [right[:head], *rights]
    if tail:
        lefts, rights = [*lefts, left[len(left) - tail :]], [*rights, right[len(right) - tail :]]
    return list(_diff_steps(lefts, rights, budget))


def apply(left: str, rows: Sequence[Row]) -> str:
    """The right text, from the left one and the rows; ValueError when they do not fit."""
    at, parts = 0, []
    for row in rows:
        if not left.startswith(row.left, at):
            raise ValueError("These rows compare another text.")
        if row.kind == "same":
            parts.append(left[at : at + len(row.left)])
        elif row.kind == "changed":
            parts.extend(text for operation, text in row.words if operation != "delete")
        else:
            parts.append(row.right)
        at += len(row.left)
    if at != len(left):
        raise ValueError("These rows compare another text.")
    return "".join(parts)


def _texts(text: str) -> list[str]:
    return [text[span.start : span.end] for span in segment(text)]


def _diff_steps(left: list[str], right: list[str], budget: _Budget) -> Iterator[Row]:
    for equal, i1, i2, j1, j2 in _alignment(*_numbered(left, right), budget=budget):
        if equal:
            for i, j in zip(range(i1, i2), range(j1, j2), strict=True):
                yield Row("same", left[i], right[j], i + 1, j + 1)
            continue
        pairs = _pairs(left[i1:i2], right[j1:j2], budget)
        if pairs is None:  # too many to look at: all of the old, all of the new
            yield Row("removed", "".join(left[i1:i2]), "", i1 + 1, coarse=True)
            yield Row("added", "", "".join(right[j1:j2]), 0, j1 + 1, coarse=True)
            continue
        i, j = i1, j1
        for to_i, to_j in [*((i1 + a, j1 + b) for a, b in pairs), (i2, j2)]:
            yield from (Row("removed", left[at], "", at + 1) for at in range(i, to_i))
            yield from (Row("added", "", right[at], 0, at + 1) for at in range(j, to_j))
            if to_i < i2 and to_j < j2:
                yield _changed(left[to_i], right[to_j], to_i + 1, to_j + 1, budget)
            i, j = to_i + 1, to_j + 1


def _numbered(*sides: list[str]) -> list[list[int]]:
    """Each different string as a number, the same on all sides: compared by value, never by a
    hash that two strings could share."""
    known: dict[str, int] = {}
    return [[known.setdefault(part, len(known)) for part in side] for side in sides]


Block = tuple[bool, int, int, int, int]


def _alignment(left: Sequence[int], right: Sequence[int], *, budget: _Budget) -> list[Block]:
    """Blocks (equal?, i1, i2, j1, j2) in order: a longest common subsequence where the table is
    affordable, else between steps that occur once on each side (patience)."""
    head = 0
    shortest = min(len(left), len(right))
    while head < shortest and left[head] == right[head]:
        head += 1
    tail = 0
    while tail < shortest - head and left[-1 - tail] == right[-1 - tail]:
        tail += 1
    end_left, end_right = len(left) - tail, len(right) - tail
    blocks = [(True, 0, head, 0, head)] if head else []
    at = head, head
    for i, j in [*_unique_common(left, right, head, end_left, end_right), (end_left, end_right)]:
        blocks += _between(left, right, at[0], i, at[1], j, budget)
        if i < end_left:
            blocks.append((True, i, i + 1, j, j + 1))
        at = i + 1, j + 1
    if tail:
        blocks.append((True, end_left, len(left), end_right, len(right)))
    return blocks


def _between(
    left: Sequence[int], right: Sequence[int], i1: int, i2: int, j1: int, j2: int,
    budget: _Budget,
) -> Iterator[Block]:
    if i1 >= i2 and j1 >= j2:
        return
    if i1 == i2 or j1 == j2 or not budget.take_cells((i2 - i1) * (j2 - j1)):
        yield False, i1, i2, j1, j2
        return
    i, j = i1, j1
    for op in LCSseq.opcodes(left[i1:i2], right[j1:j2]):
        if op.tag == "equal":
            at = i1 + op.src_start, j1 + op.dest_start
            if at != (i, j):
                yield False, i, at[0], j, at[1]
            i, j = i1 + op.src_end, j1 + op.dest_end
            yield True, at[0], i, at[1], j
    if (i, j) != (i2, j2):
        yield False, i, i2, j, j2


def _unique_common(
    left: Sequence[int], right: Sequence[int], start: int, end_left: int, end_right: int
) -> list[tuple[int, int]]:
    """Steps that occur once on each side, in the longest order common to both; none where the
    whole table is affordable anyway and gives a better alignment."""
    if (end_left - start) * (end_right - start) <= CELLS:
        return []
    once: list[dict[int, int]] = []
    for side, end in ((left, end_left), (right, end_right)):
        seen: dict[int, int] = {}
        for at in range(start, end):
            seen[side[at]] = -1 if side[at] in seen else at
        once.append({step: at for step, at in seen.items() if at >= 0})
    pairs = [(i, once[1][step]) for step, i in once[0].items() if step in once[1]]
    pairs.sort()
    ends: list[int] = []  # longest increasing subsequence of the right positions
    last: list[int] = []
    before: list[int] = []
    for at, (_, j) in enumerate(pairs):
        place = bisect_left(ends, j)
        before.append(last[place - 1] if place else -1)
        ends[place : place + 1] = [j]
        last[place : place + 1] = [at]
    chain = []
    at = last[-1] if last else -1
    while at >= 0:
        chain.append(pairs[at])
        at = before[at]
    return chain[::-1]


def _pairs(left: list[str], right: list[str], budget: _Budget) -> list[tuple[int, int]] | None:
    """Steps of a block, paired in order so that the sum of their likeness is greatest; None where
    that would take too long."""
    if not left or not right:
        return []
    if len(left) == len(right) == 1 and max(len(left[0]), len(right[0])) > MIDDLE:
        return [(0, 0)]
    if not budget.take_pairs(len(left) * len(right)):
        return None
    return _best_pairs([_words(text) for text in left], [_words(text) for text in right])


def _words(text: str) -> frozenset[str]:
    # The first 20,000 characters say enough of a step's likeness.
    return frozenset(text[:20_000].split())


def _best_pairs(left: list[frozenset[str]], right: list[frozenset[str]]) -> list[tuple[int, int]]:
    rows, columns = len(left), len(right)
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    alike: dict[tuple[int, int], float] = {}
    for i in range(rows - 1, -1, -1):
        here, below, words = best[i], best[i + 1], left[i]
        size = len(words)
        for j in range(columns - 1, -1, -1):
            score = max(below[j], here[j + 1])
            both = size + len(right[j])
            # Too different in length to be alike whatever the words are.
            if both and 2 * min(size, both - size) >= SIMILAR * both:
                likeness = 2 * len(words & right[j]) / both
                if likeness >= SIMILAR:
                    alike[i, j] = likeness
                    score = max(score, likeness + below[j + 1])
            here[j] = score
    pairs, i, j = [], 0, 0
    while i < rows and j < columns:
        if (i, j) in alike and best[i][j] == alike[i, j] + best[i + 1][j + 1]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


def _changed(left: str, right: str, left_number: int, right_number: int, budget: _Budget) -> Row:
    if left == right:
        return Row("same", left, right, left_number, right_number)
    head, tail = _common_ends(left, right)
    old, new = left[head : len(left) - tail], right[head : len(right) - tail]
    middle: Words = [("delete", old), ("insert", new)]
    coarse = max(len(old), len(new)) > MIDDLE
    if old and new and not coarse:
        middle, coarse = _diff_words(WORD.findall(old), WORD.findall(new), budget)
    words = _tidy([("equal", left[:head]), *middle, ("equal", left[len(left) - tail :])])
    return Row("changed", left, right, left_number, right_number, words, coarse)


def _diff_words(old: list[str], new: list[str], budget: _Budget) -> tuple[Words, bool]:
    if not budget.take_cells(len(old) * len(new)):
        return [("delete", "".join(old)), ("insert", "".join(new))], True
    result: Words = []
    for op in LCSseq.opcodes(*_numbered(old, new)):
        if op.tag == "equal":
            result.append(("equal", "".join(old[op.src_start : op.src_end])))
        else:
            result.append(("delete", "".join(old[op.src_start : op.src_end])))
            result.append(("insert", "".join(new[op.dest_start : op.dest_end])))
    return result, False


def _tidy(operations: Words) -> tuple[tuple[Operation, str], ...]:
    """Changes that only white space parts become one, so that a rewritten phrase reads as a
    phrase; empty operations go."""
    result: Words = []
    old: list[str] = []
    new: list[str] = []
    space = ""

    def close() -> None:
        if any(old):
            result.append(("delete", "".join(old)))
        if any(new):
            result.append(("insert", "".join(new)))
        old.clear()
        new.clear()

    for operation, text in operations:
        if not text:
            continue
        if operation == "equal":
            if (old or new) and not space and text.isspace():
                space = text
                continue
            close()
            if space:
                text, space = space + text, ""
            result.append(("equal", text))
            continue
        if space:
            old.append(space)
            new.append(space)
            space = ""
        (old if operation == "delete" else new).append(text)
    close()
    if space:
        result.append(("equal", space))
    return tuple(result)


def _common_ends(left: str, right: str, edge: str = "") -> tuple[int, int]:
    """Lengths of the common start and of the common end that do not overlap, moved back to a line
    end (`edge` a newline) or to the edge of a word, where one is near."""
    most = min(len(left), len(right))
    head = _longest(most, lambda n: left[:n] == right[:n])
    if edge:
        head = left.rfind(edge, 0, head) + 1
    else:
        head -= _into_word(left, right, head, -1)
    tail = _longest(
        most - head, lambda n: left[len(left) - n :] == right[len(right) - n :]
    )
    start = len(left) - tail
    if edge:
        found = left.find(edge, start)
        tail = len(left) - found - 1 if tail and found >= 0 else 0
    else:
        tail -= _into_word(left, right, tail, 1)
    return head, tail


def _longest(most: int, fits: Callable[[int], bool]) -> int:
    """The greatest n up to `most` that fits, by halving: each try is one comparison of slices."""
    low = 0
    while low < most:
        middle = (low + most + 1) // 2
        if fits(middle):
            low = middle
        else:
            most = middle - 1
    return low


def _into_word(left: str, right: str, length: int, direction: int) -> int:
    """How many characters of a common end belong to a word that goes on differently."""
    count = 0
    at = length if direction < 0 else len(left) - length - 1
    other = length if direction < 0 else len(right) - length - 1
    after = ((left, at), (right, other))
    goes_on = any(0 <= place < len(text) and _wordy(text[place]) for text, place in after)
    while goes_on and count < min(length, SNAP):
        inner = length - 1 - count if direction < 0 else len(left) - length + count
        if not _wordy(left[inner]):
            break
        count += 1
    return count


def _wordy(character: str) -> bool:
    return character.isalnum() or character == "_"

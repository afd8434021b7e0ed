"""Text to steps: spans that tile a trace exactly. Imports no Django.

A step is a maximal block between blank lines. A blank line inside fenced code or inside a display
formula does not end a step, and a step of more than 1,200 characters is cut again at sentence
ends. White space belongs to the step before it, so that no step is blank (unless the whole text
is). Every rule is linear in the length of the text, whatever it holds.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Literal, NamedTuple

from apps.core.thinking import Split, split_thought

SEGMENTER = 1  # raise it when any span of any text changes: stored steps name their segmenter

LONG_STEP = 1200
LONGEST_FORMULA = 2000  # a lone `$$` must not swallow the rest of a trace
MOST_GUARDS = 100_000  # code blocks and formulas looked at in one text

Kind = Literal["think", "answer", "tag"]

BLANK = re.compile(r"\n[^\S\n]*\n\s*")
SPACE = re.compile(r"\s*")
GUARD = re.compile(
    r"^ {0,3}(?P<fence>`{3,}(?=[^`\n]*$)|~{3,})|(?P<math>\$\$|\\\[)"
    r"|\\begin\{(?P<env>(?:equation|align|gather|multline|array|cases|[bpvV]?matrix)\*?)\}",
    re.MULTILINE,
)
FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[^\S\n]*$", re.MULTILINE)
SENTENCE = re.compile(
    r"""(?<=[.!?…])["'”’)\]*_]{0,8}\s+|(?<=[。！？])["”’）」』]{0,4}(?![。！？])|\n"""
)


class StepSpan(NamedTuple):
    """Step `index` (from 0) is `text[start:end]`, in code points."""

    index: int  # type: ignore[assignment]  # a tuple has a method of this name
    start: int
    end: int
    kind: Kind


def segment(text: str) -> list[StepSpan]:
    """The steps of `text` in order; joined they are the text. No text, no steps.

    `kind` says whether a step stands in the thought, in the answer, or is a delimiter. Without a
    thought all steps are of the answer.
    """
    spans: list[tuple[int, int, Kind]] = []
    lead = 0  # blank text at the very start waits for the first step
    for start, end, kind in _parts(text):
        if not _blank(text, start, end):
            spans.append((lead if not spans else start, end, kind))
        elif spans:
            first, _, before = spans[-1]
            spans[-1] = (first, end, before)
    if not spans and text:
        return [StepSpan(0, 0, len(text), "answer")]
    return [StepSpan(index, *span) for index, span in enumerate(spans)]


def _blank(text: str, start: int, end: int) -> bool:
    found = SPACE.match(text, start, end)
    return found is not None and found.end() == end


def _parts(text: str) -> Iterator[tuple[int, int, Kind]]:
    for start, end, kind in _sections(text, split_thought(text)):
        if kind == "tag":
            yield start, end, kind
            continue
        for first, last in _steps(text, start, end):
            yield first, last, kind


def _sections(text: str, split: Split) -> Iterator[tuple[int, int, Kind]]:
    """What stands before the thought, its tags, the thought, the answer: in order, without gaps."""
    think, answer = split.reasoning, split.answer
    opener = think[0] - len(split.rule)
    opened = split.rule != "prompt" and opener >= 0 and text.startswith(split.rule, opener)
    bounds: list[tuple[int, Kind]] = [
        (opener if opened else think[0], "answer"),
        (think[0], "tag"),
        (think[1], "think"),
        (answer[0], "tag"),
        (answer[1], "answer"),
        (len(text), "tag"),
    ]
    start = 0
    for end, kind in bounds:
        if end > start:
            if kind == "tag":  # a delimiter takes the white space after it, as a step does
                end = SPACE.match(text, end).end()  # type: ignore[union-attr]
            yield start, end, kind
            start = end


def _steps(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Blocks between blank lines of `text[start:end]`, long ones cut at sentence ends."""
    guards = _Guards(text, start, end)
    first = start
    for blank in BLANK.finditer(text, start, end):
        if blank.end() < end and not guards.hold(blank.start()):
            yield from _shorter(text, first, blank.end(), guards)
            first = blank.end()
    yield from _shorter(text, first, end, guards)


def _shorter(text: str, start: int, end: int, guards: "_Guards") -> Iterator[tuple[int, int]]:
    while end - start > LONG_STEP:
        cut = _last_sentence_end(text, start, guards) or _next_sentence_end(
            text, start + LONG_STEP, end, guards
        )
        cut = SPACE.match(text, cut, end).end()  # type: ignore[union-attr]
        if cut >= end:
            break
        yield start, cut
        start = cut
    if start < end:
        yield start, end


def _last_sentence_end(text: str, start: int, guards: "_Guards") -> int:
    """The last sentence end in the first 1,200 characters, or 0; later quarters first, so that
    a text of nothing but full stops costs no more than prose."""
    last = start + LONG_STEP
    for quarter in range(3, -1, -1):
        low = start + quarter * LONG_STEP // 4
        ends = [m.end() for m in SENTENCE.finditer(text, low, last)]
        for cut in reversed(ends):
            if cut > start and not guards.hold(cut):
                return cut
        last = low + 1
    return 0


def _next_sentence_end(text: str, start: int, end: int, guards: "_Guards") -> int:
    while found := SENTENCE.search(text, start, end):
        if not (held := guards.hold(found.end())):
            return found.end()
        start = held
    return end


class _Guards:
    """Code blocks and display formulas, inside which nothing is cut. Only closed ones count:
    a trace that stops in the middle of a formula still has steps."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        self._closers: dict[str, int] = {}
        if end - start <= LONG_STEP and BLANK.search(text, start, end) is None:
            return
        fences = [(m.start(), m.end(), m[1]) for m in FENCE.finditer(text, start, end)]
        longest = _longest_after(fences)
        position, looked = start, 0
        while looked < MOST_GUARDS and (found := GUARD.search(text, position, end)):
            looked += 1
            if found["fence"]:
                close = _closing_fence(fences, longest, found.end(), found["fence"])
            else:
                closer = _closer(found)
                close = self._find(text, closer, found.end(), end)
                close = close + len(closer) if 0 <= close - found.end() <= LONGEST_FORMULA else -1
            if close >= 0:
                self.starts.append(found.start())
                self.ends.append(close)
            position = max(close, found.end())

    def hold(self, position: int) -> int:
        """The end of the guard around `position`, or 0 where cutting is allowed."""
        at = bisect_right(self.starts, position) - 1
        if at >= 0 and self.starts[at] < position < self.ends[at]:
            return self.ends[at]
        return 0

    def _find(self, text: str, closer: str, start: int, end: int) -> int:
        """As str.find; what was found is remembered, so that many openers cost one scan."""
        known = self._closers.get(closer, 0)
        if 0 <= known < start or closer not in self._closers:
            known = self._closers[closer] = text.find(closer, start, end)
        return known


def _closer(found: re.Match[str]) -> str:
    if found["env"]:
        return f"\\end{{{found['env']}}}"
    return "$$" if found["math"] == "$$" else "\\]"


def _longest_after(fences: list[tuple[int, int, str]]) -> list[dict[str, int]]:
    """For each fence line, the longest run of each mark from there on."""
    result: list[dict[str, int]] = [{}] * (len(fences) + 1)
    for at in range(len(fences) - 1, -1, -1):
        mark = fences[at][2]
        best = result[at + 1]
        if len(mark) > best.get(mark[0], 0):
            best = {**best, mark[0]: len(mark)}
        result[at] = best
    return result


def _closing_fence(
    fences: list[tuple[int, int, str]], longest: list[dict[str, int]], start: int, opener: str
) -> int:
    at = bisect_right(fences, (start, -1, ""))
    if longest[at].get(opener[0], 0) < len(opener):
        return -1
    while fences[at][2][0] != opener[0] or len(fences[at][2]) < len(opener):
        at += 1
    return fences[at][1]

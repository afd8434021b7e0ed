"""Where a text's thought ends and its answer begins. The bytes are kept; a split is a view.

Offsets are Unicode code points, half-open. Imports no Django.
"""

import re
from dataclasses import dataclass
from typing import Literal

TagState = Literal["well_formed", "open_in_prompt", "unclosed", "no_tags", "separate_field"]

# Opening and closing delimiters seen in published traces, most common first.
DELIMITERS: tuple[tuple[str, str], ...] = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<reasoning>", "</reasoning>"),
    ("<thought>", "</thought>"),
    ("<Thought>", "</Thought>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
)
SOLUTION = re.compile(
    r"^\s*<\|begin_of_solution\|>(.*?)(?:<\|end_of_solution\|>\s*)?$", re.DOTALL
)
QUICK = re.compile(
    "|".join(re.escape(tag) for pair in DELIMITERS for tag in pair)
)


@dataclass(frozen=True, slots=True)
class Split:
    """Spans of the thought and of the answer in `text`, and how they were found.

    `reasoning` and `answer` are (start, end). Without tags the whole text is the answer part
    (`no_tags`); an opened thought that never closes has an empty answer (`unclosed`).
    """

    state: TagState
    rule: str
    reasoning: tuple[int, int]
    answer: tuple[int, int]


def split_thought(text: str, *, opened_in_prompt: bool = False) -> Split:
    """Find the thought in `text`.

    `opened_in_prompt` says that the chat template ended with the opening tag, so that a text
    without any tag is an unfinished thought rather than an answer.
    """
    size = len(text)
    if QUICK.search(text) is not None:
        for opener, closer in DELIMITERS:
            begin = text.find(opener)
            if begin >= 0 and text[:begin].strip():
                begin = -1 if text.find(closer, 0, begin) >= 0 else begin
            start = begin + len(opener) if begin >= 0 else 0
            end = text.find(closer, start)
            if begin < 0 and end < 0:
                continue
            if end < 0:
                return Split("unclosed", opener, (start, size), (size, size))
            state: TagState = "well_formed" if begin >= 0 else "open_in_prompt"
            rest = end + len(closer)
            solution = SOLUTION.match(text[rest:])
            if solution:
                span = (rest + solution.start(1), rest + solution.end(1))
                return Split(state, opener, (start, end), span)
            return Split(state, opener, (start, end), (rest, size))
    if opened_in_prompt:
        return Split("unclosed", "prompt", (0, size), (size, size))
    return Split("no_tags", "none", (0, 0), (0, size))

"""Where the final answer stands in a text: one ladder for values, one for choices and labels.

Only what stands after the thought is read, and of that the last 4,000 characters. Spans are code
points of the text given. Searches go by `rfind` or bounded patterns: the text is hostile.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from apps.core.thinking import split_thought
from apps.grading.numbers import numbers_in

WINDOW = 4000
LONGEST_PHRASE = 400
TEXT_KINDS = frozenset(
    {"short_text", "label", "choice", "choices", "date_time", "clock", "ratio", "json", "open",
     "translation", "logic_form", "quantity"}
)

ANCHORS = re.compile(
    r"####[ \t]*"
    r"|^[ \t]*A:[ \t]*"
    r"|(?:\bfinal[ \t]+answer|\b(?:the|my|our|correct)[ \t]+(?:\w+[ \t]+)?answer|\banswer)"
    r"[ \t]*(?:\*\*|__)?[ \t]*(?::|\bis\b|\bwould be\b|=|(?=\n))[ \t]*:?[ \t]*(?:\*\*|__)?[ \t]*"
    r"|\b(?:correct[ \t]+)?(?:option|choice)[ \t]+is[ \t]*:?[ \t]*"
    r"|(?:最终)?答案[是为:：][ \t]*[:：]?[ \t]*"
    r"|\b(?:antwort|réponse(?:[ \t]+finale)?|respuesta(?:[ \t]+final)?|resposta(?:[ \t]+final)?"
    r"|risposta(?:[ \t]+finale)?|ответ|odpowiedź|antwoord)[ \t]*(?:\*\*)?[ \t]*"
    r"(?::|\b(?:ist|est|es|é|è|is)\b)[ \t]*:?[ \t]*(?:\*\*)?[ \t]*",
    re.IGNORECASE | re.MULTILINE,
)
THEREFORE = re.compile(
    r"\b(?:therefore|thus|hence)\b[^\n]{0,200}?\b(?:is|are|equals)\b[ \t]*:?[ \t]*", re.IGNORECASE
)
JSON_ANSWER = re.compile(
    r'"(?:final_)?answer"\s*:\s*("(?:[^"\\\n]|\\.)*"|-?\d[\d.eE+-]{0,60}|true|false)'
)
FORMULA = re.compile(
    r"\$\$([^$]{1,2000}?)\$\$"
    r"|\\\[(.{1,2000}?)\\\]"
    r"|\\\(([^\n]{1,1000}?)\\\)"
    r"|(?<![\\$])\$(?![\s$])([^$\n]{0,1000}?[^\s$\\])\$(?![\d$])",
    re.DOTALL,
)
SENTENCE_END = re.compile(r"\.(?=\s+[A-Z\"(])")
LETTER = re.compile(
    r"(?:(?:option|choice|answer)\s+)?[\(\[（]?\s*([A-Z])\s*[\)\]）]?(?:\s*[.:,)、]|\s*$)",
    re.IGNORECASE,
)
FULL_WIDTH = str.maketrans({chr(0xFF21 + i): chr(65 + i) for i in range(26)})


@dataclass(frozen=True, slots=True)
class Extracted:
    """An answer's text, its span in the text given, and the rung that found it. `weak` rungs are
    guesses by position. `other` is the last but one box when it says something else."""

    text: str
    span: tuple[int, int]
    rung: str
    weak: bool = False
    other: str = ""


def answer_window(text: str) -> tuple[str, int]:
    """The last 4,000 characters of what stands after the thought, and where they begin."""
    start, end = split_thought(text).answer
    start = max(start, end - WINDOW)
    return text[start:end], start


def extract(text: str, kind: str = "") -> Extracted | None:
    """The final answer of `text` for an answer of this kind; None where no rung finds one."""
    window, offset = answer_window(text)
    if not window.strip():
        return None
    for found in candidates(window, kind):
        start, end = found.span
        return Extracted(
            found.text, (start + offset, end + offset), found.rung, found.weak, found.other
        )
    return None


def candidates(window: str, kind: str = "") -> Iterator[Extracted]:
    """Every rung's find in `window`, best first, spans within the window."""
    yield from _tagged(window)
    yield from _boxed(window)
    yield from _anchored(window)
    if kind in TEXT_KINDS:
        yield from _last_line(window)
        return
    yield from _formula(window)
    yield from _last_number(window)


def boxes(window: str) -> list[tuple[int, int]]:
    """Spans of what stands in each box with balanced braces, left to right."""
    spans = []
    for found in re.finditer(r"\\f?boxed\s*\{|\\fbox\s*\{", window):
        depth = 1
        for at in range(found.end(), len(window)):
            if window[at] == "{" and window[at - 1] != "\\":
                depth += 1
            elif window[at] == "}" and window[at - 1] != "\\":
                depth -= 1
                if depth == 0:
                    spans.append((found.end(), at))
                    break
        if len(spans) > 200:
            spans = spans[-2:]
    return spans


def _find(window: str, start: int, end: int, rung: str, **more: object) -> Iterator[Extracted]:
    """The find with white space, list marks and bold marks trimmed; nothing if nothing is left."""
    piece = window[start:end]
    left = len(piece) - len(piece.lstrip(" \t\r\n:*_"))
    right = len(piece.rstrip(" \t\r\n*_"))
    if left < right:
        span = (start + left, start + right)
        yield Extracted(window[slice(*span)], span, rung, **more)  # type: ignore[arg-type]


def _last(pattern: re.Pattern[str], window: str) -> re.Match[str] | None:
    return next(reversed(list(pattern.finditer(window))), None)


def _tagged(window: str) -> Iterator[Extracted]:
    end = window.rfind("</answer>")
    start = window.rfind("<answer>", 0, end) if end >= 0 else -1
    if start >= 0:
        inside = [(s + start + 8, e + start + 8) for s, e in boxes(window[start + 8 : end])]
        yield from _find(window, *(inside[-1] if inside else (start + 8, end)), "tag")
    found = _last(JSON_ANSWER, window)
    if found is not None:
        start, end = found.span(1)
        if found[1].startswith('"'):
            start, end = start + 1, end - 1
        yield from _find(window, start, end, "json")


def _boxed(window: str) -> Iterator[Extracted]:
    spans = [span for span in boxes(window) if window[slice(*span)].strip()]
    if spans:
        last = window[slice(*spans[-1])].strip()
        before = window[slice(*spans[-2])].strip() if len(spans) > 1 else ""
        # A box within the last one is part of it.
        inside = len(spans) > 1 and spans[-2][1] > spans[-1][0]
        other = "" if inside or before == last else before
        yield from _find(window, *spans[-1], "boxed", other=other)


def _anchored(window: str) -> Iterator[Extracted]:
    for pattern, rung in ((ANCHORS, "anchored"), (THEREFORE, "therefore")):
        for found in reversed(list(pattern.finditer(window))):
            start = found.end()
            end = _line_end(window, start)
            if not window[start:end].strip(" \t\r*_:#"):
                # «Final answer:» alone: the next line that is not blank.
                start = end + (len(window[end:]) - len(window[end:].lstrip()))
                end = _line_end(window, start)
            phrase = window[start:end]
            stop = SENTENCE_END.search(phrase)
            if stop is not None:
                end = start + stop.start()
            if formula := FORMULA.match(window, start, end):
                rest = window[formula.end() : end].strip(" \t.*_")
                if not rest:
                    end = formula.end()
            finds = list(_find(window, start, min(end, start + LONGEST_PHRASE), rung))
            if finds:
                yield from finds
                break


def _line_end(window: str, start: int) -> int:
    end = window.find("\n", start)
    if window.startswith(("$$", "\\["), start):
        closer = "$$" if window[start] == "$" else "\\]"
        closed = window.find(closer, start + 2)
        return closed + 2 if closed >= 0 else len(window)
    return len(window) if end < 0 else end


def _formula(window: str) -> Iterator[Extracted]:
    found = _last(FORMULA, window)
    if found is not None and found.lastindex is not None:
        yield from _find(window, *found.span(found.lastindex), "formula", weak=True)


def _last_number(window: str) -> Iterator[Extracted]:
    start, end = last_line(window)
    spans = numbers_in(window[start:end])
    if spans:
        first, last = spans[-1]
        yield from _find(window, start + first, start + last, "last-number", weak=True)


def _last_line(window: str) -> Iterator[Extracted]:
    start, end = last_line(window)
    yield from _find(window, start, end, "last-line", weak=True)


def last_line(window: str) -> tuple[int, int]:
    """Span of the last line that is not blank."""
    end = len(window.rstrip())
    return window.rfind("\n", 0, end) + 1, end


def letter_of(text: str, options: int) -> str | None:
    """The option letter that `text` is (`C`, `(C)`, `C.`, `**C**`, «option C», full width, or
    followed by the option's text after a mark); None for a letter beyond the options or prose."""
    text = text.translate(FULL_WIDTH).replace("\\text", "").replace("\\mathrm", "")
    text = text.replace("\\textbf", "").strip().strip("*_$`{}\\ \t").strip()
    found = LETTER.match(text)
    if found is None or not found[1].isascii():
        return None
    letter = found[1]
    marked = found[0].strip() != letter and not letter.islower()
    if not marked and len(text.rstrip(".*_")) > 1 and found[0].strip().lower() != text.lower():
        return None
    letter = letter.upper()
    return letter if ord(letter) - 65 < options else None


def extract_choice(text: str, choices: Sequence[str] = ()) -> Extracted | None:
    """The chosen option: `text` of the result is its letter (see section choices). Rungs: tag or
    box, anchored phrase, a last line that is only a letter, unique option text."""
    window, offset = answer_window(text)
    options = len(choices) or 10
    for found in candidates(window, "choice"):
        letter = letter_of(found.text, options)
        rung = found.rung
        # A line that merely starts with a letter is prose unless nothing else stands in it.
        if rung == "last-line" and len(found.text.strip("*_$().[]{} \t")) > 1:
            letter = None
        weak = False
        if letter is None and choices:
            letter = option_of(found.text, choices)
            rung, weak = f"{rung}/option-text", found.rung == "last-line"
        if letter is None and rung == "anchored":
            letter = _parenthesised(found.text, options)
        if letter is not None:
            start, end = found.span
            return Extracted(letter, (start + offset, end + offset), rung, weak, found.other)
    return None


def extract_choices(text: str, choices: Sequence[str] = ()) -> Extracted | None:
    """Several chosen options: the letters, sorted and joined by commas."""
    window, offset = answer_window(text)
    options = len(choices) or 10
    for found in candidates(window, "choices"):
        bare = re.sub(r"\\text|\\mathrm|\band\b|[\s,;、&()\[\]{}.*$]+", " ", found.text).split()
        if len(bare) == 1 and bare[0].isalpha() and bare[0].isupper():
            bare = list(bare[0])
        letters = {letter_of(piece, options) for piece in bare}
        if letters and None not in letters:
            start, end = found.span
            named = ",".join(sorted(letter for letter in letters if letter))
            return Extracted(named, (start + offset, end + offset), found.rung)
    return None


def _parenthesised(phrase: str, options: int) -> str | None:
    named = {
        letter for letter in re.findall(r"[\(（]([A-Z])[\)）]", phrase.translate(FULL_WIDTH))
        if ord(letter) - 65 < options
    }
    return named.pop() if len(named) == 1 else None


def option_of(text: str, choices: Iterable[str]) -> str | None:
    """The letter of the only option whose text `text` is: at least 95 alike after normalising,
    and 10 ahead of the runner-up."""
    from rapidfuzz import fuzz

    from apps.grading.fast import normal_text

    said = normal_text(text)[:LONGEST_PHRASE]
    if not said:
        return None
    marks = sorted(
        ((fuzz.ratio(said, normal_text(option)), index) for index, option in enumerate(choices)),
        reverse=True,
    )
    if marks and marks[0][0] >= 95 and (len(marks) == 1 or marks[0][0] - marks[1][0] >= 10):
        return chr(65 + marks[0][1])
    return None

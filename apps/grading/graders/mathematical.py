"""Symbolic equality of the final answer. The engine (math-verify on sympy) is imported lazily and
only ever runs in a child process, in its main thread, because it protects itself with alarms."""

import re
from typing import Any

from apps.grading.base import Check, CheckParams, CheckResult, ReferenceAnswer, Verdict, graders
from apps.grading.extraction import Extracted, extract
from apps.grading.fast import COLLECTIONS, check_fast, kind_of, no_answer, two_boxes
from apps.grading.limits import too_large
from apps.grading.numbers import ASSIGNED, tidy

SECONDS = 2
LARGEST_FACTORIAL = 5000
FUNCTIONS = re.compile(
    r"(?<![\\A-Za-z])(arcsin|arccos|arctan|sinh|cosh|tanh|sin|cos|tan|cot|sec|csc|log|ln|exp)"
    r"(?![A-Za-z])"
)
ROOT = re.compile(r"(?<![\\A-Za-z])sqrt\s*\(([^()]{1,200})\)|√\s*\(([^()]{1,200})\)|√\s*(\w+)")
GREEK = re.compile(r"(?<![\\A-Za-z])(pi|theta|alpha|beta|infinity)(?![A-Za-z])")
E_NOTATION = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)[eE]([+-]?\d{1,4})(?![\w.])")
FACTORIAL = re.compile(r"(\d+)\s*[)}]*\s*!")
ENVIRONMENT = re.compile(r"\\(?:begin|end)\s*\{\w{1,20}\}")
PROSE = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{4,}")


@graders.register("mathematical")
class Mathematical(Check):
    """Equal as mathematics: numbers, fractions, formulas, sets, intervals, matrices, equations."""

    version = 1

    def quick(self, gold: ReferenceAnswer, text: str, params: CheckParams) -> CheckResult | None:
        """What needs no algebra; also the inputs that are too large to be read at all."""
        result = check_fast(gold, text)
        if result is not None:
            return result
        found = extract(text, kind_of(gold))
        if found is None:
            return no_answer(gold)
        if reason := too_large(found.text):
            return _answer(Verdict.NEEDS_HUMAN, found, "limit", gold.value, "", reason)
        if reason := too_large(gold.value):
            return _answer(Verdict.GOLD_UNPARSED, found, "limit", "", "", reason)
        return None

    def check(self, gold: ReferenceAnswer, text: str, params: CheckParams) -> CheckResult:
        """Decide with algebra what `quick` leaves open. Takes seconds at worst; main thread."""
        result = self.quick(gold, text, params)
        if result is not None:
            return result
        kind = kind_of(gold)
        found = extract(text, kind)
        assert found is not None
        return _compare(gold, found, kind)


def _answer(
    verdict: Verdict, found: Extracted, rule: str, gold: Any, said: Any, why: str = ""
) -> CheckResult:
    return CheckResult(
        verdict, found.text, found.span, f"{found.rung}/{rule}", found.weak,
        _shown(gold), _shown(said), why,
    )


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value[:400]
    if isinstance(value, list):
        value = next((item for item in value if not isinstance(item, str)), "")
    try:
        return str(value)[:400]
    except (ValueError, RecursionError, TypeError, AttributeError):
        return type(value).__name__


def _compare(gold: ReferenceAnswer, found: Extracted, kind: str) -> CheckResult:
    """Every accepted gold in turn; the first that is equal decides."""
    from math_verify.errors import TimeoutException

    try:
        if found.other and kind not in COLLECTIONS:
            return two_boxes(gold, found)
        first: CheckResult | None = None
        for value in (gold.value, *gold.accepted):
            result = _compare_one(value, gold, found, kind)
            first = first or result
            if result.verdict == Verdict.CORRECT:
                return result
        assert first is not None
        return first
    except TimeoutException:
        return _answer(
            Verdict.TIMED_OUT, found, "symbolic", gold.value, "", f"No decision in {SECONDS} s."
        )
    except (MemoryError, RecursionError) as error:
        return _answer(
            Verdict.TIMED_OUT, found, "symbolic", gold.value, "",
            f"The comparison needs too much: {type(error).__name__}.",
        )


def _compare_one(
    value: str, gold: ReferenceAnswer, found: Extracted, kind: str
) -> CheckResult:
    wanted_text, said_text = clean(value), clean(found.text)
    wanted = parse(wanted_text)
    if wanted is None:
        return _answer(
            Verdict.GOLD_UNPARSED, found, "symbolic", "", "", "The reference answer was not read."
        )
    if _prose(said_text) and not _prose(wanted_text):
        return _answer(
            Verdict.ANSWER_UNPARSED, found, "symbolic", wanted, "", "The answer holds prose."
        )
    said = parse(said_text)
    if said is None:
        return _answer(
            Verdict.ANSWER_UNPARSED, found, "symbolic", wanted, "", "The answer was not read."
        )
    if reason := _different_kind(wanted_text, said_text, kind, gold.details):
        return _answer(Verdict.INCORRECT, found, "kind", wanted, said, reason)
    equal = verify(wanted, said)
    if isinstance(equal, str):
        return _answer(Verdict.ERROR, found, "symbolic", wanted, said, equal)
    if equal and (FACTORIAL.search(wanted_text) or FACTORIAL.search(said_text)):
        return _factorials(found, wanted_text, said_text, wanted, said)
    if equal and exactly_different(wanted, said):
        return _answer(Verdict.INCORRECT, found, "exact", wanted, said, "Close, but not equal.")
    verdict = Verdict.CORRECT if equal else Verdict.INCORRECT
    return _answer(verdict, found, "symbolic", wanted, said)


def _prose(text: str) -> bool:
    return PROSE.search(ENVIRONMENT.sub(" ", text)) is not None


def clean(text: str) -> str:
    """A formula in the spelling that the engine reads: no marks around it, no doubled
    backslashes before commands, function names as commands, E-notation as a power of ten."""
    if "matrix" not in text and "array" not in text:
        text = re.sub(r"\\\\(?=[A-Za-z])", r"\\", text)
    text = tidy(text)
    for sign in ("\\approx", "≈"):
        head, found, _ = text.partition(sign)
        text = head if found and head.strip() else text
    text = E_NOTATION.sub(r"\1 \\times 10^{\2}", text)
    text = FUNCTIONS.sub(r"\\\1", text)
    text = ROOT.sub(lambda m: f"\\sqrt{{{m[1] or m[2] or m[3]}}}", text)
    text = GREEK.sub(lambda m: "\\infty " if m[1] == "infinity" else f"\\{m[1]} ", text)
    text = text.replace("π", "\\pi ").replace("∞", "\\infty ").replace("**", "^")
    found = ASSIGNED.match(text)
    values = text[found.end() :].strip() if found else ""
    if "," in values and values[0] not in "([":
        # «n = 1, 2, 3»: the engine compares only the first of such a list.
        text = values
    return text.strip()


def parse(text: str) -> list[Any] | None:
    """The engine's reading of one formula; None if there is none. Raises its TimeoutException."""
    from math_verify import ExprExtractionConfig, LatexExtractionConfig
    from math_verify import parse as engine_parse

    try:
        found = engine_parse(
            f"${text}$",
            extraction_config=[LatexExtractionConfig(), ExprExtractionConfig()],
            parsing_timeout=SECONDS,
            raise_on_error=True,
        )
    except (MemoryError, RecursionError):
        raise
    except Exception:  # a boundary: a parser generated from a grammar raises anything
        return None
    return found if any(not isinstance(item, str) for item in found) else None


def verify(wanted: list[Any], said: list[Any]) -> bool | str:
    """Whether the engine finds them equal, gold first; a sentence where it breaks."""
    from math_verify import verify as engine_verify

    try:
        return bool(
            engine_verify(wanted, said, strict=True, timeout_seconds=SECONDS, raise_on_error=True)
        )
    except (MemoryError, RecursionError):
        raise
    except Exception as error:  # a boundary: the engine meets expressions nobody foresaw
        return f"The comparison broke: {type(error).__name__}."


def exactly_different(wanted: list[Any], said: list[Any]) -> bool:
    """Whether both are rational numbers and not the same one: the engine rounds, this does not.
    Floats are left to its rounding."""
    from sympy import Float, Rational

    values = []
    for item in (wanted[0], said[0]):
        doit = getattr(item, "doit", None)
        if doit is None or not getattr(item, "is_number", False) or item.has(Float):
            return False
        value = doit()
        if not isinstance(value, Rational):
            return False
        values.append(value)
    return values[0] != values[1]


def _factorials(
    found: Extracted, wanted_text: str, said_text: str, wanted: list[Any], said: list[Any]
) -> CheckResult:
    """Factorials are compared exactly, or not at all: the engine's floats underflow."""
    both = f"{wanted_text} {said_text}"
    largest = max(int(digits[:9]) for digits in FACTORIAL.findall(both))
    if largest <= LARGEST_FACTORIAL:
        from sympy import Rational

        left, right = wanted[0].doit(), said[0].doit()
        if isinstance(left, Rational) and isinstance(right, Rational):
            verdict = Verdict.CORRECT if left == right else Verdict.INCORRECT
            return _answer(verdict, found, "exact", wanted_text, said_text)
    return _answer(
        Verdict.NEEDS_HUMAN, found, "factorial", wanted_text, said_text,
        "Factorials that cannot be compared exactly.",
    )


def _shape(text: str) -> str:
    """What a formula is by its outer signs: set, round, square, mixed, matrix, relation, list or
    plain."""
    body = text.strip().removesuffix(".")
    found = ASSIGNED.match(body)
    inner = body[found.end() :].strip() if found else body
    first, last = inner[:1], inner[-1:]
    if "matrix" in inner or "\\begin{array}" in inner:
        return "matrix"
    if inner.startswith(("\\{", "\\lbrace")):
        return "set"
    if first in "([" and last in ")]" and first and last and _commas(inner[1:-1]):
        return {"()": "round", "[]": "square"}.get(first + last, "mixed")
    if re.search(r"\\l?eq?\b|\\g?eq?\b|[<>≤≥]|\\in\b|\\cup|\\neq", inner):
        return "relation"
    return "list" if _commas(inner) else "equation" if found else "plain"


def _commas(text: str) -> bool:
    depth = 0
    for sign in text:
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and depth == 0:
            return True
    return False


def _different_kind(wanted: str, said: str, kind: str, details: dict[str, Any]) -> str:
    """A sentence if the two are not the same kind of thing, else «»."""
    left, right = _shape(wanted), _shape(said)
    if {left, right} == {"set", "round"} or {left, right} == {"set", "square"}:
        return "A set is not an ordered tuple or an interval."
    brackets = {"round", "square", "mixed"}
    loose = kind in ("tuple", "list", "vector") and "mixed" not in (left, right)
    if left in brackets and right in brackets and left != right and not loose:
        return "The brackets differ."
    if left in ("equation", "relation") and right == "plain" and (
        details.get("form", "any") != "any"
    ):
        return "The reference answer is an equation, the answer is not."
    signs = [text.count("\\pm") + text.count("±") for text in (wanted, said)]
    if signs[0] != signs[1] and 0 in signs and "list" not in (left, right) and (
        "set" not in (left, right)
    ):
        return "Only one of the two has a plus-minus sign."
    return ""

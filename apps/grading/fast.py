"""Answers that need no symbolic engine: numbers, choices, labels, short texts and their like.

`check_fast` runs in the caller's process, so everything here is bounded by the 4,000 characters
that extraction reads. What it cannot decide it leaves (None) to a child process.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import replace
from fractions import Fraction

from apps.grading.base import CheckResult, ReferenceAnswer, Verdict
from apps.grading.extraction import (
    FORMULA,
    Extracted,
    extract,
    extract_choice,
    extract_choices,
    letter_of,
    option_of,
)
from apps.grading.labels import canonical_label, find_label
from apps.grading.notations import BASED, CLOCK, clock, in_base, ratio
from apps.grading.numbers import (
    ASSIGNED,
    CONVERTIBLE,
    Number,
    number,
    numbers_in,
    plain,
    singular,
    tidy,
)

NUMERIC = frozenset({"integer", "number", "percent", "quantity"})
WORDS_ONLY = re.compile(r"\\(?:text|mathrm|textbf)\s*\{[^{}\d]+\}")
COLLECTIONS = frozenset({"set", "tuple", "list", "interval", "matrix", "vector", "choices"})
UNDECIDABLE = frozenset({"open", "translation", "code", "sql", "logic_form"})
VARIABLE = re.compile(r"(?<![A-Za-z\\])[A-Za-z](?![A-Za-z])")
ARTICLES = frozenset({"a", "an", "the"})
RELATIVE = Fraction(1, 10**6)


def kind_of(gold: ReferenceAnswer) -> str:
    """The declared answer type, corrected where the gold answer's own spelling says more."""
    value = gold.value.strip()
    if gold.kind in ("", "expression", "integer", "number", "short_text"):
        if BASED.fullmatch(tidy(value)):
            return "base_n"
        if gold.kind in ("", "short_text") and CLOCK.fullmatch(value) and ":" in value:
            return "clock"
        found = number(value)
        if found is not None and gold.kind != "short_text":
            return "percent" if found.percent else gold.kind if gold.kind in NUMERIC else "number"
    if gold.kind == "expression" and WORDS_ONLY.fullmatch(value):
        return "short_text"
    if gold.kind:
        return gold.kind
    if gold.choices and letter_of(value, len(gold.choices)):
        return "choice"
    if canonical_label(value) is not None:
        return "label"
    if re.search(r"[\\^_=+*/{}<>|\[\]()]|\d", value):
        return "expression"
    return "short_text"


def check_fast(gold: ReferenceAnswer, text: str) -> CheckResult | None:
    """The verdict where no symbolic engine is needed, else None."""
    kind = kind_of(gold)
    if not gold.value.strip():
        return CheckResult(
            Verdict.GOLD_UNPARSED, method=kind, rationale="The reference answer is empty."
        )
    if kind in ("choice", "choices"):
        return _check_choice(gold, text, kind)
    if kind == "label":
        return _check_label(gold, text)
    found = extract(text, kind)
    if found is None:
        return no_answer(gold)
    result = compare(gold, found, kind)
    if result is None or not found.other or kind in COLLECTIONS:
        return result
    second = compare(gold, replace(found, text=found.other, other=""), kind)
    if second is not None and second.answer_parsed == result.answer_parsed:
        return result
    return two_boxes(gold, found)


def two_boxes(gold: ReferenceAnswer, found: Extracted) -> CheckResult:
    """Two boxes that say different things where one value is wanted: a person decides."""
    return _result(
        Verdict.NEEDS_HUMAN, found, "two-boxes", gold.value, found.text,
        f"The last two boxes differ: «{found.other[:80]}» and «{found.text[:80]}».",
    )


def no_answer(gold: ReferenceAnswer) -> CheckResult:
    """Nothing stands after the thought that could be an answer."""
    return CheckResult(
        Verdict.NO_ANSWER, method="extraction", gold_parsed=gold.value,
        rationale="No final answer was found after the thought.",
    )


def compare(gold: ReferenceAnswer, found: Extracted, kind: str) -> CheckResult | None:
    """Compare what was extracted with the gold answer; None if only a symbolic engine can."""
    if kind in NUMERIC:
        return _check_number(gold, found, kind)
    rule = RULES.get(kind)
    if rule is not None:
        return rule(gold, found)
    if normal_math(found.text) == normal_math(gold.value):
        return _result(Verdict.CORRECT, found, "same-text", gold.value, found.text)
    if kind in UNDECIDABLE:
        return _result(
            Verdict.NEEDS_HUMAN, found, kind, gold.value, found.text,
            f"Answers of the kind «{kind}» are decided by a judge or a person.",
        )
    return None


def normal_text(text: str) -> str:
    """Letters and digits only, in Unicode form NFKC, case folded, without English articles."""
    text = unicodedata.normalize("NFKC", text).casefold()
    words = re.findall(r"\w+", text)
    return " ".join(word for word in words if word not in ARTICLES) or " ".join(words)


def normal_math(text: str) -> str:
    """A formula's text without spaces and spellings that never change its meaning."""
    return re.sub(r"\s+", "", tidy(text))


def read_number(found: Extracted) -> Number | None:
    """The number an extracted phrase states: the phrase itself, the last formula in it, what
    stands after its last equals sign, or the only number in its words."""
    whole = number(found.text)
    if whole is not None:
        return whole
    formulas = [piece[piece.lastindex or 0] for piece in FORMULA.finditer(found.text)]
    if formulas:
        return number(formulas[-1].rpartition("=")[2] or formulas[-1])
    if "\\approx" in found.text or "≈" in found.text:
        return None
    head, equals, tail = found.text.rpartition("=")
    # «4 + 3 = 7» and «A = bh = 7» state a number; «x + y = 0» is an equation.
    stated = equals and not head.endswith(tuple("<>≤≥!:"))
    if stated and (ASSIGNED.match(head) or not VARIABLE.search(head)):
        last = number(tail)
        if last is not None:
            return last
    if found.rung not in ("anchored", "therefore", "tag"):
        return None
    bare = found.text.replace("\\$", "$").replace("\\%", "%")
    if re.search(r"[\\^_{}√π]|[A-Za-z]\d|\d[A-Za-z(]|[*/+<>]|\s-\s|\bpi\b|\bsqrt\b", bare):
        return None
    values = {bare[slice(*span)] for span in numbers_in(bare)}
    return number(values.pop()) if len(values) == 1 else None


def same_number(gold: Number, said: Number, kind: str, details: dict) -> bool:
    """Whether two numbers are equal by the rule of their answer type."""
    wanted, value = gold.value, said.value
    if kind == "percent":
        if details.get("accept_fraction") and not said.percent and value * 100 == wanted:
            return True
    elif said.percent != gold.percent:
        return False
    if wanted == value:
        return True
    if kind == "integer" and wanted.denominator == 1:
        return False
    distance = abs(wanted - value)
    given = [details[name] for name in ("tol_abs", "tol_rel") if details.get(name) is not None]
    if given:
        absolute = plain(str(details.get("tol_abs") or 0))
        return distance <= max(absolute, plain(str(details.get("tol_rel") or 0)) * abs(wanted))
    if gold.decimals is not None:
        return distance <= Fraction(1, 2 * 10**gold.decimals)
    if details.get("accept_rounded") and said.decimals:
        return distance <= Fraction(1, 2 * 10**said.decimals)
    if wanted.denominator == 1 and value.denominator == 1:
        return False
    return distance < RELATIVE * abs(wanted)


def same_unit(gold: str, said: str) -> Fraction | None:
    """The factor from the answer's unit to the gold's: 1 for equal or no unit, None if the two
    do not go together."""
    wanted, given = singular(gold), singular(said)
    if not given or wanted == given:
        return Fraction(1)
    if wanted in CONVERTIBLE and given in CONVERTIBLE:
        (dimension, size), (other, other_size) = CONVERTIBLE[wanted], CONVERTIBLE[given]
        if dimension == other:
            return other_size / size
    return None


def _result(
    verdict: Verdict, found: Extracted, rule: str, gold: str, answer: str, why: str = ""
) -> CheckResult:
    return CheckResult(
        verdict, found.text, found.span, f"{found.rung}/{rule}", found.weak, gold, answer, why
    )


def _decide(equal: bool) -> Verdict:
    return Verdict.CORRECT if equal else Verdict.INCORRECT


def _check_number(gold: ReferenceAnswer, found: Extracted, kind: str) -> CheckResult | None:
    said = read_number(found)
    unit = str(gold.details.get("unit") or "")
    unread = True
    for value in (gold.value, *gold.accepted):
        wanted = number(value)
        if wanted is None:
            continue
        unread = False
        if said is None:
            continue
        factor = same_unit(unit or wanted.unit, said.unit) if unit or wanted.unit else Fraction(1)
        shown = f"{said}"
        if factor is None:
            return _result(
                Verdict.INCORRECT, found, "unit", str(wanted), shown, "The units differ."
            )
        form = gold.details.get("form", "any")
        if form == "reduced" and not said.reduced:
            return _result(
                Verdict.INCORRECT, found, "form", str(wanted), shown, "Not in lowest terms."
            )
        if form == "exact" and normal_math(found.text) != normal_math(value):
            continue
        if same_number(wanted, replace(said, value=said.value * factor), kind, gold.details):
            return _result(Verdict.CORRECT, found, kind, str(wanted), shown)
    if unread or said is None:
        return None
    return _result(Verdict.INCORRECT, found, kind, str(number(gold.value) or gold.value), str(said))


def _check_choice(gold: ReferenceAnswer, text: str, kind: str) -> CheckResult:
    options = len(gold.choices) or 10
    if kind == "choices":
        wanted = extract_choices(f"\\boxed{{{gold.value}}}", gold.choices)
        label = wanted.text if wanted else None
        found = extract_choices(text, gold.choices)
    else:
        label = letter_of(gold.value, options) or option_of(gold.value, gold.choices)
        found = extract_choice(text, gold.choices)
    if label is None:
        return CheckResult(
            Verdict.GOLD_UNPARSED, method=kind, gold_parsed=gold.value,
            rationale="The reference answer is none of the problem's choices.",
        )
    if found is None:
        return replace(no_answer(gold), gold_parsed=label, rationale="No choice was named.")
    if found.other and kind == "choice":
        other = letter_of(found.other, options) or option_of(found.other, gold.choices)
        if other != found.text:
            return two_boxes(gold, found)
    said = replace(found, text=text[slice(*found.span)])
    return _result(_decide(found.text == label), said, kind, label, found.text)


def _check_label(gold: ReferenceAnswer, text: str) -> CheckResult:
    table = gold.details.get("labels")
    wanted = canonical_label(gold.value, table)
    if wanted is None:
        wanted, table = normal_text(gold.value), [gold.value, *gold.accepted]
    found = extract(text, "label")
    if found is None:
        return no_answer(gold)
    said = find_label(found.text, wanted, table)
    if said is None:
        return _result(
            Verdict.ANSWER_UNPARSED, found, "label", wanted, "", "None of the labels was named."
        )
    return _result(_decide(said == wanted), found, "label", wanted, said)


def _check_text(gold: ReferenceAnswer, found: Extracted) -> CheckResult:
    said = normal_text(tidy(found.text))
    golds = [normal_text(tidy(value)) for value in (gold.value, *gold.accepted)]
    case = gold.details.get("case_sensitive")
    if case:
        same = tidy(found.text) in {tidy(value) for value in (gold.value, *gold.accepted)}
    else:
        same = said in golds or (said == "" and tidy(found.text) == tidy(gold.value))
    if same:
        return _result(Verdict.CORRECT, found, "text", golds[0], said)
    if not case and any(f" {value} " in f" {said} " for value in golds if value):
        return _result(
            Verdict.NEEDS_HUMAN, found, "text", golds[0], said,
            "The reference answer stands within a longer answer.",
        )
    overlap = f"Words in common: F1 {word_f1(golds[0], said):.2f}."
    return _result(Verdict.INCORRECT, found, "text", golds[0], said, overlap)


def word_f1(gold: str, said: str) -> float:
    """Harmonic mean of precision and recall over the words of two normalised texts."""
    wanted, given = gold.split(), said.split()
    common = sum(min(wanted.count(word), given.count(word)) for word in set(wanted))
    return 2 * common / (len(wanted) + len(given)) if common else 0.0


def _check_parsed(
    rule: str, read: Callable[[str], str | None]
) -> Callable[[ReferenceAnswer, Extracted], CheckResult]:
    def check(gold: ReferenceAnswer, found: Extracted) -> CheckResult:
        wanted = [value for value in map(read, _golds(gold)) if value is not None]
        said = read(found.text)
        if not wanted:
            return _result(Verdict.GOLD_UNPARSED, found, rule, "", said or "")
        if said is None:
            return _result(Verdict.ANSWER_UNPARSED, found, rule, wanted[0], "")
        return _result(_decide(said in wanted), found, rule, wanted[0], said)

    return check


def _golds(gold: ReferenceAnswer) -> Iterable[str]:
    return (gold.value, *gold.accepted)


def _check_base(gold: ReferenceAnswer, found: Extracted) -> CheckResult:
    wanted = BASED.fullmatch(tidy(gold.value))
    base = int(gold.details.get("base") or (wanted[2] if wanted else 0))
    digits = wanted[1] if wanted else tidy(gold.value)
    value = in_base(digits, base)
    if value is None:
        return _result(Verdict.GOLD_UNPARSED, found, "base", "", "")
    shown = f"{digits} in base {base} = {value}"
    text = tidy(found.text)
    said = BASED.search(text)
    if said is not None:
        given = in_base(said[1], int(said[2]))
        if given is None:
            return _result(Verdict.ANSWER_UNPARSED, found, "base", shown, "")
        parsed = f"{said[1]} in base {said[2]} = {given}"
        return _result(_decide(given == value), found, "base", shown, parsed)
    # Without a base: the same digits, or the value in base ten.
    plain_value = number(text)
    same = text.casefold().lstrip("0") == digits.casefold().lstrip("0")
    same = same or (plain_value is not None and plain_value.value == value)
    if not same and plain_value is None and in_base(text, base) is None:
        return _result(Verdict.ANSWER_UNPARSED, found, "base", shown, "")
    return _result(_decide(same), found, "base", shown, text)


def _check_date(gold: ReferenceAnswer, found: Extracted) -> CheckResult:
    said, wanted = tidy(found.text), tidy(gold.value)
    if normal_text(said) == normal_text(wanted):
        return _result(Verdict.CORRECT, found, "date", wanted, said)
    iso = r"\d{4}(-\d{2}){0,2}([T ]\d{2}:\d{2}.*)?"
    if re.fullmatch(iso, said) and re.fullmatch(iso, wanted):
        return _result(_decide(said.startswith(wanted)), found, "date", wanted, said)
    return _result(
        Verdict.NEEDS_HUMAN, found, "date", wanted, said, "The dates are written differently."
    )


def _check_json(gold: ReferenceAnswer, found: Extracted) -> CheckResult:
    try:
        wanted = json.loads(gold.value)
    except (ValueError, RecursionError):
        return _result(Verdict.GOLD_UNPARSED, found, "json", "", "")
    try:
        said = json.loads(found.text)
    except (ValueError, RecursionError):
        return _result(Verdict.ANSWER_UNPARSED, found, "json", gold.value, "")
    return _result(_decide(said == wanted), found, "json", gold.value, found.text)


RULES: dict[str, Callable[[ReferenceAnswer, Extracted], CheckResult]] = {
    "short_text": _check_text,
    "clock": _check_parsed("clock", clock),
    "ratio": _check_parsed("ratio", ratio),
    "base_n": _check_base,
    "date_time": _check_date,
    "json": _check_json,
}

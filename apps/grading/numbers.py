"""Numbers as people and models write them, read exactly: no symbolic engine, no floats."""

# ruff: noqa: SIM905 (tables of words read better as one line)

import re
from dataclasses import dataclass
from fractions import Fraction

LONGEST = 300
LARGEST_POWER = 400

UNITS_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
TENS_WORDS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
WORDS = {word: value for value, word in enumerate(UNITS_WORDS)}
for _ten, _word in enumerate(TENS_WORDS, start=2):
    WORDS[_word] = _ten * 10
    for _one in range(1, 10):
        for _join in "- ":
            WORDS[f"{_word}{_join}{UNITS_WORDS[_one]}"] = _ten * 10 + _one
WORDS |= {"hundred": 100, "one hundred": 100, "a hundred": 100}
MULTIPLIERS = {
    "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12,
}
# After a number these words make another number of it, or a formula: not a unit.
NOT_UNITS = frozenset(
    "pi sqrt sin cos tan log ln exp theta alpha beta i e x y z n half halves third thirds quarter "
    "quarters fifth fifths sixth sixths tenth tenths dozen and or to plus minus times over not "
    "factorial mod squared cubed infinity".split()
)
# Units that may touch their number, with dimension and size in the first of its row.
CONVERTIBLE: dict[str, tuple[str, Fraction]] = {}
for _dimension, _row in {
    "length": "m 1 meter 1 metre 1 km 1000 kilometer 1000 kilometre 1000 cm 1/100 centimeter 1/100 "
    "mm 1/1000 millimeter 1/1000",
    "mass": "kg 1 kilogram 1 g 1/1000 gram 1/1000 mg 1/1000000 milligram 1/1000000",
    "time": "s 1 sec 1 second 1 min 60 minute 60 h 3600 hr 3600 hour 3600 day 86400 week 604800",
    "volume": "l 1 liter 1 litre 1 ml 1/1000 milliliter 1/1000 millilitre 1/1000",
    "money": "dollar 1 usd 1 cent 1/100 ¢ 1/100",
}.items():
    _parts = _row.split()
    for _name, _size in zip(_parts[::2], _parts[1::2], strict=True):
        CONVERTIBLE[_name] = (_dimension, Fraction(_size))

DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d{1,3}(?:[ \u202f\u00a0]\d{3})+(?!\d)|\d+)"
PLAIN = rf"(?:{DIGITS}(?:\.\d*)?|\.\d+)"
NUMBER = re.compile(rf"[-+]?\s*{PLAIN}(?:[eE][-+]?\d{{1,4}}(?![\w.]))?")
SCIENTIFIC = re.compile(
    rf"([-+]?\s*{PLAIN})\s*(?:\\times|\\cdot|×|·|\*|x)\s*10\s*(?:\^|\*\*)\s*"
    r"(?:\{\s*([-+]?\d{1,4})\s*\}|\(\s*([-+]?\d{1,4})\s*\)|([-+]?\d{1,4}))"
)
POWER_OF_TEN = re.compile(r"([-+]?)\s*10\s*(?:\^|\*\*)\s*(?:\{\s*(-?\d{1,3})\s*\}|(-?\d))")
FRACTION = re.compile(
    rf"([-+]?)\s*(?:(\d+)\s*)?\\frac\s*"
    rf"(?:\{{\s*([-+]?\s*{PLAIN})\s*\}}|(\d))\s*(?:\{{\s*([-+]?\s*{PLAIN})\s*\}}|(\d))"
)
SLASHED = re.compile(rf"([-+]?)\s*(?:(\d+)\s+)?({PLAIN})\s*[/⁄]\s*({PLAIN})")
UNIT = re.compile(r"[A-Za-zµ¢°²³][A-Za-zµ¢°²³.,'’()/ -]{0,60}")
TEXT_COMMAND = re.compile(
    r"\\(?:text|textbf|textrm|mathrm|mathbf|mbox|operatorname)\s*\{([^{}]*)\}"
)
SPACES = re.compile(r"(?<!\\)\\([!,;: ])")
SIDES = re.compile(r"\\(?:left|right)(?![A-Za-z])")
# One name before an equals sign: «x =», «f(2) =», «\angle A =», not an equation's whole side.
ASSIGNED = re.compile(r"^\s*\\?[A-Za-z][A-Za-z0-9_\\{}()' ]{0,40}=(?!=)")
TRANSLATED = str.maketrans(
    {"−": "-", "–": "-", "﹣": "-", "－": "-", "％": "%", "＋": "+", "，": ",", "．": "."}
    | {chr(0xFF10 + digit): str(digit) for digit in range(10)}
    | {"½": " 1/2", "¼": " 1/4", "¾": " 3/4", "\u2009": " "}
)


@dataclass(frozen=True, slots=True)
class Number:
    """A rational number as written: its exact value, how many decimals were shown (None for an
    integer or fraction), whether a percent sign stood by it, its unit words, and whether it was
    spelled as a fraction in lowest terms or as a plain integer."""

    value: Fraction
    decimals: int | None = None
    percent: bool = False
    unit: str = ""
    reduced: bool = True

    def __str__(self) -> str:
        sign = "%" if self.percent else ""
        return f"{self.value}{sign}{' ' + self.unit if self.unit else ''}"


def tidy(text: str) -> str:
    """`text` without the marks around a formula (dollars, boxes, bold, `\\text`), thin spaces
    and a full stop: what two spellings of one value have in common."""
    text = text.translate(TRANSLATED).strip()
    for _ in range(6):
        before = text
        text = text.strip().rstrip(".,;:").strip()
        for opener, closer in (
            ("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"), ("**", "**"), ("__", "__"),
            ("`", "`"), ("*", "*"), ("\u201c", "\u201d"), ('"', '"'), ("{", "}"),
        ):
            inside = text[len(opener) : len(text) - len(closer)]
            if (
                len(text) > len(opener) + len(closer)
                and text.startswith(opener)
                and text.endswith(closer)
                and opener[-1] not in inside
                and closer[-1] not in inside
            ):
                text = inside
        if text.startswith("\\boxed{") and text.endswith("}") and text.count("{") == 1:
            text = text[7:-1]
        if text == before:
            break
    for old, new in (
        ("~", " "), ("{,}", ","), (r"\displaystyle", ""),
        (r"\dfrac", r"\frac"), (r"\tfrac", r"\frac"), (r"\cfrac", r"\frac"),
        (r"\%", "%"), (r"\$", "$"), (r"^\circ", "°"), (r"^{\circ}", "°"),
    ):
        if old in text:
            text = text.replace(old, new)
    if "\\" in text:
        text = SPACES.sub(lambda found: "" if found[1] in "!," else " ", text)
        text = SIDES.sub("", text)
        text = TEXT_COMMAND.sub(r" \1 ", text)
    return text.strip().rstrip("\\").strip()


def number(text: str) -> Number | None:
    """The number that `text` is, or None if it is anything else. Understands signs, thousands
    separators, decimals, E-notation, powers of ten, fractions, mixed numbers, percent, currency
    signs, number words to one hundred, one `name =` before it and unit words behind it."""
    if len(text) > LONGEST:
        return None
    text = tidy(text)
    if (found := ASSIGNED.match(text)) is not None:
        text = tidy(text[found.end() :])
    text = text.strip()
    sign = ""
    if text[:1] in "+-" and text[1:2] in tuple("$€£¥₹"):
        sign, text = text[0], text[1:]
    text = sign + text.lstrip("$€£¥₹ ") if text[:1] in tuple("$€£¥₹") else text
    word, _, rest = text.partition(" ")
    spelled = WORDS.get(text.casefold())
    if spelled is not None:
        return Number(Fraction(spelled))
    if word.casefold() in WORDS and (unit := _unit(" " + rest)) is not None:
        return _with_unit(Number(Fraction(WORDS[word.casefold()])), unit)
    for read in (_scientific, _fraction, _power, _plain):
        found_number = read(text)
        if found_number is not None:
            value, end = found_number
            unit = _unit(text[end:])
            return None if unit is None else _with_unit(value, unit)
    return None


def numbers_in(text: str) -> list[tuple[int, int]]:
    """Spans of the plain numbers in `text`, left to right, each without neighbours that would
    make it part of a word or formula."""
    spans = []
    for found in NUMBER.finditer(text):
        start, end = found.span()
        start += len(found[0]) - len(found[0].lstrip())
        if text[start] in "+-" and start and (text[start - 1].isalnum() or text[start - 1] in ")]"):
            start += 1
        while end > start and text[end - 1] in ".,":
            end -= 1
        before, after = text[start - 1 : start], text[end : end + 1]
        if before.isalpha() or before in ("_", "^", "\\") or after in ("_", "^"):
            continue
        if text[end : end + 1] == "%":
            end += 1
        elif text[end : end + 2] == "\\%":
            end += 2
        spans.append((start, end))
    return spans


def plain(text: str) -> Fraction:
    """The value of a run of digits with separators, sign, decimals and exponent."""
    return Fraction(re.sub(r"[,\s]", "", text).rstrip("."))


def decimals(text: str) -> int | None:
    """How many decimals a plain number shows, its exponent taken into account."""
    mantissa, _, power = text.lower().partition("e")
    if "." not in mantissa:
        return None
    shown = len(mantissa.strip().rpartition(".")[2])
    return max(shown - int(power or 0), 0) if shown else None


def _plain(text: str) -> tuple[Number, int] | None:
    found = NUMBER.match(text)
    if found is None:
        return None
    power = found[0].lower().partition("e")[2]
    if power and abs(int(power)) > LARGEST_POWER:
        return None
    value = plain(found[0])
    shown = decimals(found[0])
    return Number(value, shown, reduced=shown is None and not power), found.end()


def _scientific(text: str) -> tuple[Number, int] | None:
    found = SCIENTIFIC.match(text)
    if found is None:
        return None
    power = int(found[2] or found[3] or found[4])
    if abs(power) > LARGEST_POWER:
        return None
    shown = decimals(found[1])
    left = None if shown is None else shown - power
    value = plain(found[1]) * Fraction(10) ** power
    if left is not None and left <= 0:
        left = None
    return Number(value, left, reduced=False), found.end()


def _power(text: str) -> tuple[Number, int] | None:
    found = POWER_OF_TEN.match(text)
    if found is None:
        return None
    power = int(found[2] or found[3])
    if abs(power) > LARGEST_POWER:
        return None
    value = Fraction(10) ** power
    return Number(-value if found[1] == "-" else value, reduced=False), found.end()


def _fraction(text: str) -> tuple[Number, int] | None:
    found = FRACTION.match(text)
    if found is not None:
        top, bottom = found[3] or found[4], found[5] or found[6]
    else:
        found = SLASHED.match(text)
        if found is None:
            return None
        top, bottom = found[3], found[4]
    numerator, denominator = plain(top), plain(bottom)
    if denominator == 0:
        return None
    whole = int(found[2] or 0)
    value = whole + numerator / denominator
    written = (numerator.denominator, denominator.denominator) == (1, 1)
    lowest = Fraction(numerator, 1) / denominator
    reduced = written and (lowest.numerator, lowest.denominator) == (numerator, denominator)
    return (
        Number(-value if found[1] == "-" else value, reduced=reduced and lowest.denominator > 1),
        found.end(),
    )


def _unit(rest: str) -> tuple[bool, str] | None:
    """(percent, unit words) of what follows a number; None where it is not a unit."""
    percent = False
    spaced = rest[:1].isspace()
    rest = rest.strip()
    if rest.startswith("%"):
        percent, rest = True, rest[1:].strip()
    elif rest.casefold() in ("percent", "per cent", "percents"):
        return True, ""
    if not rest or rest in ("°", "°.", "$", "€", "£"):
        return percent, ""
    if rest[0] == "°" and rest[1:] in ("C", "F"):
        return percent, rest
    if UNIT.fullmatch(rest) is None:
        return None
    words = [word.strip(".,()").casefold() for word in rest.split()]
    if any(word in NOT_UNITS for word in words[:1]) or len(words) > 8:
        return None
    if not spaced and not percent and singular(words[0]) not in CONVERTIBLE:
        return None
    if len(words[0]) == 1 and words[0] not in CONVERTIBLE and words[0] != "a":
        return None
    return percent, rest


def _with_unit(value: Number, unit: tuple[bool, str]) -> Number:
    percent, words = unit
    first, _, rest = words.partition(" ")
    factor = MULTIPLIERS.get(first.casefold())
    if factor is not None:
        return Number(value.value * factor, None, percent, rest, False)
    return Number(value.value, value.decimals, percent, words, value.reduced)


def singular(word: str) -> str:
    """A unit word without case and plural ending."""
    word = word.casefold().strip(".,()")
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-1] if len(word) > 2 and word.endswith("s") and not word.endswith("ss") else word

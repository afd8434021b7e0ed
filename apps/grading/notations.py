"""Times of day, ratios and numbers in other bases, read into one spelling each."""

import re

from apps.grading.numbers import number, tidy

CLOCK = re.compile(r"(\d{1,2})[:.](\d{2})(?::(\d{2}))?\s*([ap])?\.?(?:m\.?)?", re.IGNORECASE)
RATIO = re.compile(r"([\d.,]+)\s*(?::|/|\\colon|\\?to)\s*([\d.,]+)")
BASED = re.compile(r"([0-9A-Za-z]{1,400})_\s*(?:\{\s*)?(\d{1,2})(?:\s*\})?")


def clock(text: str) -> str | None:
    """The time of day in `text` as hh:mm:ss, or None."""
    found = CLOCK.search(tidy(text))
    if found is None:
        return None
    hours, minutes = int(found[1]), int(found[2])
    if found[4]:
        hours = hours % 12 + (12 if found[4].lower() == "p" else 0)
    if hours > 24 or minutes > 59:
        return None
    return f"{hours:02d}:{minutes:02d}:{int(found[3] or 0):02d}"


def ratio(text: str) -> str | None:
    """A ratio in lowest terms as a:b, or None; a lone number is itself to one."""
    found = RATIO.search(tidy(text))
    if found is None:
        whole = number(text)
        return None if whole is None else f"{whole.value.numerator}:{whole.value.denominator}"
    left, right = number(found[1]), number(found[2])
    if left is None or right is None or right.value == 0:
        return None
    value = left.value / right.value
    return f"{value.numerator}:{value.denominator}"


def in_base(digits: str, base: int) -> int | None:
    """The value of `digits` in `base`, or None."""
    try:
        return int(digits, base) if 2 <= base <= 36 else None
    except ValueError:
        return None

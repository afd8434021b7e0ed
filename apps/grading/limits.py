"""What is refused before anything is parsed: a parser may hang on it, a person need not."""

import math
import re

LONGEST = 4000
LONGEST_DIGITS = 1000
DEEPEST = 40
LARGEST_TOWER = 10**6
DIGIT_RUN = re.compile(rf"\d{{{LONGEST_DIGITS + 1}}}")
TOWER = re.compile(
    r"(\d{1,20})[\s)}]{0,8}(?:\^|\*\*)[\s({]{0,8}(\d{1,20})"
    r"[\s)}]{0,8}(?:\^|\*\*)[\s({]{0,8}(\d{1,20})"
)


def too_large(text: str) -> str:
    """A sentence naming the limit that `text` breaks, or «»."""
    if len(text) > LONGEST:
        return f"The answer is longer than {LONGEST:,} characters."
    if DIGIT_RUN.search(text):
        return f"The answer has more than {LONGEST_DIGITS:,} digits in a row."
    depth = deepest = 0
    for sign in text:
        depth += (sign in "([{") - (sign in ")]}")
        deepest = max(deepest, depth)
    if deepest > DEEPEST:
        return f"The answer is nested deeper than {DEEPEST} brackets."
    for found in TOWER.finditer(text):
        low, middle, high = (int(found[group]) for group in (1, 2, 3))
        if low > 1 and middle > 1:
            # Digits of the whole: middle**high * log10(low).
            exponent = high * math.log10(middle)
            if exponent > 6 or 10**exponent * math.log10(low) > LARGEST_TOWER:
                return "The answer holds a tower of powers too large to be computed."
    return ""

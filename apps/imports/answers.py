"""Reference answers: taken out of worked solutions, and their kind guessed. Imports no Django."""

import re

NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(\.\d+)?(?:[eE][-+]?\d+)?")
CHOICE = re.compile(r"\(?[A-Ja-j]\)?\.?")
MATH_SIGN = re.compile(r"[\\^_=+*/{}<>|]|\d\s*-\s*\d|[a-z]\(")
SHORT = 200


def answer_kind_of(answer: str) -> str:
    """A cheap guess: integer, number, choice, expression or short_text; «» for no answer. A
    single letter A–J counts as a choice."""
    text = answer.strip().strip("$").removesuffix("%").strip()
    if not text:
        return ""
    if len(text) <= 64 and (found := NUMBER.fullmatch(text)) and any(c.isdigit() for c in text):
        return "number" if found[1] or "e" in text.lower() else "integer"
    if CHOICE.fullmatch(text):
        return "choice"
    if len(text) <= SHORT and MATH_SIGN.search(text):
        return "expression"
    return "short_text"


def marked_answer(solution: str) -> str | None:
    """What stands after `####` on the last line of a worked solution, without currency signs
    and thousands separators; None without a mark (GSM8K's convention)."""
    line = _last_line(solution)
    place = line.rfind("####")
    return None if place < 0 else plain_number(line[place + 4 :])


def lettered_answer(solution: str) -> str | None:
    """What stands after `A:` on the last line (GSM8K's model solutions); None without it."""
    line = _last_line(solution)
    return plain_number(line[2:]) if line.startswith("A:") else None


def _last_line(text: str) -> str:
    # No pattern: these texts are other people's, and a search that retries would not end.
    text = text.rstrip()
    return text[text.rfind("\n") + 1 :]


def plain_number(text: str) -> str:
    """`text` without `$` and thousands separators when a number is left, as it is otherwise."""
    text = text.strip()
    bare = text.replace(",", "").replace("$", "").strip()
    return bare if bare and len(bare) <= 64 and NUMBER.fullmatch(bare) else text


def boxed_answer(solution: str) -> str | None:
    """What stands in the last `\\boxed{…}` with balanced braces; None without one."""
    place = solution.rfind("\\boxed{")
    if place < 0:
        return None
    start = place + len("\\boxed{")
    depth = 1
    for at in range(start, min(len(solution), start + 4096)):
        if solution[at] == "{":
            depth += 1
        elif solution[at] == "}":
            depth -= 1
            if depth == 0:
                return solution[start:at].strip()
    return None

"""Closed lists of labels with their synonyms: True / False / Unknown, entailment, yes / no."""

import re
from collections.abc import Mapping, Sequence

Table = Mapping[str, Sequence[str]] | Sequence[str] | None

TABLES: tuple[dict[str, tuple[str, ...]], ...] = (
    {
        "true": ("true", "correct", "proved"),
        "false": ("false", "not true", "incorrect", "disproved"),
        "unknown": (
            "unknown", "uncertain", "cannot be determined", "can not be determined",
            "not enough information", "undetermined", "neither", "cannot say",
        ),
    },
    {
        "entailment": ("entailment", "entails", "entailed", "follows", "true"),
        "neutral": ("neutral", "neither", "unknown", "undetermined"),
        "contradiction": ("contradiction", "contradicts", "contradictory", "false"),
    },
    {"yes": ("yes",), "no": ("no",)},
    {
        "supports": ("supports", "supported"),
        "refutes": ("refutes", "refuted"),
        "not enough info": ("not enough info", "not enough information"),
    },
)


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold().replace("_", " ")))


def table_for(gold: str, table: Table = None) -> dict[str, tuple[str, ...]] | None:
    """The list the gold label belongs to: the problem's own (`labels` in its details, names or
    names with synonyms), else the shipped one that has it as a name, else as a synonym."""
    wanted = _plain(gold)
    if table:
        if isinstance(table, Mapping):
            return {_plain(k): (_plain(k), *map(_plain, names)) for k, names in table.items()}
        own = {_plain(str(name)) for name in table}
        for shipped in TABLES:
            if own <= set(shipped):
                return {name: shipped[name] for name in shipped if name in own}
        return {name: (name,) for name in own}
    for shipped in TABLES:
        if wanted in shipped:
            return shipped
    for shipped in TABLES:
        if any(wanted in names for names in shipped.values()):
            return shipped
    return None


def canonical_label(text: str, table: Table = None) -> str | None:
    """The name of the label that the whole `text` is, or None."""
    wanted = _plain(text)
    for name, names in (table_for(text, table) or {}).items():
        if wanted == name or wanted in names:
            return name
    return None


def find_label(text: str, wanted: str, table: Table = None) -> str | None:
    """The label of `wanted`'s list that `text` names: as a whole, up to one typing error, or as
    the only label within it; None where it names none or several."""
    from rapidfuzz.distance import Levenshtein

    said = _plain(re.sub(r"\\(?:text|mathrm|textbf)\b", " ", text))
    labels = table_for(wanted, table) or {}
    for name, names in labels.items():
        if said == name or said in names:
            return name
    close = {
        name
        for name, names in labels.items()
        for known in (name, *names)
        if len(known) >= 4 and Levenshtein.distance(said, known, score_cutoff=1) <= 1
    }
    if len(close) == 1:
        return close.pop()
    spellings = sorted(
        ((known, name) for name, names in labels.items() for known in {name, *names}),
        key=lambda pair: -len(pair[0]),
    )
    rest, named = f" {said} ", set()
    for known, name in spellings:
        if f" {known} " in rest:
            # «not true» is masked before «true» is looked for.
            rest = rest.replace(f" {known} ", " | ")
            named.add(name)
    if " not | " in rest or " n t | " in rest:
        return None
    return named.pop() if len(named) == 1 else None

"""The small language of search boxes, saved selections and scripts: parsed here, once.

`set:gsm8k state:approved verdict:correct tokens:<2000 teacher:r1* -label:draft "exact words"`.
A term is `field:value` with an optional comparison (`<`, `<=`, `>`, `>=`) or a `*` at its end,
`-` in front negates, the rest are words to be found in the text. Imports no Django.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from apps.core.errors import InvalidInput

TERM = re.compile(
    r"""\s*(?P<minus>-)?(?:(?P<field>[a-z][a-z_-]*):(?P<value>"[^"]*"|\S*)|"(?P<phrase>[^"]*)"|(?P<word>\S+))"""
)
COMPARISON = re.compile(r"^(<=|>=|<|>)(.*)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Term:
    """One condition. `operator` is `=`, `<`, `<=`, `>`, `>=` or `prefix`."""

    field: str
    operator: str
    value: str
    negated: bool = False

    def __str__(self) -> str:
        sign = "-" if self.negated else ""
        value = f'"{self.value}"' if " " in self.value else self.value
        operator = {"=": "", "prefix": ""}.get(self.operator, self.operator)
        return f"{sign}{self.field}:{operator}{value}{'*' if self.operator == 'prefix' else ''}"


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter: conditions on fields, and words or phrases wanted in the text."""

    terms: tuple[Term, ...] = ()
    words: tuple[str, ...] = ()
    without_words: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [str(term) for term in self.terms]
        parts += [f'"{w}"' if " " in w else w for w in self.words]
        parts += [f'-"{w}"' for w in self.without_words]
        return " ".join(parts)


def parse_filter(text: str, fields: Mapping[str, str]) -> Filter:
    """Parse `text`; `fields` maps each known field to its type (`text` or `number`).

    InvalidInput names the known fields when one is unknown, and what is wrong otherwise.
    """
    if len(text) > 500:
        raise InvalidInput("A filter has at most 500 characters; save parts of it as sets.")
    terms: list[Term] = []
    words: list[str] = []
    without: list[str] = []
    for match in TERM.finditer(text):
        negated = match["minus"] is not None
        if match["field"] is None:
            word = match["phrase"] if match["phrase"] is not None else match["word"]
            if word:
                (without if negated else words).append(word)
            continue
        field, value = match["field"], match["value"].strip('"')
        if field not in fields:
            known = ", ".join(sorted(fields))
            raise InvalidInput(
                f"There is no field «{field}» to filter by; known are: {known}. "
                "Put words with a colon in quotation marks.",
                code="unknown-field",
            )
        operator = "="
        if comparison := COMPARISON.match(value):
            operator, value = comparison[1], comparison[2]
            if fields[field] != "number":
                raise InvalidInput(f"«{field}» cannot be compared with {operator}; give a value.")
        elif value.endswith("*") and fields[field] == "text":
            operator, value = "prefix", value[:-1]
        if fields[field] == "number" and not value.isdigit():
            raise InvalidInput(f"«{field}» needs a whole number, for instance {field}:<2000.")
        if not value and operator != "prefix":
            raise InvalidInput(f"«{field}:» needs a value; write {field}:none for an empty one.")
        terms.append(Term(field, operator, value, negated))
    return Filter(tuple(terms), tuple(words), tuple(without))

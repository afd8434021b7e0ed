"""What an importer is: a shape recognised by its columns, mapping one record to problems and
their traces. Imports no Django."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from apps.core.registry import Registry

Record = Mapping[str, Any]


class BadRecord(ValueError):
    """This record cannot be used; the message is one clear sentence for the rejects file."""


@dataclass(slots=True)
class TraceRow:
    """One imported trace of a problem. `text` is the whole assistant turn, byte for byte as it
    came; when the thought came in a field of its own, `reasoning` holds it and `text` the rest."""

    text: str
    reasoning: str | None = None
    producer: str = ""
    label: str = ""
    is_correct: bool | None = None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class ProblemRow:
    """One problem as read from a record, with any traces that came beside it. `answer` is the
    reference answer («» when there is none); `rule` says what found it."""

    statement: str
    answer: str = ""
    answer_kind: str = ""
    solution: str = ""
    choices: tuple[str, ...] = ()
    subject: str = ""
    difficulty: str = ""
    source: str = ""
    external_id: str = ""
    rule: str = ""
    traces: list[TraceRow] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)


class Importer(ABC):
    """One published record shape."""

    name: ClassVar[str]
    required: ClassVar[frozenset[str]]
    """Columns that identify the shape; a record must have all of them."""
    priority: ClassVar[int] = 0
    """Among shapes whose columns are all present, the most columns win, then the priority."""

    def matches(self, columns: frozenset[str], sample: list[Record]) -> bool:
        """Whether a file with these columns has this shape; `sample` holds its first records."""
        return self.required <= columns

    @abstractmethod
    def rows(self, record: Record, mapping: Mapping[str, str]) -> Iterable[ProblemRow]:
        """Problems of one record; raises BadRecord when it has none that can be used. `mapping`
        (our field → their column) overrides where the importer looks."""


importers: Registry[type[Importer]] = Registry("importer", "apps.imports.importers")

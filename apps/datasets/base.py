"""What an export format is: one approved trace in, one record out. Imports no Django."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from apps.core.registry import Registry

ThinkStyle = Literal["as-is", "think-tags", "separate-field", "answer-only"]


class FormatParams(BaseModel):
    """Parameters every format has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    think: ThinkStyle = Field(
        "as-is",
        description="How the thought is written: as it stands in the approved text, between "
        "think tags, in a field of its own, or left out.",
    )
    system: str = Field("", description="System message put before each conversation.")


@dataclass(frozen=True, slots=True)
class ExportItem:
    """One approved revision with its problem, as formats see it. `text` is the raw approved turn;
    `reasoning` and `answer` are its split (`reasoning` is empty when there was none)."""

    statement: str
    text: str
    reasoning: str
    answer: str
    has_thought: bool
    reference_answer: str
    problem_hash: str
    content_hash: str
    details: dict[str, Any] = field(default_factory=dict)


class MissingThought(ValueError):
    """The format or style needs a thought and this trace has none."""


class Format(ABC):
    """One record shape that trainers read."""

    name: ClassVar[str]
    version: ClassVar[int]
    params: ClassVar[type[FormatParams]] = FormatParams
    columns: ClassVar[tuple[str, ...]]
    """Top-level keys of a record, in the order written."""

    @abstractmethod
    def example(self, item: ExportItem, params: FormatParams) -> dict[str, Any]:
        """The record of one item; same item, same parameters, same record."""

    def llama_factory(self, params: FormatParams) -> dict[str, Any] | None:
        """How LLaMA-Factory's `dataset_info.json` describes these records, without the file's
        name; None when it cannot read them."""
        return None


formats: Registry[type[Format]] = Registry("format", "apps.datasets.formats")

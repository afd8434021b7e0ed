"""What a grader is: a pure check, run in a child process that can be killed. No Django."""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from apps.core.registry import Registry


class Verdict(StrEnum):
    """Eight outcomes. `no_answer` counts as a failure; the five after `incorrect`/`no_answer`
    (unparsed, timed out, error, needs a person) are left out of every denominator and shown
    beside it."""

    CORRECT = "correct"
    INCORRECT = "incorrect"
    NO_ANSWER = "no_answer"
    ANSWER_UNPARSED = "answer_unparsed"
    GOLD_UNPARSED = "gold_unparsed"
    TIMED_OUT = "timed_out"
    ERROR = "error"
    NEEDS_HUMAN = "needs_human"


DECIDED = frozenset({Verdict.CORRECT, Verdict.INCORRECT, Verdict.NO_ANSWER})


@dataclass(frozen=True, slots=True)
class ReferenceAnswer:
    """The gold answer as a check sees it. `kind` is one of the answer types of the grading
    documentation: integer, number, percent, expression, choice, label, short_text …"""

    value: str
    kind: str = ""
    choices: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A verdict with everything it rests on. `span` is where the answer stands in the text given,
    in code points; `method` is the rung or rule that found or compared it; `weak` methods are
    never the only evidence for «verified»."""

    verdict: Verdict
    extracted: str = ""
    span: tuple[int, int] | None = None
    method: str = ""
    weak: bool = False
    gold_parsed: str = ""
    answer_parsed: str = ""
    rationale: str = ""
    milliseconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"verdict": self.verdict.value}


class CheckParams(BaseModel):
    """Base of a check's parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Check(ABC):
    """One way to decide whether a trace's answer is right. Pure: same input, same result."""

    name: ClassVar[str]
    version: ClassVar[int]
    params: ClassVar[type[CheckParams]] = CheckParams

    @abstractmethod
    def check(self, gold: ReferenceAnswer, text: str, params: CheckParams) -> CheckResult:
        """Compare the final answer of `text` (a whole assistant turn, think part included; only
        what stands after the thought is read) with `gold`. May take long: the caller kills."""


graders: Registry[type[Check]] = Registry("grader", "apps.grading.graders")

"""What a generation method is: one coroutine that awaits completions. Imports no Django.

Apart from completions a method is deterministic: random numbers come from `ctx.rng`, there is no
clock and no network. A method that is interrupted runs again from the start, and calls that were
recorded answer at once.
"""

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from apps.core.registry import Registry
from apps.engines.base import Completion, Message
from apps.grading.base import CheckResult


class Params(BaseModel):
    """Base of a method's parameters: the form, the API body and the stored run use it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


P = TypeVar("P", bound=Params)


@dataclass(frozen=True, slots=True)
class ProblemView:
    """A problem as methods see it: never the reference answer."""

    statement: str
    content_hash: str
    choices: tuple[str, ...] = ()
    subject: str = ""
    difficulty: str = ""
    trace: str = ""
    """The source text, for a method that works on a revision."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A trace a method proposes. `text` is the whole assistant turn."""

    text: str
    role: str
    finish_reason: str = "stop"
    output_tokens: int = 0
    label: str = ""
    derivation: Literal["", "rewrite_of", "repair_of"] = ""
    details: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, completion: Completion, *, role: str, **more: Any) -> "Draft":
        """The draft that is this completion, unchanged."""
        return cls(
            text=completion.text,
            role=role,
            finish_reason=completion.finish_reason,
            output_tokens=completion.output_tokens,
            **more,
        )


class Context(Protocol):
    """What a method may ask of the world."""

    rng: random.Random
    """Seeded by the work item's key: the same item draws the same numbers."""

    async def complete(
        self,
        role: str,
        messages: Sequence[Message],
        *,
        prefill: str = "",
        sampling: dict[str, Any] | None = None,
    ) -> Completion:
        """One completion of the teacher that plays `role`; `sampling` overrides its defaults."""

    async def check(self, grader: str, text: str) -> CheckResult:
        """Grade a text against the reference answer, which the method itself never sees."""

    async def tool(self, name: str, **arguments: Any) -> Any:
        """Run a tool in a killable child process. Refused until a tool method is installed."""

    async def ask(self, form: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Ask a person; the item waits and is replayed with the answer. Refused likewise."""


class Method(ABC, Generic[P]):
    """One published way to make traces. Register it in one file."""

    name: ClassVar[str]
    version: ClassVar[int]
    roles: ClassVar[tuple[str, ...]]
    params: ClassVar[type[Params]]
    works_on: ClassVar[Literal["problem", "revision"]] = "problem"
    sees_answer: ClassVar[bool] = False
    source: ClassVar[str] = ""
    """The paper or report it comes from."""

    @classmethod
    def items_per_problem(cls, params: P) -> int:
        """Work items a problem gives: samples that do not depend on each other are items of
        their own, so that each is recorded and retried alone."""
        return 1

    @abstractmethod
    async def run(self, ctx: Context, problem: ProblemView, params: P) -> list[Draft]:
        """Make the drafts of one work item."""


methods: Registry[type[Method[Any]]] = Registry("method", "apps.methods")


def user(content: str) -> list[Message]:
    """A conversation of one user message."""
    return [Message("user", content)]

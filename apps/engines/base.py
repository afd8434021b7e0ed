"""What an engine is. An adapter needs its own library and nothing of Django.

Contract of every adapter: `complete` may be awaited by hundreds of coroutines at once; cancelling
one aborts its request in the engine; errors are exactly the three below.
"""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from apps.core.registry import Registry
from apps.core.thinking import Split, split_thought

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message."""

    role: Role
    content: str


class Sampling(BaseModel):
    """How a completion is drawn. `temperature` 0 is greedy; `max_tokens` counts new tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float = Field(1.0, ge=0, le=4, description="0 is greedy.")
    top_p: float = Field(1.0, gt=0, le=1, description="Nucleus: probability mass kept.")
    top_k: int = Field(0, ge=0, description="Most likely tokens kept; 0 keeps all.")
    max_tokens: int = Field(1024, ge=1, le=1_000_000, description="Longest completion, in tokens.")
    stop: tuple[str, ...] = Field((), description="Strings that end a completion.")
    seed: int | None = Field(None, description="Same seed, same request, same engine: same text.")


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """One question to an engine. `prefill` is text the assistant's turn starts with."""

    messages: tuple[Message, ...]
    sampling: Sampling = field(default_factory=Sampling)
    prefill: str = ""

    def as_json(self) -> dict[str, Any]:
        """A JSON document that identifies the request: the fingerprint is its hash."""
        return {
            "messages": [asdict(message) for message in self.messages],
            "sampling": self.sampling.model_dump(mode="json"),
            "prefill": self.prefill,
        }


@dataclass(frozen=True, slots=True)
class Completion:
    """What came back.

    `text` is the whole assistant turn with its think tags, as a trainer would see it; when the
    engine returned the thought in a field of its own, `text` is `<think>…</think>` joined to the
    answer and `tag_state` is `separate_field`. `finish_reason` is `stop`, `length` or `aborted`.
    """

    text: str
    finish_reason: str = "stop"
    prompt_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    tag_state: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def split(self) -> Split:
        return split_thought(self.text)

    @property
    def reasoning(self) -> str:
        """The thought, without its tags."""
        return self.text[slice(*self.split.reasoning)]

    @property
    def answer(self) -> str:
        """What stands after the thought."""
        return self.text[slice(*self.split.answer)]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Completion":
        return cls(**document)


class EngineError(Exception):
    """Base of the three errors; the message is one sentence for people, without secrets."""


class TransientEngineError(EngineError):
    """Try again later; `retry_after` seconds when the engine said so."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class PermanentEngineError(EngineError):
    """This request will never work: too long, refused, malformed."""


class EngineDead(EngineError):
    """The engine itself is gone; its process must be started again."""


class EngineConfig(BaseModel):
    """Base of each adapter's validated endpoint configuration."""

    model_config = ConfigDict(extra="forbid")


class Engine(ABC):
    """One loaded model or one remote endpoint. Built inside a running event loop's thread."""

    name: ClassVar[str]
    config: ClassVar[type[EngineConfig]]
    in_process: ClassVar[bool] = True
    """Whether the model lives in the worker's own process (at most one such role a run)."""

    def __init__(self, model: str, config: EngineConfig) -> None:
        self.model = model
        self.settings = config

    @property
    @abstractmethod
    def capacity(self) -> int:
        """Requests the engine can usefully have in flight at once."""

    @abstractmethod
    async def complete(self, request: CompletionRequest) -> Completion:
        """Answer one request."""

    async def score(self, request: CompletionRequest, text: str) -> list[float]:
        """Log-probability of each token of `text` after the request; a stated refusal otherwise."""
        raise PermanentEngineError(f"The {self.name} engine cannot score texts.")

    def state(self) -> dict[str, Any]:
        """What people see of the engine: version, concurrency and why, last error."""
        return {"capacity": self.capacity}

    async def aclose(self) -> None:  # noqa: B027 (nothing to release is a valid answer)
        """Release everything; called once."""


engines: Registry[type[Engine]] = Registry("engine", "apps.engines.adapters")

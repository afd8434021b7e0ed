"""The engine that answers from a script or from a hash of the question: for tests and trials."""

import asyncio
import json
import random
import re
import time
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from apps.core.identity import sha256_json
from apps.engines.base import (
    Completion,
    CompletionRequest,
    Engine,
    EngineConfig,
    EngineDead,
    PermanentEngineError,
    TransientEngineError,
    engines,
)
from apps.engines.text import as_json_text, cut_at_stop

WORD = re.compile(r"\s*\S+")


class Rule(BaseModel):
    """One rule of a script: what is said when `match` is found in the last user message."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    match: str = Field("", description="Regular expression; empty matches every question.")
    answers: tuple[str, ...] = Field((), description="One is drawn by the request's seed.")
    in_order: bool = Field(False, description="Answers one after another for each question.")
    error: str = Field("", pattern="^(transient|permanent|dead)?$")
    times: int = Field(0, ge=0, description="The error's first n times a question; 0 is always.")
    retry_after: float | None = Field(None, ge=0, description="Seconds, of a transient error.")
    delay_seconds: float | None = Field(None, ge=0, description="Instead of the engine's own.")


def read_script(script: str) -> tuple[tuple[re.Pattern[str], Rule], ...]:
    """The rules of a script: a JSON list of rules, or an object of pattern → answer or answers.
    ValueError with one sentence where it is neither."""
    if not script.strip():
        return ()
    try:
        document = json.loads(script)
    except ValueError as error:
        raise ValueError(f"the script is not JSON: {error}") from None
    if isinstance(document, dict):
        document = [
            {"match": pattern, "answers": [said] if isinstance(said, str) else said}
            for pattern, said in document.items()
        ]
    if not isinstance(document, list):
        raise ValueError("the script is neither a list of rules nor an object")
    rules = []
    for number, entry in enumerate(document, start=1):
        try:
            rule = Rule.model_validate(entry)
            rules.append((re.compile(rule.match, re.DOTALL), rule))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the rule"
            raise ValueError(f"rule {number}, {where}: {first['msg']}") from None
        except re.error as error:
            raise ValueError(f"rule {number} is no regular expression: {error}") from None
    return tuple(rules)


class EchoConfig(EngineConfig):
    """How the echo engine behaves."""

    delay_seconds: float = Field(0.0, ge=0, le=3600, description="Time each answer takes.")
    capacity: int = Field(256, ge=1, le=100_000, description="Requests at once; more wait.")
    seed: int = Field(0, description="Another seed, other answers.")
    script: Annotated[str, BeforeValidator(as_json_text)] = Field(
        "",
        description="JSON: a list of rules (match, answers, error, times, …) or an object of "
        "regular expression → answer. Questions without a rule get a seeded answer.",
    )

    @model_validator(mode="after")
    def _readable(self) -> "EchoConfig":
        read_script(self.script)
        return self


def seeded_answer(digest: str, *, opened: bool = False) -> str:
    """A plausible thought with a boxed number, the same for the same digest."""
    rng = random.Random(digest)
    first, second, factor = rng.randint(2, 99), rng.randint(2, 99), rng.randint(2, 9)
    total = first + second
    thought = (
        f"I start with {first} and {second}.\n\nTogether they are {first} + {second} = {total}.\n\n"
        f"{factor} times that is {factor} * {total} = {factor * total}."
    )
    opener = "" if opened else "<think>\n"
    return f"{opener}{thought}\n</think>\n\nThe answer is \\boxed{{{factor * total}}}."


@engines.register("echo")
class EchoEngine(Engine):
    """Answers from a script or from a hash of the question; needs no model."""

    version = 1
    config: ClassVar[type[EngineConfig]] = EchoConfig
    in_process: ClassVar[bool] = True
    settings: EchoConfig

    def __init__(self, model: str, config: EngineConfig) -> None:
        super().__init__(model, config)
        self.rules = read_script(self.settings.script)
        self.gate = asyncio.Semaphore(self.settings.capacity)
        self.times_asked: dict[tuple[int, str], int] = {}
        self.counts = {"asked": 0, "answered": 0, "aborted": 0, "failed": 0}
        self.dead = ""

    @property
    def capacity(self) -> int:
        return self.settings.capacity

    def state(self) -> dict[str, Any]:
        return {"version": self.version, "capacity": self.capacity, "last_error": self.dead,
                **self.counts}

    async def complete(self, request: CompletionRequest) -> Completion:
        if self.dead:
            raise EngineDead(self.dead)
        began = time.perf_counter()
        question = next((m.content for m in reversed(request.messages) if m.role == "user"), "")
        number, rule = next(
            ((n, r) for n, (pattern, r) in enumerate(self.rules) if pattern.search(question)),
            (-1, Rule()),
        )
        self.counts["asked"] += 1
        try:
            async with self.gate:
                delay = rule.delay_seconds
                await asyncio.sleep(self.settings.delay_seconds if delay is None else delay)
        except asyncio.CancelledError:
            self.counts["aborted"] += 1
            raise
        text = self._said(request, number, rule, question)
        completion = self._cut(request, text, time.perf_counter() - began)
        self.counts["answered"] += 1
        return completion

    def _said(self, request: CompletionRequest, number: int, rule: Rule, question: str) -> str:
        asked = 0
        if rule.error or rule.in_order:
            key = (number, question)
            asked = self.times_asked.get(key, 0)
            self.times_asked[key] = asked + 1
            if rule.error and (rule.times == 0 or asked < rule.times):
                self.counts["failed"] += 1
                self._fail(rule)
            asked -= rule.times if rule.error else 0
        digest = sha256_json([self.settings.seed, request.as_json()])
        if not rule.answers:
            opened = "<think>" in request.prefill
            return seeded_answer(digest, opened=opened)
        if rule.in_order:
            return rule.answers[min(asked, len(rule.answers) - 1)]
        return rule.answers[int(digest[:8], 16) % len(rule.answers)]

    def _fail(self, rule: Rule) -> None:
        if rule.error == "transient":
            raise TransientEngineError(
                "The script lets this request fail for now.", retry_after=rule.retry_after
            )
        if rule.error == "permanent":
            raise PermanentEngineError("The script refuses this request.")
        self.dead = "The script lets this engine die; its process must be started again."
        raise EngineDead(self.dead)

    @staticmethod
    def _cut(request: CompletionRequest, said: str, seconds: float) -> Completion:
        """Honour `stop` and `max_tokens`; a token is a word with the white space before it."""
        said, _ = cut_at_stop(said, request.sampling.stop)
        reason, limit, used, end = "stop", request.sampling.max_tokens, 0, 0
        for word in WORD.finditer(said):
            if used == limit:
                reason, said = "length", said[:end]
                break
            used, end = used + 1, word.end()
        return Completion(
            text=request.prefill + said,
            finish_reason=reason,
            prompt_tokens=sum(len(m.content.split()) for m in request.messages),
            output_tokens=used,
            seconds=seconds,
        )

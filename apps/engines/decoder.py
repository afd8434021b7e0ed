"""The thread that holds a model and answers many requests together.

Rows join the batch when a slot is free and leave it when they end, so a long answer delays only
itself. Everything that touches the model or its tokenizer happens in this one thread.
"""

import asyncio
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.engines.base import (
    Completion,
    CompletionRequest,
    EngineDead,
    EngineError,
    PermanentEngineError,
)
from apps.engines.language import Language, LoadFailed, load

logger = logging.getLogger("stillroom.engines")
PREFILL_TOKENS = 16_384
"""Most prompt tokens read in one forward pass."""


@dataclass(slots=True, eq=False)
class Row:
    """One request on its way through the batch."""

    request: CompletionRequest
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Completion]"
    began: float = field(default_factory=time.perf_counter)
    cancelled: bool = False
    opening: str = ""
    prompt: list[int] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    most: int = 0
    longest_stop: int = 0
    rng: random.Random = field(default_factory=random.Random)

    @property
    def position(self) -> int:
        """Where the next token to be read stands."""
        return len(self.prompt) + len(self.tokens) - 1

    @property
    def last(self) -> int:
        return self.tokens[-1] if self.tokens else self.prompt[-1]

    def restart(self) -> None:
        """Forget what was drawn; the same numbers are drawn again."""
        self.tokens.clear()
        self.rng = random.Random(self.request.sampling.seed)

    def deliver(self, outcome: Completion | EngineError) -> None:
        """Give the outcome to the waiting coroutine, from this thread."""
        try:
            self.loop.call_soon_threadsafe(self._settle, outcome)
        except RuntimeError:  # its event loop is closed: nobody waits any more
            logger.info("engine.nobody-waits")

    def _settle(self, outcome: Completion | EngineError) -> None:
        if self.future.done():
            return
        if isinstance(outcome, EngineError):
            self.future.set_exception(type(outcome)(str(outcome)))  # one error, many futures
        else:
            self.future.set_result(outcome)


class Decoder:
    """A thread with one model. `submit` and `close` may be called from any thread."""

    def __init__(self, model: str, *, slots: int, max_length: int, **loading: Any) -> None:
        self.model = model
        self.slots = slots
        self.max_length = max_length
        self.loading = loading
        self.waiting: deque[Row] = deque()
        self.active: list[Row] = []
        self.changed = threading.Condition()
        self.closing = False
        self.failed: EngineError | None = None
        self.last_error = ""
        self.tokens_total = self.steps_total = self.answers_total = 0
        self.busy_seconds = 0.0
        self.language: Language | None = None
        self.thread = threading.Thread(target=self._live, name="decoder", daemon=True)
        self.thread.start()

    def submit(self, row: Row) -> None:
        """Queue a row; an engine that failed answers at once."""
        with self.changed:
            if self.failed is None:
                self.waiting.append(row)
                self.changed.notify()
                return
        row.deliver(self.failed)

    def close(self) -> None:
        """End the thread after the present step; what waits is told so."""
        with self.changed:
            self.closing = True
            self.changed.notify()
        self.thread.join()

    def _live(self) -> None:
        error: EngineError = EngineDead("The engine was closed.")
        try:
            self.language = load(self.model, **self.loading)
            self._work(self.language)
        except LoadFailed as refused:
            error = PermanentEngineError(str(refused))
        except Exception as broken:  # the thread's boundary: nobody may wait for a dead thread
            logger.exception("engine.died")
            error = EngineDead(f"The model's thread died: {type(broken).__name__}: {broken}")
        with self.changed:
            self.failed = error
            left = [*self.active, *self.waiting]
            self.waiting.clear()
            self.active = []
            self.last_error = "" if self.closing else str(error)
        for row in left:
            row.deliver(error)
        self.language = None

    def _work(self, language: Language) -> None:
        import torch

        batch = language.new_batch(self.slots)
        with torch.inference_mode():
            while True:
                with self.changed:
                    while not (self.waiting or self.active or self.closing):
                        self.changed.wait()
                    if self.closing:
                        return
                began = time.perf_counter()
                try:
                    self._drop_cancelled(batch)
                    self._admit(language, batch)
                    if self.active:
                        self._step(language, batch)
                except torch.OutOfMemoryError:
                    batch = self._shrink(language)
                self.busy_seconds += time.perf_counter() - began

    def _shrink(self, language: Language) -> Any:
        """Memory ran out: half the slots, and what was in flight starts again from its seed."""
        rows, self.active = self.active, []
        if self.slots == 1:
            self.last_error = "One answer alone does not fit into the memory."
            for row in rows:
                row.deliver(PermanentEngineError(self.last_error))
        else:
            self.slots = max(1, self.slots // 2)
            self.last_error = f"Memory ran out; {self.slots} requests at once from now on."
            for row in rows:
                row.restart()
            with self.changed:
                self.waiting.extendleft(reversed(rows))
        logger.warning("engine.out-of-memory", extra={"slots": self.slots})
        language.release_memory()
        return language.new_batch(self.slots)

    def _drop_cancelled(self, batch: Any) -> None:
        for slot in range(len(self.active) - 1, -1, -1):
            if self.active[slot].cancelled:
                self._vacate(slot, batch)

    def _vacate(self, slot: int, batch: Any) -> None:
        """Free a slot: the last row moves into it, so that the rows in use stay the first ones."""
        last = self.active.pop()
        if slot < len(self.active):
            batch.move(len(self.active), slot, last.position)
            self.active[slot] = last
        batch.changed()

    def _admit(self, language: Language, batch: Any) -> None:
        free = self.slots - len(self.active)
        with self.changed:
            while self.waiting and self.waiting[0].cancelled:
                self.waiting.popleft()
            # A few at once: reading prompts one by one costs far more than waiting some steps.
            if not self.waiting or free < min(len(self.waiting), max(1, self.slots // 8)):
                return
            taken = [self.waiting.popleft() for _ in range(min(free, len(self.waiting)))]
        fresh = [row for row in taken if not row.cancelled and self._prepare(language, row)]
        fresh.sort(key=lambda row: len(row.prompt))
        first = len(self.active)
        self.active.extend(fresh)  # before reading: whatever fails, nobody is forgotten
        batch.changed()
        for group in grouped(fresh):
            batch.read([row.prompt[:-1] for row in group], first)
            first += len(group)

    def _prepare(self, language: Language, row: Row) -> bool:
        """Tokens and limits of a row; False, with the reason delivered, if it cannot be asked."""
        if row.prompt:
            return True
        drawn = row.request.sampling
        try:
            row.opening, row.prompt = language.prompt(row.request)
        except PermanentEngineError as error:
            row.deliver(error)
            return False
        longest = min(self.max_length or language.longest, language.longest)
        row.most = min(drawn.max_tokens, longest - len(row.prompt))
        if row.most < 1:
            said = f"The prompt has {len(row.prompt)} tokens, and the model takes {longest} in all."
            row.deliver(PermanentEngineError(said))
            return False
        row.longest_stop = max((len(stop.encode()) for stop in drawn.stop), default=0)
        row.rng = random.Random(drawn.seed)
        return True

    def _step(self, language: Language, batch: Any) -> None:
        tokens = batch.step(
            [row.last for row in self.active],
            [row.position for row in self.active],
            [
                (row.request.sampling.temperature, row.request.sampling.top_p,
                 row.request.sampling.top_k)
                for row in self.active
            ] if batch.stale else None,
            [row.rng.random() for row in self.active],
        )
        self.steps_total += 1
        self.tokens_total += len(tokens)
        ended: list[int] = []
        for slot, (row, token) in enumerate(zip(self.active, tokens, strict=True)):
            row.tokens.append(token)
            reason = self._end_of(language, row)
            if reason:
                ended.append(slot)
                self.answers_total += 1
                row.deliver(language.outcome(row, reason))
        for slot in reversed(ended):
            self._vacate(slot, batch)

    @staticmethod
    def _end_of(language: Language, row: Row) -> str:
        token = row.tokens[-1]
        if token < 0:
            return "broken"
        if token in language.ends:
            return "stop"
        if row.longest_stop and language.stop_seen(row):
            return "stop"
        return "length" if len(row.tokens) >= row.most else ""


def grouped(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows, sorted by length, in groups whose padded prompts stay within PREFILL_TOKENS."""
    groups: list[list[Row]] = []
    for row in rows:
        if groups and (len(groups[-1]) + 1) * len(row.prompt) <= PREFILL_TOKENS:
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups

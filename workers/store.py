"""One thread owns the database; what waits together commits together.

The event loop never blocks on the database, and SQLite never sees two writers from one process.
A verb takes a list of payloads and returns a list of answers, an exception in the place of each
payload that was refused.
"""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, OperationalError, close_old_connections, connection, transaction

logger = logging.getLogger("stillroom.store")
Verb = Callable[[Sequence[Any]], Sequence[Any]]
GROUP = 256
TRIES = 6


@dataclass(slots=True)
class Job:
    verb: Verb
    payload: Any
    future: asyncio.Future
    loop: asyncio.AbstractEventLoop

    def answer(self, value: Any) -> None:
        self.loop.call_soon_threadsafe(_settle, self.future, value)


def _settle(future: asyncio.Future, value: Any) -> None:
    if future.done():
        return
    if isinstance(value, Exception):
        future.set_exception(value)
    else:
        future.set_result(value)


class StoreFailed(Exception):
    """The database did not take a write after several tries: the shift must end."""


class Store:
    """Start it, `await store.do(verb, payload)` from any coroutine, then close it."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)
        self.failed: StoreFailed | None = None
        self._thread.start()

    def do(self, verb: Verb, payload: Any) -> asyncio.Future:
        """Have `verb` applied to `payload` in the next group; the future holds its answer."""
        loop = asyncio.get_running_loop()
        job = Job(verb, payload, loop.create_future(), loop)
        self._jobs.put(job)
        return job.future

    async def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run one function of its own (reading, claiming) in the store's thread."""
        return await self.do(_Single(function), args)

    def close(self) -> None:
        """Finish what waits, then end the thread."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        close_old_connections()
        try:
            while (first := self._jobs.get()) is not None:
                group, last = self._group(first)
                self._commit(group)
                if last:
                    break
        finally:
            connection.close()

    def _group(self, first: Job) -> tuple[list[Job], bool]:
        group = [first]
        while len(group) < GROUP:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return group, True
            group.append(job)
        return group, False

    def _commit(self, group: list[Job]) -> None:
        group = [job for job in group if not job.future.cancelled()]
        singles = [job for job in group if isinstance(job.verb, _Single)]
        for job in singles:
            self._apply([job])
        batched = [job for job in group if not isinstance(job.verb, _Single)]
        if batched and not self._apply(batched) and len(batched) > 1:
            for job in batched:
                self._apply([job], final=True)

    def _apply(self, jobs: list[Job], *, final: bool = False) -> bool:
        for attempt in range(TRIES):
            try:
                answers = self._transact(jobs)
            except OperationalError as error:
                logger.warning("store.again", extra={"why": str(error), "attempt": attempt})
                connection.close()
                time.sleep(0.2 * 2**attempt)
                continue
            except (DatabaseError, ValueError, TypeError) as error:
                if len(jobs) > 1 and not final:
                    return False
                jobs[0].answer(error)
                return True
            for job, answer in zip(jobs, answers, strict=True):
                job.answer(answer)
            return True
        self.failed = StoreFailed("The database did not answer; the worker stops and tries later.")
        for job in jobs:
            job.answer(self.failed)
        return True

    @staticmethod
    def _transact(jobs: list[Job]) -> list[Any]:
        if isinstance(jobs[0].verb, _Single):
            return [jobs[0].verb.run(jobs[0].payload)]
        answers: list[Any] = [None] * len(jobs)
        with transaction.atomic():
            by_verb: dict[Verb, list[int]] = {}
            for index, job in enumerate(jobs):
                by_verb.setdefault(job.verb, []).append(index)
            for verb, indexes in by_verb.items():
                said = verb([jobs[index].payload for index in indexes])
                for index, answer in zip(indexes, said, strict=True):
                    answers[index] = answer
        return answers


class _Single:
    """A function that is not batched: its exceptions are its answer."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def run(self, args: tuple) -> Any:
        return self.function(*args)

    def __call__(self, payloads: Sequence[Any]) -> Sequence[Any]:
        return [self.function(*payload) for payload in payloads]

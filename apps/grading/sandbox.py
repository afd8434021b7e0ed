"""Grading in child processes that can be killed. No Django.

A hopeless answer can hang or exhaust a symbolic engine, and its own alarms work only in a main
thread. So it runs in plain children, started with `subprocess` (which works from a request thread,
a prefork worker and a thread worker alike); the parent waits, kills and starts another. What
needs no engine is decided in the parent and never reaches a child.
"""

import asyncio
import json
import os
import queue
import select
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from apps.grading.base import Check, CheckParams, CheckResult, ReferenceAnswer, Verdict, graders

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 6.0
START_PATIENCE = 30.0

Question = tuple[str, ReferenceAnswer, str]


class ChildDied(Exception):
    """The child ended before it answered."""


class ChildTooSlow(Exception):
    """The child did not answer in time."""


class Child:
    """One child process and the talk with it. Used by one thread at a time."""

    def __init__(self) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "apps.grading.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env=environment,
            bufsize=0,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._in = self.process.stdin.fileno()
        self._out = self.process.stdout.fileno()
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)
        self._rest = b""
        try:
            self._talk(b"", START_PATIENCE)
        except (ChildDied, ChildTooSlow):
            self.kill()
            raise

    def ask(self, document: dict[str, Any], patience: float) -> dict[str, Any]:
        """The reply to one question; ChildDied or ChildTooSlow otherwise."""
        reply = json.loads(self._talk(json.dumps(document).encode() + b"\n", patience))
        if reply["id"] != document["id"]:
            raise ChildDied("The child answered another question.")
        return reply

    def _talk(self, message: bytes, patience: float) -> bytes:
        deadline = time.monotonic() + patience
        view = memoryview(message)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise ChildTooSlow
            poller = select.poll()
            poller.register(self._out, select.POLLIN)
            if view:
                poller.register(self._in, select.POLLOUT)
            for fd, _event in poller.poll(left * 1000):
                try:
                    if fd == self._in:
                        view = view[os.write(self._in, view[: 1 << 16]) :]
                        continue
                    piece = os.read(self._out, 1 << 20)
                except BlockingIOError:
                    continue
                except BrokenPipeError as error:
                    raise ChildDied from error
                if not piece:
                    raise ChildDied
                self._rest += piece
            line, newline, rest = self._rest.partition(b"\n")
            if newline:
                self._rest = rest
                return line

    def kill(self) -> None:
        """End it now and take its exit status, so that no zombie stays."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


def _kill_all(children: set[Child], owner: int) -> None:
    if os.getpid() == owner:
        while children:
            children.pop().kill()


class Sandbox:
    """A pool of grading children, safe to share between threads.

    `size` children at most, started when first needed. `patience` is how many seconds one answer
    may take before its child is killed and the verdict is `timed_out`. A child that dies for
    another reason gives `error`, never `incorrect`. After a fork the copy starts its own children.
    """

    def __init__(self, size: int | None = None, *, patience: float = PATIENCE) -> None:
        self.size = size or max(1, min(4, (os.cpu_count() or 2) // 2))
        self.patience = patience
        self._lock = threading.Lock()
        self._closed = False
        self._begin()

    def _begin(self) -> None:
        self._owner = os.getpid()
        self._children: set[Child] = set()
        self._free: queue.LifoQueue[Child | None] = queue.LifoQueue()
        for _ in range(self.size):
            self._free.put(None)
        self._count = 0
        self._threads: ThreadPoolExecutor | None = None
        self._finalizer = weakref.finalize(self, _kill_all, self._children, self._owner)

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def check(
        self,
        grader: str,
        gold: ReferenceAnswer,
        text: str,
        params: CheckParams | dict[str, Any] | None = None,
    ) -> CheckResult:
        """The verdict on `text`; returns within `patience` plus the start of a child once one is
        free. InvalidInput for an unknown grader or parameters it does not have."""
        check, known = self._check_of(grader, params)
        return self._quick(check, gold, text, known) or self._in_child(grader, gold, text, known)

    async def acheck(
        self,
        grader: str,
        gold: ReferenceAnswer,
        text: str,
        params: CheckParams | dict[str, Any] | None = None,
    ) -> CheckResult:
        """`check` without blocking the event loop."""
        check, known = self._check_of(grader, params)
        result = self._quick(check, gold, text, known)
        if result is not None:
            return result
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._executor(), self._in_child, grader, gold, text, known
        )

    def check_many(
        self,
        questions: Sequence[Question],
        params: CheckParams | dict[str, Any] | None = None,
    ) -> list[CheckResult]:
        """The verdicts on many (grader, gold, text), in their order; what needs a child is spread
        over all children."""
        results: list[CheckResult | None] = []
        hard: list[int] = []
        checks = {name: self._check_of(name, params) for name in {q[0] for q in questions}}
        for index, (name, gold, text) in enumerate(questions):
            results.append(self._quick(checks[name][0], gold, text, checks[name][1]))
            if results[-1] is None:
                hard.append(index)

        def ask(index: int) -> None:
            name, gold, text = questions[index]
            results[index] = self._in_child(name, gold, text, checks[name][1])

        if len(hard) == 1 or self.size == 1:
            for index in hard:
                ask(index)
        elif hard:
            list(self._executor().map(ask, hard))
        return [result for result in results if result is not None]

    def close(self) -> None:
        """Kill all children. A check that is running gives `error`; later ones are refused."""
        self._closed = True
        if self._threads is not None and os.getpid() == self._owner:
            self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._finalizer()

    def pids(self) -> list[int]:
        """Process ids of the living children: for diagnostics and tests."""
        with self._lock:
            return [child.process.pid for child in self._children]

    @staticmethod
    def _check_of(
        grader: str, params: CheckParams | dict[str, Any] | None
    ) -> tuple[Check, CheckParams]:
        check = graders.get(grader)()
        if isinstance(params, CheckParams):
            return check, params
        return check, check.params(**(params or {}))

    @staticmethod
    def _quick(
        check: Check, gold: ReferenceAnswer, text: str, params: CheckParams
    ) -> CheckResult | None:
        """What the grader decides at once; a grader may have a method `quick` for that."""
        quick = getattr(check, "quick", None)
        if quick is None:
            return None
        begin = time.perf_counter()
        result: CheckResult | None = quick(gold, text, params)
        if result is None:
            return None
        return replace(result, milliseconds=round((time.perf_counter() - begin) * 1000, 3))

    def _executor(self) -> ThreadPoolExecutor:
        self._after_fork()
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(self.size, thread_name_prefix="grading")
            return self._threads

    def _after_fork(self) -> None:
        if os.getpid() != self._owner:
            # The pipes belong to the process that was forked; this one needs children of its own.
            self._lock = threading.Lock()
            self._finalizer.detach()
            self._begin()

    def _in_child(
        self, grader: str, gold: ReferenceAnswer, text: str, params: CheckParams
    ) -> CheckResult:
        self._after_fork()
        child = self._free.get()
        begin = time.perf_counter()
        try:
            if child is not None and child.process.poll() is not None:
                self._drop(child)  # it died between two answers
                child = None
            if child is None:
                child = self._start()
            with self._lock:
                self._count += 1
                number = self._count
            reply = child.ask(
                {
                    "id": number, "grader": grader, "gold": asdict(gold), "text": text,
                    "params": params.model_dump(mode="json"),
                },
                self.patience,
            )
            result = _result_of(reply["result"])
            if reply["last"]:
                self._drop(child)
                child = None
        except ChildTooSlow:
            self._drop(child)
            child = None
            result = CheckResult(
                Verdict.TIMED_OUT, method="sandbox", gold_parsed=gold.value[:400],
                rationale=f"No verdict within {self.patience:g} seconds; the child was ended.",
            )
        except (ChildDied, OSError, ValueError):
            self._drop(child)
            child = None
            result = CheckResult(
                Verdict.ERROR, method="sandbox", gold_parsed=gold.value[:400],
                rationale="The grading process ended before it answered.",
            )
        finally:
            self._free.put(child)
        return replace(result, milliseconds=round((time.perf_counter() - begin) * 1000, 3))

    def _start(self) -> Child:
        if self._closed:
            raise ChildDied
        child = Child()
        with self._lock:
            self._children.add(child)
        return child

    def _drop(self, child: Child | None) -> None:
        if child is None:
            return
        with self._lock:
            known = child in self._children
            self._children.discard(child)
        if known:
            child.kill()


def _result_of(document: dict[str, Any]) -> CheckResult:
    span = document.pop("span", None)
    verdict = Verdict(document.pop("verdict"))
    return CheckResult(verdict, span=tuple(span) if span else None, **document)

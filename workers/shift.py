"""A shift keeps one queue's engine full until the work, or the time, is over.

Each item is a coroutine. The window is refilled when an eighth of it is free; a slow problem
delays only itself. This is one of the three places where errors are caught: an item that fails
becomes data.
"""

import asyncio
import logging
import time
import traceback
from collections.abc import Callable
from typing import Any

from django.conf import settings
from pydantic import ValidationError

from apps.core.errors import StillroomError
from apps.engines.base import EngineDead, PermanentEngineError, TransientEngineError
from apps.engines.models import Endpoint
from apps.grading.sandbox import Sandbox
from apps.grading.services import reference_of
from apps.methods.base import Draft, ProblemView, methods
from apps.runs import claims
from apps.runs.claims import Completed, Failed, Lease, LeaseLost
from apps.traces.models import RevisionText
from apps.traces.provenance import validated
from workers import engine_host
from workers.context import WorkContext
from workers.store import Store, StoreFailed

logger = logging.getLogger("stillroom.shift")
LINGER = 1.5


class Shift:
    """One worker's work on one queue. `stopping()` is asked whether to claim nothing more."""

    def __init__(self, queue: str, *, worker: str, sandbox: Sandbox, stopping: Callable[[], bool]) -> None:
        self.queue = queue
        self.worker = worker
        self.sandbox = sandbox
        self.stopping = stopping
        self.store = Store()
        self.flying: dict[asyncio.Task, Lease] = {}
        self.dead: EngineDead | None = None
        self.done = self.failed = 0
        self.idle_since: float | None = None
        self.looked = 0.0
        self.changed = asyncio.Event()

    async def run(self, seconds: float) -> None:
        """Work until the queue is empty, `seconds` have passed, or the worker must stop; then
        wait for what is in flight, at most the grace time, and give the rest back."""
        until = time.monotonic() + seconds
        renewal = asyncio.create_task(self._renew())
        try:
            while not self._over(until):
                await self._fill()
                if not self.flying and self._idle():
                    break
                await self._wait(0.25)
            await self._drain()
        finally:
            renewal.cancel()
            await asyncio.gather(renewal, return_exceptions=True)
            await asyncio.to_thread(self.store.close)
        if self.dead is not None:
            raise self.dead

    def _over(self, until: float) -> bool:
        return (
            self.stopping() or time.monotonic() > until or self.dead is not None
            or self.store.failed is not None
        )

    def _idle(self) -> bool:
        now = time.monotonic()
        self.idle_since = self.idle_since or now
        return now - self.idle_since > LINGER

    def _window(self) -> int:
        capacities = [engine.capacity for engine in engine_host.built().values()] or [32]
        return min(4 * max(capacities), 512)

    async def _fill(self) -> None:
        window = self._window()
        room = window - len(self.flying)
        now = time.monotonic()
        if room < max(1, window // 8) or (self.idle_since and now - self.looked < 0.2):
            return
        self.looked = now
        leases = await self.store.call(self._claim, room)
        if not leases:
            self.idle_since = self.idle_since or time.monotonic()
            return
        self.idle_since = None
        ids = [lease.item.pk for lease in leases]
        recorded = await self.store.call(claims.recorded_calls, ids)
        sources = await self.store.call(_sources, leases)
        for lease in leases:
            work = self.work(lease, recorded[lease.item.pk], sources.get(lease.item.pk, ""))
            task = asyncio.create_task(work)
            self.flying[task] = lease
            task.add_done_callback(self._landed)

    def _claim(self, room: int) -> list[Lease]:
        return claims.claim(self.queue, room, worker=self.worker)

    def _landed(self, task: asyncio.Task) -> None:
        self.flying.pop(task, None)
        self.changed.set()
        if not task.cancelled() and task.exception() is not None:
            logger.error("item.unhandled", exc_info=task.exception())

    async def _wait(self, seconds: float) -> None:
        self.changed.clear()
        try:
            await asyncio.wait_for(self.changed.wait(), seconds)
        except TimeoutError:
            return
        # Let what ends together be counted together before the window is looked at again.
        await asyncio.sleep(0)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(settings.STILLROOM.lease_seconds / 3)
            flying = dict(self.flying)
            if not flying:
                continue
            lost = await self.store.call(claims.renew, list(flying.values()))
            for task, lease in flying.items():
                if lease.item.pk in lost:
                    task.cancel()

    async def _drain(self) -> None:
        grace = settings.STILLROOM.grace_seconds if self.dead is None else 0
        if self.flying:
            await asyncio.wait(list(self.flying), timeout=grace)
        left = dict(self.flying)
        for task in left:
            task.cancel()
        if left:
            await asyncio.gather(*left, return_exceptions=True)
            await self.store.call(claims.release, list(left.values()))

    async def work(self, lease: Lease, recorded: dict, source: str) -> None:
        """One item from start to end. Whatever goes wrong is stored with the item."""
        try:
            completed = await self._make(lease, recorded, source)
            await self.store.do(claims.complete, completed)
            self.done += 1
        except LeaseLost:
            logger.info("item.lost", extra={"item": str(lease.item.pk)})
        except TransientEngineError as error:
            tries = int(lease.item.payload.get("tries", 0))
            wait = error.retry_after or min(60.0, 0.5 * 2**tries)
            await self._fail(lease, "engine-transient", str(error), retry_in=wait)
        except PermanentEngineError as error:
            await self._fail(lease, "engine-refused", str(error))
        except EngineDead as error:
            self.dead = error
            await self._fail(lease, "engine-dead", str(error), retry_in=5.0)
        except StoreFailed:
            return
        except StillroomError as error:
            await self._fail(lease, error.code, error.message)
        except ValidationError as error:
            await self._fail(lease, "invalid", str(error).splitlines()[0])
        except Exception as error:  # the boundary: one bad problem never stops a run
            await self._fail(
                lease, type(error).__name__, f"{type(error).__name__}: {error}",
                detail=traceback.format_exc(),
            )

    async def _fail(
        self, lease: Lease, kind: str, sentence: str, *, detail: str = "", retry_in: float | None = None
    ) -> None:
        self.failed += 1
        try:
            await self.store.do(claims.fail, Failed(lease, kind, sentence, detail, retry_in))
        except (LeaseLost, StoreFailed):
            return

    async def _make(self, lease: Lease, recorded: dict, source: str) -> Completed:
        item, run = lease.item, lease.item.run
        method = methods.get(run.method)
        roles = {}
        for role, teacher in run.teachers.items():
            endpoint = teacher["endpoint"]
            if endpoint not in engine_host.built():
                config = await self.store.call(_config, endpoint)
                engine_host.engine_for(endpoint, teacher["engine"], teacher["model"], config)
            roles[role] = engine_host.built()[endpoint]
        problem = item.problem
        view = ProblemView(
            statement=problem.statement,
            content_hash=problem.content_hash,
            choices=tuple(problem.choices),
            subject=problem.subject,
            difficulty=problem.difficulty,
            trace=source,
        )
        context = WorkContext(
            lease, engines=roles, store=self.store, sandbox=self.sandbox,
            gold=reference_of(problem), recorded=recorded,
        )
        params = method.params.model_validate(run.params)
        drafts = await method().run(context, view, params)
        return Completed(
            lease, drafts, [_provenance(lease, method, draft) for draft in drafts],
            [run.teachers[draft.role]["name"] for draft in drafts],
        )


def _config(endpoint_id: str) -> dict[str, Any]:
    return Endpoint.objects.values_list("config", flat=True).get(pk=endpoint_id)


def _sources(leases: list[Lease]) -> dict[Any, str]:
    by_revision = {lease.item.revision_id: lease.item.pk for lease in leases if lease.item.revision_id}
    if not by_revision:
        return {}
    rows = RevisionText.objects.filter(pk__in=by_revision).values_list("pk", "text")
    return {by_revision[pk]: text for pk, text in rows}


def _provenance(lease: Lease, method: Any, draft: Draft) -> dict[str, Any]:
    run = lease.item.run
    teacher = {k: v for k, v in run.teachers[draft.role].items() if k != "queue"}
    return validated(
        {
            "kind": "rewritten" if draft.derivation else "generated",
            "run": str(run.pk),
            "item": lease.item.key,
            "method": run.method,
            "method_version": run.method_version,
            "role": draft.role,
            "teacher": teacher,
            "params": run.params,
            "saw_answer": method.sees_answer,
            "details": draft.details,
        }
    )

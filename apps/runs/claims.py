"""The only writer of work items' states: claim, renew, record, complete, fail, release.

Every verb is a small transaction whose updates name the item's lease token: a worker that was
frozen past its lease changes nothing. Only database time is compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q

from apps.core.bulk import insert_rows
from apps.core.clock import database_now
from apps.core.identity import new_id
from apps.core.wakeups import CPU_QUEUE
from apps.methods.base import Draft
from apps.runs.models import EngineCall, ItemState, Output, Run, RunState, WorkItem
from apps.traces.models import Derivation, Revision, RevisionText, Trace
from apps.traces.services import columns_of

SUSPECT_AFTER = 3
LOST_AFTER = 10
MAX_TRIES = 6
OPEN = [ItemState.PENDING, ItemState.LEASED, ItemState.WAITING]


class LeaseLost(Exception):
    """The item is no longer this worker's: its result is dropped."""


@dataclass(frozen=True, slots=True)
class Lease:
    """An item in a worker's hands."""

    item: WorkItem
    token: UUID


def lease_length() -> timedelta:
    """How long a lease lasts without renewal."""
    return timedelta(seconds=settings.STILLROOM.lease_seconds)


def claimable(now: datetime) -> Q:
    """Items that may be claimed: pending and due, or leased by somebody who is gone."""
    due = Q(not_before=None) | Q(not_before__lte=now)
    return (Q(state=ItemState.PENDING) & due) | Q(
        state=ItemState.LEASED, lease_expires_at__lt=now
    )


def group_size(attempts: int, room: int) -> int:
    """How many items may be in flight beside one that was lost `attempts` times: an item that
    kills its worker is narrowed down by quarters until it stands alone, and the innocent ones
    around it finish."""
    if attempts < SUSPECT_AFTER:
        return room
    return max(1, room >> 2 * (attempts - SUSPECT_AFTER + 1))


@transaction.atomic
def claim(queue: str, room: int, *, worker: str) -> list[Lease]:
    """Lease up to `room` items of `queue`, of running runs, by priority, then age."""
    now = database_now()
    runs = list(
        Run.objects.filter(state=RunState.RUNNING).order_by("-priority", "id").values_list("pk", flat=True)
    )
    chosen: list[tuple[UUID, int]] = []
    limit = room
    for run_id in runs:
        items = WorkItem.objects.filter(claimable(now), run_id=run_id, queue=queue)
        if connection.vendor == "postgresql":
            items = items.select_for_update(skip_locked=True)
        for pk, attempts in items.order_by("id").values_list("pk", "attempts")[: limit - len(chosen)]:
            allowed = group_size(attempts, room)
            if len(chosen) >= min(allowed, limit):
                continue
            limit = min(limit, allowed)
            chosen.append((pk, attempts))
        if len(chosen) >= limit:
            break
    lost = [pk for pk, attempts in chosen if attempts >= LOST_AFTER]
    for pk in lost:
        _give_up(pk, now)
    ids = [pk for pk, _ in chosen if pk not in lost]
    if not ids:
        return []
    token = uuid4()
    WorkItem.objects.filter(claimable(now), pk__in=ids).update(
        state=ItemState.LEASED,
        token=token,
        worker=worker,
        lease_expires_at=now + lease_length(),
        attempts=F("attempts") + 1,
    )
    mine = WorkItem.objects.filter(pk__in=ids, token=token).select_related("run", "problem")
    return [Lease(item, token) for item in mine.order_by("id")]


def _give_up(pk: UUID, now: datetime) -> None:
    changed = WorkItem.objects.filter(claimable(now), pk=pk).update(
        state=ItemState.FAILED,
        token=None,
        finished_at=now,
        error_kind="worker-lost",
        error=f"Its worker was lost {LOST_AFTER} times while working on it.",
    )
    if changed:
        item = WorkItem.objects.only("run_id", "kind").get(pk=pk)
        _count_failed({item.run_id: 1} if item.kind == "generate" else {})
        finish_runs([item.run_id], checks_done={item.run_id: 1} if item.kind == "grade" else None)


@transaction.atomic
def renew(leases: Sequence[Lease]) -> set[UUID]:
    """Prolong all these leases in one statement; returns the ids that are lost."""
    now = database_now()
    ids = [lease.item.pk for lease in leases]
    tokens = {lease.token for lease in leases}
    held = Q(pk__in=ids, token__in=tokens, state=ItemState.LEASED, run__state__in=[
        RunState.RUNNING, RunState.PAUSED])
    kept = set(WorkItem.objects.filter(held).values_list("pk", flat=True))
    WorkItem.objects.filter(pk__in=kept, token__in=tokens).update(
        lease_expires_at=now + lease_length()
    )
    return set(ids) - kept


def still_held(leases: Sequence[Lease]) -> set[UUID]:
    """The ids among these that still bear their token; locks them until the transaction ends."""
    tokens = {lease.item.pk: lease.token for lease in leases}
    rows = WorkItem.objects.filter(pk__in=tokens, state=ItemState.LEASED)
    if connection.vendor == "postgresql":
        rows = rows.select_for_update().order_by("pk")
    return {pk for pk, token in rows.values_list("pk", "token") if tokens[pk] == token}


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One completion to be journalled."""

    lease: Lease
    role: str
    fingerprint: str
    occurrence: int
    request: dict[str, Any]
    completion: dict[str, Any]


CALL_FIELDS = (
    "id", "item", "role", "fingerprint", "occurrence", "request", "completion", "prompt_tokens",
    "output_tokens", "seconds", "created_at",
)


def record_calls(calls: Sequence[RecordedCall]) -> list[Exception | None]:
    """Journal completions under live leases; LeaseLost in the place of each that came too late.
    The first one stays: a call recorded twice is one call."""
    now = database_now()
    held = still_held([call.lease for call in calls])
    rows, per_run = [], {}
    for call in calls:
        if call.lease.item.pk not in held:
            continue
        done = call.completion
        rows.append(
            (
                new_id(), call.lease.item.pk, call.role, call.fingerprint, call.occurrence,
                call.request, done, done["prompt_tokens"], done["output_tokens"],
                done["seconds"], now,
            )
        )
        counts = per_run.setdefault(call.lease.item.run_id, [0, 0, 0])
        counts[0] += 1
        counts[1] += done["prompt_tokens"]
        counts[2] += done["output_tokens"]
    insert_rows(EngineCall, CALL_FIELDS, rows, ignore_conflicts=True)
    for run_id, (count, prompt, output) in per_run.items():
        Run.objects.filter(pk=run_id).update(
            calls_total=F("calls_total") + count,
            prompt_tokens=F("prompt_tokens") + prompt,
            output_tokens=F("output_tokens") + output,
        )
    return [None if c.lease.item.pk in held else LeaseLost() for c in calls]


def recorded_calls(item_ids: Sequence[UUID]) -> dict[UUID, dict[tuple[str, str, int], dict[str, Any]]]:
    """What was recorded of these items: (role, fingerprint, occurrence) → completion."""
    found: dict[UUID, dict[tuple[str, str, int], dict[str, Any]]] = {pk: {} for pk in item_ids}
    rows = EngineCall.objects.filter(item__in=item_ids).values_list(
        "item_id", "role", "fingerprint", "occurrence", "completion"
    )
    for item_id, role, fingerprint, occurrence, completion in rows:
        found[item_id][role, fingerprint, occurrence] = completion
    return found


@dataclass(frozen=True, slots=True)
class Completed:
    """What an item made. `provenance` is that of its revisions, by the draft's place."""

    lease: Lease
    drafts: Sequence[Draft]
    provenance: Sequence[dict[str, Any]]
    teachers: Sequence[str]


TRACE_FIELDS = (
    "id", "project", "problem", "head", "number", "state", "verdict", "tokens", "teacher",
    "method", "label", "finish_reason", "run_id", "import_key", "created_at", "changed_at",
)
REVISION_FIELDS = (
    "id", "project", "trace", "number", "kind", "tokens", "characters", "content_hash",
    "tag_state", "reasoning_start", "reasoning_end", "answer_start", "author", "reason",
    "provenance", "created_at",
)
ITEM_FIELDS = (
    "id", "run", "kind", "key", "queue", "problem", "revision", "payload", "priority", "state",
    "attempts", "token", "worker", "lease_expires_at", "not_before", "error_kind", "error",
    "error_detail", "created_at", "finished_at",
)


def new_item(
    run_id: UUID, kind: str, key: str, queue: str, problem_id: UUID | None, payload: dict[str, Any],
    now: datetime, revision_id: UUID | None = None,
) -> tuple[Any, ...]:
    """The values of a pending item, in the order of ITEM_FIELDS."""
    return (
        new_id(), run_id, kind, key, queue, problem_id, revision_id, payload, 0, ItemState.PENDING,
        0, None, "", None, None, "", "", "", now, None,
    )


def complete(results: Sequence[Completed]) -> list[Exception | None]:
    """Store what items made: traces, revisions, texts, outputs and the follow-up checks, and the
    items' end, all in the caller's transaction. LeaseLost in the place of each that came late."""
    now = database_now()
    held = still_held([result.lease for result in results])
    traces, revisions, texts, outputs, derivations, follow = [], [], [], [], [], []
    counts: dict[UUID, list[int]] = {}
    for result in results:
        item = result.lease.item
        if item.pk not in held:
            continue
        run = item.run
        made: list[str] = []
        for ordinal, draft in enumerate(result.drafts):
            columns = columns_of(draft.text, tokens=draft.output_tokens)
            trace_id, revision_id = new_id(), new_id()
            kind = "rewritten" if draft.derivation else "generated"
            traces.append(
                (
                    trace_id, run.project_id, item.problem_id, revision_id, 1, "new", "",
                    columns.tokens, result.teachers[ordinal][:120], run.method, draft.label[:80],
                    draft.finish_reason[:12], run.pk, None, now, now,
                )
            )
            revisions.append(
                (
                    revision_id, run.project_id, trace_id, 1, kind, columns.tokens,
                    columns.characters, columns.content_hash, columns.tag_state,
                    columns.reasoning_start, columns.reasoning_end, columns.answer_start, None, "",
                    result.provenance[ordinal], now,
                )
            )
            texts.append((revision_id, draft.text))
            outputs.append((new_id(), item.pk, ordinal, revision_id))
            if draft.derivation and item.revision_id:
                derivations.append((new_id(), revision_id, item.revision_id, draft.derivation))
            made.append(str(revision_id))
        count = counts.setdefault(run.pk, [0, 0, 0])
        count[0] += 1
        count[1] += len(result.drafts)
        if made and run.graders:
            count[2] += 1
            follow.append(
                new_item(run.pk, "grade", f"check:{item.key}", CPU_QUEUE, None,
                         {"revisions": made, "graders": run.graders}, now)
            )
    # Foreign keys are checked at commit, so the head may be named before it is there.
    insert_rows(Trace, TRACE_FIELDS, traces)
    insert_rows(Revision, REVISION_FIELDS, revisions)
    insert_rows(RevisionText, ("revision", "text"), texts)
    insert_rows(Output, ("id", "item", "ordinal", "revision"), outputs)
    insert_rows(Derivation, ("id", "child", "parent", "role"), derivations)
    insert_rows(WorkItem, ITEM_FIELDS, follow, ignore_conflicts=True)
    _end([r.lease for r in results if r.lease.item.pk in held], now)
    for run_id, (items, made_traces, checks) in counts.items():
        Run.objects.filter(pk=run_id).update(
            items_done=F("items_done") + items,
            traces_total=F("traces_total") + made_traces,
            checks_total=F("checks_total") + checks,
        )
    finish_runs(counts)
    return [None if r.lease.item.pk in held else LeaseLost() for r in results]


def _end(leases: Sequence[Lease], now: datetime) -> None:
    WorkItem.objects.filter(pk__in=[lease.item.pk for lease in leases]).update(
        state=ItemState.DONE, token=None, lease_expires_at=None, finished_at=now,
        error="", error_kind="", error_detail="",
    )


@transaction.atomic
def complete_checks(leases: Sequence[Lease]) -> set[UUID]:
    """End grading items whose grades were stored in this same transaction or before (storing
    them again would change nothing). Returns the ids that were still held."""
    now = database_now()
    held = still_held(leases)
    mine = [lease for lease in leases if lease.item.pk in held]
    _end(mine, now)
    done: dict[UUID, int] = {}
    for lease in mine:
        done[lease.item.run_id] = done.get(lease.item.run_id, 0) + 1
    finish_runs(done, checks_done=done)
    return held


@dataclass(frozen=True, slots=True)
class Failed:
    """Why an item could not be done now (`retry_in` seconds) or ever (`retry_in` None)."""

    lease: Lease
    kind: str
    sentence: str
    detail: str = ""
    retry_in: float | None = None


def fail(failures: Sequence[Failed]) -> list[Exception | None]:
    """Store failures. A transient one returns to the queue until MAX_TRIES are used up."""
    now = database_now()
    held = still_held([failure.lease for failure in failures])
    failed: dict[UUID, int] = {}
    checks: dict[UUID, int] = {}
    for failure in failures:
        item = failure.lease.item
        if item.pk not in held:
            continue
        tries = int(item.payload.get("tries", 0)) + 1
        again = failure.retry_in is not None and tries < MAX_TRIES
        WorkItem.objects.filter(pk=item.pk).update(
            state=ItemState.PENDING if again else ItemState.FAILED,
            token=None,
            lease_expires_at=None,
            not_before=now + timedelta(seconds=failure.retry_in or 0) if again else None,
            finished_at=None if again else now,
            attempts=0,
            payload={**item.payload, "tries": tries},
            error_kind=failure.kind[:60],
            error=failure.sentence[:2000],
            error_detail=failure.detail[:8000],
        )
        if not again:
            counter = failed if item.kind == "generate" else checks
            counter[item.run_id] = counter.get(item.run_id, 0) + 1
    _count_failed(failed)
    finish_runs({**failed, **checks}, checks_done=checks)
    return [None if f.lease.item.pk in held else LeaseLost() for f in failures]


def _count_failed(failed: dict[UUID, int]) -> None:
    for run_id, count in failed.items():
        Run.objects.filter(pk=run_id).update(items_failed=F("items_failed") + count)


@transaction.atomic
def release(leases: Sequence[Lease]) -> None:
    """Give items back untouched, as when a worker is told to stop."""
    held = still_held(leases)
    WorkItem.objects.filter(pk__in=held).update(
        state=ItemState.PENDING, token=None, lease_expires_at=None, worker="",
        attempts=F("attempts") - 1,
    )


def finish_runs(run_ids: Any, *, checks_done: dict[UUID, int] | None = None) -> None:
    """Count ended checks, and end those of these runs that have nothing left to do."""
    for run_id, count in (checks_done or {}).items():
        Run.objects.filter(pk=run_id).update(checks_done=F("checks_done") + count)
    Run.objects.filter(
        pk__in=list(run_ids),
        planned=True,
        state__in=[RunState.RUNNING, RunState.PAUSED],
        items_total__lte=F("items_done") + F("items_failed"),
        checks_total__lte=F("checks_done"),
    ).update(state=RunState.FINISHED, finished_at=database_now())


def queues_with_work() -> list[str]:
    """Queues that hold a claimable item of a running run. Looks at one item per run and queue,
    however many there are."""
    now = database_now()
    found: set[str] = set()
    for run in Run.objects.filter(state=RunState.RUNNING).only("teachers"):
        queues = {teacher["queue"] for teacher in run.teachers.values()} | {CPU_QUEUE}
        for queue in queues - found:
            if WorkItem.objects.filter(claimable(now), run_id=run.pk, queue=queue).exists():
                found.add(queue)
    return sorted(found)

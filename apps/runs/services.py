"""Verbs on runs: create, pause, resume, cancel, retry."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone
from pydantic import ValidationError

from apps.core.errors import Conflict, InvalidInput
from apps.core.wakeups import engine_queue, ring
from apps.engines.base import engines
from apps.engines.models import Teacher
from apps.grading.base import graders as grader_registry
from apps.methods.base import methods
from apps.problems.queries import problems_matching
from apps.projects.models import Project
from apps.projects.services import record_audit
from apps.runs.models import ItemState, Run, RunState, WorkItem
from apps.runs.wakeup import ring_workers
from apps.traces.queries import traces_matching

DEFAULT_GRADERS = ["mathematical"]


def teacher_named(name: str) -> Teacher:
    """The newest version of a teacher that is not retired."""
    found = (
        Teacher.objects.filter(name=name, retired_at=None, endpoint__retired_at=None)
        .select_related("endpoint")
        .order_by("-version")
        .first()
    )
    if found is None:
        names = Teacher.objects.filter(retired_at=None).values_list("name", flat=True)
        known = ", ".join(sorted(set(names))) or "none yet; a site administrator adds them"
        raise InvalidInput(f"There is no teacher «{name}»; known are: {known}.")
    return found


def snapshot(teacher: Teacher) -> dict[str, Any]:
    """What a run remembers of a teacher. Holds no secret: those are names of variables."""
    endpoint = teacher.endpoint
    return {
        "teacher": str(teacher.pk),
        "name": teacher.name,
        "version": teacher.version,
        "endpoint": str(endpoint.pk),
        "engine": endpoint.engine,
        "model": endpoint.model,
        "queue": engine_queue(endpoint.pk),
        "system_prompt": teacher.system_prompt,
        "sampling": teacher.sampling,
    }


def sentence_of(error: ValidationError) -> str:
    """A pydantic error as one sentence."""
    return "; ".join(
        f"{'.'.join(str(part) for part in e['loc']) or 'value'}: {e['msg']}" for e in error.errors()
    )


def validated_params(schema: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Parameters checked by a plug-in's schema, with its defaults; InvalidInput otherwise."""
    try:
        return schema.model_validate(params).model_dump(mode="json")
    except ValidationError as error:
        raise InvalidInput(f"The parameters do not fit: {sentence_of(error)}.") from None


@transaction.atomic
def create_run(
    project: Project,
    method: str,
    *,
    by: Any,
    filter: str = "",
    teachers: dict[str, str],
    params: dict[str, Any] | None = None,
    graders: list[str] | None = None,
    name: str = "",
    limit: int | None = None,
    priority: int = 0,
) -> Run:
    """Start a generation run over the problems that match `filter`.

    `teachers` maps each role of the method to a teacher's name. The run keeps a snapshot of all
    it needs and is planned in the background.
    """
    chosen = methods.get(method)
    values = validated_params(chosen.params, params or {})
    missing = [role for role in chosen.roles if role not in teachers]
    unknown = [role for role in teachers if role not in chosen.roles]
    if missing or unknown:
        raise InvalidInput(
            f"{method} needs a teacher for: {', '.join(chosen.roles)}"
            + (f"; it has no role {', '.join(unknown)}." if unknown else ".")
        )
    snapshots = {role: snapshot(teacher_named(teachers[role])) for role in chosen.roles}
    inside = {s["endpoint"] for s in snapshots.values() if engines.get(s["engine"]).in_process}
    first = snapshots[chosen.roles[0]]["endpoint"]
    if len(inside) > 1 or (inside and inside != {first}):
        raise InvalidInput(
            "At most one teacher may run inside the worker, and it must play the first role; use "
            "a network endpoint for the others."
        )
    if not problems_matching(project, filter).exists():
        raise InvalidInput("No problem matches this selection; import some or change the filter.")
    for grader in graders or []:
        grader_registry.get(grader)
    run = _new_run(
        project, by=by, kind="generate", method=method, method_version=chosen.version,
        params=values, teachers=snapshots,
        graders=DEFAULT_GRADERS if graders is None else graders,
        selection={"filter": filter} | ({"limit": limit} if limit else {}), name=name,
        priority=priority,
    )
    return run


@transaction.atomic
def create_grading(
    project: Project, *, by: Any, filter: str = "", graders: list[str] | None = None
) -> Run:
    """Start grading the head revisions of the traces that match `filter`."""
    chosen = graders or DEFAULT_GRADERS
    for grader in chosen:
        grader_registry.get(grader)
    if not traces_matching(project, filter).exists():
        raise InvalidInput("No trace matches this filter; there is nothing to grade.")
    return _new_run(
        project, by=by, kind="grade", method="", graders=chosen, selection={"filter": filter}
    )


def _new_run(project: Project, *, by: Any, **values: Any) -> Run:
    # The project row is the lock under which numbers are given.
    Project.objects.select_for_update().get(pk=project.pk)
    last = Run.objects.filter(project=project).aggregate(last=Max("number"))["last"] or 0
    run = Run.objects.create(project=project, number=last + 1, created_by=by, **values)
    record_audit(
        "start-run", run, actor=by, project=project,
        after={"method": run.method or "grading", "params": run.params, "selection": run.selection},
    )
    ring("plan_run", run.pk)
    return run


@transaction.atomic
def pause_run(run: Run, *, by: Any) -> Run:
    """Claim nothing more of this run; what is in flight ends."""
    return _move(run, [RunState.RUNNING], RunState.PAUSED, by=by, verb="pause-run")


@transaction.atomic
def resume_run(run: Run, *, by: Any) -> Run:
    """Go on where a paused run stood."""
    moved = _move(run, [RunState.PAUSED], RunState.RUNNING, by=by, verb="resume-run")
    if not run.planned:
        ring("plan_run", run.pk)
    ring_run(moved)
    return moved


@transaction.atomic
def cancel_run(run: Run, *, by: Any) -> Run:
    """Stop for good: what waits is cancelled, what is in flight is aborted at its next renewal.
    Traces already made stay."""
    moved = _move(
        run, [RunState.PLANNING, RunState.RUNNING, RunState.PAUSED], RunState.CANCELLED, by=by,
        verb="cancel-run",
    )
    Run.objects.filter(pk=run.pk).update(finished_at=timezone.now())
    WorkItem.objects.filter(
        run=run, state__in=[ItemState.PENDING, ItemState.LEASED, ItemState.WAITING]
    ).update(state=ItemState.CANCELLED, token=None, lease_expires_at=None)
    return moved


@transaction.atomic
def retry_failed(run: Run, *, by: Any, kind: str = "") -> int:
    """Put failed items (of one kind of error, if given) back to work; returns how many."""
    items = WorkItem.objects.filter(run=run, state=ItemState.FAILED)
    if kind:
        items = items.filter(error_kind=kind)
    if run.state == RunState.CANCELLED:
        raise Conflict("A cancelled run cannot be retried; start a new one.")
    main = items.filter(kind="generate").count()
    checks = items.filter(kind="grade").count()
    if not main + checks:
        return 0
    for item in items.only("payload"):
        if "tries" in item.payload:
            payload = {k: v for k, v in item.payload.items() if k != "tries"}
            WorkItem.objects.filter(pk=item.pk).update(payload=payload)
    items.update(
        state=ItemState.PENDING, attempts=0, not_before=None, finished_at=None, error="",
        error_kind="", error_detail="",
    )
    Run.objects.filter(pk=run.pk).update(
        items_failed=F("items_failed") - main, checks_done=F("checks_done") - checks,
        state=RunState.RUNNING, finished_at=None,
    )
    record_audit("retry-run", run, actor=by, project=run.project, after={"items": main + checks})
    run.refresh_from_db()
    ring_run(run)
    return main + checks


def ring_run(run: Run) -> None:
    """Wake the workers that serve a run's queues."""
    for queue in {teacher["queue"] for teacher in run.teachers.values()} | {"cpu"}:
        ring_workers(queue)


def _move(run: Run, allowed: list[str], state: str, *, by: Any, verb: str) -> Run:
    changed = Run.objects.filter(pk=run.pk, state__in=allowed).update(state=state)
    run.refresh_from_db()
    if not changed:
        raise Conflict(f"{run} is {run.state}; that cannot be done now.")
    record_audit(verb, run, actor=by, project=run.project, after={"state": state})
    return run


def run_of(project: Project, number: int | str | UUID) -> Run:
    """A project's run by number."""
    found = Run.objects.filter(project=project, number=int(number)).first() if str(number).isdigit() else None
    if found is None:
        raise InvalidInput(f"There is no run {number} in this project.")
    return found

"""Verbs on endpoints and teachers. Only site administrators call them."""

import asyncio
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from pydantic import ValidationError

from apps.core.errors import InvalidInput, NotAllowed
from apps.engines.base import CompletionRequest, EngineError, Message, Sampling, engines
from apps.engines.models import Endpoint, Teacher
from apps.projects.services import record_audit


def demand_administrator(user: Any) -> None:
    """NotAllowed unless the user administers the site (None stands for the command line)."""
    if user is not None and not user.is_staff:
        raise NotAllowed("Only a site administrator may change endpoints and teachers.")


def validated_config(engine: str, config: dict[str, Any]) -> dict[str, Any]:
    """An engine's configuration checked by its schema; InvalidInput names what does not fit."""
    adapter = engines.get(engine)
    try:
        return adapter.config.model_validate(config).model_dump(mode="json", exclude_unset=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "configuration"
        raise InvalidInput(f"The {engine} engine refuses {where}: {first['msg']}.") from None


@transaction.atomic
def save_endpoint(
    name: str, *, engine: str, model: str, config: dict[str, Any], by: Any
) -> Endpoint:
    """Make an endpoint, or change what one of this name points at."""
    demand_administrator(by)
    checked = validated_config(engine, config)
    if not name.strip() or not model.strip():
        raise InvalidInput("An endpoint needs a name and a model.")
    endpoint = Endpoint.objects.filter(name=name).first()
    before = None
    if endpoint is None:
        endpoint = Endpoint(name=name, created_by=by)
    else:
        before = {"engine": endpoint.engine, "model": endpoint.model, "config": endpoint.config}
    endpoint.engine, endpoint.model, endpoint.config = engine, model.strip(), checked
    endpoint.retired_at = None
    endpoint.save()
    after = {"engine": engine, "model": model, "config": checked}
    if before != after:
        record_audit("save-endpoint", endpoint, actor=by, before=before, after=after)
    return endpoint


@transaction.atomic
def save_teacher(
    name: str,
    *,
    endpoint: Endpoint,
    system_prompt: str = "",
    sampling: dict[str, Any] | None = None,
    by: Any,
) -> Teacher:
    """Save a teacher: the next version if anything differs from the newest one."""
    demand_administrator(by)
    try:
        drawn = Sampling.model_validate(sampling or {}).model_dump(mode="json", exclude_unset=True)
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidInput(f"Sampling: {'.'.join(map(str, first['loc']))}: {first['msg']}.") from None
    newest = Teacher.objects.filter(name=name).order_by("-version").first()
    same = newest is not None and (
        newest.endpoint_id == endpoint.pk
        and newest.system_prompt == system_prompt
        and newest.sampling == drawn
        and newest.retired_at is None
    )
    if same:
        return newest
    last = Teacher.objects.filter(name=name).aggregate(last=Max("version"))["last"] or 0
    teacher = Teacher.objects.create(
        name=name, version=last + 1, endpoint=endpoint, system_prompt=system_prompt,
        sampling=drawn, created_by=by,
    )
    record_audit(
        "save-teacher", teacher, actor=by,
        after={"endpoint": endpoint.name, "version": teacher.version, "sampling": drawn},
    )
    return teacher


PROBE = "What is 2 + 3?"


def probe_endpoint(endpoint: Endpoint, *, seconds: float = 60.0) -> dict[str, Any]:
    """One real call, outside any transaction. Returns and stores what came back, or why not."""

    async def ask() -> dict[str, Any]:
        adapter = engines.get(endpoint.engine)
        engine = adapter(endpoint.model, adapter.config.model_validate(endpoint.config))
        try:
            request = CompletionRequest(
                (Message("user", PROBE),), Sampling(temperature=0, max_tokens=64)
            )
            completion = await asyncio.wait_for(engine.complete(request), seconds)
        finally:
            await engine.aclose()
        return {
            "ok": True,
            "seconds": round(completion.seconds, 3),
            "output_tokens": completion.output_tokens,
            "text": completion.text[:200],
        }

    try:
        result = asyncio.run(ask())
    except EngineError as error:
        result = {"ok": False, "why": str(error)}
    except TimeoutError:
        result = {"ok": False, "why": f"It did not answer within {seconds:.0f} seconds."}
    except (OSError, ValueError, ImportError) as error:
        result = {"ok": False, "why": f"{type(error).__name__}: {error}"}
    Endpoint.objects.filter(pk=endpoint.pk).update(probed_at=timezone.now(), probe=result)
    return result

"""Builds each endpoint's engine once per process and keeps it until the process ends."""

from typing import Any

from apps.engines.base import Engine, engines

_built: dict[str, Engine] = {}


class WrongProcess(Exception):
    """Another in-process model is loaded here; ending the process is the only unloading that
    always gives the memory back."""


def engine_for(endpoint_id: str, kind: str, model: str, config: dict[str, Any]) -> Engine:
    """The engine of an endpoint; built inside the running event loop at its first use."""
    if endpoint_id in _built:
        return _built[endpoint_id]
    adapter = engines.get(kind)
    if adapter.in_process and kind != "echo":
        if any(engine.in_process and engine.name != "echo" for engine in _built.values()):
            raise WrongProcess(endpoint_id)
    engine = adapter(model, adapter.config.model_validate(config))
    _built[endpoint_id] = engine
    return engine


def built() -> dict[str, Engine]:
    """Engines that live in this process, by endpoint id."""
    return dict(_built)


async def close_all() -> None:
    """Release every engine."""
    while _built:
        _, engine = _built.popitem()
        await engine.aclose()

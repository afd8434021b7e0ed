"""What every registered engine owes, whoever wrote it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from apps.core.registry import describe
from apps.core.schema_forms import form_for
from apps.engines.base import (
    CompletionRequest,
    Engine,
    EngineDead,
    Message,
    PermanentEngineError,
    Sampling,
    TransientEngineError,
    engines,
)
from tests.mock_openai import MockServer, MockSettings
from tests.tiny_models import save_model

pytestmark = pytest.mark.timeout(120)
LONG = "the long one"


def request(text: str = "What is 2 + 3?", *, prefill: str = "", **drawn: Any) -> CompletionRequest:
    sampling = Sampling.model_validate({"max_tokens": 12, "seed": 1, **drawn})
    return CompletionRequest((Message("user", text),), sampling, prefill)


@dataclass
class Case:
    """A built engine, requests that fail in each way it can fail, and how busy it is."""

    engine: Engine
    in_flight: Callable[[], int]
    failing: dict[type[Exception], CompletionRequest] = field(default_factory=dict)


@asynccontextmanager
async def built(kind: str, model: str, **config: Any) -> AsyncIterator[Engine]:
    adapter = engines.get(kind)
    engine = adapter(model, adapter.config.model_validate(config))
    try:
        yield engine
    finally:
        await engine.aclose()


@asynccontextmanager
async def echo_case(folder: Path) -> AsyncIterator[Case]:
    script = [{"match": kind, "error": kind} for kind in ("transient", "permanent", "dead")]
    script.append({"match": LONG, "delay_seconds": 600})
    async with built("echo", "echo", script=script, delay_seconds=0.001, capacity=16) as engine:
        counts = engine.counts  # type: ignore[attr-defined]
        yield Case(
            engine,
            lambda: counts["asked"] - counts["answered"] - counts["aborted"] - counts["failed"],
            {
                TransientEngineError: request("transient"),
                PermanentEngineError: request("permanent"),
                EngineDead: request("dead"),
            },
        )


@asynccontextmanager
async def openai_case(folder: Path) -> AsyncIterator[Case]:
    async with (
        MockServer(MockSettings(latency=0.002)) as server,
        built("openai", "mock", base_url=server.base_url, max_concurrency=16) as engine,
    ):
        yield Case(
            engine,
            lambda: server.in_flight,
            {
                TransientEngineError: request("[[mock:503:1]]"),
                PermanentEngineError: request("[[mock:400]]"),
            },
        )


@asynccontextmanager
async def transformers_case(folder: Path) -> AsyncIterator[Case]:
    save_model(folder, endless=True)
    async with built("transformers", str(folder), max_batch=16) as engine:
        yield Case(
            engine,
            lambda: engine.state()["in_flight"],
            {PermanentEngineError: request("apples " * 600)},
        )


FACTORIES = {"echo": echo_case, "openai": openai_case, "transformers": transformers_case}
EVERY = pytest.mark.parametrize("kind", sorted(FACTORIES))


def long_request(kind: str) -> CompletionRequest:
    text = "[[mock:stall]]" if kind == "openai" else LONG
    return request(text, max_tokens=100_000)


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition never held"
        await asyncio.sleep(0.005)


def test_every_registered_engine_is_tried_here() -> None:
    assert set(FACTORIES) == set(engines.names())


@EVERY
def test_an_engine_describes_itself_and_has_a_form(kind: str) -> None:
    adapter = engines.get(kind)
    assert describe(adapter).endswith(".")
    assert isinstance(adapter.version, int)  # type: ignore[attr-defined]
    assert form_for(adapter.config)().fields


@EVERY
async def test_hundreds_of_requests_at_once_each_get_their_own_answer(
    kind: str, tmp_path: Path
) -> None:
    async with FACTORIES[kind](tmp_path) as case:
        asked = [request(f"How many are {n} coins?", seed=n) for n in range(200)]
        together = await asyncio.gather(*(case.engine.complete(one) for one in asked))
        assert all(answer.text and answer.output_tokens > 0 for answer in together)
        assert len({answer.text for answer in together}) > 150
        for number in (0, 77, 199):
            alone = await case.engine.complete(asked[number])
            assert alone.text == together[number].text


@EVERY
async def test_a_cancelled_request_is_aborted_and_the_others_go_on(
    kind: str, tmp_path: Path
) -> None:
    async with FACTORIES[kind](tmp_path) as case:
        doomed = [asyncio.create_task(case.engine.complete(long_request(kind))) for _ in range(15)]
        await until(lambda: case.in_flight() == 15)
        short = asyncio.create_task(case.engine.complete(request()))
        for task in doomed:
            task.cancel()
        began = time.monotonic()
        ended = await asyncio.gather(*doomed, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ended)
        assert time.monotonic() - began < 1
        assert (await short).text
        await until(lambda: case.in_flight() == 0)


@EVERY
async def test_each_kind_of_error_is_one_of_the_three_with_a_sentence(
    kind: str, tmp_path: Path
) -> None:
    async with FACTORIES[kind](tmp_path) as case:
        for error, failing in case.failing.items():
            with pytest.raises(error) as caught:
                await case.engine.complete(failing)
            said = str(caught.value)
            assert said.endswith(".")
            assert "\n" not in said
            assert said[0].isupper()
            if error is EngineDead:
                with pytest.raises(EngineDead):
                    await case.engine.complete(request())
            else:
                assert (await case.engine.complete(request())).text


@EVERY
async def test_the_limit_of_tokens_holds_and_is_told(kind: str, tmp_path: Path) -> None:
    async with FACTORIES[kind](tmp_path) as case:
        answer = await case.engine.complete(request(max_tokens=3))
        assert (answer.finish_reason, answer.output_tokens) == ("length", 3)


@EVERY
async def test_a_prefill_starts_the_text(kind: str, tmp_path: Path) -> None:
    async with FACTORIES[kind](tmp_path) as case:
        answer = await case.engine.complete(request(prefill="<think>\nFirst, "))
        assert answer.text.startswith("<think>\nFirst, ")
        assert len(answer.text) > len("<think>\nFirst, ")


@EVERY
async def test_scores_are_given_or_refused_in_a_sentence(kind: str, tmp_path: Path) -> None:
    async with FACTORIES[kind](tmp_path) as case:
        if type(case.engine).score is Engine.score:
            with pytest.raises(PermanentEngineError, match="cannot score"):
                await case.engine.score(request(), "Five.")
        else:
            assert all(score <= 0 for score in await case.engine.score(request(), "Five."))


@EVERY
async def test_the_state_is_json_and_tells_the_capacity(kind: str, tmp_path: Path) -> None:
    async with FACTORIES[kind](tmp_path) as case:
        await case.engine.complete(request())
        state = json.loads(json.dumps(case.engine.state()))
        assert state["capacity"] == case.engine.capacity == 16
        assert state["version"] >= 1


@EVERY
async def test_a_completion_survives_being_stored(kind: str, tmp_path: Path) -> None:
    async with FACTORIES[kind](tmp_path) as case:
        answer = await case.engine.complete(request())
        stored = json.loads(json.dumps(answer.as_json()))
        assert type(answer).from_json(stored) == answer

"""The HTTP engine against a real server: fields, waits, refusals, and no secrets in sentences."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from pydantic import ValidationError

from apps.engines.adapters.openai import OpenAIConfig, OpenAIEngine, retry_after
from apps.engines.base import (
    CompletionRequest,
    Message,
    PermanentEngineError,
    Sampling,
    TransientEngineError,
)
from tests.mock_openai import MockServer, MockSettings

KEY = "sk-very-secret-value"


def request(text: str = "q", *, prefill: str = "", **drawn: Any) -> CompletionRequest:
    messages = (Message("system", "Be brief."), Message("user", text))
    return CompletionRequest(messages, Sampling.model_validate(drawn), prefill)


@asynccontextmanager
async def pair(
    settings: MockSettings | None = None, **config: Any
) -> AsyncIterator[tuple[MockServer, OpenAIEngine]]:
    async with MockServer(settings) as server:
        engine = OpenAIEngine("m", OpenAIConfig(base_url=server.base_url, **config))
        try:
            yield server, engine
        finally:
            await engine.aclose()


@pytest.mark.parametrize("variant", ["reasoning", "reasoning_content"])
async def test_a_thought_in_a_field_of_its_own_is_joined_to_the_answer(variant: str) -> None:
    async with pair(MockSettings(reasoning=variant)) as (_, engine):
        answer = await engine.complete(request())
    assert answer.tag_state == "separate_field"
    assert answer.details == {"field": variant}
    assert answer.text.startswith("<think>The start is")
    assert answer.reasoning.startswith("The start is")
    assert answer.answer.startswith("The answer is")


async def test_tags_in_the_content_are_kept_as_they_are() -> None:
    async with pair(MockSettings(reasoning="tags")) as (_, engine):
        answer = await engine.complete(request())
    assert answer.tag_state == ""
    assert answer.split.state == "well_formed"
    assert min(answer.output_tokens, answer.prompt_tokens) > 0


async def test_the_request_says_how_to_draw_and_extra_fields_are_added_or_removed() -> None:
    extra = {"chat_template_kwargs": {"enable_thinking": True}, "max_tokens": None, "n": 1}
    async with pair(extra_body=extra) as (server, engine):
        server.keep_bodies = True
        await engine.complete(request(top_p=0.9, top_k=5, stop=["END"], seed=7, temperature=0.3))
        await engine.complete(request(prefill="<think>\nSo"))
    first, second = server.bodies
    assert (first["top_p"], first["top_k"], first["stop"], first["seed"]) == (0.9, 5, ["END"], 7)
    assert first["chat_template_kwargs"] == {"enable_thinking": True}
    assert "max_tokens" not in first
    assert first["n"] == 1
    assert first["messages"][0] == {"role": "system", "content": "Be brief."}
    assert second["messages"][-1] == {"role": "assistant", "content": "<think>\nSo"}
    assert second["continue_final_message"] is True
    assert not {"top_p", "top_k", "stop", "seed"} & set(second)


@pytest.mark.parametrize("as_date", [False, True])
async def test_a_wished_pause_holds_back_every_request(as_date: bool) -> None:
    # A date has whole seconds, so a pause of 2.5 s lasts at least 1.5.
    wait, least = (2.5, 1.2) if as_date else (0.3, 0.29)
    async with pair(MockSettings(retry_after=wait, retry_after_as_date=as_date)) as (_, engine):
        with pytest.raises(TransientEngineError) as caught:
            await engine.complete(request("[[mock:429]]"))
        assert caught.value.retry_after == pytest.approx(wait, abs=1.3 if as_date else 0.01)
        state = engine.state()
        assert state["capacity"] == 32
        assert "429" in state["cause"]
        assert state["paused_seconds"] > 0
        began = time.monotonic()
        await asyncio.gather(*(engine.complete(request(str(n))) for n in range(5)))
        assert time.monotonic() - began >= least


async def test_a_server_with_a_limit_is_asked_no_more_than_it_bears() -> None:
    async with pair(MockSettings(latency=0.01, limit=8, retry_after=0.02)) as (server, engine):

        async def insist(text: str) -> str:
            while True:
                try:
                    return (await engine.complete(request(text))).text
                except TransientEngineError as error:
                    await asyncio.sleep(error.retry_after or 0.01)

        texts = await asyncio.gather(*(insist(f"q{n}") for n in range(300)))
        assert len(set(texts)) > 200
        assert server.counts()["answered_twice"] == 0
        assert engine.capacity < 20
        assert server.statuses["429"] < 150


@pytest.mark.parametrize("kind", ["500", "503", "408", "malformed", "drop"])
async def test_what_may_work_later_is_transient(kind: str) -> None:
    async with pair() as (_, engine):
        with pytest.raises(TransientEngineError):
            await engine.complete(request(f"[[mock:{kind}:1]]"))
        assert (await engine.complete(request(f"[[mock:{kind}:1]]"))).text


@pytest.mark.parametrize("kind", ["400", "404", "422", "302"])
async def test_what_will_never_work_is_permanent(kind: str) -> None:
    async with pair() as (_, engine):
        with pytest.raises(PermanentEngineError, match=kind):
            await engine.complete(request(f"[[mock:{kind}]]"))
        assert engine.capacity == 64


async def test_a_server_that_stalls_times_out_and_slows_the_engine_down() -> None:
    async with pair(timeout_seconds=0.1) as (_, engine):
        with pytest.raises(TransientEngineError, match="in time"):
            await engine.complete(request("[[mock:stall]]"))
        assert engine.capacity == 32
        assert "in time" in engine.state()["cause"]


async def test_nobody_listening_is_transient() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    engine = OpenAIEngine("m", OpenAIConfig(base_url=f"http://127.0.0.1:{port}/v1"))
    with pytest.raises(TransientEngineError, match="no connection"):
        await engine.complete(request())
    await engine.aclose()


async def test_a_wrong_key_names_the_variable_and_never_the_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TEST_TEACHER_KEY", KEY)
    async with pair(MockSettings(key="another"), api_key_env="TEST_TEACHER_KEY") as (_, engine):
        with pytest.raises(PermanentEngineError, match="TEST_TEACHER_KEY") as caught:
            await engine.complete(request())
        assert KEY not in str(caught.value) + str(engine.state())
    async with pair(MockSettings(key=KEY), api_key_env="TEST_TEACHER_KEY") as (_, engine):
        assert (await engine.complete(request())).text


async def test_a_key_that_is_not_set_is_said_when_the_engine_is_built() -> None:
    with pytest.raises(PermanentEngineError, match="TEST_ABSENT_KEY"):
        OpenAIEngine("m", OpenAIConfig(api_key_env="TEST_ABSENT_KEY"))


@pytest.mark.parametrize(
    "config",
    [{"base_url": "http://169.254.169.254/v1"}, {"api_key_env": KEY}, {"extra_body": "[1]"},
     {"api_key_env": "STILLROOM_SECRET_KEY"}, {"allow_private": False}],
)
def test_a_configuration_that_cannot_be_used_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OpenAIConfig(**config)


async def test_a_name_that_resolves_to_a_private_address_needs_permission() -> None:
    config = OpenAIConfig(base_url="http://localhost:9/v1", allow_private=False)
    engine = OpenAIEngine("m", config)
    with pytest.raises(PermanentEngineError, match="private"):
        await engine.complete(request())
    await engine.aclose()


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("", None), ("3", 3.0), ("0.5", 0.5), ("-4", 0.0), ("99999999", 600.0), ("soon", None),
     ("nan", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)],
)
def test_retry_after_is_read_as_seconds(value: str, seconds: float | None) -> None:
    assert retry_after(value) == seconds


def test_retry_after_is_read_as_a_date() -> None:
    then = datetime.now(UTC) + timedelta(seconds=30)
    assert retry_after(format_datetime(then, usegmt=True)) == pytest.approx(30, abs=1.5)


async def test_a_hundred_requests_share_kept_connections() -> None:
    async with pair(MockSettings(latency=0.001), max_concurrency=4) as (server, engine):
        await asyncio.gather(*(engine.complete(request(str(n))) for n in range(100)))
        assert server.peak <= 4
        assert len(engine.client.session.connector._conns) == 1

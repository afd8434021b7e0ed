"""The scripted engine says what its script says, and fails when told to."""

import asyncio

import pytest
from pydantic import ValidationError

from apps.engines.adapters.echo import EchoConfig, EchoEngine
from apps.engines.base import (
    CompletionRequest,
    EngineDead,
    Message,
    Sampling,
    TransientEngineError,
)


def request(text: str, **drawn: object) -> CompletionRequest:
    return CompletionRequest((Message("user", text),), Sampling.model_validate(drawn))


async def say(engine: EchoEngine, text: str, **drawn: object) -> str:
    return (await engine.complete(request(text, **drawn))).text


async def test_a_question_without_a_rule_gets_the_same_seeded_thought_and_answer() -> None:
    first, second = EchoEngine("m", EchoConfig()), EchoEngine("m", EchoConfig())
    answer = await first.complete(request("What is it?", seed=3))
    assert answer.text.startswith("<think>\n")
    assert answer.split.state == "well_formed"
    assert "\\boxed{" in answer.answer
    assert answer.text == await say(second, "What is it?", seed=3)
    assert answer.text != await say(second, "What is it?", seed=4)
    assert answer.text != await say(EchoEngine("m", EchoConfig(seed=1)), "What is it?", seed=3)


async def test_an_object_maps_patterns_to_answers() -> None:
    engine = EchoEngine("m", EchoConfig(script={"apples?": "four", "coin": ["one", "two"]}))
    assert await say(engine, "How many apples?") == "four"
    assert {await say(engine, "coin", seed=n) for n in range(20)} == {"one", "two"}


async def test_answers_in_order_follow_the_asks_of_each_question() -> None:
    script = [{"match": "q", "answers": ["wrong", "right"], "in_order": True}]
    engine = EchoEngine("m", EchoConfig(script=script))
    assert [await say(engine, "q1") for _ in range(3)] == ["wrong", "right", "right"]
    assert await say(engine, "q2") == "wrong"


async def test_a_transient_error_passes_after_its_times() -> None:
    script = [{"error": "transient", "times": 2, "retry_after": 0.5, "answers": ["there"]}]
    engine = EchoEngine("m", EchoConfig(script=script))
    for _ in range(2):
        with pytest.raises(TransientEngineError) as caught:
            await say(engine, "q")
        assert caught.value.retry_after == 0.5
    assert await say(engine, "q") == "there"
    assert engine.state()["failed"] == 2


async def test_a_dead_engine_stays_dead() -> None:
    engine = EchoEngine("m", EchoConfig(script=[{"match": "poison", "error": "dead", "times": 1}]))
    with pytest.raises(EngineDead):
        await say(engine, "poison")
    with pytest.raises(EngineDead):
        await say(engine, "anything")


async def test_more_requests_than_the_capacity_wait() -> None:
    engine = EchoEngine("m", EchoConfig(capacity=5, delay_seconds=0.02))
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.gather(*(say(engine, str(n)) for n in range(15)))
    assert loop.time() - began >= 0.058


async def test_stop_strings_and_token_limits_cut_the_answer() -> None:
    engine = EchoEngine("m", EchoConfig(script={"": "one two three four"}))
    assert await say(engine, "q", stop=["three"]) == "one two "
    cut = await engine.complete(request("q", max_tokens=2))
    assert (cut.text, cut.finish_reason, cut.output_tokens) == ("one two", "length", 2)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("{", "not JSON"), ("3", "neither a list"), ('[{"match": "("}]', "regular expression"),
        ('[{"error": "odd"}]', "rule 1, error"), ('[{"unknown": 1}]', "rule 1, unknown"),
    ],
)
def test_a_script_that_cannot_be_read_is_refused_with_a_sentence(script: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        EchoConfig(script=script)

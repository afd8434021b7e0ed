"""The in-process engine gives what the model gives, whatever else is in the batch."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from apps.engines.adapters.transformers import TransformersConfig, TransformersEngine
from apps.engines.base import (
    Completion,
    CompletionRequest,
    EngineDead,
    Message,
    PermanentEngineError,
    Sampling,
)
from tests.tiny_models import save_model

pytestmark = pytest.mark.timeout(120)
QUESTIONS = ("Ada has three apples.", "How many coins? " * 9, "x", "Let me check: twelve coins.")


def request(text: str = "How many?", *, prefill: str = "", **drawn: Any) -> CompletionRequest:
    sampling = Sampling.model_validate({"max_tokens": 30, "seed": 1, **drawn})
    return CompletionRequest((Message("user", text),), sampling, prefill)


@asynccontextmanager
async def loaded(folder: Path | str, **config: Any) -> AsyncIterator[TransformersEngine]:
    engine = TransformersEngine(str(folder), TransformersConfig(**config))
    try:
        yield engine
    finally:
        await engine.aclose()


async def together(engine: TransformersEngine, asked: list[CompletionRequest]) -> list[Completion]:
    return await asyncio.gather(*(engine.complete(one) for one in asked))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that never ends by itself, behind a template that opens a thought."""
    return save_model(tmp_path_factory.mktemp("tiny"), opening="<think>\n", endless=True)


SLIDING = {"sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"] * 1}


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("llama", {}),
        ("qwen3", {}),
        ("mistral", {"sliding_window": 8}),
        ("gemma3_text", {**SLIDING, "num_hidden_layers": 2}),
    ],
    ids=["llama", "qwen3", "mistral-window", "gemma3-mixed-windows"],
)
async def test_greedy_answers_equal_those_of_generate(
    kind: str, more: dict[str, Any], tmp_path: Path
) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    save_model(tmp_path, kind=kind, **more)
    async with loaded(tmp_path, max_batch=3) as engine:
        answers = await together(engine, [request(q, temperature=0) for q in QUESTIONS])
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tmp_path)
    for question, answer in zip(QUESTIONS, answers, strict=True):
        asked = tokenizer.apply_chat_template(
            [{"role": "user", "content": question}], add_generation_prompt=True,
            return_tensors="pt", return_dict=True,
        )
        with torch.no_grad():
            whole = model.generate(**asked, do_sample=False, max_new_tokens=30, pad_token_id=0)
        new = whole[0, asked["input_ids"].shape[1] :]
        assert answer.text == tokenizer.decode(new, skip_special_tokens=True)
        assert answer.output_tokens == len(new)


async def test_a_seed_draws_the_same_whatever_else_is_in_the_batch(tiny: Path) -> None:
    async with loaded(tiny, max_batch=8) as engine:
        asked = [request(QUESTIONS[n % 4], seed=n, max_tokens=10 + n) for n in range(24)]
        crowd = await together(engine, asked)
        assert len({answer.text for answer in crowd}) == 24
        for number in (0, 5, 13, 23):
            alone = await engine.complete(asked[number])
            assert alone.text == crowd[number].text


async def test_the_text_starts_with_the_thought_that_the_template_opened(tiny: Path) -> None:
    async with loaded(tiny) as engine:
        answer = await engine.complete(request())
        assert answer.text.startswith("<think>\n")
        assert answer.split.state == "unclosed"
        again = await engine.complete(request(prefill="<think>\nFirst "))
        assert again.text.startswith("<think>\nFirst ")
        assert again.prompt_tokens > answer.prompt_tokens


async def test_a_stop_string_ends_the_text_before_it(tiny: Path) -> None:
    async with loaded(tiny) as engine:
        whole = await engine.complete(request(temperature=0))
        middle = whole.text[20:23]
        cut = await engine.complete(request(temperature=0, stop=[middle]))
        assert cut.finish_reason == "stop"
        assert cut.text == whole.text[: whole.text.index(middle, len("<think>\n"))]
        assert cut.output_tokens < whole.output_tokens


async def test_an_end_token_stops_a_row_and_is_left_out(tmp_path: Path) -> None:
    save_model(tmp_path)
    async with loaded(tmp_path) as engine:
        answers = await together(
            engine, [request(temperature=2.0, seed=n, max_tokens=450) for n in range(8)]
        )
    assert {answer.finish_reason for answer in answers} >= {"stop"}
    assert not any("<|end|>" in answer.text for answer in answers)


async def test_a_prompt_longer_than_the_model_is_refused_and_a_long_answer_is_cut(
    tiny: Path,
) -> None:
    async with loaded(tiny) as engine:
        with pytest.raises(PermanentEngineError, match="takes 512"):
            await engine.complete(request("apples " * 600))
        answer = await engine.complete(request(max_tokens=100_000))
        assert answer.finish_reason == "length"
        assert answer.prompt_tokens + answer.output_tokens == 512


async def test_a_row_joins_while_others_run(tiny: Path) -> None:
    async with loaded(tiny, max_batch=8) as engine:
        long = asyncio.create_task(engine.complete(request(max_tokens=480)))
        while not engine.state()["in_flight"]:
            await asyncio.sleep(0.001)
        await engine.complete(request("short", max_tokens=3))
        assert not long.done()
        await long


async def test_cancelled_requests_stop_costing_steps(tiny: Path) -> None:
    async with loaded(tiny, max_batch=4) as engine:
        await engine.complete(request(max_tokens=1))
        doomed = [
            asyncio.create_task(engine.complete(request(max_tokens=480))) for _ in range(12)
        ]
        while engine.state()["in_flight"] < 4:
            await asyncio.sleep(0.001)
        for task in doomed:
            task.cancel()
        await asyncio.gather(*doomed, return_exceptions=True)
        before = engine.state()["steps"]
        await engine.complete(request(max_tokens=2))
        assert engine.state()["steps"] - before <= 4
        assert engine.state()["waiting"] == 0


async def test_a_model_that_is_not_there_is_said_in_a_sentence(tmp_path: Path) -> None:
    async with loaded(tmp_path / "nothing") as engine:
        for _ in range(2):
            with pytest.raises(PermanentEngineError, match="could not be loaded"):
                await engine.complete(request())


async def test_a_closed_engine_is_dead_for_whoever_still_asks(tiny: Path) -> None:
    engine = TransformersEngine(str(tiny), TransformersConfig())
    waiting = asyncio.create_task(engine.complete(request(max_tokens=500)))
    while not engine.state()["in_flight"]:
        await asyncio.sleep(0.001)
    await engine.aclose()
    with pytest.raises(EngineDead):
        await waiting
    with pytest.raises(EngineDead):
        await engine.complete(request())


async def test_memory_that_runs_out_halves_the_batch_and_loses_nothing(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from transformers import LlamaForCausalLM

    forward = LlamaForCausalLM.forward

    @wraps(forward)
    def scarce(self: Any, input_ids: Any, **more: Any) -> Any:
        if input_ids.shape[0] > 2:
            raise torch.OutOfMemoryError("as if the GPU were full")
        return forward(self, input_ids=input_ids, **more)

    asked = [request(seed=n) for n in range(8)]
    async with loaded(tiny, max_batch=8) as engine:
        plenty = await together(engine, asked)
    monkeypatch.setattr(LlamaForCausalLM, "forward", scarce)
    async with loaded(tiny, max_batch=8) as engine:
        few = await together(engine, asked)
        assert engine.capacity == 2
        assert "Memory ran out" in engine.state()["last_error"]
    assert [a.text for a in few] == [a.text for a in plenty]


async def test_numbers_that_are_not_finite_fail_one_request_with_advice(tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    save_model(tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tmp_path)
    with torch.no_grad():
        model.lm_head.weight[:] = float("nan")
    model.save_pretrained(tmp_path)
    async with loaded(tmp_path) as engine:
        with pytest.raises(PermanentEngineError, match="not finite"):
            await engine.complete(request())


@pytest.mark.engine
async def test_the_shipped_teacher_thinks_and_answers() -> None:
    from apps.samples.paths import TEACHER_DIR

    if not (TEACHER_DIR / "config.json").is_file():
        pytest.skip("the sample teacher was not trained yet")
    async with loaded("sample") as engine:
        answer = await engine.complete(request("Ada has 12 apples. She gives 5 to Ben. How many "
                                               "apples does Ada have now?", max_tokens=320))
    assert answer.text.startswith("<think>")
    assert answer.split.state == "well_formed"

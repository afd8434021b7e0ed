"""Try an engine without the product around it, and print one JSON line.

    python -m apps.engines.check transformers sample
    python -m apps.engines.check openai my-model --param base_url=http://127.0.0.1:8000/v1

A probe, a round of requests at once, and a cancelled request. Ends with 0 if all of it worked.
"""

import argparse
import asyncio
import json
import time
from typing import Any

from pydantic import ValidationError

from apps.core.errors import InvalidInput
from apps.engines.base import CompletionRequest, Engine, EngineError, Message, Sampling, engines

QUESTIONS = (
    "What is 2 + 3?",
    "Ada has 12 apples and gives 5 to Ben. How many apples has she left?",
    "A book costs 7 coins. What do 6 books cost?",
    "Clara has 40 beads, loses 8 and then doubles what she has. How many beads has she?",
)


def question(number: int, *, max_tokens: int, temperature: float = 1.0) -> CompletionRequest:
    """The request with this number: questions take turns, seeds differ."""
    text = QUESTIONS[number % len(QUESTIONS)]
    drawn = Sampling(temperature=temperature, max_tokens=max_tokens, seed=number)
    return CompletionRequest((Message("user", text),), drawn)


def read_params(values: list[str]) -> dict[str, Any]:
    """`k=v` arguments as a dictionary; values that are JSON are read as such."""
    found: dict[str, Any] = {}
    for value in values:
        key, sign, text = value.partition("=")
        if not sign or not key:
            raise InvalidInput(f"«{value}» is not name=value.")
        try:
            found[key] = json.loads(text)
        except ValueError:
            found[key] = text
    return found


async def check_engine(
    engine: Engine, *, requests: int = 16, max_tokens: int = 64, seconds: float = 300.0
) -> dict[str, Any]:
    """What the engine did: `probe` (seconds include loading), `generate` (output tokens and
    requests a second of all requests asked at once), `cancel` (seconds until the caller had
    control again, and whether the engine answered after it). EngineError as the engine raises it;
    TimeoutError after `seconds` a part."""
    began = time.perf_counter()
    first = await asyncio.wait_for(
        engine.complete(question(0, max_tokens=max_tokens, temperature=0.0)), seconds
    )
    probe = {"seconds": round(time.perf_counter() - began, 3), "text": first.text[:200]}

    began = time.perf_counter()
    asked = [engine.complete(question(n, max_tokens=max_tokens)) for n in range(requests)]
    answers = await asyncio.wait_for(asyncio.gather(*asked), seconds)
    took = time.perf_counter() - began
    tokens = sum(answer.output_tokens for answer in answers)
    generate = {
        "requests": requests,
        "seconds": round(took, 3),
        "requests_per_second": round(requests / took, 2),
        "output_tokens": tokens,
        "tokens_per_second": round(tokens / took, 1),
        "finish_reasons": {
            reason: sum(answer.finish_reason == reason for answer in answers)
            for reason in sorted({answer.finish_reason for answer in answers})
        },
        "splits": sorted({answer.tag_state or answer.split.state for answer in answers}),
    }

    doomed = asyncio.create_task(engine.complete(question(requests, max_tokens=4096)))
    await asyncio.sleep(0.05)
    began = time.perf_counter()
    doomed.cancel()
    ended = await asyncio.gather(doomed, return_exceptions=True)
    cancelled = time.perf_counter() - began
    after = await asyncio.wait_for(engine.complete(question(0, max_tokens=8)), seconds)
    cancel = {
        "seconds": round(cancelled, 4),
        "had_finished": not isinstance(ended[0], asyncio.CancelledError),
        "answers_after": bool(after.text),
    }
    return {"ok": True, "probe": probe, "generate": generate, "cancel": cancel}


async def run(kind: str, model: str, params: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Build, check and close an engine; what went wrong is a sentence under `why`."""
    try:
        adapter = engines.get(kind)
        engine = adapter(model, adapter.config.model_validate(params))
    except InvalidInput as error:
        return {"ok": False, "why": error.message}
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "configuration"
        return {"ok": False, "why": f"The {kind} engine refuses {where}: {first['msg']}."}
    except EngineError as error:
        return {"ok": False, "why": str(error)}
    try:
        found = await check_engine(engine, **options)
    except EngineError as error:
        found = {"ok": False, "why": str(error), "error": type(error).__name__}
    except TimeoutError:
        found = {"ok": False, "why": "The engine did not answer in time."}
    finally:
        state = engine.state()
        await engine.aclose()
    return {"engine": kind, "model": model, **found, "state": state}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m apps.engines.check", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kind", help=f"one of {', '.join(engines.names())}")
    parser.add_argument("model", help="path, Hub id, or the name a server knows")
    parser.add_argument("--param", action="append", default=[], metavar="k=v",
                        help="engine configuration")
    parser.add_argument("--requests", type=int, default=16, help="asked at once")
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=300.0, help="patience with each part")
    given = parser.parse_args()
    try:
        params = read_params(given.param)
    except InvalidInput as error:
        parser.error(error.message)
    found = asyncio.run(
        run(given.kind, given.model, params, requests=given.requests,
            max_tokens=given.max_tokens, seconds=given.seconds)
    )
    print(json.dumps(found, ensure_ascii=False), flush=True)
    return 0 if found["ok"] else 1


if __name__ == "__main__":
    raise SystemExit(main())

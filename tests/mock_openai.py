"""An OpenAI-compatible server that invents answers, for tests and for the bench.

    python -m tests.mock_openai --port 0 --print-port --latency 0.05
    python -m tests.mock_openai --lognormal 0.3 --sigma 1.0 --errors 429=0.02,drop=0.01

`/stats` tells how often each prompt was asked and answered, so that it can be proved that nothing
was asked twice. A prompt is its messages and its seed: the samples of one problem differ.

Errors are drawn from the prompt and from how often it was asked, so a run can be repeated. Kinds:
`429` (with Retry-After), any other status, `stall` (never answers), `malformed`, `drop` (the
connection is closed). A message that holds `[[mock:429]]` always fails so, `[[mock:429:2]]` the
first two times.
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import random
import re
import signal
from collections import Counter
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from time import time
from typing import Any

import orjson
from aiohttp import web

DIRECTIVE = re.compile(r"\[\[mock:(\w+)(?::(\d+))?\]\]")
VARIANTS = ("tags", "reasoning", "reasoning_content", "none")


@dataclass(slots=True)
class MockSettings:
    """How the server behaves. `errors` maps a kind to its share of all requests."""

    latency: float = 0.0
    lognormal: float = 0.0
    sigma: float = 1.0
    longest: float = 30.0
    errors: dict[str, float] = field(default_factory=dict)
    retry_after: float = 0.2
    retry_after_as_date: bool = False
    reasoning: str = "tags"
    limit: int = 0
    key: str = ""
    words: int = 40
    seed: int = 0


class MockServer:
    """The server and its counts; `async with MockServer(settings) as server: server.base_url`."""

    def __init__(self, settings: MockSettings | None = None, *, port: int = 0) -> None:
        self.settings = settings or MockSettings()
        self.port = port
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.in_flight = self.peak = self.aborted = self.connections = 0
        self.bodies: list[dict[str, Any]] = []
        self.keep_bodies = False
        self.filler = "so we add and check again " * 4000

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def __aenter__(self) -> "MockServer":
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_post("/v1/chat/completions", self.complete)
        app.router.add_get("/v1/models", self.models)
        app.router.add_get("/stats", self.stats)
        app.router.add_post("/reset", self.reset)
        self.runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1
        )
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", self.port, backlog=4096)
        await site.start()
        self.port = self.runner.addresses[0][1]
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.runner.cleanup()

    def counts(self, *, prompts: bool = False) -> dict[str, Any]:
        """What `/stats` says."""
        found: dict[str, Any] = {
            "requests": sum(self.asked.values()),
            "prompts": len(self.asked),
            "answers": sum(self.answered.values()),
            "most_asked": max(self.asked.values(), default=0),
            "asked_twice": sum(1 for n in self.asked.values() if n > 1),
            "answered_twice": sum(1 for n in self.answered.values() if n > 1),
            "by_status": dict(self.statuses),
            "in_flight": self.in_flight,
            "peak_in_flight": self.peak,
            "aborted": self.aborted,
        }
        if prompts:
            found["asked"] = dict(self.asked)
            found["answered"] = dict(self.answered)
        return found

    async def stats(self, request: web.Request) -> web.Response:
        return web.json_response(self.counts(prompts="prompts" in request.query))

    async def reset(self, request: web.Request) -> web.Response:
        for counter in (self.asked, self.answered, self.statuses):
            counter.clear()
        self.peak = self.aborted = 0
        return web.json_response({})

    async def models(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "mock", "object": "model"}]})

    async def complete(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        try:
            body = orjson.loads(raw)
            messages = body["messages"]
            last = messages[-1]["content"]
        except (ValueError, KeyError, IndexError, TypeError):
            return self._error(400, "The body is not a chat completion request.")
        if self.keep_bodies:
            self.bodies.append({**body, "_headers": dict(request.headers)})
        shown = request.headers.get("Authorization", "")
        if self.settings.key and shown != f"Bearer {self.settings.key}":
            return self._error(401, f"Wrong key {shown}.")
        prompt = hashlib.sha256(orjson.dumps([messages, body.get("seed")])).hexdigest()
        times = self.asked[prompt]
        self.asked[prompt] += 1
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            rng = random.Random(f"{self.settings.seed}|{prompt}|{times}")
            kind = self._error_kind(last, times, rng)
            if self.settings.limit and self.in_flight > self.settings.limit:
                kind = "429"
            if kind and kind != "malformed":
                return await self._fail(kind, request)
            await asyncio.sleep(self._latency(rng))
            if kind == "malformed":
                self.statuses["malformed"] += 1
                return web.Response(body=b'{"choices": [', content_type="application/json")
            self.answered[prompt] += 1
            self.statuses["200"] += 1
            return web.Response(
                body=self._answer(body, prompt, len(raw)), content_type="application/json"
            )
        except asyncio.CancelledError:
            self.aborted += 1
            raise
        finally:
            self.in_flight -= 1

    def _latency(self, rng: random.Random) -> float:
        settings = self.settings
        if settings.lognormal:
            drawn = settings.lognormal * rng.lognormvariate(0.0, settings.sigma)
            return min(settings.longest, drawn)
        return settings.latency

    def _error_kind(self, last: str, times: int, rng: random.Random) -> str:
        wanted = DIRECTIVE.search(last) if isinstance(last, str) else None
        if wanted:
            return wanted[1] if not wanted[2] or times < int(wanted[2]) else ""
        if self.settings.errors:
            drawn = rng.random()
            for kind, share in self.settings.errors.items():
                drawn -= share
                if drawn < 0:
                    return kind
        return ""

    async def _fail(self, kind: str, request: web.Request) -> web.StreamResponse:
        if kind == "stall":
            self.statuses["stall"] += 1
            await asyncio.sleep(3600)
        if kind == "drop":
            self.statuses["drop"] += 1
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        return self._error(int(kind), "The mock was told to fail so.")

    def _error(self, status: int, message: str) -> web.Response:
        self.statuses[str(status)] += 1
        headers = {}
        if status in (429, 503):
            wait = self.settings.retry_after
            headers["Retry-After"] = (
                formatdate(time() + wait, usegmt=True)
                if self.settings.retry_after_as_date else f"{wait:g}"
            )
        document = {"error": {"message": message, "type": "mock", "code": status}}
        return web.json_response(document, status=status, headers=headers)

    def _answer(self, body: dict[str, Any], prompt: str, size: int) -> bytes:
        number = int(prompt[:4], 16) % 1000
        words, finish = self.settings.words, "stop"
        if body.get("max_tokens", words) < words:
            words, finish = body["max_tokens"], "length"
        thought = f"The start is {number}; {self.filler[: 6 * words]}"
        said = f"The answer is \\boxed{{{number}}}."
        message: dict[str, Any] = {"role": "assistant", "content": said}
        if self.settings.reasoning == "tags":
            message["content"] = f"<think>\n{thought}\n</think>\n\n{said}"
        elif self.settings.reasoning != "none":
            message[self.settings.reasoning] = thought
        tokens = words if finish == "length" else words + 8
        return orjson.dumps(
            {
                "id": f"chatcmpl-{prompt[:12]}",
                "object": "chat.completion",
                "created": 0,
                "model": body.get("model"),
                "choices": [{"index": 0, "message": message, "finish_reason": finish}],
                "usage": {"prompt_tokens": size // 4, "completion_tokens": tokens},
            }
        )


def read_errors(text: str) -> dict[str, float]:
    """`429=0.05,drop=0.01` as a dictionary."""
    pairs = (part.partition("=") for part in text.split(",") if part)
    return {kind.strip(): float(share) for kind, _, share in pairs}


async def serve(settings: MockSettings, *, port: int, announce: bool, port_file: str) -> None:
    """Serve until SIGTERM or SIGINT, then say what was counted."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with MockServer(settings, port=port) as server:
        if port_file:
            Path(port_file).write_text(f"{server.port}\n")
        if announce:
            print(server.port, flush=True)
        await stop.wait()
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(server.counts()), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mock_openai", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--print-port", action="store_true", help="print the port on a line")
    parser.add_argument("--port-file", default="", help="write the port into this file")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds, constant")
    parser.add_argument("--lognormal", type=float, default=0.0, metavar="MEDIAN", help="seconds")
    parser.add_argument("--sigma", type=float, default=1.0, help="of the lognormal latency")
    parser.add_argument("--errors", type=read_errors, default={}, metavar="KIND=SHARE,…")
    parser.add_argument("--retry-after", type=float, default=0.2, help="seconds, with 429 and 503")
    parser.add_argument("--retry-after-as-date", action="store_true")
    parser.add_argument("--reasoning", choices=VARIANTS, default="tags")
    parser.add_argument("--limit", type=int, default=0, help="more requests at once get 429")
    parser.add_argument("--key", default="", help="demand this bearer key")
    parser.add_argument("--words", type=int, default=40, help="length of the thought")
    parser.add_argument("--seed", type=int, default=0)
    given = vars(parser.parse_args())
    port, announce, port_file = (given.pop(k) for k in ("port", "print_port", "port_file"))
    asyncio.run(serve(MockSettings(**given), port=port, announce=announce, port_file=port_file))


if __name__ == "__main__":
    main()

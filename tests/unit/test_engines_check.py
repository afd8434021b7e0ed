"""The check of an engine from the command line: one JSON line, without Django."""

import json
import subprocess
import sys

import pytest

from tests.mock_openai import MockServer
from tests.paths import ROOT


def check(*arguments: str) -> tuple[int, dict]:
    done = subprocess.run(
        [sys.executable, "-m", "apps.engines.check", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 1, done.stderr
    return done.returncode, json.loads(lines[0])


def test_a_working_engine_is_probed_measured_and_cancelled() -> None:
    code, found = check("echo", "any", "--param", "delay_seconds=0.1", "--requests", "4")
    assert code == 0
    assert found["ok"] is True
    assert found["probe"]["text"].startswith("<think>")
    assert found["generate"]["requests"] == 4
    assert found["generate"]["tokens_per_second"] > 0
    assert found["cancel"]["had_finished"] is False
    assert found["cancel"]["answers_after"] is True
    assert found["state"]["aborted"] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing", "m"), "no engine called"),
        (("echo", "m", "--param", "capacity=0"), "capacity"),
        (("openai", "m", "--param", "base_url=http://127.0.0.1:1/v1"), "no connection"),
        (("openai", "m", "--param", "api_key_env=TEST_ABSENT_KEY"), "TEST_ABSENT_KEY"),
    ],
)
def test_what_does_not_work_is_one_sentence(arguments: tuple[str, ...], said: str) -> None:
    code, found = check(*arguments)
    assert code == 1
    assert found["ok"] is False
    assert said in found["why"]


def test_listing_engines_imports_neither_django_nor_heavy_libraries() -> None:
    code = (
        "import sys; from apps.engines.base import engines; engines.names(); "
        "print([m for m in ('django', 'torch', 'transformers', 'aiohttp') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


async def test_the_mock_server_counts_who_was_asked_twice() -> None:
    import aiohttp

    async with MockServer() as server, aiohttp.ClientSession() as session:
        for text in ("a", "b", "a"):
            body = {"model": "m", "messages": [{"role": "user", "content": text}], "seed": 1}
            async with session.post(f"{server.base_url}/chat/completions", json=body) as answer:
                assert answer.status == 200
        async with session.get(f"http://127.0.0.1:{server.port}/stats") as answer:
            counts = await answer.json()
    assert (counts["requests"], counts["prompts"], counts["asked_twice"]) == (3, 2, 1)
    assert counts["most_asked"] == 2

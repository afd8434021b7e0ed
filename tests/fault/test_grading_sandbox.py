"""Hostile answers, killed children and dead parents."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from apps.core.errors import InvalidInput
from apps.grading.base import ReferenceAnswer, Verdict
from apps.grading.sandbox import Sandbox
from tests.paths import ROOT

pytestmark = pytest.mark.fault

GOLD = ReferenceAnswer("x^2+1", "expression")
EASY = "\\boxed{1+x^2}"
# Takes as long as the child lets it, past its own alarm: one computation in C.
ENDLESS = "\\boxed{\\binom{10^{9}}{5 \\cdot 10^{8}} + x}"

HOSTILE = {
    "power of powers": "10**10**10",
    "tower": "10^{10^{10}}",
    "tower of nines": "9^{9^{9^{9}}}",
    "one large power": "9^{99999999}",
    "factorial": "10^7!",
    "factorials of factorials": "((9!)!)!",
    "endless sum": r"\sum_{n=1}^{\infty} \frac{\sin(n^n)}{n!}",
    "long sum": r"\sum_{n=1}^{10^{12}} \frac{1}{n^n+1}",
    "integral": r"\int_0^{\infty} \frac{\sin(x^x)}{x^{x^x}+1} dx",
    "binomial": r"\binom{10^9}{5\cdot 10^8}",
    "brackets": "(" * 1500 + "x" + ")" * 1500,
    "fractions": r"\frac{1}{1+" * 200 + "x" + "}" * 200,
    "large set": r"\{" + ",".join(str(n) for n in range(900)) + ",x\\}",
    "matrix": r"\begin{pmatrix}" + r"\\".join(["&".join("x" * 30)] * 30) + r"\end{pmatrix}",
    "digits": "7" * 1_000_000,
    "digits and letters": "7" * 3_900 + "x",
    "dollars": "$" * 1_000_000,
    "blank-separated digits": "7 " * 500_000,
    "code": "__import__('os').system('true')",
    "null and surrogate": "\x00\ud800x",
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(1) as pool:
        yield pool


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("gold", ["x^2+1", "5"])
def test_a_hostile_answer_ends_in_seven_seconds_and_the_next_is_fine(
    sandbox: Sandbox, name: str, gold: str
) -> None:
    sandbox.check("mathematical", GOLD, EASY)  # a child's start is not this answer's time
    begin = time.perf_counter()
    for text in (f"\\boxed{{{HOSTILE[name]}}}", f"The answer is ${HOSTILE[name]}$"):
        result = sandbox.check("mathematical", ReferenceAnswer(gold), text)
        assert result.verdict not in (Verdict.CORRECT, Verdict.GOLD_UNPARSED), result
        assert time.perf_counter() - begin < 7, result
        begin = time.perf_counter()
    assert sandbox.check("mathematical", GOLD, EASY).verdict == Verdict.CORRECT


def test_a_hostile_reference_answer_ends_in_seven_seconds(sandbox: Sandbox) -> None:
    for text in ("((9!)!)!", "10^{10^{10}}", r"\binom{10^9}{5\cdot 10^8}"):
        begin = time.perf_counter()
        result = sandbox.check("mathematical", ReferenceAnswer(text, "expression"), EASY)
        assert time.perf_counter() - begin < 8
        assert result.verdict != Verdict.CORRECT
    assert sandbox.check("mathematical", GOLD, EASY).verdict == Verdict.CORRECT


def test_an_answer_past_the_parents_patience_is_timed_out_and_its_child_ended() -> None:
    with Sandbox(1, patience=6) as pool:
        assert pool.check("mathematical", GOLD, EASY).verdict == Verdict.CORRECT
        (pid,) = pool.pids()
        os.kill(pid, signal.SIGSTOP)  # a child that hears nothing at all
        pool.patience = 0.5
        result = pool.check("mathematical", GOLD, EASY)
        assert result.verdict == Verdict.TIMED_OUT
        assert not alive(pid)
        pool.patience = 6
        assert pool.check("mathematical", GOLD, EASY).verdict == Verdict.CORRECT


def test_a_child_killed_while_it_answers_is_an_error_and_never_a_wrong_answer() -> None:
    with Sandbox(1) as pool, ThreadPoolExecutor(1) as thread:
        assert pool.check("mathematical", GOLD, EASY).verdict == Verdict.CORRECT
        (pid,) = pool.pids()
        os.kill(pid, signal.SIGSTOP)
        answer = thread.submit(pool.check, "mathematical", GOLD, EASY)
        while not pool._free.empty():
            time.sleep(0.005)
        os.kill(pid, signal.SIGKILL)
        assert answer.result(timeout=10).verdict == Verdict.ERROR
        assert pool.check("mathematical", GOLD, EASY).verdict == Verdict.CORRECT


def test_a_child_killed_between_two_answers_is_not_noticed() -> None:
    with Sandbox(1) as pool:
        assert pool.check("mathematical", GOLD, EASY).verdict == Verdict.CORRECT
        (pid,) = pool.pids()
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert pool.check("mathematical", GOLD, EASY).verdict == Verdict.CORRECT


def test_closing_leaves_no_child_and_refuses_what_comes_after() -> None:
    pool = Sandbox(2)
    pool.check("mathematical", GOLD, EASY)
    pids = pool.pids()
    pool.close()
    assert pids
    assert not any(alive(pid) for pid in pids)
    assert pool.check("mathematical", GOLD, EASY).verdict == Verdict.ERROR


@pytest.mark.parametrize("busy", [False, True])
def test_the_death_of_the_parent_leaves_no_child(tmp_path: Path, busy: bool) -> None:
    script = (
        "import sys, time, threading\n"
        "from apps.grading.base import ReferenceAnswer as R\n"
        "from apps.grading.sandbox import Sandbox\n"
        "pool = Sandbox(1, patience=60)\n"
        "gold = R('x^2+1', 'expression')\n"
        f"pool.check('mathematical', gold, {EASY!r})\n"
        "print(pool.pids()[0], flush=True)\n"
        f"busy = {busy}\n"
        f"pool.check('mathematical', gold, {ENDLESS!r}) if busy else time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: not running(pid), seconds=15)


def test_it_works_from_any_thread_and_from_many_at_once() -> None:
    verdicts: list[str] = []
    with Sandbox(2) as pool:

        def work() -> None:
            for text in (EASY, "\\boxed{x}", "\\boxed{2+x^2-1}"):
                verdicts.append(pool.check("mathematical", GOLD, text).verdict)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(pool.pids()) <= 2
    assert sorted(verdicts) == ["correct"] * 8 + ["incorrect"] * 4


def test_a_pool_made_in_a_thread_outlives_that_thread() -> None:
    made: list[Sandbox] = []
    thread = threading.Thread(
        target=lambda: made.append(Sandbox(1)) or made[0].check("mathematical", GOLD, EASY)
    )
    thread.start()
    thread.join()
    (pid,) = made[0].pids()
    assert made[0].check("mathematical", GOLD, EASY).verdict == Verdict.CORRECT
    assert made[0].pids() == [pid]
    made[0].close()


async def test_an_event_loop_goes_on_while_an_answer_is_checked() -> None:
    with Sandbox(1) as pool:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        clock = asyncio.create_task(tick())
        result = await pool.acheck("mathematical", GOLD, EASY)
        clock.cancel()
    assert result.verdict == Verdict.CORRECT
    assert ticks > 5


def test_many_answers_keep_their_order() -> None:
    gold = ReferenceAnswer("7", "integer")
    questions = [("mathematical", gold, f"\\boxed{{{n}}}") for n in range(10)]
    questions[3:3] = [("mathematical", GOLD, EASY), ("exact", gold, "\\boxed{7}")]
    with Sandbox(2) as pool:
        results = pool.check_many(questions)
    expected = ["correct" if n == 7 else "incorrect" for n in range(10)]
    expected[3:3] = ["correct", "correct"]
    assert [result.verdict for result in results] == expected


def test_easy_answers_start_no_child() -> None:
    with Sandbox(1) as pool:
        assert pool.check("mathematical", ReferenceAnswer("7"), "#### 7").verdict == "correct"
        assert pool.pids() == []


def test_an_unknown_check_is_refused_with_a_sentence() -> None:
    with Sandbox(1) as pool, pytest.raises(InvalidInput, match="no grader called"):
        pool.check("wishful", GOLD, EASY)


def alive(pid: int) -> bool:
    """Whether a process with this id is left, a zombie too."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def running(pid: int) -> bool:
    """Whether it lives and is no zombie (an orphan's zombie belongs to the system)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition, *, seconds: float = 5.0) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)

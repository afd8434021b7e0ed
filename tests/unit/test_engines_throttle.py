"""The gate in front of a server: never too many, never stuck, and it says why."""

import asyncio
import time

import pytest

from apps.engines.throttle import Throttle


async def test_no_more_than_the_limit_are_inside_and_all_get_in() -> None:
    throttle = Throttle(1, 4)
    inside = peak = 0

    async def visit() -> None:
        nonlocal inside, peak
        async with throttle:
            inside += 1
            peak = max(peak, inside)
            await asyncio.sleep(0.001)
            inside -= 1

    await asyncio.gather(*(visit() for _ in range(50)))
    assert (peak, throttle.inside) == (4, 0)


async def test_requests_that_failed_together_halve_the_limit_once() -> None:
    throttle = Throttle(3, 64)
    began = time.monotonic()
    for _ in range(20):
        throttle.slow_down("the server answered 429", began=began)
    assert throttle.limit == 32
    assert "From 64 to 32" in throttle.cause
    assert "429" in throttle.cause


async def test_the_limit_never_falls_below_the_floor() -> None:
    throttle = Throttle(3, 64)
    for _ in range(20):
        throttle.slow_down("it did not answer in time", began=time.monotonic())
    assert throttle.limit == 3
    assert throttle.cause.startswith("At the floor of 3")


async def test_a_round_of_successes_adds_one_until_the_top() -> None:
    throttle = Throttle(1, 4)
    throttle.slow_down("the server answered 503", began=time.monotonic())
    assert throttle.limit == 2
    for _ in range(3):
        throttle.succeed()
    assert throttle.limit == 3
    for _ in range(10):
        throttle.succeed()
    assert throttle.limit == 4
    assert throttle.cause == "The server keeps up again."


async def test_a_closed_gate_opens_by_itself() -> None:
    throttle = Throttle(1, 4)
    throttle.close_for(0.05)
    began = time.monotonic()
    await asyncio.gather(*(visit(throttle) for _ in range(8)))
    assert time.monotonic() - began >= 0.05
    assert throttle.inside == 0


async def visit(throttle: Throttle) -> None:
    async with throttle:
        await asyncio.sleep(0)


@pytest.mark.parametrize("leave_first", [True, False])
async def test_a_waiter_cancelled_as_it_is_let_in_leaks_no_place(leave_first: bool) -> None:
    throttle = Throttle(1, 1)
    await throttle.__aenter__()
    waiting = asyncio.create_task(visit(throttle))
    await asyncio.sleep(0)
    if leave_first:
        await throttle.__aexit__(None, None, None)
        waiting.cancel()
    else:
        waiting.cancel()
        await throttle.__aexit__(None, None, None)
    await asyncio.gather(waiting, return_exceptions=True)
    assert throttle.inside == 0
    await asyncio.wait_for(visit(throttle), 1)

"""How many requests a server gets at once: additive increase, multiplicative decrease."""

import asyncio
import math
import time
from collections import deque
from types import TracebackType


class Throttle:
    """A gate in front of a server, for one event loop.

    At most `limit` requests are inside. `slow_down` halves the limit, never below `low`, at most
    once for the requests that were inside together; each round of successes adds one, up to
    `high`. `close_for` lets nobody in for some seconds: the server asked for it. `cause` is the
    sentence people read.

    >>> async with throttle: ...
    """

    def __init__(self, low: int, high: int) -> None:
        self.low = min(low, high)
        self.high = high
        self.inside = 0
        self.cause = "The server keeps up."
        self._limit = float(high)
        self._open_at = 0.0
        self._shrunk_at = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def limit(self) -> int:
        """Requests that may be inside at once, now."""
        return int(self._limit)

    @property
    def closed_for(self) -> float:
        """Seconds until the gate opens again; 0 when it is open."""
        return max(0.0, self._open_at - time.monotonic())

    def _free(self) -> bool:
        return self.inside < self.limit and (not self._open_at or self.closed_for == 0.0)

    async def __aenter__(self) -> None:
        if not self._waiting and self._free():
            self.inside += 1
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self._schedule()
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():  # let in and cancelled at the same moment
                self._leave()
            elif place in self._waiting:
                self._waiting.remove(place)
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leave()

    def _leave(self) -> None:
        self.inside -= 1
        self._let_in()

    def _let_in(self) -> None:
        while self._waiting and self._free():
            place = self._waiting.popleft()
            if not place.done():
                self.inside += 1
                place.set_result(None)
        self._schedule()

    def _schedule(self) -> None:
        if self._waiting and self._timer is None and self.closed_for > 0:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self.closed_for, self._opened)

    def _opened(self) -> None:
        self._timer = None
        self._let_in()

    def succeed(self) -> None:
        """A request was answered: the limit grows by one for each full round."""
        if self._limit < self.high:
            self._limit = min(self.high, self._limit + 1 / self._limit)
            if self._limit == self.high:
                self.cause = "The server keeps up again."
            self._let_in()

    def slow_down(self, why: str, *, began: float) -> None:
        """The server did not keep up with a request sent at `began` (time.monotonic)."""
        if began < self._shrunk_at:
            return
        self._shrunk_at = time.monotonic()
        before = self.limit
        self._limit = float(max(self.low, math.ceil(self._limit / 2)))
        at = time.strftime("%H:%M:%S", time.gmtime())
        if self.limit < before:
            self.cause = f"From {before} to {self.limit} requests at {at} UTC: {why}."
        else:
            self.cause = f"At the floor of {self.limit} since {at} UTC: {why}."

    def close_for(self, seconds: float) -> None:
        """Let nobody in for `seconds`; an earlier, longer wish stays."""
        self._open_at = max(self._open_at, time.monotonic() + seconds)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._schedule()

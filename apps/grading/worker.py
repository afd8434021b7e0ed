"""The child that grades: one JSON object a line on stdin, one a line on stdout, in order.

It ends when its parent's pipe closes, when it is asked nothing more after its share, or when the
kernel stops it: memory and processor time are limited. Run by `apps.grading.sandbox` only.
"""

import ctypes
import json
import os
import queue
import resource
import select
import signal
import sys
import threading
from typing import Any

MEMORY = 1_500_000_000
ANSWERS = 2_000
RESIDENT_KB = 300_000
CPU_SECONDS = 10


def main() -> None:
    """Answer until the pipe closes. Asks arrive in a thread of their own, so that a child deep in
    a computation still notices that its parent is gone."""
    asks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    parent = os.getppid()
    out = os.dup(1)
    os.dup2(2, 1)  # what a library prints must not mix with replies
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS: nothing here needs more
    threading.Thread(target=_listen, args=(asks, parent), daemon=True).start()

    from apps.grading.base import Verdict  # after the limits

    os.write(out, b'{"ready":true}\n')
    answered = 0
    while True:
        ask = json.loads(asks.get())
        _limit_processor_time()
        answered += 1
        try:
            result = _answer(ask)
        except MemoryError:
            result = {"verdict": str(Verdict.TIMED_OUT), "rationale": "The memory limit was met."}
        except Exception as error:  # a boundary: a plug-in's mistake is one grade, not the child
            result = {
                "verdict": str(Verdict.ERROR), "rationale": f"{type(error).__name__}: {error}"[:400]
            }
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        last = answered >= ANSWERS or used > RESIDENT_KB
        reply = json.dumps({"id": ask["id"], "result": result, "last": last}).encode() + b"\n"
        while reply:
            reply = reply[os.write(out, reply) :]


def _answer(ask: dict[str, Any]) -> dict[str, Any]:
    from apps.grading.base import ReferenceAnswer, graders

    check = graders.get(ask["grader"])()
    given = ask["gold"]
    given |= {"choices": tuple(given["choices"]), "accepted": tuple(given["accepted"])}
    gold = ReferenceAnswer(**given)
    return check.check(gold, ask["text"], check.params(**ask["params"])).as_json()


def _limit_processor_time() -> None:
    """A computation inside one C call hears no alarm: the kernel's limit ends it even so."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


def _listen(asks: "queue.SimpleQueue[bytes]", parent: int) -> None:
    rest = b""
    while True:
        ready, _, _ = select.select([0], [], [], 2.0)
        if os.getppid() != parent:
            os._exit(0)
        if not ready:
            continue
        piece = os.read(0, 1 << 20)
        if not piece:
            os._exit(0)
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            asks.put(line)


if __name__ == "__main__":
    sys.setrecursionlimit(3000)
    main()

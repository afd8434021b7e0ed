"""What a method sees: completions with replay of recorded calls, checks, seeded randomness."""

import hashlib
import random
from collections.abc import Sequence
from typing import Any

from apps.core.identity import sha256_json
from apps.engines.base import (
    Completion,
    CompletionRequest,
    Engine,
    Message,
    PermanentEngineError,
    Sampling,
)
from apps.grading.base import CheckResult, ReferenceAnswer
from apps.grading.sandbox import Sandbox
from apps.runs.claims import Lease, RecordedCall, record_calls
from workers.store import Store


def seed_of(*parts: object) -> int:
    """A 31-bit seed that depends on all parts and on nothing else."""
    digest = hashlib.sha256("|".join(str(part) for part in parts).encode()).digest()
    return int.from_bytes(digest[:4], "big") & 0x7FFFFFFF


class WorkContext:
    """The context of one item on one worker. See apps.methods.base.Context."""

    def __init__(
        self,
        lease: Lease,
        *,
        engines: dict[str, Engine],
        store: Store,
        sandbox: Sandbox,
        gold: ReferenceAnswer,
        recorded: dict[tuple[str, str, int], dict[str, Any]],
    ) -> None:
        self.lease = lease
        self.engines = engines
        self.store = store
        self.sandbox = sandbox
        self.gold = gold
        self.recorded = recorded
        self.rng = random.Random(seed_of(lease.item.key))
        self.asked: dict[tuple[str, str], int] = {}
        self.replayed = 0

    async def complete(
        self,
        role: str,
        messages: Sequence[Message],
        *,
        prefill: str = "",
        sampling: dict[str, Any] | None = None,
    ) -> Completion:
        """Ask the teacher that plays `role`; a call recorded before answers at once."""
        teacher = self.lease.item.run.teachers[role]
        system = teacher["system_prompt"]
        conversation = ((Message("system", system),) if system else ()) + tuple(messages)
        drawn = Sampling.model_validate({**teacher["sampling"], **(sampling or {})})
        request = CompletionRequest(conversation, drawn, prefill)
        document = request.as_json()
        fingerprint = sha256_json(document)
        occurrence = self.asked.get((role, fingerprint), 0)
        self.asked[role, fingerprint] = occurrence + 1
        known = self.recorded.get((role, fingerprint, occurrence))
        if known is not None:
            self.replayed += 1
            return Completion.from_json(known)
        if drawn.seed is None:
            seed = seed_of(self.lease.item.key, role, fingerprint, occurrence)
            request = CompletionRequest(
                conversation, drawn.model_copy(update={"seed": seed}), prefill
            )
        completion = await self.engines[role].complete(request)
        await self.store.do(
            record_calls,
            RecordedCall(
                self.lease, role, fingerprint, occurrence, document, completion.as_json()
            ),
        )
        return completion

    async def check(self, grader: str, text: str) -> CheckResult:
        """Grade `text` against the reference answer in a killable child process."""
        return await self.sandbox.acheck(grader, self.gold, text)

    async def tool(self, name: str, **arguments: Any) -> Any:
        """No tool is installed yet: the item fails with that sentence."""
        raise PermanentEngineError(f"No tool called «{name}» is installed on this worker.")

    async def ask(self, form: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Questions to people are not installed yet: the item fails with that sentence."""
        raise PermanentEngineError(f"Questions to people («{form}») are not installed yet.")

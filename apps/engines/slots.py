"""Keys and values of rows that come and go, one slot each, and drawing the rows' next tokens.

Imports torch and transformers; whoever only lists engines never imports this module.
"""

from collections.abc import Sequence
from typing import Any

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

BLOCK = 16
"""Lengths are rounded up to this, which fast attention kernels want."""


class Plan:
    """What the next forward pass writes: set by `SlotCache` before it, read by every layer."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.room = 0
        self.count = 0
        self.first = 0
        self.positions: torch.Tensor | None = None
        self.rows: torch.Tensor | None = None
        self.longest = 0


class SlotLayer(CacheLayerMixin):
    """One layer's keys and values, `[slot, head, position, dimension]`, rows 0…n-1 in use."""

    is_compileable = False
    is_sliding = False
    keys: torch.Tensor  # type: ignore[assignment]
    values: torch.Tensor  # type: ignore[assignment]

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        self.keys = self._grown(None, key_states)
        self.values = self._grown(None, value_states)
        self.is_initialized = True

    def _grown(self, old: torch.Tensor | None, like: torch.Tensor) -> torch.Tensor:
        # Zeros, not empty memory: a masked column still must not hold «not a number».
        shape = (self.plan.slots, like.shape[1], self.plan.room, like.shape[3])
        new = torch.zeros(shape, dtype=like.dtype, device=like.device)
        if old is not None:
            new[:, :, : old.shape[2]] = old
        return new

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        plan = self.plan
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        elif self.keys.shape[2] < plan.room:
            self.keys = self._grown(self.keys, key_states)
            self.values = self._grown(self.values, value_states)
        if plan.positions is None:
            chosen = slice(plan.first, plan.first + plan.count)
            length = key_states.shape[2]
            self.keys[chosen, :, :length] = key_states
            self.values[chosen, :, :length] = value_states
            return key_states, value_states
        self.keys[plan.rows, :, plan.positions] = key_states[:, :, 0]
        self.values[plan.rows, :, plan.positions] = value_states[:, :, 0]
        view = (slice(0, plan.count), slice(None), slice(0, plan.longest))
        return self.keys[view], self.values[view]

    def copy_row(self, source: int, target: int, length: int) -> None:
        """Make slot `target` hold the first `length` positions of slot `source`."""
        if self.is_initialized:
            self.keys[target, :, :length] = self.keys[source, :, :length]
            self.values[target, :, :length] = self.values[source, :, :length]

    def get_seq_length(self) -> int:
        return 0

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return query_length, 0

    def get_max_length(self) -> int:
        return -1


class SlotCache(Cache):
    """The cache of a changing batch. Either a prefill of fresh slots is planned, or one new token
    for each of the first n slots, every row at its own position."""

    def __init__(self, layers: int, slots: int) -> None:
        self.plan = Plan(slots)
        self.memories = [SlotLayer(self.plan) for _ in range(layers)]
        super().__init__(layers=[*self.memories])

    def _reserve(self, length: int) -> None:
        if length > self.plan.room:
            ahead = min(2 * self.plan.room, length + 4096)  # grow seldom, but not without end
            self.plan.room = -(-max(256, length, ahead) // 256) * 256

    def plan_prefill(self, first: int, count: int, length: int) -> None:
        """The next pass reads `count` whole prompts into the slots from `first` on."""
        self._reserve(length)
        plan = self.plan
        plan.first, plan.count, plan.positions = first, count, None

    def plan_step(self, positions: torch.Tensor, longest: int) -> int:
        """The next pass adds one token at `positions` to the first rows; returns the number of
        columns its mask must have."""
        plan = self.plan
        plan.longest = -(-longest // BLOCK) * BLOCK
        self._reserve(plan.longest)
        plan.count, plan.positions = positions.shape[0], positions
        plan.rows = torch.arange(plan.count, device=positions.device)
        return plan.longest

    def copy_row(self, source: int, target: int, length: int) -> None:
        """Copy one slot's first `length` positions into another slot, in every layer."""
        for memory in self.memories:
            memory.copy_row(source, target, length)


def step_mask(
    positions: torch.Tensor, columns: int, dtype: torch.dtype, window: int | None = None
) -> torch.Tensor:
    """`[row, 1, 1, column]`: 0 where a row's new token may look, the smallest number elsewhere."""
    column = torch.arange(columns, device=positions.device)
    seen = column[None] <= positions[:, None]
    if window is not None:
        seen &= column[None] > positions[:, None] - window
    mask = torch.zeros(seen.shape, dtype=dtype, device=positions.device)
    return mask.masked_fill_(~seen, torch.finfo(dtype).min)[:, None, None, :]


class Drawer:
    """Draws the next token of each row of a batch, each row in its own way.

    `ways` are (temperature, top_p, top_k). Temperature, then top-k, then top-p, as usual; the
    token is where the row's uniform number falls in the cumulated probabilities, so a row's draws
    depend on its own numbers only.
    """

    def __init__(self, ways: Sequence[tuple[float, float, int]], device: torch.device) -> None:
        greedy = [way[0] == 0 for way in ways]
        self.all_greedy = all(greedy)
        self.restricted = any(way[1] < 1 or way[2] > 0 for way in ways)
        self.greedy = torch.tensor(greedy, device=device) if any(greedy) else None
        self.device = device
        temperatures = [way[0] or 1.0 for way in ways]
        self.temperature = torch.tensor(temperatures, device=device)[:, None]
        self.top_p = torch.tensor([way[1] for way in ways], device=device)[:, None]
        self.top_k = torch.tensor([way[2] or 2**31 for way in ways], device=device)[:, None]

    def draw(self, logits: torch.Tensor, uniforms: Sequence[float]) -> list[int]:
        """Token ids; -1 for a row whose logits are not finite."""
        logits = logits.float()
        best, tokens = logits.max(dim=-1)
        if not self.all_greedy:
            drawn = self._sample(logits / self.temperature, uniforms)
            tokens = drawn if self.greedy is None else torch.where(self.greedy, tokens, drawn)
        return torch.where(torch.isfinite(best), tokens, -1).tolist()

    def _sample(self, scaled: torch.Tensor, uniforms: Sequence[float]) -> torch.Tensor:
        order = None
        if self.restricted:
            scaled, order = scaled.sort(dim=-1, descending=True)
            rank = torch.arange(scaled.shape[-1], device=self.device)[None]
            scaled = scaled.masked_fill(rank >= self.top_k, float("-inf"))
        chance = scaled.softmax(dim=-1, dtype=torch.float64)
        if order is not None:
            before = chance.cumsum(dim=-1) - chance
            chance = chance.masked_fill(before >= self.top_p, 0.0)
        summed = chance.cumsum(dim=-1)
        at = torch.tensor(uniforms, dtype=torch.float64, device=self.device)[:, None]
        found = torch.searchsorted(summed, at * summed[:, -1:], right=True)
        found = found.clamp_(max=scaled.shape[-1] - 1)
        return (found if order is None else order.gather(-1, found))[:, 0]

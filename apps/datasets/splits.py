"""Which split a problem's traces belong to. Imports no Django."""

import math
import re
from collections.abc import Mapping

from apps.core.errors import InvalidInput
from apps.core.identity import sha256_text

SPLIT_NAME = re.compile(r"[a-z][a-z0-9_]{0,19}")
RESERVED = ("provenance",)  # a file of every version has this name


def assign(problem_hash: str, seed: int, shares: Mapping[str, float]) -> str:
    """The split of a problem: all its traces stand in it, whatever else is in the dataset and in
    whatever order it comes. `shares` are as `checked_shares` gives them; their order is nothing.
    """
    point = int(sha256_text(f"{seed}:{problem_hash}")[:13], 16) / 16**13
    names = sorted(name for name, share in shares.items() if share > 0)
    total = 0.0
    for name in names[:-1]:
        total += shares[name]
        if point < total:
            return name
    return names[-1]


def checked_shares(shares: Mapping[str, float]) -> dict[str, float]:
    """Shares by split name, in alphabetical order; InvalidInput unless names can be file names
    and the shares are positive and sum to 1."""
    for name, share in shares.items():
        if not SPLIT_NAME.fullmatch(name) or name in RESERVED:
            raise InvalidInput(
                f"«{name[:40]}» cannot be a split's name: use a letter, then letters, digits and "
                "underscores, 20 at most."
            )
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
            raise InvalidInput(f"The share of the split «{name}» must be above 0 and at most 1.")
    if not math.isclose(math.fsum(shares.values()), 1, abs_tol=1e-6):
        raise InvalidInput("The shares of splits must sum to 1, for instance train=0.9,test=0.1.")
    return {name: float(shares[name]) for name in sorted(shares)}

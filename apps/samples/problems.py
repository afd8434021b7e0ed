"""Word problems of the sample project: made by a hidden program, so that the answer, the worked
steps and the difficulty are known exactly. Imports no Django; the same seed gives the same problems.
"""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass

NAMES = (
    "Ada", "Ben", "Clara", "David", "Ella", "Farid", "Grace", "Hugo", "Ines", "Jonas", "Kofi",
    "Lena", "Mira", "Noah", "Olga", "Pablo",
)
THINGS = (
    "apples", "beads", "books", "cards", "coins", "eggs", "marbles", "pens", "shells", "stamps",
    "stickers", "tickets",
)
PLACES = ("at the market", "at school", "in the park", "at the fair", "at home", "in the library")
DISTRACTORS = (
    "It is {k} o'clock.", "{other} is {k} years old.", "The bus has {k} seats.",
    "{other} has {k} cousins.", "The shop opens at {k}.",
)
LARGEST = 400
HELD_OUT_SHARE = 10


@dataclass(frozen=True, slots=True)
class Operation:
    """One step of the hidden program: `sign` with `operand`, giving `result`."""

    sign: str
    operand: int
    before: int
    result: int
    kind: str

    @property
    def equation(self) -> str:
        return f"{self.before} {self.sign} {self.operand} = {self.result}"


@dataclass(frozen=True, slots=True)
class SampleProblem:
    """A problem with its typed answer and its worked chain of thought."""

    statement: str
    answer: str
    steps: int
    subject: str
    trace: str
    operations: tuple[Operation, ...]
    answer_kind: str = "integer"

    @property
    def difficulty(self) -> str:
        return f"{self.steps} steps"

    @property
    def held_out(self) -> bool:
        """Whether the teacher was never trained on it: by hash of the statement."""
        digest = hashlib.sha256(self.statement.encode()).digest()
        return int.from_bytes(digest[:4], "big") % HELD_OUT_SHARE == 0


def _operation(rng: random.Random, value: int) -> tuple[str, int, int, str]:
    """A sign, an operand, the result and the kind of a step that keeps values in 1…LARGEST."""
    while True:
        kind = rng.choices(("get", "give", "times", "share", "boxes"), (30, 28, 16, 14, 12))[0]
        if kind == "get":
            k = rng.randint(2, 60)
            result = value + k
            sign = "+"
        elif kind == "give":
            if value < 4:
                continue
            k = rng.randint(2, min(value - 1, 60))
            result, sign = value - k, "-"
        elif kind == "times":
            k = rng.randint(2, 5)
            result, sign = value * k, "*"
        elif kind == "share":
            fits = [d for d in range(2, 7) if value % d == 0 and value // d > 1]
            if not fits:
                continue
            k = rng.choice(fits)
            result, sign = value // k, "/"
        else:
            k = rng.randint(2, 6)
            size = rng.randint(2, 10)
            if value + k * size <= LARGEST:
                return "+", k * 100 + size, value + k * size, "boxes"
            continue
        if 1 <= result <= LARGEST:
            return sign, k, result, kind


SENTENCES = {
    "get": ("{who} gets {k} more.", "Then {who} buys {k} more.", "{other} gives {who} {k} {thing}."),
    "give": ("{who} gives {k} to {other}.", "Then {who} loses {k}.", "{who} sells {k} of them."),
    "times": (
        "Then {who} has {k} times as many.", "A magic trick makes it {k} times as many.",
    ),
    "share": (
        "{who} shares them equally among {k} bags and keeps one bag.",
        "{who} splits them into {k} equal parts and keeps one part.",
    ),
    "boxes": ("{who} buys {k} boxes of {size} {thing}.", "{other} brings {k} packs with {size} each."),
}


def make_problem(rng: random.Random, steps: int) -> SampleProblem:
    """One problem of `steps` equations."""
    who, other = rng.sample(NAMES, 2)
    thing = rng.choice(THINGS)
    value = rng.randint(3, 80)
    lines = [
        rng.choice(
            (
                f"{who} has {value} {thing}.",
                f"{who} finds {value} {thing} {rng.choice(PLACES)}.",
                f"There are {value} {thing} in a basket of {who}.",
            )
        )
    ]
    thought = [f"{who} starts with {value}."]
    operations: list[Operation] = []
    while len(operations) < steps:
        if rng.random() < 0.12:
            text = rng.choice(DISTRACTORS)
            lines.append(text.format(k=rng.randint(2, 60), other=other))
        sign, k, result, kind = _operation(rng, value)
        if kind == "boxes":
            if len(operations) + 2 > steps:
                continue
            count, size = divmod(k, 100)
            total = count * size
            sentence = rng.choice(SENTENCES[kind])
            lines.append(sentence.format(who=who, other=other, k=count, size=size, thing=thing))
            operations.append(Operation("*", size, count, total, kind))
            operations.append(Operation("+", total, value, result, kind))
            thought.append(f"Boxes: {count} * {size} = {total}.")
            thought.append(f"Get: {value} + {total} = {result}.")
        else:
            sentence = rng.choice(SENTENCES[kind])
            lines.append(sentence.format(who=who, other=other, k=k, thing=thing))
            operations.append(Operation(sign, k, value, result, kind))
            thought.append(f"{kind.capitalize()}: {operations[-1].equation}.")
        value = result
    lines.append(
        rng.choice(
            (
                f"How many {thing} does {who} have now?",
                f"How many {thing} are left for {who}?",
                f"What is the number of {thing} that {who} has in the end?",
            )
        )
    )
    kinds = {operation.kind for operation in operations}
    subject = "mixed" if len(kinds) > 2 else "-".join(sorted(kinds))
    trace = "<think>\n" + "\n\n".join(thought) + "\n</think>\n\n"
    trace += f"{who} has {value} {thing}. The answer is \\boxed{{{value}}}."
    return SampleProblem(" ".join(lines), str(value), steps, subject, trace, tuple(operations))


def stream(seed: int, steps: tuple[int, ...], *, held_out: bool) -> Iterator[SampleProblem]:
    """An endless stream of problems, either held out from training or not."""
    rng = random.Random(f"stillroom-problems-{seed}")
    while True:
        problem = make_problem(rng, rng.choice(steps))
        if problem.held_out is held_out:
            yield problem


def sample_problems(
    count: int, *, seed: int = 0, steps: tuple[int, ...] = (2, 3, 4, 5, 6, 7, 8), held_out: bool = True
) -> list[SampleProblem]:
    """`count` different problems, as many of each number of steps as can be."""
    streams = {n: stream(seed * 100 + n, (n,), held_out=held_out) for n in steps}
    found: dict[str, SampleProblem] = {}
    while len(found) < count:
        for n in steps:
            problem = next(streams[n])
            found.setdefault(problem.statement, problem)
    return list(found.values())[:count]

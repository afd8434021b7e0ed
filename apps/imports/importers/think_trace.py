"""A problem beside a trace whose thought can be told from its answer."""

from collections.abc import Iterable, Mapping

from apps.core.thinking import QUICK
from apps.imports.base import BadRecord, Importer, ProblemRow, Record, TraceRow, importers
from apps.imports.fields import (
    ANY_SPOKEN,
    GUESSES,
    SPOKEN,
    Plan,
    folded,
    plan_of,
    problem_of,
    text_of,
    truth_of,
    value_of,
)


@importers.register("think-trace")
class ThinkTrace(Importer):
    """A problem column and a trace: either one text with think tags, or the thought in a column
    of its own."""

    version = "1"
    required = frozenset()
    priority = 10

    def matches(self, columns: frozenset[str], sample: list[Record]) -> bool:
        of = plan_of(dict.fromkeys(sorted(columns, key=folded)), {}).of
        if "statement" not in of:
            return False
        if "reasoning" in of and any(_thoughts(record, of["reasoning"]) for record in sample):
            return True
        return any(_tagged(record, of["statement"], of.get("trace")) for record in sample)

    def rows(self, record: Record, mapping: Mapping[str, str]) -> Iterable[ProblemRow]:
        plan = plan_of(record, mapping)
        of = plan.of
        trace = record.get(of["trace"]) if "trace" in of else None
        reasoning = of.get("reasoning")
        tagged = type(trace) is str and QUICK.search(trace) is not None
        if not tagged and reasoning is None and not mapping.get("trace"):
            column = _tagged(record, of.get("statement"), of.get("trace"))
            if column is not None:
                plan = plan_of(record, {**mapping, "trace": column})
                of, trace, tagged = plan.of, record[column], True
        if tagged or not reasoning:
            return (self._whole(record, plan, trace),)
        return (self._apart(record, plan, mapping),)

    def _whole(self, record: Record, plan: Plan, trace: object) -> ProblemRow:
        row = problem_of(record, plan)
        if type(trace) is not str or not trace.strip():
            column = plan.of.get("trace")
            raise BadRecord(
                f"The trace in «{column}» is empty." if column else "The record has no trace."
            )
        row.traces.append(_trace(record, plan, trace, None))
        row.rule += f", trace in «{plan.of['trace']}»"
        return row

    def _apart(self, record: Record, plan: Plan, mapping: Mapping[str, str]) -> ProblemRow:
        """The thought in a column of its own: the rest of the trace is in the trace's column, or
        in the one that goes with this thought."""
        named = {folded(column): column for column in record}
        columns = [plan.of["reasoning"]]
        if not mapping.get("reasoning"):
            columns += [
                named[name]
                for name in GUESSES["reasoning"]
                if name in SPOKEN and name in named and named[name] not in columns
            ]
        spoken_of: dict[str, str | None] = {}
        for column in columns:
            names = SPOKEN.get(folded(column), ())
            spoken = next((named[name] for name in names if name in named), None)
            spoken_of[column] = (
                mapping.get("trace")
                or spoken
                or plan.of.get("trace")
                or next((named[name] for name in ANY_SPOKEN if name in named), None)
            )
        texts = {column for column in spoken_of.values() if column}
        gold = plan.of.get("answer")
        if not texts and gold is not None:  # the only answer there is belongs to the trace too
            texts, spoken_of = {gold}, dict.fromkeys(spoken_of, gold)
        used = texts - ({gold} if gold else set())
        rest = tuple(name for name in plan.rest if name not in used and name not in spoken_of)
        row = problem_of(record, Plan(plan.of, rest))
        for column, spoken in spoken_of.items():
            text = text_of(record.get(spoken)) if spoken else ""
            for thought in _thoughts(record, column):
                trace = _trace(record, plan, text, thought)
                if len(spoken_of) > 1:
                    trace.label = folded(column).split("_")[0]
                row.traces.append(trace)
        if not row.traces:
            raise BadRecord(f"The thought in «{columns[0]}» is empty.")
        row.rule += f", thought in «{'», «'.join(spoken_of)}»"
        return row


def _trace(record: Record, plan: Plan, text: str, reasoning: str | None) -> TraceRow:
    of = plan.of
    return TraceRow(
        text=text,
        reasoning=reasoning,
        producer=text_of(value_of(record, of, "producer"))[:200],
        label=text_of(value_of(record, of, "label"))[:200],
        is_correct=truth_of(value_of(record, of, "is_correct")),
    )


def _thoughts(record: Record, column: str) -> list[str]:
    value = record.get(column)
    values = value if type(value) is list else [value]
    return [text for text in values if type(text) is str and text.strip()]


def _tagged(record: Record, statement: str | None, likely: str | None) -> str | None:
    """The column whose text has think tags, the likely one first."""
    for column in (likely, *record):
        if column is None or column == statement:
            continue
        value = record.get(column)
        if type(value) is str and "<" in value and QUICK.search(value) is not None:
            return column
    return None

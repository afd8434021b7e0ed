"""Problems in plain columns."""

from collections.abc import Iterable, Mapping

from apps.imports.base import Importer, ProblemRow, Record, TraceRow, importers
from apps.imports.fields import folded, plan_of, problem_of, text_of, truth_of, value_of


@importers.register("columns")
class Columns(Importer):
    """Problem, answer and perhaps trace in columns of their own; name them with a mapping when
    their names are not among the usual ones."""

    version = "1"
    required = frozenset()

    def matches(self, columns: frozenset[str], sample: list[Record]) -> bool:
        return "statement" in plan_of(dict.fromkeys(sorted(columns, key=folded)), {}).of

    def rows(self, record: Record, mapping: Mapping[str, str]) -> Iterable[ProblemRow]:
        plan = plan_of(record, mapping)
        row = problem_of(record, plan)
        of = plan.of
        trace = record.get(of["trace"]) if "trace" in of else None
        if type(trace) is str and trace:
            row.traces.append(
                TraceRow(
                    text=trace,
                    producer=text_of(value_of(record, of, "producer"))[:200],
                    label=text_of(value_of(record, of, "label"))[:200],
                    is_correct=truth_of(value_of(record, of, "is_correct")),
                )
            )
            row.rule += f", trace in «{of['trace']}»"
        return (row,)

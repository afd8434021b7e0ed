"""GSM8K as its authors publish it (Cobbe et al. 2021, arXiv:2110.14168)."""

from collections.abc import Iterable, Mapping

from apps.imports.answers import answer_kind_of, marked_answer
from apps.imports.base import BadRecord, Importer, ProblemRow, Record, importers
from apps.imports.fields import extras, plan_of, statement_of, text_of, value_of


@importers.register("gsm8k")
class Gsm8k(Importer):
    """GSM8K: question and worked solution, the reference answer after ####."""

    version = "1"
    required = frozenset({"question", "answer"})
    priority = 5

    def matches(self, columns: frozenset[str], sample: list[Record]) -> bool:
        if not self.required <= columns:
            return False
        if not {"trace", "reasoning"}.isdisjoint(plan_of(dict.fromkeys(columns), {}).of):
            return False
        answers = [value for record in sample if type(value := record.get("answer")) is str]
        return sum("####" in value for value in answers) * 2 > len(answers) > 0

    def rows(self, record: Record, mapping: Mapping[str, str]) -> Iterable[ProblemRow]:
        plan = plan_of(record, {"statement": "question", "answer": "answer", **mapping})
        of = plan.of
        statement = statement_of(record, of["statement"])
        solution = text_of(record.get(of["answer"]))
        answer = marked_answer(solution)
        rule = "answer after ####"
        if answer is None:
            if len(solution) > 200:
                raise BadRecord("The worked solution has no line «#### answer» at its end.")
            answer, solution, rule = solution.strip(), "", "answer as it stands, without ####"
        row = ProblemRow(
            statement=statement,
            answer=answer,
            answer_kind=answer_kind_of(answer),
            solution=solution,
            external_id=text_of(value_of(record, of, "external_id"))[:200],
            rule=rule if answer else "no reference answer",
        )
        if plan.rest and (extra := extras(record, plan.rest)):
            row.details["columns"] = extra
        return (row,)

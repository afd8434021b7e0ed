"""The solutions of four models that GSM8K's authors published beside it."""

from collections.abc import Iterable, Mapping

from apps.imports.answers import answer_kind_of, lettered_answer, marked_answer
from apps.imports.base import BadRecord, Importer, ProblemRow, Record, TraceRow, importers
from apps.imports.fields import statement_of, text_of

MODELS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")


@importers.register("gsm8k-model-solutions")
class Gsm8kModelSolutions(Importer):
    """GSM8K's example model solutions: one problem and four labelled traces a record."""

    version = "1"
    required = frozenset({"question", "ground_truth", *MODELS})

    def rows(self, record: Record, mapping: Mapping[str, str]) -> Iterable[ProblemRow]:
        statement = statement_of(record, mapping.get("statement", "question"))
        solution = text_of(record.get(mapping.get("answer", "ground_truth")))
        answer = lettered_answer(solution)
        if answer is None:
            answer = marked_answer(solution) or ""
        traces = []
        for model in MODELS:
            made = record.get(model)
            if type(made) is not dict or type(text := made.get("solution")) is not str or not text:
                continue
            correct = made.get("is_correct")
            traces.append(
                TraceRow(
                    text=text, producer=model, is_correct=correct if type(correct) is bool else None
                )
            )
        if not traces:
            raise BadRecord("None of the four model solutions of the record has a text.")
        return (
            ProblemRow(
                statement=statement,
                answer=answer,
                answer_kind=answer_kind_of(answer),
                solution=solution,
                rule="answer after «A:» in «ground_truth», traces by model",
                traces=traces,
            ),
        )

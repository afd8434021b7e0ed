"""Which column means what: names seen in published data sets, a plan per set of columns, and
the reading of values. Imports no Django."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from apps.imports.answers import answer_kind_of, boxed_answer, marked_answer
from apps.imports.base import BadRecord, ProblemRow, Record

# Our field → column names, the likeliest first. Compared without case, blanks and dashes.
GUESSES: dict[str, tuple[str, ...]] = {
    "statement": (
        "question",
        "problem",
        "statement",
        "prompt",
        "query",
        "instruction",
        "problem_statement",
        "quiz",
        "input",
        "task",
    ),
    "answer": (
        "reference_answer",
        "expected_answer",
        "gold_answer",
        "gtruth_answer",
        "gt_answer",
        "ground_truth_answer",
        "final_answer",
        "ground_truth",
        "answer",
        "gold",
        "gt",
        "target",
        "answer_text",
    ),
    "context": ("context", "passage", "theory", "story"),
    "solution": (
        "ground_truth_solution",
        "gold_standard_solution",
        "reference_solution",
        "worked_solution",
        "solution",
        "gt_cot",
        "full_answer",
        "explanation",
        "rationale",
    ),
    "trace": (
        "trace",
        "response",
        "completion",
        "output",
        "generation",
        "generated_solution",
        "full_response",
        "model_output",
        "model_response",
        "full_model_response",
    ),
    "reasoning": (
        "reasoning_content",
        "thinking",
        "reasoning",
        "think_content",
        "deepseek_reasoning",
        "model_reasoning",
        "message_thinking",
        "deepseek_thinking_trajectory",
        "gemini_thinking_trajectory",
        "thinking_trajectories",
        "thought",
        "thoughts",
        "cot",
        "chain_of_thought",
        "reasoning_trace",
    ),
    "choices": ("choices", "options"),
    "subject": ("subject", "category", "type", "problem_type", "domain", "topic"),
    "difficulty": ("difficulty", "level"),
    "source": ("source", "original_dataset", "dataset", "question_source", "problem_source"),
    "external_id": (
        "id",
        "unique_id",
        "uuid",
        "external_id",
        "question_id",
        "problem_id",
        "item_id",
        "id_",
        "idx",
        "uid",
    ),
    "producer": ("producer", "model", "model_name", "generator", "generation_model", "engine"),
    "is_correct": ("is_correct", "correct"),
}
# The text that goes with a thought in a column of its own.
SPOKEN: dict[str, tuple[str, ...]] = {
    "deepseek_reasoning": ("deepseek_solution",),
    "deepseek_thinking_trajectory": ("deepseek_attempt",),
    "gemini_thinking_trajectory": ("gemini_attempt",),
    "thinking_trajectories": ("attempt",),
    "message_thinking": ("message_content",),
    "model_reasoning": ("model_answer",),
}
ANY_SPOKEN = ("content", "attempt", "answer_content", "answer_text", "model_answer")
KNOWN_COLUMNS = frozenset(name for names in GUESSES.values() for name in names) | {
    "messages",
    "conversations",
}
FIELDS = (*GUESSES, "label")
LONGEST_EXTRA = 1000


@dataclass(frozen=True, slots=True)
class Plan:
    """Columns by our field for one set of columns, and the columns that nothing took."""

    of: Mapping[str, str]
    rest: tuple[str, ...]


def folded(column: str) -> str:
    """A column's name as guesses compare it."""
    return column.strip().lower().replace("-", "_").replace(" ", "_")


def plan_of(record: Record, mapping: Mapping[str, str]) -> Plan:
    """Which column of `record` is which field; `mapping` (field → column) goes first."""
    return _plan(tuple(record), tuple(mapping.items()))


@lru_cache(maxsize=512)
def _plan(columns: tuple[str, ...], mapping: tuple[tuple[str, str], ...]) -> Plan:
    of = {field: column for field, column in mapping if column}
    taken = set(of.values())
    named: dict[str, str] = {}
    for column in columns:
        named.setdefault(folded(column), column)
    for field, guesses in GUESSES.items():
        if field in of:
            continue
        for guess in guesses:
            found = named.get(guess)
            if found is not None and found not in taken:
                of[field] = found
                taken.add(found)
                break
    return Plan(of, tuple(column for column in columns if column not in taken))


def value_of(record: Record, of: Mapping[str, str], name: str) -> Any:
    """The value of our field `name` in a record; None where no column holds it."""
    column = of.get(name)
    return None if column is None else record.get(column)


def text_of(value: Any) -> str:
    """A scalar as text: 5 → «5», true → «true», null → «»; «» for lists and objects too."""
    if type(value) is str:
        return value
    if value is None or type(value) in (list, dict):
        return ""
    if type(value) is bool:
        return "true" if value else "false"
    return str(value)


def statement_of(record: Record, column: str | None) -> str:
    """The statement in `column`; BadRecord when there is none that can be shown and graded."""
    if column is None or column not in record:
        raise BadRecord("The record has no column with the problem's statement.")
    value = record[column]
    if value is None:
        raise BadRecord(f"The statement in «{column}» is null.")
    if type(value) is list or type(value) is dict:
        what = "a list" if type(value) is list else "an object"
        raise BadRecord(f"The statement in «{column}» is {what}, but text is needed.")
    text = text_of(value)
    if not text or text.isspace():
        raise BadRecord(f"The statement in «{column}» is empty.")
    return text


def _whole_statement(record: Record, of: Mapping[str, str]) -> tuple[str, str]:
    """The statement with the passage it is asked about before it, or Alpaca's input after it,
    and where they were found: without them different problems would look the same."""
    column = of.get("statement")
    statement = statement_of(record, column)
    where = f"«{column}»"
    context = value_of(record, of, "context")
    if type(context) is str and context.strip() and context not in statement:
        statement = f"{context}\n\n{statement}"
        where = f"«{of['context']}» and {where}"
    if column == "instruction":
        given = record.get("input")
        if type(given) is str and given.strip():
            statement = f"{statement}\n\n{given}"
            where += " and «input»"
    return statement, where


def answer_of(value: Any) -> tuple[str, list[str]]:
    """An answer and the other ones that count as well (a list names several)."""
    if type(value) is list:
        texts = [text for item in value if (text := text_of(item).strip())]
        return (texts[0], texts[1:]) if texts else ("", [])
    return text_of(value).strip(), []


def problem_of(record: Record, plan: Plan) -> ProblemRow:
    """The problem side of a record of plain columns: statement, reference answer, worked
    solution and what describes them. Columns that nothing took stay in `details["columns"]`
    when they are short scalars."""
    of = plan.of
    statement, where = _whole_statement(record, of)
    answer, others = answer_of(value_of(record, of, "answer"))
    solution = text_of(value_of(record, of, "solution"))
    rule = f"answer in «{of['answer']}»" if answer else "no reference answer"
    if "####" in answer and (marked := marked_answer(answer)) is not None:
        solution, answer = solution or record[of["answer"]], marked
        rule = f"answer after #### in «{of['answer']}»"
    elif not answer and solution:
        for find, sign in ((boxed_answer, "\\boxed{}"), (marked_answer, "####")):
            if found := find(solution):
                answer, rule = found, f"answer after {sign} in «{of['solution']}»"
                break
    if not answer and type(letter := record.get("label")) is str and len(letter) == 1:
        answer, rule = letter, "answer in «label»"  # AGIEval: a letter beside options
    row = ProblemRow(
        statement=statement,
        answer=answer,
        answer_kind=answer_kind_of(answer),
        solution=solution,
        choices=_choices(value_of(record, of, "choices")),
        subject=text_of(value_of(record, of, "subject"))[:200],
        difficulty=text_of(value_of(record, of, "difficulty"))[:200],
        source=text_of(value_of(record, of, "source"))[:200],
        external_id=text_of(value_of(record, of, "external_id"))[:200],
        rule=f"statement in {where}, {rule}",
    )
    if others:
        row.details["other_answers"] = others
    if plan.rest and (extra := extras(record, plan.rest)):
        row.details["columns"] = extra
    return row


def extras(record: Record, columns: tuple[str, ...]) -> dict[str, Any]:
    """The short scalar values of `columns`, for `details`."""
    kept: dict[str, Any] = {}
    for column in columns:
        value = record.get(column)
        kind = type(value)
        short = kind is str and value and len(value) <= LONGEST_EXTRA
        if short or kind is int or kind is float or kind is bool:
            kept[column] = value
    return kept


def _choices(value: Any) -> tuple[str, ...]:
    if type(value) is not list:
        return ()
    return tuple(text for item in value if (text := text_of(item).strip()))


def truth_of(value: Any) -> bool | None:
    """An imported label «correct»: true, false, or None where it says neither."""
    if type(value) is bool:
        return value
    if type(value) in (int, float) and value in (0, 1):
        return bool(value)
    if type(value) is str:
        return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(
            value.strip().lower()
        )
    return None

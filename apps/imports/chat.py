"""Chat records: the problem is what the user asks first, the trace the assistant's last turn.

Imports no Django.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from apps.imports.answers import answer_kind_of
from apps.imports.base import BadRecord, ProblemRow, Record, TraceRow
from apps.imports.fields import Plan, answer_of, extras, plan_of, text_of, truth_of, value_of

USER = frozenset({"user", "human", "prompter"})
ASSISTANT = frozenset({"assistant", "gpt", "model", "bot", "chatgpt"})
SYSTEM = frozenset({"system", "developer"})
THOUGHT_KEYS = ("reasoning_content", "thinking", "reasoning", "think_content")
THOUGHT_PARTS = frozenset({"reasoning", "thinking", "thought"})
LISTS = ("messages", "conversations", "conversation")
MAX_TEXT = 64 * 1024 * 1024


def chat_row(record: Record, mapping: Mapping[str, str], column: str) -> ProblemRow:
    """Problem and trace of a chat in `column` (or in another usual one); BadRecord without
    a question and its reply."""
    column = mapping.get("messages", column)
    if column not in record:
        column = next((name for name in LISTS if name in record), column)
    turns = [_turn(turn) for turn in _list(record, column)]
    question, system, start = _question(turns)
    reply, place = _reply(turns, start)
    plan = plan_of({name: None for name in record if name != column}, mapping)
    return _row(record, plan, column, question, system, reply, place, len(turns))


def _list(record: Record, column: str) -> list[Any]:
    value = record.get(column)
    if type(value) is str and len(value) <= MAX_TEXT:  # a list written into a text
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            raise BadRecord(f"«{column}» is a text that is not JSON.") from None
    if value is None:
        raise BadRecord(f"«{column}» is null or missing; a list of turns is needed.")
    if type(value) is not list:
        raise BadRecord(f"«{column}» is not a list of turns.")
    if not value:
        raise BadRecord(f"«{column}» is an empty list.")
    return value


def _turn(turn: Any) -> tuple[str, str, str | None, Mapping[str, Any]]:
    """(role, text, thought, the turn itself)"""
    if type(turn) is not dict:
        raise BadRecord("A turn of the chat is not an object with role and content.")
    role = turn.get("role", turn.get("from"))
    if type(role) is not str:
        raise BadRecord("A turn of the chat has no role.")
    if "content" not in turn and "value" not in turn:
        raise BadRecord("A turn of the chat has no content.")
    content = turn.get("content", turn.get("value"))
    thought = None
    for key in THOUGHT_KEYS:
        if type(found := turn.get(key)) is str and found:
            thought = found
            break
    if type(content) is list:
        content, inside = _parts(content)
        thought = thought or inside
    info = turn.get("info")
    if thought is None and type(info) is dict and type(info.get("think_content")) is str:
        # The content carries the whole turn with its tags, so that nothing is kept twice.
        thought = None if "<think>" in text_of(content) else info["think_content"]
    return role.strip().lower(), text_of(content), thought, turn


def _parts(parts: list[Any]) -> tuple[str, str | None]:
    texts, thoughts = [], []
    for part in parts:
        if type(part) is str:
            texts.append(part)
        elif type(part) is dict:
            kind = text_of(part.get("type"))
            text = next(
                (
                    found
                    for key in ("text", "value", "content", kind)
                    if type(found := part.get(key)) is str
                ),
                "",
            )
            if kind in THOUGHT_PARTS:
                thoughts.append(text)
            elif kind in ("text", "output_text", "input_text", ""):
                texts.append(text)
    return "".join(texts), "".join(thoughts) or None


def _question(turns: list[tuple[str, str, str | None, Any]]) -> tuple[str, str, int]:
    """The first user turns (joined by a blank line), the system text, where the reply may
    begin."""
    system: list[str] = []
    asked: list[str] = []
    start = len(turns)
    for place, (role, text, _, _) in enumerate(turns):
        if role in SYSTEM and not asked:
            system.append(text)
        elif role in USER:
            asked.append(text)
        elif asked:
            start = place
            break
        elif role in ASSISTANT:
            raise BadRecord("The chat begins with the assistant, so there is no question.")
    question = "\n\n".join(asked)
    if not asked or not question.strip():
        raise BadRecord("The chat has no user turn with text.")
    return question, "\n\n".join(text for text in system if text), start


def _reply(
    turns: list[tuple[str, str, str | None, Any]], start: int
) -> tuple[tuple[str, str, str | None, Any], int]:
    for place in range(len(turns) - 1, start - 1, -1):
        if turns[place][0] in ASSISTANT:
            if not turns[place][1].strip() and not turns[place][2]:
                if turns[place][3].get("tool_calls"):
                    raise BadRecord("The assistant's last turn only calls tools; it has no text.")
                raise BadRecord("The assistant's last turn is empty.")
            return turns[place], place
    raise BadRecord("The chat has no assistant turn after the question.")


def _row(
    record: Record,
    plan: Plan,
    column: str,
    question: str,
    system: str,
    reply: tuple[str, str, str | None, Any],
    place: int,
    turns: int,
) -> ProblemRow:
    of = plan.of
    answer, others = answer_of(value_of(record, of, "answer"))
    rule = f"first user turn and last assistant turn of «{column}»"
    if reply[2]:
        rule += ", thought in a field of its own"
    trace = TraceRow(
        text=reply[1],
        reasoning=reply[2],
        producer=text_of(value_of(record, of, "producer"))[:200],
        label=text_of(value_of(record, of, "label"))[:200],
        is_correct=truth_of(value_of(record, of, "is_correct")),
    )
    if turns > place + 1 or place > 2:
        trace.details["turns"] = turns
    row = ProblemRow(
        statement=question,
        answer=answer,
        answer_kind=answer_kind_of(answer),
        solution=text_of(value_of(record, of, "solution")),
        subject=text_of(value_of(record, of, "subject"))[:200],
        difficulty=text_of(value_of(record, of, "difficulty"))[:200],
        source=text_of(value_of(record, of, "source"))[:200],
        external_id=text_of(value_of(record, of, "external_id"))[:200],
        rule=rule,
        traces=[trace],
    )
    system = system or text_of(record.get("system"))
    if system:
        row.details["system"] = system
    if others:
        row.details["other_answers"] = others
    if plan.rest and (extra := extras(record, plan.rest)):
        extra.pop("system", None)
        if extra:
            row.details["columns"] = extra
    return row

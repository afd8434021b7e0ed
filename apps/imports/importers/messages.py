"""Chats of role and content."""

from collections.abc import Iterable, Mapping

from apps.imports.base import Importer, ProblemRow, Record, importers
from apps.imports.chat import chat_row


@importers.register("messages")
class Messages(Importer):
    """Chat turns with role and content: the first question is the problem, the last reply the
    trace."""

    version = "1"
    required = frozenset({"messages"})
    priority = 1

    def rows(self, record: Record, mapping: Mapping[str, str]) -> Iterable[ProblemRow]:
        return (chat_row(record, mapping, "messages"),)

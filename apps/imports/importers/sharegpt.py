"""Chats in the ShareGPT form."""

from collections.abc import Iterable, Mapping

from apps.imports.base import Importer, ProblemRow, Record, importers
from apps.imports.chat import chat_row


@importers.register("sharegpt")
class ShareGpt(Importer):
    """ShareGPT turns with from and value: the first question is the problem, the last reply the
    trace."""

    version = "1"
    required = frozenset({"conversations"})

    def rows(self, record: Record, mapping: Mapping[str, str]) -> Iterable[ProblemRow]:
        return (chat_row(record, mapping, "conversations"),)

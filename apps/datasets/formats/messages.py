"""Conversations as OpenAI's and TRL's trainers read them."""

from typing import Any

from apps.datasets.base import ExportItem, Format, FormatParams, formats
from apps.datasets.think_styles import turn


@formats.register("messages")
class Messages(Format):
    """Conversations: messages with role and content; the problem is asked, the trace is said."""

    version = 1
    columns = ("messages",)

    def example(self, item: ExportItem, params: FormatParams) -> dict[str, Any]:
        return {"messages": [*prompt_messages(item, params), turn(item, params.think).message()]}

    def llama_factory(self, params: FormatParams) -> dict[str, Any] | None:
        if params.think == "separate-field":
            return None  # its reader knows no field for the thought and would drop it
        return {
            "formatting": "sharegpt",
            "columns": {"messages": "messages"},
            "tags": {
                "role_tag": "role",
                "content_tag": "content",
                "user_tag": "user",
                "assistant_tag": "assistant",
                "system_tag": "system",
            },
        }


def prompt_messages(item: ExportItem, params: FormatParams) -> list[dict[str, str]]:
    """The system message, if there is one, and the problem."""
    system = [{"role": "system", "content": params.system}] if params.system else []
    return [*system, {"role": "user", "content": item.statement}]

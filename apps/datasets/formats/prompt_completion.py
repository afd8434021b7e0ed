"""Prompts and completions as TRL's trainer reads them: the loss is on the completion alone."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from apps.datasets.base import ExportItem, Format, FormatParams, formats
from apps.datasets.formats.messages import prompt_messages
from apps.datasets.think_styles import turn

SEPARATORS = {"blank-line": "\n\n", "line": "\n", "none": ""}


class PromptCompletionParams(FormatParams):
    """Parameters of prompts and completions."""

    layout: Literal["conversational", "plain"] = Field(
        "conversational",
        description="Lists of messages, for which the trainer applies a chat template, or plain "
        "texts, which it joins as they are.",
    )
    separator: Literal["blank-line", "line", "none"] = Field(
        "blank-line",
        description="What ends a plain prompt: trainers put the completion right after it.",
    )

    @model_validator(mode="after")
    def thought_has_a_place(self) -> Self:
        """A plain completion is one text."""
        if self.layout == "plain" and self.think == "separate-field":
            raise ValueError(
                "a plain completion has no field of its own for the thought: choose the "
                "conversational layout, or think tags"
            )
        return self


@formats.register("prompt-completion")
class PromptCompletion(Format):
    """Prompt and completion apart, as messages or as plain text."""

    version = 1
    params = PromptCompletionParams
    columns = ("prompt", "completion")

    def example(self, item: ExportItem, params: FormatParams) -> dict[str, Any]:
        assert isinstance(params, PromptCompletionParams)
        said = turn(item, params.think)
        if params.layout == "conversational":
            return {"prompt": prompt_messages(item, params), "completion": [said.message()]}
        system = f"{params.system}\n\n" if params.system else ""
        return {
            "prompt": f"{system}{item.statement}{SEPARATORS[params.separator]}",
            "completion": said.content,
        }

    def llama_factory(self, params: FormatParams) -> dict[str, Any] | None:
        assert isinstance(params, PromptCompletionParams)
        if params.layout != "plain":
            return None
        return {"columns": {"prompt": "prompt", "response": "completion"}}

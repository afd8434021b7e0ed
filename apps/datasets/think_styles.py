"""How a thought is written into an assistant's turn. Imports no Django."""

from dataclasses import dataclass

from apps.datasets.base import ExportItem, MissingThought, ThinkStyle


@dataclass(frozen=True, slots=True)
class Turn:
    """An assistant's turn; `reasoning` is None unless it has a field of its own."""

    content: str
    reasoning: str | None = None

    def message(self) -> dict[str, str]:
        """As a chat message. `reasoning_content` is the key that servers and templates use."""
        message = {"role": "assistant", "content": self.content}
        if self.reasoning is not None:
            message["reasoning_content"] = self.reasoning
        return message


def turn(item: ExportItem, style: ThinkStyle) -> Turn:
    """The turn of an approved text. `as-is` is the text to the byte; the other styles write
    thought and answer without the white space around them. MissingThought when the style needs
    a thought, or an answer, that the text has not."""
    if style == "as-is":
        return Turn(item.text)
    reasoning, answer = item.reasoning.strip(), item.answer.strip()
    if not answer:
        raise MissingThought(_refusal(item, style, "has no answer after its thought"))
    if style == "answer-only":
        return Turn(answer)
    if not item.has_thought or not reasoning:
        raise MissingThought(_refusal(item, style, "has no thought"))
    if style == "think-tags":
        # The layout of R1, QwQ and Qwen3.
        return Turn(f"<think>\n{reasoning}\n</think>\n\n{answer}")
    return Turn(answer, reasoning)


def _refusal(item: ExportItem, style: str, lack: str) -> str:
    return (
        f"A trace of «{' '.join(item.statement.split())[:60]}» ({item.content_hash[:12]}) {lack}, "
        f"which the style {style} needs: leave it out by the filter, or choose the style as-is."
    )

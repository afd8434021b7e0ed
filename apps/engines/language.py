"""A loaded model with its tokenizer: prompts in, texts out, and forward passes of a batch.

Torch and Transformers are imported when a model is loaded, not before.
"""

import time
from collections.abc import Sequence
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apps.core.thinking import DELIMITERS
from apps.engines.base import (
    Completion,
    CompletionRequest,
    EngineError,
    PermanentEngineError,
)
from apps.engines.text import OPENERS, cut_at_stop, opened_thought
from apps.samples.paths import TEACHER_DIR

if TYPE_CHECKING:
    from apps.engines.decoder import Row

SAMPLE = "sample"
LAYERS = frozenset({"full_attention", "sliding_attention"})


class LoadFailed(Exception):
    """The model cannot be used here; the message is a sentence."""


def load(model: str, *, device: str, dtype: str, threads: int) -> "Language":
    """Load a directory, a Hub id or the word `sample`; LoadFailed with one sentence otherwise.
    Only safetensors are read, and no code of the model's repository is run."""
    place = str(TEACHER_DIR) if model == SAMPLE else model
    if model == SAMPLE and not (TEACHER_DIR / "config.json").is_file():
        raise LoadFailed(
            "The sample teacher is not there; make it with ./stillroom manage train_sample_teacher."
        )
    try:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise LoadFailed(f"The transformers engine needs a library: {error}.") from None
    if device == "cuda" and not torch.cuda.is_available():
        raise LoadFailed("This endpoint wants a GPU, and no GPU is usable here.")
    chosen = device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    if dtype == "auto":  # half precision is slow on most CPUs
        dtype = "float32" if chosen == "cpu" else "auto"
    torch.set_num_threads(threads)
    common = {"trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, **common)
        loaded = AutoModelForCausalLM.from_pretrained(
            place, dtype=dtype if dtype == "auto" else getattr(torch, dtype),
            use_safetensors=True, **common,
        )
    except (OSError, ValueError, ImportError, RuntimeError, KeyError) as error:
        said = " ".join(str(error).split())[:300]
        raise LoadFailed(f"The model «{model}» could not be loaded: {said}") from error
    placed: Any = loaded.eval()
    return Language(tokenizer, placed.to(chosen), name=Path(model).name)


class Language:
    """Tokenizer and model. Used by one thread only."""

    def __init__(self, tokenizer: Any, model: Any, *, name: str) -> None:
        self.tokenizer = tokenizer
        self.model = model
        self.name = name
        config = model.config.get_text_config()
        self.kinds = set(getattr(config, "layer_types", None) or ())
        self.window = getattr(config, "sliding_window", None)
        if getattr(config, "use_sliding_window", True) is False:
            self.window = None
        accepted = signature(model.forward).parameters
        if not self.kinds <= LAYERS or "position_ids" not in accepted:
            raise LoadFailed(
                f"The model «{name}» keeps another memory than plain attention; "
                "serve it with vLLM and use the openai engine."
            )
        self.layers = config.num_hidden_layers
        self.longest = int(getattr(config, "max_position_embeddings", 0) or 1_000_000)
        ends = getattr(model.generation_config, "eos_token_id", None)
        ends = ends if isinstance(ends, list) else [ends]
        self.ends = {e for e in [*ends, tokenizer.eos_token_id] if e is not None}
        tags = {tag for pair in DELIMITERS for tag in pair}
        added = tokenizer.added_tokens_decoder
        special = {number for number, token in added.items() if token.special}
        special |= set(tokenizer.all_special_ids)
        # A think tag stays in the text even where a tokenizer calls it special.
        self.hidden = {
            number for number in special if tokenizer.convert_ids_to_tokens(number) not in tags
        } | self.ends
        self.cache_argument = "cache" if "cache" in accepted else "past_key_values"
        self.more = {"logits_to_keep": 1} if "logits_to_keep" in accepted else {}

    def describe(self) -> dict[str, Any]:
        """What people see of the model."""
        return {
            "device": str(self.model.device),
            "dtype": str(self.model.dtype).removeprefix("torch."),
            "parameters": self.model.num_parameters(),
        }

    def prompt(self, request: CompletionRequest) -> tuple[str, list[int]]:
        """What the assistant's turn starts with, and the tokens of the whole prompt."""
        from jinja2 import TemplateError

        messages = [{"role": m.role, "content": m.content} for m in request.messages]
        try:
            if self.tokenizer.chat_template:
                text = self.tokenizer.apply_chat_template(
                    messages, add_generation_prompt=True, tokenize=False
                )
            else:  # a base model: the texts, one under the other
                text = "".join(f"{message['content']}\n\n" for message in messages)
        except (TemplateError, ValueError, TypeError) as error:
            raise PermanentEngineError(
                f"The model's chat template refuses these messages: {error}."
            ) from None
        opening = opened_thought(text)
        if opening and request.prefill.lstrip().startswith(OPENERS):
            text, opening = text[: len(text) - len(opening)], ""
        text += request.prefill
        ids = self.tokenizer(text, add_special_tokens=not self.tokenizer.chat_template)["input_ids"]
        if not ids:
            raise PermanentEngineError("The prompt is empty.")
        return opening + request.prefill, list(ids)

    def _decode(self, ids: Sequence[int]) -> str:
        return self.tokenizer.decode(
            ids, skip_special_tokens=False, clean_up_tokenization_spaces=False
        )

    def said(self, row: "Row") -> str:
        """The text of a row's new tokens."""
        ids = [token for token in row.tokens if token not in self.hidden]
        if row.opening:  # some tokenizers drop the first blank unless something stands before it
            tail = row.prompt[-4:]
            before, whole = self._decode(tail), self._decode([*tail, *ids])
            if whole.startswith(before):
                return whole[len(before) :]
        return self._decode(ids)

    def stop_seen(self, row: "Row") -> bool:
        """Whether the last tokens complete a stop string: a token is at least a byte long."""
        tail = [t for t in row.tokens[-row.longest_stop - 8 :] if t not in self.hidden]
        return cut_at_stop(self._decode(tail), row.request.sampling.stop)[1]

    def outcome(self, row: "Row", reason: str) -> Completion | EngineError:
        """The finished row as a completion."""
        if reason == "broken":
            return PermanentEngineError(
                "The model returned numbers that are not finite; try dtype float32."
            )
        text, stopped = cut_at_stop(self.said(row), row.request.sampling.stop)
        return Completion(
            text=row.opening + text,
            finish_reason="stop" if stopped else reason,
            prompt_tokens=len(row.prompt),
            output_tokens=len(row.tokens),
            seconds=time.perf_counter() - row.began,
        )

    def release_memory(self) -> None:
        """Give cached memory back to the device."""
        import gc

        import torch

        gc.collect()
        if self.model.device.type == "cuda":
            torch.cuda.empty_cache()

    def new_batch(self, slots: int) -> "Batch":
        """An empty batch of so many slots."""
        return Batch(self, slots)


class Batch:
    """Forward passes over the rows in the first slots."""

    def __init__(self, language: Language, slots: int) -> None:
        import torch

        from apps.engines import slots as memory

        self.torch, self.memory = torch, memory
        self.language = language
        self.model = language.model
        self.device = self.model.device
        self.cache = memory.SlotCache(language.layers, slots)
        self.drawer: Any = None
        self.stale = True

    def changed(self) -> None:
        """The rows are others than at the last step."""
        self.stale = True

    def move(self, source: int, target: int, length: int) -> None:
        """Copy a slot's memory into another slot."""
        self.cache.copy_row(source, target, length)

    def _forward(self, ids: Any, positions: Any, mask: Any) -> Any:
        return self.model(
            input_ids=ids, position_ids=positions, attention_mask=mask, use_cache=True,
            **self.language.more, **{self.language.cache_argument: self.cache},
        ).logits

    def read(self, prompts: Sequence[list[int]], first: int) -> None:
        """Read prompts into the slots from `first` on; equal ones are read once and copied.

        Shorter prompts are padded on the right: nothing looks ahead, and what the padding leaves
        behind is overwritten before any later token may look there.
        """
        distinct: list[list[int]] = []
        for prompt in prompts:  # equal prompts stand side by side or not: few enough to search
            if prompt and prompt not in distinct:
                distinct.append(prompt)
        if not distinct:
            return
        longest = max(map(len, distinct))
        ids = self.torch.zeros((len(distinct), longest), dtype=self.torch.long)
        for number, prompt in enumerate(distinct):
            ids[number, : len(prompt)] = self.torch.tensor(prompt)
        positions = self.torch.arange(longest, device=self.device)[None]
        self.cache.plan_prefill(first, len(distinct), longest)
        self._forward(ids.to(self.device), positions, None)
        # From the last slot down: a source never lies behind the slot it is copied to.
        for number in range(len(prompts) - 1, -1, -1):
            if prompts[number]:
                source = distinct.index(prompts[number])
                if source != number:
                    self.cache.copy_row(first + source, first + number, len(prompts[number]))

    def step(
        self,
        last: list[int],
        positions: list[int],
        ways: Sequence[tuple[float, float, int]] | None,
        uniforms: Sequence[float],
    ) -> list[int]:
        """One new token for each row. `ways` say how rows draw; None when nothing changed."""
        torch, language = self.torch, self.language
        if ways is not None:
            self.drawer = self.memory.Drawer(ways, self.device)
            self.stale = False
        at = torch.tensor(positions, device=self.device)
        columns = self.cache.plan_step(at, max(positions) + 1)
        dtype = self.model.dtype
        mask: Any = self.memory.step_mask(at, columns, dtype)
        if language.window is not None:
            narrow = self.memory.step_mask(at, columns, dtype, language.window)
            if "sliding_attention" not in language.kinds:
                mask = mask if language.kinds else narrow
            elif language.kinds == {"sliding_attention"}:
                mask = narrow
            else:
                mask = {"full_attention": mask, "sliding_attention": narrow}
        ids = torch.tensor(last, device=self.device)[:, None]
        return self.drawer.draw(self._forward(ids, at[:, None], mask)[:, -1], uniforms)

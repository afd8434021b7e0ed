"""Tiny random models and a tokenizer, made in a folder: real parts, no download."""

from pathlib import Path
from typing import Any

TEMPLATE = (
    "{%- for message in messages -%}"
    "<|{{ message['role'] }}|>{{ message['content'] }}<|end|>"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|assistant|>' + opening }}{%- endif -%}"
)
TEXTS = [
    "Ada has three apples and buys four more. How many apples has she now?",
    "So 3 + 4 = 7, and the answer is \\boxed{7}.",
    "Let me check again: twelve coins less five coins leaves seven coins.",
]


def save_tokenizer(folder: Path, *, opening: str = "", endless: bool = False) -> Any:
    """A small byte-level tokenizer whose chat template opens with `opening`."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320, show_progress=False,
        special_tokens=["<|pad|>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.add_tokens([AddedToken(t, special=False) for t in ("<think>", "</think>")])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<|pad|>", eos_token=None if endless else "<|end|>"
    )
    fast.chat_template = TEMPLATE.replace("opening", repr(opening))
    fast.save_pretrained(folder)
    return fast


def save_model(
    folder: Path, *, kind: str = "llama", opening: str = "", endless: bool = False, **more: Any
) -> Path:
    """A random model of some architecture with its tokenizer; the same weights every time. An
    `endless` one knows no token that ends a turn."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    fast = save_tokenizer(folder, opening=opening, endless=endless)
    config = AutoConfig.for_model(
        kind,
        **{
            "vocab_size": len(fast), "hidden_size": 64, "intermediate_size": 128,
            "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
            "head_dim": 16, "max_position_embeddings": 512, "initializer_range": 0.4,
            "pad_token_id": 0, "eos_token_id": None if endless else 1, "bos_token_id": None, **more,
        },
    )
    torch.manual_seed(5)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return folder

"""The recipe of the shipped teacher: a small Llama-architecture model trained from scratch on worked
problems. Torch and Transformers are imported inside functions only."""

import json
import math
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from apps.samples.problems import SampleProblem, sample_problems, stream

TRAIN_STEPS = (2, 3, 4, 5, 6)
VOCABULARY = 512
TOKENS_A_STEP = 3072
CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'assistant' -%}"
    "<|assistant|>{{ message['content'] }}<|end|>"
    "{%- else -%}<|user|>{{ message['content'] }}{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|assistant|><think>\\n' }}{%- endif -%}"
)
Progress = Callable[[float, str], None]


def make_tokenizer(out: Path) -> Any:
    """Train and save the tokenizer: byte-level BPE, one digit a token with its blank merged."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r" ?\d|\n+|<think>|</think>| ?[A-Za-z']+| ?[^\sA-Za-z\d]+"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    corpus = [p.statement + "\n" + p.trace for p in sample_problems(4000, seed=7, held_out=False)]
    special = ["<|pad|>", "<|end|>", "<|user|>", "<|assistant|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - 2, special_tokens=special, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(corpus, trainer)
    # Not «special»: they must survive decoding, for they are part of the trace.
    tokenizer.add_tokens([AddedToken(tag, special=False, normalized=False) for tag in ("<think>", "</think>")])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<|pad|>", eos_token="<|end|>",
        model_max_length=1024, clean_up_tokenization_spaces=False,
    )
    fast.chat_template = CHAT_TEMPLATE
    fast.save_pretrained(out)
    return fast


def make_model(vocabulary: int) -> Any:
    """The untrained teacher: 3.3 million parameters."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=256, intermediate_size=704, num_hidden_layers=4,
        num_attention_heads=4, num_key_value_heads=4, max_position_embeddings=1024,
        tie_word_embeddings=True, rms_norm_eps=1e-5, attn_implementation="eager",
        pad_token_id=0, eos_token_id=1, bos_token_id=None,
    )
    return LlamaForCausalLM(config)


def rendered(tokenizer: Any, problem: SampleProblem) -> tuple[list[int], int]:
    """Token ids of a problem with its trace, and how many of them are the prompt."""
    prompt = f"<|user|>{problem.statement}<|assistant|><think>\n"
    rest = problem.trace.removeprefix("<think>\n") + "<|end|>"
    head = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    return head + tokenizer(rest, add_special_tokens=False)["input_ids"], len(head)


def _newton_schulz(matrix: Any, rounds: int = 5) -> Any:
    """The nearest orthogonal matrix, about: the heart of Muon (Jordan et al., 2024)."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix / (matrix.norm() + 1e-7)
    turned = x.size(0) > x.size(1)
    if turned:
        x = x.T
    for _ in range(rounds):
        y = x @ x.T
        x = a * x + (b * y + c * y @ y) @ x
    return x.T if turned else x


class _Muon:
    """Momentum orthogonalised, for hidden matrices."""

    def __init__(self, parameters: list[Any], lr: float, momentum: float = 0.95) -> None:
        import torch

        self.parameters, self.lr, self.momentum = parameters, lr, momentum
        self.buffers = [torch.zeros_like(p) for p in parameters]

    def step(self, scale: float) -> None:
        import torch

        with torch.no_grad():
            for parameter, buffer in zip(self.parameters, self.buffers, strict=True):
                buffer.mul_(self.momentum).add_(parameter.grad)
                update = _newton_schulz(parameter.grad.add(buffer, alpha=self.momentum))
                size = max(1.0, parameter.size(0) / parameter.size(1)) ** 0.5
                parameter.add_(update, alpha=-self.lr * scale * size)
                parameter.grad = None


def _schedule(share: float, step: int) -> float:
    """Warm-up over 100 steps, then constant, then linear to zero over the last 45 %."""
    return min(1.0, (step + 1) / 100) * min(1.0, max(0.0, (1 - share) / 0.45))


def train(
    out: Path, *, minutes: float = 24.0, seed: int = 0, progress: Progress = lambda share, text: None
) -> dict[str, Any]:
    """Train for `minutes` on one CPU thread and save tokenizer and weights (bfloat16) to `out`.

    A snapshot is saved every three minutes, so that an interrupted training leaves a usable model.
    """
    import torch

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(seed)
    out.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer(out)
    model = make_model(len(tokenizer))
    hidden = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    known = {id(p) for p in hidden}
    others = [p for p in model.parameters() if id(p) not in known]
    muon = _Muon(hidden, lr=0.02)
    adam = torch.optim.AdamW(others, lr=2e-3, betas=(0.9, 0.95), weight_decay=0.0)
    problems = stream(seed + 1, TRAIN_STEPS, held_out=False)
    began, step, seen, saved, smooth = time.monotonic(), 0, 0, 0.0, 0.0
    while (share := (time.monotonic() - began) / (minutes * 60)) < 1:
        batch, weights, labels = _batch(tokenizer, problems)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(input_ids=batch, attention_mask=(batch != 0).long()).logits
        losses = torch.nn.functional.cross_entropy(
            logits[:, :-1].float().flatten(0, 1), labels[:, 1:].flatten(), reduction="none"
        )
        weight = weights[:, 1:].flatten()
        loss = (losses * weight).sum() / weight.sum()
        loss.backward()
        scale = _schedule(share, step)
        for group in adam.param_groups:
            group["lr"] = 2e-3 * scale
        muon.step(scale)
        adam.step()
        adam.zero_grad(set_to_none=True)
        step, seen = step + 1, seen + int((batch != 0).sum())
        smooth = loss.item() if step == 1 else 0.98 * smooth + 0.02 * loss.item()
        if step % 10 == 0:
            progress(share, f"step {step}, loss {smooth:.4f}")
        if time.monotonic() - saved > 180:
            save(model, out)
            saved = time.monotonic()
    save(model, out)
    report = {"steps": step, "tokens": seen, "loss": round(smooth, 4), "minutes": minutes, "seed": seed}
    progress(1.0, f"{step} steps, {seen:,} tokens")
    return report


def _batch(tokenizer: Any, problems: Any) -> tuple[Any, Any, Any]:
    import torch

    rows: list[tuple[list[int], int]] = []
    total = 0
    while total < TOKENS_A_STEP:
        ids, head = rendered(tokenizer, next(problems))
        rows.append((ids, head))
        total += len(ids)
    width = math.ceil(max(len(ids) for ids, _ in rows) / 16) * 16
    batch = torch.zeros(len(rows), width, dtype=torch.long)
    weights = torch.zeros(len(rows), width)
    for index, (ids, head) in enumerate(rows):
        batch[index, : len(ids)] = torch.tensor(ids)
        weights[index, :head] = 0.1
        weights[index, head : len(ids)] = 1.0
    return batch, weights, batch


def save(model: Any, out: Path) -> None:
    """Save the weights as bfloat16 safetensors, with the settings of generation."""
    import copy

    import torch

    small = copy.deepcopy(model).to(torch.bfloat16)
    small.generation_config.update(
        do_sample=True, temperature=1.0, eos_token_id=1, pad_token_id=0, max_new_tokens=320
    )
    small.save_pretrained(out, safe_serialization=True)


def evaluate(
    directory: Path, *, count: int = 60, steps: tuple[int, ...] = (2, 3, 4, 5, 6, 7, 8),
    temperature: float = 0.0, seed: int = 99, dtype: str = "bfloat16",
) -> dict[int, dict[str, float]]:
    """Accuracy on held-out problems by number of steps, with mean trace tokens and tokens/s."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(directory, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=getattr(torch, dtype)).eval()
    torch.manual_seed(seed)
    table: dict[int, dict[str, float]] = {}
    for number in steps:
        problems = sample_problems(count, seed=seed, steps=(number,))
        prompts = [
            tokenizer.apply_chat_template(
                [{"role": "user", "content": p.statement}], tokenize=False, add_generation_prompt=True
            )
            for p in problems
        ]
        inputs = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
        inputs.pop("token_type_ids", None)
        began = time.monotonic()
        with torch.inference_mode():
            sampling = {"do_sample": True, "temperature": temperature} if temperature else {"do_sample": False}
            output = model.generate(**inputs, max_new_tokens=300, **sampling)
        seconds = time.monotonic() - began
        new = output[:, inputs["input_ids"].shape[1] :]
        texts = tokenizer.batch_decode(new, skip_special_tokens=True)
        right = sum(f"\\boxed{{{p.answer}}}" in t for p, t in zip(problems, texts, strict=True))
        tokens = int((new != 0).sum())
        table[number] = {
            "accuracy": right / count,
            "tokens": tokens / count,
            "tokens_per_second": tokens / seconds,
        }
    return table


def write_card(directory: Path, report: dict[str, Any], tables: dict[str, Any]) -> None:
    """The model card: how it was trained, and what it scores by number of steps."""
    rows = "\n".join(
        f"| {n} | {tables['greedy'][n]['accuracy']:.0%} | {tables['sampled'][n]['accuracy']:.0%} | "
        f"{tables['greedy'][n]['tokens']:.0f} |"
        for n in sorted(tables["greedy"])
    )
    size = (directory / "model.safetensors").stat().st_size
    card = f"""---
license: apache-2.0
pipeline_tag: text-generation
---
# Stillroom sample teacher

A Llama-architecture model of 3.3 million parameters ({size / 1e6:.1f} MB in bfloat16), trained from
scratch by `apps/samples/training.py` on word problems from `apps/samples/problems.py`, so that the
sample project has a real teacher with real faults. It is good for nothing else.

- Training: {report['steps']:,} optimiser steps, {report['tokens']:,} tokens, {report['minutes']:g}
  minutes on one CPU thread; Muon on the hidden matrices, AdamW on the rest; problems of 2 to 6 steps.
- Final training loss {report['loss']}. Problems of 7 and 8 steps were never seen.
- Re-make it: `./stillroom manage train_sample_teacher`.

Accuracy on held-out problems (the statement's hash decides which are held out):

| steps | greedy | temperature 1 | thought and answer, tokens |
|---|---|---|---|
{rows}
"""
    (directory / "README.md").write_text(card)
    (directory / "training.json").write_text(
        json.dumps({"report": report, "tables": tables}, indent=1, sort_keys=True) + "\n"
    )


def preview(count: int = 3, seed: int = 0) -> list[str]:
    """A few problems with their traces, to look at."""
    rng = random.Random(seed)
    return [f"{p.statement}\n{p.trace}" for p in rng.sample(sample_problems(20, seed=seed), count)]

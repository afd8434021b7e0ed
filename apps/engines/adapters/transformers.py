"""Models in this process, through plain Transformers, on a CPU or a GPU."""

import asyncio
from typing import Any, ClassVar, Literal

from pydantic import Field

from apps.engines.base import Completion, CompletionRequest, Engine, EngineConfig, engines
from apps.engines.decoder import Decoder, Row


class TransformersConfig(EngineConfig):
    """How a model is loaded and how many requests share it."""

    max_batch: int = Field(32, ge=1, le=1024, description="Requests answered together.")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="Where the model runs.")
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="Precision; auto is float32 on a CPU, as saved on a GPU."
    )
    threads: int = Field(1, ge=1, le=256, description="CPU threads of one step.")
    max_length: int = Field(
        0, ge=0, description="Most tokens of prompt and answer; 0 is the model's own limit."
    )


@engines.register("transformers")
class TransformersEngine(Engine):
    """A model in the worker's own process; requests join and leave one running batch.

    The model is a directory, a Hub id, or the word `sample` for the teacher that ships with the
    product. Loading happens in the engine's thread, so that the event loop goes on. With the same
    seed a request draws the same random numbers whatever else is in the batch.
    """

    version = 1
    config: ClassVar[type[EngineConfig]] = TransformersConfig
    in_process: ClassVar[bool] = True
    settings: TransformersConfig

    def __init__(self, model: str, config: EngineConfig) -> None:
        super().__init__(model, config)
        settings = self.settings
        self.decoder = Decoder(
            model,
            slots=settings.max_batch,
            max_length=settings.max_length,
            device=settings.device,
            dtype=settings.dtype,
            threads=settings.threads,
        )

    @property
    def capacity(self) -> int:
        return self.decoder.slots

    def state(self) -> dict[str, Any]:
        decoder, language = self.decoder, self.decoder.language
        busy = decoder.busy_seconds
        return {
            "version": self.version,
            "capacity": decoder.slots,
            "loaded": language is not None,
            **(language.describe() if language else {}),
            "in_flight": len(decoder.active),
            "waiting": len(decoder.waiting),
            "answers": decoder.answers_total,
            "output_tokens": decoder.tokens_total,
            "steps": decoder.steps_total,
            "tokens_per_busy_second": round(decoder.tokens_total / busy, 1) if busy else 0.0,
            "last_error": decoder.last_error,
        }

    async def complete(self, request: CompletionRequest) -> Completion:
        loop = asyncio.get_running_loop()
        row = Row(request, loop, loop.create_future())
        self.decoder.submit(row)
        try:
            return await row.future
        except asyncio.CancelledError:
            row.cancelled = True  # the thread drops it before its next step
            raise

    async def aclose(self) -> None:
        await asyncio.to_thread(self.decoder.close)

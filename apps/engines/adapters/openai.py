"""Any server that speaks OpenAI's chat completions: vLLM, SGLang, llama.cpp, hosted services."""

import os
import re
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, ClassVar

import orjson
from pydantic import BeforeValidator, Field, field_validator, model_validator

from apps.engines.addresses import checked_url
from apps.engines.base import (
    Completion,
    CompletionRequest,
    Engine,
    EngineConfig,
    EngineError,
    PermanentEngineError,
    TransientEngineError,
    engines,
)
from apps.engines.text import as_json_text
from apps.engines.throttle import Throttle

OVERLOADED = frozenset({429, 502, 503, 504, 529})
AGAIN = frozenset({408, 409, 425, 429})
LONGEST_PAUSE = 600.0
CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
FINISHED = {"stop": "stop", "length": "length", "abort": "aborted", "tool_calls": "stop"}


class OpenAIConfig(EngineConfig):
    """Where the server is and how it is asked."""

    base_url: str = Field(
        "http://127.0.0.1:8000/v1", description="Address up to, without, /chat/completions."
    )
    api_key_env: str = Field(
        "", description="Name of the workers' environment variable that holds the key."
    )
    timeout_seconds: float = Field(600.0, gt=0, le=86_400, description="Longest wait an answer.")
    max_concurrency: int = Field(64, ge=1, le=4096, description="Most requests at once.")
    min_concurrency: int = Field(2, ge=1, le=4096, description="Floor when the server is slow.")
    extra_body: Annotated[str, BeforeValidator(as_json_text)] = Field(
        "", description="JSON object added to each request; null removes what it names."
    )
    allow_private: bool = Field(
        True,
        description="Whether private and loopback addresses may be asked. Link-local and "
        "metadata addresses never are.",
    )

    @field_validator("api_key_env")
    @classmethod
    def _a_name(cls, value: str) -> str:
        if value and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
            raise ValueError("give the name of an environment variable, not the key itself")
        if value.startswith("STILLROOM_"):
            raise ValueError("the product's own variables are not sent to servers")
        return value

    @model_validator(mode="after")
    def _usable(self) -> "OpenAIConfig":
        checked_url(self.base_url, allow_private=self.allow_private)
        read_extra(self.extra_body)
        return self


def read_extra(text: str) -> dict[str, Any]:
    """The object in `extra_body`; ValueError where it is none."""
    if not text.strip():
        return {}
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"extra_body is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError("extra_body must be a JSON object")
    return found


def retry_after(value: str) -> float | None:
    """Seconds a Retry-After header asks for: a number, or the time until its date."""
    value = value.strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            then = parsedate_to_datetime(value)
        except ValueError:
            return None
        if then.tzinfo is None:
            then = then.replace(tzinfo=UTC)
        seconds = (then - datetime.now(UTC)).total_seconds()
    if seconds != seconds:  # not a number
        return None
    return min(max(0.0, seconds), LONGEST_PAUSE)


@engines.register("openai")
class OpenAIEngine(Engine):
    """Any OpenAI-compatible server; how many requests it gets at once follows how it answers."""

    version = 1
    config: ClassVar[type[EngineConfig]] = OpenAIConfig
    in_process: ClassVar[bool] = False
    settings: OpenAIConfig

    def __init__(self, model: str, config: EngineConfig) -> None:
        super().__init__(model, config)
        from apps.engines.http import Client

        settings = self.settings
        key = ""
        if settings.api_key_env:
            key = os.environ.get(settings.api_key_env, "").strip()
            if not key or not key.isascii() or not key.isprintable():
                raise PermanentEngineError(
                    f"The environment variable {settings.api_key_env}, which should hold the key, "
                    "is not set (or not usable) where this worker runs."
                )
        self.key = key
        base = checked_url(settings.base_url, allow_private=settings.allow_private)
        self.extra = read_extra(settings.extra_body)
        self.throttle = Throttle(settings.min_concurrency, settings.max_concurrency)
        self.last_error = ""
        self.counts = {"asked": 0, "answered": 0, "failed": 0}
        self.client = Client(
            f"{base}/chat/completions",
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout_seconds=settings.timeout_seconds,
            allow_private=settings.allow_private,
        )

    @property
    def capacity(self) -> int:
        return self.throttle.limit

    def state(self) -> dict[str, Any]:
        throttle = self.throttle
        return {
            "version": self.version,
            "capacity": throttle.limit,
            "most": throttle.high,
            "in_flight": throttle.inside,
            "cause": throttle.cause,
            "paused_seconds": round(throttle.closed_for, 1),
            "last_error": self.last_error,
            **self.counts,
        }

    async def aclose(self) -> None:
        await self.client.aclose()

    async def complete(self, request: CompletionRequest) -> Completion:
        from apps.engines.http import Refused, Unreachable

        body = self._body(request)
        async with self.throttle:
            self.counts["asked"] += 1
            began = time.monotonic()
            try:
                status, pause, found = await self.client.post(body)
                if status != 200:
                    raise self._failure(status, pause, found, began)
                completion = self._completion(request, found, time.monotonic() - began)
            except Unreachable as error:
                self.throttle.slow_down(str(error), began=began)
                raise self._note(
                    TransientEngineError(f"The server at {self.client.url.host}: {error}.")
                ) from None
            except Refused as error:
                raise self._note(PermanentEngineError(str(error))) from None
            self.throttle.succeed()
            self.counts["answered"] += 1
            return completion

    def _body(self, request: CompletionRequest) -> bytes:
        drawn = request.sampling
        messages = [{"role": m.role, "content": m.content} for m in request.messages]
        body: dict[str, Any] = {
            "model": self.model,
            "messages": messages,
            "temperature": drawn.temperature,
            "max_tokens": drawn.max_tokens,
        }
        if drawn.top_p < 1:
            body["top_p"] = drawn.top_p
        if drawn.top_k:
            body["top_k"] = drawn.top_k
        if drawn.stop:
            body["stop"] = drawn.stop
        if drawn.seed is not None:
            body["seed"] = drawn.seed
        if request.prefill:  # how vLLM and SGLang are asked to go on with a text
            messages.append({"role": "assistant", "content": request.prefill})
            body["continue_final_message"] = True
            body["add_generation_prompt"] = False
        for name, value in self.extra.items():
            if value is None:
                body.pop(name, None)
            else:
                body[name] = value
        try:
            return orjson.dumps(body)
        except orjson.JSONEncodeError as error:
            raise PermanentEngineError(f"The request cannot be written as JSON: {error}.") from None

    def _completion(self, request: CompletionRequest, found: bytes, seconds: float) -> Completion:
        try:
            document = orjson.loads(found)
            choice = document["choices"][0]
            message = choice["message"]
            content = message.get("content") or ""
            reasoning = message.get("reasoning") or message.get("reasoning_content") or ""
            usage = document.get("usage") or {}
            counted = [int(usage.get(f"{part}_tokens") or 0) for part in ("prompt", "completion")]
            finish = choice.get("finish_reason") or "stop"
            if not (isinstance(content, str) and isinstance(reasoning, str)):
                raise TypeError
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            raise self._note(
                TransientEngineError("The server's answer is not a chat completion.")
            ) from None
        if finish == "content_filter":
            raise self._note(PermanentEngineError("The server's content filter held its answer."))
        text, tags, details = request.prefill + content, "", {}
        if reasoning:
            tags = "separate_field"
            details = {"field": "reasoning" if message.get("reasoning") else "reasoning_content"}
            # A thought cut off by the token limit stays open, as it would in one text.
            closer = "</think>" if content or finish != "length" else ""
            opener = "" if "<think>" in request.prefill else "<think>"
            text = f"{request.prefill}{opener}{reasoning}{closer}{content}"
        return Completion(
            text=text,
            finish_reason=FINISHED.get(finish, "stop"),
            prompt_tokens=counted[0],
            output_tokens=counted[1],
            seconds=seconds,
            tag_state=tags,
            details=details,
        )

    def _failure(self, status: int, pause: str, found: bytes, began: float) -> EngineError:
        wait = retry_after(pause)
        if status in OVERLOADED:
            self.throttle.slow_down(f"the server answered {status}", began=began)
        if wait and (status in AGAIN or status >= 500):
            self.throttle.close_for(wait)
        if status in (401, 403):
            named = self.settings.api_key_env
            advice = (
                f"check the key in the environment variable {named}" if named
                else "name the variable that holds its key in api_key_env"
            )
            return self._note(PermanentEngineError(f"The server refuses us ({status}); {advice}."))
        if status in AGAIN or status >= 500:
            said = f"The server answered {status}{self._said(found)}."
            return self._note(TransientEngineError(said, retry_after=wait))
        if 200 <= status < 400:
            said = f"The server answered {status} instead of a completion; check base_url."
        else:
            said = f"The server refused the request ({status}){self._said(found)}."
        return self._note(PermanentEngineError(said))

    def _said(self, found: bytes) -> str:
        """The server's own words, short, on one line, without our key."""
        try:
            document = orjson.loads(found)
            error = document.get("error", document)
            text = error if isinstance(error, str) else error.get("message") or ""
        except (ValueError, AttributeError):
            return ""
        text = CONTROL.sub(" ", str(text)).strip()
        if self.key:
            text = text.replace(self.key, "…")
        return f": {text[:200].rstrip('.')}" if text else ""

    def _note(self, error: EngineError) -> EngineError:
        self.counts["failed"] += 1
        self.last_error = str(error)
        return error

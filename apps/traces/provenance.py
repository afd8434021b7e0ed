"""What must be known about a revision of each kind: a validated document, not foreign keys, so
that retiring an endpoint or pruning a run leaves it readable."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Imported(_Document):
    """From a file: which one (by hash) and which record of it."""

    kind: Literal["imported"] = "imported"
    file: str
    file_hash: str
    row: int
    shape: str
    licence: str = ""
    producer: str = ""
    details: dict[str, Any] = Field(default_factory=dict)


class Generated(_Document):
    """From a run: method, teacher snapshot, sampling, item."""

    kind: Literal["generated", "rewritten"] = "generated"
    run: str
    item: str
    method: str
    method_version: int
    role: str
    teacher: dict[str, Any]
    params: dict[str, Any]
    saw_answer: bool = False
    details: dict[str, Any] = Field(default_factory=dict)


class Edited(_Document):
    """By a person, from the revision before."""

    kind: Literal["edited"] = "edited"
    author: str
    base: int
    base_hash: str


Provenance = Annotated[Imported | Generated | Edited, Field(discriminator="kind")]
_adapter: TypeAdapter[Imported | Generated | Edited] = TypeAdapter(Provenance)


def validated(document: dict[str, Any]) -> dict[str, Any]:
    """The document with its defaults, or a ValidationError naming what is missing."""
    return _adapter.validate_python(document).model_dump()

"""A plug-in's pydantic schema as a Django form: fields, bounds and descriptions carry over."""

import enum
import types
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from django import forms
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined


class UnshownField(TypeError):
    """The schema has a field no widget exists for: a plug-in must not be registered with it."""


def _bounds(info: FieldInfo) -> tuple[Any, Any]:
    low = high = None
    for mark in info.metadata:
        if isinstance(mark, Ge | Gt):
            low = getattr(mark, "ge", None) if isinstance(mark, Ge) else mark.gt
        if isinstance(mark, Le | Lt):
            high = getattr(mark, "le", None) if isinstance(mark, Le) else mark.lt
    return low, high


def field_for(name: str, info: FieldInfo) -> forms.Field:
    """The form field of one schema field; UnshownField if there is none."""
    kind: Any = info.annotation
    required = info.is_required()
    if get_origin(kind) in (Union, types.UnionType):
        rest = [part for part in get_args(kind) if part is not type(None)]
        if len(rest) != 1:
            raise UnshownField(f"The field {name} is a choice of types, which no form can show.")
        kind, required = rest[0], False
    low, high = _bounds(info)
    default = None if info.default is PydanticUndefined else info.default
    common = {
        "label": (info.title or name.replace("_", " ")).capitalize(),
        "help_text": info.description or "",
        "required": required,
        "initial": list(default) if isinstance(default, tuple) else default,
    }
    if kind is bool:
        return forms.BooleanField(**{**common, "required": False})
    if kind is int:
        return forms.IntegerField(min_value=low, max_value=high, **common)
    if kind is float:
        return forms.FloatField(
            min_value=low, max_value=high, widget=forms.NumberInput(attrs={"step": "any"}), **common
        )
    if get_origin(kind) is Literal:
        return forms.ChoiceField(choices=[(v, v) for v in get_args(kind)], **common)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return forms.ChoiceField(choices=[(v.value, v.value) for v in kind], **common)
    if kind is str:
        return forms.CharField(**common)
    if get_origin(kind) in (list, tuple) and get_args(kind)[0] is str:
        common["initial"] = "\n".join(default or ())
        return forms.CharField(
            widget=forms.Textarea(attrs={"rows": 3}),
            **{**common, "help_text": f"{common['help_text']} One a line.".strip()},
        )
    raise UnshownField(f"The field {name} has the type {kind}, which no form can show.")


def _is_list(info: FieldInfo) -> bool:
    return get_origin(info.annotation) in (list, tuple)


class SchemaForm(forms.Form):
    """Base of generated forms: `cleaned` is the validated schema instance after `is_valid`."""

    schema: type[BaseModel]

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        values: dict[str, Any] = {}
        for name, info in self.schema.model_fields.items():
            value = found.get(name)
            if value in (None, "") and not info.is_required():
                continue
            if _is_list(info) and isinstance(value, str):
                value = [line.strip() for line in value.splitlines() if line.strip()]
            values[name] = value
        if not self.errors:
            try:
                self.cleaned = self.schema.model_validate(values)
            except ValidationError as error:
                for problem in error.errors():
                    where = str(problem["loc"][0]) if problem["loc"] else None
                    self.add_error(where if where in self.fields else None, problem["msg"])
        return found

    def values(self) -> dict[str, Any]:
        """The validated parameters as JSON values."""
        return self.cleaned.model_dump(mode="json")


def form_for(schema: type[BaseModel]) -> type[SchemaForm]:
    """The form class of a schema."""
    fields = {name: field_for(name, info) for name, info in schema.model_fields.items()}
    return type(f"{schema.__name__}Form", (SchemaForm,), {"schema": schema, **fields})

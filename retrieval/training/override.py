"""Single fields of a recipe changed by texts, as the command line gives them."""

import dataclasses
from typing import Any, Literal, TypeVar, get_args, get_origin

from semblance.retrieval.errors import RecipeError
from semblance.retrieval.training.recipe import AnyRecipe

_Kind = TypeVar("_Kind", bound=AnyRecipe)


def override(recipe: _Kind, settings: list[str]) -> _Kind:
    """A recipe with single fields changed by "field=value" texts; tuples are written 24,32,64. Raises RecipeError."""
    fields = settable(recipe)
    changes: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or name not in fields:
            raise RecipeError(f"{setting!r} sets no field of a recipe: write FIELD=VALUE with {', '.join(fields)}.")
        changes[name] = _parse(name, text, fields[name])
    return dataclasses.replace(recipe, **changes)


def settable(recipe: AnyRecipe) -> dict[str, Any]:
    """The fields of a recipe that can be set, and the type of each."""
    fixed = ("name", "summary", "method")
    return {field.name: field.type for field in dataclasses.fields(recipe) if field.name not in fixed}


def _parse(name: str, text: str, kind: Any) -> Any:
    try:
        if get_origin(kind) is tuple:
            return tuple(int(part) for part in text.split(",")) if text != "none" else ()
        if get_origin(kind) is Literal:
            if text not in get_args(kind):
                raise ValueError
            return text
        if kind is bool:
            return {"true": True, "false": False}[text.lower()]
        return kind(text)
    except (ValueError, KeyError):
        wanted = getattr(kind, "__name__", str(kind)) if get_origin(kind) is None else str(kind)
        raise RecipeError(f"{name} must be {wanted}, not {text!r}.") from None

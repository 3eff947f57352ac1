"""A recipe as flat fields: as model.json and checkpoints hold it, and as the command line sets them."""

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from semblance.retrieval.errors import RecipeError
from semblance.retrieval.training.recipe import AnyRecipe, Fitted, Recipe

_Kind = TypeVar("_Kind", bound=AnyRecipe)
_Model = TypeVar("_Model", bound=BaseModel)

_FIXED = ("name", "summary", "method")  # they say which recipe it is
_GONE = {"detached": False, "joining": 0.0, "averaging": 0.0, "decorrelation": 0.0}  # what each says where it is off


def as_card(recipe: AnyRecipe) -> dict[str, Any]:
    """The fields of a recipe by their names, without the groups."""
    card: dict[str, Any] = {}
    for name, value in recipe.model_dump(by_alias=True).items():
        card |= value if isinstance(value, dict) else {name: value}
    return card


def from_card(card: Mapping[str, Any]) -> AnyRecipe:
    """A recipe as model.json and checkpoints hold it, tuples as lists.

    What it does not name is younger than it and has its default, which changes nothing. Raises RecipeError.
    """
    for name, off in _GONE.items():
        if card.get(name, off) != off:
            raise RecipeError(
                f"{name}={card[name]} did not help and is gone: train with it by commit bb30a8c of Semblance."
            )
    card = {name: value for name, value in card.items() if name not in _GONE}
    if (card.get("name"), card.get("network", "residual")) == (
        "photos",
        "residual",
    ):  # so copies was called when it was the default
        card["name"] = "copies"
    kind: type[AnyRecipe] = Fitted if "method" in card else Recipe
    return _read(kind, card)


def replace(recipe: _Kind, **changes: Any) -> _Kind:
    """A recipe with some fields changed, by their names alone. Raises RecipeError."""
    return _read(type(recipe), {**as_card(recipe), **changes})


def override(recipe: _Kind, settings: list[str]) -> _Kind:
    """A recipe with fields changed by "field=value" texts; tuples are written 24,32,64. Raises RecipeError."""
    changes: dict[str, str] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or name not in settable(recipe):
            can_be = ", ".join(settable(recipe))
            raise RecipeError(f"{setting!r} sets no field of a recipe: write FIELD=VALUE with {can_be}.")
        changes[name] = text
    return replace(recipe, **changes)


def settable(recipe: AnyRecipe) -> list[str]:
    """The names of the fields that can be set."""
    return [name for name in _fields(type(recipe)) if name not in _FIXED]


def _fields(kind: type[BaseModel]) -> dict[str, tuple[str | None, FieldInfo]]:
    """Each field by its name: the group it stands in, if any, and what it may be."""
    found: dict[str, tuple[str | None, FieldInfo]] = {}
    for name, field in kind.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= {inner: (name, each) for inner, (_, each) in _fields(field.annotation).items()}
        else:
            found[field.alias or name] = (None, field)
    return found


def _read(kind: type[_Model], card: Mapping[str, Any]) -> _Model:
    fields = _fields(kind)
    if strange := sorted(card.keys() - fields):
        raise RecipeError(f"A recipe has no field {', '.join(strange)}.")
    grouped: dict[str, Any] = {}
    for name, value in card.items():
        group, _ = fields[name]
        (grouped.setdefault(group, {}) if group else grouped)[name] = value
    try:
        return kind.model_validate(grouped)
    except ValidationError as error:
        first = error.errors()[0]
        name = [part for part in first["loc"] if isinstance(part, str)][-1]  # behind its group, before a place in it
        if first["type"] == "missing":
            raise RecipeError(f"A recipe must have a {name}.") from None
        field = fields[name][1]
        wanted = field.description or " or ".join(map(str, get_args(field.annotation))) or "a text"
        raise RecipeError(f"{name} must be {wanted}, not {first['input']!r}.") from None

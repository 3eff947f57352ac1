"""Recipes: what can be overridden, and the sentence for what cannot."""

import dataclasses
import json

import pytest

from semblance.retrieval.errors import RecipeError
from semblance.retrieval.training.override import override
from semblance.retrieval.training.recipe import Recipe, from_card
from semblance.retrieval.training.recipes import RECIPES, find


def test_fields_are_overridden_by_type() -> None:
    recipe = override(find("cifar10-ae"), ["epochs=7", "learning_rate=1e-3", "encoder=8,16,32", "precision=float32"])
    assert isinstance(recipe, Recipe)
    assert (recipe.epochs, recipe.learning_rate) == (7, 1e-3)
    assert recipe.encoder == (8, 16, 32)
    assert recipe.precision == "float32"
    assert recipe.bits == find("cifar10-ae").bits


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("epoch=3", "sets no field"),
        ("name=mine", "sets no field"),
        ("epochs", "sets no field"),
        ("epochs=", "epochs must be int, not ''"),
        ("epochs=many", "epochs must be int, not 'many'"),
        ("epochs=0", "epochs must be at least 1"),
        ("encoder=8,x", "encoder must be"),
        ("encoder=8,8", "as many numbers as encoder"),
        ("encoder=0,8,8,8", "one or more numbers"),
        ("stem_stride=3", "1, 2 or 4"),
        ("pooled=maybe", "pooled must be bool"),
        ("prefixes=0,8", "1 bit or more"),
        ("temperature=0", "above 0"),
        ("crop=0", "share from above 0"),
        ("reconstruction=inf", "must not be negative"),
        ("reconstruction=nan", "must not be negative"),
        ("agreement=1", "view must be 32"),
        ("reconstruction=0", "Nothing is asked"),
        ("learning_rate=nan", "learning_rate must be above 0"),
        ("precision=float16", "precision must be"),
        ("size=30", "multiple of 8"),
        ("mask=1", "mask must be a share"),
        ("held_out=-1", "held_out must not be negative"),
        ("batch_size=1", "at least 2"),
        ("tint=1", "tint must be a share"),
        ("grain=-1", "grain must not be negative"),
        ("turn=200", "turn must be from 0 to 180"),
        ("turn=5", "turn and frame are of views"),
        ("averaging=1", "averaging must be a share"),
        ("decorrelation=-1", "decorrelation must not be negative"),
        ("detached=true", "detached leaves an encoder nothing"),
    ],
)
def test_what_cannot_be_set_is_said(setting: str, sentence: str) -> None:
    with pytest.raises(RecipeError, match=sentence):
        override(find("cifar10-ae"), [setting])


@pytest.mark.parametrize("name", ["cifar10-fast", "photos"])
def test_bits_that_join_later_leave_views_to_compare_before(name: str) -> None:
    with pytest.raises(RecipeError, match="joining leaves no views"):
        override(find(name), ["joining=0.2", "projection=0"])
    assert isinstance(recipe := override(find(name), ["joining=0.2", "detached=true"]), Recipe)
    assert dataclasses.replace(recipe, agreement=0.0).views  # what the first steps are asked


@pytest.mark.parametrize("setting", [["agreement=0", "projection=0"], ["agreement=0", "latent=bernoulli"]])
def test_a_teacher_s_neighbours_are_imitated_by_the_bits_of_two_views(setting: list[str]) -> None:
    with pytest.raises(RecipeError, match="imitation is of a teacher's neighbours"):
        override(find("cifar10-fast"), ["imitation=1", *setting])


def test_an_unknown_recipe_names_those_there_are() -> None:
    with pytest.raises(RecipeError, match="cifar10-ae"):
        find("nothing")


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_reads_back_from_its_card(name: str) -> None:
    written = json.loads(json.dumps(dataclasses.asdict(find(name))))
    assert from_card(written) == find(name)
    assert from_card({**written, "seed": 7}) != find(name)


def test_a_card_from_before_a_field_has_its_default() -> None:
    written = dataclasses.asdict(find("cifar10-ae"))
    del written["salt"]  # 0 by default, and in this recipe
    assert from_card(written) == find("cifar10-ae")
    with pytest.raises(RecipeError, match="no field colour"):
        from_card({**written, "colour": 1})

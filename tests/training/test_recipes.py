"""Recipes: what can be overridden, the sentence for what cannot, and what cards of before say."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from semblance.retrieval.codec import Codec, find_model
from semblance.retrieval.errors import CheckpointError, RecipeError
from semblance.retrieval.training.checkpoint import Origin
from semblance.retrieval.training.fields import as_card, from_card, override, replace, settable
from semblance.retrieval.training.groups import Damage, Network, Objectives, Schedule, Views
from semblance.retrieval.training.recipe import Fitted, Recipe
from semblance.retrieval.training.recipes import RECIPES, find


def test_fields_are_overridden_by_type() -> None:
    settings = ["epochs=7", "learning_rate=1e-3", "encoder=8,16,32", "precision=float32", "pooled=true", "hidden=none"]
    recipe = override(find("cifar10-ae"), [*settings, "stem_stride=1", "network=residual"])
    assert isinstance(recipe, Recipe)
    assert (recipe.schedule.epochs, recipe.schedule.learning_rate) == (7, 1e-3)
    assert (recipe.network.encoder, recipe.network.hidden) == ((8, 16, 32), ())
    assert (recipe.network.pooled, recipe.network.stem_stride) == (True, 1)
    assert recipe.schedule.precision == "float32"
    assert recipe.bits == find("cifar10-ae").bits


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("epoch=3", "sets no field"),
        ("name=mine", "sets no field"),
        ("epochs", "sets no field"),
        ("averaging=0.9", "sets no field"),
        ("epochs=", "epochs must be a whole number, 1 or more, not ''"),
        ("epochs=many", "epochs must be a whole number, 1 or more, not 'many'"),
        ("epochs=0", "epochs must be a whole number, 1 or more"),
        ("epochs=1.5", "epochs must be a whole number"),
        ("encoder=8,x", "encoder must be one or more whole numbers"),
        ("encoder=8,8", "as many numbers as encoder"),
        ("encoder=0,8,8,8", "one or more whole numbers"),
        ("encoder=none", "one or more whole numbers"),
        ("stem_stride=3", "1, 2 or 4"),
        ("stem_stride=x", "1, 2 or 4, not 'x'"),
        ("pooled=maybe", "pooled must be true or false, not 'maybe'"),
        ("prefixes=0,8", "prefixes must be whole numbers of 1 or more"),
        ("temperature=0", "temperature must be a finite number above 0"),
        ("crop=0", "share from above 0"),
        ("reconstruction=inf", "reconstruction must be a finite number, 0 or more"),
        ("reconstruction=nan", "reconstruction must be a finite number, 0 or more"),
        ("agreement=1", "view must be 32"),
        ("reconstruction=0", "Nothing is asked"),
        ("learning_rate=nan", "learning_rate must be a finite number above 0"),
        ("precision=float16", "precision must be float32 or bfloat16, not 'float16'"),
        ("network=round", "network must be residual or pooling or dense"),
        ("size=30", "multiple of 8"),
        ("mask=1", "mask must be a share"),
        ("held_out=-1", "held_out must be a whole number, 0 or more"),
        ("batch_size=1", "2 or more"),
        ("tint=1", "tint must be a share"),
        ("grain=-1", "grain must be a finite number, 0 or more"),
        ("turn=200", "turn must be from 0 to 180"),
        ("turn=5", "turn and frame are of views"),
    ],
)
def test_what_cannot_be_set_is_said(setting: str, sentence: str) -> None:
    with pytest.raises(RecipeError, match=sentence) as caught:
        override(find("cifar10-ae"), [setting])
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value), "one sentence, no report of a parser"


@pytest.mark.parametrize("setting", [["agreement=0", "projection=0"], ["agreement=0", "latent=bernoulli"]])
def test_a_teacher_s_neighbours_are_imitated_by_the_bits_of_two_views(setting: list[str]) -> None:
    with pytest.raises(RecipeError, match="imitation is of a teacher's neighbours"):
        override(find("cifar10-fast"), ["imitation=1", *setting])


def test_an_unknown_recipe_names_those_there_are() -> None:
    with pytest.raises(RecipeError, match="cifar10-ae"):
        find("nothing")


def test_no_two_fields_have_one_name() -> None:
    models: list[type[BaseModel]] = [Recipe, Network, Objectives, Views, Damage, Schedule]
    names = [each.alias or name for model in models for name, each in model.model_fields.items()]
    flat = [name for name in names if names.count(name) == 1]
    assert sorted({*names} - {*flat}) == ["network"], "a group, and the kind of network in it"
    assert {*settable(find("plain"))} == {*names} - {"name", "summary", "views", "objectives", "damage", "schedule"}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_reads_back_from_its_card(name: str) -> None:
    written = json.loads(json.dumps(as_card(find(name))))
    assert from_card(written) == find(name)
    assert from_card({**written, "seed": 7}) != find(name)


def test_a_recipe_stays_as_it_is() -> None:
    recipe = find("plain")
    assert isinstance(recipe, Recipe)
    with pytest.raises(ValueError, match="frozen"):
        recipe.schedule.epochs = 1  # type: ignore[misc]
    assert replace(recipe, epochs=1).schedule.epochs == 1
    assert recipe.schedule.epochs == 5


def test_a_card_from_before_a_field_has_its_default() -> None:
    written = as_card(find("cifar10-ae"))
    del written["salt"]  # 0 by default, and in this recipe
    assert from_card(written) == find("cifar10-ae")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"colour": 1}, "no field colour"),
        ({"epochs": None}, "epochs must be a whole number, 1 or more, not None"),
        ({"encoder": 3}, "encoder must be one or more whole numbers"),
        ({"stem_stride": None}, "stem_stride must be 1, 2 or 4"),
        ({"name": 3}, "name must be a text"),
    ],
)
def test_a_card_that_is_no_recipe_is_one_sentence(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RecipeError, match=sentence):
        from_card({**as_card(find("cifar10-ae")), **changes})
    with pytest.raises(RecipeError, match="must have a summary"):
        from_card({"name": "short"})


GONE = {"detached": False, "joining": 0.0, "averaging": 0.0, "decorrelation": 0.0}  # as they stand in cards of bb30a8c


def test_a_card_from_when_there_were_other_leads_is_read_where_they_are_off() -> None:
    assert GONE.keys() <= Codec(find_model("photos-0.1")).card["recipe"].keys()
    assert from_card({**as_card(find("copies")), **GONE}) == find("copies")


def test_what_was_trained_as_photos_goes_on_as_copies() -> None:
    of_before = {**as_card(find("copies")), "name": "photos", "summary": "256 bits for photographs of any subject."}
    recipe = from_card(of_before)
    assert (recipe.name, as_card(recipe) | {"summary": ""}) == ("copies", as_card(find("copies")) | {"summary": ""})
    state = {"recipe": of_before, "data": "0"}
    copies = find("copies")
    assert isinstance(copies, Recipe)
    Origin(copies, "0").check(state, Path("checkpoint.pt"))
    other = replace(copies, view=40)
    with pytest.raises(CheckpointError, match=r"\(different: view\)"):
        Origin(other, "0").check(state, Path("checkpoint.pt"))


@pytest.mark.parametrize("changed", [{"detached": True}, {"joining": 0.2}, {"averaging": 0.99}, {"decorrelation": 1}])
def test_a_card_with_one_of_them_says_where_it_can_be_trained(changed: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match=r"did not help and is gone: .*bb30a8c"):
        from_card({**as_card(find("copies")), **GONE, **changed})


def test_a_fitted_recipe_has_no_groups() -> None:
    card = as_card(find("patches-itq"))
    assert (card["method"], card["centroids"]) == ("patches-itq", 400)
    assert from_card(card) == Fitted(**card)

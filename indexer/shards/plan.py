"""What a folder of shards is to hold: written first, and the same for whoever goes on with it."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from semblance.indexer.shards.places import Place
from semblance.retrieval import arrays
from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import ShardsError

MANIFEST = "manifest.json"
SHARD = 4096  # pictures of a shard: half a megabyte, and half a minute of one core
_FORMAT = 1


@dataclass(frozen=True)
class Model:
    """An encoder whose codes a shard holds: by its content, and by the name or folder that it was named by."""

    codec_id: str
    model: str
    bits: int


@dataclass(frozen=True)
class Plan:
    """What is to be made: `pictures` of a list, by `models` (of what is alike first), `shard` of them to a shard.

    `source` is what a person named, and no part of what tells plans apart, as the models' names are not.
    """

    models: tuple[Model, ...]
    list_sha256: str
    pictures: int
    shard: int
    source: str

    @property
    def id(self) -> str:
        """What tells this plan from others, 64 hexadecimal digits."""
        told = [_FORMAT, [model.codec_id for model in self.models], self.list_sha256, self.pictures, self.shard]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()

    @property
    def shards(self) -> int:
        """How many shards there are to be."""
        return -(-self.pictures // self.shard)

    @property
    def list_name(self) -> str:
        """The file that has the paths."""
        return f"pictures-{self.list_sha256[:12]}.list"

    def run(self, number: int) -> slice:
        """Which of the list's pictures a shard has."""
        return slice(number * self.shard, min((number + 1) * self.shard, self.pictures))

    def name(self, number: int) -> str:
        """A shard's name, without its suffix."""
        return f"shard-{number:08}-{self.id[:12]}"

    def manifest(self) -> bytes:
        """The plan as it is written down."""
        models = [vars(model) for model in self.models]
        told = {"format": _FORMAT, **vars(self), "models": models, "shards": self.shards}
        return (json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode()


def made(models: Sequence[Codec], paths: Sequence[str], shard: int, source: str) -> tuple[Plan, bytes]:
    """A plan for pictures at these paths, which are sorted, and the list as it is written down."""
    listed = "".join(f"{path}\0" for path in paths).encode()
    told = tuple(Model(codec.codec_id, codec.reference, codec.bits) for codec in models)
    return Plan(told, hashlib.sha256(listed).hexdigest(), len(paths), shard, source), listed


def read(place: Place) -> Plan | None:
    """The plan that a place was begun with; None where it has none. Raises ShardsError."""
    written = place.read(MANIFEST)
    return None if written is None else _plan(place, written)


def begin(place: Place, plan: Plan, listed: bytes) -> None:
    """Write the plan and its list down, unless they are there. Raises ShardsError where the place has another plan, or
    files of other kinds."""
    place.begin()
    there = place.read(MANIFEST)
    if there is None:
        ours = re.compile(rf"pictures-.*|{re.escape(MANIFEST)}.*|shard-\d+-{plan.id[:12]}\..*", re.DOTALL)
        if others := [name for name in place.sizes() if not ours.fullmatch(name)]:
            raise ShardsError(f"{place.shown} holds other files ({min(others)}) and no {MANIFEST}: name a new folder.")
        there = place.create(MANIFEST, plan.manifest())  # first of all: whose plan it is not shall write nothing
    agree(place, _plan(place, there), plan)
    if place.sizes().get(plan.list_name) != len(listed):
        place.write(plan.list_name, listed)


def paths(place: Place, plan: Plan) -> list[str]:
    """The list of a plan. Raises ShardsError where it is not there, or not as the plan says."""
    listed = place.read(plan.list_name)
    if listed is None or hashlib.sha256(listed).hexdigest() != plan.list_sha256:
        raise ShardsError(f"{place.shown} lacks its list of pictures, or has a damaged one ({plan.list_name}).")
    return listed.decode().split("\0")[:-1]


def agree(place: Place, there: Plan, plan: Plan) -> None:
    """Raise ShardsError where the plan that is there is another."""
    if there.id == plan.id:
        return
    if there.models != plan.models and _ids(there) != _ids(plan):
        what = f"by {_named(there)}, not by {_named(plan)}: name those with --model and --copies"
    elif there.shard != plan.shard:
        what = f"with {there.shard:,} pictures to a shard, not {plan.shard:,}: leave --shard out"
    else:
        what = (
            f"of {there.pictures:,} pictures, and these are {plan.pictures:,}, or others: go on with that list by "
            f"naming {there.list_name} in it as the SOURCE"
        )
    raise ShardsError(f"{place.shown} was begun {what}, or name another folder. Nothing was changed.")


def _ids(plan: Plan) -> list[str]:
    return [model.codec_id for model in plan.models]


def _named(plan: Plan) -> str:
    return " and ".join(f"{model.model} ({model.codec_id[:12]})" for model in plan.models)


def _plan(place: Place, written: bytes) -> Plan:
    try:
        told: dict[str, Any] = json.loads(written)
        if told["format"] != _FORMAT:
            raise ShardsError(f"{place.shown} is of another version of Semblance ({told['format']}): use that one.")
        models = tuple(Model(str(each["codec_id"]), str(each["model"]), int(each["bits"])) for each in told["models"])
        found = Plan(models, str(told["list_sha256"]), int(told["pictures"]), int(told["shard"]), str(told["source"]))
        if found.shard < 1 or found.pictures < 1 or not models or found.shards != told["shards"]:
            raise ValueError
    except arrays.UNREADABLE as error:
        raise ShardsError(f"{place.shown}/{MANIFEST} is damaged: name another folder.") from error
    return found

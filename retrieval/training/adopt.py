"""Any ONNX network that makes features of pictures -> a model folder like every other: by a formula, without torch.

The encoder is one graph: bytes, what the network wants of a picture, the network, its features (maps averaged over
places, tokens over all of them), and a linear map to bits that `linear.nested_bits` fits to the features of pictures.
It is fitted to what the graph itself computes, with weights as they ship, so nothing is rounded afterwards.
"""

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto

from semblance.retrieval.codec import Codec, write_card
from semblance.retrieval.errors import DatasetError, ModelError, TrainingError, UsageError
from semblance.retrieval.files import replace
from semblance.retrieval.images import Picture
from semblance.retrieval.inputs import InputSpec, spec_for
from semblance.retrieval.judging import datasets, linear
from semblance.retrieval.judging.linear import Floats
from semblance.retrieval.progress import Progress, quiet
from semblance.retrieval.training import features, foreign, preprocessing
from semblance.retrieval.training.assembly import from_bytes, pool, run, session_of, with_bits
from semblance.retrieval.training.data import Selection
from semblance.retrieval.training.features import Features
from semblance.retrieval.training.foreign import Network
from semblance.retrieval.training.preprocessing import Preprocessing, Wanted
from semblance.retrieval.training.shipping import for_shipping

UNKNOWN = "its trunk's training is not known to Semblance"
FORMULA = {"nested": [*linear.NESTED], "power": linear.POWER, "rounds": linear.ROUNDS}
_ALIKE = 1e-2  # how far features may differ by what else is in the batch, as a share of their length


@dataclass(frozen=True)
class Adoption:
    """A network with all that is known of it before a picture is read."""

    network: Network
    wanted: Preprocessing
    bits: int
    licence: str
    note: str

    @property
    def spec(self) -> InputSpec:
        """What pictures are to be brought to."""
        return spec_for(self.wanted.size)


def prepare(
    path: Path,
    out: Path,
    output: str | None,
    asked: Wanted,
    bits: int = 256,
    licence: str = "not stated",
    note: str = UNKNOWN,
) -> Adoption:
    """Read the network at `path` and settle what it wants, before the long work begins; write nothing.

    Raises ModelError and UsageError as `foreign.read` and `preprocessing.settle` do, and UsageError where `out` holds a
    model that was not made of this network.
    """
    network = foreign.read(path, output)
    wanted = preprocessing.settle(asked, path, network.shape)
    if (out / "encoder.onnx").exists() or (out / "model.json").exists():
        try:
            same = Codec(out).card["adopted"]["sha256"] == network.sha256
        except (ModelError, KeyError, TypeError):
            same = False
        if not same:
            raise UsageError(f"{out} holds a model that was not made of {path}: name another folder with --out.")
    return Adoption(network, wanted, bits, licence, note)


def adopt(
    adoption: Adoption, chosen: Selection, out: Path, progress: Progress = quiet
) -> tuple[Codec, list[tuple[Path, str]]]:
    """Fit bits to the features of pictures and write the model folder `out`: the codec read back, and which files could
    not be read, with the reason.

    Raises ModelError where the network does not run or makes no features, DatasetError where the pictures are too few
    or too much alike, TrainingError where `out` cannot be written.
    """
    network, bits = adoption.network, adoption.bits
    enough(len(chosen), bits)
    model = from_bytes(network, adoption.wanted)
    length = pool(model, _shape_of_features(model, network, _two(chosen, adoption.spec)), adoption.wanted)
    if length == 1:
        raise ModelError(f"{network} is one number a picture, no features: name another --output.")
    if length < bits:
        raise ModelError(f"{network} is {length} numbers a picture, too few for {bits} bits: ask for fewer --bits.")
    made = features.make(partial(run, session_of(model, network), network), chosen, adoption.spec, progress)
    enough(len(made.read), bits)
    _check(network, made.vectors)
    try:
        encoder = for_shipping(with_bits(model, *linear.nested_bits(made.vectors, bits)))
    except DatasetError as error:
        raise DatasetError(f"{network} gives no codes: {error}") from error
    except Exception as error:  # a checker's, or protobuf's of more than 2 GB
        raise ModelError(f"{network} cannot be written as one ONNX file: {error}") from error
    _write(out, encoder, _card(adoption, chosen, made, out.resolve().name))
    return Codec(out), made.failed


def enough(pictures: int, bits: int) -> None:
    """DatasetError unless bits can be fitted to so many pictures."""
    if pictures <= bits:
        raise DatasetError(
            f"{pictures:,} pictures are too few to fit {bits} bits to, which takes {bits + 1:,} or more: add some."
        )


def _two(chosen: Selection, spec: InputSpec) -> Picture:
    """The first two pictures that can be read. DatasetError where there are none."""
    read = datasets.readable(chosen, spec)  # no further than is asked for, and a few ahead
    two = [*islice((picture for picture in read if not isinstance(picture, Exception)), 2)]
    if len(two) < 2:
        raise DatasetError(f"{chosen.name} holds no two pictures that can be read.")
    return np.stack(two)


def _write(out: Path, encoder: bytes, card: dict[str, Any]) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        replace(out / "encoder.onnx", [encoder])
        (out / "decoder.onnx").unlink(missing_ok=True)  # of a folder's earlier bits
        write_card(out, card)
    except OSError as error:
        raise TrainingError(f"The model folder {out} could not be written: {error}") from error


def _shape_of_features(model: ModelProto, network: Network, two: Picture) -> tuple[int, ...]:
    """The shape of what the network makes of two pictures. ModelError where it is no features, or where a picture's
    depend on what else is in its batch."""
    together = run(session := session_of(model, network), network, two)
    shape: tuple[int, ...] = together.shape
    if len(shape) not in (2, 3, 4) or shape[0] != 2:
        raise ModelError(f"{network} is no features: two pictures give the shape {shape}.")
    alone = np.concatenate([run(session, network, two[:1]), run(session, network, two[1:])])
    if alone.shape != shape or np.abs(together - alone).max() > _ALIKE * np.abs(alone).max():  # not so for NaN
        raise ModelError(
            f"{network.path} answers otherwise for two pictures than for each: export it with an open batch."
        )
    return shape


def _check(network: Network, vectors: Floats) -> None:
    """ModelError where these features cannot tell pictures apart."""
    if not np.isfinite(vectors).all():
        raise ModelError(f"{network} is not a number for some of these pictures: are --mean and --std the network's?")
    if (np.ptp(vectors, axis=0) == 0).all():
        raise ModelError(f"{network} is the same for every picture: name another --output.")


def _card(adoption: Adoption, chosen: Selection, made: Features, name: str) -> dict[str, Any]:
    network, length = adoption.network, made.vectors.shape[1]
    return {
        "name": name,
        "bits": adoption.bits,
        "input": adoption.spec.card(),
        "summary": f"The features of {network.path.name}, {length:,} numbers, rounded to {adoption.bits} bits.",
        "latent": "bits",
        "adopted": {
            "network": network.path.name,
            "sha256": network.sha256,
            "output": network.output,
            "preprocessing": asdict(adoption.wanted),
            "formula": FORMULA,
            "note": adoption.note,
        },
        "command": shlex.join(_command(adoption, chosen.arguments, name)),
        "data": {"name": chosen.name, "pictures": len(made.read), "sha256": made.sha256},
        "licence": {
            "weights": adoption.licence,
            "data": "the pictures' own; none of them is distributed with the model",
        },
    }


def _command(adoption: Adoption, arguments: Sequence[str], name: str) -> list[str]:
    """The command that repeats it, with everything said."""
    network, wanted = adoption.network, adoption.wanted
    mean, std = (",".join(map(repr, each)) for each in (wanted.mean, wanted.std))
    said = ["--output", network.output, "--size", str(wanted.size), f"--mean={mean}", f"--std={std}"]
    said += ["--layout", wanted.layout, *(["--bgr"] * wanted.bgr), "--bits", str(adoption.bits)]
    return ["semblance", "adopt", network.path.name, *arguments, *said, "--out", f"models/{name}"]

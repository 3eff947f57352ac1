"""What a frozen trunk makes of pictures and of views of them: features made once, before the first step, and kept.

A frozen trunk gives a picture the same features at every step. So each picture and some views of it go through it only
once, and training what follows is then a matter of minutes without an accelerator. The bits begin as the formula's
(`linear.nested_bits`), and ship as an adopted network's do: the trunk and a linear map in one graph.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from semblance.retrieval import decoding
from semblance.retrieval.codec import ENCODER, Codec
from semblance.retrieval.errors import PictureError, TrainingError
from semblance.retrieval.files import sync_folder
from semblance.retrieval.images import Picture, Source
from semblance.retrieval.judging import linear
from semblance.retrieval.judging.linear import Floats
from semblance.retrieval.pool import in_order
from semblance.retrieval.progress import Progress, quiet
from semblance.retrieval.training.bottleneck import Bits, Settled
from semblance.retrieval.training.data import TrainingData
from semblance.retrieval.training.fields import replace
from semblance.retrieval.training.losses import damaged, viewed
from semblance.retrieval.training.networks import Autoencoder
from semblance.retrieval.training.recipe import Recipe
from semblance.retrieval.training.refit import Tail, Trunk

Looks = npt.NDArray[np.float16]  # (1 + views, N, F): of each picture as it is, and of views of it

_CHUNK = 16  # pictures that a thread is busy with
_VIEWS = 4  # what a generator is for: loop.py has the others


def look(trunk: Trunk, data: TrainingData, recipe: Recipe, out: Path, progress: Progress = quiet) -> Looks:
    """The features of all pictures and of `recipe.views.kept` views of each, from out/features-*.npy or made and put
    there. Raises TrainingError where the recipe expects another number of them, or they cannot be written."""
    length = trunk.weights.shape[0]
    if length != recipe.network.head:
        raise TrainingError(
            f"{trunk.codec.name} makes {length} features, not {recipe.network.head}: --set head={length}."
        )
    kept = out / f"features-{_name(trunk.codec, data, recipe)}.npy"
    shape = (1 + _views(recipe), len(data.pictures), length)
    with contextlib.suppress(OSError, ValueError, EOFError):  # it is not there, or damaged
        looks: Looks = np.load(kept, mmap_mode="c")
        if looks.shape == shape and looks.dtype == np.float16:
            return looks
    try:
        _make(kept, shape, trunk, data, recipe, progress)
    except OSError as error:
        raise TrainingError(f"{kept} could not be written: {error}") from error
    made: Looks = np.load(kept, mmap_mode="c")
    return made


def _name(codec: Codec, data: TrainingData, recipe: Recipe) -> str:
    """What decides the features, as 16 hexadecimal digits."""
    shown = [_views(recipe), recipe.views.model_dump(), recipe.damage.model_dump()]
    asked = [codec.codec_id, data.sha256, recipe.seed, *shown]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


def _make(
    kept: Path, shape: tuple[int, int, int], trunk: Trunk, data: TrainingData, recipe: Recipe, progress: Progress
) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    draft = kept.with_suffix(".tmp")
    looks = np.lib.format.open_memmap(draft, mode="w+", dtype=np.float16, shape=shape)
    done = 0
    try:
        shown = replace(recipe, view=trunk.codec.spec.size)
        for features in in_order(partial(_seen, trunk, shown), enumerate(_chunks(chain.from_iterable(data.sources)))):
            looks[:, done : done + features.shape[1]] = features
            done += features.shape[1]
            progress(done, shape[1])
        looks.flush()
        draft.rename(kept)
        sync_folder(kept.parent)
    finally:
        draft.unlink(missing_ok=True)


def _views(recipe: Recipe) -> int:
    return 0 if recipe.decoder_alone else recipe.views.kept


def _chunks(sources: Iterator[Source]) -> Iterator[list[Source]]:
    while chunk := [*islice(sources, _CHUNK)]:
        yield chunk


def _seen(trunk: Trunk, recipe: Recipe, numbered: tuple[int, Sequence[Source]]) -> Floats:
    """Features (1 + views, n, F) of some pictures, the number of which decides their views."""
    number, sources = numbered
    pictures = np.stack([_load(source, trunk.codec) for source in sources])
    seed = np.random.SeedSequence((recipe.seed, _VIEWS, number)).generate_state(1, np.uint64)[0]
    chance = torch.Generator().manual_seed(int(seed))
    floats = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    views = [damaged(viewed(floats, recipe, chance), recipe, chance) for _ in range(_views(recipe))]
    as_bytes = [(view.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy() for view in views]
    return np.stack([_features(trunk, each) for each in (pictures, *as_bytes)])


def _features(trunk: Trunk, pictures: Picture) -> Floats:
    return np.concatenate([trunk.features(pictures[row : row + 1]) for row in range(len(pictures))])


def _load(source: Source, codec: Codec) -> Picture:
    try:
        return decoding.load(source, codec.spec)
    except (PictureError, OSError) as error:
        named = source if isinstance(source, Path) else "a picture"
        raise TrainingError(f"{named} could be read before and cannot now: {error}") from error


def begin(model: Autoencoder, trunk: Trunk, features: Looks) -> None:
    """Let the bits of `model` be those that the formula fits to features (N, F) of whole pictures, or the trunk's own
    where they are settled."""
    bottleneck = model.encoder.bottleneck
    if isinstance(bottleneck, Settled):
        bottleneck.weights.copy_(torch.from_numpy(trunk.weights))
        bottleneck.offset.copy_(torch.from_numpy(trunk.offset))
        return
    assert isinstance(bottleneck, Bits)
    linear_map = bottleneck[0]
    assert isinstance(linear_map, torch.nn.Linear)
    weights, _ = linear.nested_bits(features.astype(np.float32), linear_map.out_features)
    scaled = torch.from_numpy(weights / np.abs(weights).mean())  # standardising their logits undoes it
    linear_map.weight.data = scaled.T.contiguous().to(linear_map.weight.device)


def centred(features: Looks) -> Floats:
    """Features (N, F) less their mean: what the bits are to find alike, these find alike."""
    floats: Floats = features.astype(np.float32)
    floats -= floats.mean(axis=0)
    return floats


def whole(trunk: Trunk, data: TrainingData, rows: npt.NDArray[np.int64]) -> tuple[Picture, Tensor]:
    """Some of the pictures as the trunk wants them, uint8 (n, S, S, 3), and their features (n, F), exact."""
    sources = [*chain.from_iterable(data.sources)]
    pictures = np.stack([_load(sources[row], trunk.codec) for row in rows])
    return pictures, torch.from_numpy(_features(trunk, pictures))


def encoder(trunk: Trunk, model: Autoencoder) -> bytes:
    """encoder.onnx of a `deployable` model: the trunk, and what follows it."""
    if isinstance(model.encoder.bottleneck, Settled):
        return (trunk.codec.folder / ENCODER).read_bytes()
    layer = next(iter(model.encoder.bottleneck.children()))
    assert isinstance(layer, torch.nn.Linear)
    weights, offset = layer.weight.detach().numpy().T, layer.bias.detach().numpy()
    return trunk.ending_in(Tail(np.ascontiguousarray(weights), offset.copy()))

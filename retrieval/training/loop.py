"""One visible training loop.

Every random choice is drawn from a generator seeded by (seed, purpose, step), so a step depends on nothing but the
weights, the optimiser's state and its own number. So a resumed run repeats the uninterrupted one exactly.
"""

import dataclasses
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from semblance.retrieval.codec import Codec, from_logits
from semblance.retrieval.errors import DatasetError
from semblance.retrieval.judging import datasets
from semblance.retrieval.judging.evaluation import bit_statistics
from semblance.retrieval.training import objectives
from semblance.retrieval.training.bottleneck import Bits, Real
from semblance.retrieval.training.checkpoint import Run, load_weights
from semblance.retrieval.training.closed_form import FittedCoder
from semblance.retrieval.training.data import TrainingData
from semblance.retrieval.training.losses import losses
from semblance.retrieval.training.networks import Autoencoder
from semblance.retrieval.training.pooling import PoolingEncoder
from semblance.retrieval.training.rbm import pretrain
from semblance.retrieval.training.recipe import Recipe

LOG_EVERY = 25  # steps
CHECKPOINT_EVERY = 120  # seconds
BALANCED_ON = 10_000  # pictures
_BETAS = (0.9, 0.98)

_ORDER, _CHANCE, _PRETRAINING = 1, 2, 3  # what a generator is for

Report = Callable[[int, int], None]  # step, steps in all


def fit(
    recipe: Recipe,
    data: TrainingData,
    out: Path,
    device: torch.device,
    report: Report,
    stop: Callable[[], bool],
    start: Codec | None = None,
    teacher: Codec | None = None,
) -> tuple[Autoencoder, float]:
    """Train to the end of the recipe, going on from out/checkpoint.pt where there is one: the network, and the seconds
    that it took. It begins with the weights of `start`, if one is named, else from chance. `teacher` is who a recipe
    with `imitation` imitates; it sees every picture once, whole and clean.

    Writes out/checkpoint.pt every two minutes and at the end, and every figure to out/training.jsonl. `stop` is asked
    after each step: where it says yes, a checkpoint is written and KeyboardInterrupt raised; pretraining, which has no
    checkpoint of its own, begins anew next time. Raises DatasetError,
    CheckpointError and TrainingError.
    """
    kept, held_out = _split(recipe, data)
    pictures = torch.from_numpy(data.pictures).permute(0, 3, 1, 2).to(device)  # uint8 (N, 3, S, S), channels last
    model, optimizer = prepared(recipe, device)
    average = _average(model, recipe)
    taught = None if teacher is None else torch.from_numpy(teacher.logits(data.pictures)).to(device)
    begun, by = (codec.codec_id if codec else "" for codec in (start, teacher))
    run = Run(out, recipe, data.sha256, model, optimizer, average, begun, by)
    batches = len(kept) // recipe.batch_size
    steps = recipe.epochs * batches
    pretraining = 0 if start is not None else recipe.pretraining
    before = pretraining * (len(recipe.hidden) + 1) * batches  # as many steps as it has, for the time left
    if start is not None:
        load_weights(model, start.folder)  # where there is a checkpoint, it takes their place
    out.mkdir(parents=True, exist_ok=True)
    first, seconds = run.resume()
    if pretraining and not run.begun:
        started = time.monotonic()
        chance = _generator(recipe.seed, _PRETRAINING, 0, device)

        def pretrained(share: float) -> None:
            report(int(share * before), before + steps)
            if stop():
                raise KeyboardInterrupt

        pretrain(model, pictures[kept.to(device)], recipe, chance, pretrained)
        seconds = time.monotonic() - started
        run.save(0, seconds)
    saved = epoch_started = time.monotonic()
    started = saved - seconds  # as if the pieces of a cut run had followed each other
    order = kept
    for step in range(first, steps):
        epoch, batch = divmod(step, batches)
        if batch == 0 or step == first:
            order = kept[torch.randperm(len(kept), generator=_generator(recipe.seed, _ORDER, epoch))]
            epoch_first, epoch_started = step, time.monotonic()
        rows = order[batch * recipe.batch_size : (batch + 1) * recipe.batch_size].to(device)
        images = pictures[rows].float() / 255  # (B, 3, S, S)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(recipe, step, steps)
        asked = recipe if step >= recipe.joining * steps else dataclasses.replace(recipe, agreement=0.0)
        chance = _generator(recipe.seed, _CHANCE, step, device)
        parts = descend(model, optimizer, images, asked, chance, None if taught is None else taught[rows])
        if average is not None:
            average.update_parameters(model)
        if step % LOG_EVERY == 0:
            each = {name: part.item() for name, part in parts.items()}
            loss = sum(each.values())
            run.check(math.isfinite(loss), step)
            rate = optimizer.param_groups[0]["lr"]
            run.record(step=step, epoch=epoch, learning_rate=rate, loss=loss, **each)
        report(before + step + 1, before + steps)
        if batch == batches - 1:
            rate = (step + 1 - epoch_first) * recipe.batch_size / (time.monotonic() - epoch_started)
            figures = measure(
                cast(Autoencoder, average.module) if average else model, pictures[held_out.to(device)], recipe.bits
            )
            run.record(step=step, epoch=epoch, pictures_per_second=round(rate), **figures)
        if step + 1 == steps:
            break  # what is saved next is balanced
        stopping = stop()
        if stopping or time.monotonic() - saved > CHECKPOINT_EVERY:
            saved = time.monotonic()
            run.save(step + 1, saved - started)
        if stopping:
            raise KeyboardInterrupt
    if first < steps:
        if average is not None:
            model.load_state_dict(average.module.state_dict())
        balance(model, pictures[kept[:BALANCED_ON].to(device)])
        seconds = time.monotonic() - started
        run.save(steps, seconds)
        run.record(step=steps - 1, seconds=round(seconds, 1))
    model.eval()
    return model, seconds


def prepared(recipe: Recipe, device: torch.device) -> tuple[Autoencoder, torch.optim.Optimizer]:
    """An untrained network and its optimizer, as every run of the recipe begins.

    Weights of layers decay; scales and shifts, which have no directions to choose between, do not.
    """
    torch.manual_seed(recipe.seed)
    model = Autoencoder(recipe).to(device).to(memory_format=torch.channels_last)
    groups = [
        {"params": [each for each in model.parameters() if each.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [each for each in model.parameters() if each.ndim <= 1], "weight_decay": 0.0},
    ]
    return model, torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=_BETAS)


def _average(model: Autoencoder, recipe: Recipe) -> AveragedModel | None:
    """The exponential moving average of the weights, and of the statistics of batch normalisation with them."""
    if not recipe.averaging:
        return None
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(recipe.averaging), use_buffers=True)


def descend(
    model: Autoencoder,
    optimizer: torch.optim.Optimizer,
    images: Tensor,
    recipe: Recipe,
    generator: torch.Generator,
    taught: Tensor | None = None,
) -> dict[str, Tensor]:
    """One step on pictures (N, 3, S, S) in 0..1, and a teacher's logits of them (N, T); the losses it descended from,
    each a scalar."""
    parts = losses(model, images, recipe, generator, taught)
    optimizer.zero_grad(set_to_none=True)
    torch.stack(list(parts.values())).sum().backward()
    optimizer.step()
    return {name: loss.detach() for name, loss in parts.items()}


@torch.no_grad()
def balance(model: Autoencoder, pictures: Tensor) -> None:
    """Put each logit's middle at zero over pictures uint8 (N, 3, S, S), whole and clean as they will be indexed.

    Rounded bits are standardised anew: training saw crops of the pictures, or corrupted ones, and what it took for the
    middle of a bit puts whole pictures off balance. Real latents are shifted by their medians, and the decoder shifts
    them back. Latents with a prior stay as they are: it has its middle at zero.
    """
    bottleneck = model.encoder.bottleneck
    model.eval()
    if isinstance(bottleneck, Bits):
        linear, normalisation = bottleneck
        assert isinstance(normalisation, torch.nn.BatchNorm1d)
        before = _each(lambda images: linear(model.encoder.features(images)), pictures)
        normalisation.running_mean, normalisation.running_var = before.mean(dim=0), before.var(dim=0)
    elif isinstance(bottleneck, Real):
        middle = _each(model.encoder, pictures).median(dim=0).values
        bottleneck.bias.sub_(middle)
        model.decoder.middle.add_(middle)
    model.train()


def _each(encode: Callable[[Tensor], Tensor], pictures: Tensor) -> Tensor:
    return torch.cat([encode(batch.float() / 255) for batch in pictures.split(500)])


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """Linear warm-up, then half a cosine down to zero (Loshchilov & Hutter, 2017)."""
    warm = recipe.warmup * steps
    if step < warm:
        return recipe.learning_rate * (step + 1) / (warm + 1)
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm)))


@torch.no_grad()
def measure(model: Autoencoder | FittedCoder, pictures: Tensor, bits: int) -> dict[str, float]:
    """Figures on pictures uint8 (N, 3, S, S): `mse` of clipped rebuilt pictures in 0..1, imbalance and correlation.

    Where pooling remembers places there is `mse_with_switches` beside it: what ships rebuilds without them.
    """
    if not len(pictures):
        return {}
    model.eval()
    logits, squared, squared_with_switches = [], 0.0, 0.0
    for batch in pictures.split(500):
        images = batch.float() / 255
        out, rebuilt = model(images)
        squared += objectives.reconstruction(rebuilt.clamp(0, 1), images).item() * len(batch)
        logits.append(out.cpu())
        if isinstance(model, Autoencoder) and isinstance(model.encoder.trunk, PoolingEncoder):
            _, switches = model.encoder.trunk.with_switches(model.encoder.visible(images))
            rebuilt = model.decoder(model.encoder.bottleneck.latents(out), switches)
            squared_with_switches += objectives.reconstruction(rebuilt.clamp(0, 1), images).item() * len(batch)
    model.train()
    figures = {"mse": squared / len(pictures)}
    if squared_with_switches:
        figures["mse_with_switches"] = squared_with_switches / len(pictures)
    return {**figures, **bit_statistics(from_logits(torch.cat(logits).numpy()), bits)}


def _split(recipe: Recipe, data: TrainingData) -> tuple[Tensor, Tensor]:
    total = len(data.pictures)
    if total - recipe.held_out < recipe.batch_size:
        fewer = min(recipe.held_out, total // 10)
        smaller = min(recipe.batch_size, (total - fewer) // 4)
        instead = f", or try --set held_out={fewer} --set batch_size={smaller}" if smaller > 1 else ""
        raise DatasetError(
            f"{total} pictures are too few: {recipe.held_out} are held out and a batch takes {recipe.batch_size}. "
            f"Add pictures{instead}."
        )
    kept, held_out = datasets.hold_out(recipe.held_out, total)
    return torch.from_numpy(kept), torch.from_numpy(held_out)


def _generator(seed: int, purpose: int, number: int, device: torch.device | None = None) -> torch.Generator:
    mixed = np.random.SeedSequence((seed, purpose, number)).generate_state(1, np.uint64)[0]
    return torch.Generator(device or torch.device("cpu")).manual_seed(int(mixed))

"""One visible training loop.

Every random choice is drawn from a generator seeded by (seed, purpose, step), so a step depends on nothing but the
weights, the optimiser's state and its own number. So a resumed run repeats the uninterrupted one exactly, where the
clock does not decide how large its steps are.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from semblance.retrieval.progress import Progress, quiet
from semblance.retrieval.training.balance import balance
from semblance.retrieval.training.checkpoint import Origin, Trail
from semblance.retrieval.training.clock import Clock, learning_rate
from semblance.retrieval.training.data import TrainingData, split
from semblance.retrieval.training.losses import losses
from semblance.retrieval.training.measuring import measure
from semblance.retrieval.training.networks import Autoencoder
from semblance.retrieval.training.rbm import pretrain
from semblance.retrieval.training.recipe import Recipe

LOG_EVERY = 25  # steps
BALANCED_ON = 10_000  # pictures
_BETAS = (0.9, 0.98)

_ORDER, _CHANCE, _PRETRAINING = 1, 2, 3  # what a generator is for


@dataclass(frozen=True)
class Trained:
    """A network at the end of its training, and what that took."""

    network: Autoencoder
    seconds: float
    steps: int
    epochs: float


def train(
    origin: Origin,
    data: TrainingData,
    out: Path,
    device: torch.device,
    progress: Progress = quiet,
    stop: Callable[[], bool] = lambda: False,
    begin: Callable[[Autoencoder], None] | None = None,
    taught: npt.NDArray[np.float32] | None = None,
    looks: npt.NDArray[np.float16] | None = None,
) -> Trained:
    """Train to the end of the recipe, or for its minutes, going on from out/checkpoint.pt where there is one.

    A run begins as `begin` makes the network, if it is given, else from chance, and imitates the logits `taught` (N, T)
    of a teacher, if it is given any. `looks` (1 + views, N, F) are the features that a frozen trunk makes of the
    pictures and of views of them. By minutes, its learning rate follows the clock and it makes the steps that fit.

    Writes out/checkpoint.pt every two minutes and at the end, and every figure to out/training.jsonl. `stop` is asked
    before each step: where it says yes, a checkpoint is written and KeyboardInterrupt raised; pretraining, which has no
    checkpoint of its own, begins anew next time. Raises DatasetError, CheckpointError and TrainingError.
    """
    recipe, size = origin.recipe, origin.recipe.schedule.batch_size
    kept, held_out = split(data, recipe.held_out, size)
    pictures = torch.from_numpy(data.pictures).permute(0, 3, 1, 2).to(device)  # uint8 (N, 3, S, S), channels last
    lessons = None if taught is None else torch.from_numpy(taught).to(device)  # (N, T)
    seen = None if looks is None else torch.from_numpy(looks)  # where it lies: it may be larger than the device
    model, optimizer = prepared(recipe, device)
    trail = Trail(out, origin, model, optimizer)
    batches = len(kept) // size
    steps = recipe.schedule.epochs * batches
    before = 0 if begin else recipe.schedule.pretraining * (len(recipe.network.hidden) + 1) * batches  # as many steps

    if trail.begun:
        first, behind, finished = trail.resume(steps)
    else:
        first, behind, finished = 0, 0.0, False
        if begin is not None:
            begin(model)
        trail.begin()
        if before:
            watched = interruptible(lambda done, _: progress(done * batches, before + steps), stop)
            behind = _pretrained(model, pictures[kept.to(device)], recipe, watched)
            trail.save(0, behind)
    clock = Clock(steps, origin.minutes, first, behind)
    step = first
    while not finished and not clock.over(step):
        stopping = stop()
        if stopping or trail.due:
            trail.save(step, clock.seconds)
        if stopping:
            raise KeyboardInterrupt
        epoch, batch = divmod(step, batches)
        if batch == 0 or step == first:
            order = kept[torch.randperm(len(kept), generator=_generator(recipe.seed, _ORDER, epoch))]
            epoch_first, epoch_began = step, clock.seconds
        rows = order[batch * size : (batch + 1) * size].to(device)
        images = pictures[rows].float() / 255  # (B, 3, S, S)
        rate = learning_rate(recipe.schedule, clock.at(step), steps)
        for group in optimizer.param_groups:
            group["lr"] = rate
        chance = _generator(recipe.seed, _CHANCE, step, device)
        views = None if seen is None else seen[:, rows.cpu()].to(device)
        parts = descend(model, optimizer, images, recipe, chance, None if lessons is None else lessons[rows], views)
        if step % LOG_EVERY == 0:
            each = {name: part.item() for name, part in parts.items()}
            loss = sum(each.values())
            trail.require_finite(math.isfinite(loss), step)
            trail.record(step=step, epoch=epoch, learning_rate=rate, loss=loss, **each)
        if batch == batches - 1:
            pace = (step + 1 - epoch_first) * size / (clock.seconds - epoch_began)
            clean = None if seen is None else seen[0, held_out].to(device)
            figures = measure(model, pictures[held_out.to(device)], recipe.bits, clean)
            trail.record(step=step, epoch=epoch, pictures_per_second=round(pace), **figures)
        step += 1
        done, whole = clock.shown(step)
        progress(before + done, before + whole)
    if not finished:
        balance(model, (pictures if seen is None else seen[0])[kept[:BALANCED_ON]].to(device))
        behind = clock.seconds
        trail.save(step, behind, finished=True)
        trail.record(step=step - 1, seconds=round(behind, 1))
    return Trained(model.eval(), behind, step, step / batches)


def prepared(recipe: Recipe, device: torch.device) -> tuple[Autoencoder, torch.optim.Optimizer]:
    """An untrained network and its optimizer, as every run of the recipe begins.

    Weights of layers decay; scales and shifts, which have no directions to choose between, do not.
    """
    torch.manual_seed(recipe.seed)
    model = Autoencoder(recipe).to(device).to(memory_format=torch.channels_last)
    decay = recipe.schedule.weight_decay
    groups = [
        {"params": [each for each in model.parameters() if each.ndim > 1], "weight_decay": decay},
        {"params": [each for each in model.parameters() if each.ndim <= 1], "weight_decay": 0.0},
    ]
    return model, torch.optim.AdamW(groups, lr=recipe.schedule.learning_rate, betas=_BETAS)


def descend(
    model: Autoencoder,
    optimizer: torch.optim.Optimizer,
    images: Tensor,
    recipe: Recipe,
    generator: torch.Generator,
    taught: Tensor | None = None,
    kept: Tensor | None = None,
) -> dict[str, Tensor]:
    """One step on pictures (N, 3, S, S) in 0..1, a teacher's logits of them (N, T) and what a frozen trunk made of them
    (1 + views, N, F); the losses it descended from, each a scalar."""
    parts = losses(model, images, recipe, generator, taught, kept)
    optimizer.zero_grad(set_to_none=True)
    torch.stack(list(parts.values())).sum().backward()
    optimizer.step()
    return {name: loss.detach() for name, loss in parts.items()}


def interruptible(progress: Progress, stop: Callable[[], bool]) -> Progress:
    """The same progress, raising KeyboardInterrupt once `stop` says yes."""

    def watched(done: int, total: int) -> None:
        progress(done, total)
        if stop():
            raise KeyboardInterrupt

    return watched


def _pretrained(model: Autoencoder, pictures: Tensor, recipe: Recipe, progress: Progress) -> float:
    """Pretrain the layers of `model` on pictures uint8 (N, 3, S, S); the seconds that it took."""
    started = time.monotonic()
    pretrain(model, pictures, recipe, _generator(recipe.seed, _PRETRAINING, 0, pictures.device), progress)
    return time.monotonic() - started


def _generator(seed: int, purpose: int, number: int, device: torch.device | None = None) -> torch.Generator:
    mixed = np.random.SeedSequence((seed, purpose, number)).generate_state(1, np.uint64)[0]
    return torch.Generator(device or torch.device("cpu")).manual_seed(int(mixed))

"""How fast a recipe trains on a device, how much of the device that uses, and where the time goes.

A step is measured as loop.py makes it, on random pictures that the device holds. The peak that it is held against is no
figure from a data sheet: it is what a large matrix product of the same precision reaches on the same device in the same
minute, measured in turns with the steps so that a slow moment meets both.
"""

import math
import os
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from semblance.retrieval.training import loop
from semblance.retrieval.training.recipe import Recipe

WAITING, OTHER = "waiting for the next operation", "other"

# Whose time an operation's is, by what its name or that of a caller holds. The first that fits, so scopes come first.
_PARTS = {
    "optimiser": ("optimizer.",),
    "augmentation": ("augmentation", "gridsampler", "affinegrid"),
    "convolution, backward": ("convolutionbackward",),
    "convolution, forward": ("convolution", "conv2d"),
    "batch normalisation": ("batchnorm",),
    "activations": ("relu", "clampmin", "threshold"),
    "matrix products": ("mm", "matmul", "::linear"),
}

_WARM_UP = 3  # steps: the first ones also choose algorithms and fill the allocator
_ROUNDS = 5
_ROUND = 1.0  # seconds of steps a round, about
_PROFILED = 3  # steps
_PRODUCTS = 10  # matrix products a round


@dataclass(frozen=True)
class Speed:
    """What was measured on `device`: `seconds` a step, `flops` a step, `peak` floating point operations a second of
    products (side, side) @ (side, side), and the `shares` of a step's time, which sum to 1 (empty where torch cannot
    say)."""

    device: str
    batch_size: int
    seconds: float
    flops: int
    side: int
    peak: float
    shares: dict[str, float]

    @property
    def pictures_per_second(self) -> float:
        """Pictures of the dataset, each of which may be seen in two views."""
        return self.batch_size / self.seconds

    @property
    def flops_per_second(self) -> float:
        """Floating point operations a second, a multiplication and its addition being two."""
        return self.flops / self.seconds

    @property
    def share_of_peak(self) -> float:
        """The share of `peak` that steps reach."""
        return self.flops_per_second / self.peak


def measure(recipe: Recipe, device: torch.device, rounds: int = _ROUNDS, seconds: float = _ROUND) -> Speed:
    """Train `recipe` on random pictures for `rounds` rounds of about so many `seconds`, medians of which are kept."""
    step = _stepper(recipe, device)
    for _ in range(_WARM_UP):
        warm = _seconds(step, 1, device)
    steps = max(1, round(seconds / warm))
    product, side = _product(recipe, device)
    _seconds(product, 1, device)
    taken = [(_seconds(step, steps, device), _seconds(product, _PRODUCTS, device)) for _ in range(rounds)]
    a_step, a_product = (statistics.median(column) for column in zip(*taken, strict=True))
    return Speed(
        device=_described(device),
        batch_size=recipe.schedule.batch_size,
        seconds=a_step,
        flops=_flops(step),
        side=side,
        peak=2 * side**3 / a_product,
        shares=_shares(step, a_step, device),
    )


def part_of(names: Iterable[str]) -> str:
    """Which part of a step an operation belongs to; `names` are its own and its callers'."""
    plain = [name.lower().replace("_", "") for name in names]
    fitting = (part for part, marks in _PARTS.items() if any(mark in name for name in plain for mark in marks))
    return next(fitting, OTHER)


def _described(device: torch.device) -> str:
    if device.type == "cpu":
        return f"{torch.get_num_threads()} CPU threads"
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _stepper(recipe: Recipe, device: torch.device) -> Callable[[], None]:
    """One step of training, each call on the next batch of random pictures."""
    shape = (8 * recipe.schedule.batch_size, recipe.size, recipe.size, 3)
    pictures = torch.randint(0, 256, shape, dtype=torch.uint8, device=device).permute(0, 3, 1, 2)
    model, optimizer = loop.prepared(recipe, device)
    generator = torch.Generator(device).manual_seed(recipe.seed)

    def step() -> None:
        rows = torch.randint(0, len(pictures), (recipe.schedule.batch_size,), device=device)
        loop.descend(model, optimizer, pictures[rows].float() / 255, recipe, generator)

    return step


def _product(recipe: Recipe, device: torch.device) -> tuple[Callable[[], Tensor], int]:
    """A matrix product large enough to be all arithmetic, and its side."""
    side = 1024 if device.type == "cpu" else 8192
    precision = getattr(torch, recipe.schedule.precision)
    left, right = (torch.randn(side, side, device=device).to(precision) for _ in range(2))
    return lambda: left @ right, side


def _flops(step: Callable[[], None]) -> int:
    """Floating point operations of the convolutions and matrix products of a step, forward and backward."""
    with FlopCounterMode(display=False) as counter:
        step()
    return int(counter.get_total_flops())


def _seconds(task: Callable[[], object], times: int, device: torch.device) -> float:
    """The mean seconds of `times` runs. The device is waited for at both ends alone: it works on while Python goes."""
    _synchronise(device)
    started = time.perf_counter()
    for _ in range(times):
        task()
    _synchronise(device)
    return (time.perf_counter() - started) / times


def _synchronise(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def _shares(step: Callable[[], None], seconds: float, device: torch.device) -> dict[str, float]:
    """The share of each part in the time of a step that takes so many `seconds` when nobody looks.

    What the parts do not fill of those seconds is time in which the device waited. Where it is filled more than up
    (the profiler slows a step) the parts alone make the whole.
    """
    on_cpu = device.type == "cpu"
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler tells standard error when it starts and stops
    watched = [ProfilerActivity.CPU] if on_cpu else None  # None: all that this torch can watch
    with profile(activities=watched) as record:
        for _ in range(_PROFILED):
            step()
        _synchronise(device)
    spent = dict.fromkeys((*_PARTS, OTHER), 0.0)  # microseconds
    for event in record.events() or []:
        if event.device_type.name == "CPU":  # a kernel's own entry would count it a second time
            spent[part_of(_callers(event))] += event.self_cpu_time_total if on_cpu else event.self_device_time_total
    busy = math.fsum(spent.values())
    if not busy:
        return {}
    whole = max(busy, _PROFILED * seconds * 1e6)
    spent[WAITING] = whole - busy
    return {part: time / whole for part, time in spent.items()}


def _callers(event: FunctionEvent) -> list[str]:
    """The names of what an operation was called in, from the outermost in, then its own."""
    caller: FunctionEvent | None = event.cpu_parent
    return [*(_callers(caller) if caller is not None else []), str(event.name)]

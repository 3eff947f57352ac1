"""What a run leaves on disk as it goes: its last good state, and every figure of its log."""

import io
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from semblance.retrieval.errors import CheckpointError, RecipeError, TrainingError
from semblance.retrieval.files import replace
from semblance.retrieval.training.fields import as_card, from_card
from semblance.retrieval.training.networks import Autoencoder
from semblance.retrieval.training.recipe import Recipe

CHECKPOINT = "checkpoint.pt"
LOG = "training.jsonl"
WEIGHTS = "weights.pt"
EVERY = 120  # seconds between checkpoints


@dataclass(frozen=True)
class Origin:
    """All that decides a run: a checkpoint is gone on with by a run of the same origin alone.

    `data` is the SHA-256 of the pictures, `start` the codec_id of the model that the run began as, empty where it began
    from chance, `teacher` that of the one it imitates, empty where it imitates none, `minutes` the time it was given.
    """

    recipe: Recipe
    data: str
    start: str = ""
    teacher: str = ""
    minutes: float | None = None

    def check(self, state: Mapping[str, Any], path: Path) -> None:
        """Raises CheckpointError where the state in `path` is of another origin."""
        mine = as_card(self.recipe)
        try:
            other = as_card(from_card(state["recipe"]))
        except RecipeError as error:
            unknown = str(error).rstrip(".")
            raise CheckpointError(
                f"{path} is of a recipe that cannot be gone on with ({unknown}): name another --out, or remove it."
            ) from None
        if fields := sorted(
            key for key in (mine.keys() | other.keys()) - {"summary"} if mine.get(key) != other.get(key)
        ):
            raise CheckpointError(
                f"{path} belongs to another recipe (different: {', '.join(fields)}): name another --out, or remove it."
            )
        for name, otherwise in {
            "data": "was trained on other pictures:",
            "start": "did not begin as this run does (--from): begin it so,",
            "teacher": "imitates another model than this run (--teacher): name that one,",
            "minutes": "was given another time than this run (--minutes): give it that one,",
        }.items():
            if state.get(name, getattr(Origin, name, None)) != getattr(self, name):  # older ones lack what is younger
                raise CheckpointError(f"{path} {otherwise} name another --out, or remove it.")

    def check_checkpoint(self, out: Path) -> None:
        """Raises CheckpointError where the folder `out` has a checkpoint that is broken or of another origin."""
        if (path := out / CHECKPOINT).exists():
            self.check(_read(path), path)


class Trail:
    """The checkpoint and the log in the folder `out` of a network and its optimizer on their way."""

    def __init__(self, out: Path, origin: Origin, model: Autoencoder, optimizer: torch.optim.Optimizer) -> None:
        self._checkpoint, self._log = out / CHECKPOINT, out / LOG
        self._origin, self._model, self._optimizer = origin, model, optimizer
        self._saved = time.monotonic()

    def begin(self) -> None:
        """Make the folder, and an end of the log of a run that was cut before its first checkpoint."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._log.unlink(missing_ok=True)

    def record(self, **figures: float) -> None:
        """Append one line to the log."""
        with self._log.open("a") as log:
            log.write(json.dumps(figures) + "\n")

    def require_finite(self, finite: bool, step: int) -> None:
        """Raises TrainingError where numbers have stopped being finite."""
        if not finite:
            raise TrainingError(
                f"The loss is no number any more at step {step}. The last good state is in {self._checkpoint}, if "
                "training got that far. Try a lower learning_rate."
            )

    def save(self, step: int, seconds: float, finished: bool = False) -> None:
        """Write the checkpoint, whole or not at all: `step` steps and `seconds` of training lie behind it.

        Raises TrainingError where a weight is no number, or the disk takes no more; the checkpoint before is kept.
        """
        weights = self._model.state_dict()
        self.require_finite(all(bool(weight.isfinite().all()) for weight in weights.values()), step)
        state = {
            **vars(self._origin),
            "recipe": as_card(self._origin.recipe),
            "step": step,
            "seconds": seconds,
            "finished": finished,
            "model": weights,
            "optimizer": self._optimizer.state_dict(),
        }
        buffer = io.BytesIO()
        torch.save(state, buffer)
        try:
            replace(self._checkpoint, [buffer.getbuffer()])
        except OSError as error:
            raise TrainingError(
                f"The checkpoint could not be written ({error}). The one before it is kept: free some space and run "
                "the same command again."
            ) from error
        self._saved = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether it is time for a checkpoint."""
        return time.monotonic() - self._saved > EVERY

    @property
    def begun(self) -> bool:
        """Whether there is a checkpoint."""
        return self._checkpoint.exists()

    def resume(self, steps: int) -> tuple[int, float, bool]:
        """Take up the checkpoint: the steps and seconds behind it, and whether a run of `steps` steps was finished.

        The log loses what came after it. Raises CheckpointError where the checkpoint is broken or of another origin.
        """
        path = self._checkpoint
        state = _read(path)
        step, seconds = int(state["step"]), float(state["seconds"])
        self._origin.check(state, path)
        try:
            self._model.load_state_dict(state["model"])
            self._optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError) as error:
            raise CheckpointError(
                f"{path} was written by a version of Semblance whose network had other layers: remove it to begin anew."
            ) from error
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        kept = [line for line in lines if json.loads(line)["step"] < step]
        replace(self._log, ["".join(line + "\n" for line in kept).encode()])
        return step, seconds, bool(state.get("finished", step >= steps))


def _read(path: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        _ = int(state["step"]), float(state["seconds"])
    except Exception as error:  # damaged pickles raise nearly anything
        raise CheckpointError(f"{path} is no whole checkpoint ({error}): remove it to begin anew.") from error
    return state


def save_weights(model: Autoencoder, folder: Path) -> None:
    """Write folder/weights.pt: all of a trained network, the parts that do not ship too, in float16.

    What encodes is encoder.onnx; this is what training can go on from. Raises OSError.
    """
    halved = {name: each.half() if each.is_floating_point() else each for name, each in model.state_dict().items()}
    buffer = io.BytesIO()
    torch.save({name: each.cpu() for name, each in halved.items()}, buffer)
    folder.mkdir(parents=True, exist_ok=True)
    replace(folder / WEIGHTS, [buffer.getbuffer()])


def load_weights(model: Autoencoder, folder: Path) -> None:
    """Take up folder/weights.pt. Raises CheckpointError where it is broken or fits other layers."""
    path = folder / WEIGHTS
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged pickles raise nearly anything
        raise CheckpointError(f"{path} is broken ({error}): train that model anew, or begin from another.") from error
    try:
        model.load_state_dict(weights)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{path} fits other layers than this recipe's: train the model's own, without --recipe and --set."
        ) from error

"""What a run leaves on disk as it goes: its last good state, and every figure of its log."""

import dataclasses
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.optim.swa_utils import AveragedModel

from semblance.retrieval.errors import CheckpointError, RecipeError, TrainingError
from semblance.retrieval.files import replace
from semblance.retrieval.training.networks import Autoencoder
from semblance.retrieval.training.recipe import Recipe, from_card

CHECKPOINT = "checkpoint.pt"
LOG = "training.jsonl"
WEIGHTS = "weights.pt"


@dataclass(frozen=True)
class Run:
    """A network, its optimizer and the average of its weights, where there is one, on their way through `recipe`, over
    the data with this SHA-256, kept in `out`.

    `start` is the codec_id of the model that it began as, empty where it began from chance, `teacher` that of the one
    it imitates, empty where it imitates none.
    """

    out: Path
    recipe: Recipe
    data: str
    model: Autoencoder
    optimizer: torch.optim.Optimizer
    average: AveragedModel | None = None
    start: str = ""
    teacher: str = ""

    def record(self, **figures: float) -> None:
        """Append one line to the log."""
        with (self.out / LOG).open("a") as log:
            log.write(json.dumps(figures) + "\n")

    def check(self, finite: bool, step: int) -> None:
        """Raises TrainingError where numbers have stopped being finite."""
        if not finite:
            raise TrainingError(
                f"The loss is no number any more at step {step}. The last good state is in {self.out / CHECKPOINT}, if "
                "training got that far. Try a lower learning_rate."
            )

    def save(self, step: int, seconds: float) -> None:
        """Write out/checkpoint.pt, whole or not at all: `step` steps and `seconds` of training lie behind it.

        Raises TrainingError where a weight is no number, or the disk takes no more; the checkpoint before is kept.
        """
        weights = self.model.state_dict()
        self.check(all(bool(weight.isfinite().all()) for weight in weights.values()), step)
        state = {
            "step": step,
            "seconds": seconds,
            "recipe": dataclasses.asdict(self.recipe),
            "data": self.data,
            "start": self.start,
            "teacher": self.teacher,
            "model": weights,
            "optimizer": self.optimizer.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
        }
        buffer = io.BytesIO()
        torch.save(state, buffer)
        try:
            replace(self.out / CHECKPOINT, [buffer.getbuffer()])
        except OSError as error:
            raise TrainingError(
                f"The checkpoint could not be written ({error}). The one before it is kept: free some space and run "
                "the same command again."
            ) from error

    @property
    def begun(self) -> bool:
        """Whether there is a checkpoint."""
        return (self.out / CHECKPOINT).exists()

    def resume(self) -> tuple[int, float]:
        """Take up out/checkpoint.pt; the steps and seconds it has behind it. The log loses what came after it.

        Raises CheckpointError where it is broken, or of another recipe or other data.
        """
        path, log = self.out / CHECKPOINT, self.out / LOG
        if not self.begun:
            log.unlink(missing_ok=True)
            return 0, 0.0
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
            step, seconds = int(state["step"]), float(state["seconds"])
        except Exception as error:  # damaged pickles raise nearly anything
            raise CheckpointError(f"{path} is no whole checkpoint ({error}): remove it to begin anew.") from error
        try:
            same = from_card(state["recipe"]) == self.recipe
        except RecipeError:
            same = False
        if not same:
            mine, other = dataclasses.asdict(self.recipe), state["recipe"]
            fields = sorted(key for key in mine.keys() | other.keys() if mine.get(key) != other.get(key))
            raise CheckpointError(
                f"{path} belongs to another recipe (different: {', '.join(fields)}): name another --out, or remove it."
            )
        if state["data"] != self.data:
            raise CheckpointError(f"{path} was trained on other pictures: name another --out, or remove it.")
        if state.get("start", "") != self.start:
            raise CheckpointError(
                f"{path} did not begin as this run does (--from): begin it so, name another --out, or remove it."
            )
        if state.get("teacher", "") != self.teacher:
            raise CheckpointError(
                f"{path} imitates another model than this run (--teacher): name that one, another --out, or remove it."
            )
        try:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            if self.average is not None:
                self.average.load_state_dict(state["average"])
        except (RuntimeError, ValueError) as error:
            raise CheckpointError(
                f"{path} was written by a version of Semblance whose network had other layers: remove it to begin anew."
            ) from error
        lines = log.read_text().splitlines() if log.exists() else []
        kept = [line for line in lines if json.loads(line)["step"] < step]
        replace(log, ["".join(line + "\n" for line in kept).encode()])
        return step, seconds


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

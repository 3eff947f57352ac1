"""Training by the clock: steps as many as fit, a rate that follows the time, and what a cut run has left."""

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from semblance.retrieval.errors import CheckpointError, TrainingError
from semblance.retrieval.training import loop
from semblance.retrieval.training.checkpoint import CHECKPOINT, LOG, Origin
from semblance.retrieval.training.clock import Clock
from semblance.retrieval.training.data import TrainingData
from semblance.retrieval.training.fields import replace
from semblance.retrieval.training.loop import Trained, descend
from semblance.retrieval.training.recipes import find
from semblance.retrieval.training.run import make_model
from semblance.retrieval.training.terms import Terms
from tests.training.test_loop import TINY

CPU = torch.device("cpu")
RECIPE = replace(TINY, name="plain", learning_rate=1.0e-3, warmup=0.1)  # 3 epochs of 5 steps


class Watch:
    """A clock that stands still but for the steps, each of which takes so many seconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, a_step: float) -> None:
        self.now, self.steps, self._a_step = 1000.0, 0, a_step
        monkeypatch.setattr("semblance.retrieval.training.clock.time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(loop, "descend", self._descend)
        monkeypatch.setattr(loop, "LOG_EVERY", 1)

    def _descend(self, *given: Any) -> dict[str, torch.Tensor]:
        self.now += self._a_step
        self.steps += 1
        return descend(*given)

    def run(self, out: Path, data: TrainingData, minutes: float, stop_after: int | None = None) -> Trained:
        origin = Origin(RECIPE, data.sha256, minutes=minutes)
        return loop.train(origin, data, out, CPU, stop=lambda: self.steps == stop_after)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(monkeypatch, a_step=1.0)


def rates(out: Path) -> list[float]:
    lines = [json.loads(line) for line in (out / LOG).read_text().splitlines()]
    return [line["learning_rate"] for line in lines if "loss" in line]


def test_a_run_takes_the_steps_that_fit_and_the_rate_falls_with_the_time(
    watch: Watch, drawn: TrainingData, tmp_path: Path
) -> None:
    trained = watch.run(tmp_path, drawn, minutes=0.5)  # 30 seconds, of which 3 warm up
    assert (trained.steps, trained.epochs, trained.seconds) == (30, 6.0, 30.0)
    found = rates(tmp_path)
    assert max(found) == found[3] == 1e-3
    assert found[:3] == sorted(found[:3])
    expected = [5e-4 * (1 + math.cos(math.pi * (second - 3) / 27)) for second in range(3, 30)]
    assert found[3:] == pytest.approx(expected)
    assert found[-1] < 4e-6
    measured = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    assert sum("mse" in line for line in measured) == 6, "epochs go on past the recipe's three"


def test_a_step_that_does_not_fit_is_not_begun(
    monkeypatch: pytest.MonkeyPatch, drawn: TrainingData, tmp_path: Path
) -> None:
    assert Watch(monkeypatch, 0.7).run(tmp_path / "short", drawn, minutes=2 / 60).steps == 2  # a third would end at 2.1
    assert Watch(monkeypatch, 9.0).run(tmp_path / "long", drawn, minutes=2 / 60).steps == 1  # but one there always is


@pytest.mark.parametrize("stop_after", [1, 12, 29])
def test_a_cut_run_has_the_time_that_is_left(
    watch: Watch, drawn: TrainingData, tmp_path: Path, stop_after: int
) -> None:
    whole = watch.run(tmp_path / "whole", drawn, minutes=0.5)
    watch.steps = 0
    with pytest.raises(KeyboardInterrupt):
        watch.run(tmp_path / "cut", drawn, 0.5, stop_after)
    watch.now += 3600  # nobody counts the hour between
    watch.steps = 0
    resumed = watch.run(tmp_path / "cut", drawn, minutes=0.5)
    assert watch.steps == 30 - stop_after
    assert (resumed.steps, resumed.seconds) == (30, 30.0)
    assert rates(tmp_path / "cut") == rates(tmp_path / "whole")
    for name, weight in whole.network.state_dict().items():
        assert torch.equal(weight, resumed.network.state_dict()[name]), name
    watch.steps = 0
    assert watch.run(tmp_path / "cut", drawn, minutes=0.5).seconds == 30.0
    assert watch.steps == 0, "a finished run is not trained again"


def test_a_checkpoint_keeps_to_its_time(watch: Watch, drawn: TrainingData, tmp_path: Path) -> None:
    watch.run(tmp_path, drawn, minutes=0.1)
    for minutes in (0.2, None):
        with pytest.raises(CheckpointError, match=r"given another time than this run \(--minutes\)"):
            loop.train(Origin(RECIPE, drawn.sha256, minutes=minutes), drawn, tmp_path, CPU)
    assert (tmp_path / CHECKPOINT).exists()


def test_progress_is_in_seconds(watch: Watch, drawn: TrainingData, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    origin = Origin(RECIPE, drawn.sha256, minutes=0.1)
    loop.train(origin, drawn, tmp_path, CPU, lambda *each: told.append(each))
    assert told == [(second, 6) for second in range(1, 7)]


def test_without_minutes_steps_are_counted() -> None:
    clock = Clock(steps=7)
    assert [clock.over(step) for step in (0, 6, 7)] == [False, False, True]
    assert (clock.at(3), clock.shown(3)) == (3, (3, 7))


def test_the_card_says_what_was_done(drawn: TrainingData, tmp_path: Path) -> None:
    """A real run by a real clock, of a tenth of a second."""
    card = make_model(RECIPE, drawn, tmp_path / "mine", CPU, terms=Terms(minutes=1 / 600)).codec.card
    done = card["by_the_clock"]
    assert done["minutes"] == 1 / 600
    assert done["steps"] >= 1
    assert done["epochs"] == pytest.approx(done["steps"] / 5, abs=0.01)
    assert "--minutes 0.00166667 " in card["command"]
    assert "by_the_clock" not in make_model(RECIPE, drawn, tmp_path / "other", CPU).codec.card


@pytest.mark.parametrize("minutes", [0.0, -1.0, math.nan, math.inf])
def test_a_time_that_is_none_is_refused(minutes: float, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=f"--minutes must be a finite number above 0, not {minutes:g}"):
        Terms(minutes=minutes).check(RECIPE, tmp_path)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("pca", "fitted by a formula, not by the clock"), ("mnist-deep", "pretrained by epochs")],
)
def test_what_is_not_done_by_the_clock_is_said(name: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=sentence):
        Terms(minutes=1.0).check(find(name), tmp_path)

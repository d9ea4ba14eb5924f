"""The checkpointer: when it saves, what it keeps, what a full disk does to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import GridrlError, RunError
from engine.runs import latest_checkpoint, list_checkpoints, save_checkpoint
from engine.runs.checkpoints import best_checkpoint
from engine.training.components.base import Components
from engine.training.components.checkpointer import Checkpointer
from engine.training.components.config import CheckpointerConfig

from .stand_in import Clock, StandIn

METRIC = "eval/return_mean"


class Disk:
    """Saves for a stand-in, takes time over it, and is full when told so."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self.directory, self.clock = directory, clock
        self.trainer = StandIn(save=self.save)
        self.seconds, self.keep, self.full = 0.0, 5, False
        self.kept: list[dict[str, Any]] = []
        self.components = Components([])

    def save(self, why: str, best: bool) -> Path:
        self.clock.now += self.seconds
        if self.full:
            raise RunError("cannot write it: the disk is full", hint="free some space")
        self.kept.append(json.loads(json.dumps(self.components.state(self.trainer))))
        data = {"weights": np.full(3, self.trainer.iteration)}
        return save_checkpoint(self.directory, self.trainer.iteration, data, {}, keep=self.keep, best=best)

    @property
    def steps(self) -> list[int]:
        return [info.step for info in list_checkpoints(self.directory)]

    def iterate(self, now: float | None = None, **metrics: float) -> int:
        """One iteration. Returns how many checkpoints were saved in it."""
        before = len(self.trainer.saved)
        self.clock.now = self.clock.now if now is None else max(self.clock.now, now)
        self.trainer.iterate(self.components, **metrics)
        return len(self.trainer.saved) - before


def made(directory: Path, every_s: float = 1e9, *, evaluated: bool = True, **settings: Any) -> Disk:
    disk = Disk(directory, Clock())
    checkpointer = Checkpointer(CheckpointerConfig.model_validate(settings), every_s, disk.clock, evaluated=evaluated)
    disk.components = Components([checkpointer])
    return disk


def test_it_saves_when_the_time_has_come_and_counts_from_there(tmp_path: Path) -> None:
    disk = made(tmp_path, every_s=10.0)

    saved = [disk.iterate(now) for now in (0.0, 9.9, 10.0, 15.0, 19.9, 20.0, 31.0)]

    assert saved == [0, 0, 1, 0, 0, 1, 1]
    assert set(disk.trainer.saved) == {"scheduled"}
    assert best_checkpoint(tmp_path) is None


def test_it_saves_every_so_many_iterations(tmp_path: Path) -> None:
    disk = made(tmp_path, every=3)

    assert [disk.iterate() for _ in range(7)] == [0, 0, 1, 0, 0, 1, 0]


@pytest.mark.parametrize(("best_is", "expected"), [("highest", [1, 0, 1, 0, 1]), ("lowest", [1, 1, 0, 1, 0])])
def test_it_saves_whenever_the_metric_is_better_than_ever(tmp_path: Path, best_is: str, expected: list[int]) -> None:
    disk = made(tmp_path, best_is=best_is)

    assert [disk.iterate(**{METRIC: value}) for value in (2.0, 1.0, 3.0, 0.5, 3.5)] == expected


def test_no_metric_no_number_and_the_same_again_are_not_better(tmp_path: Path) -> None:
    disk = made(tmp_path)
    lines = [{}, {METRIC: float("nan")}, {METRIC: float("inf")}, {"other": 1.0}, {METRIC: 0.25}, {METRIC: 0.25}]

    assert [disk.iterate(**line) for line in lines] == [0, 0, 0, 0, 1, 0]
    assert disk.trainer.saved == ["best eval/return_mean: 0.25"]


def test_an_empty_name_keeps_no_best(tmp_path: Path) -> None:
    assert made(tmp_path, best="").iterate(**{METRIC: 1.0}) == 0


def test_without_an_evaluator_the_best_is_the_one_of_those_saved_anyway_that_played_best(tmp_path: Path) -> None:
    disk = made(tmp_path, every=2, evaluated=False)

    saved = [disk.iterate(**{"rollout/ep_rew_mean": value, METRIC: 9.0}) for value in (8.0, 1.0, 9.0, 5.0, 2.0, 3.0)]

    assert saved == [0, 1, 0, 1, 0, 1]
    assert best_checkpoint(tmp_path) == tmp_path / "ck-000000000004.safetensors"


def test_a_metric_that_is_asked_for_saves_without_an_evaluator_too(tmp_path: Path) -> None:
    disk = made(tmp_path, evaluated=False, best="rollout/ep_rew_mean")

    assert [disk.iterate(**{"rollout/ep_rew_mean": value}) for value in (2.0, 1.0, 3.0)] == [1, 0, 1]


@pytest.mark.parametrize(("best", "told"), [("eval/retrun_mean", 1), ("", 0), (None, 0)])
def test_a_metric_that_never_comes_is_told_once(tmp_path: Path, best: str | None, told: int) -> None:
    disk = made(tmp_path, best=best)

    for iteration in range(250):
        disk.iterate(**({METRIC: 1.0} if iteration == 60 else {}))

    warnings = [message for kind, message, _ in disk.trainer.events if kind == "warning"]
    assert warnings == [f"no metric {best} in 100 iterations: the best is kept once it comes"] * told


def test_the_best_outlives_the_last_ones(tmp_path: Path) -> None:
    disk = made(tmp_path, every=1)
    disk.keep = 2

    for value in (1.0, 5.0, 2.0, 3.0, 4.0):
        disk.iterate(**{METRIC: value})

    assert disk.steps == [2, 4, 5]
    assert best_checkpoint(tmp_path) == tmp_path / "ck-000000000002.safetensors"
    assert latest_checkpoint(tmp_path) == tmp_path / "ck-000000000005.safetensors"


def test_saves_for_being_better_take_a_twentieth_of_the_time_at_most(tmp_path: Path) -> None:
    disk = made(tmp_path)
    disk.seconds = 1.0

    for second in range(100):
        disk.iterate(float(second), **{METRIC: float(second)})

    # The first takes until 1 s, so the next may come from 21 s on; that takes until 22 s, and so on.
    assert disk.trainer.saved == [f"best eval/return_mean: {second}" for second in (0, 21, 42, 63, 84)]


def test_what_came_too_soon_to_be_saved_is_not_the_best(tmp_path: Path) -> None:
    disk = made(tmp_path)
    disk.seconds = 1.0
    disk.iterate(**{METRIC: 1.0})

    assert disk.iterate(**{METRIC: 9.0}) == 0
    assert disk.iterate(100.0, **{METRIC: 2.0}) == 1


def test_what_a_full_disk_refuses_is_told_and_tried_again_when_the_next_is_due(tmp_path: Path) -> None:
    disk = made(tmp_path, every_s=10.0)
    disk.iterate(10.0)
    before = sorted((path.name, path.read_bytes()) for path in tmp_path.iterdir())
    disk.full = True

    told = []
    for now in (20.0, 25.0, 29.0, 30.0):
        disk.iterate(now, **{METRIC: now})  # better each time: no reason to try sooner
        told.append(len(disk.trainer.events))

    assert told == [1, 1, 1, 2]
    message = "no checkpoint was saved: cannot write it: the disk is full; training goes on, the next try is in 10 s"
    assert disk.trainer.events[0] == ("warning", f"{message} at the latest", {"hint": "free some space"})
    assert sorted((path.name, path.read_bytes()) for path in tmp_path.iterdir()) == before
    assert disk.components.disabled == ()

    disk.full = False
    assert disk.iterate(40.0, **{METRIC: 5.0}) == 1
    assert disk.trainer.saved[-1] == "best eval/return_mean: 5"  # what the full disk refused is not the best


def test_a_disk_too_full_for_the_warning_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(kind: str, message: str, **data: Any) -> None:
        raise GridrlError("the disk is full")

    disk = made(tmp_path, every=1)
    disk.full = True
    monkeypatch.setattr(disk.trainer, "event", no_room)

    disk.iterate()

    assert disk.components.disabled == ()


def test_what_is_saved_knows_that_it_is_the_best(tmp_path: Path) -> None:
    disk = made(tmp_path / "first")
    disk.iterate(**{METRIC: 0.5})
    assert disk.kept[0]["states"] == {"checkpointer": {"best": 0.5}}
    resumed = made(tmp_path / "second")

    resumed.components.restore(resumed.trainer, disk.kept[0])

    assert [resumed.iterate(**{METRIC: value}) for value in (0.5, 0.75)] == [0, 1]

"""Curricula: which maps the episodes of a stage are played on, and what ends it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from engine.errors import ConfigError
from engine.runs import RunDirectory, RunWriter
from engine.sim import World, games
from engine.training.config import TrainerConfig
from engine.training.control import Controls
from engine.training.curriculum import Curriculum, CurriculumConfig
from engine.training.state import load_tensors
from engine.training.trainer import Trainer

from .drawn import cells_of, small_config
from .test_exactness import StoppedAfter, assert_same

RULES = games.navigation(max_steps=8)
NAMES = ("near", "far", "far")
MAPS = ("@.*", "@......*", "*......@")
ITERATION = 512  # agent steps of small_config


def staged(**values: Any) -> TrainerConfig:
    return small_config(total_steps=4 * ITERATION, curriculum=values, log_episodes=10_000)


def trainer_of(writer: RunWriter, config: TrainerConfig, controls: Controls | None = None) -> Trainer:
    worlds = [World(RULES, cells_of(text, RULES)) for text in MAPS]
    return Trainer(worlds, config, writer, controls, world_names=NAMES)


def played(root: Path, config: TrainerConfig, name: str = "test") -> RunDirectory:
    with RunWriter.create(root, name, {}, {}) as writer:
        trainer = trainer_of(writer, config)
        trainer.run()
        trainer.close()
    return RunDirectory(root / name)


def worlds_by_iteration(run: RunDirectory) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for row in run.read_episodes():
        found.setdefault(row["step"] // ITERATION, set()).add(row["world"])
    return found


def test_without_stages_all_maps_are_played(tmp_path: Path) -> None:
    assert worlds_by_iteration(played(tmp_path, staged()))[4] == {0, 1, 2}


def test_a_stage_has_its_maps_and_the_next_begins_at_its_step(tmp_path: Path) -> None:
    stages = [{"weights": {"near": 1}, "until_step": 2 * ITERATION}, {"weights": {"far": 2}, "retire": True}]

    run = played(tmp_path, staged(stages=stages))

    worlds = worlds_by_iteration(run)
    assert [worlds[1], worlds[2], worlds[4]] == [{0}, {0}, {1, 2}]
    assert [line.values["curriculum/stage"] for line in run.read_metrics()] == [1, 1, 2, 2]
    assert [e["message"] for e in run.read_events() if "curriculum" in e["message"]] == [
        "curriculum: stage 2 of 2 (far 2)"
    ]


def test_retiring_ends_the_episodes_on_maps_that_are_gone(tmp_path: Path) -> None:
    stages = [{"weights": {"near": 1}, "until_step": ITERATION}, {"weights": {"far": 1}}]
    kept = played(tmp_path, staged(stages=stages), "kept")
    stages[1]["retire"] = True
    retired = played(tmp_path, staged(stages=stages), "retired")

    def cut_short(run: RunDirectory) -> int:
        rows = [row for row in run.read_episodes() if row["step"] == 2 * ITERATION and row["world"] == 0]
        return sum(row["end"] == "truncated" and row["length"] < RULES.max_steps for row in rows)

    assert cut_short(kept) == 0
    assert cut_short(retired) > 0


def test_a_stage_ends_by_score(tmp_path: Path) -> None:
    stages = [
        {"weights": {"near": 1}, "metric": "rollout/ep_len_mean", "above": 0.5},
        {"weights": {"far": 1}, "metric": "rollout/ep_len_mean", "above": 100.0},
        {"weights": {"near": 1, "far": 1}},
    ]

    run = played(tmp_path, staged(stages=stages))

    assert [line.values["curriculum/stage"] for line in run.read_metrics()] == [1, 2, 2, 2]


def test_a_stage_is_resumed_exactly(tmp_path: Path) -> None:
    stages = [{"weights": {"near": 1}, "until_step": ITERATION}, {"weights": {"far": 1}, "retire": True}]
    config = staged(stages=stages)
    results = []
    for name, looks in (("whole", [10**9]), ("parts", [9, 10, 3, 10**9])):
        for attempt, count in enumerate(looks):
            path = tmp_path / name
            with RunWriter.resume(path) if attempt else RunWriter.create(tmp_path, name, {}, {}) as writer:
                trainer = trainer_of(writer, config, StoppedAfter(count))
                if attempt:
                    trainer.restore(*load_tensors(path / "checkpoints"))
                trainer.run()
                tensors = {name: tensor.clone() for name, tensor in trainer.tensors().items()}
                trainer.close()
        results.append(tensors)

    assert_same(*results)


def test_maps_of_one_name_share_its_weight() -> None:
    class Spy:
        def set_world_weights(self, weights: list[int]) -> None:
            self.weights = weights

    spy: Any = Spy()
    Curriculum(CurriculumConfig.model_validate({"stages": [{"weights": {"near": 1, "far": 1}}]}), NAMES).begin([spy])

    assert spy.weights == [1_000_000, 500_000, 500_000]


@pytest.mark.parametrize(
    ("stages", "words"),
    [
        ([{"weights": {"naer": 1}}], r"stages.0.weights: the run has no map 'naer'.*did you mean near"),
        ([{"weights": {"near": 0}}], "weights: each is 0 or more"),
        ([{"weights": {"near": 1}}, {"weights": {"far": 1}}], "stages.0: it has no end"),
        ([{"weights": {"near": 1}, "above": 3}], "metric: it and above go together"),
    ],
)
def test_what_cannot_be_is_refused(stages: list[dict[str, Any]], words: str) -> None:
    with pytest.raises((ConfigError, ValueError)) as refused:
        Curriculum(CurriculumConfig.model_validate({"stages": stages}), NAMES)

    error = refused.value
    assert re.search(words, f"{error} {getattr(error, 'hint', '')}")

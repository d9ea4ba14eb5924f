"""Behaviour cloning: a network learns what a scripted policy did from recordings of its play, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.errors import ConfigError
from engine.policies.registry import create_policy
from engine.runs import RunDirectory
from engine.runs.recordings import save_recording
from engine.sim import Batch, RecordedMap, Recorder, Rules, World, games

from .drawn import WALLS_9, cells_of, small_config, trained
from .playing import played

RULES = games.navigation(max_steps=60)
CELLS = cells_of(WALLS_9, RULES)


def demonstrations(root: Path, rules: Rules, count: int) -> list[str]:
    """Files with episodes of the simple policy, each from another start."""
    paths = []
    for seed in range(count):
        with Batch(World(rules, CELLS), seed=seed) as batch:
            policy = create_policy("simple", rules, batch.spec, seed=seed)
            recorder = Recorder(batch, [RecordedMap("walls9", CELLS)], seed)
            while not recorder.ended:
                actions = policy.act(batch.observations)
                batch.step(actions)
                recorder.record(actions)
            paths.append(root / f"{seed}.gridrec")
            save_recording(paths[-1], recorder.recording())
    return [str(path) for path in paths]


def cloning(files: list[str], ppo: float = 0.0) -> dict[str, object]:
    return {
        "ppo": {"weight": ppo},
        "behaviour_cloning": {"weight": 1.0, "demonstrations": files, "minibatch_size": 256},
    }


@pytest.mark.slow
@pytest.mark.parametrize("memory", ["none", "mingru"])
def test_what_a_script_did_is_learnt_from_its_recordings(tmp_path: Path, memory: str) -> None:
    files = demonstrations(tmp_path, RULES, 80)
    config = small_config(
        total_steps=40_000, losses=cloning(files), learning_rate=3e-3, policy={"memory": memory}, log_episodes=0
    )

    trainer, run = trained(tmp_path, RULES, [CELLS], config)

    lines = run.read_metrics()
    first, last = (lines[i].values["train/cloning_accuracy"] for i in (0, -1))
    assert last > 0.8
    assert last > first + 0.2
    assert "train/entropy" not in lines[-1].values  # PPO, of weight 0, is not even computed
    mine = played(trainer.network, World(RULES, CELLS))
    blind = played({"": "random"}, World(RULES, CELLS))
    assert mine.mean_return > 0.5 > 0 > blind.mean_return  # it walks to the goal, though nothing paid it to


def test_without_weight_demonstrations_change_nothing(tmp_path: Path) -> None:
    config = small_config()
    with_files = small_config(losses={"behaviour_cloning": {"weight": 0.0, "demonstrations": ["nowhere.gridrec"]}})

    one, _ = trained(tmp_path, RULES, [CELLS], config, "one")
    other, _ = trained(tmp_path, RULES, [CELLS], with_files, "other")

    for mine, theirs in zip(one.network.parameters(), other.network.parameters(), strict=True):
        assert np.array_equal(mine.detach().numpy(), theirs.detach().numpy())


def test_both_losses_are_logged(tmp_path: Path) -> None:
    files = demonstrations(tmp_path, RULES, 2)

    _, run = trained(tmp_path, RULES, [CELLS], small_config(losses=cloning(files, ppo=1.0)))

    values = RunDirectory(run.path).read_metrics()[-1].values
    assert {"train/cloning_loss", "train/cloning_accuracy", "train/entropy", "train/value_loss"} <= values.keys()


def test_demonstrations_of_another_game_are_refused(tmp_path: Path) -> None:
    files = demonstrations(tmp_path, RULES, 1)
    other = games.t_maze()

    with pytest.raises(ConfigError, match="is no demonstration of this game"):
        trained(
            tmp_path, other, [cells_of("#####\n#*.^#\n##@##\n##<##\n#####", other)], small_config(losses=cloning(files))
        )


def test_cloning_needs_demonstrations(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no demonstrations"):
        trained(tmp_path, RULES, [CELLS], small_config(losses=cloning([])))

"""Behaviour cloning: a network learns what a scripted policy did from recordings of its play, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.errors import ConfigError
from engine.policies.architecture import Architecture
from engine.policies.registry import create_policy
from engine.policies.signature import Signature
from engine.runs import RunDirectory, RunWriter
from engine.runs.demonstrations import save_demonstration
from engine.runs.recordings import load_recording, save_recording
from engine.sim import Batch, RecordedMap, Recorder, Rules, World, games, spec_of
from engine.training.config import CloningConfig, TrainerConfig
from engine.training.learner import Learner
from engine.training.losses.cloning import BehaviourCloning, Demonstrators
from engine.training.ranks import Ranks
from engine.training.trainer import Trainer
from engine.training.workers import Workers

from .drawn import WALLS_9, cells_of, small_config, trained
from .playing import played
from .test_exactness import assert_same, interrupted, whole
from .test_ppo import COUNT, experience_of

RULES = games.navigation(max_steps=60)
CELLS = cells_of(WALLS_9, RULES)

TAG = games.hide_and_seek(max_steps=17)
HUNT = """
    #######
    #1...2#
    #.....#
    #....2#
    #######"""

UNKNOWN = 200  # no game has an action of this id
EVERYBODY = Demonstrators("", frozenset())


def demonstrations(root: Path, rules: Rules, count: int) -> list[str]:
    """Files with episodes of the goal-seeker, each from another start."""
    paths = []
    for seed in range(count):
        with Batch(World(rules, CELLS), seed=seed) as batch:
            policy = create_policy("goal-seeker", rules, batch.spec, seed=seed)
            recorder = Recorder(batch, [RecordedMap("walls9", CELLS)], seed)
            while not recorder.ended:
                actions = policy.act(batch.observations)
                batch.step(actions)
                recorder.record(actions)
            paths.append(root / f"{seed}.gridrec")
            save_recording(paths[-1], recorder.recording())
    return [str(path) for path in paths]


def recorded(path: Path, rules: Rules, text: str, actions: Sequence[Sequence[int]]) -> str:
    """A file with a recording of these actions, (ticks, agents)."""
    cells = cells_of(text, rules)
    with Batch(World(rules, cells), seed=0) as batch:
        recorder = Recorder(batch, [RecordedMap("drawn", cells)], 0)
        for each in actions:
            batch.step(np.array(each, np.int32))
            recorder.record(each)
        save_recording(path, recorder.recording())
    return str(path)


def walked(path: Path, ticks: int, action: int = 0) -> str:
    """A recording of navigation in which one action was done so often; by default nothing, so that no episode ends."""
    return recorded(path, RULES, WALLS_9, [[action]] * ticks)


def of_memory(files: list[str], sequence: int) -> BehaviourCloning:
    """The loss of a network with 3 floats of memory."""
    config = CloningConfig(weight=1.0, demonstrations=tuple(files), minibatch_size=4 * sequence)
    return BehaviourCloning(config, Signature.of(spec_of(RULES)), EVERYBODY, sequence=sequence, memory_size=3)


def learner_of(**values: object) -> Learner:
    """One that `experience_of` fits, at step 0."""
    settings = {"minibatch_size": 32, "epochs": 2, "anneal": False, "policy": Architecture(hidden=(16,)), **values}
    learner = Learner(
        "",
        TrainerConfig.model_validate(settings),
        Signature.of(spec_of(RULES)),
        rows=None,
        row_count=COUNT,
        workers=Workers(1, 1),
        ranks=Ranks(),
        seed=0,
    )
    learner.prepare(0)
    return learner


def updated(learner: Learner) -> tuple[dict[str, float], int]:
    """Metrics of an update, and how often the network was looked through for it."""
    experience, passes = experience_of(learner), 0

    def count(*_: object) -> None:
        nonlocal passes
        passes += 1

    with next(module for module in learner.network.modules() if not list(module.children())).register_forward_hook(
        count
    ):
        return learner.update(experience), passes


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


@pytest.mark.parametrize(("named", "others"), [({"seeker": {}, "hider": {}}, "hider"), ({"seeker": {}}, "")])
def test_each_role_learns_what_its_own_agents_did(tmp_path: Path, named: dict[str, Any], others: str) -> None:
    seek, hide = 2, 5
    files = [recorded(tmp_path / "a.gridrec", TAG, HUNT, [[seek, hide, hide]] * 7)]
    config = small_config(env_count=16, minibatch_size=192, roles=named, losses=cloning(files))
    with RunWriter.create(tmp_path, "test", {}, {}) as writer:
        trainer = Trainer([World(TAG, cells_of(HUNT, TAG))], config, writer)
        learnt = {each.name: each.losses[-1].actions.flatten().tolist() for each in trainer.learners}
        trainer.close()

    assert learnt == {"seeker": 7 * [seek], others: 14 * [hide]}


def test_one_network_learns_what_all_roles_did(tmp_path: Path) -> None:
    files = [recorded(tmp_path / "a.gridrec", TAG, HUNT, [[2, 5, 6]])]
    config = CloningConfig(weight=1.0, demonstrations=tuple(files))

    loss = BehaviourCloning(config, Signature.of(spec_of(TAG)), EVERYBODY, sequence=8, memory_size=0)

    assert sorted(loss.actions.flatten().tolist()) == [2, 5, 6]


Turns = Sequence[tuple[Sequence[int], Sequence[int]]]
"""Actions of all, and the agents that people play, by tick."""


def demonstrated(directory: Path, rules: Rules, text: str, turns: Turns) -> str:
    """A directory of demonstrations, with one of this play."""
    path = directory.with_suffix(".gridrec")
    recorded(path, rules, text, [actions for actions, _ in turns])
    played = np.array([[agent in people for agent in range(rules.agents)] for _, people in turns])
    save_demonstration(directory, load_recording(path), played)
    return str(directory)


def test_of_demonstrations_only_what_people_did_is_learnt(tmp_path: Path) -> None:
    turns = [([1, 2, 3], []), ([1, 4, 3], [1]), ([1, 5, 3], [1]), ([1, 6, 3], []), ([7, 2, 8], [0, 2]), ([1, 2, 3], [])]
    directory = demonstrated(tmp_path / "set", TAG, HUNT, turns)
    config = CloningConfig(weight=1.0, demonstrations=(directory,))

    loss = BehaviourCloning(config, Signature.of(spec_of(TAG)), EVERYBODY, sequence=8, memory_size=0)

    assert sorted(loss.actions.flatten().tolist()) == [4, 5, 7, 8]
    cells = cells_of(HUNT, TAG)
    with Batch(World(TAG, cells), seed=0) as batch:  # each with what its own agent saw just before
        seen = {}
        for actions, people in turns:
            seen.update({actions[agent]: batch.observations[agent].copy() for agent in people})
            batch.step(np.array(actions, np.int32))
    for action, observation in zip(loss.actions.flatten().tolist(), loss.observations, strict=True):
        assert (observation.numpy() == seen[action]).all()


def test_what_people_did_with_a_pause_are_two_stretches_to_a_memory(tmp_path: Path) -> None:
    turns = [([1, 2, 3], [0] if tick < 4 or tick >= 7 else []) for tick in range(12)]
    config = CloningConfig(
        weight=1.0, demonstrations=(demonstrated(tmp_path / "set", TAG, HUNT, turns),), minibatch_size=8
    )

    loss = BehaviourCloning(config, Signature.of(spec_of(TAG)), EVERYBODY, sequence=4, memory_size=3)

    assert len(loss.actions) == 9
    assert loss.starts.nonzero().flatten().tolist() == [0, 5]  # 5 after the pause, 4 before it


def test_people_who_played_another_role_teach_nothing(tmp_path: Path) -> None:
    directory = demonstrated(tmp_path / "set", TAG, HUNT, [([1, 2, 3], [1])])
    config = small_config(env_count=16, minibatch_size=192, roles={"seeker": {}}, losses=cloning([directory]))

    with pytest.raises(ConfigError, match="set demonstrates nothing: nobody of role seeker"):
        trained(tmp_path, TAG, [cells_of(HUNT, TAG)], config)


@pytest.mark.slow
def test_a_network_plays_as_a_person_did_and_not_as_the_policies_around(tmp_path: Path) -> None:
    rules, room = games.arena(agents=2, max_steps=500), "#####\n#@.@#\n#...#\n#####"
    names = rules.action_names
    circle = [names.index(f"move_{way}") for way in ("east", "south", "west", "north")]
    # The person goes round and round, the policy beside it only ever uses things.
    turns = [([circle[tick % 4], names.index("use")], [0]) for tick in range(400)]
    directory = demonstrated(tmp_path / "set", rules, room, turns)
    config = small_config(
        total_steps=20_000,
        losses=cloning([directory]),
        learning_rate=3e-3,
        log_episodes=0,
    )

    trainer, run = trained(tmp_path, rules, [cells_of(room, rules)], config)

    accuracy = [line.values["train/cloning_accuracy"] for line in run.read_metrics()]
    assert accuracy[0] < 0.6
    assert accuracy[-1] > 0.9
    (loss,) = (loss for loss in trainer.learners[0].losses if loss.name == "behaviour_cloning")
    assert isinstance(loss, BehaviourCloning)
    assert names.index("use") not in loss.actions.flatten().tolist()


def test_demonstrations_of_other_roles_are_refused(tmp_path: Path) -> None:
    other = Rules.model_validate_json(json.dumps(TAG.model_dump(mode="json")).replace("seeker", "hunter"))
    files = [recorded(tmp_path / "hunt.gridrec", other, HUNT, [[2, 5, 5]])]
    config = small_config(env_count=16, minibatch_size=192, roles={"seeker": {}}, losses=cloning(files))

    with pytest.raises(
        ConfigError, match=r"hunt.gridrec is no demonstration of role seeker: .* hunter, hider"
    ) as found:
        trained(tmp_path, TAG, [cells_of(HUNT, TAG)], config)
    assert "leave it out" in found.value.hint


@pytest.mark.parametrize("memory", ["none", "mingru"])
@pytest.mark.parametrize("actions", [[], [[UNKNOWN]] * 3])
def test_demonstrations_in_which_nobody_acts_are_refused(tmp_path: Path, actions: list[list[int]], memory: str) -> None:
    files = [*demonstrations(tmp_path, RULES, 1), recorded(tmp_path / "idle.gridrec", RULES, WALLS_9, actions)]
    config = small_config(losses=cloning(files), policy={"memory": memory})

    with pytest.raises(ConfigError, match=r"idle.gridrec demonstrates nothing: nobody does an action") as found:
        trained(tmp_path, RULES, [CELLS], config)
    assert "leave it out" in found.value.hint


def test_a_role_that_does_nothing_known_is_named(tmp_path: Path) -> None:
    files = [recorded(tmp_path / "half.gridrec", TAG, HUNT, [[UNKNOWN, 5, 5]] * 3)]
    config = small_config(env_count=16, minibatch_size=192, roles={"seeker": {}}, losses=cloning(files))

    with pytest.raises(ConfigError, match=r"half.gridrec demonstrates nothing: nobody of role seeker"):
        trained(tmp_path, TAG, [cells_of(HUNT, TAG)], config)


def test_a_short_demonstration_shortens_no_sequence(tmp_path: Path) -> None:
    files = [walked(tmp_path / f"{ticks}.gridrec", ticks) for ticks in (1, 40, 5)]

    loss = of_memory(files, sequence=16)

    # The 40 steps are 16, 16 and the last 16; the 5 and the 1 after them are learnt together with the 10 before.
    assert loss.length == 16
    assert loss.sequences.tolist() == [0, 16, 24, 30]
    assert loss.starts.nonzero().flatten().tolist() == [0, 40, 45]
    generator = torch.Generator().manual_seed(0)
    drawn = [loss.minibatch(generator) for _ in range(10)]
    assert {(len(each), each.length, each.memory.shape) for each in drawn} == {(4 * 16, 16, (4, 3))}
    begun = [tuple(each.nonzero().flatten().tolist()) for samples in drawn for each in samples["starts"].view(16, 4).T]
    assert set(begun) == {(0,), (), (10, 15)}  # where episodes begin in each sequence


def test_short_demonstrations_are_learnt_one_after_the_other(tmp_path: Path) -> None:
    files = [walked(tmp_path / f"{ticks}.gridrec", ticks, ticks) for ticks in (3, 4, 5)]

    assert of_memory(files, sequence=8).sequences.tolist() == [0, 4]  # 12 steps: the second reaches back
    together = of_memory(files, sequence=32)
    assert together.sequences.tolist() == [0]
    assert together.actions.flatten().tolist() == [5] * 5 + [4] * 4 + [3] * 3
    assert together.starts.nonzero().flatten().tolist() == [0, 5, 9]


def test_every_step_is_in_a_sequence_and_each_long_episode_begins_one(tmp_path: Path) -> None:
    files = [walked(tmp_path / f"{ticks}.gridrec", ticks) for ticks in (7, 9, 20, 3, 8)]

    loss = of_memory(files, sequence=8)

    seen = {first + step for first in loss.sequences.tolist() for step in range(8)}
    assert seen == set(range(7 + 9 + 20 + 3 + 8))
    assert {0, 20, 29} <= set(loss.sequences.tolist())  # episodes of 8 and more begin a sequence of their own


@pytest.mark.parametrize("off", [{"gate": {"from_step": 1}}, {"schedule": {"to": 0.0}}])
def test_a_loss_that_does_not_count_costs_no_pass_and_is_not_logged(tmp_path: Path, off: dict[str, Any]) -> None:
    own = {"weight": 1.0, "demonstrations": demonstrations(tmp_path, RULES, 1), "minibatch_size": 32}
    alone, counting = learner_of(), learner_of(losses={"behaviour_cloning": own})
    closed = learner_of(losses={"behaviour_cloning": {**own, **off}})
    if "schedule" in off:
        closed.prepare(10**9)  # at its end

    metrics, passes = updated(closed)

    assert passes == updated(alone)[1] == 4
    assert updated(counting)[1] == 8
    assert not [name for name in metrics if "cloning" in name]
    assert_same(alone.tensors(), closed.tensors())  # its shuffles as well: nothing was drawn


def test_ppo_that_does_not_count_costs_no_pass_either(tmp_path: Path) -> None:
    own = {"weight": 1.0, "demonstrations": demonstrations(tmp_path, RULES, 1), "minibatch_size": 32}
    learner = learner_of(losses={"ppo": {"gate": {"from_step": 100}}, "behaviour_cloning": own}, target_kl=0.01)

    metrics, passes = updated(learner)
    learner.prepare(100)
    later, both = updated(learner)

    assert (passes, both) == (4, 8)
    assert "train/cloning_loss" in metrics
    assert "train/approx_kl" not in metrics
    assert later.keys() - metrics.keys() >= {"train/approx_kl", "train/entropy", "train/value_loss"}


def test_a_run_whose_gates_open_and_close_is_resumed_as_if_never_stopped(tmp_path: Path) -> None:
    files = demonstrations(tmp_path, RULES, 2)
    gate = {"from_step": 1000, "until_step": 3000}
    losses = {"behaviour_cloning": {"weight": 1.0, "demonstrations": files, "minibatch_size": 64, "gate": gate}}
    config = small_config(total_steps=4096, losses=losses)

    tensors = whole(tmp_path, config)

    lines = RunDirectory(tmp_path / "whole").read_metrics()
    assert ["train/cloning_loss" in line.values for line in lines] == [i in (2, 3, 4, 5) for i in range(8)]
    assert_same(tensors, interrupted(tmp_path, config, [17, 9, 12, 3, 40]))

"""Action masks as a step writes them: those of each env, for every game that ships and for any game at all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from engine.sim import Batch, World, games

from .differential import ENVS, Case, cases
from .drawn import sim_from, step
from .small_game import small
from .strategies import games_with_maps
from .test_properties import SEEDS, Game, actions_for, batch_of, idle_action

STEPS = 300


class Masked:
    """A batch, and a step of it that writes masks."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.actions = np.zeros(batch.rows, np.int32)
        self.masks = np.zeros((batch.rows, len(batch.spec.action_names)), np.uint8)
        names = ("observations", "rewards", "terminated", "truncated", "final_observations", "results")
        arrays = {name: getattr(batch, name) for name in names}
        self._step = batch.bind(actions=self.actions, action_masks=self.masks, **arrays)

    def step(self, actions: np.ndarray) -> None:
        self.actions[:] = actions
        self._step()


def of_each_env(batch: Batch) -> np.ndarray:
    return np.concatenate([batch.action_mask(env) for env in range(batch.env_count)])


def asked(batch: Batch) -> np.ndarray:
    masks = np.full((batch.rows, len(batch.spec.action_names)), 7, np.uint8)
    batch.action_masks_into(masks)
    return masks


def frozen_rows(batch: Batch) -> list[int]:
    views = [batch.look(env) for env in range(batch.env_count)]
    return [row for row, agent in enumerate(agent for view in views for agent in view.agents) if agent.frozen]


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_a_step_writes_the_mask_of_every_env(case: Case) -> None:
    worlds = [World(case.rules, cells) for cells in case.maps]
    quiet = Batch(worlds, ENVS, seed=5)
    tables = [Masked(Batch(worlds, ENVS, seed=5, thread_count=threads)) for threads in (1, 2, 3)]
    first = tables[0]
    idle = np.eye(first.masks.shape[1], dtype=np.uint8)[idle_action(case.rules)]
    random = np.random.default_rng(5)
    for _ in range(STEPS):
        # Half of what would succeed, so that things happen; -1 is no action.
        legal = (random.random(first.masks.shape) * asked(quiet)).argmax(1)
        actions = np.where(random.random(quiet.rows) < 0.5, legal, random.integers(-1, len(idle), quiet.rows))
        quiet.step(actions)
        for table in tables:
            table.step(actions)

            assert np.array_equal(table.masks, of_each_env(table.batch))
            assert np.array_equal(table.masks, first.masks)
            assert np.array_equal(table.batch.observations, quiet.observations)
        assert np.array_equal(first.masks, asked(quiet))
        assert first.masks.any(axis=1).all()
        for row in frozen_rows(quiet):
            assert np.array_equal(first.masks[row], idle)
    assert all(table.batch.hash() == quiet.hash() for table in tables)


@settings(max_examples=60)
@given(games_with_maps(), SEEDS)
def test_masks_leave_every_agent_a_choice_and_no_trace(game: Game, seed: int) -> None:
    one, other = Masked(batch_of(game, seed, thread_count=2)), batch_of(game, seed)
    for actions in actions_for(other, seed):
        one.step(actions)
        other.step(actions)

        assert np.array_equal(one.masks, of_each_env(other))
        assert one.masks.max() == 1
        assert one.masks.any(axis=1).all()
        assert one.batch.hash() == other.hash()
        assert np.array_equal(one.batch.observations, other.observations)


def test_an_action_of_the_mask_never_fails_where_one_agent_is_alone() -> None:
    """All episodes long, the next ones included; this is what a learner relies on."""
    rules = games.navigation(max_steps=30)
    table = Masked(sim_from("...#...\n.#...#.\n..#*#..\n...#...", rules, env_count=8, seed=2))
    table.batch.action_masks_into(table.masks)
    random = np.random.default_rng(2)
    for _ in range(STEPS):
        table.step((random.random(table.masks.shape) * table.masks).argmax(1))

        assert not table.batch.results.any()


def test_masks_are_those_of_the_state_that_was_loaded() -> None:
    sim = sim_from("@..", small(spawn_anywhere=False))
    west, east = (sim.spec.action_names.index(f"move_{direction}") for direction in ("west", "east"))
    start = sim.save()
    step(sim, "move_east")
    step(sim, "move_east")
    assert asked(sim)[0, [west, east]].tolist() == [1, 0]

    sim.load(start)

    assert asked(sim)[0, [west, east]].tolist() == [0, 1]

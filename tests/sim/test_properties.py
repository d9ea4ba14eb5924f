"""What holds for any game, any map and any actions."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.sim import AGENT, EMPTY, FIRST_KIND, OUTSIDE, Batch, EnvView, Plane, Rules, World

from .lockstep import Lockstep
from .strategies import action_table, games_with_maps

ENVS, STEPS = 2, 25
SEEDS = st.integers(0, 2**64 - 1)

Game = tuple[Rules, list[np.ndarray]]


def batch_of(game: Game, seed: int, **arguments: int) -> Batch:
    rules, maps = game
    return Batch([World(rules, cells) for cells in maps], ENVS, seed=seed, **arguments)


def actions_for(batch: Batch, seed: int) -> np.ndarray:
    return action_table(batch.worlds[0].rules, batch.rows, STEPS, seed % 2**32)


@settings(max_examples=150)
@given(games_with_maps(), SEEDS)
def test_any_game_agrees_with_the_reference(game: Game, seed: int) -> None:
    rules, maps = game
    lockstep = Lockstep(rules, maps, ENVS, seed, weights=[3, 1, 2][: len(maps)])

    for tick, actions in enumerate(actions_for(lockstep.batch, seed)):
        lockstep.step(actions)
        if tick % 5 == 0:
            lockstep.compare_states()
    lockstep.compare_episodes()


@settings(max_examples=60)
@given(games_with_maps(), SEEDS)
def test_agents_stand_alone_and_on_floor(game: Game, seed: int) -> None:
    batch = batch_of(game, seed)
    for actions in actions_for(batch, seed):
        batch.step(actions)
        for env in range(ENVS):
            view = batch.look(env)
            codes = game[1][view.world]
            places = {(agent.row, agent.column) for agent in view.agents}
            expected = np.where((codes == 0) | (codes >= 128), EMPTY, codes.astype(int) - 1 + FIRST_KIND)
            assert len(places) == len(view.agents)
            assert all(expected[place] == EMPTY for place in places)
            for place in places:
                expected[place] = AGENT
            assert np.array_equal(view.cells, expected)


@settings(max_examples=60)
@given(games_with_maps(), SEEDS)
def test_holdings_change_by_recipes_alone_and_are_accounted_for(game: Game, seed: int) -> None:
    rules = game[0]
    recipes = [np.zeros(len(rules.resources), int)]
    for kind in rules.kinds.values():
        recipes.append(np.array([kind.outputs.get(r, 0) - kind.inputs.get(r, 0) for r in rules.resources], int))
    limits = np.array([resource.limit for resource in rules.resources.values()], int)
    initial = np.array([resource.initial for resource in rules.resources.values()], int)
    batch = batch_of(game, seed)
    held = [[initial] * rules.agents for _ in range(ENVS)]
    for actions in actions_for(batch, seed):
        batch.step(actions)
        for env in range(ENVS):
            now = [np.array(agent.inventory, int) for agent in batch.look(env).agents]
            ended = batch.terminated[env * rules.agents] or batch.truncated[env * rules.agents]
            stats = batch.ledger(env)[2][:, : 2 * len(initial)]
            for agent in range(rules.agents):
                change = now[agent] - held[env][agent]
                assert ended or any(np.array_equal(change, recipe) for recipe in recipes)
                assert np.array_equal(now[agent], initial + stats[agent, 0::2] - stats[agent, 1::2])
                assert (now[agent] >= 0).all()
                assert (now[agent] <= limits).all()
            held[env] = now


def expected_byte(plane: str, view: EnvView, row: int, column: int) -> int:
    """What one byte of an observation must be, told from `look()` alone."""
    height, width = view.cells.shape
    if not (0 <= row < height and 0 <= column < width):
        return OUTSIDE
    if plane == Plane.KIND:
        return int(view.cells[row, column])
    if plane == Plane.READY:
        return int(view.ready[row, column])
    here = [agent for agent in view.agents if (agent.row, agent.column) == (row, column)]
    if not here:
        return 0
    return 1 + (here[0].group if plane == Plane.GROUP else here[0].facing)


@settings(max_examples=25)
@given(games_with_maps(), SEEDS)
def test_an_observation_shows_what_look_shows(game: Game, seed: int) -> None:
    batch = batch_of(game, seed)
    spec = batch.spec
    for actions in actions_for(batch, seed)[:6]:
        batch.step(actions)
        view = batch.look(0)
        for number, agent in enumerate(view.agents):
            expected = [
                expected_byte(
                    plane, view, agent.row + y - spec.window_height // 2, agent.column + x - spec.window_width // 2
                )
                for plane in spec.planes
                for y in range(spec.window_height)
                for x in range(spec.window_width)
            ]
            max_steps = game[0].max_steps
            done = 255 * view.tick // max_steps if max_steps else 0
            expected += [agent.facing, agent.last_action + 1, agent.last_result, done]
            expected += [min(units, 255) for units in agent.inventory]
            assert batch.observations[number].tolist() == expected


@settings(max_examples=60)
@given(games_with_maps(), SEEDS)
def test_every_byte_is_within_what_the_spec_says(game: Game, seed: int) -> None:
    batch = batch_of(game, seed)
    spec = batch.spec
    cells = spec.window_height * spec.window_width
    for actions in actions_for(batch, seed):
        batch.step(actions)
        for index, classes in enumerate(spec.plane_classes):
            assert batch.observations[:, index * cells : (index + 1) * cells].max() < classes
        assert (batch.observations[:, spec.plane_size :] <= np.array(spec.self_scales)).all()


@settings(max_examples=60)
@given(games_with_maps(), SEEDS)
def test_rewards_are_the_sum_of_the_ledger(game: Game, seed: int) -> None:
    agents = game[0].agents
    batch = batch_of(game, seed)
    returns = np.zeros(batch.rows, np.float32)
    for actions in actions_for(batch, seed):
        batch.step(actions)
        returns += batch.rewards
        for env in range(ENVS):
            rows = slice(env * agents, (env + 1) * agents)
            step = batch.ledger(env)[0]
            total = np.zeros(agents, np.float32)
            for term in range(step.shape[1]):
                total += step[:, term]
            assert np.array_equal(batch.rewards[rows], total)
            if batch.terminated[rows.start] or batch.truncated[rows.start]:
                returns[rows] = 0
            assert [agent.episode_return for agent in batch.look(env).agents] == returns[rows].tolist()


@settings(max_examples=60)
@given(games_with_maps(), SEEDS)
def test_an_end_is_of_one_kind_and_for_the_whole_env(game: Game, seed: int) -> None:
    rules = game[0]
    batch = batch_of(game, seed)
    length = np.zeros(ENVS, int)
    for actions in actions_for(batch, seed):
        batch.step(actions)
        length += 1
        for env, (terminated, truncated) in enumerate(
            zip(by_env(batch.terminated), by_env(batch.truncated), strict=True)
        ):
            assert len(set(terminated)) == len(set(truncated)) == 1
            assert not (terminated[0] and truncated[0])
            assert truncated[0] == 0 or length[env] == rules.max_steps
            assert terminated[0] == 0 or rules.end is not None
            if terminated[0] or truncated[0]:
                length[env] = 0
            assert batch.look(env).tick == length[env]


def by_env(flags: np.ndarray) -> list[list[int]]:
    return flags.reshape(ENVS, -1).tolist()


@settings(max_examples=40)
@given(games_with_maps(), SEEDS, st.integers(0, STEPS - 1), st.sampled_from([1, 2, 3]))
def test_a_saved_batch_goes_on_as_if_nothing_had_happened(game: Game, seed: int, pause: int, threads: int) -> None:
    one, other = batch_of(game, seed), batch_of(game, seed + 1, thread_count=threads)
    actions = actions_for(one, seed)
    for tick in range(pause):
        one.step(actions[tick])
    other.load(one.save())

    for tick in range(pause, STEPS):
        one.step(actions[tick])
        other.step(actions[tick])

        assert np.array_equal(one.observations, other.observations)
        assert one.rewards.tobytes() == other.rewards.tobytes()
        assert one.hash() == other.hash()


@settings(max_examples=40)
@given(games_with_maps(), SEEDS)
def test_the_mask_tells_what_succeeds_next(game: Game, seed: int) -> None:
    rules = game[0].model_copy(update={"agents": 1})  # alone: nobody else can get in the way
    batch = batch_of((rules, game[1]), seed)
    for tick, actions in enumerate(actions_for(batch, seed)[:12]):
        mask, before = batch.action_mask(0)[0], batch.save()
        for action in range(len(rules.actions)):
            batch.step(np.full(ENVS, action, np.int32))
            assert (batch.results[0] == 0) == mask[action], f"tick {tick}, action {action}"
            batch.load(before)
        batch.step(actions)

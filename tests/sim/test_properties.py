"""What holds for any game, any map and any actions."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.sim import (
    AGENT,
    EMPTY,
    FIRST_KIND,
    NO_TOKEN,
    OUTSIDE,
    ActionResult,
    Batch,
    Encoding,
    EnvView,
    Plane,
    Rules,
    Sight,
    Spec,
    Verb,
    World,
)

from .strategies import action_table, games_with_maps

ENVS, STEPS = 2, 25
SEEDS = st.integers(0, 2**64 - 1)

Game = tuple[Rules, list[np.ndarray]]


def batch_of(game: Game, seed: int, **arguments: int) -> Batch:
    rules, maps = game
    return Batch([World(rules, cells) for cells in maps], ENVS, seed=seed, **arguments)


def actions_for(batch: Batch, seed: int) -> np.ndarray:
    return action_table(batch.worlds[0].rules, batch.rows, STEPS, seed % 2**32)


@settings(max_examples=60)
@given(games_with_maps(), SEEDS)
def test_agents_stand_alone_and_objects_where_they_can_be(game: Game, seed: int) -> None:
    kinds = list(game[0].kinds.values())
    batch = batch_of(game, seed)
    for actions in actions_for(batch, seed):
        batch.step(actions)
        for env in range(ENVS):
            view = batch.look(env)
            codes = game[1][view.world]
            places = {(agent.row, agent.column) for agent in view.agents}
            drawn = np.where((codes == 0) | (codes >= 128), EMPTY, codes.astype(int) - 1 + FIRST_KIND)
            assert len(places) == len(view.agents) == (view.cells == AGENT).sum()
            assert all(view.cells[place] == AGENT for place in places)
            for code, kind in enumerate(kinds, FIRST_KIND):
                stay, stood = view.cells == code, drawn == code
                assert stay.sum() <= stood.sum() if kind.hp else stay.sum() == stood.sum()
                assert kind.swappable or not (stay & ~stood).any()


@settings(max_examples=60)
@given(games_with_maps(), SEEDS)
def test_holdings_stay_within_limits_and_are_accounted_for(game: Game, seed: int) -> None:
    rules = game[0]
    batch = batch_of(game, seed)
    stats = batch.spec.stat_names
    for actions in actions_for(batch, seed):
        batch.step(actions)
        for env in range(ENVS):
            counts = batch.ledger(env)[2].astype(int)
            for number, agent in enumerate(batch.look(env).agents):
                held = dict(zip(rules.resources, agent.inventory, strict=True))
                for name, resource in rules.resources.items():
                    gained, lost = (counts[number, stats.index(f"{name}.{change}")] for change in ("gained", "lost"))
                    assert 0 <= held[name] <= resource.limit
                    assert held[name] == resource.initial + gained - lost
                for group, limit in rules.limit_groups.items():
                    assert sum(u for n, u in held.items() if rules.resources[n].limit_group == group) <= limit


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
    agent = here[0]
    return {
        Plane.GROUP: agent.group + 1,
        Plane.FACING: agent.facing + 1,
        Plane.ROLE: agent.role + 1,
        Plane.FROZEN: int(agent.frozen > 0),
        Plane.SHIELD: int(agent.shield),
        Plane.GLYPH: agent.glyph + 1,
    }[Plane(plane)]


@settings(max_examples=25)
@given(games_with_maps(), SEEDS)
def test_an_observation_shows_what_look_shows(game: Game, seed: int) -> None:
    told = [plane for plane in Plane if plane not in (Plane.HP, Plane.STOCK)]
    rules = game[0].model_copy(
        update={"encoding": Encoding.PLANES, "sight": Sight(), "planes": tuple(told), "rewards": ()}
    )
    batch = batch_of((rules, game[1]), seed)
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
            expected += [agent.group, min(agent.frozen, 255), agent.shield, agent.glyph]
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
        if spec.token_count:
            check_tokens(spec, batch.observations.reshape(-1, 3))
            continue
        for index, classes in enumerate(spec.plane_classes):
            assert batch.observations[:, index * cells : (index + 1) * cells].max() < classes
        assert (batch.observations[:, spec.plane_size :] <= np.array(spec.self_scales)).all()


def check_tokens(spec: Spec, tokens: np.ndarray) -> None:
    written = tokens[tokens[:, 0] != NO_TOKEN]
    assert (written[:, 0] // 16 < spec.window_height).all()
    assert (written[:, 0] % 16 < spec.window_width).all()
    assert (written[:, 1] < len(spec.feature_names)).all()
    assert (tokens[tokens[:, 0] == NO_TOKEN] == NO_TOKEN).all()


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
            assert terminated[0] == 0 or rules.end or (rules.tag and rules.tag.ends_when_all_caught)
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


def idle_action(rules: Rules) -> int:
    """The one choice of an agent of which nothing would succeed."""
    return next((number for number, action in enumerate(rules.actions) if action.verb is Verb.NOOP), 0)


@settings(max_examples=40)
@given(games_with_maps(), SEEDS)
def test_the_mask_tells_what_succeeds_next(game: Game, seed: int) -> None:
    rules = game[0]
    batch = batch_of(game, seed)
    nobody_else = np.full(batch.rows, -1, np.int32)  # an invalid action is no turn
    for tick, actions in enumerate(actions_for(batch, seed)[:10]):
        agent = tick % rules.agents
        mask, before = batch.action_mask(0)[agent], batch.save()
        succeeded = []
        for action in range(len(rules.actions)):
            nobody_else[agent] = action
            batch.step(nobody_else)
            succeeded.append(batch.results[agent] in (ActionResult.SUCCESS, ActionResult.MISSED))
            batch.load(before)
        if not any(succeeded):
            succeeded[idle_action(rules)] = True
        assert mask.tolist() == succeeded, f"tick {tick}"
        nobody_else[agent] = -1
        batch.step(actions)


@settings(max_examples=40)
@given(games_with_maps(), SEEDS)
def test_looking_leaves_no_trace(game: Game, seed: int) -> None:
    one, other = batch_of(game, seed), batch_of(game, seed)
    for actions in actions_for(one, seed):
        for env in range(ENVS):
            one.look(env), one.ledger(env), one.observe(env), one.action_mask(env), one.save(env, 1)
        one.step(actions)
        other.step(actions)

        assert one.hash() == other.hash()
        assert np.array_equal(one.observations, other.observations)


@settings(max_examples=40)
@given(games_with_maps(), SEEDS)
def test_what_is_not_asked_for_changes_nothing(game: Game, seed: int) -> None:
    one, other = batch_of(game, seed), batch_of(game, seed)
    names = ("observations", "rewards", "terminated", "truncated")
    taken = np.zeros(one.rows, np.int32)
    step = one.bind(actions=taken, **{name: getattr(one, name) for name in names})  # no final observations
    for actions in actions_for(one, seed):
        taken[:] = actions
        step()
        other.step(actions)

        assert one.hash() == other.hash()
    assert np.array_equal(one.drain_episodes().stats, other.drain_episodes().stats)

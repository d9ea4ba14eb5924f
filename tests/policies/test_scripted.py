"""The scripted policies, played in the real engine."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import UsageError
from engine.maps import cells_for, load_map, parse_ascii
from engine.policies.registry import Policy, create_policy
from engine.recipes import resolve, worlds_of
from engine.sim import Action, Batch, Rules, Verb, World, games


def world_from(text: str, rules: Rules) -> World:
    lines = "\n".join(line.strip() for line in text.strip().splitlines())
    return World(rules, cells_for(parse_ascii(lines, "test"), rules))


def play(policy: Policy, batch: Batch, steps: int) -> np.ndarray:
    """Rewards (steps, rows)."""
    rewards = []
    for _ in range(steps):
        batch.step(policy.act(batch.observations))
        rewards.append(batch.rewards.copy())
    return np.array(rewards)


def lone_arena() -> Rules:
    return games.arena(agents=1, groups=1)


def test_simple_walks_around_a_wall_to_the_goal() -> None:
    rules = games.navigation().model_copy(update={"spawn_anywhere": False})
    world = world_from(
        """
        #######
        #..#..#
        #@.#.*#
        #..#..#
        #.....#
        #######""",
        rules,
    )
    with Batch(world, 1) as batch:
        rewards = play(create_policy("simple", rules, world.spec), batch, 4)

        assert batch.terminated[0]
        assert rewards.sum() == pytest.approx(1.0 - 4 * 0.01)  # 4 steps: the shortest way


def test_simple_turns_to_a_mine_and_uses_it() -> None:
    rules = lone_arena()
    world = world_from("#####\n#.@m#\n#####", rules)
    with Batch(world, 1) as batch:
        policy = create_policy("simple", rules, world.spec)
        names = []
        for _ in range(2):
            action = policy.act(batch.observations)
            names.append(world.spec.action_names[action[0]])
            batch.step(action)

        assert names == ["rotate_east", "use"]
        assert batch.look().agents[0].inventory[0] == 1


def test_simple_prefers_the_end_of_the_chain() -> None:
    rules = lone_arena()
    world = world_from(
        """
        #######
        #m.@.n#
        #######""",
        rules,
    )
    with Batch(world, 1) as batch:
        play(create_policy("simple", rules, world.spec), batch, 5)

        # West and use, east twice and use: no second ore before the first is turned into a battery.
        ore, battery, _ = batch.look().agents[0].inventory
        assert (ore, battery) == (0, 1)


def test_simple_makes_hearts_in_the_stock_arena() -> None:
    rules = games.arena()
    world = World(rules, cells_for(load_map("arena/basic"), rules))
    hearts = {}
    for name in ("simple", "random"):
        with Batch([world], 8, seed=3) as batch:
            play(create_policy(name, rules, world.spec, seed=1), batch, 500)
            views = [batch.look(env).agents for env in range(8)]
            hearts[name] = sum(agent.inventory[2] for agents in views for agent in agents)

    assert hearts["simple"] > 20
    assert hearts["simple"] > 4 * hearts["random"]


def test_simple_roams_where_it_sees_nothing() -> None:
    rules = lone_arena()
    world = world_from("\n".join(["#" * 30, *["#" + "." * 28 + "#"] * 12, "#@" + "." * 27 + "#", "#" * 30]), rules)
    with Batch(world, 1) as batch:
        policy = create_policy("simple", rules, world.spec)
        seen = set()
        for _ in range(200):
            batch.step(policy.act(batch.observations))
            agent = batch.look().agents[0]
            seen.add((agent.row, agent.column))

        assert len(seen) > 40


def test_random_repeats_with_its_seed() -> None:
    rules = games.navigation()
    world = world_from("####\n#.*#\n####", rules)
    observations = np.zeros((100, world.spec.observation_size), np.uint8)

    first, second, other = (create_policy("random", rules, world.spec, seed=s).act(observations) for s in (1, 1, 2))

    assert (first == second).all()
    assert (first != other).any()
    assert set(first) == set(range(9))


def test_noop_stays() -> None:
    rules = games.navigation()
    world = world_from("####\n#.*#\n####", rules)

    actions = create_policy("noop", rules, world.spec).act(np.zeros((3, world.spec.observation_size), np.uint8))

    assert actions.tolist() == [0, 0, 0]
    assert actions.dtype == np.int32


def test_game_without_noop_is_told_so() -> None:
    rules = Rules(name="run", actions=(Action(name="go", verb=Verb.MOVE, direction="north"),))
    world = World(rules, np.array([[128]], np.uint8))

    with pytest.raises(UsageError, match="no action that does nothing"):
        create_policy("noop", rules, world.spec)


@pytest.mark.parametrize("game", ["hide_and_seek", "pursuit"])
def test_simple_roams_in_games_with_nothing_to_gather(game: str) -> None:
    rules = games.GAMES[game]()
    with Batch(World(rules, cells_for(load_map(game), rules)), seed=1) as batch:
        policy = create_policy("simple", rules, batch.spec)
        starts = [(agent.row, agent.column) for agent in batch.look().agents]

        for _ in range(30):
            batch.step(policy.act(batch.observations))

        assert [(agent.row, agent.column) for agent in batch.look().agents] != starts


@pytest.mark.parametrize("game", ["arena_classic_easy", "arena_classic", "arena_energy"])
def test_simple_works_the_chains_of_games_where_agents_walk_along_their_facing(game: str) -> None:
    simple, random = mean_return(game, "simple"), mean_return(game, "random")

    assert simple > 1.0  # hearts; what leads to them pays a little as well
    assert simple > 4 * random


def mean_return(game: str, policy: str) -> float:
    """Of one episode of each agent."""
    config = resolve(game, ["rules.max_steps=300"])
    with Batch(worlds_of(config), seed=5) as batch:
        player = create_policy(policy, config.rules, batch.spec, seed=5)
        while not batch.truncated.any():
            batch.step(player.act(batch.observations))
        return float(batch.drain_episodes().episode_return.mean())

"""The scripted policies, played in the real engine."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import UsageError
from engine.maps import cells_for, load_map, parse_ascii
from engine.policies.goal_seeker import GoalSeekerPolicy
from engine.policies.registry import Policy, create_policy
from engine.recipes import resolve, worlds_of
from engine.sim import Action, Batch, Rules, Verb, World, games, spec_of


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


def test_the_goal_seeker_walks_around_a_wall_to_the_goal() -> None:
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
        rewards = play(create_policy("goal-seeker", rules, world.spec), batch, 4)

        assert batch.terminated[0]
        assert rewards.sum() == pytest.approx(1.0 - 4 * 0.01)  # 4 steps: the shortest way


def test_the_goal_seeker_turns_to_a_mine_and_uses_it() -> None:
    rules = lone_arena()
    world = world_from("#####\n#.@m#\n#####", rules)
    with Batch(world, 1) as batch:
        policy = create_policy("goal-seeker", rules, world.spec)
        names = []
        for _ in range(2):
            action = policy.act(batch.observations)
            names.append(world.spec.action_names[action[0]])
            batch.step(action)

        assert names == ["rotate_east", "use"]
        assert batch.look().agents[0].inventory[0] == 1


def test_the_goal_seeker_prefers_the_end_of_the_chain() -> None:
    rules = lone_arena()
    world = world_from(
        """
        #######
        #m.@.n#
        #######""",
        rules,
    )
    with Batch(world, 1) as batch:
        play(create_policy("goal-seeker", rules, world.spec), batch, 5)

        # West and use, east twice and use: no second ore before the first is turned into a battery.
        ore, battery, _ = batch.look().agents[0].inventory
        assert (ore, battery) == (0, 1)


def test_the_goal_seeker_makes_hearts_in_the_stock_arena() -> None:
    rules = games.arena()
    world = World(rules, cells_for(load_map("arena/basic"), rules))
    hearts = {}
    for name in ("goal-seeker", "random"):
        with Batch([world], 8, seed=3) as batch:
            play(create_policy(name, rules, world.spec, seed=1), batch, 500)
            views = [batch.look(env).agents for env in range(8)]
            hearts[name] = sum(agent.inventory[2] for agents in views for agent in agents)

    assert hearts["goal-seeker"] > 20
    assert hearts["goal-seeker"] > 4 * hearts["random"]


def test_the_goal_seeker_roams_where_it_sees_nothing() -> None:
    rules = lone_arena()
    world = world_from("\n".join(["#" * 30, *["#" + "." * 28 + "#"] * 12, "#@" + "." * 27 + "#", "#" * 30]), rules)
    with Batch(world, 1) as batch:
        policy = create_policy("goal-seeker", rules, world.spec)
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
def test_the_goal_seeker_roams_in_games_with_nothing_to_gather(game: str) -> None:
    rules = games.GAMES[game]()
    with Batch(World(rules, cells_for(load_map(game), rules)), seed=1) as batch:
        policy = create_policy("goal-seeker", rules, batch.spec)
        starts = [(agent.row, agent.column) for agent in batch.look().agents]

        for _ in range(30):
            batch.step(policy.act(batch.observations))

        assert [(agent.row, agent.column) for agent in batch.look().agents] != starts


@pytest.mark.parametrize("game", ["arena_classic_easy", "arena_classic", "arena_energy"])
def test_the_goal_seeker_works_the_chains_of_games_where_agents_walk_along_their_facing(game: str) -> None:
    seeker, random = mean_return(game, "goal-seeker"), mean_return(game, "random")

    assert seeker > 1.0  # hearts; what leads to them pays a little as well
    assert seeker > 4 * random


def mean_return(game: str, policy: str) -> float:
    """Of one episode of each agent."""
    config = resolve(game, ["rules.max_steps=300"])
    with Batch(worlds_of(config), seed=5) as batch:
        player = create_policy(policy, config.rules, batch.spec, seed=5)
        while not batch.truncated.any():
            batch.step(player.act(batch.observations))
        return float(batch.drain_episodes().episode_return.mean())


# ---- The simple mix

MIXES = {
    "arena": {
        **dict.fromkeys(("move_north", "move_south", "move_west", "move_east"), 0.8 / 4),
        **dict.fromkeys(("rotate_north", "rotate_south", "rotate_west", "rotate_east"), 0.1 / 4),
        "use": 0.03,
        "noop": 0.07,
    },
    "navigation": {  # moves diagonally, too; turns to nothing and uses nothing
        **dict.fromkeys(("move_north", "move_south", "move_west", "move_east"), 0.6 / 4 + 0.2 / 8 + 0.1 / 4),
        **dict.fromkeys(("move_northwest", "move_northeast", "move_southwest", "move_southeast"), 0.2 / 8),
        "noop": 0.1,
    },
    "arena_classic": {  # walks along its facing
        "move_forward": 0.7,
        "move_backward": 0.1,
        **dict.fromkeys(("rotate_north", "rotate_south", "rotate_west", "rotate_east"), 0.1 / 4),
        "get_items": 0.03,
        "noop": 0.07,
    },
}


@pytest.mark.parametrize("game", MIXES)
def test_simple_is_a_mix_of_moves_turns_and_uses(game: str) -> None:
    rules = games.GAMES[game]()
    spec = spec_of(rules)
    observations = np.zeros((100_000, spec.observation_size), np.uint8)

    told = create_policy("simple", rules, spec, seed=1).decide(observations)

    assert told.probabilities is not None
    expected = np.array([MIXES[game].get(name, 0.0) for name in spec.action_names])
    np.testing.assert_allclose(told.probabilities, np.tile(expected, (len(observations), 1)), atol=1e-6)
    shares = np.bincount(told.actions, minlength=len(expected)) / len(observations)
    deviation = np.sqrt(expected * (1 - expected) / len(observations))
    assert (np.abs(shares - expected) <= 5 * deviation).all()  # and exactly 0 where there is no chance


LACKING = {
    "a move alone": ([("go", Verb.MOVE, "southwest")], {"go": 1.0}),
    "no staying": ([("go", Verb.MOVE, "north"), ("turn", Verb.ROTATE, "west")], {"go": 0.8, "turn": 0.2}),
    "no walking": ([("turn", Verb.ROTATE, "west"), ("rest", Verb.NOOP, None)], {"turn": 0.9, "rest": 0.1}),
    "nothing that it knows": ([("hit", Verb.ATTACK, None), ("show", Verb.GLYPH, None)], {"hit": 0.5, "show": 0.5}),
}


@pytest.mark.parametrize("lacking", LACKING)
def test_simple_makes_do_with_what_a_game_has(lacking: str) -> None:
    actions, expected = LACKING[lacking]
    rules = Rules(name="odd", actions=tuple(Action(name=n, verb=verb, direction=way) for n, verb, way in actions))

    told = create_policy("simple", rules, spec_of(rules)).decide(np.zeros((1, 9), np.uint8))

    assert told.probabilities is not None
    assert told.probabilities[0] == pytest.approx([expected[name] for name in rules.action_names])


@pytest.mark.parametrize("name", ["random", "noop", "simple", "goal-seeker"])
def test_to_decide_is_to_act(name: str) -> None:
    rules = games.arena()
    acting, deciding = (create_policy(name, rules, spec_of(rules), seed=4) for _ in range(2))
    with Batch(World(rules, cells_for(load_map("arena/basic"), rules)), 2, seed=1) as batch:
        for _ in range(20):
            actions = acting.act(batch.observations)

            told = deciding.decide(batch.observations)

            assert (told.actions == actions).all()
            assert told.values is None
            if told.probabilities is not None:
                assert told.probabilities.sum(axis=1) == pytest.approx(1)
                assert (told.probabilities[np.arange(batch.rows), actions] > 0).all()
            batch.step(actions)


def test_again_is_the_same_policy_with_its_own_random_numbers() -> None:
    rules = games.arena()
    policy = create_policy("goal-seeker", rules, spec_of(rules), seed=1)
    with Batch(World(rules, cells_for(load_map("arena/basic"), rules)), 4, seed=1) as batch:
        policy.act(batch.observations)
        before = policy.state()

        first, second = policy.again(7), create_policy("goal-seeker", rules, spec_of(rules), seed=7)

        for _ in range(5):
            assert (first.act(batch.observations) == second.act(batch.observations)).all()
        assert all((policy.state()[name] == own).all() for name, own in before.items())


# Reasons


def reasons_of(rules: Rules, drawing: str, **holding: int) -> tuple[str, str]:
    """Why the goal-seeker acts as it does for agent 0, and the action."""
    held = {name: each.model_copy(update={"initial": holding.get(name, 0)}) for name, each in rules.resources.items()}
    rules = rules.model_copy(update={"resources": held})
    grid_map = parse_ascii(drawing, "drawn")
    with Batch(World(rules, cells_for(grid_map, rules)), seed=1) as batch:
        policy = GoalSeekerPolicy(rules, batch.spec)
        words = policy.reason(batch.observations[0])
        return words, rules.action_names[int(policy.act(batch.observations)[0])]


@pytest.mark.parametrize(
    ("drawing", "holding", "words", "action"),
    [
        ("#######\n#@...m#\n#######", {}, "it is to use the mine, 4 steps away", "move_east"),
        ("#######\n#....@m\n#######", {}, "it is to use the mine, beside it", "rotate_east"),
        ("#######\n#.@..n#\n#######", {"ore": 1}, "it is to use the generator, 3 steps away", "move_east"),
        ("#######\n#.@..n#\n#######", {}, "it sees nothing of use, and roams", "move_"),
    ],
)
def test_the_goal_seeker_says_what_it_is_after(drawing: str, holding: dict[str, int], words: str, action: str) -> None:
    said, did = reasons_of(games.arena(agents=1, groups=1), drawing, **holding)

    assert said == words
    assert did.startswith(action)

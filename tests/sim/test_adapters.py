"""The simulator under the interfaces of others: their own checkers, and every stream against a bare Batch's."""

from __future__ import annotations

import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from pettingzoo.test import parallel_api_test, parallel_seed_test
from stable_baselines3.common.env_checker import check_env as check_env_for_sb3
from stable_baselines3.common.vec_env import VecMonitor

from engine.errors import SimError
from engine.maps import CHARACTERS
from engine.recipes import recipes, resolve, worlds_of
from engine.sim import ActionResult, Batch, Encoding, World, games
from engine.sim.adapters.gymnasium_env import GridworldEnv
from engine.sim.adapters.parallel_env import GridworldParallelEnv
from engine.sim.adapters.sb3_vec_env import GridworldVecEnv
from engine.sim.adapters.spaces import observation_space, parts
from engine.sim.adapters.vector_env import REPORT_STEPS, GridworldVectorEnv

from .drawn import world_from

ROOT = Path(__file__).parents[2]
STEPS = 40  # of an episode: several end in every test


def worlds_for(recipe: str) -> list[World]:
    return worlds_of(resolve(recipe, [f"rules.max_steps={STEPS}"]))


def agents_in(recipe: str) -> int:
    return resolve(recipe).rules.agents


RECIPES = list(recipes())
SINGLE = [recipe for recipe in RECIPES if agents_in(recipe) == 1]


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    """The checkers say most of what they have to say in warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def corridor(text: str = "@..*", max_steps: int = STEPS) -> World:
    """navigation with one start: who goes east arrives."""
    rules = games.navigation(max_steps=max_steps).model_copy(update={"spawn_anywhere": False})
    return world_from(text, rules)


EAST, WEST = (games.navigation().action_names.index(name) for name in ("move_east", "move_west"))


def random_actions(batch: Batch, steps: int, seed: int = 3) -> np.ndarray:
    """(steps, rows)"""
    return np.random.default_rng(seed).integers(len(batch.spec.action_names), size=(steps, batch.rows), dtype=np.int32)


# ---- What their own checkers say


@pytest.mark.parametrize("recipe", SINGLE)
def test_gymnasium_has_nothing_to_say_against_a_game(recipe: str) -> None:
    worlds = worlds_for(recipe)
    name = f"gridrl/{recipe}-v0"
    gymnasium.register(name, lambda **options: GridworldEnv(worlds, characters=CHARACTERS, **options))
    try:
        check_env(gymnasium.make(name, render_mode="ansi").unwrapped)
    finally:
        del gymnasium.registry[name]


def test_stable_baselines_has_nothing_to_say_against_the_env() -> None:
    check_env_for_sb3(GridworldEnv(worlds_for("navigation")))


@pytest.mark.parametrize("recipe", RECIPES)
def test_pettingzoo_has_nothing_to_say_against_a_game(recipe: str) -> None:
    worlds = worlds_for(recipe)

    parallel_api_test(GridworldParallelEnv(worlds), num_cycles=2 * STEPS)
    parallel_seed_test(lambda: GridworldParallelEnv(worlds), num_cycles=2 * STEPS)


def test_gymnasium_counts_the_episodes_of_a_vector_as_the_engine_does() -> None:
    env = GridworldVectorEnv(worlds_for("navigation"), 8)
    counted = RecordEpisodeStatistics(env)
    counted.reset(seed=2)
    returns: list[float] = []

    for actions in random_actions(env.batch, 3 * STEPS):
        *_, infos = counted.step(actions)
        if "episode" in infos:
            returns += infos["episode"]["r"][infos["_episode"]].tolist()

    episodes = env.batch.drain_episodes()
    assert len(returns) == len(episodes) > 8
    assert sorted(returns) == pytest.approx(sorted(episodes.episode_return), abs=1e-5)


def test_the_monitor_of_stable_baselines_counts_as_the_engine_does() -> None:
    world = corridor()
    env = VecMonitor(GridworldVecEnv(world, 2))
    env.reset()

    for _ in range(3):
        *_, infos = env.step(np.full(2, EAST))

    assert [info["episode"]["r"] for info in infos] == [pytest.approx(0.97)] * 2
    assert [info["episode"]["l"] for info in infos] == [3, 3]


# ---- The same stream as a batch's


@pytest.mark.parametrize("recipe", SINGLE)
def test_an_env_is_a_batch_of_one(recipe: str) -> None:
    worlds = worlds_for(recipe)
    env, batch = GridworldEnv(worlds), Batch(worlds, seed=7)
    observation, _ = env.reset(seed=7)
    assert np.array_equal(observation, batch.observations[0])
    ends = 0

    for action in random_actions(batch, 4 * STEPS)[:, 0]:
        batch.step(np.full(1, action))
        observation, reward, terminated, truncated, info = env.step(action)

        ended = batch.terminated[0] or batch.truncated[0]
        assert np.array_equal(observation, (batch.final_observations if ended else batch.observations)[0])
        assert (reward, terminated, truncated) == (batch.rewards[0], batch.terminated[0], batch.truncated[0])
        assert info["result"] == ActionResult(batch.results[0]).name.lower()
        if ended:
            ends += 1
            observation, info = env.reset()
            assert np.array_equal(observation, batch.observations[0])
        assert np.array_equal(info["action_mask"], batch.action_mask()[0])
    assert ends >= 4


@pytest.mark.parametrize("recipe", ["arena_classic", "hide_and_seek", "two_switch"])
def test_a_parallel_env_is_a_batch_of_one(recipe: str) -> None:
    worlds = worlds_for(recipe)
    env, batch = GridworldParallelEnv(worlds), Batch(worlds, seed=7)
    observations, _ = env.reset(seed=7)
    assert list(observations) == env.agents == env.possible_agents
    assert np.array_equal(list(observations.values()), batch.observations)

    for actions in random_actions(batch, 2 * STEPS):
        batch.step(actions)
        answers = env.step(dict(zip(env.agents, actions, strict=True)))

        observations, rewards, terminations, truncations, infos = (list(answer.values()) for answer in answers)
        ended = batch.terminated[0] or batch.truncated[0]
        assert np.array_equal(observations, batch.final_observations if ended else batch.observations)
        assert rewards == batch.rewards.tolist()
        assert np.array_equal(terminations, batch.terminated)
        assert np.array_equal(truncations, batch.truncated)
        if ended:
            assert env.agents == []
            env.reset()
        else:
            assert np.array_equal([info["action_mask"] for info in infos], batch.action_mask())


@pytest.mark.parametrize("recipe", ["navigation", "arena_classic"])
def test_a_vector_is_a_batch(recipe: str) -> None:
    worlds = worlds_for(recipe)
    env, batch = GridworldVectorEnv(worlds, 3, thread_count=2), Batch(worlds, 3, seed=7)
    observations, _ = env.reset(seed=7)
    assert np.array_equal(observations, batch.observations)
    ends = 0

    for actions in random_actions(batch, 2 * STEPS):
        batch.step(actions)
        observations, rewards, terminals, truncations, infos = env.step(actions)

        assert np.array_equal(observations, batch.observations)
        assert np.array_equal(rewards, batch.rewards)
        assert np.array_equal(terminals, batch.terminated)
        assert np.array_equal(truncations, batch.truncated)
        ended = np.logical_or(batch.terminated, batch.truncated)
        assert bool(infos) == ended.any()
        if infos:
            ends += 1
            assert np.array_equal(infos["_final_obs"], ended)
            assert np.array_equal(infos["final_obs"][ended], batch.final_observations[ended])
    assert ends >= 2


@pytest.mark.parametrize("recipe", ["navigation", "arena_classic"])
def test_the_env_of_stable_baselines_is_a_batch(recipe: str) -> None:
    worlds = worlds_for(recipe)
    env, batch = GridworldVecEnv(worlds, 3), Batch(worlds, 3, seed=7)
    env.seed(7)
    assert np.array_equal(env.reset(), batch.observations)

    for actions in random_actions(batch, 2 * STEPS):
        batch.step(actions)
        observations, rewards, dones, infos = env.step(actions)

        assert np.array_equal(observations, batch.observations)
        assert np.array_equal(rewards, batch.rewards)
        assert np.array_equal(dones, np.logical_or(batch.terminated, batch.truncated))
        for row, info in enumerate(infos):
            assert bool(info) == dones[row]
            if info:
                assert np.array_equal(info["terminal_observation"], batch.final_observations[row])
                assert info["TimeLimit.truncated"] == batch.truncated[row]


def test_the_loop_of_pufferlib_sees_what_step_returns() -> None:
    worlds = worlds_for("pursuit")
    one, other = GridworldVectorEnv(worlds, 2), GridworldVectorEnv(worlds, 2)
    one.reset(seed=5)
    other.async_reset(5)
    reports = []

    for actions in random_actions(one.batch, 2 * REPORT_STEPS):
        stepped = one.step(actions)[:4]
        assert other.driver_env.single_action_space == one.single_action_space
        other.send(actions)
        *received, infos, ids, masks = other.recv()

        assert all(np.array_equal(left, right) for left, right in zip(stepped, received, strict=True))
        assert ids.tolist() == list(range(other.num_agents))
        assert masks.all()
        reports += infos
    assert len(reports) == 2
    assert reports[0]["episode_length"] <= STEPS
    assert {f"stat/{name}" for name in one.game.stat_names} < set(reports[0])


# ---- Ends


def test_arriving_terminates_and_running_out_of_time_truncates() -> None:
    world = corridor(max_steps=3)
    env, parallel = GridworldEnv(world), GridworldParallelEnv(world)
    vector, vec = GridworldVectorEnv(world), GridworldVecEnv(world)

    for action, flags in ((EAST, (True, False)), (WEST, (False, True))):
        env.reset()
        parallel.reset()
        vector.reset()
        vec.reset()
        for _ in range(3):
            single = env.step(np.int64(action))[2:4]
            several = parallel.step({"agent_0": action})[2:4]
            shared = vector.step(np.full(1, action))[2:4]
            *_, dones, infos = vec.step(np.full(1, action))

        assert single == flags
        assert tuple(flag["agent_0"] for flag in several) == flags
        assert tuple(flag[0] for flag in shared) == flags
        assert dones[0]
        assert infos[0]["TimeLimit.truncated"] == flags[1]


def completion(row: np.ndarray, spec: Any) -> int:
    return int(parts(spec, row)["self"][spec.self_features.index("episode_completion")])


def test_the_last_observation_is_that_of_the_episode_that_ended() -> None:
    world = corridor(max_steps=2)
    env, parallel = GridworldEnv(world), GridworldParallelEnv(world)
    env.reset()
    parallel.reset()

    for _ in range(2):
        observation, *_ = env.step(np.int64(WEST))
        observations, *_ = parallel.step({"agent_0": WEST})

    assert completion(observation, env.game) == 255
    assert completion(observations["agent_0"], env.game) == 255
    assert completion(env.reset()[0], env.game) == 0
    assert completion(parallel.reset()[0]["agent_0"], env.game) == 0


def test_the_last_info_has_the_terms_and_stats_of_the_episode() -> None:
    env = GridworldEnv(corridor())
    env.reset()

    infos = [env.step(np.int64(EAST))[4] for _ in range(3)]

    assert ["terms" in info for info in infos] == [False, False, True]
    assert infos[2]["terms"] == pytest.approx({"goal": 1.0, "time": -0.03})
    assert infos[2]["stats"]["heart.gained"] == 1
    assert infos[2]["stats"]["steps"] == 3
    assert not infos[2]["action_mask"].any()


def starts(env: Any, seed: int | None) -> bytes:
    """What the first agent sees at the beginning of ten episodes, each cut short by the next."""
    episodes = b""
    for number in range(10):
        observations, _ = env.reset(seed=None if number else seed)
        episodes += (observations["agent_0"] if isinstance(observations, dict) else observations).tobytes()
    return episodes


@pytest.mark.parametrize("kind", [GridworldEnv, GridworldParallelEnv, GridworldVectorEnv])
def test_seeds_repeat_and_their_absence_does_not(kind: Any) -> None:
    worlds = worlds_for("navigation")
    env, other = kind(worlds), kind(worlds)

    assert starts(env, 4) == starts(other, 4)
    assert starts(env, None) == starts(other, None)  # both go on from 4
    assert len({starts(kind(worlds), seed) for seed in (4, 5, None, None)}) == 4


def test_stable_baselines_is_given_new_episodes_where_it_gives_no_seed() -> None:
    env = GridworldVecEnv(worlds_for("navigation"), 10)

    assert len({env.reset().tobytes() for _ in range(4)}) == 4


# ---- Refusals


def test_a_game_of_many_is_no_gymnasium_env() -> None:
    with pytest.raises(SimError, match=r"the game has 6 agents.*GridworldParallelEnv"):
        GridworldEnv(worlds_for("arena"))


def test_stepping_is_refused_where_no_episode_runs() -> None:
    env, parallel = GridworldEnv(corridor()), GridworldParallelEnv(corridor())
    with pytest.raises(SimError, match=r"reset\(\) has not been called yet"):
        env.step(np.int64(EAST))
    with pytest.raises(SimError, match=r"reset\(\) has not been called yet"):
        parallel.step({})

    env.reset()
    parallel.reset()
    for _ in range(3):
        env.step(np.int64(EAST))
        parallel.step({"agent_0": EAST})

    with pytest.raises(SimError, match=r"the episode has ended \(call reset\(\)"):
        env.step(np.int64(EAST))
    with pytest.raises(SimError, match=r"the episode has ended \(call reset\(\)"):
        parallel.step({})


@pytest.mark.parametrize("kind", [GridworldEnv, GridworldParallelEnv, GridworldVectorEnv])
def test_a_closed_env_says_so(kind: Any) -> None:
    env = kind(corridor())
    env.reset()
    env.close()
    env.close()

    action = {"agent_0": EAST} if kind is GridworldParallelEnv else np.int64(EAST)
    for call in (env.reset, env.action_masks, lambda: env.step(action)):
        with pytest.raises(SimError, match="this env is closed"):
            call()


def test_an_action_that_there_is_not_changes_nothing() -> None:
    env, parallel = GridworldEnv(corridor()), GridworldParallelEnv(worlds_for("two_switch"))
    env.reset(seed=1)
    parallel.reset(seed=1)
    before = env._episode.batch.hash(), parallel._episode.batch.hash()

    for action in (9, -1, 0.5):
        with pytest.raises(SimError, match=f"there is no action {action}.*0 to 8"):
            env.step(action)  # type: ignore[arg-type]
    for actions, words in (
        ({"agent_0": 0}, "no action for agent_1"),
        ({"agent_0": 0, "agent_1": 0, "agent_2": 0}, "there is no agent agent_2"),
        ({"agent_0": 0, "agent_1": 99}, "agent_1: there is no action 99"),
    ):
        with pytest.raises(SimError, match=words):
            parallel.step(actions)

    assert (env._episode.batch.hash(), parallel._episode.batch.hash()) == before


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [
        ("spaces", "gymnasium", "gym"),
        ("gymnasium_env", "gymnasium", "gym"),
        ("parallel_env", "pettingzoo", "gym"),
        ("vector_env", "gymnasium", "gym"),
        ("sb3_vec_env", "stable_baselines3", "sb3"),
    ],
)
def test_a_missing_package_is_a_line_that_names_the_extra(module: str, package: str, extra: str) -> None:
    script = f"""if True:
        import sys
        sys.modules[{package!r}] = None
        from engine.errors import SimError
        try:
            import engine.sim.adapters.{module}
        except SimError as error:
            print(error)
        """

    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)

    assert re.fullmatch(
        rf"this needs [a-z0-9-]+, which is not installed \(pip install 'gridrl-tui\[{extra}\]'\)\n", done.stdout
    )


def test_the_simulator_loads_none_of_them() -> None:
    script = "import sys, engine.sim, engine.sim.adapters; print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    assert not {"gymnasium", "pettingzoo", "stable_baselines3"} & set(done.stdout.split())


# ---- Arrays


def buffers_for(rows: int, size: int) -> dict[str, np.ndarray]:
    return {
        "observations": np.zeros((rows, size), np.uint8),
        "actions": np.zeros(rows, np.int32),
        "rewards": np.zeros(rows, np.float32),
        "terminals": np.zeros(rows, np.bool_),
        "truncations": np.zeros(rows, np.uint8),
    }


def test_a_vector_works_on_the_arrays_that_it_is_handed() -> None:
    world = corridor()
    mine = buffers_for(4, world.spec.observation_size)
    env = GridworldVectorEnv(world, 4, buffers=mine)

    observations, _ = env.reset(seed=1)
    first = mine["observations"].copy()
    mine["actions"][:] = EAST
    answers = env.step(mine["actions"])

    assert observations is mine["observations"] is env.observations
    assert first.any()
    assert not np.array_equal(first, mine["observations"])  # C wrote where Python looks
    assert all(
        answer is mine[name]
        for answer, name in zip(answers, ("observations", "rewards", "terminals", "truncations"), strict=False)
    )
    assert mine["rewards"].tolist() == pytest.approx([-0.01] * 4)
    assert env.batch.look(3).agents[0].last_action == EAST


def test_a_vector_has_the_same_arrays_for_good() -> None:
    env = GridworldVectorEnv(corridor(), 2)
    arrays = env.recv()
    env.reset()

    for _ in range(4):
        env.step(np.full(2, EAST, np.int64))

    assert all(now is before for now, before in zip(env.recv(), arrays, strict=True) if now is not env.infos)
    assert np.shares_memory(env.step(env.actions)[0], env.observations)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("observations", np.zeros((2, 1), np.uint8)),
        ("observations", np.zeros((2, 130), np.int8)),
        ("observations", np.zeros((130, 2), np.uint8).T),
        ("actions", np.zeros(2, np.int64)),
        ("actions", np.zeros((2, 1), np.int32)),
        ("rewards", np.zeros(2, np.float64)),
        ("rewards", np.zeros(4, np.float32)[::2]),
        ("terminals", np.zeros(2, np.int32)),
        ("truncations", np.zeros(3, np.bool_)),
    ],
)
def test_arrays_that_do_not_fit_are_refused(name: str, array: np.ndarray) -> None:
    words = {"terminals": "terminated", "truncations": "truncated"}.get(name, name)

    with pytest.raises(SimError, match=f"{words} must be a writeable C-contiguous"):
        GridworldVectorEnv(corridor(), 2, buffers={name: array})


def test_a_buffer_that_nobody_knows_is_refused() -> None:
    with pytest.raises(SimError, match=r"no buffer 'obs'.*observations, actions"):
        GridworldVectorEnv(corridor(), buffers={"obs": np.zeros((1, 130), np.uint8)})


def test_what_the_others_return_is_the_callers_own() -> None:
    env, vec = GridworldEnv(corridor()), GridworldVecEnv(corridor())
    returned = [env.reset()[0], vec.reset(), *vec.step(np.full(1, EAST))[:3]]
    kept = [array.copy() for array in returned]

    for _ in range(2):
        env.step(np.int64(EAST))
        vec.step(np.full(1, EAST))

    assert all(np.array_equal(array, before) for array, before in zip(returned, kept, strict=True))


# ---- What is seen


@pytest.mark.parametrize("recipe", RECIPES)
def test_no_byte_is_beyond_its_bound(recipe: str) -> None:
    env = GridworldVectorEnv(worlds_for(recipe), 4)
    env.reset(seed=1)
    highest = np.zeros(env.game.observation_size, np.uint8)

    for actions in random_actions(env.batch, 100):
        env.step(actions)
        highest = np.maximum(highest, env.observations.max(0))

    assert (highest <= env.single_observation_space.high).all()


def test_an_observation_is_taken_apart_without_a_copy() -> None:
    env = GridworldVectorEnv(worlds_for("arena"), 2)
    rows, _ = env.reset(seed=1)
    spec = env.game

    whole = parts(spec, rows)

    assert whole["planes"].shape == (12, len(spec.planes), 11, 11)
    assert whole["self"].shape == (12, len(spec.self_features))
    assert all(np.shares_memory(part, rows) for part in whole.values())
    assert (whole["planes"][:, spec.planes.index("kind"), 5, 5] == 2).all()  # the agent itself


def test_tokens_are_taken_apart_too() -> None:
    rules = games.navigation().model_copy(update={"encoding": Encoding.TOKENS, "tokens": 30})
    env = GridworldEnv(world_from("...\n.*.", rules))
    row, _ = env.reset(seed=1)

    assert env.observation_space == observation_space(env.game)
    assert parts(env.game, row)["tokens"].shape == (30, 3)


def test_masks_tell_what_fails() -> None:
    env = GridworldEnv(corridor("#@.*"))
    _, info = env.reset()

    names = [name for name, works in zip(env.game.action_names, info["action_mask"], strict=True) if works]

    assert names == ["noop", "move_east"]
    assert np.array_equal(env.action_masks(), info["action_mask"])
    assert env.step(np.int64(WEST))[4]["result"] == "blocked_wall"
    assert env.action_space.sample(info["action_mask"]) in (0, EAST)


def test_masks_are_by_row_where_there_are_many() -> None:
    worlds = worlds_for("two_switch")
    vector, vec = GridworldVectorEnv(worlds, 3), GridworldVecEnv(worlds, 3)
    vector.reset(seed=1)
    vec.seed(1)
    vec.reset()

    masks = np.concatenate([vector.batch.action_mask(env) for env in range(3)])

    assert np.array_equal(vector.action_masks(), masks)
    assert np.array_equal(np.stack(vec.env_method("action_masks")), masks)
    assert vec.has_attr("action_masks")
    assert np.array_equal(vec.get_attr("action_masks", 2)[0](), masks[2])


def test_an_env_is_drawn_in_the_characters_of_maps() -> None:
    env = GridworldEnv(corridor("#@.*"), render_mode="ansi", characters=CHARACTERS)
    env.reset()
    env.step(np.int64(EAST))

    assert env.render() == "#.@*"


def test_teams_are_drawn_by_number() -> None:
    env = GridworldParallelEnv(worlds_for("hide_and_seek"), render_mode="ansi", characters=CHARACTERS)
    env.reset(seed=1)

    text = env.render()

    assert text is not None
    assert (text.count("1"), text.count("2")) == tuple(np.bincount([a.group for a in env._episode.batch.look().agents]))


def test_drawing_needs_characters_and_a_mode_that_there_is() -> None:
    with pytest.raises(SimError, match=r"characters=engine\.maps\.CHARACTERS"):
        GridworldEnv(corridor(), render_mode="ansi")
    with pytest.raises(SimError, match="there is no render_mode 'human'"):
        GridworldEnv(corridor(), render_mode="human")
    assert GridworldEnv(corridor()).render() is None


# ---- The page


def test_the_examples_of_the_page_run_in_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "docs" / "adapters.md").read_text(encoding="utf-8")
    namespace: dict[str, object] = {}

    for block in re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        exec(block, namespace)

    assert "mean return" in capsys.readouterr().out

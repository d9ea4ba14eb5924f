"""What the trainer learns, beside what can be learnt: every task has an oracle and a line to pass.

    python benchmarks/learning.py [--only TASK ...] [--seeds N] [--steps N] [--json]

A run is one seed; printed are the median, the least and the greatest score over seeds, agent steps, CPU seconds of a
run, and the oracle. A task without `--seeds` takes as many as its line asks for. docs/learning.md has the table.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))  # run from anywhere

import machine

from engine.maps import cells_for, load_map
from engine.policies.networks import PolicyNetwork
from engine.runs import MetricsLogged, RunDirectory, RunWriter
from engine.sim import Action, Batch, End, Kind, Resource, Rules, Term, Verb, Window, World, games
from engine.training.config import TrainerConfig
from engine.training.trainer import MakeBatch, Trainer
from tests.training.bandit import ARMS, BEST, masked_bandit
from tests.training.catching import SMALL, small_game, solved
from tests.training.drawn import cells_of
from tests.training.layouts import BUDGET, LAYOUTS, share_of_optimum
from tests.training.playing import played
from tests.training.switches import optimal_steps

WIDE = {"env_count": 256}
"""Twice the default batch: a fork is met more often in each."""

FOUR_EPOCHS = {"epochs": 4, "learning_rate": 1e-3}
"""For cue_recall, where a cue counts only together with what stands at the fork: with two epochs at 2.5e-3 six of
eight runs of 0.8 to 1.6 M steps stayed at a coin's toss."""


@dataclass(frozen=True)
class Outcome:
    """What one seed came to."""

    score: float
    extra: Mapping[str, float]


@dataclass(frozen=True)
class Task:
    """Something to learn, how much, and what is enough."""

    name: str
    what: str
    """What is scored, in words."""
    oracle: float
    low: float
    """A seed passes from here on,"""
    high: float
    """up to here."""
    steps: int
    seeds: int
    run: Callable[[int, int], Outcome]
    """(seed, steps)"""


@dataclass(frozen=True)
class Learnt:
    """A run that has ended."""

    networks: Mapping[str, PolicyNetwork]  # by role
    lines: list[MetricsLogged]

    @property
    def network(self) -> PolicyNetwork:
        return next(iter(self.networks.values()))

    def last(self, name: str) -> float:
        """Of the newest iteration that had this metric."""
        return next(line.values[name] for line in reversed(self.lines) if name in line.values)


def learn(worlds: list[World], settings: Mapping[str, Any], make_batch: MakeBatch | None = None) -> Learnt:
    """Train to the end, with one torch thread, and keep the networks."""
    quiet = {"log_episodes": 0, "checkpoint_every_s": 1e6}
    config = TrainerConfig.model_validate({**quiet, **settings})
    with tempfile.TemporaryDirectory() as folder, RunWriter.create(Path(folder), "learn", {}, {}) as writer:
        trainer = Trainer(worlds, config, writer, make_batch=make_batch)
        trainer.run()
        trainer.close()
        lines = RunDirectory(writer.path).read_metrics()
    return Learnt({learner.name: learner.network for learner in trainer.learners}, lines)


def stock(rules: Rules, *maps: str) -> list[World]:
    """Worlds of stock maps."""
    return [World(rules, cells_for(load_map(name), rules)) for name in maps]


def drawn(layout: str) -> list[World]:
    """The world of one of LAYOUTS: one goal among walls."""
    rules = games.navigation()
    return [World(rules, cells_of(LAYOUTS[layout], rules))]


# ---- Tasks of one agent


def goals(layout: str, seed: int, steps: int) -> Outcome:
    learnt = learn(drawn(layout), {"total_steps": steps, "seed": seed})
    return Outcome(share_of_optimum(learnt.network, layout), {})


def recalled(game: str, maps: tuple[str, ...], memory: str, seed: int, steps: int) -> Outcome:
    rules: Rules = games.GAMES[game]()
    worlds = stock(rules, *maps)
    own = FOUR_EPOCHS if game == "cue_recall" else {}
    settings = {**WIDE, **own, "total_steps": steps, "seed": seed, "policy": {"memory": memory}}
    learnt = learn(worlds, settings)
    first = next((line.step for line in learnt.lines if line.values.get("rollout/term/goal", 0) >= 0.95), -1)
    result = played(learnt.network, worlds, envs=2048)
    return Outcome(float(result.episodes.terms[:, 0].mean()), {"steps to 0.95": first, "return": result.mean_return})


GAMMA = 0.9
PROBE_MOVES = {way: Action(name=f"move_{way}", verb=Verb.MOVE, direction=way) for way in ("east", "west")}  # type: ignore[arg-type]


def probe(actions: tuple[str, ...], *, alive: bool = False, max_steps: int = 20) -> Rules:
    """A goal pays 1 and an altar costs 1, both end it; or every step pays 1."""
    prizes = (Term(name="coin", stat="coin.gained", weight=1.0), Term(name="heart", stat="heart.gained", weight=-1.0))
    return Rules(
        name="probe",
        window=Window(width=3, height=3),
        resources={"heart": Resource(limit=1), "coin": Resource(limit=2)},
        kinds={
            "goal": Kind(style="use", bump=True, outputs={"heart": 1, "coin": 2}),
            "altar": Kind(style="use", bump=True, outputs={"heart": 1}),
        },
        actions=tuple(PROBE_MOVES[way] for way in actions) or (Action(name="noop"),),
        rewards=(Term(name="alive", stat="steps", weight=1.0),) if alive else prizes,
        max_steps=max_steps,
        end=End(resource="heart"),
    )


PROBE = {
    "env_count": 64,
    "horizon": 16,
    "minibatch_size": 256,
    "epochs": 4,
    "learning_rate": 5e-3,
    "entropy_coefficient": 0.0,
    "gamma": GAMMA,
}


def probed(rules: Rules, maps: Mapping[str, float], action: int | None, seed: int, steps: int) -> Outcome:
    """The largest error of a value, or the least probability of the right action; maps with the right value."""
    cells = [cells_of(text, rules) for text in maps]
    learnt = learn([World(rules, each) for each in cells], {**PROBE, "total_steps": steps, "seed": seed})
    found = []
    for each, right in zip(cells, maps.values(), strict=True):
        with Batch(World(rules, each)) as batch, torch.inference_mode():
            logits, values = learnt.network(torch.from_numpy(batch.observations))
        found.append(float(logits.softmax(1)[0, action]) if action is not None else abs(float(values) - right) / right)
    return Outcome(min(found) if action is not None else max(np.abs(found)), {})


def bandit(seed: int, steps: int) -> Outcome:
    rules = masked_bandit()
    world = World(rules, cells_of(ARMS, rules))
    settings = {**PROBE, "masks": True, "entropy_coefficient": 0.001, "total_steps": steps, "seed": seed}
    learnt = learn([world], settings)
    with Batch(world) as batch, torch.inference_mode():
        masks = torch.from_numpy(batch.action_mask())
        logits, _ = learnt.network(torch.from_numpy(batch.observations))
        heads = learnt.network.heads
        chances = heads.log_probs(heads.masked(logits, masks)).exp()
    illegal = float(chances[~masks].max())
    return Outcome(BEST - played(learnt.network, world, masks=True).mean_return, {"illegal probability": illegal})


def cart_pole(seed: int, steps: int) -> Outcome:
    import gymnasium  # deferred: the other tasks need none

    from engine.training.gym_batch import gymnasium_envs

    settings = {
        "env_count": 8,
        "horizon": 128,
        "minibatch_size": 256,
        "epochs": 4,
        "learning_rate": 1e-3,
        "policy": {"shared_trunk": False},
        "total_steps": steps,
        "seed": seed,
    }
    learnt = learn([], settings, gymnasium_envs(lambda: gymnasium.make("CartPole-v1")))
    ended = [line.values for line in learnt.lines if "rollout/ep_rew_mean" in line.values][-len(learnt.lines) // 10 :]
    returns = [values["rollout/ep_rew_mean"] for values in ended]
    return Outcome(float(np.average(returns, weights=[values["rollout/episodes"] for values in ended])), {})


# ---- Tasks of several


def switches(seed: int, steps: int) -> Outcome:
    rules = games.two_switch()
    worlds = stock(rules, "two_switch")
    settings = {"env_count": 128, "entropy_coefficient": 0.02, "total_steps": steps}
    learnt = learn(worlds, {**settings, "seed": seed})
    result, sampled = (played(learnt.network, worlds, greedy=greedy) for greedy in (True, False))
    return Outcome(result.mean_return / _SWITCH_BEST, {"sampled": sampled.mean_return / _SWITCH_BEST})


_SWITCH_BEST = 1 - 0.01 * optimal_steps(cells_for(load_map("two_switch"), games.two_switch()), games.two_switch())


def small_hunt(rewards: games.RewardSet, gamma: float, seed: int, steps: int) -> Outcome:
    """The median catch step of a learnt seeker in the game whose optimum is known, hiders at random."""
    rules = small_game(rewards)
    cells = cells_of(SMALL, rules)
    settings = {
        "env_count": 64,
        "horizon": 64,
        "minibatch_size": 1024,
        "gamma": gamma,
        "normalize_rewards": True,
        "entropy_coefficient": 0.001,
        "roles": {"hider": {"play": "random"}},
        "total_steps": steps,
        "seed": seed,
    }
    learnt = learn([World(rules, cells)], settings)
    result = played({"": learnt.network, "hider": "random"}, World(rules, cells))
    endless = solved(rules, cells, gamma, endless=True)
    returns = float(result.by_env(result.episodes.episode_return).mean())
    extra = {"return": returns, "its optimum": endless.mean_return, "caught": float(result.episodes.terminated.mean())}
    return Outcome(float(np.median(result.by_env(result.episodes.length))), extra)


def hunt(rewards: games.RewardSet, hiders: str, seed: int, steps: int) -> Outcome:
    """The median step by which all are caught on the stock map."""
    rules = games.hide_and_seek(rewards)
    worlds = stock(rules, "hide_and_seek")
    hider = {"entropy_coefficient": 0.01} if hiders == "learned" else {"play": hiders}
    settings = {
        "env_count": 128,
        "horizon": 60,
        "minibatch_size": 2304,
        "gamma": 0.995,
        "normalize_rewards": True,
        "roles": {"seeker": {"entropy_coefficient": 0.001}, "hider": hider},
        "total_steps": steps,
        "seed": seed,
    }
    learnt = learn(worlds, settings)
    seats = {"hider": hiders, **learnt.networks}
    result = played(seats, worlds, envs=256)
    seen = result.term(worlds[0].spec.term_names, "sees") / rules.rewards[0].weight
    extra = {
        "return": float(result.by_env(result.episodes.episode_return).mean()),
        "all caught": float(result.episodes.terminated.mean()),
        "hiders seen a step": float((seen / result.by_env(result.episodes.length)).mean()),
    }
    return Outcome(float(np.median(result.by_env(result.episodes.length))), extra)


# ---- Stable-Baselines3 on the same simulator (training.md B5)

PEER_GAMES: dict[str, Callable[[], list[World]]] = {
    "navigation": lambda: stock(games.navigation(), "navigation_walls9"),
    "rooms": lambda: stock(games.navigation(), "navigation_rooms"),
    "maze9": lambda: drawn("maze9"),
    "t_maze": lambda: stock(games.t_maze(), "t_maze_left", "t_maze_right"),
    "two_switch": lambda: stock(games.two_switch(), "two_switch"),
    "pursuit": lambda: stock(games.pursuit(), "pursuit"),
    "arena": lambda: stock(games.arena(), "arena_basic"),
}
SAME: dict[str, Any] = {
    "horizon": 32,
    "minibatch_size": 1024,
    "epochs": 4,
    "learning_rate": 1e-3,
    "anneal": False,
    "policy": {"shared_trunk": False},
}
"""Arm 1: everything the same, and 256 rows; the network sees one-hot bytes in both."""

SAME_ROWS = 256


def peer_arm(game: str, arm: str, seed: int, steps: int) -> Outcome:
    """Mean return of ours less that of Stable-Baselines3; both play 512 episodes by their probabilities."""
    worlds = PEER_GAMES[game]()
    agents = worlds[0].rules.agents
    own = {**SAME, "env_count": SAME_ROWS // agents} if arm == "same" else _preset(agents)
    settings = {**own, "total_steps": steps, "seed": seed}
    if arm == "same":
        settings["minibatch_size"] = SAME_ROWS // agents * agents * 32 // 8
    started = time.process_time()
    ours = played(learn(worlds, settings).network, worlds).mean_return
    ours_s = time.process_time() - started
    theirs = played(_peer(worlds, arm, settings, seed, steps), worlds).mean_return
    theirs_s = time.process_time() - started - ours_s
    return Outcome(ours - theirs, {"ours": ours, "theirs": theirs, "our CPU s": ours_s, "their CPU s": theirs_s})


def _preset(agents: int) -> dict[str, Any]:
    from engine.training.presets import preset_settings  # deferred: like the peer's own defaults, for this arm alone

    return preset_settings("small", agents)


def _peer(
    worlds: list[World], arm: str, settings: Mapping[str, Any], seed: int, steps: int
) -> Callable[[np.ndarray], np.ndarray]:
    """A trained PPO of Stable-Baselines3. Arm `defaults` is its own, on 8 envs, as its documentation has it."""
    from one_hot import one_hot_of
    from stable_baselines3 import PPO  # deferred: the other tasks need none

    from engine.sim.adapters.sb3_vec_env import GridworldVecEnv

    torch.set_num_threads(1)
    agents = worlds[0].rules.agents
    if arm == "defaults":
        model = PPO("MlpPolicy", GridworldVecEnv(worlds, 8), seed=seed, device="cpu")
    else:
        model = PPO(
            "MlpPolicy",
            GridworldVecEnv(worlds, SAME_ROWS // agents),
            n_steps=settings["horizon"],
            batch_size=settings["minibatch_size"],
            n_epochs=settings["epochs"],
            learning_rate=settings["learning_rate"],
            ent_coef=0.01,
            policy_kwargs={
                "activation_fn": torch.nn.ReLU,
                "net_arch": [64, 64],
                "features_extractor_class": one_hot_of(worlds[0]),
            },
            seed=seed,
            device="cpu",
        )
    model.learn(steps)
    return lambda seen: model.predict(seen, deterministic=False)[0].astype(np.int32)


# ---- The list

INF = float("inf")
T_MAZE = ("t_maze", ("t_maze_left", "t_maze_right"))
T_MAZE_20 = ("t_maze", ("t_maze_20_left", "t_maze_20_right"))
CUES = ("cue_recall", tuple(f"cue_recall_{colour}_{side}" for colour in ("red", "blue") for side in ("left", "right")))
RIGHT = "share of episodes that end at the goal"
CATCH = "median step of the last catch (240: none by then)"
BETTER = "mean return less that of Stable-Baselines3"
VALUE = "largest relative error of a value"
CHANCE = "least probability of the right action"
ENDLESS = (1 - GAMMA**10) / (1 - GAMMA)


def tasks() -> list[Task]:
    return [
        *(
            Task(
                f"goals_{layout}",
                "greedy return over value iteration's optimum",
                1.0,
                0.99,
                INF,
                BUDGET,
                5,
                partial(goals, layout),
            )
            for layout in LAYOUTS
        ),
        _probe_task("probe_constant", VALUE, probe(("east",)), {"@*": 1.0}),
        _probe_task("probe_observation", VALUE, probe(("east",)), {"@*": 1.0, "@_": -1.0}),
        _probe_task("probe_delay", VALUE, probe(("east",)), {"@.*": GAMMA}),
        _probe_task("probe_action", CHANCE, probe(("west", "east")), {"_@*": 1.0}, action=1),
        _probe_task(
            "twin_truncated", VALUE, probe((), alive=True, max_steps=10), {"@.": 1 / (1 - GAMMA)}, steps=200_000
        ),
        _probe_task("twin_terminated", VALUE, probe(("east",), alive=True), {"@.........*": ENDLESS}, steps=200_000),
        Task("masked_bandit", "regret", 0.0, 0.0, 0.01, 60_000, 3, bandit),
        Task("t_maze_none", RIGHT, 0.5, 0.47, 0.53, 400_000, 3, partial(recalled, *T_MAZE, "none")),
        Task("t_maze_lstm", RIGHT, 1.0, 0.95, INF, 400_000, 3, partial(recalled, *T_MAZE, "lstm")),
        Task("t_maze_mingru", RIGHT, 1.0, 0.95, INF, 400_000, 3, partial(recalled, *T_MAZE, "mingru")),
        Task("t_maze_20_lstm", RIGHT, 1.0, 0.95, INF, 1_200_000, 3, partial(recalled, *T_MAZE_20, "lstm")),
        Task("t_maze_20_mingru", RIGHT, 1.0, 0.95, INF, 1_200_000, 3, partial(recalled, *T_MAZE_20, "mingru")),
        Task("cue_recall_none", RIGHT, 0.5, 0.47, 0.53, 2_000_000, 3, partial(recalled, *CUES, "none")),
        Task("cue_recall_lstm", RIGHT, 1.0, 0.95, INF, 2_000_000, 3, partial(recalled, *CUES, "lstm")),
        Task("cue_recall_mingru", RIGHT, 1.0, 0.95, INF, 2_000_000, 3, partial(recalled, *CUES, "mingru")),
        Task("two_switch", "greedy return over the joint optimum", 1.0, 0.99, INF, 1_000_000, 3, switches),
        Task("cart_pole", "mean return of the last tenth of the run", 500.0, 484.0, INF, 500_000, 3, cart_pole),
        *_hunts(),
        *(
            Task(f"sb3_{arm}_{game}", BETTER, 0.0, low, INF, 200_000, 3, partial(peer_arm, game, arm))
            for arm, low in (("same", -INF), ("defaults", 0.0))
            for game in PEER_GAMES
        ),
    ]


def _probe_task(
    name: str, what: str, rules: Rules, maps: Mapping[str, float], *, action: int | None = None, steps: int = 60_000
) -> Task:
    low, high = (0.95, INF) if action is not None else (0.0, 0.02)
    oracle = 1.0 if action is not None else 0.0
    return Task(name, what, oracle, low, high, steps, 3, partial(probed, rules, maps, action))


def _hunts() -> list[Task]:
    """Small ones with their exact optimum, played as the learner sees the clock: as no end. Then the stock map."""
    found = []
    lines: list[tuple[games.RewardSet, float, float]] = [("hs_broken", 0.7 * 240, INF), ("hs_fixed", 0.0, 0.2 * 240)]
    for rewards, low, high in lines:
        rules = small_game(rewards)
        best = solved(rules, cells_of(SMALL, rules), 0.998, endless=True).median_catch
        run = partial(small_hunt, rewards, 0.998)
        found.append(Task(f"{rewards}_small", CATCH, best, low, high, 1_000_000, 5, run))
    for hiders in ("goal-seeker", "noop", "learned"):
        found += [
            Task(f"{rewards}_{hiders}", CATCH, float("nan"), low, high, 8_000_000, 5, partial(hunt, rewards, hiders))
            for rewards, low, high in lines
        ]
    return found


# ---- Running


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [task.name for task in tasks()]
    parser.add_argument("--only", action="append", metavar="TASK", help=f"one of {', '.join(names)}, or how they begin")
    parser.add_argument("--seeds", type=int, help="how many, from 0 on; else as many as the task asks for")
    parser.add_argument("--steps", type=int, help="agent steps of a run, in place of the task's own")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    options = parser.parse_args()
    chosen = [task for task in tasks() if not options.only or task.name.startswith(tuple(options.only))]
    if not chosen:
        parser.error(f"no task begins like that; there are {', '.join(names)}")
    torch.set_num_threads(1)
    for task in chosen:
        measure(task, options.seeds or task.seeds, options.steps or task.steps, options.json)
    if not options.json:
        print(json.dumps(machine.machine()))
    return 0


def measure(task: Task, seeds: int, steps: int, as_json: bool) -> None:
    """Run a task with each seed and print what came of it."""
    outcomes, seconds = [], []
    for seed in range(seeds):
        started = time.process_time()
        outcomes.append(task.run(seed, steps))
        seconds.append(time.process_time() - started)
    scores = [outcome.score for outcome in outcomes]
    passed = sum(task.low <= score <= task.high for score in scores)
    if as_json:
        record = {
            "name": task.name,
            "what": task.what,
            "oracle": task.oracle,
            "steps": steps,
            "cpu_s": statistics.median(seconds),
            "passed": passed,
            "outcomes": [asdict(outcome) for outcome in outcomes],
            "machine": machine.machine(),
        }
        print(json.dumps(record), flush=True)
        return
    spread = f"{statistics.median(scores):9.4g} ({min(scores):.4g} .. {max(scores):.4g})"
    extra = "; ".join(
        f"{name} {' '.join(f'{outcome.extra[name]:.4g}' for outcome in outcomes)}" for name in outcomes[0].extra
    )
    print(
        f"{task.name:<24} {spread:<30} oracle {task.oracle:<8.4g} passed {passed}/{seeds}  {steps:,} steps,"
        f" {statistics.median(seconds):.0f} CPU s   {task.what}{'; ' + extra if extra else ''}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())

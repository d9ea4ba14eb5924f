"""Agent-steps a second beside other gridworlds, in one run on one machine.

    python benchmarks/peers.py [--json] [--seconds 0.5] [--repeats 7] [--only NAME] [--peers-python PATH]

Every case runs in a process of its own on one thread, all started first and then measured in turn, round after round,
so that a slow minute of the machine is everybody's. A step takes random actions that were drawn beforehand and begins
a new episode where one ended. Each peer is stepped through the fastest door it offers.

Peers come with `pip install 'gridrl-tui[bench-peers]'`; `--peers-python` is the interpreter that has them, where that
is another (repeat it: the first that can run a peer does). A peer that is not there is a row that says why.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # run from anywhere, installed or not

import numpy as np
from machine import figure, machine

ACTION_SETS = 64  # different sets of actions, used in turn


@dataclass(frozen=True)
class Subject:
    """Something that steps: `step(number)` takes the actions of that set; a row is one agent."""

    step: Callable[[int], object]
    rows: int
    observation_bytes: int


@dataclass(frozen=True)
class Case:
    name: str
    package: str
    what: str
    """What one step does."""
    make: Callable[[], Subject]
    beside: tuple[str, ...] = ()
    """Our cases that come nearest: the batch, then the same interface if we have it."""
    absent: str = "pip install 'gridrl-tui[bench-peers]'"
    """What to do where the package is not there."""


def choices(actions: int, rows: int) -> Any:
    """(ACTION_SETS, rows) int32"""
    return np.random.default_rng(1).integers(0, actions, (ACTION_SETS, rows), np.int32)


# ---- Ours: imported only where they run, as a peer's interpreter need not have them


def our_batch(game: str, game_map: str, envs: int, **changes: Any) -> Subject:
    from engine.sim import Batch

    batch = Batch(our_world(game, game_map, **changes), envs, seed=1)
    sets, actions = choices(len(batch.spec.action_names), batch.rows), np.zeros(batch.rows, np.int32)
    advance = batch.bind(
        observations=batch.observations,
        actions=actions,
        rewards=batch.rewards,
        terminated=batch.terminated,
        truncated=batch.truncated,
        final_observations=batch.final_observations,
    )

    def step(number: int) -> None:
        actions[:] = sets[number]
        advance()

    return Subject(step, batch.rows, batch.spec.observation_size)


def our_world(game: str, game_map: str, **changes: Any) -> Any:
    from engine.maps import cells_for, load_map
    from engine.sim import World, games

    rules = games.GAMES[game](**changes.pop("arguments", {})).model_copy(update=changes)
    return World(rules, cells_for(load_map(game_map), rules))


def our_tokens(envs: int) -> Subject:
    from engine.sim import Encoding

    changes = {"encoding": Encoding.TOKENS, "tokens": 200, "spawn_anywhere": True}
    return our_batch("arena", "arena_basic", envs, arguments={"agents": 24, "groups": 4}, **changes)


def our_gymnasium() -> Subject:
    from engine.sim.adapters.gymnasium_env import GridworldEnv

    return single_env(GridworldEnv(our_world("navigation", "navigation_walls9")))


def our_pettingzoo() -> Subject:
    from engine.sim.adapters.parallel_env import GridworldParallelEnv

    return parallel_env(GridworldParallelEnv(our_world("pursuit", "pursuit")))


# ---- Peers


def minigrid() -> Subject:
    import gymnasium
    import minigrid  # noqa: F401  # registers its games

    return single_env(gymnasium.make("MiniGrid-FourRooms-v0").unwrapped)


def nethack() -> Subject:
    import gymnasium
    import nle  # noqa: F401  # registers its games

    return single_env(gymnasium.make("NetHackScore-v0", observation_keys=("glyphs", "blstats")).unwrapped)


def pettingzoo_pursuit() -> Subject:
    from pettingzoo.sisl import pursuit_v5

    return parallel_env(pursuit_v5.parallel_env())


def mettagrid(agents: int = 24) -> Subject:
    from mettagrid.builder.envs import make_arena
    from mettagrid.simulator.simulator import Simulation

    config = make_arena(agents)
    config.game.obs.width = config.game.obs.height = 11
    config.game.obs.num_tokens = 200
    simulation = Simulation(config, seed=1)
    inner = simulation._c_sim  # below its Python: one call into C++ a step, as ours is one into C
    sets, actions = choices(len(simulation.action_names), agents), inner.actions()
    assert inner.max_steps >= 10_000  # an end every 10,000 steps is not worth its second of rebuilding

    def step(number: int) -> None:
        actions[:] = sets[number]
        inner.step()

    return Subject(step, agents, inner.observations()[0].nbytes)


def pufferlib_grid(envs: int = 1024) -> Subject:
    from pufferlib.ocean.environment import env_creator

    env = env_creator("puffer_grid")(num_envs=envs)
    env.reset(seed=1)
    sets = choices(env.single_action_space.n, env.num_agents)
    return Subject(lambda number: env.step(sets[number]), env.num_agents, env.observations[0].nbytes)


def single_env(env: Any) -> Subject:
    """A gymnasium.Env, reset where it ends."""
    observation, _ = env.reset(seed=1)
    actions = choices(int(env.action_space.n), 1)[:, 0]

    def step(number: int) -> None:
        _, _, terminated, truncated, _ = env.step(actions[number])
        if terminated or truncated:
            env.reset()

    return Subject(step, 1, bytes_of(observation))


def parallel_env(env: Any) -> Subject:
    """A pettingzoo.ParallelEnv, reset where nobody is left."""
    observations, _ = env.reset(seed=1)
    agents = list(env.agents)
    sets = choices(int(env.action_space(agents[0]).n), len(agents))
    named = [{agent: int(action) for agent, action in zip(agents, actions, strict=True)} for actions in sets]

    def step(number: int) -> None:
        env.step(named[number])
        if not env.agents:
            env.reset()

    return Subject(step, len(agents), bytes_of(observations[agents[0]]))


def bytes_of(observation: Any) -> int:
    """Bytes of the arrays in an observation; words and single numbers beside them count nothing."""
    parts = observation.values() if isinstance(observation, dict) else (observation,)
    return sum(part.nbytes for part in parts if isinstance(part, np.ndarray))


NAVIGATION = "walks on 9 x 9 cells; 11 x 11 window"
ARENA = "6 agents gather, convert and use on 25 x 25 cells; 11 x 11 window, 3 planes"
TOKENS = "24 agents in the same arena; 200 tokens of 3 bytes"
PURSUIT = "3 predators and a prey; 13 x 13 window, 3 planes"


def ours(name: str, what: str, make: Callable[[int], Subject], *envs: int) -> list[Case]:
    """One case for each size of batch."""
    return [
        Case(f"{name}_{count}", "gridrl-tui", f"{what}; {count:,} envs a call", partial(make, count)) for count in envs
    ]


CASES = (
    *ours("navigation", NAVIGATION, partial(our_batch, "navigation", "navigation_walls9"), 64, 1024),
    *ours("arena", ARENA, partial(our_batch, "arena", "arena_basic"), 64, 1024),
    *ours("arena_tokens", TOKENS, our_tokens, 1, 64, 1024),
    *ours("pursuit", PURSUIT, partial(our_batch, "pursuit", "pursuit"), 64),
    Case("navigation_gymnasium", "gridrl-tui", f"{NAVIGATION}; one gymnasium.Env", our_gymnasium),
    Case("pursuit_pettingzoo", "gridrl-tui", f"{PURSUIT}; one ParallelEnv", our_pettingzoo),
    Case(
        "minigrid",
        "minigrid",
        "FourRooms: turns and walks on 19 x 19 cells; 7 x 7 window, 3 planes, line of sight; one gymnasium.Env",
        minigrid,
        ("navigation_64", "navigation_gymnasium"),
    ),
    Case(
        "pettingzoo_pursuit",
        "pettingzoo",
        "sisl pursuit: 8 pursuers, 30 evaders on 16 x 16 cells; 7 x 7 window, 3 planes of float32; one ParallelEnv",
        pettingzoo_pursuit,
        ("pursuit_64", "pursuit_pettingzoo"),
    ),
    Case(
        "nle",
        "nle",
        "NetHack: a turn of the whole game; 21 x 79 glyphs and blstats; one gymnasium.Env",
        nethack,
        ("navigation_64", "navigation_gymnasium"),
    ),
    Case(
        "mettagrid",
        "mettagrid",
        "its arena: 24 agents walk on 37 x 37 cells; 11 x 11 window, 200 tokens of 3 bytes; one env, C++ alone",
        mettagrid,
        ("arena_tokens_64", "arena_tokens_1"),
    ),
    Case(
        "pufferlib_grid",
        "pufferlib",
        "Ocean's grid: a maze, 11 x 11 window; 1,024 envs a call",
        pufferlib_grid,
        ("navigation_1024",),
        absent="its build fetches raylib: install it on its own where that can be had, and use --peers-python",
    ),
)


# ---- One case, in a process of its own


def serve(name: str, span: float) -> None:
    """Say what the case is, then answer every line of stdin with one sample; JSON both."""
    case = next(case for case in CASES if case.name == name)
    out = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):  # some packages greet
        subject = case.make()
        steps = steps_in(subject, span)
    hello = {"rows": subject.rows, "observation_bytes": subject.observation_bytes, "steps_per_repeat": steps}
    say(out, {**hello, "version": package_version(case.package)})
    for _ in sys.stdin:
        wall, cpu = clocked(subject, steps)
        agent_steps = subject.rows * steps
        say(out, {"wall": agent_steps / wall, "cpu": agent_steps / cpu})


def say(out: IO[str], record: dict[str, Any]) -> None:
    print(json.dumps(record), file=out, flush=True)


def clocked(subject: Subject, steps: int) -> tuple[float, float]:
    """Wall and CPU seconds of so many steps."""
    wall, cpu = time.perf_counter(), time.process_time()
    for number in range(steps):
        subject.step(number % ACTION_SETS)
    return time.perf_counter() - wall, time.process_time() - cpu


def steps_in(subject: Subject, span: float) -> int:
    """How many steps take about `span` seconds; running them warms the caches up as well."""
    steps = 16
    while (taken := clocked(subject, steps)[0]) < span / 4:
        steps *= 2
    return max(1, int(steps * span / taken))


def package_version(package: str) -> str:
    if package != "gridrl-tui":
        return version(package)
    from engine.sim import ENGINE_VERSION

    return f"engine {ENGINE_VERSION}"


# ---- All cases


@dataclass
class Run:
    """One case's process and what it said so far."""

    case: Case
    process: subprocess.Popen[str] | None
    hello: dict[str, Any]
    reason: str
    samples: list[dict[str, float]]

    def sample(self) -> None:
        if self.process is None or self.process.stdin is None or self.process.stdout is None:
            return
        try:
            print("go", file=self.process.stdin, flush=True)
            self.samples.append(json.loads(self.process.stdout.readline()))
        except (OSError, ValueError):
            self.process.kill()
            self.process, self.reason = None, "ended in the middle of a measurement"

    def end(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
            self.process.wait()


def start(case: Case, pythons: Sequence[str], span: float) -> Run:
    """The case's process once it is ready, or the reason why there is none."""
    reason = ""
    for python in pythons:
        command = [python, __file__, "--serve", case.name, "--seconds", str(span)]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        assert process.stdout is not None
        line = process.stdout.readline()
        if line:
            return Run(case, process, json.loads(line), "", [])
        reason = (process.communicate()[1].strip().splitlines() or ["it said nothing"])[-1]
    if reason.startswith("ModuleNotFoundError"):
        reason = f"{reason} ({case.absent})"
    return Run(case, None, {}, reason, [])


def record_of(run: Run, medians: dict[str, float]) -> dict[str, Any]:
    """One row: a figure, with the peer's version and how many times faster the nearest of ours are."""
    named = {"package": run.case.package, "what": run.case.what}
    if not run.samples:
        return {"name": run.case.name, "reason": run.reason, **named}
    configuration = {**named, **run.hello}
    one = figure(run.case.name, "agent-steps/s", configuration, [sample["wall"] for sample in run.samples])
    record: dict[str, Any] = json.loads(one.as_json())
    record["cpu_median"] = float(np.median([sample["cpu"] for sample in run.samples]))
    record["ours_is_times"] = {
        name: medians[name] / medians[run.case.name] for name in run.case.beside if name in medians
    }
    return record


def as_text(record: dict[str, Any]) -> str:
    if "reason" in record:
        return f"{record['name']:<22} not measured: {record['reason']}"
    of = record["configuration"]
    times = "".join(f"; {name} is {times:,.1f} times that" for name, times in record["ours_is_times"].items())
    return (
        f"{record['name']:<22} {record['median']:>14,.0f} agent-steps/s ({record['min']:,.0f} .. {record['max']:,.0f}),"
        f" {record['cpu_median']:,.0f} per CPU second; {of['observation_bytes']:,} bytes each{times}\n"
        f"{'':<22} {of['package']} {of['version']}: {of['what']}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--seconds", type=float, default=0.5, help="length of one repeat")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--only", action="append", choices=[case.name for case in CASES], help="measure this case")
    parser.add_argument("--peers-python", action="append", default=[], help="an interpreter that has peers")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.seconds)
        return

    cases = [case for case in CASES if options.only is None or case.name in options.only]
    runs = []
    for case in cases:
        pythons = [sys.executable] if case.package == "gridrl-tui" else [sys.executable, *options.peers_python]
        runs.append(start(case, pythons, options.seconds))
    for _ in range(options.repeats):
        for run in runs:
            run.sample()
    for run in runs:
        run.end()

    medians = {
        run.case.name: float(np.median([sample["wall"] for sample in run.samples])) for run in runs if run.samples
    }
    for run in runs:
        record = record_of(run, medians)
        print(json.dumps(record, sort_keys=True) if options.json else as_text(record), flush=True)
    if not options.json:
        of = machine()
        print(f"\n{of['cpu']}, {of['cores']} cores, load {of['load']}, {of['system']}, Python {of['python']}")


if __name__ == "__main__":
    main()

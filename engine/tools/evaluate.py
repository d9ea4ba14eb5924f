"""`gridrl evaluate`: every policy plays every simulation, with the same seeds, and a table says how well. Main thread.

Episode k is the first one of a batch with the seed `seed + k`, and the policy that plays it draws its random numbers
from that seed, too. Many are played side by side, each env moved into the batch as it starts alone; so an episode is
the same whatever is played beside it, and each counts once, however short it is.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import GridrlError
from engine.policies.registry import Policy, take_step
from engine.policies.streams import Seeds
from engine.recipes import EvaluateConfig, Resolution, worlds_of
from engine.recipes.overrides import shortened
from engine.runs.files import replace_file, to_json
from engine.sim import Batch, Episodes, World
from engine.training.checks import can_terminate

from .outputs import output_path
from .policies import Player, find_players
from .text import GAP, count, line, note, number, padded, printable

LANES: Final = 32
"""Envs side by side: more of them gain little, and the last ones wait for the slowest."""

_MAX_ROWS: Final = 4096  # agents in all lanes: what a policy works on at once stays within a few hundred MB
_SUFFIX: Final = ".json"
_FORMAT: Final = 1

Maker = Callable[[Seeds], Policy]


@dataclass(frozen=True)
class Outcome:
    """What a policy's episodes in one world came to: an entry for each episode, the mean over its agents."""

    returns: NDArray[np.float64]  # (episodes,)
    lengths: NDArray[np.float64]  # (episodes,) steps
    ended: NDArray[np.float64]  # (episodes,) 1 where the rules ended it, 0 where the clock did
    terms: NDArray[np.float64]  # (episodes, terms)


@dataclass(frozen=True)
class _Pair:
    """One line of the table: who plays, and where."""

    player: Player
    maker: Maker
    simulation: str
    worlds: list[World]


def run(resolution: Resolution) -> int:
    config = resolution.config
    assert isinstance(config, EvaluateConfig)
    path = None if config.output is None else output_path("output", config.output, _SUFFIX)
    pairs = list(_pairs(config))
    table = _Table(pairs)
    line(table.header())
    results = []
    for pair in pairs:
        outcome = play_episodes(pair.worlds, pair.maker, config.seed, config.episodes)
        line(table.row(pair, outcome))
        results.append(_record(pair, outcome))
    last = config.seed + config.episodes - 1
    note(f"seeds {config.seed} to {last}, the same for every policy; +-95%: of the mean over episodes, Student's t")
    if path is not None:
        head = {"v": _FORMAT, "recipe": resolution.recipe.name, "seed": config.seed, "episodes": config.episodes}
        replace_file(Path(os.path.realpath(path)), to_json({**head, "results": results}, indent=1) + b"\n")
        note(f"results in {printable(path)}")
    return 0


def _pairs(config: EvaluateConfig) -> Iterator[_Pair]:
    """Everything is found, loaded and tried before anything is played."""
    players = find_players(config.policies)
    for name, simulation in config.worlds.items():
        with _told(f"simulation {name}"):
            worlds = worlds_of(simulation)
        for player in players:
            with _told(f"{shortened(player.name)} in simulation {name}"):
                maker = player.maker(worlds[0])
            yield _Pair(player, maker, name, worlds)


@contextmanager
def _told(where: str) -> Iterator[None]:
    """Put the place before what is wrong."""
    try:
        yield
    except GridrlError as error:
        error.message = f"{where}: {error.message}"
        raise


# ---- Playing


def play_episodes(worlds: Sequence[World], maker: Maker, seed: int, episodes: int, lanes: int | None = None) -> Outcome:
    """Play episodes 0 .. episodes - 1 of a seed.

    Args:
        worlds: of one game; each episode is played on one of them.
        maker: gives a policy for one seed, or for one of each env.
        lanes: envs side by side; a network's sums may round differently with their number, nothing else does.
    """
    spec = worlds[0].spec
    lanes = lanes or max(1, min(LANES, _MAX_ROWS // spec.agent_count))
    played = np.zeros((episodes, spec.agent_count, 3 + len(spec.term_names)))
    with Batch(worlds, lanes, episode_capacity=lanes * spec.agent_count) as batch, Batch(worlds) as lone:
        for first in range(0, episodes, lanes):
            _play_side_by_side(batch, lone, maker, seed + first, played[first : first + lanes])
    means = played.mean(axis=1)
    return Outcome(means[:, 0], means[:, 1], means[:, 2], means[:, 3:])


def _play_side_by_side(batch: Batch, lone: Batch, maker: Maker, seed: int, out: NDArray[np.float64]) -> None:
    """Play one episode in each env.

    Args:
        lone: of one env of the same worlds; where each episode starts.
        out: (wanted, agents, figures); where fewer are wanted than there are envs, the others play for nothing, so
            that a network always computes with as many rows.
    """
    seeds = [seed + lane for lane in range(batch.env_count)]
    for lane, each in enumerate(seeds):
        lone.reset(each)
        batch.load(lone.save(), first=lane, count=1)
        batch.observations[lane * lone.rows : (lane + 1) * lone.rows] = lone.observations
    policy = maker(seeds)
    waiting = np.arange(batch.env_count) < len(out)  # (envs,)
    while waiting.any():
        take_step(policy, batch)
        if batch.terminated.any() or batch.truncated.any():
            episodes = batch.drain_episodes()
            _write_first(episodes, waiting, out)
            waiting[episodes.env] = False


def _write_first(episodes: Episodes, waiting: NDArray[np.bool_], out: NDArray[np.float64]) -> None:
    """The first episode of each env counts; what it plays while it waits for the others does not."""
    new = waiting[episodes.env]
    env, agent = episodes.env[new], episodes.agent[new]
    out[env, agent, 0] = episodes.episode_return[new]
    out[env, agent, 1] = episodes.length[new]
    out[env, agent, 2] = episodes.terminated[new]
    out[env, agent, 3:] = episodes.terms[new]


# ---- The interval

# 97.5 % quantiles of Student's t for 1 to 30 degrees of freedom
_QUANTILES: Final = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
_NORMAL: Final = 1.959964


def half_width(values: NDArray[np.float64]) -> float | None:
    """Half of the 95 % confidence interval of the mean: t * s / sqrt(n). None for one value alone."""
    if len(values) < 2:
        return None
    return _quantile(len(values) - 1) * float(values.std(ddof=1)) / math.sqrt(len(values))


def _quantile(freedom: int) -> float:
    if freedom <= len(_QUANTILES):
        return _QUANTILES[freedom - 1]
    z = _NORMAL  # the first terms of the expansion in 1 / freedom: to three decimals from here on
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)


# ---- The table


class _Table:
    """One line for each policy in each simulation; reward terms of all games side by side."""

    def __init__(self, pairs: Sequence[_Pair]) -> None:
        self._terms = list(dict.fromkeys(name for pair in pairs for name in pair.worlds[0].spec.term_names))
        names = ("simulation", "policy", "episodes", "return", "+-95%", "success", "length", *self._terms)
        texts = [("simulation", *(pair.simulation for pair in pairs)), ("policy", *(p.player.name for p in pairs))]
        self._names = names
        self._widths = [max(len(printable(text)) for text in column) for column in texts]
        self._widths += [max(len(name), 8) for name in names[2:]]

    def header(self) -> str:
        return self._line(self._names)

    def row(self, pair: _Pair, outcome: Outcome) -> str:
        terms = dict(zip(pair.worlds[0].spec.term_names, outcome.terms.mean(axis=0).tolist(), strict=True))
        success = f"{outcome.ended.mean():.0%}" if can_terminate(pair.worlds[0].rules) else number(None)
        figures = [number(float(outcome.returns.mean())), number(half_width(outcome.returns)), success]
        figures += [number(float(outcome.lengths.mean()), 1), *(number(terms.get(name)) for name in self._terms)]
        return self._line([pair.simulation, pair.player.name, count(len(outcome.returns)), *figures])

    def _line(self, cells: Sequence[str]) -> str:
        pairs = zip(cells, self._widths, strict=True)
        return GAP.join(padded(printable(cell), width, right=index > 1) for index, (cell, width) in enumerate(pairs))


def _record(pair: _Pair, outcome: Outcome) -> dict[str, Any]:
    """A line of the table as JSON, with every episode's return, so that policies can be compared seed by seed."""
    return {
        "simulation": pair.simulation,
        "policy": pair.player.name,
        "return": {"mean": float(outcome.returns.mean()), "half_width": half_width(outcome.returns)},
        "success": float(outcome.ended.mean()) if can_terminate(pair.worlds[0].rules) else None,
        "length": float(outcome.lengths.mean()),
        "terms": dict(zip(pair.worlds[0].spec.term_names, outcome.terms.mean(axis=0).tolist(), strict=True)),
        "returns": outcome.returns.tolist(),
    }

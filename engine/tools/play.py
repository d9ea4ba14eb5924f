"""`gridrl play`: a policy plays episodes on a recipe's map, and a table says how it went. Main thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import numpy as np

from engine.maps import cells_for
from engine.policies.registry import Policy, take_step
from engine.recipes import PlayConfig, Resolution, WorldConfig, maps_of, worlds_of
from engine.replays.drawing import drawn
from engine.runs.recordings import save_recording
from engine.sim import Batch, EnvView, Episodes, RecordedMap, Recorder, Spec

from .outputs import recording_path
from .policies import find_player
from .text import GAP, count, line, note, number, padded, printable


def run(resolution: Resolution) -> int:
    config = resolution.config
    assert isinstance(config, PlayConfig)
    path = None if config.record is None else recording_path(config.record)
    player = find_player(config.policy)
    worlds = worlds_of(config)
    policy = player.maker(worlds[0])(config.seed)
    table = _Table(worlds[0].spec)
    with closing(Batch(worlds, seed=config.seed)) as batch:
        recorder = recorder_of(batch, config, config.seed) if path is not None else None
        line(table.header())
        for episodes in _played(batch, policy, config, recorder):
            for text in table.lines(episodes):
                line(text)
            if path is not None and recorder is not None:
                save_recording(path, recorder.recording())
                note(f"recorded episode 0 in {printable(path)}")
                recorder = None
    line(table.means())
    return 0


def recorder_of(batch: Batch, config: WorldConfig, seed: int) -> Recorder:
    """A recorder of a batch of one env that was made from a configuration, with its worlds in their order."""
    maps = [RecordedMap(each.name, cells_for(each, config.rules)) for each in maps_of(config)]
    return Recorder(batch, maps, seed)


def _played(batch: Batch, policy: Policy, config: PlayConfig, recorder: Recorder | None) -> Iterator[Episodes]:
    """Play one env, episode after episode; yields the agents' records as each ends."""
    for _ in range(config.episodes):
        while True:
            if config.render:
                _draw(batch.look(), batch.spec)
            actions = take_step(policy, batch)
            if recorder is not None and not recorder.ended:
                recorder.record(actions)
            if batch.terminated.any() or batch.truncated.any():
                yield batch.drain_episodes()
                break


def _draw(view: EnvView, spec: Spec) -> None:
    line(f"episode {view.episode}, step {view.tick}")
    for row in drawn(view, spec):
        line(row)
    line()


class _Table:
    """One line for each agent-episode, and a last one with their means."""

    def __init__(self, spec: Spec) -> None:
        self._names = ("episode", "agent", "return", "length", "end", *spec.term_names)
        self._widths = [max(len(name), 10 if name == "end" else 8) for name in self._names]
        self._episodes = 0
        self._figures: list[list[float]] = []  # return, length, terminated, terms of each line

    def header(self) -> str:
        return self._line(self._names)

    def lines(self, episodes: Episodes) -> Iterator[str]:
        for index in range(len(episodes)):
            terms = [float(value) for value in episodes.terms[index]]
            total, length = float(episodes.episode_return[index]), int(episodes.length[index])
            ended = bool(episodes.terminated[index])
            self._figures.append([total, length, ended, *terms])
            end = "terminated" if ended else "truncated"
            yield self._line(
                [
                    str(self._episodes),
                    str(episodes.agent[index]),
                    number(total),
                    count(length),
                    end,
                    *map(number, terms),
                ]
            )
        self._episodes += 1

    def means(self) -> str:
        total, length, ended, *terms = np.mean(self._figures, axis=0).tolist()
        return self._line(["mean", "", number(total), number(length, 1), f"{ended:.0%} term.", *map(number, terms)])

    def _line(self, cells: list[str] | tuple[str, ...]) -> str:
        pairs = zip(cells, self._widths, strict=True)
        return GAP.join(padded(printable(cell), width, right=True) for cell, width in pairs)

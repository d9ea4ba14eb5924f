"""`gridrl play`: a policy plays episodes on a recipe's map, and a table says how it went. Main thread."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from engine.errors import UsageError
from engine.maps import cells_for
from engine.policies.registry import TRAINED, Policy, create_policy, policy_names
from engine.recipes import RecipeConfig, maps_of, resolve, worlds_of
from engine.runs import check_run_name, list_runs, runs_root
from engine.runs.recordings import SUFFIX, save_recording
from engine.sim import Batch, EnvView, Episodes, RecordedMap, Recorder, Spec, World

from .arguments import MAX_SEED, add_recipe, whole_number
from .drawing import drawn
from .text import GAP, count, line, note, number, padded, printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    scripted = ", ".join(name for name in policy_names() if name != TRAINED)
    add_recipe(parser)
    parser.add_argument(
        "--policy", default="simple", metavar="POLICY", help=f"{scripted}, or a run's name (also trained:RUN); simple"
    )
    number_of = whole_number(1, 1_000_000)
    parser.add_argument("--episodes", type=number_of, default=5, metavar="N", help="how many to play; 5")
    seed = whole_number(0, MAX_SEED)
    parser.add_argument("--seed", type=seed, default=None, metavar="N", help="of starts and choices; trainer.seed")
    parser.add_argument("--render", action="store_true", help="draw every step in text")
    words = f"keep the first episode for gridrl replay in this {SUFFIX}"
    parser.add_argument("--record", type=_recording_path, metavar="FILE", help=words)


def _recording_path(text: str) -> Path:
    """Checked before anything is played. The ending keeps a map or a note from being written over by mistake."""
    path = Path(text)
    if path.suffix != SUFFIX:
        raise argparse.ArgumentTypeError(f"takes a file name that ends in {SUFFIX}, not {text[:80]!r}")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no directory {str(path.parent)[:80]!r}")
    return path


def run(arguments: argparse.Namespace) -> int:
    config = resolve(arguments.recipe, arguments.settings)
    seed = config.trainer.seed if arguments.seed is None else arguments.seed
    worlds = worlds_of(config)
    policy = _policy(arguments.policy, worlds[0], seed)
    table = _Table(worlds[0].spec)
    with closing(Batch(worlds, seed=seed)) as batch:
        recorder = _recorder(batch, config, seed) if arguments.record else None
        line(table.header())
        for episodes in _played(batch, policy, arguments, recorder):
            for text in table.lines(episodes):
                line(text)
            if recorder is not None:
                save_recording(arguments.record, recorder.recording())
                note(f"recorded episode 0 in {printable(arguments.record)}")
                recorder = None
    line(table.means())
    return 0


def _recorder(batch: Batch, config: RecipeConfig, seed: int) -> Recorder:
    maps = [RecordedMap(each.name, cells_for(each, config.rules)) for each in maps_of(config)]
    return Recorder(batch, maps, seed)


def _policy(name: str, world: World, seed: int) -> Policy:
    """A scripted policy by its name; everything else is a run, whose newest checkpoint plays."""
    prefix = f"{TRAINED}:"
    if name in policy_names() and name != TRAINED:
        return create_policy(name, world.rules, world.spec, seed=seed)
    checkpoint = _newest_checkpoint(name.removeprefix(prefix))
    return create_policy(TRAINED, world.rules, world.spec, seed=seed, checkpoint=checkpoint)


def _newest_checkpoint(run_id: str) -> Path:
    known = {directory.run_id: directory for directory in list_runs(runs_root())}
    if check_run_name(run_id) not in known:
        raise UsageError(
            f"no policy and no run is called {run_id!r}",
            hint=f"policies are {', '.join(policy_names())}; gridrl runs lists the runs",
        )
    checkpoint = known[run_id].latest_checkpoint()
    if checkpoint is None:
        raise UsageError(f"run {run_id} has no checkpoint yet", hint="it saves one when it ends")
    return checkpoint


def _played(
    batch: Batch, policy: Policy, arguments: argparse.Namespace, recorder: Recorder | None
) -> Iterator[Episodes]:
    """Play one env, episode after episode; yields the agents' records as each ends."""
    for _ in range(arguments.episodes):
        while True:
            if arguments.render:
                _draw(batch.look(), batch.spec)
            actions = policy.act(batch.observations)
            batch.step(actions)
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

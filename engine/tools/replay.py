"""`gridrl replay`: a recording is simulated again, held against its hashes, and summed up. Main thread.

Given a recipe in place of a recording, one episode is played and recorded first. Replays of other programs are shown as
far as they make sense, and everything can be written as a file of another kind.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.errors import UsageError
from engine.policies.registry import take_step
from engine.recipes import ReplayConfig, Resolution, worlds_of
from engine.replays import Film, RecordedFilm, open_film
from engine.replays.drawing import drawn
from engine.replays.export import DEFAULT_FPS, ENDINGS, export, part_of, suffix_of
from engine.replays.odd import Oddities
from engine.replays.reader import document_of, read_bytes
from engine.replays.writer import is_played_by
from engine.runs.recordings import save_recording
from engine.sim import ENGINE_VERSION, Batch, EnvView, Playback, Recording, Verification

from .arguments import MAX_SEED, whole_number
from .outputs import recording_path
from .play import recorder_of
from .policies import find_player
from .text import aligned, count, line, note, number, printable

_MAX_FPS: Final = 100


def run(resolution: Resolution) -> int:
    """Play an episode, record it, and replay the file."""
    config = resolution.config
    assert isinstance(config, ReplayConfig)
    path = recording_path(config.record)
    save_recording(path, _recorded(config))
    note(f"recorded an episode in {printable(path)}")
    return replay_file(path, None)


def _recorded(config: ReplayConfig) -> Recording:
    player, worlds = find_player(config.policy), worlds_of(config)
    policy = player.maker(worlds[0])(config.seed)
    with Batch(worlds, seed=config.seed) as batch:
        recorder = recorder_of(batch, config, config.seed)
        while not recorder.ended:
            recorder.record(take_step(policy, batch))
        return recorder.recording()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What it takes where it is given a file."""
    tick, most = whole_number(0, MAX_SEED), whole_number(1, MAX_SEED)
    parser.add_argument("recording", type=Path, metavar="FILE", help="a recording, or a replay in JSON")
    parser.add_argument("--at", type=tick, default=None, metavar="TICK", help="draw the map as it was at that tick")
    parser.add_argument(
        "--export", type=Path, default=None, metavar="OUT", help=f"write it as another file: {', '.join(ENDINGS)}"
    )
    parser.add_argument("--from", dest="first", type=tick, default=None, metavar="TICK", help="export from there on")
    parser.add_argument("--to", dest="last", type=tick, default=None, metavar="TICK", help="export up to there")
    parser.add_argument("--every", type=most, default=1, metavar="N", help="export only every Nth tick")
    parser.add_argument(
        "--fps",
        type=whole_number(1, _MAX_FPS),
        default=DEFAULT_FPS,
        metavar="N",
        help=f"frames a second of what moves; {DEFAULT_FPS:g}",
    )


def run_file(options: argparse.Namespace) -> int:
    """As the options say. Returns the exit code.

    Raises:
        RecordingError: the file cannot be read, or what is asked for cannot be written.
        UsageError: there is no such tick, or no such kind of file.
    """
    parts = (options.first, options.last) != (None, None) or options.every != 1
    if options.export is None:
        if parts or options.fps != DEFAULT_FPS:
            raise UsageError("--from, --to, --every and --fps are about --export", hint="add --export OUT.gif")
        return replay_file(options.recording, options.at)
    return _export(options, parts)


def _export(options: argparse.Namespace, parts: bool) -> int:
    suffix = suffix_of(options.export)
    if options.at is not None and suffix not in (".png", ".txt"):
        raise UsageError(f"--at is one tick, and {suffix} takes many", hint="take --from and --to")
    if suffix == ".png" and options.at is None:
        raise UsageError("a .png shows one tick: which?", hint="add --at TICK")
    if parts and (options.at is not None or suffix in ENDINGS[:4]):
        raise UsageError(f"--from, --to and --every do not go with {'--at' if options.at is not None else suffix}")
    with open_film(options.recording) as film:
        _note_oddities(film)
        first, last = (options.first, options.last) if options.at is None else (options.at, options.at)
        words = export(film, options.export, part_of(film, first, last, options.every, options.fps))
    note(f"wrote {words} to {printable(options.export)}")
    return 0


def replay_file(path: Path, at: int | None) -> int:
    """Play a recording again, or look at a replay. Returns the exit code: 1 where it is not as it was recorded.

    Args:
        at: the tick to draw; without one it is summed up.

    Raises:
        RecordingError: it cannot be read.
        UsageError: there is no such tick.
    """
    with open_film(path) as film:
        if at is not None:
            _check_can_be_drawn(at, film)
        if film.recording is None:
            return _show_pictures(film, at)
        if at is None:
            _note_oddities(film)
        pictures_agree = isinstance(film, RecordedFilm) and (not film.is_replay or _pictures_agree(path, film))
        return _play_again(film.recording, at, pictures_agree)


def _play_again(recording: Recording, at: int | None, pictures_agree: bool) -> int:
    with Playback(recording) as playback:
        first = playback.batch.look()
        verification = playback.verify()
        if at is None:
            _sum_up(playback, first, verification)
        else:
            _draw(playback, at)
    code = _answer(recording, verification, quiet=at is not None)
    if not pictures_agree:
        note("differs: the pictures in the file are not those of the recording in it")
        return 1
    return code


def _pictures_agree(path: Path, film: Film) -> bool:
    assert film.recording is not None
    return is_played_by(document_of(read_bytes(path), Oddities()), film.recording)


def _check_can_be_drawn(tick: int, film: Film) -> None:
    if tick in film.ticks:
        return
    recording = film.recording
    if not film.ticks:
        raise UsageError("it shows no tick at all")
    if recording is not None and recording.ended and tick == recording.ticks:
        hint = f"take --at {film.ticks[-1]}"
        raise UsageError(f"the step to tick {tick} ended the episode: nothing stands there", hint=hint)
    what = "replay" if recording is None else "recording"
    raise UsageError(f"there is no tick {tick}", hint=f"the {what} can be drawn at {film.ticks[0]} to {film.ticks[-1]}")


def _note_oddities(film: Film) -> None:
    for sentence in film.odd:
        note(f"odd: {sentence}")


# ---- Replays of others


def _show_pictures(film: Film, at: int | None) -> int:
    if at is not None:
        line(f"tick {at}")
        for row in drawn(film.view(at), film.spec):
            line(row)
        return 0
    _note_oddities(film)
    if not film.ticks:
        line("it shows no tick at all")
        return 0
    last = film.view(film.ticks[-1])
    facts = {
        "file": film.source,
        "name": printable(film.name),
        "map": f"{last.cells.shape[1]}x{last.cells.shape[0]}",
        "ticks": f"{count(film.ticks[0])} to {count(film.ticks[-1])}",
        "events": count(len(film.events())),
    }
    for name, value in facts.items():
        line(f"{name:<8}{value}")
    line()
    resources = film.spec.resource_names
    header = ("agent", "group", "return", *resources)
    for text in aligned(header, list(_standing(last)), right=range(len(header))):
        line(text)
    line()
    line("not verified: it holds pictures, and nothing that could be played again")
    return 0


def _standing(last: EnvView) -> Iterator[Sequence[str]]:
    for index, agent in enumerate(last.agents):
        yield [str(index), str(agent.group), number(agent.episode_return), *map(count, agent.inventory)]


# ---- Recordings


def _draw(playback: Playback, tick: int) -> None:
    playback.seek(tick)
    line(f"tick {tick}")
    for row in drawn(playback.batch.look(), playback.batch.spec):
        line(row)


def _answer(recording: Recording, verification: Verification, *, quiet: bool) -> int:
    """Say whether it is the same, and the exit code. Quietly: only if it is not, and not among the results."""
    tick = verification.first_difference
    if tick is None:
        if not quiet:
            line(f"verified: all {count(verification.compared)} hashes agree")
        return 0
    say = note if quiet else line
    say(f"differs: tick {tick} is the first that is not as it was recorded")
    if recording.engine != ENGINE_VERSION:
        say(f"it was recorded by engine {recording.engine}, and this is {ENGINE_VERSION}")
    return 1


# ---- The summary


@dataclass(frozen=True)
class _Outcome:
    """What the agents had at the last tick that was played."""

    how: str
    returns: list[float]  # by agent
    terms: list[list[float]]  # by agent and term


def _sum_up(playback: Playback, first: EnvView, verification: Verification) -> None:
    recording, outcome = playback.recording, _outcome(playback, verification)
    played = recording.maps[first.world]
    size = f"{played.cells.shape[1]}x{played.cells.shape[0]}"
    facts = {
        "game": recording.rules.name,
        "map": f"{printable(played.name)} {size}",
        "start": _start(recording, first),
        "engine": _engine(recording),
        "ticks": count(recording.ticks),
        "end": outcome.how,
    }
    for name, value in facts.items():
        line(f"{name:<8}{value}")
    line()
    header = ("agent", "group", "return", *playback.batch.spec.term_names)
    for text in aligned(header, list(_agents(first, outcome)), right=range(len(header))):
        line(text)
    line()


def _start(recording: Recording, first: EnvView) -> str:
    whole = f"seed {recording.seed}, episode {first.episode}"
    return whole if first.tick == 0 else f"{whole}, step {first.tick}"


def _engine(recording: Recording) -> str:
    same = recording.engine == ENGINE_VERSION
    return recording.engine if same else f"{recording.engine}, played by {ENGINE_VERSION}"


def _outcome(playback: Playback, verification: Verification) -> _Outcome:
    episodes = playback.episodes
    if episodes is not None:
        how = "terminated" if episodes.terminated.any() else "truncated"
        return _Outcome(how, episodes.episode_return.tolist(), episodes.terms.tolist())
    _, terms, _ = playback.batch.ledger()
    returns = [agent.episode_return for agent in playback.batch.look().agents]
    how = "not recorded" if verification.first_difference is None else f"unknown, played to tick {playback.tick}"
    return _Outcome(how, returns, terms.tolist())


def _agents(first: EnvView, outcome: _Outcome) -> Iterator[list[str]]:
    for agent, total in enumerate(outcome.returns):
        yield [str(agent), str(first.agents[agent].group), *map(number, (total, *outcome.terms[agent]))]

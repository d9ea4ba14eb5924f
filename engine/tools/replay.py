"""`gridrl replay`: a recording is simulated again, held against its hashes, and summed up. Main thread.

Given a recipe in place of a recording, one episode is played and recorded first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.errors import UsageError
from engine.policies.registry import take_step
from engine.recipes import ReplayConfig, Resolution, worlds_of
from engine.runs.recordings import load_recording, save_recording
from engine.sim import ENGINE_VERSION, Batch, EnvView, Playback, Recording, Verification

from .drawing import drawn
from .outputs import recording_path
from .play import recorder_of
from .policies import find_player
from .text import aligned, count, line, note, number, printable


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


def replay_file(path: Path, at: int | None) -> int:
    """Play a recording again. Returns the exit code: 1 where it is not as it was recorded.

    Args:
        at: the tick to draw; without one it is summed up.

    Raises:
        RecordingError: it cannot be read.
        UsageError: there is no such tick.
    """
    recording = load_recording(path)
    if at is not None:
        _check_can_be_drawn(at, recording)
    with Playback(recording) as playback:
        first = playback.batch.look()
        verification = playback.verify()
        if at is None:
            _sum_up(playback, first, verification)
        else:
            _draw(playback, at)
    return _answer(recording, verification, quiet=at is not None)


def _check_can_be_drawn(tick: int, recording: Recording) -> None:
    last = recording.ticks - recording.ended
    if tick <= last:
        return
    if tick == recording.ticks:
        raise UsageError(f"the step to tick {tick} ended the episode: nothing stands there", hint=f"take --at {last}")
    raise UsageError(f"there is no tick {tick}", hint=f"the recording can be drawn at 0 to {last}")


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

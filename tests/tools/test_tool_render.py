"""gridrl render: frames in a pipe, and what was earned below them."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from engine.cli import PIPE_CLOSED, main
from engine.policies.registry import create_policy, take_step
from engine.recipes import resolve, worlds_of
from engine.replays.drawing import MODES, drawn
from engine.sim import Batch

from .console import here, started


def rendered(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["render", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_frames_are_those_that_the_policy_plays(capsys: pytest.CaptureFixture[str]) -> None:
    settings = ["rules.max_steps=7"]
    world = worlds_of(resolve("arena_easy", settings))[0]
    policy, expected, paid = create_policy("random", world.rules, world.spec, seed=5), [], 0.0
    with Batch(world, seed=5) as batch:
        for tick in range(13):
            if tick % 4 == 0:
                view = batch.look()
                expected += [f"episode {view.episode}, step {view.tick}", *drawn(view, batch.spec), ""]
            if tick < 12:
                take_step(policy, batch)
                paid += float(batch.rewards.sum())

    code, out, err = rendered(
        capsys, "arena_easy", *settings, "--policy", "random", "--seed", "5", "--frames", "4", "--every", "4"
    )

    assert (code, err) == (0, "")
    assert out.splitlines() == [*expected, f"total reward {paid:.3f} in 12 steps; 1 episode ended"]
    assert out.isascii()


@pytest.mark.parametrize("mode", MODES)
def test_only_ansi_colours_a_pipe(
    mode: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = rendered(capsys, "arena_easy", "--frames", "1", f"mode={mode}")[1]
    assert ("\x1b[" in out) == (mode == "ansi")

    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in rendered(capsys, "arena_easy", "--frames", "1", f"mode={mode}")[1]


def test_an_agent_is_followed(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = rendered(capsys, "arena_easy", "--frames", "3", "--follow", "2", "--mode", "human")

    frames = out.split("\n\n")[:3]
    assert code == 0
    for frame in frames:
        rows = frame.splitlines()[1:]
        assert rows[len(rows) // 2][len(rows[0]) // 2] == "2"


def test_an_agent_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = rendered(capsys, "arena_easy", "--follow", "6")

    assert (code, out) == (2, "")
    assert err.splitlines()[0] == "gridrl: follow: there are agents 0 to 5"


def test_letters_that_the_output_lacks_are_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = here(tmp_path, "render", "arena_easy", "--frames", "1", "--mode", "box")  # into a StringIO: no encoding

    assert done.returncode == 0
    assert done.stdout.isascii()
    assert done.stderr == "box needs UTF-8, and the output is ascii: drawn in ascii\n"


def test_whoever_has_seen_enough_closes_the_pipe(tmp_path: Path) -> None:
    process = started(tmp_path, "render", "arena_easy", "--frames", "1000000", "--policy", "random")
    assert process.stdout is not None
    assert process.stdout.readline() == "episode 0, step 0\n"

    process.stdout.close()

    assert process.wait(60) == PIPE_CLOSED


def test_ctrl_c_ends_it_with_what_was_earned(tmp_path: Path) -> None:
    process = started(tmp_path, "render", "arena_easy", "--frames", "1000000", "--policy", "random", "--fps", "50")
    assert process.stdout is not None
    assert process.stdout.readline() == "episode 0, step 0\n"

    process.send_signal(signal.SIGINT)

    out = process.stdout.read()
    assert process.wait(60) == 130
    assert re.search(r"^total reward -?[0-9.]+ in \d+ steps?; no episode ended\n\Z", out, re.MULTILINE)


def test_the_same_seed_draws_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    outs = [rendered(capsys, "hide_and_seek", "--frames", "20", "--seed", str(seed))[1] for seed in (1, 1, 2)]

    assert outs[0] == outs[1] != outs[2]

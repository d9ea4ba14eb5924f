"""gridrl train in a process of its own: however it ends, the run it leaves is whole."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from engine.cli import PIPE_CLOSED, main
from engine.recipes import prepare_run, resolve, resolve_tool
from engine.recipes.yaml_text import read_yaml
from engine.runs import RunDirectory, RunState, load_checkpoint

from .console import TIMEOUT_S, gridrl, has_controls, here, started

TINY = ["trainer.env_count=16", "trainer.horizon=16", "trainer.minibatch_size=64", "run=tiny"]


def check_whole(directory: RunDirectory, status: RunState) -> None:
    """Everything that a run promises to its readers is there and sound."""
    assert directory.state().status is status
    assert not directory.is_live()
    assert directory.info().recipe == "navigation"
    steps = [logged.step for logged in directory.read_metrics()]
    assert steps
    assert steps == sorted(steps)
    latest = directory.latest_checkpoint()
    assert latest is not None
    tensors, manifest = load_checkpoint(latest)
    assert tensors
    assert manifest["step"] == directory.state().step == steps[-1]


def wait_for_figures(process: subprocess.Popen[str]) -> list[str]:
    """Read until the first line of figures; the lines before it."""
    assert process.stdout is not None
    before = []
    for text in process.stdout:
        if text.split()[0].replace(",", "").isdigit():
            return before
        before.append(text)
    raise AssertionError("".join(before))


DONE_WHEN = ["train", "arena", "run=x", "trainer.lr=3e-4"]
"""The command line that issue 4 promises."""


def test_a_dry_run_shows_what_would_run_and_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRIDRL_RUNS", str(tmp_path))

    assert main([*DONE_WHEN, "--dry-run"]) == 0

    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    said = {
        line.partition("#")[0].strip(): line.partition("#")[2].strip() for line in lines if not line.startswith("#")
    }
    assert said["run: x"] == "command line run=x; recipe: none"
    assert said["learning_rate: 0.0003"] == "command line trainer.lr=3e-4; recipe: 0.0025"
    assert said["gamma: 0.995"] == "recipe arena; default: 0.99"
    assert said["clip: 0.2"] == "default"
    assert f"# run     {tmp_path / 'x'}" in lines
    assert any(line.startswith("# recipe  arena (prod), ") for line in lines)
    assert "# batteries_per_heart=3  default; parameter of arena" in lines
    assert "# ok      128 envs x 6 agents x 32 steps = 24,576 = 12 minibatches of 2,048" in lines
    assert "nothing was started" in printed.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        DONE_WHEN,
        ["train", "navigation"],
        ["play", "arena", "policy=noop", "record=1e3"],
        ["evaluate", "arena"],
        ["replay", "t_maze"],
        ["sweep", "arena"],
        ["train", "hide_and_seek", "preset=tiny"],
        [
            "train",
            "navigation",
            "map=navigation_rooms",
            'more_maps=["scatter:navigation_walls9"]',
            "trainer.seed=${scatters}",
        ],
    ],
    ids=" ".join,
)
def test_a_dry_run_is_a_recipe_of_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    monkeypatch.setenv("GRIDRL_RUNS", str(tmp_path / "runs"))
    assert main([*words, "--dry-run"]) == 0
    first = capsys.readouterr().out
    path = tmp_path / "kept.yaml"
    path.write_text(first, "utf-8")

    assert main([words[0], str(path), "--dry-run"]) == 0

    second = capsys.readouterr().out
    again, before = read_yaml(second, "again").data, read_yaml(first, "before").data
    assert again.pop("summary") == f"as gridrl {words[0]} kept would have it"
    assert before.pop("summary") == f"as gridrl {words[0]} {words[1]} would have it"
    assert again == before
    said = resolve_tool(words[0], words[1], words[2:])
    assert resolve_tool(words[0], str(path)).config == said.config
    assert sorted(tmp_path.iterdir()) == [path]


def test_a_dry_run_of_a_recipe_of_any_name_is_a_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for stem in ("a: b", "x #y", "'", '"', "[", "- a", "\x1b[2J", "e5"):
        path = tmp_path / f"{stem}.yaml"
        path.write_text("recipe: navigation\n")
        assert main(["train", str(path), "--dry-run"]) == 0
        printed = capsys.readouterr().out
        assert not has_controls(printed)
        assert read_yaml(printed, "x").data["map"] == "navigation_walls9"


def test_a_dry_run_of_hostile_settings_is_the_same_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "\x1b[2J \u202e\x85\u2028\ufeff\U000e0001 # : ${run} \\ \" '\n\t"
    words = ["play", "navigation", "policy=simple", "record=" + hostile.replace("${", "$${")]

    assert main([*words, "--dry-run"]) == 0

    printed = capsys.readouterr().out
    assert not has_controls(printed)
    path = tmp_path / "kept.yaml"
    path.write_text(printed, "utf-8")
    config = resolve_tool("play", str(path)).config
    assert config is not None
    assert config.model_dump()["record"] == hostile


def test_a_dry_run_tells_every_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "arena", "trainer.epochs=x", "trainer.gama=1", "map=", "--dry-run"]) == 2

    printed = capsys.readouterr()
    assert printed.out == ""
    assert len([line for line in printed.err.splitlines() if line.startswith("gridrl: ")]) == 3


def test_a_dry_run_tells_what_only_the_disk_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRIDRL_RUNS", str(tmp_path))
    (tmp_path / "x").mkdir()

    assert main(["train", "navigation", "run=x", "map=arena_small", "--dry-run"]) == 1

    said = capsys.readouterr().err
    assert "arena_small, line 2, column 2: navigation knows no mine" in said
    assert "run x is there already" in said


@pytest.mark.slow
def test_a_run_ends_by_itself_and_can_be_played(tmp_path: Path) -> None:
    done = gridrl(tmp_path, "train", "navigation", *TINY, "trainer.total_steps=2048")

    assert done.returncode == 0, done.stderr
    assert done.stdout.count(str(tmp_path / "tiny")) == 2  # at the start and at the end
    assert "finished at 2,048 of 2,048 steps" in done.stdout
    directory = RunDirectory(tmp_path / "tiny")
    check_whole(directory, RunState.FINISHED)
    assert directory.info().config["trainer"]["env_count"] == 16
    assert directory.info().meta["map_text"].startswith("#########\n")

    played = here(tmp_path, "play", "navigation", "--policy", "trained:tiny", "--episodes", "2")
    assert played.returncode == 0, played.stderr
    again = here(tmp_path, "train", "navigation", *TINY)
    assert again.returncode == 1
    assert "there is a run tiny already" in again.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_leaves_a_whole_run(tmp_path: Path, number: signal.Signals, code: int) -> None:
    process = started(tmp_path, "train", "navigation", *TINY, "trainer.total_steps=1e12")
    wait_for_figures(process)

    process.send_signal(number)
    process.send_signal(number)  # as `timeout` and some shells do: still one request
    rest, _ = process.communicate(timeout=TIMEOUT_S)

    assert process.returncode == code, rest
    assert "stopping, with a checkpoint" in rest
    assert str(tmp_path / "tiny") in rest
    check_whole(RunDirectory(tmp_path / "tiny"), RunState.STOPPED)


@pytest.mark.slow
def test_a_reader_that_left_ends_the_run_whole(tmp_path: Path) -> None:
    process = started(tmp_path, "train", "navigation", *TINY, "trainer.total_steps=1e12")
    wait_for_figures(process)
    assert process.stdout is not None
    process.stdout.close()

    assert process.wait(TIMEOUT_S) == PIPE_CLOSED
    check_whole(RunDirectory(tmp_path / "tiny"), RunState.STOPPED)


def test_a_run_that_was_prepared_and_never_started_is_closed(tmp_path: Path) -> None:
    run = prepare_run("navigation", resolve("navigation", ["run=idle"]), tmp_path)

    run.close()

    assert RunDirectory(tmp_path / "idle").state().status is RunState.STOPPED

"""gridrl resume: a run that was killed, stopped, damaged or refused by the disk goes on, or the words say why not."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.cli import main
from engine.runs import RunDirectory, RunState, RunWriter, load_checkpoint
from engine.stats import QuerySession

from .console import TIMEOUT_S, environment, gridrl, here, started

SMALL = ("trainer.env_count=16", "trainer.horizon=16", "trainer.minibatch_size=64")
BUSY = (*SMALL, "trainer.checkpoint_every_s=0.001", "trainer.total_steps=25600")
FINISHED_STEPS = 1024


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 4 iterations, each with its checkpoint, and where it lives."""
    runs = tmp_path_factory.mktemp("finished")
    settings = ["trainer.components.checkpointer.every=1", f"trainer.total_steps={FINISHED_STEPS}", "run=done"]
    done = here(runs, "train", "navigation", *SMALL, *settings)
    assert done.returncode == 0, done.stderr
    return runs / "done"


@pytest.fixture
def run(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """A copy of it, to be damaged."""
    monkeypatch.setenv("GRIDRL_RUNS", str(tmp_path))
    subprocess.run(["cp", "-r", str(finished), str(tmp_path / "done")], check=True)
    return RunDirectory(tmp_path / "done")


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What `gridrl resume` says, in this process, when it refuses."""
    assert main(["resume", *arguments]) != 0
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


def messages(run: RunDirectory, kind: str) -> list[str]:
    return [record["message"] for record in run.read_events() if record["kind"] == kind]


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_as_if_nothing_had_been(tmp_path: Path) -> None:
    calm = gridrl(tmp_path, "train", "navigation", *BUSY, "run=calm")
    assert calm.returncode == 0, calm.stderr
    killed = RunDirectory(tmp_path / "killed")
    with started(tmp_path, "train", "navigation", *BUSY, "run=killed") as process:
        while not (killed.path.exists() and killed.checkpoints()):
            assert process.poll() is None
        process.kill()

    done = gridrl(tmp_path, "resume", "killed")

    assert done.returncode == 0, done.stderr
    assert "finished at 25,600 of 25,600 steps" in done.stdout
    [resumed] = [words for words in messages(killed, "state") if words.startswith("resumed")]
    assert resumed.endswith("(attempt 2)")
    assert resumed in done.stderr
    first, second = (load_checkpoint(tmp_path / name / "checkpoints")[0] for name in ("calm", "killed"))
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[name], second[name]) for name in first)
    steps = [logged.step for logged in killed.read_metrics()]
    assert steps == list(range(256, 25_601, 256))  # those taken again are there once
    with QuerySession(tmp_path) as session:
        session.refresh()
        lines = "SELECT count(DISTINCT step), count(*) FROM metrics WHERE run_id = 'killed' AND metric = 'train/loss'"
        counted = session.run(lines)
        assert counted.rows == [(100, 100)]


@pytest.mark.slow
def test_a_finished_run_goes_on_with_more_steps_and_keeps_them(run: RunDirectory) -> None:
    done = here(run.path.parent, "resume", "done", "trainer.total_steps=1.5e3")

    assert done.returncode == 0, done.stderr
    assert run.state().step == 1536
    again = here(run.path.parent, "resume", "done")
    assert "it has taken 1,536 of 1,500 steps" in again.stderr  # the settings of the attempt before


@pytest.mark.slow
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(run: RunDirectory) -> None:
    newest = run.checkpoints()[-1].path
    data = bytearray(newest.read_bytes())
    data[-1] ^= 1
    newest.write_bytes(data)

    done = here(run.path.parent, "resume", "done")

    assert done.returncode == 0, done.stderr
    assert "resumed from ck-000000000768" in done.stderr
    [warning] = [words for words in messages(run, "warning") if "cannot be used" in words]
    assert "does not match its hash" in warning
    assert f"warning: {warning}" in done.stderr
    load_checkpoint(newest)  # saved anew


@pytest.mark.slow
def test_a_checkpoint_of_other_shapes_is_refused_with_both(run: RunDirectory) -> None:
    arrays, manifest = load_checkpoint(run.checkpoints()[-2].path)
    arrays["network.value_head.weight"] = np.zeros((1, 3), np.float32)
    with RunWriter.resume(run.path) as writer:
        writer.checkpoint(768, arrays, manifest["meta"])

    done = here(run.path.parent, "resume", "done")

    assert done.returncode == 1
    assert "network.value_head.weight is (1, 3), the run needs (1, 64)" in done.stderr
    assert "Traceback" not in done.stderr
    assert run.state().status is RunState.FAILED


@pytest.mark.slow
def test_a_full_disk_ends_the_run_in_one_line_and_the_last_good_checkpoint_stays(run: RunDirectory) -> None:
    before = run.checkpoints()[-1]
    size = before.path.stat().st_size
    full: Callable[[], None] = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, size // 2))  # noqa: E731
    refusing = subprocess.run(
        [sys.executable, "-m", "engine.cli", "resume", "done", "trainer.total_steps=2048"],
        env=environment(run.path.parent),
        preexec_fn=full,
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_S,
        check=False,
    )

    assert refusing.returncode == 1
    [words] = [text for text in refusing.stderr.splitlines() if text.startswith("gridrl: ")]
    assert "cannot write" in words
    assert "no checkpoint was saved" in refusing.stderr  # and training went on until the end
    load_checkpoint(before.path)
    assert run.checkpoints()[-1].step == before.step
    done = here(run.path.parent, "resume", "done", "trainer.total_steps=2048")
    assert done.returncode == 0, done.stderr
    assert run.state().step == 2048


@pytest.mark.slow
def test_a_run_goes_on_with_the_map_that_it_began_with(tmp_path: Path) -> None:
    drawing = tmp_path / "mine.map"
    drawing.write_text("########\n#......#\n#..*...#\n#......#\n########\n")
    more = ("trainer.total_steps=512", "run=mine", f"map={drawing}")
    assert here(tmp_path, "train", "navigation", *SMALL, *more).returncode == 0
    drawing.unlink()

    done = here(tmp_path, "resume", "mine", "trainer.total_steps=1024")

    assert done.returncode == 0, done.stderr
    assert RunDirectory(tmp_path / "mine").state().step == 1024


# Refusals


def test_a_run_that_there_is_not_is_refused_with_a_guess(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "dona")

    assert said == "gridrl: there is no run dona\nhint: did you mean done?\n"


def test_a_finished_run_is_refused_with_what_goes_on(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "done")

    assert "is finished: it has taken 1,024 of 1,024 steps" in said
    assert "gridrl resume done trainer.total_steps=2048 goes on to there" in said


def test_a_run_under_way_is_refused(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    with RunWriter.resume(run.path):
        said = refused(capsys, "done", "trainer.total_steps=2048")

    assert "is under way" in said


def test_a_run_without_a_checkpoint_is_refused(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (run.path / "checkpoints").iterdir():
        path.unlink()

    assert "has no checkpoint to go on from" in refused(capsys, "done")


def test_a_run_of_damaged_checkpoints_alone_is_refused(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    for each in run.checkpoints():
        each.path.write_bytes(b"x" * each.path.stat().st_size)

    said = refused(capsys, "done")

    assert "none of its checkpoints can be used" in said
    assert "ck-000000001024" in said
    assert not run.is_live()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("trainer.gamma=0.5", "trainer.gamma cannot be changed"),
        ("learning_rate=1", "trainer.learning_rate cannot be changed"),
        ("trainer.total_steps=many", "trainer.total_steps=many"),
        ("trainer.threads=0", "greater than or equal to 1"),
        ("trainer.total_steps=[", "trainer.total_steps=["),
        ("more", "not key=value"),
    ],
)
def test_a_change_that_cannot_be_is_refused(
    run: RunDirectory, capsys: pytest.CaptureFixture[str], change: str, words: str
) -> None:
    assert words in refused(capsys, "done", change)
    assert run.state().status is RunState.FINISHED


def test_a_configuration_of_another_version_is_refused(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    record = json.loads((run.path / "run.json").read_text())
    record["config"]["trainer"]["warp"] = 9
    record["versions"]["gridrl-tui"] = "9.9"
    (run.path / "run.json").write_text(json.dumps(record))

    said = refused(capsys, "done", "trainer.total_steps=2048")

    assert "is none of this version: trainer.warp" in said
    assert "it began with gridrl-tui 9.9" in said


def test_a_run_of_another_engine_says_so_when_it_goes_on(run: RunDirectory) -> None:
    record = json.loads((run.path / "run.json").read_text())
    record["versions"]["torch"] = "1.0"
    (run.path / "run.json").write_text(json.dumps(record))

    done = here(run.path.parent, "resume", "done", "trainer.total_steps=1280")

    assert done.returncode == 0, done.stderr
    assert "the run began with torch 1.0, and goes on with" in done.stderr

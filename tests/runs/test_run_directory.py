"""The run directory: one writer, whole files, honest states."""

from __future__ import annotations

import csv
import errno
import json
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from engine.errors import RunError
from engine.runs import ENDED_WITHOUT_CLOSING, RunDirectory, RunState, RunWriter, list_runs
from engine.runs import files as run_files
from engine.runs.lock import is_held

META = {"recipe": "arena", "game": "arena", "map": "arena/small", "seed": 3, "versions": {"torch": "2"}, "note": "hi"}


def make(root: Path, name: str = "calm-fox", config: dict[str, Any] | None = None) -> RunWriter:
    return RunWriter.create(root, name, config or {"lr": 0.1}, META)


def abandon(run: RunWriter) -> None:
    """What the death of its process does to a writer: the lock goes, nothing else happens."""
    run._lock.close()


def table(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_run_json_says_who_the_run_is(tmp_path: Path) -> None:
    make(tmp_path).close()

    info = RunDirectory(tmp_path / "calm-fox").info()

    assert (info.run_id, info.recipe, info.game, info.map, info.seed) == (
        "calm-fox",
        "arena",
        "arena",
        "arena/small",
        3,
    )
    assert info.config == {"lr": 0.1}
    assert info.versions == {"torch": "2"}
    assert info.meta == {"note": "hi"}
    assert info.created.tzinfo is not None


def test_a_run_is_private_to_its_user(tmp_path: Path) -> None:
    with make(tmp_path / "runs") as run:
        run.metrics(1, {"a": 1.0})
        run.checkpoint(1, {}, {})

    for path in [tmp_path / "runs", *(tmp_path / "runs").rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_secrets_are_struck_out_of_the_configuration(tmp_path: Path) -> None:
    secret = {"WANDB_API_KEY": "abc", "nested": [{"password": "abc", "hf_token": "abc"}], "monkey": "abc", "x_key": 5}
    make(tmp_path, config=secret).close()

    config = RunDirectory(tmp_path / "calm-fox").info().config
    assert config == {
        "WANDB_API_KEY": "***",
        "nested": [{"password": "***", "hf_token": "***"}],
        "monkey": "abc",
        "x_key": 5,
    }


def test_a_name_that_is_taken_is_refused_and_the_run_untouched(tmp_path: Path) -> None:
    make(tmp_path).close()
    before = (tmp_path / "calm-fox" / "run.json").read_bytes()

    with pytest.raises(RunError, match="already"):
        make(tmp_path)

    assert (tmp_path / "calm-fox" / "run.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["calm-fox"]


@pytest.mark.parametrize("name", ["../x", "CON", "-rf", "x" * 65])
def test_a_hostile_name_makes_no_directory(tmp_path: Path, name: str) -> None:
    with pytest.raises(RunError):
        make(tmp_path / "root", name)

    assert list(tmp_path.iterdir()) == []


def test_a_second_writer_is_refused_and_told_the_pid(tmp_path: Path) -> None:
    with make(tmp_path) as run, pytest.raises(RunError, match=f"process {os.getpid()}"):
        RunWriter.resume(run.path)


def test_a_second_writer_in_another_process_is_refused_and_told_the_pid(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from engine.runs import RunWriter; RunWriter.resume(Path(sys.argv[1]))"
    )

    with make(tmp_path) as run:
        command = [sys.executable, "-c", script, str(run.path)]
        other = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)

    assert other.returncode != 0
    assert f"being written by process {os.getpid()}" in other.stderr


def test_looking_at_the_lock_does_not_stop_a_writer(tmp_path: Path) -> None:
    run = make(tmp_path)
    for _ in range(50):
        assert is_held(run.path)
    run.close()

    assert not is_held(run.path)
    RunWriter.resume(run.path).close()


def test_the_state_is_what_the_writer_said(tmp_path: Path) -> None:
    with make(tmp_path) as run:
        run.state(RunState.TRAINING, 100, 1000, sps=5.5)

        status = RunDirectory(run.path).state()

    assert (status.status, status.step, status.total_steps, status.sps) == (RunState.TRAINING, 100, 1000, 5.5)


def test_state_json_is_written_at_most_once_a_second_unless_the_status_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("engine.runs.directory.time.monotonic", lambda: now)
    run = make(tmp_path)
    reader = RunDirectory(run.path)

    run.state(RunState.TRAINING, 1, 10)
    assert reader.state().step == 1
    run.state(RunState.TRAINING, 2, 10)
    assert reader.state().step == 1
    run.state(RunState.PAUSED, 3, 10)
    assert (reader.state().status, reader.state().step) == (RunState.PAUSED, 3)
    now += 1.01
    run.state(RunState.PAUSED, 4, 10)
    assert reader.state().step == 4
    run.state(RunState.PAUSED, 5, 10)
    run.close(RunState.STOPPED)

    assert (reader.state().status, reader.state().step, reader.state().total_steps) == (RunState.STOPPED, 5, 10)


def test_a_run_whose_writer_died_has_failed(tmp_path: Path) -> None:
    run = make(tmp_path)
    run.state(RunState.TRAINING, 7, 10)

    abandon(run)

    status = RunDirectory(run.path).state()
    assert (status.status, status.message, status.step) == (RunState.FAILED, ENDED_WITHOUT_CLOSING, 7)


def test_a_run_in_its_first_moment_is_starting(tmp_path: Path) -> None:
    run = make(tmp_path)
    (run.path / "state.json").unlink()

    assert RunDirectory(run.path).state().status is RunState.STARTING
    run.close()


def test_an_error_in_the_block_fails_the_run_with_its_words(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), make(tmp_path):
        _ = 1 / 0

    status = RunDirectory(tmp_path / "calm-fox").state()
    assert (status.status, status.message) == (RunState.FAILED, "division by zero")


def test_closing_twice_keeps_the_first_word(tmp_path: Path) -> None:
    run = make(tmp_path)
    run.close(RunState.STOPPED, "by hand")
    run.close(RunState.FAILED)

    assert RunDirectory(run.path).state().message == "by hand"


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"v":1,"status":"dancing"}', b'{"v":99}', b"\xff", b"[" * 10_000]
)
def test_a_damaged_state_is_a_failed_run_and_no_exception(tmp_path: Path, content: bytes) -> None:
    make(tmp_path).close()
    (tmp_path / "calm-fox" / "state.json").write_bytes(content)

    status = RunDirectory(tmp_path / "calm-fox").state()

    assert status.status is RunState.FAILED
    assert status.message


def test_a_run_of_a_later_version_is_refused_in_words(tmp_path: Path) -> None:
    make(tmp_path).close()
    (tmp_path / "calm-fox" / "run.json").write_text('{"v":2}')

    with pytest.raises(RunError, match="version 2"):
        RunDirectory(tmp_path / "calm-fox").info()
    with pytest.raises(RunError, match="version 2"):
        RunWriter.resume(tmp_path / "calm-fox")


def test_resuming_counts_the_attempt_and_goes_on_with_the_logs(tmp_path: Path) -> None:
    with make(tmp_path) as run:
        run.metrics(1, {"a": 1.0})
    with RunWriter.resume(run.path) as again:
        again.metrics(2, {"a": 2.0})

    lines = RunDirectory(run.path).log("metrics").read_new()
    assert [(line["seq"], line["attempt"], line["step"]) for line in lines] == [(1, 1, 1), (2, 2, 2)]
    assert len(table(run.path / "progress.csv")) == 3


def test_a_run_that_is_gone_on_with_has_its_steps_from_the_first_moment(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path, "calm-fox", {}, {}) as writer:
        writer.state(RunState.TRAINING, 4096, 10_000)

    with RunWriter.resume(tmp_path / "calm-fox"):
        begun = RunDirectory(tmp_path / "calm-fox").state()

    assert (begun.status, begun.step, begun.total_steps) == (RunState.STARTING, 4096, 10_000)


def test_metrics_come_back_with_nan_where_the_number_was_not_finite(tmp_path: Path) -> None:
    with make(tmp_path) as run:
        run.metrics(5, {"good": 1.5, "bad": math.nan, "worse": math.inf})

    [logged] = RunDirectory(run.path).read_metrics()
    assert logged.step == 5
    assert logged.values["good"] == 1.5
    assert math.isnan(logged.values["bad"])
    assert math.isnan(logged.values["worse"])


def test_steps_taken_again_by_a_later_attempt_are_read_once(tmp_path: Path) -> None:
    def log(run: RunWriter, steps: Iterable[int], value: float) -> None:
        for step in steps:
            run.metrics(step, {"train/loss": value})
            run.episodes([{"env": env, "reward": value} for env in range(2)])

    with make(tmp_path) as run:
        log(run, (10, 20, 30, 40), 1.0)
    for attempt, first in ((2, 30), (3, 50)):  # killed after 40, resumed from 20; then stopped and resumed where it was
        with RunWriter.resume(run.path) as again:
            log(again, (first, first + 10), float(attempt))

    directory = RunDirectory(run.path)
    metrics = [(line.step, line.values["train/loss"]) for line in directory.read_metrics()]
    assert metrics == [(10, 1.0), (20, 1.0), (30, 2.0), (40, 2.0), (50, 3.0), (60, 3.0)]
    episodes = [(row["step"], row["reward"]) for row in directory.read_episodes()]
    assert episodes == [pair for pair in metrics for _ in range(2)]


def test_episodes_and_events_carry_the_latest_step(tmp_path: Path) -> None:
    with make(tmp_path) as run:
        run.metrics(5, {})
        run.episodes([{"env": 0, "reward": 1.0, "end": "terminated"}])
        run.episodes([{"env": 1, "reward": 2.0}], step=9)
        run.event("command", "learning rate set", name="lr", old=0.1, new=0.2)

    directory = RunDirectory(run.path)
    assert [(line["step"], line["env"]) for line in directory.read_episodes()] == [(5, 0), (9, 1)]
    [event] = directory.read_events()
    assert (event["step"], event["kind"], event["message"]) == (9, "command", "learning rate set")
    assert event["data"] == {"name": "lr", "old": 0.1, "new": 0.2}


def test_progress_has_one_header_and_blank_cells_where_nothing_was_logged(tmp_path: Path) -> None:
    with make(tmp_path) as run:
        run.metrics(1, {"a": 1.0, "b": 2.5})
        run.metrics(2, {"b": math.nan})
        run.metrics(3, {"a": 3.0})

    header, *rows = table(run.path / "progress.csv")
    assert header == ["step", "time", "a", "b"]
    assert [[row[0], *row[2:]] for row in rows] == [["1", "1.0", "2.5"], ["2", "", ""], ["3", "3.0", ""]]


def test_progress_grows_a_column_for_a_metric_that_comes_later(tmp_path: Path) -> None:
    with make(tmp_path) as run:
        run.metrics(1, {"a": 1.0})
        run.metrics(2, {"a": 2.0, "late, and\nodd": 5.0})
        run.metrics(3, {"a": 3.0})
    with RunWriter.resume(run.path) as again:
        again.metrics(4, {"later": 1.0})

    header, *rows = table(run.path / "progress.csv")
    assert header == ["step", "time", "a", "late, and odd", "later"]
    assert [[row[0], *row[2:]] for row in rows] == [
        ["1", "1.0", "", ""],
        ["2", "2.0", "5.0", ""],
        ["3", "3.0", "", ""],
        ["4", "", "", "1.0"],
    ]


def test_a_torn_row_of_progress_is_cut_off_on_resume(tmp_path: Path) -> None:
    with make(tmp_path) as run:
        run.metrics(1, {"a": 1.0})
        run.metrics(2, {"a": 2.0})
    path = run.path / "progress.csv"
    path.write_bytes(path.read_bytes()[:-3])

    with RunWriter.resume(run.path) as again:
        again.metrics(2, {"a": 2.5})

    assert [row[2] for row in table(path)] == ["a", "1.0", "2.5"]


def test_a_torn_header_of_progress_is_written_anew(tmp_path: Path) -> None:
    run = make(tmp_path)
    run.close()
    (run.path / "progress.csv").write_bytes(b"step,ti")

    with RunWriter.resume(run.path) as again:
        again.metrics(2, {"a": 2.5})

    assert [row[0] for row in table(run.path / "progress.csv")] == ["step", "2"]


def test_runs_are_listed_newest_first_with_the_damaged_among_them(tmp_path: Path) -> None:
    for name, year in (("old-fox", 2020), ("new-fox", 2099), ("mid-fox", 2030)):
        make(tmp_path, name).close()
        path = tmp_path / name / "run.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "created": f"{year}-01-01T00:00:00+00:00"}))
    make(tmp_path, "sick-fox").close()
    (tmp_path / "sick-fox" / "run.json").write_bytes(b"\x00")
    (tmp_path / "no-run").mkdir()
    (tmp_path / "file").touch()
    shutil.copytree(tmp_path / "old-fox", tmp_path / ".hidden-fox")

    names = [run.run_id for run in list_runs(tmp_path)]

    assert [name for name in names if name != "sick-fox"] == ["new-fox", "mid-fox", "old-fox"]
    assert "sick-fox" in names


def test_a_root_that_does_not_exist_has_no_runs(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "nowhere") == []


def test_a_root_that_cannot_be_written_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(RunError, match="cannot create"):
        make(tmp_path / "file" / "runs")


def refuse(code: int) -> Any:
    def call(*_: object, **__: object) -> Any:
        raise OSError(code, os.strerror(code))

    return call


@pytest.mark.parametrize(
    ("code", "words"), [(errno.ENOSPC, "disk is full"), (errno.EROFS, "read-only"), (errno.EIO, "cannot")]
)
@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_a_run_that_cannot_be_created_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int, words: str
) -> None:
    monkeypatch.setattr(run_files.os, call, refuse(code))

    with pytest.raises(RunError, match=words):
        make(tmp_path / "runs")

    assert list((tmp_path / "runs").iterdir()) == []


def test_a_full_disk_at_close_still_lets_go_of_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make(tmp_path)
    run.state(RunState.TRAINING, 3, 10)
    before = (run.path / "state.json").read_bytes()

    with monkeypatch.context() as patch:
        patch.setattr(run_files.os, "write", refuse(errno.ENOSPC))
        with pytest.raises(RunError, match="disk is full"):
            run.close()

    assert (run.path / "state.json").read_bytes() == before
    assert not is_held(run.path)
    assert not list(run.path.glob(".*.tmp"))


def test_a_heartbeat_that_fails_keeps_the_old_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with make(tmp_path) as run:
        run.state(RunState.TRAINING, 3, 10)
        with monkeypatch.context() as patch:
            patch.setattr(run_files.os, "replace", refuse(errno.EROFS))
            with pytest.raises(RunError, match="read-only"):
                run.state(RunState.PAUSED, 4, 10)

        assert RunDirectory(run.path).state().status is RunState.TRAINING


def test_a_file_system_without_locks_is_used_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.runs.lock.fcntl.flock", refuse(errno.ENOLCK))

    with make(tmp_path) as run:
        run.state(RunState.TRAINING, 1, 10)

        assert not run.lock_is_certain
        assert RunDirectory(run.path).state().status is RunState.TRAINING


def test_without_locks_a_run_is_live_while_its_heart_beats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.runs.lock.fcntl.flock", refuse(errno.ENOLCK))
    run = make(tmp_path)
    run.state(RunState.TRAINING, 1, 10)
    directory = RunDirectory(run.path)
    assert directory.is_live()

    record = json.loads((run.path / "state.json").read_bytes())
    for silence in (31.0, -31.0):  # a clock that was set back is no sign of life
        (run.path / "state.json").write_text(json.dumps({**record, "heartbeat": time.time() - silence}))
        assert not directory.is_live()
        assert directory.state().status is RunState.FAILED

    run.close(RunState.STOPPED)
    assert not directory.is_live()
    assert directory.state().status is RunState.STOPPED

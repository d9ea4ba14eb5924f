"""gridrl as a command: exit codes, two lines for an error, and nothing for a terminal to obey."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from engine.cli import PIPE_CLOSED, main
from engine.runs import RunWriter

from .console import TIMEOUT_S, gridrl, has_controls, started

ESCAPE = "\x1b]52;c;cm0gLXJm\x07\u202e"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 0),
        (["-h"], 0),
        (["--version"], 0),
        (["--list"], 0),
        (["train", "--list"], 0),
        (["play", "-h"], 0),
        (["train", "navigation", "--dry-run"], 0),
        (["runs"], 0),
        (["query", "SELECT 1"], 0),
        (["trian", "navigation"], 2),
        (["train"], 2),
        (["train", "navgation"], 2),
        (["train", "navigation", "trainer.epochs=x"], 2),
        (["train", "navigation", "--dry"], 2),
        (["train", "navigation", "map=nowhere", "--dry-run"], 1),
        (["play", "navigation", "--episodes", "0"], 2),
        (["play", "navigation", "--seed", "-1"], 2),
        (["play", "navigation", "--policy", "nobody"], 2),
        (["play", "navigation", "--policy", "../x"], 1),
        (["query", "SELEC"], 1),
        (["query", "SELECT 1", "--rows", "x"], 2),
    ],
)
def test_exit_codes(tmp_path: Path, arguments: list[str], code: int) -> None:
    done = gridrl(tmp_path, *arguments)

    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_error_is_one_line_of_what_and_one_of_what_to_do(tmp_path: Path) -> None:
    done = gridrl(tmp_path, "trian", "navigation")

    assert done.stderr.splitlines() == ["gridrl: no tool is called 'trian'", "hint: did you mean train?"]
    assert done.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        [ESCAPE],
        ["train", ESCAPE],
        ["train", "../../etc/passwd"],
        ["train", "navigation", f"map={ESCAPE}"],
        ["train", "navigation", f"run={ESCAPE}"],
        ["train", "navigation", f"{ESCAPE}=1"],
        ["train", "navigation", f"trainer.epochs={ESCAPE}"],
        ["train", "navigation", f"--{ESCAPE}"],
        ["train", "navigation", "map=/dev/zero"],
        ["train", "navigation", "map=/"],
        ["play", "navigation", f"--policy={ESCAPE}"],
        ["play", "navigation", f"--episodes={ESCAPE}"],
        ["query", f"SELECT {ESCAPE}"],
        ["train", b"\xff\xfe"],
        ["train", "navigation", b"map=\xff"],
    ],
)
def test_hostile_words_are_refused_and_shown_harmless(tmp_path: Path, arguments: list[str | bytes]) -> None:
    done = gridrl(tmp_path, *arguments)

    assert done.returncode in (1, 2), done.stderr
    assert "Traceback" not in done.stderr
    assert not has_controls(done.stdout + done.stderr)
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_is_no_map(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipe = tmp_path / "pipe.map"
    os.mkfifo(pipe)

    assert main(["train", "navigation", f"map={pipe}", "--dry-run"]) == 1
    assert "not a regular file" in capsys.readouterr().err


def test_a_map_with_escapes_is_refused_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "evil.map"
    path.write_text("#####\n#\x1b[2J#\n#####\n")

    assert main(["train", "navigation", f"map={path}", "--dry-run"]) == 1

    said = capsys.readouterr().err
    assert "line 2, column 2" in said
    assert not has_controls(said)


def test_runs_and_query_show_hostile_records_harmless(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRIDRL_RUNS", str(tmp_path))
    with RunWriter.create(tmp_path, "mine", {}, {"recipe": ESCAPE}) as writer:
        writer.metrics(10, {"rollout/ep_rew_mean": 0.5})

    assert main(["runs"]) == 0
    listed = capsys.readouterr().out
    assert main(["query", "SELECT recipe FROM runs"]) == 0
    queried = capsys.readouterr().out

    assert not has_controls(listed + queried)
    assert "mine" in listed
    assert "0.500" in listed
    assert "\\x1b]52" in queried


def test_a_damaged_run_is_listed_with_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRIDRL_RUNS", str(tmp_path))
    RunWriter.create(tmp_path, "whole", {}, {"recipe": "arena"}).close()
    RunWriter.create(tmp_path, "broken", {}, {"recipe": "arena"}).close()
    (tmp_path / "broken" / "run.json").write_text("{")

    assert main(["runs"]) == 0

    rows = {line.split()[0]: line.split()[1:3] for line in capsys.readouterr().out.splitlines()}
    assert rows["whole"] == ["arena", "finished"]
    assert rows["broken"] == ["-", "damaged"]


def test_query_prints_json_and_csv(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sql = "SELECT 1 AS a, 2 AS a, 'x,y' AS b, 'nan'::DOUBLE AS c, DATE '2026-01-02' AS d, NULL AS e"

    assert main(["query", sql, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert main(["query", sql, "--csv"]) == 0
    table = capsys.readouterr().out.splitlines()

    assert rows == [{"a": 1, "a_2": 2, "b": "x,y", "c": None, "d": "2026-01-02", "e": None}]
    assert table == ["a,a,b,c,d,e", '1,2,"x,y",nan,2026-01-02,']


def test_query_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "SELECT range AS n, 'r' || range AS name FROM range(9, 12)", "--rows", "2"]) == 0

    printed = capsys.readouterr()
    assert printed.out.splitlines() == [" n  name", " 9  r9", "10  r10"]
    assert "there are more rows" in printed.err


def test_a_reader_that_left_is_no_error(tmp_path: Path) -> None:
    process = started(tmp_path, "play", "navigation", "--policy", "random", "--episodes", "100000")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()

    assert process.wait(TIMEOUT_S) == PIPE_CLOSED


def test_ctrl_c_ends_with_130(tmp_path: Path) -> None:
    process = started(tmp_path, "play", "navigation", "--policy", "noop", "--episodes", "100000")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)

    rest, _ = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 130
    assert "Traceback" not in rest

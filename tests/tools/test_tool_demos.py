"""`gridrl demos`: every set with its figures, and a command that trains on it."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest

from engine.cli import main
from engine.maps import cells_for, load_map
from engine.runs.demonstrations import INDEX, save_demonstration
from engine.sim import Batch, RecordedMap, Recorder, World, games

RULES = games.navigation()
MAPS = [RecordedMap("navigation_walls9", cells_for(load_map("navigation_walls9"), RULES))]


def kept(directory: Path, ticks: int) -> None:
    """A demonstration in which a person rested."""
    with Batch(World(RULES, MAPS[0].cells)) as batch:
        recorder = Recorder(batch, MAPS, 0)
        for _ in range(ticks):
            batch.step(np.zeros(1, np.int32))
            recorder.record([0])
        save_demonstration(directory, recorder.recording(), np.ones((ticks, 1), np.bool_))


def test_every_set_is_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept(tmp_path / "navigation", 5)
    kept(tmp_path / "navigation", 100)  # till time is up

    assert main(["demos", str(tmp_path)]) == 0

    header, row, _, hint = capsys.readouterr().out.splitlines()
    assert header.split() == ["set", "game", "episodes", "ended", "actions", "return"]
    assert row.split() == ["navigation", "navigation", "2", "1", "105", "-0.525"]
    assert hint.startswith("train on one: gridrl train RECIPE ")


def test_what_it_says_trains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept(tmp_path / "it's mine", 5)
    main(["demos", str(tmp_path)])
    words = shlex.split(
        capsys.readouterr().out.splitlines()[-1].partition("gridrl ")[2].replace("RECIPE", "navigation")
    )

    assert main([*words, "--dry-run"]) == 0

    assert str(tmp_path / "it's mine") in capsys.readouterr().out


def test_a_damaged_set_is_listed_with_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept(tmp_path / "a", 5)
    kept(tmp_path / "b\x1b[31m", 5)
    (tmp_path / "a" / INDEX).write_text("{}\n")

    assert main(["demos", str(tmp_path)]) == 0

    shown = capsys.readouterr().out
    assert f"{INDEX}, line 1: " in shown
    assert "b\\x1b[31m" in shown
    assert "\x1b" not in shown


def test_without_any_it_says_where_they_would_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDRL_DEMONSTRATIONS", str(tmp_path))

    assert main(["demos"]) == 0

    assert str(tmp_path) in capsys.readouterr().err

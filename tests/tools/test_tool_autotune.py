"""`gridrl autotune`: a table, a reason, and a recipe that does what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cli import main
from engine.recipes import resolve

SMALL = ["trainer.env_count=8", "trainer.horizon=8", "trainer.minibatch_size=16", "seconds=0.01"]


def test_it_writes_a_recipe_with_what_was_typed_and_what_was_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "fast.yaml"

    code = main(["autotune", "navigation", *SMALL, "trainer.gamma=0.9", f"output={path}"])

    printed = capsys.readouterr().out
    assert code == 0
    assert "as it is" in printed
    assert f"written: {path}" in printed
    config = resolve(str(path))
    assert config.rules == resolve("navigation").rules
    assert (config.trainer.gamma, config.trainer.horizon) == (0.9, 8)
    assert config.trainer.total_steps == resolve("navigation").trainer.total_steps
    text = path.read_text(encoding="utf-8")
    assert ("# was 8" in text) == (config.trainer.env_count != 8)


def test_without_a_place_it_is_one_of_the_user_s_recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDRL_RECIPES", str(tmp_path / "recipes"))

    assert main(["autotune", "navigation", *SMALL]) == 0

    assert resolve("navigation_fast").rules == resolve("navigation").rules


def test_a_wrong_place_is_refused_before_anything_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["autotune", "navigation", "output=fast.txt"]) == 2
    assert "ends in .yaml" in capsys.readouterr().err

"""docs/replays.md: what it shows is what the program prints, and its tables are the program's."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from tools.console import ROOT, here

from engine.recipes.config import RenderConfig
from engine.replays.drawing import MODES
from engine.replays.export import DEFAULT_FPS, ENDINGS

PAGE = (ROOT / "docs" / "replays.md").read_text(encoding="utf-8")


def consoles() -> list[tuple[str, str]]:
    """Each command of the page's console blocks, and what the page says it prints."""
    blocks = re.findall(r"^```console\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    parts = [part for block in blocks for part in re.split(r"^\$ ", block, flags=re.MULTILINE) if part]
    return [(command, output) for command, _, output in (part.partition("\n") for part in parts)]


def rows(head: str) -> dict[str, list[str]]:
    """A table's rows by what their first cell spells in code."""
    after = PAGE.split(f"\n| {head}", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in after]
    return {name: row[1:] for row in cells for name in re.findall(r"`([^`]+)`", row[0])}


def test_the_page_shows_what_the_program_prints(tmp_path: Path) -> None:
    assert len(consoles()) == 4
    for command, output in consoles():
        program, *arguments = shlex.split(command)
        done = here(tmp_path, *arguments)

        assert (program, done.returncode) == ("gridrl", 0), done.stderr
        if arguments[0] != "play":
            assert done.stdout + done.stderr == output


def test_the_tables_are_those_of_the_program() -> None:
    assert set(rows("ending")) == set(ENDINGS)
    assert {mode: words[0] for mode, words in rows("mode |").items()} == MODES
    assert f"how many pass in a second ({DEFAULT_FPS:g})" in PAGE
    for setting in rows("setting"):
        name, _, default = setting.partition("=")
        field = RenderConfig.model_fields[name]
        assert default in ("", "AGENT") or str(field.default).removesuffix(".0") == default


def test_the_example_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        exec(block, {})

    assert "replay, version 3, with its recording range(0, 101)" in capsys.readouterr().out

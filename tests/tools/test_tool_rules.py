"""gridrl rules: what it prints can be played, and what it is given is checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.recipes import resolve
from engine.recipes.rules_file import rules_from_yaml, rules_schema

from .console import gridrl, here


def test_it_prints_the_game_of_a_recipe_with_its_settings(tmp_path: Path) -> None:
    done = gridrl(tmp_path, "rules", "arena_easy", "rules.max_steps=50")

    assert done.returncode == 0, done.stderr
    assert rules_from_yaml(done.stdout, "printed") == resolve("arena_easy", ["rules.max_steps=50"]).rules


def test_what_it_prints_is_right_and_can_be_played(tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_text(here(tmp_path, "rules", "arena").stdout, "utf-8")

    checked = here(tmp_path, "rules", "--check", "my.yaml")
    played = here(tmp_path, "play", "arena", "rules=my.yaml", "rules.max_steps=20", "--episodes", "1")

    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout == "my.yaml is right: arena, agents 6, actions 10, kinds 4, rewards 3\n"
    assert played.returncode == 0, played.stderr


def test_a_wrong_file_is_answered_with_its_place_and_exit_code_1(tmp_path: Path) -> None:
    text = here(tmp_path, "rules", "arena").stdout
    (tmp_path / "my.yaml").write_text(text.replace("agents: 6", "agnts: 6"), "utf-8")

    done = here(tmp_path, "rules", "--check", "my.yaml")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "gridrl: my.yaml, line 2, column 1: agnts: there is no 'agnts'",
        "hint: did you mean agents?",
    ]


def test_it_prints_the_schema(tmp_path: Path) -> None:
    done = here(tmp_path, "rules", "--schema")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == rules_schema()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "give a RECIPE, or --check FILE, or --schema"),
        (["arena", "--schema"], 2, "give a RECIPE, or --check FILE, or --schema"),
        (["--schema", "--check", "my.yaml"], 2, "give a RECIPE, or --check FILE, or --schema"),
        (["--check"], 2, "expected one argument"),
        (["arean"], 2, "no recipe is called 'arean'"),
        (["arena", "rules.agnts=1"], 2, "rules.agnts"),
        (["--check", "nowhere.yaml"], 1, "there is no rules file nowhere.yaml"),
        (["--check", "/dev/zero"], 1, "not a regular file"),
        (["--check", "\x1b]52;c;cm0gLXJm\x07"], 1, r"there is no rules file \x1b]52"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(tmp_path: Path, arguments: list[str], code: int, words: str) -> None:
    done = here(tmp_path, "rules", *arguments)

    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr

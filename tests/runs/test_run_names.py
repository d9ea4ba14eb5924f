"""Names of runs: safe wherever they go."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RunError
from engine.runs import check_run_name, new_run_id, runs_root
from engine.runs.names import ADJECTIVES, ANIMALS

HOSTILE = [
    "", ".", "..", "../x", "a/b", "a\\b", "/etc", "-rf", "--help", ".hidden", "_x", "CON", "con", "nul.txt", "COM1",
    "lpt9.log", "x" * 65, "a b", "a;b", "$(id)", "a\nb", "a\n", "a\x00b", "\x1b[31m", "ünder", "a.", "\uff41",
    "[bold]x[/]", "a\u202eb", "~", "*",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_refused(name: str) -> None:
    with pytest.raises(RunError) as refused:
        check_run_name(name)

    assert refused.value.hint
    assert "\x1b" not in refused.value.message


@pytest.mark.parametrize("name", ["ruddy-otter", "A", "9", "a.b_c-d", "x" * 64, "console", "arena.v12", "com10"])
def test_an_ordinary_name_is_accepted_as_it_is(name: str) -> None:
    assert check_run_name(name) == name


@given(st.text(max_size=80))
def test_whatever_is_accepted_is_one_plain_path_component(name: str) -> None:
    try:
        check_run_name(name)
    except RunError:
        return

    assert set(name) <= set(string.ascii_letters + string.digits + "._-")
    assert Path(name).name == name
    assert name[0].isalnum()


def test_a_new_name_is_an_adjective_and_an_animal(tmp_path: Path) -> None:
    name = new_run_id(tmp_path)

    adjective, animal = name.split("-")
    assert adjective in ADJECTIVES
    assert animal in ANIMALS
    assert check_run_name(name) == name


def test_new_names_avoid_those_that_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.runs.names.ADJECTIVES", ("calm", "wild"))
    monkeypatch.setattr("engine.runs.names.ANIMALS", ("fox",))
    (tmp_path / "calm-fox").mkdir()

    assert new_run_id(tmp_path) == "wild-fox"


def test_a_name_is_found_even_when_all_pairs_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.runs.names.ADJECTIVES", ("calm",))
    monkeypatch.setattr("engine.runs.names.ANIMALS", ("fox",))
    (tmp_path / "calm-fox").mkdir()

    assert re.fullmatch(r"calm-fox-[0-9a-f]{8}", new_run_id(tmp_path))


def test_the_word_lists_hold_only_safe_and_different_words() -> None:
    for words in (ADJECTIVES, ANIMALS):
        assert len(set(words)) == len(words) == 64
        assert all(re.fullmatch("[a-z]{2,9}", word) for word in words)


def test_the_environment_chooses_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDRL_RUNS", str(tmp_path))

    assert runs_root() == tmp_path


def test_without_the_environment_the_root_is_in_the_users_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRIDRL_RUNS", raising=False)

    assert runs_root().parts[-2:] == ("gridrl", "runs")


def test_a_file_where_runs_should_be_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("GRIDRL_RUNS", str(tmp_path / "file"))

    with pytest.raises(RunError, match="is not a directory") as refused:
        runs_root()

    assert refused.value.hint == "set GRIDRL_RUNS to a directory"

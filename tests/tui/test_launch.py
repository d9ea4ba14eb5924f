"""The launch screen: the same schema, the same resolver and the same answers as the command line."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from front_door import ENDLESS_RUN, Door, opened
from hypothesis import given
from hypothesis import strategies as st
from textual.widgets import Static

from engine.cli import main
from engine.recipes import examine, recipes, resolve
from engine.recipes.command_line import read_command
from engine.recipes.rules_file import rules_to_yaml
from engine.runs import RunDirectory
from tui.launch import Launch, examined, launch_of
from tui.widgets.form import FormRow, FormRows, matching
from tui.widgets.launch_screen import LaunchScreen

SIZE = (120, 40)
QUICK = ("trainer.total_steps=2e4", "trainer.env_count=64")


# ---- The model


@pytest.mark.parametrize("recipe", sorted(recipes()))
@pytest.mark.parametrize("settings", [(), ("trainer.lr=3e-4", "rules.max_steps=33", "run=x"), ("scatters=3",)])
def test_a_configuration_comes_back_from_its_launch(recipe: str, settings: tuple[str, ...]) -> None:
    config = resolve(recipe, settings)

    launch = launch_of(recipe, config)

    assert examined(launch).config == config
    assert len(launch.settings) <= len(settings)


def test_a_game_of_ones_own_comes_back_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(rules_to_yaml(resolve("hide_and_seek").rules))
    config = resolve("arena", [f"rules={path}", "map=hide_and_seek", "trainer.minibatch_size=2"])

    launch = launch_of("arena", config)

    assert examined(launch).config == config
    assert [key for key, _ in launch.settings if key.startswith("rules")] == ["rules"]


@given(st.lists(st.tuples(st.sampled_from(["run", "map", "trainer.seed", "no.such"]), st.text(max_size=8)), max_size=4))
def test_the_command_says_the_same_in_a_shell(typed: list[tuple[str, str]]) -> None:
    launch = Launch("arena")
    for key, text in typed:
        launch = launch.having(key, text)

    tool, recipe, *arguments = shlex.split(launch.command.removeprefix("gridrl "))

    assert (tool, recipe) == ("train", "arena")
    assert arguments == launch.arguments


def test_what_was_typed_is_taken_back_alone() -> None:
    launch = Launch("arena").having("run", "x").having("trainer.seed", "3").having("run", "y")

    assert launch.settings == (("run", "y"), ("trainer.seed", "3"))
    assert launch.without("run").settings == (("trainer.seed", "3"),)
    assert launch.having("recipe", "navigation") == Launch("navigation", launch.settings)


def test_a_recipe_that_is_not_there_is_a_fault_and_no_error() -> None:
    looked = examined(Launch("nowhere"))

    assert looked.config is None
    assert looked.resolution is None
    assert "no recipe is called 'nowhere'" in looked.faults[0].message


def test_every_word_of_a_search_must_occur_and_keys_come_first() -> None:
    rows = [FormRow("a.clip", "1", "", "how far"), FormRow("far", "2", ""), FormRow("far.clip", "3", "")]

    assert [row.key for row in matching(rows, "far")] == ["far", "far.clip", "a.clip"]
    assert [row.key for row in matching(rows, "FAR clip")] == ["far.clip", "a.clip"]
    assert matching(rows, "") == rows
    assert matching(rows, "nothing") == []


# ---- The screen


async def launch_open(door: Door) -> LaunchScreen:
    await door.press("T")
    await door.until(lambda: any(found.rows for found in door.app.screen.query(FormRows)), "the form")
    screen = door.app.screen
    assert isinstance(screen, LaunchScreen)
    return screen


def rows(door: Door) -> FormRows:
    return door.app.screen.query_one(FormRows)


def row(door: Door, key: str) -> FormRow:
    return next(row for row in rows(door).rows if row.key == key)


def point_at(door: Door, key: str) -> None:
    keys = [each.key for each in rows(door).rows]
    rows(door).cursor = keys.index(key)


async def set_to(door: Door, key: str, text: str) -> None:
    """Type a value over the one that is there, and take it."""
    point_at(door, key)
    await door.press("enter")
    await door.type(text)
    await door.press("enter")
    await door.until(lambda: row(door, key).value == text, f"{key} = {text}")


async def test_the_form_shows_what_the_dry_run_of_its_command_would(tmp_path: Path) -> None:
    async with opened(tmp_path, "trainer.lr=3e-4", recipe="arena", size=SIZE) as door:
        await launch_open(door)
        await set_to(door, "run", "x")

        shown = str(door.app.screen.query_one("#launch-command", Static).content)
        _, tool, recipe, *arguments = shlex.split(shown.removeprefix("$ "))
        resolution = examine(tool, recipe, read_command(tool, recipe, arguments).settings)

        assert shown == "$ gridrl train arena trainer.learning_rate=0.0003 run=x"
        expected = {each.key: (each.text, each.changed) for each in (*resolution.parameters, *resolution.settings)}
        form = {each.key: (each.value, each.changed) for each in rows(door).rows}
        assert {key: form.get(key) for key in expected} == expected
        assert set(form) - set(expected) == {"recipe", "preset"}
        assert row(door, "trainer.learning_rate").origin == "typed"
        assert row(door, "trainer.gamma").origin == "recipe arena"
        assert "was 0.0025" in door.screen
        assert "= 24,576 = 12 minibatches of 2,048" in " ".join(
            " ".join(door.part(door.app.screen.query_one("#launch-state"))).split()
        )


async def test_a_value_is_judged_while_it_is_typed_and_escape_leaves_it(tmp_path: Path) -> None:
    async with opened(tmp_path, size=SIZE) as door:
        await launch_open(door)
        point_at(door, "trainer.env_count")

        await door.press("enter")
        await door.type("3")
        await door.until_seen("does not")
        assert row(door, "trainer.minibatch_size").fault
        await door.press("escape")
        await door.until(lambda: row(door, "trainer.env_count").value == "128", "the old value")

        assert "does not" not in door.screen
        assert not any(each.fault for each in rows(door).rows)


async def test_what_is_wrong_cannot_be_started(tmp_path: Path) -> None:
    async with opened(tmp_path, size=SIZE) as door:
        await launch_open(door)
        await set_to(door, "trainer.epochs", "many")

        await door.press("t")

        assert isinstance(door.app.screen, LaunchScreen)
        assert door.session.own_run is None
        assert "trainer.epochs cannot be 'many'" in door.screen


async def test_the_name_of_a_run_that_is_there_is_refused_as_in_the_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRIDRL_RUNS", str(tmp_path))
    (tmp_path / "calm-fox").mkdir()
    async with opened(tmp_path, size=SIZE) as door:
        await launch_open(door)
        await set_to(door, "run", "calm-fox")

        await door.until(lambda: bool(row(door, "run").fault), "an answer")
        said = row(door, "run").fault
        await door.press("t")

        assert isinstance(door.app.screen, LaunchScreen)
        assert door.session.own_run is None
    assert main(["train", "navigation", "run=calm-fox", "--dry-run"]) == 1
    assert said == "run calm-fox is there already"
    assert f"gridrl: {said}" in capsys.readouterr().err.splitlines()


def test_every_map_is_tried_and_not_the_first_alone() -> None:
    looked = examined(Launch("navigation").having("more_maps", '["arena_small"]'))

    assert looked.config is None
    assert "arena_small, line 2" in looked.faults[0].message


async def test_t_trains_with_what_the_form_shows(tmp_path: Path) -> None:
    async with opened(tmp_path, *QUICK, size=SIZE) as door:
        await launch_open(door)
        await set_to(door, "run", "calm-fox")
        await set_to(door, "trainer.seed", "7")

        await door.press("t")
        await door.until(lambda: "TRAIN" in door.screen, "the pane with its curves")

        kept = RunDirectory(tmp_path / "calm-fox").info().config
        assert (kept["trainer"]["seed"], kept["trainer"]["total_steps"]) == (7, 20_000)


async def test_another_recipe_can_be_chosen_and_its_game_is_on_the_screen(tmp_path: Path) -> None:
    async with opened(tmp_path, size=SIZE) as door:
        await launch_open(door)
        await set_to(door, "recipe", "arena_easy")
        await set_to(door, "preset", "tiny")
        await set_to(door, "trainer.total_steps", "20000")

        await door.press("t")
        await door.until(lambda: door.session.own_run is not None and "arena/small" in door.screen, "a run of it")

        assert door.session.config.rules.name == "arena"
        assert door.session.play.map.name == "arena_small"
        assert door.run_directory.info().config["trainer"]["policy"]["hidden"] == [32, 32]


async def test_d_takes_back_what_was_typed_and_arrows_go_through_choices(tmp_path: Path) -> None:
    async with opened(tmp_path, size=SIZE) as door:
        await launch_open(door)
        point_at(door, "trainer.policy.kind")

        await door.press("right")
        await door.until(lambda: row(door, "trainer.policy.kind").value == "cnn", "cnn")
        assert row(door, "trainer.policy.kind").changed
        await door.press("d")
        await door.until(lambda: row(door, "trainer.policy.kind").value == "mlp", "mlp")

        assert not row(door, "trainer.policy.kind").changed


async def test_d_drops_what_a_file_says_to_what_lies_below_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("recipe: arena\ntrainer: {gamma: 0.5}\nrules: {resources: {gold: {limit: 5}}}\n")
    async with opened(tmp_path, recipe=str(path), size=SIZE) as door:
        await launch_open(door)
        assert "differs from arena" in door.screen
        assert row(door, "trainer.gamma").origin == "file mine.yaml, line 2"
        point_at(door, "trainer.gamma")

        await door.press("d")
        await door.until(lambda: row(door, "trainer.gamma").value == "0.995", "arena's own")
        assert row(door, "trainer.gamma").origin == "typed"
        await door.press("d")
        await door.until(lambda: row(door, "trainer.gamma").value == "0.5", "the file's")
        point_at(door, "rules.resources.gold")
        await door.press("d")

        await door.until(lambda: any("It is new" in note.message for note in door.app._notifications), "the reason")
        assert row(door, "rules.resources.gold").origin == "file mine.yaml, line 3"


async def test_a_search_leaves_what_has_its_words_and_escape_brings_all_back(tmp_path: Path) -> None:
    async with opened(tmp_path, size=SIZE) as door:
        await launch_open(door)
        everything = len(rows(door).rows)

        await door.press("slash")
        await door.type("adam_eps")
        assert [each.key for each in rows(door).rows] == ["trainer.adam_epsilon"]
        await door.press("escape")

        assert len(rows(door).rows) == everything
        assert rows(door).has_focus


async def test_no_second_run_is_started_and_the_form_says_why(tmp_path: Path) -> None:
    async with opened(tmp_path, *ENDLESS_RUN, size=SIZE) as door:
        await door.train()
        run = door.session.own_run
        await launch_open(door)

        await door.press("t")
        await door.until(lambda: any("under way" in note.message for note in door.app._notifications), "the reason")

        assert door.session.own_run is run


async def test_hostile_text_is_shown_and_not_obeyed(tmp_path: Path) -> None:
    async with opened(tmp_path, size=SIZE) as door:
        await launch_open(door)
        point_at(door, "map")
        await door.press("enter")
        await door.type("[bold]\x1b]52;c;x\x07\u202e")
        await door.press("enter")
        await door.until(lambda: row(door, "map").value.startswith("[bold]") and "stop" in door.screen, "an answer")

        assert all(character.isprintable() or character == "\n" for character in door.screen)


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (200, 60)])
async def test_every_size_shows_the_cursor_row_and_the_command(tmp_path: Path, size: tuple[int, int]) -> None:
    async with opened(tmp_path, size=size) as door:
        await launch_open(door)

        await door.press("end")

        last = rows(door).rows[-1].key
        assert any(line.lstrip("*! ").startswith(last[:10]) for line in door.part(rows(door)))
        assert "$ gridrl train navigation" in door.screen


async def test_a_value_that_is_being_typed_is_taken_when_the_run_is_started(tmp_path: Path) -> None:
    async with opened(tmp_path, *QUICK, size=SIZE) as door:
        await launch_open(door)
        point_at(door, "trainer.seed")
        await door.press("enter")
        await door.type("9")

        await door.press("ctrl+s")
        await door.until(lambda: door.session.own_run is not None, "a run")

        assert door.run_directory.info().config["trainer"]["seed"] == 9


async def test_what_was_typed_is_there_when_the_form_is_opened_again(tmp_path: Path) -> None:
    async with opened(tmp_path, size=SIZE) as door:
        await launch_open(door)
        await set_to(door, "preset", "tiny")
        await set_to(door, "trainer.seed", "9")

        await door.press("escape")
        await launch_open(door)

        assert (row(door, "preset").value, row(door, "trainer.seed").value) == ("tiny", "9")

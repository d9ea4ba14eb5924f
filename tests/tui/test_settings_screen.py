"""The settings on screen: what is typed counts at once, is in the file, and is refused in words."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from front_door import CORRIDOR, Door, OpenedApp, on_map
from front_door import opened as opened_app

from tui.settings import SettingsFile, load, opened
from tui.widgets.form import FormRows
from tui.widgets.settings_screen import SettingsScreen

SIZE = (120, 40)
WIDE = (200, 50)


def with_settings(root: Path, text: str = "", size: tuple[int, int] = SIZE) -> OpenedApp:
    """The app on a settings file of its own, on a small map."""
    path = settings_file(root)
    if text:
        path.write_text(text, "utf-8")
    app = opened_app(root / "runs", *on_map(root, CORRIDOR), size=size)
    app._app.settings = SettingsFile(opened(path, os.environ))
    return app


def settings_file(root: Path) -> Path:
    return root / "settings.toml"


async def choose(door: Door, key: str, value: str) -> None:
    """Open the settings if they are not, go to a setting and type a value."""
    if not isinstance(door.app.screen, SettingsScreen):
        await door.press("f8")
    await go_to(door, key)
    await door.press("enter")
    await door.type(value)
    await door.press("enter")


async def go_to(door: Door, key: str) -> None:
    rows = door.app.screen.query_one(FormRows)
    rows.cursor = [row.key for row in rows.rows].index(key)
    await door.settled()


async def saved(door: Door, words: str) -> str:
    """The settings file, once the words are in it."""
    path = settings_file(door.root.parent)
    await door.until(lambda: path.exists() and words in path.read_text(), words)
    return path.read_text()


async def test_a_theme_counts_at_once_and_is_in_the_file(tmp_path: Path) -> None:
    async with with_settings(tmp_path, 'theme = "gridrl-contrast"  # mine\n') as door:
        assert door.app.theme == "gridrl-contrast"

        await choose(door, "theme", "gridrl-light")

        assert door.app.theme == "gridrl-light"
        assert 'theme = "gridrl-light"  # mine' in await saved(door, "gridrl-light")
        assert str(settings_file(tmp_path)) in door.screen
        assert "differs from the defaults: theme" in door.screen

        await door.press("right")  # the next of its choices
        assert door.app.theme == "gridrl-contrast"

        await door.press("d")
        assert door.app.theme == "gridrl-dark"
        await door.until(lambda: "theme" not in settings_file(tmp_path).read_text())


async def test_the_screen_goes_as_it_came(tmp_path: Path) -> None:
    async with with_settings(tmp_path) as door:
        await door.press("f8")
        assert isinstance(door.app.screen, SettingsScreen)
        await door.press("f8")
        assert not isinstance(door.app.screen, SettingsScreen)
        await door.press("f8", "escape")
        assert not isinstance(door.app.screen, SettingsScreen)
        assert not settings_file(tmp_path).exists()


async def test_a_new_key_works_and_the_old_one_does_not(tmp_path: Path) -> None:
    async with with_settings(tmp_path) as door:
        await choose(door, "keys.live.person", "Z")
        assert 'person = "Z"' in (await saved(door, "Z")).replace('"live.person"', "person")
        await door.press("escape", "p")
        assert door.session.play.person is None

        await door.press("Z")
        assert door.session.play.person == 0

        await door.press("f1")
        assert "  Z " in door.screen
        await door.press("escape")
        await door.press("f8")
        await go_to(door, "keys.live.person")
        await door.press("d", "escape", "p")
        assert door.session.play.person is None


async def test_chosen_keys_count_from_the_start(tmp_path: Path) -> None:
    async with with_settings(tmp_path, '[keys]\nlive.person = "f6"\napp.settings = "f10"\n') as door:
        await door.press("f6")
        assert door.session.play.person == 0

        await door.press("f8")
        assert not isinstance(door.app.screen, SettingsScreen)
        await door.press("f10")
        assert isinstance(door.app.screen, SettingsScreen)


async def test_keys_that_meet_are_refused_in_words(tmp_path: Path) -> None:
    async with with_settings(tmp_path) as door:
        await choose(door, "keys.live.person", "t")

        assert "t would be both live.person (Play this agent yourself, or give it back) and live.train" in door.screen
        assert door.app.settings.keymap == {}
        await door.press("escape", "p")
        assert door.session.play.person == 0
        assert not settings_file(tmp_path).exists()


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("rates.fps", "fast", "'fast' is not a number from 1 to 120"),
        ("theme", "gridrl-drak", "near it: gridrl-dark"),
        ("keys.app.quit", "x", "app.quit must keep ctrl+q"),
        ("glyphs.wall", "##", "'##' is not one visible character of one column"),
    ],
)
async def test_a_wrong_value_is_told_while_it_is_typed(tmp_path: Path, key: str, value: str, words: str) -> None:
    async with with_settings(tmp_path) as door:
        await door.press("f8")
        await go_to(door, key)
        await door.press("enter")
        await door.type(value)
        assert words in door.screen

        await door.press("enter")
        assert words in door.screen

        await door.press("escape")
        assert not settings_file(tmp_path).exists()


async def test_a_value_that_is_left_is_not_meant(tmp_path: Path) -> None:
    async with with_settings(tmp_path) as door:
        await door.press("f8")
        await go_to(door, "theme")
        await door.press("enter")
        await door.type("gridrl-light")
        await door.press("escape")

        assert door.app.theme == "gridrl-dark"
        assert isinstance(door.app.screen, SettingsScreen)
        assert not settings_file(tmp_path).exists()


async def test_characters_of_ones_own_are_on_the_map_at_once(tmp_path: Path) -> None:
    async with with_settings(tmp_path, '[glyphs]\nagent = "A"\n') as door:
        assert door.map()[1] == "#A....#"

        await choose(door, "glyphs.goal", "$")
        await choose(door, "glyphs.wall", "H")
        await door.press("escape")

        assert door.map() == ["HHHHHHH", "HA....H", "H.HHH.H", "H....$H", "HHHHHHH"]
        await saved(door, 'wall = "H"')
        assert load(settings_file(tmp_path), {}).settings.glyphs == {"agent": "A", "goal": "$", "wall": "H"}


async def test_the_speed_is_that_of_the_file_and_changes_at_once(tmp_path: Path) -> None:
    async with with_settings(tmp_path, "[rates]\nsteps_per_second = 50\nfps = 5\n") as door:
        assert door.session.game.pacer.rate == 50
        assert door.app._fps == 5
        assert door.app._tick is not None
        assert door.app._tick._interval == pytest.approx(1 / 5)

        await choose(door, "rates.steps_per_second", "2")
        await choose(door, "rates.fps", "60")

        assert door.session.game.pacer.rate == 2
        assert door.app._tick._interval == pytest.approx(1 / 60)


async def test_the_timer_is_running_as_before_after_a_change(tmp_path: Path) -> None:
    async with with_settings(tmp_path, "[rates]\nsteps_per_second = 1000\n") as door:
        await door.press("space")
        await choose(door, "rates.fps", "50")
        taken = door.session.play.view
        await door.until(lambda: door.session.play.view is not taken, "a step")


async def test_over_ssh_the_other_rate_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "here there")
    async with with_settings(tmp_path, "[rates]\nssh_fps = 4\n") as door:
        assert door.app._fps == 4


async def test_the_layout_changes_at_once(tmp_path: Path) -> None:
    async with with_settings(tmp_path, "[layout]\nlive_share = 70\n", size=WIDE) as door:
        live, monitor = door.app.query_one("#live"), door.app.query_one("#monitor")
        assert (live.region.width, monitor.region.width) == (140, 60)

        await choose(door, "layout.live_share", "40")
        await door.press("escape")
        assert (live.region.width, monitor.region.width) == (80, 120)

        await choose(door, "layout.side_by_side", "never")
        await door.press("escape")
        assert (live.region.width, monitor.display) == (200, False)

        await choose(door, "layout.side_by_side", "auto")
        await choose(door, "layout.side_by_side_from", "201")
        await door.press("escape")
        assert (live.region.width, monitor.display) == (200, False)


async def test_what_is_wrong_at_the_start_is_told_once_and_shown(tmp_path: Path) -> None:
    async with with_settings(tmp_path, 'theme = "drak"\n[keys]\nlive.train = "w"\n[nothing]\nx = 1\n') as door:
        assert door.app.theme == "gridrl-dark"
        (note,) = notes(door)
        assert note.startswith("Settings: line 1: theme: 'drak' is not one of auto,")
        assert note.endswith("and 2 more; F8 shows them")

        await door.press("f8")
        assert "nothing.x: there is no such setting" in door.screen
        assert "! theme" in door.screen
        assert faulty(door) == ["theme", "keys.live.train"]


def faulty(door: Door) -> list[str]:
    """The settings of the form that are marked as wrong."""
    return [row.key for row in door.app.screen.query_one(FormRows).rows if row.fault]


def notes(door: Door) -> list[str]:
    """What the app has noted beside the panes."""
    return [note.message for note in door.app._notifications]


async def test_a_broken_file_is_kept_and_a_new_one_written(tmp_path: Path) -> None:
    async with with_settings(tmp_path, "theme =") as door:
        (note,) = notes(door)
        assert "it is kept as settings.toml.broken, the defaults count" in note
        await choose(door, "theme", "gridrl-light")

        await saved(door, "gridrl-light")
        assert (tmp_path / "settings.toml.broken").read_text() == "theme ="


async def test_a_newer_file_is_refused_in_words_and_left(tmp_path: Path) -> None:
    text = 'version = 9\ntheme = "gridrl-light"\n'
    async with with_settings(tmp_path, text) as door:
        await choose(door, "theme", "gridrl-contrast")

        assert "theme cannot be saved: the settings are of version 9" in door.screen
        assert door.app.theme == "gridrl-dark"
    assert settings_file(tmp_path).read_text() == text


async def test_what_cannot_be_written_is_told_once_and_counts_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("version = 1\n")
    async with with_settings(tmp_path) as door:
        (tmp_path / "settings.toml").unlink()
        (tmp_path / "settings.toml").mkdir()
        await choose(door, "theme", "gridrl-light")
        await door.until(lambda: notes(door), "the warning")
        await choose(door, "theme", "gridrl-contrast")
        await door.until(lambda: not door.app.workers._workers, "the second try")

        assert door.app.theme == "gridrl-contrast"
        (note,) = notes(door)
        assert note.endswith("the settings count until you leave")

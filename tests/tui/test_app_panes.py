"""The four panes behind the front door: going to them, help, the palette, odd terminals, leaving."""

from __future__ import annotations

from pathlib import Path

import pytest
from front_door import ENDLESS_RUN, Door, on_map, opened
from textual.binding import Binding
from textual.command import CommandPalette
from textual.widget import Widget
from textual.widgets import Input, TextArea

from engine.errors import ConfigError, GridrlError, MapError
from engine.recipes import resolve
from engine.runs import RunState
from tui.app import GridrlApp
from tui.session import Session
from tui.widgets.confirm_screen import ConfirmScreen
from tui.widgets.help_screen import HelpScreen, key_name
from tui.widgets.pane_deck import PaneDeck
from tui.widgets.status_bar import PANES

SIZES = [(80, 24), (120, 40), (200, 60)]
WORDS = ("LIVE", "TRAIN", "MAPS", "QUERY")


def has_focus(door: Door, pane: str) -> bool:
    """Whether the keys go to this pane."""
    focused = door.app.focused
    return focused is not None and door.app.query_one(f"#{pane}") in focused.ancestors_with_self


# Going there


async def test_f_keys_alt_digits_and_digits_go_to_a_pane(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        for number, ((pane, _), word) in enumerate(zip(PANES, WORDS, strict=True), start=1):
            for key in (f"f{number + 1}", f"alt+{number}", str(number)):
                await door.press("f3" if word == "LIVE" else "f2")
                await door.press(key)

                assert door.front == word, key
                assert has_focus(door, pane), key


async def test_digits_in_the_sql_editor_are_text(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        await door.press("f5", "S", "1", "2", "3", "4", "question_mark")

        assert door.app.query_one("#console-sql", TextArea).text == "S1234?"
        assert door.front == "QUERY"
        await door.press("alt+1")
        assert door.front == "LIVE"


async def test_the_keys_of_the_pane_in_front_are_its_own(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, "####\n#@.#\n#.*#\n####")) as door:
        await door.press("f4", "l", "down", "space")
        assert door.view.tick == 0

        await door.press("f2", "l")
        assert door.view.tick == 1


async def test_keys_typed_ahead_go_to_the_pane_that_was_asked_for(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        await door.press("f3")

        await door.press_at_once("f2", "space")

        assert door.session.game.playing


@pytest.mark.parametrize("size", SIZES)
async def test_every_pane_says_what_it_is_for(tmp_path: Path, size: tuple[int, int]) -> None:
    async with opened(tmp_path, size=size) as door:
        for key, words in [
            ("f3", "No run yet"),
            ("f4", "no problems"),
            ("f5", "Ask your runs anything"),
            ("f2", "policy random"),
        ]:
            await door.press(key)
            await door.until_seen(words)
            assert "? help" in door.screen.splitlines()[-1] or "? help" in door.screen


async def test_a_wide_terminal_shows_play_and_training_side_by_side(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, "####\n#@.#\n#.*#\n####"), size=(200, 60)) as door:
        assert door.part("#live-map")
        assert "No run yet" in door.screen

        await door.press("f3")
        assert (door.front, has_focus(door, "monitor")) == ("TRAIN", True)
        assert "policy random" in door.screen

        await door.pilot.resize_terminal(120, 40)
        await door.settled()
        assert door.front == "TRAIN"
        assert "policy random" not in door.screen


async def test_playing_goes_on_behind_another_pane(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        await door.press("+", "+", "space", "f5")
        tick, episode = door.view.tick, door.view.episode

        await door.until(lambda: (door.view.episode, door.view.tick) > (episode, tick + 3), "time to flow")

        await door.press("f2", "space")
        assert f"T {door.view.tick}/100" in door.screen


# Help


def bindings(node: object) -> list[Binding]:
    return [binding for binding in node.BINDINGS if isinstance(binding, Binding)]  # type: ignore[attr-defined]


async def test_help_lists_every_binding_of_every_pane(tmp_path: Path) -> None:
    async with opened(tmp_path, size=(120, 40)) as door:
        for number, (pane, word) in enumerate(PANES, start=1):
            await door.press(f"alt+{number}", "f1")
            assert isinstance(door.app.screen, HelpScreen)
            text = "\n".join(str(node.content) for node in door.app.screen.query("#help > Static"))  # type: ignore[attr-defined]

            assert f"keys of {word}" in text
            for binding in [*bindings(door.app.query_one(f"#{pane}")), *bindings(door.app)]:
                assert binding.tooltip in text, binding
                keys = " ".join(key_name(key) for key in binding.key.split(","))
                assert keys in text, binding
            await door.press("escape")
            assert not isinstance(door.app.screen, HelpScreen)


@pytest.mark.parametrize("key", ["question_mark", "f1", "q", "escape"])
async def test_help_closes_with_every_key_that_suggests_it(tmp_path: Path, key: str) -> None:
    async with opened(tmp_path) as door:
        await door.press("question_mark")
        assert isinstance(door.app.screen, HelpScreen)

        await door.press(key)

        assert not isinstance(door.app.screen, HelpScreen)
        assert door.front == "LIVE"


async def test_every_binding_says_what_it_does(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        for word, _, listed in door.app.pane_bindings():
            for binding in [*listed, *bindings(door.app)]:
                assert binding.tooltip, (word, binding)
                assert binding.id, (word, binding)
        assert [word for word, _, _ in door.app.pane_bindings()] == [word for _, word in PANES]


# The palette


async def find(door: Door, words: str) -> None:
    """Type into the palette and take the first hit."""
    await door.press("ctrl+p")
    await door.until(lambda: isinstance(door.app.screen, CommandPalette), "the palette")
    door.app.screen.query_one(Input).value = words
    await door.until(lambda: _hits(door), f"hits for {words}")
    await door.until_seen(words)
    await door.press("enter")
    if isinstance(door.app.screen, CommandPalette):
        await door.press("enter")
    await door.until(lambda: not isinstance(door.app.screen, CommandPalette), "the palette to close")
    await door.settled()


def _hits(door: Door) -> int:
    screen = door.app.screen
    return screen.query_one("CommandList").option_count if isinstance(screen, CommandPalette) else 0  # type: ignore[attr-defined]


async def test_the_palette_takes_an_action_of_the_agent(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, "####\n#@.#\n#.*#\n####"), size=(120, 40)) as door:
        await find(door, "act: move_east")

        assert door.at() == (2, 1)


async def test_the_palette_goes_to_a_pane_and_does_there_what_its_key_does(tmp_path: Path) -> None:
    async with opened(tmp_path, size=(120, 40)) as door:
        await find(door, "query: Bring the next ready-made query")

        assert door.front == "QUERY"
        assert door.app.query_one("#console-sql", TextArea).text


async def test_the_palette_knows_every_action_of_every_pane(tmp_path: Path) -> None:
    from tui.commands import PaneCommands

    async with opened(tmp_path) as door:
        names = {name for name, _, _ in PaneCommands(door.app.screen)._entries()}

        for _, pane in PANES:
            assert f"{pane}: go there" in names
        for word, _, listed in door.app.pane_bindings():
            assert {f"{word}: {binding.tooltip}" for binding in listed} <= names
        assert {f"act: {action}" for action in door.session.play.spec.action_names} <= names


# Odd terminals


@pytest.mark.parametrize("size", [(59, 24), (80, 19), (20, 5), (1, 1)])
async def test_a_terminal_that_is_too_small_says_so(tmp_path: Path, size: tuple[int, int]) -> None:
    async with opened(tmp_path, size=size) as door:
        words = " ".join(" ".join(door.screen.split()).split())
        if size[0] >= 20:
            assert "gridrl-tui needs 60x20 cells" in words
            assert f"{size[0]}x{size[1]}" in words
        await door.pilot.resize_terminal(80, 24)
        await door.settled()
        assert door.front == "LIVE"
        assert "needs" not in door.screen


async def test_every_pane_lives_through_any_size(tmp_path: Path) -> None:
    async with opened(tmp_path, recipe="arena_easy") as door:
        await door.press("v")
        for key in ("f2", "f3", "f4", "f5"):
            await door.press(key)
            for size in [(200, 60), (60, 20), (160, 20), (61, 60), (3, 2), (80, 24)]:
                await door.pilot.resize_terminal(*size)
                await door.settled()
                assert len(door.screen.splitlines()) == size[1]


# What cannot be opened


@pytest.mark.parametrize(
    ("overrides", "recipe", "kind", "words"),
    [
        ((), "navigatoin", GridrlError, "navigation"),
        (("trainer.lerning_rate=1",), "navigation", ConfigError, "learning_rate"),
        (("trainer.learning_rate=fast",), "navigation", ConfigError, "learning_rate"),
        (("map=no/such.map",), "navigation", MapError, "no/such.map"),
    ],
)
async def test_what_cannot_be_opened_is_refused_in_words(
    tmp_path: Path, overrides: tuple[str, ...], recipe: str, kind: type[GridrlError], words: str
) -> None:
    async with opened(tmp_path, *overrides, recipe=recipe) as door:
        refusal = door.app.refusal
        assert isinstance(refusal, kind)
        assert words in str(refusal)
        assert door.app.return_code == refusal.exit_code != 0


@pytest.mark.parametrize(
    ("drawing", "words"),
    [("####\n#@x#\n####\n", "line 2, column 3"), ("####\n#@#\n####\n", "line 2"), ("####\n#.*#\n####\n", "agent")],
)
async def test_a_map_that_is_none_is_refused_with_its_place(tmp_path: Path, drawing: str, words: str) -> None:
    async with opened(tmp_path, *on_map(tmp_path, drawing)) as door:
        assert isinstance(door.app.refusal, MapError)
        assert words in str(door.app.refusal)


# Leaving


@pytest.mark.parametrize("key", ["ctrl+q", "ctrl+c"])
async def test_leaving_with_nothing_to_lose_asks_nothing(tmp_path: Path, key: str) -> None:
    async with opened(tmp_path) as door:
        await door.press(key)

        assert door.app.return_code == 0
        assert door.app._exit


async def test_leaving_while_training_asks_and_takes_no_for_an_answer(tmp_path: Path) -> None:
    async with opened(tmp_path, *ENDLESS_RUN) as door:
        await door.train()

        await door.press("ctrl+q")
        assert isinstance(door.app.screen, ConfirmScreen)
        question = " ".join(" ".join(door.part(door.app.screen.query_one("#confirm"))).split())
        assert "is under way; quitting stops it with a checkpoint. " in question  # it wraps by the name of the run

        await door.press("n")
        assert not isinstance(door.app.screen, ConfirmScreen)
        assert door.session.is_training

        await door.press("ctrl+q", "y")
        assert door.app._exit
        run = door.session.own_run
    assert run is not None
    assert run.state().status is RunState.STOPPED


async def test_leaving_asks_for_a_drawing_that_no_file_has(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        await door.press("f4", "down", "right", "#", "ctrl+q")

        assert isinstance(door.app.screen, ConfirmScreen)
        assert "no file has" in door.screen
        await door.press("escape")
        assert not isinstance(door.app.screen, ConfirmScreen)


async def test_panes_stay_where_they_are_while_a_question_is_open(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        await door.press("f4", "down", "right", "#", "ctrl+q", "f2", "f5")

        assert isinstance(door.app.screen, ConfirmScreen)
        await door.press("n")
        assert door.front == "MAPS"


async def test_leaving_before_the_last_pane_has_come_adds_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added: list[str | None] = []
    add = PaneDeck.add

    async def add_and_leave(deck: PaneDeck, pane: Widget) -> None:
        added.append(pane.id)
        await add(deck, pane)
        deck.app.exit()

    monkeypatch.setattr(PaneDeck, "add", add_and_leave)
    app = GridrlApp(lambda fps: Session("navigation", resolve("navigation", []), tmp_path, fps=fps))
    async with app.run_test() as pilot:
        while not app._exit:
            await pilot.pause()

    assert added == ["monitor"]
    assert app.failure is None


async def test_a_terminal_that_grows_again_gives_the_keys_back(tmp_path: Path) -> None:
    async with opened(tmp_path, recipe="arena_easy") as door:
        for size in ((50, 12), (80, 24)):
            await door.pilot.resize_terminal(*size)
            await door.settled()

        await door.press(".", ".", ",")

        assert door.session.play.tick == 1
        assert len(door.part("#live-timeline")[0]) > 70

        await door.press("2")
        for size in ((50, 12), (100, 30)):
            await door.pilot.resize_terminal(*size)
            await door.settled()
        await door.press("1", ".")
        assert door.session.play.tick == 2

"""Text that wants to be markup or an escape sequence, fed to every pane: it stays text, and the app lives."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from front_door import Door, opened
from textual.widgets import Input, TextArea

from engine.errors import MapError, QueryError, RunError
from engine.maps import parse_ascii
from engine.runs import EventLogged, MetricsLogged, RunState, RunStatus, RunWriter
from engine.stats import Result, TableInfo
from tui.messages import JobRefused

HOSTILE = (
    "[@click=app.quit]x[/] [/] [bold \x1b]52;c;aGk=\x07\x1b[6n\x1b]0;owned\x07\x9b31m"
    "\u202egnp\u2066\u200b\u2028\ufeff\nA" + "\u0301" * 400 + "\x00\x7f\ud800\uffff\U000e0041"
)
IN_A_FILE_NAME = "".join(character for character in HOSTILE if character not in "/\x00\ud800")[:80]

SIZES = [(80, 24), (200, 60)]

FORBIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn"}


def assert_harmless(door: Door) -> None:
    """The app lives, and no character on the screen is anything but a visible one."""
    assert door.app.failure is None
    assert door.app._exit is False
    lines = door.screen.split("\n")
    bad = {character for line in lines for character in line if unicodedata.category(character) in FORBIDDEN}
    assert not bad, [hex(ord(character)) for character in bad]
    assert not any("\u0301" * 4 in line for line in lines)


async def visit_every_pane(door: Door) -> None:
    for key in ("f2", "f3", "f4", "f5"):
        await door.press(key)
        assert_harmless(door)


def hostile_run(root: Path, name: str = "calm-fox") -> Path:
    """A run whose every word is hostile, as another program may have written it."""
    text = HOSTILE.replace("\ud800", "")
    writer = RunWriter.create(root, name, {text: text}, {"recipe": text, "game": text, "map": text, "seed": 0})
    for step in range(1, 6):
        writer.metrics(step * 100, {"rollout/ep_rew_mean": step / 2, f"rollout/{text}": step, f"{text}/x": -step})
    writer.event("warning", text, name=text)
    writer.event(text, text)
    writer.close(RunState.FAILED, text)
    return root / name


@pytest.mark.parametrize("size", SIZES)
async def test_a_hostile_run_is_listed_shown_and_asked(tmp_path: Path, size: tuple[int, int]) -> None:
    hostile_run(tmp_path)
    async with opened(tmp_path, size=size) as door:
        await door.press("f3", "r")
        await door.until_seen("calm-fox")
        assert_harmless(door)
        await door.press("enter")
        await door.until_seen("rollout/ep_rew_mean")
        assert_harmless(door)
        await door.press("pagedown", "right", "enter")
        assert_harmless(door)
        await door.press("escape", "f5")

        door.app.query_one("#console-sql", TextArea).text = "SELECT * FROM events, runs LIMIT 5"
        await door.press("f5")
        await door.until_seen(" rows")
        assert_harmless(door)
        await door.press("tab", "right", "right", "enter")
        assert_harmless(door)
        await visit_every_pane(door)


async def test_a_hostile_name_of_a_run_directory_is_listed_or_left_out(tmp_path: Path) -> None:
    run = hostile_run(tmp_path)
    run.rename(tmp_path / IN_A_FILE_NAME)
    async with opened(tmp_path, size=(120, 40)) as door:
        await door.press("f3", "r")
        await door.until(lambda: not door.app.workers._workers, "the list")
        await door.settled()
        assert_harmless(door)
        await door.press("enter")
        await door.until(lambda: not door.app.workers._workers, "the run")
        await door.settled()
        await visit_every_pane(door)


async def test_a_hostile_state_of_a_run_is_shown_as_text(tmp_path: Path) -> None:
    run = hostile_run(tmp_path)
    for name in ("state.json", "run.json"):
        record = json.loads((run / name).read_text())
        record = {key: HOSTILE if isinstance(value, str) else value for key, value in record.items()}
        (run / name).write_text(json.dumps(record))
    async with opened(tmp_path, size=(120, 40)) as door:
        await door.press("f3", "r")
        await door.until(lambda: not door.app.workers._workers, "the list")
        await door.press("enter")
        await door.until(lambda: not door.app.workers._workers, "the run")
        await visit_every_pane(door)


@pytest.mark.parametrize("size", SIZES)
async def test_a_hostile_name_of_a_map_file_is_shown_as_text(tmp_path: Path, size: tuple[int, int]) -> None:
    file = tmp_path / f"{IN_A_FILE_NAME}.map"
    file.write_text("#####\n#@.*#\n#####\n", "utf-8")
    async with opened(tmp_path / "runs", f"map={file}", "rules.spawn_anywhere=false", size=size) as door:
        await visit_every_pane(door)

        await door.press("f4", "o")
        door.app.query_one("#prompt Input", Input).value = str(file)
        await door.press("enter")
        await door.until(lambda: not door.app.workers._workers, "the file")
        await visit_every_pane(door)
        await door.press("P")
        assert_harmless(door)


async def test_a_hostile_map_is_refused_as_text(tmp_path: Path) -> None:
    file = tmp_path / "bad.map"
    file.write_text(f"###\n#{HOSTILE.replace(chr(0xD800), '')}#\n###\n", "utf-8")
    async with opened(tmp_path / "runs", size=(120, 40)) as door:
        await door.press("f4", "o")
        door.app.query_one("#prompt Input", Input).value = str(file)
        await door.press("enter")
        await door.until_seen("line 2, column")
        await visit_every_pane(door)


async def test_hostile_records_are_drawn_as_text(tmp_path: Path) -> None:
    async with opened(tmp_path, size=(200, 60)) as door:
        door.app._show_run(HOSTILE)
        monitor = door.app._monitor
        monitor.append([MetricsLogged(step, 0.0, {HOSTILE: step, f"rollout/{HOSTILE}": 1.0}) for step in range(5)])
        monitor.append([EventLogged(9, 0.0, HOSTILE, HOSTILE, {HOSTILE: HOSTILE})])
        status = RunStatus(RunState.FAILED, 5, 10, message=HOSTILE)
        monitor.show_status(status)
        door.app._bar.status = status
        monitor.set_runs([(HOSTILE, RunState.TRAINING, 1, 2)])
        monitor.flush()
        await door.press("r")
        assert_harmless(door)
        await door.press("s", "enter", "L")
        await visit_every_pane(door)


async def test_hostile_answers_are_shown_as_text(tmp_path: Path) -> None:
    async with opened(tmp_path, size=(120, 40)) as door:
        console = door.app._console
        await door.press("f5")
        console.set_tables([TableInfo(HOSTILE, "view", 3, ((HOSTILE, HOSTILE),))])
        console.show_result(
            console._ticket, Result([HOSTILE, "b"], ["VARCHAR", HOSTILE], [(HOSTILE, 1)] * 3, 3, False, 1.0)
        )
        await door.settled()
        assert_harmless(door)
        await door.press("tab", "enter")
        assert_harmless(door)
        console.show_error(console._ticket, QueryError(HOSTILE, hint=HOSTILE, line=1, column=1))
        await door.settled()
        assert_harmless(door)


@pytest.mark.parametrize("pane", ["f2", "f3", "f4", "f5"])
async def test_hostile_errors_are_told_as_text(tmp_path: Path, pane: str) -> None:
    async with opened(tmp_path) as door:
        await door.press(pane)
        for error in (RunError(HOSTILE, hint=HOSTILE), MapError(HOSTILE, hint=HOSTILE)):
            door.app.post_message(JobRefused(error))
            await door.settled()
        await door.until(lambda: door.app._notifications or door.said, "the words")
        assert_harmless(door)


async def test_a_hostile_action_is_refused_as_text(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        await door.press(":")
        door.app.query_one("#live-ask", Input).value = HOSTILE
        await door.settled()
        await door.press("enter")

        assert "has no action" in door.said
        assert_harmless(door)
        assert door.view.tick == 0


async def test_a_hostile_name_of_a_policy_is_shown_as_text(tmp_path: Path) -> None:
    async with opened(tmp_path, size=(120, 40)) as door:
        player = door.session.game.player
        player.name = HOSTILE
        door.session.use_trained(player)
        door.app._refresh_live()
        await door.settled()
        assert_harmless(door)


async def test_a_hostile_name_of_a_map_is_shown_as_text(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        assert door.app._change_map(parse_ascii("####\n#@*#\n####", HOSTILE))
        await door.settled()
        await visit_every_pane(door)


async def test_pasted_hostile_text_is_typed_as_text(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        await door.press("f5")
        await door.type(HOSTILE)
        await door.press("f5")
        await door.until(lambda: not door.app._console._waiting, "an answer")
        await door.until_seen("error")
        lines = door.screen.split("\n")
        assert not {character for line in lines for character in line if unicodedata.category(character) == "Cc"}

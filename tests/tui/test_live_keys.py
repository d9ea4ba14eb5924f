"""Every key of the Live pane, through the front door, by what the simulator or the screen then does.

`CHECKS` has one check for each binding; a binding without one fails.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from front_door import CORRIDOR, Door, map_file, on_map, opened
from textual.widgets import Input

from engine.errors import CheckpointError
from engine.policies.architecture import Architecture
from engine.policies.networks import build_network
from engine.policies.signature import Signature
from engine.policies.trained import TorchPolicy, load_policy
from engine.recipes import resolve, worlds_of
from engine.runs import save_checkpoint
from engine.sim import DIRECTIONS, Batch
from tui.overlays import OverlayKind
from tui.panes.live.pane import LivePane
from tui.widgets.chances_screen import ChancesScreen
from tui.widgets.grid_view import GridView
from tui.widgets.launch_screen import LaunchScreen
from tui.widgets.minimap import Minimap

Check = Callable[[Path], Awaitable[None]]

CHECKS: dict[str, Check] = {}
KEYS = {str(binding.id): binding.key.split(",") for binding in LivePane.BINDINGS}
WIDE = (120, 40)

YARD = """
    #######
    #.....#
    #.....#
    #..@..#
    #.....#
    #.....#
    #####*#"""
OPEN = "\n".join(["#" * 60, *["#" + "." * 58 + "#"] * 14, "#" + "." * 20 + "@" + "." * 36 + "*#", "#" * 60])
WORKSHOP = """
    ########
    #.1m.2.#
    #.n.1.2#
    #_..1.2#
    ########"""


def checks(*names: str) -> Callable[[Check], Check]:
    """Marks the check of some bindings."""

    def note(check: Check) -> Check:
        CHECKS.update(dict.fromkeys(names, check))
        return check

    return note


@pytest.mark.parametrize("name", KEYS)
async def test_every_key_does_what_it_is_for(name: str, tmp_path: Path) -> None:
    assert name in CHECKS, f"no check of {name}"

    await CHECKS[name](tmp_path)


def test_every_key_has_one_meaning_and_a_tooltip() -> None:
    keys = [key for each in KEYS.values() for key in each]

    assert len(keys) == len(set(keys))
    assert len(KEYS) == len(LivePane.BINDINGS)
    assert all(binding.tooltip for binding in LivePane.BINDINGS)
    assert CHECKS.keys() <= KEYS.keys()


def facing(door: Door, agent: int = 0) -> str:
    return DIRECTIONS[door.view.agents[agent].facing]


# ---- Walking and turning

PLACES = {
    "north": (3, 2),
    "south": (3, 4),
    "west": (2, 3),
    "east": (4, 3),
    "northwest": (2, 2),
    "northeast": (4, 2),
    "southwest": (2, 4),
    "southeast": (4, 4),
}


def moves(way: str) -> Check:
    async def check(tmp_path: Path) -> None:
        async with opened(tmp_path, *on_map(tmp_path, YARD)) as door:
            for key in KEYS[f"live.move_{way}"]:
                await door.press(key)
                assert door.at() == PLACES[way]
                await door.press("R")

    return check


def turns(way: str) -> Check:
    async def check(tmp_path: Path) -> None:
        async with opened(tmp_path, recipe="arena_easy") as door:
            other = "K" if way != "north" else "J"
            place = door.at()
            for key in KEYS[f"live.turn_{way}"]:
                await door.press(other, key)
                assert facing(door) == way
                assert door.at() == place

    return check


def pans(way: str, rows: int, columns: int) -> Check:
    async def check(tmp_path: Path) -> None:
        async with opened(tmp_path, *on_map(tmp_path, OPEN), size=(60, 20)) as door:
            grid = door.app.query_one("#live-map", GridView)
            for key in KEYS[f"live.pan_{way}"]:
                await door.press("f" if not door.app._live.following else "v", "v")
                door.app._live.following = False
                grid.centre_on(8, 28)
                before = grid.viewport
                await door.press(key)
                top, left = before[0] + rows, before[1] + columns
                assert grid.viewport[0] == min(max(top, 0), 17 - before[2]) if before[2] < 17 else before[0]
                assert grid.viewport[1] == min(max(left, 0), 60 - before[3])
                assert "free view" in door.screen
                assert door.view.tick == 0

    return check


for _way in PLACES:
    CHECKS[f"live.move_{_way}"] = moves(_way)
for _way in ("north", "south", "west", "east"):
    CHECKS[f"live.turn_{_way}"] = turns(_way)
for _way, _rows, _columns in (("up", -4, 0), ("down", 4, 0), ("left", 0, -8), ("right", 0, 8)):
    CHECKS[f"live.pan_{_way}"] = pans(_way, _rows, _columns)


# ---- Acting


async def at_the_mine(door: Door) -> int:
    """Turn to the agent beside the mine, and let it face that."""
    mine = next(index for index in range(6) if door.at(index) == (2, 1))
    await door.press(*["]"] * mine, "L")
    return mine


@checks("live.use")
async def use(tmp_path: Path) -> None:
    overrides = (f"map={map_file(tmp_path, WORKSHOP)}",)
    for key in KEYS["live.use"]:
        async with opened(tmp_path, *overrides, recipe="arena_easy") as door:
            mine = await at_the_mine(door)
            await door.press(key)
            assert door.view.agents[mine].inventory == (1, 0, 0)
            assert door.said == "You take 1 ore."


DUEL = """
    ########
    #@..@..#
    #......#
    #.c_n..#
    ########"""


@checks("live.attack", "live.shield")
async def fight(tmp_path: Path) -> None:
    async with opened(tmp_path, *duel(tmp_path), recipe="arena_energy") as door:
        await door.press("L", "F")
        names = door.session.play.spec.action_names
        assert names[door.view.agents[0].last_action].startswith("attack")
        await door.press("S")
        assert names[door.view.agents[0].last_action] == "shield"
        assert door.view.agents[0].shield
        await door.press("S")
        assert not door.view.agents[0].shield


def duel(folder: Path) -> tuple[str, ...]:
    return (f"map={map_file(folder, DUEL)}", "rules.agents=2")


@checks("live.swap")
async def swap(tmp_path: Path) -> None:
    drawing = "#####\n#@s.#\n#r.R#\n#.._#\n#####"
    async with opened(tmp_path, f"map={map_file(tmp_path, drawing)}", "rules.agents=1", recipe="arena_classic") as door:
        await door.press("L", *KEYS["live.swap"])
        assert door.at() == (2, 1)
        names = door.session.play.spec.cell_names
        assert names[door.view.cells[1, 1]] == "block"
        assert "You change places with the block." in door.said
    async with opened(tmp_path) as door:
        await door.press(*KEYS["live.swap"])
        assert door.said.startswith("navigation has no action 'swap'")
        assert door.view.tick == 0


@checks("live.by_name")
async def by_name(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, CORRIDOR)) as door:
        await door.press(*KEYS["live.by_name"])
        await door.type("move_south")
        await door.press("enter")
        assert door.at() == (1, 2)


@checks("live.count")
async def count(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, OPEN)) as door:
        place = door.at()
        await door.press(*KEYS["live.count"], "1", "2")
        assert door.said == "how often? 12: now a key to act, Esc to leave"
        await door.press("l")
        await door.until(lambda: not door.session.is_busy, "twelve steps")
        assert (door.at(), door.view.tick) == ((place[0] + 12, place[1]), 12)
        await door.press("'", "5", ",")
        assert door.view.tick == 7
        await door.press("'", "3", "escape", "h")
        assert door.view.tick == 8


# ---- Time


async def played(door: Door, steps: int) -> None:
    await door.press(*["."] * steps)


@checks("live.play")
async def play(tmp_path: Path) -> None:
    async with opened(tmp_path, recipe="arena_easy") as door:
        await door.press(*KEYS["live.play"])
        assert door.session.game.playing
        await door.until(lambda: door.view.tick > 2, "time to flow")
        await door.press(*KEYS["live.play"])
        tick = door.view.tick
        for _ in range(10):
            await door.settled()
        assert door.view.tick == tick


@checks("live.step", "live.back")
async def step_and_back(tmp_path: Path) -> None:
    async with opened(tmp_path, recipe="arena_easy") as door:
        hashes = [door.session.play.batch.hash()]
        for _ in range(4):
            await door.press(*KEYS["live.step"])
            hashes.append(door.session.play.batch.hash())
        assert len(set(hashes)) == 5
        for tick in (3, 2, 1, 0):
            await door.press(*KEYS["live.back"])
            assert (door.session.play.tick, door.session.play.batch.hash()) == (tick, hashes[tick])


@checks("live.scrub_back", "live.scrub_on", "live.beginning", "live.end")
async def scrub(tmp_path: Path) -> None:
    async with opened(tmp_path, recipe="arena_easy") as door:
        await played(door, 45)
        expected = []
        for name in ("scrub_back", "scrub_back", "scrub_on", "scrub_on", "scrub_on", "beginning", "scrub_back", "end"):
            await door.press(*KEYS[f"live.{name}"])
            expected.append(door.session.play.tick)
        assert expected == [25, 5, 25, 45, 45, 0, 0, 45]  # as far as was played, and no further


@checks("live.event_before", "live.event_after")
async def events(tmp_path: Path) -> None:
    async with opened(tmp_path, f"map={map_file(tmp_path, WORKSHOP)}", recipe="arena_easy") as door:
        await at_the_mine(door)
        await door.press("a", *["."] * 6, "J", "a", *["."] * 4)  # ore with step 2, a battery with step 10
        found = []
        for name in ("before", "before", "before", "after", "after"):
            await door.press(*KEYS[f"live.event_{name}"])
            found.append((door.session.play.tick, door.said.startswith("agent ")))
        assert found == [(10, False), (2, False), (2, True), (10, False), (10, True)]


@checks("live.go_to")
async def go_to(tmp_path: Path) -> None:
    async with opened(tmp_path, recipe="arena_easy") as door:
        await played(door, 9)
        for typed, tick in (("4", 4), ("0", 0), ("9,999", 9), ("3", 3), ("9" * 6000, 9)):
            await door.press(*KEYS["live.go_to"])
            await door.type(typed)
            await door.press("enter")
            assert door.session.play.tick == tick
        for odd in ("²", "٣", "-3", "x[b]"):
            await door.press(*KEYS["live.go_to"])
            await door.type(odd)
            await door.press("enter")
            assert door.said == f"{odd} is no step: type a number."
            assert door.session.play.tick == 9


@checks("live.branch", "live.next_branch", "live.drop_branch", "live.compare")
async def branches(tmp_path: Path) -> None:
    async with opened(tmp_path, recipe="arena_easy", size=WIDE) as door:
        play = door.session.play
        await played(door, 6)
        await door.press(",", ",", *KEYS["live.branch"])
        assert (play.branch, play.tick, play.is_past) == (1, 4, False)
        await door.press(*KEYS["live.next_branch"])
        assert (play.branch, play.tick, play.is_past) == (0, 4, True)
        await door.press(*KEYS["live.compare"])
        assert door.app.query_one("#live-other").display
        assert "branch 0 | 1" in door.screen
        await door.press(*KEYS["live.compare"])
        assert not door.app.query_one("#live-other").display
        await door.press(*KEYS["live.next_branch"], *KEYS["live.drop_branch"])
        assert (play.branch, sorted(play.history.branches)) == (0, [0])


@checks("live.faster", "live.slower")
async def speed(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        for key in KEYS["live.faster"]:
            before = door.session.game.pacer.rate
            await door.press(key)
            assert door.session.game.pacer.rate > before
        rate = door.session.game.pacer.rate
        await door.press(*KEYS["live.slower"])
        assert door.session.game.pacer.rate < rate


@checks("live.restart")
async def restart(tmp_path: Path) -> None:
    async with opened(tmp_path, recipe="arena_easy") as door:
        await played(door, 5)
        await door.press(*KEYS["live.restart"])
        assert (door.view.tick, door.session.play.tick, door.session.play.history.end(0)) == (0, 0, 0)


@checks("live.save")
async def save(tmp_path: Path) -> None:
    from engine.runs.recordings import load_recording

    async with opened(tmp_path, recipe="arena_easy") as door:
        await played(door, 5)
        await door.press(*KEYS["live.save"])
        await door.until(lambda: door.said.startswith("Saved "), "the file")
        (path,) = (tmp_path / "recordings").iterdir()
        assert load_recording(path).ticks == 5


# ---- Agents and who plays them


@checks("live.next", "live.before")
async def agents(tmp_path: Path) -> None:
    async with opened(tmp_path, recipe="arena_easy") as door:
        expected = 0
        for name, by in (("live.next", 1), ("live.before", -1)):
            for key in KEYS[name]:
                await door.press(key)
                expected = (expected + by) % 6
                assert door.session.play.selected == expected


@checks("live.person")
async def person(tmp_path: Path) -> None:
    async with opened(tmp_path, recipe="arena_easy") as door:
        await door.press("]", *KEYS["live.person"])
        assert door.session.play.held == {1}
        place, face = door.at(1), facing(door, 1)
        await played(door, 5)
        assert (door.at(1), facing(door, 1)) == (place, face)  # it rests
        await door.press(*KEYS["live.person"])
        assert door.session.play.held == set()


@checks("live.add_person")
async def add_person(tmp_path: Path) -> None:
    """Two play by turns: what the one chooses waits for the other."""
    async with opened(tmp_path, recipe="arena_easy", size=WIDE) as door:
        await door.press(*KEYS["live.add_person"], "]", *KEYS["live.add_person"])
        assert door.session.play.held == {0, 1}
        assert door.said == "Agents 0, 1 are played by hand, by turns: a step comes when all have chosen."

        await door.press("J")
        assert (door.view.tick, door.session.play.selected, door.said) == (0, 0, "Agent 0 is next.")
        await door.press("K")
        assert (door.view.tick, facing(door, 0), facing(door, 1)) == (1, "north", "south")
        await door.press("L", "H")
        assert door.view.tick == 2
        assert sorted((facing(door, 0), facing(door, 1))) == ["east", "west"]
        await door.press("p", "[", "p")
        assert door.session.play.held == set()


@checks("live.policy")
async def policy(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        await door.press(*KEYS["live.policy"], ".", ".")
        assert "policy noop" in door.screen
        assert door.view.agents[0].last_action == 0


@checks("live.assign")
async def assign(tmp_path: Path) -> None:
    async with opened(tmp_path, recipe="arena_easy", size=WIDE) as door:
        await choose(door, "goal-seeker for agent 1")
        assert door.said == "agent 1 goal-seeker, others random."
        players = [door.session.game.player_of(agent).name for agent in range(6)]
        assert players == ["random", "goal-seeker", "random", "random", "random", "random"]

        await choose(door, "noop for group 0")
        noop = door.session.play.spec.action_names.index("noop")
        await played(door, 3)
        groups = door.session.config.rules.agent_groups
        assert all(door.view.agents[each].last_action == noop for each in range(6) if groups[each] == 0)
        await choose(door, "simple")
        assert door.said == "simple."
        assert door.session.game.policy == "simple"


async def choose(door: Door, text: str) -> None:
    await door.press(*KEYS["live.assign"])
    await door.type(text)
    await door.press("enter")
    await door.until(lambda: not door.said.startswith("Looking for"), "an answer")
    await door.settled()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nonsense", "nonsense"),
        ("noop for agent 99", "nobody is called 'agent 99'"),
        ("noop for agent ²", "nobody is called 'agent ²'"),
        ("noop for nobody", "nobody is called 'nobody'"),
        ("trained", "no trained policy for arena yet"),
        ("runs:/nothing:v1", "nothing"),
        ("/no/such/file.safetensors", "file.safetensors"),
        ("[b]x[/b]", "[b]x[/b]"),
        ("x" * 3000, "xxx"),
        (" for me", "policy"),
    ],
)
async def test_a_bad_policy_is_refused_in_plain_words(tmp_path: Path, text: str, words: str) -> None:
    async with opened(tmp_path, recipe="arena_easy", size=WIDE) as door:
        await choose(door, text)

        assert words in door.said
        assert "Traceback" not in door.said
        assert "Error" not in door.said
        assert door.session.game.policy == "random"
        assert door.app._exit is False


# ---- Seeing


@checks("live.window")
async def window(tmp_path: Path) -> None:
    async with opened(tmp_path, recipe="arena_easy", size=WIDE) as door:
        await door.press(*KEYS["live.window"])
        assert "@" in "\n".join(door.part("#live-window"))
        assert door.session.scene().eye is not None
        await door.press(*KEYS["live.window"])
        assert door.part("#live-window") == []
        assert door.session.scene().eye is None


@checks("live.explain")
async def explain(tmp_path: Path) -> None:
    async with opened(tmp_path, recipe="arena_easy") as door:
        assert door.session.scene().intent is None
        await door.press(*KEYS["live.explain"])
        assert "about to" in door.screen
        assert door.session.scene().intent is not None
        await door.press(*KEYS["live.explain"])
        assert "about to" not in door.screen
        assert door.session.scene().intent is None


@checks("live.legend")
async def legend(tmp_path: Path) -> None:
    async with opened(tmp_path, recipe="arena_easy", size=WIDE) as door:
        await door.press(*KEYS["live.legend"])
        assert door.part("#live-panel")[0].strip() == "legend"
        assert "altar" in "\n".join(door.part("#live-panel"))
        await door.press(*KEYS["live.legend"])
        assert door.part("#live-panel")[0].strip() == "agent 0"
    async with opened(tmp_path, recipe="arena_easy") as door:
        await door.press(*KEYS["live.legend"])
        assert "altar" in "\n".join(door.part("#live-panel"))


@checks("live.fog")
async def fog(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, OPEN), size=WIDE) as door:

        def floor() -> int:
            return "".join(door.map()).count(".")

        everything = floor()
        await door.press(*KEYS["live.fog"])
        spec = door.session.play.spec
        assert 0 < floor() <= spec.window_height * spec.window_width < everything
        assert "fog" in door.part("#live-second")[0]
        await door.press("l", "l", "l")
        scene = door.session.scene()
        assert scene.known is not None
        assert scene.in_sight is not None
        assert scene.known.sum() > scene.in_sight.sum()
        await door.press(*KEYS["live.fog"])
        assert floor() == everything


@checks("live.follow")
async def follow(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, OPEN)) as door:
        await door.press(*KEYS["live.follow"])
        assert "free view" in door.screen
        await door.press(*KEYS["live.follow"])
        assert "free view" not in door.screen


@checks("live.minimap")
async def minimap(tmp_path: Path) -> None:
    size = 120
    rows = ["#" * size, *["#" + "." * (size - 2) + "#"] * (size - 2), "#" * size]
    rows[100] = "#" + "." * 99 + "@" + "." * 17 + "*#"
    async with opened(tmp_path, *on_map(tmp_path, "\n".join(rows)), size=WIDE) as door:
        grid = door.app.query_one("#live-map", GridView)
        await door.press(*KEYS["live.minimap"])
        small = door.app.query_one(Minimap)
        assert small.display
        before = grid.viewport
        assert before[0] > 60
        await door.pilot.click(Minimap, offset=(2, 1))
        await door.settled()
        assert grid.viewport[0] < 20
        assert grid.viewport[1] < 20
        assert "free view" in door.screen
        await door.press(*KEYS["live.minimap"])
        assert not small.display


@checks("live.zoom_in", "live.zoom_out")
async def zoom(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, OPEN), size=WIDE) as door:
        grid = door.app.query_one("#live-map", GridView)
        usual, cells = grid.zoom_level, grid.viewport[2] * grid.viewport[3]
        await door.press(*KEYS["live.zoom_out"])
        assert grid.zoom_level != usual
        assert grid.zoom_level in door.part("#live-second")[0]
        assert grid.viewport[2] * grid.viewport[3] >= cells
        await door.press(*KEYS["live.zoom_in"])
        assert grid.zoom_level == usual
        assert door.view.tick == 0


@checks("live.look")
async def look(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, CORRIDOR), size=WIDE) as door:
        await door.press(*KEYS["live.look"])
        assert door.said == "1,1: agent 0. Esc leaves."
        assert "looking at 1,1" in door.screen
        await door.press("l", "j")
        assert door.session.game.cursor == (2, 2)
        assert door.said == "2,2: wall. Esc leaves."
        await door.press("n", "l", "l")
        assert door.said == "5,3: goal: gives 1 heart. Esc leaves."
        assert "goal: gives 1 heart" in "\n".join(door.part("#live-panel"))
        await door.press("shift+right")  # by eight, and never beyond the map
        assert door.session.game.cursor == (3, 6)
        await door.press("enter")
        assert (door.session.game.cursor, door.view.tick, door.at()) == (None, 0, (1, 1))
        await door.press("l")  # and the keys walk again
        assert door.at() == (2, 1)


@checks("live.travel")
async def travel(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, CORRIDOR), size=WIDE) as door:
        await door.press(*KEYS["live.travel"], "l", "l", "l")
        assert door.session.game.cursor == (1, 4)
        assert "Enter goes there" in door.said
        await door.press("enter")
        await door.until(lambda: not door.session.is_busy, "the way")
        assert (door.at(), door.view.tick) == ((4, 1), 3)
        assert door.session.game.cursor is None

        await door.press(*KEYS["live.travel"], *KEYS["live.travel"])  # to the nearest thing
        assert door.session.game.cursor == (3, 5)
        await door.press("escape")
        assert (door.session.game.cursor, door.at(), door.said) == (None, (4, 1), "")


@checks("live.leave")
async def leave(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, OPEN)) as door:
        await door.press("'", "5", "0", "0", "l", *KEYS["live.leave"])
        tick = door.view.tick
        assert door.said == "Stopped."
        for _ in range(10):
            await door.settled()
        assert door.view.tick == tick < 30
        await door.press("o", "escape")
        assert door.session.game.overlay is OverlayKind.NONE


@checks("live.chances")
async def chances(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, CORRIDOR)) as door:
        await door.press(*KEYS["live.chances"])
        assert isinstance(door.app.screen, ChancesScreen)
        listed = [each.name for each in door.app.screen._chances]
        assert set(listed) == set(door.session.play.spec.action_names)
        await door.press("escape")
        assert not isinstance(door.app.screen, ChancesScreen)
        assert door.view.tick == 0

        await door.press(*KEYS["live.chances"], *["down"] * listed.index("move_south"), "enter")
        assert door.at() == (1, 2)
        assert not isinstance(door.app.screen, ChancesScreen)


@checks("live.overlay", "live.overlay_before")
async def overlays(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, CORRIDOR), size=WIDE) as door:
        await door.press("l", "l", "h")
        seen = []
        for kind in (OverlayKind.VISITS, OverlayKind.TRACE, OverlayKind.DISTANCE, OverlayKind.NONE):
            await door.press(*KEYS["live.overlay"])
            assert door.session.game.overlay is kind  # what a network has to say is left out where none plays
            seen.append(words_over(door))
        assert seen == [
            "overlay  visits of agent 0, 3 steps of this episode, 1 .. 2, log",
            "overlay  trace of agent 0, its last 3 steps",
            "overlay  distance from agent 0, 1 (bright) .. 4 steps",
            "",
        ]
        for kind in (OverlayKind.DISTANCE, OverlayKind.TRACE):
            await door.press(*KEYS["live.overlay_before"])
            assert door.session.game.overlay is kind


def words_over(door: Door) -> str:
    lines = door.part("#live-overlay")
    return lines[0].strip() if lines and door.app.query_one("#live-overlay").display else ""


def trained(door: Door, folder: Path, kind: str = "mlp") -> Path:
    """A checkpoint of a small network for the game of this door."""
    spec = door.session.play.spec
    network = build_network(Architecture(kind=kind, hidden=(8,), **ATTENTION.get(kind, {})), Signature.of(spec), 0)
    meta = {
        "signature": network.signature.to_meta(),
        "architecture": network.architecture.model_dump(mode="json"),
        "roles": {},
        "name": "calm-fox",
    }
    tensors = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    return save_checkpoint(folder / "ck-000000000007.safetensors", 7, tensors, meta)


ATTENTION = {"attention": {"size": "tiny"}}


async def test_all_overlays_of_a_trained_policy_name_it_its_moment_and_their_scale(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, CORRIDOR), size=WIDE) as door:
        await choose(door, str(trained(door, tmp_path)))
        assert "calm-fox" in door.said
        await door.press(".", ".")
        found = {}
        await door.press("o", "o", "o")
        for kind in list(OverlayKind)[4:]:
            await door.press("o")
            await door.until(lambda: "asking" not in words_over(door), "an answer")
            found[kind] = (words_over(door), door.session.scene().overlay)
        for kind in (OverlayKind.VALUE, OverlayKind.GREEDY, OverlayKind.ENTROPY, OverlayKind.SALIENCY):
            words, overlay = found[kind]
            assert overlay is not None
            assert overlay.codes.any()
            assert "calm-fox:v7, T 2, agent 0" in words
            assert " .. " in words
        words, overlay = found[OverlayKind.ATTENTION]
        assert overlay is None
        assert words.startswith("overlay  attention: calm-fox:v7 has no attention to show")

        await door.press("O")  # what was asked of saliency is asked again at once
        await door.until(lambda: words_over(door).startswith("overlay  saliency calm-fox:v7"), "saliency")
        await door.press("O", "O", ".")
        await door.until(lambda: "T 3" in words_over(door), "the newest moment")


async def test_a_policy_of_another_game_is_refused_by_what_differs(tmp_path: Path) -> None:
    async with opened(tmp_path, recipe="arena_easy", size=WIDE) as door:
        path = trained(door, tmp_path)
    with Batch(worlds_of(resolve("navigation", []))) as batch, pytest.raises(CheckpointError) as refused:
        load_policy(path, batch.spec)
    async with opened(tmp_path, size=WIDE) as door:
        await choose(door, str(path))

        assert str(refused.value).split(";")[0][:60] in door.said
        assert door.session.game.policy == "random"


async def test_a_policy_by_its_file_plays_and_is_asked(tmp_path: Path) -> None:
    async with opened(tmp_path, recipe="arena_easy", size=WIDE) as door:
        path = trained(door, tmp_path)
        await choose(door, f"{path} for agent 2")

        assert isinstance(door.session.game.player_of(2), TorchPolicy)
        assert door.said.startswith("agent 2 calm-fox:v7, others random")
        await door.press(".", "]", "]")
        assert "says         calm-fox:v7" in door.screen
        assert "nats" in door.screen


# ---- Elsewhere


@checks("live.train")
async def train(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, CORRIDOR), *SMALL) as door:
        await door.train()
        assert door.session.own_run is not None


SMALL = ("trainer.env_count=8", "trainer.horizon=8", "trainer.minibatch_size=64", "trainer.total_steps=64")


@checks("live.launch")
async def launch(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        await door.press(*KEYS["live.launch"])
        await door.until(lambda: isinstance(door.app.screen, LaunchScreen), "the form")
        assert door.session.own_run is None


@checks("live.edit")
async def edit(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        await door.press(*KEYS["live.edit"])
        assert door.front == "MAPS"


@checks("live.watch")
async def watch(tmp_path: Path) -> None:
    from front_door import ENDLESS_RUN

    async with opened(tmp_path, *on_map(tmp_path, CORRIDOR), *ENDLESS_RUN) as door:
        await door.press(*KEYS["live.watch"])
        assert door.said.startswith("no run is under way here")
        await door.train()
        await door.press("f2", *KEYS["live.watch"])
        assert door.session.watching
        await door.until(lambda: door.session.scene().source, "a picture of the run")
        await door.press(*KEYS["live.watch"])
        assert not door.session.watching
        assert door.said == "Back to your game."


@checks("live.lesson_next", "live.lesson_before")
async def lessons(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        await door.press(*KEYS["live.lesson_next"])
        assert door.said == "There is no tutorial here: gridrl-tui tutorial opens it."
    async with opened(tmp_path, recipe="tutorial") as door:
        first = "\n".join(door.part("#live-lesson"))
        await door.press(*KEYS["live.lesson_next"])
        second = "\n".join(door.part("#live-lesson"))
        assert first != second
        await door.press(*KEYS["live.lesson_before"])
        assert "\n".join(door.part("#live-lesson")) == first


# ---- The mouse


async def test_a_click_looks_selects_and_travels(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, CORRIDOR), size=WIDE) as door:
        grid = door.app.query_one("#live-map", GridView)

        async def click(row: int, column: int) -> None:
            await door.pilot.click("#live-map", offset=grid.place_of(row, column))
            await door.settled()

        await click(3, 5)
        assert (door.said, door.view.tick) == ("5,3: goal: gives 1 heart.", 0)
        await click(1, 1)
        assert door.said == "1,1: agent 0."
        await door.press("p")
        await click(1, 4)
        await door.until(lambda: not door.session.is_busy, "the way")
        assert (door.at(), door.view.tick) == ((4, 1), 3)


async def test_the_wheel_and_a_drag_look_around(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, OPEN), size=(60, 20)) as door:
        from textual.events import MouseDown, MouseMove, MouseScrollDown, MouseUp

        grid = door.app.query_one("#live-map", GridView)
        grid.centre_on(8, 28)
        before = grid.viewport

        def event(kind: type, x: int, y: int, button: int = 0) -> None:
            at = (grid.region.x + x, grid.region.y + y)
            door.app.screen._forward_event(kind(grid, *at, 0, 0, button, False, False, False, *at))

        event(MouseScrollDown, 20, 5)
        await door.settled()
        assert grid.viewport[0] > before[0]
        assert "free view" in door.screen

        before = grid.viewport
        event(MouseDown, 30, 5, 1)
        event(MouseMove, 20, 5, 1)
        event(MouseUp, 20, 5, 1)
        await door.settled()
        assert grid.viewport[1] > before[1]
        assert door.view.tick == 0
        assert door.session.play.held == set()


# ---- Counts


async def test_a_count_is_for_the_next_key_alone(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, OPEN)) as door:
        await door.press("'", "5", "B", "l")

        assert door.view.tick == 1
        assert not door.app._live._counter.is_open
        await door.press("f2")
        assert door.front == "LIVE"


async def test_escape_leaves_a_question_and_nothing_else(tmp_path: Path) -> None:
    async with opened(tmp_path, recipe="arena_easy") as door:
        await door.press("o", "A")
        await door.type("noop")
        await door.press("escape")

        assert door.session.game.overlay is OverlayKind.VISITS
        assert door.session.game.policy == "random"
        assert not door.app.query_one("#live-ask", Input).display

"""Playing through the front door: keys go in, the simulator moves, the screen shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from front_door import CORRIDOR, map_file, on_map, opened
from textual.widgets import Input

from tui.widgets.grid_view import GridView


@pytest.mark.parametrize(
    ("keys", "place", "drawing"),
    [
        (["right"], (2, 1), ["#######", "#.@...#", "#.###.#", "#....*#", "#######"]),
        (["l", "l"], (3, 1), ["#######", "#..@..#", "#.###.#", "#....*#", "#######"]),
        (["down", "j"], (1, 3), ["#######", "#.....#", "#.###.#", "#@...*#", "#######"]),
        (["j", "n", "l", "l", "h"], (3, 3), ["#######", "#.....#", "#.###.#", "#..@.*#", "#######"]),
        (["right", "right", "h", "left"], (1, 1), ["#######", "#@....#", "#.###.#", "#....*#", "#######"]),
        (["down", "up"], (1, 1), ["#######", "#@....#", "#.###.#", "#....*#", "#######"]),
    ],
)
async def test_keys_walk(tmp_path: Path, keys: list[str], place: tuple[int, int], drawing: list[str]) -> None:
    async with opened(tmp_path, *on_map(tmp_path, CORRIDOR)) as door:
        await door.press(*keys)

        assert door.at() == place
        assert door.map() == drawing


@pytest.mark.parametrize(("key", "place"), [("y", (1, 1)), ("u", (3, 1)), ("b", (1, 3)), ("n", (3, 3))])
async def test_letters_walk_diagonally(tmp_path: Path, key: str, place: tuple[int, int]) -> None:
    drawing = """
        #####
        #...#
        #.@.#
        #...#
        ###*#"""
    async with opened(tmp_path, *on_map(tmp_path, drawing)) as door:
        await door.press(key)

        assert door.at() == place


async def test_a_wall_keeps_the_agent_and_says_so(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, CORRIDOR)) as door:
        await door.press("p", "up")

        assert door.at() == (1, 1)
        assert door.view.tick == 1
        assert door.said == "You cannot move north: a wall is in the way."
        assert door.said in door.screen


async def test_the_first_key_takes_the_agent_over(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, CORRIDOR)) as door:
        assert "@0 you" not in door.screen

        await door.press("right")

        assert door.session.play.person == 0
        assert door.said == "You play agent 0 now; p gives it back."
        assert "@0 you" in door.screen

        await door.press("p")
        assert door.session.play.person is None
        assert door.said == "Agent 0 is played by random again."
        assert "@0 you" not in door.screen


async def test_reaching_the_goal_ends_the_episode_and_says_so(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, CORRIDOR)) as door:
        await door.press("j", "n", "l", "l", "l")

        assert door.said.startswith("The goal is reached after 5 steps: return +0.95.")
        assert (door.view.tick, door.view.episode) == (0, 1)
        assert door.map()[1] == "#@....#"


async def test_a_single_step_lets_the_policy_act(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, CORRIDOR)) as door:
        await door.press(".", ".", ".")

        assert door.view.tick == 3
        assert "T 3/100" in door.screen
        assert door.session.play.person is None


async def test_a_step_lets_the_agent_in_hand_rest(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, CORRIDOR)) as door:
        await door.press("p", ".", ".")

        assert door.view.tick == 2
        assert door.at() == (1, 1)


async def test_space_lets_time_flow_and_stops_it(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, CORRIDOR)) as door:
        await door.press("+", "+", "space")
        await door.until(lambda: door.view.tick >= 5 or door.view.episode > 0, "time to flow")
        assert "> 50/s" in door.screen

        await door.press("space")
        stopped_at = (door.view.tick, door.view.episode)
        for _ in range(20):
            await door.settled()

        assert (door.view.tick, door.view.episode) == stopped_at
        assert "paused" in door.screen
        assert door.app._tick is not None


async def test_speed_goes_up_and_down(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        await door.press("+")
        assert door.said == "Speed: 20 steps a second."

        await door.press("-", "-", "-")
        assert door.said == "Speed: 2 steps a second."


async def test_a_new_episode_begins_on_request(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, CORRIDOR)) as door:
        await door.press("right", "right", "R")

        assert door.view.tick == 0
        assert door.at() == (1, 1)
        assert door.said == "A new episode begins."


async def test_policies_go_round(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        assert "policy random" in door.screen

        for name in ("noop", "simple", "goal-seeker"):
            await door.press("P", ".")
            assert door.session.game.policy == name
            assert f"policy {name}" in door.screen

        await door.press("P")
        await door.until_seen("no trained policy for navigation yet")
        assert door.session.game.policy == "goal-seeker"


# By name


async def test_an_action_is_taken_by_its_name(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, CORRIDOR)) as door:
        await door.press(":")
        await door.type("move_east")
        assert "move_east" in door.screen
        await door.press("enter")

        assert door.at() == (2, 1)
        assert not door.app.query_one("#live-ask", Input).display
        await door.press("right")
        assert door.at() == (3, 1)


async def test_an_unknown_action_is_refused_with_what_there_is(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        await door.press(":")
        await door.type("jump")
        await door.press("enter")

        assert "navigation has no action 'jump'" in door.said
        assert "move_north" in door.said
        assert door.view.tick == 0


async def test_escape_leaves_the_prompt_and_acts_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        await door.press(":")
        await door.type("noop")
        await door.press("escape")

        assert door.view.tick == 0
        assert not door.app.query_one("#live-ask", Input).display
        assert door.app.focused is door.app.query_one("#live-map")


async def test_digits_in_the_prompt_are_text(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        await door.press(":", "3", "4", "?")

        assert door.app.query_one("#live-ask", Input).value == "34?"
        assert door.front == "LIVE"


# Several agents


async def test_brackets_and_tab_turn_to_other_agents(tmp_path: Path) -> None:
    async with opened(tmp_path, recipe="arena_easy") as door:
        await door.press("]")
        assert door.session.play.selected == 1
        assert door.part("#live-first")[0].startswith(" @1 ")

        await door.press("tab", "tab")
        assert door.session.play.selected == 3

        await door.press(*["["] * 4)
        assert door.session.play.selected == 5


async def test_a_click_turns_to_the_agent_clicked(tmp_path: Path) -> None:
    async with opened(tmp_path, recipe="arena_easy") as door:
        view = door.app.query_one("#live-map", GridView)
        agent = door.view.agents[4]
        offset = view.place_of(agent.row, agent.column)

        await door.pilot.click("#live-map", offset=offset)
        await door.settled()

        assert door.session.play.selected == 4
        assert door.said == f"{agent.column},{agent.row}: agent 4."


async def test_only_the_agent_in_hand_obeys_the_keys(tmp_path: Path) -> None:
    async with opened(tmp_path, recipe="arena_easy") as door:
        column, row = door.at(0)

        await door.press("p", "J", "K", "L")
        assert door.at(0) == (column, row)
        assert door.view.agents[0].facing == 3
        assert "@0 you  facing east" in door.screen
        assert door.view.tick == 3


async def test_the_arena_has_no_diagonals_and_says_so(tmp_path: Path) -> None:
    async with opened(tmp_path, recipe="arena_easy") as door:
        await door.press("y")

        assert "arena has no action 'move_northwest'" in door.said
        assert door.view.tick == 0


async def test_a_mine_is_used_with_a(tmp_path: Path) -> None:
    drawing = """
        ########
        #.1m.2.#
        #.n.1.2#
        #_..1.2#
        ########"""
    async with opened(tmp_path, f"map={map_file(tmp_path, drawing)}", recipe="arena_easy") as door:
        mine = next(index for index in range(6) if door.at(index) == (2, 1))
        await door.press(*["]"] * mine)

        await door.press("L", "a")
        assert door.said == "You take 1 ore."
        assert door.view.agents[mine].inventory == (1, 0, 0)
        assert "ore 1" in door.screen

        await door.press("J", "a")
        assert door.said == "You turn 1 ore into 1 battery."
        assert "battery +0.30" in door.screen


# Looking


async def test_the_window_shows_what_the_agent_observes(tmp_path: Path) -> None:
    async with opened(tmp_path, recipe="arena_easy", size=(120, 40)) as door:
        assert door.part("#live-window") == []

        await door.press("v")

        spec = door.session.play.spec
        window = door.app.query_one("#live-window", GridView)
        assert window.viewport[2:] == (spec.window_height, spec.window_width)
        text = "\n".join(door.part("#live-window"))
        assert "@" in text
        assert "facing" in "\n".join(door.part("#live-self"))

        await door.press("v")
        assert door.part("#live-window") == []


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40), (200, 60)])
async def test_the_window_fits_every_terminal(tmp_path: Path, size: tuple[int, int]) -> None:
    async with opened(tmp_path, recipe="arena_easy", size=size) as door:
        await door.press("v")

        spec = door.session.play.spec
        window = door.app.query_one("#live-window", GridView)
        assert window.viewport[2:] == (spec.window_height, spec.window_width)
        assert "@" in "\n".join(door.part("#live-map"))


async def test_a_large_map_follows_the_agent_until_one_looks_around(tmp_path: Path) -> None:
    size = 120
    rows = ["#" * size, *["#" + "." * (size - 2) + "#"] * (size - 2), "#" * size]
    rows[100] = rows[100][:100] + "@" + rows[100][101:]
    rows[50] = rows[50][:50] + "*" + rows[50][51:]
    async with opened(tmp_path, *on_map(tmp_path, "\n".join(rows))) as door:
        grid = door.app.query_one("#live-map", GridView)
        top, left, height, width = grid.viewport
        assert top <= 100 < top + height
        assert left <= 100 < left + width
        assert "@" in "\n".join(door.part("#live-map"))

        await door.press("shift+up", "shift+up", "shift+left", "ctrl+left")
        assert grid.viewport[:2] == (top - 8, left - 16)
        assert "free view" in door.screen

        await door.press("f")
        top, left, height, width = grid.viewport
        assert top <= 100 < top + height
        assert "follow" in door.screen


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40), (200, 60)])
async def test_nothing_is_cut_at_any_size(tmp_path: Path, size: tuple[int, int]) -> None:
    async with opened(tmp_path, recipe="arena_easy", size=size) as door:
        await door.press("p", "L", "a")
        lines = door.screen.splitlines()

        assert len(lines) == size[1]
        assert lines[0].startswith(" LIVE train maps query")
        assert "@0 you  facing east  ore" in door.screen
        assert "policy random" in door.screen
        assert len(door.map()) == door.session.play.map.height

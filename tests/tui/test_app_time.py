"""Time under the user's hands, through the front door: keys go back, on and aside, and there it stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from front_door import CORRIDOR, Door, map_file, on_map, opened

ARENA = {"recipe": "arena_easy", "size": (120, 40)}


def hashes_to(door: Door, ticks: int) -> list[int]:
    """The oracle: the hash of each tick of a game that is only ever stepped."""
    from engine.policies.registry import create_policy, take_step
    from engine.sim import Batch

    config, play = door.session.config, door.session.play
    with Batch(play.worlds, seed=config.trainer.seed) as batch:
        policy = create_policy("random", play.rules, play.spec)
        found = [batch.hash()]
        for _ in range(ticks):
            take_step(policy, batch)
            found.append(batch.hash())
        return found


async def test_back_and_on_are_the_states_of_a_straight_game(tmp_path: Path) -> None:
    async with opened(tmp_path, **ARENA) as door:
        expected = hashes_to(door, 30)
        await door.press(*["."] * 30)
        assert door.session.play.batch.hash() == expected[30]

        for key, tick in ((",", 29), (",", 28), ("pageup", 8), ("home", 0), ("pagedown", 20), (".", 21), ("end", 30)):
            await door.press(key)
            assert (door.session.play.tick, door.session.play.batch.hash()) == (tick, expected[tick])

        await door.press(",", ".", ".")  # beyond the past it plays on
        assert door.session.play.tick == 31
        assert len(door.session.play.history.branches) == 1


async def test_the_status_says_how_far_back_it_is(tmp_path: Path) -> None:
    async with opened(tmp_path, **ARENA) as door:
        await door.press(*["."] * 12, *[","] * 5)

        assert "T 7/200 (5 back)" in door.screen
        assert "─▲┄" in door.part("#live-timeline")[0]


async def test_at_the_beginning_there_is_nothing_before(tmp_path: Path) -> None:
    async with opened(tmp_path, **ARENA) as door:
        await door.press(",")

        assert door.said == "The beginning."
        assert door.view.tick == 0


async def test_time_flows_through_the_past_into_the_present(tmp_path: Path) -> None:
    async with opened(tmp_path, **ARENA) as door:
        await door.press(*["."] * 5, "home")
        expected = hashes_to(door, 5)
        await door.press("+", "+", "+", "space")
        await door.until(lambda: door.session.play.tick > 8, "time to flow")
        await door.press("space")

        await door.press("G")
        await door.type("5")
        await door.press("enter")
        assert (door.session.play.tick, door.session.play.batch.hash()) == (5, expected[5])
        assert len(door.session.play.history.branches) == 1


async def test_acting_in_the_past_begins_a_branch_and_keeps_the_other(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, CORRIDOR)) as door:
        await door.press("l", "l", "l")
        there = door.session.play.batch.hash()

        await door.press(",", ",", "j")  # walks back to where it was, and into the wall below

        assert door.session.play.branch == 1
        assert "Branch 1 leaves branch 0 here." in door.said
        assert (door.session.play.tick, door.at()) == (2, (2, 1))
        await door.press("~")
        assert (door.session.play.branch, door.session.play.tick, door.at()) == (0, 2, (3, 1))
        await door.press("end")
        assert door.session.play.batch.hash() == there
        assert "branch 1" in door.screen


async def test_a_branch_made_on_purpose_goes_on_as_it_would_have(tmp_path: Path) -> None:
    """The same policy with the same random numbers: what differs later differs because of what one did."""
    async with opened(tmp_path, **ARENA) as door:
        expected = hashes_to(door, 40)
        await door.press(*["."] * 40, "pageup", "B")
        assert (door.session.play.branch, door.session.play.tick, door.session.play.is_past) == (1, 20, False)

        await door.press(*["."] * 20)

        assert door.session.play.batch.hash() == expected[40]


async def test_another_policy_goes_on_from_the_past(tmp_path: Path) -> None:
    async with opened(tmp_path, **ARENA) as door:
        await door.press(*["."] * 20, "pageup", "B", "P")
        assert door.session.game.policy == "noop"

        await door.press(*["."] * 10)

        assert all(agent.last_action == 0 for agent in door.view.agents)
        await door.press("i", ",")
        assert "says         noop" in door.screen


async def test_a_branch_can_be_dropped_but_not_the_first_one(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, CORRIDOR)) as door:
        await door.press("l", "l", ",", "j", "X")
        assert (door.session.play.branch, sorted(door.session.play.history.branches)) == (0, [0])
        assert door.said == "Branch 1 is forgotten; this is branch 0."
        assert door.at() == (2, 1)

        await door.press("X")
        assert door.said.startswith("this is the first branch, which stays")


async def test_two_branches_stand_side_by_side(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, CORRIDOR), size=(120, 40)) as door:
        await door.press("l", "l", "l", "home", "j", "j")
        await door.press("C")

        assert door.said == "Branch 0 stands beside branch 1; both move together."
        assert "#@...*#" in "".join(door.part("#live-map")).replace(" ", "").replace("##", "#")
        other = "".join(door.part("#live-other")).replace(" ", "")
        assert "@" in other
        assert door.session.scene().beside.view.agents[0].column == 3  # both at step 2
        assert "branch 1 | 0" in door.screen
        await door.press(",")
        assert door.session.scene().beside.view.agents[0].column == 2
        await door.press("escape")
        assert not door.app.query_one("#live-other").display


async def test_there_is_nothing_to_compare_with_one_branch(tmp_path: Path) -> None:
    async with opened(tmp_path, **ARENA) as door:
        for key in ("C", "~"):
            await door.press(key)
            assert door.said.startswith("there is only one branch")


async def test_events_are_jumped_to(tmp_path: Path) -> None:
    """The goal is reached with the sixth step, and a new episode begins."""
    async with opened(tmp_path, *on_map(tmp_path, CORRIDOR), "rules.rewards=[]") as door:
        await door.press("j", "n", "l", "l", "l", "l", "l")
        ticks = []
        await door.press("home")
        for _ in range(2):
            await door.press(">")
            ticks.append(door.session.play.tick)

        assert ticks == [5, 5]
        assert door.said.startswith("agent 0 has no event after this moment")
        await door.press("end", "<")
        assert door.session.play.tick == 5
        assert door.said.startswith("The goal is reached after 5 steps")


async def test_the_timeline_is_pressed_with_the_mouse(tmp_path: Path) -> None:
    async with opened(tmp_path, **ARENA) as door:
        await door.press(*["."] * 20)

        await door.pilot.click("#live-timeline", offset=(1, 0))
        await door.settled()
        assert door.session.play.tick == 0
        line = door.app.query_one("#live-timeline")
        await door.pilot.click("#live-timeline", offset=(line.size.width - len(" branch 0") - 2, 0))
        await door.settled()
        assert door.session.play.tick == 20


async def test_going_back_across_the_end_of_an_episode(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, CORRIDOR)) as door:
        await door.press("j", "n", "l", "l", "l")
        assert (door.view.tick, door.view.episode) == (0, 1)

        await door.press(",")

        assert (door.view.tick, door.view.episode, door.at()) == (4, 0, (4, 3))


async def test_in_the_past_the_panel_says_what_came_next_and_who_did_it(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, CORRIDOR), size=(120, 40)) as door:
        await door.press("l", "p", ".", ",", ",")

        assert "took         move_east  by hand" in door.screen
        await door.press(".")
        assert "by hand" not in door.screen
        assert "says         random" in door.screen


async def test_a_saved_episode_is_replayed_and_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.runs.recordings import load_recording
    from engine.sim import Playback

    async with opened(tmp_path, **ARENA) as door:
        await door.press(*["."] * 25, "ctrl+s")
        await door.until(lambda: door.said.startswith("Saved "), "the file")

        found = list((tmp_path / "recordings").iterdir())
        assert len(found) == 1
        with Playback(load_recording(found[0])) as playback:
            assert playback.recording.ticks == 25
            assert playback.verify().first_difference is None


async def test_an_ended_episode_can_be_saved_to_its_end(tmp_path: Path) -> None:
    from engine.sim import Playback

    async with opened(tmp_path, *on_map(tmp_path, CORRIDOR)) as door:
        await door.press("j", "n", "l", "l", "l")  # an episode, then a second one
        await door.press("j", "n", "l", "l", "l")

        recording, played = door.session.play.recording()
        assert (recording.ticks, recording.ended) == (5, True)
        assert played.all()
        with Playback(recording) as playback:
            assert playback.verify().first_difference is None


async def test_another_map_begins_another_history(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, CORRIDOR)) as door:
        await door.press("l", "l")

        from engine.maps import load_map

        door.session.set_map(load_map(str(map_file(tmp_path, "#####\n#@.*#\n#####", "other"))))
        door.app._refresh_live()
        await door.press(",")

        assert door.said == "The beginning."
        assert door.session.map.name == "other"


async def test_no_timer_runs_while_nothing_moves_by_itself(tmp_path: Path) -> None:
    async with opened(tmp_path, **ARENA) as door:
        timer = door.app._tick
        assert timer is not None
        for keys, runs in (((), False), (("space",), True), (("space",), False), ((".", ",", "o"), False)):
            await door.press(*keys)
            assert timer._active.is_set() is runs

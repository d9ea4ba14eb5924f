"""Training, watching, drawing and asking through the front door: what keys do is found in the run's directory."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from front_door import CORRIDOR, ENDLESS_RUN, FINISHED_RUN, Door, on_map, opened
from textual.widgets import Input, Static, TextArea

from engine.errors import RunError
from engine.recipes import prepare_run
from engine.runs import RunState, load_checkpoint
from engine.training.local import LocalRun

WIDE = (120, 40)


async def trained_to_the_end(door: Door) -> None:
    await door.train()
    await door.until_state(RunState.FINISHED)
    await door.until_seen("finished")
    run = door.session.own_run
    assert run is not None
    await door.until(lambda: run.join(0), "the directory to be whole")


async def ask(door: Door, sql: str) -> None:
    """Run SQL in the Query pane."""
    await door.press("alt+4")
    door.app.query_one("#console-sql", TextArea).text = sql
    await door.press("f5")
    await door.until(lambda: not door.app._console._waiting, "an answer")


# A run and its controls


async def test_a_run_is_steered_by_keys_and_its_log_says_so(tmp_path: Path) -> None:
    async with opened(tmp_path, *ENDLESS_RUN, size=WIDE) as door:
        await door.train()
        run = door.session.own_run
        assert run is not None
        assert door.front == "TRAIN"
        await door.until_seen(f"{run.run_id}")
        await door.until_seen("rollout/ep_rew_mean")

        await door.press("space")
        await door.until_state(RunState.PAUSED)
        await door.until_seen("paused")
        await door.press("space")
        await door.until_state(RunState.TRAINING)

        await door.press("c")
        await door.until(lambda: door.run_directory.checkpoints(), "a checkpoint")

        await door.press("L")
        field = door.app.query_one("#ask-line Input", Input)
        field.value = "1e-4"
        await door.press("enter")
        await door.until(lambda: any("learning_rate" in told for told in door.logged("command")), "a command")
        await door.press("E")
        field.value = "0.05"
        await door.press("enter")
        await door.until(lambda: any("entropy" in told for told in door.logged("command")), "a command")

        await door.press("s")
        await door.until_seen("y")
        await door.press("y")
        await door.until_state(RunState.STOPPED)
        assert run.join(30)

        commands = " | ".join(door.logged("command"))
        for words in ("paused", "resumed", "learning_rate", "-> 0.0001", "entropy", "-> 0.05"):
            assert words in commands, commands
        states = door.logged("state")
        assert states[0] == "training"
        assert states[-1] == "stopped"
        info = door.run_directory.checkpoints()[-1]
        assert info.step == run.state().step
        load_checkpoint(info.path)


async def test_a_stopped_run_goes_on_by_a_key_from_its_last_checkpoint(tmp_path: Path) -> None:
    async with opened(tmp_path, *ENDLESS_RUN, size=WIDE) as door:
        await door.train()
        await door.until_seen("rollout/ep_rew_mean")
        await door.press("R")
        await door.until(lambda: "under way already" in str(door.app.query_one("#ask-text", Static).content), "a no")
        await door.press("s", "y")
        await door.until_state(RunState.STOPPED)
        await door.until_seen("■ stopped")
        stopped = door.session.own_run
        assert stopped is not None
        step = stopped.state().step

        await door.press("R")
        await door.until(lambda: door.session.own_run is not stopped, "the run to go on")
        run = door.session.own_run
        assert run is not None
        await door.until(lambda: run.state().step > step, "a step beyond the checkpoint")
        await door.until_seen(f"resumed from ck-{step:012d} (attempt 2)")

        assert run.run_id == stopped.run_id
        assert len(list(tmp_path.glob("*/run.json"))) == 1


async def test_why_a_run_cannot_go_on_is_said(tmp_path: Path) -> None:
    async with opened(tmp_path, *FINISHED_RUN, size=WIDE) as door:
        await trained_to_the_end(door)
        run = door.session.own_run
        assert run is not None

        with pytest.raises(RunError, match="is finished"):
            door.session.continue_run(run.run_id)
        await door.press("R")

        assert door.session.own_run is run
        assert run.state().status is RunState.FINISHED


async def test_what_cannot_be_done_without_a_run_is_said(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        await door.press("w")
        assert "no run is under way here" in door.said

        await door.press("f3", "space", "s", "c", "L")
        assert door.session.own_run is None


async def test_t_while_training_only_goes_to_the_run(tmp_path: Path) -> None:
    async with opened(tmp_path, *ENDLESS_RUN) as door:
        await door.train()
        run = door.session.own_run

        await door.press("f2", "t")

        assert door.front == "TRAIN"
        assert door.session.own_run is run
        assert len(list(tmp_path.glob("*/run.json"))) == 1


async def test_t_pressed_again_while_a_run_is_being_prepared_starts_no_second_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preparing, may_go_on = threading.Semaphore(0), threading.Event()
    prepared: list[LocalRun] = []

    def slowly(*arguments: Any, **options: Any) -> LocalRun:
        preparing.release()
        may_go_on.wait(30)
        prepared.append(prepare_run(*arguments, **options))
        return prepared[-1]

    monkeypatch.setattr("tui.session.prepare_run", slowly)
    async with opened(tmp_path, *ENDLESS_RUN) as door:
        await door.press("t")
        await door.until(lambda: preparing.acquire(blocking=False), "the first run to be prepared")
        await door.press("t")
        await door.settled()
        may_go_on.set()
        await door.until(lambda: door.session.own_run is not None, "a run")
        await door.until_state(RunState.TRAINING)
        await door.until(lambda: not door.app.workers._workers, "all workers to end")

        try:
            assert prepared == [door.session.own_run]
            assert door.session.run is door.session.own_run
            assert door.front == "TRAIN"
        finally:
            for run in prepared:
                run.close()


async def test_the_status_line_follows_the_run(tmp_path: Path) -> None:
    async with opened(tmp_path, *FINISHED_RUN, "run=calm-fox", size=WIDE) as door:
        await trained_to_the_end(door)

        top = door.screen.splitlines()[0]
        assert "calm-fox" in top
        assert "finished" in top
        assert "2.05k/2.05k" in top
        await door.press("f2")
        assert "calm-fox" in door.screen.splitlines()[0]


async def test_news_that_come_while_the_screen_goes_are_no_defect(tmp_path: Path) -> None:
    async with opened(tmp_path, *ENDLESS_RUN) as door:
        await door.train()

    door.app._on_news()
    door.app._on_tick()

    assert door.app.failure is None


async def test_a_run_that_cannot_start_says_why(tmp_path: Path) -> None:
    async with opened(tmp_path, *FINISHED_RUN, "run=calm-fox") as door:
        (tmp_path / "calm-fox").write_text("in the way")

        await door.press("t")

        await door.until_seen("calm-fox")
        assert door.session.own_run is None
        assert door.front == "LIVE"


async def test_past_runs_are_listed_and_shown(tmp_path: Path) -> None:
    async with opened(tmp_path, *FINISHED_RUN, "run=calm-fox", size=WIDE) as door:
        await trained_to_the_end(door)

    async with opened(tmp_path, size=WIDE) as door:
        await door.press("f3", "r")
        await door.until_seen("calm-fox")
        await door.press("enter")
        await door.until(lambda: door.session.run is not None, "the run to be opened")
        await door.until_seen("rollout/ep_rew_mean")

        assert "finished" in door.screen.splitlines()[0]
        assert door.session.own_run is None
        await door.press("space")
        assert door.session.run is not None
        assert door.session.run.state().status is RunState.FINISHED


# Watching and playing what has been learnt


async def test_w_shows_the_runs_own_agents(tmp_path: Path) -> None:
    async with opened(tmp_path, *ENDLESS_RUN, "run=calm-fox") as door:
        await door.train()
        await door.press("f2", "w")
        assert door.said.startswith("Watching the training run's own agents")
        await door.until_seen("calm-fox env 0")
        tick = door.view.tick

        frame = door.session.own_run and door.session.own_run.latest_frame()
        await door.until(
            lambda: door.session.own_run and door.session.own_run.latest_frame() is not frame, "another picture"
        )
        assert door.view.tick == tick  # the own game stands still

        await door.press("w")
        assert door.said == "Back to your game."
        assert "policy random" in door.screen


async def test_a_key_that_acts_ends_the_watching(tmp_path: Path) -> None:
    async with opened(tmp_path, *ENDLESS_RUN, *on_map(tmp_path, CORRIDOR)) as door:
        await door.train()
        await door.press("f2", "w")
        await door.until_seen("env 0")

        await door.press("right")

        assert not door.session.watching
        assert door.at() == (2, 1)
        assert "@0 you" in door.screen


async def test_watching_ends_with_the_run(tmp_path: Path) -> None:
    async with opened(tmp_path, *ENDLESS_RUN) as door:
        await door.train()
        await door.press("f2", "w")
        await door.until_seen("env 0")

        await door.press("f3", "s", "y", "f2")
        await door.until(lambda: not door.session.watching, "the end of watching")

        await door.until_seen("policy random")


async def test_the_trained_policy_plays(tmp_path: Path) -> None:
    async with opened(tmp_path, *FINISHED_RUN, "run=calm-fox") as door:
        await trained_to_the_end(door)
        await door.press("f2", "P", "P", "P", "P")
        await door.until_seen("policy calm-fox:v2048")

        await door.press(".", ".")

        assert door.view.tick == 2


async def test_the_policy_of_a_run_under_way_plays_and_follows_it(tmp_path: Path) -> None:
    async with opened(tmp_path, *ENDLESS_RUN, "run=calm-fox") as door:
        await door.train()
        await door.press("f2", "P", "P", "P", "P")
        await door.until_seen("policy calm-fox:v")

        assert door.session.game.policy == "trained"


# Drawing


async def test_a_drawn_map_is_played_and_trained_on(tmp_path: Path) -> None:
    async with opened(tmp_path, *FINISHED_RUN, *on_map(tmp_path, CORRIDOR), size=WIDE) as door:
        await door.press("e")
        assert door.front == "MAPS"
        await door.press("down", "right", "right", "#")  # a wall right beside the agent
        await door.press("P")
        assert door.front == "LIVE"
        assert door.map()[1] == "#@#...#"

        await door.press("right")
        assert door.at() == (1, 1)
        await door.press("right")
        assert door.said == "You cannot move east: a wall is in the way."

        await door.press("e", "t")
        await door.until(lambda: door.session.own_run is not None and door.front == "TRAIN", "a run, and its curves")
        await door.until_state(RunState.FINISHED)
        drawn = json.loads((door.run_directory.path / "run.json").read_text())
        assert drawn["map"] == door.session.map.name


async def test_a_map_with_problems_is_refused_in_words(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, CORRIDOR), size=WIDE) as door:
        before = door.session.play
        await door.press("f4", "down", "right", ".", "P")

        assert door.front == "MAPS"
        assert door.session.play is before
        assert "problem" in door.screen

        await door.press("t")
        await door.settled()
        assert door.session.own_run is None
        assert door.front == "MAPS"


async def test_the_map_in_play_is_the_map_under_the_pencil(tmp_path: Path) -> None:
    async with opened(tmp_path, *on_map(tmp_path, CORRIDOR, "mine"), size=WIDE) as door:
        await door.press("f4")

        assert "mine" in door.screen
        assert door.app._editor.map == door.session.map


async def test_a_map_file_that_is_none_is_refused_in_the_pane(tmp_path: Path) -> None:
    bad = tmp_path / "bad.map"
    bad.write_text("####\n#?x#\n####\n")
    async with opened(tmp_path, size=WIDE) as door:
        await door.press("f4", "o")
        door.app.query_one("#prompt Input", Input).value = str(bad)
        await door.press("enter")

        await door.until_seen("line 2, column 2")
        assert door.front == "MAPS"


# Asking


async def test_a_query_over_the_run_shows_its_rows(tmp_path: Path) -> None:
    async with opened(tmp_path, *FINISHED_RUN, "run=calm-fox", size=WIDE) as door:
        await trained_to_the_end(door)

        await ask(
            door, "SELECT run_id, status, max(m.step) AS last FROM runs JOIN metrics m USING (run_id) GROUP BY ALL"
        )

        await door.until_seen("1 row")
        row = next(line for line in door.screen.splitlines()[1:] if "calm-fox" in line and "finished" in line)
        assert "2,048" in row or "2048" in row


async def test_a_query_sees_a_run_under_way(tmp_path: Path) -> None:
    async with opened(tmp_path, *ENDLESS_RUN, "run=calm-fox", size=WIDE) as door:
        await door.train()

        await ask(door, "SELECT run_id, count(*) > 0 AS has_metrics FROM metrics GROUP BY ALL")

        await door.until_seen("true")
        assert door.session.is_training


async def test_a_wrong_query_is_told_where_it_belongs(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        await ask(door, "SELEC 1")

        await door.until_seen("Line 1, column 1")
        assert door.front == "QUERY"

        await ask(door, "SELECT 41 + 1 AS answer")
        await door.until_seen("42")


async def test_escape_cancels_a_query(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        await door.press("f5")
        await door.type("SELECT count(*) FROM range(1000000000) a, range(1000000000) b")
        await door.press("f5")
        await door.until(lambda: door.app._console._waiting, "the query")

        await door.press("escape")

        await door.until_seen("cancelled")
        await ask(door, "SELECT 41 + 1 AS answer")
        await door.until_seen("42")

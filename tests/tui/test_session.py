"""Session without a screen: the game, the runs and the questions of one sitting."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from front_door import CORRIDOR, ENDLESS_RUN, FINISHED_RUN, map_file, on_map

from engine.errors import CheckpointError, MapError, QueryError, RunError, UsageError
from engine.maps import parse_ascii
from engine.recipes import resolve
from engine.runs import AttachedRun, EventLogged, Pause, RunDirectory, RunState, SetHyper
from tui.panes.live.pane import POLICY_NAMES as POLICIES
from tui.play import SPEEDS
from tui.session import Session


class Opened:
    """Makes sessions and closes them when the test is over."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sessions: list[Session] = []

    def __call__(self, *overrides: str, recipe: str = "navigation") -> Session:
        session = Session(recipe, resolve(recipe, list(overrides)), self.root, fps=30)
        self.sessions.append(session)
        return session


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    opener = Opened(tmp_path)
    yield opener
    for session in opener.sessions:
        session.close()


def until(session: Session, condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait for the session's run to come to something."""
    run, deadline = session.own_run, time.monotonic() + seconds
    assert run is not None
    while not condition():
        assert time.monotonic() < deadline, run.state()
        run.join(0.005)


def started(session: Session) -> None:
    """Begin to train and wait for the first steps."""
    run = session.start_run()
    session.adopt_run(run)
    until(session, lambda: run.state().step > 0)


def finished(session: Session) -> str:
    """Train to the end; the name of the run."""
    started(session)
    assert session.own_run is not None
    assert session.own_run.join(60.0)  # its directory is whole only then
    return own_id(session)


def own_id(session: Session) -> str:
    assert session.own_run is not None
    return session.own_run.run_id


def place(session: Session, agent: int = 0) -> tuple[int, int]:
    one = session.play.batch.look().agents[agent]
    return one.column, one.row


# The game


def test_an_action_takes_the_agent_over_and_says_so_once(opened: Opened, tmp_path: Path) -> None:
    session = opened(*on_map(tmp_path, CORRIDOR))

    assert session.game.act("move_east") == ["You play agent 0 now; p gives it back."]
    assert session.game.act("move_east") == []
    assert place(session) == (3, 1)


def test_an_unknown_action_changes_nothing(opened: Opened) -> None:
    session = opened()

    with pytest.raises(UsageError, match="has no action"):
        session.game.act("use")

    assert session.play.person is None
    assert session.play.view.tick == 0


def test_a_step_lets_the_agent_in_hand_rest(opened: Opened, tmp_path: Path) -> None:
    session = opened(*on_map(tmp_path, CORRIDOR))
    session.game.toggle_person()

    for _ in range(5):
        session.game.step()

    assert place(session) == (1, 1)
    assert session.play.view.tick == 5


def test_the_person_goes_along_to_another_agent(opened: Opened) -> None:
    session = opened(recipe="arena_easy")
    session.game.toggle_person()

    session.game.choose_agent(3)

    assert (session.play.person, session.play.selected) == (3, 3)
    assert session.game.toggle_person() == "Agent 3 is played by random again."
    session.game.choose_agent(4)
    assert session.play.person is None


def test_speeds_stop_at_both_ends(opened: Opened) -> None:
    session = opened()

    assert [session.game.change_speed(1) for _ in range(20)][-1] == "Speed: as fast as it goes."
    assert session.game.pacer.rate == SPEEDS[-1]
    assert [session.game.change_speed(-1) for _ in range(20)][-1] == "Speed: 0.1 steps a second."
    assert session.game.pacer.rate == SPEEDS[0]


def test_a_fast_game_leaves_the_screen_its_time(opened: Opened) -> None:
    session = opened(recipe="arena")
    for _ in range(20):
        session.game.change_speed(1)
    session.game.set_playing(True)
    session.game.pacer.start(time.monotonic() - 10)

    began = time.monotonic()
    session.game.advance()

    assert time.monotonic() - began < 1.0  # 250 steps were due; a few milliseconds of them are taken
    assert 0 < session.play.view.tick <= 251


def test_a_map_that_does_not_fit_the_game_leaves_the_old_one(opened: Opened) -> None:
    session = opened(recipe="arena_easy")
    before = session.play

    with pytest.raises(MapError):
        session.set_map(parse_ascii("###\n#.#\n###", "hopeless"))

    assert session.play is before
    assert session.game.step() is not None


def test_another_map_keeps_who_plays(opened: Opened, tmp_path: Path) -> None:
    session = opened(recipe="arena_easy")
    session.game.choose_agent(2)
    session.game.toggle_person()

    session.set_map(parse_ascii("@@@@@@\n......", "flat"))

    assert (session.play.selected, session.play.person) == (2, 2)
    assert session.map.name == "flat"


def test_the_scene_has_an_observation_only_when_asked_for(opened: Opened) -> None:
    session = opened()
    assert session.scene().observation is None

    session.game.observing = True

    assert np.array_equal(session.scene().observation, session.play.batch.observations[0])  # type: ignore[arg-type]


# Who plays


def test_policies_go_round_whether_they_can_play_or_not(opened: Opened) -> None:
    session = opened()

    asked = [session.next_policy() for _ in range(len(POLICIES) + 1)]

    assert asked == [*POLICIES[1:], *POLICIES[:2]]
    assert session.game.policy == "random"  # asking changes nobody's hands


def test_a_scripted_policy_plays(opened: Opened) -> None:
    session = opened()

    assert session.use_scripted("simple") == "simple plays now."
    assert session.scene().policy == "simple"


def test_without_a_run_there_is_no_trained_policy(opened: Opened) -> None:
    session = opened()

    with pytest.raises(UsageError, match="no trained policy for navigation") as refused:
        session.find_trained()

    assert "press t" in (refused.value.hint or "")
    assert not session.follow_run_policy()


def test_the_newest_policy_of_a_run_plays(opened: Opened) -> None:
    session = opened(*FINISHED_RUN)
    finished(session)

    player = session.find_trained()
    session.use_trained(player)

    assert player.name == f"{own_id(session)}:v2048"
    assert session.scene().policy == player.name
    session.game.step()


def test_a_run_of_another_sitting_can_play(opened: Opened) -> None:
    first = opened(*FINISHED_RUN)
    finished(first)
    first.close()
    opened.sessions.remove(first)

    assert opened().find_trained().name.endswith(":v2048")


def test_a_damaged_policy_is_refused(opened: Opened) -> None:
    session = opened(*FINISHED_RUN)
    finished(session)
    checkpoint = RunDirectory(session.root / own_id(session)).checkpoints()[-1].path
    data = bytearray(checkpoint.read_bytes())
    data[-1] ^= 1
    checkpoint.write_bytes(bytes(data))

    with pytest.raises(CheckpointError):
        session.find_trained()


# Runs


def test_without_a_run_there_is_no_news_and_nobody_to_ask(opened: Opened) -> None:
    session = opened()

    assert session.news() is None
    with pytest.raises(RunError, match="no run yet"):
        session.send(Pause())
    with pytest.raises(RunError, match="no run is under way"):
        session.watch(True)
    assert not session.watching


def test_one_run_at_a_time(opened: Opened) -> None:
    session = opened(*ENDLESS_RUN)
    started(session)

    with pytest.raises(UsageError, match="under way already"):
        session.start_run()


def test_commands_reach_the_run_and_its_log(opened: Opened) -> None:
    session = opened(*ENDLESS_RUN)
    started(session)
    events: list[EventLogged] = []

    def heard(words: str) -> bool:
        news = session.news()
        assert news is not None
        events.extend(event for event in news.events if isinstance(event, EventLogged))
        return any(words in event.message for event in events)

    session.send(SetHyper("learning_rate", 0.001))

    until(session, lambda: heard("learning_rate 0.0025 -> 0.001"))


def test_watching_shows_the_runs_env_and_names_it(opened: Opened) -> None:
    session = opened(*ENDLESS_RUN)
    started(session)

    session.watch(True)
    until(session, lambda: session.scene().source)

    assert session.scene().source == f"{own_id(session)} env 0"
    assert session.scene().person is None
    session.watch(False)
    assert session.scene().source == ""


def test_watching_shows_the_own_run_while_another_is_open(opened: Opened) -> None:
    past = opened(*FINISHED_RUN)
    finished(past)
    session = opened(*ENDLESS_RUN)
    started(session)
    session.watch_run(*session.open_run(own_id(past)))

    session.watch(True)

    until(session, lambda: session.scene().source == f"{own_id(session)} env 0")


def test_closing_ends_the_run_with_a_checkpoint(opened: Opened) -> None:
    session = opened(*ENDLESS_RUN)
    started(session)
    run = session.own_run
    assert run is not None

    session.close()
    opened.sessions.remove(session)

    assert run.state().status is RunState.STOPPED
    directory = RunDirectory(session.root / run.run_id)
    assert not directory.is_live()
    assert [info.step for info in directory.checkpoints()] == [run.state().step]


def test_closing_ends_a_run_that_the_screen_has_not_heard_of_yet(opened: Opened) -> None:
    session = opened(*ENDLESS_RUN)
    run = session.start_run()

    session.close()
    opened.sessions.remove(session)

    try:
        assert run.state().status is RunState.STOPPED
    finally:
        run.close()


def test_past_runs_are_listed_and_opened(opened: Opened) -> None:
    session = opened(*FINISHED_RUN)
    finished(session)
    run_id = own_id(session)

    assert session.past_runs() == [(run_id, RunState.FINISHED, 2048, 2048)]
    assert session.open_run(run_id)[0] is session.own_run

    other = opened()
    handle, game = other.open_run(run_id)
    assert isinstance(handle, AttachedRun)
    other.watch_run(handle, game)
    news = other.news()
    assert news is not None
    assert news.status.status is RunState.FINISHED
    assert news.events


# Questions


def test_questions_see_the_run(opened: Opened) -> None:
    session = opened(*FINISHED_RUN)
    finished(session)

    result = session.ask("SELECT count(*) > 0, max(step) FROM metrics")

    assert result.rows == [(True, 2048)]
    assert "metrics" in {table.name for table in session.tables()}


def test_a_wrong_question_is_refused_with_its_place(opened: Opened) -> None:
    session = opened()

    with pytest.raises(QueryError) as refused:
        session.ask("SELECT *\nFROM nowhere")

    assert refused.value.line == 2


def test_the_map_of_a_run_is_the_map_on_screen(opened: Opened, tmp_path: Path) -> None:
    session = opened(*FINISHED_RUN, f"map={map_file(tmp_path, CORRIDOR)}")
    session.set_map(parse_ascii("#####\n#..*#\n#####", "tiny"))
    finished(session)

    assert RunDirectory(session.root / own_id(session)).info().map == "tiny"


def test_a_session_is_closed_once_and_for_all(opened: Opened) -> None:
    session = opened()
    session.game.act("move_north")

    session.close()
    session.close()

    assert not session.has_demonstrations

"""The tutorial: each lesson is done by doing what it says in the real game, and only by that."""

from __future__ import annotations

from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.binding import Binding

from engine.policies.registry import create_policy
from engine.recipes import maps_of, resolve
from tui.app import GridrlApp
from tui.panes.live import LivePane
from tui.panes.live.wishes import Wish
from tui.play import Play
from tui.travel import way_to
from tui.tutorial import (
    LESSONS,
    RECIPE,
    Event,
    Lesson,
    Room,
    Standing,
    Tutorial,
    events_of_step,
    events_of_wish,
)

KEYS = {
    str(each.id): each.key.split(",")[0]
    for owner in (GridrlApp, LivePane)
    for each in owner.BINDINGS
    if isinstance(each, Binding)
}
BY_NAME = {lesson.name: lesson for lesson in LESSONS}


def at(name: str) -> Tutorial:
    """A tutorial at a lesson."""
    return Tutorial(KEYS, number=LESSONS.index(BY_NAME[name]) + 1)


def room_of(lesson: Lesson) -> Play:
    config = resolve(RECIPE, [f"room={lesson.room}"])
    play = Play(config.rules, maps_of(config), seed=1)
    play.person = 0
    return play


def take(play: Play, action: int) -> set[Event]:
    """A step by hand, with policies that rest; what the tutorial sees of it."""
    before = play.view
    play.step(create_policy("noop", play.rules, play.spec), action)
    return events_of_step(before, play.view, 0, terminated=play.ended is not None and play.ended.terminated)


def thing(play: Play, kind: str) -> tuple[int, int]:
    """Where the first thing of a kind stands."""
    rows, columns = (play.view.cells == play.spec.cell_names.index(kind)).nonzero()
    return int(rows[0]), int(columns[0])


def go_to(play: Play, kind: str, tutorial: Tutorial) -> None:
    """Walk up to a thing."""
    for action in way_to(play.view, play.rules, 0, thing(play, kind)).actions:
        tutorial.saw(take(play, action))


# ---- Lessons


def test_every_lesson_names_keys_that_there_are() -> None:
    named = {key for lesson in LESSONS for key in (*lesson.keys(), *Lesson("", "walk", lesson.praise, {}).keys())}

    assert named - KEYS.keys() == set()


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_every_lesson_fits_two_lines_of_a_small_terminal(lesson: Lesson) -> None:
    tutorial = at(lesson.name)

    assert len(tutorial.words) <= 160
    assert len(tutorial.saw(list(lesson.needs) * 9)) <= 160
    assert "{" not in tutorial.words
    assert sum(lesson.needs.values()) > 0


def test_every_event_is_asked_for_by_a_lesson() -> None:
    assert set(Event) == {event for lesson in LESSONS for event in lesson.needs}


@pytest.mark.parametrize("room", get_args(Room))
def test_every_room_opens(room: str) -> None:
    play = room_of(next(lesson for lesson in LESSONS if lesson.room == room))

    assert play.spec.agent_count == {"walk": 1, "workshop": 3}[room]
    play.close()


def test_rooms_are_changed_seldom() -> None:
    rooms = [lesson.room for lesson in LESSONS]

    assert sum(one != other for one, other in pairwise(rooms)) == 2


def test_words_name_the_persons_own_keys() -> None:
    tutorial = Tutorial({**KEYS, "live.chances": "ctrl+w"}, number=LESSONS.index(BY_NAME["what can I do"]) + 1)

    assert tutorial.words.startswith("3/18 what can I do: Press ctrl+w: it lists what you can do")


# ---- By playing


def test_walking_and_walls_are_learnt_by_walking_into_one() -> None:
    tutorial = at("walking")
    play = room_of(tutorial.lesson)
    west = play.action_named("move_west")

    for _ in range(12):  # the room is narrower: it ends at the wall
        tutorial.saw(take(play, west))
        tutorial.saw(take(play, play.action_named("move_east")))
    assert tutorial.lesson.name == "walls"
    for _ in range(12):
        tutorial.saw(take(play, west))

    assert tutorial.lesson.name == "what can I do"
    play.close()


def test_the_goal_is_reached_by_walking_into_it_and_by_nothing_else() -> None:
    tutorial = at("the goal")
    play = room_of(tutorial.lesson)
    go_to(play, "goal", tutorial)
    assert tutorial.lesson.name == "the goal"

    goal, me = thing(play, "goal"), play.view.agents[0]
    way = {(-1, 0): "north", (1, 0): "south", (0, -1): "west", (0, 1): "east"}
    diagonal = {(-1, -1): "northwest", (-1, 1): "northeast", (1, -1): "southwest", (1, 1): "southeast"}
    step = (goal[0] - me.row, goal[1] - me.column)
    tutorial.saw(take(play, play.action_named(f"move_{(way | diagonal)[step]}")))

    assert tutorial.lesson.name == "rewards"
    play.close()


def test_time_that_runs_out_is_no_goal() -> None:
    play = room_of(BY_NAME["the goal"])
    seen: set[Event] = set()

    for _ in range(play.rules.max_steps):
        seen |= take(play, play.action_named("noop"))

    assert play.view.episode == 1
    assert seen == set()
    play.close()


def test_the_chain_of_the_workshop_is_learnt_by_working() -> None:
    tutorial = at("rewards")
    play = room_of(tutorial.lesson)

    go_to(play, "mine", tutorial)
    assert tutorial.lesson.name == "rewards"
    praise = tutorial.saw(take(play, play.action_named("use")))
    assert "+0.10" in praise
    assert play.terms()[0][play.spec.term_names.index("ore")] == pytest.approx(0.1)
    for kind in ("generator", "altar"):
        assert tutorial.lesson.name == "a chain"
        go_to(play, kind, tutorial)
        tutorial.saw(take(play, play.action_named("use")))

    assert tutorial.lesson.name == "its eyes"
    play.close()


# ---- By keys

HERE = Standing(tick=9, branch=0, branches=1)


@pytest.mark.parametrize(
    ("wish", "by", "after", "playing", "events"),
    [
        (Wish.CHANCES, 0, HERE, False, {Event.ASKED_CHANCES}),
        (Wish.WINDOW, 1, HERE, False, {Event.SAW_OBSERVATION}),
        (Wish.WINDOW, 0, HERE, False, set()),
        (Wish.EXPLAIN, 1, HERE, False, {Event.SAW_REASONS}),
        (Wish.OVERLAY, 1, HERE, False, {Event.SAW_OVERLAY}),
        (Wish.OVERLAY, -1, HERE, False, {Event.SAW_OVERLAY}),
        (Wish.SPEED, -1, HERE, True, {Event.CHANGED_SPEED}),
        (Wish.POLICY, 0, HERE, False, {Event.CHANGED_POLICY}),
        (Wish.AGENT, 2, HERE, False, {Event.CHOSE_AGENT}),
        (Wish.PLAY, 0, HERE, True, {Event.LET_TIME_FLOW}),
        (Wish.PLAY, 0, HERE, False, set()),
        (Wish.STEP, -1, Standing(8, 0, 1), False, {Event.WENT_BACK}),
        (Wish.BEGINNING, 0, Standing(0, 0, 1), False, {Event.WENT_BACK}),
        (Wish.STEP, 1, Standing(10, 0, 1), False, set()),
        (Wish.ACT, 0, Standing(10, 1, 2), False, {Event.BRANCHED}),
        (Wish.NEXT_BRANCH, 0, Standing(7, 1, 1), False, set()),  # another branch is not the past
        (Wish.PERSON, 0, Standing(9, 0, 1, frozenset({2})), False, {Event.TOOK_OVER}),
    ],
)
def test_what_a_key_came_to(wish: Wish, by: int, after: Standing, playing: bool, events: set[Event]) -> None:
    assert events_of_wish(wish, by, HERE, after, playing=playing) == events


def test_an_agent_is_given_back_when_it_is_in_nobodys_hands() -> None:
    held = Standing(9, 0, 1, frozenset({1}))

    assert events_of_wish(Wish.PERSON, 0, held, HERE, playing=False) == {Event.GAVE_BACK}
    other = Standing(9, 0, 1, frozenset({2}))
    assert events_of_wish(Wish.AGENT, 2, held, other, playing=False) == {Event.CHOSE_AGENT, Event.TOOK_OVER}


# ---- The course of it


def test_a_lesson_asks_for_all_that_it_names() -> None:
    tutorial = at("hands off")

    assert tutorial.saw([Event.GAVE_BACK, Event.GAVE_BACK]) == ""
    assert tutorial.saw([Event.LET_TIME_FLOW]) == "Now policies play everybody. space stops time again."
    assert tutorial.lesson.name == "tempo"


def test_what_is_left_is_counted() -> None:
    tutorial = at("walking")
    assert "more)" not in tutorial.words

    tutorial.saw([Event.MOVED])

    assert tutorial.words.endswith("(3 more)")


def test_lessons_can_be_skipped_and_gone_back_to() -> None:
    tutorial = Tutorial(KEYS)
    tutorial.saw([Event.MOVED])

    tutorial.next()
    assert tutorial.number == 2
    tutorial.back()
    assert tutorial.number == 1
    assert "more)" not in tutorial.words  # it begins anew
    tutorial.back()
    assert tutorial.number == 1


def test_it_ends_after_the_last_lesson_and_can_be_quit() -> None:
    tutorial = at(LESSONS[-1].name)

    assert tutorial.saw([Event.WATCHED_RUN]).startswith("That was all.")
    assert tutorial.over
    assert tutorial.words == ""
    assert tutorial.saw(list(Event)) == ""
    tutorial.back()
    assert tutorial.lesson is LESSONS[-1]
    assert not tutorial.over
    tutorial.quit()
    assert tutorial.words == ""


@given(st.lists(st.one_of(st.sampled_from(Event), st.sampled_from(["next", "back", "quit"])), max_size=60))
def test_whatever_happens_it_stands_at_a_lesson(happened: list[Event | str]) -> None:
    tutorial = Tutorial(KEYS)

    for each in happened:
        praise = getattr(tutorial, each)() if isinstance(each, str) else tutorial.saw([each])
        assert 1 <= tutorial.number <= tutorial.count
        assert bool(tutorial.words) != tutorial.over
        assert praise is None or "{" not in praise

"""The Live pane's words and its picture, from worlds drawn in text: no screen."""

from __future__ import annotations

from dataclasses import replace
from textwrap import dedent

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from engine.maps import parse_ascii
from engine.policies.decision import Decision
from engine.policies.registry import create_policy
from engine.policies.sights import eye_of
from engine.sim import AGENT, FIRST_KIND, Action, Encoding, Kind, Plane, Resource, Rules, Verb, games
from tui.panes.live.clock import Clock, Line
from tui.panes.live.panels import (
    bar,
    cell_facts,
    entropy,
    eye_words,
    first_status,
    mind_words,
    overlay_line,
    second_status,
    side_panel,
)
from tui.panes.live.picture import (
    FACINGS,
    FIRST_AGENT,
    NOT_READY,
    SEEN,
    SELECTED,
    UNKNOWN_FACING,
    Inks,
    observed_codes,
    scene_codes,
)
from tui.panes.live.scene import Beside, Intent, Scene
from tui.panes.live.words import result_words, tell_end, tell_step, thing_words
from tui.play import Play

WALK = games.navigation().model_copy(update={"spawn_anywhere": False})


class Rest:
    """A policy that never moves."""

    name = "rest"
    masked = False

    def act(self, observations: np.ndarray, greedy: bool = False, masks: np.ndarray | None = None) -> np.ndarray:
        return np.zeros(len(observations), np.int32)

    def decide(self, observations: np.ndarray, greedy: bool = False, masks: np.ndarray | None = None) -> Decision:
        return Decision(self.act(observations))

    def again(self, seed: object) -> Rest:
        return self

    def forget(self, ended: np.ndarray) -> None:
        """There is nothing to forget."""

    def state(self) -> dict[str, np.ndarray]:
        return {}

    def restore(self, state: object) -> None:
        """There is nothing to restore."""


def play_on(drawing: str, rules: Rules) -> Play:
    play = Play(rules, [parse_ascii(dedent(drawing).strip("\n"), "drawn")])
    play.person = 0
    return play


def take(play: Play, *actions: str) -> str:
    """Agent 0, a person's, takes these actions; returns what the last one is told as."""
    for action in actions:
        play.step(Rest(), play.action_named(action))
    return told(play)


def told(play: Play, agent: int = 0, person: int | None = 0) -> str:
    return tell_step(play.before, play.view, play.rules, play.spec, agent, person)


def scene_of(play: Play, **changes: object) -> Scene:
    step_terms, episode_terms = play.terms()
    scene = Scene(
        rules=play.rules,
        spec=play.spec,
        view=play.view,
        source="",
        policy="simple",
        selected=play.selected,
        person=play.person,
        playing=False,
        target_rate=10.0,
        actual_rate=0.0,
        step_terms=step_terms,
        episode_terms=episode_terms,
        observation=play.observation(),
    )
    return replace(scene, **changes)  # type: ignore[arg-type]


def arena(agents: int = 1, batteries: int = 3, **changes: object) -> Rules:
    return games.arena(agents=agents, batteries_per_heart=batteries).model_copy(update=changes)


# Sentences


@pytest.mark.parametrize(
    ("drawing", "rules", "actions", "sentence"),
    [
        ("###\n#@#\n#*#\n###", WALK, ["move_north"], "You cannot move north: a wall is in the way."),
        ("@.\n*.", WALK, ["move_west"], "You cannot move west: the map ends there."),
        ("@.\n*.", WALK, ["move_northeast"], "You cannot move northeast: the map ends there."),
        ("#####\n#12.#\n#####", arena(2), ["move_east"], "You cannot move east: agent 1 is in the way."),
        ("#####\n#@m.#\n#####", arena(), ["move_east"], "You cannot move east: a mine is in the way."),
        ("#####\n#@_.#\n#####", arena(), ["move_east"], "You cannot move east: an altar is in the way."),
        ("####\n#@.#\n####", arena(), ["rotate_east", "use"], "You cannot use: there is nothing to use to the east."),
        ("####\n#@m#\n####", arena(), ["rotate_east", "use"], "You take 1 ore."),
        (
            "####\n#@m#\n####",
            arena(),
            ["rotate_east", "use", "use"],
            "You cannot use the mine: it is cooling down.",
        ),
        (
            "####\n#@n#\n####",
            arena(),
            ["rotate_east", "use"],
            "You cannot use the generator: it needs 1 ore.",
        ),
        (
            "####\n#@_#\n####",
            arena(),
            ["rotate_east", "use"],
            "You cannot use the altar: it needs 3 battery.",
        ),
        (
            "#####\n#m@n#\n#####",
            arena(),
            ["rotate_west", "use", "rotate_east", "use"],
            "You turn 1 ore into 1 battery.",
        ),
        (
            "####\n#@m#\n####",
            arena(
                resources={"ore": Resource(limit=1), "battery": Resource(limit=5), "heart": Resource(limit=5)},
                kinds={**games.arena().kinds, "mine": Kind(style="use", outputs={"ore": 1}), "altar": Kind()},
            ),
            ["rotate_east", "use", "use"],
            "You cannot use the mine: no room for 1 ore.",
        ),
        (
            "####\n#@m#\n####",
            arena(kinds={**games.arena().kinds, "mine": Kind(style="use", max_uses=1, outputs={"ore": 1})}),
            ["rotate_east", "use", "use"],
            "You cannot use the mine: it is used up.",
        ),
        ("#####\n#@..#\n#*###\n#####", WALK, ["move_east"], ""),
        ("#####\n#@..#\n#*###\n#####", WALK, ["noop"], ""),
        ("#####\n#@..#\n#*###\n#####", WALK, ["move_south"], "You take 1 heart."),
        ("####\n#@_#\n####", arena(), ["rotate_east"], ""),
    ],
)
def test_a_step_is_told_in_a_sentence(drawing: str, rules: Rules, actions: list[str], sentence: str) -> None:
    # The game goes on, so that the last step's moment can still be seen.
    play = play_on(drawing, rules.model_copy(update={"end": None}))

    assert take(play, *actions) == sentence


def test_another_agent_is_told_by_its_number() -> None:
    play = play_on("#####\n#12.#\n#####", arena(2))
    take(play, "move_east")

    assert told(play, person=None) == "Agent 0 cannot move east: agent 1 is in the way."
    assert told(play, agent=1) == ""


def test_what_another_agent_takes_is_told_of_it() -> None:
    play = play_on("####\n#@m#\n####", arena())
    take(play, "rotate_east", "use")

    assert told(play, person=None) == "Agent 0 takes 1 ore."


def test_an_action_that_is_none_is_told_as_nothing() -> None:
    play = play_on("###\n#@#\n#*#\n###", WALK)
    play.step(Rest(), 99)

    assert told(play) == ""
    assert result_words(play.view.agents[0], play.spec) == "no such action"


@pytest.mark.parametrize(
    ("game", "outcome", "sentence"),
    [
        ("navigation", (0.93, 7, True), "The goal is reached after 7 steps: return +0.93. A new episode begins."),
        ("navigation", (0.99, 1, True), "The goal is reached after 1 step: return +0.99. A new episode begins."),
        ("navigation", (-1.0, 100, False), "Time is up after 100 steps: return -1.00. A new episode begins."),
        ("pursuit", (0.5, 9, True), "No prey is free any longer after 9 steps: return +0.50. A new episode begins."),
        ("pursuit", (0.5, 200, False), "Time is up after 200 steps: return +0.50. A new episode begins."),
        ("t_maze", (-1.0, 12, True), "It is decided after 12 steps: return -1.00. A new episode begins."),
    ],
)
def test_an_end_is_told(game: str, outcome: tuple[float, int, bool], sentence: str) -> None:
    assert tell_end(games.GAMES[game](), *outcome) == sentence


@given(st.integers(0, 2**32), st.lists(st.integers(-2, 12), min_size=1, max_size=40))
def test_any_step_can_be_told(seed: int, actions: list[int]) -> None:
    rules = games.arena()
    play = Play(rules, [parse_ascii("@@m@#\n@_n@.\n.@..m", "drawn")], seed=seed % 1000)
    player = create_policy("random", rules, play.spec)
    play.person = 0

    for action in actions:
        play.step(player, action)
        for agent in range(rules.agents):
            sentence = told(play, agent)
            assert sentence == "" or sentence.endswith(".")
            assert "edge" not in sentence
            assert "thing is" not in sentence


# What lies on a cell


def test_what_lies_on_a_cell_is_told() -> None:
    play = play_on("#####\n#@mn#\n#_.##\n#####", arena())
    take(play, "rotate_east", "use")
    scene = scene_of(play)

    assert thing_words(scene, 1, 1) == "agent 0"
    assert thing_words(scene, 1, 2) == "mine, cooling down: gives 1 ore"
    assert thing_words(scene, 1, 3) == "generator: takes 1 ore, gives 1 battery"
    assert thing_words(scene, 2, 1) == "altar: takes 3 battery, gives 1 heart"
    assert thing_words(scene, 2, 2) == "floor"
    assert thing_words(scene, 0, 0) == "wall"
    assert thing_words(scene, 9, 9) == "edge"


# Status lines and panels


def test_the_status_lines_of_a_navigator() -> None:
    play = play_on("#####\n#@..#\n#..*#\n#####", WALK)
    take(play, "move_east", "move_north")
    scene = scene_of(play)

    assert first_status(scene, "red").plain == "@0 you  heart 0   move_north: blocked"
    assert second_status(scene, following=True).plain == (
        "T 2/100  R -0.02   paused   policy simple   follow   (time -0.02)"
    )


def test_the_status_lines_of_an_arena() -> None:
    play = play_on("####\n#@m#\n####", arena())
    take(play, "rotate_east", "use")
    scene = scene_of(play, person=None, playing=True, actual_rate=9.76)

    assert first_status(scene, "red").plain == "@0  facing east  ore 1  battery 0  heart 0   use: done"
    assert second_status(scene, following=False).plain == (
        "T 2/1000  R +0.10   > 10/s (9.8)   policy simple   free view   (ore +0.10)"
    )


def test_a_picture_from_a_run_says_where_it_comes_from() -> None:
    play = play_on("####\n#@m#\n####", arena())
    scene = scene_of(play, source="calm-fox env 0", step_terms=(), episode_terms=(), person=None)

    assert second_status(scene, following=True).plain == "T 0/1000  R +0.00   live   calm-fox env 0   follow"
    assert "calm-fox env 0" in panel_text(scene)


def panel_text(scene: Scene, **options: bool) -> str:
    return side_panel(scene, "red", [Text("@ agent")], **options).plain


def panel_lines(scene: Scene, **options: bool) -> list[str]:
    return [line.rstrip() for line in panel_text(scene, **options).splitlines()]


AGENT_LINES = [
    "agent 0",
    "group        0",
    "episode      0",
    "at           1,1  facing east",
    "ore             1 of 50",
    "battery         0 of 50",
    "heart           0 of 255",
    "last         use: done",
    "played by    you",
    "",
]
REWARD_LINES = [
    "rewards",
    "                 step   episode",
    "heart               -     +0.00",
    "battery             -     +0.00",
    "ore             +0.10     +0.10",
    "total           +0.10     +0.10",
    "",
]
LEGEND_LINES = ["legend", "@ agent"]


def test_the_side_panel_says_who_what_and_why() -> None:
    play = play_on("####\n#@m#\n####", arena())
    take(play, "rotate_east", "use")

    lines = panel_lines(scene_of(play, held=frozenset({0})))

    assert lines == [*AGENT_LINES, *REWARD_LINES, *LEGEND_LINES]


def test_the_legend_comes_first_where_it_is_wanted() -> None:
    play = play_on("####\n#@m#\n####", arena())
    take(play, "rotate_east", "use")

    lines = panel_lines(scene_of(play, held=frozenset({0})), legend_first=True)

    assert lines == [*LEGEND_LINES, "", *AGENT_LINES, *REWARD_LINES[:-1]]


def test_the_side_panel_keeps_its_order_with_all_there_is() -> None:
    play = play_on("####\n#@m#\n####", arena())
    take(play, "rotate_east", "use")
    intent = Intent("arena:v12", np.full(len(play.spec.action_names), 0.1, np.float32), 0.5, took=None, by_hand=False)
    scene = scene_of(
        play,
        cursor=(1, 2),
        intent=intent,
        beside=Beside(4, play.view, 2),
        events=("2  Agent 0: is paid.",),
        clock=CLOCK,
    )

    headings = ("looking at 2,1", "agent 0", "about to", "rewards", "branch 3 | 4", "happened", "legend")
    lines = panel_lines(scene)
    assert [line for line in lines if line in headings] == list(headings)
    assert "2  Agent 0: is paid." in lines
    assert [line for line in panel_lines(scene, legend_first=True) if line in headings] == ["legend", *headings[:-1]]


CLOCK = Clock(0, 7, 12, 3, (Line(0, None, 0, 20), Line(3, 0, 5, 12), Line(4, 0, 6, 9)), np.zeros((12, 1), np.uint8))


def test_branches_are_compared_agent_by_agent_where_they_differ() -> None:
    play = play_on("######\n#@@@.#\n######", arena(3))
    agents = tuple(
        replace(agent, episode_return=total) for agent, total in zip(play.view.agents, (1.5, 0.0, -2.0), strict=True)
    )
    scene = scene_of(play, clock=CLOCK, beside=Beside(4, replace(play.view, agents=agents), 5))

    lines = panel_lines(scene)

    at = lines.index("branch 3 | 4")
    assert lines[at + 1 : at + 4] == [
        "agent 0         +0.00 |    +1.50",
        "agent 2         +0.00 |    -2.00",
        "branch 4 ends at step 5",
    ]


def test_what_is_held_and_pays_again_and_again_is_told_apart() -> None:
    rules = games.arena_classic("easy", agents=1)
    play = play_on("####\n#@.#\n####", rules)
    holding = {term.name for term in rules.rewards if term.stat is None}

    lines = panel_lines(scene_of(play))

    first = lines.index("rewards") + 2
    labels = [line[:13].strip() for line in lines[first : first + len(rules.rewards)]]
    assert [label for label in labels if label.endswith(" held")] == [f"{name} held" for name in holding]
    assert holding


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "simple"),
        ({"held": frozenset({0})}, "you"),
        ({"held": frozenset({0}), "played_by": "arena:v12", "clock": CLOCK}, "arena:v12"),
        ({"played_by": "you"}, "you"),
        ({"source": "calm-fox env 0"}, "calm-fox env 0"),
    ],
)
def test_the_panel_says_who_plays(changes: dict[str, object], words: str) -> None:
    play = play_on("####\n#@m#\n####", arena())

    assert f"played by    {words}" in panel_lines(scene_of(play, **changes))


# What it has in mind


def intent(chances: list[float] | None, value: float | None, took: int | None, by_hand: bool = False) -> Intent:
    known = None if chances is None else np.array(chances, np.float32)
    return Intent("arena:v12", known, value, took, by_hand)


def mind_lines(which: Intent) -> list[str]:
    play = play_on("####\n#@m#\n####", arena())
    chances = which.probabilities
    if chances is not None:
        padded = np.zeros(len(play.spec.action_names), np.float32)
        padded[: len(chances)] = chances
        which = replace(which, probabilities=padded)
    return [line.rstrip() for line in mind_words(scene_of(play), which, "red").plain.splitlines()]


def test_a_mind_lists_the_likeliest_first_with_entropy_and_value() -> None:
    names = play_on("####\n#@m#\n####", arena()).spec.action_names

    lines = mind_lines(intent([0.25, 0.5, 0.25], 1.25, None))

    assert lines[:2] == ["says         arena:v12", "H, V         1.04 nats, +1.25"]  # 1.5 ln 2
    assert lines[2] == f"{names[1]:<13}{'█' * 7:<14}  .50"
    assert lines[3] == f"{names[0]:<13}{'█' * 3 + '▌':<14}  .25"
    assert lines[4].startswith(names[2])
    assert len(lines) == 2 + 8  # no more than the eight likeliest
    assert not any(line.startswith("took") for line in lines)


def test_in_the_past_a_mind_says_what_it_then_did() -> None:
    names = play_on("####\n#@m#\n####", arena()).spec.action_names

    assert mind_lines(intent([0, 1], None, 1))[1:3] == [f"took         {names[1]}", "H, V         0.00 nats, -"]
    assert mind_lines(intent([1], 0.0, 2, by_hand=True))[1] == f"took         {names[2]}  by hand"
    assert mind_lines(intent([1], 0.0, -1))[1] == "took         no such action"


def test_a_mind_that_does_not_tell_says_so() -> None:
    assert mind_lines(intent(None, None, None)) == ["says         arena:v12", "it does not say how likely"]


def test_the_action_that_was_taken_stands_out() -> None:
    play = play_on("####\n#@m#\n####", arena())
    names = play.spec.action_names
    chances = np.zeros(len(names), np.float32)
    chances[:2] = 0.75, 0.25

    text = mind_words(scene_of(play), Intent("p", chances, 0.0, 1, False), "red")

    bold = {text.plain[span.start : span.end].strip() for span in text.spans if span.style == "bold"}
    assert bold == {names[1], ".25"}


def test_a_certain_choice_and_an_even_one_have_their_entropies() -> None:
    assert entropy(np.array([0, 1, 0], np.float32)) == 0
    assert entropy(np.full(8, 1 / 8, np.float32)) == pytest.approx(3 * np.log(2))


@pytest.mark.parametrize(
    ("share", "drawn"), [(0, ""), (1, "████"), (0.5, "██"), (1 / 32, "▏"), (7 / 32, "▉"), (-1, ""), (9, "████")]
)
def test_a_bar_is_drawn_in_eighths(share: float, drawn: str) -> None:
    assert bar(share, 4) == drawn


# What is known of a cell


def test_a_cell_is_told_as_it_is_where_nobody_looks_through_an_agent() -> None:
    play = play_on("#####\n#@m.#\n#####", arena())

    assert list(cell_facts(scene_of(play), 1, 2)) == ["mine: gives 1 ore"]


def test_a_cell_of_the_window_is_told_feature_by_feature() -> None:
    play = play_on("#####\n#@m.#\n#####", arena())
    take(play, "rotate_east", "use")
    scene = scene_of(play, eye=eye_of(play.batch, 0))

    facts = list(cell_facts(scene, 1, 2))

    assert facts[0] == "mine, cooling down: gives 1 ore"
    assert "  kind mine" in facts
    assert any(fact.startswith("  ready ") for fact in facts) == ("ready" in play.spec.planes)


def test_a_cell_outside_the_window_is_told_to_be_there() -> None:
    rules = WALK.model_copy(update={"window": WALK.window.model_copy(update={"width": 3, "height": 3})})
    play = play_on("@......\n.......\n.......\n.....*.", rules)
    scene = scene_of(play, eye=eye_of(play.batch, 0))

    assert list(cell_facts(scene, 3, 5)) == ["goal: gives 1 heart", "agent 0 is told nothing of it: outside its window"]
    assert list(cell_facts(scene, 0, 2))[-1] == "agent 0 is told nothing of it: outside its window"
    assert list(cell_facts(scene, 1, 1))[-1] != "agent 0 is told nothing of it: outside its window"


def test_what_found_no_room_among_the_tokens_is_told_as_dropped() -> None:
    rules = arena().model_copy(update={"encoding": Encoding.TOKENS, "tokens": 6})
    play = play_on("#####\n#@m.#\n#####", rules)
    scene = scene_of(play, eye=eye_of(play.batch, 0))
    assert scene.eye is not None
    dropped = [index for index, each in enumerate(scene.eye.dropped) if each]
    row, column = divmod(dropped[0], scene.eye.width)
    me = play.view.agents[0]

    facts = list(cell_facts(scene, me.row + row - scene.eye.height // 2, me.column + column - scene.eye.width // 2))

    assert any(fact.endswith("  (dropped)") for fact in facts)
    assert facts[-1] == "  told nothing of it" or scene.eye.cells[dropped[0]]
    floor = list(cell_facts(scene, 1, 3))
    assert floor[0] == "floor"


def test_a_game_without_facing_has_no_line_for_it() -> None:
    play = play_on("####\n#@*#\n####", WALK)

    assert "facing" not in panel_text(scene_of(play))


def test_the_self_vector_is_shown_feature_by_feature() -> None:
    play = play_on("####\n#@m#\n####", arena())
    take(play, "rotate_east", "use")

    words = eye_words(scene_of(play, eye=eye_of(play.batch, 0))).plain

    values = dict(pair.split(" ", 1) for line in words.splitlines() for pair in line.split("  "))
    assert values["facing"] == "east"
    assert values["inv:ore"] == "1"
    assert set(values) == set(play.spec.self_features)
    assert all(len(line) <= 34 for line in words.splitlines())


def test_tokens_have_a_gauge_of_their_room() -> None:
    rules = arena().model_copy(update={"encoding": Encoding.TOKENS, "tokens": 6})
    play = play_on("#####\n#@m.#\n#####", rules)
    eye = eye_of(play.batch, 0)
    assert eye.dropped_count

    full = eye_words(scene_of(play, eye=eye)).plain.splitlines()[0]
    roomy = play_on("#####\n#@m.#\n#####", rules.model_copy(update={"tokens": 200}))
    eye_there = eye_of(roomy.batch, 0)

    assert full == f"tokens {'█' * 10} 6 of 6, {eye.dropped_count} dropped"
    line = eye_words(scene_of(roomy, eye=eye_there)).plain.splitlines()[0]
    assert line == f"tokens {bar(eye_there.used / 200, 10):<10} {eye_there.used} of 200"
    assert eye_there.used == 6 + eye.dropped_count


def test_a_run_that_sends_no_observation_says_so() -> None:
    play = play_on("####\n#@m#\n####", arena())

    assert eye_words(scene_of(play)).plain == "what it observes is not part of the picture that a run sends"


# The second status line and the overlay's


def second(scene: Scene, **options: str) -> str:
    return second_status(scene, following=True, **options).plain


def test_the_status_says_how_far_back_one_is() -> None:
    play = play_on("####\n#@*#\n####", WALK)

    assert second(scene_of(play, clock=CLOCK)).startswith("T 0/100 (5 back)  R +0.00")
    assert "back" not in second(scene_of(play, clock=replace(CLOCK, tick=12)))
    long_ago = replace(CLOCK, tick=0, end=12_345)
    assert second(scene_of(play, clock=long_ago)).startswith("T 0/100 (12,345 back)")


def test_the_status_says_fog_zoom_and_pace_where_there_is_any() -> None:
    play = play_on("####\n#@*#\n####", WALK)
    here = np.ones((3, 4), np.bool_)
    plain = "T 0/100  R +0.00   paused   policy simple   follow"

    assert second(scene_of(play)) == plain
    assert second(scene_of(play, in_sight=here, known=here)) == f"{plain}   fog"
    assert second(scene_of(play), zoom="half blocks") == f"{plain}   half blocks"
    assert second(scene_of(play, in_sight=here), zoom="braille", pace="12 fps") == (
        "T 0/100  R +0.00   paused   policy simple   12 fps   follow   fog   braille"
    )


def test_without_a_limit_a_fast_game_says_max() -> None:
    play = play_on("####\n#@*#\n####", WALK)
    scene = scene_of(play, playing=True, target_rate=float("inf"), actual_rate=12345.678)

    assert "> max/s (12345.7)" in second(scene)
    assert "> 0.1/s (0.0)" in second(replace(scene, target_rate=0.1, actual_rate=0.0))


def test_a_film_says_whether_its_time_flows() -> None:
    play = play_on("####\n#@*#\n####", WALK)
    film = scene_of(play, source="maze, replay, version 2", clock=CLOCK)

    assert second(film) == "T 0/100 (5 back)  R +0.00   paused   maze, replay, version 2   follow"
    assert "live" in second(replace(film, clock=None))


def test_the_overlay_line_is_one_safe_line() -> None:
    play = play_on("####\n#@*#\n####", WALK)

    assert overlay_line(scene_of(play, overlay_words="V arena:v12, T 318, -1.20 .. +6.00")).plain == (
        "overlay  V arena:v12, T 318, -1.20 .. +6.00"
    )
    hostile = overlay_line(scene_of(play, overlay_words="[b]\x1b[31m\nx" + "y" * 999)).plain
    assert hostile.startswith("overlay  [b]")
    assert "\x1b" not in hostile
    assert "\n" not in hostile
    assert len(hostile) <= 9 + 300


@pytest.mark.parametrize("text", [first_status, lambda scene, colour: second_status(scene, following=True)])
def test_what_is_not_finite_is_missing(text: object) -> None:
    play = play_on("####\n#@*#\n####", WALK)
    agents = (replace(play.view.agents[0], episode_return=float("nan"), step_reward=float("inf")),)
    scene = scene_of(play, view=replace(play.view, agents=agents), episode_terms=(float("nan"),) * 2)

    for line in (first_status(scene, "red"), second_status(scene, following=True), Text(panel_text(scene))):
        assert "nan" not in line.plain
        assert "inf" not in line.plain


# The picture


def test_codes_say_kind_agent_facing_and_selection() -> None:
    play = play_on("#####\n#1m2#\n#####", arena(2))
    take(play, "rotate_east", "use")
    names = play.spec.cell_names
    wall, mine = names.index("wall"), names.index("mine")

    codes = scene_codes(scene_of(play), window_shown=False)

    assert codes[1].tolist() == [
        wall,
        FIRST_AGENT + 0 * FACINGS + 3 + SELECTED,
        mine + NOT_READY,
        FIRST_AGENT + 1 * FACINGS + play.view.agents[1].facing,
        wall,
    ]


@pytest.mark.parametrize(
    ("drawing", "seen"),
    [
        ("@......\n.......\n.......\n.....*.", "##.....\n##.....\n.......\n......."),
        (".......\n...@...\n.......\n.....*.", "..###..\n..###..\n..###..\n......."),
        (".......\n.......\n.......\n....*.@", ".......\n.......\n.....##\n.....##"),
    ],
)
def test_the_window_is_marked_where_the_map_is(drawing: str, seen: str) -> None:
    rules = WALK.model_copy(update={"window": WALK.window.model_copy(update={"width": 3, "height": 3})})
    play = play_on(drawing, rules)

    codes = scene_codes(scene_of(play), window_shown=True)

    marked = ["".join("#" if code >= SEEN else "." for code in row) for row in codes.tolist()]
    assert marked == seen.splitlines()


def expected_codes(play: Play, agent: int) -> np.ndarray:
    """The window cut out of what `look` says, cell by cell, with what the planes of the game do not tell left out."""
    spec, view, me = play.spec, play.view, play.view.agents[agent]
    height, width = view.cells.shape
    others = {(other.row, other.column): other for other in view.agents}
    codes = np.zeros((spec.window_height, spec.window_width), np.uint16)
    for y in range(spec.window_height):
        for x in range(spec.window_width):
            row, column = me.row + y - spec.window_height // 2, me.column + x - spec.window_width // 2
            if not (0 <= row < height and 0 <= column < width):
                continue
            code = int(view.cells[row, column])
            if code == AGENT:
                other = others[row, column]
                group = other.group if "group" in spec.planes else 0
                facing = other.facing if "facing" in spec.planes else UNKNOWN_FACING
                codes[y, x] = FIRST_AGENT + group * FACINGS + facing + (SELECTED if other is me else 0)
            else:
                not_ready = "ready" in spec.planes and view.ready[row, column] >= 2
                codes[y, x] = code + (NOT_READY if not_ready else 0)
    return codes


GAMES = (
    games.arena(),
    games.arena().model_copy(update={"planes": (Plane.READY, Plane.FACING, Plane.KIND, Plane.GROUP)}),
    games.arena(agents=3, groups=3).model_copy(
        update={"planes": (Plane.KIND,), "window": games.arena().window.model_copy(update={"width": 5, "height": 15})}
    ),
)


@given(
    rules=st.sampled_from(GAMES),
    seed=st.integers(0, 999),
    steps=st.integers(0, 25),
    agent=st.integers(0, 2),
)
def test_what_is_observed_is_what_is_there(rules: Rules, seed: int, steps: int, agent: int) -> None:
    play = Play(rules, [parse_ascii("@.m@..n\n@#_.@m.\n@...#.@", "drawn")], seed=seed)
    player = create_policy("simple", rules, play.spec)
    play.selected = agent

    for _ in range(steps):
        play.step(player)

    assert observed_codes(scene_of(play)).tolist() == expected_codes(play, agent).tolist()


def test_every_code_has_an_ink() -> None:
    rules = games.arena(agents=8, groups=8)
    play = play_on("@@@@@@@@m_n#", rules)
    scene = scene_of(play)
    inks = Inks(rules, play.spec, dark=True, ansi=False, seen_ground="#112233")
    codes = {*scene_codes(scene, window_shown=True).flat, *observed_codes(scene).flat}
    codes |= {FIRST_KIND + kind + NOT_READY for kind in range(len(rules.kinds))}

    for code in codes:
        text, style = inks(int(code))
        assert len(text) in (2, 3)
        assert style.color is not None


def test_inks_tell_facing_readiness_and_selection() -> None:
    rules = arena()
    spec = play_on("####\n#@m#\n####", rules).spec
    inks = Inks(rules, spec, dark=True, ansi=False, seen_ground="#112233")
    mine = spec.cell_names.index("mine")

    assert inks(FIRST_AGENT + 3)[0] == "@>"
    assert inks(FIRST_AGENT + UNKNOWN_FACING)[0] == "@ "
    assert inks(FIRST_AGENT + SELECTED)[1].reverse
    assert not inks(FIRST_AGENT)[1].reverse
    assert inks(mine)[1].bold
    assert inks(mine + NOT_READY)[1].dim
    assert inks(mine + SEEN)[1].bgcolor is not None


def test_a_game_without_use_shows_no_facing() -> None:
    rules = WALK
    inks = Inks(rules, play_on("@*", rules).spec, dark=True, ansi=False, seen_ground="")

    assert inks(FIRST_AGENT + 3)[0] == "@ "


def test_groups_have_colours_of_their_own_on_every_ground() -> None:
    rules = games.arena(agents=8, groups=8)
    spec = play_on("@@@@@@@@", rules).spec

    for dark, ansi in ((True, False), (False, False), (True, True), (False, True)):
        inks = Inks(rules, spec, dark=dark, ansi=ansi, seen_ground="")
        assert len({inks(FIRST_AGENT + group * FACINGS)[1].color for group in range(8)}) == 8


def test_an_action_with_an_odd_name_is_told_as_it_is() -> None:
    rules = arena(actions=(Action(name="noop"), Action(name="grab_it", verb=Verb.USE)))
    play = play_on("###\n#@#\n###", rules)

    assert take(play, "grab_it").startswith("You cannot grab it")


def test_the_panel_says_of_a_thing_what_the_picture_does_not_show() -> None:
    rules = arena()
    kinds = {**rules.kinds, "mine": rules.kinds["mine"].model_copy(update={"max_uses": 5, "hp": 4})}
    play = play_on("####\n#@m#\n####", rules.model_copy(update={"kinds": kinds}))
    take(play, "rotate_east", "use")
    thing = play.batch.object_at(1, 2)
    assert thing is not None

    lines = panel_lines(scene_of(play, cursor=(1, 2), thing=thing))

    at = lines.index("looking at 2,1")
    assert lines[at + 1].startswith("mine, cooling down: gives 1 ore")
    assert lines[at + 2 : at + 5] == [f"  ready in {thing.wait} steps", "  hp 4 of 4", "  used 1 of 5"]

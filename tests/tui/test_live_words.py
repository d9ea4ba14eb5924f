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
from engine.policies.registry import create_policy
from engine.sim import AGENT, FIRST_KIND, Action, Kind, Plane, Resource, Rules, Verb, games
from tui.panes.live.panels import first_status, second_status, self_words, side_panel
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
from tui.panes.live.scene import Scene
from tui.panes.live.words import result_words, tell_end, tell_step, thing_words
from tui.play import Play

WALK = games.navigation().model_copy(update={"spawn_anywhere": False})


class Rest:
    """A policy that never moves."""

    name = "rest"
    masked = False

    def act(self, observations: np.ndarray, greedy: bool = False, masks: np.ndarray | None = None) -> np.ndarray:
        return np.zeros(len(observations), np.int32)

    def forget(self, ended: np.ndarray) -> None:
        """There is nothing to forget."""


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
        "T 2/100  R -0.02 (time -0.02)   paused   policy simple   follow"
    )


def test_the_status_lines_of_an_arena() -> None:
    play = play_on("####\n#@m#\n####", arena())
    take(play, "rotate_east", "use")
    scene = scene_of(play, person=None, playing=True, actual_rate=9.76)

    assert first_status(scene, "red").plain == "@0  facing east  ore 1  battery 0  heart 0   use: done"
    assert second_status(scene, following=False).plain == (
        "T 2/1000  R +0.10 (ore +0.10)   > 10/s (9.8)   policy simple   free view"
    )


def test_a_picture_from_a_run_says_where_it_comes_from() -> None:
    play = play_on("####\n#@m#\n####", arena())
    scene = scene_of(play, source="calm-fox env 0", step_terms=(), episode_terms=(), person=None)

    assert second_status(scene, following=True).plain == "T 0/1000  R +0.00   live   calm-fox env 0   follow"
    assert "calm-fox env 0" in panel_text(scene)


def panel_text(scene: Scene) -> str:
    return side_panel(scene, "red", [Text("@ agent")], [("arrows", "walk")]).plain


def test_the_side_panel_says_who_what_and_why() -> None:
    play = play_on("####\n#@m#\n####", arena())
    take(play, "rotate_east", "use")

    lines = [line.rstrip() for line in panel_text(scene_of(play)).splitlines()]

    assert lines == [
        "agent 0",
        "at           1,1",
        "facing       east",
        "ore             1 of 50",
        "battery         0 of 50",
        "heart           0 of 255",
        "last         use: done",
        "",
        "rewards",
        "                 step   episode",
        "heart               -     +0.00",
        "battery             -     +0.00",
        "ore             +0.10     +0.10",
        "total           +0.10     +0.10",
        "",
        "time",
        "step         2 of 1000",
        "episode      0",
        "speed        paused",
        "played by    you",
        "",
        "legend",
        "@ agent",
        "",
        "keys",
        "arrows       walk",
    ]


def test_a_game_without_facing_has_no_line_for_it() -> None:
    play = play_on("####\n#@*#\n####", WALK)

    assert "facing" not in panel_text(scene_of(play))


def test_the_self_vector_is_shown_feature_by_feature() -> None:
    play = play_on("####\n#@m#\n####", arena())
    take(play, "rotate_east", "use")

    words = self_words(scene_of(play)).plain

    values = dict(pair.rsplit(" ", 1) for line in words.splitlines() for pair in line.split("  "))
    assert values["facing"] == "3"
    assert values["inv:ore"] == "1"
    assert set(values) == set(play.spec.self_features)


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

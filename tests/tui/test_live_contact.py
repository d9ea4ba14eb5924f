"""The Live pane's words for games of hits, tags, machines with stores, swaps and shields: worlds drawn in text."""

from __future__ import annotations

from textwrap import dedent

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.maps import cells_for, parse_ascii
from engine.policies.registry import create_policy
from engine.sim import Batch, Rules, World, games
from engine.sim.spec import ActionResult
from tui.glyphs import kind_ink
from tui.panes.live.words import result_words, tell_step
from tui.play import Play


class Tale:
    """A world, played by action names; tells what the last step was like."""

    def __init__(self, drawing: str, rules: Rules, **units: int) -> None:
        stock = {name: rules.resources[name].model_copy(update={"initial": count}) for name, count in units.items()}
        self.rules = rules.model_copy(update={"resources": {**rules.resources, **stock}})
        grid_map = parse_ascii(dedent(drawing).strip("\n"), "drawn")
        self.batch = Batch(World(self.rules, cells_for(grid_map, self.rules)))
        self.before = self.after = self.batch.look()

    def step(self, *actions: str) -> Tale:
        names = [*actions, *["noop"] * (self.rules.agents - len(actions))]
        self.batch.step(np.array([self.rules.action_names.index(name) for name in names], np.int32))
        self.before, self.after = self.after, self.batch.look()
        return self

    def told(self, agent: int = 0, person: int | None = None) -> str:
        return tell_step(self.before, self.after, self.rules, self.batch.spec, agent, person)


FACE_TO_FACE = """
    #####
    #1.2#
    #####
    """
COMBAT = games.arena_classic("combat", agents=2)
ENERGY = games.arena_energy(agents=2)
ALONE = games.arena_classic("combat", agents=1, teams=1)


def test_a_hit_is_told_from_both_sides() -> None:
    tale = Tale(FACE_TO_FACE, COMBAT, laser=1, ore_red=2)
    tale.step("rotate_east", "rotate_west").step("attack_0")

    assert tale.told(0) == "Agent 0 hits agent 1, who is frozen for 10 turns. Agent 0 takes 2 ore_red."
    assert tale.told(1, person=1) == ("Agent 0 hits you: you are frozen for 10 turns. You lose 2 ore_red, 1 laser.")
    assert tale.step().told(1) == "Agent 1 is frozen for 8 turns."
    assert result_words(tale.after.agents[1], tale.batch.spec) == "noop: frozen"


def test_armor_and_shields_that_hold_are_told() -> None:
    armored = Tale(FACE_TO_FACE, COMBAT, laser=1, armor=1).step("rotate_east").step("attack_0")
    assert armored.told(0) == "Agent 0 hits agent 1, whose armor holds."
    assert armored.told(1, person=1) == "Agent 0 hits you, but your armor holds. You lose 1 armor."

    shielded = Tale(FACE_TO_FACE, ENERGY).step("rotate_east", "shield")
    assert shielded.told(1) == "Agent 1 raises its shield."
    assert shielded.step("attack_5").told(0, person=0) == "You hit agent 1, whose shield holds."
    assert shielded.step("noop", "shield").told(1, person=1) == "You lower your shield."


def test_hits_on_objects_are_told() -> None:
    tale = Tale("@#.", games.arena_energy(agents=1)).step("rotate_east")

    assert tale.step("attack_2").told() == "Agent 0 hits the wall."
    for _ in range(9):
        tale.step("attack_2")
    assert tale.told() == "Agent 0 destroys the wall."


def test_the_agent_that_was_meant_is_the_one_told_of() -> None:
    rules = games.arena_classic("combat", agents=4, teams=4)
    tale = Tale(
        """
        #######
        #..3..#
        #1.2..#
        #..4..#
        #######
        """,
        rules,
        laser=1,
    ).step("rotate_east")

    tale.step("attack_1")  # the first met is straight ahead, the second to the left of it

    assert tale.told().startswith("Agent 0 hits agent 2, who is frozen for 10 turns.")


def test_a_tag_is_told_from_both_sides() -> None:
    tale = Tale("#1.2#2#", games.hide_and_seek(hide_ticks=0))
    tale.step("move_east")
    caught = next(i for i in (1, 2) if tale.after.agents[i].column == 3)
    tale.step("move_east")

    assert tale.told(0) == f"Agent 0 tags agent {caught}, who is caught."
    assert tale.told(caught, person=caught) == "Agent 0 tags you: you are caught."
    assert tale.step().told(caught) == f"Agent {caught} is caught."


def test_a_missed_tag_is_told() -> None:
    tale = Tale("#1.2#2#", games.hide_and_seek(hide_ticks=0, chance_percent=1)).step("move_east")
    tale.step("move_east")

    target = next(i for i in (1, 2) if tale.after.agents[i].column == 3)
    assert tale.told(0) == f"Agent 0 misses agent {target}."
    assert tale.told(0, person=0) == f"You miss agent {target}."


def test_a_catch_by_standing_near_is_told() -> None:
    rules = games.pursuit(predators=1, prey=2)
    tale = Tale("#1..2#2#", rules).step("move_east")
    tale.step("move_east")

    assert tale.told(0).startswith("Agent 0 tags agent ")
    assert tale.told(0).endswith(", who is caught.")


@pytest.mark.parametrize(
    ("drawing", "actions", "sentence"),
    [
        ("@R", ["rotate_east", "put_items"], "You put 1 ore_red into the generator_red."),
        ("@R", ["rotate_east", "put_items", "noop", "get_items"], "You take 1 battery_red."),
        (
            "@R",
            ["rotate_east", "put_items", "get_items"],
            "You take 1 battery_red.",
        ),
        (
            "@_",
            ["rotate_east", "put_items"],
            "You cannot put items into the altar: it takes 3 battery_red.",
        ),
        ("@_", ["rotate_east", "get_items"], "You cannot get items from the altar: there is nothing in it."),
        (
            "@r",
            ["rotate_east", "get_items", "get_items"],
            "You cannot get items from the mine_red: it is not ready yet.",
        ),
        ("@r", ["rotate_east", "put_items"], "You cannot put items into the mine_red: it takes nothing."),
        (
            "@.",
            ["rotate_east", "put_items"],
            "You cannot put items: there is nothing to put it into to the east.",
        ),
        (
            "@.",
            ["rotate_east", "get_items"],
            "You cannot get items: there is nothing to get it from to the east.",
        ),
        ("@s", ["rotate_east", "swap"], "You change places with the block."),
        ("@r", ["rotate_east", "swap"], "You cannot swap: there is nothing to change places with to the east."),
        ("@.", ["attack_3"], "You cannot attack 3: it costs 1 laser."),
        ("s@.", ["rotate_east", "move_backward"], "You cannot move backward: a block is in the way."),
    ],
)
def test_a_turn_in_the_classic_arena_is_told(drawing: str, actions: list[str], sentence: str) -> None:
    tale = Tale(drawing, ALONE, ore_red=1)

    for action in actions:
        tale.step(action)

    assert tale.told(person=0) == sentence


def test_a_shot_at_nothing_is_told() -> None:
    tale = Tale("@..", games.arena_energy(agents=1)).step("attack_2")

    assert tale.told() == "Agent 0 cannot attack 2: nothing there can be hit."


def test_every_result_has_its_words() -> None:
    tale = Tale("@.", ALONE)
    for result in ActionResult:
        agent = tale.after.agents[0]
        assert result_words(type(agent)(**{**vars(agent), "last_result": result}), tale.batch.spec)


@pytest.mark.parametrize("game", games.GAMES)
def test_kinds_of_games_have_a_colour_of_their_own(game: str) -> None:
    for kind in games.GAMES[game]().kinds:
        assert kind_ink(kind).name != "plain", kind


CROWDED = {
    "arena_classic_combat": "@@r@s\n@_R@.\n.@..o",
    "arena_energy": "@@n@#\n@_c@.\n.@...",
    "hide_and_seek": "12.#.\n..2..\n.2...",
    "pursuit": "11.#.\n..1..\n...2.",
    "two_switch": "@@&..\n&....",
}


@pytest.mark.parametrize("game", CROWDED)
@given(seed=st.integers(0, 1000))
def test_any_step_of_any_game_can_be_told(game: str, seed: int) -> None:
    rules = games.GAMES[game]()
    play = Play(rules, [parse_ascii(CROWDED[game], "drawn")], seed=seed)
    player = create_policy("random", rules, play.spec, seed=seed)

    for _ in range(25):
        play.step(player)
        for agent in range(rules.agents):
            sentence = tell_step(play.before, play.view, rules, play.spec, agent, 0)
            assert sentence == "" or sentence.endswith(".")
            assert "edge" not in sentence
            assert "the thing" not in sentence
    play.close()

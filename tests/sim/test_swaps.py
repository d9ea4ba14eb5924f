"""Steps along the facing, swaps with blocks and with who is frozen, glyphs."""

from __future__ import annotations

from engine.sim import Action, ActionResult, Combat, Kind, Plane, Verb

from .drawn import agent_of, drawn, result, sim_from, step
from .small_game import plane_at_centre, small, stat

BLOCKS = small(kinds={"block": Kind(swappable=True), "chest": Kind(style="chest")})


def test_steps_go_along_the_facing_and_backward_without_turning() -> None:
    sim = sim_from("..@..", BLOCKS)
    rows = []

    for action in ("rotate_east", "move_forward", "move_backward", "move_backward", "move_backward", "move_backward"):
        step(sim, action)
        rows.extend(drawn(sim))

    assert rows == ["..>..", "...>.", "..>..", ".>...", ">....", ">...."]
    assert result(sim) is ActionResult.OUTSIDE


def test_a_block_changes_places_with_the_agent() -> None:
    sim = sim_from("@s.", BLOCKS)

    step(sim, "rotate_east")
    step(sim, "swap")
    assert drawn(sim) == ["s>."]
    step(sim, "swap")  # nothing but floor ahead
    assert result(sim) is ActionResult.NO_TARGET
    step(sim, "rotate_west")
    step(sim, "swap")

    assert drawn(sim) == ["<s."]
    assert stat(sim, "actions.swap") == 2


def test_nothing_else_changes_places() -> None:
    sim = sim_from("#1C", BLOCKS.model_copy(update={"agents": 1}))
    for turn in ("rotate_west", "rotate_east", "rotate_north"):
        step(sim, turn)
        step(sim, "swap")
        assert result(sim) is ActionResult.NO_TARGET


def test_a_block_is_back_in_its_place_in_the_next_episode() -> None:
    sim = sim_from("@s.", BLOCKS.model_copy(update={"max_steps": 3}))

    for action in ("rotate_east", "swap", "noop"):
        step(sim, action)

    assert sim.truncated[0]
    assert drawn(sim) == ["vs."]


def test_who_is_awake_is_not_swapped_with() -> None:
    sim = sim_from("12", small(agents=2, groups=2))

    step(sim, "rotate_east", "noop")
    step(sim, "swap", "noop")

    assert drawn(sim) == [">v"]
    assert sim.results[0] == ActionResult.NO_TARGET


def test_a_frozen_agent_is_carried_along() -> None:
    shoot = Action(name="shoot", verb=Verb.ATTACK, priority=1)
    sim = sim_from("12", small((shoot,), agents=2, groups=2, combat=Combat(freeze_turns=9)))

    for action in ("rotate_east", "shoot", "swap"):
        step(sim, action, "noop")

    assert drawn(sim) == ["v>"]


def test_a_glyph_is_shown_until_the_next_one() -> None:
    glyphs = tuple(Action(name=f"glyph_{n}", verb=Verb.GLYPH, argument=n) for n in range(3))
    sim = sim_from("@", small(glyphs, glyphs=3, planes=(Plane.KIND, Plane.GLYPH)))
    shown = [plane_at_centre(sim, "glyph")]

    for action in ("glyph_2", "noop", "glyph_1"):
        step(sim, action)
        shown.append(plane_at_centre(sim, "glyph"))

    assert shown == [1, 3, 3, 2]
    assert agent_of(sim).glyph == 1

"""What older maps mean in the games that ship: one character, different kinds, by the game's own names."""

from __future__ import annotations

import textwrap

import pytest

from engine.errors import MapError
from engine.maps import GridMap, cells_for, lint, parse_ascii, translated
from engine.sim import Rules, games


def drawn(text: str) -> GridMap:
    return parse_ascii(textwrap.dedent(text).strip("\n"), "drawn")


CLASSIC, ENERGY, PURSUIT = games.arena_classic(), games.arena_energy(agents=1), games.pursuit(1, 1)


@pytest.mark.parametrize(
    ("character", "rules", "meaning"),
    [
        ("m", CLASSIC, "mine_red"),
        ("r", CLASSIC, "mine_red"),
        ("n", CLASSIC, "generator_red"),
        ("R", CLASSIC, "generator_red"),
        ("m", games.arena(), "mine"),
        ("n", games.arena(), "generator"),
        ("g", games.arena_classic("full"), "mine_green"),
        ("g", ENERGY, "generator"),
        ("a", ENERGY, "altar"),
        ("P", PURSUIT, "agent.team_1"),
        ("p", PURSUIT, "agent.team_2"),
    ],
)
def test_a_character_means_what_its_game_has(character: str, rules: Rules, meaning: str) -> None:
    assert translated(drawn(character), rules).rows == ((meaning,),)


def test_a_name_that_the_game_knows_is_left_alone() -> None:
    both = games.arena().model_copy(update={"kinds": {**games.arena().kinds, **CLASSIC.kinds}})

    assert translated(drawn("mr"), both).rows == (("mine", "mine_red"),)


def test_a_name_that_means_nothing_here_is_refused_as_it_was_drawn() -> None:
    with pytest.raises(MapError, match=r"navigation knows no agent\.prey"):
        cells_for(drawn("p*"), games.navigation())
    assert "navigation knows no mine_red" in [problem.message for problem in lint(drawn("r*"), games.navigation())]


def test_a_map_without_old_names_is_not_copied() -> None:
    grid_map = drawn("#r.")

    assert translated(grid_map, CLASSIC) is grid_map


def test_an_energy_map_of_old_can_be_played() -> None:
    grid_map = drawn(
        """
        WWWWWW
        WA  gW
        Wa  cW
        WWWWWW
        """
    )

    assert lint(grid_map, ENERGY) == []
    assert cells_for(grid_map, ENERGY)[1, 4] == 1 + list(ENERGY.kinds).index("generator")


def test_predators_and_prey_start_on_their_own_cells() -> None:
    grid_map = drawn(
        """
        ####
        #P.#
        #.p#
        ####
        """
    )

    assert lint(grid_map, PURSUIT) == []
    assert cells_for(grid_map, PURSUIT)[1, 1] == 129
    assert cells_for(grid_map, PURSUIT)[2, 2] == 130

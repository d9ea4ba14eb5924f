"""The pages of docs/games name what the games have: kinds, resources, actions, rewards, planes, recipes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.recipes import recipes
from engine.sim import Rules, games

PAGES = Path(__file__).parents[1] / "docs" / "games"
WITH_A_PAGE = sorted(set(games.GAMES) - {"navigation", "arena"})  # those two are in docs/games.md


def page_of(game: str) -> str:
    name = "arena_classic" if game.startswith("arena_classic") else game
    return (PAGES / f"{name}.md").read_text(encoding="utf-8")


def named(text: str) -> set[str]:
    """What a page spells in code, ranges of attacks and colours spelled out."""
    words = {word for code in re.findall(r"`([^`]+)`", text) for word in code.split()}
    words |= {f"attack_{n}" for n in range(10) if "`attack_" in text}
    return words | {word.replace("_red", f"_{colour}") for word in words for colour in ("blue", "green")}


def names_of(rules: Rules) -> set[str]:
    resources = {name for name in rules.resources if not name.endswith(("_blue", "_green"))}
    terms = {term.name for term in rules.rewards}
    return {*rules.kinds, *resources, *rules.action_names, *terms, *(plane.value for plane in rules.planes)}


@pytest.mark.parametrize("game", WITH_A_PAGE)
def test_a_page_names_all_that_its_game_has(game: str) -> None:
    rules = games.GAMES[game]()

    assert names_of(rules) - named(page_of(game)) == set()
    assert str(rules.max_steps) in page_of(game)


def test_the_index_names_every_recipe_and_links_every_page() -> None:
    index = (PAGES / "README.md").read_text(encoding="utf-8")

    assert set(recipes()) - named(index) == set()
    assert {f"({path.name})" for path in PAGES.glob("*.md") if path.name != "README.md"} - set(
        re.findall(r"\([a-z_]+\.md\)", index)
    ) == set()


def test_the_rewards_of_hide_and_seek_are_those_of_the_table() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (seeker|hider) \| [^|]+ \| (\S+) \| (\S+) \|$", page_of("hide_and_seek"), re.MULTILINE
    )

    for column, rewards in ((2, "hs_broken"), (3, "hs_fixed")):
        terms = {term.name: term for term in games.hide_and_seek(rewards).rewards}  # type: ignore[arg-type]
        assert {row[0]: float(row[column]) for row in rows} == {name: term.weight for name, term in terms.items()}
        assert {row[0]: row[1] for row in rows} == {name: term.role for name, term in terms.items()}

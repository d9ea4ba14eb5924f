"""Properties of the resolver, and what every recipe promises."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConfigError, MapError, UsageError
from engine.maps import load_map
from engine.recipes import (
    GROUPS,
    TOOLS,
    find_recipe,
    map_of,
    prepare_run,
    recipes,
    resolve,
    resolve_tool,
    world_of,
    worlds_of,
)
from engine.recipes.registry import is_path
from engine.runs import RunDirectory

RECIPES = sorted(recipes())


def test_the_groups_hold_what_they_promise() -> None:
    groups = {recipe.name: recipe.group for recipe in recipes().values()}

    assert set(groups.values()) <= set(GROUPS)
    assert groups["arena"] == "prod"
    assert [name for name, group in groups.items() if find_recipe(f"recipes.{group}.{name}").group != group] == []
    for name, group in groups.items():
        other = next(each for each in GROUPS if each != group)
        with pytest.raises(UsageError, match=f"no recipe is called '{other}.{name}'"):
            find_recipe(f"{other}.{name}")


@given(st.text(), st.text())
def test_no_text_breaks_the_resolver(key: str, text: str) -> None:
    with pytest.raises(ConfigError):
        resolve("navigation", [f"x{key}={text}"])


@given(st.text(min_size=1), st.sampled_from(sorted(TOOLS)))
def test_no_name_breaks_the_registry(name: str, tool: str) -> None:
    if name in recipes():
        return

    with pytest.raises(UsageError if not is_path(name) else ConfigError):
        resolve_tool(tool, name)


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_configures_every_tool(tool: str, name: str) -> None:
    config = resolve_tool(tool, name, [], {}).config

    assert type(config) is TOOLS[tool]
    assert config is not None
    assert config.rules == resolve(name).rules
    assert TOOLS[tool].model_validate_json(config.model_dump_json(), strict=True) == config


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_makes_a_world_and_says_what_it_is(name: str) -> None:
    config = resolve(name)

    world = world_of(config)

    assert world.spec.agent_count == config.rules.agents
    assert 10 < len(recipes()[name].summary) < 100
    assert Path(recipes()[name].where).is_file()


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_trains_on_maps_that_fit_its_game(name: str) -> None:
    config = resolve(name)

    worlds = worlds_of(config)

    assert len(worlds) == 1 + len(config.more_maps)
    assert len({world.spec for world in worlds}) == 1
    config.trainer.require_fit(config.rules.agents)


def test_a_fault_in_any_map_is_found_before_there_is_a_run(tmp_path: Path) -> None:
    with pytest.raises(MapError, match="navigation_rooms, line 2, column 2: 1 agent, but no spawn cell"):
        prepare_run("t_maze", resolve("t_maze", ["map=t_maze_left", 'more_maps=["navigation_rooms"]']), tmp_path)

    assert not list(tmp_path.iterdir())


def test_a_run_remembers_every_map_it_is_trained_on(tmp_path: Path) -> None:
    run = prepare_run("t_maze", resolve("t_maze", ["run=first"]), tmp_path)
    run.close()

    info = RunDirectory(tmp_path / "first").info()

    assert info.map == "t_maze_left"
    assert info.meta["more_maps"] == {"t_maze_right": load_map("t_maze_right").to_text()}


def test_a_map_of_ones_own_is_trained_on_alone(tmp_path: Path) -> None:
    config = resolve("t_maze", ["run=first"])
    edited = load_map("t_maze_20_left")

    prepare_run("t_maze", config, tmp_path, grid_map=edited).close()

    assert RunDirectory(tmp_path / "first").info().meta["more_maps"] == {}


def test_a_map_that_its_game_cannot_use_is_refused_with_its_place() -> None:
    with pytest.raises(MapError) as refused:
        map_of(resolve("navigation", ["map=arena_small"]))

    assert "arena_small, line 2, column 2: navigation knows no mine" in refused.value.message
    assert (refused.value.line, refused.value.column) == (2, 2)


def test_recipes_and_tools_load_without_torch() -> None:
    code = (
        "import sys, engine.cli, engine.recipes, engine.tools.train, engine.tools.play, engine.tools.query;"
        "engine.recipes.world_of(engine.recipes.resolve('arena'));"
        "sys.exit('torch' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

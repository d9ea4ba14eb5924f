"""Properties of the resolver, and what every recipe promises."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConfigError, MapError
from engine.maps import load_map
from engine.recipes import RecipeConfig, map_of, overrides_of, prepare_run, recipes, resolve, world_of, worlds_of
from engine.runs import RunDirectory

RECIPES = sorted(recipes())

SETTINGS = {
    "map": st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1).filter(str.strip),
    "more_maps": st.lists(st.sampled_from(["t_maze_left", "no such map"]), max_size=3),
    "run": st.none() | st.from_regex(r"\A[a-z]([a-z0-9-]{0,20}[a-z0-9])?\Z").filter(lambda name: name != "con"),
    "rules.max_steps": st.integers(0, 10**9),
    "rules.window.width": st.integers(0, 7).map(lambda half: 2 * half + 1),
    "rules.spawn_anywhere": st.booleans(),
    "rules.end": st.none() | st.just({"resource": "gold", "amount": 3}),
    "rules.kinds.wall": st.sampled_from([{}, {"style": "use", "cooldown": 3}]),
    "trainer.learning_rate": st.floats(1e-12, 1, allow_nan=False),
    "trainer.gamma": st.floats(0, 1),
    "trainer.total_steps": st.integers(1, 10**15),
    "trainer.value_clip": st.floats(0, allow_infinity=False),
    "trainer.anneal": st.booleans(),
    "trainer.seed": st.integers(0, 2**63 - 1),
    "trainer.policy.hidden": st.lists(st.integers(1, 4096), min_size=1, max_size=8),
    "trainer.policy.kind": st.sampled_from(["mlp", "cnn"]),
}
"""Settings, and the values that they take."""

ANY_VALUE = st.one_of(
    st.text(st.characters(codec="utf-8")),
    st.integers().map(str),
    st.floats().map(repr),
    st.sampled_from(["true", "none", "[]", "{}", "[1,2]", '{"a":1}', '"x"', "", "1e400", "nan", "-0"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8")),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    ).map(json.dumps),
)


@st.composite
def configs(draw: st.DrawFn) -> RecipeConfig:
    chosen = draw(st.lists(st.sampled_from(sorted(SETTINGS)), unique=True))
    settings = [f"{key}={json.dumps(draw(SETTINGS[key]))}" for key in chosen]
    # Something that every game can end by: few have a resource in common.
    return resolve(
        draw(st.sampled_from(RECIPES)),
        ['rules.resources.gold={"limit":9,"regen_amount":1,"regen_interval":5}', *settings],
    )


@given(configs(), st.sampled_from(RECIPES))
def test_a_configuration_written_as_settings_comes_back_the_same(config: RecipeConfig, recipe: str) -> None:
    # Entries of tables are added and never removed, so a recipe of another game keeps its own: whole objects then.
    whole = [f"rules={config.rules.model_dump_json()}"]
    settings = [f"{setting.key}={setting.text}" for setting in overrides_of(config)]

    again = resolve(recipe, [*whole, *settings])

    assert again == config
    assert overrides_of(again) == overrides_of(config)


@given(configs())
def test_a_configuration_survives_json(config: RecipeConfig) -> None:
    assert RecipeConfig.model_validate_json(config.model_dump_json(), strict=True) == config


KEYS = sorted({setting.key for name in RECIPES for setting in overrides_of(recipes()[name].train())})


@given(st.sampled_from(RECIPES), st.sampled_from([*KEYS, *SETTINGS, "rules", "trainer", "trainer.policy"]), ANY_VALUE)
def test_any_setting_is_applied_or_refused_by_name(recipe: str, key: str, text: str) -> None:
    try:
        config = resolve(recipe, [f"{key}={text}"])
    except ConfigError as refused:
        said = refused.message + refused.hint
        assert key in said or key.rpartition(".")[0] in said  # an action of the other game: its table is named
        assert "pydantic" not in said
    else:
        assert config == resolve(recipe, [f"{key}={text}"])


@given(st.text(), st.text())
def test_no_text_breaks_the_resolver(key: str, text: str) -> None:
    with pytest.raises(ConfigError):
        resolve("navigation", [f"x{key}={text}"])


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_makes_a_world_and_says_what_it_is(name: str) -> None:
    recipe = recipes()[name]

    world = world_of(resolve(name))

    assert world.spec.agent_count == recipe.train().rules.agents
    assert 10 < len(recipe.summary) < 100


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

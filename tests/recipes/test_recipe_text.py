"""A configuration written as a recipe file, read back, and written again is the same; so are files and their schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from engine.recipes import TOOLS, WorldConfig, overrides_of, recipes, resolve_tool
from engine.recipes.recipe_schema import recipe_schema
from engine.recipes.recipe_text import flow, recipe_yaml, remarks
from engine.recipes.yaml_text import read_yaml
from engine.sim import Rules, games
from tests.sim import strategies

from .spoken import HOSTILE, covering, without_environment

RECIPES = sorted(recipes())
ANY_TOOL = st.sampled_from(sorted(TOOLS))
VALIDATOR = Draft202012Validator(recipe_schema())

MAPS = HOSTILE.filter(lambda text: text.strip() and "\0" not in text)
POLICIES = HOSTILE.filter(bool)
SEEDS = st.integers(0, 2**63 - 1)
RUNS = st.sampled_from(["1e3", "null", "no", "0x1F", "2026", "none", "true", "e5", "1_000", "a"])

WORLD: dict[str, st.SearchStrategy[Any]] = {
    "map": MAPS,
    "more_maps": st.lists(MAPS, max_size=3),
    "scatters": st.integers(1, 256),
    "rules.max_steps": st.integers(0, 10**9),
    "rules.end": st.none() | st.just({"resource": "gold", "amount": 3}),
}
TRAINER: dict[str, st.SearchStrategy[Any]] = {
    "run": st.none() | RUNS,
    "trainer.learning_rate": st.floats(5e-324, 1),
    "trainer.gamma": st.floats(0, 1) | st.just(-0.0),
    "trainer.value_clip": st.floats(0, allow_infinity=False) | st.just(-0.0),
    "trainer.total_steps": st.integers(1, 10**15),
    "trainer.target_kl": st.floats(5e-324, 10),
    "trainer.seed": SEEDS,
    "trainer.policy.hidden": st.lists(st.integers(1, 4096), min_size=1, max_size=8),
    "trainer.anneal": st.booleans(),
}
SIMULATIONS = st.dictionaries(
    st.from_regex(r"\A[a-z][a-z0-9_]{0,5}\Z") | st.sampled_from(["no", "null", "e5"]), MAPS, max_size=2
).map(lambda maps: [{"name": n, "map": m, "rules": games.arena().model_dump(mode="json")} for n, m in maps.items()])
PARAMETERS = st.lists(
    st.fixed_dictionaries(
        {"key": HOSTILE.map(lambda text: (text or "x")[:200]), "choices": st.lists(HOSTILE, min_size=1, max_size=3)}
    )
    | st.fixed_dictionaries({"key": st.just("trainer.gamma"), "min": st.floats(-1e9, 0), "max": st.floats(0, 1e300)}),
    max_size=3,
)
VALUES: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "train": WORLD | TRAINER,
    "play": WORLD | {"policy": POLICIES, "record": st.none() | HOSTILE, "seed": SEEDS, "render": st.booleans()},
    "replay": WORLD | {"policy": POLICIES, "record": HOSTILE, "seed": SEEDS},
    "render": WORLD
    | {"policy": POLICIES, "seed": SEEDS, "frames": st.integers(1, 1_000_000_000), "fps": st.floats(0, 1000)},
    "evaluate": WORLD | {"policies": st.lists(POLICIES, min_size=1, max_size=3), "simulations": SIMULATIONS},
    "sweep": WORLD | TRAINER | {"parameters": PARAMETERS, "metric": HOSTILE, "trials": st.integers(1, 100_000)},
    "autotune": WORLD
    | TRAINER
    | {"seconds": st.floats(1, 3600), "memory_mb": st.integers(1, 1 << 20), "output": HOSTILE},
}
"""Values that each tool takes, as JSON."""

GOLD = 'rules.resources.gold={"limit":9,"regen_amount":1,"regen_interval":5}'
"""Something that every game can end by: few have a resource in common."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For files that Hypothesis writes anew for each example."""
    return tmp_path_factory.mktemp("text")


def dumped(tool: str, config: WorldConfig) -> str:
    return "\n".join(recipe_yaml(tool, config.model_dump(mode="json"))) + "\n"


def loaded(folder: Path, tool: str, text: str) -> WorldConfig:
    (folder / "again.yaml").write_text(text, "utf-8")
    resolution = without_environment(tool, str(folder / "again.yaml"))
    assert resolution.faults == (), text
    assert resolution.config is not None
    return resolution.config


def check_identity(folder: Path, tool: str, config: WorldConfig) -> None:
    text = dumped(tool, config)

    again = loaded(folder, tool, text)

    assert again == config
    assert repr(again) == repr(config)  # -0.0 equals 0.0
    assert dumped(tool, again) == text
    assert overrides_of(again) == overrides_of(config)
    assert VALIDATOR.is_valid(read_yaml(text, "dump").data)


@st.composite
def said(draw: st.DrawFn, tool: str) -> list[str]:
    """Settings that a tool takes, as a program would write them: JSON, with what looks like ${key} kept as text."""
    chosen = draw(st.lists(st.sampled_from(sorted(VALUES[tool])), unique=True))
    values = {key: draw(VALUES[tool][key]) for key in chosen}
    return [GOLD, *(f"{key}={json.dumps(value).replace('${', '$${')}" for key, value in values.items())]


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("recipe", RECIPES)
def test_what_every_recipe_is_by_itself_comes_back(tmp_path: Path, tool: str, recipe: str) -> None:
    config = resolve_tool(tool, recipe, [], {}).config
    assert config is not None

    check_identity(tmp_path, tool, config)


@given(st.data(), ANY_TOOL, st.sampled_from(RECIPES))
def test_any_configuration_comes_back(folder: Path, data: st.DataObject, tool: str, recipe: str) -> None:
    config = resolve_tool(tool, recipe, data.draw(said(tool)), {}).config
    assert config is not None

    check_identity(folder, tool, config)


@settings(max_examples=50)
@given(ANY_TOOL, strategies.games())
def test_any_game_comes_back(folder: Path, tool: str, rules: Rules) -> None:
    minibatch = ["trainer.env_count=2", "trainer.horizon=1", "trainer.minibatch_size=2"]
    given_rules = f"rules={rules.model_dump_json()}"
    config = resolve_tool(
        tool, "navigation", [given_rules, *(minibatch if tool in ("train", "sweep") else [])], {}
    ).config
    assert config is not None
    assert config.rules == rules

    check_identity(folder, tool, config)


@given(st.data(), ANY_TOOL, st.sampled_from(RECIPES), st.sampled_from(RECIPES))
def test_written_as_settings_it_comes_back(data: st.DataObject, tool: str, recipe: str, other: str) -> None:
    config = resolve_tool(tool, recipe, data.draw(said(tool)), {}).config
    assert config is not None
    # Entries of tables are added and never removed, so a recipe of another game keeps its own: whole objects then.
    whole = ["rules=" + config.rules.model_dump_json()]
    lists = {
        name: json.loads(config.model_dump_json())[name]
        for name in ("simulations", "parameters")
        if hasattr(config, name)
    }
    whole += [f"{name}={json.dumps(items).replace('${', '$${')}" for name, items in lists.items()]

    again = resolve_tool(
        tool, other, [*whole, *(f"{each.key}={each.text}" for each in overrides_of(config))], {}
    ).config

    assert again == config
    assert overrides_of(again) == overrides_of(config)


@given(st.data(), ANY_TOOL, st.sampled_from(RECIPES))
def test_settings_of_a_resolution_are_its_configuration(data: st.DataObject, tool: str, recipe: str) -> None:
    said_so = data.draw(said(tool))
    resolution = resolve_tool(tool, recipe, said_so, {})
    assert resolution.config is not None

    assert [(each.key, each.text) for each in resolution.settings] == [
        (each.key, each.text) for each in overrides_of(resolution.config)
    ]
    origins = {each.key: each.origin.where for each in resolution.settings}
    assert [
        each
        for each in said_so
        if each not in origins.values()
        and "=[]" not in each
        and "rules.end" not in each
        and not each.startswith(("simulations", "parameters"))
    ] == []


@pytest.mark.parametrize("setting", ["rules.rewards.heart.cap=-0.0", "trainer.value_clip=-0.0"])
def test_a_negative_zero_is_not_taken_for_the_default(tmp_path: Path, setting: str) -> None:
    resolution = resolve_tool("train", "arena", [setting], {})
    assert resolution.config is not None

    check_identity(tmp_path, "train", resolution.config)
    assert covering(resolution, setting.partition("=")[0]).changed


# ---- How it looks


def test_it_is_written_to_be_read() -> None:
    config = resolve_tool("play", "navigation", ["policy=no", "record=1e3"], {}).config
    assert config is not None

    lines = dumped("play", config).splitlines()

    assert lines[:4] == ["map: navigation_walls9", "more_maps: []", "scatters: 16", "rules:"]
    assert "    heart: {limit: 1}" in lines
    assert "    - {name: move_north, verb: move, direction: north}" in lines
    assert lines[-6:] == ["play:", "  policy: no", "  episodes: 5", "  seed: 0", "  render: false", '  record: "1e3"']


def test_remarks_stand_behind_their_settings() -> None:
    resolution = resolve_tool("train", "arena", ["run=x", "trainer.lr=3e-4", "rules.kinds.altar.cooldown=3"], {})
    assert resolution.config is not None

    text = "\n".join(recipe_yaml("train", resolution.config.model_dump(mode="json"), remarks(resolution)))

    assert read_yaml(text, "x").data == read_yaml(dumped("train", resolution.config), "x").data
    said = [line for line in text.splitlines() if "  # " in line]
    # Of settings with one name the first counts: schedules and components have some of the trainer's own.
    lines = {line.split(":")[0].strip(): line.partition("  # ")[2] for line in reversed(said)}
    assert lines["run"] == "command line run=x; recipe: none"
    assert lines["learning_rate"] == "command line trainer.lr=3e-4; recipe: 0.0025"
    assert lines["gamma"] == "recipe arena; default: 0.99"
    assert lines["clip"] == "default"
    assert lines["altar"].startswith("command line rules.kinds.altar.cooldown=3; recipe: {")
    assert lines["mine"] == "recipe arena"


@given(HOSTILE)
def test_any_text_is_read_back_as_itself(text: str) -> None:
    line = f"key: {flow(text)}"

    assert line.count("\n") == 0
    assert read_yaml(line, "x").data["key"].replace("$${", "${") == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_number_is_read_back_to_the_last_bit(number: float) -> None:
    read = read_yaml(f"key: {flow(number)}", "x").data["key"]

    assert float(read).hex() == number.hex()


# ---- The schema


def test_the_schema_is_one_of_draft_2020_12() -> None:
    Draft202012Validator.check_schema(recipe_schema())

    assert recipe_schema()["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert json.loads(json.dumps(recipe_schema())) == recipe_schema()


def tables_of(data: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Where each table lies, the outermost first."""
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    found = [place for key, value in inner for place in tables_of(value, (*path, key))]
    return [path, *found] if isinstance(data, dict) else found


def misspelled(data: Any, path: tuple[str | int, ...]) -> Any:
    """A copy with a key that cannot be in the table at a path."""
    copy = json.loads(json.dumps(data))
    table = copy
    for key in path:
        table = table[key]
    table["Misspelled key"] = 1
    return copy


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("recipe", ["arena", "hide_and_seek", "arena_classic_combat"])
def test_the_schema_refuses_an_unknown_key_in_any_table(tool: str, recipe: str) -> None:
    config = resolve_tool(tool, recipe, [], {}).config
    assert config is not None
    data = read_yaml(dumped(tool, config), "x").data
    places = tables_of(data)

    assert len(places) > 8
    assert VALIDATOR.is_valid(data)
    assert [place for place in places if VALIDATOR.is_valid(misspelled(data, place))] == []


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("summary: x\nrecipe: arena\npreset: tiny", True),
        ("preset: tniy", False),
        ("trainer: {seed: 3}", True),
        ("trainer: {sede: 3}", False),
        ("trainer: {seed: '${trainer.epochs}'}", True),
        ("trainer: {seed: three}", False),
        ("trainer: {anneal: 1}", False),
        ("trainer: {target_kl: null}", True),
        ("trainer: {seed: null}", False),
        ("trainer: {policy: {kind: cnn}}", True),
        ("trainer: {policy: {kind: cmm}}", False),
        ("trainer: 3", False),
        ("rules: my-rules.yaml", True),
        ("rules: {agents: 2}", True),
        ("rules: {agents: 0}", False),
        ("rules: {rewards: {heart: {weight: 2}}}", True),
        ("play: {policy: noop}", True),
        ("play: {policies: [noop]}", False),
        ("play: {trainer: {seed: 3}}", False),
        ("evaluate: {policies: [noop], simulations: {small: {scatters: 3}}}", True),
        ("sweep: {parameters: [{key: trainer.gamma, min: 0, max: 1}]}", True),
        ("sweep: {parameters: [{kye: trainer.gamma}]}", False),
        ("policy: noop", False),  # it is play's
        ("nonsense: 1", False),
    ],
)
def test_the_schema_and_the_reader_agree(text: str, right: bool) -> None:
    assert VALIDATOR.is_valid(read_yaml(text, "x").data) == right


def test_the_schema_describes_every_setting() -> None:
    missing = []

    def walk(schema: dict[str, Any], owner: str) -> None:
        for name, each in schema.get("properties", {}).items():
            if not each.get("description"):
                missing.append(f"{owner}.{name}")
            walk(each, f"{owner}.{name}")

    schema = recipe_schema()
    walk(schema, "recipe")
    for owner, table in schema["$defs"].items():
        walk(table, owner)

    assert missing == []


def test_all_fields_of_all_tools_are_in_the_schema() -> None:
    properties = recipe_schema()["properties"]

    assert set(properties) >= {"summary", "recipe", "preset", *TOOLS["train"].model_fields, *TOOLS}
    for tool, model in TOOLS.items():
        assert set(properties[tool]["properties"]) == set(model.model_fields)

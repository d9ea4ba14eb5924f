"""Layers: the highest that says something wins, and every value knows who said it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConfigError
from engine.recipes import TOOLS, RecipeConfig, Resolution, examine, recipes, resolve_tool
from engine.recipes.origins import Layer
from engine.recipes.yaml_text import read_yaml
from engine.training.presets import PRESETS

from .spoken import ANY_VALUE, by_key, covering, missing_from, value_at, without_environment, words_of, written

RECIPES = sorted(recipes())
NAMES = st.sampled_from(RECIPES)
ANY_TOOL = st.sampled_from(sorted(TOOLS))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For files that Hypothesis writes anew for each example."""
    return tmp_path_factory.mktemp("layers")


def origin_of(resolution: Resolution, key: str) -> tuple[Layer, str]:
    origin = covering(resolution, key).origin
    return origin.layer, origin.where


# ---- One setting at a time, each layer


def test_a_default_says_that_it_is_one() -> None:
    setting = by_key(without_environment("train", "navigation"))["trainer.clip"]

    assert (setting.text, setting.default, setting.recipe) == ("0.2", "0.2", "0.2")
    assert str(setting.origin) == "default"
    assert not setting.changed
    assert setting.help.startswith("largest change of an action's probability")
    assert setting.allowed == "a number, above 0, at most 10"


def test_a_recipe_says_what_is_not_as_by_default() -> None:
    settings = by_key(without_environment("train", "arena"))

    assert (settings["trainer.gamma"].text, settings["trainer.gamma"].default) == ("0.995", "0.99")
    assert str(settings["trainer.gamma"].origin) == "recipe arena"
    assert not settings["trainer.gamma"].changed
    assert settings["map"].default is None
    assert str(settings["map"].origin) == "recipe arena"
    assert str(settings["rules.kinds.altar"].origin) == "recipe arena"
    assert str(settings["rules.kinds.altar"].origin.prefix) == ""
    assert str(settings["trainer.clip"].origin) == "default"


ENVIRON = {"GRIDRL__TRAINER__EPOCHS": "5"}
FILE = """
    recipe: arena
    preset: tiny
    trainer:
      gamma: 0.5
      epochs: 3
"""


@pytest.mark.parametrize(
    ("settings", "environ", "key", "text", "origin"),
    [
        ([], {}, "trainer.clip", "0.2", "default"),
        ([], {}, "trainer.entropy_coefficient", "0.02", "recipe arena"),
        ([], {}, "trainer.policy.hidden", "[32,32]", "preset tiny"),
        ([], {}, "trainer.gamma", "0.5", "file my.yaml, line 4"),
        ([], {}, "trainer.epochs", "3", "file my.yaml, line 5"),
        ([], ENVIRON, "trainer.epochs", "5", "environment GRIDRL__TRAINER__EPOCHS"),
        (["trainer.epochs=7"], ENVIRON, "trainer.epochs", "7", "command line trainer.epochs=7"),
        (["trainer.epochs=7", "trainer.epochs=8"], ENVIRON, "trainer.epochs", "8", "command line trainer.epochs=8"),
        (["trainer.n_epochs=7"], {}, "trainer.epochs", "7", "command line trainer.n_epochs=7"),
        (["preset=small"], {}, "trainer.policy.hidden", "[64,64]", "preset small"),
        (["preset=small"], {}, "trainer.epochs", "3", "file my.yaml, line 5"),
        ([], {"GRIDRL__PRESET": "small"}, "trainer.policy.hidden", "[64,64]", "preset small"),
        (["preset=tiny"], {"GRIDRL__PRESET": "small"}, "trainer.policy.hidden", "[32,32]", "preset tiny"),
        (["trainer.policy.hidden=[8]"], {}, "trainer.policy.hidden", "[8]", "command line trainer.policy.hidden=[8]"),
        (['trainer.policy={"kind":"cnn"}'], {}, "trainer.policy.hidden", "[64,64]",
         'command line trainer.policy={"kind":"cnn"}'),
        (["trainer.seed=${trainer.epochs}"], {}, "trainer.seed", "3", "command line trainer.seed=${trainer.epochs}"),
    ],
)  # fmt: skip
def test_the_highest_layer_wins_and_is_named(
    tmp_path: Path, settings: list[str], environ: dict[str, str], key: str, text: str, origin: str
) -> None:
    path = written(tmp_path / "my.yaml", FILE)

    setting = by_key(resolve_tool("train", str(path), settings, environ))[key]

    assert (setting.text, str(setting.origin)) == (text, origin)


def test_what_is_changed_is_beside_what_the_recipe_says() -> None:
    resolution = resolve_tool("train", "arena", ["trainer.gamma=0.5", "trainer.clip=0.2"], {})

    settings = by_key(resolution)
    assert {key for key, setting in settings.items() if setting.changed} == {"trainer.gamma"}
    gamma = settings["trainer.gamma"]
    assert (gamma.text, gamma.recipe, gamma.default) == ("0.5", "0.995", "0.99")
    assert settings["trainer.clip"].origin.layer is Layer.COMMAND_LINE  # said, though it changes nothing


def test_part_of_an_entry_makes_the_whole_entry_the_command_lines() -> None:
    settings = by_key(
        resolve_tool("train", "arena", ["rules.kinds.altar.cooldown=3", "rules.rewards.ore.weight=2"], {})
    )

    changed = {key: str(setting.origin) for key, setting in settings.items() if setting.changed}
    assert changed == {
        "rules.kinds.altar": "command line rules.kinds.altar.cooldown=3",
        "rules.rewards.ore": "command line rules.rewards.ore.weight=2",
    }


def test_a_new_entry_is_in_no_recipe() -> None:
    settings = by_key(resolve_tool("train", "arena", ['rules.resources.gold={"limit":5}'], {}))

    gold = settings["rules.resources.gold"]
    assert (gold.text, gold.recipe, gold.default, gold.changed) == ('{"limit":5}', None, None, True)


def test_each_line_of_a_file_is_named_for_what_is_on_it(tmp_path: Path) -> None:
    path = written(
        tmp_path / "my.yaml",
        """
        recipe: arena
        rules:
          max_steps: 50
          kinds:
            altar: {cooldown: 3}
            mine:
              cooldown: 4
          rewards:
            heart: {weight: 2}
        trainer: {seed: 3,
          policy: {
            hidden: [8]}}
        """,
    )

    resolution = resolve_tool("train", str(path), [], {})

    lines = {key: str(each.origin) for key, each in by_key(resolution).items() if each.changed}
    assert lines == {
        "rules.max_steps": "file my.yaml, line 3",
        "rules.kinds.altar": "file my.yaml, line 5",
        "rules.kinds.mine": "file my.yaml, line 7",
        "rules.rewards.heart": "file my.yaml, line 9",
        "trainer.seed": "file my.yaml, line 10",
        "trainer.policy.hidden": "file my.yaml, line 12",
    }


def test_a_file_above_another_has_the_later_word(tmp_path: Path) -> None:
    written(tmp_path / "lower.yaml", "recipe: arena\ntrainer: {seed: 1, epochs: 3}\npreset: gpu\n")
    path = written(tmp_path / "upper.yaml", "recipe: lower.yaml\ntrainer: {seed: 2}\npreset: tiny\n")

    resolution = resolve_tool("train", str(path), [], {})

    assert [file.path.name for file in resolution.files] == ["lower.yaml", "upper.yaml"]
    assert resolution.preset == "tiny"
    assert origin_of(resolution, "trainer.seed") == (Layer.FILE, "upper.yaml, line 2")
    assert origin_of(resolution, "trainer.epochs") == (Layer.FILE, "lower.yaml, line 2")
    assert origin_of(resolution, "trainer.policy.hidden") == (Layer.PRESET, "tiny")
    assert origin_of(resolution, "trainer.gamma") == (Layer.RECIPE, "arena")


def test_a_tools_own_table_has_the_later_word(tmp_path: Path) -> None:
    path = written(
        tmp_path / "my.yaml",
        """
        recipe: arena
        scatters: 3
        run: x
        play:
          scatters: 4
          seed: 9
        evaluate: {episodes: 2}
        """,
    )

    play, train, evaluate = (resolve_tool(tool, str(path), [], {}) for tool in ("play", "train", "evaluate"))

    assert value_at(play.config.model_dump(mode="json"), "scatters") == 4
    assert origin_of(play, "scatters") == (Layer.FILE, "my.yaml, line 5")
    assert origin_of(play, "seed") == (Layer.FILE, "my.yaml, line 6")
    assert origin_of(train, "scatters") == (Layer.FILE, "my.yaml, line 2")
    assert origin_of(evaluate, "episodes") == (Layer.FILE, "my.yaml, line 7")
    assert origin_of(evaluate, "scatters") == (Layer.FILE, "my.yaml, line 2")


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("agents", [1, 6, 7])
def test_a_preset_fits_however_many_agents_a_higher_layer_says(preset: str, agents: int) -> None:
    config = resolve_tool(
        "train", "arena", [f"rules.agents={agents}", "map=scatter:arena_basic", f"preset={preset}"], {}
    ).config

    trainer = config.model_dump(mode="json")["trainer"]
    assert trainer["env_count"] * agents * trainer["horizon"] % trainer["minibatch_size"] == 0


def test_a_preset_fits_agents_that_are_another_settings_value() -> None:
    said = ["map=scatter:arena_basic", "scatters=6", "preset=tiny"]

    trainers = [
        resolve_tool("train", "arena", [*said, f"rules.agents={agents}"], {}).config.model_dump()["trainer"]
        for agents in ("6", "${scatters}")
    ]

    assert trainers[0] == trainers[1]


def test_agents_that_are_taken_from_the_preset_are_refused() -> None:
    (fault,) = examine("train", "arena", ["rules.agents=${trainer.epochs}", "preset=metta", "scatters=1"], {}).faults

    assert missing_from(words_of(fault), ["preset: it is fitted to", "rules.agents=", "give rules.agents as"]) == []


def test_a_preset_lies_below_what_is_said_and_above_the_recipe() -> None:
    resolution = resolve_tool("train", "arena", ["trainer.horizon=64", "preset=metta"], {})

    assert origin_of(resolution, "trainer.horizon") == (Layer.COMMAND_LINE, "trainer.horizon=64")
    assert origin_of(resolution, "trainer.gamma") == (Layer.PRESET, "metta")  # the recipe has another
    assert covering(resolution, "trainer.gamma").text == "0.977"


@pytest.mark.parametrize(
    ("tool", "settings", "environ", "words"),
    [
        ("train", ["preset=tniy"], {}, ["preset: no preset is called 'tniy'", "did you mean tiny?"]),
        ("train", [], {"GRIDRL__PRESET": "x"}, ["GRIDRL__PRESET: preset: no preset", "there are tiny, small"]),
        ("play", ["preset=tiny"], {}, ["preset: gridrl play trains nothing", "leave it out"]),
    ],
)
def test_a_preset_that_cannot_be_is_refused(
    tool: str, settings: list[str], environ: dict[str, str], words: list[str]
) -> None:
    (fault,) = examine(tool, "navigation", settings, environ).faults

    assert missing_from(words_of(fault), words) == []


# ---- The environment


def test_the_environment_is_for_all_tools_and_each_takes_what_it_knows() -> None:
    environ = {
        "GRIDRL__POLICY": "noop",
        "GRIDRL__TRAINER__SEED": "3",
        "GRIDRL__SCATTERS": "2",
        "GRIDRL__PRESET": "tiny",
    }

    for tool in TOOLS:
        resolution = examine(tool, "navigation", [], environ)
        assert resolution.faults == ()
        assert covering(resolution, "scatters").text == "2"
    assert covering(examine("play", "navigation", [], environ), "policy").text == "noop"


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"GRIDRL__TRAINER__LERNING_RATE": "1"},
         ["GRIDRL__TRAINER__LERNING_RATE: trainer.lerning_rate: there is no", "did you mean learning_rate?"]),
        ({"GRIDRL__TRAINER__SEED": "x"}, ["GRIDRL__TRAINER__SEED: trainer.seed cannot be 'x'", "a whole number"]),
        ({"GRIDRL__TRAINR": "1"}, ["GRIDRL__TRAINR: trainr", "did you mean trainer?"]),
        ({"GRIDRL__": "1"}, ["GRIDRL__", "is not key=value"]),
        ({"GRIDRL__A____B": "1"}, ["GRIDRL__A____B", "is not key=value"]),
        ({"GRIDRL__MAP": "\udcff"}, ["GRIDRL__MAP: map: the value is not UTF-8 text"]),
        ({"GRIDRL__RULES": "nowhere.yaml"}, ["GRIDRL__RULES: rules: there is no rules file nowhere.yaml"]),
        ({"GRIDRL__TRAINER__SEED": "9" * 5000}, ["GRIDRL__TRAINER__SEED: trainer.seed: a number of too many digits"]),
    ],
)  # fmt: skip
def test_what_the_environment_says_wrong_is_refused_by_its_name(environ: dict[str, str], words: list[str]) -> None:
    (fault,) = examine("train", "navigation", [], environ).faults

    assert missing_from(words_of(fault), words) == [], words_of(fault)


# ---- What was made of each argument


@pytest.mark.parametrize(
    ("tool", "argument", "meaning"),
    [
        ("train", "trainer.seed=3", "setting"),
        ("train", "trainer.lr=0.1", "setting trainer.learning_rate"),
        ("train", "run_name=x", "setting run"),
        ("train", "batteries_per_heart=4", "parameter of train()"),
        ("play", "batteries_per_heart=4", "parameter of world()"),
        ("train", "preset=tiny", "preset"),
        ("train", "wandb=off", "left out: runs are kept on this machine; Weights & Biases is not written to"),
        ("evaluate", "policy_uri=noop", "setting policies"),
    ],
)
def test_arguments_are_classified(tool: str, argument: str, meaning: str) -> None:
    resolution = resolve_tool(tool, "arena", [argument], {})

    assert [(each.text, each.meaning) for each in resolution.arguments] == [(argument, meaning)]


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("wandb=on", ["wandb=on: runs are kept on this machine", "leave it out"]),
        ("wandb.project=x", ["wandb.project: that is a setting of Weights & Biases", "leave it out"]),
        ("device=gpu", ["trainer.device cannot be 'gpu'"]),
        ("defaults=[a]", ["defaults: that is a Hydra defaults list", "recipe: NAME says what a file builds on"]),
        ("hydra.run.dir=x", ["hydra.run.dir: that is a setting of Hydra"]),
        ("hydra/launcher=x", ["hydra/launcher: that is a setting of Hydra"]),
        ("env=mettagrid/arena", ["env: that is a Hydra group", "name a recipe"]),
        ("env.game.num_agents=3", ["env.game.num_agents: that is a Hydra group"]),
        ("agent=latent_attn_small", ["agent: that is a Hydra group", "trainer.policy.kind"]),
        ("sim_job.policy_uris=x", ["sim_job.policy_uris: that is a Hydra job", "gridrl evaluate"]),
        ("trainer.batch_size=1024", ["trainer.batch_size: that is env_count x agents x horizon", "env_count or"]),
        ("trainer.optimizer.learning_rate=1", ["trainer.optimizer.learning_rate: that is a table we do not have"]),
        ("policy=noop", ["policies: there is no 'policies'"]),
    ],
)
def test_what_is_not_ours_is_named(argument: str, words: list[str]) -> None:
    resolution = examine("train", "arena", [argument], {})

    assert len(resolution.faults) == 1
    assert missing_from(words_of(resolution.faults[0]), words) == [], words_of(resolution.faults[0])


# ---- Any setting, any value, any layer


@cache
def keys_of(tool: str, recipe: str) -> tuple[str, ...]:
    """Each setting, and the fields of those that are entries of tables. Not names: who is renamed has another key."""
    found = []
    for setting in without_environment(tool, recipe).settings:
        inside = json.loads(setting.text) if setting.text[:1] == "{" else {}
        found += [setting.key, *(f"{setting.key}.{name}" for name in inside if name != "name")]
    return tuple(found)


def keys(tool: str, recipe: str) -> st.SearchStrategy[str]:
    return st.sampled_from(keys_of(tool, recipe))


def names_it(error: ConfigError, key: str) -> bool:
    """Whether an error tells the path, or that of the table that is wrong together with it."""
    said, names = words_of(error), key.split(".")
    return any(".".join(names[:end]) in said for end in range(len(names), 0, -1))


def readings(text: str) -> Iterator[Any]:
    """What a typed text can mean: what JSON, YAML and Python's numbers make of it, itself, or a list of one."""
    plain = {"none": None, "null": None, "true": True, "false": False}
    found: list[Any] = [text]
    found += [plain[text.lower()]] if text.lower() in plain else []
    for read in (json.loads, float):
        with contextlib.suppress(ValueError, RecursionError):
            found.append(read(text))
    yield from found
    yield from ([each] for each in found)


def holds(applied: Any, said: Any) -> bool:
    """Whether a configuration has what was said; it may have more, by default or from the layers below."""
    if isinstance(said, dict):
        return isinstance(applied, dict) and all(key in applied and holds(applied[key], said[key]) for key in said)
    if isinstance(said, list):
        same_length = isinstance(applied, list) and len(applied) == len(said)
        return same_length and all(map(holds, applied, said))
    return type(applied) is type(said) and applied == said if isinstance(said, bool) else bool(applied == said)


def json_of(resolution: Resolution) -> Any:
    assert resolution.config is not None
    return resolution.config.model_dump(mode="json")


@given(st.data(), ANY_TOOL, NAMES, ANY_VALUE)
def test_any_setting_is_applied_with_its_origin_or_refused_by_its_path(
    data: st.DataObject, tool: str, recipe: str, text: str
) -> None:
    key = data.draw(keys(tool, recipe))

    resolution = without_environment(tool, recipe, [f"{key}={text}"])

    if resolution.faults:
        assert resolution.config is None
        assert names_it(resolution.faults[0], key), words_of(resolution.faults[0])
        assert "pydantic" not in words_of(resolution.faults[0])
    elif key == "rules":
        assert origin_of(resolution, "rules.name")[0] is Layer.COMMAND_LINE
    else:
        assert origin_of(resolution, key) == (Layer.COMMAND_LINE, f"{key}={text}")
        applied = value_at(json_of(resolution), key)
        assert "${" in text or any(holds(applied, said) for said in readings(text)), (key, text, applied)


@given(st.data(), ANY_TOOL, NAMES, ANY_VALUE.filter(lambda text: "\0" not in text))
def test_any_setting_of_the_environment_is_applied_with_its_origin_or_refused_by_its_path(
    data: st.DataObject, tool: str, recipe: str, text: str
) -> None:
    key = data.draw(keys(tool, recipe))
    name = "GRIDRL__" + key.upper().replace(".", "__")

    resolution = examine(tool, recipe, [], {name: text})

    said = without_environment(tool, recipe, [f"{key}={text}"])
    assert resolution.config == said.config  # which the test above compares with the text
    if resolution.faults:
        assert len(resolution.faults) == len(said.faults)
        assert all(names_it(fault, key.partition(".")[0]) for fault in resolution.faults)
    else:
        assert origin_of(resolution, key) == (Layer.ENVIRONMENT, name)


SHORT_TEXT = st.text(st.characters(codec="utf-8"), max_size=9)
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | SHORT_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SHORT_TEXT, inner, max_size=3),
    max_leaves=5,
)
"""What a file can say of a setting. JSON is YAML, so that it can be written without the writer under test."""


def as_file(tool: str, recipe: str, key: str, value: Any, blank: int) -> tuple[str, int]:
    """A recipe file that says one thing, and the line of it."""
    lines = [f"recipe: {recipe}", *[f"# remark {number}" for number in range(blank)], f"{tool}:"]
    names = key.split(".")
    for depth, name in enumerate(names[:-1]):
        lines.append("  " * (depth + 1) + f"{name}:")
    lines.append("  " * len(names) + f"{names[-1]}: {json.dumps(value)}")
    return "\n".join(lines) + "\n", len(lines)


def spread(value: Any) -> Iterator[Any]:
    """A value and all within it."""
    yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from spread(item)


@given(st.data(), ANY_TOOL, NAMES, PLAIN, st.integers(0, 5))
def test_any_setting_of_a_file_is_applied_with_its_line_or_refused_by_its_line(
    folder: Path, data: st.DataObject, tool: str, recipe: str, value: Any, blank: int
) -> None:
    key = data.draw(keys(tool, recipe))
    text, line = as_file(tool, recipe, key, value, blank)
    path = folder / "my.yaml"
    path.write_text(text, "utf-8")
    try:
        read_yaml(text, "my.yaml")
    except ConfigError as refused:
        assert any(isinstance(each, int | float) for each in spread(value)) or "\\ud" in text
        assert refused.line == line  # noqa: PT017
        return

    resolution = without_environment(tool, str(path))

    # What does not fit something else may be told of that: a role that is gone, of whoever had it.
    told = [fault for fault in resolution.faults if f"my.yaml, line {line}" not in fault.message]
    assert [fault for fault in told if not names_it(fault, key.partition(".")[0])] == []
    if not resolution.faults and value != {}:  # an empty table says nothing
        layer, where = origin_of(resolution, key)
        assert (layer, where) == (Layer.FILE, f"my.yaml, line {line}")
        applied = value_at(json_of(resolution), key)
        assert "${" in json.dumps(value) or holds(applied, value) or holds(applied, [value]), (key, value, applied)


LAYERED = {
    "trainer.learning_rate": ["0.001", "0.002", "0.003", "0.004"],
    "trainer.seed": ["1", "2", "3", "4"],
    "trainer.policy.hidden": ["[1]", "[2]", "[3]", "[4]"],
    "trainer.horizon": ["64", "128", "256", "512"],
    "scatters": ["1", "2", "3", "4"],
    "map": ["navigation_walls9", "navigation_rooms", "other.map", "1e3"],
    "run": ["one", "two", "2026", "1e3"],
    "rules.max_steps": ["1", "2", "3", "4"],
    "rules.rewards.time.weight": ["-1.5", "2.5", "0.25", "4.5"],
}


@given(st.sampled_from(sorted(LAYERED)), st.sets(st.sampled_from(["preset", "lower", "upper", "environment", "line"])))
def test_of_all_layers_that_say_something_the_highest_wins(folder: Path, key: str, said: set[str]) -> None:
    lower, upper, environment, line = LAYERED[key]
    head = "preset: tiny\n" if "preset" in said else ""
    for name, base, value in (("lower", "navigation", lower), ("upper", "lower.yaml", upper)):
        value = json.dumps(value) if key in ("run", "map") else value
        text, at = as_file("train", base, key, 0, 0)
        text = text.replace(" 0\n", f" {value}\n") if name in said else f"recipe: {base}\n"
        (folder / f"{name}.yaml").write_text((head if name == "upper" else "") + text)
    variable = "GRIDRL__" + key.upper().replace(".", "__")

    resolution = examine(
        "train",
        str(folder / "upper.yaml"),
        [f"{key}={line}"] if "line" in said else [],
        {variable: environment} if "environment" in said else {},
    )

    setting = covering(resolution, key)
    before = covering(without_environment("train", "navigation"), key)
    value, layer, where = before.text, before.origin.layer, before.origin.where
    if "preset" in said and key in ("trainer.learning_rate", "trainer.policy.hidden", "trainer.horizon"):
        value, layer, where = {"trainer.policy.hidden": "[32,32]"}.get(key, before.text), Layer.PRESET, "tiny"
    if "lower" in said:
        value, layer, where = lower, Layer.FILE, f"lower.yaml, line {at}"
    if "upper" in said:
        value, layer, where = upper, Layer.FILE, f"upper.yaml, line {at + bool(head)}"
    if "environment" in said:
        value, layer, where = environment, Layer.ENVIRONMENT, variable
    if "line" in said:
        value, layer, where = line, Layer.COMMAND_LINE, f"{key}={line}"
    assert resolution.faults == ()
    assert (setting.origin.layer, setting.origin.where) == (layer, where)
    assert setting.recipe == before.text
    assert setting.default == before.default
    assert setting.changed == (setting.text != before.text)
    if setting.key == key:
        assert setting.text == value
    elif layer > Layer.RECIPE:
        assert json.loads(setting.text)["weight"] == float(value)


def test_the_environment_understands_the_names_of_other_programs() -> None:
    resolution = resolve_tool("train", "arena", [], {"GRIDRL__TRAINER__LR": "3e-4", "GRIDRL__RUN_NAME": "x"})

    assert isinstance(resolution.config, RecipeConfig)
    assert (resolution.config.trainer.learning_rate, resolution.config.run) == (3e-4, "x")


SAID_OTHERWISE = {
    "trainer: {lr: 3e-4}": ("trainer.learning_rate", "0.0003", 2),
    "trainer:\n  gamma: 0.5\n  num_envs: 64": ("trainer.env_count", "64", 4),
    "run_name: x": ("run", "x", 2),
    "env: {game: {map: navigation_walls9}}": ("map", "navigation_walls9", 2),
    "map: '@file://navigation_walls9'": ("map", "navigation_walls9", 2),
    "device: auto": ("trainer.device", "auto", 2),
    "play: {policy_uri: noop}": ("policy", "noop", 2),
    "evaluate:\n  policy_uri: noop": ("policies", '["noop"]', 3),
    "evaluate:\n  policy_uris: [noop, simple]": ("policies", '["noop","simple"]', 3),
    "train: {trainer: {lr: 3e-4}, run_name: x}": ("trainer.learning_rate", "0.0003", 2),
    "sweep: {trainer: {lr: 3e-4}}": ("trainer.learning_rate", "0.0003", 2),
}


@pytest.mark.parametrize("said", SAID_OTHERWISE)
def test_a_file_understands_the_names_of_other_programs(said: str, tmp_path: Path) -> None:
    key, text, line = SAID_OTHERWISE[said]
    path = written(tmp_path / "my.yaml", f"recipe: navigation\n{said}\n")
    tool = next((tool for tool in TOOLS if said.startswith(f"{tool}:")), "train")

    setting = covering(resolve_tool(tool, str(path), [], {}), key)

    assert (setting.key, setting.text, str(setting.origin)) == (key, text, f"file my.yaml, line {line}")


def test_what_a_file_says_under_another_name_is_for_the_tools_that_take_it(tmp_path: Path) -> None:
    said = "recipe: arena\nrun_name: x\ndevice: cuda\nwandb: {enabled: false}\ntrainer: {lr: 3e-4}\n"
    path = written(tmp_path / "my.yaml", said)

    assert [examine(tool, str(path), [], {}).faults for tool in TOOLS] == [()] * len(TOOLS)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("trainer: {lr: 1, learning_rate: 1}", "line 2, column 11: trainer.lr means trainer.learning_rate, which is"),
        ("trainer: {lr: x}", "line 2, column 11: trainer.learning_rate cannot be 'x'"),
        ("trainer: {batch_size: 64}", "line 2, column 11: trainer.batch_size: that is env_count x agents x horizon"),
        ("run: x\nrun_name: y", "line 3, column 1: run_name means run, which is there as well"),
        ("wandb: on", "line 2, column 1: wandb: runs are kept on this machine"),
    ],
)
def test_another_name_that_cannot_be_is_refused_where_it_stands(said: str, words: str, tmp_path: Path) -> None:
    path = written(tmp_path / "my.yaml", f"recipe: navigation\n{said}\n")

    (fault,) = examine("train", str(path), [], {}).faults

    assert f"my.yaml, {words}" in fault.message


def test_a_recipes_own_parameter_keeps_its_name(tmp_path: Path) -> None:
    written(
        tmp_path / "mine.py",
        """
        from engine.recipes import WorldConfig
        from engine.sim import games

        def world(device: str = "lamp") -> WorldConfig:
            return WorldConfig(rules=games.navigation(), map=f"navigation_{device}")
        """,
    )
    path = written(tmp_path / "my.yaml", "recipe: mine.py\ndevice: rooms\n")

    assert resolve_tool("play", str(path), [], {}).config.map == "navigation_rooms"

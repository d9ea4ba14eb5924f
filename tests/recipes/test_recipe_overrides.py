"""key=value: what is applied, and what is refused with which words."""

from __future__ import annotations

import pytest

from engine.errors import ConfigError, UsageError
from engine.recipes import examine, resolve
from engine.recipes.overrides import parse_value
from engine.sim import Resource

from .spoken import value_at, words_of


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("none", None),
        ("null", None),
        ("3", 3),
        ("-7", -7),
        ("0.5", 0.5),
        (".5", 0.5),
        ("1e3", 1000),
        ("1.5e6", 1_500_000),
        ("3e-4", 0.0003),
        ("[1, 2]", [1, 2]),
        ('{"a": true}', {"a": True}),
        ('"3"', "3"),
        ("three", "three"),
        ("nan", "nan"),
        ("1_000", "1_000"),
        ("", ""),
    ],
)
def test_a_value_is_read_by_its_form(text: str, value: object) -> None:
    read = parse_value(text)

    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("text", ["[1", "{a: 1}", "[NaN]", "[" * 100_000, "9" * 5_000, "1e999", "[1e999]"])
def test_a_value_that_is_no_value_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"JSON|digits|large|number"):
        parse_value(text)


@pytest.mark.parametrize(
    ("recipe", "setting", "value"),
    [
        ("navigation", "trainer.learning_rate=3e-4", 0.0003),
        ("navigation", "trainer.learning_rate=1", 1.0),
        ("navigation", "trainer.total_steps=2e6", 2_000_000),
        ("navigation", "trainer.anneal=false", False),
        ("navigation", "trainer.target_kl=none", None),
        ("navigation", "trainer.policy.kind=cnn", "cnn"),
        ("navigation", "trainer.policy.hidden=[32,32]", [32, 32]),
        ("navigation", "rules.max_steps=50", 50),
        ("navigation", "rules.rewards.time.weight=0", 0.0),
        ("navigation", 'rules.resources.gold={"limit":5}', Resource(limit=5).model_dump()),
        ("arena", "rules.kinds.altar.inputs.ore=2", 2),
        ("arena", "rules.end.resource=heart", "heart"),
        ("arena", "rules.planes.0=facing", "facing"),
        ("arena", "map=some/where.map", "some/where.map"),
        ("arena", "run=2026", "2026"),
        ("arena", "run=none", None),
        ("arena", 'run="none"', "none"),
    ],
)
def test_a_setting_is_applied(recipe: str, setting: str, value: object) -> None:
    config = resolve(recipe, [setting])

    assert value_at(config.model_dump(mode="json"), setting.partition("=")[0]) == value


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        # no such key: the path, and the nearest names
        ("trainer.lerning_rate=1", ["trainer.lerning_rate", "did you mean learning_rate?"]),
        ("trainr.seed=1", ["trainr", "did you mean trainer?"]),
        ("learning_rate=1", ["learning_rate", "there is: rules, map, more_maps, scatters, trainer, run"]),
        ("rules.rewards.hart.weight=1", ["rules.rewards.hart", "did you mean heart?"]),
        ("rules.kinds.alter.cooldown=1", ["rules.kinds.alter", "did you mean altar?"]),
        ("rules.rewards.0.weight=1", ["rules.rewards.0", "heart, battery, ore"]),
        ("rules.planes.3=kind", ["rules.planes.3", "0, 1, 2"]),
        ("trainer.seed.low=1", ["trainer.seed.low", "trainer.seed is one value"]),
        ('trainer.policy={"knd":"mlp"}', ["trainer.policy.knd", "did you mean kind?"]),
        # the wrong type: the path, the value, what is allowed
        ("trainer.learning_rate=fast", ["trainer.learning_rate cannot be 'fast'", "a number, above 0, at most 1"]),
        ("trainer.learning_rate=nan", ["trainer.learning_rate cannot be 'nan'", "a number"]),
        ("trainer.epochs=true", ["trainer.epochs cannot be true", "a whole number, 1 or more"]),
        ("trainer.epochs=2.5", ["trainer.epochs cannot be 2.5", "a whole number"]),
        ("trainer.anneal=1", ["trainer.anneal cannot be 1", "true or false"]),
        ("trainer.seed=none", ["trainer.seed cannot be none", "a whole number"]),
        ("trainer.target_kl=low", ["trainer.target_kl cannot be 'low'", "above 0, or none"]),
        ("trainer.policy.kind=resnet", ["trainer.policy.kind cannot be 'resnet'", "one of mlp, cnn"]),
        ("trainer.policy.hidden=[64,0]", ["trainer.policy.hidden.1 cannot be 0", "1 or more"]),
        ("trainer.policy.hidden=[]", ["trainer.policy.hidden", "at least 1 long"]),
        ("trainer.policy.hidden=[64", ["trainer.policy.hidden: not JSON", "a JSON list"]),
        ("rules=none", ["rules cannot be none", "a JSON object with name, agents"]),
        ("rules.actions.use.verb=fly", ["rules.actions.use.verb cannot be 'fly'", "one of noop, move, rotate, use"]),
        # out of range
        ("trainer.learning_rate=-1", ["trainer.learning_rate cannot be -1", "above 0"]),
        ("trainer.learning_rate=1e999", ["trainer.learning_rate: a number too large"]),
        ("trainer.seed=" + "9" * 5000, ["trainer.seed: a number of too many digits"]),
        ("rules.agents=0", ["rules.agents cannot be 0", "1 or more, at most 1024"]),
        # wrong together with others
        ("rules.window.width=4", ["rules.window: both sides must be odd", "you gave rules.window.width=4"]),
        ("rules.kinds.altar.inputs.batery=1", ["no resource 'batery', did you mean 'battery'?"]),
        ("trainer.env_count=3", ["trainer.minibatch_size", "does not divide", "you gave trainer.env_count=3"]),
        ("rules.end.amount=3", ["rules.end.resource is missing"]),
        # names
        ("rules.kinds.Bad={}", ["rules.kinds.Bad", "small letters"]),
        ("run=../x", ["run: '../x' cannot be a run's name", "letters, digits"]),
        ("run=con", ["run: 'con' cannot be a run's name"]),
        ("map=", ["map: that is no file name", "stock map"]),
        # not a setting at all
        ("trainer", ["'trainer' is not key=value"]),
        ("=1", ["'=1' is not key=value"]),
        ("a..b=1", ["'a..b=1' is not key=value"]),
        ("map=\udc80", ["map: the value is not UTF-8 text"]),
    ],
)
def test_a_setting_is_refused_with_its_path_and_what_is_allowed(setting: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as refused:
        resolve("arena", [setting])

    said = words_of(refused.value)
    assert [word for word in words if word not in said] == [], said
    assert "pydantic" not in said
    assert "http" not in said


def test_later_settings_win_and_are_judged_together() -> None:
    config = resolve("navigation", ["trainer.target_kl=0.02", "trainer.epochs=1", "trainer.epochs=4"])

    assert (config.trainer.target_kl, config.trainer.epochs) == (0.02, 4)


def test_a_whole_object_can_be_replaced_and_then_refined() -> None:
    config = resolve("navigation", ['trainer.policy={"kind":"cnn"}', "trainer.policy.hidden=[16]"])

    assert (config.trainer.policy.kind, config.trainer.policy.hidden) == ("cnn", (16,))


def test_a_setting_inside_something_that_was_replaced_by_a_number_is_refused() -> None:
    with pytest.raises(ConfigError, match="rules is one value"):
        resolve("navigation", ["rules=3", "rules.agents=2"])


@pytest.mark.parametrize(
    "name",
    ["navgation", "Navigation", "os", "__init__", "prod.os", "prod", "prod.", ".arena", "recipes.", "experiment.arena",
     "prod.prod.arena", "engine.recipes.prod.arena.world", "arena.train", "", "\x1b[31m"],
)  # fmt: skip
def test_a_recipe_that_is_not_there_is_never_imported(name: str) -> None:
    with pytest.raises(UsageError, match="no recipe is called"):
        resolve(name)


def test_the_nearest_recipe_is_named() -> None:
    with pytest.raises(UsageError) as refused:
        resolve("arena_esay")

    assert "did you mean arena_easy" in refused.value.hint


def test_a_wrong_item_of_a_list_is_one_fault() -> None:
    faults = examine("train", "arena", ['trainer.policy.hidden=["x"]'], {}).faults

    assert [fault.message for fault in faults] == ["trainer.policy.hidden.0 cannot be 'x'"]


def test_all_faults_are_told_at_once() -> None:
    settings = ["trainer.epochs=x", "trainer.gama=1", "trainer.seed=-1", "rules.agents=0", "map=", "x", "run=con"]

    faults = examine("train", "arena", settings, {}).faults

    said = [words_of(fault) for fault in faults]
    assert len(said) == 7
    for key in ("trainer.epochs", "trainer.gama", "trainer.seed", "rules.agents", "map: ", "'x' is not", "run: 'con'"):
        assert len([each for each in said if key in each.partition("|")[0]]) == 1


def test_a_wrong_parameter_is_one_fault_and_others_are_told() -> None:
    faults = examine("train", "arena", ["batteries_per_heart=x", "trainer.gama=1"], {}).faults

    assert [fault.message for fault in faults] == [
        "batteries_per_heart cannot be 'x'",
        "trainer.gama: there is no 'gama' in trainer",
    ]

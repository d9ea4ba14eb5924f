"""`${key}` in a value: the value of another setting, never more than that, and refused by name where it cannot be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.recipes import Resolution, examine, resolve_tool
from engine.recipes.interpolation import MAX_TEXT

from .spoken import ANY_TEXT, by_key, missing_from, value_at, words_of, written


def made(settings: list[str], key: str, tool: str = "train", recipe: str = "arena") -> Any:
    config = resolve_tool(tool, recipe, settings, {}).config
    assert config is not None
    return value_at(config.model_dump(mode="json"), key)


def faults_of(settings: list[str], tool: str = "train") -> list[str]:
    return [words_of(fault) for fault in examine(tool, "arena", settings, {}).faults]


@pytest.mark.parametrize(
    ("settings", "key", "value"),
    [
        # the value itself, with its type
        (["trainer.seed=${scatters}"], "trainer.seed", 16),
        (["trainer.gamma=${trainer.gae_lambda}"], "trainer.gamma", 0.95),
        (["trainer.anneal=${trainer.normalize_rewards}"], "trainer.anneal", False),
        (["trainer.learning_rate=1e-5", "trainer.clip=${trainer.learning_rate}"], "trainer.clip", 1e-5),
        (["run=${trainer.target_kl}"], "run", None),
        (["map=${rules.name}"], "map", "arena"),
        # where text belongs it is the text
        (["run=${trainer.seed}"], "run", "0"),
        (["map=${trainer.anneal}"], "map", "true"),
        (["map=${run}"], "map", "none"),
        (["map=${trainer.gamma}"], "map", "0.995"),
        # within a text
        (["run=seed-${trainer.seed}", "trainer.seed=12"], "run", "seed-12"),
        (["run=${rules.name}-${trainer.seed}-${scatters}"], "run", "arena-0-16"),
        (["map=${trainer.target_kl}/${trainer.anneal}"], "map", "none/true"),
        (["map=${trainer.seed}${trainer.seed}"], "map", "00"),
        # in lists and tables, and out of them
        (["trainer.policy.hidden=[32,\"${trainer.policy.hidden.0}\"]"], "trainer.policy.hidden", [32, 32]),
        (['more_maps=["${map}","x-${map}"]'], "more_maps", ["arena_basic", "x-arena_basic"]),
        (["trainer.seed=${trainer.policy.hidden.1}"], "trainer.seed", 64),
        (["scatters=${rules.kinds.altar.inputs.battery}"], "scatters", 3),
        (["rules.kinds.altar.cooldown=${rules.kinds.mine.cooldown}"], "rules.kinds.altar.cooldown", 10),
        (["rules.rewards.heart.weight=${rules.rewards.ore.weight}"], "rules.rewards.heart.weight", 0.1),
        (["rules.rewards.0.weight=3"], "rules.rewards.heart.weight", None),
        (['rules.resources.gold={"limit":"${rules.agents}"}'], "rules.resources.gold.limit", 6),
        # chains, in any order
        (["trainer.seed=${scatters}", "scatters=${trainer.threads}", "trainer.threads=3"], "trainer.seed", 3),
        (["trainer.threads=3", "scatters=${trainer.threads}", "trainer.seed=${scatters}"], "trainer.seed", 3),
        (["run=a-${map}", "map=b-${rules.name}"], "run", "a-b-arena"),
        # what is meant as it stands
        (["map=$${run}"], "map", "${run}"),
        (["map=$$${run}"], "map", "$${run}"),
        (["map=a$${b"], "map", "a${b"),
        (["map=$run and $ and $$ and {run}"], "map", "$run and $ and $$ and {run}"),
        (["map=$${run}-${trainer.seed}"], "map", "${run}-0"),
        (["map=$${x}", "run=${trainer.seed}"], "map", "${x}"),
        (["map=$${run}", "more_maps=[\"${map}\"]"], "more_maps", ["${run}"]),  # read once and no more
    ],
)  # fmt: skip
def test_a_key_in_braces_is_the_value_of_that_setting(settings: list[str], key: str, value: Any) -> None:
    if settings == ["rules.rewards.0.weight=3"]:  # items that have names are known by them
        assert "there is no '0'" in faults_of(settings)[0]
        return

    found = made(settings, key)

    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["trainer.seed=${trainer.sede}"], ["trainer.seed: ${trainer.sede}: trainer.sede: there is no 'sede'",
                                            "did you mean seed"]),
        (["trainer.seed=${trainr.seed}"], ["trainer.seed: ${trainr.seed}: trainr", "did you mean trainer?"]),
        (["trainer.seed=${scatters.x}"], ["trainer.seed: ${scatters.x}: scatters.x: there is no 'x'"]),
        (["map=x${rules.kinds.alter.hp}"], ["map: ${rules.kinds.alter.hp}", "did you mean altar?"]),
        (["map=${rules.rewards.hart.weight}"], ["map: ${rules.rewards.hart.weight}", "did you mean heart?"]),
        (["trainer.seed=${trainer}"], ["trainer.seed: ${trainer} is a table, not a value", "name one value"]),
        (["map=x-${trainer.policy.hidden}"], ["map: ${trainer.policy.hidden} is a list, not a value"]),
        (["rules.rewards.heart.weight=${nothing}"], ["rules.rewards.heart.weight: ${nothing}"]),
        (["map=${}"], ["map: '${}' names no setting at character 1", "write ${trainer.seed}, or $${"]),
        (["map=ab${"], ["map: 'ab${' names no setting at character 3"]),
        (["map=${a b}"], ["map: '${a b}' names no setting at character 1"]),
        (["map=${run:-x}"], ["map: '${run:-x}' names no setting"]),
        (["map=${oc.env:HOME}"], ["map: '${oc.env:HOME}' names no setting"]),
        (["map=${.run}"], ["map: '${.run}' names no setting"]),
        (["map=${${run}}"], ["map: '${${run}}' names no setting"]),
        (["map=${__class__}"], ["map: ${__class__}: __class__: there is no"]),
        # the right key, a value that does not belong there
        (["trainer.seed=${rules.name}"], ["trainer.seed cannot be 'arena'", "a whole number"]),
        (["trainer.seed=${trainer.gamma}"], ["trainer.seed cannot be 0.995"]),
        (["trainer.seed=$${x}"], ["trainer.seed cannot be '${x}'"]),
        (["run=${map}/x"], ["run: 'arena_basic/x' cannot be a run's name"]),
    ],
)  # fmt: skip
def test_what_names_nothing_is_refused_once_and_by_name(settings: list[str], words: list[str]) -> None:
    (said,) = faults_of(settings)

    assert missing_from(said, words) == [], said


@pytest.mark.parametrize(
    ("settings", "rounds"),
    [
        (["map=${map}"], [{"map"}]),
        (["map=x${run}", "run=y${map}"], [{"map", "run"}]),
        (["trainer.seed=${scatters}", "scatters=${trainer.threads}", "trainer.threads=${trainer.seed}"],
         [{"trainer.seed", "scatters", "trainer.threads"}]),
        (["map=${map}", "trainer.seed=${scatters}", "scatters=${trainer.seed}"],
         [{"map"}, {"trainer.seed", "scatters"}]),
        (["rules.rewards.heart.weight=${rules.rewards.heart.weight}"], [{"rules.rewards.heart.weight"}]),
    ],
)  # fmt: skip
def test_each_cycle_is_named_and_nothing_else_is_blamed(settings: list[str], rounds: list[set[str]]) -> None:
    said = faults_of([*settings, "trainer.epochs=${trainer.log_episodes}", "trainer.log_episodes=3"])

    named = [set(each.partition("it goes round: ")[2].partition(" |")[0].split(" -> ")) for each in said]
    assert sorted(map(sorted, named)) == sorted(map(sorted, rounds)), said
    for each in said:
        first, *_, last = each.partition("it goes round: ")[2].partition(" |")[0].split(" -> ")
        assert first == last
        assert each.startswith(f"{first}: ")


def test_what_needs_something_refused_is_not_refused_again() -> None:
    (said,) = faults_of(["trainer.seed=${nothing}", "scatters=${trainer.seed}", "run=x-${scatters}"])

    assert said.startswith("trainer.seed: ${nothing}: ")


def test_other_faults_are_told_beside_it() -> None:
    said = faults_of(["trainer.seed=${nothing}", "trainer.epochs=x", "trainer.gama=1"])

    assert len(said) == 3
    assert any("trainer.epochs cannot be 'x'" in each for each in said)
    assert any("trainer.gama" in each for each in said)


def laughs(count: int, width: int) -> list[str]:
    """Each parameter of a sweep is so many times the one before it."""
    first = {"key": "x" * 10, "choices": ["a"]}
    others = [{"key": "k", "choices": [f"${{parameters.{i}.choices.0}}" * width]} for i in range(count)]
    return ["parameters=" + json.dumps([first, *others])]


def test_a_billion_laughs_stay_small() -> None:
    resolution = examine("sweep", "navigation", laughs(12, 10), {})

    (fault,) = resolution.faults
    assert "parameters.5.choices.0: the text becomes 100000 characters long" in fault.message
    assert fault.hint == "name shorter values"
    assert max(len(setting.text) for setting in resolution.settings) <= MAX_TEXT + 100


def test_a_long_text_named_often_stays_small() -> None:
    settings = ["map=" + "x" * MAX_TEXT, "more_maps=" + json.dumps(["${map}"] * 1000)]

    faults = examine("train", "arena", settings, {}).faults

    assert "values made from others become more than 1000000 characters" in faults[0].message
    assert len(made(["map=" + "x" * MAX_TEXT, "more_maps=" + json.dumps(["${map}"] * 100)], "more_maps")) == 100


def test_a_text_that_is_too_long_is_refused_where_it_is_named() -> None:
    (said,) = faults_of(["map=" + "x" * (MAX_TEXT + 1), 'more_maps=["${map}"]'])

    assert said.startswith(f"more_maps.0: the text becomes {MAX_TEXT + 1} characters long")


def test_what_a_value_was_made_from_is_in_its_origin(tmp_path: Path) -> None:
    path = written(tmp_path / "my.yaml", "recipe: arena\nrun: run-${trainer.seed}\nmap: $${x}\ntrainer: {seed: 4}\n")

    resolution = resolve_tool("train", str(path), ["scatters=${trainer.seed}"], {})

    settings = by_key(resolution)
    assert str(settings["run"].origin) == "file my.yaml, line 2 (run-${trainer.seed})"
    assert str(settings["map"].origin) == "file my.yaml, line 3"
    assert str(settings["scatters"].origin) == "command line scatters=${trainer.seed}"
    assert (settings["run"].text, settings["map"].text) == ("run-4", "$${x}")


def test_each_layer_may_name_what_another_says(tmp_path: Path) -> None:
    path = written(tmp_path / "my.yaml", "recipe: arena\nrun: run-${trainer.seed}\n")
    environ = {"GRIDRL__SCATTERS": "${trainer.seed}"}

    resolution = resolve_tool("train", str(path), ["trainer.seed=5"], environ)

    assert resolution.config is not None
    assert (resolution.config.model_dump()["run"], resolution.config.scatters) == ("run-5", 5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("run: ${nothing}", "my.yaml, line 3, column 1: run: ${nothing}: nothing: there is no"),
        ("run: ${run}", "my.yaml, line 3, column 1: run: it goes round: run -> run"),
        ("run: '${'", "my.yaml, line 3, column 1: run: '${' names no setting at character 1"),
        ("trainer: {seed: '${map}'}", "my.yaml, line 3, column 11: trainer.seed cannot be 'arena_basic'"),
        ("trainer:\n  policy:\n    hidden:\n    - ${x}", "my.yaml, line 6, column 7: trainer.policy.hidden.0: ${x}"),
    ],
)
def test_in_a_file_it_is_refused_at_its_line(tmp_path: Path, text: str, words: str) -> None:
    path = written(tmp_path / "my.yaml", f"recipe: arena\nsummary: x\n{text}\n")

    (fault,) = examine("train", str(path), [], {}).faults

    assert words in fault.message


def test_in_the_environment_it_is_refused_by_its_name() -> None:
    (fault,) = examine("train", "arena", [], {"GRIDRL__RUN": "${nothing}"}).faults

    assert fault.message.startswith("GRIDRL__RUN: run: ${nothing}: ")


RECIPE = '''
    """With parameters."""

    from engine.recipes.config import WorldConfig
    from engine.recipes.prod import arena


    def world(first: str = "arena", second: str = "small", count: int = 2, more: int = 1) -> WorldConfig:
        made = arena.world()
        return made.model_copy(update={"map": f"{first}_{second}", "scatters": count * more})
'''


def with_parameters(tmp_path: Path, settings: list[str]) -> Resolution:
    return examine("play", str(written(tmp_path / "mine.py", RECIPE)), settings, {})


@pytest.mark.parametrize(
    ("settings", "map_name", "scatters"),
    [
        ([], "arena_small", 2),
        (["second=${first}"], "arena_arena", 2),
        (["count=${more}", "more=3"], "arena_small", 9),
        (["second=$${first}"], "arena_${first}", 2),
        (["second=${count}"], "arena_2", 2),
    ],
)
def test_parameters_may_name_one_another(tmp_path: Path, settings: list[str], map_name: str, scatters: int) -> None:
    resolution = with_parameters(tmp_path, settings)

    assert resolution.faults == ()
    assert resolution.config is not None
    assert (resolution.config.map, resolution.config.scatters) == (map_name, scatters)


def test_parameters_know_no_settings_which_are_made_from_them(tmp_path: Path) -> None:
    (fault,) = with_parameters(tmp_path, ["count=${scatters}"]).faults

    assert words_of(fault) == (
        "count: ${scatters}: scatters: there is no 'scatters' | there is: first, second, count, more"
    )


def test_what_a_recipe_gives_is_meant_as_it_stands(tmp_path: Path) -> None:
    path = written(tmp_path / "mine.py", RECIPE.replace("{first}_{second}", "${{trainer}}"))

    resolution = resolve_tool("play", str(path), [], {})

    assert resolution.config is not None
    assert resolution.config.map == "${trainer}"
    assert str(by_key(resolution)["map"].origin) == "recipe mine"


@given(ANY_TEXT)
def test_no_text_breaks_it(text: str) -> None:
    for whole in (text, "${" + text, "${" + text + "}", "${trainer.seed}" + text):
        resolution = examine("train", "arena", [f"more_maps={json.dumps([whole])}"], {})

        if resolution.faults:
            assert "more_maps.0" in resolution.faults[0].message
        elif "${" not in whole:
            assert resolution.config is not None
            assert resolution.config.more_maps == (whole,)


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(["${a}", "${b}", "${c}", "${h}", "x${d}y", "z"])))
def test_any_web_of_keys_ends(web: dict[str, str]) -> None:
    """Each is made from the others or told to go round: nothing is left half done."""
    names = sorted(web)
    parameters = [
        {"key": "k", "choices": [web[name].replace("${", "${parameters.").replace("}", ".choices.0}")]}
        for name in names
    ]
    for number, name in enumerate(names):
        for parameter in parameters:
            parameter["choices"] = [parameter["choices"][0].replace(f"parameters.{name}.", f"parameters.{number}.")]

    resolution = examine("sweep", "navigation", [f"parameters={json.dumps(parameters)}"], {})

    if not resolution.faults:
        assert resolution.config is not None
        assert "${" not in resolution.config.model_dump_json()
    for fault in resolution.faults:
        assert "it goes round" in fault.message or "there is no" in fault.message

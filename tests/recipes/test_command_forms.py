"""Every way to say the same comes to the same configuration."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from engine.cli import main
from engine.errors import UsageError
from engine.recipes import SweepConfig, examine, resolve_tool
from engine.recipes.command_line import Command, read_command, split_tool
from engine.recipes.config import TOOLS
from engine.recipes.yaml_text import read_yaml

from .spoken import missing_from, spoken, words_of, written

SAID = ["run=x", "trainer.seed=7", "scatters=3", "trainer.policy.hidden=[32,16]"]
MEANT = resolve_tool("train", "arena", SAID, {}).config

NAMES = [
    ["train", "arena"],
    ["train", "prod.arena"],
    ["train", "recipes.prod.arena"],
    ["train", "experiments.recipes.arena"],
    ["train", "engine.recipes.prod.arena"],
    ["arena.train"],
    ["prod.arena.train"],
    ["recipes.arena.train"],
    ["recipes.prod.arena.train"],
    ["experiments.recipes.arena.train"],
    ["experiments.recipes.prod.arena.train"],
    ["engine.recipes.prod.arena.train"],
]

SETTINGS = {
    "plain": SAID,
    "plus": [f"+{word}" for word in SAID],
    "plus plus": [f"++{word}" for word in SAID],
    "options with a space": ["--run", "x", "trainer.seed=7", "--scatters", "3", "trainer.policy.hidden=[32,16]"],
    "options with =": ["--run=x", "--scatters=3", "trainer.seed=7", "trainer.policy.hidden=[32,16]"],
    "overrides": ["--overrides", " ".join(SAID)],
    "overrides with =": [f"--overrides={' '.join(SAID)}"],
    "overrides quoted": ["--overrides", "run='x' trainer.seed=7 scatters=\"3\" 'trainer.policy.hidden=[32, 16]'"],
    "overrides twice": ["--overrides", " ".join(SAID[:2]), "--overrides", " ".join(SAID[2:])],
    "overrides with plus": ["--overrides", " ".join(f"+{word}" for word in SAID)],
    "trailing": [" ".join(SAID)],
    "trailing with plus": [" ".join(f"++{word}" for word in SAID)],
    "trailing in lines": ["\n  ".join(SAID)],
    "after --": ["--", *SAID],
    "after -- with plus": ["run=x", "--", *(f"+{word}" for word in SAID[1:])],
    "mixed": ["+run=x", "--scatters", "3", "trainer.seed=7 trainer.policy.hidden=[32,16]"],
    "said twice": ["run=y", "trainer.seed=1", *SAID],
    "aliases": ["run_name=x", *SAID[1:]],
    "whole objects": ['trainer.policy={"kind":"mlp","hidden":[32,16]}', *SAID[:3]],
    "spaces in JSON": ['trainer.policy={"kind": "mlp", "hidden": [32, 16]}', *SAID[:3]],
}


@pytest.mark.parametrize("words", NAMES, ids=" ".join)
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_every_form_comes_to_the_same_configuration(words: list[str], settings: list[str]) -> None:
    resolution = spoken(*words, *settings)

    assert resolution.faults == ()
    assert resolution.config == MEANT


@pytest.mark.parametrize("words", NAMES, ids=" ".join)
def test_settings_may_stand_before_the_recipe(words: list[str]) -> None:
    assert spoken(words[0], *SAID, *words[1:]).config == MEANT


@pytest.mark.parametrize("tool", TOOLS)
def test_every_tool_takes_every_form_of_a_name(tool: str) -> None:
    meant = resolve_tool(tool, "navigation", ["scatters=3"], {}).config

    prefixes = ("", "prod.", "recipes.", "recipes.prod.", "experiments.recipes.", "engine.recipes.prod.")
    for prefix in prefixes:
        assert spoken(tool, f"{prefix}navigation", "scatters=3").config == meant
        assert spoken(f"{prefix}navigation.{tool}", "scatters=3").config == meant


YAML = """
    summary: the same
    recipe: arena
    run: x
    scatters: 3
    trainer:
      seed: 7
      policy: {hidden: [32, 16]}
"""
YAML_TABLE = """
    recipe: prod.arena
    run: y
    train:
      run: x
      scatters: 3
      trainer: {seed: 7, policy: {hidden: [32, 16]}}
"""
PYTHON = '''
    """The same."""

    from engine.recipes.config import RecipeConfig
    from engine.recipes.prod import arena


    def train() -> RecipeConfig:
        made = arena.train()
        policy = made.trainer.policy.model_copy(update={"hidden": (32, 16)})
        trainer = made.trainer.model_copy(update={"seed": 7, "policy": policy})
        return made.model_copy(update={"trainer": trainer, "run": "x", "scatters": 3})
'''


@pytest.mark.parametrize(
    ("name", "text"),
    [("mine.yaml", YAML), ("mine.yml", YAML), ("mine.yaml", YAML_TABLE), ("mine.py", PYTHON)],
    ids=["yaml", "yml", "table", "python"],
)
def test_a_recipe_of_ones_own_comes_to_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.setenv("GRIDRL_RECIPES", str(tmp_path))
    path = written(tmp_path / name, text)
    monkeypatch.chdir(tmp_path)

    forms = [
        ["train", str(path)],
        ["train", f"./{name}"],
        ["train", name],
        ["train", "mine"],
        ["train", "user.mine"],
        ["train", "recipes.user.mine"],
        ["mine.train"],
        ["user.mine.train"],
        ["recipes.user.mine.train"],
    ]
    resolutions = [spoken(*words) for words in forms]

    assert [resolution.faults for resolution in resolutions] == [()] * len(forms)
    assert [words for words, made in zip(forms, resolutions, strict=True) if made.config != MEANT] == []


def test_the_environment_comes_to_the_same() -> None:
    environ = {
        "GRIDRL__RUN": "x",
        "GRIDRL__TRAINER__SEED": "7",
        "GRIDRL__SCATTERS": "3",
        "GRIDRL__TRAINER__POLICY__HIDDEN": "[32,16]",
        "GRIDRL_RUNS": "/no/setting",
        "PATH": "/no/setting",
    }

    assert examine("train", "arena", [], environ).config == MEANT


@pytest.mark.parametrize(
    ("tool", "words", "same"),
    [
        ("play", ["--policy", "noop", "--seed", "3", "--render"], ["policy=noop", "seed=3", "render=true"]),
        ("play", ["--episodes=2", "--no-such-thing=1"], None),
        ("play", ["policy_uri=noop"], ["policy=noop"]),
        ("play", ["+policy_uris=noop"], ["policy=noop"]),
        ("replay", ["policy_uri=noop"], ["policy=noop"]),
        ("evaluate", ["policy_uri=noop"], ["policies=noop"]),
        ("evaluate", ["+policy_uris=noop"], ['policies=["noop"]']),
        ("evaluate", ['policy_uris=["noop","random"]'], ['policies=["noop","random"]']),
        ("evaluate", ["--policies", "noop"], ["policies=noop"]),
        ("evaluate", ["policy=noop"], ["policies=noop"]),
        ("train", ["trainer.lr=0.1", "trainer.total_timesteps=1e3"],
         ["trainer.learning_rate=0.1", "trainer.total_steps=1000"]),
        ("train", ["trainer.ent_coef=0.1", "trainer.vf_coef=1"],
         ["trainer.entropy_coefficient=0.1", "trainer.value_coefficient=1"]),
        ("train", ["env.game.map=arena_small"], ["map=arena_small"]),
        ("train", ["map=@file://arena_small"], ["map=arena_small"]),
        ("train", ["wandb=off", "device=cpu", "wandb.enabled=false", "stats_client=none"], []),
        ("train", ["--preset", "tiny"], ["preset=tiny"]),
        ("train", ["--more-maps", '["arena_small"]'], ['more_maps=["arena_small"]']),
        ("train", ["--more_maps", "arena_small"], ['more_maps=["arena_small"]']),
        ("sweep", ["--trials", "3", "--grid-points=4"], ["trials=3", "grid_points=4"]),
    ],
)  # fmt: skip
def test_other_words_for_the_same(tool: str, words: list[str], same: list[str] | None) -> None:
    if same is None:
        with pytest.raises(UsageError, match="no option '--no-such-thing'"):
            spoken(tool, "arena", *words)
        return

    assert spoken(tool, "arena", *words).faults == ()
    assert spoken(tool, "arena", *words).config == resolve_tool(tool, "arena", same, {}).config


@pytest.mark.parametrize("words", [NAMES[0], NAMES[-1]], ids=" ".join)
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_the_command_line_itself_says_the_same(
    words: list[str], settings: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "arena", *SAID, "--dry-run"]) == 0
    meant = read_yaml(capsys.readouterr().out, "meant").data

    assert main([words[0], "--dry-run", *words[1:], *settings]) == 0

    assert read_yaml(capsys.readouterr().out, "said").data == meant


# ---- What the words are


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("train", ("", "train")),
        ("arena.train", ("arena", "train")),
        ("recipes.prod.arena.sweep", ("recipes.prod.arena", "sweep")),
        ("arena", ("", "")),
        ("arena.trian", ("", "")),
        (".train", ("", "train")),
        ("a=b.train", ("", "")),
        ("", ("", "")),
    ],
)
def test_the_tool_is_the_last_part_of_a_dotted_name(word: str, parts: tuple[str, str]) -> None:
    assert split_tool(word) == parts


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["arena"], Command("train", "arena")),
        (["arena", "a=1"], Command("train", "arena", ("a=1",))),
        (["a=1"], Command("train", "", ("a=1",))),
        (["-n", "arena", "-v", "-h"], Command("train", "arena", (), frozenset({"--dry-run", "--verbose", "--help"}))),
        (["--dry-run", "--list"], Command("train", "", (), frozenset({"--dry-run", "--list"}))),
        (["arena", "--run", "-1"], Command("train", "arena", ("run=-1",))),
        (["arena", "--run=--x"], Command("train", "arena", ("run=--x",))),
        (["arena", "--run", "a b=c"], Command("train", "arena", ("run=a b=c",))),
        (["arena", "a=it's b=2"], Command("train", "arena", ("a=it's b=2",))),
        (["arena", "a=1 words b=2"], Command("train", "arena", ("a=1 words b=2",))),
        (["arena", "a=1 b='x y'"], Command("train", "arena", ("a=1", "b=x y"))),
        (["arena", 'a=["x", "y=1"]'], Command("train", "arena", ('a=["x", "y=1"]',))),
        (["arena", 'a="x y=1"'], Command("train", "arena", ('a="x y=1"',))),
        (["arena", 'a={"x": "b=1 c=2"}'], Command("train", "arena", ('a={"x": "b=1 c=2"}',))),
        (["arena", "--overrides", "a='x b=1' c=2"], Command("train", "arena", ("a=x b=1", "c=2"))),
        (["arena", "--overrides", "a=1", "b=2"], Command("train", "arena", ("a=1", "b=2"))),
        (["arena", "--overrides", ""], Command("train", "arena")),
        (["arena", "--", "--run"], Command("train", "arena", ("--run",))),
        (["arena", "--", "a=1", "--dry-run"], Command("train", "arena", ("a=1", "--dry-run"))),
        (["arena", "a="], Command("train", "arena", ("a=",))),
        (["arena", "+a=+b"], Command("train", "arena", ("a=+b",))),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",  # a set prints in any order
)  # fmt: skip
def test_arguments_are_taken_apart(arguments: list[str], command: Command) -> None:
    assert read_command("train", "", arguments) == command


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["arena", "--dry"], ["gridrl train has no option '--dry'", "did you mean --dry-run"]),
        (["arena", "--seed", "3"], ["has no option '--seed'", "key=value"]),  # it is trainer.seed
        (["arena", "--trainer.seed", "3"], ["has no option '--trainer.seed'", "key=value"]),
        (["arena", "-x"], ["has no option '-x'"]),
        (["arena", "--trainer", "{}"], ["has no option '--trainer'"]),
        (["arena", "--dry-run=yes"], ["has no option '--dry-run'"]),
        (["arena", "--run"], ["--run takes a value", "write --run VALUE"]),
        (["arena", "--run", "--dry-run"], ["--run takes a value"]),
        (["arena", "--overrides"], ["--overrides takes a value"]),
        (["arena", "--overrides", "a=1 b"], ["'b' is not key=value"]),
        (["arena", "navigation"], ["'navigation' is not key=value", "write settings like trainer.learning_rate=3e-4"]),
        (["arena", "+++a=1"], ["'+++a=1' is not key=value"]),
        (["arena", "=1"], ["'=1' is not key=value"]),
        (["arena", "1a=1"], ["'1a=1' is not key=value"]),
        (["arena", ""], ["'' is not key=value"]),
        (["arena", "x" * 500], ["x" * 60 + "...' is not key=value"]),
    ],
)
def test_what_is_no_setting_is_refused(arguments: list[str], words: list[str]) -> None:
    with pytest.raises(UsageError) as refused:
        read_command("train", "", arguments)

    assert missing_from(words_of(refused.value), words) == [], words_of(refused.value)
    assert refused.value.exit_code == 2


def test_the_order_of_switches_and_settings_is_free() -> None:
    meant = read_command("train", "", ["arena", "a=1", "--dry-run"])

    orders = itertools.permutations(["arena", "a=1", "--dry-run"])
    assert {read_command("train", "", order) for order in orders} == {meant}


@pytest.mark.parametrize("value", [{"a": "b c=d"}, ["x=1 y=2"], "words x=1", [[]], {}])
def test_json_is_one_value_whatever_is_in_it(value: object) -> None:
    setting = f"key={json.dumps(value)}"

    assert read_command("train", "", ["arena", setting]).settings == (setting,)


@pytest.mark.parametrize("form", [["--overrides"], []], ids=["option", "bare"])
def test_json_keeps_its_quotes_among_other_settings(form: list[str]) -> None:
    text = 'trials=2 parameters=[{"key": "trainer.gamma", "choices": [0.9]}] run=x'

    config = spoken("sweep", "arena", *form, text).config

    assert isinstance(config, SweepConfig)
    assert (config.trials, config.run) == (2, "x")
    assert [each.key for each in config.parameters] == ["trainer.gamma"]

"""gridrl validate: the configuration with the origin of each value, or everything that is wrong with it at once."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from engine.cli import main
from engine.recipes import TOOLS, resolve_tool
from engine.recipes.rules_file import rules_to_yaml
from engine.recipes.yaml_text import read_yaml
from engine.sim import games

from .console import has_controls

FAULTY = """\
recipe: arena
trainer:
  sede: 3
  epochs: many
rules: {max_steps: -1}
"""


def validated(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["validate", *arguments])
    printed = capsys.readouterr()
    assert not has_controls(printed.out + printed.err)
    return code, printed.out, printed.err


@pytest.fixture
def validator(capsys: pytest.CaptureFixture[str]) -> Draft202012Validator:
    """What an editor would have from `gridrl validate --schema`."""
    code, schema, _ = validated(capsys, "--schema")
    assert code == 0
    Draft202012Validator.check_schema(json.loads(schema))
    return Draft202012Validator(json.loads(schema))


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("recipe", ["arena", "navigation", "hide_and_seek"])
def test_what_is_right_is_printed_as_a_recipe_with_origins(
    tmp_path: Path, tool: str, recipe: str, validator: Draft202012Validator, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = validated(capsys, recipe, "scatters=3", "--tool", tool)

    assert (code, err) == (0, f"{recipe} is right; 1 setting differs from the recipe\n")
    assert validator.is_valid(read_yaml(out, "out").data)
    path = tmp_path / "kept.yaml"
    path.write_text(out, "utf-8")
    assert resolve_tool(tool, str(path)).config == resolve_tool(tool, recipe, ["scatters=3"]).config
    (line,) = [line for line in out.splitlines() if line.startswith("scatters: 3 ")]
    assert line.endswith("  # command line scatters=3; recipe: 16")
    unexplained = [line for line in out.splitlines() if "  # " not in line and line[-1:] not in (":", "#")]
    assert [line for line in unexplained if not line.startswith(("#", "summary: "))] == []


def test_where_a_file_says_something_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "my.yaml"
    path.write_text("recipe: arena\ntrainer:\n  seed: 3\n")

    code, out, _ = validated(capsys, str(path))

    assert code == 0
    (line,) = [line for line in out.splitlines() if line.startswith("  seed: 3 ")]
    assert line.endswith("  # file my.yaml, line 3; recipe: 0")


def test_only_what_differs_is_shown_on_demand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "my.yaml"
    path.write_text("recipe: arena\ntrainer: {seed: 3}\nrun: x\n")

    code, out, err = validated(capsys, str(path), "trainer.lr=3e-4", "--diff")

    assert code == 0
    assert [line.split("  ")[0].rstrip() for line in out.splitlines()] == [
        "trainer.learning_rate=0.0003",
        "trainer.seed=3",
        "run=x",
    ]
    assert out.splitlines()[1].endswith("file my.yaml, line 2; recipe: 0")
    assert err == f"{path} is right; 3 settings differ from the recipe\n"


def test_nothing_differs_in_a_recipe_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = validated(capsys, "arena", "--diff")

    assert (code, out, err) == (0, "", "arena is right; 0 settings differ from the recipe\n")


def test_all_faults_are_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(FAULTY)

    code, out, err = validated(capsys, str(path))

    lines = err.splitlines()
    assert code == 1
    assert "# rules.max_steps=-1  file my.yaml, line 5; recipe: 1000" in out.splitlines()
    assert all(line.startswith("# ") for line in out.splitlines())
    assert sorted(line for line in lines if line.startswith("fault: ")) == [
        "fault: my.yaml, line 3, column 3: trainer.sede: there is no 'sede' in trainer",
        "fault: my.yaml, line 4, column 3: trainer.epochs cannot be 'many'",
        "fault: my.yaml, line 5, column 9: rules.max_steps cannot be -1",
    ]
    assert lines[1] == "  did you mean seed or schedules?"
    assert lines[-1] == f"{path}: 3 faults"


@pytest.mark.parametrize(
    ("text", "settings", "faults"),
    [
        ("recipe: arena\n", ["trainer.gama=1"], ["trainer.gama: there is no 'gama' in trainer"]),
        ("recipe: arena\n", ["map=nowhere"], ["there is no map nowhere"]),
        ("recipe: arena\nmap: navigation_rooms\n", [], ["navigation_rooms"]),
        ("recipe: nowhere\n", [], ["my.yaml, line 1, column 1: recipe: no recipe is called 'nowhere'"]),
        ("recipe: my.yaml\n", [], ["my.yaml, line 1, column 1: recipe: it goes round: my.yaml -> my.yaml"]),
        ("a: [\n", [], ["my.yaml, line 2, column 1: not YAML"]),
        ("", [], ["my.yaml, line 1, column 1: there is nothing in it"]),
        ("run: ${run}\nrecipe: arena\n", [], ["my.yaml, line 1, column 1: run: it goes round: run -> run"]),
    ],
)
def test_each_kind_of_fault_ends_with_1(
    tmp_path: Path, text: str, settings: list[str], faults: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(text)

    code, _, err = validated(capsys, str(path), *settings)

    said = [line for line in err.splitlines() if line.startswith("fault: ")]
    assert code == 1
    assert len(said) == len(faults)
    assert all(fault in line for fault, line in zip(faults, said, strict=True)), said
    assert err.splitlines()[-1] == f"{path}: 1 fault"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give a CONFIG, or --schema"),
        (["arena", "--schema"], "give a CONFIG, or --schema"),
        (["aerna"], "no recipe is called 'aerna'"),
        (["arena", "--tool", "dance"], "invalid choice: 'dance'"),
        (["arena", "seed"], "'seed' is not key=value"),
        (["arena", "--nothing"], "--nothing"),
        (["arena.play", "--tool", "train"], "arena.play is about play, --tool says train"),
        (["--diff"], "give a CONFIG"),
        (["run=x"], "give a CONFIG"),
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = validated(capsys, *arguments)

    assert (code, out) == (2, "")
    assert words in err


def test_other_forms_of_settings_are_understood(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = validated(capsys, "prod.arena", "+scatters=3", "trainer.seed=4 run=x", "--diff")

    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["scatters=3", "trainer.seed=4", "run=x"]


@pytest.mark.parametrize(
    "words",
    [
        ["arena.play", "seed=4", "policy=noop"],
        ["prod.arena.play", "--seed", "4", "--policy=noop"],
        ["recipes.prod.arena.play", "--overrides", "seed=4 policy=noop"],
        ["--tool", "play", "--seed", "4", "arena", "policy=noop"],
        ["arena", "seed=4 policy=noop", "--tool=play", "-n"],
        ["arena", "+seed=4", "policy_uri=mock://noop", "--tool", "play"],
    ],
)
def test_whatever_the_tools_understand_is_understood(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = validated(capsys, *words, "--diff")

    assert code == 0
    assert [line.split()[0].replace("mock://", "") for line in out.splitlines()] == ["policy=noop", "seed=4"]
    assert err == "arena is right; 2 settings differ from the recipe\n".replace("arena", words_recipe(words))


def words_recipe(words: list[str]) -> str:
    """The recipe as it was named."""
    return next(word.removesuffix(".play") for word in words if "arena" in word)


def test_it_says_what_was_made_of_each_argument_on_demand(capsys: pytest.CaptureFixture[str]) -> None:
    _, _, err = validated(capsys, "arena", "-v", "trainer.lr=3e-4", "wandb=off", "--diff")

    assert err.splitlines()[:2] == [
        "trainer.lr=3e-4: setting trainer.learning_rate",
        "wandb=off: left out: runs are kept on this machine; Weights & Biases is not written to",
    ]


def test_a_table_of_another_tool_is_judged_for_that_tool(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "my.yaml"
    path.write_text("recipe: arena\nplay: {polcy: noop}\n")

    for tool in ("train", "play"):
        code, _, err = validated(capsys, str(path), "--tool", tool)
        assert code == 1
        assert err.count("my.yaml, line 2, column 8: polcy: there is no 'polcy'") == 1


def test_a_rules_file_is_judged_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(rules_to_yaml(games.arena()))

    code, out, err = validated(capsys, str(path))

    assert (code, err) == (0, "")
    assert out == f"{path} is right: arena, agents 6, actions 10, kinds 4, rewards 3\n"


def test_a_wrong_rules_file_is_told_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(rules_to_yaml(games.arena()).replace("agents: 6", "agents: none"))

    code, out, err = validated(capsys, str(path))

    assert (code, out) == (1, "")
    assert err.splitlines()[0] == "fault: rules.yaml, line 2, column 1: agents cannot be 'none'"


def test_what_is_no_file_to_read_is_refused_without_waiting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    with (tmp_path / "large.yaml").open("wb") as file:
        file.truncate(100 << 20)
    (tmp_path / "latin.yaml").write_bytes(b"map: \xff")
    (tmp_path / "wide.yaml").write_bytes("map: x".encode("utf-16"))

    for name, words in {
        "pipe.yaml": "not a regular file",
        "folder.yaml": "is a directory",
        "zero.yaml": "not a regular file",
        "large.yaml": "larger than 256 KB",
        "latin.yaml": "not UTF-8 text",
        "wide.yaml": "not UTF-8 text",
        "nowhere.yaml": "there is no recipe file",
    }.items():
        code, _, err = validated(capsys, str(tmp_path / name))
        assert code == 1
        assert words in err
    code, _, err = validated(capsys, "~nobody-of-that-name/x.yaml")
    assert code == 1
    assert "no home directory" in err


def test_hostile_files_are_shown_harmless(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "evil\x1b[2J.yaml"
    path.write_text('recipe: arena\nrun: "\\e]52;c;x\\a"\n"\\e[2J": 1\nmap: "\\u202e"\n')

    code, _, err = validated(capsys, str(path))

    assert code == 1
    assert "\\x1b" in err


def test_the_schema_is_about_every_setting(validator: Draft202012Validator) -> None:
    assert validator.is_valid({"recipe": "arena", "trainer": {"seed": 3}, "play": {"policy": "noop"}})
    assert not validator.is_valid({"recipe": "arena", "trainer": {"sede": 3}})
    assert not validator.is_valid({"recipe": "arena", "play": {"polcy": "noop"}})
    assert not validator.is_valid({"recpe": "arena"})


@pytest.mark.parametrize("tool", [["validate"], ["train", "--dry-run"], ["train"]])
def test_what_no_machine_can_hold_is_refused_before_it_starts(
    tool: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRIDRL_RUNS", str(tmp_path))
    huge = ["arena", "trainer.env_count=1000000", "trainer.horizon=65536", "run=huge"]

    assert main([tool[0], *huge, *tool[1:]]) != 0

    assert "trainer.env_count: 6,000,000 rows x" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_parameter_that_was_given_is_a_difference(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = validated(capsys, "arena", "batteries_per_heart=5", "--diff")

    assert code == 0
    assert out.startswith("batteries_per_heart=5 ")
    assert "1 setting differs" in err or "2 settings differ" in err


def test_the_nearest_parameter_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = validated(capsys, "arena", "battery_per_heart=5")

    assert code == 1
    assert "did you mean batteries_per_heart?" in err

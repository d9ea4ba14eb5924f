"""gridrl as a command: exit codes, two lines for an error, and nothing for a terminal to obey."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from engine.cli import PIPE_CLOSED, main
from engine.recipes import GROUPS, TOOLS, recipes, resolve_tool
from engine.runs import RunWriter

from .console import TIMEOUT_S, gridrl, has_controls, here, started

ESCAPE = "\x1b]52;c;cm0gLXJm\x07\u202e"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 0),
        (["--list"], 0),
        (["play", "-h"], 0),
        (["train", "navigation", "--dry-run"], 0),
        (["runs"], 0),
        (["query", "SELECT 1"], 0),
        (["trian", "navigation"], 2),
        (["train", "navigation", "map=nowhere", "--dry-run"], 1),
        (["train", "arena", "--list"], 0),
        (["arena"], 2),
        (["validate", "arena"], 0),
    ],
)
def test_a_shell_is_told_how_it_ended(tmp_path: Path, arguments: list[str], code: int) -> None:
    """One of each page and tool: each loads only what it needs, and must have all of it."""
    done = gridrl(tmp_path, *arguments)

    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["-h"], 0),
        (["--version"], 0),
        (["train", "--list"], 0),
        (["train"], 2),
        (["train", "navgation"], 2),
        (["train", "navigation", "trainer.epochs=x"], 2),
        (["train", "navigation", "--dry"], 2),
        (["arena", "--list"], 0),
        (["prod.arena", "--list"], 0),
        (["nowhere", "--list"], 2),
        (["arena.train", "--dry-run"], 0),
        (["recipes.prod.arena.train", "run=x", "--dry-run"], 0),
        (["train", "arena", "-h"], 0),
        (["train", "-h"], 0),
        (["train", "-h", "nowhere"], 2),
        (["train", "--dry-run"], 2),
        (["train", "arena", "navigation", "--dry-run"], 2),
        (["train", "arena", "trainer.gama=1", "--dry-run"], 2),
        (["train", "arena", "--trainer.gamma", "1", "--dry-run"], 2),
        (["train", "./nowhere.yaml"], 2),
        (["validate", "arena", "trainer.gama=1"], 1),
        (["validate", "nowhere"], 2),
        (["validate"], 2),
        (["play", "navigation", "--episodes", "0"], 2),
        (["play", "navigation", "--seed", "-1"], 2),
        (["play", "navigation", "--policy", "nobody"], 2),
        (["play", "navigation", "--policy", "../x"], 2),
        (["query", "SELEC"], 1),
        (["query", "SELECT 1", "--rows", "x"], 2),
    ],
)
def test_exit_codes(tmp_path: Path, arguments: list[str], code: int) -> None:
    done = here(tmp_path, *arguments)

    assert done.returncode == code, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_error_is_one_line_of_what_and_one_of_what_to_do(tmp_path: Path) -> None:
    done = gridrl(tmp_path, "trian", "navigation")

    assert done.stderr.splitlines() == ["gridrl: no tool is called 'trian'", "hint: did you mean train?"]
    assert done.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        [ESCAPE],
        ["train", ESCAPE],
        ["train", "../../etc/passwd"],
        ["train", "navigation", f"map={ESCAPE}"],
        ["train", "navigation", f"run={ESCAPE}"],
        ["train", "navigation", f"{ESCAPE}=1"],
        ["train", "navigation", f"trainer.epochs={ESCAPE}"],
        ["train", "navigation", f"--{ESCAPE}"],
        ["train", "navigation", "map=/dev/zero"],
        ["train", "navigation", "map=/"],
        ["play", "navigation", f"--policy={ESCAPE}"],
        ["play", "navigation", f"--episodes={ESCAPE}"],
        ["query", f"SELECT {ESCAPE}"],
        ["train", b"\xff\xfe"],
        ["train", "navigation", b"map=\xff"],
    ],
)
def test_hostile_words_are_refused_and_shown_harmless(tmp_path: Path, arguments: list[str | bytes]) -> None:
    run = here if all(isinstance(word, str) for word in arguments) else gridrl  # bytes are read where a process begins
    done = run(tmp_path, *arguments)

    assert done.returncode in (1, 2), done.stderr
    assert "Traceback" not in done.stderr
    assert not has_controls(done.stdout + done.stderr)
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_is_no_map(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipe = tmp_path / "pipe.map"
    os.mkfifo(pipe)

    assert main(["train", "navigation", f"map={pipe}", "--dry-run"]) == 1
    assert "not a regular file" in capsys.readouterr().err


def test_a_map_with_escapes_is_refused_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "evil.map"
    path.write_text("#####\n#\x1b[2J#\n#####\n")

    assert main(["train", "navigation", f"map={path}", "--dry-run"]) == 1

    said = capsys.readouterr().err
    assert "line 2, column 2" in said
    assert not has_controls(said)


def test_runs_and_query_show_hostile_records_harmless(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRIDRL_RUNS", str(tmp_path))
    with RunWriter.create(tmp_path, "mine", {}, {"recipe": ESCAPE}) as writer:
        writer.metrics(10, {"rollout/ep_rew_mean": 0.5})

    assert main(["runs"]) == 0
    listed = capsys.readouterr().out
    assert main(["query", "SELECT recipe FROM runs"]) == 0
    queried = capsys.readouterr().out

    assert not has_controls(listed + queried)
    assert "mine" in listed
    assert "0.500" in listed
    assert "\\x1b]52" in queried


def test_a_damaged_run_is_listed_with_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRIDRL_RUNS", str(tmp_path))
    RunWriter.create(tmp_path, "whole", {}, {"recipe": "arena"}).close()
    RunWriter.create(tmp_path, "broken", {}, {"recipe": "arena"}).close()
    (tmp_path / "broken" / "run.json").write_text("{")

    assert main(["runs"]) == 0

    rows = {line.split()[0]: line.split()[1:3] for line in capsys.readouterr().out.splitlines()}
    assert rows["whole"] == ["arena", "finished"]
    assert rows["broken"] == ["-", "damaged"]


def test_query_prints_json_and_csv(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sql = "SELECT 1 AS a, 2 AS a, 'x,y' AS b, 'nan'::DOUBLE AS c, DATE '2026-01-02' AS d, NULL AS e"

    assert main(["query", sql, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert main(["query", sql, "--csv"]) == 0
    table = capsys.readouterr().out.splitlines()

    assert rows == [{"a": 1, "a_2": 2, "b": "x,y", "c": None, "d": "2026-01-02", "e": None}]
    assert table == ["a,a,b,c,d,e", '1,2,"x,y",nan,2026-01-02,']


def test_query_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "SELECT range AS n, 'r' || range AS name FROM range(9, 12)", "--rows", "2"]) == 0

    printed = capsys.readouterr()
    assert printed.out.splitlines() == [" n  name", " 9  r9", "10  r10"]
    assert "there are more rows" in printed.err


def test_a_reader_that_left_is_no_error(tmp_path: Path) -> None:
    process = started(tmp_path, "play", "navigation", "--policy", "random", "--episodes", "100000")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()

    assert process.wait(TIMEOUT_S) == PIPE_CLOSED


def test_ctrl_c_ends_with_130(tmp_path: Path) -> None:
    process = started(tmp_path, "play", "navigation", "--policy", "noop", "--episodes", "100000")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)

    rest, _ = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 130
    assert "Traceback" not in rest


# ---- Recipes


def said_by(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_list_of_a_tool_names_every_recipe_with_its_summary(capsys: pytest.CaptureFixture[str]) -> None:
    for tool in TOOLS:
        code, listed, complaints = said_by(capsys, tool, "--list")

        rows = {line.split()[0]: " ".join(line.split()[1:]) for line in listed.splitlines()[1:]}
        assert (code, complaints) == (0, "")
        assert rows == {recipe.name: recipe.summary for recipe in recipes().values()}


def test_list_of_everything_is_by_group(capsys: pytest.CaptureFixture[str]) -> None:
    code, listed, _ = said_by(capsys, "--list")

    groups, group = dict[str, list[str]](), ""
    for line in listed.splitlines():
        if line.startswith("  "):
            groups[group].append(line.split()[0])
        else:
            group = line.partition(":")[0]
            groups[group] = []
    assert code == 0
    assert groups == {
        group: [each.name for each in recipes().values() if each.group == group]
        for group in GROUPS
        if any(each.group == group for each in recipes().values())
    }


@pytest.mark.parametrize(
    "words",
    [["arena", "--list"], ["train", "arena", "--list"], ["arena.play", "--list"], ["recipes.prod.arena", "--list"]],
    ids=" ".join,
)
def test_list_of_a_recipe_names_every_tool_and_who_makes_it(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, listed, _ = said_by(capsys, *words)

    lines = listed.splitlines()
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in lines[3:]}
    assert code == 0
    assert lines[0] == f"arena (prod): {recipes()['arena'].summary}"
    assert lines[1].endswith("prod/arena.py")
    assert set(rows) == set(TOOLS)
    assert rows["train"] == "train()"
    assert rows["play"] == "from its world"


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("recipe", ["arena", "hide_and_seek"])
def test_help_of_a_recipe_has_every_parameter_and_setting(
    tool: str, recipe: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, page, _ = said_by(capsys, tool, recipe, "-h")

    resolution = resolve_tool(tool, recipe)
    lines = page.splitlines()
    assert code == 0
    assert len(resolution.settings) > 20
    for setting in (*resolution.parameters, *resolution.settings):
        at = lines.index(f"  {setting.key}={setting.text}")
        assert setting.allowed in lines[at + 1], setting.key
        assert setting.help in lines[at + 1], setting.key
    for option in ("--dry-run", "--verbose", "--list", "--help", "--overrides"):
        assert any(line.startswith(f"  {option}") for line in lines)
    assert not has_controls(page)


@pytest.mark.parametrize("tool", TOOLS)
def test_help_of_a_tool_has_every_setting_with_its_default(tool: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, page, _ = said_by(capsys, tool, "--help")

    settings = {setting.key: setting for setting in resolve_tool(tool, "navigation").settings}
    assert code == 0
    for key, setting in settings.items():
        if not key.startswith("rules.") and setting.default is not None:
            assert f"  {key}={setting.default}\n      {setting.help}; {setting.allowed}" in page
    assert "\n  map=" in page


def test_every_setting_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for tool in TOOLS:
        resolution = resolve_tool(tool, "hide_and_seek")
        assert [setting.key for setting in resolution.settings if not setting.help] == []


def test_verbose_says_what_was_made_of_each_argument(capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "batteries_per_heart=4",
        "trainer.lr=0.1",
        "run=x",
        "preset=tiny",
        "wandb=off",
        "+scatters=3",
        "--map",
        "y",
    ]

    code, _, said = said_by(capsys, "train", "arena", *words, "--verbose", "--dry-run")

    assert code == 1  # there is no map y
    assert said.splitlines()[:7] == [
        "batteries_per_heart=4: parameter of train()",
        "trainer.lr=0.1: setting trainer.learning_rate",
        "run=x: setting",
        "preset=tiny: preset",
        "wandb=off: left out: runs are kept on this machine; Weights & Biases is not written to",
        "scatters=3: setting",
        "map=y: setting",
    ]


def test_verbose_shows_hostile_words_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, said = said_by(capsys, "train", "arena", f"map={ESCAPE}", "-v", "--dry-run")

    assert "\\x1b]52" in said
    assert not has_controls(out + said)


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["train", "aerna"], "no recipe is called 'aerna'", "did you mean arena"),
        (["aerna.train"], "no recipe is called 'aerna'", "did you mean arena"),
        (["trian", "arena"], "no tool is called 'trian'", "did you mean train?"),
        (["arena.trian"], "arena has no tool 'trian'", "train"),
        (["arena", "run=x"], "arena is a recipe, not a tool", "gridrl train arena, gridrl play arena"),
        (["train"], "gridrl train needs a recipe", "gridrl train --list shows them"),
        (["train", "run=x"], "gridrl train needs a recipe", "gridrl train --list"),
        (["train", "arena", "--dyr-run"], "gridrl train has no option '--dyr-run'", "did you mean --dry-run"),
        (["train", "arena", "--trainer.seed=3"], "gridrl train has no option '--trainer.seed'", "key=value"),
        (["train", "arena", "trainer.seed"], "'trainer.seed' is not key=value", "write settings like"),
        (["train", "arena", "trainr.seed=1"], "trainr: there is no 'trainr'", "did you mean trainer?"),
        (["train", "arena", "policy=x"], "policies: there is no 'policies'", "belongs to gridrl"),
        (["play", "arena", "trainer.seed=1"], "trainer: there is no 'trainer'", "trainer belongs to gridrl train"),
    ],
)
def test_a_miss_names_what_is_near(
    words: list[str], message: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, said = said_by(capsys, *words)

    what, do = said.splitlines()
    assert (code, out) == (2, "")
    assert what == f"gridrl: {message}"
    assert do.startswith("hint: ")
    assert hint in do


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("trainer.anneal=false", "anneal: false"),
        ("trainer.anneal=FALSE", "anneal: false"),
        ("trainer.target_kl=none", "target_kl: null"),
        ("trainer.target_kl=null", "target_kl: null"),
        ("trainer.policy.hidden=[8, 16]", "hidden: [8, 16]"),
        ("trainer.total_steps=2e6", "total_steps: 2000000"),
        ("trainer.gamma=.5", "gamma: 0.5"),
        ("run=2026", 'run: "2026"'),
        ("run=true", 'run: "true"'),
        ("map=arena_small", "map: arena_small"),
    ],
)
def test_values_are_read_by_their_form(text: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said_by(capsys, "train", "arena", text, "--dry-run")

    assert code == 0
    assert value in [line.partition("#")[0].strip() for line in out.splitlines()]


def test_a_value_of_more_than_a_megabyte_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, said = said_by(capsys, "train", "arena", "trainer.policy.hidden=[" + "1," * 600_000 + "1]", "--dry-run")

    assert code == 2
    assert "trainer.policy.hidden: 1200003 characters, 1000000 are allowed" in said
    assert len(said) < 1000


BROKEN = """raise RuntimeError("\\x1b]52;c;cm0gLXJm\\x07\\u202e")
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The person's directory of recipes, with one that is broken and one that is not."""
    path = tmp_path / "recipes"
    path.mkdir()
    (path / "broken.py").write_text(BROKEN)
    (path / "torn.yaml").write_text("a: [\n")
    (path / "whole.yaml").write_text("summary: my own \u202e\nrecipe: arena\nplay: {policy: noop}\n", "utf-8")
    monkeypatch.setenv("GRIDRL_RECIPES", str(path))
    return path


@pytest.mark.parametrize("words", [["--list"], ["train", "--list"], ["play", "--list"]], ids=" ".join)
def test_a_broken_recipe_is_listed_as_such_with_the_others(
    own: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, listed, complaints = said_by(capsys, *words)

    assert code == 0
    assert "  whole                 my own \\u202e" in listed.splitlines()
    assert "  arena " in listed
    assert f"broken: cannot be used: {own / 'broken.py'}, line 1: RuntimeError: \\x1b]52" in complaints
    assert f"torn: cannot be used: {own / 'torn.yaml'}, line 2, column 1: " in complaints
    assert not has_controls(listed + complaints)


def test_tools_of_a_file_say_where_their_settings_come_from(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, listed, _ = said_by(capsys, "whole", "--list")

    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in listed.splitlines()[3:]}
    assert (rows["play"], rows["train"]) == ("a table of its own", "from arena")


@pytest.mark.parametrize(
    "words",
    [["train", "broken"], ["broken.train"], ["broken", "--list"], ["train", "broken", "-h"], ["broken"]],
    ids=" ".join,
)
def test_a_broken_recipe_says_why_wherever_it_is_named(
    own: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, said = said_by(capsys, *words)

    assert code == 2
    assert f"gridrl: {own / 'broken.py'}, line 1: RuntimeError: \\x1b]52" in said
    assert not has_controls(out + said)


def test_a_directory_of_nobody_is_no_reason_to_fail(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRIDRL_RECIPES", "~nobody-of-that-name/recipes")

    assert said_by(capsys, "--list")[0] == 0
    assert said_by(capsys, "-h")[0] == 0
    assert said_by(capsys, "train", "arena", "--dry-run")[0] == 0


def test_the_environment_reaches_every_tool(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRIDRL__SCATTERS", "5")
    monkeypatch.setenv("GRIDRL__TRAINER__SEED", "7")

    for tool in TOOLS:
        code, out, _ = said_by(capsys, tool, "navigation", "--dry-run")
        assert code == 0
        (line,) = [line for line in out.splitlines() if line.startswith("scatters: 5 ")]
        assert line.endswith("  # environment GRIDRL__SCATTERS; recipe: 16")
    monkeypatch.setenv("GRIDRL__TRAINER__SEED", ESCAPE)
    code, out, said = said_by(capsys, "train", "navigation", "--dry-run")
    assert code == 2
    assert "gridrl: GRIDRL__TRAINER__SEED: trainer.seed cannot be" in said
    assert not has_controls(out + said)


def test_a_recipe_file_is_no_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my.yaml").write_text("recipe: arena\n")
    (tmp_path / "noop").mkdir()
    monkeypatch.chdir(tmp_path)

    assert said_by(capsys, "replay", "my.yaml", "--dry-run")[0] == 0
    assert said_by(capsys, "replay", "arena", "--policy", "noop", "--dry-run")[0] == 0


def test_the_wrong_half_of_a_dotted_name_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert said_by(capsys, "prod.arena.nosuch")[2].startswith("gridrl: prod.arena has no tool 'nosuch'")
    assert "no tool is called 'nowhere.nosuch'" in said_by(capsys, "nowhere.nosuch")[2]


@pytest.mark.parametrize("silent", [0, 1, 500])
def test_the_reward_of_a_run_is_the_last_that_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], silent: int
) -> None:
    monkeypatch.setenv("GRIDRL_RUNS", str(tmp_path))
    with RunWriter.create(tmp_path, "calm-fox", {}, {"recipe": "navigation"}) as writer:
        writer.metrics(1, {"rollout/ep_rew_mean": 0.125})
        writer.metrics(2, {"rollout/ep_rew_mean": 0.75})
        for step in range(3, 3 + silent):  # no episode ended in these
            writer.metrics(step, {"train/loss": 1.0})

    assert main(["runs"]) == 0

    assert "0.750" in capsys.readouterr().out

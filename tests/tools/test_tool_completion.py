"""Completion: what is proposed where, that no name can do harm, and what the real shells make of it."""

from __future__ import annotations

import argparse
import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import recipes as real_recipes
from engine.cli import RECIPE_TOOLS, TOOLS
from engine.completion import candidates, names, words
from engine.completion.bash import read_line
from engine.maps import stock_names
from engine.policies.registry import TRAINED, policy_names
from engine.recipes import command_line
from engine.recipes.rules_file import rules_to_yaml
from engine.recipes.schema import slot_of
from engine.tools import replay

from .console import ROOT, TIMEOUT_S, environment, gridrl, has_controls

BREAKS = " \t\n\"'@><=;|&(:"  # COMP_WORDBREAKS of a bash that nobody has touched
HOSTILE = "do$(touch harm) `touch harm`;touch harm&#\\\"'*~[é].map"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory to type in, beside a home with runs and recipes."""
    here = tmp_path / "here"
    (here / "my dir").mkdir(parents=True)
    for name in ("my dir/room.map", "own.map", "own.yaml", "own.py", "episode.gridrec", "notes.txt", HOSTILE):
        (here / name).touch()
    (here / "own.yaml").write_text("recipe: navigation\n")
    for run in ("first", "search-000"):
        (tmp_path / "runs" / run / "checkpoints").mkdir(parents=True)
        (tmp_path / "runs" / run / "run.json").touch()
    (tmp_path / "runs" / "first" / "checkpoints" / "ck-000000004096.safetensors").touch()
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "mine.yaml").write_text("summary: 'Of my own.'  # so far\nrecipe: arena\n")
    monkeypatch.setenv("GRIDRL_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("GRIDRL_RECIPES", str(tmp_path / "recipes"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(here)
    return here


def proposed(line: str) -> list[str]:
    """What is proposed for the last word of a line; a space at its end begins a new one."""
    typed = line.split(" ")
    return [each.text for each in candidates(typed, TOOLS, RECIPE_TOOLS)]


def about(line: str) -> dict[str, str]:
    return {each.text: each.about for each in candidates(line.split(" "), TOOLS, RECIPE_TOOLS)}


# ---- What is proposed where


@pytest.mark.parametrize(
    ("line", "there"),
    [
        ("gridrl ", list(TOOLS)),
        ("gridrl tr", ["train"]),
        ("gridrl --", ["--help", "--list", "--version"]),
        ("gridrl nav", ["navigation."]),
        ("gridrl arena_easy.", [f"arena_easy.{tool}" for tool in RECIPE_TOOLS]),
        ("gridrl prod.arena_easy.tr", ["prod.arena_easy.train"]),
        ("gridrl recipes.prod.nav", ["recipes.prod.navigation."]),
        ("gridrl navigation ", ["--list"]),
        ("gridrl nobody ", []),
        ("gridrl train navi", ["navigation"]),
        ("gridrl train prod.navi", ["prod.navigation"]),
        ("gridrl train val", ["validation."]),
        ("gridrl train mi", ["mine"]),
        ("gridrl train own", ["own.py", "own.yaml"]),
        ("gridrl train ./own.p", ["./own.py"]),
        ("gridrl train ~/here/own.y", ["~/here/own.yaml"]),
        ("gridrl train ./m", ["./my dir/"]),
        ("gridrl replay epi", ["episode.gridrec"]),
        ("gridrl replay episode.gridrec --", ["--at", "--export", "--from", "--to", "--every", "--fps", "--help"]),
        ("gridrl replay episode.gridrec --export epi", ["episode.gridrec"]),
        ("gridrl replay episode.gridrec --at ", []),
        ("gridrl train arena trainer.learni", ["trainer.learning_rate="]),
        ("gridrl train arena trainer.pol", ["trainer.policy."]),
        ("gridrl train arena +trainer.learni", ["+trainer.learning_rate="]),
        ("gridrl arena.train trainer.learni", ["trainer.learning_rate="]),
        ("gridrl train arena bat", ["batteries_per_heart="]),
        ("gridrl train mine bat", ["batteries_per_heart="]),
        ("gridrl train mine.yaml trainer.learni", ["trainer.learning_rate="]),
        ("gridrl train arena ru", ["rules.", "run=", "rules="]),
        ("gridrl train arena rules.rewards.h", ["rules.rewards.heart."]),
        ("gridrl train arena rules.rewards.heart.w", ["rules.rewards.heart.weight="]),
        ("gridrl train arena rules.kinds.altar.inputs.", ["rules.kinds.altar.inputs.battery="]),
        ("gridrl train arena trainer.nothing.", []),
        ("gridrl play navigation ep", ["episodes="]),
        ("gridrl play navigation preset", []),
        ("gridrl train arena trainer.anneal=", ["trainer.anneal=true", "trainer.anneal=false"]),
        ("gridrl sweep arena goal=", ["goal=maximize", "goal=minimize"]),
        ("gridrl train arena run=", []),
        ("gridrl sweep navigation run=s", ["run=search"]),
        ("gridrl train arena preset=", ["preset=tiny", "preset=small", "preset=gpu", "preset=metta"]),
        ("gridrl train arena --preset=t", ["--preset=tiny"]),
        ("gridrl train arena --preset t", ["tiny"]),
        ("gridrl train arena --pre", ["--preset"]),
        ("gridrl play arena --ren", ["--render"]),
        ("gridrl play arena --render ep", ["episodes="]),
        ("gridrl train arena map=ow", ["map=own.map"]),
        ("gridrl train arena map=scatter:ow", ["map=scatter:own.map"]),
        ("gridrl train arena map=scatter:purs", ["map=scatter:pursuit"]),
        ("gridrl train arena map=my dir/", []),  # two words: the shell would have said otherwise
        ("gridrl train arena map=./m", ["map=./my dir/"]),
        ("gridrl train arena rules=", ["rules=own.yaml"]),
        ("gridrl play navigation policy=", ["random", "noop", "simple", "goal-seeker", "first", "search-000"]),
        ("gridrl play navigation --policy fi", ["first"]),
        ("gridrl play navigation policy=first@", ["policy=first@latest", "policy=first@v4096"]),
        ("gridrl evaluate navigation policies=fi", ["policies=first"]),
        ("gridrl fetch fi", ["first"]),
        ("gridrl fetch si", []),
        ("gridrl upload first@", ["first@latest", "first@v4096"]),
        ("gridrl play navigation record=", ["record=episode.gridrec"]),
        ("gridrl validate own", ["own.py", "own.yaml"]),
        ("gridrl validate --tool ", list(RECIPE_TOOLS)),
        ("gridrl validate --tool play arena epi", ["episodes="]),
        ("gridrl validate arena.play epi", ["episodes="]),
        ("gridrl validate arena --prese", ["--preset"]),
        ("gridrl validate --diff arena --run x trainer.learni", ["trainer.learning_rate="]),
        ("gridrl validate arena trainer.learni", ["trainer.learning_rate="]),
        ("gridrl rules arena rules.max_s", ["rules.max_steps="]),
        ("gridrl rules --check ", ["own.yaml"]),
        ("gridrl rules --schema ", []),
        ("gridrl resume fi", ["first"]),
        ("gridrl resume first ", []),
        ("gridrl query ", []),
        ("gridrl query --", ["--rows", "--json", "--csv", "--help"]),
        ("gridrl completion ", ["bash", "zsh", "fish"]),
        ("gridrl completion bash ", []),
        ("gridrl-tui navi", ["navigation"]),
        ("gridrl-tui arena trainer.learni", ["trainer.learning_rate="]),
        ("gridrl-tui trainer.anneal=t", ["trainer.anneal=true"]),
        ("gridrl-tui --", ["--help", "--settings", "--version"]),
        ("/usr/local/bin/gridrl tr", ["train"]),
    ],
)
def test_what_may_stand_there(place: Path, line: str, there: list[str]) -> None:
    head = "policy=" if line.endswith("policy=") else ""

    assert proposed(line) == [head + text for text in there]


def test_every_step_of_a_key_is_one_that_the_tool_takes(place: Path) -> None:
    """From the top down, each key that is proposed can be set to what it is."""
    config = real_recipes.resolve("arena")
    settings = {setting.key: setting.text for setting in real_recipes.examine("train", "arena").settings}

    parts = [key.split(".") for key in settings]
    for step in {".".join(each[:depth]) for each in parts for depth in range(1, len(each) + 1)}:
        assert {f"{step}.", f"{step}="} & set(proposed(f"gridrl train arena {step}")), step
    assert real_recipes.resolve("arena", [f"{key}={text}" for key, text in settings.items()]) == config


def test_stock_maps_and_names_come_with_what_they_are(place: Path) -> None:
    assert {f"map={name}" for name in stock_names()} < set(about("gridrl train arena map="))
    assert about("gridrl train mi") == {"mine": "Of my own."}
    assert about("gridrl train pur") == {"pursuit": real_recipes.find_recipe("pursuit").summary}
    assert about("gridrl train arena trainer.gam") == {"trainer.gamma=": "discount per step"}


def test_a_place_without_runs_has_none(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDRL_RUNS", str(place / "nowhere"))
    nowhere = proposed("gridrl play navigation policy=")
    monkeypatch.setenv("GRIDRL_RUNS", str(place / "own.map"))

    assert nowhere == proposed("gridrl play navigation policy=") == [f"policy={name}" for name in names.SCRIPTED]


def test_a_recipe_is_run_only_where_its_keys_are_asked_for(place: Path) -> None:
    ours = Path(os.environ["GRIDRL_RECIPES"])
    for name in ("aaa", "bbb"):
        (ours / f"{name}.py").write_text(
            f'"""Recipe {name}."""\nfrom pathlib import Path\nfrom engine.recipes import resolve\n'
            f"Path({str(place)!r}, '{name} was run').touch()\n"
            "def train(tempo: int = 3):\n    return resolve('navigation')\n"
        )

    assert about("gridrl train bb") == {"bbb": "Recipe bbb."}
    assert proposed("gridrl train bbb map=own") == ["map=own.map"]
    assert not list(place.glob("* was run"))
    assert proposed("gridrl train bbb tem") == ["tempo="]
    assert [path.name for path in place.glob("* was run")] == ["bbb was run"]


def test_a_broken_recipe_has_the_keys_that_all_have(place: Path) -> None:
    (Path(os.environ["GRIDRL_RECIPES"]) / "broken.py").write_text("raise OSError('no')\n")

    assert proposed("gridrl train bro") == ["broken"]
    assert proposed("gridrl train broken trainer.learni") == ["trainer.learning_rate="]
    assert proposed("gridrl train nobody trainer.learni") == ["trainer.learning_rate="]


def test_a_wrong_setting_does_not_hide_the_others(place: Path) -> None:
    assert proposed("gridrl train arena trainer.epochs=x nobody=1 rules.rewards.h") == ["rules.rewards.heart."]


def test_what_was_typed_before_counts(place: Path) -> None:
    game = rules_to_yaml(real_recipes.resolve("navigation").rules)
    Path("game.yaml").write_text(game.replace("name: goal", "name: cheese"))

    there = proposed("gridrl train arena rules=game.yaml rules.rewards.")

    assert there == ["rules.rewards.cheese.", "rules.rewards.time."]


def test_names_that_a_terminal_obeys_are_left_out(place: Path) -> None:
    for name in ("a\x1b]0;x\x07.map", "a\nb.map", "a\tb.map", "a\u202eb.map"):
        Path(name).touch()
    (Path(os.environ["GRIDRL_RUNS"]) / "a\x1b[2J").mkdir()
    (Path(os.environ["GRIDRL_RUNS"]) / "a\x1b[2J" / "run.json").touch()
    Path(os.environ["GRIDRL_RECIPES"], "evil.yaml").write_text('summary: "\x1b[2J"\n')

    assert proposed("gridrl train arena map=a") == [f"map={name}" for name in stock_names() if name.startswith("a")]
    assert proposed("gridrl play arena policy=a") == []
    assert about("gridrl train ev") == {"evil": "?[2J"}


def test_a_pipe_keeps_nobody_waiting(place: Path) -> None:
    os.mkfifo(Path(os.environ["GRIDRL_RECIPES"], "pipe.yaml"))
    os.mkfifo("pipe.map")

    assert proposed("gridrl train pi") == []
    assert proposed("gridrl train arena map=pi") == []


def test_names_that_would_be_read_as_something_else_are_left_out(place: Path) -> None:
    for name in ("-x.yaml", "a=b.yaml"):
        Path(name).touch()

    assert not {"-x.yaml", "a=b.yaml"} & {*proposed("gridrl train "), *proposed("gridrl train a")}
    assert "rules=a=b.yaml" in proposed("gridrl train arena rules=")


# ---- The process that a shell starts


def test_the_answer_is_one_candidate_a_line(tmp_path: Path) -> None:
    done = gridrl(tmp_path, "__complete", "gridrl", "completion", "")

    assert done.stdout.splitlines() == [f"{shell}\tthe script for {shell}" for shell in words.SHELLS]
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["gridrl"],
        ["--bash"],
        ["--bash", BREAKS, ""],
        ["gridrl", "train", "\x1b]52;c;cm0gLXJm\x07", ""],
        ["gridrl", "train", b"\xff\xfe", ""],
        ["gridrl", "train", "arena", b"map=\xff"],
        ["gridrl", "train", "/dev/zero", "tr"],
        ["gridrl", "train", "a" * 5000 + "/x.yaml", "tr"],
        ["gridrl", "train", "arena", "map=~nobody-of-that-name/"],
        ["gridrl", "train", "arena", "." * 3000 + "="],
        ["gridrl", "validate", "--tool"],
    ],
)
def test_whatever_is_typed_nothing_is_complained_of(tmp_path: Path, arguments: list[str | bytes]) -> None:
    done = gridrl(tmp_path, "__complete", *arguments)

    assert (done.returncode, done.stderr) == (0, "")
    assert not has_controls(done.stdout.replace("\t", " "))


def test_what_a_recipe_prints_is_no_candidate(tmp_path: Path) -> None:
    path = tmp_path / "loud.py"
    path.write_text(
        "import os, sys\nprint('LOUD')\nprint('LOUD', file=sys.stderr)\nos.write(1, b'LOUD')\n"
        "assert not sys.stdin.read()\nfrom engine.recipes import resolve\n"
        "def train():\n    return resolve('navigation')\n"
    )

    done = gridrl(tmp_path, "__complete", "gridrl", "train", str(path), "trainer.gam")

    assert (done.stdout, done.stderr) == ("trainer.gamma=\tdiscount per step\n", "")


@pytest.mark.parametrize(
    "typed",
    [["gridrl", ""], ["gridrl", "train", ""], ["gridrl", "train", "arena", "preset="], ["gridrl-tui", "arena", "map="]],
)
def test_names_are_found_without_the_schema(tmp_path: Path, typed: list[str]) -> None:
    script = (
        "import os, sys\nfrom engine.cli import RECIPE_TOOLS, TOOLS\nfrom engine.completion import candidates\n"
        f"assert candidates({typed!r}, TOOLS, RECIPE_TOOLS)\nprint(*sys.modules, sep='\\n')"
    )

    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    assert not {"pydantic", "numpy", "torch", "yaml", "engine.recipes"} & set(done.stdout.split())


# ---- What is named once more so that it need not be loaded


def test_the_tables_are_those_of_the_program(place: Path) -> None:
    assert tuple(command_line.switches("train")) == words.SWITCHES
    assert tuple(name for name in policy_names() if name != TRAINED) == names.SCRIPTED
    assert {each.name: each.group for each in names.recipe_names()} == {
        each.name: each.group for each in real_recipes.recipes().values()
    }
    assert names.stock_maps() == list(stock_names())
    assert set(TOOLS) == {*RECIPE_TOOLS, *words.OPTIONS}


def test_flags_are_the_settings_that_need_no_value() -> None:
    keys = {(tool, key) for tool in RECIPE_TOOLS for key in command_line.options(tool) if key != "preset"}
    flags = {key for tool, key in keys if slot_of(real_recipes.TOOLS[tool]).field(key).type is bool}

    assert {f"--{key}" for key in flags} == set(words.FLAGS)


def test_options_of_a_replay_are_those_of_the_parser() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    replay.add_arguments(parser)

    assert [action.option_strings[0] for action in parser._actions if action.option_strings] == [*words._REPLAY_OPTIONS]


@pytest.mark.parametrize("tool", words.OPTIONS)
def test_options_are_those_of_the_parser(tool: str) -> None:
    parser = argparse.ArgumentParser(add_help=False)
    importlib.import_module(f"engine.tools.{tool}").add_arguments(parser)
    known = [action for action in parser._actions if action.option_strings]

    assert {action.option_strings[0] for action in known} == set(words.OPTIONS[tool])
    assert {a.option_strings[0] for a in known if a.nargs is None} == set(words.OPTIONS[tool]) & set(words.VALUED)


# ---- Quotes of bash


BASH = shutil.which("bash") or ""  # .ci/run is a script of it


def quoted(text: str, quote: str) -> str:
    if quote == "'":
        return "'" + text.replace("'", "'\\''")
    if quote == '"':
        return '"' + re.sub(r'([$`"\\])', r"\\\1", text)
    return "".join(character if character.isalnum() else f"\\{character}" for character in text)


@given(
    st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1).filter(str.isprintable),
    st.integers(0, 20),
    st.sampled_from(["", "'", '"']),
    st.sampled_from(["", "map=", "map=scatter:", "--map="]),
)
def test_what_is_inserted_is_read_back_as_the_candidate(name: str, typed: int, quote: str, head: str) -> None:
    if quote == '"' and "!" in name:
        return
    text = f"gridrl train {head}{quoted(name[:typed], quote)}"
    line = read_line(text, BREAKS)

    inserted = line.inserted(names.Candidate(head + name))

    assert line.words == ["gridrl", "train", head + name[:typed]]
    assert text.endswith(line.replaced)
    completed = text.removesuffix(line.replaced) + inserted + line.quote
    assert read_by_bash(completed) == ["gridrl", "train", head + name]


def read_by_bash(line: str) -> list[str]:
    """The words that bash makes of a line; where it may start nothing."""
    done = subprocess.run(
        [BASH, "--norc", "--noprofile", "-c", f"set -- {line}\nprintf '%s\\0' \"$@\""],
        env={"PATH": "", "LC_ALL": "C.UTF-8", "HOME": "/"},
        cwd="/",
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_S,
    )
    assert done.stderr == ""
    return done.stdout.split("\0")[:-1]


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("gridrl train", ["gridrl", "train"]),
        ("gridrl train ", ["gridrl", "train", ""]),
        ("gridrl  'a b' ''  c", ["gridrl", "a b", "", "c"]),
        ('gridrl "a\\"b\\c', ["gridrl", 'a"b\\c']),
        ("gridrl a\\", ["gridrl", "a"]),
        ("gridrl $HOME/$(x)", ["gridrl", "$HOME/$(x)"]),
        ("gridrl rules arena > ne", [">", "ne"]),
        ("gridrl rules arena >ne", [">", "ne"]),
        ("gridrl rules arena > new ru", ["gridrl", "rules", "arena", "ru"]),
    ],
)
def test_a_line_is_taken_apart(text: str, typed: list[str]) -> None:
    assert read_line(text, BREAKS).words == typed


# ---- The real shells


class Shell:
    """A shell that has our script, on a terminal of its own. What it would start prints its arguments."""

    def __init__(self, command: list[str], setup: list[str], cwd: Path, env: dict[str, str]) -> None:
        self._process = pexpect.spawn(
            command[0], command[1:], cwd=str(cwd), env=env, encoding="utf-8", timeout=TIMEOUT_S, dimensions=(60, 300)
        )
        for text in [*setup, "echo here_it''_is"]:
            self._process.sendline(text)
        self._process.expect("here_it_is")

    def typed(self, keys: str) -> list[str]:
        """Press keys, then the one for completion, then return. Returns the arguments that the shell made of it."""
        self._process.send(f"{keys}\t\r")
        self._process.expect(r"<begin>(.*?)<end>")
        return re.findall(r"\[\[(.*?)\]\]", self._process.match[1])

    def listed(self, keys: str, last: str) -> str:
        """What is on the terminal once the candidates are listed, and the last one of them is."""
        self._process.send(f"{keys}\t\t")
        self._process.expect_exact(last)
        self._process.send("\x03")
        return str(self._process.before)

    def close(self) -> None:
        self._process.close(force=True)


PRINT_ARGUMENTS = "gridrl() { printf '<%s>' begin; printf '[[%s]]' \"$@\"; printf '<%s>' end; }"
SHELLS = {
    "bash": (
        ["bash", "--norc", "--noprofile", "-i"],
        [
            "source <(gridrl completion bash)",
            PRINT_ARGUMENTS,
            "bind 'set completion-query-items 0'; bind 'set page-completions off'",
        ],
    ),
    "zsh": (["zsh", "-f", "-i"], ["source <(gridrl completion zsh)", PRINT_ARGUMENTS, "LISTMAX=0"]),
    "fish": (
        ["fish", "--no-config", "-i"],
        [
            "gridrl completion fish | source",
            "function gridrl; printf '<%s>' begin; printf '[[%s]]' $argv; printf '<%s>' end; end",
        ],
    ),
}


@pytest.fixture
def program(place: Path) -> dict[str, str]:
    """An environment in which `gridrl` is ours."""
    binaries = place.parent / "bin"
    binaries.mkdir()
    script = binaries / "gridrl"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m engine.cli "$@"\n')
    script.chmod(0o755)
    env = environment(Path(os.environ["GRIDRL_RUNS"]))
    return {**env, "PATH": f"{binaries}:{env['PATH']}", "TERM": "xterm", "LC_ALL": "C.UTF-8", "PS1": "> "}


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, place: Path, program: dict[str, str]) -> Iterator[Shell]:
    command, setup = SHELLS[request.param]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    one = Shell(command, setup, place, program)
    yield one
    one.close()


def test_a_shell_completes_words_settings_and_values(shell: Shell) -> None:
    assert shell.typed("gridrl tra") == ["train"]
    assert shell.typed("gridrl train navi") == ["train", "navigation"]
    assert shell.typed("gridrl navigation.tra") == ["navigation.train"]
    assert shell.typed("gridrl train arena trainer.learni") == ["train", "arena", "trainer.learning_rate="]
    assert shell.typed("gridrl train arena trainer.anneal=f") == ["train", "arena", "trainer.anneal=false"]
    assert shell.typed("gridrl train arena map=scatter:purs") == ["train", "arena", "map=scatter:pursuit"]
    assert shell.typed("gridrl play navigation policy=first@v") == ["play", "navigation", "policy=first@v4096"]
    assert shell.typed("gridrl train arena --preset ti") == ["train", "arena", "--preset", "tiny"]
    assert shell.typed("gridrl replay epi") == ["replay", "episode.gridrec"]
    assert shell.typed("gridrl completion zs") == ["completion", "zsh"]


def test_a_shell_keeps_the_quotes_that_were_typed(shell: Shell) -> None:
    for word in (r"map=my\ dir/r", "map='my dir/r", 'map="my dir/r', "map='my dir'/r"):
        assert shell.typed(f"gridrl train arena {word}") == ["train", "arena", "map=my dir/room.map"]


def test_a_shell_does_not_obey_a_name(shell: Shell, place: Path) -> None:
    for quote in ("", "'", '"'):
        assert shell.typed(f"gridrl train arena map={quote}do") == ["train", "arena", f"map={HOSTILE}"]

    assert not (place / "harm").exists()


def test_a_shell_lists_what_there_is(shell: Shell) -> None:
    listed = shell.listed("gridrl train arena preset=", "tiny")

    assert all(name in listed for name in ("gpu", "metta", "small"))
    assert "Traceback" not in listed


def test_bash_completes_the_file_behind_a_redirection(place: Path, program: dict[str, str]) -> None:
    bash = Shell(*SHELLS["bash"], place, program)

    assert bash.typed("gridrl rules arena < no") == ["rules", "arena"]
    assert bash.typed("gridrl train arena trainer.gam") == ["train", "arena", "trainer.gamma="]  # and nothing is stuck
    bash.close()


def test_the_scripts_are_silent_without_the_program(place: Path, program: dict[str, str]) -> None:
    script = place / "script"
    assert subprocess.run(
        ["gridrl", "completion", "bash"], env=program, stdout=script.open("w"), check=True, timeout=TIMEOUT_S
    )
    ask = f"source {script}; COMP_WORDBREAKS={shlex.quote(BREAKS)}; COMP_LINE='gridrl '; COMP_POINT=7; _gridrl"

    folders = [
        each for each in os.environ["PATH"].split(os.pathsep) if not os.path.exists(os.path.join(each, "gridrl"))
    ]
    env = {**program, "PATH": os.pathsep.join(folders)}
    done = subprocess.run(
        ["bash", "-c", f"{ask}; echo ${{#COMPREPLY[@]}}"], env=env, capture_output=True, text=True, timeout=TIMEOUT_S
    )

    assert (done.stdout, done.stderr) == ("0\n", "")

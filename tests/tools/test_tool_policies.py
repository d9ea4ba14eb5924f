"""Policies by what a person calls them: every way leads to the one meant, or to words that help."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.cli import main
from engine.errors import CheckpointError, UsageError
from engine.maps import cells_for, load_map
from engine.policies.architecture import Architecture
from engine.policies.networks import build_network
from engine.policies.registry import create_policy
from engine.policies.signature import Signature
from engine.recipes import resolve, world_of
from engine.runs import RunWriter, save_checkpoint
from engine.sim import World, games
from engine.tools.policies import MAX_PLAYERS, SCRIPTED, find_player, find_players

from .console import has_controls

ESCAPE = "\x1b]52;c;cm0gLXJm\x07\u202e"


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with a run of two checkpoints, one that is called as a policy is, and one without any."""
    root = tmp_path / "runs"
    monkeypatch.setenv("GRIDRL_RUNS", str(root))
    monkeypatch.chdir(tmp_path)
    for name, steps in (("ruddy-otter", (64, 4096)), ("simple", (5,)), ("newborn", ())):
        with RunWriter.create(root, name, {}, {}) as writer:
            for step in steps:
                writer.checkpoint(step, {"network.x": np.zeros(2, np.float32)}, {})
    return root


def checkpoint(runs: Path, run: str, step: int) -> Path:
    return runs / run / "checkpoints" / f"ck-{step:012d}.safetensors"


@pytest.mark.parametrize("name", SCRIPTED)
def test_scripted_policies_go_by_their_names(name: str, runs: Path) -> None:
    for text in (name, f"mock://{name}"):
        player = find_player(text)
        assert (player.name, player.scripted, player.checkpoint) == (text, name, None)


WAYS = {
    "ruddy-otter": 4096,
    "trained:ruddy-otter": 4096,
    "ruddy-otter:latest": 4096,
    "ruddy-otter@latest": 4096,
    "ruddy-otter:v4096": 4096,
    "ruddy-otter@v64": 64,
    "ruddy-otter:v64..v64": 64,
    "trained:ruddy-otter:v64": 64,
    "file://{runs}/ruddy-otter/checkpoints": 4096,
    "file://{runs}/ruddy-otter/checkpoints:v64": 64,
    "file://{runs}/ruddy-otter": 4096,
    "{runs}/ruddy-otter@v64": 64,
    "file://runs/ruddy-otter": 4096,
    "runs/ruddy-otter/checkpoints/": 4096,
    "./runs/ruddy-otter": 4096,
    "{runs}/ruddy-otter/checkpoints/ck-000000000064.safetensors": 64,
    "file://{runs}/ruddy-otter/checkpoints/ck-000000000064.json": 64,
    "{runs}/ruddy-otter/checkpoints/ck-000000000064": 64,
}


@pytest.mark.parametrize("text", WAYS)
def test_a_checkpoint_goes_by_run_number_and_path(text: str, runs: Path) -> None:
    found = find_player(text.format(runs=runs)).checkpoint

    assert found is not None
    assert found.resolve() == checkpoint(runs, "ruddy-otter", WAYS[text]).resolve()


def test_a_run_that_is_called_like_a_policy_is_reached(runs: Path) -> None:
    assert find_player("simple").checkpoint is None
    assert find_player("trained:simple").checkpoint == checkpoint(runs, "simple", 5)


def test_a_file_called_like_a_version_is_itself(runs: Path) -> None:
    odd = runs.parent / "otter:v3"
    odd.symlink_to(runs / "ruddy-otter")

    found = find_player(str(odd)).checkpoint

    assert found is not None
    assert found.resolve() == checkpoint(runs, "ruddy-otter", 4096).resolve()


REFUSED = {
    "simpel": ("no policy and no run is called 'simpel'", "did you mean simple?"),
    "rudy-otter": ("no policy and no run is called 'rudy-otter'", "did you mean ruddy-otter?"),
    "rudy-otter:v64": ("no policy and no run is called 'rudy-otter'", "did you mean ruddy-otter?"),
    "goalseeker": ("no policy and no run is called 'goalseeker'", "did you mean goal-seeker?"),
    "trained": ("no policy and no run is called 'trained'", "say whose: trained:RUN"),
    "trained:": ("no policy and no run is called ''", "say whose: trained:RUN"),
    "newborn": ("run newborn has no checkpoint yet", "saves one when it ends"),
    "newborn:v1": ("run newborn has no checkpoint yet", "saves one when it ends"),
    "newborn:best": ("run newborn has no checkpoint yet", "saves one when it ends"),
    "ruddy-otter:v65": ("run ruddy-otter has no checkpoint v65", "there is v64, v4096"),
    "ruddy-otter:best": ("no checkpoint of run ruddy-otter is marked as the best", "top:1:METRIC"),
    "ruddy-otter:all": ("ruddy-otter:all means several policies", "RUN:best"),
    "ruddy-otter:v1..v64": ("means several policies", "gridrl evaluate takes several"),
    "ruddy-otter:top:1:a/b": ("means several policies", "gridrl evaluate takes several"),
    "ruddy-otter:top:0:a/b": ("top takes 1 to 64", "top:3:"),
    "ruddy-otter:top:1:a b": ("is no choice among the checkpoints of ruddy-otter", ":top:3:METRIC"),
    "ruddy-otter:v64..v1": ("the range ends before it begins", "say v1..v64"),
    "ruddy-otter:v64..v64..v64": ("is no choice among the checkpoints of ruddy-otter", ":v1000..v5000"),
    "rudy-otter:best": ("no policy and no run is called 'rudy-otter'", "did you mean ruddy-otter?"),
    "mock://simpel": ("no scripted policy is called 'simpel'", "did you mean simple?"),
    "mock://": ("no scripted policy is called ''", "there are random, noop, simple, goal-seeker"),
    "s3://": ("that is no bucket's name", "s3://BUCKET/PREFIX"),
    "s3://A_B/otter": ("that is no bucket's name", "s3://BUCKET/PREFIX"),
    "s3://key:hush@bucket/otter": ("s3://***@bucket/otter: that is no bucket's name", "keys belong in ~/.aws"),
    "s3://bucket/otter:v12.pt": ("is no checkpoint", "which is never run"),
    "s3://bucket/otter/ck-000000000064.json": ("is a file", "say s3://bucket/otter:vN"),
    "wandb://run/otter": ("no place of Weights & Biases", "wandb://ENTITY/PROJECT/NAME"),
    "wandb://lab/maze/otter": ("WANDB_MODE=offline keeps wandb off the network", "unset WANDB_MODE"),
    "wandb://run/my_run/artifacts/run_name:v3.mpt": ("is no checkpoint", "which is never run"),
    "ssh://": ("'' is no host", "[USER@]HOST"),
    "ssh://-oProxyCommand=id/otter": ("is no host", "[USER@]HOST"),
    "ssh://me:hush@box/otter": ("ssh://***@box/otter: that is no host", "[USER@]HOST"),
    "ssh://box:22/otter": ("that is no host", "[USER@]HOST"),
    "ssh://box": ("that names no run", "ssh://[USER@]HOST/RUN"),
    "metta://policy/otter": ("that is no place of checkpoints", "file://PATH"),
    "http://example.org/otter": ("that is no place of checkpoints", "file://PATH"),
    "../otter": ("there is no checkpoint ../otter", "name a run"),
    "file://": ("is no path of a checkpoint", ""),
    "file:///nowhere": ("there is no checkpoint file:///nowhere", "name a run"),
    "{runs}": ("has no checkpoint yet", ""),
    "{runs}/ruddy-otter:v65": ("has no checkpoint v65", "there is v64, v4096"),
    "a.pt": ("no policy and no run is called 'a.pt'", ""),
    "./a.pt": ("./a.pt is no checkpoint", "which is never run"),
    "./pipe.safetensors": ("there is no checkpoint ./pipe.safetensors", ""),
    "/dev/zero": ("there is no checkpoint /dev/zero", ""),
    "~nobody-has-this-name/x": ("is no path of a checkpoint", ""),
    "./" + "x" * 5000: ("is no path of a checkpoint", ""),
    "./a\0b": ("there is no checkpoint", ""),
    "./\udcff": ("there is no checkpoint", ""),
    ESCAPE: ("no policy and no run is called", "policies are random, noop, simple, goal-seeker"),
    "ruddy-otter:v" + "9" * 40: ("is no choice among the checkpoints of ruddy-otter", ":v4096"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_there_is_refused_in_words(text: str, runs: Path) -> None:
    (runs.parent / "a.pt").write_bytes(b"\x80\x04")
    for name in ("pipe.safetensors", "pipe.json"):
        os.mkfifo(runs.parent / name)
    message, hint = REFUSED[text]

    with pytest.raises(UsageError) as caught:
        find_player(text.format(runs=runs))

    assert message in caught.value.message
    assert hint in caught.value.hint
    assert len(str(caught.value)) < 500
    assert "hush" not in str(caught.value)


def test_a_list_may_choose_several_at_once(runs: Path) -> None:
    players = find_players(["noop", "trained:ruddy-otter:all", "./runs/ruddy-otter@v1..v64", "ruddy-otter:latest"])

    assert [(player.name, player.scripted or int(str(player.checkpoint)[-24:-12])) for player in players] == [
        ("noop", "noop"),
        ("trained:ruddy-otter:v64", 64),
        ("trained:ruddy-otter:v4096", 4096),
        ("./runs/ruddy-otter@v64", 64),
        ("ruddy-otter:latest", 4096),
    ]


def test_more_policies_than_can_be_loaded_are_refused(runs: Path) -> None:
    assert len(find_players(["ruddy-otter:all"] * (MAX_PLAYERS // 2))) == MAX_PLAYERS

    with pytest.raises(UsageError, match=f"that is {MAX_PLAYERS + 1} policies"):
        find_players(["ruddy-otter:all"] * (MAX_PLAYERS // 2) + ["noop"])


def test_play_takes_one_and_evaluate_tries_each_before_it_starts(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["play", "navigation", "policy=ruddy-otter:all"]) == 2
    assert "gridrl evaluate takes several" in capsys.readouterr().err

    assert main(["evaluate", "navigation", "policies=ruddy-otter:all", "--dry-run"]) == 0
    assert "the settings are right" in capsys.readouterr().err
    assert main(["evaluate", "navigation", "policies=ruddy-otter:v65..v70", "--dry-run"]) == 2
    assert "run ruddy-otter has no checkpoint v65..v70" in capsys.readouterr().err


def test_the_words_reach_a_terminal_harmless(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text in (ESCAPE, f"./{ESCAPE}", f"file://{ESCAPE}", f"mock://{ESCAPE}", f"s3://{ESCAPE}"):
        assert main(["play", "navigation", f"policy={text}"]) == 2
        assert not has_controls(capsys.readouterr().err)


def test_what_a_checkpoint_holds_is_checked_before_it_plays(runs: Path) -> None:
    player = find_player("ruddy-otter")

    with pytest.raises(CheckpointError, match="does not say which game"):
        player.maker(world_of(resolve("navigation")))


# ---- From a screen, where nothing may be printed


def saved(path: Path, signature: Signature) -> Path:
    """A checkpoint of a small network for games of this signature."""
    architecture = Architecture(hidden=(8,))
    tensors = {f"network.{name}": each for name, each in build_network(architecture, signature, 0).state_dict().items()}
    meta = {"signature": signature.to_meta(), "architecture": architecture.model_dump(mode="json"), "name": "otter"}
    return save_checkpoint(path, 64, tensors, meta)


def test_what_a_policy_does_not_know_is_told_to_whoever_asks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = games.arena()
    world = World(rules, cells_for(load_map("arena_basic"), rules))
    known = Signature.of(world.spec)
    path = saved(tmp_path, replace(known, kinds=(*known.kinds, "shrine"), plane_classes=(8, *known.plane_classes[1:])))
    told: list[str] = []

    player = find_player(str(path), told.append)
    policy = player.maker(world, told.append)(7)

    assert policy.name == "otter:v64"
    assert len(told) == 1
    assert "object kinds that the policy was trained with are missing here: shrine" in told[0]
    assert capsys.readouterr() == ("", "")


def test_a_checkpoint_of_another_game_says_what_differs_by_name(tmp_path: Path) -> None:
    rules = games.arena()
    world = World(rules, cells_for(load_map("arena_basic"), rules))
    known = Signature.of(world.spec)
    path = saved(tmp_path, replace(known, kinds=("wall", "shrine"), plane_classes=(5, *known.plane_classes[1:])))

    with pytest.raises(CheckpointError) as caught:
        find_player(str(path)).maker(world)

    words = "with the object kinds shrine, which this game lacks, and without mine, generator, altar"
    assert words in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("name", SCRIPTED)
def test_a_scripted_policy_is_made_as_often_as_needed(name: str) -> None:
    rules = games.arena()
    world = World(rules, cells_for(load_map("arena_basic"), rules))
    seen = np.zeros((6 * 50, world.spec.observation_size), np.uint8)
    make = find_player(name).maker(world)

    first, second, other = make(3).act(seen), make(3).act(seen), make(4).act(seen)

    assert (first == second).all()
    assert (first == create_policy(name, rules, world.spec, seed=3).act(seen)).all()
    assert (first != other).any() or name == "noop"

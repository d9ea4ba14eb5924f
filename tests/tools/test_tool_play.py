"""gridrl play: a policy on a recipe, counted and drawn."""

from __future__ import annotations

import pytest

from engine.cli import main
from engine.recipes import resolve, resolve_tool, world_of
from engine.replays.drawing import drawn
from engine.sim import Batch
from engine.tools.play import run


def played(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[list[str]]:
    assert main(["play", *arguments]) == 0
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_the_simple_policy_reaches_the_goal(capsys: pytest.CaptureFixture[str]) -> None:
    header, *rows, mean = played(capsys, "navigation", "--episodes", "4", "--seed", "3")

    assert header == ["episode", "agent", "return", "length", "end", "goal", "time"]
    assert [row[0] for row in rows] == ["0", "1", "2", "3"]
    assert {row[4] for row in rows} == {"terminated"}
    assert mean[:1] == ["mean"]
    assert "100%" in mean


def test_every_agent_has_its_line_and_the_terms_add_up(capsys: pytest.CaptureFixture[str]) -> None:
    _, *rows, _ = played(capsys, "arena_easy", "rules.max_steps=60", "--episodes", "2")

    assert [(row[0], row[1]) for row in rows] == [(str(e), str(a)) for e in range(2) for a in range(6)]
    assert {row[3] for row in rows} == {"60"}
    for row in rows:
        assert float(row[2]) == pytest.approx(sum(map(float, row[5:])), abs=0.002)


def test_settings_and_options_are_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    options = ("navigation", "--policy", "random", "--episodes", "2", "--seed", "5")

    assert played(capsys, *options) == played(capsys, "navigation", "policy=random", "episodes=2", "seed=5")


def test_the_tool_plays_what_was_resolved(capsys: pytest.CaptureFixture[str]) -> None:
    expected = played(capsys, "navigation", "episodes=2")

    assert run(resolve_tool("play", "navigation", ["episodes=2"], {})) == 0

    assert [line.split() for line in capsys.readouterr().out.splitlines()] == expected


def test_the_same_seed_plays_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("navigation", "--policy", "random", "--episodes", "3", "--seed", "5")

    assert played(capsys, *arguments) == played(capsys, *arguments)


def test_noop_waits_for_the_clock(capsys: pytest.CaptureFixture[str]) -> None:
    _, row, _ = played(capsys, "navigation", "rules.max_steps=7", "--policy", "noop", "--episodes", "1")

    assert row[:5] == ["0", "0", "-0.070", "7", "truncated"]


def test_render_draws_every_step(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["play", "navigation", "rules.max_steps=3", "--policy", "noop", "--episodes", "1", "--render"]

    assert main(arguments) == 0

    text = capsys.readouterr().out
    assert [f"episode 0, step {step}" in text for step in range(4)] == [True, True, True, False]
    assert text.count("@") == 3


def test_a_world_is_drawn_in_the_characters_of_its_map() -> None:
    config = resolve("arena_easy")
    world = world_of(config)
    with Batch(world, seed=1) as batch:
        rows = drawn(batch.look(), batch.spec)

    assert rows[0] == "#############"
    assert rows[1] == "#m....#....m#"
    assert {character for row in rows for character in row} == set("#.@mn_")
    assert sum(row.count("@") for row in rows) == 6

"""gridrl evaluate: each episode is what one env alone would play, and the table says no more than that."""

from __future__ import annotations

import json
import math
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from engine.cli import main
from engine.errors import CheckpointError
from engine.policies.registry import create_policy
from engine.recipes import prepare_run, resolve, resolve_tool, worlds_of
from engine.runs import RunDirectory
from engine.sim import Batch, Episodes, World
from engine.tools.evaluate import Outcome, half_width, play_episodes, run
from engine.tools.policies import find_player

from .console import ROOT, has_controls, here

PAGE = (ROOT / "docs" / "evaluating.md").read_text(encoding="utf-8")
ESCAPE = "\x1b]52;c;cm0gLXJm\x07\u202e"
SHORT_RUN = (
    "rules.max_steps=12",
    "trainer.env_count=16",
    "trainer.horizon=16",
    "trainer.minibatch_size=64",
    "trainer.total_steps=1024",
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a short run called tiny, of navigation."""
    root: Path = tmp_path_factory.mktemp("runs")
    assert prepare_run("navigation", resolve("navigation", [*SHORT_RUN, "run=tiny"]), root).start().join(300)
    return root


def worlds(recipe: str, steps: int) -> list[World]:
    return worlds_of(resolve(recipe, [f"rules.max_steps={steps}"]))


def played_alone(name: str, worlds: list[World], seed: int, checkpoint: Path | None = None) -> Episodes:
    """The first episode of one env by itself."""
    with Batch(worlds, 1, seed=seed) as batch:
        policy = create_policy(name, worlds[0].rules, worlds[0].spec, seed=seed, checkpoint=checkpoint)
        while not (batch.terminated.any() or batch.truncated.any()):
            batch.step(policy.act(batch.observations))
        return batch.drain_episodes()


def told(outcome: Outcome) -> list[list[float]]:
    return np.column_stack([outcome.returns, outcome.lengths, outcome.ended, outcome.terms]).tolist()


def told_alone(episodes: Episodes) -> list[float]:
    """The same of one episode: means over the agents, one after the other."""
    figures = [episodes.episode_return, episodes.length, episodes.terminated, *episodes.terms.T]
    return [float(np.asarray(figure, dtype=np.float64).mean()) for figure in figures]


# ---- Episodes


@pytest.mark.parametrize("lanes", [1, 3, 8, None])
@pytest.mark.parametrize("policy", ["noop", "random", "simple", "goal-seeker"])
@pytest.mark.parametrize(("recipe", "steps"), [("navigation", 25), ("arena_easy", 30)])
def test_each_episode_is_what_one_env_alone_plays(recipe: str, steps: int, policy: str, lanes: int | None) -> None:
    played = worlds(recipe, steps)

    outcome = play_episodes(played, find_player(policy).maker(played[0]), 40, 7, lanes)

    assert told(outcome) == [told_alone(played_alone(policy, played, 40 + k)) for k in range(7)]


def test_short_episodes_count_as_often_as_long_ones() -> None:
    played = worlds("navigation", 25)

    outcome = play_episodes(played, find_player("random").maker(played[0]), 0, 64, 8)

    assert len(set(outcome.lengths)) > 5  # or this would show nothing
    assert len(outcome.returns) == 64
    assert outcome.lengths.mean() == np.mean([played_alone("random", played, k).length[0] for k in range(64)])


def test_worlds_are_drawn_as_one_env_alone_draws_them() -> None:
    played = worlds_of(resolve("navigation", ["map=scatter:navigation_walls9", "scatters=5", "rules.max_steps=20"]))
    assert len(played) == 5

    outcome = play_episodes(played, find_player("goal-seeker").maker(played[0]), 3, 9, 4)

    assert told(outcome) == [told_alone(played_alone("goal-seeker", played, 3 + k)) for k in range(9)]


def test_a_network_plays_as_it_does_alone(trained: Path) -> None:
    played = worlds("navigation", 12)
    checkpoint = RunDirectory(trained / "tiny").latest_checkpoint()
    assert checkpoint is not None
    maker = find_player(str(checkpoint)).maker(played[0])

    outcome = play_episodes(played, maker, 5, 6)

    assert told(outcome) == [told_alone(played_alone("trained", played, 5 + k, checkpoint)) for k in range(6)]
    assert told(play_episodes(played, maker, 5, 40))[:6] == told(outcome)


# ---- The interval


def test_the_interval_is_students() -> None:
    assert half_width(np.array([1.0, 2.0, 3.0, 6.0])) == pytest.approx(3.182 * math.sqrt(14 / 3) / 2, rel=1e-3)
    assert half_width(np.array([2.0, 2.0])) == 0.0
    assert half_width(np.array([2.0])) is None


@pytest.mark.parametrize("freedom", [*range(1, 45), 100, 1000])
def test_19_times_in_20_the_mean_lies_within_the_interval(freedom: int) -> None:
    values = np.zeros(freedom + 1)
    values[:2] = 1.0, -1.0
    wide = half_width(values)
    assert wide is not None

    t = wide / (values.std(ddof=1) / math.sqrt(len(values)))

    assert share_within(t, freedom) == pytest.approx(0.95, abs=1e-4)


def share_within(t: float, freedom: int) -> float:
    """Student's density summed from -t to t, by Simpson's rule."""
    x = np.linspace(-t, t, 20_001)
    log_scale = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - math.log(freedom * math.pi) / 2
    density = math.exp(log_scale) * (1 + x**2 / freedom) ** (-(freedom + 1) / 2)
    weights = np.tile([4.0, 2.0], 10_000)[: len(x) - 2]
    return float((x[1] - x[0]) / 3 * (density[0] + density[-1] + (weights * density[1:-1]).sum()))


# ---- The table


def evaluated(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[list[str]]:
    assert main(["evaluate", *arguments]) == 0
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_every_policy_has_its_line_in_every_simulation(capsys: pytest.CaptureFixture[str]) -> None:
    header, *rows = evaluated(
        capsys,
        "arena_easy",
        'policies=["simple","mock://noop"]',
        "episodes=3",
        "rules.max_steps=20",
        'simulations=[{"name":"wide","map":"arena_basic"}]',
    )

    assert " ".join(header) == "simulation policy episodes return +-95% success length heart battery ore"
    assert [row[:3] for row in rows] == [
        [simulation, policy, "3"] for simulation in ("arena_small", "wide") for policy in ("simple", "mock://noop")
    ]
    assert {row[6] for row in rows} == {"20.0"}
    assert {row[5] for row in rows} == {"-"}  # it never ends by its rules


def test_a_choice_of_several_checkpoints_has_a_line_for_each(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("GRIDRL_RUNS", str(trained))
    known = [info.step for info in RunDirectory(trained / "tiny").checkpoints()]
    arguments = ["episodes=2", "rules.max_steps=12", f"output={tmp_path / 'a.json'}"]

    _, *rows = evaluated(capsys, "navigation", 'policies=["tiny:all","tiny:latest"]', *arguments)

    assert [row[1] for row in rows] == [*(f"tiny:v{step}" for step in known), "tiny:latest"]
    assert rows[-1][2:] == rows[-2][2:]


def test_terms_of_other_games_stay_empty(capsys: pytest.CaptureFixture[str]) -> None:
    rules = json.dumps(resolve("navigation").rules.model_dump(mode="json"))
    other = f'simulations=[{{"name":"walk","map":"navigation_walls9","rules":{rules}}}]'

    header, arena, walk = evaluated(capsys, "arena_easy", "episodes=2", "rules.max_steps=10", other)

    assert header[7:] == ["heart", "battery", "ore", "goal", "time"]
    assert (arena[-2:], walk[-5:-2]) == (["-", "-"], ["-", "-", "-"])
    assert walk[5] == "100%"


def test_the_table_is_of_the_returns_in_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "results.json"
    arguments = ["navigation", "policies=random", "episodes=9", "seed=4", "rules.max_steps=30"]

    _, row = evaluated(capsys, *arguments, f"output={file}")

    kept = json.loads(file.read_text())
    (result,) = kept["results"]
    played = worlds("navigation", 30)
    returns = [told_alone(played_alone("random", played, 4 + k))[0] for k in range(9)]
    spread = np.std(returns, ddof=1)
    assert [kept[key] for key in ("recipe", "seed", "episodes")] == ["navigation", 4, 9]
    assert result["returns"] == returns
    assert result["return"]["mean"] == pytest.approx(np.mean(returns))
    assert result["return"]["half_width"] == pytest.approx(2.306 * spread / 3)
    assert row[3:5] == [f"{np.mean(returns):.3f}", f"{2.306 * spread / 3:.3f}"]
    assert sum(result["terms"].values()) == pytest.approx(result["return"]["mean"], abs=1e-5)


def test_an_episode_of_the_table_can_be_played_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ["navigation", "policies=goal-seeker", "episodes=5", f"output={tmp_path / 'a.json'}"]
    evaluated(capsys, *arguments)
    returns = json.loads((tmp_path / "a.json").read_text())["results"][0]["returns"]

    for seed, expected in enumerate(returns):
        assert main(["play", "navigation", f"seed={seed}", "episodes=1"]) == 0
        assert capsys.readouterr().out.splitlines()[1].split()[2] == f"{expected:.3f}"


def test_one_episode_alone_has_no_interval(capsys: pytest.CaptureFixture[str]) -> None:
    _, row = evaluated(capsys, "navigation", "episodes=1")

    assert row[4] == "-"


# ---- What is refused


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["policies=simpel"], "did you mean simple?"),
        (["policies=[]"], "policies cannot be []"),
        (["episodes=0"], "1 or more"),
        (["output=results.txt"], "ends in .json"),
        (["output=nowhere/results.json"], "there is no directory 'nowhere'"),
        (["output=a\0.json"], "ends in .json"),
        (
            ['simulations=[{"name":"a","map":"arena_small"},{"name":"a","map":"arena_small"}]'],
            "two worlds are called a",
        ),
        (['simulations=[{"name":"navigation_walls9","map":"arena_small"}]'], "two worlds are called"),
        (['simulations=[{"name":"a","map":"arena_small"}]'], "simulation a: "),
        (['simulations=[{"name":"a","map":"nowhere"}]'], "simulation a: "),
        ([f"policies={ESCAPE}"], "no policy and no run is called"),
        ([f"output={ESCAPE}.json", f"policies={ESCAPE}"], "no policy and no run is called"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_played(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    code = main(["evaluate", "navigation", *arguments])

    said = capsys.readouterr()
    assert (code in (1, 2), said.out) == (True, "")
    assert words in said.err
    assert not has_controls(said.err)
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_of_another_game_is_named_with_its_simulation(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(trained)  # a long path would be told shortened

    with pytest.raises(
        CheckpointError, match=r"checkpoints in simulation arena_small: the checkpoint was trained with"
    ):
        run(resolve_tool("evaluate", "arena_easy", ["policies=tiny/checkpoints", "episodes=1"], {}))


def test_hostile_names_are_shown_harmless(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / ESCAPE
    home.mkdir()
    (home / "checkpoints").symlink_to(trained / "tiny" / "checkpoints")
    arguments = [f"policies={home}", "rules.max_steps=12", "episodes=1", f"output={home}.json"]

    assert main(["evaluate", "navigation", *arguments]) == 0

    said = capsys.readouterr()
    assert "\\x1b]52" in said.out
    assert not has_controls(said.out + said.err)


# ---- The page


def test_the_page_shows_what_the_program_prints(tmp_path: Path) -> None:
    blocks = re.findall(r"^```console\n\$ (.*?)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 1
    for command, output in blocks:
        done = here(tmp_path, *shlex.split(command)[1:])

        assert (done.returncode, done.stdout) == (0, output), done.stderr

"""gridrl sweep: what is drawn, what is trained once and never again, and which trial is called best."""

from __future__ import annotations

import itertools
import json
import math
import re
import shlex
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.cli import main
from engine.errors import ConfigError
from engine.recipes import SweepConfig, resolve, resolve_tool
from engine.recipes.config import Parameter
from engine.runs import RunDirectory, RunState
from engine.tools.sweep import LAST_VALUES, checked_space, run
from engine.tools.trials import Space

from .console import ROOT, TIMEOUT_S, has_controls, here, started

PAGE = (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8")
ESCAPE = "\x1b]52;c;cm0gLXJm\x07\u202e"
TINY = (
    "rules.max_steps=8",
    "trainer.env_count=16",
    "trainer.horizon=16",
    "trainer.minibatch_size=64",
    "trainer.total_steps=1024",
)
RATES = {"key": "trainer.lr", "min": 1e-4, "max": 1e-2, "scale": "log"}


def config_of(*parameters: dict[str, Any], **settings: Any) -> SweepConfig:
    given = [f"{key}={value}" for key, value in settings.items()]
    config = resolve_tool("sweep", "navigation", [f"parameters={json.dumps(parameters)}", *given], {}).config
    assert isinstance(config, SweepConfig)
    return config


def drawn(*parameters: dict[str, Any], **settings: Any) -> list[list[str]]:
    """The texts of the values of each trial."""
    space = Space(config_of(*parameters, **settings))
    return [[setting.text for setting in trial.settings] for trial in space.trials()]


# ---- What is drawn


def test_a_grid_is_the_product_of_its_values() -> None:
    parameters = [
        {"key": "trainer.gamma", "min": 0.9, "max": 1.0},
        {"key": "trainer.horizon", "min": 16, "max": 64, "scale": "pow2"},
        {"key": "map", "choices": ["navigation_walls9", "scatter:navigation_walls9"]},
        {"key": "trainer.lr", "min": 1e-4, "max": 1e-2, "scale": "log"},
    ]
    gammas, horizons, rates = ["0.9", "0.95", "1.0"], ["16", "32", "64"], ["0.0001", "0.001", "0.01"]
    maps = ["navigation_walls9", "scatter:navigation_walls9"]

    rows = drawn(*parameters, sampler="grid", trials=1000)

    assert [tuple(row) for row in rows] == list(itertools.product(gammas, horizons, maps, rates))
    assert drawn(*parameters, sampler="grid", trials=7) == rows[:7]


def test_a_grid_has_each_value_once() -> None:
    epochs = {"key": "trainer.epochs", "min": 1, "max": 3}

    assert drawn(epochs, sampler="grid", grid_points=9, trials=100) == [["1"], ["2"], ["3"]]
    assert drawn({"key": "trainer.gamma", "choices": [0.9, 0.9]}, sampler="grid") == [["0.9"]]
    assert drawn({"key": "trainer.horizon", "min": 60, "max": 70, "scale": "pow2"}, sampler="grid") == [["64"]]


def test_a_draw_depends_on_the_seed_and_the_trial_alone() -> None:
    gamma = {"key": "trainer.gamma", "min": 0.9, "max": 1}
    rows = drawn(RATES, gamma, trials=20)

    assert drawn(RATES, gamma, trials=5) == rows[:5]
    assert [row[:1] for row in rows] == drawn(RATES, trials=20)  # those before a new parameter stay
    assert len({row[0] for row in rows}) == 20
    assert not {row[0] for row in drawn(RATES, gamma, trials=20, **{"trainer.seed": 1})} & {row[0] for row in rows}


@pytest.mark.parametrize(
    ("parameter", "middle"),
    [
        ({"min": 0.0001, "max": 0.01, "scale": "log"}, 1e-3),
        ({"min": 0.0, "max": 1.0}, 0.5),
        ({"min": 0.25, "max": 0.75}, 0.5),
    ],
)
def test_half_of_the_draws_lie_on_each_side_of_the_middle_of_the_scale(
    parameter: dict[str, Any], middle: float
) -> None:
    rows = drawn({"key": "trainer.value_clip", **parameter}, trials=400)

    below = sum(float(row[0]) < middle for row in rows)

    assert abs(below - 200) < 5 * math.sqrt(100)  # five deviations


@pytest.mark.parametrize(
    ("parameter", "values"),
    [
        ({"key": "trainer.epochs", "min": 1.5, "max": 4.5}, ["2", "3", "4"]),
        ({"key": "trainer.horizon", "min": 10, "max": 70, "scale": "pow2"}, ["16", "32", "64"]),
        ({"key": "trainer.value_clip", "min": 0.2, "max": 1.5, "scale": "pow2"}, ["0.25", "0.5", "1.0"]),
        ({"key": "trainer.epochs", "min": 1, "max": 3, "scale": "log"}, ["1", "2", "3"]),
        ({"key": "trainer.anneal", "choices": [True, False]}, ["true", "false"]),
        ({"key": "trainer.policy.hidden", "choices": ["[32]", "[64,64]"]}, ["[32]", "[64,64]"]),
        ({"key": "rules.rewards.time.weight", "choices": [-0.01, 0]}, ["-0.01", "0"]),
    ],
)
def test_only_values_that_the_setting_takes_are_drawn_and_all_of_them(
    parameter: dict[str, Any], values: list[str]
) -> None:
    space = Space(config_of(parameter, trials=100))
    trials = list(space.trials())

    assert sorted({trial.settings[0].text for trial in trials}) == sorted(values)
    for trial in trials[:20]:
        key = trial.settings[0].key
        config = space.configured(trial, "x")
        assert config == resolve("navigation", [f"{key}={trial.settings[0].text}", "run=x"])


ENDS = st.floats(-1e308, 1e308) | st.floats(1e-300, 1e3)


@given(low=ENDS, high=ENDS, scale=st.sampled_from(["linear", "log", "pow2"]), seed=st.integers(0, 2**63 - 1))
def test_every_draw_lies_between_the_ends(low: float, high: float, scale: str, seed: int) -> None:
    low, high = min(low, high), max(low, high)
    assume(scale == "linear" or low > 0)
    assume(scale != "pow2" or math.ceil(math.log2(low)) <= math.floor(math.log2(high)))
    parameter = Parameter.model_validate({"key": "trainer.value_clip", "min": low, "max": high, "scale": scale})
    base = config_of(RATES, trials=3)
    trainer = base.trainer.model_copy(update={"seed": seed})
    config = base.model_copy(update={"parameters": (parameter,), "trainer": trainer})

    for sampler in ("random", "grid"):
        for trial in Space(config.model_copy(update={"sampler": sampler})).trials():
            assert low <= float(trial.settings[0].text) <= high


REFUSED = {
    "{}": "parameters.0.key",
    '{"key":"trainer.gama","min":0,"max":1}': "parameters.0: trainer.gama: there is no 'gama'",
    '{"key":"trials","choices":["1"]}': "parameters.0: trials: there is no 'trials'",
    '{"key":"run","choices":["x"]}': "a sweep names its runs itself",
    '{"key":"trainer.","choices":["x"]}': "is no setting",
    '{"key":"wandb","choices":["x"]}': "Weights & Biases",
    '{"key":"rules.kinds.wall.x.y","choices":["x"]}': "there is no 'x'",
    '{"key":"trainer.gamma"}': "it needs min and max, or choices",
    '{"key":"trainer.gamma","min":0}': "it needs min and max, or choices",
    '{"key":"trainer.gamma","min":1,"max":0}': "min 1 is above max 0",
    '{"key":"trainer.gamma","min":0,"max":1,"scale":"log"}': "needs a min above 0",
    '{"key":"trainer.gamma","min":0,"max":1,"choices":["1"]}': "in place of min and max",
    '{"key":"trainer.epochs","min":1.2,"max":1.8}': "no whole number between 1.2 and 1.8",
    '{"key":"trainer.epochs","min":1,"max":1e300}': "as large a number",
    '{"key":"trainer.horizon","min":5,"max":7,"scale":"pow2"}': "no power of two between 5 and 7",
    '{"key":"map","min":0,"max":1}': "map is no number",
    '{"key":"trainer","min":0,"max":1}': "trainer is no number",
    '{"key":"trainer.lr","choices":["1"]},{"key":"trainer.learning_rate","choices":["1"]}': "is varied twice",
    "": "there is nothing to vary",
    json.dumps({"key": ESCAPE, "choices": ["x"]}): "parameters.0: ",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_be_varied_is_refused_before_the_first_trial(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRIDRL_RUNS", str(tmp_path))

    assert main(["sweep", "navigation", *TINY, f"parameters=[{text}]"]) == 2

    said = capsys.readouterr()
    assert said.out == ""
    assert REFUSED[text] in said.err
    assert not has_controls(said.err)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x" * 60, "../x", ESCAPE])
def test_a_name_that_its_runs_cannot_have_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="run: "):
        run(resolve_tool("sweep", "navigation", [*TINY, f"parameters=[{json.dumps(RATES)}]", f"run={name}"], {}))


# ---- What is trained


def swept(runs: Path, *arguments: str, code: int = 0) -> tuple[list[str], str]:
    """Lines of stdout, stderr."""
    done = here(runs, "sweep", "navigation", *TINY, "run=sw", *arguments)
    assert done.returncode == code, done.stderr
    return done.stdout.splitlines(), done.stderr


def contents(runs: Path) -> dict[str, tuple[int, bytes]]:
    """Every file under a root: when it was written, and what is in it."""
    files = [path for path in runs.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def last_mean(directory: Path, metric: str) -> float:
    """From the log as it lies on the disk."""
    lines = [json.loads(text) for path in sorted(directory.glob("metrics-*.jsonl")) for text in path.open()]
    values = [line["values"][metric] for line in lines if line["values"].get(metric) is not None]
    return math.fsum(values[-LAST_VALUES:]) / len(values[-LAST_VALUES:])


@pytest.mark.slow
def test_a_sweep_trains_each_trial_once_and_names_the_best(tmp_path: Path) -> None:
    sizes = {"key": "trainer.minibatch_size", "choices": [64, 48]}  # 48 does not divide the batch of 256
    arguments = [
        f"parameters={json.dumps([sizes, RATES])}",
        "sampler=grid",
        "grid_points=2",
        "trainer.total_steps=4096",
    ]
    rates = ["0.0001", "0.01"]

    lines, said = swept(tmp_path, *arguments, "trials=3")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["sw-000", "sw-001"]
    for index, rate in enumerate(rates):
        directory = RunDirectory(tmp_path / f"sw-{index:03d}")
        assert directory.state().status is RunState.FINISHED
        expected = resolve(
            "navigation", [*TINY, "trainer.total_steps=4096", f"trainer.lr={rate}", f"run=sw-{index:03d}"]
        )
        assert directory.info().config == json.loads(expected.model_dump_json())
        assert directory.info().recipe == "navigation"
    assert "sw-002  failed: trainer.minibatch_size 48 does not divide the batch of 16 envs x 1 agents" in lines[4]
    means = {f"sw-{i:03d}": last_mean(tmp_path / f"sw-{i:03d}", "rollout/ep_rew_mean") for i in range(2)}
    best, other = sorted(means, key=lambda run: -means[run])
    table = [line.split() for line in lines[6:10]]
    assert table[0] == ["run", "rollout/ep_rew_mean", "trainer.minibatch_size", "trainer.learning_rate"]
    assert [row[:2] for row in table[1:]] == [
        [best, f"{means[best]:.6g}"],
        [other, f"{means[other]:.6g}"],
        ["sw-002", "failed"],
    ]
    assert lines[-2:] == [
        f"best: {best}",
        f"trainer.minibatch_size=64 trainer.learning_rate={rates[int(best[-1])]}",
    ]
    assert said.count("trial ") == 2

    before = contents(tmp_path)
    again, said = swept(tmp_path, *arguments, "trials=3")
    assert contents(tmp_path) == before
    assert [line.removesuffix("  (read)") for line in again] == lines
    assert (sum(line.endswith("(read)") for line in again), "trial " in said) == (2, False)

    least, _ = swept(tmp_path, *arguments, "trials=2", "goal=minimize", "metric=rollout/ep_len_mean")
    lengths = {run: last_mean(tmp_path / run, "rollout/ep_len_mean") for run in means}
    assert least[-2] == f"best: {min(lengths, key=lambda run: lengths[run])}"
    assert contents(tmp_path) == before

    _, said = swept(tmp_path, *arguments, "trials=2", "trainer.gamma=0.5", code=1)
    assert "gridrl: run sw-000 was trained with trainer.gamma=0.99, not 0.5\nhint: choose another name" in said
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["metric=rollout/ep_reward_mean"], "logs 'rollout/ep_reward_mean'\nhint: did you mean rollout/ep_rew_mean"),
        (["metric=rollout/term/hart"], "logs 'rollout/term/hart'\nhint: did you mean rollout/term/heart"),
        (
            ["metric=eval/return_mean"],
            "logs 'eval/return_mean'\nhint: trainer.components.evaluator.enabled=true has it logged",
        ),
        (["metric="], "logs ''\nhint: there is rollout/ep_rew_mean, "),
    ],
)
@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_a_metric_that_no_trial_can_log_is_refused_before_the_first(
    settings: list[str],
    words: str,
    dry: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("GRIDRL_RUNS", str(tmp_path))

    assert main(["sweep", "arena", "trainer.total_steps=1024", *settings, *dry]) == 2

    assert f"metric: no run of this {words}" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_metric_that_one_trial_alone_logs_is_known() -> None:
    switch = {"key": "trainer.components.evaluator.enabled", "choices": ["false", "true"]}

    space = checked_space(config_of(switch, sampler="grid", metric="eval/return_mean"))

    assert space.grid_size == 2


@pytest.mark.slow
def test_a_metric_that_was_never_logged_ends_the_sweep_after_the_first_trial(tmp_path: Path) -> None:
    arguments = [f"parameters=[{json.dumps(RATES)}]", "trials=2", "trainer.components.evaluator.enabled=true"]

    _, said = swept(tmp_path, *arguments, "metric=eval/return_mean", code=2)

    assert [path.name for path in tmp_path.iterdir()] == ["sw-000"]
    assert "metric: run sw-000 logged no 'eval/return_mean'\nhint: " in said

    lines, said = swept(tmp_path, *arguments)
    assert (lines[2].endswith("(read)"), said.count("trial ")) == (True, 1)  # the first is not lost


def test_a_sweep_without_a_trial_that_works_fails(tmp_path: Path) -> None:
    sizes = {"key": "trainer.minibatch_size", "choices": [48]}
    maps = {"key": "map", "choices": ["arena_small"]}

    for parameter, words in ((sizes, "does not divide"), (maps, "arena_small, line ")):
        lines, said = swept(tmp_path, f"parameters=[{json.dumps(parameter)}]", "trials=2", code=1)
        assert [words in line for line in lines[2:4]] == [True, True]
        assert said == "gridrl: no trial came to an end\nhint: the words beside each say why\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_signal_saves_the_trial_at_hand_and_the_sweep_can_go_on(tmp_path: Path) -> None:
    steps = {"key": "trainer.total_steps", "choices": ["1024", "1000000000000"]}
    arguments = ["sweep", "navigation", *TINY, "run=sw", "sampler=grid", f"parameters=[{json.dumps(steps)}]"]

    interrupted(started(tmp_path, *arguments), tmp_path / "sw-001")
    finished = contents(tmp_path / "sw-000")
    interrupted(started(tmp_path, *arguments), tmp_path / "sw-001-2")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["sw-000", "sw-001", "sw-001-2"]
    assert RunDirectory(tmp_path / "sw-000").state().status is RunState.FINISHED
    assert contents(tmp_path / "sw-000") == finished


def interrupted(process: subprocess.Popen[str], path: Path) -> None:
    """Ctrl-C once the run has learnt something."""
    directory = RunDirectory(path)
    while not (path.exists() and directory.read_metrics()):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=TIMEOUT_S)

    assert process.returncode == 130, said
    assert "stopping, with a checkpoint" in said
    assert "run=sw goes on from here" in said
    assert "best: sw-000" in said
    assert directory.state().status is RunState.STOPPED
    assert directory.latest_checkpoint() is not None


def test_a_run_of_another_process_is_left_alone(tmp_path: Path) -> None:
    arguments = [
        "sweep",
        "navigation",
        *TINY,
        "run=sw",
        f"parameters=[{json.dumps(RATES)}]",
        "trainer.total_steps=1e12",
    ]
    process = started(tmp_path, *arguments)
    while not (tmp_path / "sw-000").exists() or not RunDirectory(tmp_path / "sw-000").read_metrics():
        assert process.poll() is None

    done = here(tmp_path, *arguments)

    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=TIMEOUT_S)
    assert (done.returncode, process.returncode) == (1, 143), said
    assert "run sw-000 is being trained by another process" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["sw-000"]


# ---- The page


def test_the_settings_of_the_page_are_those_of_the_program(tmp_path: Path) -> None:
    commands = re.findall(r"^\$ gridrl ((?:.*\\\n)*.*)$", PAGE, re.MULTILINE)
    assert commands
    for command in commands:
        done = here(tmp_path, *shlex.split(command.replace("\\\n", "")), "--dry-run")
        assert done.returncode == 0, done.stderr

    keys = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert set(keys) == {*Parameter.model_fields, *SweepConfig.model_fields} - {
        "rules", "map", "more_maps", "scatters", "trainer",
    }  # fmt: skip


def test_a_sweep_in_a_file_is_the_one_of_the_page(tmp_path: Path) -> None:
    block = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)[0]
    (tmp_path / "tuned.yaml").write_text(block)

    config = resolve_tool("sweep", str(tmp_path / "tuned.yaml"), [], {}).config

    assert isinstance(config, SweepConfig)
    assert len(list(Space(config).trials())) == config.trials
    assert len(config.parameters) == 3

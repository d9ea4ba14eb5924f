"""Several processes train as one: the same weights and figures, one writer, and none is left behind when one dies."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.errors import ConfigError
from engine.runs import RunDirectory, RunState, load_checkpoint
from engine.training.ranks import Ranks
from engine.training.torchrun import Place, place_of, require_shares

from .drawn import small_config
from .ranked import SETTINGS, train

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 240  # torch may take a while to load on a busy machine
CLOSE = 1e-5
TRAIN = (
    "train",
    "navigation",
    "trainer.env_count=16",
    "trainer.horizon=16",
    "trainer.minibatch_size=64",
    "trainer.checkpoint_every_s=0.001",
)


def environment(rank: int, port: int, runs: Path) -> dict[str, str]:
    """What torchrun says to a process."""
    places = {"RANK": rank, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": 1}
    paths = {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}", "GRIDRL_RUNS": str(runs)}
    return {**os.environ, **paths, **{name: str(value) for name, value in places.items()}}


@contextmanager
def two_ranks(runs: Path, *arguments: str) -> Iterator[list[subprocess.Popen[str]]]:
    """Two processes of `python ARGUMENTS`; none outlives the block."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    processes = [
        subprocess.Popen(
            [sys.executable, *arguments],
            env=environment(rank, port, runs),
            cwd=runs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        for rank in range(2)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def ended(runs: Path, *arguments: str) -> list[str]:
    """What both printed on stdout, once both have ended well."""
    with two_ranks(runs, *arguments) as processes:
        results = [process.communicate(timeout=TIMEOUT_S) for process in processes]
        assert [process.returncode for process in processes] == [0, 0], results
    return [out for out, _ in results]


def saved(path: Path) -> dict[str, NDArray[Any]]:
    return load_checkpoint(path / "checkpoints")[0]


def figures(path: Path) -> list[tuple[int, dict[str, float]]]:
    """What was logged but for clocks."""
    lines = RunDirectory(path).read_metrics()
    ours = ("rollout/", "train/", "eval/", "seeker/", "maps/")
    return [(line.step, {k: v for k, v in line.values.items() if k.startswith(ours)}) for line in lines]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs of all settings, by two ranks, twice."""
    folder = tmp_path_factory.mktemp("ranks")
    ended(folder, "-m", "training.ranked", str(folder))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_two_ranks_are_as_one_with_the_same_batch(folder: Path, name: str) -> None:
    train(folder / name, name, "one", Ranks())

    one, two = (saved(folder / name / run) for run in ("one", "two"))
    learnt = [tensor for tensor in sorted(one) if not tensor.startswith("envs.")]  # which are cut otherwise
    assert learnt == [tensor for tensor in sorted(two) if not tensor.startswith("envs.")]
    for tensor in learnt:
        np.testing.assert_allclose(two[tensor].astype(float), one[tensor].astype(float), atol=CLOSE, err_msg=tensor)
    for (step, ours), (same, theirs) in zip(*(figures(folder / name / run) for run in ("one", "two")), strict=True):
        assert step == same
        assert ours == pytest.approx(theirs, abs=CLOSE, rel=CLOSE)


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_two_ranks_repeat_themselves_bit_for_bit(folder: Path, name: str) -> None:
    once, again = (saved(folder / name / run) for run in ("two", "again"))

    assert once.keys() == again.keys()
    assert all(np.array_equal(once[tensor], again[tensor]) for tensor in once)


@pytest.mark.slow
def test_a_component_that_fails_on_the_first_rank_leaves_both_in_step(folder: Path) -> None:
    run = RunDirectory(folder / "a component fails" / "two")

    assert [line.values["train/updates"] for line in run.read_metrics()] == [6.0, 6.0, 4.0, 4.0]  # of 2 minibatches
    warnings = [event["message"] for event in run.read_events() if event["kind"] == "warning"]
    assert warnings == ["failing failed in on_rollout_end and is switched off: ValueError: no"]
    assert [info.step for info in run.checkpoints()] == [256, 512, 1024]


@pytest.mark.slow
def test_episodes_of_all_ranks_are_reported_however_many_each_has(folder: Path) -> None:
    train(folder / "episodes", "feed-forward", "one", Ranks())

    def finished(path: Path) -> list[tuple[int, int, int]]:
        return sorted((row["env"], row["episode"], row["length"]) for row in RunDirectory(path).read_episodes())

    two = finished(folder / "feed-forward" / "two")
    assert two == finished(folder / "episodes" / "one")
    counts = [sum(env // 8 == rank for env, *_ in two) for rank in range(2)]
    assert min(counts) > 0
    assert counts[0] != counts[1]


@pytest.mark.slow
def test_torchrun_trains_one_run_and_only_the_first_rank_prints(tmp_path: Path) -> None:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]

    done = subprocess.run(
        [*torchrun, "-m", "engine.cli", *TRAIN, "trainer.total_steps=2048", "run=ours"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "GRIDRL_RUNS": str(tmp_path), "OMP_NUM_THREADS": "1"},
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_S,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("finished at 2,048 of 2,048 steps") == 1
    assert done.stdout.count("folder") == 2  # at the beginning and at the end
    assert [path.name for path in tmp_path.iterdir()] == ["ours"]
    assert RunDirectory(tmp_path / "ours").state().status is RunState.FINISHED


STEPS = "trainer.total_steps=20480"


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two ranks that nobody killed."""
    runs = tmp_path_factory.mktemp("calm")
    ended(runs, "-m", "engine.cli", *TRAIN, STEPS, "run=calm")
    return runs / "calm"


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_rank_ends_the_other_and_the_run_goes_on_as_if_nothing_had_been(
    tmp_path: Path, calm: Path, victim: int
) -> None:
    with two_ranks(tmp_path, "-m", "engine.cli", *TRAIN, STEPS, "run=killed") as processes:
        wait_for_figures(processes[0])
        while not RunDirectory(tmp_path / "killed").checkpoints():
            assert processes[0].poll() is None
        processes[victim].send_signal(signal.SIGKILL)
        survivor = processes[1 - victim]
        _, complaint = survivor.communicate(timeout=TIMEOUT_S)

    assert survivor.returncode == 1
    complaints = [text for text in complaint.splitlines() if text.startswith("gridrl: ")]
    assert len(complaints) == 1
    assert "another rank has ended" in complaints[0]
    assert "Traceback" not in complaint
    run = RunDirectory(tmp_path / "killed")
    assert run.state().status is RunState.FAILED
    ended(tmp_path, "-m", "engine.cli", "resume", "killed")
    left_alone, killed = saved(calm), saved(run.path)
    assert left_alone.keys() == killed.keys()
    assert all(np.array_equal(left_alone[name], killed[name]) for name in killed)


@pytest.mark.slow
def test_a_stop_of_the_first_rank_stops_both_with_a_checkpoint_that_one_alone_can_go_on_from(tmp_path: Path) -> None:
    with two_ranks(tmp_path, "-m", "engine.cli", *TRAIN, "trainer.total_steps=1e9", "run=ours") as processes:
        wait_for_figures(processes[0])
        processes[0].send_signal(signal.SIGTERM)
        for process in processes:
            process.communicate(timeout=TIMEOUT_S)

    assert [process.returncode for process in processes] == [128 + signal.SIGTERM, 0]
    run = RunDirectory(tmp_path / "ours")
    assert run.state().status is RunState.STOPPED
    step = run.checkpoints()[-1].step
    assert step == run.state().step
    alone = {name: text for name, text in environment(0, 0, tmp_path).items() if name not in ("RANK", "WORLD_SIZE")}
    more = f"trainer.total_steps={step + 256}"
    command = [sys.executable, "-m", "engine.cli", "resume", "ours", more]
    subprocess.run(command, env=alone, cwd=tmp_path, check=True, capture_output=True, timeout=TIMEOUT_S)
    assert run.state().status is RunState.FINISHED
    assert run.checkpoints()[-1].step == step + 256


def wait_for_figures(process: subprocess.Popen[str]) -> None:
    """Read until the first line of figures: by then a checkpoint is saved, or about to be."""
    assert process.stdout is not None
    for text in process.stdout:
        if text.split()[0].replace(",", "").isdigit():
            return
    assert process.stderr is not None
    raise AssertionError(process.stderr.read())


PLACED = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}


def test_a_place_is_what_torchrun_says() -> None:
    assert place_of(PLACED) == Place(1, 2)
    assert place_of({}) == Place() == place_of({"WORLD_SIZE": "1"})


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"WORLD_SIZE": "two"}, "'two', no whole number"),
        ({"WORLD_SIZE": "0"}, "1 or more"),
        ({"RANK": ""}, "RANK is missing"),
        ({"RANK": "2"}, "ranks 0 to 1"),
        ({"RANK": "-1"}, "ranks 0 to 1"),
        ({"MASTER_ADDR": ""}, "MASTER_ADDR does not say"),
        ({"MASTER_PORT": "0"}, "no port"),
        ({"MASTER_PORT": "http"}, "'http', no whole number"),
    ],
)
def test_a_place_that_torchrun_would_not_say_is_refused(wrong: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        place_of({**PLACED, **wrong})


def test_envs_that_ranks_cannot_share_are_refused_with_a_number_that_works() -> None:
    config = small_config(env_count=30, horizon=16, minibatch_size=96, learner_threads=2)

    with pytest.raises(ConfigError, match="2 ranks x 2 learner_threads = 4 shares") as refused:
        require_shares(config, 1, Place(0, 2))

    assert refused.value.hint == "trainer.env_count=24 makes 6 for each"
    fitting = config.model_copy(update={"env_count": 24})
    fitting.require_fit(1)
    require_shares(fitting, 1, Place(0, 2))

"""gridrl upload: what lies there afterwards is what lay here, whole, and chosen by the same words."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engine.runs import RunWriter, list_checkpoints, load_checkpoint
from engine.runs.finding import find_checkpoints

from .buckets import BUCKET, Bucket, s3_server
from .console import gridrl, has_controls, here

REWARD = {64: 9.0, 128: 3.0}


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with a run of two checkpoints, and an empty cache."""
    monkeypatch.setenv("GRIDRL_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "runs"
    with RunWriter.create(root, "otter", {}, {}) as writer:
        for step, reward in REWARD.items():
            writer.metrics(step, {"rollout/reward": reward})
            writer.checkpoint(step, {"x": np.full(20, step, np.float32)}, {}, best=step == 64)
    return root


def test_to_a_bucket_and_back(runs: Path) -> None:
    pytest.importorskip("moto", reason="moto[server] is not installed")
    place = f"s3://{BUCKET}/lab/otter"
    with s3_server():
        bucket = Bucket()
        first = gridrl(runs, "upload", "otter:all", place)
        names = bucket.names()
        again = gridrl(runs, "upload", "otter:all", place)
        back = gridrl(runs, "fetch", f"{place}:best")
        top = gridrl(runs, "fetch", f"{place}:top:1:rollout/reward")

    assert (first.returncode, first.stdout) == (0, f"{place}:v64\n{place}:v128\n"), first.stderr
    assert again.stdout == f"{place}:v64 was there already\n{place}:v128 was there already\n"
    ends = (".json", ".metrics.json", ".safetensors")
    assert names == ["lab/otter/BEST", *(f"lab/otter/ck-{step:012d}{end}" for step in REWARD for end in ends)]
    assert back.stdout == top.stdout
    assert load_checkpoint(Path(back.stdout.strip()))[0]["x"].tolist() == [64.0] * 20


def test_to_a_directory_that_is_read_as_a_run_is(runs: Path, tmp_path: Path) -> None:
    there = tmp_path / "shared" / "otter"

    done = here(runs, "upload", "otter:all", str(there))

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{there}:v64\n{there}:v128\n"
    assert [info.step for info in list_checkpoints(there)] == [64, 128]
    for choice, steps in ((":best", [64]), ("", [128]), (":top:1:rollout/reward", [64])):
        found = find_checkpoints(f"{there}{choice}", pytest.fail)
        assert [int(each.path.stem[3:]) for each in found] == steps
    metrics = json.loads((there / "ck-000000000128.metrics.json").read_text())
    assert metrics == {"rollout/reward": 3.0}


def test_from_one_place_to_another(runs: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    here(runs, "upload", "otter:best", str(first))

    done = here(runs, "upload", f"file://{first}", f"file://{second}")

    assert done.returncode == 0, done.stderr
    assert {path.name: path.read_bytes() for path in first.iterdir()} == {
        path.name: path.read_bytes() for path in second.iterdir()
    }


def test_what_is_damaged_does_not_leave(runs: Path, tmp_path: Path) -> None:
    path = runs / "otter" / "checkpoints" / "ck-000000000064.safetensors"
    path.write_bytes(path.read_bytes()[:-4] + b"abcd")

    done = here(runs, "upload", "otter:v64", str(tmp_path / "there"))

    assert done.returncode == 1
    assert "its content does not match its hash" in done.stderr
    assert not (tmp_path / "there").exists()


def test_what_cannot_be_written_is_said(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    done = here(runs, "upload", "otter", str(tmp_path / "file"))

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("gridrl: cannot read ")


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("ssh://box/otter", "ssh://box/otter: nothing is written on another machine"),
        ("s3://bucket/x:v64", "a place, and not one checkpoint of it, is needed"),
        ("there@best", "a place, and not one checkpoint of it, is needed"),
        ("file://", "a place, and not one checkpoint of it, is needed"),
        ("s3://key:hush@bucket/x", "s3://***@bucket/x: that is no bucket's name"),
        ("wandb://lab/otter", "that is no place of Weights & Biases"),
        ("gopher://x", "that is no place to upload to"),
        ("x://\x1b[2J", "that is no place to upload to"),
    ],
)
def test_a_place_that_is_none_is_refused_in_words(place: str, words: str, runs: Path) -> None:
    done = here(runs, "upload", "otter", place)

    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert done.stderr.count("\n") == 2
    assert not has_controls(done.stderr)
    assert "hush" not in done.stderr

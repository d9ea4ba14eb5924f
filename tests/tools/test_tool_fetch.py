"""gridrl fetch: paths on stdout, words on stderr, and the other end of a pipe."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from engine.runs import RunWriter, load_checkpoint
from engine.runs.stores import DirectoryTarget, Parcel, put_checkpoint

from .buckets import BUCKET, Bucket, s3_server
from .console import TIMEOUT_S, command, environment, gridrl, has_controls, here

ESCAPE = "\x1b]52;c;cm0gLXJm\x07\u202e"


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with a run of two checkpoints, and an empty cache."""
    monkeypatch.setenv("GRIDRL_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "runs"
    with RunWriter.create(root, "otter", {}, {}) as writer:
        for step in (64, 128):
            writer.checkpoint(step, {"x": np.full(2000, step, np.float32)}, {}, best=step == 64)
    return root


def checkpoint(runs: Path, step: int) -> Path:
    return runs / "otter" / "checkpoints" / f"ck-{step:012d}.safetensors"


def test_what_is_here_is_named_and_not_copied(runs: Path, tmp_path: Path) -> None:
    done = here(runs, "fetch", "otter:all")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [str(checkpoint(runs, 64)), str(checkpoint(runs, 128))]
    assert not (tmp_path / "cache").exists()


def test_what_is_in_a_bucket_is_fetched_once(runs: Path, tmp_path: Path) -> None:
    pytest.importorskip("moto", reason="moto[server] is not installed")
    with s3_server():
        bucket = Bucket()
        for step in (64, 128):
            for end in (".safetensors", ".json"):
                path = checkpoint(runs, step).with_suffix(end)
                bucket.put(f"a/{path.name}", path.read_bytes())
        first = gridrl(runs, "fetch", f"s3://{BUCKET}/a:v64")
        second = gridrl(runs, "fetch", f"s3://{BUCKET}/a:v64")

    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert first.stdout == second.stdout
    assert (first.stderr, second.stderr) == (f"fetching s3://{BUCKET}/a:v64, 0.0 MB\n", "")
    assert Path(first.stdout.strip()).is_relative_to(tmp_path / "cache")
    assert load_checkpoint(Path(first.stdout.strip()))[0]["x"].tolist() == [64.0] * 2000


def test_the_other_end_of_a_pipe_is_served(runs: Path) -> None:
    path = checkpoint(runs, 64)
    with subprocess.Popen(
        command("fetch", "--to-stdout", "otter:best"),
        env=environment(runs),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        out, err = process.communicate(b"send\n", timeout=TIMEOUT_S)

    manifest = path.with_suffix(".json").read_bytes()
    assert (process.returncode, err) == (0, b"")
    expected = b'gridrl-checkpoints 1\n{"step": 64, "manifest": %d}\n' % len(manifest)
    assert out == expected + manifest + path.read_bytes() + b'{"end": 1}\n'


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("oter", "gridrl: no run is called 'oter'\nhint: did you mean otter?\n"),
        ("otter:v65", "gridrl: run otter has no checkpoint v65\nhint: there is v64, v128\n"),
        ("gopher://x/y", "gridrl: gopher://x/y: that is no place of checkpoints\n"),
        ("ssh://-x/y", "gridrl: '-x' is no host\n"),
    ],
)
def test_what_is_not_there_is_two_lines(uri: str, words: str, runs: Path) -> None:
    done = here(runs, "fetch", uri)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(words)
    assert done.stderr.count("\n") == 2


@pytest.mark.parametrize("head", ["", "./", "s3://", "s3://bucket/", "wandb://", "ssh://", "ssh://box/", "x://"])
def test_the_words_reach_a_terminal_harmless(head: str, runs: Path) -> None:
    done = here(runs, "fetch", f"{head}{ESCAPE}")

    assert done.returncode in (1, 2)
    assert not has_controls(done.stderr)


def test_a_name_of_a_directory_that_a_terminal_would_obey_is_shown_harmless(runs: Path, tmp_path: Path) -> None:
    home = tmp_path / ESCAPE
    put_checkpoint(DirectoryTarget(home), Parcel(checkpoint(runs, 64), {}))

    done = here(runs, "fetch", f"{home}")

    assert done.returncode == 0, done.stderr
    assert not has_controls(done.stdout)
    assert os.path.basename(done.stdout.strip()) == "ck-000000000064.safetensors"

"""URIs: each text means one thing, and a choice chooses exactly what it says."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import GridrlError, RunError, UsageError
from engine.runs import RunWriter, list_checkpoints, save_checkpoint
from engine.runs.finding import UnknownRun, find_checkpoints, scores_of
from engine.runs.stores import DirectoryTarget, Parcel, put_checkpoint
from engine.runs.uris import MAX_CHOSEN, Choice, read_uri, shown

READ = {
    "otter": ("", "otter", "latest"),
    "otter:latest": ("", "otter", "latest"),
    "otter@best": ("", "otter", "best"),
    "otter:v0": ("", "otter", "v0"),
    "otter:v00064": ("", "otter", "v64"),
    "otter@all": ("", "otter", "all"),
    "otter:v1..v64": ("", "otter", "v1..v64"),
    "otter:v1..64": ("", "otter", "v1..v64"),
    "otter:top:3:rollout/ep_rew_mean": ("", "otter", "top:3:rollout/ep_rew_mean"),
    "otter@top:3:eval/return_mean": ("", "otter", "top:3:eval/return_mean"),
    "a/b:v1": ("", "a/b", "v1"),
    "file:///a/b@v1": ("file", "/a/b", "v1"),
    "FILE:///a/b": ("file", "/a/b", "latest"),
    "s3://bucket/a/b:best": ("s3", "bucket/a/b", "best"),
    "ssh://me@box/otter@v64": ("ssh", "me@box/otter", "v64"),
    "ssh://me@box/otter": ("ssh", "me@box/otter", "latest"),
    "wandb://lab/maze/otter:all": ("wandb", "lab/maze/otter", "all"),
    # What looks a little like a choice is part of the name.
    "otter:V1": ("", "otter:V1", "latest"),
    "otter:v": ("", "otter:v", "latest"),
    "otter:v1..": ("", "otter:v1..", "latest"),
    "otter:top:3": ("", "otter:top:3", "latest"),
    "otter:top:x:a": ("", "otter:top:x:a", "latest"),
    "otter:latest ": ("", "otter:latest ", "latest"),
    "otter:v1\n": ("", "otter:v1\n", "latest"),
    "otter:v" + "1" * 19: ("", "otter:v" + "1" * 19, "latest"),
    "": ("", "", "latest"),
}


@pytest.mark.parametrize("text", READ)
def test_a_text_is_a_scheme_a_place_and_a_choice(text: str) -> None:
    uri = read_uri(text)

    assert (uri.scheme, uri.place, str(uri.choice)) == READ[text]
    assert uri.text == text


@given(st.text(st.sampled_from("a/:@.vtop1379lestb-~\0\n\x1b é"), max_size=40) | st.text())
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    with suppress(UsageError):
        uri = read_uri(text)
        assert uri.text.lower().startswith(uri.base.lower())


def test_a_password_is_never_shown() -> None:
    assert shown("s3://key:hush@bucket/x") == "s3://***@bucket/x"
    assert shown("ssh://me@box/x") == "ssh://me@box/x"
    assert "hush" not in shown("ssh://a:hush@b/c and wandb://key:hush@d")


# ---- Choosing

REWARD = {64: 1.0, 128: 5.0, 256: math.nan, 512: 5.0, 1024: 2.0}
"""rollout/reward at each checkpoint of `otter`; at 256 there is no number, so that of 128 still holds."""


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with a run of five checkpoints whose best is the one of 512, and one without any."""
    root = tmp_path / "runs"
    monkeypatch.setenv("GRIDRL_RUNS", str(root))
    monkeypatch.chdir(tmp_path)
    with RunWriter.create(root, "otter", {}, {}) as writer:
        for step, reward in REWARD.items():
            writer.metrics(step, {"rollout/reward": reward, **({"eval/late": step / 2} if step >= 512 else {})})
            writer.checkpoint(step, {"x": np.full(3, step, np.float32)}, {}, best=step == 512)
        writer.metrics(2048, {"rollout/reward": 100.0})  # after the last checkpoint: counts for none
    RunWriter.create(root, "newborn", {}, {}).close()
    return root


def steps(text: str) -> list[int]:
    return [int(found.path.stem.removeprefix("ck-")) for found in find_checkpoints(text, pytest.fail)]


CHOSEN = {
    "otter": [1024],
    "otter:best": [512],
    "otter:v256": [256],
    "otter:all": [64, 128, 256, 512, 1024],
    "otter:v65..v512": [128, 256, 512],
    "otter:v0..v64": [64],
    "otter:top:1:rollout/reward": [512],  # of equals the later
    "otter:top:3:rollout/reward": [512, 256, 128],
    "otter:top:64:rollout/reward": [512, 256, 128, 1024, 64],
    "otter:top:9:eval/late": [1024, 512],  # the others were made before there was such a number
    "runs/otter:top:1:rollout/reward": [512],
    "runs/otter/checkpoints:top:1:rollout/reward": [512],
    "file://runs/otter@all": [64, 128, 256, 512, 1024],
}


@pytest.mark.parametrize("text", CHOSEN)
def test_a_choice_chooses_what_it_says(text: str, runs: Path) -> None:
    assert steps(text) == CHOSEN[text]


def test_several_are_called_by_their_own_numbers(runs: Path) -> None:
    assert [found.name for found in find_checkpoints("otter@v64..v200", pytest.fail)] == ["otter@v64", "otter@v128"]
    assert [found.name for found in find_checkpoints("otter:best", pytest.fail)] == ["otter:best"]


REFUSED = {
    "otter:v65..v70": ("run otter has no checkpoint v65..v70", "there is v64, v128"),
    "otter:v65": ("run otter has no checkpoint v65", "there is v64, v128"),
    "otter:top:2:reward": ("no checkpoint of run otter has a metric reward", "there is rollout/reward"),
    "otter:top:2:nonsense": ("no checkpoint of run otter has a metric nonsense", "eval/late, rollout/reward"),
    "newborn:all": ("run newborn has no checkpoint yet", "saves one when it ends"),
    "newborn:top:1:a": ("run newborn has no checkpoint yet", "saves one when it ends"),
    "runs:best": ("no run is called 'runs'", ""),
    "runs/otter/checkpoints/ck-000000000064.safetensors:best": ("there is no checkpoint", "name a run"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_chooses_nothing_is_refused(text: str, runs: Path) -> None:
    message, hint = REFUSED[text]

    with pytest.raises(UsageError) as caught:
        find_checkpoints(text, pytest.fail)

    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_run_that_is_not_there_names_the_nearest(runs: Path) -> None:
    with pytest.raises(UnknownRun) as caught:
        find_checkpoints("oter:best", pytest.fail)

    assert (caught.value.message, caught.value.hint) == ("no run is called 'oter'", "did you mean otter?")


def test_more_than_a_table_holds_is_refused(tmp_path: Path) -> None:
    for step in range(MAX_CHOSEN + 1):
        save_checkpoint(tmp_path, step, {"x": np.zeros(1, np.float32)}, {}, keep=100)

    with pytest.raises(UsageError, match=f"chooses {MAX_CHOSEN + 1} checkpoints") as caught:
        find_checkpoints(f"{tmp_path}:all", pytest.fail)

    assert len(find_checkpoints(f"{tmp_path}:{caught.value.hint.split()[5].rstrip(',')}", pytest.fail)) == MAX_CHOSEN


def test_the_metrics_of_a_checkpoint_are_the_last_up_to_its_step(runs: Path) -> None:
    checkpoints = runs / "otter" / "checkpoints"

    assert scores_of(checkpoints / "ck-000000000256.safetensors") == {"rollout/reward": 5.0}
    assert scores_of(checkpoints / "ck-000000001024.safetensors") == {"rollout/reward": 2.0, "eval/late": 512.0}


def test_what_a_resume_took_again_counts_no_more(runs: Path) -> None:
    with RunWriter.resume(runs / "otter") as writer:
        writer.metrics(512, {"rollout/reward": 0.5})

    assert steps("otter:top:1:rollout/reward") == [256]


class Cut(DirectoryTarget):
    """A place to which the line breaks after so many files."""

    def __init__(self, directory: Path, files: int) -> None:
        super().__init__(directory)
        self.left = files

    def write(self, name: str, data: bytes) -> None:
        if self.left == 0:
            raise RunError("the line broke")
        self.left -= 1
        super().write(name, data)


def test_an_upload_cut_off_anywhere_is_whole_or_not_there(runs: Path, tmp_path: Path) -> None:
    path = runs / "otter" / "checkpoints" / "ck-000000000512.safetensors"
    parcel = Parcel(path, scores_of(path))
    there = []
    for files in range(4):
        place = tmp_path / f"after{files}"
        with pytest.raises(RunError, match="the line broke"):
            put_checkpoint(Cut(place, files), parcel)
        found = list_checkpoints(place)
        there.append(len(found))
        assert put_checkpoint(DirectoryTarget(place), parcel) == (files < 3)
        assert find_checkpoints(f"{place}:best", pytest.fail)[0].path.read_bytes() == path.read_bytes()

    assert there == [0, 0, 0, 1]  # tensors, metrics, manifest, BEST


@pytest.mark.parametrize("choice", [Choice("best"), Choice("range", 3, 9), Choice("top", count=2, metric="a/b")])
def test_a_choice_says_itself_as_it_is_read(choice: Choice) -> None:
    assert read_uri(f"otter:{choice}").choice == choice


def test_words_of_errors_are_of_a_bounded_length(runs: Path) -> None:
    for text in ("x" * 5000, "s3://" + "b" * 5000, "ssh://" + "h" * 5000 + "/otter", "wandb://" + "x" * 5000):
        with pytest.raises(GridrlError) as caught:
            find_checkpoints(text, pytest.fail)

        assert len(str(caught.value)) < 400

"""Checkpoints: what comes back is what was saved, or a refusal in words."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import save

from engine.errors import CheckpointError, RunError
from engine.runs import checkpoints as run_checkpoints
from engine.runs import files as run_files
from engine.runs import latest_checkpoint, list_checkpoints, load_checkpoint, save_checkpoint
from engine.runs.checkpoints import MAX_TENSOR_BYTES, _sealed, best_checkpoint, mark_best

TENSORS = {"policy.weight": np.arange(12, dtype=np.float32).reshape(3, 4), "steps": np.array(7, dtype=np.int64)}


def saved(directory: Path, step: int = 100) -> Path:
    return save_checkpoint(directory, step, TENSORS, {"game": "arena"})


def forge(path: Path, manifest: dict[str, Any]) -> None:
    """A manifest whose seal is right, as an attacker would make it."""
    path.with_suffix(".json").write_bytes(_sealed(manifest))


def test_tensors_and_meta_come_back(tmp_path: Path) -> None:
    tensors, manifest = load_checkpoint(saved(tmp_path))

    assert tensors.keys() == TENSORS.keys()
    for name, array in TENSORS.items():
        assert tensors[name].dtype == array.dtype
        assert tensors[name].shape == array.shape
        assert np.array_equal(tensors[name], array)
    assert (manifest["step"], manifest["meta"]) == (100, {"game": "arena"})


def test_torch_tensors_are_saved_and_come_back_as_arrays(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    weight = torch.arange(6, dtype=torch.float32).reshape(2, 3).t().requires_grad_()

    path = save_checkpoint(tmp_path, 1, {"w": weight, "scalar": torch.tensor(3)}, {})

    tensors, _ = load_checkpoint(path)
    assert tensors["w"].tolist() == weight.tolist()
    assert tensors["scalar"].shape == ()


def test_a_tensor_that_numpy_cannot_hold_is_refused(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")

    with pytest.raises(CheckpointError, match="cannot be saved"):
        save_checkpoint(tmp_path, 1, {"w": torch.zeros(2, dtype=torch.bfloat16)}, {})
    with pytest.raises(CheckpointError, match="cannot be saved"):
        save_checkpoint(tmp_path, 1, {"w": np.array([object()])}, {})

    assert list(tmp_path.iterdir()) == []


arrays = hnp.arrays(
    st.sampled_from([np.float32, np.float64, np.int64, np.int32, np.uint8, np.bool_, np.float16]),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20), arrays, max_size=5))
@settings(max_examples=50, deadline=None)
def test_any_arrays_come_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, tensors: dict[str, np.ndarray[Any, Any]]
) -> None:
    tensors.pop("__metadata__", None)
    path = save_checkpoint(tmp_path_factory.mktemp("ck"), 1, tensors, {})

    loaded, _ = load_checkpoint(path)

    assert {name: (a.dtype, a.shape, a.tobytes()) for name, a in loaded.items()} == {
        name: (a.dtype, a.shape, a.tobytes()) for name, a in tensors.items()
    }


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
def test_every_flipped_bit_is_refused(tmp_path: Path, suffix: str) -> None:
    path = saved(tmp_path)
    damaged = path.with_suffix(suffix)
    good = damaged.read_bytes()
    dice = random.Random(1)

    for position in range(len(good)):
        flipped = bytearray(good)
        flipped[position] ^= 1 << dice.randrange(8)
        damaged.write_bytes(flipped)
        with pytest.raises(CheckpointError):
            load_checkpoint(path)

    damaged.write_bytes(good)
    load_checkpoint(path)


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
def test_every_cut_and_every_appended_byte_is_refused(tmp_path: Path, suffix: str) -> None:
    path = saved(tmp_path)
    damaged = path.with_suffix(suffix)
    good = damaged.read_bytes()

    for content in [*(good[:cut] for cut in range(len(good))), good + b"\n", good + b"\x00"]:
        damaged.write_bytes(content)
        with pytest.raises(CheckpointError):
            load_checkpoint(path)


@pytest.mark.parametrize(
    "tensor",
    [
        {"dtype": "float32", "shape": [2**33, 2**33]},
        {"dtype": "float32", "shape": [MAX_TENSOR_BYTES // 4 + 1]},
        {"dtype": "float32", "shape": [-1, -4]},
        {"dtype": "float32", "shape": [True]},
        {"dtype": "float32", "shape": [1.5]},
        {"dtype": "float32", "shape": [1] * 9},
        {"dtype": "float32", "shape": "12"},
        {"dtype": "object", "shape": [12]},
        {"dtype": ["float32"], "shape": [12]},
        {"dtype": "float32"},
        [],
    ],
)
def test_impossible_and_oversize_shapes_are_refused_before_anything_is_allocated(tmp_path: Path, tensor: Any) -> None:
    path = saved(tmp_path)
    _, manifest = load_checkpoint(path)

    forge(path, {**manifest, "tensors": {"policy.weight": tensor}})

    with pytest.raises(CheckpointError):
        load_checkpoint(path)


@pytest.mark.parametrize(
    "change", [{"v": 2}, {"size": 10**15}, {"size": -1}, {"step": "1"}, {"tensors": []}, {"meta": None}]
)
def test_a_manifest_with_a_wrong_field_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    path = saved(tmp_path)
    _, manifest = load_checkpoint(path)

    forge(path, {**manifest, **change})

    with pytest.raises(CheckpointError):
        load_checkpoint(path)


def test_tensors_other_than_the_manifests_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path)
    _, manifest = load_checkpoint(path)
    data = save({"policy.weight": np.zeros((4, 3), np.float32), "steps": np.array(7)})

    path.write_bytes(data)
    forge(path, {**manifest, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()})

    with pytest.raises(CheckpointError, match="not those of its manifest"):
        load_checkpoint(path)


def test_a_file_that_is_no_safetensors_is_refused_though_its_hash_is_right(tmp_path: Path) -> None:
    path = saved(tmp_path)
    _, manifest = load_checkpoint(path)
    data = os.urandom(manifest["size"])

    path.write_bytes(data)
    forge(path, {**manifest, "sha256": hashlib.sha256(data).hexdigest()})

    with pytest.raises(CheckpointError, match="no safetensors"):
        load_checkpoint(path)


def test_shapes_that_the_model_does_not_have_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path)
    shapes = {name: array.shape for name, array in TENSORS.items()}

    load_checkpoint(path, shapes)

    for other in ({**shapes, "policy.weight": (4, 4)}, {"steps": ()}, {**shapes, "more": (1,)}):
        with pytest.raises(CheckpointError, match="does not fit"):
            load_checkpoint(path, other)


def test_too_many_tensors_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path)
    monkeypatch.setattr("engine.runs.checkpoints.MAX_TENSORS", 1)

    with pytest.raises(CheckpointError, match="2 tensors"):
        load_checkpoint(path)


def test_a_checkpoint_that_is_not_there_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot read"):
        load_checkpoint(tmp_path / "ck-000000000001.safetensors")
    with pytest.raises(CheckpointError, match="no checkpoint"):
        load_checkpoint(tmp_path)


def test_a_directory_stands_for_its_latest(tmp_path: Path) -> None:
    saved(tmp_path, 1)
    saved(tmp_path, 2)

    assert load_checkpoint(tmp_path)[1]["step"] == 2


def test_the_last_five_are_kept(tmp_path: Path) -> None:
    kept = []
    for step in range(1, 9):
        saved(tmp_path, step)
        kept.append(len(list_checkpoints(tmp_path)))

    assert kept == [1, 2, 3, 4, 5, 5, 5, 5]
    assert [info.step for info in list_checkpoints(tmp_path)] == [4, 5, 6, 7, 8]
    assert len(list(tmp_path.iterdir())) == 11


def test_a_lower_step_after_a_resume_is_kept_and_is_the_latest(tmp_path: Path) -> None:
    for step in (10, 20, 30):
        saved(tmp_path, step)

    path = save_checkpoint(tmp_path, 15, TENSORS, {}, keep=2)

    assert [info.step for info in list_checkpoints(tmp_path)] == [15, 30]
    assert latest_checkpoint(tmp_path) == path


def test_a_step_saved_again_holds_the_new_tensors(tmp_path: Path) -> None:
    saved(tmp_path, 5)

    path = save_checkpoint(tmp_path, 5, {"other": np.ones(3)}, {})

    assert list(load_checkpoint(path)[0]) == ["other"]


@pytest.mark.parametrize("content", [b"", b"\xff\xff", b"../../etc/passwd", b"ck-000000000099", b"x" * 10_000])
def test_a_damaged_latest_falls_back_to_the_highest_step(tmp_path: Path, content: bytes) -> None:
    saved(tmp_path, 1)
    path = saved(tmp_path, 2)
    (tmp_path / "LATEST").write_bytes(content)

    assert latest_checkpoint(tmp_path) == path


def test_tensors_without_a_manifest_are_no_checkpoint(tmp_path: Path) -> None:
    saved(tmp_path, 1)
    saved(tmp_path, 2).with_suffix(".json").unlink()

    assert [info.step for info in list_checkpoints(tmp_path)] == [1]


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_full_disk_keeps_the_old_checkpoint_even_of_the_same_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = saved(tmp_path)
    before = sorted(tmp_path.iterdir())

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(run_files.os, call, full)
        with pytest.raises(RunError, match="disk is full"):
            save_checkpoint(tmp_path, 100, {"other": np.ones(3)}, {})

    assert sorted(tmp_path.iterdir()) == before
    assert load_checkpoint(path)[0].keys() == TENSORS.keys()


def test_what_json_cannot_hold_in_meta_is_made_plain(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path, 1, {}, {"x": float("nan"), "path": Path("a"), "n": np.float32(1.5)})

    meta = json.loads(path.with_suffix(".json").read_text())["meta"]
    assert meta == {"x": None, "path": "a", "n": 1.5}


def test_the_best_is_kept_beside_the_last_ones(tmp_path: Path) -> None:
    for step in range(1, 9):
        path = save_checkpoint(tmp_path, step, TENSORS, {}, keep=2)
        if step == 3:
            mark_best(path)

    assert [info.step for info in list_checkpoints(tmp_path)] == [3, 7, 8]
    assert best_checkpoint(tmp_path) == tmp_path / "ck-000000000003.safetensors"
    load_checkpoint(tmp_path / "ck-000000000003")


@pytest.mark.parametrize("ends_at", ["BEST", "LATEST"])
def test_an_end_while_the_best_is_saved_loses_neither_it_nor_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends_at: str
) -> None:
    """The process dies just before it points BEST or LATEST at the new one."""
    written = run_checkpoints.replace_file

    def ending(path: Path, *arguments: Any, **settings: Any) -> None:
        if path.name == ends_at:
            raise KeyboardInterrupt
        written(path, *arguments, **settings)

    first = save_checkpoint(tmp_path, 1, TENSORS, {}, keep=1, best=True)
    monkeypatch.setattr(run_checkpoints, "replace_file", ending)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(tmp_path, 2, TENSORS, {}, keep=1, best=True)

    # What a run goes on from never knows of a best that BEST does not name.
    assert latest_checkpoint(tmp_path) == first
    assert best_checkpoint(tmp_path) == (first if ends_at == "BEST" else first.with_stem("ck-000000000002"))


def test_another_best_lets_the_one_before_go(tmp_path: Path) -> None:
    for step in range(1, 9):
        path = save_checkpoint(tmp_path, step, TENSORS, {}, keep=2)
        if step in (1, 5):
            mark_best(path)

    assert [info.step for info in list_checkpoints(tmp_path)] == [5, 7, 8]


def test_a_best_among_the_last_ones_takes_no_further_place(tmp_path: Path) -> None:
    for step in range(1, 5):
        mark_best(save_checkpoint(tmp_path, step, TENSORS, {}, keep=2))

    assert [info.step for info in list_checkpoints(tmp_path)] == [3, 4]


@pytest.mark.parametrize("content", [b"", b"\xff", b"../../etc/passwd", b"a\x00b", b"ck-000000000099"])
def test_a_damaged_best_is_none(tmp_path: Path, content: bytes) -> None:
    mark_best(saved(tmp_path, 1))
    (tmp_path / "BEST").write_bytes(content)

    assert best_checkpoint(tmp_path) is None
    assert best_checkpoint(tmp_path / "missing") is None


def test_what_a_killed_writer_left_is_swept_away_by_the_next_save(tmp_path: Path) -> None:
    leftover = tmp_path / ".ck-000000000001.safetensors.12345.tmp"
    leftover.write_bytes(b"half a checkpoint")

    path = saved(tmp_path, 2)

    assert sorted(p.name for p in tmp_path.iterdir()) == ["LATEST", f"{path.stem}.json", path.name]

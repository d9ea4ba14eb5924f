"""s3:// against a real server: what was uploaded comes back byte for byte, once, or not at all."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tools.buckets import BUCKET, Bucket, s3_server

from engine.errors import CheckpointError, GridrlError, RunError, UsageError
from engine.runs import RunWriter, load_checkpoint
from engine.runs.checkpoints import _sealed
from engine.runs.finding import find_checkpoints, scores_of
from engine.runs.s3 import S3Store
from engine.runs.stores import Parcel, put_checkpoint

pytest.importorskip("moto", reason="moto[server] is not installed")
pytest.importorskip("s3fs", reason="s3fs is not installed")

PLACE = f"s3://{BUCKET}/otter"
REWARD = {64: 3.0, 128: 9.0, 256: 6.0}


@pytest.fixture(scope="module")
def whole_bucket() -> Iterator[Bucket]:
    with s3_server():
        yield Bucket()


@pytest.fixture
def bucket(whole_bucket: Bucket) -> Bucket:
    whole_bucket.empty()
    return whole_bucket


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The checkpoints of a run; the best is the one of 128. The cache is empty."""
    monkeypatch.setenv("GRIDRL_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(1)
    with RunWriter.create(tmp_path, "otter", {}, {}) as writer:
        for step, reward in REWARD.items():
            writer.metrics(step, {"reward": reward})
            writer.checkpoint(step, {"x": rng.random(5000, np.float32)}, {"step": step}, best=step == 128)
    return tmp_path / "otter" / "checkpoints"


def uploaded(run: Path, *steps: int, place: str = PLACE) -> None:
    store = S3Store(place, place.removeprefix("s3://"))
    for step in steps or REWARD:
        path = run / f"ck-{step:012d}.safetensors"
        assert put_checkpoint(store, Parcel(path, scores_of(path)))


def key(step: int, end: str) -> str:
    return f"otter/ck-{step:012d}{end}"


def steps(text: str) -> list[int]:
    return [int(found.path.stem.removeprefix("ck-")) for found in find_checkpoints(text, lambda _: None)]


def cached(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "cache").rglob("*") if path.is_file())


def test_what_comes_back_is_what_was_uploaded(bucket: Bucket, run: Path) -> None:
    uploaded(run)

    for step in REWARD:
        (found,) = find_checkpoints(f"{PLACE}:v{step}", lambda _: None)
        original = run / f"ck-{step:012d}.safetensors"
        for end in (".safetensors", ".json"):
            assert found.path.with_suffix(end).read_bytes() == original.with_suffix(end).read_bytes()
        assert load_checkpoint(found.path)[1] == load_checkpoint(original)[1]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("", [256]),
        (":latest", [256]),
        ("@best", [128]),
        (":all", [64, 128, 256]),
        (":v100..v300", [128, 256]),
        (":top:2:reward", [128, 256]),
    ],
)
def test_a_choice_means_the_same_as_of_a_run(choice: str, expected: list[int], bucket: Bucket, run: Path) -> None:
    uploaded(run)

    assert steps(PLACE + choice) == expected
    assert steps(f"{run}{choice}") == expected


def test_a_second_use_needs_the_manifest_alone(bucket: Bucket, run: Path) -> None:
    uploaded(run, 64)
    said: list[str] = []
    (first,) = find_checkpoints(PLACE, said.append)
    bucket.delete(key(64, ".safetensors"))  # whoever asked for it now would notice

    (second,) = find_checkpoints(PLACE, said.append)

    assert second == first
    assert said == [f"fetching {PLACE}:v64, 0.0 MB"]


def test_the_same_content_is_kept_once_wherever_it_came_from(bucket: Bucket, run: Path, tmp_path: Path) -> None:
    uploaded(run, 64)
    uploaded(run, 64, place=f"s3://{BUCKET}/elsewhere/copy")

    assert find_checkpoints(PLACE, lambda _: None)[0].path == (
        find_checkpoints(f"s3://{BUCKET}/elsewhere/copy", pytest.fail)[0].path
    )
    assert cached(tmp_path) == ["ck-000000000064.json", "ck-000000000064.safetensors"]


def test_what_the_disk_lost_is_fetched_anew(bucket: Bucket, run: Path) -> None:
    uploaded(run, 64)
    (found,) = find_checkpoints(PLACE, lambda _: None)
    good = found.path.read_bytes()
    for damage in (good[:-1], good[:-1] + bytes([good[-1] ^ 1]), b""):
        found.path.write_bytes(damage)

        assert find_checkpoints(PLACE, lambda _: None) == [found]
        assert found.path.read_bytes() == good


def test_many_at_once_get_one_whole_copy(bucket: Bucket, run: Path, tmp_path: Path) -> None:
    uploaded(run, 64)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: find_checkpoints(PLACE, lambda _: None)[0].path, range(8)))

    assert len(set(found)) == 1
    load_checkpoint(found[0])
    assert cached(tmp_path) == ["ck-000000000064.json", "ck-000000000064.safetensors"]


# ---- Damage


def forged(bucket: Bucket, **changes: object) -> None:
    manifest = json.loads(bucket.get(key(64, ".json")))
    bucket.put(key(64, ".json"), _sealed({**manifest, **changes}))


DAMAGE = {
    "a flipped bit": "its content does not match its hash",
    "cut short": "bytes",
    "longer": "",
    "a manifest changed": "its manifest is damaged",
    "a manifest of another step": "it is of step 65 and lies as one of 64",
    "a manifest of a later version": "its manifest has version 2",
    "a manifest too large": "it is larger than",
    "a size beyond the limits": "its shapes do not fit its size",
    "a shape beyond the limits": "bytes, 4294967296 are allowed",
    "a pickle": "its content does not match its hash",
}


@pytest.mark.parametrize("what", DAMAGE)
def test_what_is_damaged_is_refused_and_not_kept(what: str, bucket: Bucket, run: Path, tmp_path: Path) -> None:
    uploaded(run, 64)
    data, manifest = bucket.get(key(64, ".safetensors")), bucket.get(key(64, ".json"))
    huge = {"x": {"dtype": "float32", "shape": [2**31]}}
    match what:
        case "a flipped bit":
            bucket.put(key(64, ".safetensors"), data[:-9] + bytes([data[-9] ^ 4]) + data[-8:])
        case "cut short":
            bucket.put(key(64, ".safetensors"), data[:-1])
        case "longer":
            bucket.put(key(64, ".safetensors"), data + bytes(1000))
        case "a manifest changed":
            bucket.put(key(64, ".json"), manifest.replace(b'"v":1', b'"v":2'))
        case "a manifest of another step":
            forged(bucket, step=65)
        case "a manifest of a later version":
            forged(bucket, v=2)
        case "a manifest too large":
            bucket.put(key(64, ".json"), manifest + b" " * (4 * 1024 * 1024))
        case "a size beyond the limits":
            forged(bucket, size=2**50)
        case "a shape beyond the limits":
            forged(bucket, tensors=huge, size=2**33)
        case "a pickle":
            bucket.put(key(64, ".safetensors"), b"\x80\x04" * (len(data) // 2))

    if what == "longer":  # what is beyond the size that the manifest says is not even fetched
        assert find_checkpoints(PLACE, lambda _: None)[0].path.read_bytes() == data
        return
    with pytest.raises(CheckpointError) as caught:
        find_checkpoints(PLACE, lambda _: None)
    assert caught.value.message.startswith(f"{PLACE}:v64 cannot be used: ")
    assert DAMAGE[what] in caught.value.message
    assert list((tmp_path / "cache" / "checkpoints").iterdir()) == []


def test_scores_and_pointers_of_strangers_do_no_harm(bucket: Bucket, run: Path) -> None:
    uploaded(run)
    for text in (b"[" * 100_000, b"\xff", b'{"reward": "x"}', b'{"reward": 1e999}', b"[]", b""):
        bucket.put(key(128, ".metrics.json"), text)
        assert steps(f"{PLACE}:top:2:reward") == [256, 64]
    for text in (b"../../ck-000000000064", b"ck-000000000999", b"\xff" * 200):
        bucket.put("otter/BEST", text)
        with pytest.raises(UsageError, match="is marked as the best"):
            find_checkpoints(f"{PLACE}:best", lambda _: None)


# ---- Uploading


def test_an_upload_that_was_cut_off_is_not_there_and_can_be_done_again(bucket: Bucket, run: Path) -> None:
    uploaded(run, 64)
    uploaded(run, 128)
    bucket.delete(key(128, ".json"))  # the last of the files to go

    assert steps(f"{PLACE}:all") == [64]
    uploaded(run, 128)
    assert steps(f"{PLACE}:all") == [64, 128]


def test_another_checkpoint_of_the_same_step_is_not_overwritten(bucket: Bucket, run: Path, tmp_path: Path) -> None:
    uploaded(run, 64)
    before = bucket.get(key(64, ".safetensors"))
    with RunWriter.create(tmp_path, "badger", {}, {}) as writer:
        other = writer.checkpoint(64, {"x": np.ones(3, np.float32)}, {})

    with pytest.raises(RunError, match="has another checkpoint v64"):
        put_checkpoint(S3Store(PLACE, f"{BUCKET}/otter"), Parcel(other, {}))

    assert bucket.get(key(64, ".safetensors")) == before


def test_what_is_there_is_not_sent_again(bucket: Bucket, run: Path) -> None:
    uploaded(run, 64)
    before = bucket.times()
    path = run / "ck-000000000064.safetensors"

    assert not put_checkpoint(S3Store(PLACE, f"{BUCKET}/otter"), Parcel(path, {}))

    assert bucket.times() == before


def test_the_directory_of_a_run_that_was_copied_there_is_read(bucket: Bucket, run: Path) -> None:
    for path in run.iterdir():
        bucket.put(f"copied/otter/checkpoints/{path.name}", path.read_bytes())

    assert steps(f"s3://{BUCKET}/copied/otter:best") == [128]
    assert steps(f"s3://{BUCKET}/copied/otter/checkpoints/:all") == [64, 128, 256]


# ---- Refusals


def refusal(text: str) -> tuple[str, str]:
    with pytest.raises(GridrlError) as caught:
        find_checkpoints(text, pytest.fail)
    assert "hush" not in str(caught.value)
    return caught.value.message, caught.value.hint


def test_what_is_not_there_is_refused_in_words(bucket: Bucket, run: Path) -> None:
    assert refusal("s3://no-such-bucket/otter") == (
        "s3://no-such-bucket/otter: there is no such bucket",
        "is it spelt right, and of the account that AWS_PROFILE names?",
    )
    assert refusal(PLACE)[0] == f"{PLACE} has no checkpoint yet"
    uploaded(run, 64)
    assert refusal(f"{PLACE}:v65") == (f"{PLACE} has no checkpoint v65", "there is v64")
    assert refusal(f"{PLACE}:best")[0] == f"no checkpoint of {PLACE} is marked as the best"


def test_a_checkpoint_whose_tensors_are_gone_is_refused(bucket: Bucket, run: Path) -> None:
    uploaded(run, 64)
    bucket.delete(key(64, ".safetensors"))

    with pytest.raises(GridrlError) as caught:
        find_checkpoints(PLACE, lambda _: None)

    assert caught.value.message.startswith(PLACE)


def test_without_a_network_the_words_are_clear(bucket: Bucket, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")  # nobody listens there any more

    message, hint = refusal(PLACE)

    assert message == f"{PLACE}: it cannot be reached"
    assert "is the network there" in hint


def test_without_credentials_the_words_are_clear(bucket: Bucket, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert refusal(PLACE)[0] == f"{PLACE}: there are no AWS credentials"

    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert refusal(PLACE)[0] == f"{PLACE}: there is no such AWS profile"


def test_without_the_library_it_says_what_to_install(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)

    assert refusal(PLACE) == (
        f"{PLACE}: s3:// needs s3fs, which is not installed",
        "pip install 'gridrl-tui[s3]'",
    )


def test_a_cache_that_cannot_be_written_is_refused_in_words(
    bucket: Bucket, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploaded(run, 64)
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("GRIDRL_CACHE", str(tmp_path / "file"))

    with pytest.raises(RunError, match="cannot keep what is fetched") as caught:
        find_checkpoints(PLACE, lambda _: None)

    assert "GRIDRL_CACHE" in caught.value.hint

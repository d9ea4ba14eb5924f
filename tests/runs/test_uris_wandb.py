"""wandb://: what we ask of wandb, with a stand-in for its server's side; and the real library's words, offline.

The stand-in keeps artifacts in memory behind the calls that we make; that the real library takes those calls, as they
are made, its own signatures say.
"""

from __future__ import annotations

import inspect
import socket
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engine.errors import CheckpointError, GridrlError, RunError
from engine.runs import RunWriter
from engine.runs.finding import find_checkpoints, scores_of
from engine.runs.stores import Parcel
from engine.runs.wandb_artifacts import upload_artifact

PLACE = "wandb://lab/maze/otter"
REWARD = {64: 3.0, 128: 9.0, 256: 6.0}


class Entry:
    """A file of an artifact."""

    ref: str | None = None

    def __init__(self, name: str, data: bytes) -> None:
        self.name, self.data, self.size = name, data, len(data)

    def download(self, root: str, skip_cache: bool) -> str:
        assert skip_cache
        path = Path(root) / self.name
        path.write_bytes(self.data)
        return str(path)


class Artifact:
    def __init__(self, name: str, type: str, metadata: dict[str, Any]) -> None:
        self.name, self.type, self.metadata = name, type, metadata
        self.aliases: list[str] = []
        self.entries: dict[str, Entry] = {}

    def add_file(self, local_path: str, name: str, policy: str) -> None:
        self.entries[name] = Entry(name, Path(local_path).read_bytes())

    def get_entry(self, name: str) -> Entry:
        return self.entries[name]

    def wait(self, timeout: int) -> Artifact:
        return self


class Server(ModuleType):
    """The module `wandb` with what a server would know."""

    def __init__(self) -> None:
        super().__init__("wandb")
        self.kept: dict[str, list[Artifact]] = {}
        self.Artifact = Artifact
        self.Settings = SimpleNamespace

    def Api(self, timeout: int) -> SimpleNamespace:
        assert timeout > 0
        return SimpleNamespace(artifacts=lambda kind, name: reversed(self.kept.get(name, [])))

    def init(self, *, entity: str, project: str, **_: object) -> Any:
        server = self

        class Run:
            def __enter__(self) -> Run:
                return self

            def __exit__(self, *_: object) -> None:
                pass

            def log_artifact(self, artifact: Artifact, aliases: list[str]) -> Artifact:
                place = server.kept.setdefault(f"{entity}/{project}/{artifact.name}", [])
                for other in place:  # an alias is of one version at a time
                    other.aliases = [each for each in other.aliases if each not in aliases]
                artifact.aliases = aliases
                place.append(artifact)
                return artifact

        return Run()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    stand_in = Server()
    monkeypatch.setitem(sys.modules, "wandb", stand_in)
    monkeypatch.delenv("WANDB_MODE")
    return stand_in


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The checkpoints of a run; the best is the one of 128. The cache is empty."""
    monkeypatch.setenv("GRIDRL_CACHE", str(tmp_path / "cache"))
    with RunWriter.create(tmp_path, "otter", {}, {}) as writer:
        for step, reward in REWARD.items():
            writer.metrics(step, {"reward": reward})
            writer.checkpoint(step, {"x": np.full(99, step, np.float32)}, {}, best=step == 128)
    return tmp_path / "otter" / "checkpoints"


def uploaded(run: Path, *steps: int) -> None:
    for step in steps or REWARD:
        path = run / f"ck-{step:012d}.safetensors"
        assert upload_artifact(PLACE, "lab/maze/otter", Parcel(path, scores_of(path)))


def steps(text: str) -> list[int]:
    return [int(found.path.stem.removeprefix("ck-")) for found in find_checkpoints(text, lambda _: None)]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [("", [256]), (":best", [128]), (":v64", [64]), (":all", [64, 128, 256]), ("@top:2:reward", [128, 256])],
)
def test_a_choice_means_the_same_as_of_a_run(choice: str, expected: list[int], server: Server, run: Path) -> None:
    uploaded(run, 128, 256, 64)  # the latest is the highest step, not what was uploaded last

    assert steps(PLACE + choice) == expected
    for step, found in zip(expected, find_checkpoints(PLACE + choice, pytest.fail), strict=True):
        assert found.path.read_bytes() == (run / f"ck-{step:012d}.safetensors").read_bytes()


def test_what_others_keep_there_is_passed_over(server: Server, run: Path) -> None:
    uploaded(run, 64)
    for metadata in ({}, {"gridrl_step": "5"}, {"gridrl_step": True}, {"gridrl_step": -1}):
        server.kept["lab/maze/otter"].append(Artifact("otter", "model", metadata))

    assert steps(f"{PLACE}:all") == [64]


def test_of_two_of_one_step_the_newer_counts(server: Server, run: Path, tmp_path: Path) -> None:
    uploaded(run, 64)
    with RunWriter.create(tmp_path, "badger", {}, {}) as writer:
        newer = writer.checkpoint(64, {"x": np.zeros(5, np.float32)}, {})
    upload_artifact(PLACE, "lab/maze/otter", Parcel(newer, {}))

    (found,) = find_checkpoints(f"{PLACE}:all", lambda _: None)

    assert found.path.read_bytes() == newer.read_bytes()


def test_damage_references_and_sizes_beyond_the_manifest_are_refused(server: Server, run: Path, tmp_path: Path) -> None:
    uploaded(run, 64)
    (artifact,) = server.kept["lab/maze/otter"]
    tensors = artifact.entries["ck-000000000064.safetensors"]
    good = tensors.data
    for data, words in ((good[:-1] + b"x", "does not match its hash"), (good + b"x", "is larger than")):
        tensors.data, tensors.size = data, len(data)
        with pytest.raises(CheckpointError, match=words):
            find_checkpoints(PLACE, lambda _: None)
    tensors.ref = "file:///etc/passwd"
    with pytest.raises(CheckpointError, match="is a reference to elsewhere"):
        find_checkpoints(PLACE, lambda _: None)

    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_the_real_library_takes_the_calls_that_we_make() -> None:
    wandb = pytest.importorskip("wandb")
    from wandb.sdk.artifacts.artifact_manifest_entry import ArtifactManifestEntry

    def takes(function: Any, *positional: object, **named: object) -> None:
        inspect.signature(function).bind(*positional, **named)

    takes(wandb.Api, timeout=1)
    takes(wandb.Api.artifacts, None, "model", "lab/maze/otter")
    takes(wandb.init, entity="", project="", job_type="", dir="", settings=None)
    takes(wandb.Run.log_artifact, None, None, aliases=[])
    takes(wandb.Artifact.wait, None, timeout=1)
    takes(wandb.Artifact.get_entry, None, "name")
    takes(ArtifactManifestEntry.download, None, root="", skip_cache=True)
    assert {"size", "ref"} <= set(ArtifactManifestEntry.__annotations__)
    wandb.Settings(silent=True, console="off", disable_git=True, save_code=False)


def test_the_real_library_takes_our_files(run: Path) -> None:
    wandb = pytest.importorskip("wandb")
    path = run / "ck-000000000064.safetensors"
    artifact = wandb.Artifact("otter", type="model", metadata={"gridrl_step": 64, "gridrl_metrics": scores_of(path)})

    entry = artifact.add_file(str(path), name=path.name, policy="immutable")

    assert (entry.size, entry.ref, artifact.metadata["gridrl_metrics"]) == (path.stat().st_size, None, {"reward": 3.0})


# ---- Refusals


def refusal(text: str) -> tuple[str, str]:
    with pytest.raises(GridrlError) as caught:
        find_checkpoints(text, pytest.fail)
    return caught.value.message, caught.value.hint


def test_without_the_library_it_says_what_to_install(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setitem(sys.modules, "wandb", None)

    assert refusal(PLACE) == (
        f"{PLACE}: wandb:// needs wandb, which is not installed",
        "pip install 'gridrl-tui[wandb]'",
    )


def test_an_empty_collection_has_no_checkpoint(server: Server, run: Path) -> None:
    assert refusal(PLACE)[0] == f"{PLACE} has no checkpoint yet"


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        (ValueError("Unable to fetch artifact: 404 not found"), "there is nothing by that name"),
        (TimeoutError(), "wandb cannot be reached"),
        (type("UsageError", (Exception,), {})("No API key configured."), "wandb is not signed in"),
        (type("AuthenticationError", (Exception,), {})("Failed"), "wandb cannot sign in or cannot be reached"),
        (KeyError("x"), "wandb refused: 'x'"),
        (RuntimeError(), "wandb refused: RuntimeError"),
    ],
)
def test_whatever_wandb_raises_is_a_line(
    raised: Exception, words: str, server: Server, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise raised

    monkeypatch.setattr(server, "Api", fail)

    assert refusal(PLACE)[0].startswith(f"{PLACE}: {words}")
    monkeypatch.setattr(server, "init", fail)
    with pytest.raises(RunError, match=words):
        uploaded(run, 64)


@pytest.mark.parametrize(
    ("key", "words"), [("", "wandb is not signed in"), ("hush" * 10, "wandb cannot sign in or cannot be reached")]
)
def test_the_real_library_without_a_network_is_answered_in_words(
    key: str, words: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("wandb")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{port}")  # nobody listens there any more
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_API_KEY", key)
    monkeypatch.setattr("engine.runs.wandb_artifacts._TIMEOUT_S", 2)

    message, _ = refusal(PLACE)

    assert message == f"{PLACE}: {words}"
    assert "hush" not in "".join(capfd.readouterr())

"""ssh://HOST/RUN: both ends, over a real sshd, and with a program in ssh's place that runs the command here: that one
can be made to misbehave."""

from __future__ import annotations

import io
import os
import shlex
import shutil
import stat
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from link import sshd
from tools.console import ROOT

from engine.errors import CheckpointError, GridrlError, RunError, UsageError
from engine.runs import RunWriter, load_checkpoint
from engine.runs.finding import find_checkpoints
from engine.runs.ssh_checkpoints import serve_checkpoints

SSH = """#!/bin/sh
# ssh's options, then --, the host, and one command for its shell
while [ "$1" != -- ]; do shift; done
echo "$2 $3" >> {log}
export GRIDRL_RUNS={runs} PYTHONPATH={root}
exec sh -c "{before}$3"
"""


class Account:
    """The other machine: its runs, and what it was asked."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.runs, self._folder, self._patch = folder / "there", folder, patch
        self._log = folder / "asked"
        self.runs.mkdir()
        patch.setenv("GRIDRL_REMOTE", f"{shlex.quote(sys.executable)} -m engine.cli")
        self.behave()

    def behave(self, before: str = "") -> None:
        """Let its shell do something before each command."""
        script = self._folder / "ssh"
        names = {"log": self._log, "runs": self.runs, "root": ROOT}
        script.write_text(SSH.format(before=before, **{key: shlex.quote(str(path)) for key, path in names.items()}))
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        self._patch.setenv("GRIDRL_SSH", str(script))

    def speak(self, program: str) -> None:
        """Have another program in gridrl's place: a line of Python."""
        self._patch.setenv("GRIDRL_REMOTE", f"{shlex.quote(sys.executable)} -c {shlex.quote(program)}")

    def asked(self) -> list[str]:
        return self._log.read_text().splitlines() if self._log.exists() else []


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Account:
    """Another machine with a run of three checkpoints; here there is none, and the cache is empty."""
    monkeypatch.setenv("GRIDRL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GRIDRL_RUNS", str(tmp_path / "here"))
    there = Account(tmp_path, monkeypatch)
    rng = np.random.default_rng(1)
    with RunWriter.create(there.runs, "otter", {}, {}) as writer:
        for step, reward in ((64, 3.0), (128, 9.0), (256, 6.0)):
            writer.metrics(step, {"reward": reward})
            writer.checkpoint(step, {"x": rng.random(300_000, np.float32)}, {}, best=step == 128)
    return there


def original(account: Account, step: int) -> Path:
    return account.runs / "otter" / "checkpoints" / f"ck-{step:012d}.safetensors"


@pytest.mark.parametrize(
    ("choice", "steps"),
    [("", [256]), ("@best", [128]), (":v64", [64]), (":top:2:reward", [128, 256]), (":v100..v999", [128, 256])],
)
def test_the_other_machine_chooses_and_every_byte_comes_over(choice: str, steps: list[int], account: Account) -> None:
    found = find_checkpoints(f"ssh://me@box/otter{choice}", lambda _: None)

    assert [each.path.stem for each in found] == [f"ck-{step:012d}" for step in steps]
    for step, each in zip(steps, found, strict=True):
        assert each.path.read_bytes() == original(account, step).read_bytes()
        load_checkpoint(each.path)
    assert len(account.asked()) == 1  # however many: a password is asked for once
    assert account.asked()[0].startswith("me@box ")


def test_a_second_use_needs_the_manifest_alone(account: Account) -> None:
    said: list[str] = []
    first = find_checkpoints("ssh://box/otter:all", said.append)
    for step in (64, 128, 256):
        original(account, step).write_bytes(b"")  # whoever sent it now would fail

    assert find_checkpoints("ssh://box/otter:all", said.append) == first
    assert said == [f"fetching ssh://box/otter:v{step}, 1.2 MB" for step in (64, 128, 256)]


def test_what_a_login_shell_prints_before_is_passed_over(account: Account) -> None:
    account.behave("seq 100; printf 'last login: \\033[31mnever\\033[0m\\n'; ")

    assert find_checkpoints("ssh://box/otter:v64", lambda _: None)[0].path.stem == "ck-000000000064"


def refusal(text: str) -> tuple[str, str]:
    with pytest.raises(GridrlError) as caught:
        find_checkpoints(text, lambda _: None)
    return caught.value.message, caught.value.hint


def test_what_the_other_gridrl_refuses_is_said_with_its_host(account: Account) -> None:
    assert refusal("ssh://box/oter") == ("box: no run is called 'oter'", "did you mean otter?")
    assert refusal("ssh://box/otter:v65") == ("box: run otter has no checkpoint v65", "there is v64, v128, v256")
    assert refusal("ssh://box/otter:top:1:gain")[0] == "box: no checkpoint of run otter has a metric gain"


def test_a_machine_without_the_program_is_told_from_one_that_is_not_there(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDRL_REMOTE", "gridrl-of-nobody")
    message, hint = refusal("ssh://box/otter")
    assert message.startswith("box has no program gridrl that ssh finds (")
    assert "GRIDRL_REMOTE" in hint

    account.behave("echo 'ssh: Could not resolve hostname box: Name or service not known' >&2; exit 255; ")
    assert refusal("ssh://box/otter") == (
        "ssh to box: Could not resolve hostname box: Name or service not known",
        "does `ssh box` work in the shell?",
    )


def test_a_machine_with_an_older_version_is_told_so(account: Account) -> None:
    account.behave("echo \"gridrl: no tool is called 'fetch'\" >&2; exit 2; ".replace('"', '\\"'))

    assert refusal("ssh://box/otter") == (
        "box has an older gridrl-tui, which has no fetch --to-stdout",
        "update it there",
    )


def test_this_machine_without_ssh_is_told_so(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDRL_SSH", "/nowhere/ssh")

    assert refusal("ssh://box/otter")[0] == "cannot run /nowhere/ssh: No such file or directory"


@pytest.mark.skipif(shutil.which("ssh") is None, reason="ssh is not installed")
def test_the_real_ssh_says_that_nobody_answers(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDRL_SSH", "ssh -F /dev/null -p 1")

    message, hint = refusal("ssh://127.0.0.1/otter")

    assert message.startswith("ssh to 127.0.0.1: connect to host 127.0.0.1 port 1: ")
    assert hint == "does `ssh 127.0.0.1` work in the shell?"


HELLO = "import sys; sys.stdout.write('gridrl-checkpoints 1\\n'); sys.stdout.flush(); "
NONSENSE = {
    "nothing": ("pass", "box ended in the middle"),
    "noise": ("print('x\\n' * 1000)", "answers in no way that this program knows"),
    "a line without an end": ("print('x' * 100_000)", "says what makes no sense"),
    "an object without numbers": (HELLO + "print('{}')", "says what makes no sense"),
    "an end at once": (HELLO + """print('{"end": 0}')""", "box sent no checkpoint"),
    "a word that holds the end": (HELLO + """print('"bend"')""", "says what makes no sense"),
    "a number": (HELLO + "print('5')", "says what makes no sense"),
    "deep": (HELLO + "print('[' * 4000)", "says what makes no sense"),
    "a negative step": (HELLO + """print('{"step": -1, "manifest": 5}')""", "says what makes no sense"),
    "a step that is true": (HELLO + """print('{"step": true, "manifest": 5}')""", "says what makes no sense"),
    "a huge manifest": (HELLO + """print('{"step": 1, "manifest": 99999999999}')""", "says what makes no sense"),
    "half a manifest": (HELLO + """print('{"step": 1, "manifest": 50}\\n{')""", "box ended in the middle"),
    "no manifest": (HELLO + """print('{"step": 1, "manifest": 2}\\n{}')""", "its manifest is damaged"),
    "a traceback": ("import nothing_of_that_name", "No module named 'nothing_of_that_name'"),
}


@pytest.mark.parametrize("what", NONSENSE)
def test_nonsense_is_refused_and_leaves_nothing(what: str, account: Account, tmp_path: Path) -> None:
    program, words = NONSENSE[what]
    account.speak(program)

    message, _ = refusal("ssh://box/otter")

    assert words in message
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_a_machine_that_falls_silent_is_given_up(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.runs.ssh_checkpoints._PATIENCE_S", 0.5)
    account.speak(HELLO + "sys.stdin.read()")

    assert refusal("ssh://box/otter")[0] == "box has said nothing for 0.5 s"


def test_tensors_that_are_not_those_of_the_manifest_are_refused(account: Account, tmp_path: Path) -> None:
    path = original(account, 64)
    data = path.read_bytes()
    path.write_bytes(data[:-4] + bytes(4))

    with pytest.raises(
        CheckpointError, match="ssh://box/otter:v64 cannot be used: its content does not match its hash"
    ):
        find_checkpoints("ssh://box/otter:v64", lambda _: None)

    path.write_bytes(data[:-4])
    assert refusal("ssh://box/otter:v64")[0].startswith("box: checkpoint ")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


@pytest.mark.parametrize("run", ["..", "a/b", "-rf", "s3://bucket/x", "a b", "$(id)", "otter;id"])
def test_what_is_no_run_is_never_asked_for(run: str, account: Account) -> None:
    with pytest.raises((UsageError, RunError)):
        find_checkpoints(f"ssh://box/{run}", pytest.fail)

    assert account.asked() == []


def test_no_process_is_left(account: Account) -> None:
    account.speak(HELLO + "print('{}'); sys.stdout.flush(); sys.stdin.read()")  # it stays for as long as we do
    with pytest.raises(RunError):
        find_checkpoints("ssh://box/otter", pytest.fail)

    theirs = [each for each in psutil.Process().children(recursive=True) if "GRIDRL_SSH" in each.environ()]
    assert theirs == []


# ---- Over a real sshd


@pytest.fixture
def reached(box: sshd.Box, account: Account, monkeypatch: pytest.MonkeyPatch) -> sshd.Box:
    """The same runs on a machine that ssh reaches as `box`."""
    monkeypatch.setenv("GRIDRL_SSH", box.ssh())
    monkeypatch.setenv("GRIDRL_REMOTE", box.remote(account.runs))
    return box


def test_over_ssh_every_byte_comes_once_and_nothing_is_left(reached: sshd.Box, account: Account) -> None:
    said: list[str] = []
    first = find_checkpoints("ssh://box/otter:all", said.append)
    again = find_checkpoints("ssh://box/otter:all", said.append)

    assert again == first
    assert said == [f"fetching ssh://box/otter:v{step}, 1.2 MB" for step in (64, 128, 256)]
    for step, found in zip((64, 128, 256), first, strict=True):
        assert found.path.read_bytes() == original(account, step).read_bytes()
    psutil.wait_procs(reached.processes(), timeout=60)
    assert reached.processes() == []


def test_over_ssh_the_refusals_are_those_of_ssh(
    reached: sshd.Box, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refusal("ssh://box/oter") == ("box: no run is called 'oter'", "did you mean otter?")
    monkeypatch.setenv("GRIDRL_REMOTE", "gridrl-of-nobody")
    assert refusal("ssh://box/otter")[0].startswith("box has no program gridrl that ssh finds")
    monkeypatch.setenv("GRIDRL_SSH", f"{reached.ssh()} -o UserKnownHostsFile=/dev/null")
    assert refusal("ssh://box/otter") == (
        "ssh to box: Host key verification failed.",
        "does `ssh box` work in the shell?",
    )


def test_over_ssh_a_line_that_breaks_leaves_nothing(reached: sshd.Box, account: Account, tmp_path: Path) -> None:
    def cut(_: str) -> None:  # as the tensors are about to come
        for each in reached.processes():
            each.kill()

    with pytest.raises(RunError, match="box "):
        find_checkpoints("ssh://box/otter:v64", cut)

    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert find_checkpoints("ssh://box/otter:v64", lambda _: None)[0].path.exists()


# ---- The other end


def test_the_other_end_sends_what_is_wanted_and_nothing_else(account: Account) -> None:
    paths = [original(account, step) for step in (64, 128)]
    says = io.BytesIO()

    serve_checkpoints(paths, io.BytesIO(b"keep\nsend\n"), says)

    manifests = [path.with_suffix(".json").read_bytes() for path in paths]
    expected = b"gridrl-checkpoints 1\n"
    expected += b'{"step": 64, "manifest": %d}\n' % len(manifests[0]) + manifests[0]
    expected += b'{"step": 128, "manifest": %d}\n' % len(manifests[1]) + manifests[1] + paths[1].read_bytes()
    assert says.getvalue() == expected + b'{"end": 2}\n'


def test_the_other_end_ends_when_nobody_answers(account: Account) -> None:
    says = io.BytesIO()

    serve_checkpoints([original(account, 64), original(account, 128)], io.BytesIO(b""), says)

    assert says.getvalue().count(b'"manifest"') == 1
    assert len(says.getvalue()) < os.path.getsize(original(account, 64))

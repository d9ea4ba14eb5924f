"""The other machine is one: a command runs there over the user's own ssh, and what it leaves behind is seen."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from engine import ssh

from .link import Link
from .sshd import HOST, MARK, Box

PATIENCE_S = 60.0


@pytest.fixture
def command(box: Box, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """`gridrl --version` on the other machine."""
    monkeypatch.setenv(ssh.PROGRAM, box.ssh())
    monkeypatch.setenv(ssh.REMOTE, box.remote(tmp_path / "runs there"))
    return ssh.ssh_command(HOST, ["--version"], may_ask=False)


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, stdin=subprocess.DEVNULL)


def test_gridrl_runs_on_the_other_machine(command: list[str]) -> None:
    done = run(command)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("gridrl")


def test_the_other_machine_has_its_own_runs(box: Box, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(ssh.PROGRAM, box.ssh())
    monkeypatch.setenv(ssh.REMOTE, box.remote(tmp_path / "runs there"))

    done = run(ssh.ssh_command(HOST, ["runs"], may_ask=False))

    assert str(tmp_path / "runs there") in done.stdout + done.stderr


def test_an_unknown_host_key_is_refused(command: list[str], box: Box) -> None:
    config = Path(shlex.split(box.ssh())[-1])
    config.write_text(config.read_text().replace(f"HostKeyAlias {HOST}", "HostKeyAlias stranger"))

    done = run(command)

    assert done.returncode == 255
    assert "Host key verification failed" in done.stderr


def test_a_link_in_front_counts_what_ssh_sends(command: list[str], box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    with Link(box.port, delay_s=0.01) as link:
        monkeypatch.setenv(ssh.PROGRAM, box.ssh(link.port))
        done = run(ssh.ssh_command(HOST, ["--version"], may_ask=False))

        assert done.stdout == run(command).stdout
        assert link.connections == 1
        assert link.bytes_there > 1000  # keys are exchanged
        assert link.bytes_back > 1000


def test_a_process_that_outlives_its_ssh_is_seen(box: Box, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "never")
    waiting = f"echo $$; read -r word < {shlex.quote(str(tmp_path / 'never'))}"
    words = ["env", f"{MARK}={box.directory}", "sh", "-c", waiting]
    command = [*shlex.split(box.ssh()), HOST, shlex.join(words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as client:
        assert client.stdout is not None
        pid = int(client.stdout.readline())

        client.send_signal(signal.SIGKILL)
        client.wait()

        left = box.processes()
        assert [each.pid for each in left] == [pid]
        os.kill(pid, signal.SIGKILL)
        psutil.wait_procs(left, PATIENCE_S)
        assert box.processes() == []

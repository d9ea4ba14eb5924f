"""The other machine: a real sshd on loopback, with keys, a configuration and a home of its own, all in one directory.

Owned by the fixture `box` of conftest.py and by the scripts of benchmarks/attack. Nothing of the user's ssh is read or
written. `-i` and the like would do without a port, but then there would be no line to cut.
"""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

HOST = "box"
"""What the other machine is called in the configuration of `Box.ssh`."""

ROOT = Path(__file__).parents[2]
MARK = "GRIDRL_BOX"  # in the environment of whatever our command starts over there
_SEPARATION = Path("/run/sshd")  # where sshd of root locks itself in; empty, and mostly made by the system's service
_TRIES = 5  # ports: another process may take a free one before sshd does
_PATIENCE = 600  # looks, each after 50 ms or the end of sshd

SERVER = """
Port {port}
ListenAddress 127.0.0.1
HostKey {directory}/host_key
PidFile none
AuthorizedKeysFile {directory}/user_key.pub
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
MaxStartups 100
"""

CLIENT = """
Host {host}
    HostName 127.0.0.1
    HostKeyAlias {host}
    Port {port}
    IdentityFile {directory}/user_key
    IdentitiesOnly yes
    UserKnownHostsFile {directory}/known_hosts
    GlobalKnownHostsFile none
    StrictHostKeyChecking yes
"""


@dataclass(frozen=True)
class Box:
    """A running sshd. `directory` holds all that belongs to it; `home` is the home of whoever logs in."""

    directory: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def home(self) -> Path:
        return self.directory / "home"

    def ssh(self, port: int | None = None) -> str:
        """A value for GRIDRL_SSH by which `box` is this one; `port` is that of a `Link` in front of it."""
        path = self.directory / f"ssh_config_{port or self.port}"
        path.write_text(CLIENT.format(host=HOST, port=port or self.port, directory=self.directory))
        return shlex.join(["ssh", "-F", str(path)])

    def remote(self, runs: Path) -> str:
        """A value for GRIDRL_REMOTE: `gridrl` of this checkout, with another home and these runs."""
        settings = {"HOME": self.home, "GRIDRL_RUNS": runs, "PYTHONPATH": ROOT, MARK: self.directory}
        words = [f"{name}={value}" for name, value in settings.items()]
        return shlex.join(["env", *words, sys.executable, "-c", "from engine.cli import entry; entry()"])

    def processes(self) -> list[psutil.Process]:
        """What our command has running over there, orphans too; neither sshd nor the shells in between."""
        return [each for each in psutil.process_iter() if _environment(each).get(MARK) == str(self.directory)]

    def log(self) -> str:
        """What sshd has said."""
        return (self.directory / "log").read_text(errors="replace")

    def close(self) -> None:
        """End sshd and every session of it."""
        for each in [*psutil.Process(self.process.pid).children(recursive=True), *self.processes()]:
            _end(each)
        self.process.terminate()
        self.process.wait()


def missing() -> str:
    """Why there can be no sshd here, in words; empty where there can."""
    for program in ("ssh", "ssh-keygen", "sshd"):
        if _found(program) is None:
            return f"no {program} here: apt-get install openssh-client openssh-server"
    if os.geteuid() == 0 and not _SEPARATION.exists():
        try:
            _SEPARATION.mkdir(mode=0o755)
        except OSError as error:
            return f"sshd of root needs {_SEPARATION}, which cannot be made: {error}"
    return ""


def start(directory: Path) -> Box:
    """An sshd that answers, its files in the new `directory`.

    Raises:
        RuntimeError: it does not; what it said is in the message.
    """
    (directory / "home").mkdir(parents=True)
    for name in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / name], check=True)
    known = (directory / "host_key.pub").read_text()
    (directory / "known_hosts").write_text(f"{HOST} {known}")
    for _ in range(_TRIES):
        port = _free_port()
        process = _serve(directory, port)
        if _answers(process, port):
            return Box(directory, port, process)
        process.kill()
        process.wait()
    raise RuntimeError(f"sshd does not answer:\n{(directory / 'log').read_text(errors='replace')}")


def _serve(directory: Path, port: int) -> subprocess.Popen[bytes]:
    (directory / "sshd_config").write_text(SERVER.format(port=port, directory=directory))
    program = str(_found("sshd"))  # sshd insists on being started by its full path: it starts itself for each session
    return subprocess.Popen([program, "-D", "-f", directory / "sshd_config", "-E", directory / "log"])


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Whether somebody greets at the port before the process ends."""
    for _ in range(_PATIENCE):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                return connection.recv(4) == b"SSH-" and process.poll() is None
        except OSError:
            try:
                process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            return False
    return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def _found(program: str) -> str | None:
    return shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except (psutil.Error, OSError):  # of somebody else, or gone
        return {}


def _end(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return

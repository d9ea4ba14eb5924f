"""Checkpoints of runs on another machine, over the user's own ssh: both ends of the conversation.

The other machine runs `gridrl fetch RUN --to-stdout`, which chooses there, where the run and its log are. Then, for
each checkpoint, it says what it is and waits to hear whether its tensors are wanted:

    it   gridrl-checkpoints 1
    it   {"step": 4096, "manifest": 1234}    and that many bytes of manifest
    we   send            or: keep, if the cache has it
    it   the bytes of the tensors' file, as many as the manifest says
    it   {"end": 1}

Lines end in a newline; the numbers are limits that we hold it to. Called by tools, on their main thread.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import IO, Any, BinaryIO, Final

from engine.errors import CheckpointError, RunError, UsageError
from engine.ssh import NOT_RUN, check_host, ssh_command, why_it_ended

from .cache import cached_checkpoint
from .checkpoints import MAX_MANIFEST_BYTES, read_manifest
from .names import check_run_name
from .stores import CHUNK, Say
from .uris import MAX_CHOSEN, Uri, shown

_HELLO: Final = b"gridrl-checkpoints 1"
_SEND, _KEEP = b"send\n", b"keep\n"
_LINE_BYTES: Final = 4096
_NOISE_LINES: Final = 200  # what a login shell may print before we are heard
_PATIENCE_S: Final = 60  # of silence, beyond what ssh itself notices: an import from a slow disk takes ten
_WORDS_LINES: Final = 20  # of stderr, the last ones
_OTHER_VERSION: Final = "is it the same version of gridrl-tui?"
_GOING_S: Final = 5  # for ssh to end once its stdin has


# ---- Here


def fetch_over_ssh(uri: Uri, say: Say) -> list[tuple[int, Path]]:
    """The checkpoints that a URI `ssh://[USER@]HOST/RUN` chooses: their steps, and their files in the cache.

    Raises:
        UsageError: that is no host or no run's name.
        RunError: ssh, the other machine or its gridrl refuses; what they said is in the message.
        CheckpointError: what came is damaged.
    """
    host, _, run = uri.place.partition("/")
    if ":" in host:  # a port, or a password, which is not to be repeated
        raise UsageError(f"{shown(uri.text)}: that is no host", hint="say ssh://[USER@]HOST/RUN; the rest is ssh's own")
    check_host(host)
    if not run:
        raise UsageError(f"{shown(uri.text)}: that names no run", hint="say ssh://[USER@]HOST/RUN")
    choice = f"{check_run_name(run)}:{uri.choice}"
    found: list[tuple[int, Path]] = []
    with _talking(host, ["fetch", "--to-stdout", choice]) as link:
        link.expect_hello()
        while (offered := link.offer()) is not None and len(found) < MAX_CHOSEN:
            step, manifest = offered
            found.append((step, _taken(link, uri.called(step), step, manifest, say)))
    if not found:
        raise RunError(f"{host} sent no checkpoint", hint=_OTHER_VERSION)
    return found


def _taken(link: _Link, name: str, step: int, manifest: bytes, say: Say) -> Path:
    asked = False

    def download(file: BinaryIO, size: int) -> None:
        nonlocal asked
        asked = True
        say(f"fetching {shown(name)}, {size / 1e6:,.1f} MB")
        link.say(_SEND)
        for start in range(0, size, CHUNK):
            file.write(link.read(min(CHUNK, size - start)))

    path = cached_checkpoint(name, step, manifest, download)
    if not asked:
        link.say(_KEEP)
    return path


class _Link:
    """The other machine's gridrl at the far end of ssh. Owns the process; used by one thread."""

    def __init__(self, host: str, words: Sequence[str]) -> None:
        self.host = host
        may_ask = sys.stdin is not None and sys.stdin.isatty()
        command = ssh_command(host, words, may_ask=may_ask)
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
            )
        except OSError as error:
            hint = "install OpenSSH's client, or see what GRIDRL_SSH says"
            raise RunError(f"cannot run {shown(command[0])}: {error.strerror}", hint=hint) from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout
        self._words: deque[str] = deque(maxlen=_WORDS_LINES)
        self._listener = Thread(target=self._listen, name="ssh-words", daemon=True)
        self._listener.start()
        self._ahead = bytearray()

    def _listen(self) -> None:
        """Keep the last lines of stderr. Own thread: unread, the pipe would fill and hold everything up."""
        assert self._process.stderr is not None
        while piece := self._process.stderr.readline(_LINE_BYTES):
            self._words.append(piece.decode("utf-8", "replace").rstrip())

    def expect_hello(self) -> None:
        for _ in range(_NOISE_LINES):
            if self._line() == _HELLO:
                return
        raise self._failed(f"{self.host} answers in no way that this program knows")

    def offer(self) -> tuple[int, bytes] | None:
        """The next checkpoint: its step and its manifest. None at the end."""
        try:
            said = dict(json.loads(self._line()))
            if "end" in said:
                return None
            step, size = said["step"], said["manifest"]
            sound = type(step) is int and type(size) is int and 0 <= step < 10**18 and 0 < size <= MAX_MANIFEST_BYTES
        except (ValueError, TypeError, KeyError, RecursionError):
            sound = False
        if not sound:
            raise RunError(f"{self.host} says what makes no sense", hint=_OTHER_VERSION)
        return step, self.read(size)

    def say(self, word: bytes) -> None:
        try:
            self._in.write(word)
        except OSError:
            raise self._failed(f"{self.host} has gone") from None

    def read(self, size: int) -> bytes:
        """Exactly so many bytes."""
        while len(self._ahead) < size:
            self._more(max(65_536, size - len(self._ahead)))
        data = bytes(self._ahead[:size])
        del self._ahead[:size]
        return data

    def _line(self) -> bytes:
        while (end := self._ahead.find(b"\n")) < 0:
            if len(self._ahead) > _LINE_BYTES:
                raise RunError(f"{self.host} says what makes no sense", hint=_OTHER_VERSION)
            self._more(_LINE_BYTES)
        data = bytes(self._ahead[:end])
        del self._ahead[: end + 1]
        return data.rstrip(b"\r")

    def _more(self, size: int) -> None:
        ready, _, _ = select.select([self._out], [], [], _PATIENCE_S)
        if not ready:
            raise RunError(f"{self.host} has said nothing for {_PATIENCE_S} s", hint="try again")
        data = os.read(self._out.fileno(), min(size, CHUNK))
        if not data:
            raise self._failed(f"{self.host} ended in the middle")
        self._ahead += data

    def _failed(self, otherwise: str) -> RunError:
        """Why nothing more comes, by what ssh or the other gridrl said last."""
        code = self._ended()
        said = [word for word in self._words if word]
        words, hint = why_it_ended(self.host, code, said, "fetch --to-stdout")
        return RunError(words if said or code in NOT_RUN else otherwise, hint=hint)

    def _ended(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_GOING_S)
        self._listener.join(_GOING_S)
        return self._process.returncode

    def close(self) -> None:
        """Let go: the other end sees that nobody reads or writes any more, and ends."""
        with suppress(OSError):
            self._in.close()
        self._out.close()
        try:
            self._process.wait(_GOING_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join(_GOING_S)
        if self._process.stderr is not None:
            self._process.stderr.close()


@contextmanager
def _talking(host: str, words: Sequence[str]) -> Iterator[_Link]:
    link = _Link(host, words)
    try:
        yield link
    finally:
        link.close()


# ---- There


def serve_checkpoints(paths: Sequence[Path], hears: IO[bytes], says: IO[bytes]) -> None:
    """The other end: offer checkpoints of this machine on stdout, and send the tensors that are wanted.

    Raises:
        CheckpointError: one cannot be read, or is shorter than it should be.
    """
    _put(says, _HELLO + b"\n")
    for path in paths:
        manifest = read_manifest(path.with_suffix(".json"))
        data = path.with_suffix(".json").read_bytes()
        _put(says, _said({"step": manifest["step"], "manifest": len(data)}), data)
        heard = hears.readline(_LINE_BYTES)
        if heard == _SEND:
            _send(path, manifest["size"], says)
        elif heard != _KEEP:
            return  # whoever asked is gone
    _put(says, _said({"end": len(paths)}))


def _send(path: Path, size: int, says: IO[bytes]) -> None:
    left = size
    try:
        with path.open("rb") as file:
            while left and (data := file.read(min(CHUNK, left))):
                _put(says, data)
                left -= len(data)
    except FileNotFoundError:
        pass  # pruned by the run a moment ago
    if left:
        raise CheckpointError(f"checkpoint {path} is shorter than it should be, or gone", hint="take another one")


def _said(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode("ascii") + b"\n"


def _put(says: IO[bytes], *data: bytes) -> None:
    for each in data:
        says.write(each)
    says.flush()

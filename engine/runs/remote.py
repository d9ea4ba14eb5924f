"""A run on another machine, over the user's own ssh: `gridrl stream` speaks there, a thread here listens.

Owned by the session, whose calls never wait. The thread owns ssh and the mirror; it hangs up, waits and calls again
for as long as the handle is open.
"""

from __future__ import annotations

import logging
import os
import random
import re
import selectors
import subprocess
import threading
import time
import zlib
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, Final

from engine.errors import RunError
from engine.ssh import SSH_FAILED, check_host, ssh_command, why_it_ended

from .broadcast import HISTORY, Follow, metrics_line
from .desk import Desk
from .feed import RunFeed
from .mirror import CACHE_HINT, Mirror
from .names import check_run_name
from .records import Command, Event, EventLogged, Frame, Link, LinkState, RunState, RunStatus
from .wire import MAX_LINE_BYTES, PROTOCOL, LineBuffer, number, text, to_line, whole

_log = logging.getLogger(__name__)

_PING_S: Final = 1.0
_STALE_S: Final = 3.0
"""Without a byte; the other side says something each second."""

_DEAD_S: Final = 10.0
"""Without a byte: hang up and call again."""

_FIRST_S: Final = 120.0
"""For the first word of a first call, in which somebody may have to type a password."""

_AGAIN_S: Final = 30.0
"""For the first word of a later call."""

_BACKOFF_S: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
_LOOK_S: Final = 0.25
_CHUNK_BYTES: Final = 64 * 1024
_INFLATED_BYTES: Final = 1024 * 1024  # at a time: a few bytes may be made to swell to gigabytes
_MAX_NOISE_BYTES: Final = 64 * 1024  # what a shell may print before the first word
_MOST_WORDS: Final = 5  # of ssh, lines kept
_END_S: Final = 2.0  # that ssh is given to leave

_FIRST_WORD: Final = re.compile(rb'^\{"(?:hello|error)"', re.MULTILINE)

_NEEDS_A_PERSON: Final = ("Permission denied", "Host key verification failed", "Too many authentication failures")
"""Words of ssh after which calling again helps nobody."""

_STEADY_S: Final = 10.0
"""Live for so long, and the next pause between two calls is short again."""

_ERROR_BYTES: Final = 4096  # of a line of ssh's
_MAX_RECORD_BYTES: Final = 1024 * 1024
"""Of one record after the first word: a row of thousands of metrics."""


class Refused(RunError):
    """The other side has answered, and calling again would change nothing."""


class RemoteRun:
    """RunHandle of a run on another machine."""

    def __init__(
        self, host: str, run_id: str, *, episodes: bool = False, history: int | None = HISTORY, name: str = "gridrl-tui"
    ) -> None:
        """Call the other side and wait for its first word; ssh may ask for a password on the terminal meanwhile.

        Args:
            host: [USER@]HOST, as ssh takes it.
            episodes: whether the lines of the episodes are wanted too: most of what there is to send.
            history: rows of the past at most, evenly chosen; None for all.
            name: of this program, for the run's history.

        Raises:
            UsageError: that is no host.
            RunError: there is no way there, no gridrl, or no such run, in words.
        """
        self.host, self.run_id = check_host(host), check_run_name(run_id)
        self._mirror = Mirror(self.host, self.run_id)
        self._wish = Follow(
            self.run_id, episodes=episodes, history=history, compress=True, pings=True, name=f"{name} attach"
        )
        self._desk = Desk()
        self._status = RunStatus(RunState.STARTING)
        self._link = LinkState.CONNECTING
        self._words = ""
        self._heard = time.monotonic()
        self._notes: deque[EventLogged] = deque()
        self._sending = threading.Lock()
        self._call: _Call | None = None
        self._columns: list[str] = []
        self._has_begun = False
        self._closing = threading.Event()
        self.received_bytes = 0
        """Over all calls, as they came: compressed."""
        try:
            self._dial(may_ask=True)
        except BaseException:
            self._mirror.close()
            raise
        self._feed: RunFeed | None = RunFeed(self._mirror.path)
        self._thread = threading.Thread(target=self._work, name=f"remote {host}", daemon=True)
        self._thread.start()

    @property
    def root(self) -> Path:
        """A folder of runs in which this one is, as far as it is known here."""
        return self._mirror.root

    def link(self) -> Link:
        """How the connection is."""
        return Link(self._link, self.host, time.monotonic() - self._heard, self._words)

    def state(self) -> RunStatus:
        return self._status

    def drain(self) -> list[Event]:
        events = self._feed.drain() if self._feed else []
        for answer in self._desk.answers():
            if not answer.applied and not answer.is_logged:
                self._note("warning", answer.words)
        while self._notes:
            events.append(self._notes.popleft())
        return events

    def latest_frame(self) -> Frame | None:
        return self._desk.frame

    def send(self, command: Command) -> None:
        if self._link is LinkState.LOST:
            raise RunError(f"the link to {self.host} is lost", hint="attach anew")
        if self._link not in (LinkState.LIVE, LinkState.STALE):
            raise RunError(f"{self.host} cannot be reached now", hint="wait until it is live again")
        self._say(self._desk.ask(command))

    def close(self) -> None:
        """Hang up; the run goes on."""
        self._closing.set()
        with self._sending:
            if self._call is not None:
                self._call.hang_up()
        self._thread.join()
        self._mirror.close()
        self._feed = None

    # The thread, but for the first call

    def _dial(self, *, may_ask: bool) -> None:
        """Call, and wait for the first word."""
        mirror = self._mirror
        wish = replace(self._wish, created=mirror.created, after=mirror.after)
        if not self._has_begun:
            if wish.history is None and mirror.is_thinned:  # what was left out then is wanted now
                wish = replace(wish, created="", after={})
        else:  # of what came while the line was cut, every row
            wish = replace(wish, history=None)
        call = _Call(self.host, wish, may_ask=may_ask)
        with self._sending:
            self._call = call
        try:
            hello = call.first_word(_FIRST_S if may_ask else _AGAIN_S, self._closing)
            self._greet(hello)
        except BaseException:
            call.end()
            raise
        for record in self._desk.greet():
            self._say(record)

    def _greet(self, hello: Mapping[str, Any]) -> None:
        if hello.get("proto") != PROTOCOL:
            raise Refused(
                f"gridrl-tui on {self.host} speaks version {str(hello.get('proto'))[:10]}, this one {PROTOCOL}",
                hint="install the same version on both sides",
            )
        identity = hello.get("identity")
        if hello.get("hello") != self.run_id or not isinstance(identity, dict):
            raise Refused(f"{self.host} speaks of another run than {self.run_id}")
        if hello.get("fresh") is not False or not self._mirror.created:
            if self._has_begun:  # what is on the screen is of the old one
                raise Refused(f"{self.run_id} on {self.host} is another run now", hint="attach anew to see it")
            self._mirror.begin(identity)
        self._has_begun = True
        self._note_thinned(hello.get("every"))
        self._columns = []
        self._set(LinkState.LIVE)

    def _note_thinned(self, every: Any) -> None:
        """Tell, and remember, that rows of the past were left out."""
        every = every.get("metrics") if isinstance(every, dict) else None
        if isinstance(every, int) and every > 1:
            self._mirror.mark_thinned()
            self._note("state", f"of the past, one row of {every:,} was fetched; attach --all fetches every one")

    def _work(self) -> None:
        try:
            self._call_again_and_again()
        except Refused as error:
            self._set(LinkState.LOST, str(error))
        except Exception as error:  # noqa: BLE001  # outermost frame of the thread: published, never swallowed
            _log.exception("the link to %s failed", self.host)
            self._set(LinkState.LOST, f"{type(error).__name__}: {error}")
        self._hang_up()

    def _call_again_and_again(self) -> None:
        tries = 0
        while not self._closing.is_set():
            live_since = time.monotonic()
            try:
                if self._call is None:
                    self._dial(may_ask=False)
                    live_since = time.monotonic()
                words = self._listen()
            except Refused:
                raise
            except RunError as error:
                words = error.message
            if self._call is not None and time.monotonic() - live_since > _STEADY_S:
                tries = 0
            self._hang_up()
            if not self._closing.is_set():
                self._set(LinkState.RECONNECTING, words)
                pause = _BACKOFF_S[min(tries, len(_BACKOFF_S) - 1)]
                tries += 1
                self._closing.wait(pause * random.uniform(0.75, 1.25))

    def _listen(self) -> str:
        """Take what comes until the call ends. Returns why it did."""
        call = self._call
        assert call is not None
        next_ping = 0.0
        while not self._closing.is_set():
            records = call.read(_LOOK_S)
            if records is None:
                return call.last_words() or "the connection was cut"
            self.received_bytes += call.take_count()
            if records:
                self._heard = time.monotonic()
                self._take(records)
            silent = time.monotonic() - max(self._heard, call.heard)
            if silent > _DEAD_S:
                return f"nothing was heard for {_DEAD_S:.0f} s"
            self._set(LinkState.STALE if silent > _STALE_S else LinkState.LIVE)
            if time.monotonic() >= next_ping:
                next_ping = time.monotonic() + _PING_S
                self._say({"op": "hb"})
        return ""

    def _take(self, records: list[dict[str, Any]]) -> None:
        """Into the mirror with it."""
        lines: dict[str, list[Mapping[str, Any]]] = {"metrics": [], "episodes": [], "events": []}
        for record in records:
            if "metric" in record:
                lines["metrics"].append(metrics_line(_mapping(record["metric"]), self._columns))
            elif "columns" in record:
                self._columns = _names(record["columns"])
            elif "episode" in record:
                lines["episodes"].append(_mapping(record["episode"]))
            elif "event" in record:
                lines["events"].append(_mapping(record["event"]))
            elif "state" in record:
                self._status = _status_of(_mapping(record["state"]))
            elif "error" in record:
                raise Refused(f"{self.host}: {text(record, 'error', 500)}", hint=text(record, "hint", 500))
            else:
                for answer in self._desk.hear(record):
                    self._say(answer)
        try:
            for log, those in lines.items():
                if those:
                    self._mirror.add(log, those)
            self._mirror.state(self._status)
        except RunError as error:  # no fault of the line: to call again would not help
            raise Refused(f"what comes cannot be kept: {error.message}", hint=CACHE_HINT) from error

    def _say(self, record: Mapping[str, Any]) -> None:
        with self._sending:
            if self._call is not None:
                self._call.say(record)

    def _hang_up(self) -> None:
        with self._sending:
            call, self._call = self._call, None
        if call is not None:
            call.end()
        for command in self._desk.cut():
            self._note("warning", f"{type(command).__name__.lower()} may not have reached {self.host}")

    def _set(self, state: LinkState, words: str = "") -> None:
        before = self._link
        self._link, self._words = state, words
        if state is not before:
            self._note_change(before, state, words)
        if state is LinkState.LIVE and self._call is not None:
            self._heard = max(self._heard, self._call.heard)

    def _note_change(self, before: LinkState, state: LinkState, words: str) -> None:
        """Tell the screen. The run's own history knows nothing of it."""
        if state is LinkState.LIVE and before is LinkState.RECONNECTING:
            self._note("state", f"{self.host} is live again, after {time.monotonic() - self._heard:.0f} s")
        elif state is LinkState.RECONNECTING:
            self._note("warning", f"{self.host}: {words}; calling again")
        elif state is LinkState.LOST:
            self._note("error", words)

    def _note(self, kind: str, words: str) -> None:
        self._notes.append(EventLogged(self._status.step, time.time(), kind, words))


class _Call:
    """One process of ssh, from its start to its end."""

    def __init__(self, host: str, wish: Follow, *, may_ask: bool) -> None:
        self._host = host
        self._inflate: Any = None
        self._is_compressed = wish.compress
        self._waiting = b""  # came, and not yet looked at
        self._count = 0
        self._said: deque[str] = deque(maxlen=_MOST_WORDS)
        self.heard = time.monotonic()
        try:
            self._process = subprocess.Popen(
                ssh_command(host, ["stream"], may_ask=may_ask),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # A signal to our terminal is not for it; but without a session of ours it could not ask us anything.
                process_group=None if may_ask else 0,
            )
        except OSError as error:
            raise Refused("ssh cannot be started: is it installed?", hint=f"{error.strerror}") from error
        self._out, self._in = _pipe(self._process.stdout), _pipe(self._process.stdin)
        os.set_blocking(self._in.fileno(), False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._out, selectors.EVENT_READ)
        self._errors = threading.Thread(target=self._read_errors, name=f"ssh {host}", daemon=True)
        self._errors.start()
        with suppress(RunError):  # it has ended already: its last words, which say why, come first
            self.say(wish.record())

    def first_word(self, patience: float, closing: threading.Event) -> dict[str, Any]:
        """The hello of the other side; what a shell prints before it is passed over.

        Raises:
            RunError: none came; Refused where none ever will.
        """
        until = time.monotonic() + patience
        said = b""
        while time.monotonic() < until and not closing.is_set():
            if not self._selector.select(_LOOK_S):
                continue
            # Byte by byte would be slow, and more than the line may be compressed already.
            data = os.read(self._out.fileno(), _CHUNK_BYTES)
            if not data:
                raise self._refusal()
            said += data
            found = _FIRST_WORD.search(said)
            if found is not None and b"\n" in said[found.start() :]:
                line, _, rest = said[found.start() :].partition(b"\n")
                return self._begin(line, rest)
            if len(said) > (_MAX_NOISE_BYTES if found is None else MAX_LINE_BYTES):
                raise Refused(f"{self._host} answers, but not as gridrl does", hint="does its shell print a lot?")
        raise RunError(f"{self._host} does not answer")

    def _begin(self, line: bytes, rest: bytes) -> dict[str, Any]:
        record = LineBuffer().feed(line + b"\n")[0]
        self._lines = LineBuffer(_MAX_RECORD_BYTES)
        if "error" in record:
            raise Refused(f"{self._host}: {text(record, 'error', 500)}", hint=text(record, "hint", 500))
        self._inflate = zlib.decompressobj() if self._is_compressed else None
        self._waiting = rest
        return record

    def read(self, patience: float) -> list[dict[str, Any]] | None:
        """Records that came; None at the end.

        Raises:
            RunError: what came is no language of ours.
        """
        data, self._waiting = self._waiting, b""
        if not data:
            if not self._selector.select(patience):
                return []
            data = os.read(self._out.fileno(), _CHUNK_BYTES)
            if not data:
                return None
            self.heard = time.monotonic()
            self._count += len(data)
        return self._lines.feed(self._plain(data))

    def _plain(self, data: bytes) -> bytes:
        if self._inflate is None:
            return data
        try:
            plain = self._inflate.decompress(data, _INFLATED_BYTES)
        except zlib.error as error:
            raise RunError("what came is damaged") from error
        self._waiting = self._inflate.unconsumed_tail
        return bytes(plain)

    def take_count(self) -> int:
        """Bytes that came since the last call."""
        count, self._count = self._count, 0
        return count

    def say(self, record: Mapping[str, Any]) -> None:
        """Send a record.

        Raises:
            RunError: the other side takes no more.
        """
        data = to_line(record)
        try:
            if os.write(self._in.fileno(), data) != len(data):
                raise BlockingIOError
        except (OSError, ValueError) as error:
            raise RunError(f"{self._host} takes nothing more") from error

    def last_words(self) -> str:
        """What ssh said last, on one line; not printable yet."""
        self._errors.join(_LOOK_S)
        return self._said[-1] if self._said else ""

    def hang_up(self) -> None:
        """Let the other thread see the end at once."""
        with suppress(OSError):
            self._process.terminate()

    def end(self) -> None:
        """See ssh off. What runs on the other side ends with it."""
        with suppress(OSError):
            self._in.close()
        self._process.terminate()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:  # stopped, or stuck
            self._process.kill()
            self._process.wait()
        self._errors.join(_END_S)
        self._selector.close()
        self._out.close()

    def _read_errors(self) -> None:
        errors = self._process.stderr
        assert errors is not None
        with suppress(OSError, ValueError):
            while line := errors.readline(_ERROR_BYTES):
                words = line.decode("utf-8", "replace").strip()
                if words:
                    self._said.append(words)
        errors.close()

    def _refusal(self) -> RunError:
        """Why the call ended before a word was said."""
        code: int | None = None
        with suppress(subprocess.TimeoutExpired):
            code = self._process.wait(_END_S)
        self._errors.join(_END_S)
        said = list(self._said)
        words, hint = why_it_ended(self._host, code, said, "stream")
        if any(sign in word for sign in _NEEDS_A_PERSON for word in said):
            return Refused(words, hint="attach anew: ssh can ask then")
        return (RunError if code in (None, SSH_FAILED) else Refused)(words, hint=hint)


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise RunError("what came is no record")
    return value


def _names(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise RunError("names of metrics came that are none")
    return value


def _status_of(record: Mapping[str, Any]) -> RunStatus:
    """A state that came.

    Raises:
        RunError: it is none.
    """
    try:
        status = RunState(record.get("status"))  # type: ignore[arg-type]  # the check is the point
    except ValueError as error:
        raise RunError("a state came that is none") from error
    return RunStatus(
        status=status,
        step=whole(record, "step"),
        total_steps=whole(record, "total_steps"),
        sps=number(record, "sps"),
        elapsed=number(record, "elapsed"),
        message=text(record, "message", 2000),
    )

"""A bad line: a TCP port in front of another, which is slow, narrow, silent or cut on command, and counts what passes.

A `Link` is owned by who made it and called from that thread; the line itself runs in a thread of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any

CHUNK = 4096  # bytes: a narrow line gives them out so smoothly
CHUNKS_UNDER_WAY = 64  # each way of a connection; whoever sends more waits, as for a full socket


class _Way:
    """One direction of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_back: bool) -> None:
        self.reader, self.writer, self.is_back = reader, writer, is_back
        self.under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(CHUNKS_UNDER_WAY)


class Link:
    """Carries every connection to `port` on to `target_port`, both of this machine.

    Args:
        delay_s: one way, seconds that every byte takes.
        bytes_per_s: that pass each way of each connection; None for as many as come.
    """

    def __init__(self, target_port: int, *, delay_s: float = 0.0, bytes_per_s: float | None = None) -> None:
        self._target_port, self._delay_s, self._bytes_per_s = target_port, delay_s, bytes_per_s
        self.bytes_there = 0
        """Bytes that have reached the target."""
        self.bytes_back = 0
        """Bytes that have come from it."""
        self.connections = 0
        """How many there have been."""
        self._lines: dict[asyncio.Task[None], asyncio.Event] = {}  # what may flow, by connection
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="link", daemon=True)
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def stall(self) -> None:
        """From now on nothing passes on the present connections, and nobody is told. New ones are fine."""
        self._call(self._set_flowing(False))

    def resume(self) -> None:
        """What was held back passes, in order."""
        self._call(self._set_flowing(True))

    def cut(self) -> None:
        """Close the present connections on both sides; what was under way is lost. New ones are fine."""
        self._call(self._cut())

    def close(self) -> None:
        """Cut them and take no more."""
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Link:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    # In the line's thread

    async def _set_flowing(self, flowing: bool) -> None:
        for each in self._lines.values():
            if flowing:
                each.set()
            else:
                each.clear()

    async def _cut(self) -> None:
        lines = list(self._lines)
        for line in lines:
            line.cancel()
        await asyncio.gather(*lines, return_exceptions=True)

    async def _close(self) -> None:
        self._server.close()
        await self._cut()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        flowing = asyncio.Event()
        flowing.set()
        line = asyncio.create_task(self._carry(reader, writer, flowing))
        self._lines[line] = flowing
        line.add_done_callback(self._lines.pop)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flowing: asyncio.Event) -> None:
        """One connection, until both sides have said their last or one of them broke it off."""
        writers = [writer]
        try:
            with contextlib.suppress(OSError):  # one side has broken it off, or was not there
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
                writers.append(far_writer)
                there, back = _Way(reader, far_writer, is_back=False), _Way(far_reader, writer, is_back=True)
                ends = (self._take(there), self._take(back), self._give(there, flowing), self._give(back, flowing))
                await _all_or_none(*ends)
        finally:
            for each in writers:
                each.transport.abort()

    async def _take(self, way: _Way) -> None:
        """Receive, and say of each chunk when it is to arrive."""
        free = 0.0  # when the narrow place has let the chunk before through
        data = b"more"
        while data:
            data = await way.reader.read(CHUNK)
            free = max(self._loop.time(), free) + (len(data) / self._bytes_per_s if self._bytes_per_s else 0.0)
            await way.under_way.put((free + self._delay_s, data))

    async def _give(self, way: _Way, flowing: asyncio.Event) -> None:
        data = b"more"
        while data:
            arrival, data = await way.under_way.get()
            await asyncio.sleep(arrival - self._loop.time())
            await flowing.wait()
            self._count(way, len(data))
            if data:
                way.writer.write(data)
                await way.writer.drain()
        way.writer.write_eof()

    def _count(self, way: _Way, size: int) -> None:
        if way.is_back:
            self.bytes_back += size
        else:
            self.bytes_there += size


async def _all_or_none(*work: Coroutine[Any, Any, None]) -> None:
    """Wait for all of them, or until one fails: then the others end, and its error is raised."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()

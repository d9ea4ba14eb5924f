"""The bad line does what it is asked to: nothing passes too soon, too fast, in silence or after a cut."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from .link import Link

PATIENCE_S = 30.0


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that says back what it hears."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=answer, args=(server,), daemon=True).start()
        yield server.getsockname()[1]


def answer(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=say_back, args=(connection,), daemon=True).start()


def say_back(connection: socket.socket) -> None:
    with connection:
        try:
            while data := connection.recv(65536):
                connection.sendall(data)
        except OSError:
            return


def connect(link: Link) -> socket.socket:
    return socket.create_connection(("127.0.0.1", link.port), timeout=PATIENCE_S)


def read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (part := connection.recv(65536)):
        data += part
    return data


def test_everything_arrives_in_order_and_is_counted_each_way(echo: int) -> None:
    data = bytes(range(256)) * 4096  # 1 MiB, more than may be under way

    with Link(echo) as link, connect(link) as connection:
        sender = threading.Thread(target=connection.sendall, args=(data,))
        sender.start()
        came = read(connection, len(data))
        sender.join()

        assert came == data
        assert (link.bytes_there, link.bytes_back, link.connections) == (len(data), len(data), 1)


def test_a_byte_takes_the_delay_each_way(echo: int) -> None:
    with Link(echo, delay_s=0.1) as link, connect(link) as connection:
        start = time.monotonic()
        connection.sendall(b"x")
        assert read(connection, 1) == b"x"

        assert time.monotonic() - start >= 0.2


def test_no_more_than_the_bandwidth_passes(echo: int) -> None:
    data = bytes(20_000)

    with Link(echo, bytes_per_s=100_000) as link, connect(link) as connection:
        start = time.monotonic()
        connection.sendall(data)
        assert read(connection, len(data)) == data

        assert time.monotonic() - start >= 0.2


def test_a_stall_lets_nothing_through_until_it_ends(echo: int) -> None:
    with Link(echo) as link, connect(link) as connection:
        connection.sendall(b"before")
        assert read(connection, 6) == b"before"

        link.stall()
        connection.sendall(b"during")
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        assert link.bytes_there == 6
        connection.settimeout(PATIENCE_S)
        link.resume()

        assert read(connection, 6) == b"during"


def test_a_connection_made_during_a_stall_is_fine(echo: int) -> None:
    with Link(echo) as link, connect(link) as old:
        old.sendall(b"x")
        assert read(old, 1) == b"x"
        link.stall()

        with connect(link) as new:
            new.sendall(b"new")
            assert read(new, 3) == b"new"


def test_a_cut_ends_both_sides_and_the_next_connection_is_fine(echo: int) -> None:
    with Link(echo) as link:
        with connect(link) as connection:
            connection.sendall(b"x")
            assert read(connection, 1) == b"x"

            link.cut()

            assert is_over(connection)
        with connect(link) as connection:
            connection.sendall(b"again")
            assert read(connection, 5) == b"again"


def test_a_cut_ends_a_stalled_connection(echo: int) -> None:
    with Link(echo) as link, connect(link) as connection:
        connection.sendall(b"x")
        assert read(connection, 1) == b"x"
        link.stall()
        connection.sendall(b"lost")

        link.cut()

        assert is_over(connection)
        assert link.bytes_there == 1


def is_over(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_the_end_of_one_side_is_told_to_the_other(echo: int) -> None:
    with Link(echo) as link, connect(link) as connection:
        connection.sendall(b"last")
        connection.shutdown(socket.SHUT_WR)

        assert read(connection, 99) == b"last"  # and then the end, which the server's end brought


def test_nobody_at_the_target_is_the_end_of_the_connection() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]

    with Link(port) as link, connect(link) as connection:
        assert is_over(connection)


def test_a_closed_link_leaves_no_thread(echo: int) -> None:
    before = set(threading.enumerate())
    link = Link(echo)
    connection = connect(link)
    connection.sendall(b"x")
    assert read(connection, 1) == b"x"

    link.close()

    with connection:
        assert is_over(connection)
    assert not {thread for thread in set(threading.enumerate()) - before if thread.name == "link"}

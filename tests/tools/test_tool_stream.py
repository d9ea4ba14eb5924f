"""`gridrl stream`: a run in JSON lines, as another program sees it."""

from __future__ import annotations

import json
import subprocess
import zlib
from pathlib import Path
from typing import Any

import pytest

from engine.runs import RunDirectory, RunState, RunWriter

from .console import command, environment, gridrl

ROWS = 50


@pytest.fixture
def past(tmp_path: Path) -> RunDirectory:
    """A run that is over: 50 rows of metrics, 100 of episodes, 2 events."""
    with RunWriter.create(tmp_path, "past", {}, {"recipe": "navigation"}, segment_bytes=2000) as writer:
        for step in range(1, ROWS + 1):
            writer.metrics(step, {"a/b": step / 7, "odd": float("nan")} if step % 10 else {"a/b": 0.0})
            writer.episodes([{"env": 0, "agent": agent, "reward": 1.0} for agent in range(2)], step=step)
        writer.event("warning", "\x1b[2Jhostile")
        writer.event("state", "done")
    return RunDirectory(tmp_path / "past")


def told(run: RunDirectory, wish: dict[str, Any], *more: dict[str, Any]) -> list[dict[str, Any]]:
    """All that a stream says to a watcher that says this, and then hangs up."""
    said = b"".join(json.dumps(record).encode() + b"\n" for record in ({"op": "follow", "proto": 1, **wish}, *more))
    done = subprocess.run(
        command("stream"), env=environment(run.path.parent), input=said, capture_output=True, timeout=60, check=False
    )
    hello, _, rest = done.stdout.partition(b"\n")
    plain = zlib.decompressobj().decompress(rest) if wish.get("compress") else rest
    return [json.loads(line) for line in (hello + b"\n" + plain).splitlines()]


def rows(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Metrics as the log has them."""
    columns: list[str] = []
    lines = []
    for record in records:
        columns = record.get("columns", columns)
        if "metric" in record:
            row = record["metric"].pop("row")
            lines.append({**record["metric"], "values": dict(zip(columns, row, strict=True))})
    return lines


@pytest.mark.parametrize("compress", [False, True])
def test_it_says_every_row_as_the_log_has_it(past: RunDirectory, compress: bool) -> None:
    records = told(past, {"run": "past", "compress": compress})

    assert records[0]["hello"] == "past"
    assert records[0]["identity"]["recipe"] == "navigation"
    assert rows(records) == past.log("metrics").read_new()
    assert [record["episode"] for record in records if "episode" in record] == past.log("episodes").read_new()
    assert [record["event"] for record in records if "event" in record] == past.log("events").read_new()
    assert [record["state"]["status"] for record in records if "state" in record] == ["finished"]


def test_it_goes_on_behind_what_the_watcher_has(past: RunDirectory) -> None:
    created = past.log("metrics") and json.loads((past.path / "run.json").read_text())["created"]
    records = told(past, {"run": "past", "created": created, "after": {"metrics": 48, "episodes": 100, "events": 1}})

    assert records[0]["fresh"] is False
    assert [line["seq"] for line in rows(records)] == [49, 50]
    assert not any("episode" in record for record in records)
    assert [record["event"]["seq"] for record in records if "event" in record] == [2]


def test_another_run_of_that_name_is_told_from_the_beginning(past: RunDirectory) -> None:
    records = told(past, {"run": "past", "created": "1999-01-01", "after": {"metrics": 48}})

    assert records[0]["fresh"] is True
    assert [line["seq"] for line in rows(records)] == list(range(1, ROWS + 1))


@pytest.mark.parametrize(("limit", "every"), [(50, 1), (49, 2), (7, 8), (1, 50)])
def test_of_a_long_past_every_so_many_rows_and_always_the_last(past: RunDirectory, limit: int, every: int) -> None:
    records = told(past, {"run": "past", "history": limit, "episodes": False})

    assert records[0]["every"] == {"metrics": every, "events": 1}
    assert [line["seq"] for line in rows(records)] == list(range(ROWS, 0, -every))[::-1]


def test_no_control_character_of_the_log_leaves_it(past: RunDirectory) -> None:
    said = gridrl(past.path.parent, "stream", "past").stdout

    assert "\x1b" not in said
    assert "hostile" in said


def test_commands_to_a_run_that_is_over_are_refused(past: RunDirectory) -> None:
    records = told(past, {"run": "past"}, {"op": "pause", "id": 5}, {"op": "watch", "env": 0, "fps": 5, "id": 6})

    refused = {record["refused"]: record["words"] for record in records if "refused" in record}
    assert set(refused) == {5, 6}
    assert all("nobody trains it now" in words for words in refused.values())


@pytest.mark.parametrize(
    ("wish", "complaint"),
    [
        ({"run": "none"}, "there is no run none"),
        ({"run": "../past"}, "cannot be a run's name"),
        ({"run": "past", "proto": 99}, "speaks version 1, the other 99"),
        ({"run": "past", "op": "steal"}, "first line must say what to follow"),
        ({"run": "past", "after": {"metrics": -1}}, "metrics must be a whole number"),
    ],
)
def test_what_cannot_be_followed_is_refused_in_one_record(
    past: RunDirectory, wish: dict[str, Any], complaint: str
) -> None:
    records = told(past, wish)

    assert len(records) == 1
    assert complaint in records[0]["error"]


def test_a_run_of_a_later_version_is_refused(tmp_path: Path) -> None:
    RunWriter.create(tmp_path, "later", {}, {}).close(RunState.FINISHED)
    record = json.loads((tmp_path / "later" / "run.json").read_text())
    (tmp_path / "later" / "run.json").write_text(json.dumps({**record, "v": 2}))

    (said,) = told(RunDirectory(tmp_path / "later"), {"run": "later"})

    assert "version 2, this program reads 1" in said["error"]


def test_no_run_is_usage() -> None:
    done = subprocess.run(command("stream"), input=b"", capture_output=True, timeout=60, check=False)

    assert done.returncode == 2
    assert "needs a run" in json.loads(done.stdout)["error"]


def test_a_line_that_is_no_record_is_told(past: RunDirectory) -> None:
    done = subprocess.run(
        command("stream", "past"), env=environment(past.path.parent), input=b"hello\n", capture_output=True, timeout=60
    )

    assert "no record" in json.loads(done.stdout.splitlines()[-1])["error"]
    assert done.returncode == 1

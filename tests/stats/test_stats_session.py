"""The SQL console's engine: fresh rows, honest results, clear refusals, and no way out."""

from __future__ import annotations

import json
import random
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import QueryCancelled, QueryError
from engine.runs import LogReader, RunState, RunWriter
from engine.stats import QuerySession
from engine.stats.refusal import place
from engine.stats.session import _HARDENED as HARDENED

ENDLESS = "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE (a.range * b.range) % 7 = 3"


def episode(number: int, reward: float, **more: Any) -> dict[str, Any]:
    row = {"env": 0, "agent": 1, "group": 0, "episode": number, "length": 10, "reward": reward, "end": "terminated"}
    return {**row, "terms": {"goal": reward}, "stats": {"ore.gained": 2}, **more}


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunWriter]:
    meta = {"recipe": "arena.basic", "game": "arena", "map": "arena/small", "seed": 3}
    with RunWriter.create(tmp_path, "ruddy-otter", {}, meta) as writer:
        writer.state(RunState.TRAINING, 0, 100)
        yield writer


@pytest.fixture
def session(tmp_path: Path) -> Iterator[QuerySession]:
    with QuerySession(tmp_path) as opened:
        yield opened


def rows(session: QuerySession, sql: str) -> list[tuple[Any, ...]]:
    return session.run(sql).rows


def refused(session: QuerySession, sql: str) -> QueryError:
    with pytest.raises(QueryError) as error:
        session.run(sql)
    assert "Traceback" not in error.value.message
    assert "{" not in error.value.message
    return error.value


def test_the_average_reward_of_each_policy(session: QuerySession, run: RunWriter) -> None:
    run.episodes([episode(1, 1.0), episode(2, 2.0)], step=5)
    session.refresh()

    result = session.run(
        "SELECT policy_name, AVG(value) AS avg_reward FROM agent_metrics WHERE metric = 'reward' GROUP BY policy_name;"
    )

    assert result.columns == ["policy_name", "avg_reward"]
    assert result.types == ["VARCHAR", "DOUBLE"]
    assert result.rows == [("ruddy-otter", 1.5)]
    assert result.elapsed_ms > 0


def test_the_views_have_the_documented_columns(session: QuerySession) -> None:
    columns = {table.name: [name for name, _ in table.columns] for table in session.tables()}

    assert list(columns) == ["runs", "metrics", "episodes", "agent_metrics", "events"]
    assert columns["runs"][:9] == [
        "run_id",
        "recipe",
        "game",
        "map",
        "created",
        "status",
        "step",
        "total_steps",
        "seed",
    ]
    assert columns["metrics"] == ["run_id", "seq", "step", "time", "metric", "value"]
    assert {"run_id", "env", "agent", "policy_name", "episode", "length", "reward", "ended"} <= set(columns["episodes"])
    assert columns["agent_metrics"][:7] == ["policy_name", "run_id", "episode", "env", "agent", "metric", "value"]
    assert columns["events"] == ["run_id", "seq", "step", "time", "kind", "message", "data"]


def test_a_run_is_a_row(session: QuerySession, run: RunWriter) -> None:
    session.refresh()

    [row] = rows(session, "SELECT recipe, game, map, created, status, total_steps, seed, problem FROM runs")

    assert row[:3] == ("arena.basic", "arena", "arena/small")
    assert isinstance(row[3], datetime)
    assert row[4:] == ("training", 100, 3, None)


def test_metrics_are_rows_with_null_for_what_is_not_finite(session: QuerySession, run: RunWriter) -> None:
    run.metrics(5, {"train/loss": 0.5, "train/kl": float("nan")})
    session.refresh()

    assert rows(session, "SELECT run_id, seq, step, metric, value FROM metrics ORDER BY metric") == [
        ("ruddy-otter", 1, 5, "train/kl", None),
        ("ruddy-otter", 1, 5, "train/loss", 0.5),
    ]


def test_an_episode_is_a_row_and_each_of_its_numbers_a_metric(session: QuerySession, run: RunWriter) -> None:
    run.episodes([episode(4, 1.5, end="truncated")], step=9)
    session.refresh()

    assert rows(session, "SELECT step, env, agent, group_id, episode, length, reward, ended FROM episodes") == [
        (9, 0, 1, 0, 4, 10, 1.5, "truncated")
    ]
    assert rows(session, "SELECT metric, value, episode, env, agent FROM agent_metrics ORDER BY metric") == [
        ("goal", 1.5, 4, 0, 1),
        ("length", 10.0, 4, 0, 1),
        ("ore.gained", 2.0, 4, 0, 1),
        ("reward", 1.5, 4, 0, 1),
    ]


def test_events_are_rows_with_their_data_as_json(session: QuerySession, run: RunWriter) -> None:
    run.event("command", "learning rate set", name="lr", new=0.1)
    session.refresh()

    [(kind, message, data)] = rows(session, "SELECT kind, message, data FROM events")

    assert (kind, message, json.loads(data)) == ("command", "learning rate set", {"name": "lr", "new": 0.1})


def test_a_refresh_takes_only_what_is_new(session: QuerySession, run: RunWriter) -> None:
    counts = []
    for step in range(4):
        for _ in range(step):
            run.metrics(step, {"a": 1.0, "b": 2.0})
        refreshed = session.refresh()
        counts.append((refreshed.lines, refreshed.rows))

    assert counts == [(0, 0), (1, 2), (2, 4), (3, 6)]
    assert rows(session, "SELECT count(*) FROM metrics") == [(12,)]


def test_the_state_of_a_run_is_followed(session: QuerySession, run: RunWriter) -> None:
    session.refresh()
    run.close(RunState.STOPPED, "by hand")
    session.refresh()

    assert rows(session, "SELECT status, message FROM runs") == [("stopped", "by hand")]


def test_a_torn_tail_is_taken_once_it_is_whole(session: QuerySession, run: RunWriter) -> None:
    run.metrics(1, {"a": 1.0})
    path = run.path / "metrics-00001.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-4])
    session.refresh()
    assert rows(session, "SELECT count(*) FROM metrics") == [(0,)]

    path.write_bytes(whole)
    session.refresh()

    assert rows(session, "SELECT count(*) FROM metrics") == [(1,)]


def test_steps_taken_again_after_a_resume_count_once(tmp_path: Path, session: QuerySession) -> None:
    with RunWriter.create(tmp_path, "calm-fox", {}, {}) as run:
        for step in (10, 20, 30, 40):
            run.metrics(step, {"a": float(step)})
            run.episodes([episode(step, 1.0)], step=step)
    session.refresh()
    with RunWriter.resume(run.path) as run:
        for step in (30, 40, 50):
            run.metrics(step, {"a": step + 0.5})
            run.episodes([episode(step, 2.0)], step=step)
    session.refresh()

    once = [(10, 10.0), (20, 20.0), (30, 30.5), (40, 40.5), (50, 50.5)]
    assert rows(session, "SELECT step, value FROM metrics ORDER BY step") == once
    with QuerySession(tmp_path) as afresh:  # both attempts in one bite
        afresh.refresh()
        assert rows(afresh, "SELECT step, value FROM metrics ORDER BY step") == once
        assert rows(afresh, "SELECT sum(reward) FROM episodes") == [(8.0,)]
        assert rows(afresh, "SELECT sum(value) FROM agent_metrics WHERE metric = 'reward'") == [(8.0,)]


def tables_of(session: QuerySession) -> dict[str, list[tuple[Any, ...]]]:
    session.refresh()
    names = ("metrics", "episodes", "agent_metrics", "events")
    return {name: rows(session, f"SELECT * FROM {name} ORDER BY ALL") for name in names}


def test_the_tables_are_the_same_from_parquet_and_from_lines(tmp_path: Path) -> None:
    path = tmp_path / "parts" / "calm-fox"
    create = partial(RunWriter.create, path.parent, path.name, {}, {}, segment_bytes=700)
    with QuerySession(path.parent) as followed:
        for opened, steps in ((create, range(30)), (partial(RunWriter.resume, path, segment_bytes=700), range(20, 50))):
            with opened() as run:
                for step in steps:
                    run.metrics(step, {"a": step / 7, "A": float(run.attempt), "bad": float("nan")})
                    run.episodes([episode(step, run.attempt + 1 / 3)], step=step)
                    followed.refresh()
        of_followed = tables_of(followed)
    lines = tmp_path / "lines" / path.name
    shutil.copytree(path, lines, ignore=shutil.ignore_patterns("*-0*"))
    for name in ("metrics", "episodes"):
        assert len(list(path.glob(f"{name}-*.parquet"))) > 5
        records = LogReader(path / name).read_new()
        (lines / f"{name}-00001.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))

    with QuerySession(path.parent) as afresh, QuerySession(lines.parent) as from_lines:
        assert tables_of(afresh) == tables_of(from_lines) == of_followed
    assert [step for _, _, step, *_ in of_followed["episodes"]] == list(range(50))


def test_another_program_reads_the_files_as_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "sql.md").read_text("utf-8")
    [program] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    for opened, steps in (
        (partial(RunWriter.create, tmp_path, "calm-fox", {}, {}, segment_bytes=700), range(20)),
        (partial(RunWriter.resume, tmp_path / "calm-fox", segment_bytes=700), range(15, 30)),
    ):
        with opened() as run:
            for step in steps:
                run.metrics(step, {"rollout/ep_rew_mean": step / 7 + run.attempt})
    with sorted(run.path.glob("metrics-*.jsonl"))[-1].open("ab") as file:
        file.write(b'{"v":1,"seq":99,"st')
    monkeypatch.chdir(run.path)

    known: dict[str, Any] = {}
    exec(program, known)

    expected = [(step, step / 7 + (1 if step < 15 else 2)) for step in range(30)]
    assert known["curve"].fetchall() == expected
    assert len(known["metrics"].fetchall()) == 35


def test_a_run_that_is_deleted_disappears_and_one_of_the_same_name_begins_anew(
    tmp_path: Path, session: QuerySession
) -> None:
    for value in (1.0, 2.0):
        with RunWriter.create(tmp_path, "calm-fox", {}, {}) as run:
            run.metrics(1, {"a": value})
        session.refresh()
        assert rows(session, "SELECT value FROM metrics") == [(value,)]
        run.path.rename(tmp_path / ".aside")
        session.refresh()
        assert rows(session, "SELECT * FROM runs") == []
        assert rows(session, "SELECT * FROM metrics") == []
        shutil.rmtree(tmp_path / ".aside")


def test_a_damaged_run_is_listed_with_its_problem_and_the_others_work(
    tmp_path: Path, session: QuerySession, run: RunWriter
) -> None:
    run.metrics(1, {"a": 1.0})
    with RunWriter.create(tmp_path, "sick-fox", {}, {}) as sick:
        sick.metrics(1, {"a": 2.0})
    for name in ("run.json", "state.json"):
        (sick.path / name).write_bytes(b"\x00\xff")
    with (sick.path / "metrics-00001.jsonl").open("ab") as file:
        file.write(b"garbage\n")
    with RunWriter.create(tmp_path, "wild-fox", {}, {}) as wild:
        wild.metrics(1, {})
    (wild.path / "metrics-00001.jsonl").write_bytes(b"garbage\n" * 3)

    refreshed = session.refresh()

    assert (refreshed.runs, refreshed.bad_lines) == (3, 4)
    listed = {
        name: (status, problem) for name, status, problem in rows(session, "SELECT run_id, status, problem FROM runs")
    }
    assert listed["ruddy-otter"] == ("training", None)
    assert listed["sick-fox"][0] == "failed"
    assert "damaged" in listed["sick-fox"][1]
    assert "3 damaged lines" in listed["wild-fox"][1]
    assert rows(session, "SELECT value FROM metrics ORDER BY value") == [(1.0,), (2.0,)]


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"step": None, "values": {}},
        {"step": 2**70, "values": {"a": 1}},
        {"step": 1, "values": [1]},
        {"step": 1, "attempt": "x", "values": {"a": 1}},
        {"step": 1, "attempt": 2**40, "values": {"a": 1}},
    ],
)
def test_a_record_that_is_none_of_ours_is_counted_and_left_out(
    session: QuerySession, run: RunWriter, record: dict[str, Any]
) -> None:
    path = run.path / "metrics-00001.jsonl"
    path.write_text(json.dumps(record) + '\n{"step":7,"values":{"a":1.0}}\n')

    assert session.refresh().bad_lines == 1
    assert rows(session, "SELECT step, value FROM metrics") == [(7, 1.0)]


def test_odd_values_become_null_and_odd_names_stay_text(session: QuerySession, run: RunWriter) -> None:
    values = {"big": 10**400, "word": "x", "list": [1], "\ud800\x00\x1b": 1}
    (run.path / "metrics-00001.jsonl").write_text(
        json.dumps({"step": 1, "time": "x", "seq": -(10**30), "values": values}) + "\n"
    )
    session.refresh()

    found = rows(session, "SELECT metric, value, time, seq FROM metrics")

    assert len(found) == 4
    assert sorted(row[1:] for row in found if row[1] is None) == [(None, None, None)] * 3


HOSTILE = [
    "SELECT * FROM read_text('{root}/secret.txt')",
    "SELECT * FROM '{root}/secret.csv'",
    "SELECT * FROM read_csv('{root}/secret.csv')",
    "SELECT * FROM read_json('{root}/*/metrics-*.jsonl')",
    "SELECT * FROM glob('{root}/*')",
    "SELECT * FROM sniff_csv('{root}/secret.csv')",
    "CREATE TEMP TABLE x AS FROM read_blob('{root}/secret.txt')",
    "COPY (SELECT 1) TO '{root}/made.csv'",
    "COPY runs TO '{root}/made.parquet' (FORMAT parquet)",
    "EXPORT DATABASE '{root}/made'",
    "IMPORT DATABASE '{root}'",
    "ATTACH '{root}/made.duckdb'",
    "ATTACH ':memory:' AS other",
    "DETACH memory",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{root}/x.duckdb_extension'",
    "SET enable_external_access = true",
    "SET memory_limit = '100GB'",
    "SET threads = 64",
    "SET lock_configuration = false",
    "SET temp_directory = '{root}/made'",
    "SET log_query_path = '{root}/made'",
    "RESET memory_limit",
    "PRAGMA enable_profiling",
    "CREATE PERSISTENT SECRET s (TYPE http)",
    "SELECT getenv('HOME')",
    "BEGIN",
    "COMMIT",
    "ROLLBACK; DROP TABLE log.metrics",
    "SELECT 1; COMMIT; DROP TABLE log.metrics",
    "PREPARE p AS COMMIT; EXECUTE p",
    "DROP VIEW metrics",
    "DROP SCHEMA log CASCADE",
    "DELETE FROM log.metrics",
    "UPDATE log.metrics SET value = 0",
    "INSERT INTO log.metrics VALUES (0, 1, 1, 1, 1, 0, 0)",
    "TRUNCATE log.metrics",
    "ALTER TABLE log.metrics DROP COLUMN value",
    "CREATE TABLE mine (a INTEGER)",
    "CREATE OR REPLACE VIEW metrics AS SELECT 1",
    "CREATE SCHEMA mine",
    "CREATE MACRO mine() AS 1",
]


@pytest.mark.parametrize("sql", HOSTILE)
def test_nothing_typed_reaches_files_settings_or_the_runs_tables(
    tmp_path: Path, session: QuerySession, run: RunWriter, sql: str
) -> None:
    run.metrics(1, {"a": 1.0})
    session.refresh()
    for name in ("secret.txt", "secret.csv"):
        (tmp_path / name).write_text("secret,word\n1,2\n")
    before = sorted(tmp_path.rglob("*"))

    error = refused(session, sql.format(root=tmp_path))

    assert "secret,word" not in str(error)
    assert sorted(tmp_path.rglob("*")) == before
    assert rows(session, "SELECT value FROM metrics") == [(1.0,)]


def test_variables_of_this_process_are_not_tables(session: QuerySession) -> None:
    my_local = np.arange(3)  # DuckDB's default would query it by this name

    assert "does not exist" in refused(session, "SELECT * FROM my_local").message
    assert len(my_local) == 3


def test_switching_the_schema_lasts_no_longer_than_the_query(session: QuerySession) -> None:
    session.run("USE log")

    assert rows(session, "SELECT run_id FROM metrics") == []


def test_a_temporary_table_stays_for_the_session(session: QuerySession, run: RunWriter) -> None:
    run.metrics(1, {"a": 1.0, "b": 2.0})
    session.refresh()
    session.run("CREATE TEMP TABLE mine AS SELECT metric, value FROM metrics")

    assert rows(session, "SELECT sum(value) FROM mine") == [(3.0,)]
    assert session.tables()[-1] == ("mine", "temporary", 2, (("metric", "VARCHAR"), ("value", "DOUBLE")))
    session.run("INSERT INTO mine VALUES ('c', 3.0)")
    assert session.tables()[-1].row_count == 3
    session.run("DROP TABLE mine")
    assert all(table.kind == "view" for table in session.tables())


def test_a_script_that_fails_has_done_nothing(session: QuerySession) -> None:
    refused(session, "CREATE TEMP TABLE mine AS SELECT 1; SELECT nonsense")

    assert "does not exist" in refused(session, "SELECT * FROM mine").message


def test_the_sidebar_counts_rows(session: QuerySession, run: RunWriter) -> None:
    run.metrics(1, {"a": 1.0, "b": 2.0})
    run.episodes([episode(1, 1.0)])
    session.refresh()

    counts = {table.name: table.row_count for table in session.tables()}

    assert counts == {"runs": 1, "metrics": 2, "episodes": 1, "agent_metrics": 4, "events": 0}


def test_the_last_of_several_statements_is_the_result(session: QuerySession) -> None:
    result = session.run("SELECT 1 AS a; -- a comment\nSELECT 2 AS b;\n")

    assert (result.columns, result.rows) == (["b"], [(2,)])


def test_more_rows_than_asked_for_are_called_so(session: QuerySession) -> None:
    exact = session.run("SELECT * FROM range(100)", max_rows=100)
    more = session.run("SELECT * FROM range(101)", max_rows=100)
    many = session.run("SELECT * FROM range(1000000)")

    assert (exact.row_count, exact.truncated, exact.summary) == (100, False, "100 rows")
    assert (more.row_count, more.truncated, more.summary) == (100, True, "first 100 of more")
    assert (many.row_count, many.truncated, many.summary) == (10_000, True, "first 10,000 of more")
    assert rows(session, "SELECT 1") == [(1,)]


def test_a_result_of_huge_cells_is_cut_short(session: QuerySession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.stats.session.MAX_RESULT_BYTES", 10_000)

    result = session.run("SELECT repeat('x', 3000) FROM range(1000)")

    assert result.truncated
    assert result.row_count == 4


def test_cells_are_plain_values(session: QuerySession) -> None:
    [row] = rows(
        session, "SELECT 1.5, 10::HUGEINT, [1.5], {'a': 1.25}, 'é', true, NULL, DATE '2026-01-02', sum(2::BIGINT)"
    )

    assert row[:7] == (1.5, 10, [1.5], {"a": 1.25}, "é", True, None)
    assert [type(cell) for cell in row[:4]] == [float, int, list, dict]
    assert row[7].isoformat() == "2026-01-02"
    assert type(row[8]) is int


PLACES = [
    ("SELECT * FRM runs", 1, 14),
    ("SELECT valu FROM metrics", 1, 8),
    ("SELECT\n  run_id,\n  nonsense\nFROM metrics", 3, 3),
    ("SELECT 1;\n\nSELECT 'é' || nonsense FROM metrics", 3, 15),
    ("SELECT * FROM metrix", 1, 15),
    ("SELECT 'open", 1, 8),
    ("SELECT " + "1, " * 300 + "nonsense FROM metrics", 1, 908),
    ("SELECT 1;\n  ATTACH 'x'", 2, 3),
]


@pytest.mark.parametrize(("sql", "line", "column"), PLACES)
def test_an_error_knows_its_line_and_column(session: QuerySession, sql: str, line: int, column: int) -> None:
    error = refused(session, sql)

    assert (error.line, error.column) == (line, column)


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("SELECT valu FROM metrics", "value"),
        ("SELECT * FROM metrix", "metrics"),
        ("SELECT * FROM agent_metric", "agent_metrics"),
        ("SELECT * FROM zzz", "agent_metrics"),
        ("SELECT cout(*) FROM runs", "count"),
        ("CREATE TABLE x (a INTEGER)", "CREATE TEMP TABLE"),
        ("  -- nothing", "SELECT * FROM runs"),
    ],
)
def test_an_error_says_what_was_probably_meant(session: QuerySession, sql: str, hint: str) -> None:
    assert hint in refused(session, sql).hint


@pytest.mark.parametrize("sql", ["SELECT '\ud800'", "SELECT 'a\x00b'", "SELECT '\x1b[31m'", "SELECT '\u202e'"])
def test_odd_characters_in_sql_are_no_crash(session: QuerySession, sql: str) -> None:
    assert session.run(sql).row_count == 1


@pytest.mark.parametrize(
    "sql", ["SELECT $1", "SELECT error('{boom')", "SELECT CAST('x' AS INTEGER)", "(" * 5000, "x" * 100_000]
)
def test_any_refusal_is_one_short_sentence(session: QuerySession, sql: str) -> None:
    with pytest.raises(QueryError) as error:
        session.run(sql)

    assert 0 < len(error.value.message) <= 400


def test_a_query_beyond_the_memory_is_refused_and_the_session_lives(session: QuerySession) -> None:
    error = refused(session, "SELECT list(a.range + b.range) FROM range(100000) a, range(10000) b")

    assert "memory" in error.message
    assert rows(session, "SELECT 1") == [(1,)]


def test_logs_beyond_the_memory_leave_the_session_usable_and_no_file_anywhere(
    tmp_path: Path, session: QuerySession, run: RunWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")  # where DuckDB would put its temporary files
    monkeypatch.setitem(HARDENED, "memory_limit", "16MB")
    dice = random.Random(1)
    for step in range(10):
        run.episodes([episode(dice.getrandbits(50), dice.random()) for _ in range(5000)], step=step)

    for _ in range(2):
        with pytest.raises(QueryError, match="no longer fit"):
            session.refresh()

    assert rows(session, "SELECT 1") == [(1,)]
    assert list((tmp_path / "here").iterdir()) == []


def outcome_of(query: Callable[[], Any], until_it_ends: Callable[[], Any]) -> BaseException | None:
    """Run a query on a thread of its own, and call the other function until it has ended."""
    outcome: list[BaseException | None] = []

    def work() -> None:
        try:
            query()
            outcome.append(None)
        except QueryError as error:
            outcome.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive():
        until_it_ends()
        thread.join(0.01)
    return outcome[0]


def test_a_query_is_cancelled_from_another_thread(session: QuerySession) -> None:
    for _ in range(5):
        outcome = outcome_of(lambda: session.run(ENDLESS), session.cancel)
        assert isinstance(outcome, QueryCancelled)

    assert rows(session, "SELECT 1") == [(1,)]


def test_a_cancel_between_two_statements_is_not_lost(session: QuerySession, monkeypatch: pytest.MonkeyPatch) -> None:
    check = session._stop_if_cancelled

    def cancel_just_after_the_check() -> None:
        check()
        session.cancel()

    monkeypatch.setattr(session, "_stop_if_cancelled", cancel_just_after_the_check)

    with pytest.raises(QueryCancelled):
        session.run(ENDLESS)


def test_a_cancel_of_nothing_does_not_hit_the_next_query(session: QuerySession) -> None:
    session.run("SELECT 1")
    session.cancel()

    assert rows(session, "SELECT 1") == [(1,)]


def test_refreshing_and_looking_do_not_wait_for_a_running_query(session: QuerySession, run: RunWriter) -> None:
    session.refresh()
    run.metrics(1, {"a": 1.0})
    seen: list[tuple[int, int]] = []

    def look_then_cancel() -> None:
        session.refresh()
        seen.append((session.tables()[0].row_count, session.tables()[1].row_count))
        session.cancel()

    outcome = outcome_of(lambda: session.run(ENDLESS), look_then_cancel)

    assert isinstance(outcome, QueryCancelled)
    assert seen[-1] == (1, 1)


def test_closing_ends_a_running_query(session: QuerySession) -> None:
    session.refresh()

    outcome = outcome_of(lambda: session.run(ENDLESS), session.close)

    assert isinstance(outcome, QueryError)
    assert "closed" in refused(session, "SELECT 1").message


def test_queries_and_refreshes_of_many_threads_agree(tmp_path: Path, session: QuerySession, run: RunWriter) -> None:
    failures: list[Exception] = []

    def work(job: Any) -> None:
        try:
            for _ in range(30):
                job()
        except Exception as error:  # noqa: BLE001 - whatever it is, the assertion below shows it
            failures.append(error)

    jobs = [
        session.refresh,
        session.tables,
        lambda: session.run("SELECT count(*), sum(value) FROM metrics"),
        session.cancel,
    ]
    threads = [threading.Thread(target=work, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    for step in range(200):
        run.metrics(step, {"a": 1.0})
    for thread in threads:
        thread.join()
    session.refresh()

    assert all(isinstance(failure, QueryCancelled) for failure in failures)
    assert rows(session, "SELECT count(*), sum(value) FROM metrics") == [(200, 200.0)]


def test_a_place_is_counted_in_characters_from_one() -> None:
    assert place("é\nab", 0) == (1, 1)
    assert place("é\nab", 4) == (2, 2)
    assert place("x", None) == (0, 0)

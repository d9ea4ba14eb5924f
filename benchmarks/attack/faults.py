"""Lets every call fail, one after the other, that a run's writer makes to the system (goal R2).

    python benchmarks/attack/faults.py [--modes once,full,dead,short] [--every 1] [--first 1] [--json]

A shim under libc (LD_PRELOAD, built with `cc`: DuckDB writes through C as well) counts the calls that concern files
under the run's directory and lets the k-th fail, for every k of a small session: create, metrics, episodes, events,
checkpoints, rotation, compaction, close, and all of it again after a resume.

    once    open, write, fsync, rename, unlink, truncate or mkdir fails with EIO, once
    dead    so do all calls after it
    full    from there on whatever takes room fails with ENOSPC
    short   half of a write is taken, and the next one fails with ENOSPC

Nothing but a RunError or a CheckpointError may come out of the writer. Afterwards, without faults: the run resumes or,
if its creation failed, can be created; every log has each record at most once, in order, numbered without a gap, and
all those that were acknowledged; the last acknowledged checkpoint loads, and so do all that are kept. The exit code is
1 if not.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ONCE, DEAD, FULL, SHORT };
enum { LOOKS = 1, TAKES_ROOM = 2, WRITES = 4 };
enum { FD_COUNT = 4096 };

static char directory[4096];
static size_t directory_length;
static long fault_at, call_count, fault_count;
static int fault_mode;
static char is_inside_fd[FD_COUNT];

void fault_arm(const char *path, long at, int mode)
{
    strncpy(directory, path, sizeof directory - 1);
    directory_length = strlen(directory);
    fault_at = at;
    fault_mode = mode;
    call_count = fault_count = 0;
}

void fault_disarm(void) { directory_length = 0; }
long fault_calls(void) { return call_count; }
long fault_faults(void) { return fault_count; }

static int is_inside(const char *path)
{
    return directory_length != 0 && strncmp(path, directory, directory_length) == 0;
}

static int is_inside_of(int at, const char *path)
{
    return path[0] == '/' || at == AT_FDCWD ? is_inside(path) : directory_length && at < FD_COUNT && is_inside_fd[at];
}

static int is_ours(int fd) { return directory_length != 0 && fd >= 0 && fd < FD_COUNT && is_inside_fd[fd]; }

// Whether this call is to fail. Counts it if its kind is one that can in this mode.
static int fails(int kind)
{
    if ((fault_mode == FULL && !(kind & TAKES_ROOM)) || (fault_mode == SHORT && !(kind & WRITES))) {
        return 0;
    }

    call_count++;
    if (fault_at == 0) {
        return 0;
    }
    int is_later = fault_mode == DEAD || fault_mode == FULL || (fault_mode == SHORT && call_count == fault_at + 1);
    if (call_count != fault_at && !(is_later && call_count > fault_at)) {
        return 0;
    }

    fault_count++;
    errno = fault_mode == ONCE || fault_mode == DEAD ? EIO : ENOSPC;
    return 1;
}

#define REAL(name)                                                              \
    __extension__({                                                             \
        static __typeof__(&name) real;                                          \
        if (!real) {                                                            \
            real = dlsym(RTLD_NEXT, #name);                                     \
        }                                                                       \
        real;                                                                   \
    })

static int remember(int fd, int inside)
{
    if (fd >= 0 && fd < FD_COUNT) {
        is_inside_fd[fd] = (char)inside;
    }
    return fd;
}

#define OPEN(name)                                                              \
    int name(const char *path, int flags, ...)                                  \
    {                                                                           \
        va_list rest;                                                           \
        va_start(rest, flags);                                                  \
        mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;               \
        va_end(rest);                                                           \
        int inside = is_inside(path);                                           \
        if (inside && fails(flags & O_CREAT ? TAKES_ROOM : LOOKS)) {            \
            return -1;                                                          \
        }                                                                       \
        return remember(REAL(name)(path, flags, mode), inside);                 \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                            \
    int name(int at, const char *path, int flags, ...)                          \
    {                                                                           \
        va_list rest;                                                           \
        va_start(rest, flags);                                                  \
        mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;               \
        va_end(rest);                                                           \
        int inside = is_inside_of(at, path);                                    \
        if (inside && fails(flags & O_CREAT ? TAKES_ROOM : LOOKS)) {            \
            return -1;                                                          \
        }                                                                       \
        return remember(REAL(name)(at, path, flags, mode), inside);             \
    }
OPENAT(openat)
OPENAT(openat64)

int close(int fd)
{
    remember(fd, 0);
    return REAL(close)(fd);
}

// Bytes of a write that are taken; -1 for a write that fails.
static ssize_t taken(int fd, size_t size)
{
    if (!is_ours(fd) || !fails(TAKES_ROOM | WRITES)) {
        return (ssize_t)size;
    }
    return fault_mode == SHORT && call_count == fault_at && size > 1 ? (ssize_t)(size / 2) : -1;
}

ssize_t write(int fd, const void *data, size_t size)
{
    ssize_t count = taken(fd, size);
    return count < 0 ? -1 : REAL(write)(fd, data, (size_t)count);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    ssize_t count = taken(fd, size);
    return count < 0 ? -1 : REAL(pwrite)(fd, data, (size_t)count, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    ssize_t count = taken(fd, size);
    return count < 0 ? -1 : REAL(pwrite64)(fd, data, (size_t)count, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    return is_ours(fd) && fails(TAKES_ROOM) ? -1 : REAL(writev)(fd, parts, count);
}

int fsync(int fd) { return is_ours(fd) && fails(TAKES_ROOM) ? -1 : REAL(fsync)(fd); }
int fdatasync(int fd) { return is_ours(fd) && fails(TAKES_ROOM) ? -1 : REAL(fdatasync)(fd); }
int ftruncate(int fd, off_t size) { return is_ours(fd) && fails(LOOKS) ? -1 : REAL(ftruncate)(fd, size); }
int ftruncate64(int fd, off64_t size) { return is_ours(fd) && fails(LOOKS) ? -1 : REAL(ftruncate64)(fd, size); }
int rename(const char *from, const char *to) { return is_inside(to) && fails(LOOKS) ? -1 : REAL(rename)(from, to); }
int unlink(const char *path) { return is_inside(path) && fails(LOOKS) ? -1 : REAL(unlink)(path); }
int mkdir(const char *path, mode_t mode) { return is_inside(path) && fails(TAKES_ROOM) ? -1 : REAL(mkdir)(path, mode); }

int unlinkat(int at, const char *path, int flags)
{
    return is_inside_of(at, path) && fails(LOOKS) ? -1 : REAL(unlinkat)(at, path, flags);
}
"""
MODES = ("once", "dead", "full", "short")
SEGMENT_BYTES = 700  # three or four records of metrics
KEEP = 2
PATIENCE_S = 30  # with a session of half a second: one that hangs is killed, and has failed
RUN = "calm-fox"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--every", type=int, default=1, help="only each n-th call fails")
    parser.add_argument("--first", type=int, default=1, help="the first of the calls that fail, in each mode")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    if "FAULT_SHIM" not in os.environ:
        return under_the_shim()
    modes = options.modes.split(",")
    totals: Counter[str] = Counter()
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for mode in modes:
            counts, wrong = attack(Path(folder), mode, options.first, options.every)
            totals += counts
            failures += wrong
    record = {**totals, "failures": failures[:20]}
    print(json.dumps(record) if options.json else told(record))
    return 1 if failures else 0


def under_the_shim() -> int:
    """Build the shim, and run this program again with it below everything."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise SystemExit("the shim is built with `cc`: install a C compiler")
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder) / "shim.c", Path(folder) / "shim.so"
        source.write_text(SHIM)
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
        environment = {**os.environ, "LD_PRELOAD": str(library), "FAULT_SHIM": str(library)}
        return subprocess.run([sys.executable, *sys.argv], env=environment, check=False).returncode


def told(record: dict[str, Any]) -> str:
    modes = ", ".join(f"{record[mode]} {mode}" for mode in MODES if mode in record)
    verdict = "\n  ".join(["FAILED:", *record["failures"]]) if record["failures"] else "nothing was lost or broken"
    return (
        f"{record['trials']} sessions, in each another call fails ({modes}), {record['refusals']} refusals: {verdict}"
    )


def attack(folder: Path, mode: str, first: int, every: int) -> tuple[Counter[str], list[str]]:
    """A session for each of its calls that can fail in this mode, and one before without a fault."""
    calm, failures = trial(folder / f"{mode}-0", mode, 0)
    counts: Counter[str] = Counter({"trials": 0, "refusals": 0, mode: 0})
    for call in range(first, calm["calls"] + 1, every):
        path = folder / f"{mode}-{call}"
        said, wrong = trial(path, mode, call)
        if not said["faults"]:
            wrong.append("the call never came")
        failures += [f"{mode} {call} of {calm['calls']}: {error}" for error in wrong]
        counts.update({"trials": 1, "refusals": len(said["refusals"]), mode: 1})
        shutil.rmtree(path)
    return counts, failures


def trial(root: Path, mode: str, call: int) -> tuple[dict[str, Any], list[str]]:
    """One session in a process of its own, and what is wrong with what it leaves."""
    root.mkdir()
    report = root.with_suffix(".report")
    child = os.fork()
    if child == 0:
        faulty_session(root, MODES.index(mode), call, report)
    _, status = os.waitpid(child, 0)
    if status or not report.exists():
        return {"calls": 0, "faults": 1, "refusals": []}, [f"the process ended with status {status}"]
    said = json.loads(report.read_text())
    report.unlink()
    return said, said["surprises"] + checked(root, said)


def faulty_session(root: Path, mode: int, call: int, report: Path) -> None:
    """What the child does. Ends it."""
    signal.alarm(PATIENCE_S)
    shim = ctypes.CDLL(os.environ["FAULT_SHIM"])
    said: dict[str, Any] = {"refusals": [], "surprises": [], "acknowledged": [], "tried": [], "checkpoints": []}
    shim.fault_arm(str(root).encode(), ctypes.c_long(call), mode)
    try:
        session(root, said)
    except BaseException:  # noqa: BLE001  # the point of it all
        said["surprises"].append(traceback.format_exc())
    said["calls"], said["faults"] = shim.fault_calls(), shim.fault_faults()
    shim.fault_disarm()
    report.write_text(json.dumps(said))
    os._exit(0)


def session(root: Path, said: dict[str, Any]) -> None:
    """What a trainer does, twice; a refusal is noted and the next thing done."""
    for attempt in (1, 2):
        run = attempted(said, created, root)
        if run is None and (root / RUN).exists():
            run = attempted(said, resumed, root)
        if run is not None:
            train(run, attempt, said)


def train(run: Any, attempt: int, said: dict[str, Any]) -> None:
    from engine.runs import RunState

    attempted(said, run.state, RunState.TRAINING, 0, 100)
    for step in range(10 * attempt, 10 * attempt + 9):
        names = [name for name in ("metrics", "episodes", "events") if name != "events" or step % 4 == 0]
        for name in names:
            said["tried"].append([name, step, attempt])
            if attempted(said, log, run, name, step):
                said["acknowledged"].append([name, step, attempt])
        if step % 4 == 2 and attempted(said, save, run, step):
            said["checkpoints"].append(step)
    attempted(said, run.close)
    attempted(said, run.close)  # of one that could not: it does nothing, or ends what was left


def created(root: Path) -> Any:
    from engine.runs import RunWriter

    return RunWriter.create(root, RUN, {"a": 1}, {}, segment_bytes=SEGMENT_BYTES)


def resumed(root: Path) -> Any:
    from engine.runs import RunWriter

    return RunWriter.resume(root / RUN, segment_bytes=SEGMENT_BYTES)


def save(run: Any, step: int) -> bool:
    run.checkpoint(step, tensors(step), {}, keep=KEEP)
    return True


def log(run: Any, name: str, step: int) -> bool:
    if name == "metrics":
        run.metrics(step, metrics_of(step))
    elif name == "episodes":
        run.episodes([{"env": env, "agent": 0, "reward": step / 7} for env in range(2)], step=step)
    else:
        run.event("warning", f"at {step}")
    return True


def metrics_of(step: int) -> dict[str, float]:
    return {f"train/metric_{index}": step / (index + 1) for index in range(4 + step % 2)}


def tensors(step: int) -> dict[str, Any]:
    import numpy as np

    return {"weights": np.arange(40, dtype=np.float32) * step}


def attempted(said: dict[str, Any], call: Callable[..., Any], *values: Any) -> Any:
    """The result of a call, None if it was refused in the way that is documented."""
    from engine.errors import CheckpointError, RunError

    try:
        return call(*values)
    except (RunError, CheckpointError) as error:
        said["refusals"].append(str(error))
    except Exception:  # noqa: BLE001  # whatever else it is, it should not be
        said["surprises"].append(traceback.format_exc())
    return None


def checked(root: Path, said: dict[str, Any]) -> list[str]:
    """What is wrong with the run that a session has left, now that the disk works again."""
    from engine.runs import RunDirectory, RunState

    try:
        if not (root / RUN).exists():
            created(root).close()
            return ["acknowledged records and no run"] if said["acknowledged"] else []
        before = RunDirectory(root / RUN).state()
        wrong = [f"state: {before.message}"] if before.message not in ("", "ended without closing") else []
        with resumed(root) as run:
            run.state(RunState.TRAINING, 99, 100)
            run.metrics(99, metrics_of(99))
        directory = RunDirectory(root / RUN)
        directory.info()
        wrong += [error for name in ("metrics", "episodes", "events") for error in wrong_log(directory, name, said)]
        return wrong + wrong_checkpoints(directory, said) + wrong_table(directory.path) + leftovers(directory.path)
    except Exception:  # noqa: BLE001  # see attempted
        return [traceback.format_exc()]


def wrong_log(directory: Any, name: str, said: dict[str, Any]) -> list[str]:
    records = directory.log(name).read_new()
    wrong = [f"{name}: numbers {[record['seq'] for record in records]}"]
    if [record["seq"] for record in records] == list(range(1, len(records) + 1)):
        wrong = []
    per_call = 2 if name == "episodes" else 1
    found = Counter(record["step"] for record in records)
    tried = {step for each, step, _ in said["tried"] if each == name} | {99}
    acknowledged = [step for each, step, _ in said["acknowledged"] if each == name]
    wrong += [f"{name}: step {step} is lost" for step in acknowledged if found[step] != per_call]
    wrong += [f"{name}: step {step} comes {count} times" for step, count in found.items() if count > per_call]
    wrong += [f"{name}: step {step} was never logged" for step in found if step not in tried]
    if [record["step"] for record in records] != sorted(record["step"] for record in records):
        wrong.append(f"{name}: the order is {[record['step'] for record in records]}")
    if name == "metrics":
        wrong += [f"metrics: {record}" for record in records if record["values"] != metrics_of(record["step"])]
    return wrong


def wrong_checkpoints(directory: Any, said: dict[str, Any]) -> list[str]:
    from engine.runs import load_checkpoint

    wrong = []
    kept = directory.checkpoints()
    for each in kept:
        found, _ = load_checkpoint(each.path)
        if found["weights"].tobytes() != tensors(each.step)["weights"].tobytes():
            wrong.append(f"checkpoint {each.step} is another one")
    latest = directory.latest_checkpoint()
    last = max(said["checkpoints"], default=0)
    if last and (latest is None or int(latest.stem[3:]) < last):
        wrong.append(f"the latest checkpoint is {latest}, {last} was acknowledged")
    if len(kept) < min(KEEP, len(said["checkpoints"])) or last not in [0, *(each.step for each in kept)]:
        wrong.append(f"checkpoints {[each.step for each in kept]} are left of {said['checkpoints']}")
    return wrong


def wrong_table(path: Path) -> list[str]:
    rows = [line.split(",") for line in (path / "progress.csv").read_text().splitlines()]
    shapes = {len(row) for row in rows}
    headers = sum(row[0] == "step" for row in rows)
    return [] if len(shapes) == 1 and headers == 1 else [f"progress.csv: rows of {shapes} cells, {headers} headers"]


def leftovers(path: Path) -> list[str]:
    return [f"{draft.name} is left" for draft in path.glob(".*.parquet.*.tmp")]


if __name__ == "__main__":
    if "FAULT_SHIM" in os.environ:  # once for all sessions, which are forks of this process
        import duckdb  # noqa: F401
        import numpy  # noqa: F401
        import safetensors.numpy  # noqa: F401

        import engine.runs  # noqa: F401
    sys.exit(main())

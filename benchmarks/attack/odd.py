"""A system with its oddities, for the programs of this folder: a shim under libc, built with `cc`, on Linux.

    ODD_FULL=DIRECTORY  what writes to files below it finds no space, for as long as DIRECTORY.full exists
    ODD_DAYS=N          the wall clock is wrong by so many days, once the file $ODD_JUMP exists
    ODD_NO_FLOCK=1      flock is not supported, as on some network file systems

The programs are real and do not know of it; `environment_of` gives them the variables.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { DAY = 24 * 60 * 60 };

#define REAL(name) \
    __extension__({ static __typeof__(&name) real; if (!real) { real = dlsym(RTLD_NEXT, #name); } real; })

// Seconds that the wall clock is wrong by now. It stays wrong once it is.
static time_t wrong_by(void)
{
    static int has_jumped;
    const char *days = getenv("ODD_DAYS"), *sign = getenv("ODD_JUMP");

    if (!has_jumped && days != NULL && sign != NULL) {
        has_jumped = access(sign, F_OK) == 0;
    }
    return has_jumped ? atoi(days) * DAY : 0;
}

int clock_gettime(clockid_t clock, struct timespec *moment)
{
    int status = REAL(clock_gettime)(clock, moment);
    if (status == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        moment->tv_sec += wrong_by();
    }
    return status;
}

int gettimeofday(struct timeval *restrict moment, void *restrict zone)
{
    int status = REAL(gettimeofday)(moment, zone);
    if (status == 0) {
        moment->tv_sec += wrong_by();
    }
    return status;
}

time_t time(time_t *moment)
{
    time_t now = REAL(time)(NULL);
    now += wrong_by();
    if (moment != NULL) {
        *moment = now;
    }
    return now;
}

int flock(int descriptor, int operation)
{
    if (getenv("ODD_NO_FLOCK") != NULL) {
        errno = ENOLCK;
        return -1;
    }
    return REAL(flock)(descriptor, operation);
}

static int is_full(int descriptor)
{
    const char *directory = getenv("ODD_FULL");
    char sign[4096], link[64], path[4096];
    if (directory == NULL || snprintf(sign, sizeof sign, "%s.full", directory) >= (int)sizeof sign
        || access(sign, F_OK) != 0) {
        return 0;
    }

    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    size_t wanted = strlen(directory);
    return length > (ssize_t)wanted && strncmp(path, directory, wanted) == 0 && path[wanted] == '/';
}

ssize_t write(int descriptor, const void *data, size_t size)
{
    if (is_full(descriptor)) {
        errno = ENOSPC;
        return -1;
    }
    return REAL(write)(descriptor, data, size);
}
"""


def can_build() -> bool:
    """Whether there is a compiler, and a dynamic linker that takes a shim."""
    return shutil.which("cc") is not None and os.uname().sysname == "Linux"


def build(folder: Path) -> Path:
    """The shim as a library in the folder."""
    source, library = folder / "odd.c", folder / "odd.so"
    source.write_text(SHIM)
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-o", library, source, "-ldl"], check=True)
    return library


def environment_of(shim: Path, **oddities: str) -> dict[str, str]:
    """The variables that put a program onto the shim."""
    return {"LD_PRELOAD": str(shim), **oddities}

"""What all tests share: no test reads or writes the home of whoever runs it, and none asks the network.

The suite runs in a process for each core; `pytest -n 0` keeps it in one, as a debugger needs it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from link import sshd

# No deadline: a busy machine is no defect. No database: what failed is printed and belongs in a test.
hypothesis.settings.register_profile("gridrl", deadline=None, database=None, print_blob=True)
hypothesis.settings.load_profile("gridrl")

MAX_PROCESSES = 4  # each has torch: half a gigabyte


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """How many processes `-n auto`, which pyproject.toml says, means: none but ours where files or tests are named."""
    if all("::" in argument or argument.endswith(".py") for argument in config.args):
        return 0
    return min(os.cpu_count() or 1, MAX_PROCESSES)


@pytest.fixture(autouse=True, scope="session")
def _signals_are_heard() -> None:
    """Whoever starts tests in the background (nohup, `&` of a script) has SIGINT ignored, also by what we start."""
    for each in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(each) is signal.SIG_IGN:
            signal.signal(each, signal.default_int_handler if each == signal.SIGINT else signal.SIG_DFL)


@pytest.fixture(autouse=True, scope="session")
def _own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Runs, recipes and settings of the tests live in a directory that pytest removes."""
    home: Path = tmp_path_factory.mktemp("home")
    (home / "recipes").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("GRIDRL__")]:
            patch.delenv(name)  # a developer's own settings
        patch.setenv("GRIDRL_RECIPES", str(home / "recipes"))
        patch.setenv("GRIDRL_RUNS", str(home / "runs"))
        patch.setenv("GRIDRL_DEMONSTRATIONS", str(home / "demonstrations"))
        patch.setenv("GRIDRL_CACHE", str(home / "cache"))
        patch.setenv("XDG_CONFIG_HOME", str(home / "config"))
        patch.setenv("XDG_DATA_HOME", str(home / "data"))
        patch.setenv("XDG_STATE_HOME", str(home / "state"))
        patch.setenv("WANDB_MODE", "offline")
        yield home


@pytest.fixture(scope="session")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sshd.Box]:
    """Another machine that ssh reaches: see tests/link/sshd.py."""
    if reason := sshd.missing():
        pytest.skip(reason)
    one = sshd.start(tmp_path_factory.mktemp("box") / "it")
    yield one
    one.close()

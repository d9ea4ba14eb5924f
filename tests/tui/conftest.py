"""What the tests of the screen share: a terminal without habits of whoever runs them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

HABITS = (
    "SSH_CONNECTION",
    "NO_COLOR",
    "COLORTERM",
    "COLORFGBG",
    "TEXTUAL_ANIMATIONS",
    "TEXTUAL_THEME",
    "TEXTUAL",
    "GRIDRL_SETTINGS",
)


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The same colours, speed and clock on every machine."""
    for name in HABITS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("GRIDRL_DEMONSTRATIONS", str(tmp_path / "demonstrations"))
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()

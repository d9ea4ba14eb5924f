"""Films in the Live pane: what can be simulated again is played on, all else is looked at; hostile words stay words."""

from __future__ import annotations

import json
import re
import sys
import unicodedata
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from front_door import CORRIDOR, Door, on_map, opened
from rich.console import Console

from engine.errors import GridrlError
from engine.replays import open_film
from engine.replays.writer import write_replay
from engine.runs.recordings import save_recording
from engine.sim import Playback
from tui.panes.live.pane import LivePane
from tui.panes.live.wishes import Wish

sys.path.insert(0, str(Path(__file__).parent.parent))
from replays.foreign import ALL, changed, data_of  # noqa: E402
from replays.played import of_recipe  # noqa: E402

WIDE = (120, 40)

"""What the monitor says: status, questions and answers in words. Pure functions without Textual."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from engine.runs.records import RunState, RunStatus
from tui.text import brief, duration, safe_str, si

EMPTY = "No run yet. Press t to train on this map."

MARKS = {
    RunState.STARTING: "○",
    RunState.TRAINING: "●",
    RunState.PAUSED: "‖",
    RunState.STOPPED: "■",
    RunState.FINISHED: "✓",
    RunState.FAILED: "✗",
}
ASCII_MARKS = {
    RunState.STARTING: "o",
    RunState.TRAINING: "*",
    RunState.PAUSED: "=",
    RunState.STOPPED: "#",
    RunState.FINISHED: "+",
    RunState.FAILED: "x",
}
"""State is told by mark and word as well as by colour."""

EVENT_MARKS = {"checkpoint": "▪", "command": "»", "warning": "▲", "error": "✗"}
ASCII_EVENT_MARKS = {"checkpoint": "#", "command": ">", "warning": "!", "error": "x"}


@dataclass(frozen=True)
class Setting:
    """A hyperparameter that a person may change while a run goes on."""

    name: str
    """As SetHyper takes it."""
    label: str
    metric: str
    """Where the log tells its present value."""
    key: str
    zero_allowed: bool
    most: float
    """Above this the policy is ruined within an iteration; a slipped digit is more likely than a wish."""
    example: str


LEARNING_RATE = Setting("learning_rate", "learning rate", "train/learning_rate", "L", False, 1.0, "3e-4")
ENTROPY = Setting("entropy_coefficient", "entropy coefficient", "train/entropy_coefficient", "E", True, 10.0, "0.01")
SETTINGS = (LEARNING_RATE, ENTROPY)


def parse_setting(setting: Setting, text: str) -> tuple[float | None, str]:
    """The number in `text`, or None and a sentence that says what is wrong with it."""
    typed = text.strip()
    label = setting.label.capitalize()
    if not typed:
        return None, f"Type a number, such as {setting.example}."
    try:
        value = float(typed)
    except ValueError:
        return None, f'"{safe_str(typed, 20)}" is not a number. Type one such as {setting.example}.'
    if not math.isfinite(value):
        return None, f"{label} must be a finite number, such as {setting.example}."
    if value < 0 or (value == 0 and not setting.zero_allowed):
        return None, f"{label} must be {'zero or more' if setting.zero_allowed else 'above zero'}."
    if value > setting.most:
        return None, f"{label} must be at most {setting.most:g}."
    return value, ""


def figures(status: RunStatus, room: int) -> str:
    """Steps, speed and time of a run, as many as fit in `room` cells; the least wanted go first."""
    total = status.total_steps
    average = status.step / status.elapsed if status.elapsed > 0 else math.nan
    steps = f"{si(status.step, fixed=True)}/{si(total)}" if total > 0 else f"{si(status.step, fixed=True)} steps"
    parts = {
        "steps": steps,
        "share": f"{min(status.step / total, 1):.0%}" if total > 0 else "",
        "speed": f"{si(status.sps, fixed=True)}/s" if status.status is RunState.TRAINING else "",
        "average": f"avg {si(average, fixed=True)}/s" if math.isfinite(average) else "",
        "elapsed": f"elapsed {duration(status.elapsed)}",
        "left": f"ETA {duration(remaining(status))}" if remaining(status) is not None else "",
    }
    for dropped in ("", "average", "elapsed", "share", "left", "speed", "steps"):
        parts.pop(dropped, None)
        text = "  ".join(part for part in parts.values() if part)
        if len(text) <= room:
            return text
    return ""


def remaining(status: RunStatus) -> float | None:
    """Seconds that a training run still needs at its present speed; None where nobody can tell."""
    left = status.total_steps - status.step
    if status.status is not RunState.TRAINING or left <= 0 or not status.sps > 0:
        return None
    return left / status.sps


def clock(wall: float) -> str:
    """Hours and minutes, local; `-` for a time no calendar has."""
    try:
        return time.strftime("%H:%M", time.localtime(wall))
    except (ValueError, OverflowError, OSError):
        return "--:--"


def stop_question(run_id: str, status: RunStatus | None) -> str:
    """Asked before a run is ended."""
    at = f" at {si(status.step)} steps" if status is not None and status.step else ""
    return f"Stop {safe_str(run_id, 24)}{at}, with a checkpoint?  y stops, n goes on."


def asked_for(setting: Setting, value: float) -> str:
    """Said after a change was asked for."""
    return f"Asked for {setting.label} {brief(value)}. The trainer takes it up with its next iteration."


def under_way(run_id: str) -> str:
    """Why a run that goes on cannot be made to."""
    return f"{safe_str(run_id, 30)} is under way already."


def nothing_to(verb: str, run_id: str | None, status: RunStatus | None) -> str:
    """Why a key of the running run does nothing now."""
    if run_id is None or status is None:
        return f"There is no run to {verb}. Press t to train on this map."
    return f"{safe_str(run_id, 30)} is {status.status.label}: there is nothing to {verb}."

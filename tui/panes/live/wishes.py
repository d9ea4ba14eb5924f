"""Wishes: what a person asks of the game by a key in the Live pane. The app decides what comes of them."""

from __future__ import annotations

from enum import Enum, auto


class Wish(Enum):
    """What is asked for. `by` of the message says how far or whom, `words` what by name."""

    ACT = auto()  # words: an action's name, or what a key means: move_north, use
    REPEAT = auto()  # words likewise, by: how often
    TRAVEL = auto()  # cell: where to
    PLAY = auto()
    STEP = auto()  # by: steps on, or back where it is negative
    SCRUB = auto()  # by: steps through what was played, as far as it goes
    JUMP = auto()  # by: +1 the next event, -1 the one before
    GO_TO = auto()  # by: a tick
    BEGINNING = auto()
    END = auto()
    BRANCH = auto()
    NEXT_BRANCH = auto()
    DROP_BRANCH = auto()
    COMPARE = auto()
    SPEED = auto()  # by
    AGENT = auto()  # by: its number
    PERSON = auto()
    ADD_PERSON = auto()
    POLICY = auto()  # words: a policy, and for whom; none: the next one
    OVERLAY = auto()  # by
    FOG = auto()
    WINDOW = auto()  # by: 1 shown, 0 hidden
    EXPLAIN = auto()  # by: likewise
    CURSOR = auto()  # cell: what is looked at; none: nothing any longer
    CHANCES = auto()
    STOP = auto()  # whatever goes on by itself
    WATCH = auto()
    RESTART = auto()
    SAVE = auto()
    LESSON = auto()  # by: +1 the next one of the tutorial, -1 the one before

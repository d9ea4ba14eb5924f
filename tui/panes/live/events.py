"""What is worth a mark on the timeline: kinds of events, how each is drawn, and what it is called. Pure data."""

from __future__ import annotations

from enum import IntFlag


class Mark(IntFlag):
    """What happened to one agent in one step."""

    FROZEN = 1
    HEART = 2
    CAUGHT = 4
    REWARD = 8
    LOSS = 16
    HAND = 32  # a person chose its action
    IDLE = 64  # it is in a person's hands, who chose nothing
    END = 128


EVENTS = Mark.FROZEN | Mark.HEART | Mark.CAUGHT | Mark.REWARD | Mark.LOSS | Mark.END
"""Those that one jumps to."""

FELT = Mark.FROZEN | Mark.HEART | Mark.CAUGHT | Mark.REWARD | Mark.END
"""Those that are told of every agent."""

SIGNS = {
    Mark.END: "|",
    Mark.CAUGHT: "x",
    Mark.FROZEN: "*",
    Mark.HEART: "h",
    Mark.REWARD: "+",
    Mark.LOSS: "-",
    Mark.HAND: "'",
}
"""How each is drawn, the weightier first."""

WORDS = {
    Mark.END: "the episode ends",
    Mark.CAUGHT: "caught",
    Mark.FROZEN: "frozen",
    Mark.HEART: "gets a heart",
    Mark.REWARD: "is paid",
}
"""What each is called where there is no sentence for it."""

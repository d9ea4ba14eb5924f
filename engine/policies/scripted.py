"""Policies that look at nothing: random, noop, and simple, a mix of moves and turns.

Each is owned by whoever made it, used by one thread at a time, and treats all rows at once. What looks where it goes
is the goal-seeker, in a file of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import UsageError
from engine.sim import DIRECTIONS, Rules, Spec, Verb

from .decision import Actions, Decision, Ended, Masks, State
from .streams import Seeds, random_of

_CARDINAL = DIRECTIONS[:4]


class RandomPolicy:
    """Every action with the same chance."""

    masked = False

    def __init__(self, rules: Rules, spec: Spec, seed: Seeds = 0) -> None:
        self.name = "random"
        self._action_count = len(spec.action_names)
        self._random = random_of(seed)

    def act(self, observations: NDArray[np.uint8], greedy: bool = False, masks: Masks = None) -> Actions:
        """Actions (rows,), drawn anew each time."""
        return self._random.integers(0, self._action_count, len(observations), dtype=np.int32)

    def decide(self, observations: NDArray[np.uint8], greedy: bool = False, masks: Masks = None) -> Decision:
        """As `act`, with the chance of each."""
        chances = np.full(self._action_count, 1 / self._action_count)
        return _decided(self.act(observations), chances)

    def again(self, seed: Seeds) -> RandomPolicy:
        """One for the same game, with random numbers of its own."""
        other = copy(self)
        other._random = random_of(seed)
        return other

    def forget(self, ended: Ended) -> None:
        """There is nothing to forget."""

    def state(self) -> State:
        """Where its random numbers stand."""
        return {"random": self._random.state()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from there."""
        self._random.restore(state["random"])


class NoopPolicy:
    """Never does anything."""

    masked = False

    def __init__(self, rules: Rules, spec: Spec, seed: Seeds = 0) -> None:
        self.name = "noop"
        noops = _with_verbs(rules, Verb.NOOP)
        if not noops:
            raise UsageError(f"the game {rules.name} has no action that does nothing", hint="choose another policy")
        self._chances = np.zeros(len(spec.action_names))
        self._chances[noops[0]] = 1.0

    def act(self, observations: NDArray[np.uint8], greedy: bool = False, masks: Masks = None) -> Actions:
        """The noop action for every row."""
        return np.full(len(observations), self._chances.argmax(), dtype=np.int32)

    def decide(self, observations: NDArray[np.uint8], greedy: bool = False, masks: Masks = None) -> Decision:
        """As `act`, with the chance of each."""
        return _decided(self.act(observations), self._chances)

    def again(self, seed: Seeds) -> NoopPolicy:
        """One for the same game."""
        return copy(self)

    def forget(self, ended: Ended) -> None:
        """There is nothing to forget."""

    def state(self) -> State:
        """Nothing."""
        return {}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Nothing changes it."""


class SimplePolicy:
    """A mix that gets about, by one number from 0 to 1 for each row and step.

    Below 0.6 it moves north, south, west or east; below 0.8 in any direction there is; below 0.9 it turns to any; else
    it uses or gets what is ahead with a chance of 0.3, and stays with one of 0.7. Where agents walk along their facing,
    a move is a step ahead, and one in any direction a step ahead or back. What a game has no action for goes to the
    next best: a turn to a move, a use to staying, staying to a turn.
    """

    masked = False

    def __init__(self, rules: Rules, spec: Spec, seed: Seeds = 0) -> None:
        self.name = "simple"
        self._chances = _mixed(rules)
        self._upto = self._chances.cumsum()
        self._upto /= self._upto[-1]  # exactly 1 at the last action that has a chance
        self._random = random_of(seed)

    def act(self, observations: NDArray[np.uint8], greedy: bool = False, masks: Masks = None) -> Actions:
        """Actions (rows,), drawn anew each time."""
        drawn = self._random.random(len(observations))
        return self._upto.searchsorted(drawn, side="right").astype(np.int32)

    def decide(self, observations: NDArray[np.uint8], greedy: bool = False, masks: Masks = None) -> Decision:
        """As `act`, with the chance of each."""
        return _decided(self.act(observations), self._chances)

    def again(self, seed: Seeds) -> SimplePolicy:
        """One for the same game, with random numbers of its own."""
        other = copy(self)
        other._random = random_of(seed)
        return other

    def forget(self, ended: Ended) -> None:
        """There is nothing to forget."""

    def state(self) -> State:
        """Where its random numbers stand."""
        return {"random": self._random.state()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from there."""
        self._random.restore(state["random"])


def _mixed(rules: Rules) -> NDArray[np.float64]:
    """The chance of each action of the simple policy."""
    moves, steps = _with_verbs(rules, Verb.MOVE), _with_verbs(rules, Verb.STEP)
    cardinal = [i for i in moves if rules.actions[i].direction in _CARDINAL]
    ahead = [i for i in steps if rules.actions[i].argument == 0]
    turns, stays = _with_verbs(rules, Verb.ROTATE), _with_verbs(rules, Verb.NOOP)
    walks = cardinal or ahead or moves or steps or turns or stays
    wanted = [
        (0.6, walks),
        (0.2, moves or steps or walks),
        (0.1, turns or walks),
        (0.03, _with_verbs(rules, Verb.USE, Verb.GET) or stays or turns or walks),
        (0.07, stays or turns or walks),
    ]
    chances = np.zeros(len(rules.actions))
    for share, among in wanted:
        chosen = among or list(range(len(rules.actions)))  # a game of attacks and glyphs alone
        chances[chosen] += share / len(chosen)
    return chances


def _with_verbs(rules: Rules, *verbs: Verb) -> list[int]:
    return [i for i, action in enumerate(rules.actions) if action.verb in verbs]


def _decided(actions: Actions, chances: NDArray[np.float64]) -> Decision:
    return Decision(actions, np.tile(chances.astype(np.float32), (len(actions), 1)))

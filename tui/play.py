"""Play: the game under the user's hands, one env stepped on the UI thread (microseconds a step).

Owned by the Session. Knows nothing of Textual: it takes actions and policies and tells what happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.errors import UsageError
from engine.maps import GridMap, cells_for
from engine.policies.registry import Policy, choose
from engine.sim import DIRECTIONS, Action, Batch, Rules, Verb, World

from .panes.live.contact import target_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPEEDS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)
"""Steps per second to choose from."""

FORGIVEN_AFTER_S = 0.25  # a jump the eye still takes for a stutter

_VERBS_OF_KEYS = {
    "use": (Verb.USE, Verb.PUT, Verb.GET),
    "attack": (Verb.ATTACK,),
    "shield": (Verb.SHIELD,),
    "swap": (Verb.SWAP,),
}
"""What a key may mean, the likelier verb first."""


@dataclass(frozen=True)
class Ended:
    """How the episode ended that the last step ended, for one agent."""

    episode_return: float
    length: int
    terminated: bool


class Play:
    """One env of a game, each episode on one of some maps; owns its batch. `close` when done."""

    def __init__(self, rules: Rules, maps: Sequence[GridMap], seed: int = 0) -> None:
        self.rules, self.maps = rules, tuple(maps)
        self.batch = Batch([World(rules, cells_for(grid_map, rules)) for grid_map in maps], seed=seed)
        self.spec = self.batch.spec
        self.person: int | None = None
        self.selected = 0
        self._seed = seed
        self.before = self.view = self.batch.look()
        self.ended: Ended | None = None

    @property
    def map(self) -> GridMap:
        """The map of the present episode."""
        return self.maps[self.view.world]

    def restart(self) -> None:
        """A new episode, from the next seed."""
        self._seed += 1
        self.batch.reset(self._seed)
        self.before = self.view = self.batch.look()
        self.ended = None

    def step(self, policy: Policy, person_action: int | None = None) -> None:
        """One step: the policy acts for every agent but the person's, who rests without an action."""
        actions = choose(policy, self.batch)
        if self.person is not None:
            actions[self.person] = self._rest if person_action is None else person_action
        self.before = self.view
        self.batch.step(actions)
        policy.forget((self.batch.terminated | self.batch.truncated).astype(np.bool_))
        self.view = self.batch.look()
        self.ended = self._end()

    def _end(self) -> Ended | None:
        finished = self.batch.drain_episodes()
        if not len(finished):
            return None
        at = self.selected  # agents of one env end together, in the order of their index
        return Ended(float(finished.episode_return[at]), int(finished.length[at]), bool(finished.terminated[at]))

    @property
    def _rest(self) -> int:
        return self.spec.action_names.index("noop") if "noop" in self.spec.action_names else 0

    def action_named(self, name: str) -> int:
        """The id of an action, by its own name or by what a key means: `move_north`, `use`, `attack`, `shield`, `swap`.

        Where agents walk along their facing, `move_north` turns north or, facing there, goes forward. `use` is to
        use, put or get, and `attack` any attack: one that would succeed now, rather on an agent than on a wall.

        Raises:
            UsageError: this game has no such action.
        """
        names = self.spec.action_names
        if name in names:
            return names.index(name)
        walked = self._walk(name.removeprefix("move_")) if name.startswith("move_") else None
        if walked is not None:
            return walked
        verbs = _VERBS_OF_KEYS.get(name, ())
        able = self.batch.action_mask()[self.selected] if verbs else ()
        meant = [i for i, action in self._actions if action.verb in verbs]
        if meant:
            return min(meant, key=lambda i: (not able[i], self._misses(i), verbs.index(self.rules.actions[i].verb)))
        raise UsageError(f"{self.rules.name} has no action {name!r}", hint="it has " + ", ".join(names))

    def _walk(self, way: str) -> int | None:
        """Forward where the agent faces that way, else the turn; None where the game has no such walk."""
        forward = (i for i, action in self._actions if action.verb is Verb.STEP and action.argument == 0)
        turn = (i for i, action in self._actions if action.verb is Verb.ROTATE and action.direction == way)
        is_ahead = way in DIRECTIONS and self.view.agents[self.selected].facing == DIRECTIONS.index(way)
        return next(forward, None) if is_ahead else next(turn, None)

    def _misses(self, action: int) -> bool:
        """Whether it is an attack that meets no agent, but at best a wall."""
        attack = self.rules.actions[action]
        return attack.verb is Verb.ATTACK and target_of(self.view, self.rules, self.selected, attack) is None

    @property
    def _actions(self) -> enumerate[Action]:
        return enumerate(self.rules.actions)

    def observation(self) -> NDArray[np.uint8]:
        """The selected agent's row, exactly as its policy gets it."""
        row: NDArray[np.uint8] = self.batch.observations[self.selected].copy()
        return row

    def terms(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """What each reward term paid the selected agent: in the last step, and this episode."""
        step, episode, _ = self.batch.ledger()
        return tuple(step[self.selected].tolist()), tuple(episode[self.selected].tolist())

    def close(self) -> None:
        self.batch.close()


class Pacer:
    """How many steps are due, and how many a second there really were. Times are monotonic seconds."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.actual = 0.0
        self._owed = 0.0
        self._last: float | None = None
        self._window_start, self._window_steps = 0.0, 0

    def start(self, now: float) -> None:
        """Time flows from now on."""
        self._last, self._owed = now, 0.0
        self._window_start, self._window_steps, self.actual = now, 0, 0.0

    def due(self, now: float) -> int:
        """Steps owed since the last call. What a slow machine cannot do within a quarter second is forgiven."""
        if self._last is None:
            return 0
        # Time is forgiven, not steps: a cap on what is owed would cut the fractions that slow speeds live on.
        self._owed += min(now - self._last, FORGIVEN_AFTER_S) * self.rate
        self._last = now
        steps = int(self._owed)
        self._owed -= steps
        return steps

    def took(self, steps: int, now: float) -> None:
        """So many steps were taken; the actual rate is a mean over about a second."""
        self._window_steps += steps
        elapsed = now - self._window_start
        if elapsed >= 1.0 and self._window_steps:
            self.actual = self._window_steps / elapsed
            self._window_start, self._window_steps = now, 0

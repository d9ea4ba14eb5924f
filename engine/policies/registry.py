"""Policies by name: random, noop, simple, goal-seeker, and trained ones from a checkpoint.

Stateless, any thread. Importing this loads no torch: a trained policy loads it when one is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.errors import UsageError
from engine.sim import Batch, Rules, Spec

from .decision import Decision
from .goal_seeker import GoalSeekerPolicy
from .scripted import NoopPolicy, RandomPolicy, SimplePolicy
from .streams import Seeds


class Policy(Protocol):
    """Chooses actions for many rows at once. Used by one thread at a time; may remember its rows."""

    name: str

    @property
    def masked(self) -> bool:
        """Whether it wants to be told which actions are legal."""
        ...

    def act(
        self, observations: NDArray[np.uint8], greedy: bool = False, masks: NDArray[np.uint8] | None = None
    ) -> NDArray[np.int32]:
        """Actions (rows,) for observations (rows, size).

        Args:
            greedy: the likeliest, where that means something.
            masks: (rows, actions), 1 = legal; for a policy that is `masked`.
        """
        ...

    def decide(
        self, observations: NDArray[np.uint8], greedy: bool = False, masks: NDArray[np.uint8] | None = None
    ) -> Decision:
        """What `act` would have done, and does, with the probabilities that it was drawn by and the values."""
        ...

    def again(self, seed: Seeds) -> Policy:
        """The same policy with random streams and rows of its own: whoever looks back restores a state into that."""
        ...

    def forget(self, ended: NDArray[np.bool_]) -> None:
        """Rows (rows,) whose episode has ended, and who are to start afresh. To be told before the next `act`."""
        ...

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything that the next actions depend on, but for weights: random streams and what its rows remember."""
        ...

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on exactly from where `state` was taken."""
        ...


def choose(policy: Policy, batch: Batch) -> NDArray[np.int32]:
    """A policy's actions for all rows of a batch, with their masks where it wants them."""
    if not policy.masked:
        return policy.act(batch.observations)
    return policy.act(batch.observations, masks=_masks_of(batch))


def decide(policy: Policy, batch: Batch) -> Decision:
    """As `choose`, and how likely each action was."""
    if not policy.masked:
        return policy.decide(batch.observations)
    return policy.decide(batch.observations, masks=_masks_of(batch))


def _masks_of(batch: Batch) -> NDArray[np.uint8]:
    masks = np.empty((batch.rows, len(batch.spec.action_names)), np.uint8)
    batch.action_masks_into(masks)
    return masks


def take_step(policy: Policy, batch: Batch) -> NDArray[np.int32]:
    """Let a policy act for all rows, step, and have it forget whose episode ended. Returns the actions."""
    actions = choose(policy, batch)
    batch.step(actions)
    policy.forget((batch.terminated | batch.truncated).astype(np.bool_))
    return actions


_FACTORIES: dict[str, Callable[[Rules, Spec, Seeds], Policy]] = {
    "random": RandomPolicy,
    "noop": NoopPolicy,
    "simple": SimplePolicy,
    "goal-seeker": GoalSeekerPolicy,
}

TRAINED = "trained"
"""Name of the policy that a checkpoint holds."""


def policy_names() -> tuple[str, ...]:
    """The names that `create_policy` knows."""
    return (*_FACTORIES, TRAINED)


def create_policy(name: str, rules: Rules, spec: Spec, *, seed: Seeds = 0, checkpoint: Path | None = None) -> Policy:
    """Make a policy for a game.

    Args:
        seed: of the policy's own random stream; several, where each env's rows have a stream of their own.
        checkpoint: for `trained`: a checkpoint of a run.

    Raises:
        UsageError: no such name, or `trained` without a checkpoint.
        CheckpointError: the checkpoint is damaged or belongs to another game.
    """
    if name == TRAINED:
        if checkpoint is None:
            raise UsageError("a trained policy needs a checkpoint", hint="name a run or a checkpoint file")
        from .trained import load_policy  # deferred: torch takes seconds to import and half the policies need none

        return load_policy(checkpoint, spec, seed=seed)
    factory = _FACTORIES.get(name)
    if factory is None:
        raise UsageError(f"no policy is called {name!r}", hint=f"choose one of {', '.join(policy_names())}")
    return factory(rules, spec, seed)

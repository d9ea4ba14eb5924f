"""Gymnasium environments in our trainer: a list of them that answers like engine.sim.Batch, one row each.

Made through `gymnasium_envs` and handed to Trainer as `make_batch`. Owned by the lane that steps it, one thread at a
time. Such environments cannot be saved: a run of them leaves a policy that can be played, and cannot be gone on with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from engine.errors import SimError
from engine.policies.signature import Signature
from engine.sim import Batch, Episodes, Spec
from engine.sim.adapters import missing

try:
    from gymnasium import Env
    from gymnasium.spaces import Box, Discrete, MultiDiscrete, Space
except ImportError as error:
    raise missing("gymnasium", "gym") from error

if TYPE_CHECKING:
    from .trainer import MakeBatch

Array = NDArray[Any]


def gymnasium_envs(make: Callable[[], Env[Any, Any]], seed: int = 0) -> MakeBatch:
    """What Trainer takes as `make_batch`: env i of a run is `make()`, first reset with `seed + i`.

    Raises, once a trainer uses it:
        SimError: the observations are no Box, or the actions neither Discrete nor MultiDiscrete.
    """

    def made(first_env: int, env_count: int, episode_capacity: int) -> Batch:
        del episode_capacity  # all are kept: they are few, as each step of one is a call into Python
        # It answers all that a trainer without worlds asks of a Batch, and of nothing else.
        return cast(Batch, GymnasiumBatch([make() for _ in range(env_count)], seed, first_env))

    return made


class GymnasiumBatch:
    """Environments stepped one after the other. An ended one begins anew in the same step.

    Args:
        envs: all with the same spaces; they are closed with the batch.
        seed: of the first; each has the next.
        first_env: number of the first env.
    """

    def __init__(self, envs: Sequence[Env[Any, Any]], seed: int = 0, first_env: int = 0) -> None:
        self._envs = tuple(envs)
        self._seed = seed
        self.rows = self.env_count = len(self._envs)
        self.first_env = first_env
        self.signature = _signature(self._envs[0])
        self._first_action = _first_action(self._envs[0].action_space)
        self.spec = _spec(self.signature)
        self.observations = np.zeros((self.rows, self.signature.floats), np.float32)
        self._lengths = np.zeros(self.rows, np.int32)
        self._returns = np.zeros(self.rows)
        self._numbers = np.zeros(self.rows, np.int64)
        self._ended: list[tuple[int, int, int, float, bool]] = []  # env, episode, length, return, terminated

    def bind(
        self,
        *,
        observations: Array,
        actions: Array,
        rewards: Array,
        terminated: Array,
        truncated: Array,
        final_observations: Array,
        results: None = None,
        action_masks: Array | None = None,
    ) -> Callable[[], None]:
        """Prepare a step on these arrays, shapes as of Batch.bind but for float32 observations.

        Args:
            actions: in (rows,) int32, or (rows, heads) where an action is several choices.
        """
        if action_masks is not None:
            raise SimError("environments of Gymnasium have no action masks", hint="set trainer.masks=false")

        def step() -> None:
            for row, env in enumerate(self._envs):
                choice = actions[row] + self._first_action
                seen, reward, ended, cut, _ = env.step(choice if choice.ndim else int(choice))
                rewards[row], terminated[row] = reward, ended
                truncated[row] = cut and not ended  # an end by the rules has no future, whatever the clock says
                self._lengths[row] += 1
                self._returns[row] += float(reward)
                if ended or cut:
                    final_observations[row] = np.ravel(seen)
                    self._note_end(row, bool(ended))
                    seen, _ = env.reset()
                observations[row] = np.ravel(seen)

        return step

    def reset_into(self, observations: Array, seed: int) -> None:
        """Start a new episode everywhere, into (rows, floats) float32."""
        for row, env in enumerate(self._envs):
            seen, _ = env.reset(seed=self._seed + seed + self.first_env + row)
            observations[row] = np.ravel(seen)
        self._lengths[:] = self._returns[:] = 0

    def drain_episodes(self) -> Episodes:
        """Take all finished episodes since the last call."""
        ended, self._ended = self._ended, []
        env, episode, length, total, terminated = zip(*ended, strict=True) if ended else ((),) * 5
        none = np.zeros(len(ended), np.int32)
        is_over = np.array(terminated, np.bool_)
        return Episodes(
            env=np.array(env, np.int32),
            agent=none,
            group=none,
            world=none,
            episode=np.array(episode, np.int64),
            length=np.array(length, np.int32),
            episode_return=np.array(total, np.float32),
            terminated=is_over,
            truncated=~is_over,
            terms=np.zeros((len(ended), 0), np.float32),
            stats=np.zeros((len(ended), 0), np.int32),
            dropped=0,
        )

    def look(self, env: int = 0) -> Any:
        """Refused: there is no grid to show."""
        raise SimError(f"env {env} is of Gymnasium and has no grid to look at")

    def close(self) -> None:
        """Close all environments."""
        for env in self._envs:
            env.close()

    def _note_end(self, row: int, terminated: bool) -> None:
        number, length, total = int(self._numbers[row]), int(self._lengths[row]), float(self._returns[row])
        self._ended.append((self.first_env + row, number, length, total, terminated))
        self._numbers[row] += 1
        self._lengths[row] = self._returns[row] = 0


def _signature(env: Env[Any, Any]) -> Signature:
    seen, done = env.observation_space, env.action_space
    if not isinstance(seen, Box):
        raise SimError(
            f"observations of {seen} are no box of numbers", hint="wrap it in gymnasium's FlattenObservation"
        )
    if isinstance(done, Discrete):
        return Signature.of_floats(int(np.prod(seen.shape)), [f"action_{i}" for i in range(int(done.n))])
    if isinstance(done, MultiDiscrete) and done.nvec.ndim == 1:
        sizes = [int(size) for size in done.nvec]
        names = [f"head_{head}_action_{i}" for head, size in enumerate(sizes) for i in range(size)]
        return Signature.of_floats(int(np.prod(seen.shape)), names, sizes)
    raise SimError(f"actions of {done} cannot be chosen", hint="Discrete and MultiDiscrete can")


def _first_action(space: Space[Any]) -> Any:
    """What our action 0 is to the environment: () or (heads,)."""
    assert isinstance(space, Discrete | MultiDiscrete)
    return np.asarray(space.start)


def _spec(signature: Signature) -> Spec:
    """One agent in a game that has none of our names."""
    return Spec(
        agent_count=1,
        action_names=signature.actions,
        encoding="floats",
        planes=(),
        plane_classes=(),
        window_width=0,
        window_height=0,
        self_features=(),
        self_scales=(),
        token_count=0,
        feature_names=(),
        feature_scales=(),
        observation_size=signature.floats,
        term_names=(),
        stat_names=(),
        resource_names=(),
        kind_names=(),
        group_count=1,
        role_names=("agent",),
        agent_roles=("agent",),
    )

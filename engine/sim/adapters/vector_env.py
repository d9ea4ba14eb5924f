"""Many envs on arrays that Python and C share: a gymnasium.vector.VectorEnv, and the loop of PufferLib.

Every agent is a row of its own, so games of many agents look like many envs of one. Owned by whoever makes it; one
thread at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import SimError
from engine.sim.batch import Batch, Episodes
from engine.sim.world import World

from . import missing, spaces
from .episode import SEEDS

try:
    from gymnasium.vector import AutoresetMode, VectorEnv
    from gymnasium.vector.utils import batch_space
except ImportError as error:
    raise missing("gymnasium", "gym") from error

Array = NDArray[Any]

BUFFERS: Final = ("observations", "actions", "rewards", "terminals", "truncations")
"""Arrays that a caller may hand over, by PufferLib's names."""

REPORT_STEPS: Final = 128
"""Steps between two reports of finished episodes to a PufferLib loop: summing up costs more than a step."""


class GridworldVectorEnv(VectorEnv[Array, Array, Array]):
    """`env_count` envs stepped by one call; row `env * agents + agent` of every array is one agent.

    The arrays are attributes and are the same ones for good: C writes into them, and what `reset`, `step` and `recv`
    return are these arrays themselves. Copy what must outlive the next step. An env that ends begins anew in the
    same step (AutoresetMode.SAME_STEP): its row of `observations` is the new episode's first, and that of
    `final_observations` the old one's last.

    An action that there is not fails and is counted in the stat `action.invalid_index`.

    Args:
        worlds: of one game; each env draws one at every reset.
        env_count: envs, so `num_envs == num_agents == env_count * agents`.
        thread_count: C workers; results do not depend on it.
        buffers: arrays to use in place of own ones, any of BUFFERS: observations (rows, size) uint8, actions
            (rows,) int32, rewards (rows,) float32, terminals and truncations (rows,) bool or uint8.

    Raises:
        SimError: a buffer has another dtype, shape or order, or a name nobody knows.
    """

    metadata = {"autoreset_mode": AutoresetMode.SAME_STEP, "render_modes": []}

    def __init__(
        self,
        worlds: Sequence[World] | World,
        env_count: int = 1,
        thread_count: int = 1,
        buffers: Mapping[str, Array] | None = None,
    ) -> None:
        self.batch = Batch(worlds, env_count, thread_count=thread_count)
        self.game = self.batch.spec
        self._make_spaces()
        self._make_arrays(buffers or {})
        self.infos: list[dict[str, float]] = []
        self._steps = 0

    def _make_spaces(self) -> None:
        self.num_envs = self.num_agents = self.agents_per_batch = self.batch.rows
        self.single_observation_space = spaces.observation_space(self.game)
        self.single_action_space = spaces.action_space(self.game)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    def _make_arrays(self, given: Mapping[str, Array]) -> None:
        if unknown := sorted(set(given) - {*BUFFERS, "masks"}):
            raise SimError(f"there is no buffer {unknown[0]!r}", hint=f"buffers are {', '.join(BUFFERS)}")
        rows, batch = self.num_envs, self.batch
        self.observations = given.get("observations", batch.observations)
        self.actions = given.get("actions", np.zeros(rows, np.int32))
        self.rewards = given.get("rewards", batch.rewards)
        self.terminals = given.get("terminals", np.zeros(rows, np.bool_))
        self.truncations = given.get("truncations", np.zeros(rows, np.bool_))
        self.masks = given.get("masks", np.ones(rows, np.bool_))  # PufferLib's: which agents are there. All are
        self.agent_ids = np.arange(rows)
        self.final_observations = batch.final_observations
        self._advance = batch.bind(
            observations=self.observations,
            actions=self.actions,
            rewards=self.rewards,
            terminated=self.terminals,
            truncated=self.truncations,
            final_observations=self.final_observations,
        )

    @property
    def driver_env(self) -> GridworldVectorEnv:
        """The env that knows the spaces: PufferLib asks so, because its own vectors hold several."""
        return self

    # ---- As gymnasium has it

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """Start an episode in every env; there are no options. A seed that is not given is drawn from the last."""
        self._require_open()
        super().reset(seed=seed)
        self.batch.reset_into(self.observations, int(self.np_random.integers(SEEDS)) if seed is None else seed)
        return self.observations, {}

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, dict[str, Any]]:
        """Step every env with (rows,) actions; `self.actions` itself is not copied.

        Returns:
            observations, rewards, terminals, truncations, infos. Where an episode ended, infos has `final_obs`, the
            (rows, size) array whose ended rows count, and `_final_obs`, (rows,) bool of which those are.
        """
        self.send(actions)
        ended = np.logical_or(self.terminals, self.truncations)
        infos = {"final_obs": self.final_observations, "_final_obs": ended} if ended.any() else {}
        return self.observations, self.rewards, self.terminals, self.truncations, infos

    def close_extras(self, **kwargs: Any) -> None:
        self.batch.close()

    # ---- As PufferLib has it

    def async_reset(self, seed: int | None = None) -> None:
        """Start an episode in every env; `recv` has what is seen."""
        self.reset(seed=seed)
        self.rewards[:], self.terminals[:], self.truncations[:] = 0, False, False
        self.infos = []

    def send(self, actions: Array) -> None:
        """Step every env with (rows,) actions; `recv` has what came of it."""
        self._require_open()
        if actions is not self.actions:
            self.actions[:] = actions
        self._advance()
        self._steps += 1
        self.infos = self._report() if self._steps % REPORT_STEPS == 0 else []

    def recv(self) -> tuple[Array, Array, Array, Array, list[dict[str, float]], Array, Array]:
        """Observations, rewards, terminals, truncations, infos, agent ids, masks: all but infos are the arrays.

        infos is empty, but every REPORT_STEPS steps has the means of what ended since: `episode_return`,
        `episode_length`, the reward terms and the stats, if anything did.
        """
        return (
            self.observations,
            self.rewards,
            self.terminals,
            self.truncations,
            self.infos,
            self.agent_ids,
            self.masks,
        )

    def _report(self) -> list[dict[str, float]]:
        episodes = self.batch.drain_episodes()
        return [means_of(episodes, self.game.term_names, self.game.stat_names)] if len(episodes) else []

    # ---- Beyond both

    def action_masks(self) -> NDArray[np.bool_]:
        """(rows, actions): False where the action cannot succeed, but one True at least. A new array."""
        self._require_open()
        masks = np.zeros((self.batch.rows, len(self.game.action_names)), np.bool_)
        self.batch.action_masks_into(masks)
        return masks

    def _require_open(self) -> None:
        if self.closed:
            raise SimError("this env is closed", hint="make a new one")


def means_of(episodes: Episodes, terms: Sequence[str], stats: Sequence[str]) -> dict[str, float]:
    """Means over finished agent-episodes, by name."""
    means = {
        "episode_return": float(episodes.episode_return.mean()),
        "episode_length": float(episodes.length.mean()),
    }
    means |= {f"term/{name}": float(value) for name, value in zip(terms, episodes.terms.mean(0), strict=True)}
    means |= {f"stat/{name}": float(value) for name, value in zip(stats, episodes.stats.mean(0), strict=True)}
    return means

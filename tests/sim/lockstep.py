"""Steps the engine and the reference side by side and compares everything that either lets out."""

from __future__ import annotations

import numpy as np

from engine.sim import Batch, Plane, Rules, World

from .reference import Env


class Lockstep:
    """A batch and as many reference envs, on the same actions."""

    def __init__(
        self,
        rules: Rules,
        maps: list[np.ndarray],
        env_count: int,
        seed: int,
        thread_count: int = 1,
        weights: list[int] | None = None,
        first_env: int = 0,
    ) -> None:
        self.rules, self.seed, self.tick = rules, seed, 0
        worlds = [World(rules, cells) for cells in maps]
        self.batch = Batch(worlds, env_count, seed=seed, thread_count=thread_count, first_env=first_env)
        weights = weights or [1] * len(maps)
        self.batch.set_world_weights(weights)
        self.batch.reset(seed)
        self.envs = [Env(rules, maps, seed, first_env + index, weights) for index in range(env_count)]
        self.final_observations = self.batch.final_observations.copy()
        self.finished: list[tuple[int, int, float, int, dict[str, int], dict[str, np.float32]]] = []
        self.compare_observations()

    def step(self, actions: np.ndarray) -> None:
        """Step both with (rows,) actions and compare what a step writes."""
        batch, agents = self.batch, self.rules.agents
        batch.step(actions)
        self.tick += 1
        for index, env in enumerate(self.envs):
            rows = slice(index * agents, (index + 1) * agents)
            terminated, truncated, final, results = env.step(actions[rows].tolist())
            assert batch.results[rows].tolist() == results
            assert batch.rewards[rows].tobytes() == np.array(env.step_rewards, np.float32).tobytes()
            assert batch.terminated[rows].tolist() == [terminated] * agents
            assert batch.truncated[rows].tolist() == [truncated] * agents
            if final is not None:
                self.final_observations[rows] = final
                for agent, (total, length, stats, ledger) in enumerate(env.finished):
                    self.finished.append((env.index, agent, total, length, stats, ledger))
        # Where nothing ended the old bytes must stand as they were.
        assert np.array_equal(batch.final_observations, self.final_observations)
        self.compare_observations()

    def compare_observations(self) -> None:
        expected = np.concatenate([env.observations() for env in self.envs])
        assert np.array_equal(self.batch.observations, expected)

    def compare_states(self) -> None:
        """Compare everything that can be asked of an env; of the masks, which take the longest, one agent's."""
        before = self.batch.hash()
        for index, env in enumerate(self.envs):
            self._compare_view(index, env)
            self._compare_ledger(index, env)
            asked = (self.tick + index) % len(env.agents)
            assert np.array_equal(self.batch.action_mask(index)[[asked]], env.action_mask([asked]))
            assert np.array_equal(self.batch.observe(index), env.observations())
        assert self.batch.hash() == before  # looking changes nothing

    def _compare_view(self, index: int, env: Env) -> None:
        view = self.batch.look(index)
        assert (view.tick, view.episode, view.world) == (env.tick, env.episode, env.world)
        assert np.array_equal(view.cells, env.plane(Plane.KIND))
        assert np.array_equal(view.ready, env.plane(Plane.READY))
        for number, (seen, agent) in enumerate(zip(view.agents, env.agents, strict=True)):
            assert (seen.row, seen.column) == agent.place
            assert (seen.group, self.rules.roles[seen.role], seen.facing) == (agent.group, agent.role, agent.facing)
            assert (seen.last_action, seen.last_result) == (agent.last_action, agent.last_result)
            assert (seen.frozen, seen.shield, seen.glyph) == (agent.frozen, agent.shield, agent.glyph)
            assert seen.inventory == tuple(agent.held.values())
            assert seen.step_reward == env.step_rewards[number]
            assert seen.episode_return == agent.episode_return

    def _compare_ledger(self, index: int, env: Env) -> None:
        step, episode, stats = self.batch.ledger(index)
        for number, agent in enumerate(env.agents):
            assert step[number].tolist() == list(env.step_ledgers[number].values())
            assert episode[number].tolist() == list(agent.ledger.values())
            assert dict(zip(env.stat_names, stats[number].tolist(), strict=True)) == agent.stats

    def compare_episodes(self) -> None:
        """Drain the engine's finished episodes and compare them with the reference's."""
        episodes = self.batch.drain_episodes()
        assert episodes.dropped == 0
        assert len(episodes) == len(self.finished)
        for i, (env, agent, total, length, stats, ledger) in enumerate(self.finished):
            assert (episodes.env[i], episodes.agent[i], episodes.length[i]) == (env, agent, length)
            assert episodes.episode_return[i] == total
            assert episodes.stats[i].tolist() == list(stats.values())
            assert episodes.terms[i].tolist() == list(ledger.values())
        self.finished.clear()

    def set_weights(self, weights: list[int], retires: bool) -> None:
        """From the next reset on; or at once, in the next step."""
        self.batch.set_world_weights(weights)
        if retires:
            self.batch.retire_worlds()
        for env in self.envs:
            env.weights, env.retires_worlds = weights, retires

    def move_to(self, batch: Batch) -> None:
        """Go on in another batch of the same worlds, from the exact state of this one."""
        batch.load(self.batch.save())
        for name in ("observations", "final_observations"):
            getattr(batch, name)[:] = getattr(self.batch, name)
        self.compare_episodes()  # undrained ones stay behind
        self.batch = batch

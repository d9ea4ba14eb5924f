"""What one iteration says about itself: episode figures as metrics, and a fair sample of episode records.

Pure functions over drained episodes, for the trainer thread; records are made on the log's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.sim import Episodes, Spec

ARRAYS = tuple(each.name for each in fields(Episodes) if each.name != "dropped")
"""Names of what is known of each episode."""


def joined(parts: Sequence[Episodes]) -> Episodes:
    """Episodes drained at several times or from several batches, as one."""
    if len(parts) == 1:
        return parts[0]
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ARRAYS}
    return Episodes(**arrays, dropped=sum(part.dropped for part in parts))


def ordered(episodes: Episodes) -> Episodes:
    """By number, env and agent: whoever stepped them and however often they were drained, sums then round alike."""
    return _picked(episodes, np.lexsort((episodes.agent, episodes.env, episodes.episode)))


def sample(episodes: Episodes, limit: int) -> Episodes:
    """All of them up to `limit`, else that many at even distances: of ordered ones, early and late in equal shares."""
    count = len(episodes)
    if count <= limit:
        return episodes
    return _picked(episodes, np.linspace(0, count - 1, limit).round().astype(np.int64))


def _picked(episodes: Episodes, indices: NDArray[np.int64]) -> Episodes:
    return Episodes(**{name: getattr(episodes, name)[indices] for name in ARRAYS}, dropped=episodes.dropped)


def episode_metrics(episodes: Episodes, spec: Spec, *, can_terminate: bool) -> dict[str, float]:
    """rollout/* over the agent-episodes that ended in an iteration; empty where none did.

    success_rate is the share that ended by the rules and not by the clock, for games that can: whoever gains by that.
    """
    if len(episodes.env) == 0:
        return {}
    values = {
        "rollout/ep_rew_mean": float(episodes.episode_return.mean()),
        "rollout/ep_rew_std": float(episodes.episode_return.std()),
        "rollout/ep_len_mean": float(episodes.length.mean()),
        "rollout/episodes": float(len(episodes.env)),
    }
    if can_terminate:
        values["rollout/success_rate"] = float(np.asarray(episodes.terminated, dtype=bool).mean())
    means = episodes.terms.mean(axis=0).tolist()
    values.update((f"rollout/term/{name}", mean) for name, mean in zip(spec.term_names, means, strict=True))
    return values


def episode_records(episodes: Episodes, spec: Spec) -> Iterator[dict[str, Any]]:
    """Records for the episode log, made as they are asked for: a millisecond for some hundred."""
    return (_record(episodes, spec, index) for index in range(len(episodes)))


def _record(episodes: Episodes, spec: Spec, index: int) -> dict[str, Any]:
    return {
        "env": int(episodes.env[index]),
        "agent": int(episodes.agent[index]),
        "group": int(episodes.group[index]),
        "world": int(episodes.world[index]),
        "episode": int(episodes.episode[index]),
        "length": int(episodes.length[index]),
        "reward": float(episodes.episode_return[index]),
        "end": "terminated" if episodes.terminated[index] else "truncated",
        "terms": dict(zip(spec.term_names, episodes.terms[index].tolist(), strict=True)),
        "stats": dict(zip(spec.stat_names, episodes.stats[index].tolist(), strict=True)),
    }

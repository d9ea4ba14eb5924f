"""What one iteration says about itself: episode figures as metrics, and a fair sample of episode records.

Pure functions over drained episodes; called by the trainer thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from engine.sim import Episodes, Spec


def joined(parts: Sequence[Episodes]) -> Episodes:
    """Episodes drained at several times or from several batches, as one."""
    if len(parts) == 1:
        return parts[0]
    arrays = {
        each.name: np.concatenate([getattr(part, each.name) for part in parts])
        for each in fields(Episodes)
        if each.name != "dropped"
    }
    return Episodes(**arrays, dropped=sum(part.dropped for part in parts))


def episode_metrics(episodes: Episodes, spec: Spec, *, can_terminate: bool) -> dict[str, float]:
    """rollout/* over the agent-episodes that ended in an iteration; empty where none did.

    success_rate is the share that ended by the rules and not by the clock, for games that can.
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


def episode_records(episodes: Episodes, spec: Spec, limit: int) -> list[dict[str, Any]]:
    """Records for the episode log: all of them up to `limit`, else that many at even distances.

    Even distances in the order of their ends, so the sample has the same share of early and of late
    episodes as the iteration has.
    """
    count = len(episodes.env)
    kept = np.unique(np.linspace(0, count - 1, min(count, limit)).round().astype(np.int64)) if count and limit else ()
    return [_record(episodes, spec, int(index)) for index in kept]


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

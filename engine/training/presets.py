"""Presets: named sets of trainer settings by machine, and those that Metta trains with.

Pure functions; any thread; no torch. A preset knows only how many agents the game has: it gives whole minibatches
for any number of them. Machine presets leave alone what belongs to the game (gamma, gae_lambda, rewards, the
entropy bonus, total_steps): that is the recipe's.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from engine.errors import UsageError


@dataclass(frozen=True)
class Preset:
    """A named set of settings."""

    name: str
    summary: str
    """One line, for lists."""
    settings: Callable[[int], dict[str, Any]]
    """The settings for a game of so many agents (1 or more), as TrainerConfig's JSON."""


def preset_settings(name: str, agents: int) -> dict[str, Any]:
    """The settings of the preset of that name, as TrainerConfig's JSON: nested, and only what the preset sets.

    Raises:
        UsageError: there is none; with the nearest names.
    """
    if name in PRESETS:
        return PRESETS[name].settings(agents)
    near = difflib.get_close_matches(name, PRESETS, n=2)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(PRESETS)}"
    raise UsageError(f"no preset is called {name[:_MAX_SHOWN]!r}", hint=hint)


_MAX_SHOWN = 60  # characters of a name in an error


def _tiny(agents: int) -> dict[str, Any]:
    # Half of small's batch and minibatch, so twice the updates a step. Measured: navigation is solved (a return of
    # 0.94) after 30,000 steps, with small after 49,000 (two seeds each); a step costs twice the time.
    shape = _shape_for_few(agents, batch=2_048)
    return shape | {"epochs": 2, "learning_rate": 2.5e-3, "policy": {"hidden": [32, 32]}} | _ONE_THREAD


def _small(agents: int) -> dict[str, Any]:
    shape = _shape_for_few(agents, batch=4_096)
    return shape | {"epochs": 2, "learning_rate": 2.5e-3, "policy": {"hidden": [64, 64]}} | _ONE_THREAD


def _gpu(agents: int) -> dict[str, Any]:
    # training.md A4 (ii): 8,192 rows for 64 steps are 524,288 samples, learnt from once in 16 updates.
    shape = _shape(agents, batch=524_288, minibatch=32_768, horizon=64)
    # Two 128-unit layers are the net of its 5 M steps/s target. The learning rate stays the recipe's: nobody has
    # measured another at this size yet. 14 workers: A4's 16 cores, less the learner's and the screen's.
    threads = min(14, shape["env_count"])
    learner = {"epochs": 1, "policy": {"hidden": [128, 128]}, "device": "auto"}
    return shape | learner | {"threads": threads, "torch_threads": 1}


def _metta(agents: int) -> dict[str, Any]:
    """Metta's trainer and PPO defaults as of November 2025 (features.md A.2, [N25]), as far as we have their fields.

    Left out, for want of a field: AdamW (schedule-free; betas 0.9 and 0.999, eps 3.19e-7, weight decay 0.01, 1000
    steps of warm-up; ours is Adam), prioritised sampling (alpha 0, so without effect there), the losses beside PPO.
    V-trace would do nothing in a single pass over fresh data; networks are the recipe's.
    """
    # bptt 64: Metta's segments are what its memory learns over; ours learns over the horizon unless bptt says less.
    return _shape(agents, batch=524_288, minibatch=16_384, horizon=64) | {
        "total_steps": 50_000_000_000,
        "epochs": 1,
        "learning_rate": 0.00092,
        "anneal": False,  # its optimiser has no schedule
        "gamma": 0.977,
        "gae_lambda": 0.8915,
        "clip": 0.264,
        "value_clip": 0.1,
        "entropy_coefficient": 0.01,
        "value_coefficient": 0.898,
        "max_grad_norm": 0.5,
        "target_kl": None,
    }


# A second worker brings little where a step is 50 us of C (measured, one and two: 136 and 136 k steps/s in navigation,
# 74 and 77 k in arena_easy), and torch's own threads collapse on shared cores (training.md A2).
_ONE_THREAD: Final = {"threads": 1, "torch_threads": 1}

PRESETS: Final[dict[str, Preset]] = {
    preset.name: preset
    for preset in (
        Preset("tiny", "a laptop or a test: small net, few envs, the first curve soon", _tiny),
        Preset("small", "2 to 8 CPU cores: the defaults, fitted to the game's agents", _small),
        Preset("gpu", "one big GPU and 16 cores: many envs, large minibatches, a wider net", _gpu),
        Preset("metta", "Metta's defaults of November 2025: PPO and batch, not its optimiser and networks", _metta),
    )
}
"""All presets, by name, from small to large."""


def _shape_for_few(agents: int, *, batch: int) -> dict[str, Any]:
    """The envs that one agent has in that batch, for up to four agents; fewer for more of them.

    One agent learns more from more updates. Several do not: of two runs of arena_easy (2.5 M steps) the better one had
    1.97 hearts an episode with batches of 12,288, 0.38 with 6,144 and 0.00 with 3,072. In pursuit (2 M
    steps, two runs) predators caught in 80 to 95 % of games with 16,384 as with 4,096, in three quarters of the time.
    """
    most = batch * min(agents, 4)
    return _shape(agents, batch=most, minibatch=max(batch // 4, most // 8), horizon=32)


def _shape(agents: int, *, batch: int, minibatch: int, horizon: int) -> dict[str, Any]:
    """Envs and minibatch for a game of so many agents; sizes in agent steps, all powers of two.

    Envs are the largest power of two whose steps are within the batch, but at least one. The minibatch is the
    largest divisor within the one asked for; more than half of it, since a batch is an odd number doubled often.
    """
    assert agents >= 1
    per_env = agents * horizon
    envs = 1 << (max(batch // per_env, 1).bit_length() - 1)
    samples = envs * per_env
    whole = next(size for size in range(minibatch, 0, -1) if samples % size == 0)
    return {"env_count": envs, "horizon": horizon, "minibatch_size": whole}

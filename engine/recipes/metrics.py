"""The names of the metrics that a run will log, told from its configuration before anything runs.

Pure; any thread; no torch. docs/metrics.md says what each is.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any, Final

from engine.errors import ConfigError
from engine.sim import spec_of
from engine.training.checks import can_terminate
from engine.training.components.config import ComponentsConfig
from engine.training.config import LossConfig

from .config import RecipeConfig
from .overrides import shortened

_ROLLOUT: Final = ("ep_rew_mean", "ep_rew_std", "ep_len_mean", "episodes", "reward_per_step")
_UPDATE: Final = ("loss", "grad_norm", "explained_variance", "updates", "learning_rate", "entropy_coefficient")
_PPO: Final = ("policy_gradient_loss", "value_loss", "entropy", "approx_kl", "clip_fraction", "entropy_loss")
_CLONING: Final = ("cloning_loss", "cloning_accuracy")
_TRAINER: Final = (
    "maps/worlds",
    "maps/cache_hit_rate",
    "time/total_timesteps",
    "time/iterations",
    "time/elapsed_s",
    "time/fps",
    "time/rollout_share",
    "time/learn_share",
    "time/log_share",
    "time/components_share",
)
_OF_COMPONENT: Final = {
    "progress": ("time/progress", "time/remaining_s"),
    "system": (
        "system/cpu_percent",
        "system/rss_mb",
        "system/memory_percent",
        "system/threads",
        "system/open_files",
        "memory/rollout_mb",
        "memory/networks_mb",
        "memory/optimizers_mb",
    ),
    "flops": ("time/flops_per_step", "time/gflops"),
    "evaluator": ("eval/return_mean", "eval/length_mean", "eval/episodes"),
    "gradients": ("grads/all/norm", "grads/all/mean", "grads/all/variance"),
    "stats": ("recent/reward_area",),
    "epoch_tuner": ("train/epochs",),
}
"""What each component that is switched on adds; those that are not here only tell what they cost."""

_OF_LEARNER: Final = (*_OF_COMPONENT["gradients"], *_OF_COMPONENT["epoch_tuner"])
"""Those of them that each learner has for itself."""

_GPU: Final = ("system/gpu_memory_mb", "system/gpu_memory_peak_mb")
_TENSORS: Final = ("grads/norm/", "grads/weight/", "grads/change/")
"""Before the names of a network's tensors, which nobody knows until it is built."""

_MAX_NAMES: Final = 6  # told where none is near


def metric_names(config: RecipeConfig) -> tuple[str, ...]:
    """All that a run of this configuration can log, but for the gradients of single tensors."""
    return tuple(dict.fromkeys(_names(config)))


def require_metric(metric: str, configs: Iterable[RecipeConfig]) -> None:
    """Refuse a name that none of the configurations logs.

    Raises:
        ConfigError: with the switch that it waits for, or the nearest names.
    """
    known: dict[str, None] = {}
    switch = ""
    for config in configs:
        names = metric_names(config)
        if metric in names or (config.trainer.components.gradients.enabled and _is_of_tensor(metric)):
            return
        switch = switch or ("" if known else _switch_for(metric, config))
        known.update(dict.fromkeys(names))
    near = difflib.get_close_matches(metric, known, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there is {', '.join([*known][:_MAX_NAMES])}, ..."
    hint = f"trainer.components.{switch}.enabled=true has it logged" if switch else hint
    raise ConfigError(f"metric: no run of this logs {shortened(metric)!r}", hint=hint)


def require_followed(config: RecipeConfig) -> None:
    """Refuse a schedule, a gate, a stage or a best checkpoint that would wait for a metric for ever.

    Raises:
        ConfigError: with the setting that names it.
    """
    best = config.trainer.components.checkpointer.best
    named = [("trainer.components.checkpointer.best", best)] if best else []
    for key, metric in (*_followed(config.trainer.model_dump(mode="json"), "trainer"), *named):
        try:
            require_metric(metric, [config])
        except ConfigError as error:
            raise ConfigError(f"{key}{error.message.removeprefix('metric')}", hint=error.hint) from None


def _followed(value: Any, key: str) -> Iterator[tuple[str, str]]:
    """(key, metric) of all settings of that name."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "metric" and isinstance(inner, str):
                yield f"{key}.metric", inner
            else:
                yield from _followed(inner, f"{key}.{name}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _followed(inner, f"{key}.{index}")


def _names(config: RecipeConfig) -> Iterator[str]:
    rules, trainer = config.rules, config.trainer
    on = [name for name in ComponentsConfig.model_fields if getattr(trainer.components, name).enabled]
    rollout = [*_ROLLOUT, *(["success_rate"] if can_terminate(rules) else [])]
    yield from (f"rollout/{name}" for name in rollout)
    yield from (f"rollout/term/{name}" for name in spec_of(rules).term_names)
    update = [f"train/{name}" for name in _of_updates(config)]
    yield from update
    yield from _TRAINER
    learners = _learners(config)
    yield from (f"{learner}{name}" for learner in learners if learner for name in update)
    for name in (name for component in on for name in _OF_COMPONENT.get(component, ())):
        if name in _OF_LEARNER:
            yield from (f"{learner}{name}" for learner in learners)
        else:
            yield name
    yield from (f"time/component/{name}_ms" for name in on)
    if "evaluator" in on and can_terminate(rules):
        yield "eval/success_rate"
    if "stats" in on:
        yield from (f"recent/{name}" for name in rollout)
    if "system" in on and trainer.device != "cpu":
        yield from _GPU
    if trainer.curriculum.stages:
        yield "curriculum/stage"
    if "evaluator" in on and len(learners) > 1:
        yield from (f"{learner}eval/return_mean" for learner in learners)


def _learners(config: RecipeConfig) -> list[str]:
    """What the names of each learner's own figures begin with: nothing for all agents that share one."""
    roles = config.trainer.roles
    owners = dict.fromkeys(role if role in roles else "" for role in spec_of(config.rules).agent_roles)
    learning = [owner for owner in owners if owner not in roles or roles[owner].play is None]
    return [f"{owner}/" if owner else "" for owner in learning]


def _of_updates(config: RecipeConfig) -> list[str]:
    losses = config.trainer.losses
    return [
        *_UPDATE,
        *(_PPO if _counts(losses.ppo) else ()),
        *(_CLONING if _counts(losses.behaviour_cloning) else ()),
    ]


def _counts(loss: LossConfig) -> bool:
    return loss.weight > 0 or loss.schedule is not None


def _is_of_tensor(metric: str) -> bool:
    """Whether it is the figure of one tensor, or of one of a role's."""
    return metric.startswith(_TENSORS) or metric.partition("/")[2].startswith(_TENSORS)


def _switch_for(metric: str, config: RecipeConfig) -> str:
    """The component that would log it, were it switched on; empty: none."""
    for name in ComponentsConfig.model_fields:
        switched = getattr(config.trainer.components, name).model_copy(update={"enabled": True})
        components = config.trainer.components.model_copy(update={name: switched})
        trainer = config.trainer.model_copy(update={"components": components})
        if metric in metric_names(config.model_copy(update={"trainer": trainer})):
            return name
    return ""

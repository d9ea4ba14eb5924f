"""What can be said of a trainer's settings before a run, each with its arithmetic: for forms and `validate`.

Pure functions; any thread; no torch. Judged is arithmetic, and what training.md knows before a run: rules 2, 36 and 50
of its section D, and the trap of torch's threads (A2). No rule says beforehand which learning rate is right.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from engine.errors import ConfigError
from engine.sim import Rules

from .config import TrainerConfig

_ENOUGH_EPISODES = 10  # in a batch; training.md D, rule 50
_ENOUGH_ITERATIONS = 10  # updates before the diagnosis says a word; training.md D, warm-up
_MOST_EPOCHS = 10  # training.md D, rule 50
_SHORT_REACH, _LONG_REACH = 0.3, 3.0  # of the discount, in episodes; training.md D, rule 36
_HIGH_KL = 0.02  # of an update; training.md D, rule 2
_ADVISED_KL = 0.015  # training.md D, rule 2
_MEMORY_SHARE = 0.5  # of the memory for the rollout; the learner, the screen and the system live on the rest
_SAMPLE_BYTES = 34  # eight numbers of 4 bytes, two flags of 1; see Rollout
_MOST_ENVS, _LONGEST_HORIZON = 1_000_000, 65_536  # TrainerConfig's own limits


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    NOTE = "note"
    """Unusual, may well be meant."""
    WARNING = "warning"
    """It runs, but hardly as it is meant."""
    ERROR = "error"
    """It cannot run."""


@dataclass(frozen=True)
class Check:
    """What one look at the settings found."""

    key: str
    """The setting to change, within TrainerConfig: dots go deeper."""
    level: Level
    words: str
    """The arithmetic, and what follows from it."""
    hint: str = ""
    """key=value that would hold and what it makes, or words where no one value does; empty if all is well."""


def check_trainer(
    trainer: TrainerConfig,
    rules: Rules,
    *,
    cores: int,
    observation_bytes: int | None = None,
    memory_bytes: int | None = None,
) -> tuple[Check, ...]:
    """All checks, those that hold as well.

    Args:
        cores: CPU cores of the machine that will train.
        observation_bytes: of one agent, as Spec.observation_size; the rollout's memory is not looked at without it.
        memory_bytes: what the rollout may come to fill; its size alone is told without it.
    """
    found = [
        _minibatch(trainer, rules),
        _episodes(trainer, rules),
        _advantage(trainer, rules),
        _discount(trainer, rules),
        _iterations(trainer, rules),
        _epochs(trainer, rules),
        *_target_kl(trainer),
        _threads(trainer, cores),
        _torch_threads(trainer, cores),
    ]
    if observation_bytes is not None:
        found.append(_memory(trainer, rules, observation_bytes, memory_bytes))
    return tuple(found)


# The batch


def _minibatch(trainer: TrainerConfig, rules: Rules) -> Check:
    size, product = trainer.minibatch_size, _product(trainer, rules)
    whole, left = divmod(trainer.batch_size(rules.agents), size)
    try:
        trainer.require_fit(rules.agents)
    except ConfigError as error:
        found = f"{product}, less than one minibatch of {size:,}"
        if not left:  # it divides, and something else does not fit
            found = error.message
        elif whole:
            found = f"{product} = {_count(whole, 'minibatch', 'es')} of {size:,} and {left:,} left over"
        return Check("minibatch_size", Level.ERROR, found, error.hint)
    return Check("minibatch_size", Level.OK, f"{product} = {_count(whole, 'minibatch', 'es')} of {size:,}")


def _episodes(trainer: TrainerConfig, rules: Rules) -> Check:
    """On average: episodes of one length end all in the same batch, every so many batches."""
    steps = trainer.env_count * trainer.horizon
    words = f"{_count(trainer.env_count, 'env')} x {_count(trainer.horizon, 'step')} = {steps:,} env steps"
    if rules.max_steps == 0:
        return _endless(words, rules)
    count = steps / rules.max_steps
    least = "at least " if can_terminate(rules) else ""
    words += f" = {least}{_figure(count)} episodes of {_count(rules.max_steps, 'step')} in each batch"
    if count >= _ENOUGH_EPISODES:
        return Check("env_count", Level.OK, words)
    level = Level.WARNING if count < 1 and not least else Level.NOTE
    return Check("env_count", level, words, _episodes_hint(trainer, rules))


def _endless(words: str, rules: Rules) -> Check:
    if can_terminate(rules):
        return Check("env_count", Level.OK, f"{words}; episodes end as the game does, and by no limit")
    words += "; rules.max_steps is 0, so no episode ends and there are no returns to show"
    return Check("env_count", Level.NOTE, words, "rollout/reward_per_step is there all the same")


def _episodes_hint(trainer: TrainerConfig, rules: Rules) -> str:
    """A multiple of the envs, so that the minibatch still divides the batch."""
    steps = trainer.env_count * trainer.horizon
    envs = trainer.env_count * -(-_ENOUGH_EPISODES * rules.max_steps // steps)
    if envs > _MOST_ENVS:
        return "shorter episodes (rules.max_steps) or a longer horizon"
    return f"env_count={envs} makes {_figure(envs * trainer.horizon / rules.max_steps)}"


# The horizon and the discount


def _advantage(trainer: TrainerConfig, rules: Rules) -> Check:
    """How far an advantage looks ahead: a step's weight in it falls by gamma x gae_lambda with each step between."""
    reach = _reach(trainer.gamma * trainer.gae_lambda)
    words = f"1 / (1 - {trainer.gamma} x {trainer.gae_lambda}): an advantage reaches {_steps(reach)}"
    if 0 < rules.max_steps < reach:  # no advantage passes the end of an episode
        reach = rules.max_steps
        words += f", within an episode {reach:,}"
    words += f"; the horizon is {trainer.horizon:,}"
    if reach <= trainer.horizon:
        return Check("horizon", Level.OK, words)
    return Check("horizon", Level.WARNING, f"{words}, and beyond it values must do", _horizon_hint(trainer, reach))


def _horizon_hint(trainer: TrainerConfig, reach: float) -> str:
    """A multiple of the horizon, so that the minibatch still divides; else the lambda that the horizon holds."""
    if reach <= _LONGEST_HORIZON:
        horizon = trainer.horizon * math.ceil(reach / trainer.horizon)
        if horizon <= _LONGEST_HORIZON:
            return f"horizon={horizon} holds it"
    shorter = math.floor((1 - 1 / trainer.horizon) / trainer.gamma * 1e4) / 1e4
    return f"gae_lambda={shorter} stays within {trainer.horizon:,} steps"


def _discount(trainer: TrainerConfig, rules: Rules) -> Check:
    gamma, limit, over = trainer.gamma, rules.max_steps, can_terminate(rules)
    reach = _reach(gamma)
    words = f"1 / (1 - {gamma}): the discount reaches {_steps(reach)}"
    if limit:
        words += f"; at the end of {limit:,} a reward weighs {gamma}^{limit} = {gamma**limit:.2g} at the start"
    if reach == math.inf and not over:
        # What a limit truncates is valued as if it went on: without a discount that sum has no bound.
        return Check(
            "gamma", Level.WARNING, f"{words}; the game is never over, so nothing bounds the values", _gamma_hint(limit)
        )
    if reach == math.inf and not limit:
        return Check(
            "gamma", Level.NOTE, f"{words}; nothing bounds the values until somebody ends the game", _gamma_hint(limit)
        )
    # Where the game can be over before the limit, an episode may be as short as any reach.
    if limit and (reach > _LONG_REACH * limit or (reach < _SHORT_REACH * limit and not over)):
        return Check("gamma", Level.NOTE, words, _gamma_hint(limit))
    return Check("gamma", Level.OK, words)


def _gamma_hint(limit: int) -> str:
    """The gamma that reaches as far as an episode; the default's 100 steps where there is no limit."""
    steps = limit or 100
    gamma = round(1 - 1 / steps, len(str(steps)) + 1)
    return f"gamma={gamma} reaches {_steps(_reach(gamma))}"


# The run


def _iterations(trainer: TrainerConfig, rules: Rules) -> Check:
    batch = trainer.batch_size(rules.agents)
    count = -(-trainer.total_steps // batch)  # the last one is completed
    words = f"{trainer.total_steps:,} steps in batches of {batch:,} = {_count(count, 'iteration')}"
    if count >= _ENOUGH_ITERATIONS:
        return Check("total_steps", Level.OK, words)
    hint = f"total_steps={_ENOUGH_ITERATIONS * batch} makes {_ENOUGH_ITERATIONS}"
    return Check("total_steps", Level.WARNING, words, hint)


def _epochs(trainer: TrainerConfig, rules: Rules) -> Check:
    minibatches = -(-trainer.batch_size(rules.agents) // trainer.minibatch_size)
    each = f"{_count(trainer.epochs, 'epoch')} x {_count(minibatches, 'minibatch', 'es')}"
    words = f"{each} = {_count(trainer.epochs * minibatches, 'optimiser step')} on each batch"
    if trainer.epochs <= _MOST_EPOCHS:
        return Check("epochs", Level.OK, words)
    words += ", the last of them far from the policy that acted"
    return Check("epochs", Level.WARNING, words, f"epochs={_MOST_EPOCHS} is the most that is usual")


def _target_kl(trainer: TrainerConfig) -> Iterator[Check]:
    """Nothing without a target. TrainerConfig itself refuses one with a single epoch."""
    target = trainer.target_kl
    if target is None:
        return
    words = f"1 to {trainer.epochs} epochs: no further one once the policy has moved by {target}"
    if target <= _HIGH_KL:
        yield Check("target_kl", Level.OK, words)
    else:
        words += f"; {_HIGH_KL} is far already"
        yield Check("target_kl", Level.NOTE, words, f"target_kl={_ADVISED_KL} is usual")


# The machine


def _threads(trainer: TrainerConfig, cores: int) -> Check:
    words = f"{_count(trainer.threads, 'worker')} for {_count(trainer.env_count, 'env')} on {_count(cores, 'core')}"
    most = min(cores, trainer.env_count)
    if trainer.threads <= most:
        return Check("threads", Level.OK, words)
    return Check("threads", Level.WARNING, f"{words}: some only wait", f"threads={most} keeps each of them busy")


def _torch_threads(trainer: TrainerConfig, cores: int) -> Check:
    words = f"{_count(trainer.torch_threads, 'thread')} in a tensor operation on {_count(cores, 'core')}"
    if trainer.torch_threads == 1:
        return Check("torch_threads", Level.OK, words)
    # training.md A2: two of them on a busy machine of two cores took the trainer from 277 k to 101 k steps/s.
    level = Level.NOTE if trainer.torch_threads <= cores else Level.WARNING
    hint = "torch_threads=1 is safe; more must be measured"
    return Check("torch_threads", level, f"{words}: they wait by spinning, and collapse where cores are shared", hint)


def _memory(trainer: TrainerConfig, rules: Rules, observation_bytes: int, memory_bytes: int | None) -> Check:
    """Of the rollout alone: what C and the network write in one iteration. A minibatch on its way through the
    network comes on top."""
    steps = trainer.horizon
    flags = 1 + (len(rules.action_names) if trainer.masks else 0)  # starts of episodes, and masks
    row = (steps + 2) * observation_bytes + steps * _SAMPLE_BYTES + (steps + 1) * flags  # first and final ones too
    rows = trainer.env_count * rules.agents
    each = f"{steps + 2:,} x {observation_bytes:,} + {steps:,} x {_SAMPLE_BYTES} + {steps + 1:,} x {flags}"
    words = f"{rows:,} rows x ({each}) bytes"
    words += f" = {_size(rows * row)}"
    if memory_bytes is None:
        return Check("env_count", Level.OK, words)
    words += f" of {_size(memory_bytes)}"
    if rows * row <= _MEMORY_SHARE * memory_bytes:
        return Check("env_count", Level.OK, words)
    level = Level.WARNING if rows * row <= memory_bytes else Level.ERROR
    return Check("env_count", level, words, _memory_hint(trainer, rules, row, memory_bytes))


def _memory_hint(trainer: TrainerConfig, rules: Rules, row_bytes: int, memory_bytes: int) -> str:
    """The most envs that fit and that the minibatch still divides."""
    fitting = int(_MEMORY_SHARE * memory_bytes) // (rules.agents * row_bytes)
    part = trainer.minibatch_size // math.gcd(trainer.minibatch_size, rules.agents * trainer.horizon)
    envs = fitting // part * part
    if envs == 0:
        return "a shorter horizon, a smaller window or a smaller minibatch"
    return f"env_count={envs} takes {_size(envs * rules.agents * row_bytes)}"


# Words


def can_terminate(rules: Rules) -> bool:
    """Whether anything but a limit ends an episode."""
    return rules.end is not None or (rules.tag is not None and rules.tag.ends_when_all_caught)


def _reach(weight: float) -> float:
    """Steps until a weight that falls by this factor has done: 1 / (1 - weight)."""
    return round(1 / (1 - weight), 6) if weight < 1 else math.inf  # in floats, 1 / (1 - 0.9) is more than 10


def _steps(reach: float) -> str:
    return "without end" if reach == math.inf else f"{_figure(reach)} steps"


def _product(trainer: TrainerConfig, rules: Rules) -> str:
    envs, agents = _count(trainer.env_count, "env"), _count(rules.agents, "agent")
    return f"{envs} x {agents} x {_count(trainer.horizon, 'step')} = {trainer.batch_size(rules.agents):,}"


def _count(number: int, noun: str, plural: str = "s") -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else plural)


def _figure(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _size(count: int) -> str:
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= scale:
            return f"{count / scale:,.1f} {unit}"
    return f"{count} bytes"

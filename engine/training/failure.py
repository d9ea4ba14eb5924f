"""Too little memory, told as what to lower.

Used by the thread of a run. No torch: whoever catches its errors has it loaded, and knows them here by name.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from engine.errors import ConfigError, GridrlError

from .config import TrainerConfig


@contextmanager
def memory_in_words(config: TrainerConfig, agent_count: int, *, setting: str, what: str) -> Iterator[None]:
    """Turn running out of memory in the block into an error that names the setting to lower.

    Args:
        setting: `env_count` or `minibatch_size`, whose size the block's memory goes by.
        what: takes the memory.
    """
    try:
        yield
    except Exception as error:
        where = _out_of(error)
        if where is None:
            raise
        now = getattr(config, setting)
        raise GridrlError(
            f"{where} is full: {what} does not fit with trainer.{setting}={now}",
            hint=_lower(config, agent_count, setting),
        ) from error


def _out_of(error: Exception) -> str | None:
    """What is full; None: it was something else."""
    if type(error).__name__ == "OutOfMemoryError":  # torch's, of any accelerator
        return "the GPU's memory"
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)):
        return "the memory"
    return None


def _lower(config: TrainerConfig, agent_count: int, setting: str) -> str:
    """The largest smaller value, halved again and again, that the other settings allow."""
    value = getattr(config, setting)
    while value > 1 and value % 2 == 0:
        value //= 2
        smaller = config.model_copy(update={setting: value})
        try:
            smaller.require_fit(agent_count)
        except ConfigError:
            continue
        if smaller.env_count % smaller.learner_threads == 0:
            return (
                f"trainer.{setting}={value} takes half of that or less; so does a smaller network or a shorter horizon"
            )
    return "a shorter trainer.horizon, a smaller network, or a machine with more"

"""The losses, by name. A new one is a file here, a line in `losses_of` and a field of LossesConfig."""

from __future__ import annotations

from engine.policies.signature import Signature
from engine.training.config import LossConfig, TrainerConfig

from .base import Loss
from .cloning import BehaviourCloning, Demonstrators
from .ppo import PpoLoss

__all__ = ["BehaviourCloning", "Loss", "PpoLoss", "losses_of"]


def losses_of(config: TrainerConfig, signature: Signature, memory_size: int, *, role: str = "") -> tuple[Loss, ...]:
    """Those that ever count, in the order in which they are added.

    Args:
        memory_size: floats of memory that the network has.
        role: whose network it is; empty for all that have none of their own.
    """
    losses: list[Loss] = []
    if _counts(config.losses.ppo):
        losses.append(PpoLoss())
    cloning, sequence = config.losses.behaviour_cloning, config.bptt or config.horizon
    if _counts(cloning):
        own = Demonstrators(role, frozenset(config.roles))
        losses.append(BehaviourCloning(cloning, signature, own, sequence=sequence, memory_size=memory_size))
    return tuple(losses)


def _counts(loss: LossConfig) -> bool:
    """Whether it ever will: a schedule may begin at 0."""
    return loss.weight > 0 or loss.schedule is not None

"""One dummy update, so that what torch loads and compiles on first use is not paid in the first iteration.

Called by the thread that will train. Touches neither the network nor any random stream of the run.
"""

from __future__ import annotations

import copy

import torch

from engine.policies.networks import PolicyNetwork

from .config import TrainerConfig
from .ppo import Samples, ppo_update

_ROWS = 64  # enough to enter every kernel, too few to take time


def warm_up(network: PolicyNetwork, config: TrainerConfig) -> None:
    """Update a copy of the network once on made-up samples."""
    twin = copy.deepcopy(network)
    optimizer = torch.optim.Adam(twin.parameters(), lr=1e-3, eps=1e-5, fused=True)
    samples = Samples(
        observations=torch.zeros((_ROWS, network.signature.observation_size), dtype=torch.uint8),
        actions=torch.zeros(_ROWS, dtype=torch.int64),
        log_probs=torch.zeros(_ROWS),
        values=torch.zeros(_ROWS),
        advantages=torch.linspace(-1, 1, _ROWS),
        returns=torch.linspace(-1, 1, _ROWS),
    )
    small = config.model_copy(update={"minibatch_size": _ROWS, "epochs": 1, "target_kl": None})
    ppo_update(twin, optimizer, samples, small, 0.0, torch.Generator().manual_seed(0))

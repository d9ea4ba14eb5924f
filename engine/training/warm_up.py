"""One dummy update, so that what torch loads and compiles on first use is not paid in the first iteration.

Called by the thread that will train. Touches neither the network nor any random stream of the run.
"""

from __future__ import annotations

import copy

import torch

from engine.policies.networks import PolicyNetwork

from .compute import Compute
from .samples import Samples, evaluated

_ROWS = 64  # enough to enter every kernel, too few to take time


def warm_up(network: PolicyNetwork, compute: Compute) -> None:
    """Update a copy of the network once on made-up samples, as and where it will learn."""
    twin = copy.deepcopy(network)
    optimizer = torch.optim.Adam(twin.parameters(), lr=1e-3, eps=1e-5, fused=True)
    signature = network.signature
    dtype = torch.float32 if signature.floats else torch.uint8
    device = compute.device
    samples = Samples(
        {
            "observations": torch.zeros((_ROWS, signature.observation_size), dtype=dtype, device=device),
            "actions": torch.zeros((_ROWS, len(twin.heads.sizes)), dtype=torch.int64, device=device),
            "starts": torch.zeros(_ROWS, dtype=torch.bool, device=device),
        },
        memory=torch.zeros(_ROWS // 2, network.memory_size, device=device) if network.memory_size else None,
        length=2 if network.memory_size else 1,
    )
    outputs = evaluated(twin, samples, compute)
    (outputs.values.square().mean() - outputs.chosen.mean() - outputs.entropy.mean()).backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(twin.parameters(), 1.0)
    optimizer.step()

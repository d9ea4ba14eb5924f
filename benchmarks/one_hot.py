"""Our network's view of an observation, as a features extractor of Stable-Baselines3: for a peer that sees the same.

Used by the scripts beside it.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor

from engine.policies.layers import ScaledSelf
from engine.policies.signature import Signature
from engine.sim import World


def one_hot_of(world: World) -> type[BaseFeaturesExtractor]:
    """The extractor for a world's observations: codes as one-hot vectors, amounts divided by their largest."""
    signature = Signature.of(world.spec)
    groups = signature.plane_groups() + signature.coded_self_groups()
    width = sum(group.count * group.classes for group in groups) + len(signature.scaled_self_features())

    class OneHot(BaseFeaturesExtractor):  # type: ignore[misc, unused-ignore]
        def __init__(self, space: Any) -> None:
            super().__init__(space, width)
            self.amounts = ScaledSelf(signature)

        def forward(self, seen: Tensor) -> Tensor:
            codes = seen.long()
            parts = [F.one_hot(codes[:, g.start : g.start + g.count], g.classes).flatten(1).float() for g in groups]
            return torch.cat([*parts, self.amounts(seen)], 1)

    return OneHot

"""What a policy network is made of: plain settings, part of a trainer's config and of a checkpoint's meta.

Frozen; any thread; no torch.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Width = Annotated[int, Field(ge=1, le=4096)]


class Architecture(BaseModel):
    """The kind and the sizes of a network."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["mlp", "cnn"] = Field(
        default="mlp",
        description="mlp: each window cell has its own weights; cnn: small convolutions share them between cells",
    )

    hidden: tuple[Width, ...] = Field(
        default=(64, 64),
        min_length=1,
        max_length=8,
        description="units of each hidden layer; for the cnn, of those after the convolutions",
    )

    shared_trunk: bool = Field(
        default=True,
        description="policy and value share the hidden layers (mlp only); separate ones cost about half of the speed",
    )

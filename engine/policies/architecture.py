"""What a policy network is made of: plain settings, part of a trainer's config and of a checkpoint's meta.

Frozen; any thread; no torch.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.errors import ConfigError

Width = Annotated[int, Field(ge=1, le=4096)]

_READS: Final = {"mlp": ("planes", "tokens", "floats"), "cnn": ("planes", "tokens"), "attention": ("tokens",)}
"""The encodings that each kind of network reads."""


class Architecture(BaseModel):
    """The kind and the sizes of a network."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["mlp", "cnn", "attention"] = Field(
        default="mlp",
        description="mlp: each window cell has its own weights; cnn: small convolutions share them between cells;"
        " attention: a few latent queries look at all tokens (games observed as tokens)",
    )

    hidden: tuple[Width, ...] = Field(
        default=(64, 64),
        min_length=1,
        max_length=8,
        description="units of each hidden layer; for cnn and attention, of those after them",
    )

    size: Literal["tiny", "small", "medium"] = Field(
        default="small",
        description="of the attention: 4, 8 or 16 latents of 32, 64 or 128 floats, and 1, 2 or 4 blocks",
    )

    shared_trunk: bool = Field(
        default=True,
        description="policy and value share the hidden layers (mlp only); separate ones cost about half of the speed",
    )

    memory: Literal["none", "lstm", "mingru"] = Field(
        default="none",
        description="what is remembered of an episode, between the hidden layers and the heads; mingru takes about half"
        " of the lstm's time",
    )

    memory_size: Width = Field(default=64, description="units of the memory")

    def require_readable(self, encoding: str) -> None:
        """Check that this kind of network reads what a game is observed as.

        Raises:
            ConfigError: with the kinds that do.
        """
        reads = _READS[self.kind]
        if encoding in reads:
            return
        readers = [kind for kind, encodings in _READS.items() if encoding in encodings]
        hint = f"policy.kind={' or '.join(readers)}"
        if encoding == "planes":
            hint += ", or a game with encoding tokens"
        words = f"{self.kind} reads {' or '.join(reads)}; this game is observed as {encoding}"
        raise ConfigError(f"policy.kind: {words}", hint=hint)

    @model_validator(mode="after")
    def _one_trunk_remembers(self) -> Self:
        if self.memory != "none" and not self.shared_trunk:
            raise ValueError("a memory needs shared_trunk=true: policy and value read the same one")
        return self

"""What a recipe makes: one resolved configuration, checked as a whole before anything runs.

Frozen; any thread; no torch. Its JSON is what run.json keeps of a run. Checks raise ValueError(what, hint).
"""

from __future__ import annotations

from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from engine.errors import ConfigError, RunError
from engine.runs import check_run_name
from engine.sim import Rules
from engine.training.config import TrainerConfig

SCATTER: Final = "scatter:"
MAX_SCATTERS: Final = 256


class RecipeConfig(BaseModel):
    """A game, a map and how to learn on them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: Rules
    """The game."""
    map: str
    """A stock map's name, or the path of a map file; after `scatter:`, the same things put elsewhere by chance."""
    more_maps: tuple[str, ...] = ()
    """Further maps: each episode is trained on one of them all, drawn at random."""
    scatters: int = Field(default=16, ge=1, le=MAX_SCATTERS)
    """How many different maps `scatter:` gives, by the seeds from the trainer's own on."""
    trainer: TrainerConfig = TrainerConfig()
    """How to train. Its seed is the seed of everything random."""
    run: str | None = None
    """Name of the run; two words are drawn where there is none."""

    @field_validator("map")
    @classmethod
    def _check_map(cls, name: str) -> str:
        return _map_name(name)

    @field_validator("more_maps")
    @classmethod
    def _check_more_maps(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_map_name(name) for name in names)

    @field_validator("run")
    @classmethod
    def _check_run(cls, name: str | None) -> str | None:
        try:
            return name if name is None else check_run_name(name)
        except RunError as error:
            raise ValueError(error.message, error.hint) from None

    @model_validator(mode="after")
    def _check_fit(self) -> Self:
        try:
            self.trainer.require_fit(self.rules.agents)
        except ConfigError as error:  # it speaks of its own fields; here they lie one level down
            raise ValueError(f"trainer.{error.message}", f"trainer.{error.hint}") from None
        return self


def _map_name(name: str) -> str:
    if not name.strip() or "\0" in name:
        raise ValueError("that is no file name", "give a stock map's name or a path")
    return name

"""What a recipe makes: for each tool one configuration, checked as a whole before anything runs.

Frozen; any thread; no torch. The JSON of a RecipeConfig is what run.json keeps of a run. Checks raise
ValueError(what, hint). All tools share the fields of WorldConfig, so the same key means the same thing to each.
"""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from engine.errors import ConfigError, RunError
from engine.runs import check_run_name
from engine.sim import Rules, spec_of
from engine.sim.rules import TermName
from engine.training.config import TrainerConfig

SCATTER: Final = "scatter:"
MAX_SCATTERS: Final = 256
MAX_EPISODES: Final = 1_000_000
MAX_FRAMES: Final = 1_000_000_000


def _map_name(name: str) -> str:
    if not name.strip() or "\0" in name:
        raise ValueError("that is no file name", "give a stock map's name or a path")
    return name


def _as_text(value: Any) -> Any:
    """A number or a truth as it would be typed; whatever else is left to the checks."""
    return json.dumps(value) if isinstance(value, (bool, int, float)) else value


MapName = Annotated[str, AfterValidator(_map_name)]
Choice = Annotated[str, BeforeValidator(_as_text)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Policy = Annotated[str, Field(min_length=1, max_length=4096)]
_WHO_PLAYS = "goal-seeker, simple, random, noop, or a run's name (also trained:RUN)"


class WorldConfig(BaseModel):
    """A game and the maps it is played on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: Rules = Field(description="the game; also the path of a rules file")
    map: MapName = Field(
        description="a stock map's name, or a map file's path; scatter:MAP puts its things elsewhere by chance"
    )
    more_maps: tuple[MapName, ...] = Field(
        default=(), description="further maps: each episode is played on one of them all"
    )
    scatters: int = Field(default=16, ge=1, le=MAX_SCATTERS, description="how many different maps scatter: gives")

    @property
    def first_seed(self) -> int:
        """The seed of the first scattered map; the others have those after it."""
        return 0


class RecipeConfig(WorldConfig):
    """What `train` does: a world, and how to learn on it."""

    trainer: TrainerConfig = Field(default=TrainerConfig(), description="how to train")
    run: str | None = Field(default=None, description="name of the run; two words are drawn where there is none")

    @property
    def first_seed(self) -> int:
        return self.trainer.seed

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
            self.trainer.require_game(spec_of(self.rules).agent_roles, self.rules.encoding.value)
        except ConfigError as error:  # it speaks of its own fields; here they lie one level down
            raise ValueError(f"trainer.{error.message}", f"trainer.{error.hint}") from None
        return self


class PlayConfig(WorldConfig):
    """What `play` does: a policy plays episodes."""

    policy: Policy = Field(
        default="goal-seeker", description="goal-seeker, simple, random, noop, or a run's name (also trained:RUN)"
    )
    episodes: int = Field(default=5, ge=1, le=MAX_EPISODES, description="how many to play")
    seed: Seed = Field(default=0, description="of starts and choices")
    render: bool = Field(default=False, description="draw every step in text")
    record: str | None = Field(default=None, description="keep the first episode for replay in this .gridrec file")

    @property
    def first_seed(self) -> int:
        return self.seed


class ReplayConfig(WorldConfig):
    """What `replay` does with a recipe: one episode is played, recorded, and played again from the recording."""

    policy: Policy = Field(
        default="goal-seeker", description="goal-seeker, simple, random, noop, or a run's name (also trained:RUN)"
    )
    seed: Seed = Field(default=0, description="of starts and choices")
    record: str = Field(default="replay.gridrec", description="the .gridrec file to write")

    @property
    def first_seed(self) -> int:
        return self.seed


class RenderConfig(WorldConfig):
    """What `render` does: a policy plays, and every so many steps a frame is printed."""

    policy: Policy = Field(default="goal-seeker", description="who plays: as for play")
    seed: Seed = Field(default=0, description="of starts and choices")
    frames: int = Field(default=100, ge=1, le=MAX_FRAMES, description="how many to print, the start included")
    every: int = Field(default=1, ge=1, le=MAX_FRAMES, description="steps from one frame to the next")
    mode: Literal["ascii", "ansi", "human", "nethack", "box", "miniscope"] = Field(
        default="ascii", description="how to draw: characters, the same in colour, numbered agents, lines, emoji"
    )
    follow: int | None = Field(default=None, ge=0, description="draw only the window around this agent")
    fps: float = Field(default=0.0, ge=0, le=1000, description="frames a second, 0 = as fast as it goes")

    @property
    def first_seed(self) -> int:
        return self.seed

    @model_validator(mode="after")
    def _check_follow(self) -> Self:
        if self.follow is not None and self.follow >= self.rules.agents:
            raise ValueError(f"follow: there are agents 0 to {self.rules.agents - 1}", "choose one of them")
        return self


class Simulation(BaseModel):
    """A further world of an evaluation: other maps, and another game where one is given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: TermName = Field(description="what the table of results calls it")
    rules: Rules | None = Field(default=None, description="the game; none: the one that is evaluated")
    map: MapName = Field(description="as for the world itself")
    more_maps: tuple[MapName, ...] = Field(default=(), description="as for the world itself")
    scatters: int = Field(default=16, ge=1, le=MAX_SCATTERS, description="as for the world itself")

    def world(self, rules: Rules) -> WorldConfig:
        """It as a world of its own; `rules` where it gives none."""
        return WorldConfig(rules=self.rules or rules, map=self.map, more_maps=self.more_maps, scatters=self.scatters)


class EvaluateConfig(WorldConfig):
    """What `evaluate` does: every policy plays every simulation, with the same seeds."""

    policies: tuple[Policy, ...] = Field(
        default=("goal-seeker",), min_length=1, max_length=64, description="who plays: as for play, one or a list"
    )
    episodes: int = Field(default=20, ge=1, le=MAX_EPISODES, description="episodes of each policy in each simulation")
    seed: Seed = Field(default=0, description="of starts and choices, the same for every policy")
    simulations: tuple[Simulation, ...] = Field(default=(), max_length=64, description="further worlds to play in")
    output: str | None = Field(default=None, description="keep the results as JSON in this .json file")

    @property
    def first_seed(self) -> int:
        return self.seed

    @property
    def worlds(self) -> dict[str, WorldConfig]:
        """Every world to play in, by what the table calls it: this one by its map, then the simulations."""
        return {PurePath(self.map).stem: self} | {each.name: each.world(self.rules) for each in self.simulations}

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        names = [PurePath(self.map).stem, *(each.name for each in self.simulations)]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"simulations: two worlds are called {twice}", "give each a name of its own")
        return self


class Parameter(BaseModel):
    """One setting that a sweep varies: between two ends, or among choices."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str = Field(min_length=1, max_length=200, description="the setting, such as trainer.learning_rate")
    min: float | None = Field(default=None, allow_inf_nan=False, description="smallest value")
    max: float | None = Field(default=None, allow_inf_nan=False, description="largest value")
    scale: Literal["linear", "log", "pow2"] = Field(
        default="linear", description="how values lie between the ends; pow2: powers of two"
    )
    choices: tuple[Choice, ...] = Field(
        default=(), max_length=256, description="values to choose from, in place of ends"
    )

    @model_validator(mode="after")
    def _check_ends(self) -> Self:
        if self.choices and (self.min is not None or self.max is not None):
            raise ValueError("choices stand in place of min and max", "keep one of the two")
        if not self.choices and (self.min is None or self.max is None):
            raise ValueError("it needs min and max, or choices", "such as min=1e-5 max=1e-3 scale=log")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}", "swap them")
        if self.min is not None and self.scale != "linear" and self.min <= 0:
            raise ValueError(f"scale {self.scale} needs a min above 0, not {self.min:g}", "scale=linear takes any")
        return self


class SweepConfig(RecipeConfig):
    """What `sweep` does: trains one run after another, each with settings drawn from the parameters."""

    parameters: tuple[Parameter, ...] = Field(
        default=(
            Parameter(key="trainer.learning_rate", min=3e-4, max=1e-2, scale="log"),
            Parameter(key="trainer.entropy_coefficient", min=3e-3, max=1e-1, scale="log"),
        ),
        max_length=64,
        description="the settings to vary",
    )
    trials: int = Field(default=10, ge=1, le=100_000, description="how many runs")
    sampler: Literal["random", "grid"] = Field(default="random", description="how settings are drawn")
    grid_points: int = Field(default=3, ge=2, le=100, description="grid: values between two ends")
    metric: str = Field(default="rollout/ep_rew_mean", description="what is compared, at the end of each run")
    goal: Literal["maximize", "minimize"] = Field(default="maximize", description="whether more is better")


class AutotuneConfig(RecipeConfig):
    """What `autotune` does: measures trainer settings, and keeps the fastest as a recipe."""

    seconds: float = Field(default=60.0, gt=0, le=3600, description="how long to measure, about")
    memory_mb: int = Field(default=2048, ge=1, description="largest tables of a run that are tried, in MB")
    output: str | None = Field(
        default=None, description="the .yaml file to write; RECIPE_fast.yaml among your recipes without it"
    )

    @classmethod
    def own_fields(cls) -> set[str]:
        """Those that a run knows nothing of."""
        return set(cls.model_fields) - set(RecipeConfig.model_fields)


TOOLS: Final[dict[str, type[WorldConfig]]] = {
    "train": RecipeConfig,
    "play": PlayConfig,
    "evaluate": EvaluateConfig,
    "replay": ReplayConfig,
    "render": RenderConfig,
    "sweep": SweepConfig,
    "autotune": AutotuneConfig,
}
"""The tools that take a recipe, and what each is configured with."""

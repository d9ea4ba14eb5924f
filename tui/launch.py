"""What the launch screen edits: a recipe and the settings typed on top of it, and what comes of them.

Immutable. `examined` reads the disk and belongs on a worker; all else is for any thread. The same resolver as on
the command line answers, so what the screen shows is what `gridrl train` would do.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace

from engine.errors import GridrlError
from engine.recipes import RecipeConfig, Resolution, examine, overrides_of, recipes, resolve
from engine.recipes.attempt import attempt
from engine.recipes.schema import slot_of
from engine.recipes.tree import typed_text
from engine.training.checks import Check
from engine.training.presets import PRESETS


@dataclass(frozen=True)
class Launch:
    """A run that is being put together."""

    recipe: str
    settings: tuple[tuple[str, str], ...] = ()
    """Keys and the texts typed for them, in the order in which they were first typed."""

    def having(self, key: str, text: str) -> Launch:
        """With a setting typed, or another recipe chosen; what was typed stays."""
        if key == "recipe":
            return replace(self, recipe=text)
        typed = dict(self.settings) | {key: text}
        return replace(self, settings=tuple(typed.items()))

    def without(self, key: str) -> Launch:
        """Without what was typed for a setting."""
        return replace(self, settings=tuple(pair for pair in self.settings if pair[0] != key))

    @property
    def arguments(self) -> list[str]:
        """The settings as the command line takes them."""
        return [f"{key}={text}" for key, text in self.settings]

    @property
    def command(self) -> str:
        """The same in a shell."""
        return shlex.join(["gridrl", "train", self.recipe, *self.arguments])


@dataclass(frozen=True)
class Examined:
    """A launch, and all there is to say of it."""

    launch: Launch
    resolution: Resolution | None
    """None: there is no such recipe, or it cannot be read."""
    checks: tuple[Check, ...]
    faults: tuple[GridrlError, ...]
    """Empty: it can be started."""

    @property
    def base(self) -> str:
        """What the settings are compared with: the recipe or, below a recipe file, what that is built on."""
        if self.resolution is None or not self.resolution.files:
            return "the recipe"
        return self.resolution.files[0].base or "the defaults"

    @property
    def config(self) -> RecipeConfig | None:
        """What would run; None while something is wrong."""
        if self.faults or self.resolution is None:
            return None
        config = self.resolution.config
        assert isinstance(config, RecipeConfig)
        return config


def launch_of(recipe: str, config: RecipeConfig) -> Launch:
    """The launch that gives a configuration made from a recipe."""
    before = {setting.key: setting.text for setting in overrides_of(resolve(recipe))}
    changed = tuple((each.key, each.text) for each in overrides_of(config) if before.get(each.key) != each.text)
    launch = Launch(recipe, changed)
    if examine("train", recipe, launch.arguments).config == config:
        return launch
    others = tuple(pair for pair in changed if not pair[0].startswith("rules."))
    rules = typed_text(slot_of(type(config.rules)), config.rules.model_dump(mode="json"))  # another game: as a whole
    return Launch(recipe, (*others, ("rules", rules)))


def examined(launch: Launch) -> Examined:
    """Worker: resolve it, try it on its map, and do the arithmetic."""
    try:
        resolution = examine("train", launch.recipe, launch.arguments)
    except GridrlError as error:
        return Examined(launch, None, (), (error,))
    if resolution.config is None:
        return Examined(launch, resolution, (), resolution.faults)
    tried = attempt(resolution.config)
    return Examined(launch, resolution, tried.checks, tried.faults)


def recipe_names() -> tuple[str, ...]:
    """Worker: the recipes there are to choose from."""
    return tuple(recipes())


def preset_names() -> tuple[str, ...]:
    """The presets there are to choose from."""
    return tuple(PRESETS)

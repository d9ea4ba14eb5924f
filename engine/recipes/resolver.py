"""From a tool, a recipe and what was said on top of it to one configuration, and where each value came from.

Layers, each over the one before: the defaults, the recipe, a preset, recipe files (the innermost first), the
environment, the command line. Reads the disk; any thread.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from engine.errors import ConfigError, GridrlError, UsageError
from engine.training.presets import preset_settings

from .aliases import idle, refuse_alias, refuse_foreign, translated
from .config import TOOLS, RecipeConfig, WorldConfig
from .draft import Draft, Names
from .module import RecipeModule
from .origins import Layer, Origin
from .overrides import Override, parse_override, parse_value, unknown
from .recipe_file import ABOUT, RecipeFile
from .registry import Recipe, find_recipe
from .rules_file import load_rules
from .schema import allowed, choices
from .tree import default_tree, leaves, typed_text

ENVIRONMENT: Final = "GRIDRL__"
"""Before a setting in the environment, whose dots are two underscores: GRIDRL__TRAINER__SEED."""

MAX_FILES: Final = 16
"""Files that build on one another."""


@dataclass(frozen=True)
class Setting:
    """One setting as it was resolved; the entries of tables and lists are whole."""

    key: str
    text: str
    """Its value, as one could type it."""
    origin: Origin
    default: str | None
    """None: it has none, a recipe must say it."""
    recipe: str | None
    """What it is in the recipe as it stands; None: not there."""
    help: str
    allowed: str
    choices: tuple[str, ...] = ()
    """All that it can be, where that is a short list."""

    @property
    def changed(self) -> bool:
        """Whether it is not what the recipe says."""
        return self.text != self.recipe


@dataclass(frozen=True)
class Argument:
    """What was made of one argument."""

    text: str
    meaning: str
    """`setting`, `parameter of train()`, `preset`, or `left out: ...`."""


@dataclass(frozen=True)
class Resolution:
    """All there is to know of a configuration, be it right or wrong."""

    tool: str
    recipe: Recipe
    config: WorldConfig | None
    """None: something is wrong with it."""
    faults: tuple[GridrlError, ...]
    settings: tuple[Setting, ...]
    parameters: tuple[Setting, ...]
    """Of the recipe's function."""
    parameter_model: type[BaseModel]
    """What they are checked with."""
    arguments: tuple[Argument, ...]
    preset: str
    files: tuple[RecipeFile, ...]
    """The recipe files in it, the innermost first."""


def resolve(recipe: str, overrides: Iterable[str] = ()) -> RecipeConfig:
    """What `train` does with a recipe and overrides on top; later ones win.

    Raises:
        UsageError: no such recipe.
        ConfigError: a key that does not exist, a value that its place refuses, or a file that is wrong; the
            message names the path.
    """
    config = resolve_tool("train", recipe, overrides).config
    assert isinstance(config, RecipeConfig)
    return config


def resolve_tool(
    tool: str, recipe: str, overrides: Iterable[str] = (), environ: Mapping[str, str] = os.environ
) -> Resolution:
    """What a tool does with a recipe; see `examine`.

    Raises:
        UsageError, ConfigError: the first thing that is wrong.
    """
    resolution = examine(tool, recipe, overrides, environ)
    if resolution.faults:
        raise resolution.faults[0]
    return resolution


def examine(
    tool: str, recipe: str, overrides: Iterable[str] = (), environ: Mapping[str, str] = os.environ
) -> Resolution:
    """Resolve as far as can be, and collect everything that is wrong.

    Raises:
        UsageError: no such recipe.
        ConfigError: the recipe cannot be read or run at all.
    """
    return _Resolver(tool, find_recipe(recipe), list(overrides), environ).resolution()


class _Resolver:
    """Writes one layer after another into a draft. One use."""

    def __init__(self, tool: str, recipe: Recipe, overrides: list[str], environ: Mapping[str, str]) -> None:
        self._tool, self._recipe, self._model = tool, recipe, TOOLS[tool]
        self._files, self._module, self._base = _chain(recipe)
        parameters = self._module.parameters(tool) if self._module is not None else _NoParameters
        self._parameters: Draft[BaseModel] = Draft(parameters)
        self._faults: list[GridrlError] = []
        self._arguments: list[Argument] = []
        self._preset: tuple[str, Origin] | None = None
        self._fitted = 1
        """How many agents the preset was made for."""
        self._said: list[tuple[Override, Origin]] = []
        """Settings from the environment and the command line, in the order in which they are written."""
        self._for_function: list[tuple[Override, Origin]] = []
        """The same for parameters of the recipe's function."""
        for file in self._files:
            if file.preset:
                self._choose_preset(file.preset, file.origin_at((), ("preset",)))
        self._read_environment(environ)
        self._read_command_line(overrides)

    def resolution(self) -> Resolution:
        made = self._made()
        base = self._start(made)
        base.interpolate()
        draft = self._written(made)
        self._faults += draft.interpolate()
        if self._preset is not None and self._fitted != _agents_of(draft):
            words = f"preset: it is fitted to the game's agents, and rules.agents={_agents_of(draft)} is taken from it"
            self._faults.append(ConfigError(words, hint="give rules.agents as a number"))
        config, wrong = draft.check()
        if made is not None or (self._module is None and not self._faults):  # else what is missing follows from those
            self._faults += wrong
        return Resolution(
            self._tool,
            self._recipe,
            None if self._faults else config,
            tuple(self._faults),
            tuple(_settings(draft, base)),
            tuple(_settings(self._parameters, Draft(self._parameters.model))),
            self._parameters.model,
            tuple(self._arguments),
            self._preset[0] if self._preset else "",
            tuple(self._files),
        )

    # ---- What was said

    def _read_environment(self, environ: Mapping[str, str]) -> None:
        for name in sorted(name for name in environ if name.startswith(ENVIRONMENT)):
            origin = Origin(Layer.ENVIRONMENT, name)
            try:
                override = parse_override(
                    f"{name.removeprefix(ENVIRONMENT).lower().replace('__', '.')}={environ[name]}"
                )
            except ConfigError as error:
                self._faults.append(ConfigError(origin.prefix + error.message, hint=error.hint))
                continue
            known = translated(override, frozenset(self._model.model_fields))
            if not self._is_for_others(known.names[0]):
                self._take(known, origin)

    def _is_for_others(self, name: str) -> bool:
        """An environment is for all tools: what only another one takes is no fault."""
        return name not in self._model.model_fields and any(name in model.model_fields for model in TOOLS.values())

    def _read_command_line(self, overrides: list[str]) -> None:
        fields = frozenset(self._model.model_fields)
        for argument in overrides:
            try:
                override = parse_override(argument)
                if not self._is_parameter(override):
                    if words := idle(override, fields):
                        self._arguments.append(Argument(argument, f"left out: {words}"))
                        continue
                    override = translated(override, fields)
                    refuse_foreign(override)
            except ConfigError as error:
                self._faults.append(error)
                continue
            self._arguments.append(Argument(argument, self._take(override, Origin(Layer.COMMAND_LINE, argument))))

    def _is_parameter(self, override: Override) -> bool:
        return override.names[0] in self._parameters.model.model_fields

    def _take(self, override: Override, origin: Origin) -> str:
        """Keep one for the layer that it belongs to. Returns what it is."""
        if self._is_parameter(override):
            self._for_function.append((override, origin))
            return f"parameter of {self._parameters.model.__name__}()"
        if override.key == "preset":
            self._choose_preset(override.text, origin)
            return "preset"
        self._said.append((override, origin))
        return "setting" if override.key == origin.where.partition("=")[0] else f"setting {override.key}"

    def _choose_preset(self, name: str, origin: Origin) -> None:
        if "trainer" in self._model.model_fields:
            self._preset = None if name.lower() in ("none", "null", "") else (name, origin)
        elif origin.layer is Layer.COMMAND_LINE:
            self._faults.append(ConfigError(f"preset: gridrl {self._tool} trains nothing", hint="leave it out"))

    # ---- Writing it

    def _made(self) -> WorldConfig | None:
        """What the recipe's function gives; None without one, or where a parameter that it needs is wrong."""
        if self._module is None:
            return None
        names = self._parameters.model.model_fields
        for file in self._files:
            for table, above in self._tables_of(file):
                given = {key: value for key, value in table.items() if key in names}
                self._faults += self._parameters.merge(given, partial(file.origin_at, above))
        for override, origin in self._for_function:
            self._attempt(self._parameters, override, origin)
        self._faults += self._parameters.interpolate()
        checked, wrong = self._parameters.check()
        self._faults += map(self._with_place, wrong)
        if checked is None:  # with the defaults instead, what is wrong elsewhere can be told
            checked = Draft(self._parameters.model).check()[0]
        if checked is None:
            return None
        return self._module.make(self._tool, {name: getattr(checked, name) for name in names})

    def _with_place(self, fault: ConfigError) -> ConfigError:
        """Where a parameter is missing, the function that needs it is named."""
        name, _, rest = fault.message.partition(" ")
        if rest != "is missing" or self._module is None:
            return fault
        hint = f"{fault.hint}: say {name}=..., or give it a default in the recipe"
        return ConfigError(f"{self._module.place(self._tool)}: {fault.message}", hint=hint)

    def _start(self, made: WorldConfig | None) -> Draft[WorldConfig]:
        draft: Draft[WorldConfig] = Draft(self._model)
        if made is not None:
            draft.adopt(made, Origin(Layer.RECIPE, self._base))
        return draft

    def _written(self, made: WorldConfig | None) -> Draft[WorldConfig]:
        """All layers; a preset has to know how many agents there are, which any layer above it may say."""
        draft = self._start(made)
        if self._preset is not None:
            heard = len(self._faults)
            self._write_above_presets(draft)
            draft.interpolate()
            del self._faults[heard:]
            self._fitted = _agents_of(draft)
            draft = self._start(made)
            self._write_preset(draft, self._fitted)
        self._write_above_presets(draft)
        return draft

    def _write_preset(self, draft: Draft[WorldConfig], agents: int) -> None:
        assert self._preset is not None
        name, chosen = self._preset
        try:
            settings = preset_settings(name, agents)
        except UsageError as error:
            self._faults.append(ConfigError(f"{chosen.prefix}preset: {error.message}", hint=error.hint))
            return
        self._faults += draft.merge({"trainer": settings}, lambda names: Origin(Layer.PRESET, name))

    def _write_above_presets(self, draft: Draft[WorldConfig]) -> None:
        for file in self._files:
            self._write_file(draft, file)
        for override, origin in self._said:
            self._attempt(draft, override, origin)

    def _tables_of(self, file: RecipeFile) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
        """What a file says to this tool; parameters that only other tools' functions have are for those."""
        own = self._parameters.model.model_fields
        others = () if self._module is None else self._module.parameter_names() - set(own)
        return file.tables(self._tool, others, own)

    def _write_file(self, draft: Draft[WorldConfig], file: RecipeFile) -> None:
        for table, above in self._tables_of(file):
            self._write_table(draft, file, table, partial(file.origin_at, above))

    def _write_table(
        self, draft: Draft[WorldConfig], file: RecipeFile, table: dict[str, Any], origin_at: Callable[[Names], Origin]
    ) -> None:
        said = {key: value for key, value in table.items() if key not in self._parameters.model.model_fields}
        if isinstance(said.get("rules"), str):
            self._write_rules(draft, file.beside(said.pop("rules")), origin_at(("rules",)))
        if isinstance(said.get("map"), str):
            said["map"] = file.beside(said["map"])
        if isinstance(said.get("more_maps"), list):
            said["more_maps"] = [file.beside(name) if isinstance(name, str) else name for name in said["more_maps"]]
        known = {key: value for key, value in said.items() if self._is_known(key, origin_at((key,)))}
        if isinstance(known.get("trainer"), dict):
            known["trainer"] = {
                key: value for key, value in known["trainer"].items() if self._is_ours(key, origin_at(("trainer", key)))
            }
        self._faults += draft.merge(known, origin_at)

    def _is_known(self, key: str, origin: Origin) -> bool:
        """Whether a key at the top of a file is one of the tool's; else it is named among the faults."""
        fields = self._model.model_fields
        if key in fields:
            return True
        try:
            refuse_alias(key)
            refuse_foreign(Override(key, ""))
            raise unknown("", key, [*fields, *ABOUT, *TOOLS, *self._parameters.model.model_fields])
        except ConfigError as error:
            self._faults.append(ConfigError(origin.prefix + error.message, hint=error.hint))
        return False

    def _is_ours(self, key: str, origin: Origin) -> bool:
        """Whether a key of a file's trainer is not another program's; else it is named among the faults."""
        try:
            refuse_alias(f"trainer.{key}")
            refuse_foreign(Override(f"trainer.{key}", ""))
        except ConfigError as error:
            self._faults.append(ConfigError(origin.prefix + error.message, hint=error.hint))
            return False
        return True

    def _attempt(self, draft: Draft[Any], override: Override, origin: Origin) -> None:
        path = _rules_file(override)
        if path is not None:
            self._write_rules(draft, path, origin)
            return
        try:
            if draft.model is self._model and override.names[0] not in self._model.model_fields:
                parameters = self._parameters.model.model_fields
                raise unknown("", override.names[0], [*self._model.model_fields, "preset", *parameters])
            draft.put(override, origin)
        except ConfigError as error:
            self._faults.append(ConfigError(origin.prefix + error.message, hint=self._hint(override, error.hint)))

    def _hint(self, override: Override, hint: str) -> str:
        first = override.names[0]
        others = [tool for tool, model in TOOLS.items() if first in model.model_fields]
        return f"{first} belongs to gridrl {others[0]}" if self._is_for_others(first) else hint

    def _write_rules(self, draft: Draft[Any], path: str, origin: Origin) -> None:
        """`rules=my.yaml` stands for what is in it."""
        try:
            draft.put_value(("rules",), load_rules(path).model_dump(mode="json"), origin)
        except ConfigError as error:
            words = f"{origin.prefix}rules: {error.message}"
            self._faults.append(ConfigError(words, hint=error.hint, line=error.line, column=error.column))


class _NoParameters(BaseModel):
    """Of a recipe without a function."""

    model_config = ConfigDict(extra="forbid")


def _chain(recipe: Recipe) -> tuple[list[RecipeFile], RecipeModule | None, str]:
    """The files of a recipe, the innermost first, the module below them, if there is one, and its name."""
    files: list[RecipeFile] = []
    while isinstance(recipe.source, RecipeFile):
        file = recipe.source
        files.insert(0, file)
        place = file.origin_at((), ("recipe",))
        if len(files) > MAX_FILES:
            raise ConfigError(
                f"{place.prefix}recipe: more than {MAX_FILES} files build on one another", hint="is one its own base?"
            )
        if not file.base:
            return files, None, ""
        try:
            recipe = find_recipe(file.beside(file.base))
        except GridrlError as error:
            raise ConfigError(f"{place.prefix}recipe: {error.message}", hint=error.hint) from None
        if isinstance(recipe.source, RecipeFile) and recipe.source.path.resolve() in {f.path.resolve() for f in files}:
            names = " -> ".join(f.path.name for f in (*reversed(files), recipe.source))
            raise ConfigError(
                f"{place.prefix}recipe: it goes round: {names}", hint="build on a recipe that stands alone"
            )
    return files, recipe.source, recipe.name


def _agents_of(draft: Draft[Any]) -> int:
    """How many agents the game has; 1 where that is wrong or not known."""
    rules = draft.data.get("rules")
    agents = rules.get("agents") if isinstance(rules, dict) else None
    return agents if isinstance(agents, int) and agents > 0 else 1


def _settings(draft: Draft[Any], base: Draft[Any]) -> Iterator[Setting]:
    """Every setting of a draft, beside what it is by default and in the recipe."""
    defaults = {leaf.key: typed_text(leaf.slot, leaf.value) for leaf in leaves(draft.slot, default_tree(draft.slot))}
    before = {leaf.key: typed_text(leaf.slot, leaf.value) for leaf in leaves(base.slot, base.data)}
    for leaf in leaves(draft.slot, draft.data):
        text = typed_text(leaf.slot, leaf.value)
        origin = draft.origins.within(leaf.path)
        default, recipe = defaults.get(leaf.key), before.get(leaf.key)
        yield Setting(leaf.key, text, origin, default, recipe, leaf.help, allowed(leaf.slot), choices(leaf.slot))


def _rules_file(override: Override) -> str | None:
    """The path that stands for the rules, None where it is another setting or a value."""
    if override.key != "rules":
        return None
    try:
        value = parse_value(override.text)
    except ValueError:  # torn JSON: for the draft to complain about
        return None
    return value if isinstance(value, str) and "${" not in value else None

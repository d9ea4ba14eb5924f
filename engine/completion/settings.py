"""Settings for completion: the keys of a named recipe, step by step, and the values of a place that has few.

Loads the schema, and runs the recipe; called only for a command that has one. Any thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from engine.errors import GridrlError
from engine.recipes import TOOLS, examine
from engine.recipes.command_line import options, switches
from engine.recipes.schema import Slot, choices, slot_of
from engine.recipes.tree import default_tree, item_name

from .names import Candidate


class Place(NamedTuple):
    """A place in a configuration: what may stand there, and what does."""

    slot: Slot
    value: Any
    """JSON."""
    about: str = ""

    def children(self) -> Iterator[tuple[str, Place]]:
        """The places in it, by the names that a key calls them."""
        slot, value = self.slot, self.value
        if slot.model is not None:
            given = value if isinstance(value, dict) else default_tree(slot)  # what is not there yet is made on the way
            for name, field in slot.model.model_fields.items():
                yield name, Place(slot.field(name), given.get(name), field.description or "")
        elif slot.is_table and isinstance(value, dict):
            yield from ((name, Place(slot.entry(), item)) for name, item in value.items())
        elif slot.is_list and isinstance(value, list):
            yield from ((item_name(item, i), Place(slot.entry(), item)) for i, item in enumerate(value))

    @property
    def is_branch(self) -> bool:
        """Whether a key leads on from here."""
        entries = self.slot.is_table or (self.slot.is_list and self.slot.entry().model is not None)
        return self.slot.model is not None or bool(entries and self.value)


class Known:
    """The settings of a tool with a recipe and with what was said so far; recipe "": those that any recipe has."""

    def __init__(self, tool: str, recipe: str, settings: Sequence[str]) -> None:
        self._tool = tool
        self._roots = _roots(tool, recipe, settings)

    def keys(self, word: str) -> Iterator[Candidate]:
        """Keys that go one step further than the word: `trainer.`, then `trainer.learning_rate=`."""
        path, dot, _ = word.rpartition(".")
        for place in filter(None, (_find(root, path.split(".") if dot else []) for root in self._roots)):
            for name, child in place.children():
                yield Candidate(f"{path}{dot}{name}{'.' if child.is_branch else '='}", child.about)
        if not dot:
            yield from self._at_the_top()

    def _at_the_top(self) -> Iterator[Candidate]:
        yield Candidate("rules=", "a rules file in place of the game")
        if "trainer" in TOOLS[self._tool].model_fields:
            yield Candidate("preset=", "settings of the trainer by machine")

    def values(self, key: str) -> Iterator[Candidate]:
        """What may be typed after the `=`, where that is one of a few."""
        for place in filter(None, (_find(root, key.split(".")) for root in self._roots)):
            few = choices(place.slot)
            yield from (Candidate(value) for value in few)
            if place.slot.optional:
                yield Candidate("none", "nothing")


def option_words(tool: str) -> Iterator[Candidate]:
    """The options of a tool that takes a recipe."""
    yield from (Candidate(switch, about) for switch, about in switches(tool).items())
    yield Candidate("--overrides", "settings in one argument")
    fields = TOOLS[tool].model_fields
    for key in options(tool):
        about = fields[key].description if key in fields else "settings of the trainer by machine"
        yield Candidate(f"--{key.replace('_', '-')}", about or "")


def _roots(tool: str, recipe: str, settings: Sequence[str]) -> list[Place]:
    """The parameters of the recipe's function, and the tool's configuration."""
    slot = slot_of(TOOLS[tool])
    for said in (settings, ()) if recipe else ():  # where something said is wrong, as if nothing were
        try:
            resolution = examine(tool, recipe, said)
        except GridrlError:
            continue
        if resolution.config is not None:
            parameters = slot_of(resolution.parameter_model)
            data = resolution.config.model_dump(mode="json", warnings=False)
            return [Place(parameters, default_tree(parameters)), Place(slot, data)]
    return [Place(slot, default_tree(slot))]


def _find(place: Place, names: Sequence[str]) -> Place | None:
    for name in names:
        found = dict(place.children()).get(name)
        if found is None:
            return None
        place = found
    return place

"""The two arenas of old: `arena_classic` (put, wait, get; lasers and armor) and `arena_energy` (energy, shields).

docs/games says where these tables differ from the originals, and why.
"""

from __future__ import annotations

from typing import Literal

from engine.sim.rules import Action, Amounts, AttackPattern, Combat, Kind, Plane, Resource, Rules, Style, Term, Verb

from .actions import NOOP, STRAIGHT, attacks, rotations, steps

Variant = Literal["basic", "easy", "combat", "tag", "full"]

_COLOURS = ("red", "blue", "green")
_FREEZE_TURNS = 10


def arena_classic(variant: Variant = "basic", agents: int = 6, teams: int = 2, max_steps: int = 1000) -> Rules:
    """Agents put ore into generators and batteries into altars, wait, and get what was made.

    Args:
        variant: `easy`: recipes take one unit; `combat`: lasers to freeze and rob others, armor against them;
            `tag`: altars hold one heart each and make no more, so hearts come from others; `full`: all of it, in
            three colours, with lab, factory and temple.
        teams: groups that share half of each member's reward; with 1 everybody works alone.
    """
    kinds = _classic_kinds(variant)
    made = [name for name in _CLASSIC_RESOURCES if any(name in kind.inputs | kind.outputs for kind in kinds.values())]
    given = {name for kind in kinds.values() for name in kind.outputs}
    fights = "laser" in made
    return Rules(
        name="arena_classic" if variant == "basic" else f"arena_classic_{variant}",
        agents=agents,
        groups=teams,
        group_shares=(50,) * teams if teams > 1 else (),
        max_steps=max_steps,
        planes=(Plane.KIND, Plane.GROUP, Plane.FACING, Plane.READY, Plane.STOCK, *((Plane.FROZEN,) if fights else ())),
        resources={name: Resource(limit=255 if name == "heart" else 50, loot=fights) for name in made},
        kinds=kinds,
        actions=(
            NOOP,
            *steps(),
            *rotations(*STRAIGHT),
            Action(name="put_items", verb=Verb.PUT),
            Action(name="get_items", verb=Verb.GET),
            *(attacks(0, 9, {"laser": 1}) if fights else ()),
            Action(name="swap", verb=Verb.SWAP),
        ),
        combat=Combat(freeze_turns=_FREEZE_TURNS, armor="armor") if fights else Combat(),
        rewards=(
            # What is held counts, not what was gained: else two agents could rob each other for ever.
            Term(name="heart", holding="heart", weight=1.0),
            *(
                Term(name=name, stat=f"{name}.gained", weight=weight, cap=1.0)
                for name, weight in _CLASSIC_SHAPING.items()
                if name in given  # tag has blueprints on paper only, so that altars make nothing
            ),
        ),
    )


_CLASSIC_RESOURCES = (
    *(f"ore_{colour}" for colour in _COLOURS),
    *(f"battery_{colour}" for colour in _COLOURS),
    *("heart", "laser", "armor", "blueprint"),
)

_CLASSIC_SHAPING = {"ore_red": 0.1, "battery_red": 0.8, "laser": 0.5, "armor": 0.5, "blueprint": 0.5}
"""Pay for what leads to hearts, each up to 1 an episode: reaching one cap takes nothing from anything else."""


def _converter(inputs: Amounts, outputs: Amounts, cooldown: int, initial: int = 0) -> Kind:
    return Kind(
        style=Style.PUT_GET,
        inputs=inputs,
        outputs=outputs,
        cooldown=cooldown,
        conversion_ticks=1,
        max_output=5,
        initial_output=initial,
    )


def _classic_kinds(variant: Variant) -> dict[str, Kind]:
    easy = variant == "easy"
    kinds = {"wall": Kind(), "block": Kind(swappable=True)}
    kinds["altar"] = (
        _converter({"blueprint": 1}, {"heart": 1}, cooldown=1, initial=1)
        if variant == "tag"
        else _converter({"battery_red": 1 if easy else 3}, {"heart": 1}, cooldown=10)
    )
    for colour in _COLOURS if variant == "full" else _COLOURS[:1]:
        kinds[f"mine_{colour}"] = _converter({}, {f"ore_{colour}": 1}, cooldown=50)
        kinds[f"generator_{colour}"] = _converter({f"ore_{colour}": 1}, {f"battery_{colour}": 1}, cooldown=25)
    if variant in ("combat", "tag", "full"):
        kinds["armory"] = _converter({"ore_red": 3}, {"armor": 1}, cooldown=10)
        kinds["lasery"] = _converter({"ore_red": 1, "battery_red": 2}, {"laser": 1}, cooldown=10)
    if variant == "full":
        kinds["lab"] = _converter(_of_each_colour(1), {"blueprint": 1}, cooldown=5)
        needs = {"blueprint": 1, "ore_red": 5, "battery_red": 5}
        kinds["factory"] = _converter(needs, {"armor": 5, "laser": 5}, cooldown=5)
        kinds["temple"] = _converter({"heart": 1, "blueprint": 1}, {"heart": 5}, cooldown=5)
    return kinds


def _of_each_colour(units: int) -> Amounts:
    """Ore and batteries of all three colours: what makes blue and green worth mining."""
    return {f"{what}_{colour}": units for what in ("ore", "battery") for colour in _COLOURS}


_FULL_ENERGY = 250
_ALTAR_ENERGY = 100


def arena_energy(agents: int = 5, max_steps: int = 5000) -> Rules:
    """Agents live on energy: converters give it for what generators yield, altars turn it into reward.

    A raised shield eats energy and takes hits; an attack costs energy whether it hits or not, and robs its victim
    of everything. What stands on the map can be shot to pieces.
    """
    return Rules(
        name="arena_energy",
        agents=agents,
        groups=agents if agents <= _MOST_GROUPS else 1,
        max_steps=max_steps,
        planes=(Plane.KIND, Plane.GROUP, Plane.FACING, Plane.READY, Plane.FROZEN, Plane.SHIELD, Plane.HP),
        resources={
            "energy": Resource(limit=_FULL_ENERGY, initial=_FULL_ENERGY),
            "r1": Resource(limit=5, loot=True),
            "r2": Resource(limit=255, loot=True),
            "heart": Resource(limit=65535),
        },
        kinds={
            "wall": Kind(hp=10),
            "altar": Kind(style=Style.USE, hp=30, cooldown=2, inputs={"energy": _ALTAR_ENERGY}, outputs={"heart": 1}),
            "converter": Kind(
                style=Style.USE, hp=30, cooldown=2, inputs={"r1": 1}, outputs={"r2": 1, "energy": _ALTAR_ENERGY}
            ),
            "generator": Kind(style=Style.USE, hp=30, cooldown=5, max_uses=30, outputs={"r1": 1}),
        },
        actions=(
            NOOP,
            *steps(),
            *rotations(*STRAIGHT),
            Action(name="use", verb=Verb.USE),
            *attacks(1, 9, {"energy": 5}, pays_always=True),
            Action(name="shield", verb=Verb.SHIELD, consumed={"energy": 1}, pays_always=True),
            Action(name="swap", verb=Verb.SWAP),
        ),
        combat=Combat(
            pattern=AttackPattern.CELL,
            freeze_turns=_FREEZE_TURNS,
            shield="energy",
            shield_upkeep=1,
            shield_absorb=5,
            drained="energy",
            surplus_is_lost=True,
        ),
        rewards=(Term(name="heart", stat="heart.gained", weight=1.0),),
    )


_MOST_GROUPS = 8  # colours on screen; more agents than that look alike

"""Rules as data: what is refused with which path, what survives a round trip, and that C has the same names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from engine.errors import MapError, SimError
from engine.sim import (
    CELL_SPAWN_ANY,
    FOREVER,
    AttackPattern,
    Batch,
    Combat,
    Encoding,
    Kind,
    Plane,
    Resource,
    Rules,
    Scope,
    Style,
    TagRange,
    Term,
    Verb,
    World,
    games,
    spec_of,
)
from engine.sim.native import ffi, lib
from engine.sim.spec import ActionResult
from engine.sim.world import rules_def

from . import strategies

ROOM = np.full((3, 3), CELL_SPAWN_ANY, np.uint8)


def changed(game: str = "arena", **changes: Any) -> dict[str, Any]:
    """A game as plain data, with some keys replaced; `a__b` is key b of key a."""
    data = games.GAMES[game]().model_dump(mode="json")
    for path, value in changes.items():
        *tables, key = path.split("__")
        table = data
        for name in tables:
            table = table[name]
        table[key] = value
    return data


def press(**changes: Any) -> dict[str, Any]:
    """The arena with one more kind: a converter with a store."""
    recipe = {"style": "put_get", "inputs": {"ore": 1}, "outputs": {"battery": 1}}
    return changed(kinds__press={**recipe, **changes})


def bag(limit: int = 3, **changes: Any) -> dict[str, Any]:
    """The arena with ore and battery in one bag."""
    together = {"resources__ore": {"limit_group": "bag"}, "resources__battery": {"limit_group": "bag"}}
    return changed(limit_groups={"bag": limit}, **{**together, **changes})


def gold(**changes: Any) -> dict[str, Any]:
    """The tables of an arena with gold, of which nobody has any, to put over another's."""
    return {"resources": changed(resources__gold={})["resources"], **changes}


ARENA = changed()["kinds"]
PAID = [{"name": "x", "weight": 1, "holding": "gold"}]
RICH = {"resource": "gold", "amount": 2}


def complaint(data: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        Rules.model_validate(data)
    error = caught.value.errors()[0]
    return ".".join(str(part) for part in error["loc"]) + "|" + error["msg"]


@pytest.mark.parametrize("make", games.GAMES.values())
def test_the_games_survive_a_round_trip(make: Any) -> None:
    rules = make()

    assert Rules.model_validate(rules.model_dump()) == rules
    assert Rules.model_validate(rules.model_dump(mode="json")) == rules
    assert Rules.model_validate_json(rules.model_dump_json()) == rules


@settings(max_examples=60)
@given(strategies.games())
def test_any_game_survives_a_round_trip_and_keeps_its_order(rules: Rules) -> None:
    again = Rules.model_validate_json(rules.model_dump_json())

    assert again == rules
    assert spec_of(again) == spec_of(rules)


def c_feature_names(rules: Rules) -> list[str]:
    native, name = rules_def(rules), ffi.new("char[64]")
    names: list[str] = []
    while lib.gw_feature_name(native, len(names), name) == lib.GW_OK:
        names.append(ffi.string(name).decode())
    return names


@settings(max_examples=30)
@given(strategies.games())
def test_feature_names_are_those_of_c(rules: Rules) -> None:
    assert c_feature_names(rules) == list(spec_of(rules).feature_names)


@settings(max_examples=60)
@given(strategies.games())
def test_sizes_are_those_of_c(rules: Rules) -> None:
    native = ffi.new("gw_spec *")
    room = np.full((8, 8), CELL_SPAWN_ANY, np.uint8)
    world = World(rules, room)
    spec = world.spec

    assert lib.gw_world_spec(world.handle, native) == lib.GW_OK

    assert native.observation_size == spec.observation_size
    assert (native.token_count, native.plane_count) == (spec.token_count, len(spec.planes))
    assert (native.self_count, native.feature_count) == (len(spec.self_features), len(spec.feature_names))
    assert len(spec.self_scales) == len(spec.self_features)
    assert (native.term_count, native.stat_count) == (len(spec.term_names), len(spec.stat_names))


def c_stat_names(rules: Rules) -> list[str]:
    native, count, name = rules_def(rules), ffi.new("int32_t *"), ffi.new("char[64]")
    assert lib.gw_stat_count(native, count) == lib.GW_OK
    names = []
    for index in range(count[0]):
        assert lib.gw_stat_name(native, index, name) == lib.GW_OK
        names.append(ffi.string(name).decode())
    return names


@pytest.mark.parametrize("make", games.GAMES.values())
def test_stat_names_are_those_of_c(make: Any) -> None:
    assert c_stat_names(make()) == list(make().stat_names)


@settings(max_examples=60)
@given(strategies.games())
def test_stat_names_of_any_game_are_those_of_c(rules: Rules) -> None:
    assert c_stat_names(rules) == list(rules.stat_names)


def test_results_are_those_of_c() -> None:
    for result in ActionResult:
        assert getattr(lib, f"GW_RESULT_{result.name}") == result
    assert len(ActionResult) == lib.GW_RESULT_COUNT


def test_enumerations_are_those_of_c() -> None:
    pairs = {"PLANE": Plane, "ENCODING": Encoding, "STYLE": Style, "VERB": Verb, "SCOPE": Scope, "TAG": TagRange}
    for prefix, members in {**pairs, "ATTACK": AttackPattern}.items():
        for index, member in enumerate(members):
            assert getattr(lib, f"GW_{prefix}_{member.name}") == index
        pattern = {"ATTACK": "ATTACK_PATTERN", "TAG": "TAG_RANGE"}.get(prefix, prefix)
        assert len(members) == getattr(lib, f"GW_{pattern}_COUNT")
    assert lib.GW_FOREVER == FOREVER


def test_the_limits_of_python_are_those_of_c() -> None:
    assert Rules.model_json_schema()["properties"]["agents"]["maximum"] == lib.GW_MAX_AGENTS
    assert Rules.model_json_schema()["properties"]["groups"]["maximum"] == lib.GW_MAX_GROUPS
    assert Rules.model_json_schema()["properties"]["actions"]["maxItems"] == lib.GW_MAX_ACTIONS
    assert Rules.model_json_schema()["properties"]["rewards"]["maxItems"] == lib.GW_MAX_TERMS
    assert Rules.model_json_schema()["properties"]["kinds"]["maxProperties"] == lib.GW_MAX_KINDS
    assert Rules.model_json_schema()["properties"]["resources"]["maxProperties"] == lib.GW_MAX_RESOURCES


@pytest.mark.parametrize(
    ("data", "path", "words"),
    [
        (changed(agnets=3), "agnets", "not permitted"),
        (changed(agents=0), "agents", "greater than or equal to 1"),
        (changed(groups=9), "groups", "less than or equal to 8"),
        (changed(max_steps=-1), "max_steps", "greater than or equal to 0"),
        (changed(window={"width": 10, "height": 11}), "window", "both sides must be odd"),
        (changed(window={"width": 17, "height": 11}), "window.width", "less than or equal to 15"),
        (changed(planes=["kind", "kind"]), "", "planes: 'kind' is there twice"),
        (changed(planes=["colour"]), "planes.0", "'kind', 'group', 'facing', 'ready'"),
        (changed(actions=[]), "actions", "at least 1"),
        (changed(actions=[{"name": "a", "verb": "move"}]), "actions.0", "move needs a direction"),
        (changed(actions=[{"name": "a", "direction": "north"}]), "actions.0", "noop takes no direction"),
        (changed(actions=[{"name": "a", "verb": "jump"}]), "actions.0.verb", "'noop', 'move', 'rotate', 'use'"),
        (changed(actions=[{"name": "A"}]), "actions.0.name", "pattern"),
        (changed(actions=[{"name": "a" * 32}]), "actions.0.name", "pattern"),
        (changed(rewards=[{"name": "x", "weight": 1}]), "rewards.0", "either stat"),
        (changed(rewards=[{"name": "x", "weight": "nan", "stat": "steps"}]), "rewards.0.weight", "finite"),
        (
            changed(rewards=[{"name": "x", "weight": 1, "stat": "heart.gaind"}]),
            "",
            "rewards.0.stat: no stat 'heart.gaind', did you mean 'heart.gained'?",
        ),
        (
            changed(rewards=[{"name": "x", "weight": 1, "holding": "batery"}]),
            "",
            "rewards.0.holding: no resource 'batery', did you mean 'battery'?",
        ),
        (changed(end={"resource": "hart"}), "", "end.resource: no resource 'hart', did you mean 'heart'?"),
        (
            changed(kinds={"mine": {"style": "use", "outputs": {"orre": 1}}}),
            "",
            "kinds.mine.outputs: no resource 'orre', did you mean 'ore'?",
        ),
        (
            changed(kinds={"mine": {"style": "use", "inputs": {"ore": 51}}}),
            "",
            "kinds.mine.inputs.ore: 51 can never be held, the limit is 50",
        ),
        (changed(kinds={"wall": {"cooldown": 1}}), "kinds.wall", "solid, so it has no inputs"),
        (changed(resources={"Ore": {}}), "resources.Ore.[key]", "pattern"),
        (changed(resources__ore={"limit": 1, "initial": 2}), "resources.ore", "initial: 2 is above the limit of 1"),
        (changed(resources__ore={"limit_group": "bga"}), "", "resources.ore.limit_group: no limit group 'bga'"),
        (changed(resources__ore={"regen_amount": 65536}), "resources.ore.regen_amount", "less than or equal to 65535"),
        (bag(2, resources__ore={"limit_group": "bag", "initial": 3}), "", "resources: 3 units of 'bag' together"),
        (bag(0), "limit_groups.bag", "greater than or equal to 1"),
        (bag(2), "", "kinds.altar.inputs: 3 units of 'bag' together, the limit is 2"),
        (
            bag(actions=[{"name": "a", "required": {"ore": 2}, "consumed": {"battery": 2}}]),
            "",
            "actions.0: 4 units of 'bag' together, the limit is 3",
        ),
        (bag(end={"resource": "ore", "amount": 4}), "", "end.amount: must be above the 0 at the start, at most 3"),
        (
            changed(end={"resource": "ore", "amount": 51}),
            "",
            "end.amount: must be above the 0 at the start, at most 50",
        ),
        (press(conversion_ticks=-1), "kinds.press.conversion_ticks", "greater than or equal to 0"),
        (press(inputs={}), "kinds.press", "or it would convert without end"),
        (press(outputs={"ore": 1}), "kinds.press", "or it would convert without end"),
        (press(outputs={"orre": 1}), "", "kinds.press.outputs: no resource 'orre', did you mean 'ore'?"),
        (press(style="use", conversion_ticks=1), "kinds.press", "only a put_get has conversion_ticks"),
        (press(style="use", max_output=1), "kinds.press", "only a put_get or a chest has max_output"),
        (press(style="chest", cooldown=1), "kinds.press", "a chest has no cooldown"),
        (press(style="chest", max_output=1, initial_output=2), "kinds.press", "a chest starts with at most its max"),
        (press(style="oven"), "kinds.press.style", "'solid', 'use', 'put_get' or 'chest'"),
        (changed(kinds__agent={}), "", "kinds.agent: the engine keeps this name for itself"),
        (changed(actions=[{"name": "a", "argument": 1}]), "actions.0", "noop takes no argument"),
        (changed(actions=[{"name": "a", "verb": "step", "argument": 2}]), "actions.0", "0 (forward) or 1 (backward)"),
        (changed(actions=[{"name": "a", "verb": "attack", "argument": 9}]), "", "actions.0.argument: an attack by nth"),
        (
            changed(actions=[{"name": "a", "verb": "glyph", "argument": 1}]),
            "",
            "actions.0.argument: there are 1 glyphs",
        ),
        (changed(actions=[{"name": "a", "consumed": {"ore": 51}}]), "", "actions.0.consumed.ore: 51 can never be held"),
        (changed(actions=[{"name": "a", "required": {"orre": 1}}]), "", "actions.0.required: no resource 'orre'"),
        (changed(actions=[{"name": "a", "verb": "shield"}]), "", "combat.shield: an action raises the shield"),
        (changed(actions=[{"name": "a"}, {"name": "a"}]), "", "actions: 'a' is there twice"),
        (changed(combat__armor="plate"), "", "combat.armor: no resource 'plate'"),
        (changed(combat__freeze_turns=65535), "combat.freeze_turns", "less than or equal to 65534"),
        (changed(combat__pattern="all"), "combat.pattern", "'nth_agent' or 'cell'"),
        (changed(group_sizes=[3]), "", "group_sizes: 1 groups of 3 agents in all, but the game has 2 groups of 6"),
        (changed(group_roles=["agent"]), "", "group_roles: 1 given for 2 groups"),
        (changed(group_roles=["agent", "agnet"]), "", "group_roles.1: no role 'agnet', did you mean 'agent'?"),
        (changed(group_shares=[101, 0]), "group_shares.0", "less than or equal to 100"),
        (changed(roles=["a", "a"]), "", "roles: 'a' is there twice"),
        (changed(rewards=[{"name": "shared", "weight": 1, "stat": "steps"}]), "rewards.0", "the ledger's own name"),
        (
            changed(rewards=[{"name": "x", "weight": 1, "stat": "steps", "role": "b"}]),
            "",
            "rewards.0.role: no role 'b'",
        ),
        (changed(rewards=[{"name": "x", "weight": 2e20, "stat": "steps"}]), "rewards.0.weight", "less than or equal"),
        (changed(tokens=1025), "tokens", "less than or equal to 1024"),
        (changed(sight__cone_degrees=120), "sight.cone_degrees", "90, 180, 270 or 360"),
        (changed(sight__range=16), "sight.range", "less than or equal to 15"),
        (changed("hide_and_seek", tag__tagger="hidder"), "", "tag.tagger: no role 'hidder', did you mean 'hider'?"),
        (changed("hide_and_seek", tag__target="seeker"), "", "tag.target: nobody can tag their own role"),
        (changed("hide_and_seek", group_roles=["hider", "hider"]), "", "tag.tagger: no agent plays 'seeker'"),
        (changed("hide_and_seek", tag__freeze_turns=5), "", "tag.ends_when_all_caught: needs freeze_turns 65535"),
        (changed("hide_and_seek", tag__chance_percent=0), "tag.chance_percent", "greater than or equal to 1"),
        # What nobody can ever have
        (
            changed(kinds__altar__inputs={"gold": 1}, resources__gold={}),
            "",
            "kinds.altar.inputs.gold: nothing in the game ever yields 'gold' (no kind has it as an output)",
        ),
        (
            changed(kinds__mine={}),
            "",
            "kinds.generator.inputs.ore: nothing in the game ever yields 'ore' (no kind has it as an output)",
        ),
        (  # what it lacks comes before what lacks only because of it
            changed(kinds={"altar": ARENA["altar"], "generator": ARENA["generator"]}),
            "",
            "kinds.generator.inputs.ore: nothing in the game ever yields 'ore'",
        ),
        (
            changed(resources__gold={}, kinds__safe={"style": "chest", "outputs": {"gold": 1}}, rewards=PAID),
            "",
            "rewards.0.holding: nothing in the game ever yields 'gold'",
        ),
        (
            changed(kinds__mine={"style": "use", "inputs": {"heart": 1}, "outputs": {"ore": 1}}),
            "",
            "kinds.mine.inputs.heart: nothing in the game ever yields 'heart' (altar would, but can never run)",
        ),
        (
            changed(resources__gold={"regen_amount": -1, "regen_interval": 1}, rewards=PAID),
            "",
            "rewards.0.holding: noth",
        ),
        (changed(resources__gold={"regen_amount": 1}, rewards=PAID), "", "rewards.0.holding: nothing in the game"),
        (changed(resources__gold={"loot": True}, rewards=PAID), "", "rewards.0.holding: nothing in the game"),
        (
            changed(
                resources__gold={},
                kinds__safe={"style": "chest", "inputs": {"gold": 1}, "outputs": {"gold": 1}},
                end=RICH,
            ),
            "",
            "end.resource: nothing in the game ever yields 'gold'",
        ),
        (
            changed(resources__gold={}, actions=[{"name": "a", "required": {"gold": 1}}]),
            "",
            "actions.0.required.gold: n",
        ),
        (
            changed(resources__gold={}, actions=[{"name": "a", "consumed": {"gold": 1}}]),
            "",
            "actions.0.consumed.gold: n",
        ),
        (
            changed(resources__gold={}, rewards=[{"name": "x", "weight": 1, "stat": "gold.lost"}]),
            "",
            "rewards.0.stat: nothing in the game ever yields 'gold'",
        ),
        (
            changed(resources__gold={"initial": 1}, rewards=[{"name": "x", "weight": 1, "stat": "gold.gained"}]),
            "",
            "rewards.0.stat: nobody can ever hold more 'gold' than at the start",
        ),
        (changed(resources__gold={"initial": 1}, end=RICH), "", "end.resource: nobody can ever hold more 'gold'"),
    ],
)
def test_what_is_wrong_is_said_with_its_path(data: dict[str, Any], path: str, words: str) -> None:
    where, said = complaint(data).split("|")

    assert where == path
    assert words in said


@pytest.mark.parametrize(
    "data",
    [
        changed(resources__gold={"initial": 1}, rewards=PAID),
        changed(resources__gold={"regen_amount": 1, "regen_interval": 1}, rewards=PAID, end=RICH),
        # A converter that lives on what it holds at the start, and one that starts full and may never run
        press(inputs={"gold": 1}, outputs={"gold": 2}, initial_output=1, cooldown=1) | gold(rewards=PAID),
        press(inputs={"gold": 1}, outputs={"battery": 1}, initial_output=1) | gold(),
        # Robbing makes nothing, but one may come to hold more
        changed(
            resources__gold={"initial": 1, "loot": True},
            actions=[{"name": "hit", "verb": "attack"}],
            rewards=PAID,
            end=RICH,
        ),
        # A chest pools what agents had at the start
        changed(
            resources__gold={"initial": 1},
            kinds__safe={"style": "chest", "inputs": {"gold": 1}, "outputs": {"gold": 1}},
            end=RICH,
        ),
        # Something that nobody has and nothing asks for
        changed(resources__gold={}, combat__armor="gold", kinds__safe={"style": "chest", "inputs": {"gold": 1}}),
    ],
)
def test_what_somebody_may_come_to_have_can_be_asked_for(data: dict[str, Any]) -> None:
    Rules.model_validate(data)


def unchecked(game: str = "arena", **changes: Any) -> Rules:
    """A game that Python has not looked at again, for C to refuse."""
    return games.GAMES[game]().model_copy(update=changes)


ORES = games.arena().resources


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (unchecked(resources={**ORES, "ore": Resource.model_construct(limit=1, initial=2)}), "'ore' starts above its"),
        (unchecked(kinds={"agent": Kind()}), "kind 'agent' has a name that the engine keeps for itself"),
        (unchecked(rewards=(Term.model_construct(name="x", stat="steps", weight=1e30),)), "reward 'x' needs a weight"),
        (unchecked("hide_and_seek", group_roles=("hider", "hider")), "tag needs agents of both roles"),
        (unchecked("hide_and_seek", glyphs=0), "glyph_count must be 1 to 250"),
        (unchecked("arena_energy", combat=Combat(pattern="cell")), "combat needs a shield resource"),
    ],
)
def test_c_refuses_what_python_overlooked(rules: Rules, words: str) -> None:
    with pytest.raises(SimError, match=words):
        World(rules, ROOM)


def test_a_bad_cell_is_refused_with_line_and_column() -> None:
    cells = ROOM.copy()
    cells[1, 2] = 77

    with pytest.raises(MapError, match="a code that this game does not know") as caught:
        World(games.navigation(), cells)

    assert (caught.value.line, caught.value.column) == (2, 3)


def test_a_map_without_starts_is_refused_without_a_place() -> None:
    with pytest.raises(MapError, match="6 agents need spawn cells but there are only 0") as caught:
        World(games.arena(), np.zeros((5, 5), np.uint8))

    assert (caught.value.line, caught.value.column) == (0, 0)


@pytest.mark.parametrize("cells", [np.zeros((2, 2), np.int32), np.zeros(4, np.uint8), np.zeros((1, 2, 2), np.uint8)])
def test_cells_must_be_a_table_of_bytes(cells: np.ndarray) -> None:
    with pytest.raises(SimError, match="2-D uint8"):
        World(games.navigation(), cells)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1025, 1)])
def test_sides_out_of_range_are_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(MapError, match="1 to 1024 cells"):
        World(games.navigation(), np.zeros(shape, np.uint8))


def test_a_view_of_cells_is_read_in_its_own_order() -> None:
    cells = np.zeros((2, 6), np.uint8)
    cells[0, 1] = 1  # a wall
    rules = games.navigation()

    flipped = World(rules, cells[:, ::-1])

    assert (flipped.width, flipped.height) == (6, 2)
    assert Batch(flipped).look().cells[0].tolist()[4] == 3

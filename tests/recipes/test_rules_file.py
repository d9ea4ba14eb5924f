"""Games as YAML: written and read back they are the same; what is wrong is refused by line, column and path."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from engine.errors import ConfigError
from engine.recipes import resolve
from engine.recipes.rules_file import load_rules, rules_from_yaml, rules_schema, rules_to_yaml
from engine.recipes.yaml_text import MAX_BYTES, MAX_DEPTH
from engine.sim import Rules, games
from tests.sim import strategies

ARENA = rules_to_yaml(games.arena())


def read(text: str) -> Rules:
    return rules_from_yaml(text, "my.yaml")


def refusal_of(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as refused:
        read(text)
    return refused.value


# ---- There and back


@pytest.mark.parametrize("name", games.GAMES)
def test_a_game_that_ships_comes_back_the_same(name: str) -> None:
    rules = games.GAMES[name]()

    text = rules_to_yaml(rules)

    assert read(text) == rules
    assert rules_to_yaml(read(text)) == text


@given(strategies.games())
def test_any_game_comes_back_the_same(rules: Rules) -> None:
    text = rules_to_yaml(rules)

    again = read(text)

    assert again == rules
    assert repr(again) == repr(rules)  # -0.0 equals 0.0
    assert rules_to_yaml(again) == text


@given(st.floats(-1e20, 1e20), st.floats(0, 1e20))
def test_a_number_comes_back_to_the_last_bit(weight: float, cap: float) -> None:
    data = games.navigation().model_dump()
    data["rewards"][0].update(weight=weight, cap=cap)

    term = read(rules_to_yaml(Rules.model_validate(data))).rewards[0]

    assert (term.weight.hex(), term.cap.hex()) == (weight.hex(), cap.hex())


@pytest.mark.parametrize("number", [-0.0, 1e-7, 0.1, 5e-324, 1e16, 1e20, 0.30000000000000004])
def test_numbers_that_are_easily_lost_come_back(number: float) -> None:
    text = ARENA.replace("weight: 1.0", f"weight: {number!r}")

    for _ in range(2):
        rules = read(text)
        assert rules.rewards[0].weight.hex() == number.hex()
        text = rules_to_yaml(rules)


def test_a_negative_zero_is_not_taken_for_the_default() -> None:
    text = ARENA.replace("cap: 1.0", "cap: -0.0", 1)

    assert "cap: -0.0" in rules_to_yaml(read(text))


def test_a_game_is_written_to_be_read() -> None:
    lines = rules_to_yaml(games.navigation()).splitlines()

    assert lines[:11] == [
        "name: navigation",
        "max_steps: 100",
        "spawn_anywhere: true",
        "resources:",
        "  heart: {limit: 1}",
        "kinds:",
        "  wall: {}",
        "  goal:",
        "    style: use",
        "    bump: true",
        "    outputs: {heart: 1}",
    ]
    assert "  - {name: move_north, verb: move, direction: north}" in lines
    assert max(map(len, lines)) < 80


@pytest.mark.parametrize("word", ["null", "true", "no", "on", "y", "e5", "nan", "inf"])
def test_a_name_that_looks_like_a_value_stays_a_name(word: str) -> None:
    rules = games.navigation().model_copy(update={"name": word, "roles": (word,)})

    assert read(rules_to_yaml(rules)) == rules


def test_values_are_those_of_key_equals_value() -> None:
    text = ARENA.replace("max_steps: 1000", "max_steps: 1e3").replace("weight: 1.0", "weight: 1e-7").replace("6", "06")

    rules = read(text)

    assert (rules.max_steps, rules.rewards[0].weight, rules.agents) == (1000, 1e-7, 6)


# ---- What is refused


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        # unknown keys, at every depth
        ("agents:", "agnts:", (2, 1), ["agnts: there is no 'agnts'", "did you mean agents?"]),
        ("name: arena", "nmae: arena", (1, 1), ["nmae: there is no 'nmae'", "did you mean name"]),
        ("cooldown: 10", "cooldwn: 10", (14, 5), ["kinds.mine.cooldwn", "did you mean cooldown?"]),
        ("cap: 1.0", "cup: 1.0", (39, 56), ["rewards.battery.cup", "did you mean cap?"]),
        # wrong types and impossible values: the path and what is allowed
        ("1000", "soon", (4, 1), ["max_steps cannot be 'soon'", "a whole number, 0 or more"]),
        ("1000", "true", (4, 1), ["max_steps cannot be true", "a whole number"]),
        ("1000", "'1000'", (4, 1), ["max_steps cannot be '1000'", "a whole number"]),
        ("agents: 6", "agents:", (2, 1), ["agents cannot be none", "1 or more, at most 1024"]),
        ("agents: 6", "agents: 0", (2, 1), ["agents cannot be 0", "1 or more, at most 1024"]),
        ("wall: {}", "wall: solid", (11, 3), ["kinds.wall cannot be 'solid'", "a table with style"]),
        ("style: use", "style: usee", (13, 5), ["kinds.mine.style cannot be 'usee'", "one of solid, use"]),
        (
            "direction: north",
            "direction: up",
            (28, 36),
            ["actions.move_north.direction cannot be 'up'", "one of north"],
        ),
        ("planes: [kind, group, ready]", "planes: []", (5, 1), ["planes cannot be []", "a list, at least 1 long"]),
        ("ready]", "raedy]", (5, 23), ["planes.2 cannot be 'raedy'", "one of kind"]),
        ("weight: 1.0", "weight: .inf", (38, 39), ["rewards.heart.weight cannot be '.inf'", "a number"]),
        ("1000", "9" * 6000, (4, 12), ["a number of too many digits"]),
        ("  heart: {}", "  Heart: {}", (9, 3), ["resources.Heart: that cannot be a name", "small letters"]),
        ("name: arena\n", "", (1, 1), ["name is missing"]),
        # faults over several fields
        ("{limit: 50}", "{limit: 5, initial: 9}", (7, 19), ["resources.ore.initial: 9 is above the limit of 5"]),
        ("{battery: 3}", "{batery: 3}", (24, 5), ["kinds.altar.inputs: no resource 'batery'", "'battery'?"]),
        ("{battery: 3}", "{battery: 99}", (24, 14), ["kinds.altar.inputs.battery: 99 can never be held"]),
        ("heart.gained", "hart.gained", (38, 19), ["rewards.heart.stat: no stat", "did you mean 'heart.gained'?"]),
        ("name: use,", "name: noop,", (26, 1), ["actions: 'noop' is there twice"]),
        ("    outputs: {ore: 1}\n", "", (18, 14), ["kinds.generator.inputs.ore: nothing", "ever yields 'ore'"]),
        ("    outputs: {heart: 1}\n", "", (37, 19), ["rewards.heart.stat: nothing", "ever yields 'heart'"]),
        # more than plain YAML
        ("{limit: 50}", "&half {limit: 50}", (7, 8), ["an anchor (&half)", "write it out"]),
        ("{limit: 50}", "*half", (7, 8), ["an alias (*half)", "write it out"]),
        ("agents: 6", "agents: !!python/object/apply:os.abort []", (2, 9), ["a tag (!!python/object/apply:os.abort)"]),
        ("name: arena", "name: !!str arena", (1, 7), ["a tag (!!str)"]),
        ("name: arena", "name: ! arena", (1, 7), ["a tag (!)"]),
        ("name: arena", "&x name: arena", (1, 1), ["an anchor (&x)"]),
        ("groups: 2", "agents: 2", (3, 1), ["'agents' is there twice, first in line 2"]),
        ("  wall: {}", "  wall: {hp: 1, hp: 2}", (11, 17), ["'hp' is there twice, first in line 11"]),
        ("name: arena", "? [a]\n: b", (1, 3), ["a table or a list cannot be a key"]),
        ("kinds:", "kinds:\n\t", (11, 1), ["not YAML", "'\\t'"]),
        ("name: arena", "name: a\x07rena", (1, 8), ["character U+0007"]),
    ],
)
def test_a_fault_is_named_with_its_place_and_path(old: str, new: str, place: tuple[int, int], words: list[str]) -> None:
    assert old in ARENA

    error = refusal_of(ARENA.replace(old, new, 1))

    said = f"{error.message} | {error.hint}"
    assert [word for word in words if word not in said] == [], said
    assert (error.line, error.column) == place, said
    assert error.message.startswith(f"my.yaml, line {place[0]}, column {place[1]}: ")
    assert "pydantic" not in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there is nothing in it"),
        ("# a remark\n", "there is nothing in it"),
        ("- name: arena\n", "a table is needed here"),
        ("arena\n", "a table is needed here"),
        (ARENA + "---\n" + ARENA, f"line {ARENA.count(chr(10)) + 1}, column 1: a second document begins"),
        ("a: [1, 2\n", "not YAML"),
        ("a: " + "[" * 100_000, f"nested deeper than {MAX_DEPTH}"),
        ("{a: " * 50_000, f"nested deeper than {MAX_DEPTH}"),
        ("%YAML 3.0\n---\na: 1\n", "not YAML"),
        ("name: arena # " + "x" * MAX_BYTES, f"larger than {MAX_BYTES // 1024} KB"),
    ],
    ids=["empty", "remark", "list", "word", "two", "torn", "lists", "tables", "version", "large"],
)
def test_what_is_no_table_of_ours_is_refused(text: str, words: str) -> None:
    assert words in refusal_of(text).message


BOMB = "a: &a [x, x]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefghijk", "bcdefghijkl", strict=True)
)


def test_a_bomb_is_refused_at_its_first_anchor() -> None:
    assert (refusal_of(BOMB).line, refusal_of(BOMB).column) == (1, 4)


@given(st.text(st.characters(codec="utf-8"), max_size=80), st.integers(0, len(ARENA)))
def test_no_text_breaks_the_reader(text: str, at: int) -> None:
    for whole in (text, ARENA[:at] + text + ARENA[at:]):
        with suppress(ConfigError):
            rules = read(whole)
            assert read(rules_to_yaml(rules)) == rules


# ---- Files


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"name: \xff", "my.yaml, line 1, column 7: byte 0xff is not UTF-8 text"),
        (ARENA.encode("utf-16"), "is not UTF-8 text"),
        (b"#" * (MAX_BYTES + 1), "my.yaml is larger than 256 KB"),
    ],
    ids=["latin", "utf-16", "large"],
)
def test_a_file_that_is_no_text_or_too_much_is_refused(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "my.yaml"
    path.write_bytes(data)

    with pytest.raises(ConfigError, match=words):
        load_rules(str(path))


def test_a_file_of_100_mb_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    with path.open("wb") as file:
        file.truncate(100 << 20)

    with pytest.raises(ConfigError, match="larger than 256 KB"):
        load_rules(str(path))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("nowhere.yaml", "there is no rules file"),
        ("/", "is a directory"),
        ("/dev/zero", "not a regular file"),
        ("", "not a file name"),
    ],
)
def test_what_is_no_file_is_refused(source: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_rules(source)


# ---- rules=FILE


def test_a_recipe_plays_the_game_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(ARENA.replace("battery: 3", "battery: 2").replace("name: arena", "name: mine"), "utf-8")

    config = resolve("arena", [f"rules={path}", "rules.max_steps=50"])

    assert (config.rules.name, config.rules.kinds["altar"].inputs, config.rules.max_steps) == (
        "mine",
        {"battery": 2},
        50,
    )
    assert config.map == resolve("arena").map


def test_later_settings_win_over_a_file_and_earlier_ones_lose(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(ARENA, "utf-8")

    assert resolve("arena", ["rules.max_steps=50", f"rules={path}"]).rules.max_steps == 1000


def test_a_wrong_file_is_refused_with_its_place_and_the_setting(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(ARENA.replace("agents: 6", "agents: none"), "utf-8")

    with pytest.raises(ConfigError) as refused:
        resolve("arena", [f"rules={path}"])

    assert refused.value.message == "rules: my.yaml, line 2, column 1: agents cannot be 'none'"
    assert (refused.value.line, refused.value.column) == (2, 1)


# ---- The schema

SCHEMA = rules_schema()
VALIDATOR = Draft202012Validator(SCHEMA)


def test_the_schema_is_one_of_draft_2020_12() -> None:
    Draft202012Validator.check_schema(SCHEMA)

    assert SCHEMA["$schema"] == Draft202012Validator.META_SCHEMA["$id"]


@pytest.mark.parametrize("name", games.GAMES)
def test_every_game_that_ships_satisfies_the_schema(name: str) -> None:
    VALIDATOR.validate(yaml.safe_load(rules_to_yaml(games.GAMES[name]())))


@given(strategies.games())
def test_every_game_satisfies_the_schema(rules: Rules) -> None:
    VALIDATOR.validate(yaml.safe_load(rules_to_yaml(rules)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("agents:", "agnts:"),
        ("cooldown: 10", "cooldwn: 10"),
        ("1000", "soon"),
        ("agents: 6", "agents: 0"),
        ("style: use", "style: usee"),
        ("direction: north", "direction: up"),
        ("  heart: {}", "  Heart: {}"),
        ("battery: 3", "battery: 0"),
        ("battery: 3", "Battery: 3"),
        ("planes: [kind, group, ready]", "planes: []"),
        ("name: arena\n", ""),
    ],
)
def test_the_schema_refuses_what_the_models_refuse(old: str, new: str) -> None:
    text = ARENA.replace(old, new, 1)
    assert text != ARENA

    assert not VALIDATOR.is_valid(yaml.safe_load(text))
    refusal_of(text)


def test_the_schema_describes_every_key() -> None:
    def keys(schema: dict[str, Any], owner: str) -> dict[str, Any]:
        return {f"{owner}.{name}": each for name, each in schema.get("properties", {}).items()}

    described = keys(SCHEMA, "Rules")
    for owner, table in SCHEMA["$defs"].items():
        described |= keys(table, owner)

    assert len(described) > 70
    assert [name for name, each in described.items() if not each.get("description")] == []

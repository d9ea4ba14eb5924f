"""Recipe files: what they build on, and that nothing wrong in them gets through without its line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConfigError, GridrlError
from engine.recipes import TOOLS, examine, find_recipe, resolve, resolve_tool
from engine.recipes.recipe_file import read_recipe_file
from engine.recipes.recipe_text import flow
from engine.recipes.resolver import MAX_FILES
from engine.recipes.rules_file import rules_to_yaml
from engine.recipes.schema import Slot, slot_of
from engine.recipes.yaml_text import MAX_BYTES, read_yaml
from engine.sim import games

from .spoken import ANY_TEXT, by_key, covering, missing_from, without_environment, words_of, written


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For files that Hypothesis writes anew for each example."""
    return tmp_path_factory.mktemp("files")


def faults_of(path: Path, tool: str = "train") -> list[str]:
    """Everything that is wrong with a file, be it read or not."""
    try:
        return [words_of(fault) for fault in without_environment(tool, str(path)).faults]
    except GridrlError as error:
        return [words_of(error)]


def fault_of(path: Path, tool: str = "train") -> str:
    (said,) = faults_of(path, tool)
    return said


# ---- What a file builds on


def test_a_file_says_what_is_different(tmp_path: Path) -> None:
    path = written(tmp_path / "my.yaml", "summary: mine\nrecipe: arena\nrules: {max_steps: 50}\n")

    recipe = find_recipe(str(path))
    config = resolve(str(path))

    assert (recipe.name, recipe.group, recipe.summary, recipe.where) == ("my", "user", "mine", str(path))
    assert config.rules == resolve("arena").rules.model_copy(update={"max_steps": 50})
    assert config.trainer == resolve("arena").trainer


def test_lists_are_replaced_and_their_items_changed_by_name(tmp_path: Path) -> None:
    path = written(
        tmp_path / "my.yaml",
        """
        recipe: arena
        rules:
          rewards:
            ore: {weight: 2}
            battery: {cap: 0}
          planes: [kind]
          kinds: {altar: {inputs: {ore: 1}}}
        """,
    )

    rules, before = resolve(str(path)).rules, resolve("arena").rules

    weights = {term.name: (term.weight, term.cap) for term in rules.rewards}
    assert weights == {"heart": (1.0, 0.0), "battery": (0.1, 0.0), "ore": (2.0, 1.0)}
    assert [plane.value for plane in rules.planes] == ["kind"]
    assert rules.kinds["altar"].inputs == {"battery": 3, "ore": 1}
    assert rules.kinds["mine"] == before.kinds["mine"]


def test_a_file_needs_no_base(tmp_path: Path) -> None:
    rules = "".join(f"  {line}\n" for line in rules_to_yaml(games.arena()).splitlines())
    path = written(tmp_path / "my.yaml", "map: arena_small\nrules:\n" + rules)

    for tool in TOOLS:
        resolution = resolve_tool(tool, str(path), [], {})
        assert resolution.config is not None
        assert (resolution.config.map, resolution.config.rules) == ("arena_small", games.arena())
        assert by_key(resolution)["map"].origin.where == "my.yaml, line 1"


def test_files_of_a_file_lie_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "there"
    rules = games.arena().model_copy(update={"max_steps": 77})
    written(folder / "my-rules.yaml", rules_to_yaml(rules))
    written(folder / "my.map", "####\n#@.#\n####\n")
    written(folder / "lower.yaml", "recipe: arena\nscatters: 5\n")
    path = written(
        folder / "my.yaml",
        "recipe: lower.yaml\nrules: my-rules.yaml\nmap: my.map\nmore_maps: [scatter:my.map, arena_small, ../no.map]\n",
    )
    monkeypatch.chdir(tmp_path)

    config = resolve("there/my.yaml")

    assert path.is_file()
    assert (config.rules, config.scatters) == (rules, 5)
    assert config.map == "there/my.map"
    assert config.more_maps == ("scatter:there/my.map", "arena_small", "../no.map")


def test_a_rules_file_may_be_refined(tmp_path: Path) -> None:
    written(tmp_path / "my-rules.yaml", rules_to_yaml(games.arena()))
    path = written(tmp_path / "my.yaml", "recipe: arena\nrules: my-rules.yaml\ntrain: {rules: {max_steps: 9}}\n")

    assert resolve(str(path), ["rules.groups=1"]).rules.groups == 1


def test_a_wrong_rules_file_is_told_with_both_places(tmp_path: Path) -> None:
    written(tmp_path / "my-rules.yaml", rules_to_yaml(games.arena()).replace("agents: 6", "agents: none"))
    path = written(tmp_path / "my.yaml", "recipe: arena\nrules: my-rules.yaml\n")

    said = fault_of(path)

    assert "my.yaml, line 2, column 1: rules: my-rules.yaml, line 2, column 1: agents cannot be 'none'" in said


def chain(folder: Path, count: int, base: str) -> Path:
    """Files that build on one another; the first is returned."""
    for number in range(count):
        following = f"file{number + 1}.yaml" if number + 1 < count else base
        written(folder / f"file{number}.yaml", f"recipe: {following}\n" if following else "scatters: 3\n")
    return folder / "file0.yaml"


def test_as_many_files_may_build_on_one_another_as_anybody_means(tmp_path: Path) -> None:
    path = chain(tmp_path, MAX_FILES, "arena")

    assert [file.path.name for file in resolve_tool("train", str(path), [], {}).files] == [
        f"file{number}.yaml" for number in reversed(range(MAX_FILES))
    ]


@pytest.mark.parametrize("base", ["arena", ""])
def test_one_file_more_is_refused(tmp_path: Path, base: str) -> None:
    said = fault_of(chain(tmp_path, MAX_FILES + 1, base))

    assert f"recipe: more than {MAX_FILES} files build on one another" in said


@pytest.mark.parametrize("length", [1, 2, 3])
def test_files_that_go_round_are_refused(tmp_path: Path, length: int) -> None:
    path = chain(tmp_path, length, "file0.yaml")

    names = [f"file{number}.yaml" for number in range(length)]
    assert f"{names[-1]}, line 1, column 1: recipe: it goes round: {' -> '.join([*names, names[0]])}" in fault_of(path)


def test_a_link_to_itself_goes_round_too(tmp_path: Path) -> None:
    path = written(tmp_path / "my.yaml", "recipe: other.yaml\n")
    (tmp_path / "other.yaml").symlink_to(path)

    assert "recipe: it goes round" in fault_of(path)


def test_ones_own_may_go_round_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDRL_RECIPES", str(tmp_path))
    written(tmp_path / "one.yaml", "recipe: two\n")
    written(tmp_path / "two.yaml", "recipe: one\n")

    with pytest.raises(ConfigError, match=r"two.yaml, line 1, column 1: recipe: it goes round: one.yaml -> two.yaml"):
        resolve("one")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("recipe: aerna", ["line 1, column 1: recipe: no recipe is called 'aerna'", "did you mean arena?"]),
        ("summary: x\nrecipe: ./nowhere.yaml", ["line 2, column 1: recipe: there is no recipe file nowhere.yaml"]),
        ("recipe: nowhere.py", ["recipe: there is no recipe nowhere.py"]),
        ("recipe: ../other", ["recipe: "]),
        ("recipe: [arena]", ["line 1, column 1: recipe takes text, not ['arena']"]),
        ("recipe: 3", ["recipe takes text, not 3", "put it in quotes"]),
        ("recipe: null", ["recipe takes text, not None"]),
        ("preset: 3", ["preset takes text"]),
        ("summary: {}", ["summary takes text"]),
        ("recipe: arena\npreset: tniy", ["line 2, column 1: preset: no preset is called 'tniy'", "did you mean tiny?"]),
        ("recipe: arena\nplay: 3", ["line 2, column 1: play is a table of what gridrl play takes"]),
        ("recipe: arena\ntrain: [a]", ["line 2, column 1: train is a table"]),
        ("recipe: arena\ndefaults: [a]", ["line 2, column 1: defaults: that is a Hydra defaults list", "recipe: NAME"]),
        ("recipe: arena\nhydra: {run: x}", ["line 2, column 1: hydra: that is a setting of Hydra"]),
        ("recipe: arena\nwandb: online", ["line 2, column 1: wandb", "leave it out"]),
        ("recipe: arena\nrules: nowhere.yaml", ["line 2, column 1: rules: there is no rules file nowhere.yaml"]),
        ("recipe: arena\nrules: ''", ["line 2, column 1: rules: that is not a file name"]),
        ("recipe: arena\nrules: [a]", ["line 2, column 1: rules cannot be", "a table with name"]),
        ("recipe: arena\nmap: ''", ["line 2, column 1: map: that is no file name"]),
        ("recipe: arena\nmap: " + "x" * 5000 + "\nscatters: no", ["line 3, column 1: scatters cannot be 'no'"]),
        ('recipe: arena\nmap: "a\\0b"', ["line 2, column 1: map: that is no file name"]),
        ('recipe: arena\nrun: "\\ud800"', ["line 2"]),
        ("recipe: arena\ntrainer: {target_kl: none}", ["trainer.target_kl cannot be 'none'", "or null"]),
        ("recipe: arena\ntrainer: {policy: 3}", ["trainer.policy cannot be 3", "a table with kind"]),
        ("recipe: arena\ntrainer: 3", ["line 2, column 1: trainer cannot be 3", "a table with total_steps"]),
        ("recipe: arena\nrules: {rewards: {hart: {weight: 1}}}", ["rules.rewards.hart", "did you mean heart?"]),
        ("recipe: arena\nrules: {kinds: {Bad: {}}}", ["rules.kinds.Bad: that cannot be a name"]),
        ("recipe: arena\nrules: {kinds: {door: {stile: use}}}", ["rules.kinds.door.stile", "did you mean style"]),
        ("recipe: arena\ntrainer: {seed: {low: 1}}", ["trainer.seed cannot be", "a whole number"]),
        ("recipe: arena\ntrainer.seed: 3", ["trainer.seed", "there is no 'trainer.seed'"]),
        ("recipe: arena\n'': 3", ["line 2, column 1"]),
        ("recipe: arena\nplay: {seed: x}\nmap: 3", ["line 3, column 1: map cannot be 3"]),
    ],
)
def test_what_is_wrong_in_a_file_is_one_fault_with_its_line(tmp_path: Path, text: str, words: list[str]) -> None:
    said = fault_of(written(tmp_path / "my.yaml", text + "\n"))

    assert "my.yaml, line " in said
    assert missing_from(said, words) == [], said
    assert "pydantic" not in said


def test_all_faults_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    path = written(
        tmp_path / "my.yaml",
        """
        recipe: arena
        trainer:
          sede: 3
          epochs: many
        run: ${nothing}
        rules: {max_steps: -1}
        nonsense: 1
        hydra: 1
        map: fine
        """,
    )

    said = faults_of(path)

    assert sorted(each.partition(", column")[0] for each in said) == [f"my.yaml, line {n}" for n in (3, 4, 5, 6, 7, 8)]


def test_a_table_of_another_tool_is_not_judged(tmp_path: Path) -> None:
    path = written(tmp_path / "my.yaml", "recipe: arena\nplay: {sede: 3}\n")

    assert faults_of(path) == []
    assert "my.yaml, line 2, column 8: sede: there is no 'sede'" in fault_of(path, "play")


# ---- Every key and every leaf of every tool


def models(slot: Slot, data: Any, names: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Each model in a configuration: its keys as a file may say them, and the names of its fields."""
    if slot.model is not None and isinstance(data, dict):
        yield names, list(slot.model.model_fields)
        for name, item in data.items():
            yield from models(slot.field(name), item, (*names, name))
    elif slot.is_table and isinstance(data, dict):
        for name, item in data.items():
            yield from models(slot.entry(), item, (*names, name))
    elif slot.is_list and isinstance(data, list):
        for index, item in enumerate(data):
            name = item["name"] if isinstance(item, dict) and "name" in item else str(index)
            yield from models(slot.entry(), item, (*names, name))


def leaves(slot: Slot, data: Any, names: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Slot]]:
    """Each single value."""
    if slot.model is not None and isinstance(data, dict):
        for name, item in data.items():
            yield from leaves(slot.field(name), item, (*names, name))
    elif slot.is_table and isinstance(data, dict):
        for name, item in data.items():
            yield from leaves(slot.entry(), item, (*names, name))
    elif slot.is_list and isinstance(data, list):
        for index, item in enumerate(data):
            name = item["name"] if isinstance(item, dict) and "name" in item else str(index)
            yield from leaves(slot.entry(), item, (*names, name))
    else:
        yield names, slot


def dump_of(tool: str, recipe: str, *settings: str) -> Any:
    config = resolve_tool(tool, recipe, settings, {}).config
    assert config is not None
    return config.model_dump(mode="json")


def one_line_each(tool: str, recipe: str, names: tuple[str, ...], value: Any) -> tuple[str, int, int]:
    """A file that says one thing, and the line and column of it."""
    lines = [f"recipe: {recipe}", f"{tool}:"]
    for depth, name in enumerate(names):
        last = depth == len(names) - 1
        lines.append("  " * (depth + 1) + f"{name}:" + (f" {flow(value)}" if last else ""))
    return "\n".join(lines) + "\n", len(lines), 2 * len(names) + 1


PAIRS = [("train", "hide_and_seek"), *((tool, "arena") for tool in TOOLS)]
"""Between them they have all that there is: roles and tags, an end, simulations, parameters."""


@pytest.mark.parametrize(("tool", "recipe"), PAIRS)
def test_a_misspelled_key_in_any_model_is_told_with_its_place_and_the_nearest(
    tmp_path: Path, tool: str, recipe: str
) -> None:
    path = tmp_path / "my.yaml"
    found = [(names, fields) for names, fields in models(slot_of(TOOLS[tool]), dump_of(tool, recipe))]
    assert len(found) > 10

    for names, fields in found:
        right = max(fields, key=len)
        wrong = right[:-1] + "q"
        key = ".".join([*names, wrong])
        text, line, column = one_line_each(tool, recipe, (*names, wrong), 1)
        path.write_text(text)
        said = fault_of(path, tool)
        assert said.startswith(f"my.yaml, line {line}, column {column}: {key}: there is no {wrong!r}"), said
        assert right in said.partition("|")[2], said
        (typed,) = without_environment(tool, recipe, [f"{key}=1"]).faults
        assert words_of(typed).startswith(f"{key}: there is no {wrong!r}")
        assert right in typed.hint, typed


def belongs(value: Any, slot: Slot) -> bool:
    """Whether a value is of the type of its place; text may still be none of those that are allowed there."""
    if value is None:
        return slot.optional
    if slot.type in (bool, int):
        return type(value) is slot.type
    return type(value) in (int, float) if slot.type is float else isinstance(value, str) and value != "no such word"


@pytest.mark.parametrize(("tool", "recipe"), PAIRS)
def test_a_wrong_type_at_any_leaf_is_told_with_its_place_and_what_is_allowed(
    tmp_path: Path, tool: str, recipe: str
) -> None:
    path = tmp_path / "my.yaml"
    found = [
        (names, slot)
        for names, slot in leaves(slot_of(TOOLS[tool]), dump_of(tool, recipe))
        if names[-1] != "name"  # by another name it is another thing
        and "choices" not in names  # which are text, however they are written
        and ("rules" not in names or recipe == "hide_and_seek")  # the largest; all are read alike
        and not (slot.is_list or slot.is_table)
    ]
    assert len(found) > 4

    for names, slot in found:
        for value in [each for each in (True, 3, 0.5, None, [[]]) if not belongs(each, slot)]:
            text, line, column = one_line_each(tool, recipe, names, value)
            path.write_text(text)
            said = faults_of(path, tool)
            assert said, (names, value)
            assert all(each.startswith(f"my.yaml, line {line}, column {column}: ") for each in said), (
                names,
                value,
                said,
            )
            assert ".".join(names) in said[0]
            assert "it takes" in said[0]
        if not slot.is_text:
            (typed,) = without_environment(tool, recipe, [f"{'.'.join(names)}=[[]]"]).faults
            assert typed.message.startswith(f"{'.'.join(names)} cannot be [[]]")


# ---- Files that are none


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "my.yaml, line 1, column 1: there is nothing in it"),
        (b"# a remark\n", "there is nothing in it"),
        (b"- a\n", "line 1, column 1: a table is needed here"),
        (b"arena\n", "a table is needed here"),
        (b"map: \xff", "my.yaml, line 1, column 6: byte 0xff is not UTF-8 text"),
        ("map: x".encode("utf-16"), "is not UTF-8 text"),
        ("map: x".encode("utf-16-le"), "character U+0000 is not text"),
        (bytes(range(256)), "is not"),
        (b"\x7fELF\x02\x01\x01\0", "is not"),
        (b"PK\x03\x04", "is not"),
        (b"#" * (MAX_BYTES + 1), "my.yaml is larger than 256 KB"),
        (b"a: &a [x, x]\nb: &b [*a, *a]\n", "line 1, column 4: an anchor (&a)"),
        (b"map: *x\n", "line 1, column 6: an alias (*x)"),
        (b"map: !!python/object/apply:os.abort []\n", "line 1, column 6: a tag (!!python/object/apply:os.abort)"),
        (b"map: !!binary aGk=\n", "line 1, column 6: a tag (!!binary)"),
        (b"map: a\nscatters: 3\nmap: b\n", "line 3, column 1: 'map' is there twice, first in line 1"),
        (b"trainer: {seed: 1, seed: 2}\n", "line 1, column 20: 'seed' is there twice"),
        (b"<<: {map: x}\n", "<<"),
        (b"? [a]\n: b\n", "line 1, column 3: a table or a list cannot be a key"),
        (b"map: a\n---\nmap: b\n", "line 2, column 1: a second document begins"),
        (b"map: [a\n", "not YAML"),
        (b"map:\n\t- a\n", "line 2, column 1: not YAML"),
        (b"map: 'a\n", "not YAML"),
        (b"a: " + b"[" * 100_000, "nested deeper than 32"),
        (b"{a: " * 50_000, "nested deeper than 32"),
        (b"trainer: {seed: " + b"9" * 5000 + b"}", "a number of too many digits"),
        (b"trainer: {gamma: 1e999}", "a number too large"),
        (b"map: a\x1b[2J\n", "line 1, column 7: character U+001B is not text"),
    ],
)
def test_what_is_no_recipe_file_is_refused_with_its_place(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "my.yaml"
    path.write_bytes(data)

    said = faults_of(path)

    assert words in said[0], said
    assert "my.yaml" in said[0]
    assert len(said[0]) < 500


def test_a_file_of_100_mb_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    with path.open("wb") as file:
        file.truncate(100 << 20)

    assert "larger than 256 KB" in fault_of(path)
    assert "larger than 256 KB" in fault_of(written(tmp_path / "above.yaml", "recipe: my.yaml\n"))


def test_what_only_looks_like_a_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")

    assert "pipe.yaml is not a regular file" in fault_of(tmp_path / "pipe.yaml")
    assert "folder.yaml is a directory" in fault_of(tmp_path / "folder.yaml")
    assert "zero.yaml is not a regular file" in fault_of(tmp_path / "zero.yaml")
    for name in ("pipe.yaml", "folder.yaml", "zero.yaml"):
        above = written(tmp_path / "above.yaml", f"recipe: ./{name}\n")
        assert "above.yaml, line 1, column 1: recipe: " in fault_of(above)
        rules = written(tmp_path / "rules_above.yaml", f"recipe: arena\nrules: {tmp_path / name}\n")
        assert "rules_above.yaml, line 2, column 1: rules: " in fault_of(rules)


@given(ANY_TEXT)
def test_no_text_breaks_a_file(folder: Path, text: str) -> None:
    path = folder / "any.yaml"
    for whole in (text, f"recipe: arena\n{text}", f"recipe: arena\ntrainer:\n  {text}: 1", f"recipe: {text}"):
        path.write_text(whole, "utf-8", newline="")
        with suppress(GridrlError):
            resolution = examine("train", str(path), [], {})
            assert (resolution.config is None) == bool(resolution.faults)
            for fault in resolution.faults:
                assert fault.message


@given(
    st.dictionaries(
        st.sampled_from([*TOOLS, *TOOLS["train"].model_fields, "recipe", "preset", "summary", "policy"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | ANY_TEXT | st.sampled_from(["arena", "tiny"]),
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
            max_leaves=4,
        ),
    ),
    st.sampled_from(sorted(TOOLS)),
)
def test_no_table_breaks_a_file(folder: Path, data: dict[str, Any], tool: str) -> None:
    path = folder / "any.yaml"
    path.write_text(json.dumps(data, ensure_ascii=True) if data else "{}", "utf-8")

    with suppress(GridrlError):
        resolution = examine(tool, str(path), [], {})
        assert (resolution.config is None) == bool(resolution.faults)


def test_a_file_keeps_where_everything_stands(tmp_path: Path) -> None:
    file = read_recipe_file(written(tmp_path / "my.yaml", "recipe: arena\ntrain:\n  run: x\nrun: y\n"))

    assert (file.base, file.summary, file.preset) == ("arena", "", "")
    assert str(file.origin_at(("train",), ("run",))) == "file my.yaml, line 3"
    assert str(file.origin_at((), ("run",))) == "file my.yaml, line 4"
    assert covering(resolve_tool("train", str(file.path), [], {}), "run").text == "x"
    assert read_yaml("a: 1", "x").data == {"a": 1}


def test_what_a_file_says_at_its_top_and_to_a_tool_is_laid_over_one_another(tmp_path: Path) -> None:
    text = "recipe: arena\nbatteries_per_heart: 5\ntrainer: {seed: 3, gamma: 0.5}\ntrain: {trainer: {gamma: 0.9}}\n"
    path = str(written(tmp_path / "my.yaml", text))

    trained = resolve_tool("train", path, [], {})

    assert covering(trained, "trainer.seed").text == "3"
    assert covering(trained, "trainer.gamma").text == "0.9"
    assert str(covering(trained, "trainer.gamma").origin) == "file my.yaml, line 4"
    assert str(covering(trained, "trainer.seed").origin) == "file my.yaml, line 3"
    for tool in TOOLS:
        config = resolve_tool(tool, path, [], {}).config
        assert config is not None
        assert config.rules.kinds["altar"].inputs == {"battery": 5}

"""A person's own recipes: found, run, and refused by file and line without the others being lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.errors import ConfigError, GridrlError, UsageError
from engine.recipes import (
    TOOLS,
    Resolution,
    SweepConfig,
    broken_recipes,
    examine,
    find_recipe,
    recipes,
    resolve,
    resolve_tool,
)

from .spoken import by_key, missing_from, words_of, written

HEAD = """
    from __future__ import annotations

    from dataclasses import dataclass
    from enum import Enum
    from typing import Annotated, Any, Literal, Optional

    from pydantic import BaseModel, Field

    from engine.recipes.config import (
        EvaluateConfig, Parameter, PlayConfig, RecipeConfig, ReplayConfig, Simulation, SweepConfig, WorldConfig,
    )
    from engine.recipes.prod import arena, navigation
    from engine.training.config import TrainerConfig

"""
FIRST = HEAD.count("\n")
"""The line that a test's own text begins on: HEAD begins with an empty one, which is cut."""

WORLD = """
    def world() -> WorldConfig:
        return arena.world()
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The person's directory."""
    path = tmp_path / "recipes"
    path.mkdir()
    monkeypatch.setenv("GRIDRL_RECIPES", str(path))
    return path


def recipe(own: Path, text: str, name: str = "mine.py") -> Path:
    return written(own / name, HEAD + text.lstrip("\n"))


def refusal_of(name: str, tool: str = "train", settings: list[str] | None = None) -> GridrlError:
    with pytest.raises(GridrlError) as refused:
        resolve_tool(tool, name, settings or [], {})
    return refused.value


# ---- Anatomy


ANATOMY = """
    def world(agents: int = 4) -> WorldConfig:
        made = arena.world()
        return made.model_copy(update={"rules": made.rules.model_copy(update={"agents": agents})})


    def simulations() -> tuple[Simulation, ...]:
        return (Simulation(name="other", rules=navigation.train().rules, map="navigation_rooms"),)


    def train(agents: int = 4, rate: float = 0.5) -> RecipeConfig:
        return RecipeConfig(**dict(world(agents)), trainer=TrainerConfig(learning_rate=rate))


    def play() -> PlayConfig:
        return PlayConfig(**dict(world()), policy="noop")
"""


def test_a_module_has_a_function_for_each_tool_and_world_for_the_others(own: Path) -> None:
    recipe(own, ANATOMY)

    made = {tool: resolve_tool(tool, "mine", [], {}) for tool in TOOLS}

    assert len({each.config.rules.model_dump_json() for each in made.values() if each.config}) == 1
    assert by_key(made["replay"])["rules.agents"].text == "4"
    assert {tool: [each.key for each in resolution.parameters] for tool, resolution in made.items()} == {
        "train": ["agents", "rate"],
        "play": [],
        "evaluate": ["agents"],
        "replay": ["agents"],
        "render": ["agents"],
        "sweep": ["agents", "rate"],
        "autotune": ["agents", "rate"],
    }
    assert by_key(made["train"])["trainer.learning_rate"].text == "0.5"
    assert by_key(made["play"])["policy"].text == "noop"
    assert by_key(made["replay"])["policy"].text == "goal-seeker"
    assert by_key(made["evaluate"])["simulations.other"].text.startswith('{"name":"other"')
    assert str(by_key(made["evaluate"])["simulations.other"].origin) == "recipe mine"


def test_what_sweep_trains_is_what_train_trains(own: Path) -> None:
    recipe(own, ANATOMY)

    config = resolve_tool("sweep", "mine", ["rate=0.25"], {}).config

    assert isinstance(config, SweepConfig)
    assert config.trainer == resolve("mine", ["rate=0.25"]).trainer


def test_a_world_is_enough(own: Path) -> None:
    recipe(own, WORLD)

    for tool in TOOLS:
        config = resolve_tool(tool, "mine", [], {}).config
        assert type(config) is TOOLS[tool]


def test_train_is_enough(own: Path) -> None:
    recipe(own, "def train() -> RecipeConfig:\n        return arena.train()\n".replace("def", "    def", 1))

    for tool in TOOLS:
        config = resolve_tool(tool, "mine", [], {}).config
        assert config is not None
        assert config.rules == resolve("arena").rules


def test_the_first_line_of_a_module_is_its_summary(own: Path) -> None:
    written(
        own / "mine.py", '"""Find the exit.\n\nAnd so on."""\n' + HEAD.replace("    ", "") + "world = arena.world\n"
    )

    assert find_recipe("mine").summary == "Find the exit."
    assert find_recipe("mine").group == "user"
    assert find_recipe("mine").where == str(own / "mine.py")


def test_a_recipe_may_be_written_in_python_as_people_write_it(own: Path) -> None:
    recipe(
        own,
        """
    @dataclass(frozen=True)
    class Size:
        agents: int = 3


    class Kind(Enum):
        FAST = "fast"
        SLOW = "slow"


    def world(kind: Kind = Kind.FAST) -> WorldConfig:
        assert isinstance(kind, Kind)
        return arena.world().model_copy(update={"scatters": Size().agents if kind is Kind.FAST else 9})
    """,
    )

    assert by_key(resolve_tool("play", "mine", [], {}))["scatters"].text == "3"
    assert by_key(resolve_tool("play", "mine", ["kind=slow"], {}))["scatters"].text == "9"
    assert by_key(resolve_tool("play", "mine", [], {}))["kind"].allowed == "one of fast, slow"


# ---- Parameters


TYPES = """
    Size = Annotated[int, Field(ge=1, le=9, description="how large")]


    class Box(BaseModel):
        width: int = 3
        name: str = "box"


    def world(
        size: Size = 2,
        rate: float = 0.5,
        flag: bool = True,
        word: str = "word",
        kind: Literal["a", "b"] = "a",
        maybe: int | None = None,
        perhaps: Optional[str] = None,
        many: tuple[int, ...] = (1, 2),
        named: dict[str, int] = {"one": 1},
        box: Box = Box(),
        bare="bare",
        number=7,
        *others: int,
        **more: int,
    ) -> WorldConfig:
        everything = [size, rate, flag, word, kind, maybe, perhaps, many, named, box, bare, number]
        return arena.world().model_copy(update={"map": repr(everything)})
"""
DEFAULTS = [2, 0.5, True, "word", "a", None, None, (1, 2), {"one": 1}]


def made_of(resolution: Resolution) -> str:
    assert resolution.faults == ()
    assert resolution.config is not None
    return resolution.config.map


def test_every_parameter_is_a_setting_with_its_type_and_default(own: Path) -> None:
    recipe(own, TYPES)

    resolution = resolve_tool("play", "mine", [], {})

    assert made_of(resolution).startswith(repr(DEFAULTS)[:-1])
    assert made_of(resolution).endswith("Box(width=3, name='box'), 'bare', 7]")
    assert {each.key: (each.text, each.allowed) for each in resolution.parameters} == {
        "size": ("2", "a whole number, 1 or more, at most 9"),
        "rate": ("0.5", "a number"),
        "flag": ("true", "true or false"),
        "word": ("word", "text"),
        "kind": ("a", "one of a, b"),
        "maybe": ("none", "a whole number, or none"),
        "perhaps": ("none", "text, or none"),
        "many": ("[1,2]", "a JSON list; each is a whole number"),
        "named": ('{"one":1}', "a JSON object of entries by name; each is a whole number"),
        "box.width": ("3", "a whole number"),
        "box.name": ("box", "text"),
        "bare": ("bare", "text"),
        "number": ("7", "a whole number"),
    }
    assert resolution.parameters[0].help == "how large"
    assert {str(each.origin) for each in resolution.parameters} == {"default"}


@pytest.mark.parametrize(
    ("settings", "inside"),
    [
        (["size=9"], "[9, "),
        (["flag=false"], ", False, "),
        (["word=1e3"], "'1e3'"),
        (["word=true"], "'true'"),
        (["kind=b"], "'b'"),
        (["maybe=4"], ", 4, None"),
        (["maybe=4", "maybe=none"], ", None, None"),
        (["many=[]"], ", (), "),
        (["named.two=2"], "{'one': 1, 'two': 2}"),
        (["named={}"], "{}"),
        (["box.width=5"], "Box(width=5, name='box')"),
        (['box={"name":"chest"}'], "Box(width=3, name='chest')"),
        (["number=8"], ", 8]"),
        (["bare=8"], ", '8', 7]"),
    ],
)
def test_a_parameter_is_given_as_it_is_typed(own: Path, settings: list[str], inside: str) -> None:
    recipe(own, TYPES)

    resolution = resolve_tool("play", "mine", settings, {})

    assert inside in made_of(resolution)
    assert {each.meaning for each in resolution.arguments} == {"parameter of world()"}


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("size=10", ["size cannot be 10", "at most 9"]),
        ("size=x", ["size cannot be 'x'", "a whole number"]),
        ("flag=1", ["flag cannot be 1", "true or false"]),
        ("kind=c", ["kind cannot be 'c'", "one of a, b"]),
        ("many=[x", ["many: not JSON"]),
        ("many.0.x=1", ["many.0.x: many.0 is one value"]),
        ("named.one=x", ["named.one cannot be 'x'"]),
        ("box.wdth=1", ["box.wdth: there is no 'wdth' in box", "did you mean width?"]),
        ("siz=3", ["siz: there is no 'siz'"]),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(own: Path, setting: str, words: list[str]) -> None:
    recipe(own, TYPES)

    (fault,) = examine("play", "mine", [setting], {}).faults

    assert missing_from(words_of(fault), words) == [], words_of(fault)


def test_what_begins_with_a_line_is_the_functions_own(own: Path) -> None:
    recipe(own, "    def world(_secret: int = 3) -> WorldConfig:\n        return arena.world()\n")

    resolution = examine("play", "mine", ["_secret=4"], {})

    assert resolution.parameters == ()
    assert [fault.message for fault in resolution.faults] == ["_secret: there is no '_secret'"]


def test_parameters_obey_the_layers(own: Path) -> None:
    recipe(own, TYPES)
    path = written(own / "above.yaml", "recipe: mine\nsize: 3\nbox: {width: 4}\nplay: {rate: 0.25}\n")
    environ = {"GRIDRL__FLAG": "false", "GRIDRL__RATE": "0.125"}

    resolution = resolve_tool("play", str(path), ["size=5"], environ)

    assert {each.key: str(each.origin) for each in resolution.parameters if each.changed} == {
        "size": "command line size=5",
        "box.width": "file above.yaml, line 3",
        "rate": "environment GRIDRL__RATE",
        "flag": "environment GRIDRL__FLAG",
    }
    assert made_of(resolution).startswith("[5, 0.125, False, ")
    assert made_of(resolve_tool("play", str(path), [], {})).startswith("[3, 0.25, True, ")


def test_a_wrong_parameter_in_a_file_is_refused_at_its_line(own: Path) -> None:
    recipe(own, TYPES)
    path = written(own / "above.yaml", "recipe: mine\nbox:\n  wdth: 4\nsize: ten\n")

    faults = examine("play", str(path), [], {}).faults

    assert [fault.message for fault in faults] == [
        "above.yaml, line 3, column 3: box.wdth: there is no 'wdth' in box",
        "above.yaml, line 4, column 1: size cannot be 'ten'",
    ]


def test_a_parameter_comes_before_what_is_foreign(own: Path) -> None:
    """`env` or `device` may be somebody's own word."""
    recipe(
        own,
        "    def world(device: str = 'x', env: str = 'y', policy_uri: str = 'z') -> WorldConfig:\n"
        "        return arena.world().model_copy(update={'map': device + env + policy_uri})\n",
    )

    resolution = resolve_tool("play", "mine", ["device=cpu", "env=there", "policy_uri=noop"], {})

    assert made_of(resolution) == "cputherenoop"


# ---- What a recipe may do wrong

WRONG = {
    # what it says: where (0: no line), and the words
    "raises": ("    raise RuntimeError('no disk')\n", 0, ["RuntimeError: no disk"]),
    "raises below": ("    x = 0\n\n    x = 1 / x\n", 2, ["ZeroDivisionError: division by zero"]),
    "raises within": ("    def f():\n        [][3]\n    f()\n", 1, ["IndexError: list index out of range"]),
    "is no Python": ("    def world(:\n        pass\n", 0, ["not Python: invalid syntax"]),
    "is set in": ("    x = 1\n      y = 2\n", 1, ["not Python: unexpected indent"]),
    "exits": ("    import sys\n    sys.exit('bye')\n", 1, ["SystemExit: bye"]),
    "exits silently": ("    import sys\n    sys.exit(0)\n", 1, ["SystemExit: 0"]),
    "imports nothing": ("    import nothing_of_that_name\n", 0, ["ModuleNotFoundError: No module named"]),
    "is endless": ("    def f():\n        f()\n    f()\n", 1, ["RecursionError"]),
    "has no functions": ("    x = 1\n", -1, ["there is neither world() nor train() in it", "see docs/recipes.md"]),
    "has something else": ("    world = 3\n    train = WorldConfig\n", -1, ["there is neither world() nor train()"]),
    "is refused": ("    TrainerConfig(epochs=0)\n", 0, ["epochs: Input should be greater than or equal to 1"]),
    "does not fit": ("    arena.world().model_validate({})\n", 0, ["rules: Field required"]),
    "is refused in words": (
        "    RecipeConfig(**dict(arena.world()), run='../x')\n",
        0,
        ["run: '../x' cannot be a run's name"],
    ),
    "raises what is ours": (
        "    from engine.maps import load_map\n    load_map('nowhere')\n",
        -1,
        ["there is no map nowhere"],
    ),
    "obeys": ("    raise RuntimeError('\\x1b[2J\\u202e')\n", 0, ["RuntimeError: "]),
}


@pytest.mark.parametrize(("text", "line", "words"), WRONG.values(), ids=WRONG)
def test_a_recipe_that_cannot_be_loaded_is_told_with_its_line_and_the_others_are_there(
    own: Path, text: str, line: int, words: list[str]
) -> None:
    path = recipe(own, text, "broken.py")
    recipe(own, WORLD, "whole.py")
    written(own / "yaml_too.yaml", "recipe: whole\n")

    error = refusal_of("broken")

    assert missing_from(words_of(error), words) == [], words_of(error)
    if line >= 0:
        assert f"{path}, line {FIRST + line}: " in error.message
        assert isinstance(error, ConfigError)
        assert error.line == FIRST + line
    assert error.exit_code in (1, 2)
    assert {"whole", "yaml_too", "arena"} <= set(recipes())
    (broken,) = broken_recipes()
    assert (broken.name, broken.group, words_of(broken.error)) == ("broken", "user", words_of(error))
    assert resolve("whole").rules == resolve("arena").rules


def test_a_path_that_is_relative_is_told_with_its_line_too(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe(own, "\n    raise RuntimeError('x')\n")
    monkeypatch.chdir(own)

    assert f"mine.py, line {FIRST}: RuntimeError: x" in refusal_of("./mine.py").message
    assert f"mine.py, line {FIRST}: RuntimeError: x" in refusal_of("mine.py").message


FUNCTIONS = {
    "nothing": ("    def world() -> WorldConfig:\n        pass\n", -1, ["world() gives NoneType, not WorldConfig"]),
    "something else": (
        "    def train() -> RecipeConfig:\n        return 3\n",
        -1,
        ["train() gives int, not RecipeConfig"],
    ),
    "another tools": (
        WORLD + "\n    def train() -> Any:\n        return PlayConfig(**dict(world()))\n",
        -1,
        ["train() gives PlayConfig, not RecipeConfig"],
    ),
    "raises": ("    def world() -> WorldConfig:\n        return {}['x']\n", 1, ["KeyError: 'x'"]),
    "exits": ("    def world() -> WorldConfig:\n        raise SystemExit(3)\n", 1, ["SystemExit: 3"]),
    "is refused": (
        "    def train() -> RecipeConfig:\n        return RecipeConfig(**dict(arena.world()), run='../x')\n",
        1,
        ["run: '../x' cannot be a run's name"],
    ),
    "a wrong world": ("    def world() -> WorldConfig:\n        return WorldConfig(rules=3, map='x')\n", 1, ["rules"]),
    "does not fit": (
        "    def train() -> RecipeConfig:\n        return RecipeConfig(**dict(arena.world()),\n"
        "            trainer=TrainerConfig(env_count=3))\n",
        1,
        ["trainer.minibatch_size 1024 does not divide"],
    ),
    "needs a parameter": (
        "    def world(size: int) -> WorldConfig:\n        return arena.world()\n",
        0,
        [": world(): size is missing", "a whole number", "say size=..., or give it a default in the recipe"],
    ),
    "an odd parameter": (
        "    def world(size: complex = 3j) -> WorldConfig:\n        return arena.world()\n",
        -1,
        ["a parameter of world() is of a type that cannot be typed in", "take bool, int, float, str"],
    ),
    "an object": (
        "    class A:\n        pass\n    def world(size: A = A()) -> WorldConfig:\n        return arena.world()\n",
        -1,
        ["a parameter of world() is of a type that cannot be typed in"],
    ),
    "a list": (
        "    def world(size: list[int] = []) -> WorldConfig:\n        return arena.world()\n",
        -1,
        ["a parameter of world() is of a type that cannot be typed in"],
    ),
    "a union": (
        "    def world(size: int | str = 3) -> WorldConfig:\n        return arena.world()\n",
        -1,
        ["a parameter of world() is of a type that cannot be typed in"],
    ),
    "any": (
        "    def world(size: Any = 3) -> WorldConfig:\n        return arena.world()\n",
        -1,
        ["a parameter of world() is of a type that cannot be typed in"],
    ),
    "a tuple of nothing": (
        "    def world(size: tuple[()] = ()) -> WorldConfig:\n        return arena.world()\n",
        -1,
        ["a parameter of world() is of a type that cannot be typed in"],
    ),
    "a wrong default": (
        "    def world(size: int = 'x') -> WorldConfig:\n        return arena.world()\n",
        -1,
        ["size cannot be 'x'", "a whole number"],
    ),
    "an odd default": (
        "    def world(size: int = object()) -> WorldConfig:\n        return arena.world()\n",
        -1,
        ["a parameter of world() is of a type that cannot be typed in"],
    ),
    "an unknown type": (
        "    def world(size: Nowhere = 3) -> WorldConfig:\n        return arena.world()\n",
        -1,
        ["NameError: name 'Nowhere' is not defined"],
    ),
    "unchecked": (
        "    def train() -> RecipeConfig:\n        return arena.train().model_copy(update={'scatters': 'x'})\n",
        -1,
        ["scatters cannot be 'x'"],
    ),
    "unheard of": (
        "    def train() -> RecipeConfig:\n        return arena.train().model_copy(update={'rules': object()})\n",
        -1,
        ["mine.py", "Unable to serialize"],
    ),
    "by position": ("    def world(size: int = 3, /) -> WorldConfig:\n        return arena.world()\n", -1, ["world()"]),
}


@pytest.mark.parametrize(("text", "line", "words"), FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_function_that_does_wrong_is_told(own: Path, text: str, line: int, words: list[str]) -> None:
    path = recipe(own, text)

    error = refusal_of("mine")

    assert missing_from(words_of(error), words) == [], words_of(error)
    assert "pydantic" not in words_of(error)
    if line >= 0:
        assert f"{path}, line {FIRST + line}: " in error.message


@pytest.mark.filterwarnings("error")
def test_what_a_recipe_makes_unchecked_is_checked_without_a_warning(own: Path) -> None:
    recipe(own, "    def train() -> RecipeConfig:\n        return arena.train().model_copy(update={'map': 3})\n")

    assert refusal_of("mine").message == "map cannot be 3"


@pytest.mark.parametrize("gives", ["3", "(3,)", "None", "({},)", "[arena.world()]"])
def test_simulations_that_are_none_are_told(own: Path, gives: str) -> None:
    path = recipe(own, WORLD + f"\n    def simulations() -> Any:\n        return {gives}\n")

    error = refusal_of("mine", "evaluate")

    assert str(path) in error.message
    assert "simulations" in words_of(error) or "iterable" in words_of(error)
    assert resolve("mine")


def test_an_interrupt_is_not_swallowed(own: Path) -> None:
    recipe(own, "    raise KeyboardInterrupt\n")

    with pytest.raises(KeyboardInterrupt):
        find_recipe("mine")


# ---- Names


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("arena.py", ["arena is ", "prod/arena.py already", "rename the file"]),
        ("arena.yaml", ["arena is ", "prod/arena.py already"]),
        ("My-Recipe.py", ["its name cannot be a recipe's name", "small letters, digits and _, a letter first"]),
        ("1st.yaml", ["its name cannot be a recipe's name"]),
        ("a b.yaml", ["its name cannot be a recipe's name"]),
        ("a.b.py", ["its name cannot be a recipe's name"]),
        ("\x1b[2J.py", ["its name cannot be a recipe's name"]),
        ("ü.py", ["its name cannot be a recipe's name"]),
        ("a" * 65 + ".py", ["its name cannot be a recipe's name"]),
        ("con\n.py", ["its name cannot be a recipe's name"]),
    ],
)
def test_a_name_that_cannot_be_is_told_and_never_runs(own: Path, name: str, words: list[str]) -> None:
    written(own / name, "raise SystemExit" if name.endswith(".py") else "recipe: navigation\n")

    (broken,) = broken_recipes()

    assert missing_from(words_of(broken.error), words) == [], words_of(broken.error)
    assert str(own / name) in broken.error.message
    assert recipes()["arena"].group == "prod"


def test_of_two_files_of_one_name_the_first_counts(own: Path) -> None:
    recipe(own, WORLD, "twice.py")
    written(own / "twice.yaml", "recipe: navigation\n")
    written(own / "twice.yml", "recipe: navigation\n")

    assert find_recipe("twice").where == str(own / "twice.py")
    assert [broken.error.message for broken in broken_recipes()] == [
        f"{own / name}: twice is {own / 'twice.py'} already" for name in ("twice.yaml", "twice.yml")
    ]


def test_what_is_no_recipe_is_left_alone(own: Path) -> None:
    written(own / "_shared.py", "raise SystemExit")
    written(own / "__init__.py", "raise SystemExit")
    written(own / "notes.txt", "nothing")
    written(own / "folder" / "inner.py", "raise SystemExit")

    assert broken_recipes() == []
    assert "user" not in {each.group for each in recipes().values()}


def test_what_only_looks_like_a_file_is_told(own: Path) -> None:
    (own / "folder.py").mkdir()
    (own / "folder_too.yaml").mkdir()
    os.mkfifo(own / "pipe.yaml")
    os.mkfifo(own / "pipe_too.py")
    (own / "gone.yaml").symlink_to(own / "nowhere.yaml")
    (own / "round.py").symlink_to(own / "round.py")

    assert [broken.name for broken in broken_recipes()] == [
        "folder",
        "folder_too",
        "gone",
        "pipe",
        "pipe_too",
        "round",
    ]
    assert "arena" in recipes()


def test_a_stock_recipe_needs_none_of_ones_own(own: Path) -> None:
    mark = own / "mark"
    written(own / "aaa.py", f"open({str(mark)!r}, 'w')\nraise SystemExit\n")

    resolve("arena")

    assert not mark.exists()


def test_recipes_are_read_anew_and_leave_nothing(own: Path) -> None:
    path = recipe(own, "    def world(n: int = 1) -> WorldConfig:\n        return arena.world()\n")
    assert resolve_tool("play", "mine", [], {}).parameters[0].text == "1"
    path.write_text(path.read_text().replace("= 1", "= 2"))

    assert resolve_tool("play", "mine", [], {}).parameters[0].text == "2"
    assert list(own.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("./nowhere.py", "there is no recipe nowhere.py"),
        ("./nowhere.yaml", "there is no recipe file nowhere.yaml"),
        ("nowhere.yml", "there is no recipe file nowhere.yml"),
        ("/", "is a directory"),
        ("/dev/zero", "not a regular file"),
        ("a\0.yaml", "not a file name"),
        ("a\0.py", "not a file name"),
        ("\udcff.yaml", "there is no recipe file"),
        ("\ud800.yaml", "not a file name"),
        ("x/" + "a" * 5000 + ".yaml", "file name too long"),
        ("x/" + "a" * 5000 + ".py", "there is no recipe"),
        ("~nobody-of-that-name/x.yaml", "no home directory"),
        ("~nobody-of-that-name/x.py", "no home directory"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(name: str, words: str) -> None:
    assert words in refusal_of(name).message


def test_a_directory_that_is_not_there_holds_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for place in (tmp_path / "nowhere", written(tmp_path / "file", "x")):
        monkeypatch.setenv("GRIDRL_RECIPES", str(place))
        assert broken_recipes() == []
        assert "arena" in recipes()
        with pytest.raises(UsageError, match="no recipe is called 'mine'"):
            find_recipe("mine")


def test_the_nearest_of_ones_own_is_named(own: Path) -> None:
    recipe(own, WORLD, "labyrinth.py")

    assert refusal_of("labirynth").hint == "did you mean labyrinth?"

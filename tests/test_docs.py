"""What README.md and docs/ say, held against the program: tables are compared, examples are run on real short runs."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import shlex
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from textual.binding import Binding
from tools.console import here

import tui
from engine.errors import ConfigError, MapError, UsageError
from engine.maps import lint, parse_ascii, stock_names
from engine.maps.characters import ALIASES, CHARACTERS
from engine.recipes import prepare_run, recipes, resolve
from engine.recipes.rules_file import rules_from_yaml, rules_to_yaml
from engine.runs import RunDirectory, RunState
from engine.sim import DIRECTIONS, ActionResult, Rules, Spec, games, spec_of
from engine.stats import QuerySession
from engine.stats.session import MAX_ROWS
from tui.app import GridrlApp
from tui.cli import attach_parser
from tui.session import Session

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]

SHORT_RUN = (
    "trainer.total_steps=4096",
    "trainer.env_count=32",
    "trainer.horizon=16",
    "trainer.minibatch_size=256",
    "rules.max_steps=8",
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a real short run of each game, named after its recipe."""
    root: Path = tmp_path_factory.mktemp("runs")
    for recipe in ("navigation", "arena_easy"):
        run = prepare_run(recipe, resolve(recipe, [*SHORT_RUN, f"run={recipe}"]), root).start()
        assert run.join(300)
        assert run.state().status is RunState.FINISHED, run.state().message
    return root


def text_of(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def table(text: str, head: str) -> list[list[str]]:
    """The rows of the table whose header line begins with `head`, cells stripped."""
    after = text.split(f"\n| {head}", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in after]


def code(cell: str) -> list[str]:
    """What a text spells in code: `a`, `b`."""
    return re.findall(r"`([^`]+)`", cell)


# ---- Pages


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))

    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]

    assert not missing


def test_the_index_lists_every_page_and_picture() -> None:
    index = text_of("README.md")

    for path in (*DOCS.glob("*.md"), *DOCS.glob("*.svg")):
        assert path.name == "README.md" or f"({path.name})" in index


def test_pictures_fetch_nothing() -> None:
    for picture in DOCS.glob("*.svg"):
        assert not re.findall(r"""(?:url\(|href=)["']?(?!#)[^)"']+""", picture.read_text(encoding="utf-8")), picture


def commands() -> Iterable[str]:
    """Every `gridrl ...` and `gridrl-tui ...` of the pages' shell blocks, each once."""
    found = [
        line
        for page in PAGES
        for block in (*blocks(page.read_text(encoding="utf-8"), "sh"), *blocks(page.read_text(encoding="utf-8"), ""))
        for line in block.splitlines()
        if re.match(r"gridrl(-tui)? (?!TOOL)", line)
    ]
    return dict.fromkeys(re.split(r"\s{2,}", line)[0] for line in found)


@pytest.mark.parametrize("command", commands())
def test_commands_are_what_the_program_takes(command: str, runs: Path, tmp_path: Path) -> None:
    program, *arguments = shlex.split(command)
    arguments = [re.sub(r"(?<!run=)\b(RUN|first|night)\b", "navigation", word) for word in arguments]
    (tmp_path / "my.map").write_text("####\n#.*#\n####\n", encoding="ascii")
    (tmp_path / "my.yaml").write_text(blocks(text_of("rules.md"), "yaml")[0], encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(blocks(text_of("recipes.md"), "yaml")[0], encoding="utf-8")
    if program == "gridrl-tui" and arguments[0] == "attach":
        assert attach_parser().parse_args(arguments[1:]).run.endswith("navigation")
        return
    if program == "gridrl-tui":
        resolve_in(tmp_path, arguments)
        return
    if arguments[0] in ("pause", "stop", "checkpoint"):
        done = here(runs, *arguments, cwd=tmp_path)
        assert done.stderr.startswith("gridrl: run navigation is over (finished at")
        return
    if arguments[0] in ("train", "sweep") and "--dry-run" not in arguments:
        arguments.append("--dry-run")
    if arguments[0] == "autotune":
        arguments += ["seconds=1", f"output={tmp_path / 'fast.yaml'}"]
    if arguments[0] == "play" and not any("episodes" in word for word in arguments):
        arguments.append("episodes=1")
    if arguments[0] == "resume":  # goes on, so on a copy, and not for long
        runs = Path(shutil.copytree(runs, tmp_path / "runs"))
        arguments = [*arguments[:2], "trainer.total_steps=8192"]

    done = here(runs, *arguments, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def resolve_in(folder: Path, arguments: list[str]) -> None:
    """What gridrl-tui does with its arguments before it opens the screen."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        resolve(arguments[0], arguments[1:])


# ---- Keys


def test_the_keys_page_is_made_from_the_bindings() -> None:
    make_keys = script("make_keys")

    assert make_keys.page() == text_of("keys.md"), "run python docs/make_keys.py"


def test_the_keys_page_knows_every_class_that_binds_keys() -> None:
    listed = {owner for _, _, owners in script("make_keys").SECTIONS for owner in owners}

    assert set(binding_classes()) == listed


def test_the_keys_that_work_everywhere_are_bound() -> None:
    listed = code("\n".join(row[0] for row in table(text_of("keys.md").split("## Live")[0], "keys")))
    app = GridrlApp(no_session)

    bound = {script("make_keys").printed(key) for key in app._bindings.key_to_bindings}

    assert set(listed) <= bound


def no_session(fps: float) -> Session:
    raise UsageError("a test that needs no game")


def script(name: str):  # type: ignore[no-untyped-def]  # a module
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(DOCS)
        return importlib.import_module(name)


def binding_classes() -> Iterable[type]:
    for module in pkgutil.walk_packages(tui.__path__, "tui."):
        for value in vars(importlib.import_module(module.name)).values():
            is_own = inspect.isclass(value) and value.__module__ == module.name
            if is_own and any(isinstance(binding, Binding) for binding in vars(value).get("BINDINGS", ())):
                yield value


# ---- Maps


def test_the_map_characters_are_those_of_the_format() -> None:
    rows = table(text_of("maps.md"), "character")
    written = {code(row[0])[0]: row[1] for row in rows}
    read = {(code(row[2]) or [" "])[0]: row[1] for row in rows if row[2]}

    assert written == {character: name for name, character in CHARACTERS.items()}
    assert read == dict(ALIASES)


def test_the_example_map_has_no_problems_in_the_arena() -> None:
    drawn = parse_ascii(blocks(text_of("maps.md"), "map")[0], "example")

    assert lint(drawn, games.arena()) == []


def test_the_stock_maps_are_named() -> None:
    for name in stock_names():
        assert f"`{name}`" in text_of("maps.md")


BROKEN_MAPS = {
    "unknown character": "#####\n#.x.#\n#####\n",
    "columns, but": "#####\n#...#\n####\n",
    "a tab": "#\t#\n",
    "more than": "#\n" * 1025,
    "is empty": "",
}


@pytest.mark.parametrize("what", BROKEN_MAPS)
def test_a_broken_map_is_answered_as_the_page_says(what: str) -> None:
    answers = [code(row[1])[0] for row in table(text_of("maps.md"), "in the file")]

    with pytest.raises(MapError) as caught:
        parse_ascii(BROKEN_MAPS[what], "my.map")

    assert caught.value.message in answers


# ---- Games


@pytest.mark.parametrize("name", ["navigation", "arena"])  # the others have pages of their own: test_games_docs
def test_a_game_is_as_its_section_says(name: str) -> None:
    rules = games.GAMES[name]()
    section = re.search(rf"^## {name}$(.*?)^## ", text_of("games.md"), re.DOTALL | re.MULTILINE | re.IGNORECASE)
    assert section is not None
    words = " ".join(section[1].split())

    assert code(words.split("- Actions:")[1].split(". ")[0]) == list(rules.action_names)
    assert code(words.split("The agent sees")[1].split(". ")[0])[: len(rules.planes)] == list(rules.planes)
    assert f"truncated after {rules.max_steps} steps" in words
    assert f"Agents: {rules.agents}" in words
    assert {recipe.name for recipe in recipes().values() if resolve(recipe.name).rules.name == name} <= set(code(words))


def test_the_arena_tables_are_its_rules() -> None:
    rules = games.arena()
    kinds = {code(row[0])[0]: row[1:] for row in table(text_of("games.md"), "kind | takes")}
    rewards = {code(row[0])[0]: row[1:] for row in table(text_of("games.md"), "reward")}

    assert kinds == {
        name: [amounts(kind.inputs), amounts(kind.outputs), str(kind.cooldown or "")]
        for name, kind in rules.kinds.items()
    }
    assert rewards == {
        term.name: [f"{term.weight} for each {term.name} gained", str(term.cap or "")] for term in rules.rewards
    }


def amounts(units: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in units.items())


def test_observations_are_laid_out_as_the_page_says() -> None:
    words = " ".join(text_of("games.md").split())
    navigation, arena = spec_of(games.navigation()), spec_of(games.arena())
    features = {code(row[0])[0]: row[1] for row in table(text_of("games.md"), "feature")}

    assert f"A row has {navigation.observation_size} bytes in navigation ({parts_of(navigation)})" in words
    assert f"and {arena.observation_size} in arena ({parts_of(arena)})" in words
    assert (*list(features)[:-1], "inv:heart") == navigation.self_features
    assert all(f"{number} {name}" in features["facing"] for number, name in enumerate(DIRECTIONS))
    assert features["last_result"].count(",") == len(ActionResult) - 1


def parts_of(spec: Spec) -> str:
    return f"{len(spec.planes)} x {spec.window_width * spec.window_height} + {len(spec.self_features)}"


# ---- Rules files


def test_the_variant_of_the_page_is_the_arena_but_for_its_five_lines() -> None:
    text = blocks(text_of("rules.md"), "yaml")[0]
    lines = text.splitlines()
    marked = [line for line in lines if re.search(r" # \d$", line)]

    assert [line[-1] for line in marked] == ["1", "2", "3", "4", "5"]
    before = rules_to_yaml(games.arena()).splitlines()
    assert [line for line in lines if line not in marked] == [line for line in before if line in lines]
    assert len(before) - len([line for line in before if line in lines]) == 3  # the other two are new
    assert "factory" in rules_from_yaml(text, "rules.md").kinds


def test_the_keys_of_rules_files_are_those_of_the_page() -> None:
    listed = [key for row in table(text_of("rules.md"), "key") for key in code(row[0])]

    assert sorted(listed) == sorted(Rules.model_fields)


@pytest.mark.parametrize("row", table(text_of("rules.md"), "in the file"), ids=lambda row: row[0])
def test_a_wrong_rules_file_is_answered_as_the_page_says(row: list[str]) -> None:
    (line,), (answer,) = code(row[0]), code(row[1])
    whole = rules_to_yaml(games.arena()).splitlines(keepends=True)
    others = [other for other in whole if other.partition(":")[0] != line.partition(":")[0]]

    with pytest.raises(ConfigError) as caught:
        rules_from_yaml("".join(others) + line + "\n", "my.yaml")

    assert caught.value.message.endswith(f": {answer}") or f": {answer} " in caught.value.message


# ---- Runs, metrics, SQL


def test_a_run_has_the_files_of_the_page(runs: Path) -> None:
    files = {code(row[0])[0].rstrip("/") for row in table(text_of("runs.md"), "file")}

    assert {path.name for path in (runs / "navigation").iterdir()} == files


def test_the_statuses_are_those_of_the_program() -> None:
    for status in RunState:
        assert f"`{status}`" in text_of("runs.md")


def test_the_metrics_page_lists_what_runs_log(runs: Path) -> None:
    listed = {code(row[0])[0] for row in table(text_of("metrics.md"), "metric")}
    logged = {name for run in runs.iterdir() for event in RunDirectory(run).read_metrics() for name in event.values}
    terms = {name for name in logged if name.startswith("rollout/term/")}

    assert terms
    assert logged - terms == listed - {"rollout/term/NAME"}


def test_the_tables_of_sql_are_those_of_the_page(runs: Path) -> None:
    text = text_of("sql.md")
    described = {}
    for name, section in re.findall(r"^\*\*(\w+)\*\*(.*?)(?=^\*\*|^## )", text, re.DOTALL | re.MULTILINE):
        described[name] = tuple((code(row[0])[0], row[1]) for row in table(section, "column"))

    with QuerySession(runs) as session:
        assert {table.name: table.columns for table in session.tables()} == described


@pytest.mark.parametrize("sql", blocks(text_of("sql.md"), "sql"), ids=lambda sql: sql.splitlines()[0].strip("- "))
def test_a_query_of_the_page_answers(sql: str, runs: Path) -> None:
    with QuerySession(runs) as session:
        session.refresh()
        result = session.run(sql)

    assert result.rows or "fail" in sql
    assert f"{MAX_ROWS:,} rows" in text_of("sql.md")


# ---- The engine


def test_the_examples_of_the_engine_run_in_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, object] = {}

    for block in blocks(text_of("engine.md"), "python"):
        exec(block, namespace)

    assert "agent-episodes, mean return" in capsys.readouterr().out

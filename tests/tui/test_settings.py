"""The settings of the app: whatever is in the file, the program starts; what is saved comes back."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.keys import _character_to_key

from engine.errors import ConfigError
from tui import settings, themes
from tui.app import GridrlApp
from tui.cli import run
from tui.keymap import bound_keys
from tui.settings import (
    DEFAULTS,
    EVERYWHERE,
    FIELDS,
    BoundKeys,
    Loaded,
    Settings,
    SettingsFile,
    edited,
    key_names,
    keymap_of,
    load,
    opened,
    save,
    settings_path,
)

FULL = """\
version = 1
theme = "gridrl-light"  # for the beamer

[keys]
live.train = "ctrl+t"
"live.watch" = "W,f6"

[glyphs]
mine = "M"

[rates]
fps = 20
steps_per_second = 2.5

[layout]
side_by_side = "never"
live_share = 60
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "settings.toml"


def read(path: Path, text: str, environ: Mapping[str, str] | None = None) -> Loaded:
    path.write_text(text, "utf-8")
    return load(path, environ or {})


# ---- Reading


def test_without_a_file_everything_is_as_it_comes(path: Path) -> None:
    loaded = load(path, {})

    assert loaded == Loaded(path)
    assert loaded.settings == DEFAULTS
    assert not path.exists()


def test_every_setting_is_read_and_says_where_it_is_from(path: Path) -> None:
    loaded = read(path, FULL)

    assert loaded.faults == ()
    assert loaded.settings == Settings(
        theme="gridrl-light",
        fps=20.0,
        steps_per_second=2.5,
        side_by_side="never",
        live_share=60,
        keys={"live.train": "ctrl+t", "live.watch": "W,f6"},
        glyphs={"mine": "M"},
    )
    places = {key: str(origin) for key, origin in loaded.origins.items()}
    assert places == {
        "theme": "file, line 2",
        "keys.live.train": "file, line 5",
        "keys.live.watch": "file, line 6",
        "glyphs.mine": "file, line 9",
        "rates.fps": "file, line 12",
        "rates.steps_per_second": "file, line 13",
        "layout.side_by_side": "file, line 16",
        "layout.live_share": "file, line 17",
    }
    assert str(loaded.origin("rates.ssh_fps")) == "default"


def test_the_environment_wins_over_the_file(path: Path) -> None:
    environ = {
        "GRIDRL_TUI__THEME": "gridrl-contrast",
        "GRIDRL_TUI__RATES__SSH_FPS": "7.5",
        "GRIDRL_TUI__KEYS__LIVE__TRAIN": "f8",
        "GRIDRL_TUI__GLYPHS__MINE_RED": "%",
        "GRIDRL__TRAINER__SEED": "3",
    }

    loaded = read(path, FULL, environ)

    assert loaded.faults == ()
    assert loaded.settings.theme == "gridrl-contrast"
    assert loaded.settings.ssh_fps == 7.5
    assert loaded.settings.keys == {"live.train": "f8", "live.watch": "W,f6"}
    assert loaded.settings.glyphs == {"mine": "M", "mine_red": "%"}
    assert str(loaded.origin("theme")) == "GRIDRL_TUI__THEME"
    assert str(loaded.origin("rates.fps")) == "file, line 12"


WRONG = [
    ('theme = "gridrl-drak"', "theme", "near it: gridrl-dark"),
    ("theme = 3", "theme", "3 is not one of auto"),
    ("rates.fps = 0", "rates.fps", "0 is not a number from 1 to 120"),
    ("rates.fps = nan", "rates.fps", "not a number"),
    ("rates.fps = true", "rates.fps", "True is not a number"),
    ('rates.fps = "20"', "rates.fps", "'20' is not a number"),
    ("rates.fsp = 20", "rates.fsp", "there is no such setting; near it: rates.fps"),
    ("rates = 5", "rates", "there is no such setting"),
    ("layout.live_share = 50.5", "layout.live_share", "not a whole number from 20 to 80"),
    ('layout.side_by_side = "sometimes"', "layout.side_by_side", "not one of auto, never"),
    ('glyphs.mine = "MM"', "glyphs.mine", "one visible character"),
    ('glyphs.mine = "\N{HIRAGANA LETTER A}"', "glyphs.mine", "of one column"),
    ('glyphs.mine = "\N{COMBINING ACUTE ACCENT}"', "glyphs.mine", "of one column"),
    ('glyphs.mine = " "', "glyphs.mine", "visible"),
    ('glyphs.mine = "\\u001b"', "glyphs.mine", "visible"),
    ('keys."live.train" = "ctrll+t"', "keys.live.train", "'ctrll+t' is no key"),
    ('keys."live.train" = "pagedwn"', "keys.live.train", "near it: pagedown"),
    ('keys."live.train" = ""', "keys.live.train", "names no key"),
    ('keys."live.train" = "t,,p"', "keys.live.train", "'' is no key"),
    ("keys.live.train = 5", "keys.live.train", "5 names no key"),
    ("a.b.c.d.e.f.g.h = 1", "a.b.c.d.e", "there is no such setting"),
]


@pytest.mark.parametrize(("line", "key", "words"), WRONG, ids=[line for line, _, _ in WRONG])
def test_a_wrong_value_is_told_and_the_others_stand(path: Path, line: str, key: str, words: str) -> None:
    loaded = read(path, f'version = 1\n{line}\nglyphs.wall = "H"\n')

    assert [fault.key for fault in loaded.faults] == [key]
    assert words in loaded.faults[0].words
    assert loaded.faults[0].where in ("line 2", "")
    assert loaded.settings == Settings(glyphs={"wall": "H"})


def test_a_wrong_variable_is_told_by_its_name(path: Path) -> None:
    loaded = load(path, {"GRIDRL_TUI__RATES__FPS": "fast", "GRIDRL_TUI__COLOUR": "red"})

    assert [str(fault) for fault in loaded.faults] == [
        "GRIDRL_TUI__COLOUR: colour: there is no such setting",
        "GRIDRL_TUI__RATES__FPS: rates.fps: 'fast' is not a number from 1 to 120",
    ]
    assert loaded.settings == DEFAULTS


@given(st.text())
def test_any_text_is_settings_or_faults(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("any") / "settings.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))

    loaded = load(path, {"GRIDRL_TUI__THEME": text, f"GRIDRL_TUI__{text}": text})

    assert isinstance(loaded.settings, Settings)


plain_values = st.one_of(st.text(max_size=5), st.integers(), st.floats(), st.booleans(), st.lists(st.integers()))
names = st.sampled_from(["version", "theme", "keys", "glyphs", "rates", "layout", "fps", "mine", "live.train", "x y"])


@given(st.recursive(plain_values, lambda inner: st.dictionaries(names, inner, max_size=4), max_leaves=12))
def test_any_toml_is_settings_or_faults(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    import tomlkit

    path = tmp_path_factory.mktemp("any") / "settings.toml"
    path.write_text(tomlkit.dumps(value if isinstance(value, dict) else {"theme": value}), "utf-8")

    assert isinstance(load(path, {}).settings, Settings)


@pytest.mark.parametrize(
    "text",
    ["[" * 5000, "a = " + "[" * 5000, ".".join("a" * 20_000) + " = 1", "x = " + "9" * 5000],
    ids=["brackets", "arrays", "dots", "digits"],
)
def test_nothing_is_too_deep_or_too_large_to_refuse(path: Path, text: str) -> None:
    loaded = read(path, text)

    assert loaded.settings == DEFAULTS
    assert loaded.faults


# ---- Files that cannot be understood

BROKEN: dict[str, bytes] = {
    "no TOML": b'theme = "gridrl-dark',
    "not UTF-8": b'theme = "\xff"',
    "too large": b"#" * (settings.MAX_BYTES + 1),
    "no version": b'version = "one"',
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_kept_aside_and_over_nothing(path: Path, data: bytes) -> None:
    asides = [path.with_name(f"settings.toml.broken{end}") for end in ("", "-2", "-3")]
    for aside in asides[:2]:
        aside.write_text("mine")
    path.write_bytes(data)

    loaded = opened(path, {})

    assert not path.exists()
    assert asides[2].read_bytes() == data
    assert [aside.read_text() for aside in asides[:2]] == ["mine", "mine"]
    assert len(loaded.faults) == 1
    assert "kept as settings.toml.broken-3" in str(loaded.faults[0])
    assert "\n" not in str(loaded.faults[0])
    assert loaded.settings == DEFAULTS
    loaded.check_change("theme")  # a new file may be written


def test_reading_alone_moves_nothing(path: Path) -> None:
    loaded = read(path, "theme =")

    assert path.read_text() == "theme ="
    assert str(loaded.faults[0]) == "settings.toml is no TOML: Invalid value (at end of document)"
    assert loaded.refusal == str(loaded.faults[0])


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


@contextmanager
def plain_user_directory() -> Iterator[Path]:
    """A directory of a user whom permissions bind: of nobody, as whom the tests go on, where this is root."""
    nobody = 65534
    is_root = os.getuid() == 0
    with tempfile.TemporaryDirectory() as name:  # pytest's own directories let nobody else in
        if is_root:
            os.chown(name, nobody, nobody)
            os.setresuid(nobody, nobody, 0)
        try:
            yield Path(name)
        finally:
            if is_root:
                os.setresuid(0, 0, 0)
            os.chmod(name, 0o700)


@pytest.mark.parametrize("make", [Path.mkdir, make_fifo])
def test_what_is_no_file_of_ours_stays_where_it_is(path: Path, make: Callable[[Path], None]) -> None:
    make(path)

    check_left_alone(path)


def test_a_file_that_cannot_be_read_stays_where_it_is() -> None:
    with plain_user_directory() as directory:
        path = directory / "settings.toml"
        path.write_text(FULL)
        path.chmod(0)

        check_left_alone(path)


def check_left_alone(path: Path) -> None:
    loaded = opened(path, {})

    assert os.listdir(path.parent) == [path.name]
    assert len(loaded.faults) == 1
    assert loaded.settings == DEFAULTS
    with pytest.raises(ConfigError, match="theme cannot be saved: "):
        loaded.check_change("theme")


def test_a_newer_file_is_left_alone(path: Path) -> None:
    text = 'version = 2\ntheme = "gridrl-light"\n'
    path.write_text(text)

    loaded = opened(path, {})

    assert loaded.settings == DEFAULTS
    assert "version 2" in str(loaded.faults[0])
    with pytest.raises(ConfigError, match="version 2"):
        loaded.check_change("theme")
    with pytest.raises(ConfigError, match="version 2"):
        save(path, {"theme": "gridrl-dark"})
    assert path.read_text() == text
    assert os.listdir(path.parent) == [path.name]


# ---- Versions


def to_two(tables: MutableMapping[str, Any]) -> None:
    if "colours" in tables:
        tables["theme"] = tables.pop("colours")


def to_three(tables: MutableMapping[str, Any]) -> None:
    if isinstance(tables.get("theme"), str):
        tables["theme"] = f"gridrl-{tables['theme']}"


def test_an_old_file_goes_through_every_version_since(path: Path) -> None:
    path.write_text('version = 1\n# old\ncolours = "light"\n')

    assert load(path, {}, (to_two, to_three)).settings.theme == "gridrl-light"
    assert "colours" in path.read_text()

    save(path, {"rates.fps": 20}, (to_two, to_three))

    text = path.read_text()
    assert "version = 3" in text
    assert "# old" in text
    loaded = load(path, {}, (to_two, to_three))
    assert (loaded.settings.theme, loaded.settings.fps) == ("gridrl-light", 20.0)
    assert loaded.faults == ()


def test_a_file_of_the_second_version_is_not_migrated_twice(path: Path) -> None:
    path.write_text('version = 2\ntheme = "light"\n')

    assert load(path, {}, (to_two, to_three)).settings.theme == "gridrl-light"


# ---- Saving


def test_a_saved_setting_changes_nothing_else(path: Path) -> None:
    path.write_text(FULL + "# the end\n")

    save(path, {"theme": "gridrl-16", "keys.live.train": "f8", "rates.fps": None, "glyphs.goal": "$"})

    text = path.read_text()
    wanted = FULL.replace("gridrl-light", "gridrl-16").replace('"ctrl+t"', '"f8"').replace("fps = 20\n", "")
    assert text.replace('goal = "$"\n', "") == wanted + "# the end\n"
    assert load(path, {}).settings.glyphs == {"mine": "M", "goal": "$"}


def test_the_file_and_its_directory_are_made_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "settings.toml"

    save(path, {"theme": "gridrl-16"})

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == 'version = 1\ntheme = "gridrl-16"\n'
    assert os.listdir(path.parent) == [path.name]


def test_a_link_stays_one(tmp_path: Path) -> None:
    real, link = tmp_path / "dotfiles.toml", tmp_path / "settings.toml"
    real.write_text("version = 1\n")
    link.symlink_to(real)

    save(link, {"theme": "gridrl-16"})

    assert link.is_symlink()
    assert "gridrl-16" in real.read_text()


def test_a_directory_that_cannot_be_written_is_told_in_words(tmp_path: Path) -> None:
    save(tmp_path / "settings.toml", {"theme": "gridrl-16"})  # imports what nobody may not be allowed to

    with plain_user_directory() as directory:
        directory.chmod(0o500)
        with pytest.raises(ConfigError, match=r"cannot write .*: no permission"):
            save(directory / "settings.toml", {"theme": "gridrl-16"})


def test_a_directory_that_cannot_be_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match=r"cannot write .*: file exists"):
        save(tmp_path / "file" / "settings.toml", {"theme": "gridrl-16"})


chosen_values = st.fixed_dictionaries(
    {},
    optional={
        "theme": st.sampled_from(("auto", *settings.THEMES)),
        "rates.fps": st.floats(1, 120),
        "rates.ssh_fps": st.integers(1, 120),
        "rates.steps_per_second": st.floats(0.5, 1000),
        "layout.side_by_side": st.sampled_from(("auto", "never")),
        "layout.side_by_side_from": st.integers(100, 1000),
        "layout.live_share": st.integers(20, 80),
        "keys.live.train": st.sampled_from(("t", "ctrl+t,f8", "question_mark")),
        "keys.app.help": st.sampled_from(("f1", "f1,h")),
        "glyphs.mine": st.characters(min_codepoint=33, max_codepoint=126),
        "glyphs.no_such_kind": st.just('"'),
    },
)


@given(st.lists(chosen_values, max_size=4))
def test_what_is_saved_comes_back(tmp_path_factory: pytest.TempPathFactory, steps: list[dict[str, Any]]) -> None:
    text, expected = "", DEFAULTS
    for changes in steps:
        text = edited(text, changes)
        for key, value in changes.items():
            expected = expected.having(key, value)
    path = tmp_path_factory.mktemp("saved") / "settings.toml"

    loaded = read(path, text)

    assert loaded.faults == ()
    assert loaded.settings == expected
    again = edited("", {key: expected.value(key) for key in loaded.origins})
    assert read(path, again).settings == expected
    assert edited(again, {key: expected.value(key) for key in loaded.origins}) == again
    emptied = edited(text, dict.fromkeys(loaded.origins))
    assert read(path, emptied).settings == DEFAULTS


@given(st.text(alphabet=st.sampled_from('[]="#.\n ab1{}'), max_size=40))
def test_an_edit_of_any_text_is_right_or_refused(text: str) -> None:
    try:
        new = edited(text, {"theme": "gridrl-16", "keys.live.train": "f8"})
    except ConfigError:
        return
    values = settings.flattened(settings.tables_of(new))
    assert values["theme"] == "gridrl-16"
    assert values["keys.live.train"] == "f8"


# ---- What is taken


def test_the_themes_are_those_there_are() -> None:
    assert tuple(theme.name for theme in themes.THEMES) == settings.THEMES


def test_every_default_is_allowed() -> None:
    for field in FIELDS:
        assert field.check(DEFAULTS.value(field.key)) == DEFAULTS.value(field.key)
        assert field.of_text(settings.text_of(DEFAULTS.value(field.key))) == DEFAULTS.value(field.key)


@given(st.sampled_from([chr(code) for code in range(33, 127) if chr(code) != ","]))
def test_characters_are_named_as_the_terminal_names_them(character: str) -> None:
    assert key_names(character) == (_character_to_key(character),)


def test_every_key_of_the_program_is_a_key() -> None:
    for bound in bound_keys(GridrlApp):
        assert settings._keys(bound.keys) == ",".join(key_names(bound.keys))


# ---- Keys that meet

BOUND = (
    BoundKeys("app.help", "f1,question_mark", "help", EVERYWHERE),
    BoundKeys("app.quit", "ctrl+q", "quit", EVERYWHERE),
    BoundKeys("live.train", "t", "train", "live"),
    BoundKeys("live.watch", "w", "watch", "live"),
    BoundKeys("maps.wall", "w", "wall", "maps"),
    BoundKeys("help.close", "escape,f1", "close", "help", is_modal=True),
)

MEETING = [
    ({"live.train": "w"}, {}, "w would be both live.train (train) and live.watch (watch)"),
    ({"live.train": "?"}, {}, "question_mark would be both live.train (train) and app.help (help)"),
    ({"app.help": "f1,t"}, {}, "t would be both app.help (help) and live.train (train)"),
    ({"live.train": "ctrl+q"}, {}, "ctrl+q is kept for app.quit"),
    ({"live.train": "f1"}, {}, "f1 is kept for app.help"),
    ({"live.train": "ctrl+p"}, {}, "ctrl+p is kept for the palette"),
    ({"app.quit": "ctrl+x"}, {}, "app.quit must keep ctrl+q: write ctrl+q,ctrl+x"),
    ({"maps.wal": "x"}, {}, "no action has this id; near it: maps.wall"),
]


@pytest.mark.parametrize(("chosen", "keymap", "words"), MEETING)
def test_keys_that_meet_are_refused_in_words(chosen: dict[str, str], keymap: dict[str, str], words: str) -> None:
    assert keymap_of(chosen, BOUND)[0] == keymap
    (fault,) = keymap_of(chosen, BOUND)[1]
    assert fault.words.startswith(words)


@pytest.mark.parametrize(
    "chosen",
    [
        {"live.train": "w", "live.watch": "t"},
        {"live.train": "ctrl+t,t"},
        {"maps.wall": "t"},
        {"app.help": "f1,escape"},
        {"help.close": "f1,t"},
        {"app.quit": "ctrl+q,Q"},
    ],
    ids=["two change places", "one more", "another pane", "modal", "own key", "one more for quit"],
)
def test_keys_that_do_not_meet_are_taken(chosen: dict[str, str]) -> None:
    assert keymap_of(chosen, BOUND) == (chosen, [])


def test_a_refused_key_takes_its_followers_along() -> None:
    chosen = {"live.train": "ctrl+q", "live.watch": "t"}

    keymap, faults = keymap_of(chosen, BOUND)

    assert keymap == {}
    assert [fault.key for fault in faults] == ["keys.live.train", "keys.live.watch"]


def test_the_programs_own_keys_are_no_faults() -> None:
    bound = bound_keys(GridrlApp)

    assert keymap_of({each.id: each.keys for each in bound}, bound)[1] == []
    assert len({each.id for each in bound}) == len(bound)


def test_going_back_to_a_key_that_is_taken_by_now_is_refused(path: Path) -> None:
    file = SettingsFile(load(path, {}))
    file.bound = BOUND
    file.change("keys.live.train", "x")
    file.change("keys.live.watch", "t")

    with pytest.raises(ConfigError, match="t would be both"):
        file.change("keys.live.train", None)

    assert file.keymap == {"live.train": "x", "live.watch": "t"}


def test_what_the_environment_sets_is_not_changed(path: Path) -> None:
    file = SettingsFile(load(path, {"GRIDRL_TUI__THEME": "gridrl-16"}))

    with pytest.raises(ConfigError, match="theme comes from GRIDRL_TUI__THEME"):
        file.change("theme", "gridrl-dark")

    file.flush()
    assert not path.exists()


def test_changes_are_written_in_their_order(path: Path) -> None:
    file = SettingsFile(load(path, {}))
    for text in ("20", "30", "40"):
        file.change("rates.fps", text)
    file.change("theme", "gridrl-16")
    file.change("theme", None)

    file.flush()

    assert load(path, {}).settings == Settings(fps=40.0)
    assert str(file.loaded.origin("rates.fps")) == "file"


# ---- The command line


def test_the_path_is_the_variables_or_that_of_the_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_path({"GRIDRL_SETTINGS": str(tmp_path / "mine.toml")}) == tmp_path / "mine.toml"
    assert settings_path({}).name == "settings.toml"
    assert settings_path({}).parent.name == "gridrl"


def test_the_settings_are_printed(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRIDRL_SETTINGS", str(path))
    monkeypatch.setenv("GRIDRL_TUI__RATES__FPS", "25")
    path.write_text(FULL)

    assert run(["--settings"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(path)
    assert "theme = gridrl-light  [file, line 2]" in lines
    assert "rates.fps = 25  [GRIDRL_TUI__RATES__FPS]" in lines
    assert "keys.live.train = ctrl+t  [file, line 5]" in lines
    assert "keys.live.step = full_stop  [default]" in lines
    assert "glyphs.wall = #  [default]" in lines


def test_faults_are_printed_and_the_status_says_so(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRIDRL_SETTINGS", str(path))
    path.write_text('theme = "drak"\nkeys.live.train = "w"\n')

    assert run(["--settings"]) == 1

    wrong = [line for line in capsys.readouterr().out.splitlines() if line.startswith("wrong: ")]
    assert wrong[0].startswith("wrong: line 1: theme: 'drak' is not one of auto,")
    assert wrong[1].startswith("wrong: line 2: keys.live.train: w would be both live.train")
    assert path.exists()


# ---- The page

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_page_lists_every_setting_as_it_is() -> None:
    rows = [line.strip("| ").split(" | ") for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]

    assert rows == [
        [f"`{each.key}`", f"`{settings.text_of(DEFAULTS.value(each.key))}`", each.allowed, each.help] for each in FIELDS
    ]


def test_the_example_of_the_page_is_right(path: Path) -> None:
    loaded = read(path, PAGE.read_text("utf-8").split("```toml\n")[1].split("```")[0])

    assert loaded.faults == ()
    assert keymap_of(loaded.settings.keys, bound_keys(GridrlApp))[1] == []


@pytest.mark.parametrize("text", ["version = 0x" + "f" * 900, "a" + ".a" * 60_000 + " = 1", "# " + "x" * 2_000])
def test_what_would_take_a_parser_long_is_refused_at_once(path: Path, text: str) -> None:
    path.write_text(text)

    loaded = load(path, {})

    assert loaded.settings == DEFAULTS
    assert len(loaded.faults) == 1
    assert len(str(loaded.faults[0])) < 200


@pytest.mark.parametrize("key", ["ctrl+i", "ctrl+m", "t,ctrl+h", "ctrl+j"])
def test_keys_that_a_terminal_cannot_tell_from_others_are_refused(path: Path, key: str) -> None:
    file = SettingsFile(load(path, {}))

    with pytest.raises(ConfigError, match=r"is (Tab|Enter|Backspace) to a terminal"):
        file.change("keys.live.train", key)


def test_a_key_taken_from_one_action_stays_with_its_neighbours(path: Path) -> None:
    file = SettingsFile(load(path, {}))
    file.bound = [
        BoundKeys("console.back", "escape", "back", "query"),
        BoundKeys("console.cancel", "escape", "cancel", "query"),
        BoundKeys("live.train", "t", "train", "live"),
    ]
    assert file.textual_keymap == {}

    file.change("keys.console.back", "f12")

    assert file.textual_keymap == {"console.back": "f12", "console.cancel": "escape"}

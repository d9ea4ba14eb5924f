"""The settings of the app: what they are, what they take, and the file they are kept in.

Read before the first frame, so nothing here loads more than the standard library until something is saved.
Values are immutable; `load` and `save` touch the disk. Knows nothing of Textual. A wrong value is a fault in
words, never an error: its default stands, and so do all the others.
"""

from __future__ import annotations

import difflib
import os
import re
import string
import tomllib
import unicodedata
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Any, Final

from engine import text_files
from engine.errors import ConfigError, RunError
from engine.places import settings_directory

FILE_NAME: Final = "settings.toml"
FILE_VARIABLE: Final = "GRIDRL_SETTINGS"
PREFIX: Final = "GRIDRL_TUI__"
MAX_BYTES: Final = 256 * 1024  # of the file: a full one is a few kilobytes
MAX_LINE: Final = 1_000  # characters: a dotted key of 60,000 names takes the parser a minute
MAX_DEPTH: Final = 4  # of tables: ours have three; what lies deeper is no setting

THEMES: Final = ("gridrl-dark", "gridrl-light", "gridrl-contrast", "gridrl-16")
"""Names only: tui/themes.py, which has the colours, needs Textual. A test holds the two together."""
GLYPH_THEMES: Final = ("ascii", "box", "emoji", "sprites")
PALETTES: Final = ("auto", "sixteen", "mono")
TABLES: Final = ("keys", "glyphs")
"""Tables whose names are not known here: ids of bindings, kinds of things."""

Migration = Callable[[MutableMapping[str, Any]], None]
"""Turns the tables of one version into those of the next, in place. Values may be anything TOML can say."""

MIGRATIONS: Final[tuple[Migration, ...]] = ()
"""The first leads from version 1 to 2, and so on: the version of the program is their number and one."""


@dataclass(frozen=True)
class Settings:
    """Everything a person may choose."""

    theme: str = "auto"
    glyph_theme: str = "ascii"
    palette: str = "auto"
    fps: float = 30.0
    ssh_fps: float = 10.0
    steps_per_second: float = 10.0
    side_by_side: str = "auto"
    side_by_side_from: int = 160
    live_share: int = 50
    keys: Mapping[str, str] = field(default_factory=dict)
    glyphs: Mapping[str, str] = field(default_factory=dict)

    def value(self, key: str) -> Any:
        """The value of a dotted key; None for a key or a glyph that is not chosen."""
        table, _, name = key.partition(".")
        if table in TABLES:
            return getattr(self, table).get(name)
        return getattr(self, name or table)

    def having(self, key: str, value: Any) -> Settings:
        """With another value; None for the default."""
        table, _, name = key.partition(".")
        changes: dict[str, Any]
        if table in TABLES:
            rest = {each: chosen for each, chosen in getattr(self, table).items() if each != name}
            changes = {table: rest if value is None else {**rest, name: value}}
        else:
            changes = {name or table: DEFAULTS.value(key) if value is None else value}
        return replace(self, **changes)


DEFAULTS: Final = Settings()


@dataclass(frozen=True)
class Field:
    """What is known of a setting. `check` returns the value as it is used, or raises ValueError in words."""

    key: str
    help: str
    allowed: str
    check: Callable[[Any], Any]
    choices: tuple[str, ...] = ()
    is_number: bool = False

    def of_text(self, text: str) -> Any:
        """The value that a text means, as one types it or as the environment holds it.

        Raises:
            ValueError: it is no such value, in words.
        """
        if not self.is_number:
            return self.check(text)
        try:
            number = float(text)
        except ValueError:
            return self.check(text)
        return self.check(int(number) if number.is_integer() else number)


@dataclass(frozen=True)
class Origin:
    """Where a value comes from."""

    layer: str = "default"
    """`default`, `file` or `environment`."""
    where: str = ""
    """The line of the file, or the name of the variable."""

    def __str__(self) -> str:
        return self.where if self.layer == "environment" else ", ".join(filter(None, (self.layer, self.where)))


@dataclass(frozen=True)
class Fault:
    """Something that is wrong, and with which setting; no key where it is the file itself."""

    key: str
    words: str
    where: str = ""

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.where, self.key, self.words)))


@dataclass(frozen=True)
class Loaded:
    """The settings in force, where each comes from, and what was wrong."""

    path: Path | None
    settings: Settings = DEFAULTS
    origins: Mapping[str, Origin] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    refusal: str = ""
    """Why nothing can be saved; empty if it can."""
    is_broken: bool = False
    """Whether the file is ours to keep aside: one that can be read, but not understood."""

    def origin(self, key: str) -> Origin:
        """Where the value of a dotted key comes from."""
        return self.origins.get(key, Origin())

    def having(self, key: str, value: Any) -> Loaded:
        """After a change that goes to the file; None for the default."""
        others = {each: origin for each, origin in self.origins.items() if each != key}
        return replace(
            self,
            settings=self.settings.having(key, value),
            origins=others if value is None else {**others, key: Origin("file")},
            faults=tuple(fault for fault in self.faults if fault.key != key),
        )

    def check_change(self, key: str) -> None:
        """Raises ConfigError: a change of this setting could not be kept, and why."""
        origin = self.origin(key)
        if origin.layer == "environment":
            raise ConfigError(f"{key} comes from {origin.where}, which wins over the file", hint="unset it first")
        if self.refusal:
            raise ConfigError(f"{key} cannot be saved: {self.refusal}")


# ---- What each setting takes


def _one_of(*names: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if isinstance(value, str) and value in names:
            return value
        raise ValueError(f"{_shown(value)} is not one of {', '.join(names)}" + _nearest(value, names))

    return check


def _number(least: float, most: float, kind: type[int] | type[float]) -> Callable[[Any], Any]:
    noun = "a whole number" if kind is int else "a number"

    def check(value: Any) -> int | float:
        is_one = isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value <= most
        if is_one and (kind is float or float(value).is_integer()):
            return kind(value)
        raise ValueError(f"{_shown(value)} is not {noun} from {least:g} to {most:g}")

    return check


def _glyph(value: Any) -> str:
    """One character that takes one column, and is seen."""
    from rich.cells import cell_len  # deferred: only who has chosen a glyph needs the table of widths

    is_one = isinstance(value, str) and len(value) == 1 and value.isprintable() and value not in _BLANK
    if not is_one or cell_len(value) != 1:
        raise ValueError(f"{_shown(value)} is not one visible character of one column")
    if unicodedata.bidirectional(value) in ("R", "AL", "AN"):
        raise ValueError(f"{_shown(value)} is written from right to left, and a terminal would turn its row around")
    return str(value)


_BLANK: Final = frozenset(" \u2800\u1160\uffa0")
"""They count as characters, and draw nothing."""


_MODIFIERS: Final = frozenset(("ctrl", "alt", "shift", "super", "hyper", "meta"))
_NAMED_KEYS: Final = frozenset(
    [
        *("up", "down", "left", "right", "home", "end", "pageup", "pagedown", "insert", "delete", "backspace"),
        *("enter", "tab", "escape", "space"),
        *(f"f{n}" for n in range(1, 25)),
    ]
)
_RENAMED: Final = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}


def _character_name(character: str) -> str:
    name = unicodedata.name(character).lower().replace("-", "_").replace(" ", "_")
    return _RENAMED.get(name, name)


_CHARACTER_NAMES: Final = {character: _character_name(character) for character in string.punctuation}
"""How Textual calls the keys that are neither letters nor digits."""


def key_names(keys: str) -> tuple[str, ...]:
    """The keys of a binding as Textual names them: `?,f1` is `question_mark` and `f1`.

    Raises:
        ValueError: there is no such key, in words.
    """
    return tuple(_key_name(key.strip()) for key in keys.split(","))


def _key_name(key: str) -> str:
    *modifiers, last = key.split("+") if key != "+" else ["+"]
    last = _CHARACTER_NAMES.get(last, last)
    is_letter = len(last) == 1 and last.isalnum() and last.isascii()
    if not (is_letter or last in _NAMED_KEYS or last in _CHARACTER_NAMES.values()) or not set(modifiers) <= _MODIFIERS:
        known = sorted({*_NAMED_KEYS, *_CHARACTER_NAMES.values()})
        raise ValueError(f"{_shown(key)} is no key" + _nearest(last, known))
    return "+".join([*modifiers, last])


def _keys(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{_shown(value)} names no key")
    names = key_names(value)
    for name in names:
        if name in _SAME_KEYS:
            raise ValueError(f"{name} is {_SAME_KEYS[name]} to a terminal")
    return ",".join(names)


_SAME_KEYS: Final = {"ctrl+i": "Tab", "ctrl+m": "Enter", "ctrl+j": "Enter", "ctrl+h": "Backspace"}


FIELDS: Final = (
    Field("theme", "the colours", "auto or " + ", ".join(THEMES), _one_of("auto", *THEMES), ("auto", *THEMES)),
    Field(
        "glyph_theme",
        "how the map in Live is drawn",
        "one of " + ", ".join(GLYPH_THEMES),
        _one_of(*GLYPH_THEMES),
        GLYPH_THEMES,
    ),
    Field(
        "palette",
        "the colours of the map in Live",
        "auto or " + ", ".join(PALETTES[1:]),
        _one_of(*PALETTES),
        PALETTES,
    ),
    Field("rates.fps", "pictures a second", "a number from 1 to 120", _number(1, 120, float), is_number=True),
    Field(
        "rates.ssh_fps",
        "pictures a second over SSH",
        "a number from 1 to 120",
        _number(1, 120, float),
        is_number=True,
    ),
    Field(
        "rates.steps_per_second",
        "how fast time flows at first",
        "a number from 0.5 to 1000",
        _number(0.5, 1000, float),
        is_number=True,
    ),
    Field(
        "layout.side_by_side",
        "whether Live and Train share a wide terminal",
        "auto or never",
        _one_of("auto", "never"),
        ("auto", "never"),
    ),
    Field(
        "layout.side_by_side_from",
        "columns from which they do",
        "a whole number from 100 to 1000",
        _number(100, 1000, int),
        is_number=True,
    ),
    Field(
        "layout.live_share",
        "percent of the width that Live gets then",
        "a whole number from 20 to 80",
        _number(20, 80, int),
        is_number=True,
    ),
)
_BY_KEY: Final = {each.key: each for each in FIELDS}
_KIND: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)?\Z")


def field_of(key: str) -> Field | None:
    """What is known of a dotted key; None if there is no such setting."""
    table, _, name = key.partition(".")
    if table == "keys" and name:
        return Field(key, "", "keys with commas between them, such as t or ctrl+t,f9", _keys)
    if table == "glyphs" and _KIND.match(name):
        return Field(key, "", "one character", _glyph)
    return _BY_KEY.get(key)


def value_of_text(key: str, text: str) -> Any:
    """What a typed text means for a setting.

    Raises:
        ConfigError: there is no such setting, or it does not take this.
    """
    known = field_of(key)
    if known is None:
        raise ConfigError(f"{key}: {_unknown(key)}")
    try:
        return known.of_text(text)
    except ValueError as error:
        raise ConfigError(f"{key}: {error}") from None


def text_of(value: Any) -> str:
    """A value as one would type it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _unknown(key: str) -> str:
    return "there is no such setting" + _nearest(key, list(_BY_KEY))


def _nearest(value: Any, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(value, names, n=2, cutoff=0.5) if isinstance(value, str) else []
    return f"; near it: {', '.join(near)}" if near else ""


def _shown(value: Any) -> str:
    if isinstance(value, int) and value.bit_length() > 256:
        return "a huge number"  # Python itself refuses to write more than 4300 digits
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


# ---- Keys that must not meet


@dataclass(frozen=True)
class BoundKeys:
    """One binding of the program: its id, its own keys, what it does, and where it counts."""

    id: str
    keys: str
    words: str
    place: str
    is_modal: bool = False
    """Whether those that count everywhere do not count there."""


EVERYWHERE: Final = "everywhere"
"""The place of bindings that count in every other place too, but for modal ones."""
RESERVED: Final = {"ctrl+q": "app.quit", "f1": "app.help", "ctrl+p": "the palette"}
"""Keys by which one always gets help, finds any action, and gets out."""


def keymap_of(chosen: Mapping[str, str], bound: Sequence[BoundKeys]) -> tuple[dict[str, str], list[Fault]]:
    """Those of the chosen keys that can be used together, and what is wrong with the others."""
    wrong = {each: words for each, keys in chosen.items() if (words := _wrong_alone(each, keys, bound))}
    while True:  # a refused binding has its own keys back, which may be another's by now
        keymap = {each: keys for each, keys in chosen.items() if each not in wrong}
        clashes = {each.id: words for each in bound if each.id in keymap and (words := _clash(each, keymap, bound))}
        if not clashes:
            return keymap, [Fault(f"keys.{each}", words) for each, words in wrong.items()]
        wrong |= clashes


def _wrong_alone(binding: str, keys: str, bound: Sequence[BoundKeys]) -> str:
    own = {name for each in bound if each.id == binding for name in key_names(each.keys)}
    if not own:
        return "no action has this id" + _nearest(binding, [each.id for each in bound])
    names = key_names(keys)
    for key, owner in RESERVED.items():
        if owner == binding and key not in names:
            return f"{binding} must keep {key}: write {key},{keys}"
        if owner != binding and key in names and key not in own:
            return f"{key} is kept for {owner}"
    return ""


def _clash(one: BoundKeys, keymap: Mapping[str, str], bound: Iterable[BoundKeys]) -> str:
    for other in bound:
        is_beside = EVERYWHERE in (one.place, other.place) and not (one.is_modal or other.is_modal)
        if other.id == one.id or not (other.place == one.place or is_beside):
            continue
        now = set(key_names(keymap.get(one.id, one.keys))) & set(key_names(keymap.get(other.id, other.keys)))
        new = sorted(now - (set(key_names(one.keys)) & set(key_names(other.keys))))
        if new:
            return f"{new[0]} would be both {one.id} ({one.words}) and {other.id} ({other.words})"
    return ""


# ---- The file and the environment


def settings_path(environ: Mapping[str, str]) -> Path:
    """Where the settings lie; the file need not exist."""
    chosen = environ.get(FILE_VARIABLE)
    return text_files.expanded(chosen, ConfigError) if chosen else settings_directory() / FILE_NAME


def load(path: Path | None, environ: Mapping[str, str], migrations: Sequence[Migration] = MIGRATIONS) -> Loaded:
    """The settings of a file and of the environment. Never fails: what is wrong is among the faults."""
    loaded = Loaded(path, refusal="the program was started without a file for it")
    if path is not None:
        loaded = _with_file(path, migrations)
    return _with_environment(loaded, environ)


def _with_file(path: Path, migrations: Sequence[Migration]) -> Loaded:
    try:
        text = _text_of_file(path)
    except ConfigError as error:
        is_broken = os.path.isfile(path) and os.access(path, os.R_OK)
        return Loaded(path, faults=(Fault("", str(error)),), refusal=error.message, is_broken=is_broken)
    try:
        tables = tables_of(text, migrations)
    except NewerVersion as error:
        return Loaded(path, faults=(Fault("", str(error)),), refusal=error.message)
    except ConfigError as error:
        words = f"{path.name} {error}"
        return Loaded(path, faults=(Fault("", words),), refusal=words, is_broken=True)
    loaded, lines = Loaded(path), lines_of(text)
    for key, value in flattened(tables).items():
        if key != "version":
            loaded = _taking(loaded, key, value, Origin("file", f"line {lines[key]}" if key in lines else ""))
    return loaded


def _with_environment(loaded: Loaded, environ: Mapping[str, str]) -> Loaded:
    for name in sorted(environ):
        if name.startswith(PREFIX):
            key = name.removeprefix(PREFIX).lower().replace("__", ".")
            loaded = _taking(loaded, key, environ[name], Origin("environment", name))
    return loaded


def _taking(loaded: Loaded, key: str, raw: Any, origin: Origin) -> Loaded:
    """With one more value, or one more fault."""
    known = field_of(key)
    if known is None:
        return replace(loaded, faults=(*loaded.faults, Fault(key, _unknown(key), origin.where)))
    try:
        value = known.of_text(raw) if origin.layer == "environment" else known.check(raw)
    except ValueError as error:
        return replace(loaded, faults=(*loaded.faults, Fault(key, str(error), origin.where)))
    return replace(loaded, settings=loaded.settings.having(key, value), origins={**loaded.origins, key: origin})


def _text_of_file(path: Path) -> str:
    """Its text; none if there is no file yet. Raises ConfigError."""
    if not os.path.lexists(path):
        return ""
    text = text_files.read_text(
        path, noun="settings file", max_bytes=MAX_BYTES, missing="it is a link to nothing", refused=ConfigError
    )
    return text.removeprefix("\ufeff")


class NewerVersion(ConfigError):
    """The file is of a version that this program does not know."""


def tables_of(text: str, migrations: Sequence[Migration] = MIGRATIONS) -> dict[str, Any]:
    """The tables in a text, brought to the present version.

    Raises:
        ConfigError: it is no TOML.
        NewerVersion: a newer program wrote it.
    """
    if any(len(line) > MAX_LINE for line in text.splitlines()):
        raise ConfigError(f"has a line of more than {MAX_LINE} characters")
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"is no TOML: {str(error) or 'nested too deep'}") from None
    _migrate(tables, migrations)
    return tables


def _migrate(tables: MutableMapping[str, Any], migrations: Sequence[Migration]) -> None:
    version, present = tables.get("version", 1), len(migrations) + 1
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise ConfigError(f"says version {_shown(version)}: it is a whole number from 1 to {present}")
    if version > present:
        raise NewerVersion(
            f"the settings are of version {_shown(version)}, and this program knows {present}",
            hint="they are left as they are; the defaults count",
        )
    for migration in migrations[version - 1 :]:
        migration(tables)
    tables["version"] = present


def flattened(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Values by dotted keys; tables that lie too deep count as values."""
    values: dict[str, Any] = {}
    for name, value in tables.items():
        _flatten(str(name), value, values, MAX_DEPTH)
    return values


def _flatten(key: str, value: Any, values: dict[str, Any], depth: int) -> None:
    if not isinstance(value, Mapping) or not depth:
        values[key] = value
        return
    for name, inner in value.items():
        _flatten(f"{key}.{name}", inner, values, depth - 1)


_HEADER = re.compile(r"\s*\[([^\[\]]+)\]\s*(#.*)?$")
_ENTRY = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[\w.\- \t])+?)\s*=""")


def lines_of(text: str) -> dict[str, int]:
    """In which line a dotted key stands, counted from 1, as far as lines tell: not inside inline tables."""
    lines: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if header := _HEADER.match(line):
            table = _plain(header[1]) + "."
        elif entry := _ENTRY.match(line):
            lines.setdefault(table + _plain(entry[1]), number)
    return lines


def _plain(name: str) -> str:
    return re.sub(r"[\"'\s]", "", name)


def keep_aside(path: Path) -> Path:
    """Rename a file that is not understood, over none that is there; returns where it is now.

    Raises:
        OSError: the directory cannot be written.
    """
    number = 1
    while True:
        aside = path.with_name(f"{path.name}.broken" + (f"-{number}" if number > 1 else ""))
        try:
            os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            number += 1
            continue
        os.replace(path, aside)
        return aside


def opened(path: Path, environ: Mapping[str, str]) -> Loaded:
    """`load` for a program that will save: a file that is not understood is kept aside and said to be there."""
    loaded = load(path, environ)
    if not loaded.is_broken:
        return loaded
    try:
        aside = keep_aside(path)
    except OSError as error:
        words = f"{loaded.faults[0]}; it cannot be kept aside: {text_files.reason(error)}"
        return replace(loaded, faults=(Fault("", words), *loaded.faults[1:]))
    words = f"{loaded.faults[0]}; it is kept as {aside.name}, the defaults count"
    return replace(loaded, faults=(Fault("", words), *loaded.faults[1:]), refusal="", is_broken=False)


def save(path: Path, changes: Mapping[str, Any], migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Write changed settings into the file, whole or not at all; None takes one out. All else in it stays.

    Raises:
        ConfigError: the file is of a newer version or not understood, or it cannot be written.
    """
    from engine.runs.files import replace_file  # deferred with all that saving needs

    text = edited(_text_of_file(path), changes, migrations)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(path.resolve(), text.encode())
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {text_files.reason(error)}", hint=_ELSEWHERE) from error
    except RunError as error:
        raise ConfigError(error.message, hint=_ELSEWHERE) from error


_ELSEWHERE = f"set {FILE_VARIABLE} to a file that can be written"


def edited(text: str, changes: Mapping[str, Any], migrations: Sequence[Migration] = MIGRATIONS) -> str:
    """The text of a settings file with other values; its comments and what we do not know stay.

    Raises:
        ConfigError: it is not understood, or of a newer version.
    """
    import tomlkit  # deferred: it is needed here alone
    from tomlkit.exceptions import TOMLKitError

    tables = tables_of(text, migrations)
    if "version" not in tomllib.loads(text):
        text = f"version = 1\n{text}"
    try:
        document: MutableMapping[str, Any] = tomlkit.parse(text)
        _migrate(document, migrations)
        for key, value in changes.items():
            _put(document, key, value)
        new = tomlkit.dumps(document)
        is_right = flattened(tables_of(new, migrations)) == _changed(flattened(tables), changes)
    except (TOMLKitError, ValueError, LookupError, TypeError, AttributeError, ConfigError):
        is_right = False
    if not is_right:
        raise ConfigError("the settings file is written in a way that cannot be edited", hint="edit it yourself")
    return new


def _changed(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**values, **changes}
    tables = {key.partition(".")[0] for key, value in changes.items() if "." in key and value is not None}
    return {key: value for key, value in merged.items() if value is not None and key not in tables}


def _put(document: MutableMapping[str, Any], key: str, value: Any) -> None:
    """Set, or with None delete, a dotted key, be it written as one quoted name or as nested tables."""
    table, _, name = key.partition(".")
    if not name:
        _assign(document, table, value)
        return
    if not isinstance(document.get(table), MutableMapping):
        if value is None:
            return
        document.pop(table, None)
        document[table] = {}
    parent, rest = document[table], name
    while rest not in parent:
        head, _, tail = rest.partition(".")
        if not tail or not isinstance(parent.get(head), MutableMapping):
            break
        parent, rest = parent[head], tail
    if rest in parent or rest == name:
        _assign(parent, rest, value)
    else:
        _assign(document[table], name, value)


def _assign(table: MutableMapping[str, Any], name: str, value: Any) -> None:
    if value is None:
        table.pop(name, None)
    else:
        table[name] = value


# ---- One sitting


class SettingsFile:
    """The settings of one sitting and the file behind them. UI thread, but for `flush`, which belongs on a worker."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.bound: Sequence[BoundKeys] = ()
        """The bindings of the program, as far as they are loaded."""
        self._unsaved: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        self._failed: dict[str, Any] = {}  # what could not be written yet; guarded by the lock
        self._saving = Lock()  # held while the file is read, edited and replaced

    @property
    def keymap(self) -> dict[str, str]:
        """Keys by binding, of those that can be used together."""
        return keymap_of(self.loaded.settings.keys, self.bound)[0]

    @property
    def textual_keymap(self) -> dict[str, str]:
        """The same for Textual, which unbinds all actions of a key taken from one: its neighbours get theirs again."""
        chosen = self.keymap
        places = {bound.place for bound in self.bound if bound.id in chosen}
        return {bound.id: bound.keys for bound in self.bound if bound.place in places} | chosen

    @property
    def faults(self) -> list[Fault]:
        """Whatever is wrong with the settings: values, and keys that meet."""
        faults = keymap_of(self.loaded.settings.keys, self.bound)[1]
        return [*self.loaded.faults, *(replace(each, where=self.loaded.origin(each.key).where) for each in faults)]

    def check(self, key: str, text: str | None) -> Any:
        """What a text means for a setting; None is the default.

        Raises:
            ConfigError: it cannot be that, or not be kept.
        """
        self.loaded.check_change(key)
        value = None if text is None else value_of_text(key, text)
        if key.startswith("keys."):
            before = keymap_of(self.loaded.settings.keys, self.bound)[1]
            after = keymap_of(self.loaded.settings.having(key, value).keys, self.bound)[1]
            for fault in after:
                if fault not in before or fault.key == key:
                    raise ConfigError(f"{fault.key}: {fault.words}")
        return value

    def change(self, key: str, text: str | None) -> None:
        """Another value from now on; `flush` keeps it.

        Raises:
            ConfigError: as `check`; nothing has changed.
        """
        value = self.check(key, text)
        self.loaded = self.loaded.having(key, value)
        self._unsaved.put((key, value))

    def flush(self) -> None:
        """Worker: write what has changed since, in its order.

        Raises:
            ConfigError: it cannot be written; the next call tries again.
        """
        path = self.loaded.path
        with self._saving:
            self._failed |= dict(self._unsaved.get_nowait() for _ in range(self._unsaved.qsize()))
            if self._failed and path is not None:
                save(path, self._failed)
                self._failed = {}

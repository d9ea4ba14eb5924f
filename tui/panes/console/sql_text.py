"""SQL as coloured words, and text made fit for the editor. Pure, no Textual.

A lexer of four kinds of word is all that colour needs here; a parser (tree-sitter) would be a native dependency for
the same picture.
"""

from __future__ import annotations

import re
from functools import lru_cache

from tui.text import safe_str

COLOURED_CHARACTERS = 20_000
"""Longer text stays plain: the words are found anew after every key."""

TAB_WIDTH = 4

Word = tuple[int, int, str]
"""Start and end column, and the kind: keyword, string, number or comment."""

_KEYWORDS = """
all and any array as asc at between by case cast cross current desc describe distinct else end except exclude exists
explain false filter first following for from full group having if ilike in inner intersect interval into is join last
lateral left like limit natural not null nulls offset on or order outer over partition pivot positional preceding
qualify range recursive replace right row rows sample select semi set show similar summarize table then true unbounded
union unnest unpivot using values view when where window with within
"""

_WORD = re.compile(
    r"(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))"
    r"|(?P<string>'(?:[^']|'')*(?:'|\Z))"
    r'|(?P<name>"(?:[^"]|"")*(?:"|\Z))'
    r"|(?P<number>\b\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?\b)"
    rf"|(?P<keyword>\b(?:{'|'.join(_KEYWORDS.split())})\b)",
    re.IGNORECASE | re.DOTALL,
)


@lru_cache(maxsize=4)
def coloured_words(sql: str) -> dict[int, list[Word]]:
    """The words to colour, by line from 0; a string or comment over several lines gives one word a line."""
    words: dict[int, list[Word]] = {}
    if len(sql) > COLOURED_CHARACTERS:
        return words
    line, line_start = 0, 0
    for match in _WORD.finditer(sql):
        line += sql.count("\n", line_start, match.start())
        line_start = sql.rfind("\n", 0, match.start()) + 1
        if match.lastgroup in (None, "name"):
            continue
        column = match.start() - line_start
        for offset, part in enumerate(match.group().split("\n")):
            words.setdefault(line + offset, []).append((column, column + len(part), str(match.lastgroup)))
            column = 0
    return words


def editable(text: str) -> str:
    """Text without anything that a terminal obeys: what is pasted is drawn, and drawn text must be safe."""
    lines = re.split(r"\r\n|\r|\n", text)
    return "\n".join(safe_str(line.expandtabs(TAB_WIDTH)) for line in lines)


def quoted(name: str) -> str:
    """A name as SQL writes it: in double quotes where it is not a plain word."""
    if re.fullmatch(r"[a-z_][a-z0-9_]*", name) and name not in _KEYWORDS.split():
        return name
    return '"' + name.replace('"', '""') + '"'

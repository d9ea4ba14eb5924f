"""A line of bash, taken apart and put together again: bash hands out words with their quotes on, cut at `=` and `:`.

Pure; any thread. Nothing is expanded: `$HOME` is five letters, and `$(...)` is never run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from .names import Candidate

REDIRECTED: Final = ">"
"""Stands for the program where a redirection's file is typed: any file may stand there."""

_SAFE: Final = re.compile(r"[\w./=:@%+,-]")
"""What may be typed into bash as it is; \\w: letters of all scripts."""

_KEPT: Final = "$@"
"""Breaks that belong to the word behind them: readline looks at them to tell variables and hosts."""

_ESCAPED_IN_DOUBLE: Final = frozenset('$`"\\')


@dataclass
class Line:
    """A command up to the cursor."""

    words: list[str] = field(default_factory=list)
    """Without quotes; the last one is being typed."""
    quote: str = ""
    """The one that is open at the cursor."""
    replaced: str = ""
    """The end of the last word that bash will put something else in place of, as it was typed."""

    def inserted(self, candidate: Candidate) -> str:
        """What to put in place of `replaced`; empty: it cannot be typed there.

        What was typed stays as it was typed; a finished word gets its space here, for bash 3 cannot be told when.
        """
        rest = candidate.text[len(self.words[-1]) :]
        if self.quote == '"' and "!" in rest:
            return ""  # within double quotes there is no way to say that it is no history
        space = "" if self.quote or candidate.goes_on else " "
        return self.replaced + "".join(self._escaped(character) for character in rest) + space

    def _escaped(self, character: str) -> str:
        if self.quote == "'":
            return "'\\''" if character == "'" else character
        if self.quote == '"':
            return f"\\{character}" if character in _ESCAPED_IN_DOUBLE else character
        return character if _SAFE.match(character) else f"\\{character}"


def read_line(text: str, breaks: str) -> Line:
    """Take a line apart.

    Args:
        breaks: COMP_WORDBREAKS, the characters at which bash cuts words where they are not quoted.
    """
    reader = _Reader(breaks)
    for character in text:
        reader.take(character)
    return reader.line()


class _Reader:
    """Takes one character after another. One use."""

    def __init__(self, breaks: str) -> None:
        self._breaks = frozenset(breaks) - frozenset("'\"")
        self._words: list[str] = []
        self._quote = ""
        self._escape = False
        self._to_file = False
        self._start_word()

    def _start_word(self) -> None:
        self._word = self._replaced = ""
        self._begun = False  # '' is a word, too

    def take(self, character: str) -> None:
        if self._escape:
            self._take_escaped(character)
        elif self._quote:
            self._take_quoted(character)
        elif character in "<>":
            self._end_word()
            self._to_file = True
        elif character.isspace():
            self._end_word()
        else:
            self._take_bare(character)

    def _take_escaped(self, character: str) -> None:
        self._escape = False
        if self._quote and character not in _ESCAPED_IN_DOUBLE:
            self._word += "\\"
        self._word += character
        self._replaced += f"\\{character}"

    def _take_quoted(self, character: str) -> None:
        if character == "\\" and self._quote == '"':
            self._escape = True
            return
        if character == self._quote:
            self._replaced = self._outside + character + self._replaced + character
            self._quote = ""
            return
        self._word += character
        self._replaced += character

    def _take_bare(self, character: str) -> None:
        self._begun = True
        if character == "\\":
            self._escape = True
        elif character in "'\"":
            self._quote, self._outside, self._replaced = character, self._replaced, ""  # bash starts anew after it
        else:
            self._word += character
            cut = character in self._breaks
            self._replaced = (character if character in _KEPT else "") if cut else self._replaced + character

    def _end_word(self) -> None:
        if self._begun and not self._to_file:
            self._words.append(self._word)
        self._to_file = self._to_file and not self._begun
        self._start_word()

    def line(self) -> Line:
        # A last lone backslash is left out: what follows it brings its own.
        before = [REDIRECTED] if self._to_file else self._words
        return Line([*before, self._word], self._quote, self._replaced)

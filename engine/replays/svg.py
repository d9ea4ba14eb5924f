"""A film as an animated SVG: text that needs no script and fetches nothing. Pure.

A row is drawn once for each way it looks, and is visible while it does: what stands still costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from .cast import Still
from .drawing import FLOOR_INK, GROUND, Row, Run

_ADVANCE = 9.6  # of a character at 16 px; stated for every row, whatever font there is
_LINE = 16  # as tall as a capital and a bit: rows of walls look like walls


def svg_of(stills: Iterable[Still], width: int, height: int, fps: float, title: str) -> Iterator[str]:
    """The lines of the file.

    Args:
        width, height: of the pictures, in characters; the caption takes one more row.
    """
    count, looks = _looks(stills)
    wide, tall = max(width, 12) * _ADVANCE + 16, (height + 1) * _LINE + 24
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:g} {tall}" width="{wide:g}" height="{tall}" '
        'font-family="ui-monospace, Menlo, Consolas, monospace" font-size="16" xml:space="preserve">'
    )
    yield f"<title>{escape(title)}</title>"
    yield f'<rect width="100%" height="100%" fill="{GROUND}"/>'
    for (number, row), shown in looks.items():
        yield _text(number, row, _visibility(shown, count, fps))
    yield "</svg>"


def _looks(stills: Iterable[Still]) -> tuple[int, dict[tuple[int, Row], list[list[int]]]]:
    """How many pictures there are, and for each look of each row the stretches of pictures [first, end) it has."""
    looks: dict[tuple[int, Row], list[list[int]]] = {}
    count = 0
    for count, still in enumerate(stills, start=1):
        for number, row in enumerate((*still.rows, (Run(still.caption, FLOOR_INK),))):
            shown = looks.setdefault((number, row), [])
            if shown and shown[-1][1] == count - 1:
                shown[-1][1] = count
            else:
                shown.append([count - 1, count])
    return count, looks


def _visibility(shown: list[list[int]], count: int, fps: float) -> str:
    """The animation that shows a row in its stretches; empty for one that is always there."""
    if shown == [[0, count]]:
        return ""
    times, values = ([] if shown[0][0] == 0 else [0]), ([] if shown[0][0] == 0 else ["hidden"])
    for first, end in shown:
        times += [first, end] if end < count else [first]
        values += ["visible", "hidden"] if end < count else ["visible"]
    keys = ";".join(f"{time / count:.6g}" for time in times)
    return (
        f'<animate attributeName="visibility" dur="{count / fps:.6g}s" repeatCount="indefinite" '
        f'calcMode="discrete" keyTimes="{keys}" values="{";".join(values)}"/>'
    )


def _text(number: int, row: Row, animation: str) -> str:
    spans, at = [], 0
    for run in row:
        weight = ' font-weight="bold"' if run.bold else ""
        x, length = 8 + at * _ADVANCE, len(run.text) * _ADVANCE
        spans.append(
            f'<tspan x="{x:g}" textLength="{length:g}" fill="{run.colour}"{weight}>{escape(run.text)}</tspan>'
            if run.text.strip()
            else ""
        )
        at += len(run.text)
    hidden = ' visibility="hidden"' if animation else ""
    return f'<text y="{(number + 1) * _LINE + 4}"{hidden}>{"".join(spans)}{animation}</text>'

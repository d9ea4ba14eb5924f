"""Line plots as text: the drawing behind LineChart, without Textual.

A plot is a few `Line`s over one x axis (steps) drawn into a rectangle of cells: a gutter of y labels, braille dots
(two by four in a cell) or `*` and `.` where there is no Unicode, and a row of x labels. Each column of dots is one
int whose bits are the dots, so a vertical stroke is a shift instead of a loop; with decimation in front, ten
thousand points cost about a millisecond in plain Python, and numpy stays out of the first frame.

Pure functions, any thread.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from tui.text import si

Run = tuple[str, str]
"""Neighbouring cells of one role: their text and the role ("axis", "raw", "line", "cursor" or "note")."""

HUGE = 1e300
"""Beyond this the difference of two values may overflow; such values are drawn as gaps, like nan."""


SMALL = 1e-290
"""A range below this has no power of ten that is a float."""


@dataclass(frozen=True)
class Line:
    """One curve. A value that is not finite is a gap."""

    steps: Sequence[float]
    """Where, never decreasing."""
    values: Sequence[float]
    """What, as many as steps."""
    role: str = "line"
    """Names the style: "line", or "raw" for the faint curve behind a smoothed one."""


@dataclass(frozen=True)
class Scale:
    """How steps and values become dots. `low` and `high` are exponents of ten if `log`."""

    first: float
    last: float
    low: float
    high: float
    log: bool = False
    constant: float | None = None
    """The only value there is, if there is only one."""

    def column(self, step: float, count: int) -> int:
        """Which of `count` columns of dots a step falls into."""
        span = self.last - self.first
        return round((step - self.first) / span * (count - 1)) if span > 0 else count - 1

    def height(self, value: float, count: int) -> int:
        """Which of `count` dots, from the bottom, a value falls into."""
        if self.constant is not None:
            return (count - 1) // 2  # exactly, or a curve and its average would round apart
        at = math.log10(value) if self.log else value
        return round((at - self.low) / (self.high - self.low) * (count - 1))


def render_lines(
    lines: Sequence[Line],
    width: int,
    height: int,
    *,
    log: bool = False,
    ascii_only: bool = False,
    cursor: float | None = None,
) -> list[list[Run]]:
    """Draw lines into `height` rows of exactly `width` cells; later lines hide earlier ones.

    Args:
        log: a logarithmic y axis; values that are not above zero become gaps.
        ascii_only: no braille and no box drawing.
        cursor: a step to mark with a vertical rule.
    """
    if width <= 0 or height <= 0:
        return []
    scale = scale_of(lines, log)
    if scale is None:
        has_values = log and scale_of(lines, log=False) is not None
        words = "nothing above zero to show on a log scale" if has_values else "no values yet"
        return _note(words if cell_len(words) <= width else "-", width, height)
    plot_height = height - 1 if height >= 4 else height
    ticks = y_ticks(scale, plot_height)
    gutter = max(len(label) for _, label in ticks) + 2
    if width < gutter + 8:
        gutter = 0
    canvas = _Canvas(width - gutter, plot_height, ascii_only)
    for line in lines:
        canvas.draw(line, scale)
    if cursor is not None and scale.first <= cursor <= scale.last:
        canvas.rule(scale.column(cursor, canvas.columns))
    axis = _y_axis(ticks, scale, canvas, gutter)
    rows = [_merged(left + cells) for left, cells in zip(axis, canvas.rows(), strict=True)]
    if plot_height < height:
        rows.append([(" " * gutter + x_labels(scale, width - gutter), "axis")])
    return rows


def scale_of(lines: Sequence[Line], log: bool) -> Scale | None:
    """The smallest axes that hold every value; None where there is none."""
    steps = [step for line in lines if line.steps for step in (line.steps[0], line.steps[-1])]
    bounds = [bound for line in lines if (bound := _bounds(line.values, log)) is not None]
    if not bounds:
        return None
    first, last = min(steps), max(steps)
    if 0 < first <= last * 0.1:
        first = 0  # a run begins at zero, although its first record comes an iteration later
    low, high = min(low for low, _ in bounds), max(high for _, high in bounds)
    if log:
        low, high = math.log10(low), math.log10(high)
    if high - low > max(1e-9 * max(abs(low), abs(high)), SMALL):
        return Scale(first, last, low, high, log)
    room = max(abs(low) * 0.1, 1e-6)  # a constant: its line runs in the middle
    return Scale(first, last, low - room, high + room, log, constant=10**low if log else low)


def ema(steps: Sequence[float], values: Sequence[float], half_life: float) -> list[float]:
    """Exponential moving average whose memory is measured in steps, so uneven records weigh rightly.

    Starts without bias towards zero; a gap stays a gap and is not remembered.
    """
    smooth: list[float] = []
    total = weight = 0.0
    before = steps[0] if steps else 0.0
    gap, fade = -1.0, 1.0
    for step, value in zip(steps, values, strict=True):
        if not -HUGE < value < HUGE:  # _drawable, without the call
            smooth.append(math.nan)
            continue
        if step - before != gap:  # records come evenly, so the power is rarely needed
            gap = step - before
            fade = 0.5 ** (gap / half_life) if half_life > 0 else 0.0
        before = step
        total = total * fade + value
        weight = weight * fade + 1
        smooth.append(total / weight)
    return smooth


def decimate(line: Line, scale: Scale, columns: int) -> Iterator[tuple[int, float]]:
    """At most two points for each column of dots, its lowest and highest value in their order; nan for a gap."""
    steps, values = line.steps, line.values
    clean = _bounds_of_clean(values, scale.log) is not None  # then no column has to be looked at for gaps
    index, count = 0, len(steps)
    while index < count:
        column = scale.column(steps[index], columns)
        end = _end_of_column(scale, column, columns, steps, index)
        part = values[index:end]
        if clean or _bounds_of_clean(part, scale.log) is not None:
            low, high = min(part), max(part)
            if low == high:
                yield column, low
            elif part.index(low) < part.index(high):
                yield column, low
                yield column, high
            else:
                yield column, high
                yield column, low
        else:
            yield from _decimate_gappy(part, column, scale.log)
        index = end


def y_ticks(scale: Scale, height: int) -> list[tuple[float, str]]:
    """Round values within the scale and their labels, all of one width, lowest first."""
    if scale.constant is not None:
        return [(scale.constant, _plain(scale.constant, 3))]
    if scale.log:
        return _log_ticks(scale, height)
    wanted = 3 if height >= 9 else 2
    step = _nice_below((scale.high - scale.low) / wanted)
    first, last = math.ceil(scale.low / step), math.floor(scale.high / step)
    # A float step may miss the rim by a hair; and a crowd of labels is worse than few.
    every = max(1, math.ceil((last - first + 1) / max(wanted + 1, height // 2)))
    ticks = [index * step for index in range(first, last + 1) if (index - first) % every == 0]
    return list(zip(ticks, _labels(ticks, step), strict=True))


def x_labels(scale: Scale, width: int) -> str:
    """One row of step labels: the last step at the right end, round ones where there is room."""
    cells = [" "] * width
    end = si(scale.last)
    if len(end) > width:
        return " " * width
    cells[width - len(end) :] = end
    free = width - len(end) - 2
    step = _nice_below(max(scale.last - scale.first, 1) / max(1, min(4, width // 14)))
    step = max(step, 1.0)
    begin = math.ceil(scale.first / step)
    at = 0
    for index in range(begin, begin + MOST_LABELS):
        tick = index * step
        if tick >= scale.last:
            break
        label = si(tick)
        start = max(0, scale.column(tick, width) - len(label) // 2)
        if start >= at and start + len(label) <= free:
            cells[start : start + len(label)] = label
            at = start + len(label) + 2
    return "".join(cells)


MOST_LABELS = 24
"""Four wanted labels, and a round step is at most five times too fine."""


# Dots


class _Canvas:
    """Columns of dots as ints, one set for each line, and the glyphs they make."""

    def __init__(self, width: int, height: int, ascii_only: bool) -> None:
        self.width, self.height, self.ascii = width, height, ascii_only
        self.across, self.down = (1, 1) if ascii_only else (2, 4)
        self.columns, self.dots = width * self.across, height * self.down
        self.layers: list[tuple[str, list[int]]] = []
        self.ruled: int | None = None

    def draw(self, line: Line, scale: Scale) -> None:
        masks = [0] * self.columns
        pen: tuple[int, int] | None = None
        strokes = 0
        for column, value in decimate(line, scale, self.columns):
            if value != value:
                pen = None
                continue
            level = min(max(scale.height(value, self.dots), 0), self.dots - 1)
            if pen is None:
                masks[column] |= 1 << level
            else:
                _stroke(masks, *pen, column, level)
            pen = (column, level)
            strokes += 1
        if strokes == 1 and pen is not None and not self.ascii:
            _blot(masks, *pen)
        self.layers.append((line.role, masks))

    def rule(self, column: int) -> None:
        self.ruled = column // self.across

    def rows(self) -> list[list[Run]]:
        return [[self._cell(x, row) for x in range(self.width)] for row in range(self.height)]

    def _cell(self, x: int, row: int) -> Run:
        shift = (self.height - 1 - row) * self.down
        for role, masks in reversed(self.layers):
            if x == self.ruled and role == "raw":
                break  # the cursor stands behind the curve, and before the faint one
            if self.ascii:
                if masks[x] >> shift & 1:
                    return ("." if role == "raw" else "*", role)
            else:
                left, right = masks[2 * x] >> shift & 15, masks[2 * x + 1] >> shift & 15
                if left or right:
                    return (_BRAILLE[left << 4 | right], role)
        if x == self.ruled:
            return ("|" if self.ascii else "│", "cursor")
        return (" ", "line")


def _stroke(masks: list[int], x0: int, y0: int, x1: int, y1: int) -> None:
    """Join two dots: in each column the dots from where the line left the last one to where it leaves this one."""
    if x1 == x0:
        masks[x0] |= _span(y0, y1)
        return
    slope = (y1 - y0) / (x1 - x0)
    toward = 1 if y1 > y0 else -1
    at = y0
    for x in range(x0, x1 + 1):
        leave = y1 if x == x1 else round(y0 + slope * (x - x0 + 0.5))
        begin = at if x == x0 or leave == at else at + toward
        masks[x] |= _span(begin, leave)
        at = leave


def _span(a: int, b: int) -> int:
    low, high = (a, b) if a < b else (b, a)
    return ((1 << high - low + 1) - 1) << low


def _blot(masks: list[int], x: int, y: int) -> None:
    """A lone point as four dots, for one is easily overlooked."""
    column = x & ~1
    level = y if y % 4 != 3 else y - 1
    for neighbour in (column, column + 1):
        masks[neighbour] |= 3 << level


def _braille(left: int, right: int) -> str:
    """The glyph for two half columns of four dots, bit 0 at the bottom."""
    code = 0
    for bit, (a, b) in enumerate(((0x40, 0x80), (0x04, 0x20), (0x02, 0x10), (0x01, 0x08))):
        code |= (a if left >> bit & 1 else 0) | (b if right >> bit & 1 else 0)
    return chr(0x2800 + code)


_BRAILLE = [_braille(index >> 4, index & 15) for index in range(256)]


# Decimation


def _end_of_column(scale: Scale, column: int, columns: int, steps: Sequence[float], index: int) -> int:
    """The first index after `index` whose step falls into a later column."""
    span = scale.last - scale.first
    if column >= columns - 1 or span <= 0:
        return len(steps)
    edge = scale.first + (column + 0.5) / (columns - 1) * span
    end = bisect_right(steps, edge, index + 1)
    hair = 1e-9 * span  # a step right on the edge may be rounded to either side
    if steps[end - 1] > edge - hair or (end < len(steps) and steps[end] < edge + hair):
        while end < len(steps) and scale.column(steps[end], columns) == column:
            end += 1
        while end > index + 1 and scale.column(steps[end - 1], columns) != column:
            end -= 1
    return end


def _extremes(part: Sequence[float], column: int) -> Iterator[tuple[int, float]]:
    low, high = min(part), max(part)
    if low == high:
        yield column, low
        return
    rising = part.index(low) < part.index(high)
    yield column, low if rising else high
    yield column, high if rising else low


def _decimate_gappy(part: Sequence[float], column: int, log: bool) -> Iterator[tuple[int, float]]:
    """A column with gaps: one gap before or after its points, whichever end it touches."""
    drawable = [value for value in part if _drawable(value) and (not log or value > 0)]
    shown = len(drawable) > 0
    if not shown or not _drawable(part[0]) or (log and part[0] <= 0):
        yield column, math.nan
    if shown:
        yield from _extremes(drawable, column)
        if not _drawable(part[-1]) or (log and part[-1] <= 0):
            yield column, math.nan


def _bounds(values: Sequence[float], log: bool) -> tuple[float, float] | None:
    if not values:
        return None
    if (clean := _bounds_of_clean(values, log)) is not None:
        return clean
    drawable = [value for value in values if _drawable(value) and (value > 0 or not log)]
    return (min(drawable), max(drawable)) if drawable else None


def _bounds_of_clean(values: Sequence[float], log: bool) -> tuple[float, float] | None:
    """Lowest and highest of values without any gap; None if there is one. In C: a sum of finite numbers is finite."""
    if not math.isfinite(sum(values)):
        return None
    low, high = min(values), max(values)
    return (low, high) if low > (0 if log else -HUGE) and high < HUGE else None


def _drawable(value: float) -> bool:
    return -HUGE < value < HUGE


# Axes


def _y_axis(ticks: list[tuple[float, str]], scale: Scale, canvas: _Canvas, gutter: int) -> list[list[Run]]:
    if gutter == 0:
        return [[] for _ in range(canvas.height)]
    labels: dict[int, str] = {}
    for value, label in ticks:
        level = scale.height(value, canvas.dots)
        labels.setdefault(canvas.height - 1 - min(max(level, 0), canvas.dots - 1) // canvas.down, label)
    tick, rule = (" +", " |") if canvas.ascii else (" ┤", " │")
    return [
        [(labels.get(row, "").rjust(gutter - 2) + (tick if row in labels else rule), "axis")]
        for row in range(canvas.height)
    ]


def _nice_below(size: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is not above `size`."""
    power = 10.0 ** math.floor(math.log10(size))
    for factor in (5, 2):
        if factor * power <= size * (1 + 1e-9):
            return factor * power
    return power


def _log_ticks(scale: Scale, height: int) -> list[tuple[float, str]]:
    decades = range(math.ceil(scale.low - 1e-9), math.floor(scale.high + 1e-9) + 1)
    every = max(1, math.ceil(len(decades) / max(2, height // 2)))
    ticks = [10.0**decade for decade in decades if (decade - decades.start) % every == 0]
    if len(ticks) < 2:
        low, high = 10**scale.low, 10**scale.high
        ticks = sorted({*ticks, low, high}) if high > low * 1.001 else [low]
    labels = [_plain(tick, 2) for tick in ticks]
    wide = max(len(label) for label in labels)
    return [(tick, label.rjust(wide)) for tick, label in zip(ticks, labels, strict=True)]


_UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def _labels(ticks: Sequence[float], step: float) -> list[str]:
    """Labels with one unit and one count of decimals, so that they align."""
    size = max(abs(tick) for tick in ticks)
    if size >= 1e15 or 0 < size < 0.001:
        power = math.floor(math.log10(size))
        decimals = max(0, power - math.floor(math.log10(step) + 1e-9))
        labels = ["0" if tick == 0 else f"{tick / 10**power:.{min(decimals, 3)}f}e{power}" for tick in ticks]
    else:
        unit, suffix = next(((unit, suffix) for unit, suffix in _UNITS if size >= unit), (1.0, ""))
        if size < 10_000:
            unit, suffix = 1.0, ""  # four digits read better than a k with decimals
        decimals = min(max(0, -math.floor(math.log10(step / unit) + 1e-9)), 6)
        labels = [f"{tick / unit:.{decimals}f}{suffix}" for tick in ticks]
        labels = ["0" if tick == 0 and decimals == 0 else label for tick, label in zip(ticks, labels, strict=True)]
    wide = max(len(label) for label in labels)
    return [label.rjust(wide) for label in labels]


def _plain(value: float, digits: int) -> str:
    """A label as short as it goes: 3e-4, 0.01, 100, 2.5M."""
    if value == 0:
        return "0"
    if 0.001 <= abs(value) < 1000:
        return f"{value:.{digits}g}" if abs(value) < 100 else f"{value:.0f}"
    if 1000 <= abs(value) < 1e15:
        return si(value)
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}e{int(exponent)}"


# Rows


def _merged(cells: list[Run]) -> list[Run]:
    """Equal roles side by side as one run: fewer segments, fewer bytes. A space takes the role on its left."""
    runs: list[Run] = []
    for text, role in cells:
        if runs and (role == runs[-1][1] or text == " "):
            runs[-1] = (runs[-1][0] + text, runs[-1][1])
        else:
            runs.append((text, role))
    return runs


def _note(words: str, width: int, height: int) -> list[list[Run]]:
    blank: list[Run] = [(" " * width, "note")]
    rows = [blank for _ in range(height)]
    rows[height // 2] = [(words.center(width), "note")]
    return rows


def value_at(line: Line, step: float) -> float | None:
    """The last value at or before a step."""
    index = bisect_right(line.steps, step) - 1
    return line.values[index] if index >= 0 else None


def step_near(line: Line, step: float) -> float | None:
    """The recorded step nearest to a step."""
    if not line.steps:
        return None
    index = bisect_left(line.steps, step)
    around = line.steps[max(index - 1, 0) : index + 1]
    return min(around, key=lambda at: abs(at - step))

"""What the monitor remembers of a run: for each metric a curve of bounded length that keeps its whole shape.

A curve is a row of buckets of equally many records each. When it is full, neighbours merge and each bucket holds
twice as many: lowest, highest and mean stay exact, so a peak is never lost, and a run of a week costs as much
memory as one of a minute. Owned by the MonitorPane, used on the UI thread only. Pure, without Textual.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from tui.widgets.plot import Line, ema

BUCKETS = 512
"""More than a chart has columns of dots on a 200 cell wide screen when it is zoomed to half of it."""

METRICS = 256
"""A recipe logs some thirty; a log with thousands of names is damaged or hostile."""

LAST_STEP = 10**15
"""Steps beyond this would take some years; they are refused, for their differences are no floats."""


@dataclass(slots=True)  # there are ten thousand of them, and the garbage collector looks at each
class Bucket:
    """`count` records in a row. Only `low` and `high` are drawn raw, only `mean` is smoothed."""

    first: int
    last: int
    low: float
    high: float
    rising: bool
    """Whether the low came before the high."""
    total: float
    count: int = 1
    finite: int = 1

    @classmethod
    def of(cls, step: int, value: float) -> Bucket:
        if math.isfinite(value):
            return cls(step, step, value, value, True, value)
        return cls(step, step, math.nan, math.nan, True, 0.0, finite=0)

    def absorb(self, later: Bucket) -> None:
        """Take in the bucket that follows."""
        self.last = later.last
        self.count += later.count
        if later.finite:
            if self.finite:
                self._widen(later)
            else:
                self.low, self.high, self.rising = later.low, later.high, later.rising
            self.total += later.total
            self.finite += later.finite

    def _widen(self, later: Bucket) -> None:
        lower, higher = later.low < self.low, later.high > self.high
        if lower and higher:
            self.rising = later.rising
        elif lower or higher:
            self.rising = higher
        self.low, self.high = min(self.low, later.low), max(self.high, later.high)

    @property
    def mean(self) -> float:
        return self.total / self.finite if self.finite else math.nan


@dataclass
class Curve:
    """One metric over the steps of a run."""

    buckets: list[Bucket] = field(default_factory=list)
    per_bucket: int = 1
    """Records that a full bucket holds; doubles."""
    latest: float = math.nan
    """The newest value, as it was logged."""

    def append(self, step: int, value: float) -> None:
        """Add a record. An earlier step than the last rewinds: the run went back to a checkpoint and goes on anew."""
        while self.buckets and self.buckets[-1].first >= step:
            self.buckets.pop()
        if self.buckets:  # of a bucket that straddles the rewind only the start is still true
            self.buckets[-1].last = max(self.buckets[-1].first, min(self.buckets[-1].last, step - 1))
        self.latest = value
        if self.buckets and self.buckets[-1].count < self.per_bucket:
            self.buckets[-1].absorb(Bucket.of(step, value))
        else:
            self.buckets.append(Bucket.of(step, value))
        if len(self.buckets) > BUCKETS:
            self._halve()

    def raw(self, role: str = "line") -> Line:
        """The lowest and highest value of each bucket, in the order in which they came."""
        if self.per_bucket == 1:
            return Line([bucket.first for bucket in self.buckets], [bucket.low for bucket in self.buckets], role)
        steps: list[float] = []
        values: list[float] = []
        for bucket in self.buckets:
            early, late = (bucket.low, bucket.high) if bucket.rising else (bucket.high, bucket.low)
            if bucket.count > 1:
                steps += (bucket.first, bucket.last)
                values += (early, late)
            else:
                steps.append(bucket.first)
                values.append(early)
        return Line(steps, values, role)

    def smooth(self, share: float) -> Line:
        """The moving average whose half-life is a share of the steps so far, so it looks alike early and late."""
        steps = [bucket.last for bucket in self.buckets]
        half_life = share * (steps[-1] - steps[0]) if steps else 0.0
        return Line(steps, ema(steps, [bucket.mean for bucket in self.buckets], half_life), "line")

    def _halve(self) -> None:
        for left, right in zip(self.buckets[0::2], self.buckets[1::2], strict=False):
            left.absorb(right)
        self.buckets = self.buckets[0::2]
        self.per_bucket *= 2


class MetricHistory:
    """The curves of one run by metric name, in the order in which names came."""

    def __init__(self) -> None:
        self._curves: dict[str, Curve] = {}

    def append(self, step: int, values: Mapping[str, float]) -> set[str]:
        """Add one record of the log; returns the names that changed."""
        if not 0 <= step <= LAST_STEP:
            return set()
        return {name for name, value in values.items() if self._append_one(name, step, value)}

    def _append_one(self, name: str, step: int, value: float) -> bool:
        curve = self._curves.get(name)
        if curve is None:
            if len(self._curves) >= METRICS:
                return False
            curve = self._curves[name] = Curve()
        curve.append(step, _as_float(value))
        return True

    def curve(self, name: str) -> Curve:
        """The curve of a metric; an empty one if it was never logged."""
        return self._curves.get(name) or Curve()

    def latest(self, name: str) -> float | None:
        """The newest value of a metric; None if there is none or it is not finite."""
        value = self.curve(name).latest
        return value if math.isfinite(value) else None

    def names(self) -> list[str]:
        return list(self._curves)

    def clear(self) -> None:
        self._curves.clear()


def _as_float(value: object) -> float:
    """A number from a log that anyone may have written; nan for anything else."""
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            return math.nan
    return math.nan

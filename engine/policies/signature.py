"""What a network must know of a game, by name: its window, planes, self features and actions.

Taken from the engine's Spec, kept in a checkpoint's meta, and compared by name when one is loaded: byte 7
of a plane means "altar" only as long as both sides list the same kinds. Immutable; any thread; no torch.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from engine.errors import CheckpointError
from engine.sim import Spec

KIND_PLANE = "kind"
"""Name of the plane that says what stands in a cell."""

KIND_FEATURE = "type_id"
"""Name of the token feature that says the same."""

CATEGORICAL_TOKEN_FEATURES = frozenset(
    {"type_id", "group", "role", "orientation", "glyph", "ready", "last_action", "last_result"}
)
"""Token features whose value is a code."""

CATEGORICAL_SELF_FEATURES = frozenset({"facing", "last_action", "last_result"})
"""Self features whose byte is a code: 4 is not twice 2, so they are one-hot where the others are scaled."""


@dataclass(frozen=True)
class ByteGroup:
    """A run of observation bytes that share one meaning: a plane's cells, or one coded self feature."""

    start: int  # first byte in an observation row
    count: int  # bytes
    classes: int  # values a byte may take: 0 .. classes - 1


@dataclass(frozen=True)
class Signature:
    """The shape and the names of an observation and of the actions.

    An observation is planes and a self vector, or tokens, or floats (environments that are not ours).
    """

    planes: tuple[str, ...]
    plane_classes: tuple[int, ...]  # byte values of each plane
    window_height: int  # cells
    window_width: int  # cells
    self_features: tuple[str, ...]
    self_scales: tuple[float, ...]  # largest value of each self feature
    kinds: tuple[str, ...]
    actions: tuple[str, ...]
    token_count: int = 0
    features: tuple[str, ...] = ()  # of tokens, by id
    feature_scales: tuple[float, ...] = ()  # largest value of each feature
    floats: int = 0
    head_sizes: tuple[int, ...] = ()  # actions of each head, where there are several; together they are `actions`

    @classmethod
    def of(cls, spec: Spec) -> Signature:
        """The signature of the games that share this spec."""
        return cls(
            planes=tuple(spec.planes),
            plane_classes=tuple(int(count) for count in spec.plane_classes),
            window_height=int(spec.window_height),
            window_width=int(spec.window_width),
            self_features=tuple(spec.self_features),
            self_scales=tuple(float(scale) for scale in spec.self_scales),
            kinds=tuple(spec.kind_names),
            actions=tuple(spec.action_names),
            token_count=int(spec.token_count),
            features=tuple(spec.feature_names) if spec.token_count else (),
            feature_scales=tuple(float(scale) for scale in spec.feature_scales) if spec.token_count else (),
        )

    @classmethod
    def of_floats(cls, floats: int, actions: Sequence[str], head_sizes: Sequence[int] = ()) -> Signature:
        """The signature of an environment that is not ours: rows of float32, and actions of one head or of several."""
        return cls((), (), 0, 0, (), (), (), tuple(actions), floats=floats, head_sizes=tuple(head_sizes))

    @property
    def encoding(self) -> str:
        """How an observation is written: planes, tokens or floats."""
        return "floats" if self.floats else "tokens" if self.token_count else "planes"

    @property
    def cell_count(self) -> int:
        """Cells of the window."""
        return self.window_height * self.window_width

    @property
    def plane_bytes(self) -> int:
        """Bytes of all planes: the self vector starts there."""
        return len(self.planes) * self.cell_count

    @property
    def observation_size(self) -> int:
        """Entries of one observation row: bytes, or floats."""
        return self.floats or 3 * self.token_count or self.plane_bytes + len(self.self_features)

    def plane_groups(self) -> tuple[ByteGroup, ...]:
        """The planes, in order."""
        cells = self.cell_count
        return tuple(ByteGroup(i * cells, cells, classes) for i, classes in enumerate(self.plane_classes))

    def coded_self_groups(self) -> tuple[ByteGroup, ...]:
        """The self features that are one-hot, in order."""
        features = zip(self.self_features, self.self_scales, strict=True)
        return tuple(
            ByteGroup(self.plane_bytes + i, 1, int(scale) + 1)
            for i, (name, scale) in enumerate(features)
            if name in CATEGORICAL_SELF_FEATURES
        )

    def scaled_self_features(self) -> tuple[tuple[int, float], ...]:
        """(byte, scale) of the self features that are amounts, in order."""
        features = zip(self.self_features, self.self_scales, strict=True)
        return tuple(
            (self.plane_bytes + i, max(scale, 1.0))
            for i, (name, scale) in enumerate(features)
            if name not in CATEGORICAL_SELF_FEATURES
        )

    def value_names(self, feature: str, classes: int) -> tuple[str, ...]:
        """What each value of a plane, a self feature or a token feature means; empty where it is an amount."""
        if feature in (KIND_PLANE, KIND_FEATURE):
            return ("outside", "empty", "agent", *self.kinds)
        if feature == "last_action":
            return ("none", *self.actions)
        coded = feature in self.planes or feature in CATEGORICAL_SELF_FEATURES | CATEGORICAL_TOKEN_FEATURES
        return tuple(str(value) for value in range(classes)) if coded else ()

    def to_meta(self) -> dict[str, Any]:
        """A JSON-ready form for a checkpoint's meta."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_meta(cls, meta: object) -> Signature:
        """Read back what `to_meta` wrote.

        Raises:
            CheckpointError: a field is missing or of another type.
        """
        if not isinstance(meta, Mapping):
            raise CheckpointError("the checkpoint does not say which game it was trained for")
        try:
            return cls(
                planes=tuple(str(name) for name in meta["planes"]),
                plane_classes=tuple(int(count) for count in meta["plane_classes"]),
                window_height=int(meta["window_height"]),
                window_width=int(meta["window_width"]),
                self_features=tuple(str(name) for name in meta["self_features"]),
                self_scales=tuple(float(scale) for scale in meta["self_scales"]),
                kinds=tuple(str(name) for name in meta["kinds"]),
                actions=tuple(str(name) for name in meta["actions"]),
                token_count=int(meta.get("token_count", 0)),  # older checkpoints know planes alone
                features=tuple(str(name) for name in meta.get("features", ())),
                feature_scales=tuple(float(scale) for scale in meta.get("feature_scales", ())),
                floats=int(meta.get("floats", 0)),
                head_sizes=tuple(int(size) for size in meta.get("head_sizes", ())),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"the checkpoint's description of its game is damaged: {error}") from error

    def require_same(self, game: Signature, subjects: Collection[str] | None = None) -> None:
        """Refuse a game that differs.

        Args:
            subjects: all that must be the same; everything, unless told.

        Raises:
            CheckpointError: in words, the first thing that differs.
        """
        if words := self.difference(game, subjects):
            raise CheckpointError(
                f"the checkpoint was trained with {words}",
                hint="choose a game with the same names, or a checkpoint trained on this one",
            )

    def difference(self, game: Signature, subjects: Collection[str] | None = None) -> str:
        """The first thing that differs, in words that begin with what this one has; empty: nothing."""
        mine, theirs = self._in_words(), game._in_words()
        for subject, own in mine.items():
            if own != theirs[subject] and (subjects is None or subject in subjects):
                return f"{subject} {own}; this game has {theirs[subject]}"
        return ""

    def _in_words(self) -> dict[str, str]:
        scales = zip(self.self_features, self.self_scales, strict=True)
        token_scales = zip(self.features, self.feature_scales, strict=True)
        return {
            "the encoding": self.encoding,
            "the actions": ", ".join(self.actions),
            "the object kinds": ", ".join(self.kinds) or "(none)",
            "the planes": ", ".join(f"{p}[{n}]" for p, n in zip(self.planes, self.plane_classes, strict=True)),
            "a window of": f"{self.window_width} x {self.window_height} cells",
            "the self features": ", ".join(self.self_features),
            "self features scaled by": ", ".join(f"{name}/{scale:g}" for name, scale in scales),
            "the token features": ", ".join(f"{name}/{scale:g}" for name, scale in token_scales),
            "a token budget of": str(self.token_count),
            "floats": str(self.floats),
            "action heads of": ", ".join(map(str, self.head_sizes)) or "one choice",
        }

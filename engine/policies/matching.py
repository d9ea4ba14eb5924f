"""A network trained on one game made to play another: its weights moved by the names of what they are for.

Pure functions over networks; any thread. An input that the other game lacks is dropped, one that is new to the network
has weights of 0, and an action it was never trained with is never chosen.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.errors import CheckpointError

from .layers import OneHotLinear
from .networks import AttentionNetwork, CnnNetwork, MlpNetwork, PolicyNetwork, build_network
from .signature import Signature
from .tokens import TokenLinear, TokenReader

_MOST_NAMES = 8  # told of what differs: a person reads them on one line or two
_NEVER = -1e9  # bias of an action that is not known: its probability is exactly 0

Name = Hashable


@dataclass(frozen=True)
class _Axis:
    """What the entries of one dimension of a parameter are for."""

    dim: int
    names: list[Name]
    scales: list[float] | None = None  # what each input is divided by, where that is more than 1
    fill: float = 0.0  # for names that are new


def matched(network: PolicyNetwork, game: Signature) -> tuple[PolicyNetwork, tuple[str, ...]]:
    """The network for another game, and in words what it does not know there.

    Raises:
        CheckpointError: no sensible match: names that only overlap, another window or another kind of observation.
    """
    trained = network.signature
    if trained == game:
        return network, ()
    _refuse_unlike(network, game)
    fitted = build_network(network.architecture, game, seed=0)
    before, after = dict(_axes(network)), dict(_axes(fitted))
    weights = {
        name: _moved(tensor, before[name], after[name]) if name in before else tensor
        for name, tensor in network.state_dict().items()
    }
    fitted.load_state_dict(weights)
    return fitted, tuple(_notes(trained, game))


def _refuse_unlike(network: PolicyNetwork, game: Signature) -> None:
    """Raise where names cannot be matched."""
    trained = network.signature
    fixed = ["the encoding", "floats", "action heads of"]
    if trained.head_sizes:
        fixed.append("the actions")
    if not isinstance(network, AttentionNetwork):  # which knows places by their distance from the agent
        fixed.append("a window of")
    trained.require_same(game, fixed)
    strange = [_differing(*each) for each in _lists(trained, game) if not _fits(*each[1:])]
    if strange:
        raise CheckpointError(
            f"the checkpoint was trained with {'; with '.join(strange)}",
            hint="a game may have more of them or fewer, in any order; here both lack some of the other's",
        )
    if not set(trained.actions) & set(game.actions):
        raise CheckpointError("the checkpoint knows no action of this game", hint="choose another checkpoint")


def _fits(mine: Sequence[str], theirs: Sequence[str]) -> bool:
    return set(mine) <= set(theirs) or set(theirs) <= set(mine)


def _differing(subject: str, mine: Sequence[str], theirs: Sequence[str]) -> str:
    """What each side has that the other lacks, by name."""
    gone = [name for name in mine if name not in theirs]
    new = [name for name in theirs if name not in mine]
    return f"the {subject} {_some(gone)}, which this game lacks, and without {_some(new)}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def _lists(trained: Signature, game: Signature) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    yield "actions", trained.actions, game.actions
    yield "object kinds", trained.kinds, game.kinds
    yield "planes", trained.planes, game.planes
    yield "self features", trained.self_features, game.self_features
    yield "token features", trained.features, game.features


def _notes(trained: Signature, game: Signature) -> Iterator[str]:
    for subject, mine, theirs in _lists(trained, game):
        new = [name for name in theirs if name not in mine]
        gone = [name for name in mine if name not in theirs]
        if new:
            meaning = "never chosen" if subject == "actions" else "not seen"
            yield f"{subject} that the policy was not trained with are {meaning}: {', '.join(new)}"
        if gone:
            yield f"{subject} that the policy was trained with are missing here: {', '.join(gone)}"


def _moved(weights: Tensor, before: _Axis, after: _Axis) -> Tensor:
    """The same weights for the same names, in another order."""
    places = {name: place for place, name in enumerate(before.names)}
    known = [place for place, name in enumerate(after.names) if name in places]
    sources = [places[after.names[place]] for place in known]
    source = weights.transpose(0, before.dim).index_select(0, torch.tensor(sources, dtype=torch.int64))
    if before.scales is not None and after.scales is not None:
        # w * v / old = (w * new / old) * v / new
        ratios = [after.scales[place] / before.scales[at] for place, at in zip(known, sources, strict=True)]
        source = source * torch.tensor(ratios).view(-1, *[1] * (source.dim() - 1))
    moved = torch.full((len(after.names), *source.shape[1:]), after.fill, dtype=weights.dtype)
    moved[torch.tensor(known, dtype=torch.int64)] = source
    return moved.transpose(0, before.dim).contiguous()


# ---- What weights are for


def _axes(network: PolicyNetwork) -> Iterator[tuple[str, _Axis]]:
    """Each parameter whose shape or order the game decides."""
    actions: list[Name] = list(network.signature.actions)
    yield "policy_head.weight", _Axis(0, actions)
    yield "policy_head.bias", _Axis(0, actions, fill=_NEVER)
    if isinstance(network, MlpNetwork):
        yield from _mlp_axes(network)
    elif isinstance(network, CnnNetwork):
        yield from _cnn_axes(network)
    elif isinstance(network, AttentionNetwork):
        names, scales = _codes(network.attention.reader, network.signature)
        yield "attention.table", _Axis(0, names)
        yield "attention.slopes", _Axis(0, names, scales)


def _mlp_axes(network: MlpNetwork) -> Iterator[tuple[str, _Axis]]:
    signature = network.signature
    if isinstance(network.entry, OneHotLinear):
        values = [*_plane_values(signature, signature.cell_count), *_coded_values(signature)]
        yield "entry.weight", _Axis(0, values)
        names, scales = _amounts(signature)
        yield "amount_entry.weight", _Axis(1, names, scales)
    elif isinstance(network.entry, TokenLinear):
        names, scales = _codes(network.entry.reader, signature)
        cells = range(signature.cell_count)
        yield "entry.weight", _Axis(0, [(cell, name) for cell in cells for name in names], scales * len(cells))


def _cnn_axes(network: CnnNetwork) -> Iterator[tuple[str, _Axis]]:
    signature = network.signature
    if network.box is not None:
        names, scales = _codes(network.box.reader, signature)
        yield "box.table", _Axis(0, names, scales)
        return
    yield "convolutions.0.weight", _Axis(1, _plane_values(signature, 1))
    names, scales = _amounts(signature)
    before: list[Name] = [*range(network.seen_count), *_coded_values(signature)]
    yield "entry.weight", _Axis(1, [*before, *names], [*[1.0] * len(before), *scales])


def _plane_values(signature: Signature, cells: int) -> list[Name]:
    """(plane, cell, value) of each one-hot entry of the window."""
    return [
        (plane, cell, value)
        for plane, classes in zip(signature.planes, signature.plane_classes, strict=True)
        for cell in range(cells)
        for value in signature.value_names(plane, classes)
    ]


def _coded_values(signature: Signature) -> list[Name]:
    """(self feature, value) of each one-hot entry of the self vector."""
    first = signature.plane_bytes
    named = [(signature.self_features[group.start - first], group) for group in signature.coded_self_groups()]
    return [(name, value) for name, group in named for value in signature.value_names(name, group.classes)]


def _amounts(signature: Signature) -> tuple[list[Name], list[float]]:
    """The self features that are amounts, and their scales."""
    found = signature.scaled_self_features()
    return [signature.self_features[byte - signature.plane_bytes] for byte, _ in found], [scale for _, scale in found]


def _codes(reader: TokenReader, signature: Signature) -> tuple[list[Name], list[float]]:
    """The codes of tokens, and what their values are divided by."""
    scales = dict(zip(signature.features, signature.feature_scales, strict=True))
    divided = [1.0 if value or not feature else max(scales[feature], 1.0) for feature, value in reader.code_names]
    return list(reader.code_names), divided

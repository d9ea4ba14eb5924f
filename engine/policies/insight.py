"""What a network's policy makes of a moment: what if the agent stood elsewhere, which cells matter, where it looks.

Pure functions: no policy remembers more after them, no random stream moves, and no env but the scratch one changes. All
take the policy as it is before it acts on the moment, with what its rows remember then. To look back, restore the state
that the policy had at an earlier step into `policy.again(0)`, and let that act on the observations in between.

Any thread, as long as nobody else uses the policy or the scratch batch meanwhile. Loads torch, in which each of them is
one pass.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from engine.errors import UsageError
from engine.sim import EMPTY, NO_TOKEN, Batch

from .cast import Cast
from .decision import entropy_of, most_entropy
from .networks import AttentionNetwork
from .registry import Policy
from .signature import Signature
from .trained import TorchPolicy

MOST_CELLS = 4096
"""Cells of one `what_if`: 64 x 64, as much as a screen shows."""

Floats = NDArray[np.float32]
Box = tuple[int, int, int, int]
"""Row, column, height and width of a part of a map, in cells; may lie beyond its edges."""


@dataclass(frozen=True)
class Scale:
    """What a number can be, and what it is of."""

    low: float
    high: float
    unit: str


@dataclass(frozen=True)
class Origin:
    """What an insight was taken from."""

    policy: str
    """Name and version."""
    sample: str
    """The moment, as the caller calls it."""
    agent: int


@dataclass(frozen=True)
class WhatIf:
    """Of n cells: what the policy would make of the agent standing there, all else as it is."""

    origin: Origin
    cells: NDArray[np.intp]
    """(n, 2): row and column; by rows, and left before right."""
    probabilities: Floats
    """(n, actions)"""
    actions: NDArray[np.intp]
    """(n,): the likeliest, which is not the one that is drawn."""
    values: Floats
    """(n,)"""
    entropies: Floats
    """(n,)"""
    value_scale: Scale
    entropy_scale: Scale


@dataclass(frozen=True)
class Saliency:
    """Of the cells of the window: how much changes where the policy is not shown one of them."""

    origin: Origin
    change: Floats
    """(h, w): total variation between the action probabilities with the cell and without: half the sum of what they
    differ by, 0 where nothing changes and 1 where nothing is left of what it would have done."""
    value_change: Floats
    """(h, w): the value without the cell, less the value with it."""
    scale: Scale
    value_scale: Scale


@dataclass(frozen=True)
class Attention:
    """Of the cells of the window: how much the policy looks at what they tell, mean over latents and heads."""

    origin: Origin
    weights: Floats
    """(h, w), which add up to 1; what the agent is told of itself counts for the middle."""
    scale: Scale


def what_if(
    policy: Policy,
    scratch: Batch,
    state: bytes,
    agent: int,
    *,
    box: Box | None = None,
    row: int | None = None,
    sample: str = "",
) -> WhatIf:
    """Ask the policy about every free cell as if the agent stood there, with what it holds and remembers.

    Args:
        scratch: a batch of one env over the worlds of the game, which is left in that state.
        state: of one env, as `Batch.save` gives it.
        box: only cells of it; the whole map, unless told. Of more than MOST_CELLS those nearest to the agent are asked.
        row: whose memory; the agent's in env 0, unless told.
        sample: what the result is to call the moment.

    Raises:
        UsageError: the agent is not played by a network.
        SimError: the state is of another game.
    """
    player = network_player(policy, agent)
    scratch.load(state, 0, 1)
    cells = _free_cells(scratch, agent, box)
    seen, masks = _seen_from(scratch, agent, cells, player.masked)
    scratch.load(state, 0, 1)
    probabilities, values = player.imagine(agent if row is None else row, seen, masks)
    entropies = entropy_of(probabilities)
    most = most_entropy(player.heads.sizes)
    return WhatIf(
        origin=Origin(player.name, sample, agent),
        cells=cells,
        probabilities=probabilities,
        actions=probabilities.argmax(axis=1),
        values=values,
        entropies=entropies,
        value_scale=Scale(*_range_of(values), "value: discounted reward to come"),
        entropy_scale=Scale(0.0, most, "entropy of the action, nats"),
    )


def saliency(
    policy: Policy,
    observation: NDArray[np.uint8],
    agent: int,
    *,
    mask: NDArray[np.bool_] | None = None,
    row: int | None = None,
    sample: str = "",
) -> Saliency:
    """Hide one cell of the window after the other from the policy: as if it lay outside, or told no token.

    The self vector of a game of planes is never hidden; what tokens tell of the agent itself is part of the middle.

    Args:
        observation: (size,) of the agent.
        mask: (actions,) of legal actions; read only for a policy that is `masked`.
        row: whose memory; the agent's in env 0, unless told.

    Raises:
        UsageError: the agent is not played by a network, or by one of no game of ours.
    """
    player = network_player(policy, agent)
    row = agent if row is None else row
    signature = player.network_of(row).signature
    without = _without_each_cell(observation, signature)
    differ = (without != observation).any(axis=1).nonzero()[0]
    asked = np.concatenate([observation[None], without[differ]])
    masks = None
    if mask is not None and player.masked:
        masks = np.repeat(mask[None].astype(np.uint8), len(asked), axis=0)
    probabilities, values = player.imagine(row, asked, masks)
    change = np.zeros(signature.cell_count, np.float32)
    change[differ] = np.abs(probabilities[1:] - probabilities[0]).sum(axis=1) / 2 / len(player.heads.sizes)
    value_change = np.zeros(signature.cell_count, np.float32)
    value_change[differ] = values[1:] - values[0]
    largest = float(np.abs(value_change).max())
    window = (signature.window_height, signature.window_width)
    return Saliency(
        origin=Origin(player.name, sample, agent),
        change=change.reshape(window),
        value_change=value_change.reshape(window),
        scale=Scale(0.0, 1.0, "total variation of the action"),
        value_scale=Scale(-largest, largest, "change of the value without the cell"),
    )


def attention(
    policy: Policy, observation: NDArray[np.uint8], agent: int, *, row: int | None = None, sample: str = ""
) -> Attention | None:
    """How much the policy looks at each cell of the window (observation: (size,)); None where its network has no eyes.

    Raises:
        UsageError: the agent is not played by a network.
    """
    player = network_player(policy, agent)
    network = player.network_of(agent if row is None else row)
    if not isinstance(network, AttentionNetwork):
        return None
    with torch.inference_mode():
        weights, locations = network.attention.weights(torch.from_numpy(observation[None].copy()))
        cells = network.attention.reader.cells[locations[0]]
        looked = torch.zeros(network.signature.cell_count).index_add(0, cells, weights[0]).numpy()
    return Attention(
        origin=Origin(player.name, sample, agent),
        weights=looked.reshape(network.signature.window_height, network.signature.window_width),
        scale=Scale(0.0, float(looked.max()), "share of the attention"),
    )


def network_player(policy: Policy, agent: int) -> TorchPolicy:
    """The policy of networks that plays an agent.

    Raises:
        UsageError: a scripted one does, of which none of this can be asked.
    """
    player = policy.member_of(agent) if isinstance(policy, Cast) else policy
    if not isinstance(player, TorchPolicy):
        raise UsageError(f"{player.name} is no network: it has no values", hint="let a trained policy play the agent")
    return player


def _free_cells(scratch: Batch, agent: int, box: Box | None) -> NDArray[np.intp]:
    """(n, 2) where nothing stands, or the agent itself; the nearest to it where there are too many."""
    view = scratch.look()
    free = view.cells == EMPTY
    own = np.array([view.agents[agent].row, view.agents[agent].column])
    free[tuple(own)] = True
    if box is not None:
        row, column, height, width = box
        inside = np.zeros_like(free)
        inside[max(row, 0) : max(row + height, 0), max(column, 0) : max(column + width, 0)] = True
        free &= inside
    cells = np.argwhere(free)
    if len(cells) > MOST_CELLS:
        nearest = np.abs(cells - own).max(axis=1).argsort(kind="stable")[:MOST_CELLS]
        cells = cells[np.sort(nearest)]
    return cells


def _seen_from(
    scratch: Batch, agent: int, cells: NDArray[np.intp], masked: bool
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """What the agent would see from each cell, (n, size), and what it could do there, (n, actions)."""
    seen = np.empty((len(cells), scratch.spec.observation_size), np.uint8)
    masks = np.empty((len(cells), len(scratch.spec.action_names)), np.uint8)
    for index, (row, column) in enumerate(cells.tolist()):
        scratch.place(agent, row, column)
        seen[index] = scratch.observe()[agent]
        if masked:
            masks[index] = scratch.action_mask()[agent]
    return seen, masks if masked else None


def _without_each_cell(observation: NDArray[np.uint8], signature: Signature) -> NDArray[np.uint8]:
    """(cells, size): the observation with what it tells of one cell of the window left out, cell by cell."""
    if signature.encoding == "floats":
        raise UsageError("this network sees no cells", hint="saliency is for gridworlds")
    count, width = signature.cell_count, signature.window_width
    without = np.repeat(observation[None], count, axis=0)
    cells = np.arange(count)
    if signature.encoding == "planes":
        planes = without[:, : signature.plane_bytes].reshape(count, len(signature.planes), count)  # a view
        planes[cells, :, cells] = 0
        return without
    tokens = without.reshape(count, -1, 3)
    locations = (cells // width * 16 + cells % width).astype(np.uint8)
    tokens[tokens[:, :, 0] == locations[:, None]] = NO_TOKEN  # where it stood: networks know no order
    return without


def _range_of(values: Floats) -> tuple[float, float]:
    return (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)

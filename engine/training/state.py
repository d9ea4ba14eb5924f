"""The exact state of a trainer: what a run needs beside its weights to go on as if it had never stopped.

Pure functions over a Trainer, called by its thread. Together with `Learner.tensors` that is everything: weights,
optimiser, normalisers, memories, all random streams, the worlds, the steps of an unfinished rollout, episodes that
ended and are not yet reported, hyperparameters, what schedules and components remember.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import Tensor

from engine.errors import CheckpointError
from engine.policies.trained import NETWORK_PREFIX
from engine.runs import load_checkpoint
from engine.sim import Episodes

from .report import ARRAYS, joined

if TYPE_CHECKING:
    from .rollout import Lane
    from .trainer import Trainer

_AFTER: Final = ("observations", "masks", "starts")
"""Tables whose last entry is the next rollout's first."""

_PIECES: Final = 8
"""So many, if their number divides by it, are the envs of a lane saved in: as many ranks can go on with them."""

_TAKEN: Final = ("actions", "rewards", "terminated", "truncated", "log_probs", "values", "final_values")
"""Tables that the steps of an unfinished rollout have filled."""


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and meta of a checkpoint, every byte checked.

    Raises:
        CheckpointError: missing, damaged, or of another version.
    """
    arrays, manifest = load_checkpoint(path)
    return {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}, dict(manifest["meta"])


def state_tensors(trainer: Trainer) -> dict[str, Tensor]:
    """Everything but what the learners keep themselves. All ranks call this together; the first has it all."""
    ranks = trainer.ranks
    found = {"generator": trainer.drawn_from if trainer.in_rollout else trainer.generator.get_state()}
    for name in (*_AFTER, *(_TAKEN if trainer.in_rollout else ())):
        table = getattr(trainer.rollout, name)
        if table is not None:
            found[f"rollout.{name}"] = ranks.gathered(table if trainer.in_rollout else table[-1:], dim=1)
    if trainer.in_rollout:
        found.update(_unfinished(trainer))
    found.update(ranks.merged({name: tensor for lane in trainer.lanes for name, tensor in _lane_tensors(lane).items()}))
    found.update(_episode_tensors(trainer))
    return found


def _lane_tensors(lane: Lane) -> dict[str, Tensor]:
    """Its envs, in pieces so that another number of ranks can share them; and what its players remember."""
    batch, found = lane.batch, {}
    piece = batch.env_count // math.gcd(batch.env_count, _PIECES)
    for first in range(0, batch.env_count, piece):
        state = torch.frombuffer(bytearray(batch.save(first, piece)), dtype=torch.uint8)
        found[f"envs.{batch.first_env + first}.{piece}"] = state
    for number, player in enumerate(lane.players):
        for key, value in player.state().items():
            found[f"players.{batch.first_env}.{number}.{key}"] = value
    return found


def _unfinished(trainer: Trainer) -> dict[str, Tensor]:
    """What the learners know of an unfinished rollout: what its sequences began from, and the values at the end of
    the lanes that got there."""
    found = {}
    for learner in trainer.learners:
        found[f"rollout.last_values.{learner.name}"] = trainer.ranks.gathered(learner.last_values, dim=0)
        if learner.memories is not None:
            found[f"rollout.memories.{learner.name}"] = trainer.ranks.gathered(learner.memories, dim=1)
    return found


def _episode_tensors(trainer: Trainer) -> dict[str, Tensor]:
    """Episodes that ended in an unfinished rollout: they will be reported with it."""
    trainer.drain()
    episodes = trainer.ranks.episodes(joined(trainer.episodes))
    if not len(episodes):
        return {}
    return {f"episodes.{name}": torch.from_numpy(np.array(getattr(episodes, name))) for name in (*ARRAYS, "dropped")}


def state_meta(trainer: Trainer) -> dict[str, Any]:
    """What of the state is not tensors."""
    return {
        "in_rollout": trainer.in_rollout,
        "t": [lane.t for lane in trainer.lanes],
        "resets": trainer.resets,
        "worlds_made": trainer.worlds_made,
        "dropped": trainer.dropped,
        "elapsed_s": trainer.elapsed_s,
    }


def restore_state(trainer: Trainer, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
    """Bring a fresh trainer of the same settings to where the checkpoint was taken.

    Raises:
        CheckpointError: it is of another game, of other settings, or has no exact state; in words.
    """
    state = meta.get("state")
    if not isinstance(state, Mapping) or "generator" not in tensors:
        raise CheckpointError(
            "the checkpoint holds a policy and no run", hint="it can be played; train anew to go on from another run"
        )
    trainer.in_rollout = bool(state["in_rollout"])
    _require_shapes(trainer, tensors, updated=int(meta["iteration"]) > 0)
    for learner in trainer.learners:
        learner.restore(tensors)
    for name in (*_AFTER, *(_TAKEN if trainer.in_rollout else ())):
        table = getattr(trainer.rollout, name)
        if table is not None:
            saved = trainer.ranks.own(tensors[f"rollout.{name}"], dim=1)
            (table if trainer.in_rollout else table[-1:]).copy_(saved)
    trainer.rollout.upload()
    trainer.generator.set_state(tensors["generator"])
    trainer.drawn_from = tensors["generator"]
    if trainer.in_rollout:
        trainer.draw()
        _restore_unfinished(trainer, tensors, state)
    for lane in trainer.lanes:
        _restore_envs(lane.batch, tensors)
        for number, player in enumerate(lane.players):
            prefix = f"players.{lane.batch.first_env}.{number}."
            own = {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
            if own.keys() != player.state().keys():
                raise CheckpointError(
                    f"the checkpoint does not say what plays without learning from env {lane.batch.first_env} on",
                    hint="resume with the ranks and learner_threads that it was saved with",
                )
            player.restore(own)
    trainer.resets, trainer.worlds_made = int(state["resets"]), int(state["worlds_made"])
    trainer.dropped = int(state["dropped"])
    trainer.elapsed_before = float(state["elapsed_s"])
    trainer.step, trainer.iteration = int(meta["step"]), int(meta["iteration"])
    _restore_episodes(trainer, tensors)


def _require_shapes(trainer: Trainer, tensors: Mapping[str, Tensor], *, updated: bool) -> None:
    """Compare what is there before anything changes.

    Raises:
        CheckpointError: something is missing or of another shape; with both shapes.
    """
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    for name, shape in _expected_shapes(trainer, tensors, updated=updated).items():
        if found.get(name) != shape:
            raise CheckpointError(
                f"the checkpoint does not fit this run: {name} is {found.get(name, 'missing')}, the run needs {shape}",
                hint="is it this run's own? one of other settings can be played, and not gone on with",
            )


def _expected_shapes(trainer: Trainer, tensors: Mapping[str, Tensor], *, updated: bool) -> dict[str, tuple[int, ...]]:
    """Of networks, optimisers, normalisers, memories, and tables of the rollout over the rows of all ranks.

    Args:
        updated: whether the optimiser must have taken a step.
    """
    shapes: dict[str, tuple[int, ...]] = {"generator": tuple(trainer.generator.get_state().shape)}
    ranks = trainer.ranks.count
    for learner in trainer.learners:
        prefix = f"roles.{learner.name}." if learner.name else ""
        for name, tensor in learner.network.state_dict().items():
            shapes[prefix + NETWORK_PREFIX + name] = tuple(tensor.shape)
        rows, size = learner.memory.shape
        shapes[f"{prefix}memory"] = (rows * ranks, size)
        shapes[f"{prefix}shuffles"] = tuple(learner.generator.get_state().shape)
        if learner.return_scale is not None:
            shapes[f"{prefix}return_scale.returns"] = (rows * ranks,)
            shapes |= {f"{prefix}return_scale.{name}": () for name in ("count", "mean", "squares")}
        if any(name.startswith(f"{prefix}optimizer.") for name in tensors) or updated:
            for name, parameter in learner.network.named_parameters():
                of_one = {"step": (), "exp_avg": tuple(parameter.shape), "exp_avg_sq": tuple(parameter.shape)}
                shapes |= {f"{prefix}optimizer.{name}.{key}": shape for key, shape in of_one.items()}
    for name in (*_AFTER, *(_TAKEN if trainer.in_rollout else ())):
        table = getattr(trainer.rollout, name)
        if table is not None:
            steps, rows, *rest = table.shape
            shapes[f"rollout.{name}"] = (steps if trainer.in_rollout else 1, rows * ranks, *rest)
    return shapes


def _restore_unfinished(trainer: Trainer, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    for learner in trainer.learners:
        learner.last_values.copy_(trainer.ranks.own(tensors[f"rollout.last_values.{learner.name}"], dim=0))
        if learner.memories is not None:
            learner.memories.copy_(trainer.ranks.own(tensors[f"rollout.memories.{learner.name}"], dim=1))
    steps = list(state["t"])
    if len(set(steps)) == 1:
        steps = steps[:1] * len(trainer.lanes)  # all stood at one step, so it does not matter who goes on with which
    if len(steps) != len(trainer.lanes) or (trainer.ranks.count > 1 and len(set(steps)) > 1):
        raise CheckpointError(
            f"the checkpoint was taken within a rollout, with {len(steps)} learner_threads at different steps",
            hint="resume it with one process, without torchrun",
        )
    for lane, t in zip(trainer.lanes, steps, strict=True):
        lane.t = int(t)


def _restore_envs(batch: Any, tensors: Mapping[str, Tensor]) -> None:
    """Load all saved pieces that lie within the batch; together they must be the whole of it."""
    loaded = 0
    for name, tensor in tensors.items():
        if not name.startswith("envs."):
            continue
        first, count = (int(part) for part in name.split(".")[1:])
        if batch.first_env <= first and first + count <= batch.first_env + batch.env_count:
            batch.load(tensor.numpy().tobytes(), first - batch.first_env, count)
            loaded += count
    if loaded != batch.env_count:
        raise CheckpointError(
            f"the checkpoint's envs cannot be cut into {batch.env_count} from number {batch.first_env} on",
            hint="resume with the learner_threads, ranks and env_count that it was saved with",
        )


def _restore_episodes(trainer: Trainer, tensors: Mapping[str, Tensor]) -> None:
    """Those of all ranks, to the first: they are reported once."""
    if not trainer.ranks.is_first:
        return
    if "episodes.dropped" in tensors:
        arrays = {name: tensors[f"episodes.{name}"].numpy() for name in ARRAYS}
        trainer.episodes = [Episodes(**arrays, dropped=int(tensors["episodes.dropped"]))]

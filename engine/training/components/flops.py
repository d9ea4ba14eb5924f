"""An estimate of the arithmetic done, from the operations of one forward pass.

Logs time/flops_per_step and time/gflops. A product and its sum are two operations, the sum of rows that stands for a
one-hot product (OneHotLinear) one for each element. A step costs forward x (1 + 3 x epochs): the rollout's forward
pass, and in each epoch one forward and a backward of twice that; so 4 forwards with one epoch. Not counted:
activations, the optimiser, what V-trace and memories are refreshed with, and that the first layer needs no gradient of
its input. Costs one forward pass of one row at the start.
"""

from __future__ import annotations

import copy
import math
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from engine.policies.layers import OneHotLinear
from engine.policies.networks import PolicyNetwork

from .base import Component, TrainerView

_ops = torch.ops.aten


class FlopsEstimate(Component):
    """Counts each network once, when the first update is done."""

    name: ClassVar[str] = "flops"

    def __init__(self) -> None:
        self._forward: list[int] = []  # of each learner: operations of one row

    def on_epoch_end(self, trainer: TrainerView) -> None:
        if not self._forward:
            seen = trainer.rollout.observations[0, :1].cpu()
            self._forward = [forward_flops(learner.network, seen) for learner in trainer.learners]
        agents = trainer.spec.agent_count
        per_step = 0.0
        for learner, forward in zip(trainer.learners, self._forward, strict=True):
            share = 1.0 if learner.rows is None else float((learner.rows < agents).sum()) / agents
            per_step += share * forward * (1 + 3 * learner.hyper["epochs"])
        trainer.metrics["time/flops_per_step"] = per_step
        trainer.metrics["time/gflops"] = per_step * trainer.metrics["time/fps"] / 1e9


def forward_flops(network: PolicyNetwork, observations: Tensor) -> int:
    """Operations of one step of one row, of observations (1, size)."""
    twin = copy.deepcopy(network).cpu()  # on a GPU some layers are one operation that nobody can look into
    with torch.no_grad(), FlopCounterMode(display=False, custom_mapping=_MORE) as counter:
        twin.step(observations, torch.zeros(1, twin.memory_size))
    layers = _one_hot_layers(twin)
    in_c = sum((len(each.first_rows) + 2 * len(each.layout.amounts)) * each.weight.shape[1] for each in layers)
    return int(counter.get_total_flops()) + in_c


def _one_hot_layers(network: PolicyNetwork) -> list[OneHotLinear]:
    """Those whose additions torch does not see."""
    return [layer for layer in network.modules() if isinstance(layer, OneHotLinear)]


# What torch does not count: (*shapes of the arguments, out_shape) -> operations.


def _selected_rows(weight: Any, indices: Any, *_: Any, **__: Any) -> int:
    return int(math.prod(indices) * weight[1])


def _recurrent_layer(inputs: Any, input_weight: Any, hidden_weight: Any, *_: Any, **__: Any) -> int:
    return int(2 * math.prod(inputs[:-1]) * (math.prod(input_weight) + math.prod(hidden_weight)))


def _attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    """(..., queries, width) on (..., keys, width): scores, and the sum of values that they weigh."""
    return int(2 * math.prod(query[:-1]) * key[-2] * (query[-1] + value[-1]))


_MORE = {
    _ops._embedding_bag: _selected_rows,
    _ops._embedding_bag_forward_only: _selected_rows,
    _ops.mkldnn_rnn_layer: _recurrent_layer,
    _ops._scaled_dot_product_flash_attention_for_cpu: _attention,
}

"""What a network remembers of an episode: an LSTM or a MinGRU between its encoder and its heads.

A part of a PolicyNetwork; used by its thread. A row's memory is one flat vector of floats. Both kinds go through time
step by step with gradients written by hand: over 32 steps of 2,048 rows and 64 units that is 4 times faster than
torch's autograd for the LSTM, and for the MinGRU 2.4 times faster than a parallel scan (one Zen 4 core).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

_BLOCK_ROWS = 512  # rows taken through time together on a CPU: their gates stay in the cache
_LONGEST = 64  # steps that a fresh unit may remember


class Memory(nn.Module):
    """State that rows carry from step to step. What comes out of it is `width` wide."""

    entry: nn.Linear
    """The inputs' share, made for all steps at once."""

    def __init__(self, width: int, size: int) -> None:
        super().__init__()
        self.width = width
        self.size = size
        """Floats that a row carries."""

    def forward(self, inputs: Tensor, memory: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
        """Go through whole sequences.

        Args:
            inputs: (T, B, width of the encoder).
            memory: (B, size) before t = 0.
            starts: (T, B) bool: nothing is remembered from before t.

        Returns:
            outputs (T, B, width), memory (B, size) after the last step.
        """
        with torch.autocast(inputs.device.type, enabled=False):  # errors of half floats would add up over time
            return self._through_time(self.entry(inputs.float()), memory, (~starts).float().unsqueeze(-1))

    def _through_time(self, entered: Tensor, memory: Tensor, keep: Tensor) -> tuple[Tensor, Tensor]:
        """The recurrence alone. keep: (T, B, 1), 0 where an episode starts."""
        raise NotImplementedError


class LstmMemory(Memory):
    """Hochreiter and Schmidhuber's, with forget gates. Memory: hidden state, then cell."""

    def __init__(self, width_in: int, units: int, generator: torch.Generator) -> None:
        super().__init__(units, 2 * units)
        self.entry = nn.Linear(width_in, 4 * units)  # gates in, forget, out; then the candidate
        self.recurrent = nn.Parameter(torch.empty(4 * units, units))
        nn.init.orthogonal_(self.entry.weight, 1.0, generator)
        nn.init.orthogonal_(self.recurrent, 1.0, generator)
        nn.init.zeros_(self.entry.bias)
        with torch.no_grad():
            self.entry.bias[:units] = -_spans(units)
            self.entry.bias[units : 2 * units] = _spans(units)

    def _through_time(self, entered: Tensor, memory: Tensor, keep: Tensor) -> tuple[Tensor, Tensor]:
        hidden, cell = memory.chunk(2, dim=1)
        outputs, last_cell = _LstmScan.apply(entered, self.recurrent, hidden, cell, keep)  # type: ignore[no-untyped-call]
        return outputs, torch.cat([outputs[-1], last_cell], dim=1)


class MinGruMemory(Memory):
    """Feng et al. 2024: h = (1 - z) h + z c, with gate z and candidate c from the input alone.

    An output gate, also from the input alone, follows: without it nothing after the encoder combines what is seen with
    what is remembered but by adding them up, and "turn by the cue, or against it where the light is red" is not learnt
    over 20 steps.
    """

    def __init__(self, width_in: int, units: int, generator: torch.Generator) -> None:
        super().__init__(units, units)
        self.entry = nn.Linear(width_in, 3 * units)  # gate, output gate, candidate
        nn.init.orthogonal_(self.entry.weight, 1.0, generator)
        nn.init.zeros_(self.entry.bias)
        with torch.no_grad():
            self.entry.bias[:units] = -_spans(units)

    def _through_time(self, entered: Tensor, memory: Tensor, keep: Tensor) -> tuple[Tensor, Tensor]:
        gates, output_gates, candidates = entered.chunk(3, dim=2)
        gates = gates.sigmoid()
        states: Tensor = _LinearScan.apply((1 - gates) * keep, gates * candidates, memory)  # type: ignore[no-untyped-call]
        return output_gates.sigmoid() * states, states[-1]


def _spans(units: int) -> Tensor:
    """Gate biases by which fresh units forget after 2 to _LONGEST steps (Tallec and Ollivier 2018).

    With zero biases all of them forget half at each step, and a cue 20 steps back is never learnt.
    """
    return torch.linspace(1, _LONGEST - 1, units).log()


class _LstmScan(torch.autograd.Function):
    """An LSTM over time for gates that have their inputs' share already."""

    @staticmethod
    def forward(
        ctx: Any, entered: Tensor, recurrent: Tensor, hidden: Tensor, cell: Tensor, keep: Tensor
    ) -> tuple[Tensor, Tensor]:
        steps, rows, units = *entered.shape[:2], recurrent.shape[1]
        gates = torch.empty_like(entered)  # in, forget, out, candidate: after their functions
        hiddens, cells, squashed, outputs = (entered.new_empty(steps, rows, units) for _ in range(4))
        last_cell = torch.empty_like(cells[0])
        for block in _blocks(entered):
            h, c = hidden[block], cell[block]
            for t in range(steps):
                h = torch.mul(h, keep[t, block], out=hiddens[t, block])  # before the step
                torch.mul(c, keep[t, block], out=cells[t, block])
                gate = torch.addmm(entered[t, block], h, recurrent.t(), out=gates[t, block])
                # tanh x = 2 sigmoid 2x - 1: torch's sigmoid is 6 times faster than its tanh
                gate[:, 3 * units :].mul_(2)
                gate.sigmoid_()
                gate[:, 3 * units :].mul_(2).sub_(1)
                enter, forget, leave, candidate = torch.split(gate, units, dim=1)
                c = torch.mul(forget, cells[t, block]).addcmul_(enter, candidate)
                tanh = torch.mul(c, 2, out=squashed[t, block]).sigmoid_().mul_(2).sub_(1)
                h = torch.mul(leave, tanh, out=outputs[t, block])
            last_cell[block] = c
        ctx.save_for_backward(recurrent, keep, gates, hiddens, cells, squashed)
        return outputs, last_cell

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_outputs: Tensor, d_last_cell: Tensor) -> tuple[Tensor | None, ...]:
        recurrent, keep, gates, hiddens, cells, squashed = ctx.saved_tensors
        units = recurrent.shape[1]
        d_entered = torch.empty_like(gates)
        d_hidden, d_cell = torch.zeros_like(hiddens[0]), d_last_cell.clone()
        for block in _blocks(gates):
            dh, dc = d_hidden[block], d_cell[block]
            for t in reversed(range(len(gates))):
                enter, forget, leave, candidate = torch.split(gates[t, block], units, dim=1)
                d_gate = d_entered[t, block]
                d_enter, d_forget, d_leave, d_candidate = torch.split(d_gate, units, dim=1)
                dh.add_(d_outputs[t, block])
                torch.mul(dh, squashed[t, block], out=d_leave)
                dc.add_(torch.ops.aten.tanh_backward(dh.mul_(leave), squashed[t, block]))
                torch.mul(dc, candidate, out=d_enter)
                torch.mul(dc, cells[t, block], out=d_forget)
                torch.mul(dc, enter, out=d_candidate)
                opened = d_gate[:, : 3 * units]
                opened.copy_(torch.ops.aten.sigmoid_backward(opened, gates[t, block, : 3 * units]))
                d_candidate.copy_(torch.ops.aten.tanh_backward(d_candidate, candidate))
                torch.mm(d_gate, recurrent, out=dh).mul_(keep[t, block])
                dc.mul_(forget).mul_(keep[t, block])
        d_recurrent = d_entered.flatten(0, 1).t() @ hiddens.flatten(0, 1)
        return d_entered, d_recurrent, d_hidden, d_cell, None


class _LinearScan(torch.autograd.Function):
    """h[t] = factors[t] * h[t - 1] + terms[t]."""

    @staticmethod
    def forward(ctx: Any, factors: Tensor, terms: Tensor, first: Tensor) -> Tensor:
        states = torch.empty_like(terms)
        for block in _blocks(terms):
            state = first[block]
            for t in range(len(terms)):
                state = torch.addcmul(terms[t, block], factors[t, block], state, out=states[t, block])
        ctx.save_for_backward(factors, states, first)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_states: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        factors, states, first = ctx.saved_tensors
        d_terms, d_factors = torch.empty_like(states), torch.empty_like(states)
        d_terms[-1] = d_states[-1]
        for block in _blocks(states):
            for t in reversed(range(len(states) - 1)):
                torch.addcmul(d_states[t, block], factors[t + 1, block], d_terms[t + 1, block], out=d_terms[t, block])
        torch.mul(d_terms[1:], states[:-1], out=d_factors[1:])
        torch.mul(d_terms[0], first, out=d_factors[0])
        return d_factors, d_terms, factors[0] * d_terms[0]


def _blocks(in_time: Tensor) -> list[slice]:
    """Slices of the rows (T, rows, ...) that go through time together: all of them but on a CPU."""
    rows = in_time.shape[1]
    length = _BLOCK_ROWS if in_time.device.type == "cpu" else rows
    return [slice(start, start + length) for start in range(0, rows, length)]


MEMORIES: dict[str, type[LstmMemory] | type[MinGruMemory]] = {"lstm": LstmMemory, "mingru": MinGruMemory}
"""By what an Architecture calls them."""

"""A stack of valid 3x3x3 convolutions with tanh between, as matrix products, and its gradients.

The convolutions of torch take few channels badly. Here a brick lies flat in memory, one row for each channel, so that
the neighbour under a kernel's tap is the same row, shifted. A convolution is then either

    gather:  out = W (out, 27 in)  @ the 27 shifted copies of the input
    scatter: out = the shifted sum of the 27 rows of  W (27 out, in) @ input

whichever shifts fewer rows: 4 to 6 times as fast on a CPU for one channel -> 16 -> one. What a shift wraps round the
brick's end lands in places that no valid output reads.
"""

from __future__ import annotations

import math
from typing import Sequence

import torch
from torch import Tensor

TAPS = 27


def tap_offsets(shape: Sequence[int]) -> list[int]:
    """How far each tap of a 3x3x3 kernel lies from its corner in a flat brick of ``shape`` (z, y, x)."""
    _, y, x = shape
    return [(a * y + b) * x + c for a in range(3) for b in range(3) for c in range(3)]


def unfold(rows: Tensor, offsets: Sequence[int]) -> Tensor:
    """(channels, n) -> (27 channels, n - last offset): the rows as each tap sees them, tap by tap."""
    channels, length = rows.shape[0], rows.shape[1] - offsets[-1]
    seen = rows.new_empty(TAPS, channels, length)
    for copy, offset in zip(seen, offsets):
        copy.copy_(rows[:, offset : offset + length])
    return seen.reshape(TAPS * channels, length)


def fold(rows: Tensor, offsets: Sequence[int]) -> Tensor:
    """(27 channels, n) -> (channels, n - last offset): the sum of what each tap gives, shifted to one place."""
    given = rows.reshape(TAPS, -1, rows.shape[1])
    length = rows.shape[1] - offsets[-1]
    total = given[0, :, :length].clone()
    for row, offset in zip(given[1:], offsets[1:]):
        total += row[:, offset : offset + length]
    return total


def unfold_adjoint(rows: Tensor, offsets: Sequence[int]) -> Tensor:
    """(channels, n) -> (27 channels, n + last offset): what reaches the rows before ``fold`` from those after it."""
    channels, (reach, length) = rows.shape[0], (offsets[-1], rows.shape[1])
    padded = torch.nn.functional.pad(rows, (reach, reach))
    spread = rows.new_empty(TAPS, channels, length + reach)
    for copy, offset in zip(spread, offsets):
        copy.copy_(padded[:, reach - offset : 2 * reach - offset + length])
    return spread.reshape(TAPS * channels, length + reach)


class FlatConvolutions:
    """The convolutions of one filter; ``weights`` (out, in, 27) and ``biases`` (out,), first layer first."""

    def __init__(self, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> None:
        self.weights, self.biases = list(weights), list(biases)
        self._inputs: list[Tensor] = []
        self._seen: list[Tensor] = []
        self._offsets: list[int] = []

    @property
    def halo(self) -> int:
        """Samples that the layers take off every side of a brick."""
        return len(self.weights)

    def __call__(self, brick: Tensor) -> Tensor:
        """(in, z, y, x) -> (out, z - 2 halo, y - 2 halo, x - 2 halo), a view; remembered for ``gradients``."""
        rows = brick.reshape(brick.shape[0], -1)
        self._offsets, self._inputs, self._seen = tap_offsets(brick.shape[1:]), [], []
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases)):
            if index > 0:
                # tanh by way of the logistic function, which torch computes several times as fast.
                rows = rows.mul_(2).sigmoid_().mul_(2).sub_(1)
            out, channels, _ = weight.shape
            self._inputs.append(rows)
            if channels <= out:
                seen = unfold(rows, self._offsets)
                rows = torch.addmm(bias[:, None], weight.transpose(1, 2).reshape(out, -1), seen)
            else:
                seen = rows
                rows = fold(_scattering(weight) @ rows, self._offsets).add_(bias[:, None])
            self._seen.append(seen)
        return _valid(rows, brick.shape[1:], self.halo)

    def gradients(self, error: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Gradients of sum(error * output) by weights and by biases, for the brick of the last call."""
        brick = [s + 2 * self.halo for s in error.shape[1:]]
        rows = error.new_zeros(error.shape[0], math.prod(brick) - self.halo * self._offsets[-1])
        _valid(rows, brick, self.halo).copy_(error)
        by_weight: list[Tensor] = []
        by_bias: list[Tensor] = []
        for index in reversed(range(len(self.weights))):
            weight, seen = self.weights[index], self._seen[index]
            out, channels, _ = weight.shape
            by_bias.append(rows.sum(1))
            if channels <= out:
                by_weight.append((rows @ seen.T).reshape(out, TAPS, channels).transpose(1, 2))
            if index == 0 and channels <= out:
                break
            spread = unfold_adjoint(rows, self._offsets)
            if channels > out:
                by_weight.append((spread @ seen.T).reshape(TAPS, out, channels).permute(1, 2, 0))
            if index > 0:
                rows = torch.ops.aten.tanh_backward(_scattering(weight).T @ spread, self._inputs[index])
        return by_weight[::-1], by_bias[::-1]


def _scattering(weight: Tensor) -> Tensor:
    out, channels, _ = weight.shape
    return weight.permute(2, 0, 1).reshape(TAPS * out, channels)


def _valid(rows: Tensor, shape: Sequence[int], halo: int) -> Tensor:
    """The valid outputs among flat rows, as a view."""
    _, y, x = shape
    inner = [s - 2 * halo for s in shape]
    return rows.as_strided((rows.shape[0], *inner), (rows.stride(0), y * x, x, 1))

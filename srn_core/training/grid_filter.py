"""Training of the residual filter on a latent grid: grid' = grid + conv(tanh(conv(grid))), 3x3x3 each.

It learns, from one decoded volume and its truth, what the quantisation of the coefficients took away. Measured on
volumes of 2 to 17 million voxels, 25 to 190 KB of coefficients: 1.6 to 3.3 dB for 881 weights on turbulence, mixing
fluids and magnetohydrodynamics; 0.4 dB on a hurricane of 25 slices in 8 KB. One wide layer of tanh does it: two layers
of 8 need 2.5 times the weights for little more. Sine, snake and gelu gave less than tanh.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Optional, Sequence

import numpy as np
import torch
from torch import Tensor

from srn_core.progress import Progress, ProgressCallback
from srn_core.training.bricks import Bricks, Slices, brick_shape, tiles
from srn_core.training.flat_convolution import FlatConvolutions
from srn_core.training.rotated_adam import RotatedAdam

BRICK_VOXELS = 24**3
"""Voxels of a step. More steps of less noise were worth more than larger bricks; smaller ones are mostly halo."""
LEAST_STEPS_OF_A_PASS = 8
"""Small volumes are learnt in smaller bricks."""
TILE_VOXELS = 38**3
"""Voxels measured at once: what a core's cache holds."""
SAMPLE_TILES = 24
"""Tiles that judge an unfinished filter; the finished one is measured on the whole volume."""
RATE = 0.08
"""Learning rate times the root of the first layer's channels: 0.02 for 16."""
WARM_UP, FINAL_RATE = 0.1, 0.02
"""Share of the training in which the rate rises; share of the rate that is left at the end of its cosine."""
WARM_UP_STEPS = 50
"""It rises for at least so many steps, until the optimiser has seen what it divides by."""
INPUT_UNIT = 2.0
"""One unit of the first layer's input, in root mean square errors of the decoded values: the filter tells errors from
structure by their size, so that is where tanh must bend."""
WEIGHT_LEVELS = 127
"""Weights come back as whole multiples, up to this one, of a step for each array: 8 bits."""
CHANNELS_BY_BYTES = ((100_000, 32), (25_000, 16), (9_000, 8), (4_000, 4))
"""From how many bytes of coefficients so many channels pay. A hidden channel is 55 weights, about as many bytes; one
per cent of a file is worth 0.04 to 0.1 dB, and doubled channels gave 0.4, 0.3 and 0.2 dB from 4, 8 and 16."""


@dataclass(frozen=True)
class FilterOutcome:
    """A trained filter, and what it is worth."""

    arrays: dict[str, np.ndarray]
    """"filter{i}.weight" (out, in, 3, 3, 3) and "filter{i}.bias" (out,), float32, for the values as given."""
    gain_db: float
    """PSNR won on all voxels that count, with these very arrays; 0 where nothing was won: then leave the filter out."""
    seconds: float
    """What the training took."""
    passes: float
    """Voxels seen, in volumes."""
    stopped_early: bool
    """Whether ``progress`` ended it."""


def channels_for(coded_bytes: int) -> tuple[int, ...]:
    """The hidden channels that pay beside so many bytes of coefficients; () where none do."""
    for least, channels in CHANNELS_BY_BYTES:
        if coded_bytes >= least:
            return (channels,)
    return ()


def train_filter(
    decoded: np.ndarray,
    truth: np.ndarray,
    weight: Optional[np.ndarray],
    channels: Sequence[int],
    *,
    passes: Optional[float] = None,
    seconds: Optional[float] = None,
    seed: int = 0,
    device: str = "cpu",
    progress: Optional[ProgressCallback] = None,
) -> FilterOutcome:
    """Learn to bring ``decoded`` nearer to ``truth``, both (features, z, y, x) float32, normalised.

    ``weight``: (z, y, x) bool, the voxels that count; None for all. ``channels``: of the hidden layers, at least one.
    It ends after ``passes`` over the volume or ``seconds``, the final measuring included, whichever comes first; at
    least one must be given, and with passes alone it is reproducible for the same seed and threads. What counts is
    voxels seen: 20 million give 97 % of the gain that 60 million give (10 and 30 passes over 2 million voxels). Never
    worse than no filter: where none helps, ``gain_db`` is 0.
    Raises ValueError for shapes that do not match, or without an end.
    """
    ends = [end for end in (passes, seconds) if end is not None]
    if not ends or min(ends) <= 0:
        raise ValueError(f"train_filter needs passes or seconds above 0; got {passes} and {seconds}")
    if decoded.ndim != 4 or truth.shape != decoded.shape or weight is not None and weight.shape != decoded.shape[1:]:
        raise ValueError(
            f"train_filter needs decoded and truth of one shape (features, z, y, x) and a weight (z, y, x); got "
            f"{decoded.shape}, {truth.shape} and {None if weight is None else weight.shape}"
        )
    if not channels or min(channels) < 1:
        raise ValueError(f"train_filter needs hidden channels; got {tuple(channels)}")
    training = _Training(decoded, truth, weight, tuple(channels), seed, torch.device(device), progress)
    return training.run(math.inf if passes is None else passes, math.inf if seconds is None else seconds)


class _Training:
    def __init__(
        self,
        decoded: np.ndarray,
        truth: np.ndarray,
        weight: Optional[np.ndarray],
        channels: tuple[int, ...],
        seed: int,
        device: torch.device,
        progress: Optional[ProgressCallback],
    ) -> None:
        self.started = self.reported = time.perf_counter()
        self.progress, self.stopped = progress, False
        self.bricks = Bricks(decoded, truth, weight, len(channels) + 1, device)
        self.brick = brick_shape(self.bricks.shape, min(BRICK_VOXELS, truth[0].size // LEAST_STEPS_OF_A_PASS))
        every = tiles(self.bricks.shape, brick_shape(self.bricks.shape, TILE_VOXELS))
        self.tiles = [tile for tile in every if self.bricks.counts(tile)]
        self.sample = self.tiles[:: math.ceil(len(self.tiles) / SAMPLE_TILES) or 1]
        self.features = decoded.shape[0]
        self.values = max(1, self.features * (int(np.count_nonzero(weight)) if weight is not None else truth[0].size))
        self.share = self.values / truth.size
        self.fraction, self.loss = 0.0, 1.0
        self.squares = self.squared_error(None, self.tiles)
        self.rmse = math.sqrt(self.squares / self.values)
        self.rng = np.random.default_rng(seed)
        self.weights, self.biases = self._initial((self.features, *channels, self.features), seed, device)
        self.rate = RATE / math.sqrt(channels[0])

    def _initial(self, widths: tuple[int, ...], seed: int, device: torch.device) -> tuple[list[Tensor], list[Tensor]]:
        generator = torch.Generator().manual_seed(seed)
        weights = [
            torch.randn(out, given, 27, generator=generator).to(device) / math.sqrt(27 * given)
            for given, out in zip(widths, widths[1:])
        ]
        biases = [torch.zeros(out, device=device) for out in widths[1:]]
        # Kernels that sum to zero see how values differ, not how high they are, which in this unit is far from 0.
        weights[0] -= weights[0].mean(-1, keepdim=True)
        weights[-1].zero_()
        # The first layer's outputs begin with a deviation of one unit.
        square, count = torch.zeros(widths[1], device=device), 0
        for tile in self.sample:
            seen = FlatConvolutions(weights[:1], biases[:1])(self._surroundings(tile))
            square, count = square + seen.square().sum((1, 2, 3)), count + seen[0].numel()
        deviation = (square / max(1, count)).sqrt()
        weights[0] /= torch.where(deviation > 0, deviation, torch.ones_like(deviation))[:, None, None]
        return weights, biases

    def _surroundings(self, brick: Slices) -> Tensor:
        """What the first layer is shown while it learns: values in its unit, about some level of the brick."""
        values = self.bricks.surroundings(brick)
        values -= values.mean((1, 2, 3), keepdim=True)
        return values / (INPUT_UNIT * self.rmse) if self.rmse > 0 else values

    def run(self, passes: float, seconds: float) -> FilterOutcome:
        whole = math.prod(self.bricks.shape)
        per_step = math.prod(self.brick) / whole
        steps = math.ceil(passes / per_step) if passes < math.inf else math.inf
        best, least, step, checked = self._finished(), math.inf, 0, 0
        optimiser = RotatedAdam([*self.weights, *self.biases])
        measuring, hopeless = 0.0, not self.tiles or self.rmse == 0
        while not (hopeless or self.stopped or self.fraction >= 1):
            step += 1
            elapsed = time.perf_counter() - self.started
            self.fraction = max(step / steps, min(1.0, (elapsed + measuring) / seconds))
            optimiser.step(self._gradients(), self.rate * _schedule(self.fraction, step))
            self.weights[0] -= self.weights[0].mean(-1, keepdim=True)
            self._report(self.fraction * 0.98)
            if self.stopped or int(4 * self.fraction) > checked:
                checked = int(4 * self.fraction)
                began = time.perf_counter()
                candidate = self._finished()
                squares = self.squared_error(candidate, self.sample)
                measuring = (time.perf_counter() - began) * len(self.tiles) / len(self.sample)
                if squares < least:
                    best, least = candidate, squares
        gain = 0.0
        if step:
            self._report(self.fraction * 0.98, always=True)  # however short the training was, it is told of
            squares = self.squared_error(best, self.tiles)
            gain = max(0.0, 10 * math.log10(self.squares / max(squares, 1e-30 * self.squares)))
        arrays: dict[str, np.ndarray] = {}
        for index, (weight, bias) in enumerate(zip(best.weights, best.biases)):
            arrays[f"filter{index}.weight"] = weight.reshape(*weight.shape[:2], 3, 3, 3).cpu().numpy()
            arrays[f"filter{index}.bias"] = bias.cpu().numpy()
        return FilterOutcome(arrays, gain, time.perf_counter() - self.started, step * per_step, self.stopped)

    def _gradients(self) -> list[Tensor]:
        for _ in range(100):
            brick = self.bricks.drawn(self.brick, self.rng)
            if self.bricks.counts(brick):
                break
        network = FlatConvolutions(self.weights, self.biases)
        error = network(self._surroundings(brick)) - self.bricks.missing(brick) / self.rmse
        weight = self.bricks.weight(brick)
        if weight is not None:
            error *= weight
        # Divided by what counts in a brick on average: a brick of few voxels weighs no more than they do.
        count = error.numel() * self.share
        self.loss += 0.05 * (float(error.square().sum()) / count - self.loss)
        by_weight, by_bias = network.gradients(error * (2 / count))
        by_weight[0] = by_weight[0] - by_weight[0].mean(-1, keepdim=True)
        return [*by_weight, *by_bias]

    def squared_error(self, network: Optional[FlatConvolutions], where: Sequence[Slices]) -> float:
        """Sum over the voxels that count, in the values' own unit; None stands for no filter."""
        total = 0.0
        for tile in where:
            error = self.bricks.missing(tile)
            if network is not None:
                error = error - network(self.bricks.surroundings(tile))
                self._report(self.fraction * 0.98)
            weight = self.bricks.weight(tile)
            if weight is not None:
                error = error * weight
            total += float(error.square().sum(dtype=torch.float64))
        return total

    def _finished(self) -> FlatConvolutions:
        """The filter as it is, for values as they are, its weights in whole steps."""
        last = len(self.weights) - 1
        weights, biases = [], []
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases)):
            seen = 1 / (INPUT_UNIT * self.rmse) if index == 0 and self.rmse > 0 else 1.0
            given = self.rmse if index == last else 1.0
            weights.append(_in_steps(weight, seen * given, balanced=index == 0))
            biases.append(_in_steps(bias, given, balanced=False))
        return FlatConvolutions(weights, biases)

    def _report(self, fraction: float, always: bool = False) -> None:
        now = time.perf_counter()
        if self.progress is None or now - self.reported < 0.1 and not always:
            return
        self.reported = now
        elapsed = now - self.started
        eta = elapsed * (1 - fraction) / fraction if fraction > 0 else None
        if self.progress(Progress("training the filter", fraction, self.loss, None, eta)) is False:
            self.stopped = True


def _schedule(fraction: float, step: int) -> float:
    cosine = FINAL_RATE + (1 - FINAL_RATE) * 0.5 * (1 + math.cos(math.pi * min(1.0, fraction)))
    return cosine * min(1.0, fraction / WARM_UP, step / WARM_UP_STEPS)


def _in_steps(values: Tensor, unit: float, balanced: bool) -> Tensor:
    """``values`` in whole steps of their largest / WEIGHT_LEVELS, times ``unit``.

    balanced: the taps of every kernel still sum to zero: what rounds worst gives way, the largest value never.
    """
    largest = values.abs().max()
    if float(largest) == 0:
        return torch.zeros_like(values)
    wanted = values * (WEIGHT_LEVELS / largest)
    codes = wanted.round()
    if balanced:
        excess = codes.sum(-1, keepdim=True)
        gain = (codes - wanted) * excess.sign()
        gain[wanted.abs() >= WEIGHT_LEVELS - 0.5] = -math.inf
        rank = gain.argsort(-1, descending=True).argsort(-1)
        codes -= excess.sign() * (rank < excess.abs())
    return (codes.double() * (float(largest) / WEIGHT_LEVELS * unit)).float()

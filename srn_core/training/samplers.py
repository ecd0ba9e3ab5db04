"""Where in the volume a step looks, and what it finds there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from typing import Optional

import torch
from torch import Tensor

from srn_core.networks.base import Lattice, SceneNetwork
from srn_core.networks.batch import Batch
from srn_core.training.truth import Truth

STEPS_OF_A_PASS = {"fvsrn": 16, "neurcomp": 64}
"""A pass has at least so many steps: small volumes are learnt in smaller ones. Neurcomp, whose every weight serves
every sample, gains more by steps than by large batches: on 64^3, 64 steps instead of 16 were worth 2 dB in as many
passes."""
LEAST_BATCH = 2048


def batch_size(wanted: int, voxels: int, network: str) -> int:
    """Samples per step for a volume: as wanted, less for a small one."""
    return min(wanted, max(LEAST_BATCH, voxels // STEPS_OF_A_PASS[network]))


class Sampler(ABC):
    """Draws batches, reproducibly, from a generator of its own."""

    def __init__(self, truth: Truth, batch: int, generator: torch.Generator) -> None:
        self.truth, self.batch, self.generator = truth, batch, generator

    @property
    @abstractmethod
    def samples(self) -> int:
        """Samples in each batch."""

    def prepared(self, network: SceneNetwork) -> AbstractContextManager[None]:
        """A context for training a network on this sampler's batches."""
        return nullcontext()

    @abstractmethod
    def draw(self) -> Batch:
        """The next batch."""

    def _uniform(self, *shape: int) -> Tensor:
        # Drawn on the CPU: the same seed gives the same positions on every device.
        return torch.rand(*shape, generator=self.generator)


def lattice_counts(dims: tuple[int, int, int], batch: int) -> tuple[int, int, int]:
    """How many positions along x, y, z give about ``batch`` of them in the volume's proportions."""
    counts = [1.0, 1.0, 1.0]
    open_axes = {0, 1, 2}
    while open_axes:
        rest = float(batch)
        for axis in set(range(3)) - open_axes:
            rest /= counts[axis]
        product = 1.0
        for axis in open_axes:
            product *= dims[axis]
        scale = (max(rest, 1.0) / product) ** (1.0 / len(open_axes))
        full = {axis for axis in open_axes if dims[axis] * scale <= 1.0 or scale >= 1.0}
        for axis in full or open_axes:
            counts[axis] = min(max(dims[axis] * scale, 1.0), dims[axis])
        open_axes = open_axes - full if full else set()
    x, y, z = (max(1, int(round(c))) for c in counts)
    return x, y, z


class LatticeSampler(Sampler):
    """Random lattices of voxels: every combination of random x, y and z indices.

    The indices are stratified, one in each of n equal intervals of their axis, so each batch sees
    the whole volume and every voxel is as likely as any other. The truth is exact, and the network
    may share work along the axes.
    """

    def __init__(self, truth: Truth, batch: int, generator: torch.Generator) -> None:
        super().__init__(truth, batch, generator)
        self.counts = lattice_counts(truth.dims, batch)

    @property
    def samples(self) -> int:
        x, y, z = self.counts
        return x * y * z

    def prepared(self, network: SceneNetwork) -> AbstractContextManager[None]:
        return network.for_lattices()

    def draw(self) -> Batch:
        picks = []
        for count, size in zip(self.counts, self.truth.dims):
            where = (torch.arange(count) + self._uniform(count)) * (size / count)
            picks.append(where.long().clamp(max=size - 1).to(self.truth.values.device))
        x, y, z = picks
        nx, ny, _ = self.truth.dims
        flat = ((z[:, None] * (ny * nx) + y * nx)[:, :, None] + x).reshape(-1)
        ax, ay, az = self.truth.axes
        known = self.truth.derivatives
        return Batch(
            Lattice(ax[x], ay[y], az[z]),
            self.truth.values.index_select(0, flat),
            _picked(self.truth.valid, flat),
            None if known is None else known.values.index_select(0, flat),
            None if known is None else _picked(known.valid, flat),
        )


def _picked(valid: Optional[Tensor], flat: Tensor) -> Optional[Tensor]:
    return None if valid is None else valid.index_select(0, flat)[:, None]


class RandomSampler(Sampler):
    """Independent uniform positions with trilinear truth, as the thesis trains (2.6)."""

    @property
    def samples(self) -> int:
        return self.batch

    def draw(self) -> Batch:
        truth = self.truth
        device = truth.values.device
        sizes = torch.tensor(truth.dims, dtype=torch.float32)
        where = self._uniform(self.batch, 3) * (sizes - 1)
        low = where.floor().clamp(max=sizes - 2).clamp(min=0).long()
        high = torch.minimum(low + 1, (sizes - 1).long())
        share = (where - low).to(device)
        low, high = low.to(device), high.to(device)
        corners, parts = [], []
        for corner in range(8):
            bits = [(corner >> axis) & 1 for axis in range(3)]
            index = [high[:, a] if bit else low[:, a] for a, bit in enumerate(bits)]
            part = torch.ones(self.batch, device=device)
            for axis, bit in enumerate(bits):
                part = part * (share[:, axis] if bit else 1.0 - share[:, axis])
            corners.append((index[2] * truth.dims[1] + index[1]) * truth.dims[0] + index[0])
            parts.append(part)
        longest = max(max(truth.dims) - 1, 1)
        points = ((2.0 * where - (sizes - 1)) / longest).to(device)
        known = truth.derivatives
        return Batch(
            points,
            _interpolated(truth.values, corners, parts),
            _whole(truth.valid, corners, parts),
            None if known is None else _interpolated(known.values, corners, parts),
            None if known is None else _whole(known.valid, corners, parts),
        )


def _interpolated(values: Tensor, corners: list[Tensor], parts: list[Tensor]) -> Tensor:
    """Sum over eight corners, indices (N,) into values (voxels, ...), of what they hold times their part (N,)."""
    out = values.new_zeros(len(corners[0]), *values.shape[1:])
    for flat, part in zip(corners, parts):
        out += part.view(-1, *[1] * (values.dim() - 1)) * values[flat]
    return out


def _whole(valid: Optional[Tensor], corners: list[Tensor], parts: list[Tensor]) -> Optional[Tensor]:
    """(N, 1): 1 where all the voxels that a position is interpolated from are valid."""
    if valid is None:
        return None
    weight = torch.ones_like(parts[0])
    for flat, part in zip(corners, parts):
        weight = weight * torch.where(part > 0, valid[flat], torch.ones_like(part))
    return weight[:, None]


class ScatteredSampler(Sampler):
    """Samples that are not on a grid, in random order: each once before any comes again."""

    def __init__(self, truth: Truth, batch: int, generator: torch.Generator) -> None:
        super().__init__(truth, min(batch, truth.voxels), generator)
        if truth.points is None:
            raise ValueError("the truth is on a grid, not at scattered samples")
        self.points = truth.points
        self._left = torch.empty(0, dtype=torch.long)

    @property
    def samples(self) -> int:
        return self.batch

    def draw(self) -> Batch:
        if len(self._left) < self.batch:
            # Drawn on the CPU, as all else.
            more = torch.randperm(self.truth.voxels, generator=self.generator)
            self._left = torch.cat([self._left, more])
        picks, self._left = self._left[: self.batch], self._left[self.batch :]
        picks = picks.to(self.truth.values.device)
        known = self.truth.derivatives
        return Batch(
            self.points.index_select(0, picks),
            self.truth.values.index_select(0, picks),
            None,
            None if known is None else known.values.index_select(0, picks),
        )


SAMPLERS: dict[str, type[Sampler]] = {"lattice": LatticeSampler, "random": RandomSampler}

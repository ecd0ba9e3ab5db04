"""Between which bounds a network's values lie in blocks of a grid: exact ones, or estimates from a coarse decode."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Optional, Sequence

import numpy as np

from srn_core import coordinates
from srn_core.progress import ProgressCallback
from srn_core.spec import ConstantSpec, FvSrnSpec, NetworkSpec
from srn_core.surface.block_axes import BlockAxis, boxes

if TYPE_CHECKING:
    from onnx_export.decoder import Decoder

ROUNDING, ROUNDING_ELSEWHERE = 1e-5, 4e-3
"""By what share of the largest latent an interpolated one may leave their range: float32 on a CPU, and what other
devices may take in its place (TF32 has a mantissa of 10 bits)."""
NEAR = 1e-6
"""Latents this far outside of a block, in their spacing, count as in it."""
STEP = 4
"""Every so many samples one is decoded for an estimate; a block's edge is a multiple of it."""
MOST_COARSE = 1 << 25
"""Samples of a coarse decode, about: finer grids take longer steps."""
MARGIN = 1.0
"""What an estimate allows for beyond the samples of a coarse cell, in units of the largest difference in that cell and
its neighbours."""


class Bounds(NamedTuple):
    """The smallest and the largest value in each block (z, y, x), float64."""

    low: np.ndarray
    high: np.ndarray


def costs_network(spec: NetworkSpec) -> bool:
    """Whether a network has to be evaluated at each sample; otherwise latents are interpolated, or all is constant."""
    return not (isinstance(spec, ConstantSpec) or (isinstance(spec, FvSrnSpec) and not spec.widths))


def network_bounds(
    decoder: Decoder, axes: Sequence[BlockAxis], component: int, progress: Optional[ProgressCallback] = None
) -> tuple[Bounds, bool]:
    """Bounds of one component's normalised values over the blocks of the axes z, y, x; whether they are exact.

    They are where there is no predictor: what is interpolated linearly stays between the latents about it.
    """
    spec = decoder.field.spec
    if isinstance(spec, ConstantSpec):
        zeros = np.zeros([len(axis.first) for axis in axes])
        return Bounds(zeros, zeros), True
    if isinstance(spec, FvSrnSpec) and not costs_network(spec):
        return _of_latents(decoder, spec, axes, component, progress), True
    return _estimated(decoder, axes, component, progress), False


def _of_latents(
    decoder: Decoder, spec: FvSrnSpec, axes: Sequence[BlockAxis], component: int, progress: Optional[ProgressCallback]
) -> Bounds:
    """The smallest and the largest latent under each block."""
    latents = decoder.plain(progress).arrays["grid"][component]
    ranges = []
    for axis, samples, voxels, half in zip(axes, spec.grid, decoder.field.geometry.shape, reversed(spec.half_extent)):
        scale = (samples - 1) / (2.0 * half) if half > 0 else 0.0
        start, end = (
            np.clip((coordinates.normalise_axis(i, voxels, decoder.field.geometry.dims) + half) * scale, 0, samples - 1)
            for i in axis.ends
        )
        first, last = np.floor(start - NEAR).astype(int), np.ceil(end + NEAR).astype(int)
        ranges.append((np.maximum(first, 0), np.minimum(last, samples - 1)))
    low, high = (boxes(latents, ranges, reduce).astype(np.float64) for reduce in (np.minimum, np.maximum))
    share = ROUNDING if decoder.providers[0].startswith("CPU") else ROUNDING_ELSEWHERE
    slack = share * np.maximum(np.abs(low), np.abs(high))
    return Bounds(low - slack, high + slack)


def _estimated(
    decoder: Decoder, axes: Sequence[BlockAxis], component: int, progress: Optional[ProgressCallback]
) -> Bounds:
    """From every few samples, probes in the middle between them, and a margin for what lies between these."""
    edge = max(int((axis.last - axis.first).max()) for axis in axes)
    step = STEP
    while 2 * step <= edge and np.prod([max(1.0, len(axis.places) / step) for axis in axes]) > MOST_COARSE:
        step *= 2
    taken = [np.unique(np.append(np.arange(0, len(axis.places), step), len(axis.places) - 1)) for axis in axes]
    corners = [axis.places[numbers] for axis, numbers in zip(axes, taken)]
    probes = [c if len(c) == 1 else (c[1:] + c[:-1]) / 2 for c in corners]
    dims = decoder.field.geometry.dims

    def decode(positions: Sequence[np.ndarray]) -> np.ndarray:
        z, y, x = (coordinates.normalise_axis(p, n, dims) for p, n in zip(positions, decoder.field.geometry.shape))
        return decoder.grid(x, y, z, progress=progress)[..., component]

    samples, between = decode(corners), decode(probes)
    low = np.minimum(_of_neighbours(samples, np.minimum), between)
    high = np.maximum(_of_neighbours(samples, np.maximum), between)
    margin = MARGIN * _about(high - low)
    # A coarse cell belongs to the block that its lower corner lies in.
    ranges = []
    for axis, numbers in zip(axes, taken):
        cells = numbers if len(numbers) == 1 else numbers[:-1]
        first = np.searchsorted(cells, axis.first)
        ranges.append((first, np.append(first[1:], len(cells)) - 1))
    return Bounds(
        boxes((low - margin).astype(np.float64), ranges, np.minimum),
        boxes((high + margin).astype(np.float64), ranges, np.maximum),
    )


def _of_neighbours(values: np.ndarray, reduce: np.ufunc) -> np.ndarray:
    """``reduce`` over the corners of each cell of (z, y, x); an axis of one sample has one cell."""
    for axis in range(values.ndim):
        lines = np.moveaxis(values, axis, 0)
        if len(lines) > 1:
            values = np.moveaxis(reduce(lines[1:], lines[:-1]), 0, axis)
    return values


def _about(values: np.ndarray) -> np.ndarray:
    """The largest of each value of (z, y, x) and those next to it."""
    for axis in range(values.ndim):
        lines = np.moveaxis(values, axis, 0)
        largest = lines.copy()
        np.maximum(largest[1:], lines[:-1], out=largest[1:])
        np.maximum(largest[:-1], lines[1:], out=largest[:-1])
        values = np.moveaxis(largest, 0, axis)
    return values

"""Between which bounds decoded values lie in blocks of a grid: those of the network, and what is done to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional, Sequence, Union

import numpy as np

from srn_core.bricks.decoders import BrickDecoders
from srn_core.codec import NeuralField
from srn_core.original_dtype import as_dtype
from srn_core.progress import ProgressCallback
from srn_core.surface.block_axes import BlockAxis, boxes
from srn_core.surface.brick_bounds import brick_bounds
from srn_core.surface.network_bounds import Bounds, network_bounds

if TYPE_CHECKING:
    from onnx_export.decoder import Decoder


def value_bounds(
    decoder: Union[Decoder, BrickDecoders],
    axes: Sequence[BlockAxis],
    component: int,
    progress: Optional[ProgressCallback] = None,
) -> tuple[Bounds, bool]:
    """Bounds of one component's decoded values over the blocks of the axes z, y, x; whether they are exact.

    A block in which no sample has a value lies between infinity and minus infinity: nothing lies between these.
    """
    if isinstance(decoder, BrickDecoders):
        return brick_bounds(decoder, axes, component, value_bounds, progress)
    field = decoder.field
    bounds, exact = network_bounds(decoder, axes, component, progress)
    least, most = field.value_range[component]
    low, high = (part * (most / 2 - least / 2) + (least / 2 + most / 2) for part in bounds)
    # The nearest voxels of a block reach from that of its first sample to that of its last.
    voxels = [
        (_nearest(axis.ends[0], samples), _nearest(axis.ends[1], samples))
        for axis, samples in zip(axes, field.geometry.shape)
    ]
    low, high = _in_dtype(field, *_corrected(field, voxels, component, low, high))
    if field.plateau is not None:
        value = field.plateau.values[component]
        some, all_ = (boxes(field.plateau.mask, voxels, reduce) for reduce in (np.logical_or, np.logical_and))
        low = np.where(all_, value, np.where(some, np.minimum(low, value), low))
        high = np.where(all_, value, np.where(some, np.maximum(high, value), high))
    if field.valid is not None:
        none = ~boxes(field.valid, voxels, np.logical_or)
        low, high = np.where(none, np.inf, low), np.where(none, -np.inf, high)
    return Bounds(low, high), exact


def _corrected(
    field: NeuralField,
    voxels: Sequence[tuple[np.ndarray, np.ndarray]],
    component: int,
    low: np.ndarray,
    high: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """With the corrections, which some samples of a block may have and others not."""
    if field.corrections is None:
        return low, high
    codes, step = field.corrections.codes[..., component], field.corrections.step
    least, most = (boxes(codes, voxels, reduce) * step for reduce in (np.minimum, np.maximum))
    return low + np.minimum(least, 0.0), high + np.maximum(most, 0.0)


def _in_dtype(field: NeuralField, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """After rounding to the original dtype; to integers, which decoding does on original samples alone, at most."""
    dtype = np.dtype(field.dtype)
    if dtype.kind == "f":
        return as_dtype(low, dtype).astype(np.float64), as_dtype(high, dtype).astype(np.float64)
    spacing = np.spacing(np.maximum(np.abs(low), np.abs(high)).astype(np.float32)).astype(np.float64)
    return low - np.maximum(spacing, 0.5), high + np.maximum(spacing, 0.5)


def _nearest(index: np.ndarray, samples: int) -> np.ndarray:
    return np.asarray(np.clip(np.rint(index), 0, samples - 1).astype(int))

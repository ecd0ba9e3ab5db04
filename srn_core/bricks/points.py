"""A field of bricks at points: what each brick in which a point lies says of it, blended."""

from __future__ import annotations

from typing import Optional

import numpy as np

from srn_core import coordinates
from srn_core.bricks.blend import Blend
from srn_core.bricks.decoders import BrickDecoders
from srn_core.bricks.places import axis_weight
from srn_core.codec.field import Brick
from srn_core.decoding import physical
from srn_core.progress import ProgressCallback, share_of
from srn_core.voxel_values import settle_point_gradients, settle_points


def values_at(decoders: BrickDecoders, index: np.ndarray, progress: Optional[ProgressCallback] = None) -> np.ndarray:
    """Values (N, C), float64, at fractional sample indices (N, 3) that are held within the samples; NaN where the
    nearest voxel has none."""
    blend = Blend((len(index),), len(decoders.field.value_range))
    at = decoders.at(index)
    for place, (number, some) in enumerate(at):
        brick, local, weight, _ = _in_brick(decoders, number, index[some])
        some, local, weight = (part[weight > 0] for part in (some, local, weight))
        if some.size:
            field, decoder = decoders.open(number, [n for n, _ in at])
            told = share_of(progress, place / len(at), 1 / len(at))
            values = physical(field, decoder.points(coordinates.normalise(local, brick.geometry.dims), told))
            settle_points(field, local, values)
            blend.add(some, values, weight)
    return blend.values


def gradients_at(
    decoders: BrickDecoders, index: np.ndarray, beyond: np.ndarray, progress: Optional[ProgressCallback] = None
) -> np.ndarray:
    """Gradients (N, C, 3), float64, along the world's axes; ``beyond`` (N, 3): along which axes they are 0."""
    blend = Blend((len(index),), len(decoders.field.value_range), gradient=True)
    at = decoders.at(index)
    for place, (number, some) in enumerate(at):
        brick, local, weight, change = _in_brick(decoders, number, index[some])
        some, local, weight, change = (part[weight > 0] for part in (some, local, weight, change))
        if some.size:
            field, decoder = decoders.open(number, [n for n, _ in at])
            dims = brick.geometry.dims
            told = share_of(progress, place / len(at), 1 / len(at))
            normalised, slopes = decoder.points_gradient(coordinates.normalise(local, dims), told)
            low, high = np.array(field.value_range, np.float64).T
            gradient = slopes * coordinates.normalised_per_index(dims) * (high / 2 - low / 2)[:, None]
            values = physical(field, normalised)
            if field.plateau is not None:
                nearest = np.rint(local).astype(int)
                values[field.plateau.mask[nearest[:, 2], nearest[:, 1], nearest[:, 0]]] = field.plateau.values
            settle_point_gradients(field, local, gradient)
            blend.add(some, values, weight, gradient, change)
    found = np.where(beyond[:, None], 0.0, blend.gradient)
    return np.asarray(found @ decoders.field.geometry.index_per_length_at(index))


def _in_brick(
    decoders: BrickDecoders, number: int, index: np.ndarray
) -> tuple[Brick, np.ndarray, np.ndarray, np.ndarray]:
    """A brick, indices (N, 3) counted from its first sample, its weight (N,) there, and how that changes (N, 3)."""
    brick = decoders.field.bricks[number]
    local = np.clip(index - decoders.offset(brick), 0, np.array(brick.geometry.dims) - 1)
    along = [axis_weight(local[:, a], n, *brick.fades[2 * a : 2 * a + 2]) for a, n in enumerate(brick.geometry.dims)]
    weights, changes = [w for w, _ in along], [c for _, c in along]
    change = [np.prod([changes[a] if a == axis else weights[a] for a in range(3)], axis=0) for axis in range(3)]
    return brick, local, np.prod(weights, axis=0), np.stack(change, axis=1)

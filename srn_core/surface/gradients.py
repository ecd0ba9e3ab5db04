"""Gradients for the normals of surfaces: exact, or smoothed where exact ones would show each latent as a facet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

import numpy as np

from srn_core.codec import NeuralField
from srn_core.progress import ProgressCallback, share_of
from srn_core.spec import FvSrnSpec
from srn_core.surface.network_bounds import costs_network

if TYPE_CHECKING:
    from srn_core.neural_file import NeuralFile

POINTS = 1 << 18
"""Points whose differences are worked out at a time: bounds the memory."""


def surface_gradient(
    file: NeuralFile,
    field: NeuralField,
    component: int,
    points: np.ndarray,
    progress: Optional[ProgressCallback] = None,
) -> np.ndarray:
    """Gradients (N, 3) of a component at world positions (N, 3), per unit of length along the world's axes.

    Of a network they are exact. Latents that are interpolated linearly have a gradient that jumps from one to the
    next: of these it is the mean over one spacing of latents along each axis, the difference of the values half a
    spacing to both sides. NaN where values that are needed are not there. Raises as :meth:`NeuralFile.sample`.
    """
    like = _like_all(field)
    spec = like.spec
    if isinstance(spec, FvSrnSpec) and not costs_network(spec):
        spacing = [(n - 1) / max(m - 1, 1) for n, m in zip(like.geometry.dims, reversed(spec.grid))]
        parts = [slice(begin, begin + POINTS) for begin in range(0, len(points), POINTS)]
        gradient = np.empty((len(points), 3))
        for number, part in enumerate(parts):
            told = share_of(progress, number / len(parts), 1 / len(parts))
            gradient[part] = _mean(file, field, component, points[part], np.array(spacing), told)
        return gradient
    _, exact = file.sample_with_gradient(points, field.name, field.time, "clamp", progress)
    return exact[:, component] if exact.ndim == 3 else exact


def _like_all(field: NeuralField) -> NeuralField:
    """A field, or where it is made of bricks its first one that has a network."""
    opened = (brick.open() for brick in field.bricks)
    return next((brick for brick in opened if isinstance(brick.spec, FvSrnSpec)), field)


def _mean(
    file: NeuralFile,
    field: NeuralField,
    component: int,
    points: np.ndarray,
    spacing: np.ndarray,
    progress: Optional[ProgressCallback],
) -> np.ndarray:
    """Differences of values ``spacing`` (x, y, z, in samples) apart, less at the border."""
    geometry = field.geometry
    index = geometry.index_of(points)
    steps = np.diag(spacing / 2)
    ends = np.stack([index + sign * step for step in steps for sign in (-1, 1)])  # (6, N, 3): -x, +x, -y, ...
    ends = np.clip(ends, 0, np.array(geometry.dims) - 1)
    values = file.sample(geometry.position_of(ends.reshape(-1, 3)), field.name, field.time, "clamp", progress)
    values = (values[:, component] if values.ndim == 2 else values).reshape(3, 2, -1)
    apart = np.stack([ends[2 * axis + 1, :, axis] - ends[2 * axis, :, axis] for axis in range(3)])
    slopes = np.where(apart > 0, (values[:, 1] - values[:, 0]) / np.where(apart > 0, apart, 1.0), 0.0)
    return np.asarray(slopes.T @ geometry.index_per_length)

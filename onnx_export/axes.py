"""What falls apart into axes, worked out in float64 with NumPy: a few numbers per axis cost nothing there, and a graph
without float64 runs on any device."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class LatentAxis(NamedTuple):
    """The stretch of latents that places along an axis lie in, and their shares in it."""

    needed: slice
    shares: np.ndarray
    """(n, latents needed) float32: hat functions, each row adding up to 1."""


def latent_axis(places: np.ndarray) -> LatentAxis:
    """Linear interpolation at ``places`` (n,), n > 0: fractional indices of latents, float64, within them."""
    low, high = int(places.min()), int(np.ceil(places.max()))
    vertices = np.arange(low, high + 1)
    hats = np.maximum(1.0 - np.abs(places[:, None] - vertices), 0.0)
    return LatentAxis(slice(low, high + 1), hats.astype(np.float32))


def fourier_axis(coordinates: np.ndarray, frequencies: int) -> np.ndarray:
    """float64 (1 + 2 L, n): u, then sin(2^l pi u), then cos(2^l pi u), for l = 0 .. L-1 (thesis 2.9)."""
    angles = np.pi * 2.0 ** np.arange(frequencies)[:, None] * coordinates
    return np.concatenate([coordinates[None], np.sin(angles), np.cos(angles)])

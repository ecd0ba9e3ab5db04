"""Fourier features of a position (thesis 2.3.2)."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def fourier_features(u: Tensor, frequencies: int) -> Tensor:
    """sin(2^l pi u), cos(2^l pi u) for l = 0 .. frequencies - 1: (..., d) -> (..., 2 * frequencies * d)."""
    octaves = math.pi * 2.0 ** torch.arange(frequencies, dtype=u.dtype, device=u.device)
    angle = u[..., None, :] * octaves[:, None]
    return torch.stack([torch.sin(angle), torch.cos(angle)], -2).flatten(-3)


def position_features(u: Tensor, frequencies: int) -> Tensor:
    """The position and its Fourier features, the predictor's first inputs: (N, 3) -> (N, 3 + 6 * frequencies)."""
    return torch.cat([u, fourier_features(u, frequencies)], -1)


def axis_columns(axis: int, frequencies: int) -> list[int]:
    """Which columns of :func:`position_features` depend on one axis, in the order (u, sin_0, cos_0, sin_1, ...)."""
    return [axis + 3 * k for k in range(1 + 2 * frequencies)]

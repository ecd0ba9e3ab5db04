"""The size a network starts with, from the bytes its file may have (thesis 4.1)."""

from __future__ import annotations

import math
from typing import Optional, Sequence

import pywt

from srn_core.config import CompressConfig
from srn_core.errors import SrnInputError
from srn_core.spec import FvSrnSpec, NetworkSpec, NeurcompSpec, WaveletSpec
from srn_core.volume import Geometry

PACKED = 0.8
"""Bytes of packed numbers, as a share of their plain bits: rather more than entropy coding leaves. A file somewhat
smaller than allowed costs less quality than a network that is cut to size in the middle of its training."""


def weight_bits(config: CompressConfig) -> int:
    """Bits of a weight: as set, or 16 for a small predictor (thesis 5.2) and 8 for Neurcomp (Fig 5.1)."""
    if config.quantise.weight_bits is not None:
        return config.quantise.weight_bits
    return 16 if config.network == "fvsrn" else 8


def initial_spec(config: CompressConfig, geometry: Geometry, components: int, room_bytes: int) -> NetworkSpec:
    """The spec a training starts from. What the config leaves open is computed to fill ``room_bytes``, packed."""
    room = max(room_bytes, 64) / PACKED
    if config.network == "neurcomp":
        return _neurcomp(config, geometry, components, room)
    return _fvsrn(config, geometry, components, room)


def _neurcomp(config: CompressConfig, geometry: Geometry, components: int, room: float) -> NeurcompSpec:
    settings = config.neurcomp

    def spec(width: int) -> NeurcompSpec:
        return NeurcompSpec(
            geometry.half_extent, components, width, (width,) * settings.blocks, settings.residual, settings.omega
        )

    if settings.width is not None:
        return spec(settings.width)
    budget = room * 8 / weight_bits(config)
    width = 1
    while width < 4096 and _numbers(spec(width + 1)) <= budget:
        width += 1
    return spec(width)


def _fvsrn(config: CompressConfig, geometry: Geometry, components: int, room: float) -> FvSrnSpec:
    settings = config.fvsrn
    width = settings.width
    if width is None:
        # The predictor pays for itself only while it is a small share of the file.
        width = next((w for w, least in ((32, 40_000), (24, 20_000), (16, 8_000)) if room >= least), 8)
    wavelet = wavelet_spec(settings.wavelet, settings.levels)

    def spec(grid: Sequence[int]) -> FvSrnSpec:
        x, y, z = grid
        widths = (width,) * settings.layers
        return FvSrnSpec(
            geometry.half_extent,
            components,
            widths,
            settings.frequencies,
            settings.features * components,
            (z, y, x),
            wavelet,
        )

    if settings.grid is not None:
        return spec(settings.grid)
    smallest = spec((1, 1, 1))
    predictor = (_numbers(smallest) - smallest.features) * weight_bits(config) / 8
    budget = max(room - predictor, 64) * 8 / config.quantise.grid_bits / smallest.features
    return spec(grid_dims(geometry.dims, budget))


def grid_dims(dims: Sequence[int], vertices: float) -> tuple[int, int, int]:
    """Latent samples along x, y, z: about ``vertices`` of them, in the volume's proportions, no finer than it."""
    low, high = 0.0, 1.0
    for _ in range(40):
        scale = (low + high) / 2
        if math.prod(_scaled(dims, scale)) <= vertices:
            low = scale
        else:
            high = scale
    x, y, z = _scaled(dims, low)
    return x, y, z


def _scaled(dims: Sequence[int], scale: float) -> list[int]:
    sizes = [min(n, max(min(n, 2), round(n * scale))) for n in dims]
    # Even sizes split into halves without a padded coefficient.
    return [s - 1 if s > 4 and s % 2 and s < n else s for s, n in zip(sizes, dims)]


def wavelet_spec(name: str, levels: int) -> Optional[WaveletSpec]:
    """The spec of a PyWavelets filter; None for "none". Raises SrnInputError for an unknown name."""
    if name.lower() == "none":
        return None
    if name not in pywt.wavelist(kind="discrete"):
        families = ", ".join(pywt.families())
        raise SrnInputError(
            f"no discrete wavelet called '{name}' in PyWavelets; take one like haar, db2, sym4, bior4.4 or none "
            f"(families: {families})"
        )
    filters = pywt.Wavelet(name)
    return WaveletSpec(name, levels, tuple(filters.rec_lo), tuple(filters.rec_hi))


def _numbers(spec: NetworkSpec) -> int:
    return sum(math.prod(shape) for shape in spec.shapes().values())

"""The size a network starts with, from the bytes its file may have (thesis 4.1)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Optional, Sequence

import pywt

from srn_core.config import CompressConfig
from srn_core.errors import SrnInputError
from srn_core.spec import FvSrnSpec, NetworkSpec, NeurcompSpec, WaveletSpec
from srn_core.volume import Geometry

LATENT_BITS = 6.5
"""Bits that a latent takes in a file, about, its share of the mask with it."""
PREDICTOR_BITS = 10.0
"""Bits that a weight of fv-SRN's predictor takes, about."""
NEURCOMP_BITS = 7.6
"""Bits that a weight of Neurcomp takes, about: 8, packed."""
OVERSIZE = {"fvsrn": 10.0, "neurcomp": 1.3}
"""Entries that a network starts with where a pruner will choose among them, for one that the file can hold."""
LEAST_OVERSIZE = 3.0
AFFORDABLE = 400_000
"""Latents up to which fv-SRN starts with so many times more; above, each step takes so long that a larger grid is not
learnt in time: turbulent pressure, 128^3, 167 kB, 45 s: 34.1 dB from ten times as many, 42.1 dB from three times."""
LATENTS_PER_VALUE = 0.25
"""Latents, at most, with which fv-SRN starts for each value at a scattered sample, unless the file holds more: a finer
grid learns the samples and not what lies between them. 20 000 samples of a smooth field in 4 kB: 52.2 dB at the samples
and 41.7 dB between them from two, 55.9 and 53.5 dB from a quarter."""
UNPRUNED_FEATURES = 8
PRUNED_FEATURES = 1
"""A pruned grid is fine and has one feature: coefficients are then chosen one by one."""
PREDICTOR_WIDTHS = ((32, 40_000), (24, 20_000), (16, 8_000), (8, 0))
"""Widths of the predictor, and the bytes from which on each pays: while it is a small share of the file."""


@dataclass(frozen=True)
class Room:
    """What a network may take, in a unit of its own, and what each kind of number takes of it."""

    total: float
    latent: float
    weight: float
    width: int
    """Of fv-SRN's predictor, where the settings leave it open."""

    @classmethod
    def of_bytes(cls, count: float, config: CompressConfig) -> Room:
        """So many bytes of numbers."""
        quantise = config.quantise
        packed = 0.95
        weight = NEURCOMP_BITS if config.network == "neurcomp" else PREDICTOR_BITS
        return cls(
            max(count, 64.0) * 8.0,
            LATENT_BITS if quantise.grid_bits is None else min(LATENT_BITS, packed * quantise.grid_bits + 0.5),
            weight if quantise.weight_bits is None else packed * quantise.weight_bits,
            next(width for width, least in PREDICTOR_WIDTHS if count >= least or least == 0),
        )

    @classmethod
    def of_parameters(cls, count: float) -> Room:
        """So many numbers that are not zero."""
        return cls(count, 1.0, 1.0, next(w for w, least in PREDICTOR_WIDTHS if count >= least or least == 0))


def oversize(config: CompressConfig, fits: float, known: Optional[int] = None) -> float:
    """Entries to start with for one that may stay; ``fits``: how many may; ``known``: values at scattered samples."""
    if config.pruning.oversize is not None:
        return config.pruning.oversize
    if config.pruner == "none":
        return 1.0
    most = OVERSIZE[config.network]
    if config.network == "neurcomp":
        return most
    found = min(most, max(LEAST_OVERSIZE, AFFORDABLE / max(fits, 1.0)))
    return found if known is None else min(found, max(1.0, LATENTS_PER_VALUE * known / max(fits, 1.0)))


def default_weight_bits(config: CompressConfig) -> int:
    """Bits of a weight where nothing says so: 16 for a small predictor (thesis 5.2), else 8 (Fig 5.1)."""
    if config.quantise.weight_bits is not None:
        return config.quantise.weight_bits
    return 16 if config.network == "fvsrn" else 8


def initial_spec(
    config: CompressConfig, geometry: Geometry, components: int, room: Room, known: Optional[int] = None
) -> NetworkSpec:
    """The spec a training starts from. What the config leaves open is computed to fill the room after pruning.

    ``known``: how many values there are to learn from, where they are those of scattered samples.
    """
    if config.network == "neurcomp":
        return _neurcomp(config, geometry, components, room)
    return _fvsrn(config, geometry, components, room, known)


def _neurcomp(config: CompressConfig, geometry: Geometry, components: int, room: Room) -> NeurcompSpec:
    settings = config.neurcomp

    def spec(width: int) -> NeurcompSpec:
        return NeurcompSpec(
            geometry.half_extent, components, width, (width,) * settings.blocks, settings.residual, settings.omega
        )

    if settings.width is not None:
        return spec(settings.width)
    budget = room.total / room.weight
    budget *= oversize(config, budget)
    width = 1
    while width < 4096 and _numbers(spec(width + 1)) <= budget:
        width += 1
    return spec(width)


def _fvsrn(config: CompressConfig, geometry: Geometry, components: int, room: Room, known: Optional[int]) -> FvSrnSpec:
    settings = config.fvsrn
    width = room.width if settings.width is None else settings.width
    features = settings.features
    if features is None:
        features = UNPRUNED_FEATURES if config.pruner == "none" else PRUNED_FEATURES
    wavelet = wavelet_spec(settings.wavelet, settings.levels)

    def spec(grid: Sequence[int]) -> FvSrnSpec:
        x, y, z = grid
        widths = (width,) * settings.layers
        return FvSrnSpec(
            geometry.half_extent, components, widths, settings.frequencies, features * components, (z, y, x), wavelet
        )

    if settings.grid is not None:
        return spec(settings.grid)
    smallest = spec((1, 1, 1))
    fits = _latents_that_fit(smallest, room)
    return spec(grid_dims(geometry.dims, fits / smallest.features * oversize(config, fits, known)))


def _latents_that_fit(spec: FvSrnSpec, room: Room) -> float:
    predictor = (_numbers(spec) - math.prod(spec.grid) * spec.features) * room.weight
    return max(room.total - predictor, 64 * room.latent) / room.latent


def chosen_sizes(config: CompressConfig, spec: NetworkSpec, room: Room, known: Optional[int] = None) -> dict[str, Any]:
    """Settings of size that the config may leave open, by their dotted names, as ``spec`` has them."""
    if isinstance(spec, FvSrnSpec):
        fits = _latents_that_fit(spec, room)
        found = {
            "fvsrn.width": spec.widths[0],
            "fvsrn.features": spec.features // spec.components,
            "fvsrn.grid": list(reversed(spec.grid)),
        }
    else:
        assert isinstance(spec, NeurcompSpec)
        fits = room.total / room.weight
        found = {"neurcomp.width": spec.width}
    return found if config.pruner == "none" else {**found, "pruning.oversize": oversize(config, fits, known)}


def grid_dims(dims: Sequence[int], vertices: float) -> tuple[int, int, int]:
    """Latent samples along x, y, z: as near below ``vertices`` of them as even sizes come, in the volume's proportions,
    no finer than it."""
    low, high = 0.0, 1.0
    for _ in range(40):
        scale = (low + high) / 2
        if math.prod(_scaled(dims, scale)) <= vertices:
            low = scale
        else:
            high = scale
    sizes = _scaled(dims, low)
    # What rounding left unused goes to the axes one by one, those first that came out shortest for their length.
    for axis in sorted(range(3), key=lambda a: sizes[a] / dims[a]):
        larger = [min(n, s + (2 if s > 4 else 1)) if a == axis else s for a, (s, n) in enumerate(zip(sizes, dims))]
        if math.prod(larger) <= vertices:
            sizes = larger
    x, y, z = sizes
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

"""Volumes made on the spot, of many kinds: what the shipped predictor is fitted to, beside real ones."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Iterator

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))
import turbulence

from srn_core.volume import Volume

SPECTRA = ((64, -5.0), (64, -7.0), (64, -9.0), (96, -6.0), (48, -8.0), (80, -4.0))
"""Edge, and exponent of the power spectrum."""
FLOWS = ((64, 0, 1.0), (80, 3, 1.3), (96, 5, 0.7))
"""Edge, seed and duration of a simulation."""


def noise(shape: tuple[int, int, int], exponent: float, seed: int) -> np.ndarray:
    """Gaussian noise (z, y, x), standard deviation 1, whose power falls as frequency^exponent."""
    spectrum = np.fft.rfftn(np.random.default_rng(seed).normal(size=shape))
    axes = [np.fft.fftfreq(n) * n for n in shape[:2]] + [np.fft.rfftfreq(shape[2]) * shape[2]]
    wavenumber = np.sqrt(sum(np.square(k) for k in np.meshgrid(*axes, indexing="ij")))
    wavenumber[0, 0, 0] = np.inf
    found = np.fft.irfftn(spectrum * wavenumber ** (exponent / 2), s=shape, axes=(0, 1, 2))
    return np.asarray(found / found.std())


def marschner_lobb(n: int) -> np.ndarray:
    """The test signal of Marschner and Lobb 1994, (n, n, n): rings up to near the highest frequency."""
    z, y, x = np.meshgrid(*[np.linspace(-1, 1, n)] * 3, indexing="ij")
    rings = np.cos(2 * np.pi * 6 * np.cos(np.pi * np.hypot(x, y) / 2))
    return np.asarray((1 - np.sin(np.pi * z / 2) + 0.25 * (1 + rings)) / 2.5)


def fields() -> Iterator[Volume]:
    """Twenty of them."""
    made = [(f"noise{exponent:g}_{n}", noise((n, n, n), exponent, i)) for i, (n, exponent) in enumerate(SPECTRA)]
    made += [
        ("fronts_64", np.tanh(5.0 * noise((64, 64, 64), -7.0, 11))),
        ("lognormal_72", np.exp(1.5 * noise((72, 72, 72), -6.5, 12))),
        ("slab_110x120x24", noise((24, 120, 110), -7.0, 13)),
        ("ridges_64", np.abs(noise((64, 64, 64), -4.7, 14)) ** 1.5),
        ("marschner_lobb_64", marschner_lobb(64)),
    ]
    for size, seed, duration in FLOWS:
        velocity, box = turbulence.simulate(turbulence.Run(size=size, seed=seed, duration=duration))
        made += [(f"{name}_{size}", turbulence.scalar(velocity, box, name)) for name in turbulence.FIELDS]
    for name, values in made:
        yield Volume.from_array(np.ascontiguousarray(values, np.float32), name)

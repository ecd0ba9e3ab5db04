"""Volumes from which the context model is learnt: fields made here, of many kinds, and any files named."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, Sequence

import numpy as np

from srn_core.io.read import read_volume


def made(seed: int = 0) -> Iterator[tuple[str, np.ndarray]]:
    """(name, values (z, y, x)) of random fields, phantoms and waves."""
    random = np.random.default_rng(seed)
    for exponent in (1.6, 2.2, 3.0, 3.6):
        for shape in ((72, 80, 88), (24, 120, 100), (31, 90, 140)):
            field = gaussian_field(shape, exponent, random)
            yield f"spectrum {exponent} {shape}", field
            yield f"log-normal {exponent} {shape}", np.exp(1.5 * field / field.std())
    cut = gaussian_field((80, 80, 80), 2.4, random, cutoff=0.25)
    yield "cut off", cut
    yield "strength", np.abs(np.stack(np.gradient(cut))).sum(axis=0)
    yield "fronts", np.tanh(4 * gaussian_field((72, 72, 72), 3.0, random) / 0.6)
    yield "balls", balls((90, 80, 70), random)
    yield "noisy balls", balls((64, 72, 80), random) + 0.01 * random.standard_normal((64, 72, 80))
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in (64, 64, 64)), indexing="ij")
    yield "rings", np.cos(20 * np.sqrt(x**2 + y**2 + 0.5 * z**2))
    yield "slice", gaussian_field((1, 300, 280), 2.6, random)


def gaussian_field(
    shape: Sequence[int], exponent: float, random: np.random.Generator, cutoff: float = 0.5
) -> np.ndarray:
    """A random field whose amplitudes fall as wave number^-exponent, not periodic, of variance 1."""
    wide = [2 * n for n in shape]
    k = np.sqrt(
        sum(np.square(np.fft.fftfreq(n)).reshape([-1 if a == i else 1 for a in range(3)]) for i, n in enumerate(wide))
    )
    k[0, 0, 0] = 1.0
    amplitudes = k**-(exponent) * np.exp(-((k / cutoff) ** 4))
    spectrum = np.fft.fftn(random.standard_normal(wide)) * amplitudes
    spectrum[0, 0, 0] = 0.0
    field = np.fft.ifftn(spectrum).real[tuple(slice(0, n) for n in shape)]
    return (field - field.mean()) / field.std()


def balls(shape: Sequence[int], random: np.random.Generator) -> np.ndarray:
    """Balls of constant values, some of them blurred at the border, as in computed tomography."""
    places = np.stack(np.meshgrid(*(np.arange(n, dtype=np.float64) for n in shape), indexing="ij"))
    out = np.zeros(tuple(shape))
    for _ in range(25):
        centre = random.uniform(0, 1, 3) * shape
        radius, width = random.uniform(4, 0.35 * min(shape)), random.uniform(0.3, 2.0)
        distance = np.sqrt(((places - centre[:, None, None, None]) ** 2).sum(axis=0))
        inside = 1 / (1 + np.exp(np.clip((distance - radius) / width, -50, 50)))
        out = out * (1 - inside) + random.uniform(0, 1) * inside
    return out


def of_files(paths: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
    """(name, values) of volumes on disk, the large ones cut to their middle 128 voxels."""
    for path in paths:
        values = np.asarray(read_volume(path).values, np.float64)
        cut = tuple(slice(max(0, (n - 128) // 2), max(0, (n - 128) // 2) + 128) for n in values.shape)
        yield Path(path).name, values[cut]

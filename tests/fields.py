"""Small smooth fields made on the spot."""

from __future__ import annotations

import numpy as np


def waves(nx: int = 24, ny: int = 20, nz: int = 16, seed: int = 0, dtype: str = "float32") -> np.ndarray:
    """A smooth field (z, y, x) of a few random plane waves, values about -3 to 3."""
    rng = np.random.default_rng(seed)
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in (nz, ny, nx)), indexing="ij")
    field = np.zeros((nz, ny, nx))
    for _ in range(5):
        kx, ky, kz = rng.normal(0, 2.5, 3)
        field += np.sin(kx * x + ky * y + kz * z + rng.uniform(0, 2 * np.pi))
    return field.astype(dtype)

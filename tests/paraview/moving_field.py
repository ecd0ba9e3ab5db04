"""A field that moves, as files of three time steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from srn_core.io import write_volume
from srn_core.volume import Geometry, Volume


def values(number: int) -> np.ndarray:
    """Of a time step, (8, 9, 10)."""
    z, y, x = np.mgrid[:8, :9, :10].astype(np.float32)
    return np.asarray(np.sin(x / 4 + number / 2) * np.cos(y / 5) + z / 10, np.float32)


def three_steps(folder: Path) -> list[str]:
    """Three .vti files, which ParaView takes for the times 0, 1, 2."""
    paths = [folder / f"step_{number}.vti" for number in range(3)]
    for number, path in enumerate(paths):
        write_volume(path, Volume(values(number), Geometry((10, 9, 8)), "pressure"))
    return [str(path) for path in paths]

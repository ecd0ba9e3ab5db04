"""What compressing in bricks holds in memory goes by the brick, not by the volume."""

from __future__ import annotations

import tracemalloc
from typing import Sequence

import numpy as np
import pytest

from srn_core import api
from srn_core.in_bricks import survey
from srn_core.parts import VolumeParts, part_geometry
from srn_core.volume import Geometry, Volume

EDGE = 40


class Waves(VolumeParts):
    """A field that is worked out wherever it is asked for; beyond its first brick it is 0, which is soon compressed."""

    def __init__(self, dims: tuple[int, int, int]) -> None:
        self.geometry, self.name, self.dtype = Geometry(dims), "waves", np.dtype(np.float32)
        self.largest = 0

    def read(self, region: Sequence[int]) -> Volume:
        """Sines where z is small."""
        x, y, z = (np.arange(a, b + 1, dtype=np.float32) for a, b in zip(region[::2], region[1::2]))
        values = (
            np.sin(x / 7)
            * np.cos(y[:, None] / 5)
            * np.maximum(np.sin(z[:, None, None] / 9), 0)
            * (z[:, None, None] < 28)
        )
        self.largest = max(self.largest, values.size)
        return Volume(values, part_geometry(self.geometry, region), self.name)


def peak_of(dims: tuple[int, int, int]) -> tuple[int, int, int]:
    """(Peak of the memory in bytes, largest part that was read in samples, samples)."""
    parts = Waves(dims)
    tracemalloc.start()
    try:
        api.compress(parts, psnr=35, **{"bricks.edge": EDGE, "training.passes": 0})
        return tracemalloc.get_traced_memory()[1], parts.largest, parts.values
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_a_volume_four_times_as_large_takes_no_more_memory(monkeypatch):
    monkeypatch.setattr(survey, "SAMPLED", 1 << 14)  # samples of all bricks are kept, so many together
    peak_of((EDGE, 16, 16))  # what is loaded once
    small, most, count = peak_of((EDGE, EDGE, 3 * EDGE))
    large, more, larger = peak_of((EDGE, EDGE, 12 * EDGE))
    assert larger == 4 * count
    assert most == more < EDGE * EDGE * (EDGE + 16), "a brick with what lies about it"
    assert large - small < (larger - count) * 4 // 4, "a quarter of the float32 numbers that there are more of"

"""What has to be known of all bricks before one is compressed: the range of the values, and a sample of each brick."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, Mapping, Optional, Sequence

import numpy as np

from srn_core.errors import SrnInputError
from srn_core.volume import Volume

SAMPLED = 1 << 22
"""Values of all samples together, about."""
LEAST_EDGE, MOST_EDGE = 8, 96
"""Of a sample, along each axis."""

Ranges = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Survey:
    """One brick."""

    ranges: Optional[Ranges]
    """(min, max) of each component over valid voxels; None where there are none."""
    values: int
    sample: np.ndarray
    """(components, z, y, x) float32: a cut from its middle, the mean where there is no value."""

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        packed = base64.b64encode(np.ascontiguousarray(self.sample, "<f4").tobytes()).decode()
        return {"ranges": self.ranges, "values": self.values, "shape": self.sample.shape, "sample": packed}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Survey:
        """From :meth:`to_json`."""
        sample = np.frombuffer(base64.b64decode(told["sample"]), "<f4").reshape(told["shape"])
        ranges = None if told["ranges"] is None else tuple((float(a), float(b)) for a, b in told["ranges"])
        return cls(ranges, int(told["values"]), sample)


def survey(volume: Volume, bricks: int) -> Survey:
    """Of one of so many bricks. Raises SrnInputError for infinite values."""
    valid = validity(volume)
    columns = volume.values.reshape(*volume.values.shape[:3], -1)
    edge = int(min(max((SAMPLED / bricks / columns.shape[3]) ** (1 / 3), LEAST_EDGE), MOST_EDGE))
    z, y, x = (slice((n - min(n, edge)) // 2, (n + min(n, edge) + 1) // 2) for n in columns.shape[:3])
    sample = np.moveaxis(columns[z, y, x].astype(np.float32), 3, 0)
    if valid is None:
        flat = columns.reshape(-1, columns.shape[3])
    elif valid.any():
        flat = columns[valid]
        seen = valid[z, y, x]
        for component in sample:
            component[~seen] = component[seen].mean() if seen.any() else 0.0
    else:
        return Survey(None, volume.values.size, np.zeros_like(sample))
    ranges = tuple((float(column.min()), float(column.max())) for column in flat.T)
    return Survey(ranges, volume.values.size, sample)


def validity(volume: Volume) -> Optional[np.ndarray]:
    """As :meth:`Volume.validity`, but a brick may have no valid voxel at all."""
    values, given = volume.values, volume.valid
    nothing = given is not None and not given.any()
    if values.dtype.kind == "f" and not nothing:
        finite = np.isfinite(values)
        if values.ndim == 4:
            finite = finite.all(axis=3)
        nothing = not (finite if given is None else finite & given).any()
        if nothing and np.isinf(values if given is None else values[given]).any():
            return volume.validity()  # which says what is wrong
    return np.zeros(volume.geometry.shape, bool) if nothing else volume.validity()


def range_of_all(surveys: Sequence[Survey], name: str) -> Ranges:
    """(min, max) of each component. Raises SrnInputError where no brick holds a value."""
    known = [one.ranges for one in surveys if one.ranges is not None]
    if not known:
        raise SrnInputError(f"array '{name}' holds no valid value (all NaN or masked): nothing to compress")
    return tuple((min(low for low, _ in column), max(high for _, high in column)) for column in zip(*known))

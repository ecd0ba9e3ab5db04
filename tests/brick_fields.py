"""Fields of bricks made on the spot, and how much their seams show."""

from __future__ import annotations

from typing import Any

import numpy as np

from srn_core import codec
from srn_core.bricks.places import places
from srn_core.codec import NeuralField, StoredArray
from srn_core.codec.field import Brick
from srn_core.pyramid import analyse, pyramid_of
from srn_core.spec import BricksSpec, FvSrnSpec
from srn_core.volume import Geometry

PYRAMID = pyramid_of("bior4.4", (("zyx", 2),))
WORLD: dict[str, Any] = {"origin": (1.0, 2.0, 3.0), "spacing": (0.5, 0.25, 2.0), "start": (2, -3, 4)}


def wavy(dims: tuple[int, int, int] = (44, 38, 30)) -> np.ndarray:
    """(z, y, x) float32: waves from -1 to 1."""
    x, y, z = (np.arange(n, dtype=np.float32) for n in dims)
    values = np.sin(x / 7) * np.cos(y[:, None] / 5) + 0.3 * np.sin(z[:, None, None] / 3 + x / 4)
    return (values / np.abs(values).max()).astype(np.float32)


def bricked(values: np.ndarray, edge: int = 24, halo: int = 4, step: float = 0.05, **more: Any) -> NeuralField:
    """A field of bricks that each hold wavelet coefficients of ``values`` (from -1 to 1), quantised by a step.

    ``more``: of the whole; "mask" (z, y, x): which voxels hold a value; "plateau" (z, y, x): which are exactly 0.5.
    """
    mask, flat = more.pop("mask", None), more.pop("plateau", None)
    nz, ny, nx = values.shape
    geometry = more.pop("geometry", Geometry((nx, ny, nz), **WORLD))
    about: dict[str, Any] = {"name": "waves", "dtype": "float32", "value_range": ((-1.0, 1.0),), **more}
    bricks = []
    for place in places((nx, ny, nz), edge, halo):
        x0, x1, y0, y1, z0, z1 = place.region
        part = slice(z0, z1 + 1), slice(y0, y1 + 1), slice(x0, x1 + 1)
        start = tuple(s + g for s, g in zip(place.start, geometry.start))
        own = Geometry(place.dims, start=start, association=geometry.association)  # type: ignore[arg-type]
        grid = tuple(reversed(place.dims))
        spec = FvSrnSpec(own.half_extent, 1, (), 0, 1, grid, PYRAMID, skip=True)  # type: ignore[arg-type]
        codes = np.rint(analyse(values[part], PYRAMID) / step).astype(np.int32)[None]
        field = NeuralField(
            spec,
            {"coefficients": StoredArray(codes, 25, step=step)},
            own,
            **{**about, "name": "", "units": "", "time": None},
            valid=None if mask is None else mask[part],
            plateau=None if flat is None else codec.Plateau(flat[part], (0.5,)),
        )
        bricks.append(Brick(own, place.fades, mask is not None, lambda field=field: field))
    spec = BricksSpec(geometry.half_extent, 1, len(bricks))
    return NeuralField(spec, {}, geometry, **about, bricks=tuple(bricks))


def jump(values: np.ndarray, cuts: tuple[list[int], list[int], list[int]], scale: int = 1) -> tuple[float, float]:
    """Mean absolute second differences of (z, y, x) about faces before the voxels ``cuts`` along x, y, z, and of all
    else; ``scale``: samples per voxel."""
    across, inside = [], []
    for axis, along in zip((2, 1, 0), cuts):
        lines = np.moveaxis(values.astype(np.float64), axis, 0)
        second = np.abs(lines[2:] - 2 * lines[1:-1] + lines[:-2]).reshape(len(lines) - 2, -1).mean(axis=1)
        at = {scale * (cut - 1) - 1 + number for cut in along for number in range(2 * scale)}
        across += [second[i] for i in at]
        inside += [value for i, value in enumerate(second) if i not in at]
    return float(np.mean(across)), float(np.mean(inside))

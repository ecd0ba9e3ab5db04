"""Where the points of a grid lie that no origin and spacing describe: along axes of uneven steps, or anywhere.

Between its points such a grid is linear in the index along each axis: that is where finer points are put, and how
positions in the world become indices.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from functools import cached_property
from typing import Sequence

import numpy as np

from srn_core.errors import SrnInputError

STEP = 2.0**-10
"""In samples: half of what lies between the positions whose difference is a derivative. At a point, where steps before
and after differ, it gives their mean."""


class GridPoints(ABC):
    """The positions of a grid's points. Never changed once made."""

    kind: str
    """What the file calls it."""

    @property
    @abstractmethod
    def dims(self) -> tuple[int, int, int]:
        """Points along x, y, z."""

    @property
    @abstractmethod
    def numbers(self) -> np.ndarray:
        """Everything as one flat array, float32 or float64."""

    @classmethod
    @abstractmethod
    def of_numbers(cls, numbers: np.ndarray, dims: Sequence[int]) -> GridPoints:
        """From :attr:`numbers`, of which there are :meth:`count`. Raises SrnInputError where one is not finite."""

    @classmethod
    @abstractmethod
    def count(cls, dims: Sequence[int]) -> int:
        """How many numbers a grid of ``dims`` points has."""

    @abstractmethod
    def at(self, index: np.ndarray) -> np.ndarray:
        """World positions (N, 3), float64, of fractional point indices (N, 3), held within the grid."""

    @abstractmethod
    def picked(self, index: Sequence[np.ndarray]) -> GridPoints:
        """The points at fractional indices along x, y and z."""

    @abstractmethod
    def index_of(self, points: np.ndarray) -> np.ndarray:
        """Fractional point indices (N, 3) of world positions (N, 3); beyond the ends they go on as the last step does.

        Raises SrnInputError where the kind does not know.
        """

    def index_per_length(self, index: np.ndarray) -> np.ndarray:
        """(N, 3, 3): how fractional indices (rows) change per unit of length along the world's axes, at indices (N, 3).

        Along an axis of one point: 0, or across the others where there is but one such axis.
        """
        index = np.clip(np.asarray(index, np.float64), 0, np.array(self.dims) - 1)
        steps = np.zeros((len(index), 3, 3))
        flat = [axis for axis, n in enumerate(self.dims) if n == 1]
        for axis in range(3):
            if axis not in flat:
                low, high = index.copy(), index.copy()
                low[:, axis] = np.maximum(index[:, axis] - STEP, 0)
                high[:, axis] = np.minimum(index[:, axis] + STEP, self.dims[axis] - 1)
                steps[:, :, axis] = (self.at(high) - self.at(low)) / (high - low)[:, axis, None]
        if len(flat) == 1:
            one, other = (axis for axis in range(3) if axis not in flat)
            steps[:, :, flat[0]] = np.cross(steps[:, :, one], steps[:, :, other])
        found = np.zeros_like(steps)
        regular = np.abs(np.linalg.det(steps)) > 0
        found[regular] = np.linalg.inv(steps[regular])
        found[~regular] = np.linalg.pinv(steps[~regular])
        return found

    @cached_property
    def digest(self) -> str:
        """The same for the same points alone."""
        numbers = self.numbers
        told = f"{self.kind} {self.dims} {numbers.dtype.name}".encode()
        return hashlib.blake2b(told + np.ascontiguousarray(numbers).tobytes(), digest_size=16).hexdigest()

    @property
    def nbytes(self) -> int:
        """Bytes of the positions as numbers."""
        return int(self.numbers.nbytes)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, GridPoints) and self.digest == other.digest)

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.dims}, {self.digest})"


class RectilinearPoints(GridPoints):
    """Points where planes across the axes meet: a coordinate for each plane."""

    kind = "axes"

    def __init__(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> None:
        given = [np.asarray(axis).ravel() for axis in (x, y, z)]
        dtype = np.float32 if all(axis.dtype == np.float32 for axis in given) else np.float64
        self.axes = tuple(_finite(axis.astype(dtype)) for axis in given)
        """Coordinates along x, y, z."""

    @property
    def dims(self) -> tuple[int, int, int]:
        """Points along x, y, z."""
        x, y, z = (len(axis) for axis in self.axes)
        return x, y, z

    @property
    def numbers(self) -> np.ndarray:
        """The three axes, one after the other."""
        return np.concatenate(self.axes)

    @classmethod
    def of_numbers(cls, numbers: np.ndarray, dims: Sequence[int]) -> RectilinearPoints:
        """From the three axes, one after the other."""
        x, y, z = np.split(numbers, np.cumsum(dims)[:2])
        return cls(x, y, z)

    @classmethod
    def count(cls, dims: Sequence[int]) -> int:
        """One for each plane."""
        return sum(dims)

    def at(self, index: np.ndarray) -> np.ndarray:
        """Axis by axis."""
        columns = [_between(axis, index[:, place]) for place, axis in enumerate(self.axes)]
        return np.stack(columns, axis=1)

    def picked(self, index: Sequence[np.ndarray]) -> RectilinearPoints:
        """Other planes."""
        x, y, z = (_between(axis, at).astype(axis.dtype) for axis, at in zip(self.axes, index))
        return RectilinearPoints(x, y, z)

    def index_of(self, points: np.ndarray) -> np.ndarray:
        """Axis by axis. Raises SrnInputError where coordinates neither rise nor fall all along an axis."""
        return np.stack([_place_on(axis, points[:, i], "xyz"[i]) for i, axis in enumerate(self.axes)], axis=1)


class CurvilinearPoints(GridPoints):
    """Points that each lie anywhere."""

    kind = "points"

    def __init__(self, positions: np.ndarray) -> None:
        """``positions``: (z, y, x, 3)."""
        given = np.asarray(positions)
        dtype = np.float32 if given.dtype == np.float32 else np.float64
        self.positions = _finite(given.astype(dtype, copy=False))
        """(z, y, x, 3), float32 or float64."""

    @property
    def dims(self) -> tuple[int, int, int]:
        """Points along x, y, z."""
        z, y, x = self.positions.shape[:3]
        return x, y, z

    @property
    def numbers(self) -> np.ndarray:
        """x, then y, then z of all points, those along x fastest."""
        return np.moveaxis(self.positions, 3, 0).ravel()

    @classmethod
    def of_numbers(cls, numbers: np.ndarray, dims: Sequence[int]) -> CurvilinearPoints:
        """From x, then y, then z of all points."""
        x, y, z = dims
        return cls(np.moveaxis(numbers.reshape(3, z, y, x), 0, 3))

    @classmethod
    def count(cls, dims: Sequence[int]) -> int:
        """Three for each point."""
        x, y, z = dims
        return 3 * x * y * z

    def at(self, index: np.ndarray) -> np.ndarray:
        """Linear along each axis between the eight points about it."""
        found: np.ndarray = np.zeros((len(index), 3))
        low, share = zip(*(_split(index[:, axis], n) for axis, n in enumerate(self.dims)))
        for corner in np.ndindex(2, 2, 2):
            x, y, z = (np.minimum(first + more, n - 1) for first, more, n in zip(low, corner, self.dims))
            weight = np.prod([part if more else 1 - part for part, more in zip(share, corner)], axis=0)
            found += weight[:, None] * self.positions[z, y, x]
        return found

    def picked(self, index: Sequence[np.ndarray]) -> CurvilinearPoints:
        """Linear along one axis after the other."""
        found = self.positions
        for axis, at in zip((2, 1, 0), index):
            found = _along(found, at, axis)
        return CurvilinearPoints(found.astype(self.positions.dtype, copy=False))

    def index_of(self, points: np.ndarray) -> np.ndarray:
        """Raises SrnInputError: cells would have to be searched for."""
        raise SrnInputError(
            "positions in the world cannot be looked up in a structured grid; decode the grid itself (Neural Resample, "
            "srn decompress), or compress again with the geometry dropped"
        )


KINDS: dict[str, type[GridPoints]] = {kind.kind: kind for kind in (RectilinearPoints, CurvilinearPoints)}


def _finite(numbers: np.ndarray) -> np.ndarray:
    if not np.isfinite(numbers).all():
        raise SrnInputError("the grid has points whose coordinates are not finite")
    return numbers


def _split(index: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The points before fractional indices, held within ``n`` of them, and how far behind these they lie."""
    held = np.clip(np.nan_to_num(np.asarray(index, np.float64)), 0, n - 1)
    low = np.minimum(held.astype(np.int64), max(n - 2, 0))
    return low, held - low


def _along(values: np.ndarray, index: np.ndarray, axis: int) -> np.ndarray:
    """Values at fractional indices along an axis, linear between; exact at whole ones."""
    n = values.shape[axis]
    low, share = _split(index, n)
    shape = [1] * values.ndim
    shape[axis] = -1
    share = share.reshape(shape)
    first, second = values.take(low, axis), values.take(np.minimum(low + 1, n - 1), axis)
    return np.where(share == 0, first, np.where(share == 1, second, first * (1 - share) + second * share))


def _between(axis: np.ndarray, index: np.ndarray) -> np.ndarray:
    return _along(axis.astype(np.float64), index, 0)


def _place_on(axis: np.ndarray, positions: np.ndarray, name: str) -> np.ndarray:
    """Fractional indices of coordinates, NaN for NaN."""
    values = axis.astype(np.float64)
    if len(values) == 1:
        return np.asarray(positions - values[0])
    if values[-1] < values[0]:
        values, positions = -values, -positions
    if not (np.diff(values) > 0).all():
        raise SrnInputError(
            f"the grid's coordinates along {name} do not rise (or fall) all along: positions in the world cannot be "
            "looked up in it"
        )
    low = np.clip(np.searchsorted(values, positions, "right") - 1, 0, len(values) - 2)
    return np.asarray(low + (positions - values[low]) / (values[low + 1] - values[low]))

"""A volume: values on a grid, and where that grid lies in the world."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Optional

import numpy as np

from srn_core import coordinates
from srn_core.errors import SrnInputError
from srn_core.grid_points import GridPoints

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
ASSOCIATIONS = ("point", "cell")


@dataclass(frozen=True)
class Geometry:
    """Where the samples of a volume lie.

    A sample with integer index (i, j, k) from ``start`` on lies at
    ``origin + direction @ (spacing * (i, j, k))``, half a spacing further for cell samples, as in
    vtkImageData. Where the grid is not of equal steps, ``points`` says where it lies; origin, spacing and direction
    then describe its index space.
    """

    dims: tuple[int, int, int]
    """Number of samples along x, y and z (cells, not points, where association is "cell")."""
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    direction: tuple[float, ...] = IDENTITY
    """Row-major 3 x 3 matrix of the axes' directions."""
    start: tuple[int, int, int] = (0, 0, 0)
    """Index of the first sample along x, y and z: the lower ends of the VTK extent."""
    association: str = "point"
    points: Optional[GridPoints] = None
    """Positions of the grid's points (for cells: of their corners); None: as origin, spacing and direction say."""

    def __post_init__(self) -> None:
        if len(self.dims) != 3 or min(self.dims) < 1:
            raise SrnInputError(f"a volume needs at least one sample along each axis, but its dims are {self.dims}")
        if self.association not in ASSOCIATIONS:
            raise SrnInputError(f"association must be one of {ASSOCIATIONS}, not {self.association!r}")
        if len(self.direction) != 9 or len(self.origin) != 3 or len(self.spacing) != 3 or len(self.start) != 3:
            raise SrnInputError("origin, spacing and start need 3 numbers, direction needs 9")
        if not np.all(np.isfinite(np.array([*self.origin, *self.spacing, *self.direction]))):
            raise SrnInputError("the volume's origin, spacing or direction is not finite")
        if self.points is not None and not self._corners_fit(self.points.dims):
            raise SrnInputError(
                f"a grid of {self.dims} {self.association} samples cannot have {self.points.dims} points"
            )

    def _corners_fit(self, points: tuple[int, int, int]) -> bool:
        if self.association == "point":
            return points == self.dims
        # An axis of one point has one cell too.
        return all(p == n + 1 or p == n == 1 for p, n in zip(points, self.dims))

    @property
    def without_points(self) -> Geometry:
        """The same samples in index space."""
        return self if self.points is None else replace(self, points=None)

    def _middle(self, points: GridPoints) -> np.ndarray:
        """(3,): index of the first sample among the points."""
        return np.array([0.5 if p > n else 0.0 for p, n in zip(points.dims, self.dims)])

    @property
    def shape(self) -> tuple[int, int, int]:
        """(z, y, x) shape of one component's array."""
        x, y, z = self.dims
        return z, y, x

    @property
    def samples(self) -> int:
        """Number of samples."""
        x, y, z = self.dims
        return x * y * z

    @property
    def extent(self) -> tuple[int, int, int, int, int, int]:
        """VTK *point* extent (x0, x1, y0, y1, z0, z1), both ends inclusive."""
        if self.points is not None:
            (x0, y0, z0), (nx, ny, nz) = self.start, self.points.dims
            return x0, x0 + nx - 1, y0, y0 + ny - 1, z0, z0 + nz - 1
        more = 1 if self.association == "cell" else 0
        (x0, y0, z0), (nx, ny, nz) = self.start, self.dims
        return x0, x0 + nx - 1 + more, y0, y0 + ny - 1 + more, z0, z0 + nz - 1 + more

    @property
    def half_extent(self) -> tuple[float, float, float]:
        """Half lengths in normalised coordinates; see :mod:`srn_core.coordinates`."""
        return coordinates.half_extent(self.dims)

    @property
    def index_per_length(self) -> np.ndarray:
        """(3, 3): how fractional indices (rows, along x, y, z) change per unit of length along the world's axes."""
        return np.asarray(np.linalg.inv(self._steps()))

    def index_per_length_at(self, index: np.ndarray) -> np.ndarray:
        """As :attr:`index_per_length`, (..., 3, 3) at fractional sample indices (..., 3); (3, 3) where it is the same
        everywhere."""
        if self.points is None:
            return self.index_per_length
        flat = np.reshape(index, (-1, 3)) + self._middle(self.points)
        return self.points.index_per_length(flat).reshape(*np.shape(index), 3)

    def _steps(self) -> np.ndarray:
        """(3, 3), invertible: world steps (columns) from sample to sample along x, y, z."""
        matrix = np.array(self.direction, np.float64).reshape(3, 3) * np.array(self.spacing, np.float64)
        if abs(np.linalg.det(matrix)) == 0.0:  # a flat axis: any spacing does, there is one sample along it
            matrix = matrix + np.diag([0.0 if s else 1.0 for s in self.spacing])
        return matrix

    def index_of(self, points: np.ndarray) -> np.ndarray:
        """Fractional sample indices (N, 3), 0 at the first sample, of world positions (N, 3).

        Raises SrnInputError for a structured grid, whose cells would have to be searched.
        """
        if self.points is not None:
            return self.points.index_of(np.asarray(points, np.float64)) - self._middle(self.points)
        local = np.linalg.solve(self._steps(), (np.asarray(points, np.float64) - np.array(self.origin)).T).T
        return local - np.array(self.start) - (0.5 if self.association == "cell" else 0.0)

    def position_of(self, index: np.ndarray) -> np.ndarray:
        """World positions (N, 3) of fractional sample indices (N, 3), 0 at the first sample."""
        if self.points is not None:
            return self.points.at(np.asarray(index, np.float64) + self._middle(self.points))
        shifted = np.asarray(index, np.float64) + np.array(self.start) + (0.5 if self.association == "cell" else 0.0)
        matrix = np.array(self.direction, np.float64).reshape(3, 3) * np.array(self.spacing, np.float64)
        return shifted @ matrix.T + np.array(self.origin)

    def resampled(self, dims: tuple[int, int, int]) -> Geometry:
        """The geometry of ``dims`` samples over the same box, its index starting at 0."""
        # Points share the box's ends, cells fill it: n cells lie between n + 1 ends.
        ends = 1 if self.association == "point" else 0
        sx, sy, sz = (s * (n - ends) / (m - ends) if m > ends else s for s, n, m in zip(self.spacing, self.dims, dims))
        # A single point lies in the middle of its axis.
        first = np.array([(n - 1) / 2.0 if ends and m == 1 else 0.0 for n, m in zip(self.dims, dims)])
        x, y, z = self.without_points.position_of((first if ends else first - 0.5)[None])[0]
        return replace(
            self,
            points=None if self.points is None else self.points.picked(self._corners(self.points, dims)),
            dims=(int(dims[0]), int(dims[1]), int(dims[2])),
            spacing=(sx, sy, sz),
            origin=(float(x), float(y), float(z)),
            start=(0, 0, 0),
        )

    def _corners(self, points: GridPoints, dims: tuple[int, int, int]) -> list[np.ndarray]:
        """Along x, y, z: fractional indices of the points of ``dims`` samples over the same box."""
        wanted = [
            m + (p > n or (self.association == "cell" and m > 1)) for m, n, p in zip(dims, self.dims, points.dims)
        ]
        return [coordinates.resampled_axis(p, m, "point") for p, m in zip(points.dims, wanted)]

    def cropped(self, region: tuple[int, int, int, int, int, int]) -> Geometry:
        """The part with sample indices x0..x1, y0..y1, z0..z1 (inclusive, counted as ``start`` counts them)."""
        low, high = region[0::2], region[1::2]
        for axis, (a, b, s, n) in enumerate(zip(low, high, self.start, self.dims)):
            if not s <= a <= b <= s + n - 1:
                raise SrnInputError(
                    f"the region asks for {'xyz'[axis]} = {a}..{b}, but the volume has {s}..{s + n - 1} there"
                )
        corners = None
        if self.points is not None:
            ends = [p - n for p, n in zip(self.points.dims, self.dims)]
            corners = self.points.picked(
                [np.arange(a - s, b - s + 1 + more) for a, b, s, more in zip(low, high, self.start, ends)]
            )
        return replace(
            self,
            points=corners,
            dims=(high[0] - low[0] + 1, high[1] - low[1] + 1, high[2] - low[2] + 1),
            start=(int(low[0]), int(low[1]), int(low[2])),
        )


@dataclass(frozen=True)
class Volume:
    """Values on a regular grid. What goes in comes back: geometry, name, dtype, association, NaNs."""

    values: np.ndarray
    """(z, y, x) or (z, y, x, component), any real numeric dtype."""
    geometry: Geometry
    name: str = "values"
    units: str = ""
    time: Optional[float] = None
    valid: Optional[np.ndarray] = None
    """(z, y, x) of bool, False where there is no value; None: every finite voxel is valid."""
    blanked: bool = False
    """Whether samples that are not valid are hidden, as VTK blanks points and cells out, rather than just unknown."""
    block: str = ""
    """Which block of a composite data set this is, its levels divided by "/"; "": there are no blocks."""

    def __post_init__(self) -> None:
        if self.values.ndim not in (3, 4) or self.values.shape[:3] != self.geometry.shape:
            raise SrnInputError(
                f"array '{self.name}' has shape {self.values.shape}, which is not the grid's {self.geometry.shape} "
                "(z, y, x), with or without a component axis"
            )
        if self.values.dtype.kind not in "fiub":
            raise SrnInputError(
                f"array '{self.name}' has type {self.values.dtype}; only real numbers can be compressed"
            )
        if self.valid is not None and self.valid.shape != self.geometry.shape:
            raise SrnInputError(f"the mask has shape {self.valid.shape}, the grid {self.geometry.shape}")

    @classmethod
    def from_array(cls, values: np.ndarray, name: str = "values", **geometry: object) -> Volume:
        """A volume of a plain array: (z, y, x[, component]), or with fewer axes (2-D: one slice; 1-D: one line)."""
        values = np.asarray(values)
        if values.ndim == 0 or values.size == 0:
            raise SrnInputError(f"array '{name}' is empty (shape {values.shape}): there is nothing to compress")
        if values.ndim > 4:
            raise SrnInputError(f"array '{name}' has {values.ndim} axes; a volume has (z, y, x[, component])")
        while values.ndim < 3:
            values = values[None]
        z, y, x = values.shape[:3]
        return cls(values, Geometry((x, y, z), **geometry), name)  # type: ignore[arg-type]

    @property
    def components(self) -> int:
        """Number of components: 1 for a scalar field."""
        return 1 if self.values.ndim == 3 else int(self.values.shape[3])

    @property
    def nbytes(self) -> int:
        """Bytes of the original array, the numerator of the compression ratio."""
        return int(self.values.nbytes)

    def validity(self) -> Optional[np.ndarray]:
        """(z, y, x) of bool, or None where every voxel holds a finite value.

        Raises SrnInputError where values are infinite, or where no voxel is valid.
        """
        if self.values.dtype.kind != "f":
            mask = None if self.valid is None or self.valid.all() else self.valid.astype(bool)
        else:
            finite = np.isfinite(self.values)
            if self.values.ndim == 4:
                finite = finite.all(axis=3)
            if self.valid is not None:
                finite &= self.valid.astype(bool)
            infinite = np.isinf(self.values)
            if self.values.ndim == 4:
                infinite = infinite.any(axis=3)
            if self.valid is not None:
                infinite &= self.valid.astype(bool)
            if infinite.any():
                raise SrnInputError(
                    f"array '{self.name}' holds {int(infinite.sum())} infinite values, which no finite network can "
                    "give back; set them to NaN (they then come back as NaN) or to a finite value"
                )
            mask = None if finite.all() else finite
        if mask is not None and not mask.any():
            raise SrnInputError(f"array '{self.name}' holds no valid value (all NaN or masked): nothing to compress")
        return mask

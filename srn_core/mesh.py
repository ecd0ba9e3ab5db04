"""A mesh: points anywhere in the world and cells between them, as of unstructured grids, surfaces and point clouds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Optional, Union

import numpy as np

from srn_core.errors import SrnInputError
from srn_core.volume import Volume

MOST_POINTS = 2**31 - 1
"""So are cells, and corners of all cells together."""


POLYHEDRON = 42
"""VTK's type of a cell that has faces of its own."""


@dataclass(frozen=True, eq=False)
class Faces:
    """The faces of all polyhedra of a mesh, one cell after the other, all int32."""

    counts: np.ndarray
    """(polyhedra,): faces of each."""
    sizes: np.ndarray
    """(faces,): points of each."""
    corners: np.ndarray
    """The points of all faces, one face after the other."""

    @property
    def numbers(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All three."""
        return self.counts, self.sizes, self.corners


@dataclass(frozen=True, eq=False)
class Mesh:
    """Points and cells. Never changed once made; two are equal where all their numbers are, to the bit."""

    points: np.ndarray
    """(N, 3) float32 or float64, world positions."""
    types: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint8))
    """(cells,) uint8. Of an unstructured grid VTK's cell types; of a surface which list a cell stands in: 0 vertices,
    1 lines, 2 polygons, 3 strips, in this order."""
    sizes: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    """(cells,) int32: points of each cell."""
    corners: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    """int32: the points of all cells, one cell after the other."""
    surface: bool = False
    """Whether it is a surface (VTK's poly data), not an unstructured grid."""
    faces: Optional[Faces] = None
    """Of the polyhedra among the cells; None: there are none."""

    def __post_init__(self) -> None:
        if self.points.ndim != 2 or self.points.shape[1] != 3 or self.points.dtype.name not in ("float32", "float64"):
            raise SrnInputError(
                f"the points of a mesh must be (N, 3) of float32 or float64, not {self.points.shape} of "
                f"{self.points.dtype}"
            )
        if max(len(self.points), len(self.types), len(self.corners)) > MOST_POINTS:
            raise SrnInputError(f"a mesh may have {MOST_POINTS} points, cells and corners of cells at most")
        if len(self.types) != len(self.sizes) or self.sizes.min(initial=0) < 0:
            raise SrnInputError("each cell of a mesh needs a type and a number of points")
        if int(self.sizes.sum(dtype=np.int64)) != len(self.corners):
            raise SrnInputError("the cells of a mesh have other points than their numbers say")
        if self.corners.size and not 0 <= self.corners.min() <= self.corners.max() < len(self.points):
            raise SrnInputError("a cell of the mesh has a point that is not there")
        if self.surface and (self.types.max(initial=0) > 3 or np.any(np.diff(self.types.astype(np.int8)) < 0)):
            raise SrnInputError("the cells of a surface are vertices, lines, polygons and strips, in this order")
        self._check_faces()

    def _check_faces(self) -> None:
        polyhedra = 0 if self.surface else int(np.count_nonzero(self.types == POLYHEDRON))
        if self.faces is None:
            if polyhedra:
                raise SrnInputError(f"the mesh has {polyhedra} polyhedra, but no faces of them")
            return
        counts, sizes, corners = self.faces.numbers
        if len(counts) != polyhedra or not polyhedra:
            raise SrnInputError(f"the mesh has {polyhedra} polyhedra, but faces of {len(counts)}")
        if max(len(sizes), len(corners)) > MOST_POINTS:
            raise SrnInputError(f"the polyhedra of a mesh may have {MOST_POINTS} faces and corners of faces at most")
        if min(counts.min(initial=0), sizes.min(initial=0)) < 0 or int(counts.sum(dtype=np.int64)) != len(sizes):
            raise SrnInputError("the polyhedra of a mesh have other faces than their numbers say")
        if int(sizes.sum(dtype=np.int64)) != len(corners):
            raise SrnInputError("the faces of polyhedra have other points than their numbers say")
        if corners.size and not 0 <= corners.min() <= corners.max() < len(self.points):
            raise SrnInputError("a face of the mesh has a point that is not there")

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Mesh) and self.digest == other.digest)

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def numbers(self) -> tuple[np.ndarray, ...]:
        """Points, types, sizes and corners; of polyhedra counts, sizes and corners of the faces too."""
        faces = () if self.faces is None else self.faces.numbers
        return (self.points, self.types, self.sizes, self.corners, *faces)

    @property
    def nbytes(self) -> int:
        """Bytes of all numbers."""
        return sum(int(numbers.nbytes) for numbers in self.numbers)

    @cached_property
    def digest(self) -> str:
        """Of all numbers: the same for equal meshes alone."""
        counts = tuple(len(numbers) for numbers in self.numbers)
        found = hashlib.blake2b(repr((self.surface, self.points.dtype.name, counts)).encode(), digest_size=16)
        for numbers in self.numbers:
            found.update(np.ascontiguousarray(numbers).data.cast("B") if numbers.size else b"")
        return found.hexdigest()

    def samples(self, association: str) -> int:
        """How many points, or cells, there are."""
        return len(self.points) if association == "point" else len(self.types)

    def positions(self, association: str) -> np.ndarray:
        """(N, 3) float64: the points, or the means of each cell's points; NaN for a cell without any."""
        if association == "point":
            return self.points.astype(np.float64)
        sums = np.zeros((len(self.sizes), 3))
        cells = np.repeat(np.arange(len(self.sizes)), self.sizes)
        for axis in range(3):
            corners = self.points[self.corners, axis].astype(np.float64)
            sums[:, axis] = np.bincount(cells, corners, len(self.sizes))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self.sizes[:, None] > 0, sums / self.sizes[:, None], np.nan)


@dataclass(frozen=True)
class MeshArray:
    """Values at the points, or in the cells, of a mesh.

    Raises SrnInputError where they are not one for each, or no numbers.
    """

    values: np.ndarray
    """(N,) or (N, components), any real numeric dtype."""
    mesh: Mesh
    name: str = "values"
    association: str = "point"
    units: str = ""
    time: Optional[float] = None
    valid: Optional[np.ndarray] = None
    """(N,) of bool, False where there is no value; None: every finite sample is valid."""
    blanked: bool = False
    """Whether samples that are not valid are hidden, as VTK blanks points and cells out."""
    block: str = ""
    """Which block of a composite data set it belongs to."""
    kept: bool = True
    """Whether the mesh goes into the file; if not, the array comes back as an image of the mesh's box."""
    dims: Optional[tuple[int, int, int]] = None
    """Points along x, y, z of the grid over the mesh's box that stands for it; None: by the number of samples."""

    def __post_init__(self) -> None:
        samples = self.mesh.samples(self.association)
        if self.values.ndim not in (1, 2) or len(self.values) != samples:
            raise SrnInputError(
                f"array '{self.name}' has {len(self.values)} values, the mesh {samples} {self.association}s"
            )
        if self.values.dtype.kind not in "fiub":
            raise SrnInputError(
                f"array '{self.name}' has type {self.values.dtype}; only real numbers can be compressed"
            )

    @property
    def nbytes(self) -> int:
        """Bytes of the original array, the numerator of the compression ratio."""
        return int(self.values.nbytes)

    @property
    def components(self) -> int:
        """Numbers at each sample."""
        return 1 if self.values.ndim == 1 else int(self.values.shape[1])

    def validity(self) -> np.ndarray:
        """(N,) of bool: where there are values at a place.

        Raises SrnInputError where values are infinite, or none is valid.
        """
        known = np.isfinite(self.mesh.positions(self.association)).all(axis=1)
        if self.valid is not None:
            known &= self.valid
        if self.values.dtype.kind == "f":
            rows = self.values.reshape(len(self.values), -1)
            infinite = int((np.isinf(rows).any(axis=1) & known).sum())
            if infinite:
                raise SrnInputError(
                    f"array '{self.name}' holds {infinite} infinite values, which no finite network can give back; set "
                    "them to NaN (they then come back as NaN) or to a finite value"
                )
            known &= np.isfinite(rows).all(axis=1)
        if not known.any():
            raise SrnInputError(f"array '{self.name}' holds no valid value (all NaN or masked): nothing to compress")
        return np.asarray(known)


Sampled = Union[Volume, MeshArray]
"""An array in memory, and where its samples lie."""

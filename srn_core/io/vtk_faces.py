"""The faces of polyhedra out of VTK's unstructured grids, and into them, in the two ways that VTK has had."""

from __future__ import annotations

from typing import Any

import numpy as np

from srn_core.io.vtk_numbers import cell_array, numpy_of, to_vtk
from srn_core.mesh import POLYHEDRON, Faces, Mesh


def faces_of(data: Any, types: np.ndarray) -> Faces:
    """Of the polyhedra among the cells of an unstructured grid, whose types are ``types``."""
    if not hasattr(data, "GetPolyhedronFaces"):  # before VTK 9.4
        stream, places = numpy_of(data.GetFaces()), numpy_of(data.GetFaceLocations())
        return _parsed(stream, places[types == POLYHEDRON])
    lists, faces = data.GetPolyhedronFaceLocations(), data.GetPolyhedronFaces()
    starts, which = numpy_of(lists.GetOffsetsArray()), numpy_of(lists.GetConnectivityArray())
    cells = np.flatnonzero(types == POLYHEDRON)
    counts = starts[cells + 1] - starts[cells]
    which = which[_ranges(starts[cells], counts)]
    offsets, corners = numpy_of(faces.GetOffsetsArray()), numpy_of(faces.GetConnectivityArray())
    sizes = np.diff(offsets)[which]
    corners = corners[_ranges(offsets[which], sizes)]
    return Faces(counts.astype(np.int32), sizes.astype(np.int32), corners.astype(np.int32))


def set_cells(data: Any, mesh: Mesh, faces: Faces) -> None:
    """Give an unstructured grid the cells of a mesh with polyhedra."""
    types, cells = to_vtk(mesh.types), cell_array(mesh.sizes, mesh.corners)
    some = mesh.types == POLYHEDRON
    if hasattr(data, "SetPolyhedralCells"):
        counts = np.zeros(len(mesh.types), np.int64)
        counts[some] = faces.counts
        lists = cell_array(counts, np.arange(len(faces.sizes)))
        data.SetPolyhedralCells(types, cells, lists, cell_array(faces.sizes, faces.corners))
        return
    stream, starts = _stream(faces)
    places = np.full(len(mesh.types), -1, np.int64)
    places[some] = starts
    data.SetCells(types, cells, to_vtk(places, ids=True), to_vtk(stream, ids=True))


def _parsed(stream: np.ndarray, starts: np.ndarray) -> Faces:
    """Of numbers as older releases of VTK have them: of each polyhedron how many faces, of each face how many points,
    and the points."""
    numbers = stream.tolist()
    counts, sizes, firsts = [], [], []
    for start in starts.tolist():
        counts.append(numbers[start])
        place = start + 1
        for _ in range(numbers[start]):
            sizes.append(numbers[place])
            firsts.append(place + 1)
            place += 1 + numbers[place]
    each = np.array(sizes, np.int64)
    corners = stream[_ranges(np.array(firsts, np.int64), each)]
    return Faces(np.array(counts, np.int32), each.astype(np.int32), corners.astype(np.int32))


def _stream(faces: Faces) -> tuple[np.ndarray, np.ndarray]:
    """Such numbers, and where each polyhedron begins in them."""
    sizes, counts = faces.sizes.astype(np.int64), faces.counts.astype(np.int64)
    # Before each face stands its size, before the first one of a cell their number.
    owner = np.repeat(np.arange(len(counts)), counts)
    at_face = np.cumsum(sizes + 1) - (sizes + 1) + owner + 1
    taken = np.bincount(owner, sizes + 1, len(counts)).astype(np.int64) + 1
    starts = np.cumsum(taken) - taken
    stream = np.empty(int(taken.sum()), np.int64)
    stream[starts], stream[at_face] = counts, sizes
    stream[_ranges(at_face + 1, sizes)] = faces.corners
    return stream, starts


def _ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Whole numbers from each start on, so many of each."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.asarray(np.arange(total) + np.repeat(starts - (ends - counts), counts))

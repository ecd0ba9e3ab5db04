"""The bytes that meshes will take in a file, said before it is made: from a part of each, packed as in a file."""

from __future__ import annotations

from typing import Any, Callable, Optional

import numpy as np
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkDataObject, vtkPolyData, vtkUnstructuredGrid

from srn_core.codec.mesh_section import packed_bytes
from srn_core.io.vtk_numbers import numpy_of
from srn_filters.estimate import parts_of
from srn_filters.mesh_bridge import MESHES, VtkMesh

SAMPLE = 20_000
"""Points, and cells, that are packed of all meshes together."""
RUNS = 4
"""They are so many runs of neighbours, at equal distances: a mesh's beginning may be unlike its end."""


class RoughMeshes:
    """Bytes of meshes, roughly; the last answer is kept, for it takes a moment."""

    def __init__(self) -> None:
        self._key: Any = None
        self._answer: Optional[float] = None

    def size(self, data: Optional[vtkDataObject]) -> Optional[float]:
        """Points and cells of all meshes of a data set, or of the blocks of one; None where nothing can be said."""
        meshes = [part for part in parts_of(data) if isinstance(part, MESHES) and part.GetNumberOfPoints()]
        key = [(id(mesh), mesh.GetMTime()) for mesh in meshes]
        if key != self._key:
            try:
                answer: Optional[float] = sum(_rough(mesh, SAMPLE // len(meshes)) for mesh in meshes)
            except (AttributeError, TypeError, ValueError):  # a mesh of a kind that is not read plainly
                answer = None
            self._key, self._answer = key, answer
        return self._answer


def _rough(mesh: VtkMesh, most: int) -> float:
    points = numpy_of(mesh.GetPoints().GetData(), copy=False)
    none = np.zeros(0, np.int32)

    def of_points(runs: list[slice]) -> int:
        return packed_bytes(np.concatenate([points[run] for run in runs]), none, none)

    total = _extrapolated(len(points), most, of_points)
    for cells in _lists(mesh):
        if cells.GetNumberOfCells():
            total += _of_cells(cells, most)
    return total


def _of_cells(cells: vtkCellArray, most: int) -> float:
    offsets = numpy_of(cells.GetOffsetsArray(), copy=False)
    corners = numpy_of(cells.GetConnectivityArray(), copy=False)

    def of_cells(runs: list[slice]) -> int:
        sizes = np.concatenate([np.diff(offsets[run.start : run.stop + 1]) for run in runs])
        joined = np.concatenate([corners[offsets[run.start] : offsets[run.stop]] for run in runs])
        return packed_bytes(np.zeros((0, 3)), sizes, joined)

    return _extrapolated(cells.GetNumberOfCells(), most, of_cells)


def _extrapolated(count: int, most: int, packed: Callable[[list[slice]], int]) -> float:
    """Bytes of so many points or cells, from what a part takes and what half of the part takes: a coder that has seen a
    pattern, or its tables, does not pay for it again."""
    runs = _runs(count, most)
    seen, whole = sum(run.stop - run.start for run in runs), packed(runs)
    if seen >= count:
        return float(whole)
    halves = [slice(run.start, (run.start + run.stop) // 2) for run in runs]
    half = sum(run.stop - run.start for run in halves)
    if half == 0:
        return whole * count / seen
    return whole + max(whole - packed(halves), 0) / (seen - half) * (count - seen)


def _lists(mesh: VtkMesh) -> list[vtkCellArray]:
    if isinstance(mesh, vtkUnstructuredGrid):
        # Faces of polyhedra are a list too; releases before 9.4 have numbers instead, which are passed over.
        faces: Any = getattr(mesh, "GetPolyhedronFaces", lambda: None)()
        return [mesh.GetCells(), *([] if faces is None else [faces])]
    assert isinstance(mesh, vtkPolyData)
    return [mesh.GetVerts(), mesh.GetLines(), mesh.GetPolys(), mesh.GetStrips()]


def _runs(count: int, most: int) -> list[slice]:
    """Runs of so many out of ``count`` in all, or one of all of them."""
    if count <= most or most < RUNS:
        return [slice(0, min(count, max(most, 1)))]
    each = most // RUNS
    starts = np.linspace(0, count - each, RUNS).astype(int)
    return [slice(int(start), int(start) + each) for start in starts]

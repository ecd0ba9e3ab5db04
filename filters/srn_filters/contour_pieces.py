"""Contours of the blocks of one grid, put together: what VTK makes of each block, with seams sewn up."""

from __future__ import annotations

from typing import NamedTuple, Sequence

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtkIdTypeArray, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkFiltersCore import vtkContourFilter, vtkFlyingEdges3D

from srn_core.surface import SurfaceBlock
from srn_core.volume import Geometry
from srn_filters import vtk_bridge


class Contour(NamedTuple):
    """Triangles, on a flat grid lines, on a single row points."""

    points: np.ndarray
    """(N, 3) float64: fractional indices of samples along x, y, z."""
    cells: np.ndarray
    """(M, 3), (M, 2) or (M, 1): the points of each."""
    isovalues: np.ndarray
    """(N,): the value whose surface a point lies on."""


def fill(output: vtkPolyData, positions: np.ndarray, cells: np.ndarray) -> None:
    """Give a poly data points (N, 3), float32 or float64, and triangles (M, 3), lines (M, 2) or vertices (M, 1)."""
    points = vtkPoints()
    points.SetData(vtk_bridge.data_array(positions, "Points"))
    output.SetPoints(points)
    corners = cells.shape[1]
    connectivity = numpy_to_vtkIdTypeArray(np.ascontiguousarray(cells, np.int64).ravel(), deep=True)
    offsets = numpy_to_vtkIdTypeArray(np.arange(0, cells.size + 1, corners, dtype=np.int64), deep=True)
    array = vtkCellArray()
    array.SetData(offsets, connectivity)
    {3: output.SetPolys, 2: output.SetLines, 1: output.SetVerts}[corners](array)


class ContourPieces:
    """Gathers the contours of blocks. Points that blocks share become one."""

    def __init__(self, dims: Sequence[int], edge: int) -> None:
        """``dims``: samples of the whole grid along x, y, z; ``edge``: cells along each edge of a block."""
        self._axes = [axis for axis in range(3) if dims[axis] > 1]
        self._edge = edge
        self._points: list[np.ndarray] = []
        self._cells: list[np.ndarray] = []
        self._isovalues: list[np.ndarray] = []
        self._count = 0
        self._filter = vtkFlyingEdges3D() if len(self._axes) == 3 else vtkContourFilter()
        self._filter.SetComputeNormals(False)
        self._filter.SetComputeGradients(False)
        self._filter.SetComputeScalars(False)

    def add(self, block: SurfaceBlock) -> None:
        """The contours of one block. Where a cell of the contour would touch a sample without value, it is left out."""
        nz, ny, nx = block.values.shape
        # Indices that start at 0 in each block keep more digits in VTK's float32.
        image = vtk_bridge.empty_image(Geometry((nx, ny, nz)))
        values = vtk_bridge.data_array(block.values.reshape(-1), "values")
        image.GetPointData().SetScalars(values)
        self._filter.SetInputData(image)
        for isovalue in block.isovalues:
            self._filter.SetValue(0, isovalue)
            self._filter.Update()
            self._take(self._filter.GetOutput(), np.array(block.start, np.float64), isovalue)

    def together(self) -> Contour:
        """All contours so far."""
        corners = max(len(self._axes), 1)
        if not self._points:
            return Contour(np.zeros((0, 3)), np.zeros((0, corners), np.int64), np.zeros(0))
        points, isovalues = np.concatenate(self._points), np.concatenate(self._isovalues)
        kept, number = self._unique(points, isovalues)
        return Contour(points[kept], number[np.concatenate(self._cells)], isovalues[kept])

    def _take(self, output: vtkPolyData, start: np.ndarray, isovalue: float) -> None:
        cells = {3: output.GetPolys, 2: output.GetLines}.get(len(self._axes), output.GetVerts)()
        if not cells.GetNumberOfCells():
            return
        points = vtk_to_numpy(output.GetPoints().GetData()).astype(np.float64)
        corners = vtk_to_numpy(cells.GetConnectivityArray()).reshape(cells.GetNumberOfCells(), -1)
        there = np.isfinite(points).all(axis=1)
        corners = corners[there[corners].all(axis=1)]
        used = np.zeros(len(points), bool)
        used[corners] = True
        number = np.cumsum(used) - 1 + self._count
        self._points.append(points[used] + start)
        self._cells.append(number[corners])
        self._isovalues.append(np.full(int(used.sum()), isovalue))
        self._count += int(used.sum())

    def _unique(self, points: np.ndarray, isovalues: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which points stay (one of each that blocks share), and the number among them of every point."""
        on_seam = np.flatnonzero((points[:, self._axes] % self._edge == 0).any(axis=1))
        keys = np.column_stack([points[on_seam], isovalues[on_seam]])
        order = np.lexsort(keys.T)
        fresh = np.ones(len(order), bool)
        fresh[1:] = (keys[order][1:] != keys[order][:-1]).any(axis=1)
        # The sort is stable: the first of equal points is the one that came first.
        first = on_seam[order][np.flatnonzero(fresh)[np.cumsum(fresh) - 1]] if len(order) else on_seam
        stands_for = np.arange(len(points))
        stands_for[on_seam[order]] = first
        kept = stands_for == np.arange(len(points))
        return kept, (np.cumsum(kept) - 1)[stands_for]

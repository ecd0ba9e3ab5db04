"""VTK's unstructured grids and surfaces as meshes with their arrays, and back."""

from __future__ import annotations

from typing import Any, Optional

import numpy as np

from srn_core.errors import SrnInputError
from srn_core.io import ghosts, vtk_faces
from srn_core.io.vtk_numbers import cell_array, numpy_of, to_vtk
from srn_core.mesh import MOST_POINTS, POLYHEDRON, Mesh, MeshArray

KINDS = ("vtkUnstructuredGrid", "vtkPolyData")
_LISTS = ("Verts", "Lines", "Polys", "Strips")
"""Of a surface, in the order in which its cells are counted."""


def is_mesh(data: Any) -> bool:
    """Whether a VTK object has points without an order."""
    return data is not None and any(data.IsA(kind) for kind in KINDS)


def mesh_of(data: Any) -> Mesh:
    """Points and cells of an unstructured grid or a surface.

    Raises SrnInputError for one without points.
    """
    if data.GetNumberOfPoints() == 0:
        raise SrnInputError("the input mesh is empty (it has no points); check that the source before it gives data")
    points = numpy_of(data.GetPoints().GetData())
    if points.dtype.name not in ("float32", "float64"):
        points = points.astype(np.float64)
    if data.IsA("vtkPolyData"):
        lists = [_cells(getattr(data, f"Get{name}")()) for name in _LISTS]
        counts = [len(sizes) for sizes, _ in lists]
        return Mesh(
            points,
            np.repeat(np.arange(4, dtype=np.uint8), counts),
            np.concatenate([sizes for sizes, _ in lists]),
            np.concatenate([corners for _, corners in lists]),
            surface=True,
        )
    types = np.zeros(0, np.uint8)
    if data.GetNumberOfCells():
        types = _types_of(data)
    sizes, corners = _cells(data.GetCells())
    faces = vtk_faces.faces_of(data, types) if np.any(types == POLYHEDRON) else None
    return Mesh(points, types.astype(np.uint8), sizes, corners, faces=faces)


def _types_of(data: Any) -> np.ndarray:
    """The type of each cell of an unstructured grid that has some."""
    try:
        found = data.GetCellTypes()  # from VTK 9.6 on an array; before, it wanted a list to fill
    except TypeError:
        found = data.GetCellTypesArray()
    return numpy_of(found)


def mesh_array(data: Any, association: str, name: str, mesh: Optional[Mesh] = None) -> MeshArray:
    """An array of numbers of an unstructured grid or a surface; ``mesh``: its mesh, where that is known already."""
    attributes = data.GetPointData() if association == "point" else data.GetCellData()
    values = numpy_of(attributes.GetArray(name))
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    marks = attributes.GetArray(ghosts.NAME)
    valid = None if marks is None else ghosts.valid(numpy_of(marks), association)
    if valid is not None and valid.all():
        valid = None
    mesh = mesh_of(data) if mesh is None else mesh
    return MeshArray(values, mesh, name, association, valid=valid, blanked=valid is not None)


def of_mesh(mesh: Mesh) -> Any:
    """The unstructured grid or the surface that a mesh came from, without arrays."""
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkPolyData, vtkUnstructuredGrid

    data: Any = vtkPolyData() if mesh.surface else vtkUnstructuredGrid()
    points = vtkPoints()
    points.SetData(to_vtk(mesh.points))
    data.SetPoints(points)
    if mesh.surface:
        starts = np.concatenate([[0], np.cumsum(mesh.sizes, dtype=np.int64)])
        for number, name in enumerate(_LISTS):
            some = mesh.types == number
            if some.any():
                first, last = np.flatnonzero(some)[[0, -1]]
                corners = mesh.corners[starts[first] : starts[last + 1]]
                getattr(data, f"Set{name}")(cell_array(mesh.sizes[some], corners))
    elif mesh.faces is not None:
        vtk_faces.set_cells(data, mesh, mesh.faces)
    elif len(mesh.types):
        data.SetCells(to_vtk(mesh.types), cell_array(mesh.sizes, mesh.corners))
    return data


def add_array(data: Any, array: MeshArray) -> None:
    """Give an unstructured grid or a surface one more array, its scalars or vectors if it has none yet."""
    attributes = data.GetPointData() if array.association == "point" else data.GetCellData()
    attributes.AddArray(_named(array.values, array.name))
    if array.components == 1 and attributes.GetScalars() is None:
        attributes.SetActiveScalars(array.name)
    elif array.components == 3 and attributes.GetVectors() is None:
        attributes.SetActiveVectors(array.name)
    if array.blanked and array.valid is not None:
        marks = ghosts.marks(array.valid, array.association)
        known = attributes.GetArray(ghosts.NAME)
        attributes.AddArray(_named(marks if known is None else marks | numpy_of(known), ghosts.NAME))


def add_time(data: Any, time: float) -> None:
    """Say in the field data, as VTK's readers know it, of which time the data are."""
    data.GetFieldData().AddArray(_named(np.array([time]), "TimeValue"))


def _named(values: np.ndarray, name: str) -> Any:
    if values.dtype == np.bool_:
        values = values.astype(np.uint8)
    elif values.dtype == np.float16:
        values = values.astype(np.float32)
    array = to_vtk(values)
    array.SetName(name)
    return array


def _cells(cells: Any) -> tuple[np.ndarray, np.ndarray]:
    """Points of each cell, and the points themselves, both int32."""
    if cells is None or cells.GetNumberOfCells() == 0:
        return np.zeros(0, np.int32), np.zeros(0, np.int32)
    offsets, corners = numpy_of(cells.GetOffsetsArray()), numpy_of(cells.GetConnectivityArray())
    if len(corners) > MOST_POINTS:
        raise SrnInputError(f"a mesh may have {MOST_POINTS} points, cells and corners of cells at most")
    return np.diff(offsets).astype(np.int32), corners.astype(np.int32)

"""VTK's unstructured grids and surfaces as meshes with their arrays, and back."""

from __future__ import annotations

from typing import Any, Optional

import numpy as np

from srn_core.errors import SrnInputError
from srn_core.io import ghosts
from srn_core.mesh import MOST_POINTS, Mesh, MeshArray

KINDS = ("vtkUnstructuredGrid", "vtkPolyData")
_POLYHEDRON = 42
_LISTS = ("Verts", "Lines", "Polys", "Strips")
"""Of a surface, in the order in which its cells are counted."""


def is_mesh(data: Any) -> bool:
    """Whether a VTK object has points without an order."""
    return data is not None and any(data.IsA(kind) for kind in KINDS)


def mesh_of(data: Any) -> Mesh:
    """Points and cells of an unstructured grid or a surface.

    Raises SrnInputError for one without points, and for cells with faces of their own (polyhedra).
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
    if np.any(types == _POLYHEDRON):
        raise SrnInputError(
            f"the mesh has {int((types == _POLYHEDRON).sum())} polyhedra, whose faces are not kept; cut them into "
            "tetrahedra first (in ParaView the filter Tetrahedralize)"
        )
    return Mesh(points, types.astype(np.uint8), *_cells(data.GetCells()))


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
    points.SetData(_vtk(mesh.points))
    data.SetPoints(points)
    if mesh.surface:
        starts = np.concatenate([[0], np.cumsum(mesh.sizes, dtype=np.int64)])
        for number, name in enumerate(_LISTS):
            some = mesh.types == number
            if some.any():
                first, last = np.flatnonzero(some)[[0, -1]]
                corners = mesh.corners[starts[first] : starts[last + 1]]
                getattr(data, f"Set{name}")(_cell_array(mesh.sizes[some], corners))
    elif len(mesh.types):
        data.SetCells(_vtk(mesh.types), _cell_array(mesh.sizes, mesh.corners))
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
    array = _vtk(values)
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


def _cell_array(sizes: np.ndarray, corners: np.ndarray) -> Any:
    from vtkmodules.vtkCommonDataModel import vtkCellArray

    cells = vtkCellArray()
    offsets = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
    cells.SetData(_vtk(offsets, ids=True), _vtk(corners.astype(np.int64), ids=True))
    return cells


def numpy_of(array: Any, copy: bool = True) -> np.ndarray:
    """The numbers of a VTK array; without ``copy`` they may be the array's own memory."""
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkBitArray, vtkDataArray, vtkUnsignedCharArray

    plain = array
    if isinstance(array, vtkBitArray):
        plain = vtkUnsignedCharArray()
    elif not array.HasStandardMemoryLayout():  # numbers that VTK works out when they are asked for
        plain = vtkDataArray.CreateDataArray(array.GetDataType())
    if plain is not array:
        plain.DeepCopy(array)
    # A copy of VTK's goes with this function, its numbers must not.
    return np.array(vtk_to_numpy(plain)) if copy or plain is not array else np.asarray(vtk_to_numpy(plain))


def _vtk(values: np.ndarray, ids: bool = False) -> Any:
    from vtkmodules.util.numpy_support import get_vtk_array_type, numpy_to_vtk
    from vtkmodules.util.vtkConstants import VTK_ID_TYPE

    kind = VTK_ID_TYPE if ids else get_vtk_array_type(values.dtype)
    return numpy_to_vtk(np.ascontiguousarray(values), deep=True, array_type=kind)

"""Arrays of unstructured grids and surfaces out of VTK's objects, and the meshes of neural files as such objects."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Optional, Sequence, Union

import numpy as np
from vtkmodules.vtkCommonDataModel import vtkDataObject, vtkPolyData, vtkUnstructuredGrid

from srn_core.errors import SrnInputError
from srn_core.field_gradient import gradient_dtype, gradient_name
from srn_core.io import vtk_meshes
from srn_core.mesh import Mesh, MeshArray
from srn_core.progress import ProgressCallback
from srn_core.pulse import pulsed
from srn_core.scattered import box_geometry
from srn_core.scattered_compression import box_of
from srn_filters import vtk_bridge

if TYPE_CHECKING:
    from srn_core.api import NeuralFile
    from srn_core.codec.field import NeuralField

MESHES = (vtkUnstructuredGrid, vtkPolyData)
"""What has points without an order."""
VtkMesh = Union[vtkUnstructuredGrid, vtkPolyData]


class Meshes:
    """The meshes of an input, each taken over once, whatever the number of its arrays."""

    def __init__(self, kept: bool, several: bool) -> None:
        """``kept``: whether they go into the file; ``several``: whether more than one array does."""
        self._kept, self._several = kept, several
        self._known: list[tuple[Any, Mesh]] = []

    def array(self, data: VtkMesh, association: str, name: str) -> MeshArray:
        """One array of a mesh. Raises SrnInputError for one that is not there or text, and for what is no mesh."""
        vtk_bridge.numbers(data, association, name)
        mesh = next((mesh for known, mesh in self._known if known is data), None)
        if mesh is None:
            mesh = vtk_meshes.mesh_of(data)
            self._known.append((data, mesh))
        dims = None
        if self._several and not self._kept:  # one image holds them all
            dims = box_geometry(box_of(mesh), max(mesh.samples("point"), mesh.samples("cell"))).dims
        time = data.GetInformation().Get(vtkDataObject.DATA_TIME_STEP())
        array = vtk_meshes.mesh_array(data, association, name, mesh)
        return replace(array, time=time, dims=dims, kept=self._kept)


def class_for(mesh: Mesh) -> type[VtkMesh]:
    """The class of VTK's object for a mesh."""
    return vtkPolyData if mesh.surface else vtkUnstructuredGrid


def lies_on(field: NeuralField, data: Any, association: str) -> bool:
    """Whether a field has its samples at the points (cells) of just this unstructured grid or surface."""
    where = field.mesh
    if where is None or where.association != association or not isinstance(data, MESHES):
        return False
    counts = data.GetNumberOfPoints(), data.GetNumberOfCells()
    try:
        return counts == (len(where.mesh.points), len(where.mesh.types)) and vtk_meshes.mesh_of(data) == where.mesh
    except SrnInputError:
        return False


def on_one_mesh(fields: Sequence[NeuralField]) -> tuple[list[NeuralField], list[str]]:
    """The fields on the first one's mesh, and the names of the others."""
    first = fields[0].mesh
    same = [f for f in fields if first is not None and f.mesh is not None and f.mesh.mesh == first.mesh]
    return same, [f.name for f in fields if not any(f is one for one in same)]


def decoded_mesh(
    file: NeuralFile,
    fields: Sequence[NeuralField],
    progress: Sequence[Optional[ProgressCallback]],
    gradient: bool = False,
) -> VtkMesh:
    """The mesh of fields that lie on one, with their arrays; ``progress``: told of each of them.

    ``gradient``: with one more array for each, its gradient there.
    """
    assert fields[0].mesh is not None
    data: VtkMesh = vtk_meshes.of_mesh(fields[0].mesh.mesh)
    for field, told in zip(fields, progress):
        vtk_meshes.add_array(data, pulsed(partial(file.decode_on_mesh, field, None), told))
        if gradient and field.mesh is not None:
            where = field.mesh.mesh.positions(field.mesh.association)
            slopes = pulsed(partial(_gradient, file, field, where), told)
            if field.mesh.valid is not None:
                slopes[~field.mesh.valid] = np.nan
            packed = slopes.reshape(len(where), -1).astype(gradient_dtype(field))
            vtk_bridge.add_array(data, field.mesh.association, packed, gradient_name(field.name))
    return data


def _gradient(
    file: NeuralFile, field: NeuralField, where: np.ndarray, progress: Optional[ProgressCallback]
) -> np.ndarray:
    return file.sample_with_gradient(where, field, outside="clamp", progress=progress)[1]

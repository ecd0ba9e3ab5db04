"""Files that VTK itself reads: .vtr, .vts, .vtu, .vtp, legacy .vtk, and the .vti files that NumPy alone cannot."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Iterator, Optional

import numpy as np

from srn_core.errors import SrnInputError, SrnMissingPackageError
from srn_core.io import ghosts, vtk_meshes
from srn_core.io.axes import geometry_from_axes, note_index_space
from srn_core.io.choice import chosen
from srn_core.io.lattice import lattice_geometry
from srn_core.io.read import ReadOptions
from srn_core.mesh import MeshArray, Sampled
from srn_core.volume import Geometry, Volume


def array_names(path: str) -> list[str]:
    """Names of the point and cell arrays of numbers."""
    return _names(_grid(path))


def read(path: str, array: Optional[str], options: ReadOptions) -> Sampled:
    """One array of an image, a rectilinear or a structured grid, an unstructured grid or a surface."""
    grid = _grid(path)
    for data in (grid.GetPointData(), grid.GetCellData()):
        if array is not None and data.GetArray(array) is None and data.GetAbstractArray(array) is not None:
            raise SrnInputError(f"array '{array}' in '{path}' holds text; only numbers can be compressed")
    active = grid.GetPointData().GetScalars() or grid.GetCellData().GetScalars()
    name = chosen(path, _names(grid), array, active.GetName() if active is not None else None)
    association = "point" if grid.GetPointData().GetArray(name) is not None else "cell"
    data = grid.GetPointData() if association == "point" else grid.GetCellData()
    times = grid.GetFieldData().GetArray("TimeValue")
    time = float(times.GetTuple1(0)) if times is not None and times.GetNumberOfTuples() == 1 else None
    if vtk_meshes.is_mesh(grid):
        return replace(vtk_meshes.mesh_array(grid, association, name), time=time)
    geometry = _geometry(path, grid, association)
    values = _values(data.GetArray(name))
    if values.shape[0] != geometry.samples:
        raise SrnInputError(f"'{path}': array '{name}' has {values.shape[0]} values, the grid {geometry.samples}")
    shape = geometry.shape if values.ndim == 1 else (*geometry.shape, values.shape[1])
    ghost = data.GetArray(ghosts.NAME)
    valid = None if ghost is None else ghosts.valid(_values(ghost), association).reshape(geometry.shape)
    return Volume(values.reshape(shape), geometry, name, time=time, valid=valid, blanked=valid is not None)


def write_mesh(path: str, array: MeshArray, *more: MeshArray) -> None:
    """Arrays of one mesh as a .vtu or .vtp file of VTK's."""
    vtk_xml, _ = _vtk(path)
    data = vtk_meshes.of_mesh(array.mesh)
    for one in (array, *more):
        vtk_meshes.add_array(data, one)
    if array.time is not None:
        vtk_meshes.add_time(data, array.time)
    writer: Any = vtk_xml.vtkXMLPolyDataWriter() if array.mesh.surface else vtk_xml.vtkXMLUnstructuredGridWriter()
    writer.SetFileName(path)
    writer.SetInputData(data)
    with _quiet() as messages:
        done = writer.Write()
    if not done or messages():
        raise SrnInputError(f"'{path}' cannot be written; VTK says: {messages() or 'nothing'}")


def _vtk(path: str) -> tuple[Any, Any]:
    """VTK's readers and writers, of XML files and of legacy ones."""
    try:
        from vtkmodules import vtkIOLegacy, vtkIOXML
        from vtkmodules.util import numpy_support  # noqa: F401 (a part of VTK that may be missing)
    except ImportError as error:
        raise SrnMissingPackageError("vtk", f"reading '{os.path.basename(path)}'", "vtk") from error
    return vtkIOXML, vtkIOLegacy


def _grid(path: str) -> Any:
    """The VTK data set in a file. Raises SrnInputError where it is neither a grid of three axes nor a mesh."""
    vtk_xml, legacy = _vtk(path)
    ending = os.path.splitext(path)[1].lower()
    reader: Any = {
        ".vti": vtk_xml.vtkXMLImageDataReader,
        ".vtr": vtk_xml.vtkXMLRectilinearGridReader,
        ".vts": vtk_xml.vtkXMLStructuredGridReader,
        ".vtu": vtk_xml.vtkXMLUnstructuredGridReader,
        ".vtp": vtk_xml.vtkXMLPolyDataReader,
        ".vtk": legacy.vtkGenericDataObjectReader,
    }[ending]()
    reader.SetFileName(path)
    if ending == ".vtk":  # by default the legacy reader takes the first array of each kind only
        reader.ReadAllScalarsOn()
        reader.ReadAllVectorsOn()
        reader.ReadAllFieldsOn()
    with _quiet() as messages:
        reader.Update()
    grid = reader.GetOutputDataObject(0)
    if messages() or grid is None:
        raise SrnInputError(f"'{path}' is damaged or of another kind; VTK says: {messages() or 'no data in it'}")
    known = ("vtkImageData", "vtkRectilinearGrid", "vtkStructuredGrid", *vtk_meshes.KINDS)
    if not any(grid.IsA(kind) for kind in known):
        raise SrnInputError(
            f"'{path}' holds a {grid.GetClassName()}, neither a grid nor a mesh; in ParaView, apply Resample To Image "
            "first"
        )
    if grid.GetNumberOfPoints() == 0:
        raise SrnInputError(f"'{path}' holds an empty grid: there is nothing to compress")
    return grid


@contextmanager
def _quiet() -> Iterator[Any]:
    """Catch VTK's messages instead of printing them; the errors among them come as one line."""
    from vtkmodules.vtkCommonCore import vtkLogger, vtkOutputWindow, vtkStringOutputWindow

    before, window = vtkOutputWindow.GetInstance(), vtkStringOutputWindow()
    said = vtkLogger.GetCurrentVerbosityCutoff()
    vtkOutputWindow.SetInstance(window)
    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_OFF)
    try:
        yield lambda: _first_error(window.GetOutput())
    finally:
        vtkOutputWindow.SetInstance(before)
        vtkLogger.SetStderrVerbosity(said)


def _first_error(text: str) -> str:
    """The first error without the line and the address in VTK that it comes from."""
    for message in re.split(r"ERROR: In [^\n]*\n", text)[1:]:
        return re.sub(r"^\s*\w+ \(0x[0-9a-fA-F]+\):\s*", "", " ".join(message.split()))[:200]
    return ""


def _names(grid: Any) -> list[str]:
    names: list[str] = []
    for data in (grid.GetPointData(), grid.GetCellData()):
        for i in range(data.GetNumberOfArrays()):
            array = data.GetArray(i)
            if array is not None and array.GetName() not in (None, ghosts.NAME, *names):
                names.append(array.GetName())
    return names


def _values(array: Any) -> np.ndarray:
    from vtkmodules.util.numpy_support import vtk_to_numpy

    return np.array(vtk_to_numpy(array))


def _geometry(path: str, grid: Any, association: str) -> Geometry:
    extent = grid.GetExtent()
    less = 0 if association == "point" else 1
    nx, ny, nz = (max(b - a + 1 - less, 1) for a, b in zip(extent[::2], extent[1::2]))
    start = (extent[0], extent[2], extent[4])
    if grid.IsA("vtkImageData"):
        matrix = grid.GetDirectionMatrix()
        direction = tuple(matrix.GetElement(i, j) for i in range(3) for j in range(3))
        return Geometry((nx, ny, nz), grid.GetOrigin(), grid.GetSpacing(), direction, start, association)
    if grid.IsA("vtkRectilinearGrid"):
        axes = [_values(c) for c in (grid.GetXCoordinates(), grid.GetYCoordinates(), grid.GetZCoordinates())]
        if association == "cell":
            axes = [(a[1:] + a[:-1]) / 2 if len(a) > 1 else a for a in axes]
        return geometry_from_axes(path, axes[0], axes[1], axes[2], association)
    corners = [b - a + 1 for a, b in zip(extent[::2], extent[1::2])]
    points = _values(grid.GetPoints().GetData()).reshape(*reversed(corners), 3)
    found = lattice_geometry(points, (nx, ny, nz), association)
    if found is None:
        note_index_space(path)
        return Geometry((nx, ny, nz), association=association)
    return found

"""Files that VTK itself reads: .vtr, .vts, legacy .vtk, and the .vti files that NumPy alone cannot."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from typing import Any, Iterator, Optional

import numpy as np

from srn_core.errors import SrnInputError, SrnMissingPackageError
from srn_core.io import ghosts
from srn_core.io.axes import geometry_from_axes, note_index_space
from srn_core.io.choice import chosen
from srn_core.io.lattice import lattice_geometry
from srn_core.io.read import ReadOptions
from srn_core.volume import Geometry, Volume


def array_names(path: str) -> list[str]:
    """Names of the point and cell arrays of numbers."""
    return _names(_grid(path))


def read(path: str, array: Optional[str], options: ReadOptions) -> Volume:
    """One array of an image, a rectilinear or a structured grid."""
    grid = _grid(path)
    for data in (grid.GetPointData(), grid.GetCellData()):
        if array is not None and data.GetArray(array) is None and data.GetAbstractArray(array) is not None:
            raise SrnInputError(f"array '{array}' in '{path}' holds text; only numbers can be compressed")
    active = grid.GetPointData().GetScalars() or grid.GetCellData().GetScalars()
    name = chosen(path, _names(grid), array, active.GetName() if active is not None else None)
    association = "point" if grid.GetPointData().GetArray(name) is not None else "cell"
    data = grid.GetPointData() if association == "point" else grid.GetCellData()
    geometry = _geometry(path, grid, association)
    values = _values(data.GetArray(name))
    if values.shape[0] != geometry.samples:
        raise SrnInputError(f"'{path}': array '{name}' has {values.shape[0]} values, the grid {geometry.samples}")
    shape = geometry.shape if values.ndim == 1 else (*geometry.shape, values.shape[1])
    ghost = data.GetArray(ghosts.NAME)
    valid = None if ghost is None else ghosts.valid(_values(ghost), association).reshape(geometry.shape)
    times = grid.GetFieldData().GetArray("TimeValue")
    time = float(times.GetTuple1(0)) if times is not None and times.GetNumberOfTuples() == 1 else None
    return Volume(values.reshape(shape), geometry, name, time=time, valid=valid, blanked=valid is not None)


def _grid(path: str) -> Any:
    """The VTK data set in a file. Raises SrnInputError where it is no structured grid."""
    try:
        from vtkmodules import vtkIOLegacy, vtkIOXML
        from vtkmodules.util import numpy_support  # noqa: F401 (a part of VTK that may be missing)
    except ImportError as error:
        raise SrnMissingPackageError("vtk", f"reading '{os.path.basename(path)}'", "vtk") from error
    ending = os.path.splitext(path)[1].lower()
    reader: Any = {
        ".vti": vtkIOXML.vtkXMLImageDataReader,
        ".vtr": vtkIOXML.vtkXMLRectilinearGridReader,
        ".vts": vtkIOXML.vtkXMLStructuredGridReader,
        ".vtk": vtkIOLegacy.vtkGenericDataObjectReader,
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
    if not any(grid.IsA(kind) for kind in ("vtkImageData", "vtkRectilinearGrid", "vtkStructuredGrid")):
        raise SrnInputError(
            f"'{path}' holds a {grid.GetClassName()}, not a grid; in ParaView, apply Resample To Image first"
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

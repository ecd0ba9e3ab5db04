"""The one place where VTK's objects become volumes and volumes become VTK's objects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping, Optional, Sequence, Union, cast

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonCore import (
    vtkBitArray,
    vtkDataArray,
    vtkDoubleArray,
    vtkPoints,
    vtkStringArray,
    vtkUnsignedCharArray,
)
from vtkmodules.vtkCommonDataModel import (
    vtkDataObject,
    vtkDataSet,
    vtkDataSetAttributes,
    vtkImageData,
    vtkPointSet,
    vtkRectilinearGrid,
    vtkStructuredGrid,
    vtkTable,
    vtkUnstructuredGrid,
)
from vtkmodules.vtkFiltersCore import vtkCellCenters

from srn_core.errors import SrnInputError
from srn_core.grid_points import CurvilinearPoints, GridPoints, RectilinearPoints
from srn_core.volume import Geometry, Volume

GHOSTS = vtkDataSetAttributes.GhostArrayName()


Grid = Union[vtkImageData, vtkRectilinearGrid, vtkStructuredGrid]
"""What has an extent: an index space of three axes."""
GRIDS = (vtkImageData, vtkRectilinearGrid, vtkStructuredGrid)


def geometry(grid: Grid, association: str, points: bool = True) -> Geometry:
    """Where the point or cell samples of a grid lie.

    ``points``: a rectilinear or structured grid's points are kept; else it is taken in index space. Raises
    SrnInputError for a grid without points.
    """
    x0, x1, y0, y1, z0, z1 = grid.GetExtent()
    nx, ny, nz = x1 - x0 + 1, y1 - y0 + 1, z1 - z0 + 1
    if min(nx, ny, nz) < 1:
        raise SrnInputError(
            "the input image is empty (it has no points); check that the source before this filter gives data"
        )
    found = Geometry(
        dims=(nx, ny, nz) if association == "point" else (max(nx - 1, 1), max(ny - 1, 1), max(nz - 1, 1)),
        start=(x0, y0, z0),
        association=association,
    )
    if isinstance(grid, vtkImageData):
        matrix = grid.GetDirectionMatrix()
        direction = tuple(matrix.GetElement(row, column) for row in range(3) for column in range(3))
        return replace(found, origin=grid.GetOrigin(), spacing=grid.GetSpacing(), direction=direction)
    return replace(found, points=_points_of(grid)) if points else found


def _points_of(grid: Union[vtkRectilinearGrid, vtkStructuredGrid]) -> GridPoints:
    if isinstance(grid, vtkRectilinearGrid):
        x, y, z = (vtk_to_numpy(axis).copy() for axis in _axes(grid))
        return RectilinearPoints(x, y, z)
    x0, x1, y0, y1, z0, z1 = grid.GetExtent()
    positions = vtk_to_numpy(grid.GetPoints().GetData())
    return CurvilinearPoints(positions.reshape(z1 - z0 + 1, y1 - y0 + 1, x1 - x0 + 1, 3).copy())


def _axes(grid: vtkRectilinearGrid) -> tuple[vtkDataArray, vtkDataArray, vtkDataArray]:
    return grid.GetXCoordinates(), grid.GetYCoordinates(), grid.GetZCoordinates()


def array_names(data: vtkDataSet, association: str) -> list[str]:
    """Names of the arrays of a data set, ghost markers left out."""
    attributes = _attributes(data, association)
    names = (attributes.GetArrayName(i) for i in range(attributes.GetNumberOfArrays()))
    return [name for name in names if name and name != GHOSTS]


def volume(image: Grid, association: str, name: str, points: bool = True) -> Volume:
    """One array of a grid; its values are shared with VTK, not copied. ``points``: as of :func:`geometry`.

    Raises SrnInputError for an empty grid, and for an array that is missing, text, or of the wrong length.
    """
    grid = geometry(image, association, points)
    values = numbers(image, association, name)
    if len(values) != grid.samples:
        raise SrnInputError(f"array '{name}' has {len(values)} values, the grid {grid.samples} samples")
    shape = grid.shape if values.ndim == 1 else (*grid.shape, values.shape[1])
    time = image.GetInformation().Get(vtkDataObject.DATA_TIME_STEP())
    mask = visible(image, association)
    valid = None if mask is None else mask.reshape(grid.shape)
    return Volume(values.reshape(shape), grid, name, time=time, valid=valid, blanked=valid is not None)


def numbers(data: vtkDataSet, association: str, name: str) -> np.ndarray:
    """Values (N,), or (N, components) of several, of an array of any data set; shared with VTK, not copied.

    Raises SrnInputError for an array that is missing or text.
    """
    array = _attributes(data, association).GetAbstractArray(name)
    if array is None:
        known = array_names(data, association)
        raise SrnInputError(
            f"the input has no {association} array '{name}'; "
            + (f"its {association} arrays are: {', '.join(known)}" if known else f"it has no {association} arrays")
        )
    if not isinstance(array, vtkDataArray):
        raise SrnInputError(f"array '{name}' holds text ({array.GetClassName()}), not numbers")
    values = vtk_to_numpy(_plain(array))
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values


def add_array(data: vtkDataSet, association: str, values: np.ndarray, name: str) -> None:
    """Give a data set one more array of its points or cells: (N,) or (N, components)."""
    _attributes(data, association).AddArray(data_array(values, name))


def visible(data: vtkDataSet, association: str) -> Optional[np.ndarray]:
    """(N,) of bool: False where the data set blanks a point or cell out; None where it blanks none."""
    ghosts = _attributes(data, association).GetArray(GHOSTS)
    if ghosts is None:
        return None
    hidden = vtkDataSetAttributes.HIDDENPOINT if association == "point" else vtkDataSetAttributes.HIDDENCELL
    mask = (vtk_to_numpy(ghosts) & hidden) == 0
    return None if mask.all() else mask


def class_for(points: Optional[GridPoints]) -> type[Grid]:
    """The class of VTK's grids whose points lie so."""
    if points is None:
        return vtkImageData
    return vtkRectilinearGrid if isinstance(points, RectilinearPoints) else vtkStructuredGrid


def empty_grid(geometry: Geometry, extent: Optional[Sequence[int]] = None) -> Grid:
    """A grid without arrays, or the part of a point extent; of an image, where an axis has one point, it says so."""
    if geometry.points is None:
        return empty_image(geometry, extent)
    ends = geometry.extent if extent is None else extent
    result: Any = class_for(geometry.points)()
    result.SetExtent(*ends)
    if any(ends[2 * axis] > ends[2 * axis + 1] for axis in range(3)):
        return cast(Grid, result)
    pairs = zip(ends[::2], ends[1::2], geometry.start)
    part = geometry.points
    if tuple(ends) != geometry.extent:
        part = part.picked([np.arange(low - start, high - start + 1) for low, high, start in pairs])
    if isinstance(part, RectilinearPoints):
        for axis, put in zip(part.axes, (result.SetXCoordinates, result.SetYCoordinates, result.SetZCoordinates)):
            put(numpy_to_vtk(axis, deep=True))
    elif isinstance(part, CurvilinearPoints):
        positions = vtkPoints()
        positions.SetData(numpy_to_vtk(np.ascontiguousarray(part.positions.reshape(-1, 3)), deep=True))
        result.SetPoints(positions)
    return cast(Grid, result)


def empty_image(geometry: Geometry, extent: Optional[Sequence[int]] = None) -> vtkImageData:
    """An image without arrays. ``extent`` replaces the geometry's point extent, for axes of one point."""
    image = vtkImageData()
    image.SetExtent(*(geometry.extent if extent is None else extent))
    image.SetOrigin(*geometry.origin)
    image.SetSpacing(*geometry.spacing)
    image.SetDirectionMatrix(*geometry.direction)
    return image


def add_volume(image: Grid, volume: Volume) -> None:
    """Give a grid one more array, the scalars (or, for 3 components, vectors) of its points or cells."""
    attributes = _attributes(image, volume.geometry.association)
    array = data_array(volume.values.reshape(volume.geometry.samples, -1), volume.name)
    attributes.AddArray(array)
    if attributes.GetScalars() is None and array.GetNumberOfComponents() == 1:
        attributes.SetActiveScalars(volume.name)
    elif attributes.GetVectors() is None and array.GetNumberOfComponents() == 3:
        attributes.SetActiveVectors(volume.name)
    if volume.blanked and volume.valid is not None:
        hide(image, volume.geometry.association, ~volume.valid.ravel())


def hide(data: vtkDataSet, association: str, where: np.ndarray) -> None:
    """Blank points or cells out: (N,) of bool. Marks of ghosts that are there stay, in an array of this data set's
    own."""
    attributes = _attributes(data, association)
    old = attributes.GetArray(GHOSTS)
    ghosts = np.zeros(len(where), np.uint8) if old is None else vtk_to_numpy(old).astype(np.uint8)
    ghosts[where] |= vtkDataSetAttributes.HIDDENPOINT if association == "point" else vtkDataSetAttributes.HIDDENCELL
    attributes.AddArray(data_array(ghosts, GHOSTS))


def data_array(values: np.ndarray, name: str) -> vtkDataArray:
    """A VTK array holding a copy of ``values``: (N,) or (N, components)."""
    if values.dtype == np.bool_:
        values = values.astype(np.uint8)
    elif values.dtype == np.float16:
        values = values.astype(np.float32)
    native = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("="), copy=False))
    array = numpy_to_vtk(native, deep=True)
    array.SetName(name)
    return array


def positions(data: vtkDataSet) -> np.ndarray:
    """World positions of a data set's points, float64 (N, 3). Raises SrnInputError for a kind that is not known."""
    if data.GetNumberOfPoints() == 0:
        return np.zeros((0, 3))
    if isinstance(data, vtkImageData):
        grid = geometry(data, "point")
        return grid.position_of(_crossings(*(np.arange(n, dtype=np.float64) for n in grid.dims)))
    if isinstance(data, vtkRectilinearGrid):
        return _crossings(*(vtk_to_numpy(axis).astype(np.float64) for axis in _axes(data)))
    if isinstance(data, vtkPointSet):
        return vtk_to_numpy(data.GetPoints().GetData()).astype(np.float64)
    raise SrnInputError(f"the points of a {data.GetClassName()} are not known here")


def cell_centres(data: vtkDataSet) -> np.ndarray:
    """World positions of the middles of a data set's cells, float64 (N, 3); NaN for cells without points."""
    middles = vtkDoubleArray()
    middles.SetNumberOfComponents(3)
    middles.SetNumberOfTuples(data.GetNumberOfCells())
    if data.GetNumberOfCells() == 0:
        return np.zeros((0, 3))
    vtkCellCenters.ComputeCellCenters(data, middles)
    result = vtk_to_numpy(middles).copy()
    if isinstance(data, vtkUnstructuredGrid):
        result[np.diff(vtk_to_numpy(data.GetCells().GetOffsetsArray())) == 0] = np.nan
    return result


def table(columns: Mapping[str, Sequence[Any]]) -> vtkTable:
    """A table of columns of numbers (None becomes NaN) or texts."""
    result = vtkTable()
    for name, values in columns.items():
        if any(isinstance(v, str) for v in values):
            text = vtkStringArray()
            text.SetName(name)
            for value in values:
                text.InsertNextValue(str(value))
            result.AddColumn(text)
        else:
            numbers = np.array([np.nan if v is None else v for v in values], np.float64)
            result.AddColumn(data_array(numbers, name))
    return result


def _attributes(data: vtkDataSet, association: str) -> vtkDataSetAttributes:
    return data.GetPointData() if association == "point" else data.GetCellData()


def _crossings(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """(N, 3): where planes at x, y and z cross, x fastest."""
    deep, high, wide = np.meshgrid(z, y, x, indexing="ij")
    return np.stack([wide.ravel(), high.ravel(), deep.ravel()], axis=1)


def _plain(array: vtkDataArray) -> vtkDataArray:
    """Bits cannot be shared with NumPy: as bytes they can."""
    if not isinstance(array, vtkBitArray):
        return array
    octets = vtkUnsignedCharArray()
    octets.DeepCopy(array)
    return octets

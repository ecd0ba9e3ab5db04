"""The fields of a neural file at the points, or in the middles of the cells, of one data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Iterator, Sequence

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.util.vtkConstants import VTK_CHAR
from vtkmodules.vtkCommonDataModel import vtkDataSet
from vtkmodules.vtkFiltersCore import vtkPointDataToCellData

from srn_core.errors import SrnInputError
from srn_core.field_gradient import gradient_dtype, gradient_name
from srn_core.progress import ProgressCallback
from srn_filters import vtk_bridge

if TYPE_CHECKING:
    from srn_core.api import NeuralFile
    from srn_core.codec.field import NeuralField

POINTS, CELLS = "Points", "Cells"
NAN, CLAMP, MASK = "NaN", "Clamp", "Mask"
VALID = {POINTS: "vtkValidPointMask", CELLS: "vtkValidCellMask"}
"""Where a position is valid: of these names, ParaView's probing filters know the first."""


@dataclass(frozen=True)
class Sampling:
    """Where and how fields are sampled."""

    at: str = POINTS
    """POINTS or CELLS."""
    outside: str = NAN
    """What a position outside of the volume is given: NaN; CLAMP: what the nearest point of the volume's box has;
    MASK: 0. Positions with NaN or 0 are marked as not valid, and so are those where the original held no value."""
    gradient: bool = False
    """Whether each array brings one of its gradient with it."""
    blank: bool = False
    """Whether points that are not valid, and cells that have one, are hidden, as ghosts are."""

    def checked(self) -> Sampling:
        """Itself. Raises SrnInputError for a choice that is none."""
        for name, value, known in (
            ("At", self.at, (POINTS, CELLS)),
            ("Outside", self.outside, (NAN, CLAMP, MASK)),
        ):
            if value not in known:
                raise SrnInputError(f"{name} must be one of {', '.join(known)}, not {value!r}")
        return self

    def places(self, data: vtkDataSet) -> int:
        """How many positions a data set has."""
        return int(data.GetNumberOfPoints() if self.at == POINTS else data.GetNumberOfCells())


def add_fields(
    output: vtkDataSet, file: NeuralFile, fields: Sequence[NeuralField], how: Sampling, progress: ProgressCallback
) -> None:
    """Give a data set one array more for each field, one for each gradient if wanted, and the mask of what is valid."""
    where = vtk_bridge.positions(output) if how.at == POINTS else vtk_bridge.cell_centres(output)
    attributes = output.GetPointData() if how.at == POINTS else output.GetCellData()
    valid = np.ones(len(where), bool)
    for field, values, gradient in _sampled_by_name(file, fields, where, how, progress):
        components = len(field.value_range)
        known = np.isfinite(values).reshape(len(where), components).all(axis=1)
        valid &= known
        kept = np.dtype(np.float32 if field.dtype == "float32" else np.float64)
        for name, numbers, width, dtype in (
            (field.name, values, components, kept),
            (gradient_name(field.name), gradient, 3 * components, gradient_dtype(field)),
        ):
            if numbers is not None:
                if how.outside == MASK:
                    numbers[~known] = 0
                packed = numbers.reshape(len(where), width).astype(dtype)
                attributes.AddArray(vtk_bridge.data_array(packed, name))
        if values.ndim == 1:
            attributes.SetActiveScalars(field.name)
    mask = numpy_to_vtk(valid.astype(np.int8), deep=True, array_type=VTK_CHAR)
    mask.SetName(VALID[how.at])
    attributes.AddArray(mask)
    if how.blank and not valid.all():
        _hide(output, how.at, ~valid)


def _sampled_by_name(
    file: NeuralFile, fields: Sequence[NeuralField], where: np.ndarray, how: Sampling, progress: ProgressCallback
) -> Iterator[tuple[NeuralField, np.ndarray, np.ndarray | None]]:
    """The first field of each name, its values and their gradient; in the box of another block, those of this one."""
    named: dict[str, list[NeuralField]] = {}
    for field in fields:
        named.setdefault(field.name, []).append(field)
    for first, *others in named.values():
        values, gradient = _sampled(file, first, where, how, progress)
        outside = ~file.inside(where, array=first) if others else np.zeros(0, bool)
        for field in others:
            some = np.flatnonzero(outside)[file.inside(where[outside], array=field)]
            if some.size and len(field.value_range) == len(first.value_range):
                values[some], slopes = _sampled(file, field, where[some], how, progress)
                if gradient is not None:
                    gradient[some] = slopes
                outside[some] = False
        yield first, values, gradient


def _sampled(
    file: NeuralFile, field: NeuralField, where: np.ndarray, how: Sampling, progress: ProgressCallback
) -> tuple[np.ndarray, np.ndarray | None]:
    """Values (N,) or (N, C), and if wanted their gradient (N, 3) or (N, C, 3)."""
    outside = "clamp" if how.outside == CLAMP else "nan"
    if how.gradient:
        return file.sample_with_gradient(where, array=field, outside=outside, progress=progress)
    return file.sample(where, array=field, outside=outside, progress=progress), None


def _hide(output: vtkDataSet, at: str, lost: np.ndarray) -> None:
    """Mark places as hidden, and with points the cells that have one of them."""
    if at == CELLS:
        vtk_bridge.hide(output, "cell", lost)
        return
    vtk_bridge.hide(output, "point", lost)
    vtk_bridge.hide(output, "cell", _cells_with(output, lost))


def _cells_with(data: vtkDataSet, points: np.ndarray) -> np.ndarray:
    """(cells,) of bool: which have one of ``points``, (points,) of bool."""
    marked = data.NewInstance()
    marked.CopyStructure(data)
    marked.GetPointData().AddArray(vtk_bridge.data_array(points.astype(np.float64), "points"))
    means = vtkPointDataToCellData()
    means.SetInputData(marked)
    means.Update()
    found = means.GetOutput().GetCellData().GetArray("points")
    return np.zeros(0, bool) if found is None else np.asarray(vtk_to_numpy(found) > 0)

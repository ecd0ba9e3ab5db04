"""What a field is compared with: its values at the places where the original has its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, NamedTuple, Optional, Sequence

import numpy as np
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkDataObject, vtkDataSet, vtkImageData, vtkPolyData
from vtkmodules.vtkFiltersCore import vtkProbeFilter

from srn_core.errors import SrnInputError
from srn_core.progress import ProgressCallback
from srn_core.pulse import pulsed
from srn_filters import carrier, mesh_bridge, vtk_bridge
from srn_filters.blocks import blocks_of, is_composite

if TYPE_CHECKING:
    from srn_core.api import NeuralFile
    from srn_core.codec.field import NeuralField

AUTO, ARRAY, FILE = "auto", "array", "neural-file"
KINDS = (AUTO, ARRAY, FILE)
"""What to take: the array where it lies on the very same places, else the neural file, else the array interpolated; the
array always; the neural file always."""
NEAR = 1e-6
"""Places this much of the box's diagonal apart are one and the same."""


class Places(NamedTuple):
    """The points or cells of the original, or of one of its blocks."""

    data: vtkDataSet
    association: str
    """"point" or "cell"."""
    block: str = ""
    """Its name, as in :mod:`srn_filters.blocks`; "" where there are none."""

    @property
    def number(self) -> int:
        """How many there are."""
        data = self.data
        return int(data.GetNumberOfPoints() if self.association == "point" else data.GetNumberOfCells())

    def positions(self) -> np.ndarray:
        """World positions, float64 (N, 3): points, or middles of cells."""
        return vtk_bridge.positions(self.data) if self.association == "point" else vtk_bridge.cell_centres(self.data)

    def same_as(self, other: vtkDataSet) -> bool:
        """Whether another data set has its points (cells) at the same places, in the same order."""
        one, two = self.data, other
        if (one.GetNumberOfPoints(), one.GetNumberOfCells()) != (two.GetNumberOfPoints(), two.GetNumberOfCells()):
            return False
        if (
            isinstance(one, vtkImageData)
            and isinstance(two, vtkImageData)
            and one.GetDimensions() != two.GetDimensions()
        ):
            return False
        here, there = self.positions(), Places(two, self.association).positions()
        return bool(np.allclose(here, there, rtol=0, atol=NEAR * max(one.GetLength(), 1e-300), equal_nan=True))


def spans_of(parts: Sequence[Places]) -> list[slice]:
    """Where those of each part are, one part after the other."""
    ends = np.cumsum([0, *(places.number for places in parts)]).tolist()
    return [slice(first, end) for first, end in zip(ends, ends[1:])]


class Compared(NamedTuple):
    """Values to be compared, and where they are from."""

    values: np.ndarray
    """(N,) or (N, components); NaN where there is none."""
    source: str
    """In words."""


def compared(
    kind: str,
    places: Places,
    name: str,
    other: Optional[vtkDataObject],
    content: Optional[bytes],
    time: Optional[float],
    opened: Callable[[bytes], NeuralFile],
    progress: ProgressCallback,
) -> Compared:
    """The values of the array ``name`` out of ``other``, or of the neural file whose bytes are the ``content``.

    Raises SrnInputError where there is none.
    """
    if kind not in KINDS:
        raise SrnInputError(f"Compared must be one of {', '.join(KINDS)}, not {kind!r}")
    there = other
    if places.block and other is not None and is_composite(other):
        there = dict(blocks_of(other)).get(places.block)
    there = there if isinstance(there, vtkDataSet) else None
    known = [a for a in ("point", "cell") if there is not None and name in vtk_bridge.array_names(there, a)]
    if there is not None and kind != FILE and places.association in known and places.same_as(there):
        return Compared(vtk_bridge.numbers(there, places.association, name), f"array '{name}', on the same places")
    if content is not None and kind != ARRAY:
        field, file = _field(opened(content), name, places, time)
        return Compared(_decoded(file, field, places, progress), f"neural file, array '{field.name}'")
    if there is not None and known and kind != FILE:
        nearest = places.association if places.association in known else known[0]
        return Compared(_interpolated(there, nearest, name, places), f"array '{name}', interpolated")
    wanted = {
        FILE: "carries no neural file",
        ARRAY: f"has no array '{name}'",
        AUTO: f"carries no neural file and has no array '{name}'",
    }[kind]
    raise SrnInputError(
        f"what the original is to be compared with {wanted}; as Compared With choose what came of Neural Compress, a "
        ".srn file, or a data set with that array"
    )


def _field(file: NeuralFile, name: str, places: Places, time: Optional[float]) -> tuple[NeuralField, NeuralFile]:
    """The field of that name, rather one with samples of the same kind; the only field, whatever its name."""
    fields = carrier.fields_at(file, time)
    if places.block and any(f.block for f in fields):
        fields = [f for f in fields if f.block == places.block]
        if not fields:
            raise SrnInputError(f"the neural file has no block '{places.block}'")
    found = [f for f in fields if f.name == name] or (fields if len(fields) == 1 else [])
    if not found:
        names = ", ".join(f"'{f.name}'" for f in fields)
        raise SrnInputError(f"the neural file has no array '{name}'; it has {names}. Choose one as Compared Array")
    return min(found, key=lambda f: f.geometry.association != places.association), file


def _decoded(file: NeuralFile, field: NeuralField, places: Places, progress: ProgressCallback) -> np.ndarray:
    """As the file gives it back on its own grid or mesh where that is the original's, else at the places themselves."""
    data = places.data
    if isinstance(data, vtkImageData) and vtk_bridge.geometry(data, places.association) == field.geometry:
        values = pulsed(lambda told: file.decode(array=field, progress=told), progress).values
        return values.reshape(field.geometry.samples, -1)
    if mesh_bridge.lies_on(field, data, places.association):
        return pulsed(lambda told: file.decode_on_mesh(field, progress=told), progress).values
    where = places.positions()
    return pulsed(lambda told: file.sample(where, array=field, outside="nan", progress=told), progress)


def _interpolated(data: vtkDataSet, association: str, name: str, places: Places) -> np.ndarray:
    """Linearly between points; of cells, that of the one a place lies in. NaN outside."""
    where = vtkPoints()
    where.SetData(vtk_bridge.data_array(places.positions(), "places"))
    cloud = vtkPolyData()
    cloud.SetPoints(where)
    source = data.NewInstance()
    source.CopyStructure(data)
    vtk_bridge.add_array(source, association, vtk_bridge.numbers(data, association, name).astype(np.float64), name)
    probe = vtkProbeFilter()
    probe.SetInputData(cloud)
    probe.SetSourceData(source)
    probe.Update()
    output = probe.GetOutput()
    values = np.array(vtk_bridge.numbers(output, "point", name))
    values[vtk_to_numpy(output.GetPointData().GetArray(probe.GetValidPointMaskArrayName())) == 0] = np.nan
    return values

"""Neural Contour: isosurfaces out of the network, of which only what lies about the surfaces is decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

import numpy as np
from vtkmodules.vtkCommonDataModel import vtkDataObject, vtkPolyData
from vtkmodules.vtkFiltersCore import vtkAppendPolyData

from srn_core.errors import SrnInputError
from srn_core.progress import ProgressCallback, share_of
from srn_filters import carrier, packages, requests, vtk_bridge
from srn_filters.algorithm import setting
from srn_filters.contour_normals import normals
from srn_filters.contour_pieces import Contour, ContourPieces, fill
from srn_filters.opening import OpeningAlgorithm
from srn_filters.sampling_settings import SamplingSettings

if TYPE_CHECKING:
    from srn_core.api import NeuralFile
    from srn_core.codec.field import NeuralField
    from srn_core.surface import SurfaceBlocks

BLOCKS = "srn_blocks"
"""Field data of the output: how many blocks were decoded, and how many there are."""
SOUGHT, CONTOURED = 0.3, 0.9
"""Shares of the progress at which the blocks are found, and contoured."""


class NeuralContour(SamplingSettings, OpeningAlgorithm):
    """Input: anything that carries a neural file. Output: isosurfaces of one field; of a flat one, isolines.

    The triangles are those of the field decoded whole on the same grid, and contoured. Samples in the middles of cells
    are contoured as they are, between these middles.
    """

    label = "Neural Contour"

    def __init__(self) -> None:
        super().__init__(nInputPorts=1, inputType="vtkDataObject", nOutputPorts=1, outputType="vtkPolyData")
        self._isovalues: list[float] = []
        self._component, self._exhaustive = 0, False
        self._normals, self._scalars = True, False

    SetComponent = setting("_component", int)
    SetComputeNormals = setting("_normals", bool)
    SetComputeScalars = setting("_scalars", bool)
    SetExhaustive = setting("_exhaustive", bool)

    def AddIsosurface(self, value: float) -> None:
        """One more value."""
        self._isovalues.append(float(value))
        self.Modified()

    def ClearIsosurfaces(self) -> None:
        """No values."""
        self._isovalues = []
        self.Modified()

    def RequestInformation(self, request: Any, inInfo: Any, outInfo: Any) -> int:
        """Called by VTK: announces the time steps."""
        # They stand in the data, not in what the input announces, so the input has to be made first.
        source, port = self.GetInputAlgorithm(0, 0), self.GetInputConnection(0, 0).GetIndex()
        source.Update(port)
        try:
            packages.require(self.needs, self.label)
            content = carrier.required_content(self.GetInputDataObject(0, 0), self.label)
            requests.offer_times(outInfo.GetInformationObject(0), carrier.times(self.open_file(content)))
        except Exception:
            return 1  # RequestData meets it again, and says so
        return 1

    def RequestUpdateExtent(self, request: Any, inInfo: Any, outInfo: Any) -> int:
        """Called by VTK: what part of the output is asked for says nothing about the input."""
        requests.ask_for_all(inInfo[0])
        return 1

    def execute(self, in_info: Any, out_info: Any) -> None:
        """Decode and contour one block after the other."""
        if requests.asked_piece(out_info) > 0:
            return  # the first rank makes all of it
        content = carrier.required_content(vtkDataObject.GetData(in_info[0]), self.label)
        time = requests.asked_time(out_info)
        file = self.open_file(content)
        fields = self._fields(file, time)
        joined, counts = vtkAppendPolyData(), np.zeros((1, 2), np.int64)
        for place, field in enumerate(fields):
            part = vtkPolyData()
            counts += self._contoured(
                part, file, field, share_of(self.progress(), place / len(fields), 1 / len(fields))
            )
            joined.AddInputData(part)
        if len(fields) > 1:
            joined.Update()
            part = joined.GetOutput()
        output = vtkPolyData.GetData(out_info, 0)
        output.ShallowCopy(part)
        output.GetFieldData().AddArray(vtk_bridge.data_array(counts, BLOCKS))
        carrier.attach(output, content)
        if time is not None:
            output.GetInformation().Set(vtkDataObject.DATA_TIME_STEP(), time)

    def _contoured(
        self, output: vtkPolyData, file: NeuralFile, field: NeuralField, progress: Optional[ProgressCallback]
    ) -> tuple[int, int]:
        """Fill ``output`` with the surfaces of one field; how many blocks were decoded, and how many there are."""
        fineness = self.fineness()
        box = field.geometry if fineness.region is None else field.geometry.cropped(fineness.region)
        blocks = file.surface_blocks(
            self._isovalues,
            field,
            component=self._component,
            exhaustive=self._exhaustive,
            progress=share_of(progress, 0.0, SOUGHT),
            dims=fineness.dims_for(box),
            region=fineness.region,
        )
        pieces = ContourPieces(blocks.geometry.dims, blocks.edge)
        for block in blocks.blocks(share_of(progress, SOUGHT, CONTOURED - SOUGHT)):
            pieces.add(block)
        self._fill(output, file, field, blocks, pieces.together(), progress)
        return blocks.decoded, blocks.total

    def _fields(self, file: NeuralFile, time: Optional[float]) -> list[NeuralField]:
        """The chosen field of the time step (where none is chosen, the first), as often as there are blocks of it."""
        fields = carrier.fields_at(file, time)
        name = self.GetInputArrayInformation(0).Get(vtkDataObject.FIELD_NAME())
        found = [field for field in fields if name in (None, "", field.name)]
        if not found:
            names = ", ".join(f"'{field.name}'" for field in fields)
            raise SrnInputError(f"the neural file has no array '{name}' to contour; it has {names}")
        return [field for field in found if field.name == found[0].name and field.block] or found[:1]

    def _fill(
        self,
        output: vtkPolyData,
        file: NeuralFile,
        field: NeuralField,
        blocks: SurfaceBlocks,
        contour: Contour,
        progress: Optional[ProgressCallback],
    ) -> None:
        positions, cells = blocks.geometry.position_of(contour.points), contour.cells
        if np.linalg.det(np.reshape(blocks.geometry.direction, (3, 3)) * blocks.geometry.spacing) < 0:
            cells = cells[:, ::-1]  # in a mirror, fronts become backs
        fill(output, positions.astype(np.float32), cells)
        if self._scalars:
            kind = np.float32 if field.dtype == "float32" else np.float64
            output.GetPointData().SetScalars(vtk_bridge.data_array(contour.isovalues.astype(kind), field.name))
        if self._normals and cells.shape[1] == 3:
            found = normals(file, field, self._component, positions, cells, progress)
            output.GetPointData().SetNormals(vtk_bridge.data_array(found.astype(np.float32), "Normals"))

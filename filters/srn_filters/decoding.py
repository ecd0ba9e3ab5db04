"""What the algorithms share whose output is a decoded grid, wherever their neural file comes from."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Mapping, Optional, Sequence

from vtkmodules.vtkCommonCore import vtkOutputWindow
from vtkmodules.vtkCommonDataModel import vtkDataObject, vtkImageData, vtkMultiBlockDataSet

from srn_core.errors import SrnInputError
from srn_filters import blocks, carrier, mesh_bridge, packages, requests, vtk_bridge
from srn_filters.algorithm import setting, text
from srn_filters.coarse_first import CoarseFirst
from srn_filters.decoded_grid import DecodedGrid, Fineness
from srn_filters.decoded_steps import SHARED
from srn_filters.opening import OpeningAlgorithm
from srn_filters.sampling_settings import SamplingSettings

if TYPE_CHECKING:
    from srn_core.api import NeuralFile
    from srn_core.codec.field import NeuralField
    from srn_core.mesh import Mesh


class DecodingAlgorithm(CoarseFirst, OpeningAlgorithm):
    """Output: a grid of the kind that was compressed, of which exactly the update extent is decoded, a mesh, or blocks
    of such. It carries the neural file on."""

    on_meshes = False
    """Whether arrays of meshes are given on these, where the file has them; else on a grid over their boxes."""

    def __init__(self, inputs: int) -> None:
        super().__init__(nInputPorts=inputs, inputType="vtkDataObject", nOutputPorts=1, outputType="vtkDataObject")
        self._opened: Optional[tuple[bytes, str, int]] = None
        self._file: Optional[NeuralFile] = None
        self._gradient, self._level = False, 0

    SetGradient = setting("_gradient", bool)
    SetLevelOfDetail = setting("_level", int)

    def find_content(self, time: Optional[float]) -> bytes:
        """The bytes of the neural file for a time step. Raises SrnError or OSError."""
        raise NotImplementedError

    def has_content(self) -> bool:
        """False where another rank alone has the neural file."""
        return True

    def times(self) -> list[float]:
        """Time steps to announce."""
        return carrier.times(self.file(None))

    def fields(self, time: Optional[float]) -> Sequence[NeuralField]:
        """The fields to decode."""
        return carrier.fields_at(self.file(time), time)

    def fineness(self) -> Fineness:
        """How fine to decode."""
        raise NotImplementedError

    def file(self, time: Optional[float]) -> NeuralFile:
        """The neural file for a time step, opened once."""
        wanted = self.find_content(time), self._provider, self._threads
        if self._file is None or wanted != self._opened:
            self._file, self._opened = self.open_file(wanted[0]), wanted
        return self._file

    def grid(self, time: Optional[float]) -> DecodedGrid:
        """The whole grid of a time step."""
        return self._grid_of(self.file(time), self.fields(time))

    def _grid_of(self, file: NeuralFile, fields: Sequence[NeuralField]) -> DecodedGrid:
        fineness = replace(self.fineness(), level=self._level)
        if self.coarse and fields:
            fineness = fineness.coarse(fields[0].geometry)
        return DecodedGrid(file, fields, fineness, self._gradient)

    def RequestDataObject(self, request: Any, inInfo: Any, outInfo: Any) -> int:
        """Called by VTK: an image, a rectilinear or a structured grid, a mesh, or blocks of them."""
        wanted: type[vtkDataObject] = vtkImageData
        try:
            packages.require(self.needs, self.label)
            times = self.times()
            fields = self.fields(times[0] if times else None)
            wanted = vtk_bridge.class_for(fields[0].geometry.points if fields else None)
            mesh = self._mesh_of(fields)
            if mesh is not None:
                wanted = mesh_bridge.class_for(mesh)
            if _in_blocks(fields):
                wanted = vtkMultiBlockDataSet
        except Exception:
            wanted = vtkImageData  # RequestData meets it again, and says so
        output = vtkDataObject.GetData(outInfo, 0)
        if output is None or not output.IsA(wanted.__name__):
            outInfo.GetInformationObject(0).Set(vtkDataObject.DATA_OBJECT(), wanted())
        return 1

    def RequestInformation(self, request: Any, inInfo: Any, outInfo: Any) -> int:
        """Called by VTK: announces the decoded grid and the time steps."""
        info = outInfo.GetInformationObject(0)
        try:
            packages.require(self.needs, self.label)
            times = self.times()
            fields = self.fields(times[0] if times else None)
            if not _in_blocks(fields) and self._mesh_of(fields) is None:
                self.grid(times[0] if times else None).announce(info)
        except Exception:
            return 1  # RequestData meets it again, and says so
        requests.offer_times(info, times)
        return 1

    def execute(self, in_info: Any, out_info: Any) -> None:
        """Decode what is asked for."""
        time = requests.asked_time(out_info)
        if requests.asked_piece(out_info) > 0 and not self.has_content():
            return
        fields = self.fields(time)
        if _in_blocks(fields):
            self._execute_blocks(carrier.by_block(fields), time, out_info)
            return
        if self._mesh_of(fields) is not None:
            self._execute_mesh(fields, time, out_info)
            return
        grid = self.grid(time)
        extent = requests.asked_extent(out_info) or grid.extent
        image = self._decoded(grid, extent, time)
        carrier.attach(image, self.find_content(time))
        output = vtkDataObject.GetData(out_info, 0)
        output.ShallowCopy(image)
        if time is not None:
            output.GetInformation().Set(vtkDataObject.DATA_TIME_STEP(), time)
        if self.coarse:
            self.refine_when_idle()
        self._tell_left_out(grid.left_out, "grid")

    def _mesh_of(self, fields: Sequence[NeuralField]) -> Optional[Mesh]:
        """The mesh to give the fields on; None: a grid."""
        where = fields[0].mesh if fields and self.on_meshes else None
        return None if where is None else where.mesh

    def _execute_mesh(self, fields: Sequence[NeuralField], time: Optional[float], out_info: Any) -> None:
        """Decode all of the mesh, on the first rank."""
        if requests.asked_piece(out_info) > 0:
            return
        file, (same, left_out) = self.file(time), mesh_bridge.on_one_mesh(fields)
        told = [self.progress(place / len(same), (place + 1) / len(same)) for place in range(len(same))]
        if len(self.times()) > 1:
            arrays = tuple((f.name, f.mesh and f.mesh.association, f.time) for f in same)
            key = (file.digest, "mesh", arrays, self._gradient, self._provider, self._threads)
            mesh = SHARED.grid(key, lambda: mesh_bridge.decoded_mesh(file, same, told, self._gradient))
        else:
            mesh = mesh_bridge.decoded_mesh(file, same, told, self._gradient)
        carrier.attach(mesh, self.find_content(time))
        output = vtkDataObject.GetData(out_info, 0)
        output.ShallowCopy(mesh)
        if time is not None:
            output.GetInformation().Set(vtkDataObject.DATA_TIME_STEP(), time)
        self._tell_left_out(left_out, "mesh")

    def _tell_left_out(self, names: Sequence[str], where: str) -> None:
        if names:
            vtkOutputWindow.GetInstance().DisplayWarningText(
                f"Warning: {self.label}: left out, being on another {where} than the first array: {', '.join(names)}\n"
            )

    def _decoded(self, grid: DecodedGrid, extent: Sequence[int], time: Optional[float]) -> vtk_bridge.Grid:
        """A part of the grid of a time step, kept where there are several."""
        if len(self.times()) < 2:
            return grid.decode(extent, self.progress())
        key = (self.file(time).digest, grid.described, tuple(extent), self._provider, self._threads)
        return SHARED.grid(key, lambda: grid.decode(extent, self.progress()))

    def _execute_blocks(self, known: Mapping[str, Sequence[NeuralField]], time: Optional[float], out_info: Any) -> None:
        """Decode one block after the other; of several ranks each decodes some, and all have the names of all."""
        file = self.file(time)
        piece, pieces = requests.asked_piece(out_info), requests.asked_pieces(out_info)
        decoded: list[blocks.Block] = []
        for number, (name, fields) in enumerate(known.items()):
            block: Optional[vtkDataObject] = None
            told = self.progress(number / len(known), (number + 1) / len(known))
            if number % pieces == piece and self._mesh_of(fields) is not None:
                same, _ = mesh_bridge.on_one_mesh(fields)
                block = mesh_bridge.decoded_mesh(file, same, [told] * len(same), self._gradient)
            elif number % pieces == piece:
                grid = self._grid_of(file, fields)
                block = grid.decode(grid.extent, told)
            decoded.append((name, block))
        whole = blocks.composite_of(decoded)
        carrier.attach(whole, self.find_content(time))
        output = vtkDataObject.GetData(out_info, 0)
        output.ShallowCopy(whole)
        if time is not None:
            output.GetInformation().Set(vtkDataObject.DATA_TIME_STEP(), time)
        if self.coarse:
            self.refine_when_idle()


def _in_blocks(fields: Sequence[NeuralField]) -> bool:
    return any(field.block for field in fields)


class Resampling(SamplingSettings, DecodingAlgorithm):
    """A decoding algorithm with the settings of fineness and region."""


class NeuralResample(Resampling):
    """Input: anything that carries a neural file. Output: its fields on a grid of any fineness."""

    label = "Neural Resample"

    def __init__(self) -> None:
        super().__init__(inputs=1)

    def find_content(self, time: Optional[float]) -> bytes:
        """What the input carries; the input is brought up to date where it has not been yet."""
        return carrier.required_content(self.GetInputDataObject(0, 0), self.label)

    def has_content(self) -> bool:
        """Whether this rank's input carries anything."""
        return carrier.content(self.GetInputDataObject(0, 0)) is not None

    def execute(self, in_info: Any, out_info: Any) -> None:
        """Decode, and hand on what the input tells of the file's making."""
        super().execute(in_info, out_info)
        carrier.carry_on(self.GetInputDataObject(0, 0), vtkDataObject.GetData(out_info, 0))

    def RequestUpdateExtent(self, request: Any, inInfo: Any, outInfo: Any) -> int:
        """Called by VTK: what part of the output is asked for says nothing about the input."""
        requests.ask_for_all(inInfo[0])
        return 1

    def RequestInformation(self, request: Any, inInfo: Any, outInfo: Any) -> int:
        """Called by VTK: announces the decoded grid and the time steps."""
        self._update_input()
        return super().RequestInformation(request, inInfo, outInfo)

    def RequestDataObject(self, request: Any, inInfo: Any, outInfo: Any) -> int:
        """Called by VTK: an image, a rectilinear or a structured grid."""
        self._update_input()
        return super().RequestDataObject(request, inInfo, outInfo)

    def _update_input(self) -> None:
        """The grid stands in the data, not in what the input announces, so the input has to be made first."""
        source, port = self.GetInputAlgorithm(0, 0), self.GetInputConnection(0, 0).GetIndex()
        source.Update(port)


class NeuralResampleFile(Resampling):
    """A source: the fields of a .srn file on a grid of any fineness."""

    label = "Neural Resample File"

    def __init__(self) -> None:
        super().__init__(inputs=0)
        self._name, self._read = "", LastRead()

    SetFileName = setting("_name", text)

    def find_content(self, time: Optional[float]) -> bytes:
        """The bytes of the file."""
        if not self._name:
            raise SrnInputError("no file is named; give the name of a .srn file")
        return self._read.content(self._name)


class LastRead:
    """The bytes of the file that was read last: a file of many time steps is asked for at each of them."""

    def __init__(self) -> None:
        self._known: tuple[Any, ...] = ()
        self._content = b""

    def content(self, path: str) -> bytes:
        """The bytes of a file; read anew where it was written since. Raises OSError."""
        with open(path, "rb") as stream:
            state = os.fstat(stream.fileno())
            known = (path, state.st_ino, state.st_size, state.st_mtime_ns)
            if known != self._known:
                self._content, self._known = stream.read(), known
        return self._content

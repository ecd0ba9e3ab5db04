"""The writers: .srn (the bytes that the input carries, as they are) and .onnx (the network for any other program)."""

from __future__ import annotations

import os
from typing import Any, Optional

from vtkmodules.vtkCommonDataModel import vtkDataObject
from vtkmodules.vtkCommonExecutionModel import vtkStreamingDemandDrivenPipeline as Pipeline
from vtkmodules.vtkParallelCore import vtkMultiProcessController

import srn_core
from srn_core.errors import SrnInputError
from srn_filters import carrier, over_time, packages, ranks, requests
from srn_filters.algorithm import NeuralAlgorithm, setting, text


class CarriedFileWriter(NeuralAlgorithm):
    """Writes what the input carries. Of several ranks the first one writes; it is the one that has it."""

    def __init__(self) -> None:
        super().__init__(nInputPorts=1, inputType="vtkDataObject", nOutputPorts=0)
        self._name = ""

    SetFileName = setting("_name", text)

    def Write(self) -> int:
        """Write the file anew, whether or not anything changed."""
        self.Modified()
        self.Update()
        return 1

    def RequestUpdateExtent(self, request: Any, inInfo: Any, outInfo: Any) -> int:
        """Called by VTK: the first rank asks for all, so that it has what is carried."""
        if _first_rank():
            requests.ask_for_all(inInfo[0])
        return 1

    def execute(self, in_info: Any, out_info: Any) -> None:
        """Check where to, and write."""
        if not _first_rank():
            return
        if not self._name:
            raise SrnInputError("no file is named to write to")
        if os.path.isdir(self._name):
            raise SrnInputError(f"{self._name} is a folder; give the name of a file")
        data = vtkDataObject.GetData(in_info[0])
        content = carrier.required_content(data, self.label)
        time = data.GetInformation().Get(vtkDataObject.DATA_TIME_STEP())
        self.write(content, time)

    def write(self, content: bytes, time: Optional[float]) -> None:
        """Write a neural file's bytes to the named file."""
        raise NotImplementedError


class SrnWriter(CarriedFileWriter):
    """The bytes as they are: the file is the one whose quality the report tells. Or a file for each time step."""

    label = "SRN Writer"
    needs = packages.STORING

    def __init__(self) -> None:
        super().__init__()
        self._time_steps = False
        self._times: list[float] = []
        self._written = 0
        self._failed = False

    SetWriteTimeSteps = setting("_time_steps", bool)

    def Write(self) -> int:
        """Write the file, or all of them, anew, whether or not anything changed."""
        self._written = 0
        return super().Write()

    def RequestUpdateExtent(self, request: Any, inInfo: Any, outInfo: Any) -> int:
        """Called by VTK: on every rank the same time step is asked for, where each has a file."""
        self._times = requests.times_in(inInfo[0].GetInformationObject(0)) if self._time_steps else []
        if self._written < len(self._times):
            step = self._times[self._written]
            inInfo[0].GetInformationObject(0).Set(Pipeline.UPDATE_TIME_STEP(), step)
        return super().RequestUpdateExtent(request, inInfo, outInfo)

    def RequestData(self, request: Any, inInfo: Any, outInfo: Any) -> int:
        """Called by VTK: once, or for each time step once, until one cannot be written."""
        self._failed = self._failed and self._written > 0
        done = super().RequestData(request, inInfo, outInfo)
        self._written += 1
        # Ranks go through all steps alike: where the first one stopped, what comes before would wait for it.
        again = self._written < len(self._times) and (not self._failed or ranks.team().size > 1)
        over_time.execute_again(request, again)
        if not again:
            self._written = 0
        return done

    def execute(self, in_info: Any, out_info: Any) -> None:
        """The next step, unless one before it failed."""
        if not self._failed:
            super().execute(in_info, out_info)

    def failed(self, message: str) -> None:
        """What comes after a step that failed is not tried."""
        self._failed = True
        super().failed(message)

    def write(self, content: bytes, time: Optional[float]) -> None:
        """Opened once before, so that damaged bytes are not passed on."""
        from srn_core.atomic import write_bytes

        file = srn_core.load(content)
        if not self._times:
            write_bytes(self._name, content)
            return
        step = self._times[self._written]
        if len(file.times) > 1:
            from srn_core.codec.split import chosen_fields

            if any(field.adds_to is not None for field in file.fields):
                raise SrnInputError(
                    "the time steps are stored as differences to the one before, which a file for each cannot be; set "
                    "Key Every to 1, press Apply and save again, or save all of them as one file"
                )

            nearest = over_time.nearest(file.times, step)
            content = chosen_fields(content, lambda field: field.time is None or field.time == nearest)
        write_bytes(self._name_of(self._written), content)
        self.UpdateProgress((self._written + 1) / len(self._times))

    def _name_of(self, number: int) -> str:
        """As in "run_0003.srn": a name that ParaView takes for one of a series."""
        stem, ending = os.path.splitext(self._name)
        digits = max(4, len(str(len(self._times) - 1)))
        return f"{stem}_{number:0{digits}d}{ending}"


class OnnxWriter(CarriedFileWriter):
    """One array as an ONNX model."""

    label = "ONNX Writer"
    needs = packages.EXPORTING

    def __init__(self) -> None:
        super().__init__()
        self._array = ""

    SetArray = setting("_array", text)

    def write(self, content: bytes, time: Optional[float]) -> None:
        """The first array at this time step, or the named one."""
        file = srn_core.load(content)
        fields = carrier.fields_at(file, time)
        chosen = [f for f in fields if not self._array or f.name == self._array]
        if not chosen:
            raise SrnInputError(
                f"the neural file has no array '{self._array}'; it has: {', '.join(f.name for f in fields)}"
            )
        file.export(self._name, array=chosen[0].name, time=chosen[0].time)


def _first_rank() -> bool:
    controller = vtkMultiProcessController.GetGlobalController()
    return controller is None or controller.GetLocalProcessId() == 0

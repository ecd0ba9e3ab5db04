"""The writers: .srn (the bytes that the input carries, as they are) and .onnx (the network for any other program)."""

from __future__ import annotations

import os
from typing import Any, Optional

from vtkmodules.vtkCommonDataModel import vtkDataObject
from vtkmodules.vtkParallelCore import vtkMultiProcessController

import srn_core
from srn_core.errors import SrnInputError
from srn_filters import carrier, packages, requests
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
    """The bytes as they are: the file is the one whose quality the report tells."""

    label = "SRN Writer"
    needs = packages.STORING

    def write(self, content: bytes, time: Optional[float]) -> None:
        """Opened once before, so that damaged bytes are not passed on."""
        from srn_core.atomic import write_bytes

        srn_core.load(content)
        write_bytes(self._name, content)


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

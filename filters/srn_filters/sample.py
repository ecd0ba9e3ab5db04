"""Neural Sample: the network evaluated at the points of any data set."""

from __future__ import annotations

from typing import Any

import numpy as np
from vtkmodules.vtkCommonDataModel import vtkDataObject, vtkDataSet
from vtkmodules.vtkCommonExecutionModel import vtkAlgorithm, vtkStreamingDemandDrivenPipeline

from srn_filters import carrier, requests, vtk_bridge
from srn_filters.algorithm import setting
from srn_filters.opening import OpeningAlgorithm

VALID = "vtkValidPointMask"
FILE_PORT, POINTS_PORT = 0, 1


class NeuralSample(OpeningAlgorithm):
    """Inputs: what carries a neural file, and the points. Output: a copy of the second with the fields at its points.

    No grid lies between: the network is evaluated at the points themselves. Points outside of the volume get NaN
    and 0 in the array ``vtkValidPointMask``, as in ParaView's own probing filters.
    """

    label = "Neural Sample"

    def __init__(self) -> None:
        super().__init__(nInputPorts=2, inputType="vtkDataObject", nOutputPorts=1, outputType="vtkDataSet")
        self._clamp = False

    SetClamp = setting("_clamp", bool)

    def FillInputPortInformation(self, port: int, info: Any) -> int:
        """Called by VTK: anything that carries a file, and a data set."""
        info.Set(vtkAlgorithm.INPUT_REQUIRED_DATA_TYPE(), "vtkDataSet" if port == POINTS_PORT else "vtkDataObject")
        return 1

    def RequestDataObject(self, request: Any, inInfo: Any, outInfo: Any) -> int:
        """Called by VTK: the output is of the type of the points."""
        points = vtkDataObject.GetData(inInfo[POINTS_PORT])
        output = vtkDataObject.GetData(outInfo)
        if points is not None and (output is None or output.GetClassName() != points.GetClassName()):
            outInfo.GetInformationObject(0).Set(vtkDataObject.DATA_OBJECT(), points.NewInstance())
        return 1

    def RequestInformation(self, request: Any, inInfo: Any, outInfo: Any) -> int:
        """Called by VTK: the output has the extent of the points."""
        pipeline = vtkStreamingDemandDrivenPipeline
        points, out = inInfo[POINTS_PORT].GetInformationObject(0), outInfo.GetInformationObject(0)
        for key in (pipeline.WHOLE_EXTENT(), vtkDataObject.ORIGIN(), vtkDataObject.SPACING()):
            if points.Has(key):
                out.CopyEntry(points, key)
        return 1

    def RequestUpdateExtent(self, request: Any, inInfo: Any, outInfo: Any) -> int:
        """Called by VTK: the whole carrier, and the asked part of the points."""
        requests.ask_for_all(inInfo[FILE_PORT])
        pipeline = vtkStreamingDemandDrivenPipeline
        points, out = inInfo[POINTS_PORT].GetInformationObject(0), outInfo.GetInformationObject(0)
        if out.Has(pipeline.UPDATE_EXTENT()) and points.Has(pipeline.WHOLE_EXTENT()):
            points.Set(pipeline.UPDATE_EXTENT(), out.Get(pipeline.UPDATE_EXTENT()), 6)
        return 1

    def execute(self, in_info: Any, out_info: Any) -> None:
        """Evaluate every field of the time step."""
        carried = vtkDataObject.GetData(in_info[FILE_PORT])
        points = vtkDataSet.GetData(in_info[POINTS_PORT])
        output = vtkDataSet.GetData(out_info)
        output.ShallowCopy(points)
        file = self.open_file(carrier.required_content(carried, self.label))
        where = vtk_bridge.positions(points)
        inside = np.ones(len(where), bool)
        for field in carrier.fields_at(file, requests.asked_time(out_info)):
            values = file.sample(where, array=field.name, time=field.time, outside="clamp" if self._clamp else "nan")
            inside &= np.isfinite(values).reshape(len(where), -1).all(axis=1)
            if field.dtype == "float32":
                values = values.astype(np.float32)
            output.GetPointData().AddArray(vtk_bridge.data_array(values, field.name))
            if values.ndim == 1:
                output.GetPointData().SetActiveScalars(field.name)
        output.GetPointData().AddArray(vtk_bridge.data_array(inside.astype(np.int8), VALID))

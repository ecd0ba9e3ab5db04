"""Neural Sample: the network evaluated at the points of any data set."""

from __future__ import annotations

from typing import Any, Iterator

from vtkmodules.vtkCommonDataModel import vtkCompositeDataSet, vtkDataObject, vtkDataSet, vtkDataSetAttributes
from vtkmodules.vtkCommonExecutionModel import vtkAlgorithm, vtkStreamingDemandDrivenPipeline

from srn_core.errors import SrnInputError
from srn_filters import carrier, requests
from srn_filters.algorithm import setting, text
from srn_filters.opening import OpeningAlgorithm
from srn_filters.sampled_block import NAN, POINTS, Sampling, add_fields
from srn_filters.vtk_bridge import GHOSTS

FILE_PORT, POINTS_PORT = 0, 1


class NeuralSample(OpeningAlgorithm):
    """Inputs: what carries a neural file, and the points. Output: the second, block by block, with the fields at its
    points or in the middles of its cells.

    No grid lies between: the network is evaluated at the points themselves, and nowhere else.
    """

    label = "Neural Sample"

    def __init__(self) -> None:
        super().__init__(nInputPorts=2, inputType="vtkDataObject", nOutputPorts=1, outputType="vtkDataObject")
        self._at, self._outside = POINTS, NAN
        self._gradient, self._blank, self._pass = False, False, True

    SetAt = setting("_at", text)
    SetOutside = setting("_outside", text)
    SetGradient = setting("_gradient", bool)
    SetMarkBlankPointsAndCells = setting("_blank", bool)
    SetPassArrays = setting("_pass", bool)

    def FillInputPortInformation(self, port: int, info: Any) -> int:
        """Called by VTK: anything that carries a file; what has no points is refused in words of our own."""
        info.Set(vtkAlgorithm.INPUT_REQUIRED_DATA_TYPE(), "vtkDataObject")
        return 1

    def RequestDataObject(self, request: Any, inInfo: Any, outInfo: Any) -> int:
        """Called by VTK: the output is of the type of the points."""
        points = vtkDataObject.GetData(inInfo[POINTS_PORT])
        output = vtkDataObject.GetData(outInfo)
        if points is not None and (output is None or output.GetClassName() != points.GetClassName()):
            outInfo.GetInformationObject(0).Set(vtkDataObject.DATA_OBJECT(), points.NewInstance())
        return 1

    def RequestInformation(self, request: Any, inInfo: Any, outInfo: Any) -> int:
        """Called by VTK: the output has the extent of the points, and the time steps of both inputs."""
        pipeline = vtkStreamingDemandDrivenPipeline
        points, out = inInfo[POINTS_PORT].GetInformationObject(0), outInfo.GetInformationObject(0)
        for key in (
            pipeline.WHOLE_EXTENT(),
            vtkDataObject.ORIGIN(),
            vtkDataObject.SPACING(),
            vtkDataObject.DIRECTION(),
            vtkAlgorithm.CAN_PRODUCE_SUB_EXTENT(),
        ):
            if points.Has(key):
                out.CopyEntry(points, key)
            else:  # VTK has copied what the neural file's input says
                out.Remove(key)
        times = sorted({*requests.offered_times(inInfo[FILE_PORT]), *requests.offered_times(inInfo[POINTS_PORT])})
        requests.offer_times(out, times)
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
        """Evaluate every field of the time step, at the points of one block after the other."""
        how = Sampling(self._at, self._outside, self._gradient, self._blank).checked()
        points = vtkDataObject.GetData(in_info[POINTS_PORT])
        output = vtkDataObject.GetData(out_info)
        blocks = list(_copied(points, output, self.label))
        file = self.open_file(carrier.required_content(vtkDataObject.GetData(in_info[FILE_PORT]), self.label))
        time = requests.asked_time(out_info)
        fields = carrier.fields_at(file, time)
        every, done = max(sum(how.places(block) for block in blocks), 1), 0
        for block in blocks:
            if not self._pass:
                _drop_arrays(block.GetPointData())
                _drop_arrays(block.GetCellData())
            before, done = done, done + how.places(block)
            add_fields(block, file, fields, how, self.progress(before / every, done / every))
        if time is not None:
            output.GetInformation().Set(vtkDataObject.DATA_TIME_STEP(), time)


def _drop_arrays(attributes: vtkDataSetAttributes) -> None:
    """All but the marks of ghosts."""
    ghosts = attributes.GetArray(GHOSTS)
    attributes.Initialize()
    if ghosts is not None:
        attributes.AddArray(ghosts)


def _copied(points: vtkDataObject, output: vtkDataObject, job: str) -> Iterator[vtkDataSet]:
    """Make ``output`` a copy that shares what ``points`` holds; the data sets in it, to be given more arrays.

    What is no data set (the tables of a collection, say) is left as it is. Raises SrnInputError where nothing else is.
    """
    if isinstance(points, vtkDataSet) and isinstance(output, vtkDataSet):
        output.ShallowCopy(points)
        yield output
        return
    others: set[str] = set()
    found = False
    if isinstance(points, vtkCompositeDataSet) and isinstance(output, vtkCompositeDataSet):
        output.CompositeShallowCopy(points)
        leaves = points.NewIterator()
        while not leaves.IsDoneWithTraversal():
            leaf = leaves.GetCurrentDataObject()
            if isinstance(leaf, vtkDataSet):
                block = leaf.NewInstance()
                block.ShallowCopy(leaf)
                output.SetDataSet(leaves, block)
                found = True
                yield block
            else:
                others.add(leaf.GetClassName())
            leaves.GoToNextItem()
    else:
        others.add(points.GetClassName())
    if others and not found:
        raise SrnInputError(
            f"{job}: Points must be a data set with points (a slice, a line, a mesh, an image, or blocks of them), "
            f"not a {', '.join(sorted(others))}; make points of a table by Table To Points"
        )

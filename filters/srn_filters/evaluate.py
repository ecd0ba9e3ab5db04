"""Neural Evaluate: how far what a neural file gives back is from the original, place by place and in figures."""

from __future__ import annotations

from typing import Any, Mapping

import numpy as np
from vtkmodules.vtkCommonDataModel import vtkCompositeDataSet, vtkDataObject, vtkDataSet, vtkImageData, vtkTable
from vtkmodules.vtkCommonExecutionModel import vtkAlgorithm, vtkStreamingDemandDrivenPipeline

from srn_core.errors import SrnInputError
from srn_filters import carrier, requests, vtk_bridge
from srn_filters.algorithm import setting, text
from srn_filters.compared import AUTO, Compared, Places, compared
from srn_filters.evaluation import Evaluation
from srn_filters.opening import OpeningAlgorithm

ORIGINAL, WITH = 0, 1
"""Input ports."""
MOST_BINS = 100_000


class NeuralEvaluate(OpeningAlgorithm):
    """Inputs: the original, and what it is compared with: what carries a neural file, or any data set with the array.

    Output 0: the original with the errors as arrays; 1: figures, in one row; 2: the histogram of the errors; 3: the
    training's history, where it is carried.
    """

    label = "Neural Evaluate"

    def __init__(self) -> None:
        super().__init__(nInputPorts=2, inputType="vtkDataObject", nOutputPorts=4, outputType="vtkDataSet")
        self._compared, self._other_name, self._bound, self._bins = AUTO, "", "1%", 64
        self._report_text = ""

    SetCompared = setting("_compared", text)
    SetComparedArray = setting("_other_name", text)
    SetBound = setting("_bound", text)
    SetBins = setting("_bins", int)

    def GetReport(self) -> str:
        """The figures of the last update, or why it failed, in lines of text."""
        return self._report_text or "Not yet applied."

    def failed(self, message: str) -> None:
        """Also shown in the panel."""
        self._report_text = message
        super().failed(message)

    def FillInputPortInformation(self, port: int, info: Any) -> int:
        """Called by VTK: what is no data set is refused in words of our own; the second input may be missing."""
        info.Set(vtkAlgorithm.INPUT_REQUIRED_DATA_TYPE(), "vtkDataObject")
        if port == WITH:
            info.Set(vtkAlgorithm.INPUT_IS_OPTIONAL(), 1)
        return 1

    def FillOutputPortInformation(self, port: int, info: Any) -> int:
        """Called by VTK: a data set and three tables."""
        info.Set(vtkDataObject.DATA_TYPE_NAME(), "vtkDataSet" if port == 0 else "vtkTable")
        return 1

    def RequestDataObject(self, request: Any, inInfo: Any, outInfo: Any) -> int:
        """Called by VTK: the first output is of the type of the original."""
        original = vtkDataObject.GetData(inInfo[ORIGINAL])
        fits = original if isinstance(original, vtkDataSet) else vtkImageData()
        output = vtkDataObject.GetData(outInfo, 0)
        if output is None or output.GetClassName() != fits.GetClassName():
            outInfo.GetInformationObject(0).Set(vtkDataObject.DATA_OBJECT(), fits.NewInstance())
        return 1

    def RequestInformation(self, request: Any, inInfo: Any, outInfo: Any) -> int:
        """Called by VTK: the time steps of both inputs; the grid is the original's."""
        # Figures are of the whole: no part of it is made by itself.
        outInfo.GetInformationObject(0).Remove(vtkAlgorithm.CAN_PRODUCE_SUB_EXTENT())
        times = sorted(
            {t for port in (ORIGINAL, WITH) if _given(inInfo[port]) for t in requests.offered_times(inInfo[port])}
        )
        for port in range(self.GetNumberOfOutputPorts()):
            requests.offer_times(outInfo.GetInformationObject(port), times)
        return 1

    def RequestUpdateExtent(self, request: Any, inInfo: Any, outInfo: Any) -> int:
        """Called by VTK: all of both, on the first rank, which makes everything."""
        pipeline = vtkStreamingDemandDrivenPipeline
        for port in (ORIGINAL, WITH):
            if _given(inInfo[port]) and requests.asked_piece(outInfo) == 0:
                requests.ask_for_all(inInfo[port])
                info = inInfo[port].GetInformationObject(0)
                info.Set(pipeline.UPDATE_NUMBER_OF_PIECES(), 1)
                info.Set(pipeline.UPDATE_PIECE_NUMBER(), 0)
        return 1

    def execute(self, in_info: Any, out_info: Any) -> None:
        """Compare, and fill the four outputs."""
        if requests.asked_piece(out_info) > 0:
            return
        original = self._original(in_info)
        other = vtkDataObject.GetData(in_info[WITH]) if _given(in_info[WITH]) else None
        if not 1 <= self._bins <= MOST_BINS:
            raise SrnInputError(f"Bins must be from 1 to {MOST_BINS}, not {self._bins}")
        places, name = self._array(original)
        values = vtk_bridge.numbers(original, places.association, name)
        time = requests.asked_time(out_info)
        if time is None:
            time = original.GetInformation().Get(vtkDataObject.DATA_TIME_STEP())
        found = compared(
            self._compared, places, self._other_name or name, other, time, self.open_file, self.progress(0.0, 0.8)
        )
        visible = vtk_bridge.visible(original, places.association)
        evaluation = Evaluation.of(values, found.values, visible, self._bound or None)
        errors = evaluation.errors()
        shape = None
        if isinstance(original, vtkImageData):
            shape = vtk_bridge.geometry(original, places.association).shape
        figures = evaluation.figures(errors, shape)
        worst = places.positions()[figures.pop("worst")]
        figures = {"array": name, **figures, **{f"worst_{axis}": float(v) for axis, v in zip("xyz", worst)}}

        output = vtkDataSet.GetData(out_info, 0)
        output.ShallowCopy(original)
        self._add_errors(output, places.association, name, values.dtype, evaluation, errors)
        if time is not None:
            output.GetInformation().Set(vtkDataObject.DATA_TIME_STEP(), time)
        history = carrier.history(other) or carrier.history(original)
        for port, columns in (
            (1, {column: [value] for column, value in figures.items()}),
            (2, evaluation.histogram(errors, self._bins)),
            (3, history),
        ):
            vtkTable.GetData(out_info, port).ShallowCopy(vtk_bridge.table(columns))
        self._report_text = readable(figures, found, bool(history))

    def _original(self, in_info: Any) -> vtkDataSet:
        original = vtkDataObject.GetData(in_info[ORIGINAL])
        if isinstance(original, vtkDataSet):
            return original
        hint = "; take one block of it by Extract Block" if isinstance(original, vtkCompositeDataSet) else ""
        raise SrnInputError(f"the original must be a single data set, not a {original.GetClassName()}{hint}")

    def _array(self, original: vtkDataSet) -> tuple[Places, str]:
        """The chosen array; where none is chosen, the first one, of points if there is any."""
        information = self.GetInputArrayInformation(0)
        name = information.Get(vtkDataObject.FIELD_NAME())
        association = "cell" if information.Get(vtkDataObject.FIELD_ASSOCIATION()) == 1 else "point"
        if not name:
            found = [(a, n) for a in ("point", "cell") for n in vtk_bridge.array_names(original, a)]
            if not found:
                raise SrnInputError("the original has no point or cell array to compare")
            association, name = found[0]
        return Places(original, association), name

    def _add_errors(
        self,
        output: vtkDataSet,
        association: str,
        name: str,
        dtype: np.dtype[Any],
        evaluation: Evaluation,
        errors: np.ndarray,
    ) -> None:
        # As wide as the differences of the original's own numbers need it.
        kind = np.float64 if dtype.itemsize > (4 if dtype.kind == "f" else 2) else np.float32
        vtk_bridge.add_array(output, association, errors.astype(kind), f"{name} error")
        vtk_bridge.add_array(output, association, np.abs(errors).astype(kind), f"{name} absolute error")
        if evaluation.bound is not None:
            vtk_bridge.add_array(output, association, evaluation.exceeds(errors), f"{name} exceeds")


def _given(in_info: Any) -> bool:
    return bool(in_info.GetNumberOfInformationObjects())


def readable(figures: Mapping[str, Any], found: Compared, trained: bool) -> str:
    """The figures as lines that a person reads."""
    lines = [
        f"Compared with: {found.source}",
        f"PSNR: {figures['psnr']:.2f} dB",
        f"Largest error: {figures['max_error']:.4g} ({100 * figures['max_error_share']:.3g} % of the range)",
        "  at " + ", ".join(f"{figures[f'worst_{axis}']:.6g}" for axis in "xyz"),
        f"RMSE: {figures['rmse']:.4g}",
        f"Mean error: {figures['mean_error']:.3g}",
    ]
    if figures["ssim"] == figures["ssim"]:
        lines.insert(2, f"SSIM: {figures['ssim']:.4f}")
    if figures["bound"] == figures["bound"]:
        share = 100 * figures["beyond_share"]
        lines.append(f"Above {figures['bound']:.4g}: {figures['beyond']} of {figures['places']} ({share:.3g} %)")
    if figures["left_out"]:
        lines.append(f"Not compared, only one has a value: {figures['left_out']}")
    if not trained:
        lines.append("Training history: none is carried")
    return "\n".join(lines)

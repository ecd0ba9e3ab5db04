"""Neural Evaluate: how far what a neural file gives back is from the original, place by place and in figures."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence

import numpy as np
from vtkmodules.vtkCommonDataModel import vtkDataObject, vtkDataSet, vtkImageData, vtkMultiBlockDataSet, vtkTable
from vtkmodules.vtkCommonExecutionModel import vtkAlgorithm, vtkStreamingDemandDrivenPipeline

from srn_core.errors import SrnInputError
from srn_core.progress import ProgressCallback
from srn_filters import blocks, carrier, requests, vtk_bridge
from srn_filters.algorithm import setting, text
from srn_filters.compared import AUTO, Compared, Places, compared, spans_of
from srn_filters.evaluation import Evaluation
from srn_filters.opening import OpeningAlgorithm

ORIGINAL, WITH = 0, 1
"""Input ports."""
MOST_BINS = 100_000


class NeuralEvaluate(OpeningAlgorithm):
    """Inputs: the original, and what it is compared with: what carries a neural file, or any data set with the array.
    Blocks are compared with those of their names, and measured as one.

    Output 0: the original with the errors as arrays; 1: figures, in one row; 2: the histogram of the errors; 3: the
    training's history, where it is carried.
    """

    label = "Neural Evaluate"

    def __init__(self) -> None:
        super().__init__(nInputPorts=2, inputType="vtkDataObject", nOutputPorts=4, outputType="vtkDataObject")
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
        """Called by VTK: a data set, or blocks of these, and three tables."""
        info.Set(vtkDataObject.DATA_TYPE_NAME(), "vtkDataObject" if port == 0 else "vtkTable")
        return 1

    def RequestDataObject(self, request: Any, inInfo: Any, outInfo: Any) -> int:
        """Called by VTK: the first output is of the type of the original."""
        original = vtkDataObject.GetData(inInfo[ORIGINAL])
        fits: vtkDataObject = original if isinstance(original, vtkDataSet) else vtkImageData()
        if blocks.is_composite(original):
            fits = vtkMultiBlockDataSet()
        for port, kind in enumerate((fits, vtkTable(), vtkTable(), vtkTable())):
            output = vtkDataObject.GetData(outInfo, port)
            if output is None or output.GetClassName() != kind.GetClassName():
                outInfo.GetInformationObject(port).Set(vtkDataObject.DATA_OBJECT(), kind.NewInstance())
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
        original = vtkDataObject.GetData(in_info[ORIGINAL])
        other = vtkDataObject.GetData(in_info[WITH]) if _given(in_info[WITH]) else None
        if not 1 <= self._bins <= MOST_BINS:
            raise SrnInputError(f"Bins must be from 1 to {MOST_BINS}, not {self._bins}")
        parts, name = self._array(original)
        time = requests.asked_time(out_info)
        if time is None:
            time = original.GetInformation().Get(vtkDataObject.DATA_TIME_STEP())
        content = carrier.content(other) or carrier.content(original)
        found = [
            compared(self._compared, places, self._other_name or name, other, content, time, self.open_file, told)
            for places, told in zip(parts, self._shares(parts))
        ]
        evaluation = _evaluation(parts, name, found, self._bound or None)
        errors = evaluation.errors()
        figures = evaluation.figures(errors, _shape(parts[0]) if len(parts) == 1 else None)
        figures = {"array": name, **figures, **_worst(parts, figures.pop("worst"))}

        self._show(out_info, original, parts, name, evaluation, errors)
        if time is not None:
            vtkDataObject.GetData(out_info, 0).GetInformation().Set(vtkDataObject.DATA_TIME_STEP(), time)
        history = carrier.history(other) or carrier.history(original)
        for port, columns in (
            (1, {column: [value] for column, value in figures.items()}),
            (2, evaluation.histogram(errors, self._bins)),
            (3, history),
        ):
            vtkTable.GetData(out_info, port).ShallowCopy(vtk_bridge.table(columns))
        self._report_text = readable(figures, found, bool(history))

    def _shares(self, parts: Sequence[Places]) -> list[ProgressCallback]:
        """Of the work, for each part."""
        share = 0.8 / len(parts)
        return [self.progress(share * place, share * (place + 1)) for place in range(len(parts))]

    def _array(self, original: vtkDataObject) -> tuple[list[Places], str]:
        """The chosen array, in each block that has it; where none is chosen the first one, rather of points."""
        if isinstance(original, vtkDataSet):
            data = [("", original)]
        elif blocks.is_composite(original):
            data = [(block, part) for block, part in blocks.blocks_of(original) if isinstance(part, vtkDataSet)]
        else:
            raise SrnInputError(
                f"the original must be a data set or blocks of data sets, not a {original.GetClassName()}"
            )
        information = self.GetInputArrayInformation(0)
        name = information.Get(vtkDataObject.FIELD_NAME())
        association = "cell" if information.Get(vtkDataObject.FIELD_ASSOCIATION()) == 1 else "point"
        if not name:
            arrays = [(a, n) for a in ("point", "cell") for _, part in data for n in vtk_bridge.array_names(part, a)]
            if not arrays:
                raise SrnInputError("the original has no point or cell array to compare")
            association, name = arrays[0]
        if len(data) == 1 and not data[0][0]:
            return [Places(data[0][1], association)], name
        having = [(block, part) for block, part in data if name in vtk_bridge.array_names(part, association)]
        if not having:
            raise SrnInputError(f"no block of the original has the {association} array '{name}'")
        return [Places(part, association, block) for block, part in having], name

    def _show(
        self,
        out_info: Any,
        original: vtkDataObject,
        parts: Sequence[Places],
        name: str,
        evaluation: Evaluation,
        errors: np.ndarray,
    ) -> None:
        """Fill the first output: the original with the errors."""
        output = vtkDataObject.GetData(out_info, 0)
        made: dict[str, vtkDataObject] = {}
        exceeds = evaluation.exceeds(errors)
        for places, here in zip(parts, spans_of(parts)):
            target: Any = output if not places.block else places.data.NewInstance()
            target.ShallowCopy(places.data)
            dtype = vtk_bridge.numbers(places.data, places.association, name).dtype
            marked = None if evaluation.bound is None else exceeds[here]
            _add_errors(target, places.association, name, dtype, errors[here], marked)
            made[places.block] = target
        if "" not in made:
            named = blocks.blocks_of(original)
            output.ShallowCopy(blocks.composite_of([(block, made.get(block, part)) for block, part in named]))
            output.GetFieldData().ShallowCopy(original.GetFieldData())


def _evaluation(parts: Sequence[Places], name: str, found: Sequence[Compared], bound: Optional[str]) -> Evaluation:
    """Of all parts as one."""
    columns = [
        [a.reshape(len(a), -1) for a in (vtk_bridge.numbers(places.data, places.association, name), one.values)]
        for places, one in zip(parts, found)
    ]
    widths = {first.shape[1] for first, _ in columns}
    if len(widths) > 1:
        raise SrnInputError(
            f"array '{name}' has {' and '.join(map(str, sorted(widths)))} components in different blocks"
        )
    seen = [vtk_bridge.visible(places.data, places.association) for places in parts]
    shown = np.concatenate([np.ones(p.number, bool) if s is None else s for p, s in zip(parts, seen)])
    first, second = (np.concatenate(some) for some in zip(*columns))
    return Evaluation.of(first, second, shown, bound)


def _add_errors(
    output: vtkDataSet,
    association: str,
    name: str,
    dtype: np.dtype[Any],
    errors: np.ndarray,
    exceeds: Optional[np.ndarray],
) -> None:
    # As wide as the differences of the original's own numbers need it.
    kind = np.float64 if dtype.itemsize > (4 if dtype.kind == "f" else 2) else np.float32
    vtk_bridge.add_array(output, association, errors.astype(kind), f"{name} error")
    vtk_bridge.add_array(output, association, np.abs(errors).astype(kind), f"{name} absolute error")
    if exceeds is not None:
        vtk_bridge.add_array(output, association, exceeds, f"{name} exceeds")


def _worst(parts: Sequence[Places], place: int) -> dict[str, Any]:
    """Where the largest error is: the number of its place among all, as a position."""
    number, inside = next((n, place - here.start) for n, here in enumerate(spans_of(parts)) if place < here.stop)
    position = parts[number].positions()[inside]
    found: dict[str, Any] = {f"worst_{axis}": float(v) for axis, v in zip("xyz", position)}
    return {**found, "worst_block": parts[number].block} if parts[number].block else found


def _shape(places: Places) -> Optional[tuple[int, ...]]:
    """(z, y, x) of an image."""
    data = places.data
    return vtk_bridge.geometry(data, places.association).shape if isinstance(data, vtkImageData) else None


def _given(in_info: Any) -> bool:
    return bool(in_info.GetNumberOfInformationObjects())


def readable(figures: Mapping[str, Any], found: Sequence[Compared], trained: bool) -> str:
    """The figures as lines that a person reads."""
    block = figures.get("worst_block")
    lines = [
        f"Compared with: {'; '.join(dict.fromkeys(one.source for one in found))}",
        f"PSNR: {figures['psnr']:.2f} dB",
        f"Largest error: {figures['max_error']:.4g} ({100 * figures['max_error_share']:.3g} % of the range)",
        "  at "
        + ", ".join(f"{figures[f'worst_{axis}']:.6g}" for axis in "xyz")
        + (f" in block {block}" if block else ""),
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

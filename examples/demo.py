"""The whole way in ParaView: compress a volume, save it, open it again, resample it, and look at all three.

    pvpython examples/demo.py out/turbulence.vti --ratio 100 --seconds 60 --out out

writes demo.srn, demo.onnx, demo.png and report.json, and prints the report. `make demo` prepares all that it needs.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Optional

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "filters"))

import numpy as np  # noqa: E402
import srn_filters.paraview_mend  # noqa: E402, F401  (before ParaView reads a plugin)
from paraview import servermanager, simple  # noqa: E402
from vtkmodules.util.numpy_support import vtk_to_numpy  # noqa: E402

FINER = 2
"""Samples per original sample in the resampled picture."""
VIEW = (620, 640)
"""Pixels of each of the three pictures."""
BACKGROUND = (0.075, 0.085, 0.11)
TABLE = (
    ("bytes", "bytes of the neural file", "{:,.0f}"),
    ("original_bytes", "bytes of the original array", "{:,.0f}"),
    ("ratio", "compression ratio (bytes / bytes)", "{:.1f}"),
    ("parameter_ratio", "parameter ratio (voxels / parameters)", "{:.1f}"),
    ("psnr", "PSNR in dB, full range", "{:.2f}"),
    ("ssim", "SSIM", "{:.4f}"),
    ("max_error", "largest error", "{:.4g}"),
    ("rmse", "root mean square error", "{:.4g}"),
    ("compress_seconds", "seconds to compress", "{:.1f}"),
    ("decode_mvoxel_s", f"Mvoxel/s decoded ({FINER}x finer grid, CPU or GPU as found)", "{:.2f}"),
)


def main(arguments: Optional[list[str]] = None) -> None:
    """Command line. Raises SystemExit with one line where something cannot be done."""
    parser = argparse.ArgumentParser(description="Compress a volume in ParaView and show what comes back.")
    parser.add_argument("volume", help="any image data file that ParaView opens")
    parser.add_argument("--array", help="point or cell array to compress (default: the first)")
    parser.add_argument("--ratio", type=float, default=100.0, help="compression ratio (default: %(default)g)")
    parser.add_argument("--seconds", type=float, default=60.0, help="training time, at most (default: %(default)g)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the results (default: %(default)s)")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)

    simple._DisableFirstRenderCameraReset()
    simple.LoadPlugin(str(ROOT / "plugin" / "NeuralCompress.py"), remote=False, ns=vars(simple))
    original, association, array = opened(options.volume, options.array)

    say(f"compressing {array} of {options.volume}, with at most {options.seconds:g} s of training ...")
    compressed, report = compress(original, association, array, options.ratio, options.seconds)
    neural_file, model = options.out / "demo.srn", options.out / "demo.onnx"
    simple.SaveData(str(neural_file), proxy=compressed)
    simple.SaveData(str(model), proxy=compressed)
    if report["bytes"] != neural_file.stat().st_size or not model.stat().st_size:
        raise SystemExit(f"demo: {neural_file} was not written as reported; see the messages above")

    say("opening the neural file and decoding it ...")
    reader = simple.OpenDataFile(str(neural_file))
    finer, mvoxels, seconds = resampled(reader)
    report.update(
        volume=os.path.basename(options.volume),
        compress_seconds=report.pop("seconds"),
        decode_mvoxel_s=round(mvoxels / seconds, 3),
        resampled_dims=dims_of(finer, association),
        paraview=str(simple.GetParaViewVersion()),
    )

    say("drawing ...")
    picture(original, finer, error(original, reader, association, array), association, array, report, options.out)
    write_json(options.out / "report.json", report)
    print_table(report)
    say(f"wrote {', '.join(str(options.out / n) for n in ('demo.srn', 'demo.onnx', 'demo.png', 'report.json'))}")


def say(text: str) -> None:
    """A line on the terminal, at once."""
    print(f"demo: {text}", flush=True)


def opened(path: str, array: Optional[str]) -> tuple[Any, str, str]:
    """(source, "POINTS" or "CELLS", name) of the array to compress."""
    source = simple.OpenDataFile(path) if os.path.exists(path) else None
    if source is None:
        raise SystemExit(f"demo: ParaView cannot open '{path}'; give an image data file, such as .vti, as VOLUME")
    source.UpdatePipeline()
    if source.GetDataInformation().GetDataSetTypeAsString() != "vtkImageData":
        raise SystemExit(f"demo: '{path}' holds no image data; run Resample To Image on it first")
    known = {"POINTS": list(source.PointData.keys()), "CELLS": list(source.CellData.keys())}
    for association, names in known.items():
        for name in names:
            if array in (None, "", name):
                return source, association, name
    raise SystemExit(f"demo: '{path}' has no array '{array}'; it has: {', '.join(sum(known.values(), []))}")


def compress(source: Any, association: str, array: str, ratio: float, seconds: float) -> tuple[Any, dict[str, Any]]:
    """A finished Neural Compress filter and its report."""
    made = simple.NeuralCompress(Input=source, TargetRatio=ratio, TrainingSeconds=seconds)
    made.Array = [association, array]
    made.UpdatePipeline()
    carried = servermanager.Fetch(made).GetFieldData().GetAbstractArray("srn_report")
    if carried is None:
        made.UpdatePropertyInformation()
        raise SystemExit(f"demo: {made.GetPropertyValue('Report')}")
    return made, json.loads(carried.GetValue(0))


def resampled(reader: Any) -> tuple[Any, float, float]:
    """(the file's field on a grid FINER times as fine, millions of its voxels, seconds it took)."""
    finer = simple.NeuralResample(Input=reader, Scale=float(FINER))
    reader.UpdatePipeline()
    began = time.perf_counter()
    finer.UpdatePipeline()
    seconds = time.perf_counter() - began
    information = finer.GetDataInformation()
    return finer, max(information.GetNumberOfPoints(), information.GetNumberOfCells()) / 1e6, seconds


def error(original: Any, decoded: Any, association: str, array: str) -> Any:
    """A source with the absolute difference on the original grid."""
    data = "PointData" if association == "POINTS" else "CellData"
    difference = f"inputs[0].{data}['{array}'] - inputs[1].{data}['{array}']"
    return simple.PythonCalculator(
        Input=[original, decoded],
        ArrayAssociation="Point Data" if association == "POINTS" else "Cell Data",
        Expression=f"abs({difference})" if components(original, association, array) == 1 else f"mag({difference})",
        ArrayName="error",
        CopyArrays=0,
    )


def components(source: Any, association: str, array: str) -> int:
    """Numbers per sample."""
    return int((source.PointData if association == "POINTS" else source.CellData)[array].GetNumberOfComponents())


def values(source: Any, association: str, array: str) -> np.ndarray:
    """All finite numbers of an array (magnitudes of vectors), for choosing colours."""
    data = servermanager.Fetch(source)
    found = vtk_to_numpy((data.GetPointData() if association == "POINTS" else data.GetCellData()).GetArray(array))
    found = found.astype(np.float64)
    flat = np.sqrt((found**2).sum(axis=1)) if found.ndim == 2 else found
    return flat[np.isfinite(flat)]


def picture(
    original: Any, finer: Any, difference: Any, association: str, array: str, report: dict[str, Any], out: Path
) -> None:
    """Volume renderings side by side: original, decoded, error."""
    field = values(original, association, array)
    wrong = values(difference, association, "error")
    dims = " x ".join(str(n) for n in dims_of(original, association))
    finer_dims = " x ".join(str(n) for n in dims_of(finer, association))
    span = float(field.max() - field.min()) or 1.0
    panels = (
        (original, array, f"original\n{dims}, {size(report['original_bytes'])}"),
        (
            finer,
            array,
            f"from the neural file, {FINER} x finer\n{finer_dims} out of {size(report['bytes'])} "
            f"({report['ratio']:.0f} : 1)",
        ),
        (
            difference,
            "error",
            f"error, PSNR {report['psnr']:.1f} dB\nat most {100 * report['max_error'] / span:.1f} % of the range",
        ),
    )
    layout = simple.CreateLayout("demo")
    width, height = VIEW
    layout.SetSize(len(panels) * width, height)
    layout.SplitHorizontal(0, 1 / 3)
    layout.SplitHorizontal(2, 1 / 2)
    views = [panel(layout, place) for place in (1, 5, 6)]
    look_from_corner(views, original)
    for view, (source, name, caption) in zip(views, panels):
        show_volume(source, view, association, name, wrong if name == "error" else field)
        write_caption(caption, view)
    part = out / "demo.part.png"
    simple.SaveScreenshot(str(part), layout, ImageResolution=[len(panels) * width, height], SeparatorWidth=2)
    os.replace(part, out / "demo.png")


def panel(layout: Any, place: int) -> Any:
    """An empty view in one cell of the layout."""
    view = simple.CreateView("RenderView")
    view.OrientationAxesVisibility = 0
    view.UseColorPaletteForBackground = 0
    view.BackgroundColorMode = "Single Color"
    view.Background = BACKGROUND
    simple.AssignViewToLayout(view=view, layout=layout, hint=place)
    return view


def dims_of(source: Any, association: str) -> list[int]:
    """Samples along x, y, z."""
    low_high = source.GetDataInformation().GetExtent()
    more = 1 if association == "POINTS" else 0
    return [max(b - a + more, 1) for a, b in zip(low_high[::2], low_high[1::2])]


def show_volume(source: Any, view: Any, association: str, array: str, field: np.ndarray) -> None:
    """A volume rendering that leaves the ordinary values transparent and shows the rare ones."""
    shown = simple.Show(source, view, "UniformGridRepresentation")
    shown.SetRepresentationType("Volume")
    simple.ColorBy(shown, (association, array))
    begin, ramp = rare_values(field)
    low, high = sorted((begin, ramp[-1][0]))
    colours = simple.GetColorTransferFunction(array)
    colours.ApplyPreset("Viridis (matplotlib)" if array == "error" else "Inferno (matplotlib)", True)
    if ramp[-1][0] < begin:
        colours.InvertTransferFunction()
    colours.RescaleTransferFunction(low, high)
    opacity = simple.GetOpacityTransferFunction(array)
    opacity.Points = [n for x, y in sorted(ramp) for n in (x, y, 0.5, 0.0)]
    shown.LookupTable, shown.ScalarOpacityFunction = colours, opacity
    shown.ScalarOpacityUnitDistance = diagonal(source) / 60
    box = simple.Show(simple.Outline(Input=source), view)
    box.AmbientColor = box.DiffuseColor = [0.45, 0.47, 0.52]
    bar = simple.GetScalarBar(colours, view)
    bar.Title, bar.ComponentTitle = array, ""
    bar.WindowLocation, bar.Position, bar.ScalarBarLength = "Any Location", [0.8, 0.07], 0.27
    bar.TitleFontSize = bar.LabelFontSize = 13
    bar.TitleColor = bar.LabelColor = [0.85, 0.87, 0.9]
    bar.HorizontalTitle = 1
    bar.AutomaticLabelFormat, bar.LabelFormat, bar.RangeLabelFormat = 0, "%.2g", "%.2g"
    bar.AddRangeLabels, bar.Visibility = 1, 1


def rare_values(field: np.ndarray) -> tuple[float, list[tuple[float, float]]]:
    """(the most ordinary value, [(value, opacity), ...] from there to the far end of the longer tail)."""
    low, middle, high = (float(v) for v in np.percentile(field, (0.05, 50, 99.95)))
    tail = (0.05, 50, 12, 3, 0.6) if middle - low > high - middle else (99.95, 50, 88, 97, 99.4)
    end, begin, *knees = (float(v) for v in np.percentile(field, tail))
    if end == begin:
        end = begin + 1.0
    return begin, [(begin, 0.0), *zip(knees, (0.0, 0.12, 0.5)), (end, 0.95)]


def write_caption(text: str, view: Any) -> None:
    """Two lines at the top left."""
    shown = simple.Show(simple.Text(Text=text), view)
    shown.WindowLocation, shown.Justification = "Upper Left Corner", "Left"
    shown.FontSize, shown.Color = 15, [0.93, 0.94, 0.96]


def diagonal(source: Any) -> float:
    """Length of the box."""
    bounds = np.array(source.GetDataInformation().GetBounds())
    return float(np.linalg.norm(bounds[1::2] - bounds[::2])) or 1.0


def look_from_corner(views: list[Any], source: Any) -> None:
    """From above, a little from the side, all of the box in view."""
    bounds = np.array(source.GetDataInformation().GetBounds())
    centre = (bounds[::2] + bounds[1::2]) / 2
    direction = np.array([0.62, -0.86, 0.5]) / np.linalg.norm([0.62, -0.86, 0.5])
    for view in views:
        view.CameraFocalPoint = list(centre - np.array([0, 0, 0.02 * diagonal(source)]))
        view.CameraPosition = list(centre + direction * diagonal(source) * 2.0)
        view.CameraViewUp, view.CameraViewAngle = [0.0, 0.0, 1.0], 30.0


def size(count: float) -> str:
    """Bytes as a person says them."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"


def print_table(report: dict[str, Any]) -> None:
    """The figures, one a line."""
    width = max(len(label) for _, label, _ in TABLE)
    print()
    for key, label, form in TABLE:
        print(f"  {label:{width}}  {form.format(report[key]):>12}")
    print()


def write_json(path: Path, report: dict[str, Any]) -> None:
    """Whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    os.replace(part, path)


if __name__ == "__main__":
    main()  # no sys.exit(): pvpython would then leave its views to the C library, which ends in an X error

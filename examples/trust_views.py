"""A volume beside what its neural file gives back: both, the error, its histogram, and the course of its making.

As a macro of ParaView (Macros > Import new macro...): select the original, or what came of its neural file, in the
Pipeline Browser, and run it. In a script:

    pvpython examples/trust_views.py volume.vti volume.srn --screenshot trust.png
    pvpython examples/trust_views.py volume.vti --ratio 100 --preset fast --screenshot trust.png

The second line compresses the volume first, so that there is a course to show. Beside the picture it writes the
figures, as trust.json. The plugin must be loaded, or this file lie in the checkout.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple, Optional

import numpy as np

if sys.argv[1:]:  # a script; ParaView 5.11 on Python 3.11 must be mended before it reads a plugin
    sys.path.insert(0, str(Path(sys.argv[0]).resolve().parents[1] / "filters"))
    import srn_filters.paraview_mend  # noqa: F401
from paraview import servermanager, simple
from vtkmodules.util.numpy_support import vtk_to_numpy

SIZE = (1500, 1000)
BACKGROUND = (0.075, 0.085, 0.11)
LIGHT = [0.93, 0.94, 0.96]


class Pair(NamedTuple):
    """What is compared."""

    original: Any
    decoded: Any
    association: str
    """"POINTS" or "CELLS"."""
    array: str


def carries(source: Any) -> bool:
    """Whether what a source gave last carries a neural file."""
    return source.FieldData.GetArray("srn_bytes") is not None


def selected() -> Pair:
    """The original and what is decoded, found from the selected source. Raises RuntimeError where one is missing."""
    active = simple.GetActiveSource()
    if active.GetXMLName() == "NeuralEvaluate":
        return paired(active.Original, active.ComparedWith or active.Original)
    others = [source for source in simple.GetSources().values() if source != active]
    if carries(active):
        original = compressed_by(active)
        if original is None:
            name = first_array(active)[1]
            plain = [s for s in others if not carries(s) and name in [*s.PointData.keys(), *s.CellData.keys()]]
            original = plain[0] if plain else None
        if original is None:
            raise RuntimeError("trust views: open the original too: a data set with the array that the file has")
        return paired(original, active)
    decoded = [source for source in others if carries(source)]
    if not decoded:
        raise RuntimeError("trust views: apply Neural Compress to the selected source first, or open its .srn file")
    own = [source for source in decoded if compressed_by(source) == active]
    return paired(active, (own or decoded)[-1])


def compressed_by(source: Any) -> Optional[Any]:
    """The input of the Neural Compress that a source comes of, if it does."""
    while source is not None:
        above = getattr(source, "Input", None)
        if source.GetXMLName() == "NeuralCompress":
            return above
        source = above if hasattr(above, "GetXMLName") else None
    return None


def first_array(source: Any) -> tuple[str, str]:
    """Association and name. Raises RuntimeError where there is none."""
    for association, known in (("POINTS", source.PointData.keys()), ("CELLS", source.CellData.keys())):
        for name in known:
            if name not in ("vtkGhostType", "vtkValidPointMask"):
                return association, name
    raise RuntimeError("trust views: what is selected has no point or cell array; press Apply first")


def paired(original: Any, decoded: Any, array: Optional[str] = None) -> Pair:
    """The array that both have, or the one that is named."""
    known = {"POINTS": list(original.PointData.keys()), "CELLS": list(original.CellData.keys())}
    wanted = array or first_array(decoded)[1]
    for association, names in known.items():
        if wanted in names:
            return Pair(original, decoded, association, wanted)
    names = ", ".join(known["POINTS"] + known["CELLS"])
    raise RuntimeError(f"trust views: the original has no array '{wanted}'; it has: {names}")


def show(pair: Pair, bound: str = "1%") -> tuple[Any, dict[str, float]]:
    """Lay the views out; (layout, figures)."""
    if not hasattr(simple, "NeuralEvaluate"):
        raise RuntimeError("trust views: load the plugin NeuralCompress.py first (Tools > Manage Plugins)")
    judged = simple.NeuralEvaluate(Original=pair.original, ComparedWith=pair.decoded, Bound=bound)
    judged.Array = [pair.association, pair.array]
    judged.UpdatePipeline()
    figures = row(servermanager.Fetch(judged, idx=1))
    if not figures:
        judged.UpdatePropertyInformation()
        raise RuntimeError(f"trust views: {judged.GetPropertyValue('Report')}")
    course = servermanager.Fetch(judged, idx=3)

    layout = simple.CreateLayout(f"Trust {len(simple.GetLayouts()) + 1}")
    layout.SetSize(*SIZE)
    layout.SplitVertical(0, 0.64)
    layout.SplitHorizontal(1, 1 / 3)
    layout.SplitHorizontal(4, 1 / 2)
    views = [drawing(layout, place) for place in (3, 9, 10)]
    errors = f"{pair.array} absolute error"
    range_ = value_range(pair.original, pair.association, pair.array)
    draw(pair.original, views[0], pair, pair.array, range_)
    draw(pair.decoded, views[1], pair, pair.array, range_)
    draw(judged, views[2], pair, errors, (0.0, value_range(judged, pair.association, errors)[1]))
    for view, words in zip(views, captions(pair, figures)):
        write(words, view)
    look_at(views, pair.original, layout)
    known = course.GetNumberOfRows() > 1
    if known:
        layout.SplitHorizontal(2, 1 / 2)
        curve(judged, course, layout, 6)
    histogram(judged, layout, 5 if known else 2)
    simple.SetActiveSource(judged)
    simple.RenderAllViews()
    return layout, figures


def row(table: Any) -> dict[str, float]:
    """The numbers of a table's first row; empty where it has none."""
    if table.GetNumberOfRows() == 0:
        return {}
    columns = [table.GetColumn(i) for i in range(table.GetNumberOfColumns())]
    return {c.GetName(): c.GetTuple1(0) for c in columns if c.IsA("vtkDataArray")}


def drawing(layout: Any, place: int) -> Any:
    """An empty view in one cell of the layout."""
    view = simple.CreateView("RenderView")
    view.OrientationAxesVisibility = 0
    view.UseColorPaletteForBackground = 0
    view.BackgroundColorMode = "Single Color"
    view.Background = BACKGROUND
    simple.AssignViewToLayout(view=view, layout=layout, hint=place)
    return view


def information(source: Any, association: str, array: str) -> Any:
    """What ParaView knows of an array without fetching it."""
    return (source.PointData if association == "POINTS" else source.CellData)[array]


def value_range(source: Any, association: str, array: str) -> tuple[float, float]:
    """Of the values; of several components, of their magnitude."""
    found = information(source, association, array)
    low, high = found.GetRange(-1 if found.GetNumberOfComponents() > 1 else 0)
    return (low, high) if high > low else (low, low + 1.0)


def draw(source: Any, view: Any, pair: Pair, array: str, range_: tuple[float, float]) -> None:
    """A volume rendering of images, a surface of other data; original and reconstruction share colours and opacities,
    which belong to the array's name."""
    shown = simple.Show(source, view)
    volume = source.GetDataInformation().GetDataSetTypeAsString() == "vtkImageData"
    shown.SetRepresentationType("Volume" if volume else "Surface")
    simple.ColorBy(shown, (pair.association, array))
    colours = simple.GetColorTransferFunction(array)
    if source is not pair.decoded:
        colours.ApplyPreset("Inferno (matplotlib)" if source is pair.original else "Viridis (matplotlib)", True)
        colours.RescaleTransferFunction(*range_)
        if volume:
            opacities, points = simple.GetOpacityTransferFunction(array), ramp(source, pair.association, array)
            opacities.Points = [n for x, y in points for n in (x, y, 0.5, 0.0)]
            if points[0][1] > points[-1][1]:  # what is seen is to be bright
                colours.InvertTransferFunction()
    if volume:
        shown.LookupTable, shown.ScalarOpacityFunction = colours, simple.GetOpacityTransferFunction(array)
        shown.ScalarOpacityUnitDistance = diagonal(source) / 60
        box = simple.Show(simple.Outline(Input=source), view)
        box.AmbientColor = box.DiffuseColor = [0.45, 0.47, 0.52]
    bar = simple.GetScalarBar(colours, view)
    bar.Title, bar.ComponentTitle, bar.HorizontalTitle = array, "", 1
    bar.WindowLocation, bar.ScalarBarLength = "Lower Right Corner", 0.22
    bar.TitleFontSize = bar.LabelFontSize = 11
    bar.TitleColor = bar.LabelColor = LIGHT
    bar.AutomaticLabelFormat, bar.LabelFormat, bar.RangeLabelFormat = 0, "%.2g", "%.2g"
    bar.Visibility = 1


def ramp(source: Any, association: str, array: str) -> list[tuple[float, float]]:
    """(value, opacity), ascending: ordinary values transparent, those of the longer tail not."""
    several = information(source, association, array).GetNumberOfComponents() > 1
    counted = simple.Histogram(Input=source, SelectInputArray=[association, array], BinCount=1024)
    if several:
        counted.Component = information(source, association, array).GetNumberOfComponents()
    table = servermanager.Fetch(counted).GetRowData()
    middles, counts = (vtk_to_numpy(table.GetArray(name)).astype(float) for name in ("bin_extents", "bin_values"))
    simple.Delete(counted)
    below = np.cumsum(counts) / max(counts.sum(), 1.0)

    def at(share: float) -> float:
        return float(middles[min(int(np.searchsorted(below, share)), len(middles) - 1)])

    low, middle, high = at(0.0005), at(0.5), at(0.9995)
    falling = middle - low > high - middle
    knees = ((0.12, 0.0), (0.03, 0.12), (0.006, 0.5), (0.0005, 0.95))
    points = [(at(share if falling else 1 - share), opacity) for share, opacity in knees]
    points = sorted([(middle, 0.0), *points])
    for place in range(1, len(points)):  # strictly ascending, as ParaView wants it
        value, opacity = points[place]
        points[place] = max(value, float(np.nextafter(points[place - 1][0], math.inf))), opacity
    return points


def captions(pair: Pair, figures: dict[str, float]) -> tuple[str, str, str]:
    """The figures as text, for the three drawings."""
    low, high = (
        pair.original.GetDataInformation().GetExtent()[::2],
        pair.original.GetDataInformation().GetExtent()[1::2],
    )
    more = 1 if pair.association == "POINTS" else 0
    dims = " x ".join(str(max(b - a + more, 1)) for a, b in zip(low, high))
    image = pair.original.GetDataInformation().GetDataSetTypeAsString() == "vtkImageData"
    ssim = "" if math.isnan(figures["ssim"]) else f", SSIM {figures['ssim']:.4f}"
    worst = ", ".join(f"{figures[f'worst_{axis}']:.4g}" for axis in "xyz")
    beyond = (
        "" if math.isnan(figures["bound"]) else f"\n{100 * figures['beyond_share']:.3g} % above {figures['bound']:.3g}"
    )
    return (
        f"original: {pair.array}\n{dims if image else str(int(figures['places'])) + ' places'}",
        f"reconstruction{size(pair.decoded)}\nPSNR {figures['psnr']:.2f} dB{ssim}",
        f"error, at most {figures['max_error']:.3g} ({100 * figures['max_error_share']:.2g} % of the range)\n"
        f"there: {worst}; RMSE {figures['rmse']:.3g}{beyond}",
    )


def size(decoded: Any) -> str:
    """Bytes of the neural file, as in ", 35 kB"; empty where none is carried."""
    if not carries(decoded):
        return ""
    count = decoded.GetDataInformation().GetFieldDataInformation().GetArrayInformation("srn_bytes").GetNumberOfTuples()
    return f" out of {count / 1000:.3g} kB" if count < 1e6 else f" out of {count / 1e6:.3g} MB"


def write(words: str, view: Any) -> None:
    """Lines at the top left."""
    shown = simple.Show(simple.Text(Text=words), view)
    shown.WindowLocation, shown.Justification = "Upper Left Corner", "Left"
    shown.FontSize, shown.Color = 12, LIGHT


def diagonal(source: Any) -> float:
    """Length of the box."""
    bounds = np.array(source.GetDataInformation().GetBounds())
    return float(np.linalg.norm(bounds[1::2] - bounds[::2])) or 1.0


def look_at(views: list[Any], source: Any, layout: Any) -> None:
    """From above, a little from the side, all of the box in view; the cameras move together."""
    bounds = np.array(source.GetDataInformation().GetBounds())
    centre = (bounds[::2] + bounds[1::2]) / 2
    direction = np.array([0.62, -0.86, 0.5]) / np.linalg.norm([0.62, -0.86, 0.5])
    for view in views:
        view.CameraFocalPoint = list(centre)
        view.CameraPosition = list(centre + direction * diagonal(source) * 2.5)
        view.CameraViewUp, view.CameraViewAngle = [0.0, 0.0, 1.0], 30.0
        view.CenterOfRotation = list(centre)
    name = f"{layout.GetGlobalIDAsString()} trust"
    for place, view in enumerate(views[1:]):
        simple.AddCameraLink(views[0], view, f"{name} {place}")


def histogram(judged: Any, layout: Any, place: int) -> None:
    """How many errors are how large."""
    view = simple.CreateView("XYBarChartView")
    simple.AssignViewToLayout(view=view, layout=layout, hint=place)
    bars = simple.Show(simple.OutputPort(judged, 2), view, "XYBarChartRepresentation")
    bars.AttributeType = "Row Data"
    bars.UseIndexForXAxis, bars.XArrayName = 0, "error"
    bars.SeriesVisibility = ["count"]
    view.ChartTitle, view.ShowLegend = "errors (reconstruction minus original)", 0
    view.BottomAxisTitle, view.LeftAxisTitle = "error", "how many"
    smaller(view)


def curve(judged: Any, course: Any, layout: Any, place: int) -> None:
    """The PSNR while the file was made: of the networks in training, or of the files that were tried; where none was
    measured on the way, as for a largest error, the bytes of these files."""
    view = simple.CreateView("XYChartView")
    simple.AssignViewToLayout(view=view, layout=layout, hint=place)
    line = simple.Show(simple.OutputPort(judged, 3), view, "XYChartRepresentation")
    line.AttributeType = "Row Data"
    line.UseIndexForXAxis, line.XArrayName = 0, "seconds"
    rated = bool(np.isfinite(numbers(course, "psnr")).any())
    trained = bool((numbers(course, "pass") > 0).any())
    shown = "psnr" if rated else "bytes"
    line.SeriesVisibility = [shown]
    line.SeriesMarkerStyle, line.SeriesMarkerSize = [shown, "4"], [shown, "5"]
    how = "estimated in training" if trained else "of the files tried"
    view.ChartTitle, view.ShowLegend = f"course: {'PSNR, ' + how if rated else 'bytes of the files tried'}", 0
    view.BottomAxisTitle, view.LeftAxisTitle = "seconds", "PSNR in dB" if rated else "bytes"
    smaller(view)


def numbers(table: Any, column: str) -> np.ndarray:
    """A column; empty where there is none."""
    found = table.GetColumnByName(column)
    return np.zeros(0) if found is None else vtk_to_numpy(found).astype(float)


def smaller(chart: Any) -> None:
    """Letters that leave room for the chart."""
    chart.ChartTitleFontSize = 14
    chart.BottomAxisTitleFontSize = chart.LeftAxisTitleFontSize = 12
    chart.BottomAxisLabelFontSize = chart.LeftAxisLabelFontSize = 11


def script(arguments: list[str]) -> None:
    """Command line. Raises SystemExit with one line where something cannot be done."""
    parser = argparse.ArgumentParser(description="A volume beside what its neural file gives back.")
    parser.add_argument("volume", help="the original, any file that ParaView opens")
    parser.add_argument("file", nargs="?", help="its .srn file; without one the volume is compressed first")
    parser.add_argument("--array", help="point or cell array (default: the file's first)")
    parser.add_argument("--ratio", type=float, default=100.0, help="where it is compressed (default: %(default)g)")
    parser.add_argument("--max-error", help="compress to this largest error instead, as in 0.5%%")
    parser.add_argument(
        "--preset", default="balanced", help="how much work: fast, balanced or best (default: %(default)s)"
    )
    parser.add_argument("--seconds", type=float, default=0.0, help="train for so long, whatever the preset says")
    parser.add_argument("--bound", default="1%", help="errors above this are counted (default: 1%% of the range)")
    parser.add_argument("--screenshot", type=Path, required=True, help="the picture to write, a .png file")
    options = parser.parse_args(arguments)
    simple._DisableFirstRenderCameraReset()
    plugin = Path(sys.argv[0]).resolve().parents[1] / "plugin" / "NeuralCompress.py"
    if plugin.exists():
        simple.LoadPlugin(str(plugin), remote=False, ns=vars(simple))
    for path in filter(None, (options.volume, options.file)):
        if not os.path.exists(path):
            raise SystemExit(f"trust views: there is no file {path}")
    original = simple.OpenDataFile(options.volume)
    if original is None:
        raise SystemExit(f"trust views: ParaView cannot open '{options.volume}'")
    original.UpdatePipeline()
    try:
        if options.file:
            decoded = simple.OpenDataFile(options.file)
        else:
            decoded = simple.NeuralCompress(
                Input=original, TargetRatio=options.ratio, Preset=options.preset, TrainingSeconds=options.seconds
            )
            if options.max_error:
                decoded.Target, decoded.MaxError = "max-error", options.max_error
            chosen = paired(original, original, options.array)
            decoded.Array = [chosen.association, chosen.array]
        decoded.UpdatePipeline()
        layout, figures = show(paired(original, decoded, options.array), options.bound)
    except RuntimeError as error:
        raise SystemExit(str(error)) from error
    simple.SaveScreenshot(str(options.screenshot), layout, ImageResolution=list(SIZE), SeparatorWidth=2)
    told = json.dumps({name: value if math.isfinite(value) else None for name, value in figures.items()}, indent=2)
    options.screenshot.with_suffix(".json").write_text(told + "\n", encoding="utf-8")
    print(told)


if simple.GetActiveSource() is not None:
    show(selected())
elif sys.argv[1:]:
    script(sys.argv[1:])
else:
    raise RuntimeError("trust views: open the original and its .srn file first, and select one of them")

"""The front of a search (srn search --keep-files) in ParaView: pick a point, and its neural file is opened beside it.

As a macro (Macros > Import new macro...): open front.csv of the search's folder, select it in the Pipeline Browser, and
run it. In a script, for a picture:

    pvpython examples/search_front.py found --pick 3 --screenshot front.png

Points are picked in the chart as everywhere in ParaView (the arrow in its tool bar, then drag a box around a point), or
as rows of a spreadsheet. The plugin must be loaded, or this file lie in the checkout.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path
from typing import Any, Optional

if sys.argv[1:]:  # a script; ParaView 5.11 on Python 3.11 must be mended before it reads a plugin
    sys.path.insert(0, str(Path(sys.argv[0]).resolve().parents[1] / "filters"))
    import srn_filters.paraview_mend  # noqa: F401
from paraview import servermanager, simple

SIZE = (1500, 750)
CIRCLE, DASHED = "5", "2"


class Front:
    """A chart of the front beside a view of the file whose point is picked.

    Raises RuntimeError where the folder holds no front, or the plugin is not loaded.
    """

    def __init__(self, folder: Path) -> None:
        if not hasattr(simple, "SRNReader"):
            raise RuntimeError("search front: load the plugin NeuralCompress.py first (Tools > Manage Plugins)")
        self.folder = folder
        self.points = points_of(folder)
        self.table = simple.CSVReader(registrationName=f"front of {folder.name}", FileName=[str(folder / "front.csv")])
        self.layout = simple.CreateLayout(f"Search {len(simple.GetLayouts()) + 1}")
        self.layout.SetSize(*SIZE)
        self.layout.SplitHorizontal(0, 0.5)
        self.chart = self._chart()
        self.view = simple.CreateView("RenderView")
        simple.AssignViewToLayout(view=self.view, layout=self.layout, hint=2)
        self.words = simple.Text(registrationName="picked", Text="pick a point of the front")
        shown = simple.Show(self.words, self.view)
        shown.WindowLocation, shown.FontSize = "Upper Left Corner", 14
        self.reader: Optional[Any] = None
        self.picked: Optional[int] = None
        # ParaView tells it of every selection, in whichever view it was made.
        self.observer = self.table.SMProxy.AddObserver("SelectionChangedEvent", self._selected)
        simple.SetActiveSource(self.table)

    def pick(self, number: int) -> None:
        """Open the file of a point, counted from 1. Raises RuntimeError where there is none."""
        path = self.folder / "front" / f"{number:02d}.srn"
        if not path.exists():
            raise RuntimeError(f"search front: there is no {path}: search with --keep-files, or take another point")
        first = self.reader is None
        if first:
            self.reader = simple.SRNReader(registrationName="picked file", FileNames=[str(path)])
        else:
            self.reader.FileNames = [str(path)]
        self.reader.UpdatePipeline()
        self._draw(first)
        ratio, psnr = self.points[number - 1]
        self.words.Text = f"point {number}: ratio {ratio:.4g}, {psnr:.2f} dB"
        self.picked = number
        simple.Render(self.view)

    def _draw(self, first: bool) -> None:
        shown = simple.Show(self.reader, self.view)
        points = self.reader.PointData.keys()
        name, association = (points[0], "POINTS") if points else (self.reader.CellData.keys()[0], "CELLS")
        if first:
            shown.SetRepresentationType("Surface")
            simple.ColorBy(shown, (association, name))
            shown.RescaleTransferFunctionToDataRange(False, True)
            self.view.ResetActiveCameraToPositiveY()
            self.view.GetActiveCamera().Azimuth(30)
            self.view.GetActiveCamera().Elevation(25)
            simple.ResetCamera(self.view)

    def _chart(self) -> Any:
        chart = simple.CreateView("XYChartView")
        simple.AssignViewToLayout(view=chart, layout=self.layout, hint=1)
        line = simple.Show(self.table, chart, "XYChartRepresentation")
        line.AttributeType = "Row Data"
        line.UseIndexForXAxis, line.XArrayName = 0, "ratio"
        line.SeriesVisibility = ["psnr"]
        line.SeriesMarkerStyle, line.SeriesMarkerSize = ["psnr", CIRCLE], ["psnr", "9"]
        line.SeriesLineStyle = ["psnr", DASHED]
        chart.ChartTitle, chart.ShowLegend = f"front of {self.folder.name}: pick a point", 0
        chart.BottomAxisTitle, chart.LeftAxisTitle = "ratio (bytes / bytes)", "PSNR in dB"
        return chart

    def _selected(self, *_: Any) -> None:
        """The first selected row is picked; where nothing is selected, all stays as it is."""
        number = self.selection()
        if number is None or number == self.picked:
            return
        try:
            self.pick(number)
        except RuntimeError as error:
            self.words.Text = str(error)
            simple.Render(self.view)

    def selection(self) -> Optional[int]:
        """The point that is selected, counted from 1."""
        extracted = self.table.SMProxy.GetSelectionOutput(0)
        if extracted is None or self.table.SMProxy.GetSelectionInput(0) is None:
            return None
        extracted.UpdatePipeline()
        rows = servermanager.Fetch(servermanager._getPyProxy(extracted))
        while rows is not None and rows.IsA("vtkCompositeDataSet"):
            rows = rows.GetBlock(0)
        column = rows.GetRowData().GetAbstractArray("point") if rows is not None and rows.IsA("vtkTable") else None
        return int(column.GetVariantValue(0).ToInt()) if column is not None and column.GetNumberOfValues() else None


def points_of(folder: Path) -> list[tuple[float, float]]:
    """(ratio, PSNR in dB) of each point. Raises RuntimeError where the folder holds no front."""
    try:
        with open(folder / "front.csv", newline="", encoding="utf-8") as file:
            found = [(float(row["ratio"]), float(row["psnr"])) for row in csv.DictReader(file)]
    except (OSError, KeyError, ValueError) as error:
        raise RuntimeError(f"search front: '{folder}' holds no front.csv of a search ({error})") from error
    if not found:
        raise RuntimeError(f"search front: the front in '{folder}' has no point: search on with --resume")
    return found


def script(arguments: list[str]) -> Front:
    """Command line. Raises SystemExit with one line where something cannot be done."""
    parser = argparse.ArgumentParser(description="The front of a search, and the file of one of its points.")
    parser.add_argument("folder", type=Path, help="the search's --out")
    parser.add_argument("--pick", type=int, default=1, metavar="N", help="the point, counted from 1 (default: 1)")
    parser.add_argument("--screenshot", type=Path, required=True, help="the picture to write, a .png file")
    options = parser.parse_args(arguments)
    simple._DisableFirstRenderCameraReset()
    plugin = Path(sys.argv[0]).resolve().parents[1] / "plugin" / "NeuralCompress.py"
    if plugin.exists():
        simple.LoadPlugin(str(plugin), remote=False, ns=vars(simple))
    try:
        front = Front(options.folder)
        front.table.UpdatePipeline()
        row = simple.IDSelectionSource(IDs=[-1, options.pick - 1], FieldType="ROW")
        front.table.SMProxy.SetSelectionInput(0, row.SMProxy, 0)  # as a click does, so that the observer hears of it
        if front.picked != options.pick:
            front.pick(options.pick)
        else:
            print(f"picked by selection: point {front.picked}")
    except RuntimeError as error:
        raise SystemExit(str(error)) from error
    simple.SaveScreenshot(str(options.screenshot), front.layout, ImageResolution=list(SIZE), SeparatorWidth=2)
    return front


if simple.GetActiveSource() is not None:
    # Kept where the window keeps it, lest its observer go with this script.
    simple.search_front = Front(Path(simple.GetActiveSource().FileName[0]).parent)
elif sys.argv[1:]:
    script(sys.argv[1:])
else:
    raise RuntimeError("search front: open front.csv of a search and select it first")

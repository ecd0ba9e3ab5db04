"""Composite data sets and hidden samples in pvpython: compressed, saved, opened, resampled, sampled, contoured."""

from __future__ import annotations

import pytest
from in_paraview import Run

COMPOSITE = """
from vtkmodules.vtkCommonDataModel import vtkCompositeDataSet, vtkMultiBlockDataSet, vtkRectilinearGrid

def named(blocks):
    whole = vtkMultiBlockDataSet()
    for number, (name, data) in enumerate(blocks.items()):
        whole.SetBlock(number, data)
        whole.GetMetaData(number).Set(vtkCompositeDataSet.NAME(), name)
    return whole

def stretched():
    grid = vtkRectilinearGrid()
    grid.SetDimensions(8, 7, 6)
    axes = [np.linspace(30, 33, 8) ** 1.1, np.arange(7.0), np.arange(6.0)]
    for axis, put in zip(axes, (grid.SetXCoordinates, grid.SetYCoordinates, grid.SetZCoordinates)):
        put(numpy_to_vtk(axis, deep=True))
    x = np.tile(axes[0], 42)
    values = numpy_to_vtk(x.astype(np.float32), deep=True)
    values.SetName("density")
    grid.GetPointData().AddArray(values)
    return grid

def with_hidden_cells():
    data = image((9, 8, 7))
    marks = np.zeros(8 * 7 * 6, np.uint8)
    marks[5:9] = 32
    ghosts = numpy_to_vtk(marks, deep=True)
    ghosts.SetName("vtkGhostType")
    data.GetCellData().AddArray(ghosts)
    cells = numpy_to_vtk(np.linspace(0, 1, len(marks)).astype(np.float32), deep=True)
    cells.SetName("share")
    data.GetCellData().AddArray(cells)
    return data

bare = image((4, 4, 4), name="other")
whole = named({"wing": named({"upper": with_hidden_cells(), "lower": stretched()}), "bare": bare})

def facts_of(data):
    inner = data.GetBlock(0)
    names = [inner.GetMetaData(i).Get(vtkCompositeDataSet.NAME()) for i in range(inner.GetNumberOfBlocks())]
    upper, lower = (inner.GetBlock(i) for i in range(2))
    return dict(
        outer=data.GetMetaData(0).Get(vtkCompositeDataSet.NAME()), names=names, blocks=data.GetNumberOfBlocks(),
        kinds=[upper.GetClassName(), lower.GetClassName()],
        error=[float(abs(array(a, "density") - array(b, "density")).max()) for a, b in
               ((upper, with_hidden_cells()), (lower, stretched()))],
    )
"""


def test_blocks_come_back_under_their_names(run: Run) -> None:
    facts = run(
        COMPOSITE
        + """
small = compressed(whole, "density", TrainingPasses=0, Target="psnr", TargetPSNR=70)
small.UpdatePipeline()
made = small.GetClientSideObject().GetOutputDataObject(0)
SaveData("blocks.srn", proxy=small)
reader = OpenDataFile("blocks.srn")
reader.UpdatePipeline()
read = reader.GetClientSideObject().GetOutputDataObject(0)
finer = NeuralResample(Input=small, Scale=2)
finer.UpdatePipeline()
fine = finer.GetClientSideObject().GetOutputDataObject(0)
line = Line(Point1=[10, 20, 30], Point2=[14, 21.75, 42], Resolution=20)
sampled = NeuralSample(NeuralFile=reader, Points=line)
sampled.UpdatePipeline()
surface = NeuralContour(Input=reader, Isosurfaces=[50.0, 43.0])
surface.UpdatePipeline()
points = surface.GetClientSideObject().GetOutputDataObject(0)
xs = np.array([points.GetPoint(i)[0] for i in range(points.GetNumberOfPoints())])
upper_only = compressed(whole, "share", "CELLS", TrainingPasses=0, Target="psnr", TargetPSNR=70)
upper_only.UpdatePipeline()
cells = upper_only.GetClientSideObject().GetOutputDataObject(0).GetBlock(0)
original = TrivialProducer()
original.GetClientSideObject().SetOutput(whole)
judged = NeuralEvaluate(Original=original, ComparedWith=reader, Bound="0.1%")
judged.Array = ["POINTS", "density"]
judged.UpdatePipeline()
errors = judged.GetClientSideObject().GetOutputDataObject(0)
figures = servermanager.Fetch(judged, idx=1)
tell(
    psnr=figures.GetColumnByName("psnr").GetValue(0), judged=report(judged),
    errors=[float(np.nanmax(array(errors.GetBlock(0).GetBlock(i), "density absolute error"))) for i in range(2)],
    made=facts_of(made), read=facts_of(read), text=report(small),
    fine=[fine.GetBlock(0).GetBlock(i).GetExtent()[1] for i in range(2)],
    line=int(np.isfinite(array(sampled.GetClientSideObject().GetOutputDataObject(0), "density")).sum()),
    near=int((xs < 20).sum()), far=int((xs > 30).sum()),
    share=[cells.GetNumberOfBlocks(), int((array(cells.GetBlock(0), "vtkGhostType", "cell") == 32).sum()),
           bool(np.isnan(array(cells.GetBlock(0), "share", "cell")[5:9]).all())],
)
"""
    ).facts
    for found in (facts["made"], facts["read"]):
        assert (found["outer"], found["names"], found["blocks"]) == ("wing", ["upper", "lower"], 1)
        assert found["kinds"] == ["vtkImageData", "vtkRectilinearGrid"]
        assert max(found["error"]) < 0.5
    assert facts["fine"] == [17, 15]
    assert facts["psnr"] > 68 and "blocks" not in facts["judged"].lower()
    assert facts["errors"] == [pytest.approx(error, rel=1e-4) for error in facts["read"]["error"]]
    assert facts["line"] > 10
    assert facts["near"] > 10 and facts["far"] > 10
    assert facts["share"] == [1, 4, True]
    assert "2 arrays" in facts["text"] or "Array density" in facts["text"]


def test_an_array_that_no_block_has_is_told(run: Run) -> None:
    result = run(
        COMPOSITE
        + """
missing = compressed(whole, "nothing", TrainingPasses=0)
missing.UpdatePipeline()
print(report(missing))
""",
        errors=True,
    )
    assert "no block of the input has a point array 'nothing'" in result.text
    assert "density" in result.text

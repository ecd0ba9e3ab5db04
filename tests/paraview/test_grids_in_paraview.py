"""Rectilinear and structured grids in pvpython: compressed, saved, opened, resampled, sampled."""

from __future__ import annotations

import textwrap

from in_paraview import Run

GRIDS = textwrap.dedent("""
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkRectilinearGrid, vtkStructuredGrid

    DIMS = 12, 9, 8
    AXES = [np.linspace(0, 3, 12) ** 2, 10 - np.arange(9.0), np.geomspace(1, 5, 8)]

    def filled(grid):
        # The point array "height", linear in the world, and a cell array.
        grid.SetExtent(*(end for n in DIMS for end in (2, n + 1)))
        if grid.IsA("vtkRectilinearGrid"):
            for axis, put in zip(AXES, (grid.SetXCoordinates, grid.SetYCoordinates, grid.SetZCoordinates)):
                put(numpy_to_vtk(axis, deep=True))
        else:
            z, y, x = np.meshgrid(*AXES[::-1], indexing="ij")
            points = vtkPoints()
            bent = np.stack([(x + 2) * np.cos(y / 5), (x + 2) * np.sin(y / 5), z], axis=-1).reshape(-1, 3)
            points.SetData(numpy_to_vtk(bent.astype(np.float32), deep=True))
            grid.SetPoints(points)
        height = numpy_to_vtk(where(grid) @ [1.0, 2.0, -1.0], deep=True)
        height.SetName("height")
        grid.GetPointData().AddArray(height)
        cells = numpy_to_vtk(np.arange(grid.GetNumberOfCells(), dtype=np.int32), deep=True)
        cells.SetName("number")
        grid.GetCellData().AddArray(cells)
        return grid

    def where(grid):
        return np.array([grid.GetPoint(i) for i in range(grid.GetNumberOfPoints())])

    def result(source):
        # ParaView 5.11 fetches rectilinear grids with wrong coordinates.
        source.UpdatePipeline()
        made = source.GetClientSideObject().GetOutputDataObject(0)
        copy = made.NewInstance()
        copy.ShallowCopy(made)
        return copy

    def facts_of(grid):
        made = compressed(filled(grid), "height", TrainingPasses=0, Target="psnr", TargetPSNR=70)
        made.MoreCellArrays = ["number"]
        made.UpdatePipeline()
        out = made.GetClientSideObject().GetOutputDataObject(0)
        SaveData("grid.srn", proxy=made)
        back = result(OpenDataFile("grid.srn"))
        for one in (out, back):
            assert one.IsA(grid.GetClassName()) and one.GetExtent() == grid.GetExtent()
            assert np.array_equal(where(one), where(grid))
            assert abs(array(one, "height") - array(grid, "height")).max() < 0.1
            assert abs(array(one, "number", "cell") - array(grid, "number", "cell")).max() < 8
        fine = NeuralResample(Input=made, Scale=2)
        fine.UpdatePipeline()
        finer = result(fine)
        fine.WholeVolume, fine.Scale, fine.Region = 0, 1, [3, 7, 2, 6, 4, 4]
        fine.UpdatePipeline()
        part = result(fine)
        found = dict(
            kind=finer.GetClassName(), extent=finer.GetExtent(), part=part.GetExtent(),
            finer=float(abs(array(finer, "height") - where(finer) @ [1.0, 2.0, -1.0]).max()),
            region=float(abs(array(part, "height") - where(part) @ [1.0, 2.0, -1.0]).max()), text=report(made),
        )
        made.Geometry = "drop"
        made.UpdatePipeline()
        dropped = result(made)
        found.update(dropped=dropped.GetClassName(), spacing=dropped.GetSpacing(), start=dropped.GetExtent())
        made.Geometry = "keep"
        return made, found
    """)


def test_a_rectilinear_grid_comes_back_as_one(run: Run) -> None:
    facts = run(
        GRIDS
        + textwrap.dedent("""
        made, found = facts_of(vtkRectilinearGrid())
        line = PlotOverLine(Input=made)
        line.Point1, line.Point2 = [0.5, 3, 1.2], [8, 9, 4.8]
        line.UpdatePipeline()
        sampled = NeuralSample(NeuralFile=made, Points=line)
        sampled.UpdatePipeline()
        values = result(sampled)
        tell(**found, along=float(abs(array(values, "height") - where(values) @ [1.0, 2.0, -1.0]).max()))
        """)
    ).facts
    assert facts["kind"] == "vtkRectilinearGrid"
    assert facts["extent"] == [0, 23, 0, 17, 0, 15] and facts["part"] == [3, 7, 2, 6, 4, 4]
    assert max(facts["finer"], facts["region"], facts["along"]) < 0.1
    assert facts["dropped"] == "vtkImageData" and facts["spacing"] == [1, 1, 1]
    assert facts["start"] == [2, 13, 2, 10, 2, 9]
    assert "kept exactly" in facts["text"]


def test_a_structured_grid_comes_back_as_one(run: Run) -> None:
    facts = run(
        GRIDS
        + textwrap.dedent("""
        made, found = facts_of(vtkStructuredGrid())
        tell(**found)
        """)
    ).facts
    assert facts["kind"] == "vtkStructuredGrid"
    assert facts["extent"] == [0, 23, 0, 17, 0, 15] and facts["part"] == [3, 7, 2, 6, 4, 4]
    assert max(facts["finer"], facts["region"]) < 0.1
    assert facts["dropped"] == "vtkImageData"


def test_what_is_no_grid_says_what_to_do(run: Run) -> None:
    result = run(
        """
        tree = HyperTreeGridRandom()
        made = compressed(tree, "Depth", "CELLS")
        made.UpdatePipeline()
        tell(text=report(made))
        """,
        errors=True,
    )
    assert "vtkHyperTreeGrid, neither a grid of three axes nor a mesh" in result.facts["text"]
    assert "Resample To Image" in result.facts["text"]

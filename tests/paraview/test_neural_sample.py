"""Neural Sample by itself, on every kind of data set that VTK has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_fields import field_of, fvsrn, neurcomp
from srn_filters import carrier
from srn_filters.sample import NeuralSample
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkIntArray, vtkOutputWindow, vtkPoints, vtkStringOutputWindow
from vtkmodules.vtkCommonDataModel import (
    VTK_EMPTY_CELL,
    VTK_LINE,
    vtkCompositeDataSet,
    vtkDataObject,
    vtkDataSet,
    vtkDataSetAttributes,
    vtkImageData,
    vtkMultiBlockDataSet,
    vtkPartitionedDataSet,
    vtkPartitionedDataSetCollection,
    vtkPolyData,
    vtkRectilinearGrid,
    vtkStructuredGrid,
    vtkTable,
    vtkUnstructuredGrid,
)
from vtkmodules.vtkFiltersCore import vtkProbeFilter

from srn_core import NeuralFile, codec, load
from srn_core.volume import Geometry

GEOMETRY = Geometry((9, 7, 5), (10.0, 20.0, 30.0), (0.5, 0.25, 2.0))
"""The box from (10, 20, 30) to (14, 21.5, 38)."""


@pytest.fixture
def content() -> bytes:
    """A file of two arrays."""
    return codec.to_bytes(
        [field_of(fvsrn(), geometry=GEOMETRY), field_of(neurcomp(components=3), geometry=GEOMETRY, name="velocity")]
    )


@pytest.fixture
def said() -> Any:
    """What is shown to the user."""
    window, old = vtkStringOutputWindow(), vtkOutputWindow.GetInstance()
    vtkOutputWindow.SetInstance(window)
    yield window
    vtkOutputWindow.SetInstance(old)


def sampled(content: bytes, points: vtkDataObject, **settings: Any) -> Any:
    carrying = vtkImageData()
    carrier.attach(carrying, content)
    made = NeuralSample()
    made.SetInputDataObject(0, carrying)
    made.SetInputDataObject(1, points)
    for name, value in settings.items():
        getattr(made, f"Set{name}")(value)
    made.Update()
    return made.GetOutputDataObject(0)


def mesh(kind: type[Any], positions: np.ndarray) -> Any:
    """Points alone, or lines between one and the next where the kind has cells of its own."""
    data, points = kind(), vtkPoints()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(positions), deep=True))
    data.SetPoints(points)
    if kind is not vtkStructuredGrid:
        data.AllocateEstimate(len(positions), 2) if kind is vtkPolyData else data.Allocate(len(positions))
        for i in range(len(positions) - 1):
            data.InsertNextCell(VTK_LINE, 2, [i, i + 1])
    return data


def along(count: int = 9) -> np.ndarray:
    """A line of points that begins and ends outside of the box."""
    return np.linspace((9.0, 20.1, 29.0), (15.0, 21.4, 39.0), count)


def everywhere() -> dict[str, vtkDataSet]:
    """Every kind of data set, partly outside of the box."""
    image = vtkImageData()
    image.SetDimensions(4, 3, 5)
    image.SetOrigin(9.5, 20.0, 31.0)
    image.SetSpacing(1.5, 0.5, 1.0)
    image.SetDirectionMatrix(0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0)
    grid = vtkRectilinearGrid()
    axes = np.array([10.0, 11.5, 15.0]), np.array([20.2, 20.3]), np.array([30.0, 33.0, 34.0, 39.0])
    grid.SetDimensions(3, 2, 4)
    grid.SetXCoordinates(numpy_to_vtk(axes[0], deep=True))
    grid.SetYCoordinates(numpy_to_vtk(axes[1].astype(np.float32), deep=True))
    grid.SetZCoordinates(numpy_to_vtk(axes[2], deep=True))
    curved = mesh(vtkStructuredGrid, along(12))
    curved.SetDimensions(3, 2, 2)
    return {
        "image": image,
        "rectilinear": grid,
        "structured": curved,
        "lines": mesh(vtkPolyData, along()),
        "unstructured": mesh(vtkUnstructuredGrid, along().astype(np.float32)),
    }


def array(data: Any, name: str, at: str = "Point") -> np.ndarray:
    return vtk_to_numpy(getattr(data, f"Get{at}Data")().GetArray(name))


@pytest.mark.parametrize("kind", list(everywhere()))
def test_values_are_those_of_the_network_at_the_points(content: bytes, kind: str) -> None:
    points = everywhere()[kind]
    marks = numpy_to_vtk(np.arange(points.GetNumberOfPoints()), deep=True)
    marks.SetName("mine")
    points.GetPointData().AddArray(marks)
    out = sampled(content, points)
    assert out.GetClassName() == points.GetClassName()
    where = np.array([points.GetPoint(i) for i in range(points.GetNumberOfPoints())])
    file = load(content)
    for name in ("pressure", "velocity"):
        wanted = file.sample(where, array=name)
        assert np.isnan(wanted).any() and np.isfinite(wanted).any()
        np.testing.assert_allclose(array(out, name), wanted, rtol=1e-5, atol=1e-6)
    assert array(out, "pressure").dtype == np.float32
    np.testing.assert_array_equal(array(out, "vtkValidPointMask") == 1, np.isfinite(wanted[:, 0]))
    np.testing.assert_array_equal(array(out, "mine"), np.arange(len(where)))
    assert not points.GetPointData().HasArray("pressure"), "the input stays as it is"
    assert sampled(content, points, PassArrays=False).GetPointData().HasArray("mine") == 0


@pytest.mark.parametrize("kind", list(everywhere()))
def test_values_in_the_middles_of_cells(content: bytes, kind: str) -> None:
    points = everywhere()[kind]
    out = sampled(content, points, At="Cells")
    assert points.GetNumberOfCells() == out.GetCellData().GetArray("pressure").GetNumberOfTuples() > 1
    assert out.GetPointData().GetNumberOfArrays() == 0
    middles = []
    for i in range(points.GetNumberOfCells()):
        corners = points.GetCell(i).GetPoints()
        middles.append(np.mean([corners.GetPoint(j) for j in range(corners.GetNumberOfPoints())], axis=0))
    wanted = load(content).sample(np.array(middles))
    np.testing.assert_allclose(array(out, "pressure", "Cell"), wanted, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(array(out, "vtkValidCellMask", "Cell") == 1, np.isfinite(wanted))


def test_a_cell_without_points_has_no_value(content: bytes) -> None:
    points = mesh(vtkUnstructuredGrid, along())
    points.InsertNextCell(VTK_EMPTY_CELL, 0, [])
    assert array(sampled(content, points, At="Cells", Outside="Clamp"), "vtkValidCellMask", "Cell").tolist() == [
        *[1] * 8,
        0,
    ]


def test_what_lies_outside_is_as_chosen(content: bytes) -> None:
    points = mesh(vtkPolyData, along())
    nan, clamp, mask = (sampled(content, points, Outside=choice) for choice in ("NaN", "Clamp", "Mask"))
    inside = np.isfinite(load(content).sample(along()))
    assert 0 < inside.sum() < len(inside)
    for made in (nan, mask):
        np.testing.assert_array_equal(array(made, "vtkValidPointMask") == 1, inside)
    assert array(clamp, "vtkValidPointMask").all() and np.isfinite(array(clamp, "velocity")).all()
    assert np.isnan(array(nan, "pressure")[~inside]).all() and np.isnan(array(nan, "velocity")[~inside]).all()
    assert not array(mask, "pressure")[~inside].any() and not array(mask, "velocity")[~inside].any()
    for made in (clamp, mask):
        np.testing.assert_array_equal(array(made, "pressure")[inside], array(nan, "pressure")[inside])


def test_masked_as_vtk_masks(content: bytes) -> None:
    """vtkProbeFilter, which ParaView's Resample With Dataset runs, marks the same points in arrays of the same kind."""
    points = mesh(vtkPolyData, along())
    field = vtkImageData()
    field.SetDimensions(*GEOMETRY.dims)
    field.SetOrigin(*GEOMETRY.origin)
    field.SetSpacing(*GEOMETRY.spacing)
    values = numpy_to_vtk(np.ones(GEOMETRY.samples), deep=True)
    values.SetName("pressure")
    field.GetPointData().SetScalars(values)
    probe = vtkProbeFilter()
    probe.SetInputData(points)
    probe.SetSourceData(field)
    probe.Update()
    out = sampled(content, points, Outside="Mask")
    theirs, ours = (d.GetPointData().GetArray("vtkValidPointMask") for d in (probe.GetOutput(), out))
    np.testing.assert_array_equal(vtk_to_numpy(ours), vtk_to_numpy(theirs))
    assert ours.GetDataType() == theirs.GetDataType()
    lost = vtk_to_numpy(theirs) == 0
    assert not array(probe.GetOutput(), "pressure")[lost].any() and not array(out, "pressure")[lost].any()


def test_hidden_points_and_cells(content: bytes) -> None:
    points = mesh(vtkPolyData, along())
    points.GetPointData().AddArray(named(np.eye(1, 9, 4).astype(np.uint8).ravel(), "vtkGhostType"))
    out = sampled(content, points, MarkBlankPointsAndCells=True, PassArrays=False)
    lost = array(out, "vtkValidPointMask") == 0
    ghosts = array(out, "vtkGhostType")
    np.testing.assert_array_equal((ghosts & vtkDataSetAttributes.HIDDENPOINT) != 0, lost)
    assert ghosts[4] & vtkDataSetAttributes.DUPLICATEPOINT, "marks that were there stay"
    hidden = array(out, "vtkGhostType", "Cell") == vtkDataSetAttributes.HIDDENCELL
    np.testing.assert_array_equal(hidden, lost[:-1] | lost[1:])
    assert array(points, "vtkGhostType").max() == 1, "those of the input are not touched"
    cells = sampled(content, points, At="Cells", MarkBlankPointsAndCells=True)
    np.testing.assert_array_equal(
        array(cells, "vtkGhostType", "Cell") != 0, array(cells, "vtkValidCellMask", "Cell") == 0
    )


def named(values: np.ndarray, name: str) -> Any:
    made = numpy_to_vtk(values, deep=True)
    made.SetName(name)
    return made


def test_blocks_keep_their_types_names_and_field_data(content: bytes) -> None:
    kinds = everywhere()
    inner = vtkMultiBlockDataSet()
    inner.SetBlock(0, kinds["image"])
    inner.SetBlock(2, kinds["lines"])
    number = vtkIntArray()
    number.SetName("number")
    number.InsertNextValue(7)
    inner.GetFieldData().AddArray(number)
    outer = vtkMultiBlockDataSet()
    outer.SetBlock(0, inner)
    outer.SetBlock(1, vtkTable())
    outer.SetBlock(3, kinds["unstructured"])
    outer.GetMetaData(3).Set(vtkCompositeDataSet.NAME(), "wing")
    out = sampled(content, outer)
    assert out.GetClassName() == "vtkMultiBlockDataSet" and out.GetNumberOfBlocks() == 4
    assert out.GetMetaData(3).Get(vtkCompositeDataSet.NAME()) == "wing"
    assert out.GetBlock(0).GetFieldData().GetArray("number").GetValue(0) == 7
    assert out.GetBlock(1).GetClassName() == "vtkTable" and out.GetBlock(2) is None
    for block, kind in ((out.GetBlock(0).GetBlock(0), "image"), (out.GetBlock(0).GetBlock(2), "lines")):
        assert block.GetClassName() == kinds[kind].GetClassName()
        np.testing.assert_array_equal(array(block, "pressure"), array(sampled(content, kinds[kind]), "pressure"))
    assert not kinds["lines"].GetPointData().HasArray("pressure"), "the input stays as it is"


def test_partitions(content: bytes) -> None:
    collection, parts = vtkPartitionedDataSetCollection(), vtkPartitionedDataSet()
    kinds = everywhere()
    parts.SetPartition(0, kinds["lines"])
    parts.SetPartition(1, kinds["lines"])
    collection.SetPartitionedDataSet(1, parts)
    collection.GetMetaData(1).Set(vtkCompositeDataSet.NAME(), "tail")
    out = sampled(content, collection)
    assert out.GetClassName() == "vtkPartitionedDataSetCollection"
    assert out.GetMetaData(1).Get(vtkCompositeDataSet.NAME()) == "tail"
    found = out.GetPartitionedDataSet(1)
    assert found.GetNumberOfPartitions() == 2
    for part in range(2):
        assert np.isfinite(array(found.GetPartition(part), "pressure")).any()


@pytest.mark.parametrize("at", ["Points", "Cells"])
def test_nothing_to_sample_gives_empty_arrays(content: bytes, at: str, said: Any) -> None:
    for empty in (vtkPolyData(), vtkUnstructuredGrid(), vtkImageData(), vtkRectilinearGrid(), vtkStructuredGrid()):
        out = sampled(content, empty, At=at, MarkBlankPointsAndCells=True)
        attributes = out.GetPointData() if at == "Points" else out.GetCellData()
        assert attributes.GetArray("velocity").GetNumberOfTuples() == 0
        assert attributes.GetArray("velocity").GetNumberOfComponents() == 3
    assert sampled(content, vtkMultiBlockDataSet(), At=at).GetNumberOfBlocks() == 0
    assert not said.GetOutput()


def test_what_has_no_points_is_refused_in_one_line(content: bytes, said: Any) -> None:
    sampled(content, vtkTable())
    blocks = vtkMultiBlockDataSet()
    blocks.SetBlock(0, vtkTable())
    sampled(content, blocks)
    for name, value in (("Outside", "zero"), ("At", "Faces")):
        sampled(content, vtkPolyData(), **{name: value})
    lines = [line for line in said.GetOutput().splitlines() if line]
    assert len(lines) == 4
    assert all("not a vtkTable" in line and "Table To Points" in line for line in lines[:2])
    assert "Outside must be one of NaN, Clamp, Mask, not 'zero'" in lines[2] and "At must be" in lines[3]


def test_only_the_points_are_evaluated(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    plain = NeuralFile.sample

    def counted(self: NeuralFile, points: np.ndarray, *args: Any, **named: Any) -> np.ndarray:
        asked.append(len(points))
        return plain(self, points, *args, **named)

    monkeypatch.setattr(NeuralFile, "sample", counted)
    monkeypatch.setattr(NeuralFile, "decode", lambda *args, **named: pytest.fail("no grid is decoded"))
    sampled(content, mesh(vtkPolyData, along(5)))
    assert asked == [5, 5]


@pytest.mark.parametrize("at", ["Points", "Cells"])
def test_gradients_beside_the_values(content: bytes, at: str) -> None:
    points = mesh(vtkPolyData, along())
    out = sampled(content, points, Gradient=True, Outside="Mask", At=at)
    where = along() if at == "Points" else (along()[1:] + along()[:-1]) / 2
    kind, file = at[:-1], load(content)
    valid = array(out, f"vtkValid{kind}Mask", kind) == 1
    assert valid.any() and not valid.all()
    for name, components in (("pressure", 1), ("velocity", 3)):
        _, wanted = file.sample_with_gradient(where, array=name)
        got = array(out, f"{name} gradient", kind)
        assert got.dtype == np.float32 and got.shape == (len(where), 3 * components)
        np.testing.assert_allclose(got[valid], wanted.reshape(len(where), -1)[valid], rtol=1e-5, atol=1e-6)
        assert not got[~valid].any()


def test_time_steps_of_both_inputs(tmp_path: Path) -> None:
    timed = codec.to_bytes(
        [field_of(fvsrn(), geometry=GEOMETRY, time=t, value_range=((0.0, 1.0 + t),)) for t in (0.0, 4.0)]
    )
    out = {}
    for time in (0.0, 4.0):
        carrying = vtkImageData()
        carrier.attach(carrying, timed)
        made = NeuralSample()
        made.SetInputDataObject(0, carrying)
        made.SetInputDataObject(1, mesh(vtkPolyData, along()))
        made.UpdateTimeStep(time)
        result = made.GetOutputDataObject(0)
        assert result.GetInformation().Get(vtkDataObject.DATA_TIME_STEP()) == time
        out[time] = array(result, "pressure")[4]
        assert out[time] == pytest.approx(load(timed).sample(along()[4:5], time=time)[0])
    assert out[0.0] != out[4.0]

"""Meshes in VTK's pipeline: blocks of them, time steps, evaluated against what a file keeps of them."""

from __future__ import annotations

from typing import Any, Optional

import numpy as np
from mesh_fields import smooth, surface, tetrahedra
from srn_filters.compress import NeuralCompress
from srn_filters.decoding import NeuralResample
from srn_filters.evaluate import NeuralEvaluate
from srn_filters.reader import SrnReader
from srn_filters.vtk_bridge import numbers
from vtkmodules.util.vtkAlgorithm import VTKPythonAlgorithmBase
from vtkmodules.vtkCommonDataModel import vtkDataObject, vtkImageData, vtkMultiBlockDataSet
from vtkmodules.vtkCommonExecutionModel import vtkStreamingDemandDrivenPipeline as Pipeline
from vtkmodules.vtkCommonExecutionModel import vtkTrivialProducer

from srn_core.io import vtk_meshes
from srn_core.mesh import Mesh, MeshArray


def as_vtk(*arrays: MeshArray) -> Any:
    data = vtk_meshes.of_mesh(arrays[0].mesh)
    for array in arrays:
        vtk_meshes.add_array(data, array)
    return data


def even(mesh: Mesh, value: float) -> MeshArray:
    """One value everywhere: it takes no time to compress."""
    return MeshArray(np.full(len(mesh.points), value, np.float32), mesh, "heat")


HELD: list[Any] = []
"""VTK's connections do not hold their sources."""


def given(data: Any) -> vtkTrivialProducer:
    source = vtkTrivialProducer()
    source.SetOutput(data)
    HELD.append(source)
    return source


def compressing(source: Any, **settings: Any) -> NeuralCompress:
    made = NeuralCompress()
    made.SetInputConnection(source.GetOutputPort())
    made.SetInputArrayToProcess(0, 0, 0, 0, "heat")
    for name, value in {"TrainingPasses": 0, **settings}.items():
        getattr(made, f"Set{name}")(value)
    return made


def updated(algorithm: Any, time: Optional[float] = None) -> Any:
    algorithm.UpdateTimeStep(time) if time is not None else algorithm.Update()
    return algorithm.GetOutputDataObject(0)


def reading(path: Any, made: NeuralCompress) -> SrnReader:
    from srn_filters import carrier

    path.write_bytes(carrier.content(made.GetOutputDataObject(0)))
    reader = SrnReader()
    reader.AddFileName(str(path))
    return reader


def test_meshes_in_blocks_beside_a_grid(tmp_path: Any) -> None:
    image = vtkImageData()
    image.SetDimensions(6, 5, 4)
    heat = np.full(120, 2, np.float32)
    from srn_filters.vtk_bridge import add_array

    add_array(image, "point", heat, "heat")
    whole = vtkMultiBlockDataSet()
    for number, (name, block) in enumerate(
        (("solid", as_vtk(even(tetrahedra(5), 1))), ("grid", image), ("sheet", as_vtk(even(surface(), 3))))
    ):
        whole.SetBlock(number, block)
        whole.GetMetaData(number).Set(vtkMultiBlockDataSet.NAME(), name)
    made = compressing(given(whole), Target="bytes", TargetBytes=6500)
    for output in (updated(made), updated(reading(tmp_path / "blocks.srn", made))):
        assert [output.GetMetaData(i).Get(vtkMultiBlockDataSet.NAME()) for i in range(3)] == ["solid", "grid", "sheet"]
        kinds = [output.GetBlock(i).GetClassName() for i in range(3)]
        assert kinds == ["vtkUnstructuredGrid", "vtkImageData", "vtkPolyData"]
        for number in range(3):
            one, other = (numbers(data.GetBlock(number), "point", "heat") for data in (output, whole))
            assert np.array_equal(one, other)
        assert vtk_meshes.mesh_of(output.GetBlock(2)) == surface()


class Moving(VTKPythonAlgorithmBase):
    """A sheet whose heat fades from one time step to the next."""

    def __init__(self) -> None:
        super().__init__(nInputPorts=0, nOutputPorts=1, outputType="vtkPolyData")

    def RequestInformation(self, request: Any, inInfo: Any, outInfo: Any) -> int:
        info = outInfo.GetInformationObject(0)
        info.Set(Pipeline.TIME_STEPS(), [0.0, 1.5], 2)
        info.Set(Pipeline.TIME_RANGE(), [0.0, 1.5], 2)
        return 1

    def RequestData(self, request: Any, inInfo: Any, outInfo: Any) -> int:
        time = outInfo.GetInformationObject(0).Get(Pipeline.UPDATE_TIME_STEP())
        output = vtkDataObject.GetData(outInfo)
        output.ShallowCopy(as_vtk(even(surface(), 1 - time / 3)))
        output.GetInformation().Set(vtkDataObject.DATA_TIME_STEP(), time)
        return 1


def test_time_steps_of_a_mesh_in_one_file(tmp_path: Any) -> None:
    source = Moving()
    made = compressing(source, Target="bytes", TargetBytes=3600, TimeSteps="all")
    made.UpdateInformation()
    updated(made, 0.0)
    reader = reading(tmp_path / "run.srn", made)
    reader.UpdateInformation()
    assert reader.GetTimestepValues() == [0.0, 1.5]
    for time in (1.5, 0.0):
        for algorithm in (made, reader):
            found = numbers(updated(algorithm, time), "point", "heat")
            assert len(found) == 180 and np.all(found == 1 - time / 3)


def test_what_is_evaluated_is_what_the_file_gives_at_the_samples() -> None:
    cells = smooth(tetrahedra(5), "cell")
    data = as_vtk(cells)
    made = compressing(given(data), Target="bytes", TargetBytes=6000)
    made.SetInputArrayToProcess(0, 0, 0, 1, "heat")
    back = numbers(updated(made), "cell", "heat")
    compared = NeuralEvaluate()
    compared.SetInputConnection(0, given(data).GetOutputPort())
    compared.SetInputConnection(1, made.GetOutputPort())
    compared.SetInputArrayToProcess(0, 0, 0, 1, "heat")
    compared.SetCompared("neural-file")
    errors = numbers(updated(compared), "cell", "heat error")
    assert np.allclose(errors, back - cells.values, atol=1e-6)
    image = NeuralResample()
    image.SetInputConnection(made.GetOutputPort())
    assert updated(image).GetClassName() == "vtkImageData"


def test_several_arrays_of_a_mesh_that_is_dropped_share_an_image() -> None:
    mesh = tetrahedra(4)
    made = compressing(
        given(as_vtk(even(mesh, 1), MeshArray(np.full(len(mesh.types), 2.0), mesh, "cells", "cell"))),
        Geometry="drop",
        Target="bytes",
        TargetBytes=4000,
    )
    made.AddCellArray("cells")
    image = updated(made)
    assert image.GetClassName() == "vtkImageData"
    assert [image.GetPointData().GetArrayName(i) for i in range(2)] == ["heat", "cells"]


def test_an_estimate_does_not_pass_over_the_mesh() -> None:
    mesh = tetrahedra(4)
    made = compressing(given(as_vtk(even(mesh, 1))), Target="ratio", TargetRatio=50)
    made.UpdateInformation()
    made.GetInputAlgorithm(0, 0).Update()
    size = made.GetEstimatedSize()
    assert size.startswith(f"about {4 * len(mesh.points) / 50:.2g} bytes, 50 : 1, and the mesh, about ")
    made.SetGeometry("drop")
    assert "mesh" not in made.GetEstimatedSize()
    made.SetGeometry("keep")
    made.SetTarget("bytes")
    assert "mesh" not in made.GetEstimatedSize(), "the bytes are those of all of it"


def test_an_empty_mesh_says_so() -> None:
    from vtkmodules.vtkCommonDataModel import vtkUnstructuredGrid

    made = compressing(given(vtkUnstructuredGrid()))
    updated(made)
    assert "has no point array 'heat'" in made.GetReport()

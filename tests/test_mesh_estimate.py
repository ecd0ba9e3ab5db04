"""What a mesh will take of a file, said before it is compressed."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from mesh_fields import smooth, surface, tetrahedra
from srn_filters import mesh_estimate
from srn_filters.compress import NeuralCompress
from srn_filters.estimate import bytes_in_words
from srn_filters.mesh_estimate import RoughMeshes
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkMultiBlockDataSet, vtkPolyData
from vtkmodules.vtkFiltersCore import vtkDelaunay3D

from srn_core.codec.mesh_section import packed_bytes, stored_mesh
from srn_core.io import vtk_meshes
from srn_core.mesh import Mesh


def stored(data: Any) -> int:
    """What the file's own sections of the mesh take."""
    return sum(map(len, stored_mesh(vtk_meshes.mesh_of(data))[1]))


def irregular() -> Any:
    """The tetrahedra between points at random, in no order: some 80 000."""
    points = vtkPoints()
    for where in np.random.default_rng(3).uniform(size=(12_000, 3)):
        points.InsertNextPoint(where)
    cloud = vtkPolyData()
    cloud.SetPoints(points)
    between = vtkDelaunay3D()
    between.SetInputData(cloud)
    between.Update()
    return between.GetOutput()


def test_the_parts_are_those_that_the_file_has() -> None:
    for mesh in (tetrahedra(6), surface(), Mesh(tetrahedra(5).points)):
        sizes = packed_bytes(mesh.points, mesh.sizes, mesh.corners)
        assert sizes == pytest.approx(sum(map(len, stored_mesh(mesh)[1])), abs=12), "types are all alike there"


@pytest.mark.parametrize("kind", ["shaken", "irregular"])
def test_tetrahedra_are_estimated_within_a_fifth(kind: str) -> None:
    data = irregular() if kind == "irregular" else vtk_meshes.of_mesh(tetrahedra(30))
    assert data.GetNumberOfCells() > 3 * mesh_estimate.SAMPLE
    started = time.process_time()
    found = RoughMeshes().size(data)
    took = time.process_time() - started
    assert found == pytest.approx(stored(data), rel=0.2)
    assert took < 2.0


def test_small_meshes_and_blocks_are_estimated_as_they_are() -> None:
    sheet, solid = (vtk_meshes.of_mesh(mesh) for mesh in (surface(), tetrahedra(4)))
    blocks = vtkMultiBlockDataSet()
    blocks.SetBlock(0, sheet)
    blocks.SetBlock(1, solid)
    assert RoughMeshes().size(sheet) == pytest.approx(stored(sheet), rel=0.15)
    assert RoughMeshes().size(blocks) == pytest.approx(stored(sheet) + stored(solid), rel=0.1)
    assert RoughMeshes().size(None) == 0 == RoughMeshes().size(vtkPolyData())


def test_it_is_not_worked_out_again_until_the_mesh_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(mesh_estimate, "_rough", lambda mesh, most: asked.append(most) or 7.0)
    rough, data = RoughMeshes(), vtk_meshes.of_mesh(tetrahedra(4))
    assert [rough.size(data), rough.size(data)] == [7.0, 7.0] and len(asked) == 1
    data.Modified()
    rough.size(data)
    assert len(asked) == 2


def test_the_panel_tells_of_values_and_mesh() -> None:
    mesh = tetrahedra(8)
    data = vtk_meshes.of_mesh(mesh)
    vtk_meshes.add_array(data, smooth(mesh))
    made = NeuralCompress()
    made.SetInputDataObject(0, data)
    made.SetInputArrayToProcess(0, 0, 0, 0, "heat")
    made.SetTarget("ratio")
    made.SetTargetRatio(20)
    expected = bytes_in_words(RoughMeshes().size(data) or 0)
    assert made.GetEstimatedSize().endswith(f", 20 : 1, and the mesh, about {expected}")

"""Cells with faces of their own: out of VTK, into files, and back, to the bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mesh_fields import polyhedra, smooth, tetrahedra

import srn_core
from srn_core import codec
from srn_core.cli import main
from srn_core.codec.mesh_section import opened_mesh, stored_mesh
from srn_core.codec.packing import CODECS
from srn_core.errors import SrnFormatError, SrnInputError
from srn_core.io import read_source, vtk_faces, vtk_meshes, write_mesh
from srn_core.mesh import Faces, Mesh

MESH = polyhedra()


def streams(data: Any) -> list[list[int]]:
    """The faces of each cell of an unstructured grid, as VTK itself tells them."""
    from vtkmodules.vtkCommonCore import vtkIdList

    found = []
    for cell in range(data.GetNumberOfCells()):
        ids = vtkIdList()
        data.GetFaceStream(cell, ids)
        found.append([ids.GetId(number) for number in range(ids.GetNumberOfIds())])
    return found


def told_to_vtk(mesh: Mesh) -> Any:
    """The same cells, given to VTK one by one."""
    from vtkmodules.vtkCommonCore import vtkIdList
    from vtkmodules.vtkCommonDataModel import vtkUnstructuredGrid

    assert mesh.faces is not None
    grid = vtkUnstructuredGrid()
    grid.SetPoints(vtk_meshes.of_mesh(Mesh(mesh.points)).GetPoints())
    stream, starts = vtk_faces._stream(mesh.faces)
    ends, number, first = [*starts[1:], len(stream)], 0, 0
    for kind, size in zip(mesh.types, mesh.sizes):
        ids = vtkIdList()
        numbers = mesh.corners[first : first + size]
        if kind == 42:
            numbers, number = stream[starts[number] : ends[number]], number + 1
        for one in numbers:
            ids.InsertNextId(int(one))
        grid.InsertNextCell(int(kind), ids)
        first += size
    return grid


def test_vtk_tells_the_same_faces_before_and_after() -> None:
    known = told_to_vtk(MESH)
    taken = vtk_meshes.mesh_of(known)
    assert [sorted(part) for part in np.split(taken.corners, np.cumsum(taken.sizes)[:-1])] == [
        sorted(part) for part in np.split(MESH.corners, np.cumsum(MESH.sizes)[:-1])
    ]
    assert taken.faces is not None and MESH.faces is not None
    for one, other in zip(taken.faces.numbers, MESH.faces.numbers):
        np.testing.assert_array_equal(one, other)
    back = vtk_meshes.of_mesh(taken)
    assert streams(back) == streams(known)
    assert vtk_meshes.mesh_of(back) == taken
    assert back.GetCell(0).GetNumberOfFaces() == 6 and back.GetCell(25).GetNumberOfFaces() == 5


def test_the_numbers_of_older_releases_say_the_same() -> None:
    assert MESH.faces is not None
    stream, starts = vtk_faces._stream(MESH.faces)
    assert stream[:6].tolist() == [6, 4, *MESH.faces.corners[:4]]
    for one, other in zip(vtk_faces._parsed(stream, starts).numbers, MESH.faces.numbers):
        np.testing.assert_array_equal(one, other)


def test_they_come_back_from_a_file_to_the_bit(tmp_path: Path) -> None:
    array = smooth(MESH, "cell")
    result = srn_core.compress(array, bytes=4000, **{"training.passes": 0})
    result.file.save(tmp_path / "cells.srn")
    file = srn_core.load(tmp_path / "cells.srn")
    back = file.decode_on_mesh()
    assert back.mesh == MESH and [n.tobytes() for n in back.mesh.numbers] == [n.tobytes() for n in MESH.numbers]
    sections = codec.section_sizes(file.to_bytes())
    told = {s.holds: s.packed for s in sections if s.holds.startswith("mesh")}
    assert set(told) == {"mesh points", "mesh cells", "mesh faces"} and sum(told.values()) == file.mesh_bytes


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_mesh(tmp_path / "in.vtu", smooth(MESH))
    assert read_source(tmp_path / "in.vtu", "heat").mesh == MESH
    told = [str(tmp_path / name) for name in ("in.vtu", "some.srn", "out.vtu")]
    assert main(["compress", told[0], told[1], "--bytes", "4000", "--passes", "0"]) == 0
    assert main(["decompress", told[1], told[2]]) == 0
    assert read_source(told[2], "heat").mesh == MESH


def test_meshes_differ_where_only_their_faces_do() -> None:
    assert MESH.faces is not None
    turned = MESH.faces.corners.copy()
    turned[:4] = turned[3::-1]
    assert replace(MESH, faces=replace(MESH.faces, corners=turned)) != MESH
    assert replace(MESH, faces=replace(MESH.faces)) == MESH


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"counts": np.array([6], np.int32)}, "25 polyhedra, but faces of 1"),
        ({"counts": np.full(25, 6, np.int32)}, "other faces than their numbers"),
        ({"sizes": np.full(149, 4, np.int32)}, "other points than their numbers"),
        ({"corners": np.full(594, 60, np.int32)}, "a point that is not there"),
        ({"corners": np.full(594, -1, np.int32)}, "a point that is not there"),
    ],
)
def test_what_is_no_polyhedron_is_refused(change: dict[str, Any], message: str) -> None:
    assert MESH.faces is not None
    with pytest.raises(SrnInputError, match=message):
        replace(MESH, faces=replace(MESH.faces, **change))
    with pytest.raises(SrnInputError, match="no faces of them"):
        replace(MESH, faces=None)
    none = Faces(*(np.zeros(0, np.int32) for _ in range(3)))
    with pytest.raises(SrnInputError, match="0 polyhedra, but faces of 0"):
        replace(tetrahedra(3), faces=none)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"polyhedra": 24}, "wrong number of bytes"),
        ({"polyhedra": 24, "faces": 150}, "polyhedra"),
        ({"faces": 2**31 - 1}, "wrong number of bytes"),
        ({"faces": 148, "corners": 595}, "than their numbers say"),
    ],
)
def test_damaged_faces_are_refused(change: dict[str, Any], message: str) -> None:
    header, sections = stored_mesh(MESH)
    assert header.faces is not None
    rows = (header.positions, header.connectivity, header.faces.section)
    data = [CODECS[row.codec].unpack(packed, row.size) for row, packed in zip(rows, sections) if row is not None]
    assert opened_mesh(data[0], data[1], header, data[2]) == MESH
    with pytest.raises(SrnFormatError, match=message):
        opened_mesh(data[0], data[1], replace(header, faces=replace(header.faces, **change)), data[2])

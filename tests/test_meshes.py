"""Arrays of meshes: compressed as grids, measured at the samples; meshes that are kept come back to the bit."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_fields import field_of, neurcomp
from mesh_fields import smooth, surface, tetrahedra

import srn_core
from srn_core import codec
from srn_core.api import compress_series, evaluate
from srn_core.codec.field import OnMesh
from srn_core.codec.mesh_section import opened_mesh, stored_mesh
from srn_core.codec.packing import CODECS
from srn_core.errors import SrnFormatError, SrnInputError
from srn_core.mesh import Mesh, MeshArray
from srn_core.promise import promise_of_all

QUICK: dict[str, Any] = {"training.passes": 0}
SOLID = tetrahedra()


@pytest.fixture(scope="module")
def several() -> tuple[list[MeshArray], srn_core.CompressResult]:
    """A point array with a hole, and a cell array of whole numbers, on one mesh."""
    heat = smooth(SOLID)
    values = heat.values.copy()
    values[11] = np.nan
    cells = smooth(SOLID, "cell")
    tenths = replace(cells, dims=(11, 11, 11), values=np.rint(50 * cells.values).astype(np.int16))
    arrays = [replace(heat, values=values, units="K", dims=(10, 10, 10)), tenths]
    return arrays, srn_core.compress(arrays, psnr=35, **QUICK)


def test_a_mesh_comes_back_to_the_bit_with_its_arrays(several: Any, tmp_path: Path) -> None:
    arrays, result = several
    result.file.save(tmp_path / "mesh.srn")
    file = srn_core.load(tmp_path / "mesh.srn")
    for place, array in enumerate(arrays):
        back = file.decode_on_mesh(file.fields[place])
        assert back.mesh == SOLID and (back.name, back.association) == ("heat", array.association)
        assert [n.tobytes() for n in back.mesh.numbers] == [n.tobytes() for n in SOLID.numbers]
        assert back.values.dtype == array.values.dtype and back.values.shape == array.values.shape
        known = np.isfinite(array.values)
        assert np.array_equal(np.isfinite(back.values), known)
        error = back.values[known].astype(float) - array.values[known]
        psnr = 20 * math.log10(np.ptp(array.values[known])) - 10 * math.log10(np.mean(error**2))
        quality = file.fields[place].quality
        assert quality is not None and psnr == pytest.approx(quality.psnr, abs=1e-3) and psnr >= 35
        assert math.isnan(quality.ssim)
        assert evaluate(file, array).psnr == pytest.approx(psnr, abs=1e-3) or place == 1
    assert file.fields[0].units == "K"
    assert file.fields[1].mesh.mesh is file.fields[0].mesh.mesh
    assert promise_of_all(file.fields, file.nbytes).kept


def test_bytes_of_the_mesh_are_told_apart(several: Any) -> None:
    arrays, result = several
    sections = codec.section_sizes(result.file.to_bytes())
    mesh = sum(s.packed for s in sections if s.holds in ("mesh points", "mesh cells"))
    assert 0 < mesh == result.file.mesh_bytes == result.report["mesh_bytes"] < SOLID.nbytes / 2
    original = sum(array.nbytes for array in arrays)
    assert result.report["ratio"] == pytest.approx(original / result.file.nbytes)
    assert result.report["values_ratio"] == pytest.approx(original / (result.file.nbytes - mesh))
    assert sum(s.packed for s in sections) == result.file.nbytes


def test_a_ratio_is_that_of_the_values_and_bytes_are_those_of_the_file() -> None:
    heat = smooth(tetrahedra(10), dims=(10, 10, 10))
    ratio = srn_core.compress(heat, ratio=4, **QUICK)
    assert ratio.report["values_ratio"] >= 4 > ratio.report["ratio"]
    assert promise_of_all(ratio.file.fields, ratio.file.nbytes).kept
    most = ratio.file.mesh_bytes + 1300
    held = srn_core.compress(heat, bytes=most, **QUICK)
    assert held.file.nbytes <= most and promise_of_all(held.file.fields, held.file.nbytes).kept
    with pytest.raises(SrnInputError, match="the mesh, which is kept exactly, takes"):
        srn_core.compress(heat, bytes=ratio.file.mesh_bytes, **QUICK)
    dropped = srn_core.compress(replace(heat, kept=False), bytes=1300, **QUICK)
    assert dropped.file.nbytes <= 1300 and dropped.file.mesh_bytes == 0
    with pytest.raises(SrnInputError, match="no mesh in the file"):
        dropped.file.decode_on_mesh()
    box = dropped.file.fields[0].geometry
    ends = box.position_of(np.array([[0, 0, 0], np.array(box.dims) - 1]))
    assert np.allclose(ends, [heat.mesh.points.min(axis=0), heat.mesh.points.max(axis=0)])


def test_a_series_stores_a_mesh_once(tmp_path: Path) -> None:
    sheet = surface()
    meshes = [sheet, surface(), replace(sheet, points=sheet.points + [0, 0, 1.0])]
    steps = [[MeshArray(np.full(180, 1.5 * step), mesh, "heat")] for step, mesh in enumerate(meshes)]
    result = compress_series(steps, tmp_path / "run.srn", times=[0, 1, 2], bytes=9000, **QUICK)
    file = srn_core.load(tmp_path / "run.srn")
    assert file.nbytes <= 9000 and file.times == [0, 1, 2] and result.report["time_steps_asked"] == 3
    holds = [(s.holds, s.time) for s in codec.section_sizes(file.to_bytes()) if s.holds == "mesh points"]
    assert holds == [("mesh points", 0.0), ("mesh points", 2.0)]
    for time, (step,) in enumerate(steps):
        back = file.decode_on_mesh(time=time)
        assert back.mesh == step.mesh and back.time == time
        assert np.array_equal(back.values, step.values)


@pytest.mark.parametrize("mesh", [SOLID, tetrahedra(4, "float64"), surface(), Mesh(SOLID.points)])
def test_meshes_are_stored_without_loss(mesh: Mesh) -> None:
    header, sections = stored_mesh(mesh)
    data = [CODECS[s.codec].unpack(p, s.size) for s, p in zip((header.positions, header.connectivity), sections)]
    assert opened_mesh(data[0], data[1] if len(data) > 1 else b"", header) == mesh
    assert stored_mesh(mesh, [None, mesh]) == (replace(type(header)(), same_as=1), [])


def test_points_that_lie_nowhere_are_kept_too() -> None:
    points = np.array([[0, -0.0, np.nan], [np.inf, 1, 2], [1, 5e-324, 3]])
    data = codec.to_bytes(field_of(neurcomp(), mesh=OnMesh(Mesh(points), "point")))
    (field,) = codec.from_bytes(data)
    assert field.mesh is not None and field.mesh.mesh.points.tobytes() == points.tobytes()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"points": np.zeros((3, 2), np.float32)}, r"\(N, 3\)"),
        ({"points": np.zeros((3, 3), int)}, "float32 or float64"),
        ({"corners": np.array([0, 1, 3], np.int32)}, "a point that is not there"),
        ({"corners": np.array([0, -1, 2], np.int32)}, "a point that is not there"),
        ({"sizes": np.array([2], np.int32)}, "other points than their numbers"),
        ({"types": np.zeros(2, np.uint8)}, "a type and a number"),
        ({"types": np.array([9], np.uint8), "surface": True}, "vertices, lines, polygons and strips"),
    ],
)
def test_what_is_no_mesh_is_refused(given: dict[str, Any], message: str) -> None:
    known = {
        "points": np.zeros((3, 3), np.float32),
        "types": np.array([2], np.uint8),
        "sizes": np.array([3], np.int32),
        "corners": np.arange(3, dtype=np.int32),
    }
    with pytest.raises(SrnInputError, match=message):
        Mesh(**{**known, **given})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": np.zeros(5)}, "5 values, the mesh 512 points"),
        ({"values": np.full(512, np.nan)}, "no valid value"),
        ({"values": np.full(512, np.inf)}, "512 infinite values"),
        ({"values": np.array(["a"] * 512)}, "only real numbers"),
    ],
)
def test_what_cannot_be_compressed_on_a_mesh_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(SrnInputError, match=message):
        srn_core.compress(MeshArray(**{"mesh": SOLID, **change}), **QUICK)


def test_a_psnr_that_the_samples_do_not_allow_is_refused() -> None:
    noise = np.random.default_rng(0).normal(size=(2, 40)).astype(np.float32)
    where = np.repeat(np.random.default_rng(1).uniform(size=(40, 3)).astype(np.float32), 2, axis=0)
    with pytest.raises(SrnInputError, match="dB at most; ask for less"):
        srn_core.compress(MeshArray(noise.T.ravel(), Mesh(where)), psnr=60, **QUICK)


def damaged(change: dict[str, Any]) -> None:
    header, sections = stored_mesh(surface())
    data = [CODECS[s.codec].unpack(p, s.size) for s, p in zip((header.positions, header.connectivity), sections)]
    opened_mesh(data[0], data[1], replace(header, **change))


@pytest.mark.parametrize(
    "change",
    [{"points": 179}, {"cells": 3}, {"corners": 9}, {"dtype": "float32"}, {"stride": 3}, {"stride": 255}],
)
def test_a_damaged_mesh_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(SrnFormatError, match="damaged"):
        damaged(change)

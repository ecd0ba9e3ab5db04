"""A largest error that holds at the points and cells of meshes, by corrections there."""

from __future__ import annotations

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
from srn_core.codec import Corrections
from srn_core.codec.field import OnMesh
from srn_core.errors import SrnInputError
from srn_core.mesh import Mesh, MeshArray
from srn_core.promise import promise_of_all

QUICK: dict[str, Any] = {"training.passes": 0}


def largest(file: srn_core.NeuralFile, array: MeshArray, place: int = 0) -> float:
    """The largest error where the array holds a value."""
    back = file.decode_on_mesh(file.fields[place])
    assert back.mesh == array.mesh and back.values.dtype == array.values.dtype
    known = array.validity()
    return float(np.abs(back.values[known].astype(np.float64) - array.values[known].astype(np.float64)).max())


@pytest.fixture(scope="module")
def several() -> tuple[list[MeshArray], srn_core.CompressResult]:
    """Points with a hole, vectors, and whole numbers in cells, on one sheet."""
    heat = smooth(surface())
    rough = np.random.default_rng(3).normal(size=180) * 0.02
    values = (heat.values + rough).astype(np.float32)
    values[11] = np.nan
    two = np.stack([heat.values, np.cos(heat.values)], axis=1)
    cells = smooth(surface(), "cell")
    whole = replace(cells, values=np.rint(100 * cells.values).astype(np.int16))
    arrays = [replace(heat, values=values), replace(heat, values=two, name="flow"), whole]
    return arrays, srn_core.compress(arrays, max_error="1%", **QUICK)


def test_it_holds_at_every_sample_of_every_array(several: Any, tmp_path: Path) -> None:
    arrays, result = several
    result.file.save(tmp_path / "kept.srn")
    file = srn_core.load(tmp_path / "kept.srn")
    for place, array in enumerate(arrays):
        rows = array.values.reshape(len(array.values), -1)[array.validity()]
        span = float((rows.max(axis=0).astype(float) - rows.min(axis=0)).max())
        error, field = largest(file, array, place), file.fields[place]
        assert error <= 0.01 * span * (1 + 1e-6)
        assert field.quality is not None and field.quality.max_error == pytest.approx(error, rel=1e-5)
        if place < 2:  # by its name the first "heat" is found
            assert evaluate(file, array, array.name).max_error == pytest.approx(error, rel=1e-5)
    assert np.flatnonzero(~np.isfinite(file.decode_on_mesh().values)).tolist() == [11]
    promise = promise_of_all(file.fields, file.nbytes)
    assert promise is not None and promise.kept and promise.asked == "max error 1 % of the range"


def test_corrections_are_what_keeps_it_and_have_a_section_of_their_own(several: Any) -> None:
    arrays, result = several
    (heat, *_), report = arrays, result.report
    where = result.file.fields[0].mesh
    assert where is not None and where.corrections is not None and where.corrections.codes.shape == (180, 1)
    assert where.corrections.codes[11] == 0, "nothing is asked for where there is no value"
    given = result.file.sample(heat.mesh.points[heat.validity()], outside="clamp")
    without = np.abs(given - heat.values[heat.validity()]).max()
    assert without > largest(result.file, heat), "a field so near would have needed none"
    first = report["arrays"][0]
    assert first["samples_corrected"] == np.count_nonzero(where.corrections.codes) > 0
    sections = codec.section_sizes(result.file.to_bytes())
    assert sum(s.packed for s in sections) == result.file.nbytes
    told = [s.field for s in sections if s.holds == "corrections"]
    assert "heat" in told and [s.holds for s in sections].count("mesh points") == 1


@pytest.mark.parametrize("settings", [{"pruner": "none"}, {"network": "neurcomp", "pruner": "none"}])
def test_a_trained_network_keeps_it_too(settings: dict[str, Any]) -> None:
    array = smooth(tetrahedra(5))
    result = srn_core.compress(array, max_error=0.05, **settings, **{"training.passes": 60})
    assert largest(result.file, array) <= 0.05 and "passes" in result.report


def test_a_series_keeps_it_at_each_step_with_one_mesh(tmp_path: Path) -> None:
    heat = smooth(surface())
    rough = np.random.default_rng(3).normal(size=180).astype(np.float32)
    steps = [[replace(heat, values=heat.values + share * rough)] for share in (0.01, 0.02)]
    result = compress_series(steps, tmp_path / "run.srn", times=[0.0, 2.5], max_error=0.03, **QUICK)
    file = srn_core.load(tmp_path / "run.srn")
    holds = [s.holds for s in codec.section_sizes(file.to_bytes())]
    assert holds.count("mesh points") == 1 and file.times == [0.0, 2.5]
    for place, (array,) in enumerate(steps):
        assert largest(file, array, place) <= 0.03
    assert result.report["max_error"] <= 0.03


def test_what_is_even_needs_no_corrections() -> None:
    array = MeshArray(np.full(180, 7, np.float32), surface(), "heat")
    result = srn_core.compress(array, max_error=0.5, **QUICK)
    assert largest(result.file, array) == 0 and result.report["samples_corrected"] == 0


def test_it_is_refused_without_the_mesh() -> None:
    with pytest.raises(SrnInputError, match="only where they are an array of a mesh that goes into the file"):
        srn_core.compress(replace(smooth(surface()), kept=False), max_error=0.1, **QUICK)


def test_an_error_finer_than_decoding_is_refused() -> None:
    with pytest.raises(SrnInputError, match="finer than decoding in float32"):
        srn_core.compress(smooth(surface()), max_error=1e-7, **QUICK)


@pytest.mark.parametrize(
    ("corrections", "message"),
    [
        (Corrections(np.zeros((179, 1), np.int32), 1.0), "no integers of shape"),
        (Corrections(np.zeros((180, 1)), 1.0), "no integers of shape"),
        (Corrections(np.full((180, 1), 1 << 15, np.int32), 1.0), "beyond 32767 steps"),
        (Corrections(np.ones((180, 1), np.int32), np.nan), "not finite, or negative"),
    ],
)
def test_corrections_that_cannot_be_stored(corrections: Corrections, message: str) -> None:
    with pytest.raises(SrnInputError, match=message):
        codec.to_bytes(field_of(neurcomp(), mesh=OnMesh(surface(), "point", corrections=corrections)))


def test_corrections_at_no_cell_at_all() -> None:
    points = Mesh(np.zeros((4, 3)))
    none = OnMesh(points, "cell", corrections=Corrections(np.zeros((0, 1), np.int32), 1.0))
    (back,) = codec.from_bytes(codec.to_bytes(field_of(neurcomp(), mesh=none)))
    assert back.mesh is not None and back.mesh.corrections is not None
    assert back.mesh.corrections.codes.shape == (0, 1)


def test_hidden_samples_are_hidden_again() -> None:
    known = np.arange(180) % 9 > 0
    heat = replace(smooth(surface()), valid=known, blanked=True)
    for target in ({"max_error": 1.0}, {"bytes": 3000}):
        back = srn_core.compress(replace(heat, dims=(8, 7, 3)), **target, **QUICK).file.decode_on_mesh()
        assert back.blanked and back.valid is not None and np.array_equal(back.valid, known)

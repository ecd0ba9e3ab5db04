"""Files of earlier releases keep opening to the same numbers."""

from __future__ import annotations

import importlib.util
import zlib
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from example_fields import assert_same

from srn_core import codec
from srn_core.codec.field import NeuralField
from srn_core.grid_points import CurvilinearPoints, GridPoints, RectilinearPoints

GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.srn"))

_spec = importlib.util.spec_from_file_location("golden_make", GOLDEN / "make.py")
assert _spec is not None
assert _spec.loader is not None
make = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(make)


def test_every_kind_has_its_file():
    assert set(NAMES) == set(make.golden_fields())
    assert {path.stem for path in GOLDEN.glob("*.npz")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_numbers_are_the_same_to_the_bit(name):
    fields = codec.read(GOLDEN / f"{name}.srn")
    with np.load(GOLDEN / f"{name}.npz") as stored:
        wanted = dict(stored)
    found = make.expected(list(fields))
    assert found.keys() == wanted.keys()
    for key, values in wanted.items():
        assert found[key].dtype == values.dtype
        assert found[key].tobytes() == values.tobytes(), key


@pytest.mark.parametrize("name", NAMES)
def test_what_is_said_of_the_fields_is_the_same(name):
    wanted = make.golden_fields()[name]
    found = codec.read(GOLDEN / f"{name}.srn")
    assert len(found) == len(wanted)
    for one, other in zip(wanted, found):
        assert_same(placed_as(one, other), other)


def numbers_of(points: GridPoints) -> tuple[np.ndarray, ...]:
    if isinstance(points, RectilinearPoints):
        return points.axes
    assert isinstance(points, CurvilinearPoints)
    return (points.positions,)


def placed_as(one: NeuralField, other: NeuralField) -> NeuralField:
    """With the points of the other, from which its own, sines and powers, may differ by the last bits on a machine."""
    close = partial(np.testing.assert_allclose, rtol=1e-13, atol=1e-13)
    points, stored = one.geometry.points, other.geometry.points
    assert type(points) is type(stored)
    if points is not None and stored is not None:
        for values, known in zip(numbers_of(points), numbers_of(stored)):
            close(values, known)
        one = replace(one, geometry=replace(one.geometry, points=stored))
    if one.mesh is not None and other.mesh is not None:
        close(one.mesh.mesh.points, other.mesh.mesh.points)
        mesh = replace(one.mesh.mesh, points=other.mesh.mesh.points)
        one = replace(one, mesh=replace(one.mesh, mesh=mesh))
    return one


def test_the_files_are_those_that_were_first_made():
    """A golden file made anew would prove nothing: their checksums stand here."""
    found = {name: zlib.crc32((GOLDEN / f"{name}.srn").read_bytes()) for name in NAMES}
    assert found == CHECKSUMS


CHECKSUMS = {
    "blocks": 0x3EF0AF0F,
    "bricks": 0x8CBC01F6,
    "codebooks": 0xBAD0764D,
    "constant": 0xF6E00D79,
    "fvsrn-spatial": 0x524D799C,
    "fvsrn-wavelet": 0x57EE7516,
    "grids": 0x44B72797,
    "masked": 0x33548D36,
    "meshes": 0x44664BBE,
    "meshes-corrected": 0x34F8D69F,
    "neurcomp-plain": 0x7CCF82FE,
    "neurcomp-residual": 0x32B7076F,
    "polyhedra": 0xCF22D928,
    "probabilities": 0xF6D97172,
    "pyramid": 0x15A6CECC,
    "pyramid-added": 0x21CB151D,
    "pyramid-coded": 0x8F0B7FF3,
    "several": 0x95BC3A5C,
}

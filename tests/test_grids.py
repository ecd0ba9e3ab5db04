"""Rectilinear and structured grids: where they lie is kept exactly, and the field is one in their index space."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import srn_core
from srn_core import codec
from srn_core.codec.grid_points_section import opened_points, stored_points
from srn_core.codec.packing import CODECS
from srn_core.errors import SrnFormatError, SrnInputError
from srn_core.grid_points import CurvilinearPoints, GridPoints, RectilinearPoints
from srn_core.volume import Geometry, Volume

X, Y, Z = np.linspace(0, 2, 14) ** 2, np.array([0.0, 1, 2, 4, 8, 9, 10, 10.5]), np.linspace(5, -3, 11)
AXES = RectilinearPoints(X, Y, Z)


def shell(dims: tuple[int, int, int] = (14, 8, 11), dtype: str = "float32") -> CurvilinearPoints:
    """A quarter of a thick cylinder."""
    x, y, z = dims
    k, j, i = np.meshgrid(np.linspace(0, 1, z), np.linspace(0, 1.5, y), np.linspace(1, 2, x), indexing="ij")
    return CurvilinearPoints(np.stack([i * np.cos(j), i * np.sin(j), k + 0.1 * i], axis=-1).astype(dtype))


def volume(points: GridPoints, association: str = "point", name: str = "height") -> Volume:
    """x + 2 y - z at the samples of a grid: linear in the world."""
    less = int(association == "cell")
    x, y, z = (n - less for n in points.dims)
    geometry = Geometry((x, y, z), start=(0, 0, 0), association=association, points=points)
    index = np.stack(np.meshgrid(*(np.arange(n) for n in (z, y, x)), indexing="ij")[::-1], axis=-1)
    world = geometry.position_of(index.reshape(-1, 3))
    return Volume((world @ [1.0, 2, -1]).reshape(z, y, x), geometry, name)


@pytest.mark.parametrize("points", [AXES, shell(), shell(dtype="float64"), shell((1, 9, 8)), shell((5, 1, 1))])
@pytest.mark.parametrize("association", ["point", "cell"])
def test_points_come_back_to_the_bit(points, association):
    if association == "cell" and 1 in points.dims:
        geometry = Geometry(tuple(max(n - 1, 1) for n in points.dims), association="cell", points=points)
    else:
        geometry = volume(points, association).geometry
    field = replace(constant(), geometry=geometry)
    (found,) = codec.from_bytes(codec.to_bytes(field))
    assert found.geometry == geometry
    assert found.geometry.points.numbers.dtype == points.numbers.dtype
    assert found.geometry.points.numbers.tobytes() == points.numbers.tobytes()


def constant() -> codec.NeuralField:
    (field,) = srn_core.compress(np.ones((2, 2, 2), np.float32)).file.fields
    return field


def test_smooth_points_take_less_than_their_bytes():
    points = shell((40, 30, 30))
    assert len(stored_points(points)[1][0]) < 0.5 * points.nbytes


def test_positions_and_indices_are_inverse():
    for association in ("point", "cell"):
        geometry = volume(AXES, association).geometry
        index = np.random.default_rng(0).uniform(0, np.array(geometry.dims) - 1, (99, 3))
        np.testing.assert_allclose(geometry.index_of(geometry.position_of(index)), index, atol=1e-9)
    beyond = geometry.index_of(np.array([[-1.0, 0, 5], [np.nan, 0, 0]]))
    assert beyond[0, 0] < -1 and np.isnan(beyond[1, 0])


@pytest.mark.parametrize("association", ["point", "cell"])
def test_parts_and_finer_grids_lie_where_the_whole_does(association):
    for points in (AXES, shell()):
        geometry = volume(points, association).geometry
        part = geometry.cropped((2, 6, 1, 4, 3, 7))
        index = np.array([[0.0, 0, 0], [1.5, 2, 3.25]])
        np.testing.assert_allclose(part.position_of(index), geometry.position_of(index + [2, 1, 3]), rtol=1e-6)
        if association == "point":
            fine = geometry.resampled((27, 15, 21))
            np.testing.assert_allclose(fine.position_of(2 * index), geometry.position_of(index), rtol=1e-6)
            assert fine.points.dims == (27, 15, 21)


def test_a_rectilinear_field_is_sampled_through_its_coordinates():
    file = srn_core.compress(volume(AXES), psnr=70, passes=0).file
    world = np.random.default_rng(1).uniform([0, 0, -3], [4, 10.5, 5], (200, 3))
    values, gradient = file.sample_with_gradient(world)
    np.testing.assert_allclose(values, world @ [1, 2, -1], atol=0.05)
    np.testing.assert_allclose(np.median(gradient, axis=0), [1, 2, -1], atol=0.05)
    assert np.isnan(file.sample(np.array([[4.2, 0, 0]]))).all()


@pytest.mark.parametrize("points", [AXES, shell()])
def test_gradients_on_the_grid_are_those_of_the_world(points):
    file = srn_core.compress(volume(points), psnr=80, passes=0).file
    _, gradient = file.decode_with_gradient()
    np.testing.assert_allclose(np.median(gradient.values.reshape(-1, 3), axis=0), [1, 2, -1], atol=0.1)


def test_a_structured_grid_says_that_it_cannot_look_up_positions():
    file = srn_core.compress(volume(shell()), passes=0).file
    with pytest.raises(SrnInputError, match="structured grid"):
        file.sample(np.zeros((1, 3)))


def test_points_count_in_a_promised_size_and_are_stored_once():
    both = [volume(shell((30, 30, 30))), volume(shell((30, 30, 30)), "cell")]
    alone = srn_core.compress(both[:1], passes=0)
    result = srn_core.compress(both, passes=0)
    stored = [s for s in codec.section_sizes(result.file.to_bytes()) if s.holds == "grid points"]
    assert len(stored) == 1 and 0 < result.report["points_bytes"] - stored[0].packed < 300
    assert result.file.fields[1].geometry.points is result.file.fields[0].geometry.points
    room = result.report["points_bytes"] + 9000
    held = srn_core.compress(both, bytes=room, passes=0)
    assert held.file.nbytes == held.report["bytes"] <= room
    assert alone.report["ratio"] == alone.file.ratio
    with pytest.raises(SrnInputError, match="drop the geometry"):
        srn_core.compress(both, bytes=2000, passes=0)


def test_what_is_no_grid_is_refused():
    with pytest.raises(SrnInputError, match="not finite"):
        RectilinearPoints(np.array([0, np.nan]), Y, Z)
    with pytest.raises(SrnInputError, match="cannot have"):
        Geometry((3, 3, 3), points=AXES)
    twisted = Geometry(AXES.dims, points=RectilinearPoints(np.sin(X), Y, Z))
    with pytest.raises(SrnInputError, match="along x do not rise"):
        twisted.index_of(np.zeros((1, 3)))


def test_damaged_points_are_refused():
    header, (packed,) = stored_points(AXES)
    data = CODECS[header.section.codec].unpack(packed, header.section.size)
    assert opened_points(data, header) == AXES
    with pytest.raises(SrnFormatError, match="number of bytes"):
        opened_points(data[:-1], header)
    with pytest.raises(SrnFormatError, match="not finite"):
        opened_points(b"\x7f\xff" * (len(data) // 2), replace(header, differences=0))

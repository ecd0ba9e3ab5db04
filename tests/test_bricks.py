"""A field made of bricks is one field: on grids, at points, with gradients, in parts; no seam shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from brick_fields import bricked, jump, wavy
from hypothesis import given, settings
from hypothesis import strategies as st

from srn_core import api, codec
from srn_core.bricks.decoders import BrickDecoders
from srn_core.bricks.places import axis_weight, pieces, places
from srn_core.coordinates import normalise
from srn_core.errors import SrnFormatError, SrnInputError
from srn_core.neural_file import NeuralFile
from srn_core.spec import BricksSpec

sizes = st.integers(1, 70)


@pytest.fixture(scope="module")
def values() -> np.ndarray:
    return wavy()


@pytest.fixture(scope="module")
def file(values) -> NeuralFile:
    return NeuralFile.from_bytes(codec.to_bytes(bricked(values)))


@given(dims=st.tuples(sizes, sizes, sizes), edge=st.integers(16, 40), halo=st.integers(1, 9))
@settings(deadline=None, max_examples=60)
def test_cores_fill_the_volume_and_weights_are_somewhere_everywhere(dims, edge, halo):
    covered = np.zeros(dims[::-1], int)
    total = np.zeros(dims[::-1])
    for place in places(dims, edge, halo):
        (x, y, z), (nx, ny, nz) = place.core
        assert max(nx, ny, nz) <= edge + 2
        covered[z : z + nz, y : y + ny, x : x + nx] += 1
        along = [
            axis_weight(np.arange(n) - s, m, *place.fades[2 * a : 2 * a + 2])[0]
            for a, (n, s, m) in enumerate(zip(dims, place.start, place.dims))
        ]
        total += along[2][:, None, None] * along[1][:, None] * along[0]
        assert all(start % 2 == 0 or halo % 2 for start in place.start)
    assert (covered == 1).all()
    assert total.min() > 0.1
    if edge >= 4 * halo:
        np.testing.assert_allclose(total, 1.0, atol=1e-12)  # neighbours' ramps add up to 1


@given(dims=st.tuples(sizes, sizes, sizes), count=st.integers(1, 12))
@settings(deadline=None, max_examples=60)
def test_pieces_are_as_many_as_fit_and_fill_the_volume(dims, count):
    found = pieces(dims, count, 2)
    assert 1 <= len(found) <= count
    assert sum(int(np.prod(place.core[1])) for place in found) == np.prod(dims)


def test_the_slope_of_a_weight_is_that_of_the_weight():
    index = np.linspace(0.01, 19.98, 300)
    up, slope = axis_weight(index, 21, 7, 4)
    after, before = (axis_weight(index + step, 21, 7, 4)[0] for step in (1e-6, -1e-6))
    np.testing.assert_allclose(slope, (after - before) / 2e-6, atol=1e-6)
    assert axis_weight(np.array([-0.5, 20.5]), 21, 0, 0)[0].tolist() == [0.0, 0.0]


def test_it_is_one_field(file, values):
    (field,) = file.fields
    assert len(field.bricks) == 8
    assert field.geometry.dims == (44, 38, 30)
    found = file.decode()
    assert found.values.shape == values.shape
    assert found.values.dtype == np.float32
    assert found.geometry == field.geometry
    assert np.abs(found.values - values).max() < 0.2
    assert field.parameters() == sum(brick.open().parameters() for brick in field.bricks)


def test_the_file_keeps_its_bytes(file):
    assert codec.to_bytes(file.fields) == file.to_bytes()


def test_any_region_is_the_part_of_the_whole(file):
    whole = file.decode().values
    np.testing.assert_array_equal(file.decode(region=(12, 40, 9, 30, 10, 25)).values, whole[6:22, 12:34, 10:39])
    fine = file.decode(dims=(70, 61, 52))
    part = file.decode(dims=(70, 61, 52), part=(20, 50, 0, 60, 11, 40)).values
    np.testing.assert_array_equal(part, fine.values[11:41, :, 20:51])
    values, gradient = file.decode_with_gradient(region=(12, 40, 9, 30, 10, 25))
    every, slopes = file.decode_with_gradient()
    np.testing.assert_array_equal(values.values, every.values[6:22, 12:34, 10:39])
    np.testing.assert_array_equal(gradient.values, slopes.values[6:22, 12:34, 10:39])


def test_only_the_bricks_touched_are_decoded(file):
    fresh = NeuralFile.from_bytes(file.to_bytes())
    decoders = fresh._decoder(fresh.fields[0])
    assert isinstance(decoders, BrickDecoders)
    fresh.decode(region=(2, 12, -3, 5, 4, 10))
    assert decoders.decoded == 1
    fresh.sample(fresh.fields[0].geometry.position_of(np.array([[40.0, 3.0, 3.0]])))
    assert decoders.decoded == 2
    fresh.decode()
    assert decoders.decoded == 8


def test_points_are_those_of_the_grid_and_gradients_those_of_the_points(file):
    geometry = file.fields[0].geometry
    rng = np.random.default_rng(1)
    voxels = np.stack([rng.integers(0, n, 200) for n in geometry.dims], axis=1).astype(float)
    x, y, z = voxels.astype(int).T
    values, gradient = file.decode_with_gradient()
    sampled, slopes = file.sample_with_gradient(geometry.position_of(voxels))
    np.testing.assert_allclose(sampled, values.values[z, y, x], atol=2e-6)
    np.testing.assert_allclose(slopes, gradient.values[z, y, x], atol=2e-5)
    between = geometry.position_of(np.floor(rng.uniform(0, 1, (200, 3)) * (np.array(geometry.dims) - 1)) + 0.4)
    _, slopes = file.sample_with_gradient(between)
    for axis, step in enumerate(np.diag([0.01, 0.005, 0.04])):
        apart = file.sample(between + step) - file.sample(between - step)
        np.testing.assert_allclose(slopes[:, axis], apart / (2 * step[axis]), atol=2e-3)


def test_no_seam_shows_where_bricks_are_blended(values):
    cuts = ([22], [20], [16])
    for step in (0.1, 0.3):
        blended = NeuralFile.from_bytes(codec.to_bytes(bricked(values, step=step)))
        across, inside = jump(blended.decode().values - values, cuts)
        assert across < 1.25 * inside
        fine = blended.decode(dims=[2 * n - 1 for n in (44, 38, 30)]).values
        across, inside = jump(fine, cuts, scale=2)
        assert across < 1.25 * inside
    cut = NeuralFile.from_bytes(codec.to_bytes(bricked(values, step=0.1, halo=1)))
    across, inside = jump(cut.decode().values - values, cuts)
    assert across > 3 * inside  # what there would be to see


def test_what_all_bricks_say_stays_to_the_last_bit(values):
    z, y, x = np.indices(values.shape)
    flat, seen = (x > 15) & (y > 12), z + y > 9
    field = bricked(values, plateau=flat, mask=seen, dtype="float64")
    file = NeuralFile.from_bytes(codec.to_bytes(field))
    found = file.decode()
    assert found.valid is not None
    np.testing.assert_array_equal(found.valid, seen)
    assert (found.values[flat & seen] == 0.5).all()
    assert np.isnan(found.values[~seen]).all()
    _, gradient = file.decode_with_gradient()
    assert (gradient.values[flat & seen] == 0).all()
    part = file.decode(region=(12, 20, -3, 8, 4, 20))
    np.testing.assert_array_equal(part.valid, seen[:17, :12, 10:19])


def test_integers_are_rounded_once(values):
    field = bricked(values, dtype="int16", value_range=((-900.0, 900.0),))
    file = NeuralFile.from_bytes(codec.to_bytes(field))
    whole = file.decode()
    assert whole.values.dtype == np.int16
    exact = file.decode(dtype="float64").values
    np.testing.assert_array_equal(whole.values, np.rint(exact))


def test_surfaces_are_those_of_the_whole_decode(file):
    whole = file.decode().values
    for isovalue in (0.3, 0.9):
        blocks = file.surface_blocks([isovalue], edge=6)
        assert blocks.exact
        held = np.zeros(whole.shape, bool)
        for block in blocks.blocks():
            x, y, z = block.start
            nz, ny, nx = block.values.shape
            np.testing.assert_array_equal(block.values, whole[z : z + nz, y : y + ny, x : x + nx])
            held[z : z + nz, y : y + ny, x : x + nx] = True
        above = whole >= isovalue
        for axis in range(3):
            crossing = np.diff(above.astype(int), axis=axis) != 0
            ends = np.moveaxis(held, axis, 0)
            assert (ends[1:] & ends[:-1])[np.moveaxis(crossing, axis, 0)].all()


def test_a_level_of_detail_and_layers_are_those_of_the_whole(file):
    coarse = file.decode(level=1).values
    assert np.abs(coarse - file.decode().values).max() < 0.4
    whole = file.decode().values
    slabs = list(file.decoding().slabs())
    np.testing.assert_array_equal(np.concatenate(slabs), whole)


def test_one_model_cannot_hold_it_but_each_brick(file):
    with pytest.raises(SrnInputError, match="8 bricks.*--brick"):
        file.onnx_bytes()
    with pytest.raises(SrnInputError, match="from 1 to 8"):
        file.onnx_bytes(brick=9)
    import onnxruntime

    session = onnxruntime.InferenceSession(file.onnx_bytes(brick=2), providers=["CPUExecutionProvider"])
    (whole,), index = file.fields, np.array([[40.0, 4.0, 5.0], [35.0, 10.0, 7.0]])
    brick = whole.bricks[1].geometry
    local = index - np.array(brick.start) + np.array(whole.geometry.start)
    (found,) = session.run(["values"], {"points": normalise(local, brick.dims).astype(np.float32)})
    np.testing.assert_allclose(found.ravel(), file.sample(whole.geometry.position_of(index)), atol=1e-4)


def test_gaps_are_told(values):
    field = bricked(values)
    fewer = replace(field, bricks=field.bricks[1:], spec=BricksSpec(field.spec.half_extent, 1, 7))
    holed = codec.to_bytes(fewer)
    with pytest.raises(SrnFormatError, match="gaps"):
        NeuralFile.from_bytes(holed).decode()


def test_a_file_that_is_opened_counts_as_open_bricks_do(file):
    opened = api.load(file.to_bytes())
    assert opened.memory_bytes < file.nbytes + 20 * file.fields[0].geometry.samples

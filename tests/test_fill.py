"""Unknown voxels go on smoothly from known ones; plateaus are found."""

from __future__ import annotations

import numpy as np
import pytest

from srn_core.fill import filled, plateau_of


def smooth(shape: tuple[int, int, int]) -> np.ndarray:
    z, y, x = (np.linspace(0, 1, n).reshape([-1 if i == axis else 1 for i in range(3)]) for axis, n in enumerate(shape))
    return (1000 + np.sin(2 * z) + np.cos(3 * y) + x * y).astype(np.float32)


@pytest.mark.parametrize("shape", [(20, 30, 25), (1, 40, 33), (1, 1, 50), (3, 3, 3)])
def test_known_voxels_stay_and_the_rest_is_near_what_it_was(shape):
    truth = smooth(shape)
    known = np.random.default_rng(0).random(shape) < 0.4
    known.flat[0] = True
    before = np.where(known, truth, np.nan)
    found = filled(before, known)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[known], truth[known])
    assert np.abs(found - truth).max() < 0.45 * np.ptp(truth) + 1e-3
    np.testing.assert_array_equal(np.isnan(before), ~known)


def test_a_hole_has_no_cliff():
    truth = smooth((24, 24, 24))
    known = np.ones(truth.shape, bool)
    known[6:18, 6:18, 6:18] = False
    found = filled(np.where(known, truth, 0), known)
    steps = max(float(np.abs(np.diff(found, axis=axis)).max()) for axis in range(3))
    assert steps < 3 * max(float(np.abs(np.diff(truth, axis=axis)).max()) for axis in range(3))
    assert truth.min() <= found.min() <= found.max() <= truth.max()


def test_nothing_and_everything_known():
    truth = smooth((3, 4, 5))
    assert not filled(truth, np.zeros(truth.shape, bool)).any()
    np.testing.assert_array_equal(filled(truth, np.ones(truth.shape, bool)), truth)


@pytest.mark.parametrize("dtype", ["float32", "uint8", "int64", "bool"])
def test_the_commonest_value_is_found(dtype):
    values = (np.arange(8000) % 199 + 1).reshape(20, 20, 20).astype(dtype)
    land = np.zeros(values.shape, bool)
    land[3, 5:, 2:12] = True
    values[land] = 0
    plateau = plateau_of(values)
    assert plateau is not None
    common = 1 if dtype == "bool" else 0
    np.testing.assert_array_equal(plateau.mask, values == common)
    assert plateau.values == (float(common),)


def test_what_is_no_plateau():
    values = np.random.default_rng(0).normal(size=(20, 20, 20)).astype(np.float32)
    assert plateau_of(values) is None
    values[0, 0, :12] = 5.0  # 0.15 % of the voxels
    assert plateau_of(values) is None
    assert plateau_of(np.full((5, 5, 5), 2.0)) is None
    assert plateau_of(values, np.zeros(values.shape, bool)) is None
    assert plateau_of(np.full((9, 9, 9), np.nan, np.float32)) is None


def test_vectors_are_compared_as_a_whole_and_invalid_voxels_do_not_count():
    generator = np.random.default_rng(1)
    values = generator.normal(size=(12, 12, 12, 3))
    values[..., 1] = 0.0
    values[:3] = (1.0, 0.0, -2.0)
    valid = np.ones((12, 12, 12), bool)
    valid[0] = False
    plateau = plateau_of(values, valid)
    assert plateau is not None
    assert plateau.values == (1.0, 0.0, -2.0)
    wanted = np.zeros((12, 12, 12), bool)
    wanted[1:3] = True
    np.testing.assert_array_equal(plateau.mask, wanted)


def test_values_that_float64_does_not_hold_are_left_alone():
    values = np.arange(1000).reshape(10, 10, 10)
    values[0] = 2**60 + 1
    assert plateau_of(values) is None

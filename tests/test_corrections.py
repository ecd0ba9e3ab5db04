"""A promised largest error holds at every voxel, in the dtype of the original."""

from __future__ import annotations

import numpy as np
import pytest

from srn_core.corrections import corrections_for, guard_of, holds
from srn_core.errors import SrnInputError
from srn_core.original_dtype import as_dtype

SHAPE = (7, 6, 9)


def noisy(dtype: str, seed: int = 0, offset: float = 100.0, scale: float = 20.0) -> tuple[np.ndarray, np.ndarray]:
    """A field of a dtype, and what a decoder might make of it, float64."""
    generator = np.random.default_rng(seed)
    truth = as_dtype(offset + scale * generator.random(SHAPE), np.dtype(dtype))
    return truth, truth.astype(np.float64) + 0.1 * scale * generator.laplace(size=SHAPE) ** 3


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint8", "int16", "uint16", "int64"])
@pytest.mark.parametrize("bound", [0.3, 0.7, 1.0, 5.0])
def test_every_voxel_is_within_the_bound_with_the_guard(dtype, bound):
    truth, decoded = noisy(dtype)
    kind, guard = truth.dtype, guard_of(bound, 20.0)
    assert not holds(truth, decoded, bound, kind)
    corrections = corrections_for(truth, decoded, bound, guard)
    assert corrections is not None
    assert corrections.codes.dtype == np.int32
    assert corrections.codes.shape == (*SHAPE, 1)
    mended = decoded + corrections.codes[..., 0] * corrections.step
    for elsewhere in (-0.9, 0.0, 0.9):
        assert holds(truth, mended + elsewhere * guard, bound, kind)
    kept = corrections.codes[..., 0] == 0
    assert 0.02 < kept.mean() < 0.999 or bound < 1
    assert not holds(truth, np.where(kept, mended, decoded), bound, kind)


def test_a_bound_below_one_means_exact_integers():
    truth, decoded = noisy("int16")
    corrections = corrections_for(truth, decoded, 0.6, 1e-3)
    assert corrections is not None
    mended = as_dtype(decoded + corrections.codes[..., 0] * corrections.step, truth.dtype)
    np.testing.assert_array_equal(mended, truth)


def test_bool_comes_back_exactly():
    truth = np.random.default_rng(1).random(SHAPE) < 0.5
    decoded = np.random.default_rng(2).normal(0.5, 1.0, SHAPE)
    corrections = corrections_for(truth, decoded, 0.4, 1e-3)
    assert corrections is not None
    np.testing.assert_array_equal(decoded + corrections.codes[..., 0] * corrections.step >= 0.5, truth)


def test_values_beyond_the_limits_of_the_type_need_nothing():
    truth = np.array([[[0, 255, 7]]], np.uint8)
    assert corrections_for(truth, np.array([[[-30.0, 300.0, 7.2]]]), 0.5, 1e-3) is None
    corrections = corrections_for(truth, np.array([[[-30.0, 300.0, -30.0]]]), 0.5, 1e-3)
    assert corrections is not None
    assert (corrections.codes.ravel() != 0).tolist() == [False, False, True]


def test_coarse_floats_are_exact_where_their_spacing_is_wider_than_the_bound():
    truth, decoded = noisy("float32", offset=1e6, scale=1.0)  # float32 has steps of 1/16 there
    corrections = corrections_for(truth, decoded, 0.02, 1e-5)
    assert corrections is not None
    mended = (decoded + corrections.codes[..., 0] * corrections.step).astype(np.float32)
    np.testing.assert_array_equal(mended, truth)


def test_vectors_and_voxels_without_value():
    generator = np.random.default_rng(3)
    truth = generator.random((4, 5, 6, 3)).astype(np.float32)
    truth[0, 0, 0] = np.nan
    decoded = truth + generator.normal(size=truth.shape) * 0.1
    decoded[1] += 9.0
    valid = np.ones(truth.shape[:3], bool)
    valid[1] = False
    corrections = corrections_for(truth, decoded, 0.05, 1e-4, valid)
    assert corrections is not None
    assert not corrections.codes[1].any()
    assert not corrections.codes[0, 0, 0].any()
    mended = decoded + corrections.codes * corrections.step
    assert holds(truth, mended, 0.05, truth.dtype, valid)
    assert not holds(truth, mended, 0.05, truth.dtype)


def test_nothing_to_mend():
    truth, _ = noisy("float32")
    assert corrections_for(truth, truth.astype(np.float64), 0.1, 1e-4) is None


def test_a_decoded_nan_breaks_the_promise():
    truth = np.ones((2, 2, 2), np.float32)
    decoded = truth.astype(np.float64)
    decoded[0, 0, 0] = np.nan
    assert not holds(truth, decoded, 0.5, truth.dtype)
    with pytest.raises(SrnInputError, match="cannot be kept"):
        corrections_for(truth, decoded, 0.5, 1e-4)


@pytest.mark.parametrize(("bound", "message"), [(1e-6, "finer than decoding"), (1e-4, "too far")])
def test_what_cannot_be_promised(bound, message):
    truth, decoded = noisy("float64", scale=20.0)
    with pytest.raises(SrnInputError, match=message):
        corrections_for(truth, decoded, bound, guard_of(bound, 20.0))


def test_large_integers_are_compared_exactly():
    truth = np.full((1, 1, 2), 2**62, np.int64)
    assert holds(truth, truth + np.array([1, -1]), 1.0, truth.dtype)
    assert not holds(truth, truth + np.array([1, -2]), 1.0, truth.dtype)

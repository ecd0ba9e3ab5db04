"""Sparse arrays as moves: what is packed comes back, in few bytes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from onnx_export.sparse_moves import MOST_MOVES, sparse_moves, unpacked

whole = st.one_of(st.just(0), st.integers(-3, 3), st.integers(-(2**24), 2**24))
real = st.one_of(st.just(0.0), st.sampled_from([1.5, -2.25, 2.0**-60]), st.floats(-1e6, 1e6, width=32))


@settings(max_examples=200, deadline=None)
@given(arrays.arrays(np.int32, st.integers(1, 400), elements=whole))
def test_whole_numbers_come_back(values: np.ndarray) -> None:
    packed = sparse_moves(values)
    assert (packed is None) == (not values.any())
    if packed is not None:
        np.testing.assert_array_equal(unpacked(packed, len(values)), values)
        assert packed.moves.dtype == np.uint8 and len(packed.steps) == len(packed.numbers) <= MOST_MOVES


@settings(max_examples=100, deadline=None)
@given(arrays.arrays(np.float32, st.integers(1, 400), elements=real))
def test_floats_come_back_to_the_bit_or_are_refused(values: np.ndarray) -> None:
    packed = sparse_moves(values)
    if packed is not None:
        np.testing.assert_array_equal(unpacked(packed, len(values)), values)
    else:
        assert not values.any() or len(np.unique(values)) > MOST_MOVES - 40


@pytest.mark.parametrize("gap", [1, 255, 256, 257, 70_000])
@pytest.mark.parametrize("number", [1, -1, 127, -128, 300, -40_000])
def test_long_gaps_and_large_numbers(gap: int, number: int) -> None:
    values = np.zeros(3 * gap + 2, np.int32)
    values[[gap, 2 * gap, -1]] = [number, -number, number]
    packed = sparse_moves(values)
    assert packed is not None
    np.testing.assert_array_equal(unpacked(packed, len(values)), values)


def test_a_table_too_small_for_all_pairs_is_made_to_do() -> None:
    """Thousands of different gaps and numbers, each in few moves."""
    rng = np.random.default_rng(0)
    values = np.zeros(400_000, np.int32)
    places = rng.choice(len(values), 4000, replace=False)
    values[places] = np.rint(rng.laplace(0, 300, len(places)))
    packed = sparse_moves(values)
    assert packed is not None
    np.testing.assert_array_equal(unpacked(packed, len(values)), values)
    assert len(packed.moves) < 8 * len(places)


def test_usual_coefficients_take_little_more_than_a_byte_each() -> None:
    rng = np.random.default_rng(1)
    values = np.rint(rng.laplace(0, 0.5, 200_000)).astype(np.int32)
    packed = sparse_moves(values)
    assert packed is not None
    np.testing.assert_array_equal(unpacked(packed, len(values)), values)
    assert packed.nbytes < 1.1 * np.count_nonzero(values) + 2000

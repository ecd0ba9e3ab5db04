"""Numbers to codes and back."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from srn_core.codec import in_steps, quantise
from srn_core.codec.grouping import code_type
from srn_core.codec.quantise import levels_of
from srn_core.errors import SrnInputError, SrnMissingPackageError

arrays = hnp.arrays(
    np.float32, hnp.array_shapes(max_dims=3, max_side=6), elements=st.floats(-(2.0**100), 2.0**100, width=32)
)


@given(arrays, st.integers(1, 16))
def test_uniform_is_right_to_half_a_step_and_keeps_zeros(values, bits):
    stored = quantise(values, bits)
    assert stored.codes.shape == values.shape
    assert stored.codes.dtype == np.int32
    assert stored.bits == bits
    assert np.abs(stored.codes).max() <= levels_of(bits)
    assert float(np.float32(stored.step)) == stored.step
    error = np.abs(stored.codes * np.float64(stored.step) - values.astype(np.float64))
    assert np.all(error <= 0.5 * stored.step * (1 + 1e-6) + levels_of(bits) * stored.step * 2.0**-23)
    assert np.all(stored.values()[values == 0] == 0)
    assert np.all(np.isfinite(stored.values()))


@given(arrays, st.integers(1, 16))
def test_kmeans_keeps_zeros_and_its_bounds(values, bits):
    stored = quantise(np.tile(values, 3), bits, "kmeans")
    low, high = code_type(stored).bounds
    assert low <= stored.codes.min() <= stored.codes.max() <= high
    assert np.all(stored.values()[np.tile(values, 3) == 0] == 0)


@given(arrays, st.integers(1, 2**15 - 1))
def test_free_levels_are_the_largest_code_in_the_fewest_bits(values, levels):
    stored = quantise(values, 8, levels=levels)
    assert np.abs(stored.codes).max() <= levels
    if np.abs(values).max() > 1e-20:
        assert np.abs(stored.codes).max() == levels
    low, high = code_type(stored).bounds
    assert low < -levels
    assert levels <= high
    assert high < 2 * levels or levels == 1
    error = np.abs(stored.codes * np.float64(stored.step) - values.astype(np.float64))
    assert np.all(error <= 0.5 * stored.step * (1 + 1e-6) + levels * stored.step * 2.0**-23)


def test_levels_of_the_bits_are_the_same_as_the_bits():
    values = np.random.default_rng(0).laplace(size=4000).astype(np.float32)
    for bits in range(2, 11):
        for method, levels in (("uniform", levels_of(bits)), ("kmeans", 2**bits)):
            one, other = quantise(values, bits, method), quantise(values, 3, method, levels=levels)
            assert one.bits == other.bits
            np.testing.assert_array_equal(one.codes, other.codes)


@pytest.mark.parametrize("entries", [2, 3, 5, 20, 33])
def test_a_codebook_has_any_number_of_entries(entries):
    values = np.random.default_rng(0).laplace(size=4000).astype(np.float32)
    values[::3] = 0
    stored = quantise(values, 8, "kmeans", levels=entries)
    assert stored.codebook is not None
    assert stored.codebook.size == entries
    assert 2 ** (stored.bits - 1) < entries <= 2**stored.bits
    steps = quantise(values[:30], 8, "kmeans", levels=entries)  # a codebook does not pay
    assert steps.codebook is not None or np.abs(steps.codes).max() <= max(1, entries // 2)


@pytest.mark.parametrize(
    ("method", "levels"), [("uniform", 0), ("uniform", 2**15), ("uniform", 2.5), ("uniform", True), ("kmeans", 1)]
)
def test_absurd_levels_are_refused(method, levels):
    with pytest.raises(SrnInputError, match="levels"):
        quantise(np.ones(3, np.float32), 8, method, levels=levels)


def test_more_bits_err_less():
    values = np.random.default_rng(0).laplace(size=4000).astype(np.float32)
    for method in ("uniform", "kmeans"):
        errors = [np.sqrt(np.mean((quantise(values, b, method).values() - values) ** 2)) for b in (2, 4, 6, 8)]
        assert errors == sorted(errors, reverse=True)
        assert errors[-1] < 0.02


def test_a_codebook_errs_less_than_equal_steps():
    values = np.random.default_rng(0).laplace(size=4000).astype(np.float32)
    steps, book = (quantise(values, 4, m).values() for m in ("uniform", "kmeans"))
    assert np.mean((book - values) ** 2) < 0.5 * np.mean((steps - values) ** 2)


def test_few_distinct_values_are_kept_exactly():
    values = np.random.default_rng(1).choice(np.float32([0.0, 0.1, -3.7, 2e-9]), size=(5, 40))
    stored = quantise(values, 3, "kmeans")
    np.testing.assert_array_equal(stored.values(), values)
    assert stored.codebook is not None
    assert stored.codebook.size == 4
    assert stored.codebook[0] == 0


def test_a_codebook_that_would_not_pay_gives_way_to_steps():
    values = np.random.default_rng(1).normal(size=32).astype(np.float32)
    assert quantise(values, 8, "kmeans").codebook is None
    assert quantise(np.tile(values, 100), 8, "kmeans").codebook is not None
    large = np.random.default_rng(1).normal(size=3000).astype(np.float32)
    assert quantise(large, 16, "kmeans").codebook is None


def test_kmeans_is_deterministic():
    values = np.random.default_rng(2).normal(size=5000).astype(np.float32)
    one, two = (quantise(values, 5, "kmeans", seed=3) for _ in range(2))
    np.testing.assert_array_equal(one.codes, two.codes)
    np.testing.assert_array_equal(one.codebook, two.codebook)


@pytest.mark.parametrize("extreme", [0.0, 1e-45, 3.4028235e38, -3.4028235e38])
def test_extreme_numbers_stay_finite(extreme):
    for bits in range(1, 17):
        stored = quantise(np.full((2, 3), extreme, np.float32), bits)
        assert np.all(np.isfinite(stored.values()))
        np.testing.assert_allclose(stored.values(), np.float32(extreme), rtol=1e-4)


@pytest.mark.parametrize("bits", [0, 17, -1, 2.5, True])
def test_absurd_bits_are_refused(bits):
    with pytest.raises(SrnInputError, match="1 to 16 bits"):
        quantise(np.ones(3, np.float32), bits)


def test_wrong_input_is_refused():
    with pytest.raises(SrnInputError, match="not finite"):
        quantise(np.float32([1, np.nan]), 8)
    with pytest.raises(SrnInputError, match="uniform, kmeans"):
        quantise(np.float32([1, 2]), 8, "magic")


def test_a_missing_package_is_named(monkeypatch):
    for name in [m for m in sys.modules if m.split(".")[0] == "sklearn"] + ["sklearn", "sklearn.cluster"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SrnMissingPackageError, match="scikit-learn"):
        quantise(np.random.default_rng(0).normal(size=4000), 4, "kmeans")


def test_in_steps_is_within_half_a_step_and_says_where_it_cannot_be() -> None:
    values = np.random.default_rng(0).normal(size=(3, 50)).astype(np.float32)
    stored = in_steps(values, 0.013)
    assert stored.step == float(np.float32(0.013)) and stored.codes.shape == values.shape
    assert np.abs(stored.values() - values).max() <= 0.00651
    assert np.abs(stored.codes).max() < 2 ** (stored.bits - 1)
    assert in_steps(np.zeros(4), 1.0).values().tolist() == [0.0] * 4
    with pytest.raises(SrnInputError, match="at most 32767"):
        in_steps(np.array([1.0]), 1e-5)

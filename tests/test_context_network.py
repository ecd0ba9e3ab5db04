"""The context network gives the same integers wherever it runs: its sums are exact in float32, in any order."""

from __future__ import annotations

import os
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srn_core.codec.context_network import (
    CHUNK,
    CHUNKS,
    HIDDEN,
    LARGEST_VALUE,
    LARGEST_WEIGHT,
    SIGN_BINS,
    SIZE_BINS,
    ZERO_BINS,
    contexts,
    default_model,
    sign_contexts,
)
from srn_core.codec.pyramid_beside import LOGARITHMS
from srn_core.codec.pyramid_contexts import (
    CONSTANTS,
    FEATURES,
    LARGEST_SIGNED,
    PARITIES,
    SIGN_CLASSES,
    Surroundings,
    lattice,
    nothing_known,
    remember,
)
from srn_core.codec.pyramid_relations import relations
from srn_core.codec.pyramid_tokens import TOKENS

MODEL = default_model()
EXACT = 1 << 24
"""Whole numbers below are float32 numbers."""
LARGEST_FEATURE = 255
LARGEST_CONSTANT = 256
"""16 times a sum of levels, a third of it, is at most 16 * 16."""


def in_integers(features: np.ndarray, constants: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The network in 64-bit integers: products, sums and shifts alone."""
    varying = len(features)
    values = features.T.astype(np.int64) @ MODEL.first[:varying] + constants @ MODEL.first[varying:] + MODEL.first_bias
    values = np.clip(values >> 5, 0, LARGEST_VALUE)
    values = np.clip((values @ MODEL.second + MODEL.second_bias) >> 6, 0, LARGEST_VALUE)
    out = (values @ MODEL.last + MODEL.last_bias) >> 9
    zero = np.clip(out[:, 0] + ZERO_BINS // 2, 0, ZERO_BINS - 1)
    return zero, np.clip(out[:, 1] + SIZE_BINS // 2, 0, SIZE_BINS - 1)


def worst_sums(weights: np.ndarray, bias: np.ndarray, largest: np.ndarray) -> int:
    """The largest sum, whole or partial, in any order, of inputs from 0 to ``largest``."""
    return int((np.abs(weights) * largest[:, None]).sum(axis=0).max() + np.abs(bias).max())


def test_every_sum_is_exact_in_float32():
    first = np.array([LARGEST_FEATURE] * FEATURES + [LARGEST_CONSTANT] * CONSTANTS)
    hidden = np.full(HIDDEN, LARGEST_VALUE)
    assert worst_sums(MODEL.first, MODEL.first_bias, first) < EXACT
    assert worst_sums(MODEL.second, MODEL.second_bias, hidden) < EXACT
    assert worst_sums(MODEL.last, MODEL.last_bias, hidden) < EXACT


def test_the_model_has_the_shapes_and_bounds_it_says():
    shapes = {
        "first": (FEATURES + CONSTANTS, HIDDEN),
        "first_bias": (HIDDEN,),
        "second": (HIDDEN, HIDDEN),
        "second_bias": (HIDDEN,),
        "last": (HIDDEN, 2),
        "last_bias": (2,),
        "signs": (4, len(PARITIES), SIGN_CLASSES),
        "zero_prior": (ZERO_BINS, 2),
        "size_prior": (SIZE_BINS, TOKENS),
        "sign_prior": (SIGN_BINS, 2),
    }
    assert {name: array.shape for name, array in MODEL._asdict().items()} == shapes
    for name in ("first", "second", "last"):
        assert np.abs(getattr(MODEL, name)).max() <= LARGEST_WEIGHT
    for name in ("zero_prior", "size_prior", "sign_prior"):
        prior = getattr(MODEL, name)
        assert prior.min() >= 1 and prior.sum(axis=1).max() < 1 << 30
    neighbours = 26 * LARGEST_SIGNED * int(np.abs(MODEL.signs).max())
    assert neighbours < LOGARITHMS, "an expected sign is an int16, and its logarithm is in the table"


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.sampled_from(["any", "small", "ends"]))
def test_float32_and_integers_give_the_same_contexts(seed, kind):
    random = np.random.default_rng(seed)
    most = {"any": 256, "small": 24, "ends": 2}[kind]
    features = random.integers(0, most, (FEATURES, 300)) * (255 if kind == "ends" else 1)
    constants = random.integers(0, LARGEST_CONSTANT, CONSTANTS, endpoint=True)
    for one, other in zip(contexts(MODEL, features.astype(np.uint8), constants), in_integers(features, constants)):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == np.uint8


@pytest.mark.parametrize("count", [CHUNK + 77, CHUNKS * CHUNK, 2 * CHUNKS * CHUNK + CHUNK + 1])
def test_more_than_fits_a_chunk_and_nothing_at_all(count):
    random = np.random.default_rng(5)
    features = random.integers(0, 225, (FEATURES, count)).astype(np.uint8)
    constants = np.zeros(CONSTANTS, np.int64)
    for one, other in zip(contexts(MODEL, features, constants), in_integers(features, constants)):
        np.testing.assert_array_equal(one, other)
    assert [found.shape for found in contexts(MODEL, features[:, :0], constants)] == [(0,), (0,)]


def test_the_network_tells_busy_places_from_quiet_ones():
    constants = np.zeros(CONSTANTS, np.int64)
    features = np.array([[0, 100]] * FEATURES, np.uint8)
    zero, size = contexts(MODEL, features, constants)
    share = MODEL.zero_prior[zero, 0] / MODEL.zero_prior[zero].sum(axis=1)
    assert share[0] > share[1] + 0.3, "where all is zero around, so is this one"
    assert MODEL.size_prior[size, 1].argmax() == 0


def test_signs_have_a_context_for_every_expectation():
    expected = np.arange(-1000, 1001)
    found = sign_contexts(expected)
    assert found.min() == 0 and found.max() == SIGN_BINS - 1
    np.testing.assert_array_equal(found, found[::-1])
    assert np.all(np.diff(found[1000:]) >= 0)


@pytest.mark.parametrize("groups", [(("zyx", 2),), (("z", 2), ("yx", 2)), (), (("z", 1), ("y", 2), ("x", 1))])
@pytest.mark.parametrize("value", [0, 1, 255])
def test_features_and_constants_stay_within_what_the_sums_are_bounded_for(groups, value):
    """The busiest surroundings there can be: every magnitude the largest that counts."""
    shape = (8, 9, 10)
    bands = relations(shape, groups)
    magnitudes = [np.full(relation.shape, value, np.uint8) for relation in bands]
    for relation in bands:
        surroundings, known = Surroundings(relation, magnitudes), nothing_known(relation.shape)
        for number, parity in enumerate(PARITIES):
            part = np.full(relation.shape, value, np.int32)[lattice(parity)]
            if part.size:
                told = surroundings.of(known, number, MODEL.signs, None)
                assert told.features.shape == (FEATURES, part.size) and told.features.dtype == np.uint8
                constants = surroundings.constants(known, number)
                assert constants.shape == (CONSTANTS,) and 0 <= constants.min() <= constants.max() <= LARGEST_CONSTANT
                assert bool(told.features.any()) <= (value > 0)
            remember(known, parity, part)


def test_no_feature_looks_at_what_is_not_coded_yet():
    """What a pass is told is the same whatever this pass and later ones hold."""
    shape = (9, 10, 11)
    relation = relations(shape, ())[0]
    random = np.random.default_rng(0)
    codes = random.integers(-9, 10, shape).astype(np.int32)
    for number in range(len(PARITIES)):
        known = nothing_known(shape)
        for parity in PARITIES[:number]:
            remember(known, parity, codes[lattice(parity)])
        part = codes[lattice(PARITIES[number])]
        told = Surroundings(relation, []).of(known, number, MODEL.signs, None)
        some = np.arange(0, part.size, 3)
        chosen = Surroundings(relation, []).of(known, number, MODEL.signs, some)
        np.testing.assert_array_equal(chosen.features, told.features[:, some])
        np.testing.assert_array_equal(chosen.expected, told.expected[some])
        assert told.expected.any() == (number > 0)


SCRIPT = """
import zlib
import numpy as np
from srn_core.codec.pyramids import draft
random = np.random.default_rng(7)
codes = random.integers(-40, 41, (1, 56, 56, 56)) // random.integers(1, 60, (1, 56, 56, 56))
print(zlib.crc32(draft(codes.astype(np.int32), (("z", 1),))[1].streams()[0]))
"""


def stream_crc(**variables: str) -> int:
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "OPENBLAS_", "MKL_"))}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env={**keep, **variables}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.fixture(scope="module")
def usual_crc() -> int:
    """Of the stream that this machine makes by itself."""
    return stream_crc()


@pytest.mark.parametrize(
    ("threads", "kernel"), [("1", None), ("2", None), ("2", "Haswell"), ("1", "Sandybridge"), ("2", "Sandybridge")]
)
def test_streams_do_not_depend_on_threads_or_kernels(usual_crc, threads, kernel):
    variables = {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
    if kernel is not None:
        variables["OPENBLAS_CORETYPE"] = kernel
    assert stream_crc(**variables) == usual_crc


def test_the_learnt_numbers_are_those_that_files_were_written_with():
    """A model in use is never changed: a better one gets a number of its own."""
    found = {name: zlib.crc32(array.astype("<i4").tobytes()) for name, array in MODEL._asdict().items()}
    assert found == CHECKSUMS


CHECKSUMS = {
    "first": 0xFAE8F8E8,
    "first_bias": 0x82069579,
    "second": 0x4ACE1B12,
    "second_bias": 0x57B29CB2,
    "last": 0x9307EF78,
    "last_bias": 0xC371CB50,
    "signs": 0x9781399F,
    "zero_prior": 0xDFEC650C,
    "size_prior": 0x8CA9267B,
    "sign_prior": 0xD9FFD809,
}

"""The layouts that code by probabilities: tokens, priors, contexts, sizes, damaged streams."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srn_core.codec import magnitudes
from srn_core.codec.adaptive import SEEN
from srn_core.codec.grouping import smallest_groups
from srn_core.codec.integers import Integers, header_from, header_to
from srn_core.codec.layouts import LAYOUTS, CodeType
from srn_core.codec.packing import pack_smallest
from srn_core.codec.quantise import quantise
from srn_core.codec.rans import Decoder, Encoder
from srn_core.codec.significance import MOST_BANDS, coding_order
from srn_core.codec.surroundings import PARITIES, around, beside, bordered, descend, part, places_of
from srn_core.errors import SrnFormatError
from srn_core.spec import FvSrnSpec, WaveletSpec

ENTROPY, SIGNIFICANCE = LAYOUTS["entropy"], LAYOUTS["significance"]
EIGHT = CodeType(8, True)


def order_0(codes: np.ndarray) -> float:
    """Bytes of the empirical entropy."""
    counts = np.unique(codes, return_counts=True)[1]
    return float(-np.sum(counts * np.log2(counts / counts.sum()))) / 8


def smooth(values: np.ndarray, times: int) -> np.ndarray:
    for axis in list(range(-3, 0)) * times:
        values = (np.roll(values, 1, axis) + 2 * values + np.roll(values, -1, axis)) / 4
    return values


def clustered(size: int, features: int, kept: float, seed: int) -> list[np.ndarray]:
    """Codes like those of pruned wavelet coefficients, as a spec orders them: approx, the finest detail, ..."""
    generator = np.random.default_rng(seed)
    noise = smooth(generator.normal(size=(2 * size,) * 3), 5)
    energy = np.exp(1.6 * noise / noise.std())
    shapes, arrays = [size, (size + 1) // 2], []
    for level, n in [(1, shapes[1]), (0, size), (1, shapes[1])]:
        near = energy[np.ix_(*[np.arange(n) * 2 * size // n] * 3)]
        bands = (7,) if arrays else ()
        values = generator.laplace(size=(features, *bands, n, n, n)) * near * 2.0**level
        size_of = np.sqrt(np.mean(values**2, axis=0))
        arrays.append(np.rint(values / 3 * (size_of > np.quantile(size_of, 1 - kept))).astype(np.int32))
    return [np.clip(array, -127, 127) for array in arrays]


def test_tokens_cover_every_magnitude_once():
    every = np.arange(2**16)
    tokens = magnitudes.token_of(every)
    assert tokens[-1] == magnitudes.TOKENS - 1
    rest = every - magnitudes.FIRST[tokens]
    assert rest.min() == 0
    assert np.all(rest < 1 << magnitudes.EXTRA[tokens])
    assert np.all(np.bincount(tokens) == 1 << magnitudes.EXTRA)
    signed = np.concatenate([every, -every])
    coder = Encoder()
    np.testing.assert_array_equal(magnitudes.code(coder, np.tile(tokens, 2), signed), signed)
    np.testing.assert_array_equal(magnitudes.code(Decoder(coder.finish()), np.tile(tokens, 2), None), signed)


@pytest.mark.parametrize("number", [0, 9, 22, 40, 63, 64 + 30, 64 + 45, 128 + 28, 128 + 50])
def test_priors_are_the_densities_they_are_said_to_be(number):
    shape, scale = magnitudes.SHAPES[number // 64], number % 64
    s = (4 + scale % 4) * 2.0 ** (scale // 4) / 16
    middle = magnitudes.FIRST + (2.0**magnitudes.EXTRA - 1) / 2
    density = {"laplace": 2 ** -(middle / s), "normal": 2 ** -((middle / s) ** 2)}.get(
        shape, np.where(middle <= s, 1.0, 2.0**-8)
    )
    mass = density * 2.0**magnitudes.EXTRA * np.where(middle > 0, 2, 1)
    found = np.array(magnitudes.prior(number)) / (magnitudes.CONFIDENCE * SEEN)
    np.testing.assert_allclose(found, mass / mass.sum(), atol=2 / (magnitudes.CONFIDENCE * SEEN))


@given(st.lists(st.integers(0, 999), min_size=1, max_size=50), st.integers(1, 16), st.booleans())
def test_integers_come_back_and_zero_stays_zero(codes, bits, signed):
    kind = CodeType(bits, signed)
    low, high = kind.bounds
    codes = np.clip(np.array(codes) - (500 if signed else 0), low, high)
    about = Integers.of(codes, kind)
    numbers = about.numbers(codes, kind)
    np.testing.assert_array_equal(about.codes(numbers, kind), codes)
    np.testing.assert_array_equal(numbers == 0, codes == 0)
    assert header_from(header_to([about, about], kind) + b"rest", 2, kind) == ([about, about], b"rest")


@pytest.mark.parametrize("shape", [(4, 1, 5), (2, 3, 2), (1, 1, 1)])
def test_neighbours_are_weighted_by_their_distance(shape):
    """Pass by pass: what was coded before, how much of it there is, and all neighbours by a face."""
    values = np.random.default_rng(0).integers(0, 2, shape).astype(np.int8)
    places, here = places_of(shape), bordered(shape)
    done = np.zeros(shape, bool)

    def sums(position: tuple[int, ...], of: np.ndarray, weights: tuple[int, ...]) -> int:
        steps = [(step, tuple(np.add(position, step))) for step in product((-1, 0, 1), repeat=3)]
        inside = [(step, at) for step, at in steps if all(0 <= i < n for i, n in zip(at, shape))]
        return sum(weights[np.abs(step).sum()] * int(of[at]) for step, at in inside)

    for parity, known in zip(PARITIES, places.known):
        positions = list(product(*(range(odd, n, 2) for odd, n in zip(parity, shape))))
        near = around(here, parity)
        assert near.dtype == np.int8
        assert near.ravel().tolist() == [sums(p, values * done, (0, 4, 2, 1)) for p in positions]
        assert known.ravel().tolist() == [sums(p, done, (0, 4, 2, 1)) for p in positions]
        inside = tuple(slice(odd, None, 2) for odd in parity)
        here[part(parity)], done[inside] = values[inside], True
    np.testing.assert_array_equal(here[1:-1, 1:-1, 1:-1], values)
    by_face = [sums(np.unravel_index(p, shape), values, (0, 1, 0, 0)) for p in places.positions]
    assert beside(here.ravel(), places.padded, places.offsets).tolist() == by_face
    odd = [sum(np.unravel_index(p, shape)) % 2 for p in places.positions]
    assert odd == sorted(odd)
    assert odd.count(0) == places.even


def test_most_neighbours_do_not_overflow():
    ones = bordered((5, 5, 5))
    ones[...] = 1
    assert around(ones, (0, 0, 0)).max() == 64  # the position's own 8 with it


def test_a_position_descends_from_the_one_it_was_halved_to():
    above = np.random.default_rng(0).random((2, 3, 4, 5)) < 0.5
    found = descend(above, (2, 5, 4, 10))
    for b, z, y, x in product(range(2), range(5), range(4), range(10)):
        assert found[b, z, y, x] == above[b, z // 2, y, x // 2]
    np.testing.assert_array_equal(descend(above, (7, 3, 4, 5)), np.repeat(above.any(axis=0)[None], 7, axis=0))
    assert descend(None, (1, 1, 1, 1)) is None


def test_the_coarsest_level_comes_first():
    spec = FvSrnSpec((1.0, 1.0, 1.0), 1, (8,), 2, 3, (20, 9, 14), WaveletSpec("haar", 3, (0.7, 0.7), (0.7, -0.7)))
    shapes = list(spec.grid_shapes().values())
    assert coding_order(shapes) == [0, 3, 2, 1]
    generator = np.random.default_rng(0)
    arrays = [(generator.integers(-9, 9, s) * (generator.random(s) < 0.2)).astype(np.int32) for s in shapes]
    for layout in (ENTROPY, SIGNIFICANCE):
        for array, found in zip(arrays, layout.join(layout.split(arrays, EIGHT), shapes, EIGHT)):
            np.testing.assert_array_equal(array, found)


@pytest.mark.parametrize("draw", ["laplace", "normal", "uniform"])
@pytest.mark.parametrize("count", [40, 1000, 20_000])
def test_plain_arrays_cost_little_more_than_their_entropy(draw, count):
    generator = np.random.default_rng(3)
    values = generator.uniform(-1, 1, 200_000) if draw == "uniform" else getattr(generator, draw)(size=200_000)
    codes = np.rint(values / np.abs(values).max() * 127).astype(np.int32)
    density = order_0(codes) / codes.size  # of the source: a small array's own counts flatter it
    data = ENTROPY.split([codes[:count]], EIGHT)[0]
    assert len(data) < density * count * 1.03 + 14


def test_arrays_of_two_scales_do_not_spoil_each_other():
    generator = np.random.default_rng(0)
    arrays = [np.rint(generator.laplace(scale=s, size=2000)).astype(np.int32) for s in (1.0, 300.0)]
    kind = CodeType(16, True)
    together = len(ENTROPY.split(arrays, kind)[0])
    assert together < 1.04 * sum(map(order_0, arrays)) + 60 or together < sum(
        len(ENTROPY.split([array], kind)[0]) for array in arrays
    )


def test_wide_codes_need_no_table():
    """16 bits: an explicit histogram would cost more than the codes."""
    values = np.random.default_rng(0).normal(size=3000)
    codes = np.rint(values * 4000).astype(np.int32)
    ideal = 3000 * (0.5 * np.log2(2 * np.pi * np.e) + np.log2(4000)) / 8  # differential entropy of a normal density
    assert len(ENTROPY.split([codes], CodeType(16, True))[0]) < 1.01 * ideal + 20


@pytest.mark.parametrize("features", [1, 3])
def test_clustered_coefficients_cost_less_than_without_contexts(features):
    arrays = clustered(14, features, 0.08, 5)
    ideal = 0.0
    for array in arrays:
        rows = array.reshape(array.shape[0], -1)
        kept = np.any(rows != 0, axis=0)
        ideal += order_0(kept) + order_0(rows[:, kept])
    sizes = {
        name: sum(len(pack_smallest(s)[1]) for s in LAYOUTS[name].split(arrays, EIGHT)) for name in ("masked", "shared")
    }
    found = len(SIGNIFICANCE.split(arrays, EIGHT)[0])
    assert found < 0.98 * ideal
    assert found < 0.94 * min(sizes.values())
    alone = sum(len(SIGNIFICANCE.split([array], EIGHT)[0]) for array in arrays)
    assert found < alone  # the levels tell of each other


def test_zeros_cost_next_to_nothing():
    zeros = [np.zeros((4, 7, 16, 16, 16), np.int32)]
    assert len(SIGNIFICANCE.split(zeros, EIGHT)[0]) < 40
    assert len(ENTROPY.split(zeros, EIGHT)[0]) < 80


def test_codebooks_profit_as_steps_do():
    values = clustered(12, 2, 0.1, 2)[1].astype(np.float32) + np.float32(0.0)
    stored = quantise(values, 5, "kmeans")
    assert stored.codebook is not None
    kind = CodeType(5, False)
    found = len(SIGNIFICANCE.split([stored.codes], kind)[0])
    assert found < min(len(pack_smallest(LAYOUTS[n].split([stored.codes], kind)[0])[1]) for n in ("dense", "packed"))
    (back,) = SIGNIFICANCE.join(SIGNIFICANCE.split([stored.codes], kind), [stored.codes.shape], kind)
    np.testing.assert_array_equal(back, stored.codes)


def test_the_writer_keeps_a_latent_grid_together():
    arrays = [quantise(a.astype(np.float32), 8) for a in clustered(14, 2, 0.08, 0)]
    arrays += [quantise(np.random.default_rng(i).normal(size=s), 8) for i, s in enumerate([(24, 30), (24,), (1, 24)])]
    groups = smallest_groups(arrays)
    assert {g.header.arrays: g.header.layout for g in groups} == {(0, 1, 2): "significance", (3, 4, 5): "entropy"}


@settings(max_examples=60)
@given(st.sampled_from(["entropy", "significance"]), st.data())
def test_damaged_streams_are_errors_or_codes(name, data):
    arrays = [a[:, ..., :4, :4, :4] for a in clustered(6, 2, 0.3, 1)]
    shapes = [a.shape for a in arrays]
    (whole,) = LAYOUTS[name].split(arrays, EIGHT)
    place = data.draw(st.integers(0, len(whole) - 1))
    tail = data.draw(st.sampled_from([b"", whole[place + 1 :], whole[place:]]))
    damaged = whole[:place] + data.draw(st.binary(max_size=6)) + tail
    try:
        found = LAYOUTS[name].join([damaged], shapes, EIGHT)
    except SrnFormatError:
        return
    assert [f.shape for f in found] == shapes


def test_very_many_features_are_refused():
    shape = (MOST_BANDS + 1, 1, 1, 1)
    assert not SIGNIFICANCE.suits([shape], EIGHT)
    with pytest.raises(SrnFormatError, match="few bands"):
        SIGNIFICANCE.join([b"\0"], [shape], EIGHT)
    with pytest.raises(SrnFormatError, match="header"):
        ENTROPY.join([b"\xff"], [(1,)], EIGHT)

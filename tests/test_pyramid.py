"""The wavelet pyramid: perfect reconstruction of any size, against its definition, its bands and gains."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import pywt

from srn_core.errors import SrnInputError
from srn_core.pyramid import analyse, axis_matrix, band_gains, pyramid_bands, pyramid_of, synthesise_pyramid
from srn_core.spec import FvSrnSpec, PyramidSpec
from srn_core.wavelet import synthesise

NAMES = ("bior2.2", "bior4.4", "bior6.8")
GROUPS = {
    "dyadic": (("zyx", 3),),
    "packet": (("z", 2), ("yx", 4)),
    "x alone": (("x", 5),),
    "each alone": (("y", 1), ("x", 2), ("z", 3)),
    "no levels": (("zyx", 0),),
    "none": (),
}
Groups = tuple[tuple[str, int], ...]


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("groups", GROUPS.values(), ids=GROUPS)
@pytest.mark.parametrize("name", NAMES)
def test_analysis_and_synthesis_undo_each_other(name: str, groups: Groups) -> None:
    pyramid = pyramid_of(name, groups)
    for n in range(1, 41):
        for shape in ((n, 7, 5), (1, n, 6), (2, 1, n), (n, 1, 1)):
            values = random(*shape, seed=n)
            coefficients = analyse(values, pyramid)
            assert coefficients.shape == shape and coefficients.dtype == np.float32
            np.testing.assert_allclose(synthesise_pyramid(coefficients, pyramid), values, rtol=0, atol=1e-5)
            again = analyse(synthesise_pyramid(values, pyramid), pyramid)
            np.testing.assert_allclose(again, values, rtol=0, atol=2e-5)


@pytest.mark.parametrize("shape", [(1, 300, 257), (513, 3, 1), (129, 2, 140)])
def test_axes_of_many_stretches(shape: tuple[int, int, int]) -> None:
    pyramid = pyramid_of("bior6.8", (("zyx", 4),))
    values = random(*shape)
    np.testing.assert_allclose(synthesise_pyramid(analyse(values, pyramid), pyramid), values, rtol=0, atol=1e-5)


def by_definition(row: np.ndarray, pyramid: PyramidSpec) -> np.ndarray:
    """One level of synthesis of one row, as the format's description has it."""
    n, half = len(row), (len(row) + 1) // 2
    places = np.zeros(n)
    places[0::2], places[1::2] = row[:half], row[half:]
    out = np.zeros(n)
    for i in range(n):
        for p in range(i - 20, i + 21):
            mirrored = p % (2 * n - 2)
            mirrored = min(mirrored, 2 * n - 2 - mirrored)
            taps = pyramid.high if p % 2 else pyramid.low
            if abs(i - p) < len(taps):
                out[i] += taps[abs(i - p)] * places[mirrored]
    return out


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [2, 3, 4, 9, 16, 131, 300])
def test_a_level_is_what_its_definition_says(name: str, n: int) -> None:
    pyramid = pyramid_of(name, (("x", 1),))
    row = random(n, seed=n)
    np.testing.assert_allclose(axis_matrix(n, pyramid) @ row, by_definition(row, pyramid), rtol=0, atol=1e-5)


def test_several_groups_are_a_tensor_product() -> None:
    """Splits of one group go through all bands of the others, whatever their order."""
    shape = (9, 12, 11)
    z, yx = ("z", 2), ("yx", 2)
    values = random(*shape)
    one, other = (analyse(values, pyramid_of("bior4.4", groups)) for groups in ((z, yx), (yx, z)))
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)
    plane = analyse(values[4:5], pyramid_of("bior4.4", (yx,)))
    only_z = analyse(np.repeat(values[4:5], 9, axis=0), pyramid_of("bior4.4", (z, yx)))
    gain = band_gains((9, 1, 1), pyramid_of("bior4.4", (z,)))[0]
    dc = analyse(np.ones((9, 1, 1)), pyramid_of("bior4.4", (z,)))[0, 0, 0]
    assert gain > 0.1
    np.testing.assert_allclose(only_z[:1], plane * dc, rtol=0, atol=1e-5)


@pytest.mark.parametrize("groups", GROUPS.values(), ids=GROUPS)
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 9, 7), (5, 6, 33), (16, 16, 16)])
def test_bands_tile_the_array_in_coding_order(shape: tuple[int, int, int], groups: Groups) -> None:
    cover = np.zeros(shape, int)
    bands = pyramid_bands(shape, groups)
    for band in bands:
        assert cover[band.slices].size > 0
        cover[band.slices] += 1
    np.testing.assert_array_equal(cover, 1)
    keys = [(-sum(b.level), sum(b.high), b.high, b.level) for b in bands]
    assert keys == sorted(keys)
    grouped = {axis: levels for axes, levels in groups for axis in axes}
    for band in bands:
        assert all(level <= grouped.get(axis, 0) for axis, level in zip("zyx", band.level))


def test_bands_of_a_cube() -> None:
    bands = pyramid_bands((8, 8, 8), (("zyx", 2),))
    assert len(bands) == 15
    assert bands[0] == ((slice(0, 2),) * 3, (2, 2, 2), (0, 0, 0))
    assert bands[1] == ((slice(0, 2), slice(0, 2), slice(2, 4)), (2, 2, 2), (0, 0, 1))
    assert bands[-1] == ((slice(4, 8),) * 3, (1, 1, 1), (1, 1, 1))


@pytest.mark.parametrize("groups", GROUPS.values(), ids=GROUPS)
@pytest.mark.parametrize("shape", [(1, 40, 33), (17, 20, 25)])
def test_a_stored_one_is_an_error_of_one(shape: tuple[int, int, int], groups: Groups) -> None:
    pyramid = pyramid_of("bior6.8", groups)
    gains = band_gains(shape, pyramid)
    for band, gain in zip(pyramid_bands(shape, groups), gains):
        coefficients = np.zeros(shape)
        coefficients[tuple((s.start + s.stop) // 2 for s in band.slices)] = 1.0
        assert np.linalg.norm(synthesise_pyramid(coefficients, pyramid)) == pytest.approx(1.0, rel=1e-5)
        assert 0.2 < gain < 20


@pytest.mark.parametrize("name", NAMES)
def test_filters_are_those_of_the_literature(name: str) -> None:
    wavelet, pyramid = pywt.Wavelet(name), pyramid_of(name, ())
    for ours, theirs in ((pyramid.low, wavelet.rec_lo), (pyramid.high, wavelet.rec_hi)):
        taps = np.trim_zeros(np.array(theirs))
        np.testing.assert_allclose(ours, taps[len(taps) // 2 :], rtol=0, atol=1e-9)


@pytest.mark.parametrize("name, degree", [("bior2.2", 1), ("bior4.4", 3), ("bior6.8", 5)])
def test_polynomials_have_no_detail_away_from_the_ends(name: str, degree: int) -> None:
    """The filters' vanishing moments: what makes smooth fields cheap."""
    x = np.linspace(-1, 1, 32)
    for power, vanishes in ((degree, True), (degree + 1, False)):
        detail = analyse((x**power).reshape(1, 1, -1), pyramid_of(name, (("x", 1),)))[0, 0, 16:]
        largest = np.abs(detail[5:-5]).max()
        assert largest < 5e-7 if vanishes else largest > 5e-6


def test_an_unknown_name_is_refused_in_words() -> None:
    with pytest.raises(SrnInputError, match=r"haar.*bior4\.4"):
        pyramid_of("haar", (("zyx", 1),))


def test_inputs_are_left_alone() -> None:
    pyramid = pyramid_of("bior4.4", (("zyx", 2),))
    values = random(8, 9, 10).astype(np.float32)
    before = values.copy()
    analyse(values, pyramid)
    synthesise_pyramid(values, pyramid)
    np.testing.assert_array_equal(values, before)


def test_memory_is_little_more_than_the_result() -> None:
    pyramid = pyramid_of("bior6.8", (("zyx", 4),))
    values = random(144, 144, 144).astype(np.float32)
    for transform in (analyse, synthesise_pyramid):
        tracemalloc.start()
        transform(values, pyramid)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2.5 * values.nbytes


def test_absurd_filters_end_in_numbers_and_not_in_errors() -> None:
    """A file may say what it likes of its filters."""
    for low, high in (((0.0,), (0.0,)), ((60.0,) * 64, (60.0,) * 64)):
        pyramid = replace(pyramid_of("bior4.4", (("zyx", 16),)), low=low, high=high)
        assert synthesise_pyramid(random(3, 4, 70), pyramid).shape == (3, 4, 70)


def test_the_latent_grid_is_the_synthesis_of_each_feature() -> None:
    pyramid = pyramid_of("bior4.4", (("z", 1), ("yx", 2)))
    spec = FvSrnSpec((1.0, 1.0, 1.0), 2, (), 0, 2, (6, 7, 8), pyramid, True)
    coefficients = random(2, 6, 7, 8)
    grid = synthesise(spec, {"coefficients": coefficients})
    for feature in range(2):
        np.testing.assert_array_equal(grid[feature], synthesise_pyramid(coefficients[feature], pyramid))

"""PSNR, RMSE, maximum error and SSIM against their definitions and against scikit-image."""

from __future__ import annotations

import math

import numpy as np
import pytest

from srn_core import metrics
from srn_core.errors import SrnInputError


def pair(shape: tuple[int, ...], seed: int = 0, noise: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    original = random.normal(size=shape).cumsum(axis=0).cumsum(axis=1)
    return original, original + noise * random.normal(size=shape)


def test_figures_are_their_definitions():
    original, decoded = pair((9, 70, 33))
    mse = np.mean((original - decoded) ** 2)
    measured = metrics.measure(original, decoded)
    assert measured.psnr == pytest.approx(20 * np.log10(np.ptp(original)) - 10 * np.log10(mse), abs=1e-9)
    assert measured.rmse == pytest.approx(np.sqrt(mse), rel=1e-12)
    assert measured.max_error == np.abs(original - decoded).max()
    assert metrics.psnr(original, decoded) == measured.psnr
    assert metrics.rmse(original, decoded) == measured.rmse
    assert metrics.max_error(original, decoded) == measured.max_error
    assert metrics.ssim(original, decoded) == measured.ssim


@pytest.mark.parametrize("shape", [(20, 30, 25), (7, 7, 7), (9, 80, 70), (70, 66, 8), (8, 9, 270)])
def test_ssim_equals_scikit_image(shape):
    structural_similarity = pytest.importorskip("skimage.metrics").structural_similarity
    original, decoded = pair(shape)
    expected = structural_similarity(original, decoded, data_range=np.ptp(original))
    assert metrics.ssim(original, decoded) == pytest.approx(expected, abs=1e-10)


def test_ssim_of_a_slice_and_of_a_vector_equal_scikit_image():
    structural_similarity = pytest.importorskip("skimage.metrics").structural_similarity
    original, decoded = pair((1, 40, 50))
    expected = structural_similarity(original[0], decoded[0], data_range=np.ptp(original))
    assert metrics.ssim(original, decoded) == pytest.approx(expected, abs=1e-10)
    original, decoded = pair((10, 20, 15, 3))
    expected = structural_similarity(original, decoded, data_range=np.ptp(original), channel_axis=3)
    assert metrics.ssim(original, decoded) == pytest.approx(expected, abs=1e-10)


def test_ssim_with_a_mask_equals_its_definition_window_by_window():
    original, decoded = pair((9, 8, 10))
    valid = np.random.default_rng(3).random(original.shape) > 0.2
    span, values = np.ptp(original[valid]), []
    for z, y, x in np.ndindex(3, 2, 4):
        if not valid[z + 3, y + 3, x + 3]:
            continue
        here = (slice(z, z + 7), slice(y, y + 7), slice(x, x + 7))
        a, b = original[here][valid[here]], decoded[here][valid[here]]
        covariance = np.cov(a, b)
        c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
        above = (2 * a.mean() * b.mean() + c1) * (2 * covariance[0, 1] + c2)
        below = (a.mean() ** 2 + b.mean() ** 2 + c1) * (covariance[0, 0] + covariance[1, 1] + c2)
        values.append(above / below)
    assert metrics.ssim(original, decoded, valid) == pytest.approx(np.mean(values), abs=1e-10)


def test_ssim_keeps_its_precision_on_a_large_offset():
    structural_similarity = pytest.importorskip("skimage.metrics").structural_similarity
    original, decoded = pair((12, 12, 12))
    expected = structural_similarity(original + 1e3, decoded + 1e3, data_range=np.ptp(original))
    assert metrics.ssim(original + 1e3, decoded + 1e3) == pytest.approx(expected, abs=1e-6)


def test_what_the_original_does_not_have_does_not_count():
    original, decoded = pair((10, 12, 14))
    hole = np.zeros(original.shape, bool)
    hole[2:5, 3:6, 4:9] = True
    holed = np.where(hole, np.nan, original)
    garbage = np.where(hole, 1e9, decoded)
    expected = metrics.measure(original, decoded, ~hole)
    assert metrics.measure(holed, garbage) == expected
    assert expected.rmse == pytest.approx(np.sqrt(np.mean((original - decoded)[~hole] ** 2)), rel=1e-12)


def test_nan_where_there_was_a_value_is_not_hidden():
    original, decoded = pair((8, 8, 8))
    decoded[4, 4, 4] = np.nan
    measured = metrics.measure(original, decoded)
    assert math.isnan(measured.psnr) and math.isnan(measured.max_error) and math.isnan(measured.ssim)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64, np.bool_])
def test_exact_results_are_infinitely_good(dtype):
    original = (np.arange(8 * 9 * 10).reshape(8, 9, 10) % 2).astype(dtype)
    assert metrics.measure(original, original.copy()) == metrics.Measured(math.inf, 0.0, 0.0, 1.0)


def test_integers_do_not_wrap_around():
    original = np.array([[[0, 255, 128]]], np.uint8)
    decoded = np.array([[[255, 0, 128]]], np.uint8)
    assert metrics.max_error(original, decoded) == 255.0


def test_constant_originals():
    original = np.full((4, 5, 6), 3.0)
    assert metrics.measure(original, original).psnr == math.inf
    off = metrics.measure(original, original + 1.0)
    assert (off.psnr, off.rmse, off.max_error, off.ssim) == (-math.inf, 1.0, 1.0, 0.0)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 9), (2, 3, 4), (5, 1, 1), (1, 2, 2, 3)])
def test_tiny_volumes_have_figures(shape):
    original = np.arange(np.prod(shape), dtype=float).reshape(shape)
    measured = metrics.measure(original, original + 0.25)
    assert measured.rmse == 0.25
    assert measured.ssim <= 1.0


def test_vectors_are_measured_over_all_components_with_one_range():
    original = np.zeros((3, 4, 5, 2))
    original[..., 0], original[..., 1] = np.linspace(0, 1, 5), 10.0
    decoded = original + np.array([0.1, 0.3])
    expected = 20 * np.log10(10.0) - 10 * np.log10((0.01 + 0.09) / 2)
    assert metrics.psnr(original, decoded) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("original", "decoded", "valid", "words"),
    [
        (np.zeros((2, 2, 2)), np.zeros((2, 2, 3)), None, "different shapes"),
        (np.full((2, 2, 2), np.nan), np.zeros((2, 2, 2)), None, "no voxel"),
        (np.zeros((2, 2, 2)), np.zeros((2, 2, 2)), np.zeros((2, 2, 2), bool), "no voxel"),
        (np.zeros((2, 2, 2)), np.zeros((2, 2, 2)), np.ones((2, 2), bool), "mask has shape"),
        (np.zeros((2, 2)), np.zeros((2, 2)), None, "not shape"),
        (np.zeros((0, 2, 2)), np.zeros((0, 2, 2)), None, "not shape"),
    ],
)
def test_what_cannot_be_compared_is_refused(original, decoded, valid, words):
    with pytest.raises(SrnInputError, match=words):
        metrics.measure(original, decoded, valid)

"""Bjontegaard's averages give exactly what curves of a known distance are apart, and say where they cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
BYTES = np.array([1000.0, 2500, 4000, 11000, 20000])


@pytest.fixture(scope="module")
def bd():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        import bjontegaard

        yield bjontegaard


def psnr_of(nbytes):
    """A curve that bends, as real ones do."""
    return 60 - 40 * np.exp(-np.log(nbytes / 300) / 2)


def curve(bd, nbytes, psnr):
    return bd.Curve.of(list(zip(nbytes, psnr)))


def test_a_curve_some_decibels_higher(bd):
    found = bd.difference(curve(bd, BYTES, psnr_of(BYTES)), curve(bd, BYTES, psnr_of(BYTES) + 1.5))
    assert found.psnr_db == pytest.approx(1.5, abs=1e-12)
    assert found.bytes_overlap == pytest.approx((1000, 20000))
    assert found.rate_percent < 0 and found.note == ""


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_a_curve_of_so_many_times_the_bytes(bd, factor):
    found = bd.difference(curve(bd, BYTES, psnr_of(BYTES)), curve(bd, BYTES * factor, psnr_of(BYTES)))
    assert found.rate_percent == pytest.approx(100 * (factor - 1), abs=1e-10)
    assert found.psnr_overlap == pytest.approx((psnr_of(1000), psnr_of(20000)))
    assert (found.psnr_db > 0) == (factor < 1)


def test_straight_lines_with_points_in_different_places(bd):
    line = lambda nbytes: 10 * np.log10(nbytes)  # noqa: E731
    anchor = curve(bd, BYTES, line(BYTES))
    other = np.geomspace(1700, 30000, 3)
    found = bd.difference(anchor, curve(bd, other, line(other) + 2))
    assert found.psnr_db == pytest.approx(2, abs=1e-12)
    assert found.rate_percent == pytest.approx(100 * (10**-0.2 - 1), abs=1e-10)
    assert found.bytes_overlap == pytest.approx((1700, 20000))


def test_turned_round_the_figures_change_sign(bd):
    a, b = curve(bd, BYTES, psnr_of(BYTES)), curve(bd, BYTES * 1.3, psnr_of(BYTES) + np.linspace(0, 2, 5))
    one, other = bd.difference(a, b), bd.difference(b, a)
    assert one.psnr_db == pytest.approx(-other.psnr_db)
    assert (1 + one.rate_percent / 100) * (1 + other.rate_percent / 100) == pytest.approx(1)


@pytest.mark.parametrize("seed", range(6))
def test_the_interpolant_and_its_mean_are_those_of_scipy(bd, seed):
    random = np.random.default_rng(seed)
    for count in (2, 3, 6):
        x, y = np.cumsum(random.uniform(0.1, 3, count)), random.normal(size=count)
        where = np.linspace(x[0], x[-1], 101)
        reference = PchipInterpolator(x, y)
        assert bd.monotone_cubic(x, y)(where) == pytest.approx(reference(where), abs=1e-12)
        low, high = x[0] + 0.3 * (x[-1] - x[0]), x[-1] - 0.1 * (x[-1] - x[0])
        mean = reference.integrate(low, high) / (high - low)
        assert bd._mean(x, y, (low, high)) == pytest.approx(mean, abs=1e-12)


def test_points_that_say_nothing_go(bd):
    points = [(3000, 41), (1000, 40), (1000, 38), (2000, 39.5), (4000, 45), (5000, np.inf)]
    found = bd.Curve.of(points)
    assert np.exp(found.log_bytes) == pytest.approx([1000, 3000, 4000])
    assert found.psnr.tolist() == [40, 41, 45]


def test_no_overlap_is_said(bd):
    low, high = curve(bd, [10, 20, 30], [20, 25, 28]), curve(bd, [10, 20, 30], [40, 45, 50])
    found = bd.difference(low, high)
    assert found.rate_percent is None and found.psnr_overlap is None
    assert found.psnr_db == pytest.approx(20.4, abs=0.3)
    assert found.note == "no overlap in PSNR: 40.0 to 50.0 against 20.0 to 28.0 dB"
    found = bd.difference(low, curve(bd, [100, 200], [22, 27]))
    assert found.psnr_db is None and found.rate_percent > 0
    assert found.note == "no overlap in bytes: 100 to 200 against 10 to 30"


@pytest.mark.parametrize(
    ("points", "said"), [([], "0 points"), ([(10, 30)], "1 point,"), ([(10, 30), (20, 29)], "1 p")]
)
def test_too_few_points_are_said(bd, points, said):
    whole = curve(bd, BYTES, psnr_of(BYTES))
    for found in (bd.difference(whole, bd.Curve.of(points)), bd.difference(bd.Curve.of(points), whole)):
        assert found.rate_percent is None and found.psnr_db is None
        assert said in found.note

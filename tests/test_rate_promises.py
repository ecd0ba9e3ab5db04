"""What an fv-SRN pruned by rate promises and keeps: bytes, a ratio, a PSNR, a largest error, exact places."""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest

import srn_core
import srn_core.training.grid_filter as grid_filter
from srn_core import CompressResult, Volume
from srn_core.codec.pyramids import draft
from srn_core.errors import SrnInputError
from srn_core.progress import Progress
from srn_core.promise import promise_of
from srn_core.pyramid import analyse
from srn_core.rate.chooser import RateChooser
from srn_core.rate.landing import land
from srn_core.rate.pyramid_choice import best_pyramid, candidates, rough_step
from srn_core.spec import PyramidSpec

RATE: dict[str, Any] = {"network": "fvsrn", "pruner": "rate", "device": "cpu"}


@pytest.fixture
def no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Promises are kept by the step; a filter moves none of them and takes seconds to train."""
    monkeypatch.setattr(grid_filter, "channels_for", lambda coded_bytes: ())


def rough(shape: tuple[int, ...], seed: int = 0, dtype: str = "float32", slope: float = 1.9) -> np.ndarray:
    """Noise (z, y, x[, components]) whose amplitudes fall with the frequency: as rough as turbulence, 0 to 1."""
    random = np.random.default_rng(seed)
    frequency = np.sqrt(sum(np.square(f) for f in np.meshgrid(*map(np.fft.fftfreq, shape[:3]), indexing="ij")))
    parts = []
    for _ in range(shape[3] if len(shape) > 3 else 1):
        spectrum = np.fft.fftn(random.normal(size=shape[:3])) / np.maximum(frequency, 1 / max(shape)) ** slope
        parts.append(np.real(np.fft.ifftn(spectrum)))
    values = np.stack(parts, axis=-1) if len(shape) > 3 else parts[0]
    values = (values - values.min()) / max(np.ptp(values), 1e-30)
    if np.dtype(dtype).kind == "u":
        return np.rint(values * np.iinfo(dtype).max).astype(dtype)
    return np.rint((values - 0.5) * 20000).astype(dtype) if np.dtype(dtype).kind == "i" else values.astype(dtype)


def rate(values: Any, *args: Any, **settings: Any) -> CompressResult:
    return srn_core.compress(values, *args, **{**RATE, **settings})


def apart(original: np.ndarray, result: CompressResult) -> float:
    """The largest error of the decoded file, in the original dtype, of voxels that have a value."""
    decoded = srn_core.load(result.file.to_bytes()).decode().values
    assert decoded.dtype == original.dtype and decoded.shape == original.shape
    known = np.isfinite(original) if original.dtype.kind == "f" else np.ones(original.shape, bool)
    return float(np.abs(decoded[known].astype(np.float64) - original[known].astype(np.float64)).max())


# Bytes and ratios.


@pytest.mark.parametrize(
    ("shape", "asked"),
    [
        ((48, 48, 48), 3000),
        ((48, 48, 48), 30000),
        ((5, 70, 90), 2500),
        ((40, 3, 60), 2000),
        ((1, 90, 110), 2500),
        ((64, 1, 64), 1500),
        ((1, 1, 3000), 1500),
    ],
)
def test_bytes_are_never_exceeded_and_hardly_left(no_filter, tmp_path, shape, asked):
    path = tmp_path / "a.srn"
    report = rate(rough(shape), path, bytes=asked).report
    assert 0.97 * asked <= path.stat().st_size == report["bytes"] <= asked
    promise = promise_of(srn_core.load(path).fields[0], report["bytes"])
    assert promise is not None and promise.kept


@pytest.mark.parametrize(("ratio", "dtype"), [(10, "float32"), (150, "float64"), (20, "uint8"), (25, "int16")])
def test_ratios_are_never_missed_and_hardly_exceeded(no_filter, ratio, dtype):
    field = rough((48, 44, 40), dtype=dtype)
    result = rate(field, ratio=ratio)
    assert ratio <= field.nbytes / result.file.nbytes <= ratio / 0.97


def test_more_bytes_are_more_quality(no_filter):
    field = rough((20, 22, 24))
    found = [rate(field, bytes=asked).report["psnr"] for asked in (700, 1500, 3000)]
    assert all(b > a + 1 for a, b in zip(found, found[1:]))


def test_bytes_that_are_enough_for_all_are_not_all_taken(no_filter):
    """Integers are exact long before a large file is full."""
    field = rough((9, 10, 11), dtype="uint8")
    result = rate(field, bytes=1_000_000)
    assert result.file.nbytes < 3 * field.nbytes and apart(field, result) == 0


def test_every_number_of_bytes_from_the_least_on(no_filter):
    """Where no file is small enough the refusal tells the least, and that and more can then be had."""
    field = rough((6, 7, 8))
    with pytest.raises(SrnInputError, match=r"at most 100 bytes.*smallest.*ask for a lower ratio") as refusal:
        rate(field, bytes=100)
    least = int(str(refusal.value).split("about ")[1].split(";")[0])
    for asked in (*range(least + 4, least + 12, 2), *range(least + 50, least + 200, 37)):
        assert rate(field, bytes=asked).file.nbytes <= asked
    with pytest.raises(SrnInputError, match="ask for a lower ratio"):
        rate(field, bytes=least - 20)


# PSNR.


@pytest.mark.parametrize(
    ("shape", "dtype", "asked"),
    [
        ((48, 48, 48), "float32", 30.0),
        ((48, 48, 48), "float32", 55.0),
        ((32, 36, 40), "float64", 80.0),
        ((32, 36, 40), "uint8", 45.0),
        ((32, 36, 40), "int16", 60.0),
        ((5, 70, 90), "float32", 45.0),
        ((1, 90, 110), "float32", 40.0),
        ((12, 24, 24, 3), "float32", 45.0),
    ],
)
def test_a_psnr_is_reached_and_hardly_exceeded(no_filter, tmp_path, shape, dtype, asked):
    field, path = rough(shape, dtype=dtype), tmp_path / "a.srn"
    report = rate(field, path, psnr=asked).report
    measured = srn_core.evaluate(path, field).psnr
    assert asked <= measured <= asked + 0.1
    assert report["psnr"] == pytest.approx(measured, abs=1e-4)


def test_less_psnr_is_fewer_bytes(no_filter):
    field = rough((20, 22, 24))
    sizes = [rate(field, psnr=asked).file.nbytes for asked in (30, 40, 50)]
    assert all(b > 1.2 * a for a, b in zip(sizes, sizes[1:]))


def test_a_psnr_beyond_what_integers_can_have_is_exact(no_filter):
    field = rough((9, 10, 11), dtype="uint8")
    result = rate(field, psnr=120)
    assert result.report["psnr"] == math.inf and apart(field, result) == 0


@pytest.mark.parametrize("shape", [(12, 14, 16), (1, 30, 20)])
def test_a_psnr_that_float32_cannot_give_is_refused(no_filter, shape):
    with pytest.raises(SrnInputError, match="190 dB is more than .* ask for less"):
        rate(rough(shape), psnr=190)


# Largest errors.


@pytest.mark.parametrize(
    ("shape", "asked", "dtype"),
    [
        *product([(20, 18, 22)], ["3%", "0.2%", "absolute"], ["float32", "float64", "uint8", "int16"]),
        *product([(3, 40, 30), (8, 10, 12, 2)], ["3%", "0.2%"], ["float32", "uint8"]),
    ],
)
def test_no_voxel_is_further_off_than_asked_for(no_filter, tmp_path, shape, asked, dtype):
    field, path = rough(shape, dtype=dtype), tmp_path / "a.srn"
    span = float(field.max()) - float(field.min())
    bound = 0.013 * span if asked == "absolute" else float(asked[:-1]) / 100 * span
    result = rate(field, path, max_error=bound if asked == "absolute" else asked)
    largest = apart(field, result)
    assert largest <= bound
    assert largest > 0.3 * bound or field.dtype.kind != "f", "the error that is allowed is used"
    assert path.stat().st_size < field.nbytes + 400
    promise = promise_of(srn_core.load(path).fields[0], path.stat().st_size)
    assert promise is not None and promise.kept


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16"])
@pytest.mark.parametrize("bound", [0.4, 0.5, 0.9])
def test_integers_that_may_not_be_one_off_come_back_exactly(no_filter, dtype, bound):
    field = rough((9, 10, 11), dtype=dtype)
    result = rate(field, max_error=bound)
    assert apart(field, result) == 0
    assert result.report["psnr"] == math.inf


def test_spikes_are_corrected(no_filter):
    """What a smooth transform hates most: single voxels far off all others."""
    field = rough((20, 22, 24))
    places = tuple(np.random.default_rng(1).integers(0, 20, (3, 30)))
    field[places] += np.float32(5.0)
    assert apart(field, rate(field, max_error=0.01)) <= 0.01


def test_more_error_is_fewer_bytes(no_filter):
    field = rough((20, 22, 24))
    sizes = [rate(field, max_error=asked).file.nbytes for asked in ("0.1%", "0.7%", "5%")]
    assert all(a > 1.3 * b for a, b in zip(sizes, sizes[1:]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_error_finer_than_float32_is_refused(no_filter, dtype):
    with pytest.raises(SrnInputError, match="finer than decoding in float32 .* ask for more than") as refusal:
        rate(rough((9, 10, 11), dtype=dtype), max_error=1e-9)
    least = float(str(refusal.value).rsplit("than ", 1)[1])
    field = rough((9, 10, 11), dtype=dtype)
    assert apart(field, rate(field, max_error=1.5 * least)) <= 1.5 * least


# What comes back exactly.


TARGETS: list[dict[str, Any]] = [{"bytes": 2500}, {"psnr": 40}, {"max_error": "1%"}]


@pytest.mark.parametrize("target", TARGETS)
def test_missing_values_come_back_where_they_were(no_filter, target):
    field = rough((12, 18, 20))
    hole = np.hypot(*np.meshgrid(np.arange(18) - 9, np.arange(20) - 9, indexing="ij")) < 6
    field[:, hole] = np.nan
    field[3, 4, 5] = np.nan
    result = rate(field, **target)
    decoded = result.file.decode().values
    np.testing.assert_array_equal(np.isnan(decoded), np.isnan(field))
    assert result.report["psnr"] > 25
    if "max_error" in target:
        assert apart(field, result) <= 0.01 * float(np.nanmax(field) - np.nanmin(field))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", ["float32", "int16"])
def test_a_plateau_comes_back_exactly(no_filter, target, dtype):
    field = rough((12, 18, 20), dtype=dtype)
    land_ = np.zeros(field.shape, bool)
    land_[:, :7, :9] = True
    land_[:4] = True
    field[land_] = field.max() + 1
    result = rate(field, **target)
    assert np.all(result.file.decode().values[land_] == field[land_])
    assert result.file.fields[0].plateau is not None


def test_a_plateau_and_missing_values_together(no_filter):
    field = rough((12, 18, 20))
    field[:, :9] = -7.25
    field[:, :5, 3:8] = np.nan
    decoded = rate(field, psnr=45).file.decode().values
    np.testing.assert_array_equal(np.isnan(decoded), np.isnan(field))
    assert np.all(decoded[field == np.float32(-7.25)] == np.float32(-7.25))


def test_a_plateau_costs_little(no_filter):
    """Far less than the edge of it would in a transform: what is around it is coded as if there were none."""
    field = rough((16, 32, 32), slope=2.4)
    plain = rate(field, max_error=0.004).file.nbytes
    field[:, 6:16, 8:24] = 3.0
    assert rate(field, max_error=0.004).file.nbytes < plain + 250


@pytest.mark.parametrize("target", [*TARGETS, {"ratio": 30}])
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_a_constant_volume_is_exact_and_next_to_nothing(target, dtype):
    field = np.full((20, 22, 24), 42.0).astype(dtype)
    result = rate(field, **target)
    assert np.array_equal(result.file.decode().values, field)
    assert result.file.nbytes < 400


def test_two_values_are_a_plateau_and_what_is_left(no_filter):
    field = np.zeros((12, 13, 14), np.float32)
    field[4:9, 3:8, 2:9] = 1.0
    result = rate(field, max_error=0.01)
    assert apart(field, result) <= 0.01 and result.file.nbytes < 1500


@pytest.mark.parametrize("shape", [(1, 30, 40), (30, 1, 40), (30, 40, 1), (1, 1, 60), (1, 50, 1), (2, 2, 2), (1, 1, 2)])
@pytest.mark.parametrize("target", [{"bytes": 3000}, {"psnr": 30}, {"max_error": "2%"}])
def test_thin_volumes(no_filter, shape, target):
    field = rough(shape)
    result = rate(field, **target)
    assert result.file.decode().values.shape == shape
    assert result.file.nbytes <= 3000 and result.report["psnr"] >= 30
    if "max_error" in target:
        assert apart(field, result) <= 0.02


@pytest.mark.parametrize("components", [2, 3])
def test_vectors_of_components_that_differ_a_lot(no_filter, components):
    field = rough((7, 8, 9, components), dtype="float64")
    field[..., 1] *= 1e-3
    span = float(field.max() - field.min())
    result = rate(field, max_error="0.5%")
    assert apart(field, result) <= 0.005 * span
    assert rate(field, bytes=1500).file.nbytes <= 1500
    flat = field.copy()
    flat[..., 0] = 2.0
    assert np.all(rate(flat, psnr=40).file.decode().values[..., 0] == 2.0), "a component without a range"


@pytest.mark.parametrize(("scale", "offset"), [(1e-30, 0.0), (1e30, 0.0), (1.0, 1e5), (1e-3, -40.0), (3e38, 0.0)])
def test_units_do_not_matter(no_filter, scale, offset):
    unit = rough((9, 10, 11), dtype="float64") - 0.5
    field = (unit * scale + offset).astype(np.float32)
    span = float(field.max()) - float(field.min())
    assert apart(field, rate(field, max_error="1%")) <= 0.01 * span
    found = rate(field, psnr=40).report["psnr"]
    assert 40 <= found <= 40.1


# Runs.


def test_same_input_and_seed_give_the_same_bytes(no_filter):
    field = rough((8, 9, 10))
    for target in [{"bytes": 900}, *TARGETS[1:]]:
        assert rate(field, seed=3, **target).file.to_bytes() == rate(field, seed=3, **target).file.to_bytes()


@pytest.mark.parametrize("target", [{"bytes": 9000}, {"psnr": 45}])
def test_promises_are_kept_with_a_filter(monkeypatch, target):
    """It pays for its own bytes, and another step lands on the same promise; the same passes, the same file."""
    monkeypatch.setattr(grid_filter, "channels_for", lambda coded_bytes: (2,))
    field = rough((40, 44, 48), slope=2.6)
    result = rate(field, passes=6, **target)
    if "bytes" in target:
        assert 0.97 * 9000 <= result.file.nbytes <= 9000
    else:
        assert 45 <= srn_core.evaluate(result.file, field).psnr <= 45.1
    assert "filter_gain_db" in result.report
    assert result.file.to_bytes() == rate(field, passes=6, **target).file.to_bytes()


def test_price_and_channels_are_as_the_settings_say(monkeypatch):
    """A higher price leaves fewer coefficients, and the finer step that they then afford."""
    field = rough((24, 26, 28), slope=2.6)
    low, high = (rate(field, bytes=6000, passes=0, **{"rate.price": price}).report for price in (0.02, 0.3))
    assert high["kept_fraction"] < 0.98 * low["kept_fraction"] and high["step"] < 0.9 * low["step"]
    trained = []
    monkeypatch.setattr(grid_filter, "train_filter", lambda *given, **more: trained.append(given[3]) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        rate(field, bytes=6000, **{"rate.channels": 3})
    assert trained == [(3,)]
    with pytest.raises(SrnInputError, match="rate.price belongs to an fv-SRN pruned by rate"):
        srn_core.compress(field, pruner="smallify", **{"rate.price": 0.2})


@pytest.mark.parametrize(("channels", "words"), [(12, "did not pay"), (64, "no room")])
def test_a_filter_that_does_not_pay_is_left_out(monkeypatch, channels, words):
    monkeypatch.setattr(grid_filter, "channels_for", lambda coded_bytes: (channels,))
    field = rough((9, 10, 11))
    result = rate(field, bytes=1500, passes=0.5)
    assert result.report["filter"] == [] and words in result.report["filter_note"]
    monkeypatch.setattr(grid_filter, "channels_for", lambda coded_bytes: ())
    assert rate(field, bytes=1500, passes=0.5).file.to_bytes() == result.file.to_bytes()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("after", [0, 2, 5])
def test_a_run_that_is_stopped_keeps_a_file_and_its_promise(monkeypatch, tmp_path, target, after):
    monkeypatch.setattr(grid_filter, "channels_for", lambda coded_bytes: (2,))
    field, path, seen = rough((12, 14, 16)), tmp_path / "a.srn", []

    def stop(report: Progress) -> bool:
        seen.append(report)
        return len(seen) <= after

    result = rate(field, path, progress=stop, passes=1000, **target)
    assert result.report["stopped_early"] or after == 5, "it may have been through with the coding by then"
    assert path.stat().st_size == result.file.nbytes
    promise = promise_of(srn_core.load(path).fields[0], result.file.nbytes)
    assert promise is not None and promise.kept


@pytest.mark.parametrize("target", TARGETS)
def test_progress_rises_to_the_end(no_filter, target):
    seen: list[Progress] = []
    rate(rough((16, 18, 20)), progress=lambda report: seen.append(report) or True, **target)
    shares = [report.fraction for report in seen]
    assert shares == sorted(shares) and shares[-1] == 1.0
    assert all(report.phase for report in seen)


def test_the_report_tells_how_the_file_came_about(no_filter):
    result = rate(rough((16, 18, 20)), bytes=2000)
    report, spec = result.report, result.file.fields[0].spec
    assert isinstance(spec.wavelet, PyramidSpec)
    assert (report["wavelet"], report["step"]) == (spec.wavelet.name, result.file.fields[0].arrays["coefficients"].step)
    assert report["groups"] == [list(group) for group in spec.wavelet.groups]
    assert (report["network"], report["pruner"], report["filter"]) == ("fvsrn", "rate", [])


def test_a_neurcomp_promises_no_psnr():
    with pytest.raises(SrnInputError, match="network fvsrn, pruner rate"):
        srn_core.compress(rough((8, 9, 10)), network="neurcomp", pruner="none", psnr=40)


def test_geometry_names_and_times_stay(no_filter, tmp_path: Path):
    geometry = srn_core.Geometry((11, 10, 9), (1.0, -2.0, 0.5), (0.1, 0.2, 0.3))
    volume = Volume(rough((9, 10, 11)), geometry, "pressure", units="Pa", time=2.5)
    (field,) = rate(volume, tmp_path / "a.srn", bytes=2000).file.fields
    assert (field.geometry, field.name, field.units, field.time) == (geometry, "pressure", "Pa", 2.5)


# The pyramid.


@pytest.mark.parametrize("shape", [(64, 64, 64), (25, 125, 125), (1, 200, 100), (1, 1, 1), (1, 1, 9), (2, 3, 500)])
def test_candidates_are_pyramids_of_the_volume(shape):
    ways = candidates(shape)
    assert ways and len(set(ways)) == len(ways)
    for groups in ways:
        letters = "".join(axes for axes, _ in groups)
        assert len(set(letters)) == len(letters)
        assert all(shape["zyx".index(letter)] > 1 for letter in letters) or max(shape) == 1
        assert all(0 <= levels <= 16 for _, levels in groups)


@pytest.mark.parametrize("asked", [500, 3000, 12000])
def test_the_rough_step_is_about_right(asked):
    values = rough((40, 40, 40))[None] * 2 - 1
    step = rough_step(values, asked, 0.05)
    pyramid = best_pyramid(values, step)
    size = draft(analyse(values[0], pyramid)[None] / step, pyramid.groups, RateChooser())[1].size
    assert 0.6 * asked < size < 1.6 * asked


def test_smooth_fields_get_long_filters_and_thin_ones_groups_of_their_own():
    z, y, x = np.meshgrid(*[np.linspace(-1, 1, 40)] * 3, indexing="ij")
    smooth = np.sin(5 * x + 3 * y) * np.cos(4 * z)
    assert best_pyramid(smooth[None].astype(np.float32), 0.001).name in ("bior4.4", "bior6.8")
    assert any(groups[0][0] == "z" and groups[1][0] == "yx" for groups in candidates((25, 125, 125)))


# Landing.


def count(curve: Callable[[float], float]) -> tuple[Callable[[float], tuple[float, float]], list[float]]:
    """Attempts at a curve of the step's logarithm, and the steps tried."""
    tried: list[float] = []

    def attempt(step: float) -> tuple[float, float]:
        tried.append(step)
        return curve(math.log(step)), step

    return attempt, tried


@pytest.mark.parametrize("start", [1e-5, 0.05, 30.0])
@pytest.mark.parametrize("zero", [-7.0, -2.0, 3.0])
@pytest.mark.parametrize("steepness", [0.4, 1.0, 3.0])
def test_a_falling_curve_is_landed_on(start, zero, steepness):
    attempt, tried = count(lambda log: -steepness * (log - zero) - 0.1 * math.tanh(log - zero))
    trial = land(attempt, start, -1.2, 0.005, 40)
    assert trial is not None and -0.005 <= trial.excess <= 0
    assert trial.found == trial.step == tried[-1] and len(tried) <= 25


@pytest.mark.parametrize("start", [1e-5, 0.05, 30.0])
def test_a_rising_curve_is_landed_on(start):
    attempt, tried = count(lambda log: 8.7 * (log + 3))
    trial = land(attempt, start, 7.0, 0.05, 40)
    assert trial is not None and -0.05 <= trial.excess <= 0 and len(tried) <= 25


@pytest.mark.parametrize("seed", range(20))
def test_a_noisy_curve_is_landed_on_safely(seed):
    """Neighbouring steps do not come out in order: whatever is kept keeps the promise, and none tried was better."""
    random = np.random.default_rng(seed)
    found: dict[float, float] = {}
    attempt, tried = count(lambda log: found.setdefault(log, -1.3 * (log + 2) + 0.02 * float(random.normal())))
    trial = land(attempt, 0.4, -1.2, 0.005, 9)
    assert trial is not None and trial.excess <= 0
    assert trial.excess == max(excess for excess in found.values() if excess <= 0)
    assert len(tried) <= 9 + 12


@pytest.mark.parametrize("height", [0.01, 0.1, 1.0])
@pytest.mark.parametrize("start", [1e-5, 1e-2, 0.3, 30.0])
def test_stairs_are_climbed(start, height):
    """In a small file many steps give the same bytes: one side is left by longer and longer strides."""
    attempt, tried = count(lambda log: height * (0.03 + math.floor(-(log + 2) / 0.7)))
    trial = land(attempt, start, -1.2, 0.005, 9)
    assert trial is not None and trial.excess <= 0
    assert len(tried) <= 9 + 12


def test_a_curve_with_a_cliff_ends_on_its_safe_side():
    """No step comes near the promise: bytes that jump, integers that are exact all at once."""
    attempt, tried = count(lambda log: 2.0 if log < -1 else -2.0)
    trial = land(attempt, 0.01, -1.2, 0.005, 9)
    assert trial is not None and trial.excess == -2.0 and trial.step < math.exp(-0.5)
    assert len(tried) <= 9 + 12


@pytest.mark.parametrize("curve", [lambda log: 1.0, lambda log: 3.0 - 0.01 * log, lambda log: math.inf])
def test_a_promise_that_no_step_keeps_ends_in_none(curve):
    attempt, tried = count(curve)
    assert land(attempt, 0.05, -1.2, 0.005, 9) is None
    assert len(tried) <= 9 + 12 and max(tried) <= 1e3 * 1.0001


def test_a_promise_that_every_step_keeps_goes_to_the_bound():
    attempt, tried = count(lambda log: -9.0 - 0.1 * log)
    trial = land(attempt, 0.05, -1.2, 0.005, 30, (1e-4, 1e3))
    assert trial is not None and trial.step == pytest.approx(1e-4) and len(tried) <= 42


def test_who_is_in_a_hurry_gets_the_first_that_keeps_the_promise():
    attempt, tried = count(lambda log: -1.3 * (log + 2))
    trial = land(attempt, 1e-3, -1.2, 1e-9, 40, goes_on=lambda: False)
    assert trial is not None and trial.excess <= 0
    assert all(-1.3 * (math.log(step) + 2) > 0 for step in tried[:-1])

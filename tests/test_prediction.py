"""What is told of a compression before anything is tried: sizes, settings, methods, and where all this is kept."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fields import waves

import srn_core
from srn_core import Volume
from srn_core.config import CompressConfig
from srn_core.errors import SrnFormatError, SrnInputError
from srn_core.prediction import places
from srn_core.prediction.coded_sizes import coded_sizes
from srn_core.prediction.domains import Range
from srn_core.prediction.method_choice import NeurcompGain
from srn_core.prediction.predictor import Predictor
from srn_core.prediction.rules import Rule, SettingFit, predicted
from srn_core.prediction.size_model import CodedSize, SizeModel
from srn_core.prediction.sparsity import Sparsity
from srn_core.prediction.start_settings import with_predicted
from srn_core.prediction.statistics import VolumeStatistics, spectrum_slope

SMOOTH = VolumeStatistics(12.0, -4.0, -1.5, -8.0)
SHIPPED = Predictor.load(places.SHIPPED_FILE)


def noise(shape: tuple[int, ...], exponent: float, seed: int = 0) -> np.ndarray:
    """Noise whose power falls as frequency^exponent."""
    axes = [*map(np.fft.fftfreq, shape[:-1]), np.fft.rfftfreq(shape[-1])]
    frequency = np.sqrt(sum(np.square(f) for f in np.meshgrid(*axes, indexing="ij")))
    spectrum = np.fft.rfftn(np.random.default_rng(seed).normal(size=shape))
    spectrum *= np.maximum(frequency, 1e-9) ** (exponent / 2)
    spectrum[(0,) * len(shape)] = 0
    return np.fft.irfftn(spectrum, s=shape, axes=range(len(shape))).astype(np.float32)


def rule(ratio_name: str = "ratio", r2: float = 0.9) -> Rule:
    line = SettingFit(Range(1e-6, 1e-2, log=True), {"ln_ratio": 1.0, "intercept": math.log(1e-6)}, r2, math.log(1e-3))
    layers = SettingFit(Range(1, 5, whole=True), {"intercept": 2.2}, 0.9, 2.0)
    fixed = {"fvsrn.wavelet": "haar", "training.passes": 3.0}
    return Rule("fvsrn", "smallify", ratio_name, (10.0, 200.0), {"smallify.lambda_beta": line, "fvsrn.layers": layers},
                fixed)  # fmt: skip


# Sizes.


def test_sparsity_counts_what_a_step_leaves_in_parts_as_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).normal(size=(2, 20, 9, 13)).astype(np.float32)
    seen = Sparsity.of(values, 1.5)
    assert seen.kept == np.count_nonzero(np.abs(values) > 0.975) and seen.values == values.size
    lost = np.where(np.abs(values) > 0.975, 1.5**2 / 12, values.astype(np.float64) ** 2)
    assert seen.error == pytest.approx(lost.mean(), rel=1e-6)
    monkeypatch.setattr("srn_core.prediction.sparsity.SLAB", 1)
    parts = Sparsity.of(values, 1.5)
    assert parts.told == pytest.approx(seen.told) and parts.magnitude == pytest.approx(seen.magnitude)
    clustered = np.zeros((1, 16, 16, 16), np.float32)
    clustered[0, :4, :4, :4] = 1.0
    scattered = np.zeros_like(clustered)
    scattered[0, ::4, ::4, ::4] = 1.0
    assert Sparsity.of(clustered, 1.0).kept == Sparsity.of(scattered, 1.0).kept == 64
    assert Sparsity.of(clustered, 1.0).told[1] == 0.0 < Sparsity.of(scattered, 1.0).told[1]


def test_a_size_model_is_near_on_volumes_that_it_was_not_fitted_to() -> None:
    kinds = [((32, 30, 28), -5.0), ((28, 32, 30), -6.5), ((30, 30, 34), -8.0)]
    sizes = [coded_sizes(Volume.from_array(noise(shape, e, n), "a")) for n, (shape, e) in enumerate(kinds)]
    assert all(len(found) >= 3 for found in sizes)
    assert all(a.bytes > b.bytes for found in sizes for a, b in zip(found, found[1:]))
    model = SizeModel.fitted([size for found in sizes for size in found])
    assert model.rms < 0.05 and model.points == sum(map(len, sizes))
    other = coded_sizes(Volume.from_array(noise((30, 32, 32), -5.8, 9), "a"))
    assert [model.bytes_of(size.sparsity) / size.bytes for size in other] == pytest.approx([1.0] * len(other), abs=0.1)
    assert [CodedSize.from_dict(json.loads(json.dumps(size.to_dict()))) for size in other] == other


def test_nothing_is_coded_of_constants_and_of_next_to_nothing() -> None:
    assert coded_sizes(Volume.from_array(np.full((8, 8, 8), 3.0, np.float32), "a")) == []
    assert coded_sizes(Volume.from_array(noise((3, 3, 3), -3), "a")) == []


@pytest.mark.parametrize("start", [1e-4, 0.05, 5.0])
def test_a_step_is_found_from_wherever_one_looks(start: float) -> None:
    assert SHIPPED.sizes is not None
    coefficients = np.random.default_rng(1).laplace(size=(1, 16, 32, 32)).astype(np.float32) * 0.03
    seen = SHIPPED.sizes.step_for_bytes(coefficients, 4000, start)
    assert SHIPPED.sizes.bytes_of(seen) == pytest.approx(4000, rel=0.02)
    assert SHIPPED.sizes.step_for_psnr(coefficients, 45.0, start).psnr == pytest.approx(45.0, abs=0.2)


@pytest.mark.parametrize(("exponent", "ratio"), [(-4.5, 20), (-6.0, 60)])
def test_the_shipped_sizes_land_within_a_tenth_before_any_search(exponent: float, ratio: float) -> None:
    """On fields of kinds that were fitted, with other seeds and sizes; benchmarks/search has real ones."""
    field = noise((40, 44, 48), exponent, 77)
    report = srn_core.compress(field, ratio=ratio, passes=0, predictor="shipped").report
    assert report["first_step_ratio"] == pytest.approx(ratio, rel=0.1)
    assert report["ratio"] >= ratio and report["steps_tried"] <= 8


def test_a_psnr_is_begun_near_it_too() -> None:
    field = noise((36, 32, 30), -6.0, 5)
    report = srn_core.compress(field, psnr=45, passes=0, predictor="shipped").report
    assert 45 <= report["psnr"] <= 45.1 and report["steps_tried"] <= 5
    assert report["first_step_ratio"] == pytest.approx(report["ratio"], rel=0.15)


# Statistics.


@pytest.mark.parametrize("exponent", [0.0, -3.0, -6.0])
def test_the_spectrum_has_its_slope(exponent: float) -> None:
    assert spectrum_slope(noise((40, 40, 40), exponent)) == pytest.approx(exponent, abs=0.6)
    assert spectrum_slope(np.zeros((5, 6, 7), np.float32)) == 0.0


def test_statistics_tell_smooth_from_rough_and_pass_over_gaps() -> None:
    ramp = np.broadcast_to(np.linspace(0, 1, 12, dtype=np.float32), (12, 12, 12)).copy()
    rough, smooth = (VolumeStatistics.of(Volume.from_array(v, "a")) for v in (noise((12, 12, 12), 0.0), ramp))
    assert rough.log_roughness == pytest.approx(math.log(math.sqrt(2)), abs=0.1) and smooth.log_roughness < -1
    assert rough.log_values == pytest.approx(math.log(1728))
    gaps = ramp.copy()
    gaps[3:5] = np.nan
    assert VolumeStatistics.of(Volume.from_array(gaps, "a")).log_spread == pytest.approx(smooth.log_spread, abs=0.01)
    with pytest.raises(ValueError, match="statistics"):
        VolumeStatistics.from_dict({**smooth.__dict__, "log_spread": math.inf})


# Settings.


def test_a_rule_gives_settings_for_a_ratio_and_says_where_it_was_never() -> None:
    told = predicted(rule(), 100.0, SMOOTH, (16, 16, 16))
    assert told.settings["smallify.lambda_beta"] == pytest.approx(1e-4) and told.settings["fvsrn.layers"] == 2
    assert told.notes == () and "outside of those searched" in predicted(rule(), 1e4, SMOOTH, (16, 16, 16)).notes[0]
    assert predicted(rule(), 1e9, SMOOTH, (16, 16, 16)).settings["smallify.lambda_beta"] == 1e-2
    assert predicted(rule(r2=0.1), 100.0, SMOOTH, (16, 16, 16)).settings["smallify.lambda_beta"] == pytest.approx(1e-3)
    with pytest.raises(SrnInputError, match="more than 0"):
        predicted(rule(), math.nan, SMOOTH, (16, 16, 16))


def test_what_the_user_gave_stays_and_so_do_other_targets() -> None:
    volume = Volume.from_array(waves(16, 16, 16), "a")
    known = Predictor(rules=(rule(),))
    asked = CompressConfig(pruner="smallify").with_settings({"target.ratio": 100, "fvsrn.layers": 4})
    config, taken = with_predicted(asked, known, volume, volume.nbytes // 100)
    assert set(taken) == {"smallify.lambda_beta", "fvsrn.wavelet"}, "passes are the user's affair"
    assert config.fvsrn.layers == 4 and config.fvsrn.wavelet == "haar"
    assert config.smallify.lambda_beta == pytest.approx(1e-4, rel=0.05)
    for settings in ({"pruner": "mask"}, {"training.start": "a.srn"}, {"target.ratio": None, "target.max_error": 0.1},
                     {"target.ratio": None, "target.parameter_ratio": 100}):  # fmt: skip
        other = asked.with_settings(settings)
        assert with_predicted(other, known, volume, 100) == (other, {})
    counted = asked.with_settings({"target.ratio": None, "target.parameter_ratio": 100.0})
    assert with_predicted(counted, Predictor(rules=(rule("parameter_ratio"),)), volume, 100)[1]


def test_predicted_settings_are_in_the_report_and_in_the_file(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    Predictor(rules=(rule(),)).save(tmp_path / "own.json")
    settings = {"training.passes": 1, "training.batch": 512, "predictor": str(tmp_path / "own.json")}
    result = srn_core.compress(waves(16, 16, 16), pruner="smallify", ratio=4, **settings)
    taken = result.report["predicted_settings"]
    assert taken["fvsrn.wavelet"] == "haar" and taken["fvsrn.layers"] == 2
    told = result.file.fields[0].provenance["settings"]
    assert told["fvsrn"]["wavelet"] == "haar" and "predictor" not in told, "a path says nothing on another machine"


# Methods.


def test_a_neurcomp_is_left_out_where_it_cannot_win(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    worse = NeurcompGain({"intercept": -9.0}, 1.0, 12)
    assert worse.worth_trying(100.0, SMOOTH) is False and replace(worse, rms=5.0).worth_trying(100.0, SMOOTH)
    Predictor(neurcomp=worse).save(tmp_path / "own.json")
    field = waves(20, 20, 20)
    report = srn_core.compress(field, network="auto", bytes=2000, predictor=str(tmp_path / "own.json")).report
    assert "left_out" in report["tried"]["neurcomp"] and report["network"] == "fvsrn"
    assert set(report["tried"]["fvsrn"]) == {"bytes", "psnr"}


def test_gains_are_fitted_to_runs_of_both() -> None:
    rough = replace(SMOOTH, log_roughness=0.0)
    gain = NeurcompGain.fitted([100, 400, 100, 400], [SMOOTH, SMOOTH, rough, rough], [1.0, 3.0, -6.0, -4.0])
    assert gain.of(200, SMOOTH) == pytest.approx(2.0) and gain.of(200, rough) == pytest.approx(-5.0)
    assert gain.rms < 1e-6 and gain.points == 4


# Places.


def test_auto_is_the_variables_then_the_users_own_then_the_shipped_one(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.delenv(places.VARIABLE, raising=False)
    monkeypatch.setattr(places.sys, "platform", "linux")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert places.predictor_file("auto") == places.SHIPPED_FILE == places.predictor_file("shipped")
    places.own_file().parent.mkdir()
    Predictor(rules=(rule(),)).save(places.own_file())
    assert places.predictor_of("auto") == Predictor(rules=(rule(),))
    monkeypatch.setenv(places.VARIABLE, "none")
    assert places.predictor_of("auto") is None is places.predictor_of("none")
    monkeypatch.setenv(places.VARIABLE, "shipped")
    assert places.predictor_of("auto") == SHIPPED
    with pytest.raises(SrnInputError, match="cannot read the predictor"):
        srn_core.compress(waves(12, 12, 12), predictor=str(tmp_path / "missing.json"))


def test_damaged_predictors_are_told(tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    good = Predictor(SizeModel({"density": 0.1}, 0.1, 3), (rule(),), NeurcompGain({"intercept": 1.0}, 1.0, 4))
    good.save(path)
    assert Predictor.load(path) == good
    text = path.read_text()
    others = (('"version": 2', '"version": 9'), ('"low": ', '"lower": '), ('"r2": 0.9', '"r2": "many"'),
              ('"density": 0.1', '"density": 1e999'))  # fmt: skip
    for wrong in ("{", "[]", *(text.replace(old, new) for old, new in others)):
        assert wrong != text
        path.write_text(wrong)
        with pytest.raises(SrnFormatError, match=r"bad\.json"):
            Predictor.load(path)

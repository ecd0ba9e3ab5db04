"""Presets say how much work there is, a time limit when it must be done."""

from __future__ import annotations

import numpy as np
import pytest

import srn_core
from srn_core import deadline
from srn_core.config import PASSES_BY_PRESET, CompressConfig
from srn_core.errors import SrnInputError
from srn_core.rate import fit
from srn_core.training import grid_filter
from srn_core.training.fields import LEAST_STEPS


class Clock:
    """Goes on by itself at each look."""

    def __init__(self, stride: float) -> None:
        self.now, self.stride = 0.0, stride

    def __call__(self) -> float:
        self.now += self.stride
        return self.now


@pytest.fixture
def field() -> np.ndarray:
    z, y, x = np.meshgrid(*[np.linspace(0, 3, n) for n in (10, 11, 12)], indexing="ij")
    return (np.sin(4 * x + y) * np.cos(2 * z) + 0.1 * np.sin(19 * x * y)).astype(np.float32)


class Begun(Exception):
    """A filter's training has begun."""


@pytest.fixture
def begun(monkeypatch):
    """The passes and seconds that the training of a filter was given, as (passes, seconds); no more happens."""

    def train(*arguments, passes, seconds, **more):
        raise Begun(passes, seconds)

    monkeypatch.setattr(grid_filter, "channels_for", lambda coded_bytes: (2,))
    monkeypatch.setattr(grid_filter, "train_filter", train)

    def given(field, **settings):
        with pytest.raises(Begun) as raised:
            srn_core.compress(field, psnr=30.0, **settings)
        return raised.value.args

    return given


def test_presets_are_multiples_of_the_automatic_passes(field, begun):
    report = srn_core.compress(field, preset="fast", psnr=30.0).report
    assert "filter_gain_db" not in report and not report["time_limited"]
    assert begun(field) == (100.0, None)
    assert begun(field, preset="best") == (400.0, None)
    assert begun(field, preset="best", passes=3) == (3.0, None)  # what is said of passes wins
    assert begun(field, preset="fast", seconds=7) == (None, 7.0)
    with pytest.raises(SrnInputError, match="preset must be one of fast, balanced, best"):
        CompressConfig(preset="quick")
    with pytest.raises(SrnInputError, match="time_limit"):
        CompressConfig(time_limit=0.0)


def test_a_filter_is_given_what_the_time_limit_leaves(field, begun, monkeypatch):
    monkeypatch.setattr(deadline, "clock", Clock(0.01))
    monkeypatch.setattr(fit, "clock", deadline.clock)
    passes, seconds = begun(field, time_limit=1000.0)
    assert passes == 100.0 and 900 < seconds < 1000
    assert begun(field, time_limit=1000.0, seconds=5.0) == (None, 5.0)


@pytest.mark.parametrize("target", [{"bytes": 1200}, {"psnr": 40.0}, {"max_error": "2%"}])
def test_when_time_is_up_the_best_so_far_is_packed_and_said(field, monkeypatch, target):
    """The promise is kept all the same."""
    monkeypatch.setattr(deadline, "clock", Clock(1.0))
    monkeypatch.setattr(fit, "clock", deadline.clock)
    result = srn_core.compress(field, time_limit=0.5, **target)
    assert result.report["stopped_early"] and result.report["stopped_by"] == "the time limit"
    assert "filter_gain_db" not in result.report
    if "bytes" in target:
        assert result.file.nbytes <= 1200
    elif "psnr" in target:
        assert result.report["psnr"] >= 40.0
    else:
        assert result.report["max_error"] <= 0.02 * np.ptp(field) * (1 + 1e-6)


def test_a_training_ends_with_the_time_limit(field, monkeypatch):
    quick = {"pruner": "none", "fvsrn.width": 8, "fvsrn.layers": 1, "fvsrn.grid": (4, 4, 4), "bytes": 4000}
    result = srn_core.compress(field, time_limit=1.0, preset="best", **quick)
    report = result.report
    assert report["time_limited"] and not report["stopped_early"]
    assert report["passes"] < PASSES_BY_PRESET["best"] * LEAST_STEPS / 2
    stopped = srn_core.compress(field, progress=lambda report: report.phase in ("starting",), **quick).report
    assert stopped["stopped_early"] and stopped["stopped_by"] == "the user"


def test_the_course_of_a_compression_by_rate(field, monkeypatch):
    """Files that were tried, with the PSNR where it was measured, then the filter's training."""
    monkeypatch.setattr(grid_filter, "channels_for", lambda coded_bytes: (2,))
    promised = srn_core.compress(field, psnr=40.0, preset="fast")
    assert all(psnr is not None for psnr in promised.history["psnr"])
    assert min(abs(psnr - promised.report["psnr"]) for psnr in promised.history["psnr"]) < 1e-3
    told = []
    result = srn_core.compress(field, bytes=1200, passes=2, progress=lambda report: told.append(report) or True)
    course = result.history
    assert set(course) == {"pass", "seconds", "phase", "loss", "psnr", "kept_fraction", "bytes"}
    assert len({len(column) for column in course.values()}) == 1
    tried = [n for n, phase in enumerate(course["phase"]) if phase == "coding" and course["psnr"][n] is not None]
    assert len(tried) >= 2 and {course["pass"][n] for n in tried} == {0.0}
    trained = [n for n, phase in enumerate(course["phase"]) if phase == "training the filter"]
    passes = [course["pass"][n] for n in trained]
    assert trained and passes == sorted(passes) and all(course["psnr"][n] > 0 for n in trained)
    assert max(course["pass"]) == pytest.approx(result.report["passes"], abs=1e-3)
    training = [report for report in told if report.phase == "training the filter" and report.loss is not None]
    assert training and all(report.psnr and report.eta_seconds is not None for report in training)

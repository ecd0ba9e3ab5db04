"""Time steps in one neural file, and in a file each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional

import numpy as np
import pytest

import srn_core
from srn_core.errors import SrnInputError
from srn_core.progress import Progress
from srn_core.volume import Geometry, Volume

QUICK = {"passes": 0}
TRAINED = {
    "pruner": "smallify",
    "passes": 2,
    "training.batch": 1024,
    "fvsrn.width": 8,
    "fvsrn.layers": 1,
    "fvsrn.grid": (4, 4, 4),
}


def step(phase: float, time: Optional[float] = None, **more: Any) -> Volume:
    z, y, x = np.mgrid[:12, :14, :16].astype(np.float32)
    values = np.sin(x / 4 + phase) * np.cos(y / 5 - phase) + z / 10
    return Volume(values, Geometry((16, 14, 12), (1, 2, 3), (0.5, 0.25, 2.0)), "pressure", time=time, **more)


def steps(count: int = 3) -> list[Volume]:
    return [step(0.3 * place, 10.0 + 5 * place) for place in range(count)]


def test_steps_come_back_each_at_its_time(tmp_path):
    given = steps()
    result = srn_core.compress_series(given, tmp_path / "all.srn", psnr=50, **QUICK)
    file = srn_core.load(tmp_path / "all.srn")
    assert [field.time for field in file.fields] == [10.0, 15.0, 20.0] == [s["time"] for s in result.report["steps"]]
    for volume, told in zip(given, result.report["steps"]):
        back = file.decode(time=volume.time)
        span = np.ptp(volume.values)
        assert back.time == volume.time and back.geometry == volume.geometry
        assert 20 * np.log10(span / np.sqrt(np.mean((back.values - volume.values) ** 2))) > 49.9
        assert srn_core.evaluate(file, volume).psnr == pytest.approx(told["psnr"], abs=1e-3)
    assert result.report["psnr"] == min(told["psnr"] for told in result.report["steps"])
    assert result.report["bytes"] == (tmp_path / "all.srn").stat().st_size
    assert not result.report["stopped_early"]


@pytest.mark.parametrize("target", [{"ratio": 9}, {"bytes": 4000}])
def test_a_size_is_that_of_all_steps(target):
    given = steps()
    original = sum(volume.nbytes for volume in given)
    most = target.get("bytes") or original / target["ratio"]
    result = srn_core.compress_series(given, **target, **QUICK)
    assert 0.6 * most < result.file.nbytes <= most
    apart = list(srn_core.compress_steps(given, **target, **QUICK))
    assert len(apart) == 3 and 0.6 * most < sum(one.file.nbytes for one in apart) <= most
    assert [one.file.fields[0].time for one in apart] == [10.0, 15.0, 20.0]


def test_a_largest_error_holds_at_each_step():
    given = steps()
    file = srn_core.compress_series(given, max_error=0.01, **QUICK).file
    for volume in given:
        assert np.abs(file.decode(time=volume.time).values - volume.values).max() <= 0.01


def test_times_are_given_or_known_or_counted():
    given = [step(0.0), step(0.4)]
    assert [f.time for f in srn_core.compress_series(given, ratio=4, **QUICK).file.fields] == [0.0, 1.0]
    named = srn_core.compress_series(steps(2), times=[-1, 0.5], ratio=4, **QUICK)
    assert [f.time for f in named.file.fields] == [-1.0, 0.5]


@pytest.mark.parametrize(
    ("given", "times", "said"),
    [
        (steps(2), [1.0], "1 times for 2 time steps"),
        (steps(2), [1.0, 1.0], "steps 1 and 2 have the same time, 1"),
        (steps(2), [1.0, np.nan], "time of step 2 must be a number"),
        ([], None, "no time step"),
        ([steps(1)[0], "missing.vti"], None, "step 2: 'missing.vti' does not exist"),
    ],
)
def test_what_makes_no_series_is_refused(given, times, said):
    with pytest.raises(SrnInputError, match=said):
        srn_core.compress_series(given, times=times, ratio=4, **QUICK)


def test_several_arrays_masks_and_points_are_stored_once_for_all_steps():
    valid = np.random.default_rng(3).random((12, 14, 16)) > 0.3
    given = []
    for volume in steps():
        volume = replace(volume, valid=valid)
        given.append([volume, replace(volume, values=volume.values**2, name="energy")])
    masked = srn_core.compress_series(given, psnr=40, **QUICK).file
    apart = sum(one.file.nbytes for one in srn_core.compress_steps(given, psnr=40, **QUICK))
    assert masked.nbytes < apart - 2 * 150
    for volumes in given:
        for volume in volumes:
            back = masked.decode(array=volume.name, time=volume.time).values
            assert np.array_equal(np.isfinite(back), valid)
            assert np.abs(back - volume.values)[valid].max() < 0.2 * np.ptp(volume.values)


def test_stopping_keeps_the_steps_that_are_done():
    def progress(report: Progress) -> bool:
        phases.append((report.phase, report.fraction))
        return not report.phase.startswith("step 3")

    phases: list[tuple[str, float]] = []
    result = srn_core.compress_series(steps(5), ratio=9, progress=progress, **QUICK)
    assert [f.time for f in result.file.fields][:2] == [10.0, 15.0] and len(result.file.fields) <= 3
    assert result.report["stopped_early"] and result.report["steps_asked"] == 5
    assert [fraction for _, fraction in phases] == sorted(fraction for _, fraction in phases)
    assert any(phase.startswith("step 2 of 5: ") for phase, _ in phases)


def test_trained_networks_start_from_the_step_before():
    pytest.importorskip("torch")
    given = [step(0.0, 0.0), step(0.02, 1.0), step(0.04, 2.0)]
    warm = srn_core.compress_series(given, ratio=4, **TRAINED)
    cold = srn_core.compress(given[2], ratio=4, **TRAINED)
    assert warm.report["steps"][2]["psnr"] > cold.report["psnr"] + 3
    assert set(warm.history["time"]) == {0.0, 1.0, 2.0}
    assert "start" not in warm.file.fields[2].provenance["settings"]["training"]

"""Time steps in one neural file, and in a file each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional

import numpy as np
import pytest

import srn_core
from srn_core import codec, neural_file
from srn_core.codec import limits
from srn_core.errors import SrnFormatError, SrnInputError
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
    assert (
        [field.time for field in file.fields] == [10.0, 15.0, 20.0] == [s["time"] for s in result.report["time_steps"]]
    )
    for volume, told in zip(given, result.report["time_steps"]):
        back = file.decode(time=volume.time)
        span = np.ptp(volume.values)
        assert back.time == volume.time and back.geometry == volume.geometry
        assert 20 * np.log10(span / np.sqrt(np.mean((back.values - volume.values) ** 2))) > 49.9
        assert srn_core.evaluate(file, volume).psnr == pytest.approx(told["psnr"], abs=1e-3)
    assert result.report["psnr"] == min(told["psnr"] for told in result.report["time_steps"])
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


def test_more_corrections_than_a_file_may_hold_are_refused_at_the_first_step(monkeypatch):
    size = step(0.0).values.size
    monkeypatch.setattr(limits, "MAX_MASK_VOXELS", 10 * size)
    with pytest.raises(SrnInputError, match="step 1: the corrections of 3 time steps are more than one file may hold"):
        srn_core.compress_series(steps(), max_error=0.01, **QUICK)
    assert len(srn_core.compress_series(steps(2), max_error=0.01, **QUICK).file.fields) == 2
    assert len(list(srn_core.compress_steps(steps(), max_error=0.01, **QUICK))) == 3


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
    assert result.report["stopped_early"] and result.report["time_steps_asked"] == 5
    assert result.report["stopped_by"] == "the user"
    assert [fraction for _, fraction in phases] == sorted(fraction for _, fraction in phases)
    assert any(phase.startswith("step 2 of 5: ") for phase, _ in phases)


def test_a_time_limit_is_that_of_all_steps_and_told_of():
    report = srn_core.compress_series(steps(2), psnr=50, time_limit=1e-3, **QUICK).report
    assert report["stopped_by"] == "the time limit" and len(report["time_steps"]) == 2 and report["psnr"] > 49.9


def test_trained_networks_start_from_the_step_before():
    pytest.importorskip("torch")
    given = [step(0.0, 0.0), step(0.02, 1.0), step(0.04, 2.0)]
    warm = srn_core.compress_series(given, ratio=4, **TRAINED)
    cold = srn_core.compress(given[2], ratio=4, **TRAINED)
    assert warm.report["time_steps"][2]["psnr"] > cold.report["psnr"] + 3
    assert set(warm.history["time"]) == {0.0, 1.0, 2.0}
    assert "start" not in warm.file.fields[2].provenance["settings"]["training"]


@pytest.mark.parametrize(("every", "held"), [(1, 1), (8, 2)])
def test_a_file_of_many_steps_holds_few_of_them_decoded(every, held, monkeypatch):
    """One, or where steps are added to the one before, also that."""
    given = steps()
    file = srn_core.compress_series(given, psnr=50, **QUICK, **{"series.key_every": every}).file
    assert (file.fields[2].adds_to is file.fields[1]) == (every > 1)
    before = [file.decode(time=volume.time).values for volume in given]
    assert len(file._decoders) == 3 and file.memory_bytes > 3 * 16 * given[0].values.size
    monkeypatch.setattr(neural_file, "MOST_DECODED", 16 * given[0].values.size)
    for _ in range(2):
        for volume, expected in zip(given, before):
            assert np.array_equal(file.decode(time=volume.time).values, expected)
            assert len(file._decoders) <= held
    assert file.memory_bytes < 3 * 16 * given[0].values.size


def test_a_file_may_have_more_numbers_than_are_decoded_at_once(monkeypatch):
    given = steps()
    data = srn_core.compress_series(given, psnr=50, **QUICK).file.to_bytes()
    monkeypatch.setattr(limits, "MAX_CODES", 2 * given[0].values.size)
    assert len(srn_core.NeuralFile.from_bytes(data).fields) == 3
    with pytest.raises(SrnFormatError, match=f"claims to hold {3 * given[0].values.size} numbers"):
        codec.from_bytes(data)
    monkeypatch.setattr(limits, "MAX_CODES", given[0].values.size - 1)
    with pytest.raises(SrnFormatError, match=f"claims to hold {given[0].values.size} numbers"):
        srn_core.NeuralFile.from_bytes(data)


def test_an_original_is_measured_against_its_own_step_alone():
    file = srn_core.compress_series(steps(), ratio=4, **QUICK).file
    for original, said in ((step(0.0), "does not know its own time"), (step(0.0, 12.0), "is of another time, 12")):
        with pytest.raises(SrnInputError, match=said):
            srn_core.evaluate(file, original)
        measured = srn_core.evaluate(file, original, time=10.0)
        assert measured.psnr == pytest.approx(file.fields[0].quality.psnr, abs=1e-3)

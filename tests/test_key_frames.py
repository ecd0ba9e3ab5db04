"""Time steps of one file that are stored as the difference to the step before, and key frames among them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Optional

import numpy as np
import pytest

import srn_core
from srn_core.cli import main
from srn_core.config import CompressConfig
from srn_core.errors import SrnInputError
from srn_core.idle_settings import refuse_idle_settings
from srn_core.io import write_volume
from srn_core.step_before import StepBefore
from srn_core.volume import Geometry, Volume

QUICK = {"passes": 0}
NOISE = np.random.default_rng(1).normal(size=(10, 18, 20)).astype(np.float32)


def moving(number: int, scale: float = 1.0, **more: Any) -> Volume:
    """A step of a field that moves a little, over detail that stays as it is."""
    z, y, x = np.mgrid[:10, :18, :20].astype(np.float32)
    blob = np.exp(-((x - 7 - 0.3 * number) ** 2 + (y - 9) ** 2 + (z - 4) ** 2) / 9)
    values = (scale * (blob + 0.1 * NOISE)).astype(np.float32)
    return Volume(values, Geometry((20, 18, 10)), "pressure", time=float(number), **more)


def compressed(steps: Any, every: int = 8, **more: Any) -> srn_core.CompressResult:
    return srn_core.compress_series(steps, **{**QUICK, "series.key_every": every, **more})


def whole_ones(result: srn_core.CompressResult) -> list[bool]:
    """Which fields are whole, as the file has it and as the report tells it."""
    found = [field.adds_to is None for field in result.file.fields]
    reports = [one for step in result.report["time_steps"] for one in step.get("arrays", [step])]
    assert found == [one["key_frame"] for one in reports] and result.report["key_frames"] == sum(found)
    return found


def measured(file: Any, volume: Volume) -> tuple[float, float]:
    """PSNR and largest error of what the file gives back of a step."""
    error = file.decode(array=volume.name, time=volume.time).values.astype(np.float64) - volume.values
    error = error[np.isfinite(volume.values)]
    span = np.nanmax(volume.values) - np.nanmin(volume.values)
    return 20 * np.log10(span / np.sqrt(np.mean(error**2))), float(np.abs(error).max())


@pytest.fixture(scope="module")
def by_psnr() -> tuple[list[Volume], srn_core.CompressResult, srn_core.CompressResult]:
    """Four steps, and their file with and without differences."""
    steps = [moving(number) for number in range(4)]
    return steps, compressed(steps, 3, psnr=42), compressed(steps, 1, psnr=42)


def test_differences_save_bytes_at_the_same_psnr(by_psnr):
    steps, result, alone = by_psnr
    assert whole_ones(result) == [True, False, False, True] and whole_ones(alone) == [True] * 4
    assert result.file.nbytes < 0.75 * alone.file.nbytes
    for volume, told in zip(steps, result.report["time_steps"]):
        psnr, largest = measured(srn_core.load(result.file.to_bytes()), volume)
        assert psnr == pytest.approx(told["psnr"], abs=1e-3) and 41.99 < psnr < 42.1
        assert largest == pytest.approx(told["max_error"], rel=1e-5)
        assert srn_core.evaluate(result.file, volume).ssim == pytest.approx(told["ssim"], abs=1e-5)


def test_each_step_whole_is_what_each_step_alone_is(by_psnr):
    steps, _, alone = by_psnr
    for volume, field in zip(steps, alone.file.fields):
        (single,) = srn_core.compress(volume, psnr=42, **QUICK).file.fields
        codes = single.arrays["coefficients"], field.arrays["coefficients"]
        assert codes[0].step == codes[1].step and single.provenance == field.provenance
        np.testing.assert_array_equal(codes[0].codes, codes[1].codes)
    again = srn_core.compress_series(steps[:1], psnr=42, **QUICK).file
    assert again.to_bytes() == compressed(steps[:1], 1, psnr=42).file.to_bytes()
    assert int.from_bytes(alone.file.to_bytes()[4:6], "little") == 2


def test_any_order_gives_the_same_to_the_bit(by_psnr):
    steps, result, _ = by_psnr
    data = result.file.to_bytes()
    forwards = srn_core.NeuralFile.from_bytes(data)
    known = [forwards.decode(time=volume.time).values for volume in steps]
    for number in (2, 1, 3, 0):
        found = srn_core.NeuralFile.from_bytes(data).decode(time=float(number)).values
        np.testing.assert_array_equal(found, known[number])


def test_a_largest_error_holds_at_every_voxel_in_fewer_bytes():
    steps = [moving(number) for number in range(3)]
    result, alone = (compressed(steps, every, max_error="2%") for every in (8, 1))
    assert whole_ones(result) == [True, False, False] and result.file.nbytes < 0.9 * alone.file.nbytes
    for volume in steps:
        assert measured(result.file, volume)[1] <= 0.02 * np.ptp(volume.values)


@pytest.mark.parametrize("target", [{"ratio": 12}, {"bytes": 3600}])
def test_a_size_gives_a_better_picture(target):
    steps = [moving(number) for number in range(3)]
    result, alone = (compressed(steps, every, **target) for every in (8, 1))
    most = target.get("bytes") or sum(volume.nbytes for volume in steps) / target["ratio"]
    assert whole_ones(result) == [True, False, False] and 0.8 * most < result.file.nbytes <= most
    for told, other in zip(result.report["time_steps"][1:], alone.report["time_steps"][1:]):
        assert told["psnr"] > other["psnr"] + 0.5


def test_integers_come_back_exactly_where_they_were_asked_to():
    steps = [replace(moving(n), values=np.rint(60 * moving(n).values).astype(np.int16)) for n in range(2)]
    result, alone = (compressed(steps, every, max_error=0.4) for every in (8, 1))
    assert whole_ones(result) == [True, False] and result.file.nbytes < alone.file.nbytes
    for volume in steps:
        np.testing.assert_array_equal(result.file.decode(time=volume.time).values, volume.values)


def test_an_error_that_rounding_would_tell_on_is_kept_to_by_a_key_frame():
    steps = [moving(number) for number in range(3)]
    result = compressed(steps, max_error="0.0018%")
    assert whole_ones(result) == [True, False, True] or whole_ones(result) == [True] * 3
    for volume in steps:
        assert measured(result.file, volume)[1] <= 0.000018 * np.ptp(volume.values)
    wide = [replace(one, values=(one.values * 50000 - 20000).astype(np.int16)) for one in steps[:2]]
    exact = compressed(wide, max_error=0.5)
    assert whole_ones(exact) == [True, True]
    np.testing.assert_array_equal(exact.file.decode(time=1.0).values, wide[1].values)


def with_hole(number: int, size: int) -> Volume:
    volume = moving(number)
    volume.values[2:5, 3 : 3 + size, 4:9] = np.nan
    return volume


def test_where_other_voxels_hold_a_value_a_key_frame_begins():
    result = compressed([with_hole(0, 4), with_hole(1, 4), with_hole(2, 5), with_hole(3, 5), moving(4)], psnr=42)
    assert whole_ones(result) == [True, False, True, False, True]
    for number, size in enumerate((4, 4, 5, 5)):
        volume = with_hole(number, size)
        back = result.file.decode(time=float(number)).values
        np.testing.assert_array_equal(np.isnan(back), np.isnan(volume.values))
        assert measured(result.file, volume)[0] > 41.99


def cropped(number: int) -> Volume:
    volume = moving(number)
    return replace(volume, values=volume.values[:, :, :19].copy(), geometry=Geometry((19, 18, 10)))


@pytest.mark.parametrize(
    "second",
    [
        cropped(1),
        replace(moving(1), geometry=Geometry((20, 18, 10), (0.0, 0.0, 1.0))),
        replace(moving(1), values=moving(1).values.astype(np.float64)),
        replace(moving(1), values=np.full((10, 18, 20), 0.5, np.float32)),
        moving(1, scale=0.05),
        replace(moving(1), values=np.ascontiguousarray(moving(1).values[::-1, ::-1])),
    ],
    ids=["dims", "place", "type", "constant", "range", "content"],
)
def test_what_is_too_different_is_a_key_frame(second):
    result = compressed([moving(0), second, replace(second, time=2.0)], psnr=40)
    assert whole_ones(result)[:2] == [True, True]
    assert (whole_ones(result)[2]) == (np.ptp(second.values) == 0)


def test_arrays_are_added_each_to_its_own():
    def arrays(number: int) -> list[Volume]:
        volume = moving(number)
        other = Volume(np.sin(3 * NOISE[::-1] + number), volume.geometry, "other", time=volume.time)
        return [volume, other] if number != 1 else [other, volume]

    result = compressed([arrays(number) for number in range(3)], psnr=40)
    names = [(field.name, field.adds_to and field.adds_to.name) for field in result.file.fields]
    assert names == [(n, None) for n in ("pressure", "other")] + [
        ("other", None), ("pressure", "pressure"), ("pressure", "pressure"), ("other", None)
    ]  # fmt: skip
    for number in range(3):
        for volume in arrays(number):
            assert measured(result.file, volume)[0] > 39.99


def test_vectors_with_a_filter_and_a_plateau():
    pytest.importorskip("torch")

    def vector(number: int) -> Volume:
        volume = moving(number)
        values = np.stack([volume.values, volume.values[::-1]], axis=-1)
        values[:, :5] = 0.0
        return replace(volume, values=values)

    steps = [vector(number) for number in range(2)]
    result = srn_core.compress_series(steps, psnr=40, passes=1, **{"rate.channels": 2})
    assert whole_ones(result) == [True, False]
    for volume in steps:
        back = result.file.decode(time=volume.time).values
        assert measured(result.file, volume)[0] > 39.99
        np.testing.assert_array_equal(back[:, :5][:, :4], 0.0)


def test_files_for_each_step_are_whole():
    results = list(srn_core.compress_steps([moving(0), moving(1)], psnr=40, **QUICK))
    assert [result.report["key_frame"] for result in results] == [True, True]
    assert all(result.file.fields[0].adds_to is None for result in results)


def test_bricks_are_whole():
    result = compressed([moving(0), moving(1)], psnr=40, **{"bricks.edge": 16})
    assert whole_ones(result) == [True, True] and all(field.bricks for field in result.file.fields)


def test_the_setting_is_checked():
    for wrong in (0, 65, "some"):
        with pytest.raises(SrnInputError, match=r"series\.key_every"):
            CompressConfig().with_settings({"series.key_every": wrong})
    trained = CompressConfig().with_settings({"pruner": "smallify", "series.key_every": "2"})
    with pytest.raises(SrnInputError, match=r"series\.key_every belongs to an fv-SRN pruned by rate"):
        refuse_idle_settings(trained)


def test_a_step_is_offered_to_its_like_alone():
    file = srn_core.compress(moving(0), psnr=40, **QUICK).file
    before = StepBefore.of(file, 0)
    assert before is not None and before.digest == StepBefore.of(file, 0).digest  # type: ignore[union-attr]
    field = file.fields[0]
    assert before.suits(field)
    for other in ({"name": "x"}, {"block": "a"}, {"vector": True}, {"dtype": "float64"}, {"value_range": ((0, 1e-3),)}):
        assert not before.suits(replace(field, **other))
    with pytest.raises(SrnInputError, match="1 steps before for 2 arrays"):
        srn_core.compress([moving(0), replace(moving(0), name="b")], psnr=40, before=[before], **QUICK)
    constant = srn_core.compress(replace(moving(0), values=np.ones((10, 18, 20), np.float32)), **QUICK).file
    assert StepBefore.of(constant, 0) is None


def run(capsys: Any, *arguments: str) -> str:
    assert main(list(arguments)) == 0
    return str(capsys.readouterr().out)


def test_the_command_line_tells_of_key_frames(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for number in range(3):
        write_volume(f"s_{number}.vti", moving(number))
    target = ["--psnr", "42", "--passes", "0"]
    told = run(capsys, "compress", "s_*.vti", "all.srn", "--key-every", "2", *target)
    assert "3, 2 of them key frames" in told and told.count("added to the step before") == 1
    listed = run(capsys, "info", "all.srn")
    assert "3, from 0 to 2, 2 of them key frames" in listed and listed.count("added to time 0") == 1
    assert "time 0; 1 field is decoded before it" in run(capsys, "info", "all.srn", "--time", "1")
    found = json.loads(run(capsys, "info", "all.srn", "--json"))["fields"]
    below: Optional[dict[str, Any]] = {"array": "pressure", "time": 0.0, "decoded_before": 1}
    assert [field["adds_to"] for field in found] == [None, below, None]
    run(capsys, "compress", "s_*.vti", "each.srn", "--key-every", "1", *target, "--quiet")
    assert "key frames" not in run(capsys, "info", "each.srn")
    run(capsys, "decompress", "all.srn", "back.npy", "--time", "1")
    assert np.abs(np.load("back.npy") - moving(1).values).max() < 0.1

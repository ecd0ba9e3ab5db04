"""Volumes compressed in bricks keep their targets as a whole, and come back as what they were."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from brick_fields import WORLD, jump, wavy

from srn_core import api
from srn_core.cli import main
from srn_core.errors import SrnInputError
from srn_core.in_bricks.shares import SAVED, divided
from srn_core.in_bricks.team import Alone
from srn_core.volume import Geometry, Volume

DIMS = (40, 34, 20)
IN_BRICKS: dict[str, Any] = {"bricks.edge": 24, "training.passes": 0}
"""Four bricks, no filter."""


def volume(values: np.ndarray, **more: Any) -> Volume:
    nz, ny, nx = values.shape[:3]
    return Volume(values, Geometry((nx, ny, nz), **WORLD), "waves", **more)


@pytest.fixture(scope="module")
def values() -> np.ndarray:
    rough = np.random.default_rng(0).normal(size=DIMS[::-1]).astype(np.float32)
    return wavy(DIMS) + 0.05 * rough * (np.arange(40) > 20)


@pytest.fixture(scope="module")
def sized(values):
    return api.compress(volume(values), bytes=20000, config=None, **IN_BRICKS)


def test_bytes_hold_for_the_whole_and_are_used(sized, values):
    assert 0.97 * 20000 <= sized.report["bytes"] <= 20000
    assert sized.report["bytes"] == sized.file.nbytes
    assert sized.report["bricks"] == len(sized.file.fields[0].bricks) == 4
    found = sized.file.decode()
    assert found.geometry == volume(values).geometry
    assert found.name == "waves"
    assert found.values.dtype == np.float32


def test_the_report_is_of_the_blended_whole(sized, values):
    measured = api.evaluate(sized.file, volume(values))
    for name in ("psnr", "rmse", "max_error", "ssim"):
        assert sized.report[name] == pytest.approx(getattr(measured, name), rel=1e-5), name
        assert getattr(sized.file.fields[0].quality, name) == pytest.approx(sized.report[name], rel=1e-6)


def test_bricks_of_one_quality_get_bytes_by_what_they_hold(sized):
    sizes = [sum(a.codes.astype(bool).sum() for a in b.open().arrays.values()) for b in sized.file.fields[0].bricks]
    assert sizes[1] > 1.2 * sizes[0]  # the rough half
    low, high = sized.report["brick_psnr"]
    assert high - low < 6


def test_seams_do_not_show_more_than_the_rest(sized, values):
    error = sized.file.decode().values - values
    across, inside = jump(error, ([20], [18], []))
    assert across < 1.5 * inside


@pytest.mark.slow
def test_the_same_again_gives_the_same_bytes(sized, values):
    again = api.compress(volume(values), bytes=20000, **IN_BRICKS)
    assert again.file.to_bytes() == sized.file.to_bytes()


@pytest.mark.slow
def test_a_psnr_is_kept_by_the_whole(values):
    made = api.compress(volume(values), psnr=40, **IN_BRICKS)
    assert 39.9 <= made.report["psnr"] < 41.5
    assert made.report["psnr"] == pytest.approx(api.evaluate(made.file, volume(values)).psnr, rel=1e-5)


@pytest.mark.slow
def test_a_largest_error_a_mask_and_an_empty_brick(values):
    holed = values.copy()
    holed[:, :22, :24] = np.nan  # all of the first brick's own part, and of its halo
    made = api.compress(volume(holed), max_error="1%", **IN_BRICKS)
    found = made.file.decode()
    np.testing.assert_array_equal(np.isnan(found.values), np.isnan(holed))
    span = np.nanmax(holed) - np.nanmin(holed)
    assert np.nanmax(np.abs(found.values.astype(float) - holed)) <= 0.01 * span
    assert found.valid is not None


@pytest.mark.slow
def test_vectors_and_integers(values):
    whole = np.stack([np.rint(100 * values), np.rint(50 * values[::-1])], axis=-1).astype(np.int16)
    made = api.compress(volume(whole), max_error=2, **IN_BRICKS)
    found = made.file.decode().values
    assert found.dtype == np.int16
    assert found.shape == whole.shape
    assert np.abs(found.astype(int) - whole).max() <= 2


def test_constant_values_are_constant():
    made = api.compress(volume(np.full((20, 34, 40), 3.5, np.float32)), **IN_BRICKS)
    assert (made.file.decode().values == 3.5).all()
    assert made.report["network"] == "constant"


@pytest.mark.slow
def test_a_plateau_across_bricks_is_exact(values):
    flat = values.copy()
    flat[np.abs(values) < 0.35] = 0.0
    made = api.compress(volume(flat), psnr=35, **IN_BRICKS)
    found = made.file.decode().values
    plateaus = [brick.open().plateau for brick in made.file.fields[0].bricks]
    assert all(plateau is not None for plateau in plateaus)
    assert (found[flat == 0] == 0).all()


@pytest.mark.slow
def test_several_arrays_share_the_bytes(values):
    arrays = [volume(values), Volume(values[::-1], Geometry(DIMS, **WORLD), "other")]
    made = api.compress(arrays, bytes=30000, **IN_BRICKS)
    assert made.file.nbytes <= 30000
    assert [len(field.bricks) for field in made.file.fields] == [4, 4]
    assert made.file.fields[0].provenance["settings"]["target"] == {"bytes": 30000}


def test_too_few_bytes_are_told_before_anything_is_compressed(values):
    with pytest.raises(SrnInputError, match="4 bricks"):
        api.compress(volume(values), bytes=2500, **IN_BRICKS)
    with pytest.raises(SrnInputError, match="another file"):
        api.compress(volume(values), **{"bricks.edge": 24, "training.start": "x.srn", "pruner": "smallify"})
    assert sum(divided(10000, [1, 2, 3])) <= 10000 + 3 * SAVED


def test_infinite_values_are_refused(values):
    broken = values.copy()
    broken[3, 30, 30] = np.inf
    with pytest.raises(SrnInputError, match="infinite"):
        api.compress(volume(broken), **IN_BRICKS)


@pytest.mark.slow
def test_stopping_keeps_a_whole_file(values):
    made = api.compress(volume(values), bytes=20000, progress=lambda report: report.fraction < 0.3, **IN_BRICKS)
    assert made.report["stopped_early"]
    assert np.isfinite(made.file.decode().values).all()


def test_failing_together():
    class Two(Alone):
        size = 2

        def gathered(self, mine: bytes) -> list[bytes]:
            return [mine, b"-the disk is full"]

    with pytest.raises(SrnInputError, match="rank 1: the disk is full"):
        Two().together(lambda: 1)
    assert Alone().together(lambda: 2) == 2


@pytest.mark.slow
def test_on_the_command_line(values, tmp_path, capsys):
    np.save(tmp_path / "a.npy", values)
    out = str(tmp_path / "a.srn")
    assert (
        main(
            ["compress", str(tmp_path / "a.npy"), out, "--bytes", "20000", "--passes", "0", "--bricks", "24", "--json"]
        )
        == 0
    )
    report = json.loads(capsys.readouterr().out)
    assert report["bricks"] == 4
    assert main(["info", out]) == 0
    told = capsys.readouterr().out
    assert "bricks" in told
    assert told.count("coefficients (pyramid)") == 1
    assert main(["evaluate", out, str(tmp_path / "a.npy"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["psnr"] == pytest.approx(report["psnr"], rel=1e-5)
    assert main(["export", out, str(tmp_path / "a.onnx")]) == 2
    assert "--brick" in capsys.readouterr().err
    assert main(["export", out, str(tmp_path / "a.onnx"), "--brick", "2"]) == 0

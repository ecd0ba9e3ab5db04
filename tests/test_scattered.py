"""Values at scattered positions: the volume that is fitted to them, and the file that gives them back."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import srn_core
from srn_core.errors import SrnInputError
from srn_core.scattered import Samples, gridded

QUICK = {"training.passes": 0}
"""No filter is trained."""


def positions(count: int, seed: int = 0) -> np.ndarray:
    """Denser in the middle of a box of unlike edges."""
    uniform = np.random.default_rng(seed).uniform(-1, 1, (count, 3))
    return np.sign(uniform) * np.abs(uniform) ** 1.5 * [1.0, 0.7, 0.4] + [100.0, 0.0, -5.0]


def smooth(where: np.ndarray) -> np.ndarray:
    x, y, z = (where - [100.0, 0.0, -5.0]).T
    return np.sin(3 * x) * np.cos(2 * y) + z


def test_a_linear_field_is_met_between_samples_too() -> None:
    where, between = positions(3000), positions(100, seed=1) * 0.5 + np.array([100.0, 0.0, -5.0]) * 0.5
    volume = gridded(Samples(where, where @ [1.0, 2.0, 3.0]), (9, 8, 7))
    assert volume.geometry.dims == (9, 8, 7)
    assert np.allclose(volume.geometry.position_of(np.array([[0, 0, 0], [8, 7, 6]])), [where.min(0), where.max(0)])
    index = volume.geometry.index_of(between)
    low = index.astype(int)
    found = np.zeros(len(between))
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(corner, index - low, 1 - (index - low)), axis=1)
        x, y, z = (low + corner).T
        found += weight * volume.values[z, y, x]
    # Smoothness costs a little of a slope.
    assert np.abs(found - between @ [1.0, 2.0, 3.0]).max() < 0.02


@pytest.mark.parametrize("flat", [(), (2,), (0, 1), (0, 1, 2)])
def test_an_axis_without_length_has_one_layer(flat: tuple[int, ...]) -> None:
    where = positions(200)
    where[:, list(flat)] = 4.0
    dims = gridded(Samples(where, smooth(where))).geometry.dims
    assert [n == 1 for n in dims] == [axis in flat for axis in range(3)]
    assert np.prod(dims) <= 4 * 200 * 2


def test_a_thin_box_does_not_blow_the_grid_up() -> None:
    where = positions(1000) * [1.0, 1e-6, 1e-9]
    assert np.prod(gridded(Samples(where, where[:, 0])).geometry.dims) <= 4 * 2 * 1000


def test_what_is_reported_is_what_the_file_gives_at_the_samples(tmp_path: Path) -> None:
    where = positions(4000).astype(np.float32)
    values = np.stack([smooth(where), -smooth(where)], axis=1).astype(np.float32)
    values[7, 1], where[9, 0] = np.nan, np.inf
    out = tmp_path / "points.srn"
    result = srn_core.compress_samples(where, values, out, name="velocity", dims=(28, 20, 12), bytes=3000, **QUICK)
    assert result.report["bytes"] == out.stat().st_size <= 3000
    assert result.report["ratio"] == pytest.approx(values.nbytes / out.stat().st_size)
    assert result.report["samples_left_out"] == 2
    known = np.delete(np.arange(4000), [7, 9])
    file = srn_core.load(out)
    given = file.sample(where[known])
    assert given.shape == (3998, 2) and np.isfinite(given).all()
    error = given.astype(np.float32).astype(np.float64) - values[known]
    span = float(values[known].max()) - float(values[known].min())
    psnr = 20 * math.log10(span) - 10 * math.log10(np.mean(error**2))
    assert result.report["psnr"] == pytest.approx(psnr, abs=1e-3) and psnr > 30
    stored = file.fields[0].quality
    assert stored is not None and stored.psnr == pytest.approx(psnr, abs=1e-3) and math.isnan(stored.ssim)


def test_whole_numbers_are_measured_as_whole_numbers() -> None:
    where = positions(1500)
    values = np.rint(100 + 50 * smooth(where)).astype(np.uint8)
    result = srn_core.compress_samples(where, values, dims=(20, 14, 8), bytes=2500, **QUICK)
    given = np.rint(result.file.sample(where))
    assert result.report["max_error"] == np.abs(given - values).max()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_error": 0.1}, "a largest error only where they are an array of a mesh"),
        ({"positions": np.zeros((5, 2))}, r"\(N, 3\)"),
        ({"values": np.zeros(4)}, "there are 5 positions"),
        ({"values": np.full(5, np.nan)}, "no finite value"),
        ({"values": np.array(list("abcde"))}, "only real numbers"),
        ({"dims": (4, 0, 4)}, "whole numbers from 1 on"),
    ],
)
def test_what_cannot_be_compressed_is_refused(change: dict, message: str) -> None:
    given = {"positions": positions(5), "values": np.arange(5.0), **change}
    with pytest.raises(SrnInputError, match=message):
        srn_core.compress_samples(given.pop("positions"), given.pop("values"), **given)

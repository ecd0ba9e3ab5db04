"""Volumes at the edge of what makes sense, from array to file and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import srn_core
from srn_core.errors import SrnInputError
from srn_core.volume import Geometry, Volume

pytest.importorskip("torch")

TINY: dict[str, dict[str, Any]] = {
    "rate": {"training.passes": 0},
    "smallify": {"training.passes": 1, "training.batch": 256, "fvsrn.grid": (4, 4, 4), "fvsrn.width": 8},
}
"""What is quick, of the default and of a network that is trained."""


@pytest.fixture(params=TINY)
def pruner(request) -> str:
    return str(request.param)


def wave(shape: tuple[int, ...] = (6, 7, 8)) -> np.ndarray:
    return np.sin(np.arange(np.prod(shape)).reshape(shape) / 40.0)


def there_and_back(source: Any, pruner: str) -> tuple[Volume, dict[str, Any]]:
    """What comes back from the file's bytes, and the report."""
    result = srn_core.compress(source, pruner=pruner, **TINY[pruner])
    return srn_core.load(result.file.to_bytes()).decode(), result.report


@pytest.mark.parametrize(
    "dtype", ["bool", "uint8", "int8", "int16", "uint32", "int64", "float16", "float32", "float64"]
)
def test_every_type_comes_back_as_itself(dtype, pruner):
    values = (wave() * 50 + 60).astype(dtype)
    back, report = there_and_back(values, pruner)
    assert back.values.dtype == values.dtype
    assert back.values.shape == values.shape
    assert report["original_bytes"] == values.nbytes
    assert math.isfinite(report["rmse"])


@pytest.mark.parametrize("value", [0.0, -3.25, 1e30, 1e-300])
def test_constant_fields_come_back_exactly(value, pruner):
    values = np.full((5, 6, 7), value)
    back, report = there_and_back(values, pruner)
    assert np.array_equal(back.values, values)
    assert report["psnr"] == math.inf
    assert (report["max_error"], report["ssim"]) == (0.0, 1.0)


def test_constant_integers_and_constant_components(pruner):
    assert np.array_equal(there_and_back(np.full((3, 4, 5), 7, np.uint8), pruner)[0].values, np.full((3, 4, 5), 7))
    values = np.stack([wave(), np.full((6, 7, 8), 2.5)], axis=-1)
    back, _ = there_and_back(values, pruner)
    assert back.values.shape == values.shape
    assert np.allclose(back.values[..., 1], 2.5, atol=1e-5)


@pytest.mark.parametrize(
    "shape", [(1, 7, 8), (6, 1, 8), (6, 7, 1), (1, 1, 40), (1, 40, 1), (40, 1, 1), (1, 1, 1), (2, 2, 2)]
)
def test_flat_volumes(shape, pruner):
    back, _ = there_and_back(wave(shape), pruner)
    assert back.values.shape == shape
    assert np.isfinite(back.values).all()


@pytest.mark.parametrize("shape", [(40,), (9, 10)])
def test_lines_and_slices_given_with_fewer_axes(shape, pruner):
    back, _ = there_and_back(wave(shape), pruner)
    assert back.values.size == np.prod(shape)


@pytest.mark.parametrize("components", [1, 2, 3, 9])
def test_vectors(components, pruner):
    values = wave((5, 6, 7, components))
    back, _ = there_and_back(values, pruner)
    assert back.values.shape == values.shape


def test_nan_comes_back_exactly_where_it_was(pruner):
    values = wave()
    values[1:3, 2:5, 3:] = np.nan
    back, report = there_and_back(values, pruner)
    assert np.array_equal(np.isnan(back.values), np.isnan(values))
    known = np.isfinite(values)
    assert report["rmse"] == pytest.approx(np.sqrt(np.mean((back.values - values)[known] ** 2)), rel=1e-5)


def test_one_nan_component_makes_the_voxel_invalid(pruner):
    values = wave((5, 6, 7, 3))
    values[2, 3, 4, 1] = np.nan
    back, _ = there_and_back(values, pruner)
    assert np.isnan(back.values[2, 3, 4]).all()
    assert np.isnan(back.values).sum() == 3


def test_masked_integers_come_back_as_zero_with_their_mask(pruner):
    values = (wave() * 50 + 60).astype(np.int16)
    valid = np.ones(values.shape, bool)
    valid[0] = False
    back, _ = there_and_back(Volume(values, Geometry((8, 7, 6)), valid=valid), pruner)
    assert np.array_equal(back.validity(), valid)
    assert (back.values[0] == 0).all()


def test_values_of_any_size(pruner):
    for factor, offset in ((1e-30, 0.0), (1e30, 0.0), (1.0, 1e6)):
        values = wave() * factor + offset
        _, report = there_and_back(values, pruner)
        assert 0 <= report["max_error"] < 2.5 * factor


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (np.full((4, 4, 4), np.nan), "no valid value"),
        (np.where(np.arange(64).reshape(4, 4, 4) == 9, np.inf, 1.0), "1 infinite"),
        (np.zeros((0, 4, 4)), "empty"),
        (np.zeros(()), "empty"),
        (np.zeros((4, 4, 4), complex), "only real numbers"),
        (np.full((4, 4, 4), "text"), "only real numbers"),
        (np.zeros((4, 4, 4), object), "only real numbers"),
        (np.zeros((1, 2, 3, 4, 5)), "5 axes"),
        ("no/such/file.vti", "does not exist"),
        (".", "is a folder"),
    ],
)
def test_what_cannot_be_compressed_is_refused(source, words):
    with pytest.raises(SrnInputError, match=words):
        srn_core.compress(source)


@pytest.mark.parametrize(
    "settings",
    [
        {"target.ratio": 0},
        {"target.ratio": -5},
        {"target.ratio": 1e12},
        {"target.bytes": 1},
        {"training.passes": 0},
        {"training.seconds": -1},
        {"training.batch": 0},
        {"fvsrn.grid": (0, 1, 1)},
        {"fvsrn.wavelet": "none such"},
        {"quantise.grid_bits": 33},
        {"network": "cnn"},
        {"pruner": "none such"},
        {"seed": -1},
        {"no.such": 1},
    ],
)
def test_absurd_settings_are_refused(settings):
    with pytest.raises(SrnInputError):
        srn_core.compress(wave(), **{"pruner": "smallify", **TINY["smallify"], **settings})

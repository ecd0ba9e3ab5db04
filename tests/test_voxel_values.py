"""Plateaus, corrections, masks and dtypes on the way from a file to values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from example_fields import field_of, fvsrn

from srn_core import codec
from srn_core.codec import Corrections, NeuralField, Plateau
from srn_core.config import CompressConfig
from srn_core.neural_file import NeuralFile
from srn_core.original_dtype import as_dtype
from srn_core.volume import Geometry

GEOMETRY = Geometry((9, 7, 5), (10.0, 0.0, 0.0), (0.5, 1.0, 2.0))
SHAPE = GEOMETRY.shape


def opened(field: NeuralField) -> NeuralFile:
    return NeuralFile.from_bytes(codec.to_bytes([field]))


def plain(**more: Any) -> NeuralField:
    return field_of(fvsrn(), geometry=GEOMETRY, **{"value_range": ((-40.0, 300.0),), **more})


def land() -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[:2, 2:5, 3:6] = True
    return mask


def some_codes(seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return (generator.integers(-9, 10, (*SHAPE, 1)) * (generator.random((*SHAPE, 1)) < 0.3)).astype(np.int32)


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int16", "uint16", "int64", "bool"])
def test_decoded_values_are_of_the_original_dtype(dtype):
    """Rounded and clipped at original positions, whose bytes the ratio counts."""
    field = plain(dtype=dtype, original_bytes=315 * np.dtype(dtype).itemsize)
    file = opened(field)
    exact = file.decode(dtype="float64").values
    found = file.decode().values
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, as_dtype(exact, np.dtype(dtype)))
    if found.dtype.kind in "iu":
        limits = np.iinfo(found.dtype)
        np.testing.assert_array_equal(found, np.clip(np.rint(exact), limits.min, limits.max))
        if dtype in ("uint8", "uint16"):
            assert exact.min() < -0.5
            assert found.min() == 0
        if dtype == "uint8":
            assert exact.max() > 255.5
            assert found.max() == 255
    assert file.ratio == pytest.approx(315 * np.dtype(dtype).itemsize / file.nbytes)
    assert file.decode(scale=2).values.dtype == (dtype if np.dtype(dtype).kind == "f" else "float32")


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16"])
def test_integers_survive_a_compression(dtype):
    """Through the whole library: type, clipping, and the bytes that the ratio is of."""
    from srn_core.api import compress

    z, y, x = np.mgrid[:8, :8, :8]
    values = as_dtype(
        120 + 110 * np.sin(x / 2 + y / 3) * np.cos(z / 4) * (1 if dtype != "int16" else -9), np.dtype(dtype)
    )
    settings = {"training.passes": 3, "device": "cpu", "target.bytes": 3000, "pruner": "none"}
    result = compress(values, config=CompressConfig().with_settings(settings))
    decoded = result.file.decode().values
    assert decoded.dtype == dtype
    assert result.report["original_bytes"] == values.nbytes == 512 * np.dtype(dtype).itemsize
    assert result.report["ratio"] == pytest.approx(values.nbytes / len(result.file.to_bytes()))
    errors = np.abs(decoded.astype(float) - values.astype(float))
    assert result.report["max_error"] == errors.max()
    assert errors.max() == np.rint(errors.max())


@pytest.mark.parametrize("dtype", ["float32", "uint8", "bool"])
def test_a_plateau_is_exact_on_its_voxels_and_changes_no_others(dtype):
    value = 1.0 if dtype == "bool" else 7.0
    field = plain(dtype=dtype)
    before = opened(field).decode().values
    found = opened(replace(field, plateau=Plateau(land(), (value,)))).decode().values
    assert (found[land()] == value).all()
    np.testing.assert_array_equal(found[~land()], before[~land()])


def test_between_voxels_the_plateau_is_where_the_nearest_voxel_has_it():
    file = opened(plain(plateau=Plateau(land(), (0.1,))))
    finer = file.decode(dims=(17, 13, 9)).values
    near = np.ix_(*(np.rint(np.linspace(0, n - 1, m)).astype(int) for n, m in zip(SHAPE, (9, 13, 17))))
    np.testing.assert_array_equal(finer == np.float32(0.1), land()[near])
    where = np.array([[10.0 + 0.5 * 3.4, 3.0, 1.9], [10.0 + 0.5 * 2.4, 3.0, 1.9]])
    assert (file.sample(where) == 0.1).tolist() == [True, False]


def test_vectors_have_plateaus_and_no_value_wins_over_them():
    spec = replace(fvsrn(), components=2)
    valid = np.ones(SHAPE, bool)
    valid[0] = False
    field = field_of(spec, geometry=GEOMETRY, plateau=Plateau(land(), (1.25, -0.5)), valid=valid)
    found = opened(field).decode().values
    assert np.isnan(found[0]).all()
    assert (found[1][land()[1]] == (1.25, -0.5)).all()
    assert np.isfinite(found[1:]).all()


def test_corrections_are_added_before_rounding_on_voxels_alone():
    corrections = Corrections(some_codes(), 0.37)
    for dtype in ("float64", "float32", "int16"):
        field = plain(dtype=dtype)
        exact = opened(field).decode(dtype="float64").values
        found = opened(replace(field, corrections=corrections)).decode().values
        np.testing.assert_array_equal(found, as_dtype(exact + 0.37 * corrections.codes[..., 0], np.dtype(dtype)))


def test_regions_parts_finer_grids_and_points_are_corrected_alike():
    corrections = Corrections(some_codes(1), 2.5)
    file = opened(plain(dtype="float64", corrections=corrections))
    whole, before = file.decode().values, opened(plain(dtype="float64")).decode
    np.testing.assert_allclose(file.decode(region=(2, 7, 1, 5, 0, 3)).values, whole[:4, 1:6, 2:8], atol=1e-3)
    np.testing.assert_array_equal(file.decode(part=(2, 7, 1, 5, 0, 3)).values, whole[:4, 1:6, 2:8])
    finer, unmended = file.decode(dims=(17, 13, 9)).values, before(dims=(17, 13, 9)).values
    np.testing.assert_allclose(
        finer[::2, ::2, ::2] - unmended[::2, ::2, ::2], 2.5 * corrections.codes[..., 0], atol=1e-9
    )
    np.testing.assert_array_equal(finer[1::2], unmended[1::2])
    np.testing.assert_array_equal(finer[:, :, 1::2], unmended[:, :, 1::2])
    index = np.argwhere(corrections.codes[..., 0])[:, ::-1]
    z, y, x = index[:, ::-1].T
    np.testing.assert_allclose(file.sample(GEOMETRY.position_of(index)), whole[z, y, x], atol=0.05)
    aside = opened(plain(dtype="float64")).sample(GEOMETRY.position_of(index + [0.01, 0, 0]))
    np.testing.assert_array_equal(file.sample(GEOMETRY.position_of(index + [0.01, 0, 0])), aside)


def test_a_plateau_wins_over_corrections():
    field = plain(plateau=Plateau(land(), (3.0,)), corrections=Corrections(some_codes(2), 1.0))
    assert (opened(field).decode().values[land()] == 3.0).all()

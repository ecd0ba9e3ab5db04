"""Each format gives back what was written, values and geometry."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from srn_core.io import array_names, read_volume, write_volume
from srn_core.volume import Geometry, Volume

PACKAGES = {".nrrd": "nrrd", ".mha": "SimpleITK", ".h5": "h5py", ".hdf5": "h5py", ".nc": "netCDF4"}
FULL = (".vti", ".npz", ".h5", ".nc", ".raw")
"""Formats that keep the whole geometry and the name."""
CENTRES = (".nrrd", ".mha")
"""Formats of samples in space: extent and cells become an origin."""
DTYPES = ("uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64")

TURNED = (0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)
GEOMETRY = Geometry((5, 4, 3), (-1.5, 2.0, 1e3), (0.1, 0.25, 4.0), TURNED, (10, -3, 0), "point")


def need(suffix: str) -> None:
    if suffix in PACKAGES:
        pytest.importorskip(PACKAGES[suffix])


def field(dtype: str = "float32", geometry: Geometry = GEOMETRY, components: int = 0) -> Volume:
    shape = (*geometry.shape, components) if components else geometry.shape
    values = (np.arange(np.prod(shape)).reshape(shape) * 1.75 % 120).astype(dtype)
    return Volume(values, geometry, "wind speed", time=2.5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("suffix", [".vti", ".npy", ".npz", ".raw", ".nrrd", ".mha", ".h5", ".nc"])
def test_values_and_types_come_back(tmp_path, suffix, dtype):
    need(suffix)
    volume = field(dtype)
    write_volume(tmp_path / f"a{suffix}", volume)
    back = read_volume(tmp_path / f"a{suffix}")
    assert back.values.dtype == volume.values.dtype
    assert np.array_equal(back.values, volume.values)


@pytest.mark.parametrize("suffix", FULL)
@pytest.mark.parametrize("association", ["point", "cell"])
def test_geometry_name_and_time_come_back(tmp_path, suffix, association):
    need(suffix)
    volume = field(geometry=dataclasses.replace(GEOMETRY, association=association))
    write_volume(tmp_path / f"a{suffix}", volume)
    assert array_names(tmp_path / f"a{suffix}") == ["wind speed"]
    back = read_volume(tmp_path / f"a{suffix}", "wind speed")
    assert back.geometry == volume.geometry
    assert (back.name, back.time) == ("wind speed", 2.5)


@pytest.mark.parametrize("suffix", CENTRES)
@pytest.mark.parametrize("association", ["point", "cell"])
def test_samples_keep_their_places_where_extents_are_unknown(tmp_path, suffix, association):
    need(suffix)
    volume = field(geometry=dataclasses.replace(GEOMETRY, association=association))
    write_volume(tmp_path / f"a{suffix}", volume)
    back = read_volume(tmp_path / f"a{suffix}")
    index = np.array([[0, 0, 0], [4, 3, 2], [1, 2, 0]])
    assert np.allclose(back.geometry.position_of(index), volume.geometry.position_of(index), rtol=1e-12)


@pytest.mark.parametrize("components", [1, 3])
@pytest.mark.parametrize("suffix", [".vti", ".npy", ".npz", ".raw", ".nrrd", ".mha", ".h5", ".nc"])
def test_vectors_keep_their_components_last(tmp_path, suffix, components):
    need(suffix)
    if components == 1 and suffix in (".vti", ".mha"):
        pytest.skip("this format has no vectors of one component")
    volume = field(components=components)
    write_volume(tmp_path / f"a{suffix}", volume)
    assert np.array_equal(read_volume(tmp_path / f"a{suffix}").values, volume.values)


@pytest.mark.parametrize("dims", [(1, 1, 1), (5, 1, 1), (1, 4, 3), (6, 5, 1)])
@pytest.mark.parametrize("suffix", [".vti", ".npy", ".npz", ".raw", ".nrrd", ".mha", ".h5", ".nc"])
def test_flat_volumes_keep_their_axes(tmp_path, suffix, dims):
    need(suffix)
    volume = field(geometry=Geometry(dims))
    write_volume(tmp_path / f"a{suffix}", volume)
    assert read_volume(tmp_path / f"a{suffix}").geometry.dims == dims


@pytest.mark.parametrize("suffix", [".vti", ".npy", ".npz", ".raw", ".nrrd", ".mha", ".h5", ".nc"])
def test_nan_comes_back_where_it_was(tmp_path, suffix):
    need(suffix)
    volume = field()
    volume.values[1, 2, 3] = np.nan
    write_volume(tmp_path / f"a{suffix}", volume)
    back = read_volume(tmp_path / f"a{suffix}")
    assert np.array_equal(back.values, volume.values, equal_nan=True)
    assert back.validity().sum() == volume.values.size - 1


@pytest.mark.parametrize("suffix", [".vti", ".npz"])
@pytest.mark.parametrize("association", ["point", "cell"])
def test_masks_of_integers_come_back_where_the_format_has_them(tmp_path, suffix, association):
    volume = field("int16", dataclasses.replace(GEOMETRY, association=association))
    valid = np.arange(volume.values.size).reshape(volume.values.shape) % 7 != 0
    write_volume(tmp_path / f"a{suffix}", dataclasses.replace(volume, valid=valid))
    assert np.array_equal(read_volume(tmp_path / f"a{suffix}").validity(), valid)


@pytest.mark.parametrize("suffix", [".npy", ".raw", ".nrrd", ".mha", ".h5", ".nc"])
def test_masked_values_of_integers_become_zero_elsewhere(tmp_path, suffix):
    need(suffix)
    volume = field("int16")
    valid = np.arange(volume.values.size).reshape(volume.values.shape) % 7 != 0
    write_volume(tmp_path / f"a{suffix}", dataclasses.replace(volume, valid=valid))
    assert np.array_equal(read_volume(tmp_path / f"a{suffix}").values, np.where(valid, volume.values, 0))


@pytest.mark.parametrize("dtype", ["bool", "float16", ">f4", ">i2"])
@pytest.mark.parametrize("suffix", [".vti", ".npy", ".npz", ".raw", ".nrrd", ".mha", ".h5", ".nc"])
def test_unusual_types_keep_their_numbers(tmp_path, suffix, dtype):
    need(suffix)
    if (suffix, dtype) == (".nrrd", "float16"):
        pytest.skip("NRRD has no half precision")
    volume = field("uint8")
    volume = dataclasses.replace(volume, values=(volume.values % 2).astype(dtype))
    write_volume(tmp_path / f"a{suffix}", volume)
    back = read_volume(tmp_path / f"a{suffix}").values
    assert np.array_equal(back.astype(float), volume.values.astype(float))
    assert back.dtype.isnative


@pytest.mark.parametrize("suffix", [".h5", ".nc", ".npz", ".raw"])
def test_units_come_back(tmp_path, suffix):
    need(suffix)
    write_volume(tmp_path / f"a{suffix}", dataclasses.replace(field(), units="m/s"))
    assert read_volume(tmp_path / f"a{suffix}").units == "m/s"


@pytest.mark.parametrize("name", ['a "b" & <c>', "ünïcode", "with/slash", "x"])
@pytest.mark.parametrize("suffix", [".vti", ".npz", ".h5", ".nc", ".nrrd"])
def test_any_name_can_be_written_and_read(tmp_path, suffix, name):
    need(suffix)
    if suffix == ".nrrd" and not name.isascii():
        pytest.skip("NRRD headers are ASCII")
    volume = dataclasses.replace(field(), name=name)
    write_volume(tmp_path / f"a{suffix}", volume)
    back = read_volume(tmp_path / f"a{suffix}")
    assert np.array_equal(back.values, volume.values)
    assert back.name in (name, name.replace("/", "_"))

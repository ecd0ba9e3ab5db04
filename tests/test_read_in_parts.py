"""Parts of volume files are what the same parts of the whole are, in every format."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from test_io_round_trip import GEOMETRY, field, need

from srn_core.errors import SrnInputError
from srn_core.io import read_volume, write_volume
from srn_core.io.file_parts import open_parts
from srn_core.parts import VolumeParts, WholeVolume, part_of

LAZY = (".npy", ".raw", ".vti", ".h5", ".nc")
"""Formats of which no more is read than is asked for."""
WHOLE = (".npz", ".nrrd", ".mha")
REGIONS = ((0, 4, 0, 3, 0, 2), (1, 3, 2, 2, 0, 1), (4, 4, 3, 3, 2, 2), (0, 4, 1, 3, 1, 1))


def same_as_whole(parts: VolumeParts, path: Path) -> None:
    whole = read_volume(path)
    assert parts.geometry.dims == whole.geometry.dims
    assert (parts.dtype, parts.components) == (whole.values.dtype, whole.components)
    assert parts.nbytes == whole.values.nbytes
    for region in REGIONS:
        some, wanted = parts.read(region), part_of(whole, region)
        np.testing.assert_array_equal(some.values, wanted.values)
        assert some.values.dtype == wanted.values.dtype and some.values.dtype.isnative
        assert some.geometry == wanted.geometry
        assert (some.name, some.time) == (wanted.name, wanted.time)


@pytest.mark.parametrize("components", [0, 3])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
@pytest.mark.parametrize("suffix", [*LAZY, *WHOLE])
def test_parts_are_parts_of_the_whole(tmp_path, suffix, dtype, components):
    need(suffix)
    path = tmp_path / f"a{suffix}"
    write_volume(path, field(dtype, components=components))
    parts = open_parts(str(path))
    assert isinstance(parts, WholeVolume) == (suffix in WHOLE)
    same_as_whole(parts, path)


@pytest.mark.parametrize("suffix", [".vti", ".h5", ".nc", ".raw"])
def test_parts_of_cell_arrays(tmp_path, suffix):
    need(suffix)
    path = tmp_path / f"a{suffix}"
    write_volume(path, field(geometry=dataclasses.replace(GEOMETRY, association="cell")))
    parts = open_parts(str(path))
    assert parts.geometry.association == "cell"
    same_as_whole(parts, path)


def test_parts_of_a_zarr_array(tmp_path):
    zarr = pytest.importorskip("zarr")
    values = field().values
    stored = zarr.open(str(tmp_path / "a.zarr"), mode="w", shape=values.shape, chunks=(2, 2, 3), dtype="f4")
    stored[...] = values
    same_as_whole(open_parts(str(tmp_path / "a.zarr")), tmp_path / "a.zarr")


def test_big_endian_numbers_without_a_header(tmp_path):
    values = field("int16").values
    values.astype(">i2").tofile(tmp_path / "a.raw")
    parts = open_parts(str(tmp_path / "a.raw"), dims=(5, 4, 3), dtype=">i2")
    np.testing.assert_array_equal(parts.read((1, 4, 0, 2, 1, 2)).values, values[1:3, 0:3, 1:5])
    assert parts.dtype == np.dtype("int16")


@pytest.mark.parametrize("components", [0, 3])
@pytest.mark.parametrize("detached", [False, True])
@pytest.mark.parametrize("kind", ["<u2", ">f4", "<f8"])
def test_parts_of_nrrd_files_that_are_not_packed(tmp_path, kind, detached, components):
    nrrd = pytest.importorskip("nrrd")
    path = tmp_path / ("a.nhdr" if detached else "a.nrrd")
    values = field("float64", components=components).values.astype(kind)
    header = {"encoding": "raw", "space dimension": 3, "space origin": [1.0, 2.0, 3.0], "content": "wind"}
    directions = [[2.0, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, 1.0]]
    if components:
        header.update(kinds=["vector", *["domain"] * 3])
        directions = [[np.nan] * 3, *directions]
    nrrd.write(str(path), values, {**header, "space directions": np.array(directions)}, index_order="C")
    parts = open_parts(str(path))
    assert not isinstance(parts, WholeVolume)
    assert parts.geometry.origin == (1.0, 2.0, 3.0)
    same_as_whole(parts, path)


@pytest.mark.parametrize("components", [0, 2])
@pytest.mark.parametrize("detached", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_parts_of_meta_images_that_are_not_packed(tmp_path, dtype, detached, components):
    itk = pytest.importorskip("SimpleITK")
    path = tmp_path / ("a.mhd" if detached else "a.mha")
    image = itk.GetImageFromArray(field(dtype, components=components).values, isVector=components > 0)
    image.SetOrigin((1.0, 2.0, 3.0))
    itk.WriteImage(image, str(path), useCompression=False)
    parts = open_parts(str(path))
    assert not isinstance(parts, WholeVolume)
    same_as_whole(parts, path)


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_packed_images_that_are_cut_short_are_refused(tmp_path, suffix):
    need(suffix)
    path = tmp_path / f"a{suffix}"
    write_volume(path, field())
    with open(path, "r+b") as file:
        file.truncate(path.stat().st_size - 40)
    with pytest.raises(SrnInputError):
        open_parts(str(path))


def test_a_file_that_shrank_after_it_was_opened_is_told(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, field().values)
    parts = open_parts(str(path))
    with open(path, "r+b") as file:
        file.truncate(path.stat().st_size - 8)
    parts.read((0, 4, 0, 3, 0, 1))
    with pytest.raises(SrnInputError, match="ended before all of its values"):
        parts.read((0, 4, 0, 3, 0, 2))

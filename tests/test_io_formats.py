"""Files as others write them: turbulence cutouts, climate files, VTK grids, raw scans, Zarr groups."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from srn_core.errors import SrnInputError
from srn_core.io import array_names, read_source, read_volume
from srn_core.io.axes import GridNote

VALUES = np.arange(60, dtype=np.float32).reshape(3, 4, 5)


def jhtdb(path, even: bool = True) -> np.ndarray:
    h5py = pytest.importorskip("h5py")
    velocity = np.random.default_rng(0).random((3, 4, 5, 3)).astype("f4")
    with h5py.File(path, "w") as file:
        file["Velocity_0001"] = velocity
        file["Pressure_0001"] = velocity[..., :1]
        for name, size, step in (("xcoor", 5, 0.1), ("ycoor", 4, 0.2), ("zcoor", 3, 0.3)):
            file[name] = (np.arange(size) ** (1 if even else 2) * step + 7).astype("f4")
        file["_dataset"] = np.int32(1)
    return velocity


def test_turbulence_cutouts(tmp_path):
    velocity = jhtdb(tmp_path / "cutout.h5")
    assert array_names(tmp_path / "cutout.h5") == ["Pressure_0001", "Velocity_0001"]
    volume = read_volume(tmp_path / "cutout.h5", "Velocity_0001")
    assert np.array_equal(volume.values, velocity)
    assert np.allclose(volume.geometry.spacing, (0.1, 0.2, 0.3), rtol=1e-5)
    assert np.allclose(volume.geometry.origin, 7)
    assert read_volume(tmp_path / "cutout.h5", "Pressure_0001").components == 1


def test_uneven_grids_are_taken_in_index_space_and_say_so(tmp_path):
    jhtdb(tmp_path / "cutout.h5", even=False)
    with pytest.warns(GridNote, match="not equally spaced"):
        volume = read_volume(tmp_path / "cutout.h5", "Velocity_0001")
    assert volume.geometry.spacing == (1, 1, 1)


def test_hdf5_groups_scales_and_text(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("run/field", data=VALUES)
        file["labels"] = np.array([b"a", b"b"])
        file["nothing"] = np.zeros((0, 3, 4))
        for axis, name in enumerate("zyx"):
            file[name] = np.arange(VALUES.shape[axis]) * 0.5 + axis
            file[name].make_scale(name)
            data.dims[axis].attach_scale(file[name])
    assert array_names(tmp_path / "a.h5") == ["run/field"]
    assert read_volume(tmp_path / "a.h5").geometry.origin == (2.0, 1.0, 0.0)
    with pytest.raises(SrnInputError, match="only real numbers"):
        read_volume(tmp_path / "a.h5", "labels")
    with pytest.raises(SrnInputError, match="is empty"):
        read_volume(tmp_path / "a.h5", "nothing")


def climate(path) -> np.ndarray:
    netcdf = pytest.importorskip("netCDF4")
    with netcdf.Dataset(path, "w") as file:
        for name, size in (("time", None), ("level", 3), ("lat", 4), ("lon", 5)):
            file.createDimension(name, size)
        for name, values, units in (
            ("time", [0, 6], "hours since 2000-01-01"),
            ("level", [10, 20, 30], "m"),
            ("lat", [60, 50, 40, 30], "degrees_north"),
            ("lon", [0, 2, 4, 6, 8], "degrees_east"),
        ):
            variable = file.createVariable(name, "f8", (name,))
            variable[:], variable.units = values, units
        wind = file.createVariable("wind", "f4", ("time", "level", "lat", "lon"), fill_value=-999.0)
        wind[:] = np.stack([VALUES, VALUES + 100])
        wind[1, 2, 3, 4] = np.ma.masked
        wind.units = "m s-1"
        packed = file.createVariable("packed", "i2", ("level", "lat", "lon"), fill_value=-1)
        packed.scale_factor = 0.5
        packed[:] = VALUES
        counts = file.createVariable("counts", "i4", ("lat", "lon"), fill_value=-1)
        counts[:] = np.ma.masked_equal(np.arange(20).reshape(4, 5), 7)
    return VALUES


def test_climate_files(tmp_path):
    path = tmp_path / "a.nc"
    climate(path)
    assert array_names(path) == ["wind", "packed", "counts"]
    with pytest.raises(SrnInputError, match="2 time steps"):
        read_volume(path, "wind")
    with pytest.raises(SrnInputError, match="no step 2"):
        read_volume(path, "wind", step=2)
    volume = read_volume(path, "wind", step=1)
    assert (volume.units, volume.time) == ("m s-1", 6.0)
    assert np.isnan(volume.values[2, 3, 4])
    assert np.array_equal(volume.values[:2], VALUES[:2] + 100)


def test_falling_coordinates_become_a_direction(tmp_path):
    climate(tmp_path / "a.nc")
    geometry = read_volume(tmp_path / "a.nc", "wind", step=0).geometry
    assert geometry.spacing == (2.0, 10.0, 10.0)
    assert np.allclose(geometry.position_of(np.array([[4, 3, 2]])), [[8, 30, 30]])


def test_packed_values_unpack_and_masked_integers_keep_their_mask(tmp_path):
    climate(tmp_path / "a.nc")
    packed = read_volume(tmp_path / "a.nc", "packed")
    assert packed.values.dtype == np.float32
    assert np.array_equal(packed.values, VALUES)
    counts = read_volume(tmp_path / "a.nc", "counts")
    assert counts.geometry.dims == (5, 4, 1)
    assert counts.values.dtype == np.int32
    assert np.flatnonzero(~counts.validity()).tolist() == [7]


def test_zarr_groups_and_arrays(tmp_path):
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w")
    for name, values, axes in (
        ("field", np.stack([VALUES, VALUES + 1]), ["time", "z", "y", "x"]),
        ("x", np.arange(5) * 0.25, ["x"]),
        ("time", np.array([1.5, 2.5]), ["time"]),
    ):
        group.create_dataset(name, data=values, shape=values.shape, dtype=values.dtype)
        group[name].attrs["_ARRAY_DIMENSIONS"] = axes
    assert array_names(tmp_path / "a.zarr") == ["field"]
    volume = read_volume(tmp_path / "a.zarr", step=1)
    assert np.array_equal(volume.values, VALUES + 1)
    assert volume.geometry.spacing == (0.25, 1, 1)
    assert volume.time == 2.5

    zarr.save_array(str(tmp_path / "single.zarr"), VALUES)
    single = read_volume(str(tmp_path / "single.zarr") + "/")
    assert single.name == "single"
    assert np.array_equal(single.values, VALUES)
    (tmp_path / "empty.zarr").mkdir()
    with pytest.raises(SrnInputError, match="empty.zarr"):
        read_volume(tmp_path / "empty.zarr")


def test_raw_scans(tmp_path):
    (tmp_path / "a.raw").write_bytes(b"head" + VALUES.astype(">i2").tobytes())
    options = {"dims": (5, 4, 3), "dtype": ">i2", "header_bytes": 4}
    volume = read_volume(tmp_path / "a.raw", **options)
    assert volume.values.dtype == np.int16
    assert volume.values.dtype.isnative
    assert np.array_equal(volume.values, VALUES.astype("i2"))
    vectors = read_volume(tmp_path / "a.raw", dims=(5, 4, 1), dtype=">i2", components=3, header_bytes=4)
    assert vectors.values.shape == (1, 4, 5, 3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "give the dims"),
        ({"dims": (5, 4, 3)}, "give the dims"),
        ({"dims": (5, 4, 2), "dtype": "f4"}, "240 bytes of values, but 5 x 4 x 2 samples of float32 need 160"),
        ({"dims": (5, 4), "dtype": "f4"}, "three whole numbers"),
        ({"dims": (5, 4, 0), "dtype": "f4"}, "three whole numbers"),
        ({"dims": (5, 4, 2.5), "dtype": "f4"}, "three whole numbers"),
        ({"dims": "543", "dtype": "f4"}, "three whole numbers"),
        ({"dims": (1 << 62, 1 << 62, 1 << 62), "dtype": "f4"}, "need"),
        ({"dims": (5, 4, 3), "dtype": "floaty"}, "no type of values"),
        ({"dims": (5, 4, 3), "dtype": "c8"}, "real numbers"),
        ({"dims": (5, 4, 3), "dtype": "O"}, "real numbers"),
        ({"dims": (5, 4, 3), "dtype": "f4", "header_bytes": -1}, "negative"),
        ({"dims": (5, 4, 3), "dtype": "f4", "components": 0}, "at least 1"),
        ({"size": 3}, "unknown reading option 'size'"),
    ],
)
def test_raw_files_say_what_does_not_fit(tmp_path, options, words):
    VALUES.tofile(tmp_path / "a.raw")
    with pytest.raises(SrnInputError, match=words):
        read_volume(tmp_path / "a.raw", **options)


def vtk_grid(kind: str, even: bool):
    pytest.importorskip("vtkmodules")
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonCore import vtkPoints, vtkStringArray
    from vtkmodules.vtkCommonDataModel import vtkImageData, vtkRectilinearGrid, vtkStructuredGrid

    power = 1 if even else 2
    axes = [np.arange(n, dtype=float) ** power * s + 1 for n, s in ((5, 0.5), (4, 1.0), (3, 2.0))]
    if kind == "vtkImageData":
        grid = vtkImageData()
        grid.SetDimensions(5, 4, 3)
        grid.SetOrigin(1, 1, 1)
        grid.SetSpacing(0.5, 1, 2)
    elif kind == "vtkRectilinearGrid":
        grid = vtkRectilinearGrid()
        grid.SetDimensions(5, 4, 3)
        for setter, axis in zip(("SetXCoordinates", "SetYCoordinates", "SetZCoordinates"), axes):
            getattr(grid, setter)(numpy_to_vtk(axis, deep=True))
    else:
        grid = vtkStructuredGrid()
        grid.SetDimensions(5, 4, 3)
        z, y, x = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
        points = vtkPoints()
        points.SetData(numpy_to_vtk(np.stack([x, y, z], -1).reshape(-1, 3), deep=True))
        grid.SetPoints(points)
    array = numpy_to_vtk(VALUES.ravel(), deep=True)
    array.SetName("speed")  # VTK (5.11's and 9.7's) crashes on a legacy grid whose array is named "field"
    grid.GetPointData().SetScalars(array)
    cells = numpy_to_vtk(np.arange(24, dtype="i4"), deep=True)
    cells.SetName("cells")
    grid.GetCellData().AddArray(cells)
    words = vtkStringArray()
    words.SetName("words")
    for _ in range(60):
        words.InsertNextValue("w")
    grid.GetPointData().AddArray(words)
    return grid


@pytest.mark.parametrize("even", [True, False])
@pytest.mark.parametrize(
    ("suffix", "kind", "writer"),
    [
        (".vtr", "vtkRectilinearGrid", "vtkXMLRectilinearGridWriter"),
        (".vts", "vtkStructuredGrid", "vtkXMLStructuredGridWriter"),
        (".vtk", "vtkImageData", "vtkGenericDataObjectWriter"),
        (".vtk", "vtkRectilinearGrid", "vtkGenericDataObjectWriter"),
        (".vtk", "vtkStructuredGrid", "vtkGenericDataObjectWriter"),
    ],
)
def test_vtk_grids(tmp_path, suffix, kind, writer, even):
    grid = vtk_grid(kind, even)
    from vtkmodules import vtkIOLegacy, vtkIOXML

    written = (getattr(vtkIOXML, writer, None) or getattr(vtkIOLegacy, writer))()
    path = tmp_path / f"a{suffix}"
    written.SetFileName(str(path))
    written.SetInputData(grid)
    assert written.Write() == 1
    assert array_names(path) == ["speed", "cells"]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        volume = read_volume(path, "speed")
    assert np.array_equal(volume.values, VALUES)
    if even or kind == "vtkImageData":
        assert not caught
        assert np.allclose(volume.geometry.position_of(np.array([[0, 0, 0], [4, 3, 2]])), [[1, 1, 1], [3, 4, 5]])
    else:
        assert [w.category for w in caught] == [GridNote]
    with pytest.raises(SrnInputError, match="holds text"):
        read_volume(path, "words")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GridNote)
        cells = read_volume(path, "cells")
    assert np.array_equal(cells.values.ravel(), np.arange(24))
    if even or kind == "vtkImageData":
        assert np.allclose(cells.geometry.position_of(np.array([[0, 0, 0]])), [[1.25, 1.5, 2]])


def test_meshes_are_no_volumes(tmp_path):
    pytest.importorskip("vtkmodules")
    (tmp_path / "mesh.vtk").write_text(
        "# vtk DataFile Version 3.0\nx\nASCII\nDATASET POLYDATA\nPOINTS 2 float\n0 0 0 1 2 3\n"
        "POINT_DATA 2\nSCALARS heat float\nLOOKUP_TABLE default\n4 5\n"
    )
    with pytest.raises(SrnInputError, match="Resample To Image"):
        read_volume(tmp_path / "mesh.vtk")
    found = read_source(tmp_path / "mesh.vtk")
    assert found.values.tolist() == [4, 5] and found.mesh.points.tolist() == [[0, 0, 0], [1, 2, 3]]


def test_numpy_archives_of_several_arrays(tmp_path):
    np.savez(tmp_path / "a.npz", first=VALUES, second=VALUES * 2, line=np.arange(4))
    assert array_names(tmp_path / "a.npz") == ["first", "second", "line"]
    assert np.array_equal(read_volume(tmp_path / "a.npz", "second").values, VALUES * 2)
    assert read_volume(tmp_path / "a.npz", "line").geometry.dims == (4, 1, 1)
    with pytest.raises(SrnInputError, match="several arrays.*first, second, line"):
        read_volume(tmp_path / "a.npz")


def test_nrrd_files_with_detached_data_and_plain_spacings(tmp_path):
    pytest.importorskip("nrrd")
    VALUES.astype("<f4").tofile(tmp_path / "a.raw")
    (tmp_path / "a.nhdr").write_text(
        "NRRD0004\ntype: float\ndimension: 3\nsizes: 5 4 3\nspacings: 0.5 1 2\nencoding: raw\nendian: little\n"
        "data file: a.raw\n"
    )
    volume = read_volume(tmp_path / "a.nhdr")
    assert np.array_equal(volume.values, VALUES)
    assert volume.geometry.spacing == (0.5, 1, 2)


def test_metaimage_headers_with_detached_data(tmp_path):
    pytest.importorskip("SimpleITK")
    VALUES.astype("<f4").tofile(tmp_path / "a.raw")
    (tmp_path / "a.mhd").write_text(
        "ObjectType = Image\nNDims = 3\nDimSize = 5 4 3\nElementSpacing = 0.5 1 2\nElementType = MET_FLOAT\n"
        "BinaryDataByteOrderMSB = False\nElementDataFile = a.raw\n"
    )
    volume = read_volume(tmp_path / "a.mhd")
    assert np.array_equal(volume.values, VALUES)
    assert volume.geometry.spacing == (0.5, 1, 2)

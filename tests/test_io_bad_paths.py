"""Paths and files that cannot be used: one clear error each, and existing files stay as they are."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from srn_core.errors import SrnError, SrnInputError, SrnMissingPackageError
from srn_core.io import array_names, read_volume, write_volume
from srn_core.io.formats import FORMATS
from srn_core.volume import Volume

VOLUME = Volume.from_array(np.arange(24.0).reshape(2, 3, 4))


@pytest.mark.parametrize("suffix", sorted(FORMATS))
def test_rubbish_in_any_format(tmp_path, suffix):
    path = tmp_path / f"rubbish{suffix}"
    path.write_bytes(b"\x93\x00rubbish, and some more of it\n" * 20)
    for function in (read_volume, array_names):
        if function is array_names and suffix in (".raw", ".npy", ".mha", ".mhd"):
            continue  # their only array is named after the file
        with pytest.raises(SrnError) as caught:
            function(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", sorted(FORMATS))
def test_empty_files_and_missing_files(tmp_path, suffix):
    with pytest.raises(SrnInputError, match="does not exist"):
        read_volume(tmp_path / f"none{suffix}")
    (tmp_path / f"empty{suffix}").touch()
    with pytest.raises(SrnInputError, match="is empty"):
        read_volume(tmp_path / f"empty{suffix}")


@pytest.mark.parametrize("suffix", [".vti", ".npy", ".npz", ".nrrd", ".mha", ".h5", ".nc"])
def test_a_folder_for_a_file(tmp_path, suffix):
    folder = tmp_path / f"folder{suffix}"
    folder.mkdir()
    with pytest.raises(SrnInputError, match="is a folder"):
        read_volume(folder)
    with pytest.raises(SrnInputError, match="is a folder"):
        write_volume(folder, VOLUME)


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".nrrd", ".mha", ".h5", ".nc"])
def test_cut_off_files(tmp_path, suffix):
    package = {".nrrd": "nrrd", ".mha": "SimpleITK", ".h5": "h5py", ".nc": "netCDF4"}.get(suffix)
    if package:
        pytest.importorskip(package)
    random = np.random.default_rng(0).random((16, 16, 16))
    write_volume(tmp_path / f"whole{suffix}", Volume.from_array(random))
    data = (tmp_path / f"whole{suffix}").read_bytes()
    (tmp_path / f"cut{suffix}").write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(SrnInputError, match=f"cut{suffix}"):
        read_volume(tmp_path / f"cut{suffix}")


def test_unknown_endings_name_the_known_ones(tmp_path):
    (tmp_path / "a.xyz").write_text("a")
    with pytest.raises(SrnInputError, match=r"\.vti, .*\.zarr"):
        read_volume(tmp_path / "a.xyz")
    with pytest.raises(SrnInputError, match="written.*\\.vti"):
        write_volume(tmp_path / "a.xyz", VOLUME)
    with pytest.raises(SrnInputError, match="written"):
        write_volume(tmp_path / "a.vtk", VOLUME)
    (tmp_path / "a.srn").write_text("a")
    with pytest.raises(SrnInputError, match="srn decompress"):
        read_volume(tmp_path / "a.srn")


@pytest.mark.parametrize("suffix", [".vti", ".npy", ".npz"])
def test_missing_arrays_list_those_present(tmp_path, suffix):
    write_volume(tmp_path / f"a{suffix}", VOLUME)
    here = array_names(tmp_path / f"a{suffix}")[0]
    with pytest.raises(SrnInputError, match=f"no array 'speed'; it has: {here}"):
        read_volume(tmp_path / f"a{suffix}", "speed")


def test_pickles_are_never_opened(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object))
    np.savez(tmp_path / "a.npz", a=np.array([{"a": 1}], dtype=object))
    for name in ("a.npy", "a.npz"):
        with pytest.raises(SrnInputError, match="memory-mapped|allow_pickle"):
            read_volume(tmp_path / name)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros((0, 2, 2)), "empty"),
        (np.float64(3.0), "empty"),
        (np.zeros((1, 2, 3, 4, 5)), "5 axes"),
        (np.zeros((2, 2, 2), complex), "only real numbers"),
        (np.array([["a", "b"]]), "only real numbers"),
        (np.zeros((2, 2, 2), "M8[s]"), "only real numbers"),
        (np.zeros((2, 2, 2), [("a", "f4"), ("b", "f4")]), "only real numbers"),
    ],
)
def test_arrays_that_are_no_volume(tmp_path, values, words):
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(SrnInputError, match=words) as caught:
        read_volume(tmp_path / "a.npy")
    assert "a.npy" in str(caught.value)


def test_a_header_that_claims_more_than_there_is(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((2, 3, 4)))
    data = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(data.replace(b"(2, 3, 4), }      ", b"(900000000, 9, 9)}"))
    with pytest.raises(SrnInputError, match=r"a\.npy"):
        read_volume(tmp_path / "a.npy")
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:  # sparse: the file has some kilobytes
        file.create_dataset("a", shape=(1 << 20, 1 << 12, 1 << 12), dtype="f8", chunks=(1, 64, 64))
    with pytest.raises(SrnInputError, match="memory"):
        read_volume(tmp_path / "a.h5")


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.vti"
    write_volume(path, VOLUME)
    before = path.read_bytes()
    code = (
        "import resource, numpy as np\n"
        "from srn_core.errors import SrnInputError\n"
        "from srn_core.io import write_volume\n"
        "from srn_core.volume import Volume\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try:\n"
        f"    write_volume({str(path)!r}, Volume.from_array(np.zeros((64, 64, 64))))\n"
        "except SrnInputError as error:\n"
        "    assert 'no space' in str(error), error\n"
        "else:\n"
        "    raise SystemExit('written beyond the limit')\n"
    )
    pytest.importorskip("resource")
    subprocess.run([sys.executable, "-c", code], check=True)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.vti"]


def test_a_folder_that_does_not_exist(tmp_path):
    with pytest.raises(SrnInputError, match="does not exist"):
        write_volume(tmp_path / "none" / "a.vti", VOLUME)


@pytest.mark.parametrize(
    ("suffix", "package", "extra"),
    [
        (".vtk", "vtkmodules", "vtk"),
        (".nrrd", "nrrd", "io"),
        (".mha", "SimpleITK", "io"),
        (".h5", "h5py", "io"),
        (".nc", "netCDF4", "io"),
        (".zarr", "zarr", "io"),
    ],
)
def test_missing_packages_are_named_with_the_way_to_get_them(tmp_path, monkeypatch, suffix, package, extra):
    monkeypatch.setitem(sys.modules, package, None)
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"x" * 10)
    with pytest.raises(SrnMissingPackageError, match=rf"pip install 'paraview-srn\[{extra}\]'"):
        read_volume(path)

"""Which file ending is read and written by which module.

A module of this package reads a format by ``array_names(path) -> list[str]`` and
``read(path, array, options) -> Volume`` (of a mesh: MeshArray), and writes it by ``write(path, volume)``; of a format
that knows time, ``step_count(path, array) -> int`` tells an array's steps. It checks nothing about the path itself:
:mod:`srn_core.io.read` and :mod:`srn_core.io.write` have done so.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Union

from srn_core.errors import SrnInputError

PathLike = Union[str, "os.PathLike[str]"]


@dataclass(frozen=True)
class Format:
    """One file format."""

    title: str
    """In the user's words."""
    module: str
    """Name of the module in this package."""
    writes: bool = True
    folder: bool = False
    """True where the "file" may be a folder."""
    several: bool = False
    """True where further arrays on the same grid may be written: ``write(path, volume, *more)``."""

    meshes: bool = False
    """True where arrays of a mesh may be written: ``write_mesh(path, arrays)``."""

    def load(self) -> ModuleType:
        """The module, imported."""
        return import_module(f"srn_core.io.{self.module}")


FORMATS = {
    ".vti": Format("VTK image", "vti", several=True),
    ".vtr": Format("VTK rectilinear grid", "vtk_files", writes=False),
    ".vts": Format("VTK structured grid", "vtk_files", writes=False),
    ".vtu": Format("VTK unstructured grid", "vtk_files", writes=False, meshes=True),
    ".vtp": Format("VTK surface", "vtk_files", writes=False, meshes=True),
    ".vtk": Format("legacy VTK", "vtk_files", writes=False),
    ".npy": Format("NumPy array", "npy"),
    ".npz": Format("NumPy archive", "npz", several=True),
    ".raw": Format("raw values", "raw"),
    ".nrrd": Format("NRRD", "nrrd_files"),
    ".nhdr": Format("NRRD header", "nrrd_files", writes=False),
    ".mha": Format("MetaImage", "metaimage"),
    ".mhd": Format("MetaImage header", "metaimage", writes=False),
    ".h5": Format("HDF5", "hdf5"),
    ".hdf5": Format("HDF5", "hdf5"),
    ".nc": Format("NetCDF", "netcdf"),
    ".zarr": Format("Zarr", "zarr_store", writes=False, folder=True),
}
ALIASES = {".bin": ".raw", ".dat": ".raw", ".nc4": ".nc", ".cdf": ".nc", ".hdf": ".hdf5"}


def format_of(path: PathLike, writing: bool = False, several: bool = False) -> Format:
    """The format a file's ending stands for; ``several``: of one that can be written with several arrays.

    Raises SrnInputError for an ending that is not known or will not do, naming those that will.
    """
    ending = _ending(path)
    found = FORMATS.get(ALIASES.get(ending, ending))
    known = [e for e, f in FORMATS.items() if f.writes or not writing]
    if found is None and ending == ".srn" and not writing:
        raise SrnInputError(f"'{path}' is a neural file already; turn it into a volume with: srn decompress")
    if writing and found is not None and found.meshes:
        raise SrnInputError(
            f"'{path}' would hold a mesh, and this is a grid; the file's ending must be one of {', '.join(known)}"
        )
    if found is None or (writing and not found.writes):
        doing = "written" if writing else "read"
        raise SrnInputError(
            f"'{path}': no such format can be {doing}; the file's ending must be one of {', '.join(known)}"
        )
    if several and not found.several:
        raise SrnInputError(
            f"'{path}': a {found.title} file holds one array; for several, the ending must be one of "
            f"{', '.join(e for e, f in FORMATS.items() if f.several)}"
        )
    return found


def holds_mesh(path: PathLike) -> bool:
    """Whether the file's ending stands for a format that meshes are written in."""
    found = FORMATS.get(_ending(path))
    return found is not None and found.meshes


def _ending(path: PathLike) -> str:
    return os.path.splitext(os.fspath(path).rstrip("/\\"))[1].lower()

"""Write a Volume as a file of any known format, and arrays of a mesh as VTK's own."""

from __future__ import annotations

import os
from typing import Callable, Iterable

import numpy as np

from srn_core.atomic import atomic_path
from srn_core.errors import SrnError, SrnInputError
from srn_core.io.formats import FORMATS, Format, PathLike, format_of
from srn_core.io.native import native
from srn_core.mesh import MeshArray
from srn_core.volume import Volume


def write_volume(path: PathLike, volume: Volume, *more: Volume) -> None:
    """Write ``volume`` in the format of the path's ending; the file appears whole or not at all.

    ``more``: further arrays on the same grid, beside it in the file.
    Raises SrnInputError where the ending is not known, does not take several arrays where there are several, or the
    file cannot be written, and SrnMissingPackageError where the format's package is not installed.
    """
    form = format_of(path, writing=True, several=bool(more))
    module = form.load()
    volume, *rest = (native(v) for v in (volume, *more))
    _written(path, form, lambda temporary: module.write(temporary, volume, *rest))
    if hasattr(module, "write_header"):
        module.write_header(os.fspath(path), volume)


def write_mesh(path: PathLike, array: MeshArray, *more: MeshArray) -> None:
    """Write an array of a mesh in the format of the path's ending, .vtu or of a surface .vtp, whole or not at all.

    ``more``: further arrays of the same mesh. Raises SrnInputError for another ending or mesh, or where the file cannot
    be written, SrnMissingPackageError where VTK is not installed.
    """
    ending = ".vtp" if array.mesh.surface else ".vtu"
    if os.path.splitext(os.fspath(path))[1].lower() != ending:
        what = "a surface" if array.mesh.surface else "an unstructured grid"
        raise SrnInputError(f"'{path}': array '{array.name}' lies on {what}; the file's name must end in {ending}")
    other = next((one.name for one in more if one.mesh != array.mesh), None)
    if other is not None:
        raise SrnInputError(f"arrays '{array.name}' and '{other}' lie on different meshes: write a file for each")
    form = FORMATS[ending]
    _written(path, form, lambda temporary: form.load().write_mesh(temporary, array, *more))


def takes_slabs(path: PathLike) -> bool:
    """Whether :func:`write_slabs` can write the format of the path's ending."""
    return hasattr(format_of(path, writing=True).load(), "write_slabs")


def write_slabs(path: PathLike, outline: Volume, slabs: Iterable[np.ndarray]) -> None:
    """As :func:`write_volume`, of a volume of any size, whose values come layer after layer along z.

    ``outline``: the volume, but for its values, of which only shape and dtype count. Those that are not valid are NaN
    in ``slabs`` already, or 0 in integers.
    """
    form = format_of(path, writing=True)
    module = form.load()
    _written(path, form, lambda temporary: module.write_slabs(temporary, outline, slabs))
    if hasattr(module, "write_header"):
        module.write_header(os.fspath(path), outline)


def _written(path: PathLike, form: Format, write: Callable[[str], None]) -> None:
    with atomic_path(path) as temporary:
        try:
            write(os.fspath(temporary))
        except SrnError:
            raise
        except Exception as error:  # each format's package has errors of its own
            if isinstance(error, OSError) and error.errno is not None:
                raise  # explained by atomic_path
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            raise SrnInputError(f"'{path}' cannot be written as {form.title}: {reason}") from error

"""VTK image files (.vti), with NumPy alone where the file allows, with VTK where it does not."""

from __future__ import annotations

from typing import Optional

from srn_core.io import vti_write
from srn_core.io.file_parts import Layers
from srn_core.io.read import ReadOptions, on_grid
from srn_core.io.vti_xml import ImageFile, NeedsVtk
from srn_core.volume import Volume

write = vti_write.write
write_slabs = vti_write.write_slabs


def array_names(path: str) -> list[str]:
    """Names of the point and cell arrays of numbers."""
    try:
        return ImageFile(path).names()
    except NeedsVtk:
        from srn_core.io import vtk_files

        return vtk_files.array_names(path)


def read(path: str, array: Optional[str], options: ReadOptions) -> Volume:
    """One array with the image's geometry, time and blanked samples."""
    try:
        return ImageFile(path).volume(array)
    except NeedsVtk:
        from srn_core.io import vtk_files

        return on_grid(path, vtk_files.read(path, array, options))


def layers(path: str, array: Optional[str], options: ReadOptions) -> Optional[Layers]:
    """Where the values lie; None unless they are appended as they are, and no sample is blanked."""
    try:
        return ImageFile(path).layers(array)
    except NeedsVtk:
        return None

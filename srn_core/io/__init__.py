"""Volumes and arrays of meshes from files and into files.

``read_volume``, ``read_source`` and ``write_volume`` find the format by the file's ending; :mod:`srn_core.io.formats`
lists them. The package each format needs is imported when such a file is first met.
"""

from __future__ import annotations

from srn_core.io.read import ReadOptions, array_names, format_to_read, read_source, read_volume, step_count
from srn_core.io.write import write_mesh, write_volume

__all__ = [
    "ReadOptions",
    "array_names",
    "format_to_read",
    "read_source",
    "read_volume",
    "step_count",
    "write_mesh",
    "write_volume",
]

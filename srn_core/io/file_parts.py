"""Volume files that are read part by part."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, Optional, Sequence, Union

import numpy as np

from srn_core.errors import SrnInputError
from srn_core.io.native import native
from srn_core.io.read import ReadOptions, format_to_read, read_source, reading
from srn_core.mesh import MeshArray
from srn_core.parts import VolumeParts, WholeVolume, part_geometry
from srn_core.volume import Volume


@dataclass(frozen=True)
class Layers:
    """Numbers that lie in a file as they are, x fastest."""

    outline: Volume
    """Of the whole; its values take no memory and say nothing."""
    path: str
    offset: int
    """Byte at which they begin."""
    dtype: np.dtype


def beginning(path: str, skip: int, behind: int, nbytes: int) -> Optional[int]:
    """Byte at which so many lie in a file that skips ``skip`` bytes ``behind`` its header, or ends with them (-1).

    None where the file is too short.
    """
    size = os.path.getsize(path)
    offset = size - nbytes if skip == -1 else skip + behind
    return offset if 0 <= offset <= size - nbytes else None


def open_parts(path: str, array: Optional[str] = None, **options: Any) -> Union[VolumeParts, MeshArray]:
    """An array of a file, of which parts are read when they are needed. Arguments and errors: as of read_volume.

    Files whose format does not let them be read in parts are read as a whole, now; so are meshes.
    """
    wanted = ReadOptions.parsed(options)
    form = format_to_read(path)
    with reading(path, form):
        module = form.load()
        if hasattr(module, "layers"):
            layers = module.layers(path, array, wanted)
            if layers is not None:
                return _LayerParts(layers)
        elif getattr(module, "READS_REGIONS", False):
            return _RegionParts(path, array, wanted, module)
    found = read_source(path, array, **options)
    return found if isinstance(found, MeshArray) else WholeVolume(found)


class _Described(VolumeParts):
    """What an outline says."""

    def _describe(self, whole: Volume, dtype: np.dtype) -> None:
        self.geometry, self.name, self.units, self.time = whole.geometry, whole.name, whole.units, whole.time
        self.dtype = dtype.newbyteorder("=")
        self.components, self.vector = whole.components, whole.values.ndim == 4


class _LayerParts(_Described):
    def __init__(self, layers: Layers) -> None:
        self._layers = layers
        self._describe(layers.outline, layers.dtype)

    def read(self, region: Sequence[int]) -> Volume:
        """Rows of one layer after the other."""
        x0, x1, y0, y1, z0, z1 = region
        nx, ny, _ = self.geometry.dims
        row = nx * self.components
        shape = (z1 - z0 + 1, y1 - y0 + 1, x1 - x0 + 1, self.components)
        values = np.empty(shape, self.dtype)
        with open(self._layers.path, "rb") as file:
            for place, z in enumerate(range(z0, z1 + 1)):
                file.seek(self._layers.offset + (z * ny + y0) * row * self.dtype.itemsize)
                rows = np.fromfile(file, self._layers.dtype, shape[1] * row)
                if rows.size != shape[1] * row:
                    raise SrnInputError(f"'{self._layers.path}' ended before all of its values were read")
                values[place] = rows.reshape(shape[1], nx, self.components)[:, x0 : x1 + 1]
        geometry = part_geometry(self.geometry, region)
        return Volume(values if self.vector else values[..., 0], geometry, self.name, self.units, self.time)


class _RegionParts(_Described):
    def __init__(self, path: str, array: Optional[str], options: ReadOptions, module: ModuleType) -> None:
        whole = module.read(path, array, replace(options, outline=True))
        self._path, self._array, self._options, self._module = path, array, options, module
        self._describe(whole, whole.values.dtype)

    def read(self, region: Sequence[int]) -> Volume:
        """What the format's package reads of it."""
        x0, x1, y0, y1, z0, z1 = (int(end) for end in region)
        with reading(self._path, format_to_read(self._path)):
            wanted = replace(self._options, region=(x0, x1, y0, y1, z0, z1))
            return native(self._module.read(self._path, self._array, wanted))

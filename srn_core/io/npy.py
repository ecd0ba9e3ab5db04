"""NumPy arrays (.npy): values alone, named after the file, spacing 1."""

from __future__ import annotations

import os
from typing import Iterable, Optional

import numpy as np

from srn_core.io.choice import chosen
from srn_core.io.file_parts import Layers
from srn_core.io.filled import filled
from srn_core.io.read import ReadOptions
from srn_core.volume import Volume


def array_names(path: str) -> list[str]:
    """The file's own name."""
    return [os.path.splitext(os.path.basename(path))[0]]


def read(path: str, array: Optional[str], options: ReadOptions) -> Volume:
    """An array with axes (z, y, x[, component]); fewer axes are a slice or a line."""
    # Mapped first: a header that claims more than the file has is then found before memory is taken.
    mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(mapped, np.ndarray):
        raise ValueError("it holds several arrays; name it .npz")
    return Volume.from_array(np.array(mapped), chosen(path, array_names(path), array))


def layers(path: str, array: Optional[str], options: ReadOptions) -> Optional[Layers]:
    """Where the values lie; None where they do not lie as a volume's do."""
    mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    name = chosen(path, array_names(path), array)
    if not isinstance(mapped, np.memmap) or mapped.ndim not in (3, 4) or not mapped.flags.c_contiguous:
        return None
    outline = Volume.from_array(np.broadcast_to(np.zeros((), mapped.dtype), mapped.shape), name)
    return Layers(outline, path, mapped.offset, mapped.dtype)


def write_slabs(path: str, outline: Volume, slabs: Iterable[np.ndarray]) -> None:
    """As :func:`write`, layer after layer."""
    dtype = outline.values.dtype.newbyteorder("=")
    about = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": outline.values.shape}
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, about)
        for slab in slabs:
            file.write(np.ascontiguousarray(slab, dtype).data.cast("B"))


def write(path: str, volume: Volume) -> None:
    """Values alone; voxels that are not valid become NaN, or 0 in an array of integers."""
    with open(path, "wb") as file:
        np.save(file, filled(volume), allow_pickle=False)

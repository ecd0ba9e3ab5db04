"""Numbers out of VTK's arrays and lists of cells, and into them."""

from __future__ import annotations

from typing import Any

import numpy as np


def cell_array(sizes: np.ndarray, corners: np.ndarray) -> Any:
    """VTK's list of cells with so many corners each, which follow each other."""
    from vtkmodules.vtkCommonDataModel import vtkCellArray

    cells = vtkCellArray()
    offsets = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
    cells.SetData(to_vtk(offsets, ids=True), to_vtk(corners.astype(np.int64), ids=True))
    return cells


def numpy_of(array: Any, copy: bool = True) -> np.ndarray:
    """The numbers of a VTK array; without ``copy`` they may be the array's own memory."""
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkBitArray, vtkDataArray, vtkUnsignedCharArray

    plain = array
    if isinstance(array, vtkBitArray):
        plain = vtkUnsignedCharArray()
    elif not array.HasStandardMemoryLayout():  # numbers that VTK works out when they are asked for
        plain = vtkDataArray.CreateDataArray(array.GetDataType())
    if plain is not array:
        plain.DeepCopy(array)
    # A copy of VTK's goes with this function, its numbers must not.
    return np.array(vtk_to_numpy(plain)) if copy or plain is not array else np.asarray(vtk_to_numpy(plain))


def to_vtk(values: np.ndarray, ids: bool = False) -> Any:
    """Numbers as a VTK array of their type, or of that of ``ids``."""
    from vtkmodules.util.numpy_support import get_vtk_array_type, numpy_to_vtk
    from vtkmodules.util.vtkConstants import VTK_ID_TYPE

    kind = VTK_ID_TYPE if ids else get_vtk_array_type(values.dtype)
    return numpy_to_vtk(np.ascontiguousarray(values), deep=True, array_type=kind)

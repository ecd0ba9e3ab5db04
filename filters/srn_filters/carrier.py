"""Data objects that carry a neural file in their field data, and the neural file they carry."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Mapping, Optional, Sequence

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkStringArray
from vtkmodules.vtkCommonDataModel import vtkCompositeDataSet, vtkDataObject

from srn_core.errors import SrnInputError

if TYPE_CHECKING:
    from srn_core.api import NeuralFile
    from srn_core.codec.field import NeuralField

BYTES = "srn_bytes"
REPORT = "srn_report"
HISTORY = "srn_history"


def attach(
    data: vtkDataObject,
    content: bytes,
    report: Optional[Mapping[str, Any]] = None,
    history: Optional[Mapping[str, Any]] = None,
) -> None:
    """Put the bytes of a neural file, and of its making the report and the training's history, into the field data."""
    packed = numpy_to_vtk(np.frombuffer(content, np.uint8), deep=True)
    packed.SetName(BYTES)
    data.GetFieldData().AddArray(packed)
    for name, told in ((REPORT, report), (HISTORY, history)):
        if told is not None:
            text = vtkStringArray()
            text.SetName(name)
            text.InsertNextValue(json.dumps(told))
            data.GetFieldData().AddArray(text)


def carry_on(source: Optional[vtkDataObject], target: vtkDataObject) -> None:
    """Hand over what is told of the neural file's making."""
    for name in (REPORT, HISTORY):
        array = None if source is None else source.GetFieldData().GetAbstractArray(name)
        if array is not None:
            target.GetFieldData().AddArray(array)


def history(data: Optional[vtkDataObject]) -> dict[str, list[Any]]:
    """Column name -> values of the training's history that ``data`` carries; empty where it carries none."""
    array = None if data is None else data.GetFieldData().GetAbstractArray(HISTORY)
    if array is None or array.GetNumberOfValues() == 0:
        return {}
    try:
        columns = json.loads(array.GetValue(0))
        return {str(name): list(values) for name, values in columns.items()}
    except (TypeError, ValueError, AttributeError) as error:
        raise SrnInputError(f"the field data array '{HISTORY}' is no training history") from error


def content(data: Optional[vtkDataObject]) -> Optional[bytes]:
    """The bytes of the neural file that ``data``, or one of its blocks, carries; None where there is none."""
    if data is None:
        return None
    array = data.GetFieldData().GetArray(BYTES)
    if array is not None and array.GetNumberOfValues() > 0:
        return bytes(vtk_to_numpy(array).astype(np.uint8).tobytes())
    if isinstance(data, vtkCompositeDataSet):
        blocks = data.NewIterator()
        while not blocks.IsDoneWithTraversal():
            found = content(blocks.GetCurrentDataObject())
            if found is not None:
                return found
            blocks.GoToNextItem()
    return None


def required_content(data: Optional[vtkDataObject], job: str) -> bytes:
    """The bytes that ``data`` carries. Raises SrnInputError where it carries none."""
    found = content(data)
    if found is None:
        raise SrnInputError(
            f"{job}: the input carries no neural file (field data array '{BYTES}'). Apply Neural Compress first, "
            "or open a .srn file, and use that as the input"
        )
    return found


def times(file: NeuralFile) -> list[float]:
    """The time steps that the fields of a file know, ascending."""
    return file.times


def fields_at(file: NeuralFile, time: Optional[float]) -> list[NeuralField]:
    """The fields of the time step nearest to ``time`` (the first one for None), and those that know no time."""
    known = times(file)
    nearest = None if not known else known[0] if time is None else min(known, key=lambda t: abs(t - time))
    return [f for f in file.fields if f.time is None or float(f.time) == nearest]


def chosen(fields: Sequence[NeuralField], wanted: Optional[Sequence[str]]) -> list[NeuralField]:
    """The fields whose names are ``wanted`` (None: all)."""
    return [f for f in fields if wanted is None or f.name in wanted]


def by_block(fields: Sequence[NeuralField]) -> dict[str, list[NeuralField]]:
    """Name of each block of a composite data set -> its fields, in their order; "" alone where there are no blocks."""
    found: dict[str, list[NeuralField]] = {}
    for field in fields:
        found.setdefault(field.block, []).append(field)
    return found

"""What a finished file gives back in place of the input of Neural Compress: grids with the input's extents, meshes."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Optional, Sequence

from vtkmodules.vtkCommonDataModel import vtkDataObject

from srn_core.codec import NeuralField
from srn_core.neural_file import NeuralFile
from srn_core.progress import ProgressCallback
from srn_core.pulse import pulsed
from srn_core.volume import Volume
from srn_filters import blocks, carrier, vtk_bridge
from srn_filters.finished import Extents
from srn_filters.mesh_bridge import decoded_mesh

BEGIN = 0.95
"""Share of the progress at which decoding begins."""


def decoded(
    file: NeuralFile, fields: Sequence[NeuralField], extents: Extents, progress: Callable[..., Any]
) -> vtkDataObject:
    """The fields on their grids or meshes, or blocks of these.

    ``progress(begin, end, stoppable=False)`` gives who is told.
    """
    known, done = carrier.by_block(fields), 0
    found: list[blocks.Block] = []
    for name, ends in extents:
        if name not in known:
            continue
        told = []
        for _ in known[name]:
            share, done = (1.0 - BEGIN) / len(fields), done + 1
            told.append(progress(BEGIN + share * (done - 1), BEGIN + share * done, stoppable=False))
        if known[name][0].mesh is not None:
            found.append((name, decoded_mesh(file, known[name], told)))
            continue
        grid = vtk_bridge.empty_grid(known[name][0].geometry, ends or None)
        for field, tell in zip(known[name], told):
            vtk_bridge.add_volume(grid, pulsed(partial(_decoded, file, field), tell))
        found.append((name, grid))
    whole = dict(found).get("")
    return blocks.composite_of(found) if whole is None else whole


def _decoded(file: NeuralFile, field: NeuralField, told: Optional[ProgressCallback]) -> Volume:
    return file.decode(array=field, progress=told)

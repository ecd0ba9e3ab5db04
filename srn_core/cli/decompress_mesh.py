"""``srn decompress`` to a .vtu or .vtp: arrays on the mesh that the file kept."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Optional

from srn_core.cli import output
from srn_core.cli.bar import Bar
from srn_core.errors import SrnInputError
from srn_core.progress import share_of

if TYPE_CHECKING:
    from srn_core.api import NeuralFile
    from srn_core.codec import NeuralField


def refuse_grids(given: argparse.Namespace) -> None:
    """Raise SrnInputError for arguments that mean nothing on a mesh."""
    for name in ("dims", "scale", "region", "level", "gradient"):
        if getattr(given, name):
            raise SrnInputError(f"--{name} is of a grid, and '{given.out}' is to hold a mesh; leave one of them out")


def write(file: NeuralFile, path: str, time: Optional[float], given: argparse.Namespace) -> None:
    """Decode one time step into a file: the array that is named, or all on the first one's mesh."""
    from srn_core.io import write_mesh

    fields = _fields(file, time, given.array)
    with Bar(given.quiet) as bar:
        arrays = [
            file.decode_on_mesh(field, progress=share_of(bar, place / len(fields), 1 / len(fields)))
            for place, field in enumerate(fields)
        ]
        write_mesh(path, *arrays)
    if not given.quiet:
        output.print_table(
            [
                (path, ""),
                *(("array", f"{a.name}: {len(a.values)} {a.association}s, {a.values.dtype}") for a in arrays),
                *output.time_rows(arrays[0].time),
                ("decoded by", ", ".join(file.providers)),
            ]
        )


def _fields(file: NeuralFile, time: Optional[float], array: Optional[str]) -> list[NeuralField]:
    first = file.field(array, time)
    if first.mesh is None:
        raise SrnInputError(
            f"the file has no mesh of array '{first.name}', and a .vtu or .vtp holds one; give a name that ends in .vti"
        )
    if array is not None:
        return [first]
    there = (first.time, first.block)
    return [
        field
        for field in file.fields
        if field.mesh is not None and field.mesh.mesh == first.mesh.mesh and (field.time, field.block) == there
    ]

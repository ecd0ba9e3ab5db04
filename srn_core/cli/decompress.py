"""``srn decompress``: a neural file back into a volume."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any, Optional

from srn_core.cli import decompress_mesh, output
from srn_core.cli.bar import Bar
from srn_core.errors import SrnInputError

if TYPE_CHECKING:
    from srn_core.api import NeuralFile
    from srn_core.volume import Volume

EPILOG = """\
examples:
  srn decompress hurricane.srn back.vti                           the original grid
  srn decompress hurricane.srn fine.vti --scale 2                 twice as many samples along each axis
  srn decompress hurricane.srn thumb.npy --dims 64 64 16
  srn decompress hurricane.srn eye.vti --region 40 80 40 80 0 24 --scale 4
  srn decompress hurricane.srn slopes.vti --gradient              the array and its exact gradient
  srn decompress wing.srn back.vtu                                the mesh that was kept, with its arrays
  srn decompress run.srn late.vti --time 3600                     one time step of several
  srn decompress run.srn back.vti --each                          back_0.vti, back_1.vti, ... of all of them
"""


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "decompress",
        help="a neural file back into a volume, at any resolution",
        description="Decode a neural file into a volume (.vti .npy .npz .raw .nrrd .mha .h5 .nc) or mesh (.vtu .vtp).",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("file", metavar="FILE.srn", help="the neural file")
    command.add_argument("out", metavar="OUT", help="the volume to write; its ending says the format")
    grid = command.add_mutually_exclusive_group()
    grid.add_argument("--dims", nargs=3, type=int, metavar=("NX", "NY", "NZ"), help="samples along x, y, z")
    grid.add_argument("--scale", type=float, metavar="S", help="samples per original sample, along each axis")
    command.add_argument(
        "--region",
        nargs=6,
        type=int,
        metavar=("X0", "X1", "Y0", "Y1", "Z0", "Z1"),
        help="only these original samples, both ends included",
    )
    command.add_argument("--array", metavar="NAME", help="which array of the file (default: the first)")
    step = command.add_mutually_exclusive_group()
    step.add_argument("--time", type=float, metavar="T", help="which time step: the nearest to T (default: the first)")
    step.add_argument("--each", action="store_true", help="all time steps, a numbered file for each")
    command.add_argument(
        "--level",
        type=int,
        default=0,
        metavar="N",
        help="level of detail: N > 0 decodes about 2^-N of the detail along each axis, much faster (default: 0, all)",
    )
    command.add_argument(
        "--gradient",
        action="store_true",
        help="write the gradient too, as an array of its own: d/dx, d/dy, d/dz of each component (.vti .npz)",
    )
    command.add_argument("--quiet", action="store_true", help="print nothing but errors")
    command.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Decode and write."""
    from srn_core.api import load
    from srn_core.io.formats import format_of, holds_mesh

    mesh = holds_mesh(given.out)
    if mesh:  # before decoding, not after
        decompress_mesh.refuse_grids(given)
    else:
        format_of(given.out, writing=True, several=given.gradient)
    if os.path.exists(given.out) and os.path.exists(given.file) and os.path.samefile(given.out, given.file):
        raise SrnInputError(f"'{given.out}' is the input itself; give another name")
    file = load(given.file)
    for path, time in _files(given, file):
        if mesh:
            decompress_mesh.write(file, path, time, given)
            continue
        written = _decoded(file, path, time, given)
        if not given.quiet:
            dims = output.triple(written[0].geometry.dims, " x ")
            output.print_table(
                [
                    (path, ""),
                    *(("array", f"{v.name}: {dims}, {v.values.dtype}") for v in written),
                    *output.time_rows(written[0].time),
                    ("decoded by", ", ".join(file.providers)),
                ]
            )
    return 0


def _files(given: argparse.Namespace, file: NeuralFile) -> list[tuple[str, Optional[float]]]:
    """What is to be written, and of which time."""
    if not given.each:
        return [(given.out, given.time)]
    times = file.times
    if not times:
        raise SrnInputError(f"--each: '{given.file}' knows no time steps; leave it out")
    stem, ending = os.path.splitext(given.out)
    width = len(str(len(times) - 1))
    return [(f"{stem}_{number:0{width}d}{ending}", time) for number, time in enumerate(times)]


def _decoded(file: NeuralFile, path: str, time: Optional[float], given: argparse.Namespace) -> list[Volume]:
    """Decode one time step into a file; what was written, of which only the outline counts."""
    from srn_core.io import write_volume
    from srn_core.io.write import takes_slabs, write_slabs

    wanted = {name: getattr(given, name) for name in ("dims", "scale", "region", "array", "level")}
    with Bar(given.quiet) as bar:
        if given.gradient:
            written = list(file.decode_with_gradient(**wanted, time=time, progress=bar))
            write_volume(path, *written)
        elif takes_slabs(path):
            decoding = file.decoding(**wanted, time=time)
            written = [decoding.outline]
            write_slabs(path, written[0], decoding.slabs(bar))
        else:
            written = [file.decode(**wanted, time=time, progress=bar)]
            write_volume(path, written[0])
    return written

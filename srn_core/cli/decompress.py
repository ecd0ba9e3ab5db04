"""``srn decompress``: a neural file back into a volume."""

from __future__ import annotations

import argparse
import os
from typing import Any

from srn_core.cli import output
from srn_core.cli.bar import Bar
from srn_core.errors import SrnInputError

EPILOG = """\
examples:
  srn decompress hurricane.srn back.vti                           the original grid
  srn decompress hurricane.srn fine.vti --scale 2                 twice as many samples along each axis
  srn decompress hurricane.srn thumb.npy --dims 64 64 16
  srn decompress hurricane.srn eye.vti --region 40 80 40 80 0 24 --scale 4
  srn decompress hurricane.srn slopes.vti --gradient              the array and its exact gradient
"""


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "decompress",
        help="a neural file back into a volume, at any resolution",
        description="Decode a neural file into a volume (.vti .npy .npz .raw .nrrd .mha .h5 .nc).",
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
    command.add_argument("--time", type=float, metavar="T", help="which time (default: the first)")
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
    from srn_core.io import write_volume
    from srn_core.io.formats import format_of
    from srn_core.io.write import takes_slabs, write_slabs

    format_of(given.out, writing=True, several=given.gradient)  # before decoding, not after
    if os.path.exists(given.out) and os.path.exists(given.file) and os.path.samefile(given.out, given.file):
        raise SrnInputError(f"'{given.out}' is the input itself; give another name")
    file = load(given.file)
    wanted = {name: getattr(given, name) for name in ("dims", "scale", "region", "array", "time", "level")}
    with Bar(given.quiet) as bar:
        if given.gradient:
            written = list(file.decode_with_gradient(**wanted, progress=bar))
            write_volume(given.out, *written)
        elif takes_slabs(given.out):
            decoding = file.decoding(**wanted)
            written = [decoding.outline]
            write_slabs(given.out, written[0], decoding.slabs(bar))
        else:
            written = [file.decode(**wanted, progress=bar)]
            write_volume(given.out, written[0])
    if not given.quiet:
        dims = output.triple(written[0].geometry.dims, " x ")
        output.print_table(
            [
                (given.out, ""),
                *(("array", f"{v.name}: {dims}, {v.values.dtype}") for v in written),
                ("decoded by", ", ".join(file.providers)),
            ]
        )
    return 0

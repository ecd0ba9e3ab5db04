"""``srn export``: a neural file as an ONNX model that any ONNX runtime evaluates."""

from __future__ import annotations

import argparse
import os
from typing import Any

from srn_core.cli import output
from srn_core.errors import SrnInputError

EPILOG = """\
example:
  srn export hurricane.srn hurricane.onnx
  srn export hurricane.srn for-another-runtime.onnx --plain

The model takes positions and gives values; geometry, value range and array name are in its metadata.
"""


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "export",
        help="a neural file as an ONNX model",
        description="Write the field as an ONNX model.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("file", metavar="FILE.srn", help="the neural file")
    command.add_argument("out", metavar="OUT.onnx", help="the model to write")
    command.add_argument("--array", metavar="NAME", help="which array of the file (default: the first)")
    command.add_argument(
        "--time", type=float, metavar="T", help="which time step: the nearest to T (default: the first)"
    )
    way = command.add_mutually_exclusive_group()
    way.add_argument(
        "--plain",
        dest="small",
        action="store_false",
        default=None,
        help="all numbers as float32, for runtimes that do not work out constants when they open a model",
    )
    way.add_argument(
        "--small",
        action="store_true",
        default=None,
        help="numbers packed even where opening the model takes more than 2 GiB of memory",
    )
    command.add_argument("--gradient", action="store_true", help="with a second output: the gradient at each position")
    command.add_argument(
        "--brick", type=int, metavar="K", help="of an array that is made of bricks: which one, from 1 on"
    )
    command.add_argument("--quiet", action="store_true", help="print nothing but errors")
    command.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Build the model and write it."""
    from srn_core.api import load

    if not given.out.lower().endswith(".onnx"):
        raise SrnInputError(f"'{given.out}' must end in .onnx")
    file = load(given.file)
    file.export(
        given.out, array=given.array, time=given.time, small=given.small, gradient=given.gradient, brick=given.brick
    )
    if not given.quiet:
        output.print_table(
            [
                (given.out, ""),
                ("array", file.field(given.array, given.time).name),
                *output.time_rows(file.field(given.array, given.time).time),
                ("size", f"{output.size(os.path.getsize(given.out))}; the neural file: {output.size(file.nbytes)}"),
            ]
        )
    return 0

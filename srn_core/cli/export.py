"""``srn export``: a neural file as an ONNX model that any ONNX runtime evaluates."""

from __future__ import annotations

import argparse
from typing import Any

from srn_core.cli import output
from srn_core.errors import SrnInputError

EPILOG = """\
example:
  srn export hurricane.srn hurricane.onnx

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
    command.add_argument("--time", type=float, metavar="T", help="which time (default: the first)")
    command.add_argument("--quiet", action="store_true", help="print nothing but errors")
    command.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Build the model and write it."""
    from srn_core.api import load

    if not given.out.lower().endswith(".onnx"):
        raise SrnInputError(f"'{given.out}' must end in .onnx")
    file = load(given.file)
    file.export(given.out, array=given.array, time=given.time)
    if not given.quiet:
        output.print_table([(given.out, ""), ("array", file.field(given.array, given.time).name)])
    return 0

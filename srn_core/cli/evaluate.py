"""``srn evaluate``: how close a neural file comes to its original."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from srn_core.cli import output, source

EPILOG = """\
example:
  srn evaluate hurricane.srn hurricane.vti

The file is decoded by ONNX Runtime, as ParaView does it, and compared with the original on all valid
voxels. PSNR is full range: 20 log10(max - min) - 10 log10(MSE).
"""


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "evaluate",
        help="measure a neural file against its original",
        description="Decode a neural file and measure it against the original volume.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("file", metavar="FILE.srn", help="the neural file")
    command.add_argument("original", metavar="ORIGINAL", help=f"the volume ({source.FORMATS_HELP})")
    source.add(command)
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Decode, compare, print."""
    from srn_core.api import evaluate, load

    file = load(given.file)
    if given.array is None and len(file.fields) == 1:
        given.array = _present(given, file.fields[0].name)
    original = source.read(given.original, given)
    names = {field.name for field in file.fields}
    array = original.name if original.name in names else (given.array if given.array in names else None)
    quality = evaluate(file, original, array)
    report = {
        "file": given.file,
        "original": given.original,
        "array": file.field(array).name,
        "bytes": file.nbytes,
        "original_bytes": original.nbytes,
        "ratio": original.nbytes / file.nbytes if len(file.fields) == 1 else file.ratio,
        **asdict(quality),
    }
    if given.json:
        output.print_json(report)
        return 0
    rows = [
        (f"{given.file} against {given.original}, array '{report['array']}'", ""),
        *output.quality_rows(report),
        ("size", output.size(file.nbytes)),
        ("ratio", f"{report['ratio']:.1f} : 1"),
    ]
    output.print_table(rows)
    return 0


def _present(given: argparse.Namespace, name: str) -> Any:
    """The file's array name where the original has an array of that name: no need to ask for it."""
    from srn_core.io import array_names

    return name if name in array_names(given.original) else None

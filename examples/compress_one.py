"""One volume, in ParaView's pipeline: open it, compress it, save the neural file, say how good it is.

    srn pvpython examples/compress_one.py hurricane.vti hurricane.srn --array Pressure --ratio 200
    srn pvpython examples/compress_one.py hurricane.vti hurricane.srn --max-error 0.5% --onnx hurricane.onnx

Any file that ParaView opens and Neural Compress takes. `srn compress` does the same without ParaView.
"""

from __future__ import annotations

import argparse
from typing import Any, Optional

from paraview import simple

TARGETS = {"ratio": "TargetRatio", "bytes": "TargetBytes", "psnr": "TargetPSNR", "max_error": "MaxError"}
"""Properties of Neural Compress, by the option that sets them."""


def main(arguments: Optional[list[str]] = None) -> None:
    """Command line. Raises SystemExit with one line where something cannot be done."""
    parser = argparse.ArgumentParser(prog="compress_one.py", description="Compress one volume in ParaView.")
    parser.add_argument("volume", help="any volume that ParaView opens")
    parser.add_argument("out", help="the .srn file to write")
    parser.add_argument("--array", help="point or cell array to compress (default: the first one)")
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--ratio", type=float, help="at least so many times smaller (default: 100)")
    target.add_argument("--bytes", type=int, help="at most so many bytes")
    target.add_argument("--psnr", type=float, help="PSNR in dB of what is decoded, at least")
    target.add_argument("--max-error", metavar="E", help="no voxel further off: in the array's units, or as in 0.5%%")
    parser.add_argument("--preset", default="balanced", choices=("fast", "balanced", "best"))
    parser.add_argument("--onnx", metavar="FILE", help="write the field as an ONNX model, too")
    options = parser.parse_args(arguments)
    if not hasattr(simple, "NeuralCompress"):
        raise SystemExit("compress_one: the plugin is not loaded; start this script with `srn pvpython`")

    volume = simple.OpenDataFile(options.volume)
    if volume is None:
        raise SystemExit(f"compress_one: ParaView cannot open '{options.volume}'")
    volume.UpdatePipeline()
    small = simple.NeuralCompress(Input=volume, Preset=options.preset)
    if options.array:
        small.Array = found(volume, options.array)
    for option, name in TARGETS.items():
        if getattr(options, option) is not None:
            small.Target = option.replace("_", "-")
            setattr(small, name, getattr(options, option))
    small.UpdatePipeline()
    if small.FieldData.GetArray("srn_bytes") is None:
        raise SystemExit(f"compress_one: {small.GetPropertyValue('Report')}")
    simple.SaveData(options.out, proxy=small)
    if options.onnx:
        simple.SaveData(options.onnx, proxy=small)
    print(small.GetPropertyValue("Report"))


def found(source: Any, array: str) -> list[str]:
    """["POINTS" or "CELLS", name] of an array, as ParaView's array properties take it."""
    known = {"POINTS": list(source.PointData.keys()), "CELLS": list(source.CellData.keys())}
    for association, names in known.items():
        if array in names:
            return [association, array]
    raise SystemExit(f"compress_one: no array '{array}'; there are: {', '.join(sum(known.values(), []))}")


if __name__ == "__main__":
    main()

"""A parameter sweep: one volume under several settings, the measured trade-off as a table and as JSON.

    srn pvpython examples/sweep.py hurricane.vti sweep/ --ratios 50 100 200 --presets fast balanced
    srn pvpython examples/sweep.py hurricane.vti sweep/ --ratios 100 --set pruner=smallify --set pruner=none

Each combination of a ratio, a preset and a --set becomes a file, sweep/NUMBER.srn; sweep/sweep.json has the figures of
all, and which of them no other one beats in both bytes and PSNR. For a search that chooses what to try next: `srn
search`.
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path
from typing import Any, Optional

from paraview import servermanager, simple

FIGURES = ("bytes", "ratio", "psnr", "max_error", "ssim", "seconds")


def main(arguments: Optional[list[str]] = None) -> None:
    """Command line. Raises SystemExit with one line where something cannot be done."""
    parser = argparse.ArgumentParser(prog="sweep.py", description="Compress one volume under several settings.")
    parser.add_argument("volume")
    parser.add_argument("out", type=Path, help="folder for the files and sweep.json")
    parser.add_argument("--ratios", type=float, nargs="+", default=[50.0, 100.0, 200.0])
    parser.add_argument("--presets", nargs="+", default=["fast"], choices=("fast", "balanced", "best"))
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="one more setting to try; may be repeated"
    )
    options = parser.parse_args(arguments)
    if not hasattr(simple, "NeuralCompress"):
        raise SystemExit("sweep: the plugin is not loaded; start this script with `srn pvpython`")
    volume = simple.OpenDataFile(options.volume)
    if volume is None:
        raise SystemExit(f"sweep: ParaView cannot open '{options.volume}'")
    options.out.mkdir(parents=True, exist_ok=True)

    small = simple.NeuralCompress(Input=volume)  # one filter, whose properties change
    rows: list[dict[str, Any]] = []
    combinations = itertools.product(options.ratios, options.presets, options.set or [""])
    for number, (ratio, preset, more) in enumerate(combinations, 1):
        small.TargetRatio, small.Preset, small.MoreSettings = ratio, preset, more
        small.UpdatePipeline()
        row: dict[str, Any] = {"number": number, "asked": ratio, "preset": preset, "set": more}
        carried = servermanager.Fetch(small).GetFieldData().GetAbstractArray("srn_report")
        if carried is None:
            row["refused"] = small.GetPropertyValue("Report")
        else:
            report = json.loads(carried.GetValue(0))
            row.update({name: report[name] for name in FIGURES})
            simple.SaveData(str(options.out / f"{number}.srn"), proxy=small)
        rows.append(row)
        print(line(row), flush=True)
    made = [row for row in rows if "refused" not in row]
    for row in made:
        row["unbeaten"] = not any(beats(other, row) for other in made)
    (options.out / "sweep.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def beats(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether a file is no worse than another one in bytes and PSNR, and better in one of them."""
    pairs = ((other["bytes"], one["bytes"]), (float(one["psnr"]), float(other["psnr"])))
    return all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)


def line(row: dict[str, Any]) -> str:
    """What a person reads of a row."""
    what = f"{row['number']}: {row['asked']:g} : 1, {row['preset']} {row['set']}".rstrip()
    if "refused" in row:
        return f"{what}: refused: {row['refused']}"
    return f"{what}: {row['bytes']} bytes, PSNR {row['psnr']} dB, {row['seconds']} s"


if __name__ == "__main__":
    main()

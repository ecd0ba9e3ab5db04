"""All volumes of a folder, one after the other: a neural file for each, and a table of how good they are.

    srn pvbatch examples/compress_folder.py run/ small/ --ratio 100
    srn pvbatch examples/compress_folder.py run/ small/ --pattern '*.vtr' --psnr 50

What is there already is left alone, so that a broken run goes on where it was. A volume that fails is told, and the
rest goes on; the exit code is then 1. The table is small/report.csv.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from pathlib import Path
from typing import Any, Optional

from paraview import servermanager, simple

COLUMNS = ("file", "array", "bytes", "ratio", "psnr", "max_error", "seconds")


def main(arguments: Optional[list[str]] = None) -> int:
    """Command line: gives the exit code."""
    parser = argparse.ArgumentParser(prog="compress_folder.py", description="Compress all volumes of a folder.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path, help="folder for the .srn files and report.csv")
    parser.add_argument("--pattern", default="*.vti", help="which files (default: %(default)s)")
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--ratio", type=float, default=100.0, help="for each file (default: %(default)g)")
    target.add_argument("--psnr", type=float, help="in dB, for each file")
    parser.add_argument("--preset", default="balanced", choices=("fast", "balanced", "best"))
    options = parser.parse_args(arguments)
    if not hasattr(simple, "NeuralCompress"):
        raise SystemExit("compress_folder: the plugin is not loaded; start this script with `srn pvbatch`")
    volumes = sorted(options.folder.glob(options.pattern))
    if not volumes:
        raise SystemExit(f"compress_folder: nothing in {options.folder} is called {options.pattern}")
    options.out.mkdir(parents=True, exist_ok=True)

    failed = 0
    for volume in volumes:
        out = options.out / f"{volume.stem}.srn"
        if out.exists():
            print(f"{volume.name}: is there already", flush=True)
            continue
        said = compress(volume, out, options)
        if isinstance(said, str):
            failed += 1
            print(f"{volume.name}: failed: {said}", flush=True)
            continue
        print(f"{volume.name}: {said['ratio']:.1f} : 1, PSNR {said['psnr']} dB", flush=True)
        add_row(options.out / "report.csv", {**said, "file": out.name})
    return 1 if failed else 0


def compress(volume: Path, out: Path, options: argparse.Namespace) -> Any:
    """The report of a file that was written, or a line that says why it was not."""
    source = simple.OpenDataFile(str(volume))
    if source is None:
        return "ParaView cannot open it"
    small = simple.NeuralCompress(Input=source, Preset=options.preset, TargetRatio=options.ratio)
    if options.psnr is not None:
        small.Target, small.TargetPSNR = "psnr", options.psnr
    try:
        small.UpdatePipeline()
        carried = servermanager.Fetch(small).GetFieldData().GetAbstractArray("srn_report")
        if carried is None:
            return small.GetPropertyValue("Report")
        simple.SaveData(str(out), proxy=small)
        return json.loads(carried.GetValue(0))
    finally:
        simple.Delete(small)
        simple.Delete(source)


def add_row(path: Path, report: dict[str, Any]) -> None:
    """One more line of the table, on the disk before the next volume begins."""
    fresh = not path.exists()
    with open(path, "a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
        if fresh:
            writer.writeheader()
        writer.writerow(report)
        file.flush()
        os.fsync(file.fileno())


if __name__ == "__main__":
    sys.exit(main())

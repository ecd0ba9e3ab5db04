"""How near the shipped predictor lands before any search for a step, on volumes that it was not fitted to.

    python benchmarks/search/check_shipped.py turbulence_150.vti isabel_30.vti --ratios 25 50 100 200 400
    python benchmarks/search/check_shipped.py richtmyer.vti --ratios 20 40 --without-blind

Each is compressed without a filter, once from the shipped predictor and once from none, as earlier releases did. Rows
go into landing.csv, which --plot draws.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from pathlib import Path
from typing import Any

import srn_core
from srn_core.io import read_volume
from srn_core.prediction.places import SHIPPED_FILE
from srn_core.search.figures import plain_numbers
from srn_core.search.request import crc32
from srn_core.search.tables import write_csv

HERE = Path(__file__).resolve().parent
COLUMNS = ["volume", "dims", "crc32", "ratio_asked", "first_step_ratio", "off_percent", "ratio", "steps_tried",
           "cpu_seconds", "psnr", "blind_first_ratio", "blind_steps_tried", "blind_cpu_seconds", "blind_ratio",
           "blind_psnr"]  # fmt: skip


def run(volume: srn_core.Volume, ratio: float, predictor: str) -> dict[str, Any]:
    """One compression: first ratio, final ratio, steps, seconds of the processor, PSNR."""
    begun = time.process_time()
    report = srn_core.compress(volume, ratio=ratio, passes=0, predictor=predictor).report
    return {
        "first": report["first_step_ratio"],
        "ratio": report["ratio"],
        "steps": report["steps_tried"],
        "psnr": round(report["psnr"], 3),
        "seconds": round(time.process_time() - begun, 2),
    }


def row(path: str, ratio: float, blind: bool) -> dict[str, Any]:
    """Both runs as a row of the table."""
    volume = read_volume(path)
    told = run(volume, ratio, "shipped")
    found = {
        "volume": Path(path).stem,
        "dims": "x".join(map(str, volume.geometry.dims)),
        "crc32": crc32(volume),
        "ratio_asked": ratio,
        "first_step_ratio": told["first"],
        "off_percent": round(100 * (told["first"] / ratio - 1), 2),
        "ratio": told["ratio"],
        "steps_tried": told["steps"],
        "cpu_seconds": told["seconds"],
        "psnr": told["psnr"],
    }
    if blind:
        other = run(volume, ratio, "none")
        found.update(
            blind_first_ratio=other["first"],
            blind_steps_tried=other["steps"],
            blind_cpu_seconds=other["seconds"],
            blind_ratio=other["ratio"],
            blind_psnr=other["psnr"],
        )
    return found


def plot(rows: list[dict[str, str]], path: Path) -> None:
    """Asked against first ratio, with a tenth on both sides."""
    from matplotlib.figure import Figure

    drawn = Figure((5.5, 4.6), layout="constrained")
    axes = drawn.subplots()
    asked = [float(r["ratio_asked"]) for r in rows]
    ends = [min(asked) / 1.15, max(asked) * 1.15]
    axes.fill_between(ends, [0.9 * e for e in ends], [1.1 * e for e in ends], color="#e5e5e5", label="within 10 %")
    axes.plot(ends, ends, color="#7f7f7f", linewidth=1)
    for name in dict.fromkeys(r["volume"] for r in rows):
        mine = [r for r in rows if r["volume"] == name]
        x, y = ([float(r[key]) for r in mine] for key in ("ratio_asked", "first_step_ratio"))
        axes.plot(x, y, "o", markersize=5, label=name)
    axes.set(xscale="log", yscale="log", xlabel="ratio asked for", ylabel="ratio at the predicted step")
    for axis in (axes.xaxis, axes.yaxis):
        plain_numbers(axis)
    axes.legend()
    drawn.savefig(path, dpi=120)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("volumes", nargs="*")
    parser.add_argument("--ratios", nargs="+", type=float, default=[25.0, 50.0, 100.0, 200.0, 400.0])
    parser.add_argument("--without-blind", action="store_true", help="leave out the runs without a predictor")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "landing.csv")
    parser.add_argument("--plot", action="store_true")
    options = parser.parse_args()
    options.out.parent.mkdir(exist_ok=True)
    fitted = {entry["crc32"] for entry in json.loads(SHIPPED_FILE.read_text(encoding="utf-8"))["data"]}
    rows: list[dict[str, Any]] = []
    if options.out.exists():
        with open(options.out, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    for path in options.volumes:
        if crc32(read_volume(path)) in fitted:
            raise SystemExit(f"check shipped: the predictor was fitted to {path}")
        for ratio in options.ratios:
            found = row(path, ratio, not options.without_blind)
            print(found, flush=True)
            key = (found["volume"], float(ratio))
            rows = [r for r in rows if (r["volume"], float(r["ratio_asked"])) != key]
            rows.append(found)
            rows.sort(key=lambda r: (r["volume"], float(r["ratio_asked"])))
            write_csv(options.out, rows, COLUMNS)
    if options.plot:
        plot(rows, options.out.with_suffix(".png"))
    return 0


if __name__ == "__main__":
    sys.exit(main())

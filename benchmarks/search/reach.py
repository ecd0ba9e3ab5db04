"""What a search has gained over the defaults: by its settings, and by its points lying closer together.

    srn search mhd_p_128.vti --pruner rate --trials 30 --seconds-per-trial 40 --workers 2 --defaults \\
        --fix training.passes=3 --out found
    python benchmarks/search/reach.py found

A front of twenty points covers more area than five of the very curve that it lies on. So a curve of fourth degree in
ln(ratio) is laid through all defaults that the search has run, those it began with and those of --defaults; the front
is compared with it at the front's own ratios. ``curve_rms_db`` tells how far the defaults themselves lie off it.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

from srn_core.search import report
from srn_core.search.front import hypervolume
from srn_core.search.ranges import RATIO
from srn_core.search.space import space_of
from srn_core.search.tables import write_csv
from srn_core.search.trial import PROPOSED, Trial

HERE = Path(__file__).resolve().parent
DEGREE = 4


def point(trial: Trial) -> tuple[float, float]:
    """(ln ratio, PSNR in dB)."""
    return math.log(trial.measured["ratio"]), float(trial.measured["psnr"])


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a finished search for ratio and PSNR, with --defaults")
    parser.add_argument("--out", type=Path, default=HERE / "results", help="a folder for reach.csv and reach_areas.csv")
    options = parser.parse_args()
    result = report.load(options.folder)
    own = " ".join(result.record.request.method)
    beside = result.defaults().get(own, [])
    begun = [t for t in result.of_kind("search") if t.done and t.extra.get(PROPOSED) == "defaults"]
    if len(beside) < 2 or len(beside) + len(begun) <= DEGREE + 1:
        raise SystemExit("reach: the search has too few of its own defaults: --defaults, --first-defaults")
    known = np.array(sorted(map(point, [*beside, *begun])))
    curve = np.polynomial.Polynomial.fit(known[:, 0], known[:, 1], DEGREE)
    free = [name for name in space_of(result.record).names if name != RATIO]
    rows: list[dict[str, Any]] = []
    for trial in result.of_kind("search"):
        if trial.done:
            place, psnr = point(trial)
            rows.append(
                {
                    "trial": trial.index,
                    PROPOSED: trial.extra.get(PROPOSED),
                    "on_front": trial in result.front(),
                    **{name: trial.parameters[name] for name in free},
                    "ratio": trial.measured["ratio"],
                    "psnr": psnr,
                    "gain_db": round(psnr - float(curve(place)), 3),
                    "cpu_seconds": trial.measured.get("cpu_seconds"),
                }
            )
    rows.sort(key=lambda row: float(row["ratio"]))
    write_csv(options.out / "reach.csv", rows, list(rows[0]))
    front = [point(trial) for trial in result.front()]
    same = [(place, float(curve(place))) for place, _ in front]
    searched = [row["gain_db"] for row in rows if row["on_front"] and row[PROPOSED] != "defaults"]
    told = {
        "points": len(front),
        "hypervolume_front": hypervolume(front),
        "hypervolume_defaults": hypervolume([point(trial) for trial in beside]),
        "hypervolume_defaults_at_front_ratios": hypervolume(same),
        "curve_rms_db": float(np.sqrt(np.mean(np.square(curve(known[:, 0]) - known[:, 1])))),
        "searched_on_front": len(searched),
        "searched_mean_gain_db": float(np.mean(searched)) if searched else None,
        "searched_best_gain_db": max(searched, default=None),
        "searched_worst_gain_db": min(searched, default=None),
    }
    write_csv(options.out / "reach_areas.csv", [told], list(told))
    for name, value in told.items():
        print(name, value)
    return 0


if __name__ == "__main__":
    sys.exit(main())

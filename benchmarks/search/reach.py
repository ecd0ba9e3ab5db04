"""What a search has gained over the defaults: by its settings, and by its points lying closer together.

    srn search mhd_p_128.vti --pruner rate --trials 30 --seconds-per-trial 40 --workers 2 --defaults \\
        --fix training.passes=5 --out found
    python benchmarks/search/reach.py found --workers 2

A front of twenty points covers more area than five of the very curve that it lies on. So the defaults are run again at
each ratio that the front's points asked for, and compared there.
"""

from __future__ import annotations

import argparse
import csv
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from srn_core.search import report
from srn_core.search.comparison import gain
from srn_core.search.defaults import base_settings
from srn_core.search.front import hypervolume
from srn_core.search.objectives import scores
from srn_core.search.ranges import RATIO
from srn_core.search.runner import SearchResult
from srn_core.search.space import config_of, space_of
from srn_core.search.tables import write_csv
from srn_core.search.trial import PROPOSED, Trial

HERE = Path(__file__).resolve().parent
AREAS = ["curve", "points", "hypervolume", "ratio_from", "ratio_to", "front_gain_db", "least_gain_db"]


def default_at(folder: Path, ratio: float) -> dict[str, Any]:
    """Ratio and PSNR of the search's network and pruner as they are by default, as long as its trials."""
    import torch

    import srn_core

    torch.set_num_threads(1)
    record = report.load(folder).record
    fixed = space_of(record).fixed
    config = config_of({**base_settings(record.request), **fixed, RATIO: ratio})
    found = srn_core.compress(record.source.read(), config=config).report
    return {"ratio": found["ratio"], "psnr": found["psnr"]}


def area(result: SearchResult, trials: list[Trial]) -> float:
    """Hypervolume in ln(ratio) x dB."""
    return hypervolume([scores(trial.measured, result.objectives) for trial in trials])


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a finished search with --defaults")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, default=HERE / "results", help="a folder for reach.csv and reach_areas.csv")
    options = parser.parse_args()
    result = report.load(options.folder)
    front = result.front()
    if any(RATIO not in trial.settings for trial in front):
        raise SystemExit("reach: the search must have asked for ratios (--sizes target)")
    asked = [float(trial.settings[RATIO]) for trial in front]
    # The front's own defaults need not be run again.
    known = [trial.extra.get(PROPOSED) == "defaults" for trial in front]
    with ProcessPoolExecutor(options.workers) as pool:
        runs = [None if there else pool.submit(default_at, options.folder, ratio) for there, ratio in zip(known, asked)]
        measured = [dict(trial.measured) if run is None else run.result() for trial, run in zip(front, runs)]
    free = [name for name in space_of(result.record).names if name != RATIO]
    rows = []
    for trial, usual in zip(front, measured):
        rows.append(
            {
                "ratio_asked": trial.settings[RATIO],
                PROPOSED: trial.extra.get(PROPOSED),
                **{name: trial.parameters[name] for name in free},
                "ratio": trial.measured["ratio"],
                "psnr": trial.measured["psnr"],
                "default_ratio": usual["ratio"],
                "default_psnr": usual["psnr"],
            }
        )
    write_csv(options.out / "reach.csv", rows, list(rows[0]))
    close = [Trial("default", i, {}, {}, "done", "", found) for i, found in enumerate(measured)]
    curves = {"front": front, "defaults at the front's ratios": close}
    curves.update((f"defaults of the search: {method}", trials) for method, trials in result.defaults().items())
    table = [
        {"curve": name, "points": len(trials), "hypervolume": area(result, trials), **gain(front, trials)}
        for name, trials in curves.items()
    ]
    write_csv(options.out / "reach_areas.csv", table, AREAS)
    for row in csv.DictReader((options.out / "reach_areas.csv").open(encoding="utf-8")):
        print(row)
    return 0


if __name__ == "__main__":
    sys.exit(main())

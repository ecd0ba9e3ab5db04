"""The searches from which the shipped predictor's rules for trained networks are made.

    python benchmarks/search/rule_searches.py searches
    python benchmarks/search/fit_shipped.py --keep-sizes --searches searches/*

Seven made-up volumes of 32^3 to 40^3, of many kinds, for each kind of network. Trials are ended by passes, and one
worker runs them, so that the same machine finds the same again. The pruner's weights and its oversize are left to the
product, which knows how they go with the size of a volume: these are all small, and nothing of that could be learnt.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from fields import marschner_lobb, noise

from srn_core.prediction.regression import bent_back
from srn_core.search import SearchRequest, SearchResult, Source, search
from srn_core.search.fitting import fit_predictor
from srn_core.search.outputs import write
from srn_core.search.space import default_of
from srn_core.search.tables import write_csv
from srn_core.search.trial import PROPOSED

RESULTS = Path(__file__).resolve().parent / "results"
PASSES = 20.0
LEFT_OPEN = ("smallify.lambda_beta", "smallify.lambda_weight", "pruning.oversize")
REQUESTS = {
    "fvsrn-smallify": SearchRequest(
        pruner="smallify", fixed={"training.passes": PASSES, **dict.fromkeys(LEFT_OPEN)}, generator="sobol"
    ),
    "neurcomp-none": SearchRequest(
        network="neurcomp", pruner="none", fixed={"training.passes": PASSES}, generator="sobol"
    ),
}


def volumes() -> dict[str, np.ndarray]:
    """Name -> values (z, y, x)."""
    return {
        "noise4_32": noise((32, 32, 32), -4.0, 201),
        "noise6_40": noise((40, 40, 40), -6.0, 202),
        "noise5_36": noise((36, 36, 36), -5.0, 203),
        "ridges_32": np.abs(noise((32, 32, 32), -4.7, 206)) ** 1.5,
        "fronts_36": np.tanh(5.0 * noise((36, 36, 36), -7.0, 204)),
        "lognormal_36": np.exp(0.7 * noise((36, 36, 36), -4.5, 205)),
        "marschner_lobb_40": marschner_lobb(40),
    }


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="a folder for the searches, one in each of its folders")
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--first-defaults", type=int, default=2)
    parser.add_argument("--kinds", nargs="+", choices=REQUESTS, default=list(REQUESTS))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for kind in options.kinds:
        asked = replace(REQUESTS[kind], trials=options.trials, first_defaults=options.first_defaults, seed=1)
        results = []
        for name, values in volumes().items():
            file = options.out / f"{name}.npy"
            np.save(file, np.ascontiguousarray(values, np.float32))
            folder = options.out / f"{kind}-{name}"
            result = search(Source(str(file)), folder, asked, resume=(folder / "search.json").exists())
            write(folder, result)
            results.append(result)
            done = sum(trial.done for trial in result.of_kind("search"))
            print(f"{folder.name}: {done} of {len(result.trials)} done, {len(result.front())} on the front", flush=True)
        tell(kind, results)
    return 0


def tell(kind: str, results: list[SearchResult]) -> None:
    """Tables of all fronts, and of what lines through them tell of each volume from the others."""
    rows = [
        {"volume": result.record.name, PROPOSED: trial.extra.get(PROPOSED), "ratio": trial.measured["ratio"],
         "psnr": trial.measured["psnr"], **trial.parameters}
        for result in results
        for trial in result.front()
    ]  # fmt: skip
    write_csv(RESULTS / f"rules-{kind}-fronts.csv", rows, list(rows[0]))
    (rule,) = fit_predictor(results).rules
    fits = [
        {
            "setting": name,
            "r2_of_volumes_left_out": found.r2,
            "median_of_fronts": bent_back(found.domain, found.middle),
            "default": default_of(name),
        }
        for name, found in rule.settings.items()
    ]
    write_csv(RESULTS / f"rules-{kind}.csv", fits, list(fits[0]))


if __name__ == "__main__":
    sys.exit(main())

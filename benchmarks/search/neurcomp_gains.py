"""What a Neurcomp gives beside an fv-SRN by rate in the same bytes: whether --network auto should train one.

    python benchmarks/search/neurcomp_gains.py --passes 100
    python benchmarks/search/neurcomp_gains.py --hold isabel_crop.npy --out held.csv

Made-up volumes of many kinds, from rough to very smooth; each ratio a run of both.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, Iterator

import numpy as np
from fields import marschner_lobb, noise

import srn_core
from srn_core.io import read_volume
from srn_core.prediction.statistics import VolumeStatistics
from srn_core.search.tables import write_csv
from srn_core.volume import Volume

HERE = Path(__file__).resolve().parent
EXPONENTS = (-4.0, -6.0, -8.0, -10.0, -12.0)
EDGE = 32
RATIOS = (20.0, 60.0, 180.0)


def made_up() -> Iterator[Volume]:
    """From as rough as turbulence to as smooth as a heat equation's, and some with fronts, peaks and rings."""
    cube = (EDGE, EDGE, EDGE)
    fields = {f"noise{exponent:g}": noise(cube, exponent, 100 + n) for n, exponent in enumerate(EXPONENTS)}
    fields["fronts"] = np.tanh(5.0 * noise(cube, -7.0, 111))
    fields["lognormal"] = np.exp(1.5 * noise(cube, -6.5, 112))
    fields["ridges"] = np.abs(noise(cube, -4.7, 114)) ** 1.5
    fields["marschner_lobb"] = marschner_lobb(EDGE)
    for name, values in fields.items():
        yield Volume.from_array(np.ascontiguousarray(values, np.float32), f"{name}_{EDGE}")


def row(volume: Volume, ratio: float, passes: float) -> dict[str, Any]:
    """Both runs."""
    rate = srn_core.compress(volume, ratio=ratio, predictor="none", passes=20).report
    other = srn_core.compress(volume, network="neurcomp", pruner="none", ratio=ratio, passes=passes, predictor="none")
    return {
        "volume": volume.name,
        "dims": "x".join(map(str, volume.geometry.dims)),
        "ratio": ratio,
        "passes": passes,
        "rate_psnr": rate["psnr"],
        "neurcomp_psnr": other.report["psnr"],
        "neurcomp_seconds": other.report["train_seconds"],
        **asdict(VolumeStatistics.of(volume)),
    }


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hold", nargs="*", default=[], help="real volumes instead")
    parser.add_argument("--passes", type=float, default=80.0, help="of the Neurcomp (default: 80)")
    parser.add_argument("--ratios", nargs="+", type=float, default=list(RATIOS))
    parser.add_argument("--out", type=Path, default=HERE / "results" / "neurcomp_gains.csv")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for volume in map(read_volume, options.hold) if options.hold else made_up():
        for ratio in options.ratios:
            try:
                rows.append(row(volume, ratio, options.passes))
            except srn_core.errors.SrnInputError as error:
                print(f"{volume.name}, ratio {ratio:g}: {error}", flush=True)
                continue
            print(rows[-1], flush=True)
            write_csv(options.out, rows, list(rows[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main())

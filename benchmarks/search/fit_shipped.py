"""Makes the predictor that the product ships: sizes of made-up and real volumes, and the searches and runs beside.

    python benchmarks/search/fit_shipped.py mhd_p_128.vti --searches found ... --gains neurcomp_gains.csv
    python benchmarks/search/fit_shipped.py --keep-sizes --searches searches/*

The volumes given are coded as the made-up ones are. What the result is measured on must not be among them
(check_shipped.py). Volumes of searches are small, and tell nothing of sizes.
"""

from __future__ import annotations

import argparse
import csv
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from fields import fields

from srn_core.io import read_volume
from srn_core.prediction.coded_sizes import coded_sizes
from srn_core.prediction.method_choice import NeurcompGain
from srn_core.prediction.places import SHIPPED_FILE
from srn_core.prediction.predictor import Predictor
from srn_core.prediction.statistics import VolumeStatistics
from srn_core.search import report
from srn_core.search.analysis import LEAST_POINTS
from srn_core.search.fitting import fit_predictor, sizes_of
from srn_core.search.request import crc32
from srn_core.version import __version__
from srn_core.volume import Volume


def entry(volume: Volume) -> dict[str, Any]:
    """What the predictor's data say of a volume that was coded with some steps."""
    return {
        "volume": volume.name,
        "dims": list(volume.geometry.dims),
        "crc32": crc32(volume),
        "version": __version__,
        "statistics": asdict(VolumeStatistics.of(volume)),
        "coded": [size.to_dict() for size in coded_sizes(volume)],
    }


def gain_of(path: Path) -> NeurcompGain:
    """From the table that neurcomp_gains.py writes."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = list(VolumeStatistics.__dataclass_fields__)
    statistics = [VolumeStatistics.from_dict({name: row[name] for name in names}) for row in rows]
    gains = [float(row["neurcomp_psnr"]) - float(row["rate_psnr"]) for row in rows]
    return NeurcompGain.fitted([float(row["ratio"]) for row in rows], statistics, gains)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("volumes", nargs="*", help="real volumes")
    parser.add_argument("--searches", nargs="*", type=Path, default=[], help="folders of finished searches")
    parser.add_argument("--gains", type=Path, help="table of Neurcomp beside fv-SRN by rate")
    parser.add_argument("--out", type=Path, default=SHIPPED_FILE, help="default: where the product looks for it")
    parser.add_argument("--keep-sizes", action="store_true", help="code nothing, take what --out knows of sizes")
    options = parser.parse_args()
    if options.keep_sizes:
        known = Predictor.load(options.out)
        data = [dict(entry) for entry in known.data if not entry.get("front")]
        made = replace(known, rules=(), data=tuple(data))
    else:
        data = []
        for volume in [*fields(), *map(read_volume, options.volumes)]:
            data.append(entry(volume))
            print(f"{volume.name}: {len(data[-1]['coded'])} sizes", flush=True)
        made = Predictor(sizes_of(data), (), None, tuple(data))
    if options.searches:
        results = [report.load(folder) for folder in options.searches]
        for result in results:
            if len(result.front()) < LEAST_POINTS:
                print(f"{result.record.name}: left out, its front has {len(result.front())} points", flush=True)
        found = fit_predictor([result for result in results if len(result.front()) >= LEAST_POINTS], made)
        told = [{**entry, "coded": []} if entry.get("front") else entry for entry in found.data]
        made = replace(found, sizes=made.sizes, data=tuple(told))
    if options.gains:
        made = replace(made, neurcomp=gain_of(options.gains))
    made.save(options.out)
    print(f"{options.out}: {made.sizes}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

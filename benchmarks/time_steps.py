"""What storing time steps as differences saves, at the same PSNR, and what it costs to make and to decode them.

    python benchmarks/time_steps.py VOLUME VOLUME [...] [--array A] [--psnr 35 40 45] [--key-every 1 4] [--crop X Y Z]

The volumes are the steps, in their order. Each row of ``time_steps.csv`` is one file of all of them: its bytes, those
of the steps after the first one without the header, key frames among all, the least PSNR, process time of the
compression, and of decoding each step once, in order (``forwards``), and the last one alone (``last``), in files that
are opened anew. ``--filter``: with one, where it pays; else without.
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path
from typing import Any, Callable

from originals import Original

import srn_core
from srn_core.codec import section_sizes
from srn_core.config import CompressConfig
from srn_core.volume import Geometry, Volume

RESULTS = Path(__file__).with_suffix(".csv")


def cropped(volume: Volume, most: list[int]) -> Volume:
    """The middle of a volume, of at most so many samples along x, y, z."""
    dims = [min(n, wanted) for n, wanted in zip(volume.geometry.dims, most)]
    first = [(n - m) // 2 for n, m in zip(volume.geometry.dims, dims)]
    z, y, x = (slice(f, f + m) for f, m in reversed(list(zip(first, dims))))
    return Volume(volume.values[z, y, x].copy(), Geometry((dims[0], dims[1], dims[2])), volume.name)


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it gives, and the process time that it took."""
    began = time.process_time()
    return work(), round(time.process_time() - began, 3)


def row_of(steps: list[Volume], label: str, psnr: float, every: int, filtered: bool) -> dict[str, Any]:
    """Compress and decode."""
    config = CompressConfig().with_settings({"series.key_every": every})
    config = config if filtered else config.with_settings({"training.passes": 0})
    result, seconds = timed(lambda: srn_core.compress_series(steps, config=config, psnr=psnr))
    data = result.file.to_bytes()
    opened = srn_core.NeuralFile.from_bytes(data)
    _, forwards = timed(lambda: [opened.decode(time=when) for when in opened.times])
    alone = srn_core.NeuralFile.from_bytes(data)
    _, last = timed(lambda: alone.decode(time=alone.times[-1]))
    first = sum(s.packed for s in section_sizes(data) if s.time == opened.times[0] and s.holds != "header")
    return {
        "steps": label,
        "dims": "x".join(map(str, steps[0].geometry.dims)),
        "count": len(steps),
        "filter": filtered,
        "psnr_asked": psnr,
        "key_every": every,
        "key_frames": result.report["key_frames"],
        "bytes": len(data),
        "bytes_after_first": sum(s.packed for s in section_sizes(data) if s.holds != "header") - first,
        "psnr": round(result.report["psnr"], 4),
        "compress_seconds": seconds,
        "forwards_seconds": forwards,
        "last_seconds": last,
    }


def main() -> None:
    """Measure, and write the table anew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("volumes", nargs="+", metavar="VOLUME")
    parser.add_argument("--array")
    parser.add_argument("--psnr", type=float, nargs="+", default=[35.0, 40.0, 45.0])
    parser.add_argument("--key-every", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--crop", type=int, nargs=3, default=[1 << 30] * 3, metavar=("X", "Y", "Z"))
    parser.add_argument("--filter", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    names = [f"{path}:{given.array}" if given.array else path for path in given.volumes]
    originals = [Original.read(name) for name in names]
    steps = [cropped(original.volume, given.crop) for original in originals]
    label = f"{originals[0].label} to {originals[-1].label}"
    with open(given.out, "w", newline="", encoding="utf-8") as file:
        table = None
        for psnr in given.psnr:
            for every in given.key_every:
                row = row_of(steps, label, psnr, every, given.filter)
                if table is None:
                    table = csv.DictWriter(file, list(row), lineterminator="\n")
                    table.writeheader()
                table.writerow(row)
                file.flush()
                print("  ".join(f"{name} {value}" for name, value in row.items()))


if __name__ == "__main__":
    main()

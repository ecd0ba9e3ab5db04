"""How fast neural fields are evaluated: ours beside the straightforward graph, torch, and the peers' decoders.

    python benchmarks/decode_speed.py [VOLUME[:ARRAY] ...] [--ratio 100] [--threads 1 2] [--providers cpu]
    python benchmarks/decode_speed.py --plot                  # results/decode-speed.png of what has been measured

Two parts, in one run:

* networks: Mvoxel/s on a grid and Msample/s at random points, for networks of several kinds. The straightforward graph
  is a five-dimensional GridSample, Gemm and Sin in ONNX Runtime, as one would write it down first; torch is the same
  in PyTorch, eager and compiled. ``peak_share`` is the dense layers' arithmetic as a share of what ONNX Runtime reaches
  in a product of two large matrices here.
* files: each volume is compressed by the product's defaults to ``--ratio`` (of its bytes as float32), and by the peers
  to as many bytes, at the settings that ``rate_distortion.csv`` has, where it has them. Decoding is timed cold (a new
  process: imports, opening, entropy decoding, sessions, the whole volume), again in a process that has the file open
  ("warm"), and so for one slice of 512 x 512 across the middle. Peers: warm, on one thread.

Contenders take turns, round by round; the fastest of ``--rounds`` counts, since a busy machine only ever slows.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Callable, Optional, Sequence

import numpy as np
from decode_networks import NETWORKS, PEAK_EDGE, contenders, flops, peak_gflops, random_network
from originals import Original
from peers import PEERS, Peer
from rate_search import RateSearch

import srn_core
from srn_core import atomic
from srn_core.errors import SrnError

COLUMNS = (
    "part", "subject", "contender", "place", "provider", "threads", "mega_per_s", "times_straightforward", "peak_share",
    "seconds", "bytes", "device", "date",
)  # fmt: skip
HERE = Path(__file__).parent
KNOWN = HERE / "rate_distortion.csv"
COLD = """
import sys, time
begin = time.perf_counter()
import srn_core
file = srn_core.load(sys.argv[1], threads=int(sys.argv[2]), providers=sys.argv[3])
values = file.decode().values
print(time.perf_counter() - begin)
"""


def fastest(runs: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Least seconds of each, taking turns."""
    for run in runs.values():
        run()
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(rounds):
        for name, run in runs.items():
            begin = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - begin)
    return best


def measure_networks(table: Table, options: argparse.Namespace, provider: str, threads: int) -> None:
    """Rows of the part "networks"."""
    peak = fastest({"peak": peak_gflops(threads, provider)}, 5)["peak"]
    gflops = 2 * PEAK_EDGE**3 / peak / 1e9
    print(f"{provider}, {threads} thread(s): {gflops:.0f} GFLOP/s in a product of matrices")
    for name, spec in NETWORKS.items():
        found = list(
            contenders(random_network(spec), threads, options.edge, options.points, provider, not options.no_torch)
        )
        best = fastest({f"{c.name} {c.place}": c.run for c in found}, options.rounds)
        rates = {key: c.samples / best[key] / 1e6 for key, c in zip(best, found)}
        base = rates["straightforward graph points"]
        for (key, rate), contender in zip(rates.items(), found):
            share = rate * 1e6 * flops(spec) / 1e9 / gflops
            table.add(
                part="networks",
                subject=name,
                contender=contender.name,
                place=contender.place,
                provider=provider,
                threads=threads,
                mega_per_s=f"{rate:.3f}",
                times_straightforward=f"{rate / base:.2f}",
                peak_share=f"{share:.3g}" if flops(spec) else "",
                seconds=f"{best[key]:.4f}",
            )


def measure_file(table: Table, options: argparse.Namespace, text: str, provider: str, threads: int) -> None:
    """Rows of the part "files" for one volume."""
    original = Original.read(text)
    allowed = int(original.volume.values.size * 4 / options.ratio)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "volume.srn")
        kept = options.files / f"{original.label}.srn" if options.files else path
        if not kept.exists():
            srn_core.compress(original.volume, kept, bytes=allowed)
        seconds = _cold(kept, provider, threads, options.rounds)
        file = srn_core.load(kept, threads=threads, providers=provider)
        nx, ny, nz = original.volume.geometry.dims
        runs: dict[str, Callable[[], object]] = {
            "warm": lambda: file.decode(),
            "slice": lambda: file.decode(dims=(512, 512, 1), region=(0, nx - 1, 0, ny - 1, nz // 2, nz // 2)),
        }
        decoded = {"cold": seconds, **fastest(runs, options.rounds)}
        counts = {"cold": nx * ny * nz, "warm": nx * ny * nz, "slice": 512 * 512}
        for place, took in decoded.items():
            table.add_file(original.label, "ours", place, provider, threads, took, counts[place], kept.stat().st_size)
    if provider != "cpu" or threads != 1:
        return
    for name in options.peers:
        peer = PEERS[name]()
        try:
            peer.check()
        except SrnError as error:
            print(f"    {name} left out: {error}")
            continue
        values = original.filled()
        data, shape = _encoded(peer, original, values, options.ratio, allowed), values.shape
        if data is None:
            print(f"    {name}: nothing found that fits and decodes")
            continue
        took = fastest({name: lambda peer=peer, data=data, shape=shape: peer.decode(data, shape)}, options.rounds)[name]
        table.add_file(original.label, peer.method, "warm", "cpu", 1, took, nx * ny * nz, len(data))


def _encoded(peer: Peer, original: Original, values: np.ndarray, ratio: float, allowed: int) -> Optional[bytes]:
    """What a peer makes of a volume within ``allowed`` bytes: at the setting that rate_distortion.csv has, or found."""
    with KNOWN.open(newline="", encoding="utf-8") as file:
        wanted = (original.label, original.crc32, peer.method, f"{ratio:g}")
        names = ("volume", "crc32", "method", "ratio_asked")
        setting = next((r["settings"] for r in csv.DictReader(file) if tuple(r[n] for n in names) == wanted), "")
    if setting.endswith(" of the range"):
        return peer.encode(values, float(setting.split()[0]) * float(np.ptp(values)))
    if setting.startswith("fixed size"):
        return peer.at_bytes(values, allowed)
    found = RateSearch(peer, values, original.squared_error).within(allowed)
    return None if found is None else found.data


def _cold(path: Path, provider: str, threads: int, rounds: int) -> float:
    """Least seconds from the first import to the whole volume, in new processes."""
    command = [sys.executable, "-c", COLD, str(path), str(threads), provider]
    return min(float(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(rounds))


class Table:
    """The CSV; a measurement takes the place of the one of the same subject, contender, place and device."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, str]] = []
        if path.exists():
            with path.open(newline="", encoding="utf-8") as file:
                self.rows = list(csv.DictReader(file))

    def add(self, **values: object) -> None:
        """Add a row, print it, and write the whole."""
        row = {column: str(values.get(column, "")) for column in COLUMNS}
        row["device"] = device_name(row["provider"])
        row["date"] = datetime.now(timezone.utc).date().isoformat()
        same = ("part", "subject", "contender", "place", "provider", "threads", "device")
        self.rows = [r for r in self.rows if any(r[c] != row[c] for c in same)] + [row]
        speed = f"{row['mega_per_s']:>9} M/s {float(row['seconds']):9.3f} s"
        times = f"  {row['times_straightforward']} x straightforward" if row["times_straightforward"] else ""
        print(f"  {row['subject']:26} {row['contender']:22} {row['place']:7}{speed}{times}", flush=True)
        with atomic.atomic_path(self.path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)

    def add_file(
        self, subject: str, contender: str, place: str, provider: str, threads: int, took: float, count: int, size: int
    ) -> None:
        """A row of the part "files"."""
        self.add(
            part="files",
            subject=subject,
            contender=contender,
            place=place,
            provider=provider,
            threads=threads,
            mega_per_s=f"{count / took / 1e6:.3f}",
            seconds=f"{took:.4f}",
            bytes=size,
        )


def device_name(provider: str) -> str:
    """What the figures were measured on."""
    if provider == "cpu":
        return f"{platform.machine()}, {os.cpu_count()} cores"
    try:
        import torch

        return str(torch.cuda.get_device_name())
    except Exception:  # no torch, or none with CUDA
        return provider


def draw(table: Table, path: Path) -> None:
    """Bars: speed of each contender per network, at the largest number of threads on the CPU."""
    from matplotlib.figure import Figure

    rows = [r for r in table.rows if r["part"] == "networks" and r["provider"] == "cpu"]
    most = max((int(r["threads"]) for r in rows), default=0)
    rows = [r for r in rows if int(r["threads"]) == most]
    subjects = list(dict.fromkeys(r["subject"] for r in rows))
    series = list(dict.fromkeys((r["contender"], r["place"]) for r in rows))
    figure = Figure(figsize=(9, 0.55 * len(subjects) * len(series) / 2 + 1.5), layout="constrained")
    axes = figure.subplots()
    height = 0.8 / max(len(series), 1)
    for number, (contender, place) in enumerate(series):
        found = {
            r["subject"]: float(r["mega_per_s"]) for r in rows if (r["contender"], r["place"]) == (contender, place)
        }
        where = [i + number * height for i, s in enumerate(subjects) if s in found]
        bars = axes.barh(where, list(found.values()), height, label=f"{contender}, {place}")
        axes.bar_label(bars, fmt="%.3g", padding=2, fontsize=7)
    axes.set_yticks([i + 0.4 - height / 2 for i in range(len(subjects))], subjects)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel(f"million samples per second, {most} threads (logarithmic)")
    axes.legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)


def main(arguments: Optional[Sequence[str]] = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("volumes", nargs="*", help="volumes of the part 'files', PATH or PATH:ARRAY")
    parser.add_argument("--ratio", type=float, default=100.0)
    parser.add_argument("--files", type=Path, help="a folder that keeps the compressed files, and is looked into first")
    parser.add_argument("--threads", type=int, nargs="+", default=sorted({1, os.cpu_count() or 1}))
    parser.add_argument("--providers", nargs="+", default=["cpu"], help="cpu, cuda, ...")
    parser.add_argument("--edge", type=int, default=128, help="of the grid that networks are evaluated on")
    parser.add_argument("--points", type=int, default=1 << 20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-networks", action="store_true", help="the part 'files' alone")
    parser.add_argument("--peers", nargs="*", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--no-torch", action="store_true")
    parser.add_argument("--plot", action="store_true", help="draw what has been measured, and measure nothing")
    parser.add_argument("--out", type=Path, default=HERE / "decode_speed.csv")
    options = parser.parse_args(arguments)
    table = Table(options.out)
    if not options.plot:
        for provider in options.providers:
            for threads in options.threads if provider == "cpu" else [1]:
                if not options.no_networks:
                    measure_networks(table, options, provider, threads)
                for text in options.volumes:
                    measure_file(table, options, text, provider, threads)
    draw(table, options.out.parent / "results" / "decode-speed.png")


if __name__ == "__main__":
    main()

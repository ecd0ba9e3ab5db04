"""Quality at equal bytes: ours beside SPERR, SZ3, ZFP and TTHRESH, in one run.

    python benchmarks/rate_distortion.py VOLUME[:array] ... [--ratios 50 100 200 400] [--seconds 120]
    python benchmarks/rate_distortion.py --markdown          (the table of what has been measured)

Every method gets the same array and the same number of bytes: the original as float32 (float64 is
rounded first; smaller types and integers stay as they are) divided by the ratio. Ours is given that
many bytes as its target; of each peer the finest encoding that still fits is taken. What counts is
the file on disk and what its decoder gives back: PSNR over the full range, SSIM, the largest error
as a share of the range, seconds to encode once, seconds to decode (best of three, warm). Integer
fields are rounded and clipped by all. Peers run on one thread; where voxels hold no value, they get
the mean there.

Rows go into the CSV under (volume, method, ratio_asked) and replace what stood there, so a run can
be split over several machines or environments. --resume leaves finished rows alone.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Callable, Iterator, Optional, Sequence

import numpy as np
from peers import PEERS, Peer, RateSearch

import srn_core
from srn_core import atomic, metrics
from srn_core.config import DEVICES, NETWORKS, PRUNERS
from srn_core.errors import SrnError, SrnInputError
from srn_core.io import read_volume
from srn_core.volume import Volume

COLUMNS = (
    "volume", "method", "ratio_asked", "bytes", "ratio", "psnr", "ssim", "max_error_of_range", "encode_s",
    "decode_s", "decode_mb_s", "seconds", "device", "threads", "settings", "versions", "note",
)  # fmt: skip
KEY = ("volume", "method", "ratio_asked")
WARM_DECODES = 3
Row = "dict[str, str]"


@dataclass(frozen=True)
class Original:
    """A volume as every method gets it."""

    label: str
    volume: Volume
    valid: Optional[np.ndarray]

    @classmethod
    def read(cls, text: str) -> Original:
        """The volume of ``PATH`` or ``PATH:array``. Raises SrnInputError where it cannot be compared."""
        path, colon, array = text.rpartition(":")
        if not colon or Path(text).exists():
            path, array = text, ""
        volume = read_volume(path, array or None)
        if volume.components != 1:
            raise SrnInputError(f"'{text}' has {volume.components} components; the peers compress scalar fields only")
        values = volume.values.reshape(volume.geometry.shape)
        if values.dtype.itemsize > 4:
            values = values.astype(np.float32)
        label = Path(path).stem + (f":{array}" if array else "")
        single = Volume(values, volume.geometry, volume.name, volume.units, volume.time, volume.valid)
        return cls(label, single, single.validity())

    @property
    def nbytes(self) -> int:
        return self.volume.nbytes

    def filled(self) -> np.ndarray:
        """float32 values for codecs that know no missing ones."""
        values = self.volume.values.astype(np.float32)
        if self.valid is not None:
            values[~self.valid] = values[self.valid].mean(dtype=np.float64)
        return values

    def restored(self, decoded: np.ndarray) -> np.ndarray:
        """A codec's float32 result in the original's type, as ours gives it back."""
        dtype = self.volume.values.dtype
        if dtype.kind in "iu":
            limits = np.iinfo(dtype)
            return np.clip(np.rint(decoded.astype(np.float64)), limits.min, limits.max).astype(dtype)
        return decoded >= 0.5 if dtype.kind == "b" else decoded.astype(dtype)

    def measured(self, nbytes: int, decoded: np.ndarray, encode_s: float, decode_s: float) -> dict[str, str]:
        """The figures of one row."""
        quality = metrics.measure(self.volume.values, decoded, self.valid)
        valid = self.volume.values if self.valid is None else self.volume.values[self.valid]
        span = float(valid.max()) - float(valid.min())
        return {
            "bytes": str(nbytes),
            "ratio": f"{self.nbytes / nbytes:.2f}",
            "psnr": f"{quality.psnr:.3f}",
            "ssim": f"{quality.ssim:.5f}",
            "max_error_of_range": f"{quality.max_error / span:.5f}",
            "encode_s": f"{encode_s:.4g}",
            "decode_s": f"{decode_s:.4g}",
            "decode_mb_s": f"{self.nbytes / 1e6 / decode_s:.1f}",
        }


def best_decode(decode: Callable[[], np.ndarray]) -> tuple[np.ndarray, float]:
    """The result and the least seconds of some decodes after a first one."""
    result = decode()
    seconds = []
    for _ in range(WARM_DECODES):
        begin = time.perf_counter()
        result = decode()
        seconds.append(time.perf_counter() - begin)
    return result, max(min(seconds), 1e-9)


def peer_rows(peer: Peer, original: Original, ratios: Sequence[float]) -> Iterator[dict[str, str]]:
    """One row for each ratio."""
    search = RateSearch(peer, original.filled())
    for ratio in ratios:
        row = {
            "method": peer.name,
            "ratio_asked": f"{ratio:g}",
            "device": f"cpu ({platform.machine()})",
            "threads": "1",
            "versions": f"{peer.version()}, numpy {np.__version__}",
        }
        found = search.within(int(original.nbytes / ratio))
        if found is None:
            yield {**row, "note": "no setting found whose result fits and decodes"}
            continue
        data, shape = found.data, search.values.shape
        decoded, seconds = best_decode(lambda data=data, shape=shape: peer.decode(data, shape))
        row["settings"] = f"{found.knob / search.span:.4g} of the range"
        yield {**row, **original.measured(len(data), original.restored(decoded), found.encode_seconds, seconds)}


def our_rows(network: str, original: Original, given: argparse.Namespace) -> Iterator[dict[str, str]]:
    """One row for each ratio."""
    more = {}
    for pair in given.set:
        name, equals, value = pair.partition("=")
        if not equals:
            raise SrnInputError(f"--set takes name=value, not {pair!r}")
        more[name.strip()] = value.strip()
    for ratio in given.ratios:
        row = {
            "method": our_method(network, given.pruner),
            "ratio_asked": f"{ratio:g}",
            "seconds": f"{given.seconds:g}",
            "threads": str(given.threads),
            "settings": " ".join([f"seed={given.seed}", *given.set]),
            "versions": ", ".join(
                [f"paraview-srn {srn_core.__version__}", *_versions("torch", "onnxruntime", "numpy")]
            ),
        }
        settings: dict[str, Any] = {"network": network, "pruner": given.pruner, "device": given.device}
        settings.update({"seed": given.seed, "seconds": given.seconds, "bytes": int(original.nbytes / ratio), **more})
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "volume.srn")
            try:
                result = srn_core.compress(original.volume, path, **settings)
            except SrnInputError as error:
                yield {**row, "device": given.device, "note": str(error)}
                continue
            nbytes, file = path.stat().st_size, srn_core.load(path, threads=given.threads)
        # The decoder's session is made once and stays, as in an application that keeps the file open.
        decoded, seconds = best_decode(lambda file=file: file.decode().values)
        row["device"] = f"{_device(result.report['device'])}, decoder {file.providers[0]}"
        yield {**row, **original.measured(nbytes, decoded, result.report["seconds"], seconds)}


def our_method(network: str, pruner: str) -> str:
    """How a network and its pruner are called in the table."""
    return network if pruner == "none" else f"{network}+{pruner}"


def _versions(*distributions: str) -> list[str]:
    found = []
    for name in distributions:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:  # onnxruntime-gpu stands in for onnxruntime
            continue
    return found


def _device(name: str) -> str:
    if name.startswith("cuda"):
        import torch

        return f"{name} ({torch.cuda.get_device_name()})"
    return f"{name} ({platform.machine()})"


class Table:
    """The CSV's rows by their key; every change is written at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[tuple[str, ...], dict[str, str]] = {}
        if path.exists():
            with path.open(newline="") as file:
                reader = csv.DictReader(file)
                if not set(KEY) <= set(reader.fieldnames or ()):
                    raise SrnInputError(f"'{path}' is no table of this benchmark; give another file with --out")
                for row in reader:
                    self.rows[tuple(row[k] for k in KEY)] = {c: row.get(c) or "" for c in COLUMNS}

    def measured(self, volume: str, method: str, ratio: float) -> bool:
        """Whether there is a finished row."""
        return bool(self.rows.get((volume, method, f"{ratio:g}"), {}).get("bytes"))

    def put(self, row: dict[str, str]) -> None:
        """Add the row, or put it in the place of the one with the same key."""
        whole = {c: row.get(c, "") for c in COLUMNS}
        self.rows[tuple(whole[k] for k in KEY)] = whole
        with atomic.atomic_path(self.path) as temporary, open(temporary, "w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(self.rows.values())

    def of_volume(self, volume: str) -> dict[str, dict[float, dict[str, str]]]:
        """Finished rows by method and ratio, methods of ours first."""
        found: dict[str, dict[float, dict[str, str]]] = {}
        for row in self.rows.values():
            if row["volume"] == volume and row["bytes"]:
                found.setdefault(row["method"], {})[float(row["ratio_asked"])] = row
        order = sorted(found, key=lambda m: (m in PEERS, list(PEERS).index(m) if m in PEERS else 0, m))
        return {m: dict(sorted(found[m].items())) for m in order}

    def volumes(self) -> list[str]:
        """Names of the volumes, in the order they came."""
        return list(dict.fromkeys(key[0] for key in self.rows))


def markdown(table: Table) -> str:
    """PSNR in dB at equal bytes, ours in bold where it is highest, and the decoding speed."""
    ratios = sorted({float(key[2]) for key in table.rows})
    lines = ["| volume | method | " + " | ".join(f"{r:g} : 1" for r in ratios) + " | decode MB/s |"]
    lines.append("|---|---|" + "---:|" * (len(ratios) + 1))
    for volume in table.volumes():
        methods = table.of_volume(volume)
        best = {r: max((float(m[r]["psnr"]) for m in methods.values() if r in m), default=0.0) for r in ratios}
        for method, rows in methods.items():
            cells = []
            for ratio in ratios:
                psnr = rows.get(ratio, {}).get("psnr", "")
                wins = psnr and method not in PEERS and float(psnr) == best[ratio]
                text = f"{float(psnr):.2f}" if psnr else "-"
                cells.append(f"**{text}**" if wins else text)
            speeds = [float(row["decode_mb_s"]) for row in rows.values()]
            lines.append(f"| {volume} | {method} | " + " | ".join(cells) + f" | {np.median(speeds):.0f} |")
    return "\n".join(lines)


def plot(table: Table, path: Path) -> None:
    """PSNR over the ratio really reached, one panel per volume."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    volumes = table.volumes()
    figure = Figure(figsize=(4.6 * len(volumes), 3.8), layout="constrained")
    axes = figure.subplots(1, len(volumes), squeeze=False)[0]
    for axis, volume in zip(axes, volumes):
        for method, rows in table.of_volume(volume).items():
            ratios, values = [float(r["ratio"]) for r in rows.values()], [float(r["psnr"]) for r in rows.values()]
            style = {"lw": 1.2, "ls": "--", "marker": "."} if method in PEERS else {"lw": 2.2, "marker": "o"}
            axis.plot(ratios, values, label=method, **style)
        axis.set_xscale("log")
        asked = sorted({float(key[2]) for key in table.rows if key[0] == volume})
        axis.set_xticks(asked, [f"{r:g}" for r in asked])
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set(title=volume, xlabel="compression ratio (bytes)", ylabel="PSNR (dB)")
        axis.grid(alpha=0.3)
        axis.legend(fontsize="small")
    with atomic.atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=150)


def usable_peers(names: Sequence[str]) -> list[Peer]:
    """The peers that can run here; of the others, says why not."""
    usable = []
    for name in names:
        peer = PEERS[name]()
        try:
            peer.check()
        except SrnError as error:
            print(f"{name} left out: {error}", file=sys.stderr)
        else:
            usable.append(peer)
    return usable


def measure_all(given: argparse.Namespace, table: Table) -> None:
    """Fill the table."""
    peers = usable_peers([] if "none" in given.peers else given.peers)
    ours = [] if "none" in given.ours else given.ours
    if ours and given.threads:
        import torch

        torch.set_num_threads(given.threads)

    def wanted(label: str, method: str) -> list[float]:
        return [r for r in given.ratios if not (given.resume and table.measured(label, method, r))]

    for text in given.volumes:
        original = Original.read(text)
        for network in ours:
            todo = argparse.Namespace(**vars(given))
            todo.ratios = wanted(original.label, our_method(network, given.pruner))
            record(table, original.label, our_rows(network, original, todo))
        for peer in peers:
            todo_ratios = wanted(original.label, peer.name)
            if todo_ratios:
                record(table, original.label, peer_rows(peer, original, todo_ratios))


def record(table: Table, label: str, rows: Iterator[dict[str, str]]) -> None:
    """Put rows into the table as they come, and say so."""
    for row in rows:
        table.put({"volume": label, **row})
        said = f"{row['psnr']:>7s} dB {row['bytes']:>9s} bytes" if row.get("bytes") else row["note"]
        print(f"{label:24s} {row['method']:20s} {row['ratio_asked']:>5s} : 1  {said}", flush=True)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("volumes", nargs="*", metavar="VOLUME[:array]", help="none: only draw or print what there is")
    made.add_argument("--ratios", nargs="+", type=float, default=[50.0, 100.0, 200.0, 400.0])
    made.add_argument("--seconds", type=float, default=120.0, help="training budget of ours, each ratio")
    made.add_argument("--peers", nargs="+", default=list(PEERS), choices=[*PEERS, "none"])
    made.add_argument("--ours", nargs="+", default=["fvsrn"], choices=[*NETWORKS, "none"])
    made.add_argument("--pruner", default="smallify", choices=PRUNERS)
    made.add_argument("--device", default="auto", choices=DEVICES)
    made.add_argument("--threads", type=int, default=os.cpu_count(), help="of ours, training and decoding")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="any setting of ours")
    made.add_argument("--resume", action="store_true", help="leave rows that are already measured")
    made.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".csv"))
    made.add_argument("--plot", type=Path, nargs="?", const=Path(__file__).with_suffix(".png"), metavar="PNG")
    made.add_argument("--markdown", action="store_true", help="print the table of PSNRs")
    return made


def main(arguments: Optional[Sequence[str]] = None) -> int:
    given = parser().parse_args(arguments)
    try:
        if min(given.ratios) <= 0:
            raise SrnInputError("ratios must be more than 0")
        table = Table(given.out)
        measure_all(given, table)
        if given.plot:
            plot(table, given.plot)
        if given.markdown:
            print(markdown(table))
    except SrnError as error:
        print(f"rate_distortion: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

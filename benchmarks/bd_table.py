"""BD-rate and BD-PSNR of ours against every peer, for each volume of the table."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Mapping, Optional, Sequence

from bjontegaard import Curve, difference
from measurements import Measurements, Row
from peers import PEERS, peer_of

from srn_core import atomic

COLUMNS = (
    "volume", "method", "seconds", "peer", "bd_rate_percent", "bd_psnr_db", "psnr_from", "psnr_to", "bytes_from",
    "bytes_to", "points", "peer_points", "note",
)  # fmt: skip


def bd_rows(table: Measurements) -> list[Row]:
    """One row for each volume, curve of ours and peer."""
    rows = []
    for volume in table.volumes():
        curves = table.curves(volume)
        for name, points in curves.items():
            if name in PEERS:
                continue
            for peer in (p for p in PEERS if p in curves):
                rows.append(_row(volume, points, peer, curves[peer]))
    return rows


def write_bd(path: Path, rows: Sequence[Row]) -> None:
    """Write the rows as CSV."""
    with atomic.atomic_path(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def bd_text(rows: Sequence[Row]) -> str:
    """The rows as a table in Markdown: a line for each volume and curve of ours, a column for each peer."""
    if not rows:
        return "no rows of ours and of a peer for the same volume: nothing to compare"
    peers = [p for p in PEERS if any(row["peer"] == p for row in rows)]
    lines = ["| volume | method | " + " | ".join(f"to {p}" for p in peers) + " |", "|---|---|" + "---:|" * len(peers)]
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows:
        method = f"{row['method']}, {row['seconds']} s" if row["seconds"] else row["method"]
        cells.setdefault((row["volume"], method), {})[row["peer"]] = _cell(row)
    lines += [f"| {v} | {m} | " + " | ".join(c.get(p, "-") for p in peers) + " |" for (v, m), c in cells.items()]
    return "\n".join([*lines, "", "BD-rate (below 0: ours needs fewer bytes), BD-PSNR (above 0: ours is better)."])


def _row(volume: str, ours: Mapping[float, Row], peer: str, others: Mapping[float, Row]) -> Row:
    first = next(iter(ours.values()))
    anchor, tested = _curve(others), _curve(ours)
    found = difference(anchor, tested)
    builds = sorted({row["method"] for row in others.values()} - {peer})
    notes = [found.note, *(f"{_count(others, b)} of {len(others)} points of {peer} are {b}" for b in builds)]
    psnr_from, psnr_to = found.psnr_overlap or (None, None)
    bytes_from, bytes_to = found.bytes_overlap or (None, None)
    return {
        "volume": volume,
        "method": first["method"],
        "seconds": first["seconds"],
        "peer": peer_of(peer),
        "bd_rate_percent": _text(found.rate_percent, 2),
        "bd_psnr_db": _text(found.psnr_db, 3),
        "psnr_from": _text(psnr_from, 2),
        "psnr_to": _text(psnr_to, 2),
        "bytes_from": _text(bytes_from, 0),
        "bytes_to": _text(bytes_to, 0),
        "points": str(len(tested)),
        "peer_points": str(len(anchor)),
        "note": "; ".join(filter(None, notes)),
    }


def _curve(rows: Mapping[float, Row]) -> Curve:
    return Curve.of([(float(row["bytes"]), float(row["psnr"])) for row in rows.values()])


def _count(rows: Mapping[float, Row], method: str) -> int:
    return sum(row["method"] == method for row in rows.values())


def _text(value: Optional[float], digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _cell(row: Row) -> str:
    """Both figures, or what kept one of them away."""
    rate = f"{float(row['bd_rate_percent']):+.1f} %" if row["bd_rate_percent"] else ""
    psnr = f"{float(row['bd_psnr_db']):+.2f} dB" if row["bd_psnr_db"] else ""
    if rate and psnr:
        return f"{rate}, {psnr}"
    why = row["note"].partition(":")[0] if row["note"].startswith("no overlap") else row["note"].partition(";")[0]
    return ", ".join(filter(None, (rate, psnr, why)))

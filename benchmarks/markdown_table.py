"""The README's table: PSNR at equal bytes, one line for each volume and target."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Callable, Mapping, Optional

from imported import UNROUNDED
from measurements import Measurements, Row
from peers import PEERS

from srn_core.errors import SrnInputError

NAMES = {"sperr": "SPERR", "sz3": "SZ3", "zfp": "ZFP", "tthresh": "TTHRESH"}
NATIVE = "†"
NOTE = f"{NATIVE} by a native program: it did better than the package measured here, or that had no result."
UNROUNDED_NOTE = "On integer fields these figures were taken before rounding, all others after it."


def markdown(
    table: Measurements, titles: Optional[Mapping[str, str]] = None, keep: Optional[Callable[[Row], bool]] = None
) -> str:
    """PSNR in dB where each file may have the bytes named; the best of each line in bold.

    ``titles`` are words for the volumes' names; ``keep`` chooses rows. A ``-`` stands for no result.
    """
    by_volume = {volume: table.curves(volume, keep) for volume in table.volumes()}
    present = list(dict.fromkeys(name for curves in by_volume.values() for name in curves))
    methods = [n for n in present if n not in PEERS] + [n for n in PEERS if n in present]
    lines = [
        "| volume | ratio (bytes) | " + " | ".join(NAMES.get(m, m) for m in methods) + " |",
        "|---|---|" + "---:|" * len(methods),
    ]
    imported: list[Row] = []
    for volume, curves in by_volume.items():
        shown = _title(volume, curves, titles or {})
        for ratio in sorted({ratio for rows in curves.values() for ratio in rows}):
            rows = {m: curves[m][ratio] for m in methods if ratio in curves.get(m, {})}
            best = max(float(row["psnr"]) for row in rows.values())
            cells = [_cell(m, rows.get(m), best) for m in methods]
            imported += [row for cell, row in zip(cells, map(rows.get, methods)) if row and NATIVE in cell]
            allowed = int(int(next(iter(rows.values()))["original_bytes"]) / ratio)
            lines.append(f"| {shown} | {ratio:g} ({_grouped(allowed)}) | " + " | ".join(cells) + " |")
            shown = ""
    if imported:
        unrounded = any(UNROUNDED in row["note"] for row in imported)
        lines += ["", f"{NOTE} {UNROUNDED_NOTE}" if unrounded else NOTE]
    return "\n".join(lines)


def titles(path: Path) -> dict[str, str]:
    """What volumes are called in the README, from a JSON file of names and titles; none where it is not there."""
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SrnInputError(f"'{path}' cannot be read as JSON: {error}") from error
    if not isinstance(found, dict):
        raise SrnInputError(f"'{path}' does not hold titles by the volumes' names")
    return {str(name): str(title) for name, title in found.items()}


def _cell(curve: str, row: Optional[Row], best: float) -> str:
    if row is None:
        return "-"
    psnr = float(row["psnr"])
    text = f"**{psnr:.2f}**" if psnr == best else f"{psnr:.2f}"
    return f"{text} {NATIVE}" if curve in PEERS and row["method"] != curve else text


def _title(volume: str, curves: Mapping[str, Mapping[float, Row]], titles: Mapping[str, str]) -> str:
    rows = [row for points in curves.values() for row in points.values()]
    dims = next((row["dims"] for row in rows if row["dims"]), "")
    return ", ".join(filter(None, (titles.get(volume, volume), dims)))


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", " ")

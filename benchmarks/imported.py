"""Figures that were measured elsewhere, as by a native program that is not installed here.

They come as JSON: volume -> codec -> ratio -> {"bytes", "psnr", "max_rel", "decode_s"} or null, with
``original_bytes`` and ``dims_xyz`` beside the codecs. ``max_rel`` is the largest error as a share of the
range. Figures are those of the codec's float32 result, which for integer fields is not rounded: such rows
say so. What stands there is believed, but for the bytes: rows above their target are refused.
"""

from __future__ import annotations

import json
import math
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Collection, Optional

from measurements import Measurements, Row
from originals import FLOAT_RATIOS, INTEGER_RATIOS
from peers import PEERS, peer_of

from srn_core.errors import SrnInputError

FLOAT_BYTES = 4
UNROUNDED = "not rounded to integers"
FIELDS = ("bytes", "psnr", "max_rel", "decode_s")


def import_rows(
    table: Measurements,
    path: str,
    codec: str,
    method: str,
    ratios: Optional[Collection[float]] = None,
    again: bool = False,
) -> int:
    """Put a codec's figures of a JSON file into the table under the name ``method``; gives how many.

    Only those at ``ratios`` are taken, by default the ratios that are measured by default. Rows that are there
    already stay, unless ``again``. Raises SrnInputError where the file is of no use.
    """
    ratios = ratios or {*FLOAT_RATIOS, *INTEGER_RATIOS}
    if not peer_of(method) or method in PEERS:
        raise SrnInputError(
            f"imported rows need a name of their own that begins with a peer's, as 'tthresh (native)', not '{method}'"
        )
    count = 0
    for volume, entry in _read(path).items():
        if not isinstance(entry, dict) or not isinstance(entry.get(codec), dict):
            continue
        for ratio, figures in entry[codec].items():
            if not isinstance(figures, dict) or "error" in figures:
                continue
            row = _row(path, volume, entry, method, ratio, figures)
            if float(ratio) in ratios and (again or not table.has(volume, method, float(ratio), "")):
                table.put(row)
                count += 1
    if not count and not any(row["method"] == method for row in table.rows.values()):
        raise SrnInputError(f"'{path}' has no figures of a codec called '{codec}' at the ratios wanted")
    return count


def _row(path: str, volume: str, entry: dict[str, Any], method: str, ratio: str, figures: dict[str, Any]) -> Row:
    try:
        original, asked = int(entry["original_bytes"]), float(ratio)
        nbytes, psnr, worst, decode_s = (float(figures[name]) for name in FIELDS)
        dims = " x ".join(str(int(n)) for n in entry["dims_xyz"])
        if not all(map(math.isfinite, (asked, psnr, worst))) or min(asked, nbytes, decode_s, original) <= 0:
            raise ValueError("figures must be finite numbers, bytes and seconds more than 0")
    except (KeyError, TypeError, ValueError) as error:
        raise SrnInputError(f"'{path}', volume '{volume}', ratio {ratio}: {error!r}") from error
    if nbytes > original / asked:
        raise SrnInputError(
            f"'{path}', volume '{volume}', ratio {ratio}: {nbytes:.0f} bytes are more than the "
            f"{original / asked:.0f} allowed"
        )
    note = f"imported {datetime.now(timezone.utc).date().isoformat()} from {Path(path).name}"
    if original < FLOAT_BYTES * math.prod(entry["dims_xyz"]):
        note += f", {UNROUNDED}"
    return {
        "volume": volume,
        "dims": dims,
        "original_bytes": str(original),
        "method": method,
        "ratio_asked": f"{asked:g}",
        "bytes": f"{nbytes:.0f}",
        "ratio": f"{original / nbytes:.2f}",
        "psnr": f"{psnr:.3f}",
        "max_error_of_range": f"{worst:.5f}",
        "decode_s": f"{decode_s:.4g}",
        "decode_mb_s": f"{original / 1e6 / decode_s:.1f}",
        "note": note,
    }


def _read(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
    except (OSError, ValueError, RecursionError) as error:
        raise SrnInputError(f"'{path}' cannot be read as JSON: {error}") from error
    if not isinstance(data, dict):
        raise SrnInputError(f"'{path}' does not hold figures by volume")
    return data

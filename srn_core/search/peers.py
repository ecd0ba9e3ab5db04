"""Curves of other compressors, or of other searches, from a table like benchmarks/rate_distortion.csv."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Mapping, Sequence

from srn_core.errors import SrnInputError
from srn_core.search.request import Record

NEEDED = ("volume", "method", "ratio", "psnr")

Curves = Mapping[str, list[tuple[float, float]]]
"""Method -> (ratio, PSNR in dB), by ratio."""


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file with the columns volume, method, ratio, psnr and, if known, crc32.

    Raises SrnInputError where it cannot be read, a column is missing, or a number is none.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error) as error:
        raise SrnInputError(f"cannot read the peers in '{path}': {error}") from error
    missing = [name for name in NEEDED if not rows or name not in rows[0]]
    if missing:
        raise SrnInputError(f"'{path}' has no column '{missing[0]}'; it needs {', '.join(NEEDED)}")
    for number, row in enumerate(rows, 2):
        try:
            float(row["ratio"]), float(row["psnr"])
        except (TypeError, ValueError):
            raise SrnInputError(f"line {number} of '{path}' has a ratio or a PSNR that is no number") from None
    return rows


def peers(rows: Sequence[Mapping[str, str]], record: Record) -> Curves:
    """The curves of the search's volume: rows with its checksum, else of its name, else of the only volume there is.

    Raises SrnInputError where they tell of other volumes alone.
    """
    volumes = sorted({row["volume"] for row in rows})
    chosen = [row for row in rows if row.get("crc32") == record.crc32]
    chosen = chosen or [row for row in rows if row["volume"] == record.name]
    if not chosen and len(volumes) > 1:
        raise SrnInputError(
            f"the peers are of {', '.join(volumes)}, but not of this volume ('{record.name}', crc32 {record.crc32})"
        )
    curves: dict[str, list[tuple[float, float]]] = {}
    for row in chosen or rows:
        curves.setdefault(row["method"], []).append((float(row["ratio"]), float(row["psnr"])))
    return {method: sorted(points) for method, points in curves.items()}

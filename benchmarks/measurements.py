"""The table of all measurements: one CSV row for each volume, method, target and time budget."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Callable, Dict, Iterable, Mapping, Optional

from peers import PEERS, peer_of

from srn_core import atomic
from srn_core.errors import SrnInputError

COLUMNS = (
    "volume", "dims", "dtype", "original_bytes", "crc32", "method", "ratio_asked", "seconds", "bytes", "ratio",
    "psnr", "ssim", "max_error", "max_error_of_range", "encode_s", "decode_s", "decode_mb_s", "device", "threads",
    "settings", "date", "version", "note",
)  # fmt: skip
KEY = ("volume", "method", "ratio_asked", "seconds")
Row = Dict[str, str]


class Measurements:
    """The CSV's rows by their key; every change is on the disk before the next measurement begins.

    Rows that others have put into the same file meanwhile stay.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = self._read()

    def has(self, volume: str, method: str, ratio: float, seconds: str) -> bool:
        """Whether there is a row, be it one that says why there are no figures."""
        return (volume, method, f"{ratio:g}", seconds) in self.rows

    def put(self, row: Mapping[str, str]) -> None:
        """Add the row, or put it in the place of the one with the same key."""
        whole = {c: row.get(c, "") for c in COLUMNS}
        self.rows = {**self._read(), _key(whole): whole}
        with atomic.atomic_path(self.path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows.values())

    def check_same(self, volume: str, crc32: str) -> None:
        """Raises SrnInputError where the rows of this name are those of another array."""
        others = {row["crc32"] for row in self.rows.values() if row["volume"] == volume} - {"", crc32}
        if others:
            raise SrnInputError(
                f"'{self.path}' has rows of another array called '{volume}'; rename one of the two files, "
                "or give another table with --out"
            )

    def volumes(self) -> list[str]:
        """Names of the volumes, in the order they came."""
        return list(dict.fromkeys(row["volume"] for row in self.rows.values()))

    def curves(self, volume: str, keep: Optional[Callable[[Row], bool]] = None) -> dict[str, dict[float, Row]]:
        """Rows with figures by curve and ratio asked for; see :func:`curves`."""
        return curves(r for r in self.rows.values() if r["volume"] == volume and (keep is None or keep(r)))

    def _read(self) -> dict[tuple[str, ...], Row]:
        if not self.path.exists():
            return {}
        try:
            with open(self.path, newline="", encoding="utf-8") as file:
                reader = csv.DictReader(file)
                known = tuple(reader.fieldnames or ()) == COLUMNS
                rows = [{c: row.get(c) or "" for c in COLUMNS} for row in reader] if known else []
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise SrnInputError(f"'{self.path}' cannot be read as a table: {error}") from error
        if not known:
            raise SrnInputError(
                f"'{self.path}' is no table of this benchmark, or of an older one; give another file with --out"
            )
        return {_key(row): row for row in rows}


def curves(rows: Iterable[Row]) -> dict[str, dict[float, Row]]:
    """Rows with figures by curve and ratio asked for: ours first, then the peers in their order.

    A method of ours has one curve for each time budget, ``ours, 60 s``. A peer has one: at each ratio the
    better of its own rows and those of another build of it, as of ``tthresh`` and ``tthresh (native)``.
    """
    found: dict[str, dict[float, Row]] = {}
    for row in rows:
        if not row["bytes"] or not math.isfinite(float(row["psnr"])):
            continue
        curve = found.setdefault(curve_of(row), {})
        ratio = float(row["ratio_asked"])
        if ratio not in curve or float(row["psnr"]) > float(curve[ratio]["psnr"]):
            curve[ratio] = row
    names = list(PEERS)
    order = sorted(found, key=lambda c: (c in names, names.index(c) if c in names else 0))
    return {name: dict(sorted(found[name].items())) for name in order}


def curve_of(row: Row) -> str:
    """The curve that a row belongs to."""
    return peer_of(row["method"]) or (f"{row['method']}, {row['seconds']} s" if row["seconds"] else row["method"])


def _key(row: Row) -> tuple[str, ...]:
    return tuple(row[k] for k in KEY)

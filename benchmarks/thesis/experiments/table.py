"""CSV tables whose rows have a key: a new row takes the place of the one with its key, and nothing is lost."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Iterable, Mapping, Sequence

from srn_core import atomic
from srn_core.errors import SrnInputError

Row = dict[str, str]
KEY = ("volume", "settings")
"""What every table of this benchmark is keyed by."""


class Table:
    """Rows of texts in a CSV file; every change is written at once, whole or not at all."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path, self.columns = path, tuple(columns)
        self.rows: dict[tuple[str, ...], Row] = {}
        self._read()

    def _read(self) -> None:
        """Take in what the file holds, which another process may have added to."""
        if not self.path.exists():
            return
        with self.path.open(newline="") as file:
            reader = csv.DictReader(file)
            if not set(KEY) <= set(reader.fieldnames or ()):
                raise SrnInputError(f"'{self.path}' is no table of this benchmark; give another folder with --out")
            for row in reader:
                self.rows[key_of(row)] = {c: row.get(c) or "" for c in self.columns}

    def get(self, volume: str, settings: str) -> Row:
        """The row of a run; empty where there is none."""
        return self.rows.get((volume, settings), {})

    def put(self, rows: Iterable[Mapping[str, str]]) -> None:
        """Add rows, or put them in the place of those with the same keys."""
        self._read()
        for row in rows:
            self.rows[key_of(row)] = {c: row.get(c, "") for c in self.columns}
        with atomic.atomic_path(self.path) as temporary, open(temporary, "w", newline="") as file:
            writer = csv.DictWriter(file, self.columns)
            writer.writeheader()
            writer.writerows(self.rows.values())


def key_of(row: Mapping[str, str]) -> tuple[str, ...]:
    """What tells a row from all others."""
    return tuple(row[name] for name in KEY)

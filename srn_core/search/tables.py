"""Tables in CSV and JSON, whole or not at all."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any, Mapping, Sequence

from srn_core.atomic import write_bytes


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Rows under their columns; what a row has not stays empty, lists have blanks between their parts."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns)
    table.writerows([_cell(row.get(name)) for name in columns] for row in rows)
    write_bytes(path, text.getvalue().encode("utf-8"))


def write_json(path: Path, data: Any) -> None:
    """Strict JSON, for people too."""
    write_bytes(path, (json.dumps(data, indent=2, allow_nan=False) + "\n").encode("utf-8"))


def _cell(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return " ".join(str(part) for part in value)
    if isinstance(value, float):
        return f"{value:.7g}"
    return "" if value is None else value

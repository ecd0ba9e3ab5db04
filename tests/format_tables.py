"""The tables of docs/file-format.md, as the code has them."""

from __future__ import annotations

import json
import zlib
from typing import Any

from srn_core.codec.context_network import default_model
from srn_core.codec.header import TABLES
from srn_core.codec.header_kinds import REQUIRED, Row


def rendered() -> dict[str, str]:
    """Title -> the Markdown table of a record."""
    out = {}
    for table in TABLES:
        rows = [
            "| place | entry | kind | meaning |" if isinstance(table, Row) else "| key | kind | when absent | meaning |"
        ]
        rows.append("|---|---|---|---|")
        for place, element in enumerate(table.elements):
            kind = element.kind.describe().replace("|", "\\|")
            if isinstance(table, Row):
                rows.append(f"| {place} | {element.key} | {kind} | {element.meaning} |")
            else:
                rows.append(f"| `{element.key}` | {kind} | {_absent(element.default)} | {element.meaning} |")
        out[table.title] = "\n".join(rows)
    return out


def rendered_model() -> str:
    """The Markdown table of the context model's arrays."""
    rows = ["| array | shape | CRC-32 |", "|---|---|---|"]
    for name, array in default_model()._asdict().items():
        rows.append(f"| `{name}` | {array.shape} | `{zlib.crc32(array.astype('<i4').tobytes()):08x}` |")
    return "\n".join(rows)


def _absent(default: Any) -> str:
    if default is REQUIRED:
        return "never"
    if default is None:
        return "none"
    return f"`{json.dumps(default)}`"

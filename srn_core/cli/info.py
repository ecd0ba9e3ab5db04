"""``srn info``: what a neural file holds, without decoding it."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, fields
from typing import Any, Optional, Sequence

from srn_core.cli import output
from srn_core.promise import Promise, promise_of

EPILOG = """\
examples:
  srn info hurricane.srn
  srn info hurricane.srn --json | jq .ratio
  srn info run.srn --time 3600                one time step of several, in full
"""


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "info",
        help="what a neural file holds",
        description="Print what a neural file holds: network, sizes, geometry, quality, provenance.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("file", metavar="FILE.srn", help="the neural file")
    command.add_argument("--time", type=float, metavar="T", help="only the time step that is nearest to T")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Open the file and print."""
    report = describe(given.file, given.time)
    if given.json:
        output.print_json(report)
    else:
        output.print_table(_rows(report, len(report["times"]) > 1 and given.time is None))
    return 0


def describe(path: str, time: Optional[float] = None) -> dict[str, Any]:
    """What ``srn info --json`` prints: sizes and ratios of the file, its sections, and each field.

    ``time``: fields and sections are those of the step that is nearest to it.
    """
    from srn_core.api import load
    from srn_core.codec import section_sizes

    file = load(path)
    sections = section_sizes(file.to_bytes())
    fields = list(file.fields)
    if time is not None and file.times:
        nearest = min(file.times, key=lambda known: abs(known - time))
        fields = [f for f in fields if f.time in (None, nearest)]
        sections = [s for s in sections if s.time in (None, nearest)]
    return {
        "file": path,
        "bytes": file.nbytes,
        "original_bytes": sum(f.original_bytes for f in file.fields),
        "ratio": file.ratio,
        "mesh_bytes": file.mesh_bytes,
        "parameter_ratio": file.parameter_ratio,
        "times": file.times,
        "sections": [s._asdict() for s in sections],
        "fields": [_field(f, file) for f in fields],
    }


def _field(field: Any, file: Any) -> dict[str, Any]:
    original = sum(f.original_bytes for f in file.fields)
    geometry, promise = field.geometry, promise_of(field, file.nbytes, original, file.mesh_bytes)
    spec = {f.name: getattr(field.spec, f.name) for f in fields(field.spec)}
    wavelet = spec.get("wavelet")
    if wavelet is not None:
        spec["wavelet"] = {"name": wavelet.name, "levels": wavelet.levels}
    return {
        "array": field.name,
        "block": field.block,
        "dtype": field.dtype,
        "components": len(field.value_range),
        "units": field.units,
        "time": field.time,
        "range": field.value_range,
        "valid_samples": _valid_samples(field),
        "blanked": field.blanked,
        "geometry": {
            **asdict(geometry.without_points),
            "points": None if geometry.points is None else geometry.points.kind,
            "extent": geometry.extent,
        },
        "mesh": None if field.mesh is None else _mesh(field.mesh),
        "adds_to": None if field.adds_to is None else _told(field.adds_to),
        "network": {"kind": field.spec.kind, **spec},
        "parameters": field.parameters(),
        "bits": {name: array.bits for name, array in field.arrays.items()},
        "quality": None if field.quality is None else asdict(field.quality),
        "promise": None if promise is None else promise._asdict(),
        "plateau": None if field.plateau is None else _plateau(field.plateau),
        "corrected_values": 0 if field.corrections is None else int((field.corrections.codes != 0).sum()),
        "provenance": dict(field.provenance),
    }


def _valid_samples(field: Any) -> Optional[int]:
    """None where bricks that overlap would have to be looked at."""
    if any(brick.masked for brick in field.bricks):
        return None
    return int(field.geometry.samples if field.valid is None else field.valid.sum())


def _mesh(where: Any) -> dict[str, Any]:
    mesh = where.mesh
    samples = mesh.samples(where.association)
    return {
        "kind": "surface" if mesh.surface else "unstructured grid",
        "points": len(mesh.points),
        "cells": len(mesh.types),
        "samples_at": where.association,
        "samples": samples,
        "valid_samples": samples if where.valid is None else int(where.valid.sum()),
    }


def _told(other: Any) -> dict[str, Any]:
    """Of a field that another one is added to."""
    count, below = 1, other.adds_to
    while below is not None:
        count, below = count + 1, below.adds_to
    return {"array": other.full_name, "time": other.time, "decoded_before": count}


def _plateau(plateau: Any) -> dict[str, Any]:
    return {"values": plateau.values, "samples": int(plateau.mask.sum())}


def _rows(report: dict[str, Any], several: bool) -> list[tuple[str, str]]:
    """``several``: a line for each field, whose details are those of the first time step."""
    rows = [
        (report["file"], ""),
        ("size", output.size(report["bytes"])),
        ("original", output.size(report["original_bytes"])),
        ("ratio", f"{report['ratio']:.1f} : 1 (bytes of the arrays / bytes of the file)"),
        ("parameter ratio", f"{report['parameter_ratio']:.1f} : 1 (values / stored parameters)"),
    ]
    if report["mesh_bytes"]:
        without = report["original_bytes"] / (report["bytes"] - report["mesh_bytes"])
        rows.append(
            ("meshes", f"{output.size(report['mesh_bytes'])} of these, kept exactly; without {without:.1f} : 1")
        )
    times, fields, sections = report["times"], report["fields"], report["sections"]
    if len(times) > 1:
        frames = len({field["time"] for field in fields if field["adds_to"] is None})
        told = f", {frames} of them key frames" if several and frames < len(times) else ""
        rows.append(("time steps", f"{len(times)}, from {output.number(times[0])} to {output.number(times[-1])}{told}"))
    if several:
        rows += [(_step_name(field), _step_row(field, sections)) for field in fields]
        fields = [field for field in fields if field["time"] in (None, times[0])]
        sections = [section for section in sections if section["time"] in (None, times[0])]
    for field in fields:
        rows += _field_rows(field)
    rows.append(("sections", ""))
    return rows + [_section_row(same) for same in _alike(sections)]


def _alike(sections: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Sections that hold the same of one array, as those of its bricks do, together."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for section in sections:
        found.setdefault((section["field"], section["holds"]), []).append(section)
    return list(found.values())


def _section_row(same: Sequence[dict[str, Any]]) -> tuple[str, str]:
    codecs = "/".join(dict.fromkeys(section["codec"] for section in same))
    packed, size = (sum(section[name] for section in same) for name in ("packed", "size"))
    times = f"{len(same)} x " if len(same) > 1 else ""
    return _section_name(same[0]), f"{packed:,} bytes ({times}{codecs}, {size:,} unpacked)"


def _step_name(field: dict[str, Any]) -> str:
    name = f"{field['block']}/{field['array']}" if field["block"] else field["array"]
    return name if field["time"] is None else f"{name} at {output.number(field['time'])}"


def _step_row(field: dict[str, Any], sections: list[dict[str, Any]]) -> str:
    """The bytes and the quality of one field of a series."""
    wanted = field["array"], field["time"], field["block"]
    own = [s["packed"] for s in sections if (s["field"], s["time"], s["block"]) == wanted]
    told = [f"{sum(own):,} bytes"]
    if field["quality"] is not None:
        told.append(output.decibel(field["quality"]["psnr"]))
        told.append(f"maximum error {output.number(field['quality']['max_error'])}")
    if field["adds_to"] is not None:
        told.append(f"added to {_step_of(field['adds_to'])}")
    return ", ".join(told)


def _step_of(other: dict[str, Any]) -> str:
    """How a field is called that another one is added to."""
    return f"'{other['array']}'" if other["time"] is None else f"time {output.number(other['time'])}"


def _section_name(section: dict[str, Any]) -> str:
    holds = str(section["holds"])
    holds = holds if len(holds) <= 48 else holds[:45] + "..."
    return f"{section['field']}: {holds}" if section["field"] else holds


def _field_rows(field: dict[str, Any]) -> list[tuple[str, str]]:
    geometry, network = field["geometry"], field["network"]
    kind = f"{field['dtype']}, {field['components']} component{'s' if field['components'] > 1 else ''}"
    details = ", ".join(
        f"{k} {_short(v)}" for k, v in network.items() if k not in ("kind", "half_extent", "components")
    )
    bits = sorted(set(field["bits"].values()))
    rows = [
        (f"array '{field['array']}'" + (f" of block '{field['block']}'" if field["block"] else ""), ""),
        ("values", f"{kind}{', in ' + field['units'] if field['units'] else ''}"),
        ("range", "; ".join(f"{output.number(a)} to {output.number(b)}" for a, b in field["range"])),
        ("dims", f"{output.triple(geometry['dims'], ' x ')} {geometry['association']} samples"),
        ("origin", output.triple(geometry["origin"])),
        ("spacing", output.triple(geometry["spacing"])),
        ("extent", output.triple(geometry["extent"])),
    ]
    mesh = field["mesh"]
    if mesh is not None:
        rows.append(("mesh", f"{mesh['kind']} of {mesh['points']:,} points and {mesh['cells']:,} cells"))
        lost = mesh["samples"] - mesh["valid_samples"]
        told = f"{mesh['samples']:,} {mesh['samples_at']} samples" + (f", {lost:,} without value" if lost else "")
        rows.append(("on it", f"{told}; the dims above are those of a grid over its box"))
    if geometry["points"] is not None:
        rows.append(("grid", {"axes": "rectilinear", "points": "structured"}[geometry["points"]]))
    if tuple(geometry["direction"]) != (1, 0, 0, 0, 1, 0, 0, 0, 1):
        rows.append(("direction", output.triple(geometry["direction"])))
    if field["time"] is not None:
        rows.append(("time", output.number(field["time"])))
    if field["adds_to"] is not None:
        before = field["adds_to"]
        count = (
            f"{before['decoded_before']} field{'s are' if before['decoded_before'] > 1 else ' is'} decoded before it"
        )
        rows.append(("added to", f"{_step_of(before)}; {count}"))
    samples = 1
    for n in geometry["dims"]:
        samples *= n
    if field["valid_samples"] is None:
        rows.append(("valid", "some samples hold no value"))
    elif field["valid_samples"] != samples:
        hidden = "; the others are hidden" if field["blanked"] else ""
        rows.append(("valid", f"{field['valid_samples']:,} of {samples:,} samples{hidden}"))
    if field["plateau"]:
        value = output.triple(field["plateau"]["values"])
        rows.append(("plateau", f"{field['plateau']['samples']:,} samples are exactly {value}"))
    rows.append(("network", f"{network['kind']}{': ' + details if details else ''}"))
    rows.append(
        ("parameters", f"{field['parameters']:,}{', of ' + ' and '.join(map(str, bits)) + ' bits' if bits else ''}")
    )
    if field["corrected_values"]:
        rows.append(("corrections", f"of {field['corrected_values']:,} values"))
    rows += output.quality_rows(field["quality"]) if field["quality"] else [("quality", "not measured")]
    rows += output.promise_rows(Promise(**field["promise"]) if field["promise"] else None)
    rows += [(f"{key.replace('_', ' ')}", _short(value)) for key, value in field["provenance"].items()]
    return rows


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return json.dumps(value) if value else "defaults"
    if isinstance(value, (tuple, list)):
        return " x ".join(str(v) for v in value)
    return output.number(value)

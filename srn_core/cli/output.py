"""What commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
import math
import sys
from typing import Any, Iterable, Mapping, Optional


def print_json(data: Any) -> None:
    """Strict JSON on standard output. Infinity is the text "Infinity", not-a-number is null."""
    sys.stdout.write(json.dumps(_strict(data), indent=2, ensure_ascii=False) + "\n")


def print_table(rows: Iterable[tuple[str, str]]) -> None:
    """Two columns; a row without a value is a heading, and each heading's rows are aligned on their own."""
    block: list[tuple[str, str]] = []
    for name, value in [*rows, ("", "")]:
        if value:
            block.append((name, value))
            continue
        width = max((len(n) for n, _ in block), default=0)
        sys.stdout.writelines(f"  {n.ljust(width)}  {v}\n" for n, v in block)
        block = []
        if name:
            sys.stdout.write(f"{name}\n")


def note(text: str) -> None:
    """A line on standard error, so that standard output stays a program's own."""
    sys.stderr.write(f"srn: {text}\n")
    sys.stderr.flush()


def size(nbytes: float) -> str:
    """Bytes in the unit that suits, and exactly."""
    exact = f"{int(nbytes):,} bytes"
    for unit, one in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if nbytes >= one:
            return f"{nbytes / one:.4g} {unit} ({exact})"
    return exact


def number(value: Any, digits: int = 6) -> str:
    """A number for people."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.{digits}g}"
    return str(value)


def decibel(value: Any) -> str:
    """A PSNR for people."""
    if value is None:
        return "-"
    return "exact" if value == math.inf else f"{value:.2f} dB"


def triple(values: Iterable[Any], mark: str = " ") -> str:
    """Three numbers in a row."""
    return mark.join(number(v) for v in values)


def quality_rows(quality: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The four figures of a decoded field, for a table."""
    return [
        ("PSNR", decibel(quality.get("psnr"))),
        *_ssim_rows("SSIM", quality.get("ssim")),
        ("maximum error", number(quality.get("max_error"))),
        ("RMSE", number(quality.get("rmse"))),
    ]


def least_quality_rows(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The figures of several time steps, each where it is worst, for a table."""
    return [
        ("least PSNR", decibel(report["psnr"])),
        *_ssim_rows("least SSIM", report["ssim"]),
        ("maximum error", number(report.get("max_error"))),
    ]


def _ssim_rows(name: str, ssim: Any) -> list[tuple[str, str]]:
    """No row where there is none, as at the samples of a mesh."""
    return [] if ssim is not None and ssim != ssim else [(name, number(ssim))]


def step_rows(steps: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """A row for each time step, under a heading; none without steps."""
    rows = []
    for step in steps:
        told = [decibel(step["psnr"]), f"maximum error {number(step.get('max_error'))}"]
        if step.get("key_frame") is False:
            told.append("added to the step before")
        if "out" in step:
            told = [str(step["out"]), size(step["bytes"]), *told]
        rows.append((number(float(step["time"])), ", ".join(told)))
    return [("time", ""), *rows] if rows else []


def promise_rows(promise: Any) -> list[tuple[str, str]]:
    """What was asked for beside what was measured, for a table; no row where nothing was asked for."""
    if promise is None:
        return []
    return [("asked", f"{promise.asked}; measured {promise.measured}{'' if promise.kept else ' (not kept)'}")]


def time_rows(time: Optional[float]) -> list[tuple[str, str]]:
    """The time of a field, for a table; no row where it knows none."""
    return [] if time is None else [("time", number(float(time)))]


def _strict(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _strict(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(v) for v in value]
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value

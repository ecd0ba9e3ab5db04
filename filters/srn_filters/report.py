"""The report of a compression as lines that a person reads."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from srn_core.promise import Promise
from srn_core.tried import tried_in_words


def readable(report: Mapping[str, Any], histogram: Optional[str] = None, promise: Optional[Promise] = None) -> str:
    """Sizes, errors and how they came about; what the report does not know is left out.

    ``histogram`` names the output with the histogram of the drop rates, where the pruner learnt any; ``promise`` is
    what the file was asked to keep to.
    """
    lines = [
        _line("Size", _size(report)),
        _line("Points of the grid", _points(report)),
        _line("Mesh", _mesh(report)),
        _line("Time steps", _steps(report)),
        _line("Least PSNR" if "time_steps" in report else "PSNR", _number(report.get("psnr"), "{:.2f} dB")),
        _line("SSIM", _number(_known(report.get("ssim")), "{:.4f}")),
        _line("Largest error", _number(report.get("max_error"), "{:.4g}")),
        _line("RMSE", _number(report.get("rmse"), "{:.4g}")),
        _line("Asked", _asked(promise)),
        *[_line(f"Array {one.get('array')}", _array(one)) for one in report.get("arrays", ())],
        *[_line(f"Time {one['time']:g}", _array(one)) for one in report.get("time_steps", ())],
        _line("Bricks", _bricks(report)),
        _line("Network", _network(report)),
        _line("Pruning", _pruning(report, histogram)),
        _line("Tried", tried_in_words(report)),
        _line("Training", _training(report)),
        _line("Note", report.get("filter_note")),
        _line("Stopped", _stopped(report)),
        _line("Decoding", _decoding(report)),
    ]
    return "\n".join(line for line in lines if line)


def _line(name: str, value: Optional[str]) -> str:
    return f"{name}: {value}" if value else ""


def _number(value: Any, form: str) -> Optional[str]:
    return None if value is None else form.format(float(value))


def _bytes(count: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.4g} {unit}"
        count /= 1000
    return f"{count:.4g} GB"


def _size(report: Mapping[str, Any]) -> Optional[str]:
    if report.get("bytes") is None or report.get("original_bytes") is None:
        return None
    ratio = report.get("ratio")
    return f"{_bytes(report['bytes'])} for {_bytes(report['original_bytes'])}" + (
        "" if ratio is None else f" ({float(ratio):.1f} : 1)"
    )


def _points(report: Mapping[str, Any]) -> Optional[str]:
    size = report.get("points_bytes")
    return f"{_bytes(size)} of these, kept exactly" if size else None


def _mesh(report: Mapping[str, Any]) -> Optional[str]:
    size = report.get("mesh_bytes")
    if not size:
        return None
    return f"{_bytes(size)} of these, kept exactly; without it {float(report['values_ratio']):.1f} : 1"


def _known(value: Any) -> Any:
    """None for a figure that is not a number: arrays of meshes have no SSIM."""
    return None if value is None or value != value else value


def _asked(promise: Optional[Promise]) -> Optional[str]:
    if promise is None:
        return None
    return f"{promise.asked}; measured {promise.measured}{'' if promise.kept else ' (not kept)'}"


def _steps(report: Mapping[str, Any]) -> Optional[str]:
    steps, asked = report.get("time_steps"), report.get("time_steps_asked")
    if not steps:
        return None
    count = str(len(steps)) if asked in (None, len(steps)) else f"{len(steps)} of {asked}"
    frames = report.get("key_frames") or len(steps)
    told = f", {frames} of them key frames" if frames < len(steps) else ""
    return f"{count}, from {steps[0]['time']:g} to {steps[-1]['time']:g}, in one file{told}"


def _array(report: Mapping[str, Any]) -> str:
    """The quality of one of several arrays, or time steps."""
    psnr = _number(report.get("psnr"), "{:.2f} dB")
    return f"{psnr}, largest error {_number(report.get('max_error'), '{:.4g}')}"


def _bricks(report: Mapping[str, Any]) -> Optional[str]:
    if not report.get("bricks"):
        return None
    low, high = (float(psnr) for psnr in report["brick_psnr"])
    return f"{report['bricks']}, of {low:.1f} to {high:.1f} dB each"


def _network(report: Mapping[str, Any]) -> Optional[str]:
    parts = [str(report[k]) for k in ("network", "pruner") if report.get(k)]
    if report.get("parameters") is not None:
        parts.append(f"{int(report['parameters'])} parameters")
    return ", ".join(parts)


def _pruning(report: Mapping[str, Any], histogram: Optional[str]) -> Optional[str]:
    if report.get("kept_fraction") is None:
        return None
    parts = [f"{100 * float(report['kept_fraction']):.3g} % kept"]
    if report.get("fold_change") is not None and float(report["kept_fraction"]) < 1.0:
        parts.append(f"which changed the field by {100 * float(report['fold_change']):.2g} % of its range")
    if histogram:
        parts.append(f"histogram in the output {histogram} (Bar Chart View)")
    return ", ".join(parts)


def _training(report: Mapping[str, Any]) -> Optional[str]:
    seconds = report.get("train_seconds", report.get("seconds"))
    parts = [] if seconds is None else [f"{float(seconds):.1f} s"]
    if report.get("device"):
        parts.append(f"on {report['device']}")
    if report.get("seed") is not None:
        parts.append(f"seed {report['seed']}")
    if report.get("time_limited"):
        parts.append("shortened by the time limit")
    return ", ".join(parts)


def _stopped(report: Mapping[str, Any]) -> Optional[str]:
    if not report.get("stopped_early"):
        return None
    after = "" if report.get("seconds") is None else f" after {float(report['seconds']):.0f} s"
    return f"early, by {report.get('stopped_by', 'the user')}{after}; the best so far was kept"


def _decoding(report: Mapping[str, Any]) -> Optional[str]:
    parts = [_number(report.get("decode_mvoxel_s"), "{:.1f} Mvoxel/s") or "", str(report.get("provider") or "")]
    return ", ".join(part for part in parts if part)

"""What ``srn compress`` prints of the file, or the files, that it wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Mapping, Optional, Sequence, Tuple

from srn_core.cli import output
from srn_core.promise import promise_of_all
from srn_core.tried import tried_in_words

if TYPE_CHECKING:
    from srn_core.api import CompressResult

Rows = List[Tuple[str, str]]


def rows(report: Mapping[str, Any], result: Optional[CompressResult] = None) -> Rows:
    """A table of the report; ``result``: of the only file that was written."""
    steps = report.get("time_steps")
    promise = None if result is None else promise_of_all(result.file.fields, result.file.nbytes)
    tried = tried_in_words(report)
    return [
        (f"{report['out']}", ""),
        ("size", output.size(report["bytes"])),
        ("ratio", f"{report['ratio']:.1f} : 1 (bytes of the array / bytes of the file{'' if result else 's'})"),
        *_mesh_rows(report),
        ("parameter ratio", f"{report['parameter_ratio']:.1f} : 1 (values / stored parameters)"),
        *([] if steps is None else [("time steps", _counted(report))]),
        *(output.quality_rows(report) if steps is None else output.least_quality_rows(report)),
        *output.promise_rows(promise),
        ("network", f"{report['network']}, {report['parameters']} parameters"),
        ("pruner", _pruned(report)),
        *([("tried", tried)] if tried else []),
        ("time", f"{report['seconds']:.1f} s, {output.number(report.get('train_seconds'))} s of training"),
        *output.step_rows(steps or []),
    ]


def _mesh_rows(report: Mapping[str, Any]) -> Rows:
    if not report.get("mesh_bytes"):
        return []
    size = output.size(report["mesh_bytes"])
    return [("mesh", f"{size} of these, kept exactly; without it {report['values_ratio']:.1f} : 1")]


def totals(folder: str, steps: Sequence[Mapping[str, Any]], asked: int) -> dict[str, Any]:
    """The report of a file for each step: sums, and the least quality."""

    def summed(name: str) -> Any:
        return sum(step.get(name) or 0 for step in steps)

    values = sum(step["parameters"] * step["parameter_ratio"] for step in steps)
    first = steps[0]
    return {
        "out": folder,
        **{name: first[name] for name in ("array", "pruner", "seed")},
        "network": ", ".join(dict.fromkeys(str(step["network"]) for step in steps)),
        "bytes": summed("bytes"),
        "original_bytes": summed("original_bytes"),
        "ratio": summed("original_bytes") / summed("bytes"),
        "parameters": summed("parameters"),
        "parameter_ratio": values / max(summed("parameters"), 1),
        "psnr": min(step["psnr"] for step in steps),
        "ssim": min(step["ssim"] for step in steps),
        "max_error": max(step["max_error"] for step in steps),
        "kept_fraction": min(step["kept_fraction"] for step in steps),
        "stopped_early": len(steps) < asked or any(step["stopped_early"] for step in steps),
        "train_seconds": summed("train_seconds"),
        "seconds": round(summed("seconds"), 3),
        "time_steps": list(steps),
        "time_steps_asked": asked,
    }


def kept(report: Mapping[str, Any]) -> str:
    """What is there after Ctrl-C."""
    if "time_steps" not in report:
        return f"{report['out']} holds the best network so far"
    return f"{report['out']} holds {len(report['time_steps'])} of {report['time_steps_asked']} time steps"


def _counted(report: Mapping[str, Any]) -> str:
    count = len(report["time_steps"])
    told = str(count) if count == report["time_steps_asked"] else f"{count} of {report['time_steps_asked']}"
    frames = report.get("key_frames", 0)
    return told if not 0 < frames < count else f"{told}, {frames} of them key frames"


def _pruned(report: Mapping[str, Any]) -> str:
    told = f"{report['pruner']}, {100 * report['kept_fraction']:.3g} % kept"
    if report.get("fold_change") is None or report["kept_fraction"] == 1.0:
        return told
    return f"{told}, which changed the field by {100 * report['fold_change']:.2g} % of its range"

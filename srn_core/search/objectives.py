"""What a search can trade off, and the score by which each is judged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Sequence

from srn_core.errors import SrnInputError

EXACT_PSNR = 200.0
"""Stands for the PSNR of an exact result: the largest that a target may name."""
LEAST_SHARE = 1e-12


@dataclass(frozen=True)
class Objective:
    """A figure of a finished file.

    Scores are larger for better and 0 for the worthless (ratio 1, 0 dB), so that the hypervolume of a front is the area
    between it and the origin, comparable between searches on the same volume.
    """

    name: str
    label: str
    """With its unit, for an axis."""
    score_of: Callable[[float], float]
    log: bool = False
    """Drawn on a logarithmic axis."""


OBJECTIVES = {
    entry.name: entry
    for entry in (
        Objective("ratio", "ratio (bytes / bytes)", math.log, log=True),
        Objective("parameter_ratio", "parameter ratio (values / parameters)", math.log, log=True),
        Objective("psnr", "PSNR in dB", float),
        Objective("ssim", "SSIM", lambda v: -math.log10(max(1.0 - v, LEAST_SHARE))),
        Objective("max_error", "largest error / range", lambda v: -20.0 * math.log10(max(v, LEAST_SHARE)), log=True),
        Objective("decode_mvoxel_s", "decoded million voxels / s", lambda v: math.log(1.0 + 1000.0 * v), log=True),
    )
}


def objectives(names: Sequence[str]) -> tuple[Objective, Objective]:
    """Two objectives by name. Raises SrnInputError."""
    if len(names) != 2 or names[0] == names[1]:
        raise SrnInputError(f"a search trades off two objectives, as in ratio,psnr; not {','.join(names)!r}")
    for name in names:
        if name not in OBJECTIVES:
            raise SrnInputError(f"unknown objective '{name}'; known objectives: {', '.join(OBJECTIVES)}")
    return OBJECTIVES[names[0]], OBJECTIVES[names[1]]


def scores(measured: Mapping[str, Any], wanted: Sequence[Objective]) -> tuple[float, ...]:
    """The scores of a trial's figures."""
    return tuple(max(objective.score_of(float(measured[objective.name])), 0.0) for objective in wanted)


def measured_of(report: Mapping[str, Any], value_range: float) -> dict[str, Any]:
    """The figures of a compression's report that a search keeps; the largest error as a share of the value range."""
    psnr = float(report["psnr"])
    names = ("bytes", "ratio", "parameters", "parameter_ratio", "ssim", "decode_mvoxel_s", "kept_fraction",
             "train_seconds", "passes", "initial_parameters", "initial_grid", "step", "filter",
             "chosen_settings")  # fmt: skip
    return {
        "psnr": min(psnr, EXACT_PSNR) if psnr == psnr else 0.0,
        "max_error": float(report["max_error"]) / (value_range or 1.0),
        **{name: report[name] for name in names if report.get(name) is not None},
    }

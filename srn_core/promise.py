"""What a file was asked to keep to, beside what was measured: for reports and ``srn info``."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Optional, Sequence

from srn_core.codec import NeuralField
from srn_core.config import TargetConfig, error_bound, error_share
from srn_core.errors import SrnInputError

PSNR_SLACK = 0.1
"""dB by which a promised PSNR may be missed."""
_ROUNDING = 1e-6
"""Figures in files are rounded to seven digits."""


class Promise(NamedTuple):
    """A target, what came of it, and whether it was kept, in words."""

    asked: str
    measured: str
    kept: bool


def promise_of(
    field: NeuralField, file_bytes: int, original_bytes: Optional[int] = None, mesh_bytes: int = 0
) -> Optional[Promise]:
    """The promise that stands in a field's settings; None where nothing was asked for or nothing was measured.

    ``original_bytes``: those of all arrays in the file, for which a ratio was promised; by default the field's own.
    ``mesh_bytes``: of the file, that are meshes, which a ratio does not count.
    """
    target = _target(field.provenance)
    ratio = (field.original_bytes if original_bytes is None else original_bytes) / (file_bytes - mesh_bytes)
    if target is None:
        return None
    if target.ratio is not None:
        return Promise(f"ratio {target.ratio:g} at least", f"{ratio:.4g}", ratio >= target.ratio * (1 - _ROUNDING))
    if target.bytes is not None:
        return Promise(f"{target.bytes:,} bytes at most", f"{file_bytes:,} bytes", file_bytes <= target.bytes)
    if target.parameter_ratio is not None:
        found = field.geometry.samples * len(field.value_range) / max(field.parameters(), 1)
        kept = found >= target.parameter_ratio * (1 - _ROUNDING)
        return Promise(f"parameter ratio {target.parameter_ratio:g} at least", f"{found:.4g}", kept)
    if field.quality is None:
        return None
    if target.psnr is not None:
        psnr = field.quality.psnr
        told = "exact" if psnr == float("inf") else f"{psnr:.2f} dB"
        return Promise(f"PSNR {target.psnr:g} dB", told, psnr >= target.psnr - PSNR_SLACK)
    if target.max_error is not None:
        error, share = field.quality.max_error, error_share(target.max_error)
        kept = error <= error_bound(target.max_error, field.value_range) * (1 + _ROUNDING)
        if share is None:
            return Promise(f"max error {float(target.max_error):g}", f"{error:.4g}", kept)
        whole = error_bound("100%", field.value_range)
        return Promise(f"max error {100 * share:g} % of the range", f"{100 * error / (whole or 1.0):.3g} %", kept)
    return None


def promise_of_all(fields: Sequence[NeuralField], file_bytes: int) -> Optional[Promise]:
    """The promise that all fields of a file share, with what was measured of the one that is worst off."""
    original = sum(field.original_bytes for field in fields)
    meshes = sum(field.mesh.nbytes for field in fields if field.mesh is not None)
    found = [(promise_of(field, file_bytes, original, meshes), field.quality) for field in fields]
    known = [(p.kept, q.psnr if q else 0.0, place, p) for place, (p, q) in enumerate(found) if p is not None]
    return min(known)[3] if known else None


def _target(provenance: Mapping[str, Any]) -> Optional[TargetConfig]:
    """The target in a file's provenance, which anybody may have written."""
    settings = provenance.get("settings")
    target = settings.get("target") if isinstance(settings, Mapping) else None
    if not isinstance(target, Mapping):
        return None
    try:
        return TargetConfig(**target)
    except (SrnInputError, TypeError, ValueError):
        return None

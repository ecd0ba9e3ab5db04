"""How far one field is from another: errors place by place, figures, and a histogram."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Optional, Sequence

import numpy as np

from srn_core import metrics
from srn_core.config import error_bound
from srn_core.errors import SrnInputError


@dataclass(frozen=True)
class Evaluation:
    """A field beside the original, both (N, components)."""

    original: np.ndarray
    compared: np.ndarray
    counts: np.ndarray
    """(N,) of bool: where both have a value, and nothing is hidden. Nothing else is measured."""
    left_out: int
    """Places that one of them alone has a value for."""
    bound: Optional[float] = None
    """Errors above this are marked; None: none are."""

    @classmethod
    def of(
        cls, original: np.ndarray, compared: np.ndarray, visible: Optional[np.ndarray], bound: Optional[str]
    ) -> Evaluation:
        """``bound``: a number in the array's units, or "1%" of the original's range (of several components, the
        widest one's).

        Raises SrnInputError where the numbers of components differ, there is nothing to compare, or the bound is none.
        """
        first, second = (np.asarray(a).reshape(len(a), -1) for a in (original, compared))
        if first.shape[1] != second.shape[1]:
            raise SrnInputError(
                f"the original has {first.shape[1]} component(s), what it is compared with {second.shape[1]}"
            )
        known = [np.isfinite(a).all(axis=1) if a.dtype.kind == "f" else np.ones(len(a), bool) for a in (first, second)]
        seen = np.ones(len(first), bool) if visible is None else visible
        counts = known[0] & known[1] & seen
        if not counts.any():
            raise SrnInputError(
                "at no place both have a value; do they lie in the same part of space, and is the original not all NaN?"
            )
        values = first[counts]
        value_range = [(float(low), float(high)) for low, high in zip(values.min(axis=0), values.max(axis=0))]
        limit = error_bound(bound, value_range) if bound else None
        return cls(first, second, counts, int(((known[0] != known[1]) & seen).sum()), limit)

    def errors(self) -> np.ndarray:
        """(N, components) of float64: compared minus original; NaN where nothing is measured."""
        errors = self.compared.astype(np.float64) - self.original.astype(np.float64)
        errors[~self.counts] = np.nan
        return errors

    def exceeds(self, errors: np.ndarray) -> np.ndarray:
        """(N,) of bool: where an error of any component is above the bound."""
        if self.bound is None:
            return np.zeros(len(errors), bool)
        return np.asarray((np.abs(errors) > self.bound).any(axis=1))

    def figures(self, errors: np.ndarray, shape: Optional[Sequence[int]] = None) -> dict[str, Any]:
        """Name -> figure; ``shape``: (z, y, x) of an image, of which alone there is an SSIM.

        "worst" is the index of the place with the largest error.
        """
        measured = errors[self.counts]
        values = self.original[self.counts].astype(np.float64)
        span = float(values.max() - values.min())
        absolute = np.abs(errors).max(axis=1)
        worst = int(np.nanargmax(absolute))
        beyond = int(self.exceeds(errors).sum())
        rmse = float(np.sqrt(np.mean(measured**2)))
        return {
            "psnr": _psnr(span, rmse),
            "rmse": rmse,
            "max_error": float(absolute[worst]),
            "max_error_share": float(absolute[worst]) / span if span else math.nan,
            "mean_error": float(measured.mean()),
            "ssim": math.nan if shape is None else self._ssim(shape),
            "range": span,
            "worst": worst,
            "places": int(self.counts.sum()),
            "left_out": self.left_out,
            "bound": math.nan if self.bound is None else self.bound,
            "beyond": beyond,
            "beyond_share": beyond / int(self.counts.sum()),
        }

    def histogram(self, errors: np.ndarray, bins: int) -> dict[str, Sequence[Any]]:
        """ "error" (the middle of each bin), "count" and "share" (of all errors); errors of all components alike, from
        minus to plus the largest."""
        measured = errors[self.counts].ravel()
        largest = float(np.abs(measured).max())
        counts, edges = np.histogram(measured, bins=bins, range=(-largest, largest))
        return {
            "error": ((edges[1:] + edges[:-1]) / 2).tolist(),
            "count": counts.tolist(),
            "share": (counts / measured.size).tolist(),
        }

    def _ssim(self, shape: Sequence[int]) -> float:
        first, second = (a.reshape(*shape, a.shape[1]) for a in (self.original, self.compared))
        return metrics.ssim(first, second, None if self.counts.all() else self.counts.reshape(shape))


def _psnr(span: float, rmse: float) -> float:
    """Full range, in dB, as :mod:`srn_core.metrics` has it."""
    if rmse == 0.0:
        return math.inf
    return 20.0 * math.log10(span / rmse) if span else -math.inf

"""Straight lines through a search's results, in log space (thesis Figs 5.6, 5.17)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Mapping, Sequence

import numpy as np

from srn_core.prediction.domains import Range, Scalar

INTERCEPT = "intercept"


@dataclass(frozen=True)
class Fit:
    """y = sum of coefficients x terms, by least squares."""

    coefficients: Mapping[str, float]
    r2: float
    """Share of y's variance that the fit explains, 0 to 1; 1 where y does not vary."""
    points: int

    def at(self, terms: Mapping[str, float]) -> float:
        """y; the intercept's term is 1."""
        given = {INTERCEPT: 1.0, **terms}
        return sum(value * given[name] for name, value in self.coefficients.items())


def fit(terms: Mapping[str, Sequence[float]], y: Sequence[float]) -> Fit:
    """Fit y (n) by an intercept and terms (n each), of which those that do not vary are left out.

    Fewer points than terms give the smallest coefficients that do.
    """
    wanted = np.asarray(y, np.float64)
    columns = {name: np.asarray(values, np.float64) for name, values in terms.items()}
    columns = {name: values for name, values in columns.items() if len(values) and np.ptp(values) > 0}
    # Centred, so that the intercept takes no part in what "smallest" means.
    means = {name: float(np.mean(values)) for name, values in columns.items()}
    middle = float(np.mean(wanted))
    matrix = (
        np.stack([values - means[name] for name, values in columns.items()], 1) if columns else np.zeros((len(y), 0))
    )
    slopes = np.linalg.lstsq(matrix, wanted - middle, rcond=None)[0]
    left = float(np.sum((wanted - middle - matrix @ slopes) ** 2))
    total = float(np.sum((wanted - middle) ** 2))
    found = {name: float(slope) for name, slope in zip(columns, slopes)}
    found[INTERCEPT] = middle - sum(found[name] * means[name] for name in columns)
    return Fit(found, 1.0 - left / total if total > 0 else 1.0, len(wanted))


def straightened(domain: Range, value: Scalar) -> float:
    """A setting as regressions see it: its logarithm where its range is logarithmic."""
    return math.log(float(value)) if domain.log else float(value)


def bent_back(domain: Range, value: float) -> Scalar:
    """The setting that a regression's value means, within its range."""
    number = math.exp(min(value, 700.0)) if domain.log else value
    number = min(max(number, domain.low), domain.high)
    return int(round(number)) if domain.whole else number

"""The course of a training, for tables and charts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, Union

import numpy as np

BINS = 20
"""Of a histogram of drop rates, from 0 to 1."""


@dataclass
class History:
    """Rows taken during training, as columns."""

    passes: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    phase: list[str] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    psnr: list[float] = field(default_factory=list)
    kept_fraction: list[float] = field(default_factory=list)

    def add(self, passes: float, seconds: float, phase: str, loss: float, psnr: float, kept: float) -> None:
        """One more row."""
        for column, value in zip(self.columns().values(), (passes, seconds, phase, loss, psnr, kept)):
            column.append(value)  # type: ignore[arg-type]

    def columns(self) -> dict[str, list[Union[float, str]]]:
        """Column name -> values."""
        return {
            "pass": self.passes,  # type: ignore[dict-item]
            "seconds": self.seconds,  # type: ignore[dict-item]
            "phase": self.phase,  # type: ignore[dict-item]
            "loss": self.loss,  # type: ignore[dict-item]
            "psnr": self.psnr,  # type: ignore[dict-item]
            "kept_fraction": self.kept_fraction,  # type: ignore[dict-item]
        }


def drop_rate_histogram(rates: Mapping[str, np.ndarray]) -> dict[str, list[Any]]:
    """ "drop_rate" (centres of the bins) and for each site how many of its drop rates lie in each bin (thesis 5.11).

    Empty for a pruner that learns none.
    """
    if not rates:
        return {}
    edges = np.linspace(0.0, 1.0, BINS + 1)
    counts = {site: np.histogram(np.clip(values, 0.0, 1.0), edges)[0] for site, values in rates.items()}
    centres = (edges[1:] + edges[:-1]) / 2.0
    return {"drop_rate": centres.round(6).tolist(), **{site: count.tolist() for site, count in counts.items()}}

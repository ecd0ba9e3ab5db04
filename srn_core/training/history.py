"""The course of a training, for tables and charts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Union


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

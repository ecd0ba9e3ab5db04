"""One trial of a search, as it stands in the journal."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Mapping

KINDS = ("search", "default", "check")
"""Of the search itself; of the product's defaults beside it; of the quality control of its fits."""
PROPOSED = "proposed"
"""In ``extra`` of the search's own trials: "defaults", or the generator that proposed them."""
STATUSES = ("done", "failed", "hopeless", "killed")
"""Measured; ended by an error; stopped far below the front; ended at the time limit."""


@dataclass(frozen=True)
class Trial:
    """A finished trial, whatever its end."""

    kind: str
    index: int
    """From 0, for each kind."""
    parameters: Mapping[str, Any]
    """The searched settings, as the generator gave them, or as the product's defaults came to."""
    settings: Mapping[str, Any]
    """All dotted settings, those included; what :func:`srn_core.search.space.nested` makes a config of."""
    status: str
    reason: str = ""
    """Why it is not done, in words."""
    measured: Mapping[str, Any] = field(default_factory=dict)
    """Figures of the finished file; see :func:`srn_core.search.objectives.measured_of`."""
    seconds: float = 0.0
    """Wall-clock time."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Who :data:`PROPOSED` it; of a check what was expected of it; of a hopeless trial ``psnr_estimate``, the last."""

    @property
    def done(self) -> bool:
        """Whether it has figures."""
        return self.status == "done"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Any) -> Trial:
        """The trial that a line of a journal describes. Raises ValueError for what is none."""
        trial = cls(**data) if isinstance(data, dict) else None
        if (
            trial is None
            or trial.kind not in KINDS
            or trial.status not in STATUSES
            or not isinstance(trial.index, int)
            or not all(isinstance(part, dict) for part in (trial.parameters, trial.settings, trial.measured))
            or (trial.done and "psnr" not in trial.measured)
        ):
            raise ValueError("no trial")
        return trial

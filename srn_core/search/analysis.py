"""What a finished search tells of its settings (thesis Figs 5.5 to 5.8 and 5.16 to 5.19)."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Optional, Sequence

from srn_core.errors import SrnInputError
from srn_core.prediction.domains import Range, Scalar
from srn_core.prediction.regression import Fit, bent_back, fit, straightened
from srn_core.prediction.rules import LN_RATIO, TRUSTED_R2
from srn_core.search.front import second_at
from srn_core.search.ranges import RATIO
from srn_core.search.runner import SearchResult
from srn_core.search.space import space_of
from srn_core.search.trial import Trial

LEAST_POINTS = 3
"""A line through fewer points says nothing."""


@dataclass(frozen=True)
class Analysis:
    """A search's front, and what it depends on."""

    result: SearchResult
    ratio_name: str
    """The ratio that is looked at: the search's own objective, where it is one."""
    front: list[Trial]
    domains: Mapping[str, Range]
    """Searched settings that are numbers, but for the ratio asked for."""
    choices: list[str]
    """Searched settings that are not."""

    @classmethod
    def of(cls, result: SearchResult) -> Analysis:
        """Raises SrnInputError where the front has too few points."""
        front = result.front()
        if len(front) < LEAST_POINTS:
            raise SrnInputError(
                f"the front has {len(front)} points, and nothing can be read from fewer than {LEAST_POINTS}: "
                "search on with more --trials and --resume"
            )
        names = [objective.name for objective in result.objectives]
        ratio = next((name for name in names if name in ("ratio", "parameter_ratio")), "ratio")
        free = space_of(result.record).free
        domains = {name: d for name, d in free.items() if isinstance(d, Range) and name != RATIO}
        choices = [name for name, d in free.items() if not isinstance(d, Range)]
        return cls(result, ratio, front, domains, choices)

    def ratio(self, trial: Trial) -> float:
        """The trial's ratio."""
        return float(trial.measured[self.ratio_name])

    def sensitivity(self) -> list[dict[str, Any]]:
        """How the ratio goes with each setting, the strongest first.

        ``slope``: change of ln(ratio) from one end of the setting's range to the other, along the front; ``r2`` of that
        line; ``all_slope`` and ``all_r2``: the same over all trials, in which the other settings vary freely.
        """
        everything = [trial for trial in self.result.of_kind("search") if trial.done]
        rows = []
        for name, domain in self.domains.items():
            along, among = (self._slope(name, domain, trials) for trials in (self.front, everything))
            rows.append({"setting": name, "points": along.points, "slope": _slope_of(along), "r2": along.r2,
                         "all_points": among.points, "all_slope": _slope_of(among), "all_r2": among.r2})  # fmt: skip
        return sorted(rows, key=lambda row: -abs(row["slope"]))

    def _slope(self, name: str, domain: Range, trials: Sequence[Trial]) -> Fit:
        shares = [domain.share_of(float(trial.parameters[name])) for trial in trials]
        return fit({"share": shares}, [math.log(self.ratio(trial)) for trial in trials])

    def regressions(self) -> dict[str, Fit]:
        """ln(ratio) -> each setting (its logarithm where its range is logarithmic), along the front."""
        ratios = [math.log(self.ratio(trial)) for trial in self.front]
        return {
            name: fit({LN_RATIO: ratios}, [straightened(domain, trial.parameters[name]) for trial in self.front])
            for name, domain in self.domains.items()
        }

    def initial(self) -> dict[str, tuple[list[tuple[float, float]], Fit]]:
        """ln(final ratio) -> ln of the network's ratio before pruning, and of its latent samples; points and line.

        Empty for files without a trained network.
        """
        values = math.exp(self.result.record.statistics.log_values)
        of: dict[str, Callable[[Trial], Optional[float]]] = {
            "initial_ratio": lambda trial: _quotient(values, trial.measured.get("initial_parameters")),
            "initial_grid": lambda trial: _product(trial.measured.get("initial_grid")),
        }
        found = {}
        for name, figure in of.items():
            points = [(self.ratio(trial), figure(trial)) for trial in self.front]
            known = [(ratio, value) for ratio, value in points if value]
            if len(known) >= LEAST_POINTS:
                logs = [(math.log(ratio), math.log(value)) for ratio, value in known]
                found[name] = (known, fit({LN_RATIO: [x for x, _ in logs]}, [y for _, y in logs]))
        return found

    def predicted(self, ratio: float) -> dict[str, Scalar]:
        """Parameters for a ratio: on their lines, or in the middle of the front where the lines explain too little."""
        lines = self.regressions()
        chosen: dict[str, Scalar] = {}
        for name, domain in space_of(self.result.record).free.items():
            values = [trial.parameters[name] for trial in self.front]
            if name == RATIO:
                chosen[name] = ratio
            elif not isinstance(domain, Range):
                chosen[name] = statistics.mode(values)
            elif lines[name].r2 >= TRUSTED_R2:
                chosen[name] = bent_back(domain, lines[name].at({LN_RATIO: math.log(ratio)}))
            else:
                chosen[name] = statistics.median_low(values)
        return chosen

    def front_psnr(self, ratio: float) -> float:
        """The PSNR in dB that the front has at a ratio."""
        return second_at([(math.log(self.ratio(t)), t.measured["psnr"]) for t in self.front], math.log(ratio))


def _slope_of(line: Fit) -> float:
    return line.coefficients.get("share", 0.0)


def _quotient(values: float, parameters: Optional[float]) -> Optional[float]:
    return values / parameters if parameters else None


def _product(grid: Any) -> Optional[float]:
    return float(math.prod(grid)) if grid else None

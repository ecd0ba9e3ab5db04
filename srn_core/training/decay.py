"""How the step size falls within a phase, apart from the loop that asks for it (thesis 2.3.1, Table 4.1)."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

from torch import Tensor

from srn_core.config import TrainingConfig
from srn_core.training.phases import Phase

PROGRESS = 0.01
"""The smoothed error must fall by this share of itself, or the plateau decay sees no progress."""
LOOKS = 20
"""How often the plateau decay looks at the error within its patience: each look stalls a GPU."""


class Decay(ABC):
    """Step sizes of one phase, as shares of the one it starts with. Depends on passes and errors, never on the clock
    of the machine, unless the length of the phase itself does."""

    @abstractmethod
    def share(self, done: float, passes: float) -> float:
        """The share, 0 to 1, for the next step; ``done``: share of the phase (0 to 1), ``passes``: since its start."""

    def observe(self, passes: float, error: Tensor) -> None:
        """Told after each step: passes since the start of the phase, and the smoothed squared error (a scalar)."""
        return None


class CosineDecay(Decay):
    """Half a cosine from 1 down to ``least``."""

    def __init__(self, least: float) -> None:
        self.least = least

    def share(self, done: float, passes: float) -> float:
        cosine = 0.5 * (1.0 + math.cos(math.pi * min(max(done, 0.0), 1.0)))
        return self.least + (1.0 - self.least) * cosine


class PassesDecay(Decay):
    """Times ``factor`` after every ``interval`` passes, but not below ``least``."""

    def __init__(self, factor: float, interval: float, least: float) -> None:
        self.factor, self.interval, self.least = factor, interval, least

    def share(self, done: float, passes: float) -> float:
        return max(self.factor ** math.floor(passes / self.interval), self.least)


class PlateauDecay(Decay):
    """Times ``factor`` whenever the error has made no progress for ``patience`` passes, but not below ``least``."""

    def __init__(self, factor: float, patience: float, least: float) -> None:
        self.factor, self.patience, self.least = factor, patience, least
        self._share = 1.0
        self._best = math.inf
        self._since = 0.0
        self._next_look = 0.0

    def share(self, done: float, passes: float) -> float:
        return max(self._share, self.least)

    def observe(self, passes: float, error: Tensor) -> None:
        if passes < self._next_look:
            return
        self._next_look = passes + self.patience / LOOKS
        latest = float(error)
        if latest < self._best * (1.0 - PROGRESS):
            self._best, self._since = latest, passes
        elif passes - self._since >= self.patience:
            self._share *= self.factor
            self._since = passes


def decay_of(config: TrainingConfig, phase: Phase) -> Decay:
    """The decay ``config.decay`` names, fresh for one phase."""
    if config.decay == "passes":
        return PassesDecay(config.decay_factor, config.decay_passes, phase.final_rate)
    if config.decay == "plateau":
        return PlateauDecay(config.decay_factor, config.decay_passes, phase.final_rate)
    return CosineDecay(phase.final_rate)

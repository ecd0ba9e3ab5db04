"""The training loop. It knows phases, batches and the clock; not which network or pruner it has."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Callable, Optional

import numpy as np
import torch

from srn_core.config import TrainingConfig
from srn_core.errors import SrnInputError
from srn_core.networks.base import SceneNetwork
from srn_core.networks.batch import Batch
from srn_core.progress import Progress, ProgressCallback
from srn_core.pruners.base import Pruner
from srn_core.training.decay import Decay, decay_of
from srn_core.training.history import History
from srn_core.training.phases import Phase
from srn_core.training.samplers import Sampler

REPORT_SECONDS = 0.15
ROWS = 200
"""Rows of the history, about."""
SMOOTHING = 0.05
MAX_RESTORES = 8
WORSE = 10.0**0.1
"""A run that is stopped goes back to its last good state where its error has since grown by more than this (1 dB)."""


@dataclass(frozen=True)
class Limits:
    """When a run ends: after passes, after seconds, or at whichever comes first."""

    passes: Optional[float] = None
    seconds: Optional[float] = None

    def fraction(self, passes: float, seconds: float) -> float:
        """Share of the run that is done."""
        done = 0.0
        if self.passes is not None:
            done = max(done, passes / self.passes)
        if self.seconds is not None:
            done = max(done, seconds / self.seconds)
        return min(done, 1.0)


@dataclass(frozen=True)
class Folded:
    """What the pruner left when it was folded."""

    kept_fraction: float = 1.0
    """Share of the entries of all sites that were kept."""
    drop_rates: dict[str, np.ndarray] = field(default_factory=dict)
    """Site -> drop rates (flat, 0 to 1) just before; empty where the pruner has no gates."""
    change: float = 0.0
    """Root mean square of what folding changed in the network's output, as a share of the range: 0 but for rounding
    where all gates were open or shut, more where soft ones were cut."""


@dataclass
class Outcome:
    """How a run ended."""

    history: History
    steps: int
    passes: float
    seconds: float
    stopped_early: bool
    folded: Folded
    """What folding the pruner did."""


class Trainer:
    """Trains a network with a pruner through a list of phases."""

    def __init__(
        self,
        network: SceneNetwork,
        pruner: Pruner,
        sampler: Sampler,
        learning_rate: float,
        generator: torch.Generator,
        fold: Callable[[Pruner], None] = Pruner.fold,
        progress: Optional[ProgressCallback] = None,
        decay: Callable[[Phase], Decay] = partial(decay_of, TrainingConfig()),
        gradient_weight: float = 0.0,
        pruner_rate: Optional[float] = None,
    ) -> None:
        """``pruner_rate``: step size of the pruner's own parameters; None: that of the network.

        ``gradient_weight``: lambda_g (2.7) as a share of the squared error on the values, the error on the derivatives
        being measured in their own mean square; more than 0 needs a truth with derivatives.
        """
        self.decay, self.gradient_weight = decay, gradient_weight
        self.network, self.pruner, self.sampler = network, pruner, sampler
        self.learning_rate = learning_rate
        self.pruner_rate = learning_rate if pruner_rate is None else pruner_rate
        self.fold, self.progress = fold, progress
        self.history = History()
        self._samples = 0
        self._steps = 0
        self._mse: Optional[torch.Tensor] = None
        self._last_report = 0.0
        self._started = 0.0
        self._folded = Folded()
        self._prune_end = 1.0
        pruner.attach(network, generator)

    def run(self, phases: list[Phase], limits: Limits) -> Outcome:
        """Train to the end or until the callback says stop; the network is folded either way."""
        self._started = time.perf_counter()
        begin, stopped = 0.0, False
        last_pruning = max((i for i, p in enumerate(phases) if p.prune), default=-1)
        self._prune_end = sum(p.share for p in phases[: last_pruning + 1]) or 1.0
        folded = False
        for number, phase in enumerate(phases):
            end = begin + phase.share if number < len(phases) - 1 else 1.0
            if not stopped:
                with self.sampler.prepared(self.network):
                    stopped = not self._run_phase(phase, begin, end, limits)
            if number == last_pruning or (stopped and not folded):
                folded = True
                self._fold()
            begin = end
        return Outcome(self.history, self._steps, self._passes(), self._elapsed(), stopped, self._folded)

    def _run_phase(self, phase: Phase, begin: float, end: float, limits: Limits) -> bool:
        """One phase, from and to shares of the whole run; False when the callback asked to stop."""
        rates = {self.learning_rate: list(self.network.parameters())}
        if phase.prune:
            rates.setdefault(self.pruner_rate, []).extend(self.pruner.parameters())
        parameters = [p for group in rates.values() for p in group]
        optimiser = _adam(rates)
        safe = _Snapshot(parameters)
        decay, first_pass = self.decay(phase), self._passes()
        # What the last phase left behind says nothing of this one: the cut lies between them.
        self._mse = None
        factor, restores, next_row, next_safe = 1.0, 0, 0.0, 0.0
        while True:
            done = limits.fraction(self._passes(), self._elapsed())
            if done >= end:
                return True
            within = (done - begin) / max(end - begin, 1e-9)
            share = phase.rate * factor * decay.share(within, self._passes() - first_pass)
            for first, group in zip(rates, optimiser.param_groups):
                group["lr"] = first * share

            batch = self.sampler.draw()
            if phase.prune:
                self.pruner.advance(done / self._prune_end)
                term = self.pruner.data_term(batch)
                loss, latest = term.loss + phase.pruner_weight * self.pruner.loss(), term.error
            else:
                loss = batch.error(self.network)
                latest = loss.detach()
            if self.gradient_weight > 0:
                loss = loss + self._gradient_term(batch)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            if phase.prune:
                self.pruner.after_step()
            self._steps += 1
            self._samples += self.sampler.samples
            # Averaged on the device and read only when reported: reading stalls a GPU.
            self._mse = latest if self._mse is None else torch.lerp(self._mse, latest, SMOOTHING)
            decay.observe(self._passes() - first_pass, self._mse)

            now = time.perf_counter()
            if done >= next_safe or now - self._last_report >= REPORT_SECONDS or done >= next_row:
                average = float(self._mse)
                if not math.isfinite(average) or average > 1e4:
                    restores += 1
                    if restores > MAX_RESTORES:
                        raise SrnInputError(
                            "training keeps diverging (the loss is not finite); lower the learning rate, "
                            f"which is {self.learning_rate} for this network"
                        )
                    safe.restore()
                    optimiser = _adam(rates)
                    factor *= 0.5
                    self._mse = None
                    continue
                if done >= next_safe:
                    # While pruning, errors may grow for good; afterwards only a good state is worth going back to.
                    if phase.prune or average < safe.error * WORSE:
                        safe = _Snapshot(parameters, average)
                    next_safe = done + 0.05
                if done >= next_row:
                    kept = self.pruner.kept_fraction() if phase.prune else self._folded.kept_fraction
                    self.history.add(self._passes(), self._elapsed(), phase.name, average, psnr_of(average), kept)
                    next_row = done + 1.0 / ROWS
                if now - self._last_report >= REPORT_SECONDS:
                    self._last_report = now
                    if not self._report(phase, done, average):
                        if average > safe.error * WORSE:
                            safe.restore()
                        return False

    def _gradient_term(self, batch: Batch) -> torch.Tensor:
        """lambda_g times the relative squared error of the derivatives (thesis 2.7).

        In normalised coordinates a turbulent field's derivatives are hundreds of times its values, a smooth one's are
        not: in shares of their own mean square one lambda_g suits both.
        """
        known = self.sampler.truth.derivatives
        if known is None:
            raise ValueError("a gradient weight needs a truth with derivatives")
        return batch.gradient_error(self.network) * (self.gradient_weight / max(known.power, 1e-30))

    def _fold(self) -> None:
        """Fold the pruner and note what that did, measured on one batch."""
        pruner, network = self.pruner.eval(), self.network
        # A pruner without parameters has no gates, and its drop rates say nothing.
        learnt = next(pruner.parameters(), None) is not None
        rates = {n: r.cpu().numpy().reshape(-1) for n, r in pruner.drop_rates().items()} if learnt else {}
        batch = self.sampler.draw()
        entries = sum(math.prod(site.shape) for site in network.sites())
        with torch.no_grad():
            before = batch.values(network)
            self.fold(pruner)
            change = float((batch.values(network) - before).square().mean().sqrt()) / 2.0
        left = sum(network.kept_entries().values())
        self._folded = Folded(left / max(entries, 1), rates, change)

    def _report(self, phase: Phase, done: float, average: float) -> bool:
        if self.progress is None:
            return True
        eta = self._elapsed() * (1.0 - done) / done if done > 0 else None
        return self.progress(Progress(phase.name, done, average, psnr_of(average), eta)) is not False

    def _passes(self) -> float:
        return self._samples / self.sampler.truth.voxels

    def _elapsed(self) -> float:
        return time.perf_counter() - self._started


def _adam(rates: dict[float, list[torch.nn.Parameter]]) -> torch.optim.Adam:
    groups = [{"params": parameters, "lr": rate} for rate, parameters in rates.items() if parameters]
    return torch.optim.Adam(groups, fused=True)


class _Snapshot:
    """A copy of parameters to go back to."""

    def __init__(self, parameters: list[torch.nn.Parameter], error: float = math.inf) -> None:
        self._parameters = parameters
        self.error = error
        self._values = [p.detach().clone() for p in parameters]

    @torch.no_grad()
    def restore(self) -> None:
        for parameter, value in zip(self._parameters, self._values):
            parameter.copy_(value)


def psnr_of(mse: float) -> float:
    """PSNR in dB of normalised values, whose range is 2."""
    return 20.0 * math.log10(2.0) - 10.0 * math.log10(max(mse, 1e-30))

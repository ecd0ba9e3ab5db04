"""What the training loop does with its decays, and which state it keeps when it is stopped."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, Optional

import pytest
import torch
from fields import waves

from srn_core.config import TrainingConfig
from srn_core.networks import build_network
from srn_core.networks.base import Lattice
from srn_core.networks.batch import Batch
from srn_core.progress import Progress
from srn_core.pruners import KeepAll
from srn_core.spec import FvSrnSpec
from srn_core.training import trainer as loop
from srn_core.training.decay import decay_of
from srn_core.training.phases import Phase, phases_of
from srn_core.training.samplers import LatticeSampler
from srn_core.training.trainer import Limits, Trainer
from srn_core.training.truth import Truth, truth_of
from srn_core.volume import Volume

TRUTH: Truth = truth_of(Volume.from_array(waves()), None, ((-3.5, 3.5),), torch.device("cpu"))
BATCH = 20 * 10 * 8


def trainer_of(config: Optional[TrainingConfig] = None, rate: float = 1e-2, **options: Any) -> Trainer:
    spec = FvSrnSpec(Volume.from_array(waves()).geometry.half_extent, 1, (8,), 2, 2, (6, 6, 8), None)
    network = build_network(spec, torch.Generator().manual_seed(0))
    if config is not None:
        options["decay"] = partial(decay_of, config)
    sampler = LatticeSampler(TRUTH, BATCH, torch.Generator().manual_seed(1))
    return Trainer(network, KeepAll(), sampler, rate, torch.Generator().manual_seed(2), **options)


@pytest.fixture
def rates(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The step sizes that Adam is given, step by step."""
    seen: list[float] = []

    class Watched(torch.optim.Adam):
        def step(self, *args: Any, **options: Any) -> Any:
            seen.append(self.param_groups[0]["lr"])
            return super().step(*args, **options)

    monkeypatch.setattr(torch.optim, "Adam", Watched)
    return seen


def test_rates_of_a_run_are_two_cosines(rates: list[float]) -> None:
    trainer = trainer_of()
    trainer.run(phases_of(TrainingConfig(), "none"), Limits(passes=30))
    share = trainer.sampler.samples / TRUTH.voxels / 30
    for step in range(0, len(rates), 7):
        done = step * share
        start, end, begin, length = (1.0, 0.3, 0.0, 2 / 3) if done < 2 / 3 else (0.5, 0.02, 2 / 3, 1 / 3)
        wave = math.cos(math.pi * (done - begin) / length / 2) ** 2
        assert rates[step] == pytest.approx(1e-2 * start * (end + (1 - end) * wave), rel=1e-9)
    assert len(rates) == math.ceil(1 / share)


def test_rates_of_a_run_fall_by_passes_and_begin_anew_in_each_phase(rates: list[float]) -> None:
    config = TrainingConfig(decay="passes", decay_factor=0.1, decay_passes=4.0, prune_share=0.5)
    trainer = trainer_of(config)
    trainer.run(phases_of(config, "none"), Limits(passes=20))
    distinct = [rate for i, rate in enumerate(rates) if i == 0 or rate != rates[i - 1]]
    assert distinct == pytest.approx([1e-2, 1e-3, 2e-4, 5e-3, 5e-4, 1e-4])


def test_rates_of_a_run_fall_where_the_error_stands_still(rates: list[float]) -> None:
    config = TrainingConfig(decay="plateau", decay_passes=3.0, prune_share=1.0)
    # A rate of nothing: no step changes the error, which differs from batch to batch alone.
    trainer_of(config, rate=1e-12).run(phases_of(config, "none"), Limits(passes=40))
    shares = [rate / 1e-12 for rate in rates]
    assert shares[0] == 1.0 and shares[-1] < 0.1
    assert all(later <= earlier for earlier, later in zip(shares, shares[1:]))


def error_of(trainer: Trainer) -> float:
    with torch.no_grad():
        return float(trainer.network.lattice_error(Lattice(*TRUTH.axes), TRUTH.values))


def test_stopping_in_a_bad_moment_goes_back_to_the_last_good_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "REPORT_SECONDS", 0.0)
    errors: list[float] = []

    def stop_once_spoilt(report: Progress) -> Optional[bool]:
        assert report.loss is not None
        if report.fraction > 0.5 and len(errors) == 0:
            errors.append(error_of(trainer))
            with torch.no_grad():
                for parameter in trainer.network.parameters():
                    parameter.mul_(1.5)
        return False if errors and report.loss > 4 * errors[0] else None

    trainer = trainer_of(progress=stop_once_spoilt)
    outcome = trainer.run([Phase("training", 1.0, 1.0, 0.3, False)], Limits(passes=60))
    assert outcome.stopped_early
    assert error_of(trainer) < 1.5 * errors[0]


def test_stopping_in_a_good_moment_keeps_the_latest_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "REPORT_SECONDS", 0.0)
    kept: list[torch.Tensor] = []

    def stop_late(report: Progress) -> Optional[bool]:
        kept[:] = [p.detach().clone() for p in trainer.network.parameters()]
        return False if report.fraction > 0.68 else None

    trainer = trainer_of(progress=stop_late)
    assert trainer.run([Phase("training", 1.0, 1.0, 0.3, False)], Limits(passes=30)).stopped_early
    assert all(torch.equal(p, k) for p, k in zip(trainer.network.parameters(), kept))


def test_bad_states_are_not_remembered_once_pruning_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error grows for a long time before the stop: what was good before it is kept."""
    monkeypatch.setattr(loop, "REPORT_SECONDS", 0.0)
    good: list[float] = []
    trainer = trainer_of()
    draw = trainer.sampler.draw

    def misleading() -> Batch:
        batch = draw()
        if len(good) == 0:
            return batch
        return Batch(batch.positions, -batch.target, batch.weight)

    def stop_late(report: Progress) -> Optional[bool]:
        if report.fraction > 0.4 and not good:
            good.append(error_of(trainer))
        return False if report.fraction > 0.6 else None

    trainer.sampler.draw = misleading  # type: ignore[method-assign]
    trainer.progress = stop_late
    # So slow that the wrong targets keep their error throughout.
    trainer.run([Phase("a", 0.4, 1.0, 1.0, False), Phase("b", 0.6, 0.01, 1.0, False)], Limits(passes=60))
    assert error_of(trainer) < 2 * good[0]

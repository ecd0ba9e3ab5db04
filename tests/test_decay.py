"""Decays of the step size, against their formulas and inside a training."""

from __future__ import annotations

import math

import pytest
import torch

from srn_core.config import TrainingConfig
from srn_core.training.decay import LOOKS, CosineDecay, PassesDecay, PlateauDecay, decay_of
from srn_core.training.phases import Phase, phases_of


def test_cosine_is_half_a_wave_from_one_to_the_last_rate() -> None:
    decay = CosineDecay(0.02)
    for done in (0.0, 0.13, 0.5, 0.77, 1.0):
        # The same wave as a squared cosine of half the angle.
        assert decay.share(done, 123.0) == pytest.approx(0.02 + 0.98 * math.cos(math.pi * done / 2) ** 2, abs=1e-12)
    assert decay.share(1.2, 0.0) == decay.share(1.0, 0.0) == 0.02


def test_passes_decay_falls_by_its_factor_and_stops_at_the_last_rate() -> None:
    decay = PassesDecay(0.5, 10.0, 0.1)
    shares = [decay.share(0.0, passes) for passes in (0.0, 9.99, 10.0, 19.9, 20.0, 30.0, 40.0, 400.0)]
    assert shares == [1.0, 1.0, 0.5, 0.5, 0.25, 0.125, 0.1, 0.1]


def shares_over(decay: PlateauDecay, errors: list[float], passes: float) -> list[float]:
    """The share after each of some errors, seen at equal distances over some passes."""
    out = []
    for i, error in enumerate(errors):
        decay.observe(passes * i / len(errors), torch.tensor(error))
        out.append(decay.share(0.0, 0.0))
    return out


def test_plateau_decay_keeps_its_rate_while_the_error_falls() -> None:
    falling = [math.exp(-0.05 * i) for i in range(400)]
    assert set(shares_over(PlateauDecay(0.5, 4.0, 0.01), falling, 100.0)) == {1.0}


def test_plateau_decay_falls_once_per_patience_of_no_progress() -> None:
    # Falls by less than 1 % in all: no progress.
    flat = [1.0 - 1e-5 * i for i in range(800)]
    shares = shares_over(PlateauDecay(0.5, 4.0, 0.2), flat, 20.0)
    changes = [20.0 * i / 800 for i in range(1, 800) if shares[i] != shares[i - 1]]
    assert [shares[0], *sorted(set(shares[1:]), reverse=True)] == [1.0, 1.0, 0.5, 0.25, 0.2]
    assert changes == pytest.approx([4.0, 8.0, 12.0], abs=3 * 4.0 / LOOKS)


def test_plateau_decay_counts_from_the_last_progress() -> None:
    errors = [1.0] * 30 + [0.9] * 70
    shares = shares_over(PlateauDecay(0.5, 4.0, 0.01), errors, 10.0)
    first = next(i for i, share in enumerate(shares) if share < 1.0) * 10.0 / len(errors)
    assert first == pytest.approx(7.0, abs=2 * 4.0 / LOOKS)


def test_plateau_decay_takes_a_broken_error_for_no_progress() -> None:
    shares = shares_over(PlateauDecay(0.5, 4.0, 0.01), [1.0] + [math.nan] * 99, 5.0)
    assert shares[0] == 1.0 and shares[-1] == 0.5


def test_decay_of_follows_the_settings_and_is_fresh_for_each_phase() -> None:
    phase = Phase("x", 1.0, 1.0, 0.05, False)
    assert isinstance(decay_of(TrainingConfig(), phase), CosineDecay)
    passes = decay_of(TrainingConfig(decay="passes", decay_factor=0.3, decay_passes=2.0), phase)
    assert [passes.share(0.0, p) for p in (0.0, 2.0, 4.0, 9.0)] == pytest.approx([1.0, 0.3, 0.09, 0.05])
    config = TrainingConfig(decay="plateau", decay_factor=0.5, decay_passes=3.0)
    first, second = decay_of(config, phase), decay_of(config, phase)
    for passed in (0.0, 3.0, 6.0):
        first.observe(passed, torch.tensor(1.0))
    assert first.share(0.0, 0.0) == 0.25 and second.share(0.0, 0.0) == 1.0


@pytest.mark.parametrize("decay", ["cosine", "passes", "plateau"])
def test_no_phase_ends_below_the_last_rate(decay: str) -> None:
    config = TrainingConfig(decay=decay, final_rate=0.07, decay_passes=1.0)
    for phase in phases_of(config, "smallify"):
        found = decay_of(config, phase)
        for i in range(300):
            found.observe(i / 10, torch.tensor(1.0))
        assert found.share(1.0, 30.0) == pytest.approx(phase.final_rate)
    assert phases_of(config, "smallify")[0].final_rate == (0.3 if decay == "cosine" else 0.07)

"""Samplers, phases and the training loop."""

from __future__ import annotations

import math
from typing import Optional

import numpy as np
import pytest
import torch
from fields import waves

from srn_core.config import SmallifyConfig, TrainingConfig
from srn_core.coordinates import normalise
from srn_core.errors import SrnInputError
from srn_core.networks import Lattice, build_network
from srn_core.progress import Progress
from srn_core.pruners import KeepAll, Pruner, Smallify
from srn_core.spec import FvSrnSpec
from srn_core.training.device import choose_device
from srn_core.training.phases import phases_of
from srn_core.training.samplers import LatticeSampler, RandomSampler, batch_size, lattice_counts
from srn_core.training.sizing import wavelet_spec
from srn_core.training.trainer import Limits, Trainer
from srn_core.training.truth import Truth, truth_of
from srn_core.volume import Volume

CPU = torch.device("cpu")


def truth(values: Optional[np.ndarray] = None, valid: Optional[np.ndarray] = None) -> Truth:
    values = waves() if values is None else values
    ok = values if valid is None else values[valid]
    return truth_of(Volume.from_array(values), valid, ((float(ok.min()), float(ok.max())),), CPU)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_truth_is_normalised_to_minus_one_and_one() -> None:
    t = truth()
    assert float(t.values.min()) == pytest.approx(-1) and float(t.values.max()) == pytest.approx(1)
    assert t.values.shape == (24 * 20 * 16, 1)
    np.testing.assert_allclose(t.axes[0].numpy(), np.linspace(-1, 1, 24), atol=1e-6)
    np.testing.assert_allclose(t.axes[2].numpy(), np.linspace(-1, 1, 16) * 15 / 23, atol=1e-6)


def test_truth_keeps_the_digits_of_a_small_range_on_a_large_offset() -> None:
    values = 1e7 + waves(dtype="float64")
    t = truth(values)
    expected = 2 * (values - values.min()) / np.ptp(values) - 1
    np.testing.assert_allclose(t.values.numpy()[:, 0], expected.reshape(-1), atol=1e-6)


@pytest.mark.parametrize("dims", [(128, 128, 128), (125, 125, 25), (500, 3, 1), (1, 1, 1), (7, 5, 3), (4096, 16, 16)])
def test_lattice_counts_are_close_to_the_batch_and_never_above_the_axis(dims: tuple[int, int, int]) -> None:
    counts = lattice_counts(dims, 32768)
    assert all(1 <= c <= n for c, n in zip(counts, dims))
    assert math.prod(counts) == pytest.approx(min(32768, math.prod(dims)), rel=0.15)


def test_lattice_sampler_gives_the_voxels_at_its_positions() -> None:
    t = truth()
    batch = LatticeSampler(t, 500, generator()).draw()
    assert isinstance(batch.positions, Lattice)
    z, y, x = np.meshgrid(
        *(a.numpy() for a in (batch.positions.z, batch.positions.y, batch.positions.x)), indexing="ij"
    )
    index = [np.rint((u.reshape(-1) * 23 + n - 1) / 2).astype(int) for u, n in ((x, 24), (y, 20), (z, 16))]
    expected = t.values.numpy()[(index[2] * 20 + index[1]) * 24 + index[0]]
    np.testing.assert_array_equal(batch.target.numpy(), expected)


def test_lattice_sampler_visits_all_voxels_alike() -> None:
    values = np.arange(7 * 5 * 3, dtype=np.float64).reshape(3, 5, 7)
    sampler = LatticeSampler(truth(values), 30, generator())
    counts = np.zeros(values.size)
    for _ in range(4000):
        hit = np.rint((sampler.draw().target.numpy()[:, 0] + 1) / 2 * (values.size - 1)).astype(int)
        np.add.at(counts, hit, 1)
    assert counts.min() > 0.85 * counts.mean() and counts.max() < 1.15 * counts.mean()


def test_random_sampler_is_trilinear() -> None:
    """On a field that is linear along each axis, trilinear interpolation is exact."""
    z, y, x = np.meshgrid(np.arange(6.0), np.arange(5.0), np.arange(7.0), indexing="ij")
    values = 1 + x - 2 * y + 0.5 * z + 0.1 * x * y * z
    batch = RandomSampler(truth(values), 400, generator()).draw()
    assert isinstance(batch.positions, torch.Tensor)
    index = (batch.positions.numpy().astype(float) * 6 + (np.array([7, 5, 6]) - 1)) / 2
    i, j, k = index.T
    assert index.min() >= 0 and (index <= np.array([6, 4, 5]) + 1e-5).all()
    expected = 1 + i - 2 * j + 0.5 * k + 0.1 * i * j * k
    got = (batch.target.numpy()[:, 0] + 1) / 2 * np.ptp(values) + values.min()
    np.testing.assert_allclose(got, expected, atol=1e-4)
    np.testing.assert_allclose(normalise(index, (7, 5, 6)), batch.positions.numpy(), atol=1e-6)


@pytest.mark.parametrize("sampler", [LatticeSampler, RandomSampler])
def test_samplers_give_no_weight_to_voxels_without_value(sampler: type[LatticeSampler]) -> None:
    values = waves()
    valid = np.ones(values.shape, bool)
    valid[3:9, 2:11] = False
    values[~valid] = 1e6
    batch = sampler(truth(values, valid), 3000, generator()).draw()
    assert batch.weight is not None
    assert set(np.unique(batch.weight.numpy())) == {0.0, 1.0}
    seen = batch.target[batch.weight > 0]
    assert float(seen.abs().max()) <= 1.0 + 1e-6


@pytest.mark.parametrize("sampler", [LatticeSampler, RandomSampler])
def test_samplers_repeat_with_their_seed(sampler: type[LatticeSampler]) -> None:
    first, again, other = (sampler(truth(), 100, generator(s)).draw().target for s in (5, 5, 6))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_random_sampler_works_on_a_slice() -> None:
    batch = RandomSampler(truth(waves(nz=1)), 50, generator()).draw()
    assert isinstance(batch.positions, torch.Tensor) and (batch.positions[:, 2] == 0).all()
    assert float(batch.target.abs().max()) <= 1.0 + 1e-6


def test_phases_cover_the_run() -> None:
    phases = phases_of(TrainingConfig(), "smallify")
    assert [p.name for p in phases] == ["pruning", "fine-tuning"]
    assert sum(p.share for p in phases) == pytest.approx(1) and phases[0].share == pytest.approx(2 / 3)
    assert phases[0].prune and not phases[1].prune
    assert [p.share for p in phases_of(TrainingConfig(prune_share=1.0), "none")] == [1.0]


def small_trainer(progress: object = None, rate: float = 1e-2, pruner: object = None, **options: object) -> Trainer:
    spec = FvSrnSpec(
        Volume.from_array(waves()).geometry.half_extent, 1, (12, 12), 2, 2, (6, 6, 8), wavelet_spec("haar", 2)
    )
    network = build_network(spec, generator())
    sampler = LatticeSampler(truth(), 2000, generator())
    return Trainer(network, pruner or KeepAll(), sampler, rate, generator(), progress=progress, **options)  # type: ignore[arg-type]


def test_training_learns() -> None:
    trainer = small_trainer()
    outcome = trainer.run(phases_of(TrainingConfig(), "none"), Limits(passes=60))
    assert outcome.history.psnr[-1] > outcome.history.psnr[0] + 15
    assert outcome.passes == pytest.approx(60, abs=1)
    assert not outcome.stopped_early
    assert set(outcome.history.phase) == {"training", "fine-tuning"}
    lengths = {len(column) for column in outcome.history.columns().values()}
    assert len(lengths) == 1 and lengths.pop() > 20


def test_reports_come_with_fraction_psnr_and_eta() -> None:
    reports: list[Progress] = []
    trainer = small_trainer(progress=lambda r: reports.append(r))
    trainer.run(phases_of(TrainingConfig(), "none"), Limits(seconds=1.5))
    assert len(reports) >= 4
    assert [r.fraction for r in reports] == sorted(r.fraction for r in reports)
    assert all(r.psnr is not None and r.loss is not None for r in reports)
    assert reports[-1].eta_seconds is not None and reports[-1].eta_seconds < 1.5


def test_stopping_keeps_a_folded_network() -> None:
    folded: list[object] = []

    def fold(pruner: Pruner) -> None:
        folded.append(pruner)
        pruner.fold()

    trainer = small_trainer(progress=lambda r: False, pruner=Smallify(SmallifyConfig()), fold=fold)
    outcome = trainer.run(phases_of(TrainingConfig(), "smallify"), Limits(passes=1e6))
    assert outcome.stopped_early and outcome.passes < 1e5
    assert len(folded) == 1
    network = trainer.network
    points = torch.zeros(1, 3)
    assert torch.isfinite(network(points)).all()
    assert not network._gates


def test_a_diverging_run_goes_back_and_slows_down() -> None:
    """One step throws the weights away; the loop must come back to a good state."""
    trainer = small_trainer()
    draw, count = trainer.sampler.draw, iter(range(10**9))

    def poisoned() -> object:
        batch = draw()
        if next(count) == 40:
            with torch.no_grad():
                next(trainer.network.parameters()).fill_(math.nan)
        return batch

    trainer.sampler.draw = poisoned  # type: ignore[assignment,method-assign]
    outcome = trainer.run(phases_of(TrainingConfig(), "none"), Limits(passes=60))
    assert math.isfinite(outcome.history.psnr[-1]) and outcome.history.psnr[-1] > 25
    assert all(torch.isfinite(p).all() for p in trainer.network.parameters())


def test_a_hopeless_run_says_what_to_change() -> None:
    trainer = small_trainer(rate=1e30)
    with pytest.raises(SrnInputError, match="lower the learning rate"):
        trainer.run(phases_of(TrainingConfig(), "none"), Limits(passes=400))


def test_same_seed_same_weights() -> None:
    weights = []
    for _ in range(2):
        trainer = small_trainer(pruner=Smallify(SmallifyConfig()))
        trainer.run(phases_of(TrainingConfig(), "smallify"), Limits(passes=5))
        weights.append(trainer.network.arrays())
    assert all(np.array_equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_device_cuda_is_refused_where_there_is_none() -> None:
    assert choose_device("cpu").type == "cpu"
    if torch.cuda.is_available():
        assert choose_device("auto").type == "cuda"
    else:
        assert choose_device("auto").type == "cpu"
        with pytest.raises(SrnInputError, match="no CUDA device"):
            choose_device("cuda")


def test_small_volumes_are_learnt_in_smaller_steps() -> None:
    assert batch_size(32768, 10**7, "fvsrn") == batch_size(32768, 10**7, "neurcomp") == 32768
    assert batch_size(32768, 64**3, "fvsrn") == 16384
    assert batch_size(32768, 64**3, "neurcomp") == 4096
    assert batch_size(32768, 1000, "neurcomp") == 2048 and batch_size(1000, 10**6, "fvsrn") == 1000

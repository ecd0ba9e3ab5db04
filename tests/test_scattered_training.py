"""Networks that learn values at scattered positions from the samples themselves, not from the volume over their box."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from mesh_fields import smooth as on_mesh
from mesh_fields import tetrahedra

import srn_core
from srn_core.compression import compress_volume
from srn_core.config import CompressConfig
from srn_core.coordinates import normalise
from srn_core.networks import build_network
from srn_core.progress import Progress
from srn_core.sampled_quality import measured
from srn_core.scattered import Samples, gridded
from srn_core.scattered_compression import compress_samples
from srn_core.training.samplers import ScatteredSampler
from srn_core.training.sizing import LATENTS_PER_VALUE, oversize
from srn_core.training.truth import Truth, scattered_truth

CPU = torch.device("cpu")
TRAINED = {"network": "fvsrn", "pruner": "none"}


def field(where: np.ndarray) -> np.ndarray:
    x, y, z = where.T
    return np.sin(3 * x) * np.cos(2 * y) + z * np.sin(4 * x * y) + 0.3 * np.cos(7 * z + 3 * x)


def clustered(count: int = 4000) -> Samples:
    """Twelve clouds from tight to wide."""
    draw = np.random.default_rng(5)
    middles, widths = draw.uniform(-0.8, 0.8, (12, 3)), 10 ** draw.uniform(-2, -0.7, 12)
    which = draw.integers(0, 12, count)
    where = middles[which] + draw.normal(size=(count, 3)) * widths[which][:, None]
    return Samples(where, field(where).astype(np.float32))


def truth(samples: Samples, derivatives: bool = False) -> Truth:
    rows = samples.rows[samples.known]
    ranges = tuple((float(column.min()), float(column.max())) for column in rows.T)
    return scattered_truth(samples, gridded(samples), ranges, CPU, derivatives)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_truth_is_the_samples_that_hold_a_value() -> None:
    samples = clustered(500)
    samples.values[7], samples.positions[9, 1] = np.nan, np.inf
    found, known = truth(samples), samples.known
    assert found.voxels == 498 and found.valid is None and found.points is not None
    values = samples.values[known].astype(np.float64)
    np.testing.assert_allclose(found.values[:, 0], 2 * (values - values.min()) / np.ptp(values) - 1, atol=1e-6)
    volume = gridded(samples)
    expected = normalise(volume.geometry.index_of(samples.positions[known]), volume.geometry.dims)
    np.testing.assert_allclose(found.points, expected, atol=1e-6)


@pytest.mark.parametrize("batch", [100, 64, 5000])
def test_a_pass_covers_all_samples_once(batch: int) -> None:
    found = truth(clustered(300))
    sampler = ScatteredSampler(found, batch, generator())
    rows = torch.cat([sampler.draw().points() for _ in range(-(-3 * 300 // sampler.samples))])
    assert sampler.samples == min(batch, 300) == len(sampler.draw().target)
    for number in range(3):
        seen = rows[300 * number : 300 * (number + 1)]
        assert len(torch.unique(seen, dim=0)) == 300
        if number:
            assert not torch.equal(seen, rows[:300]), "each pass has an order of its own"


def test_batches_hold_the_values_at_their_positions_and_repeat_with_their_seed() -> None:
    found = truth(clustered(300))
    first, again, other = (ScatteredSampler(found, 50, generator(seed)).draw() for seed in (4, 4, 5))
    assert torch.equal(first.target, again.target) and torch.equal(first.points(), again.points())
    assert not torch.equal(first.target, other.target)
    assert found.points is not None
    place = torch.cdist(first.points(), found.points).argmin(1)
    assert torch.equal(first.target, found.values[place])


def test_gradients_of_the_loss_are_finite_with_derivatives_too() -> None:
    samples = clustered(800)
    config = CompressConfig(network="neurcomp", pruner="none")
    spec = srn_core.spec.NeurcompSpec(gridded(samples).geometry.half_extent, 1, 12, (12,), True, 30.0)
    network = build_network(spec, generator())
    found = truth(samples, derivatives=True)
    assert found.derivatives is not None and 0 < found.derivatives.power < np.inf
    batch = ScatteredSampler(found, 200, generator()).draw()
    loss = batch.error(network) + 0.1 * batch.gradient_error(network) / found.derivatives.power
    loss.backward()
    assert all(p.grad is not None and bool(torch.isfinite(p.grad).all()) for p in network.parameters())
    made = compress_samples(samples, config.with_settings({"neurcomp.gradient_weight": 0.05, "training.passes": 3}))
    assert np.isfinite(made.report["psnr"])


@pytest.mark.parametrize("settings", [TRAINED, {"pruner": "smallify"}, {"network": "neurcomp", "pruner": "none"}])
def test_samples_in_clusters_are_met_better_than_by_way_of_the_grid(settings: dict[str, Any]) -> None:
    samples = clustered()
    config = CompressConfig().with_settings({**settings, "target.bytes": 3000, "preset": "fast", "seed": 1})
    direct = compress_samples(samples, config)
    by_grid = measured(samples, compress_volume(gridded(samples), config).file)
    assert direct.report["bytes"] <= 3000
    assert direct.report["psnr"] > by_grid.psnr + 2.0


def test_it_is_told_how_near_the_samples_it_is_and_a_seed_gives_the_same_file() -> None:
    samples, told = clustered(600), []

    def tell(report: Progress) -> bool:
        told.append(report)
        return True

    config = CompressConfig().with_settings({**TRAINED, "target.bytes": 1500, "training.passes": 60})
    first, again = (compress_samples(samples, config, progress=one) for one in (tell, None))
    assert first.file.to_bytes() == again.file.to_bytes()
    figures = [report.psnr for report in told if report.psnr is not None]
    assert figures and abs(first.history["psnr"][-1] - first.report["psnr"]) < 3.0
    assert first.report["passes"] == pytest.approx(60, rel=0.05)


def test_the_shipped_decoder_gives_the_trained_network_at_the_samples() -> None:
    samples = clustered(700)
    config = CompressConfig().with_settings({"pruner": "mask", "target.bytes": 2000, "training.passes": 10})
    file = compress_samples(samples, config).file
    (stored,) = file.fields
    network = build_network(stored.spec, generator())
    network.load_arrays({name: array.values() for name, array in stored.arrays.items()})
    found = truth(samples)
    assert found.points is not None
    with torch.no_grad():
        normalised = network(found.points).numpy()[:, 0].astype(np.float64)
    ((low, high),) = stored.value_range
    assert (low, high) == (samples.values.min(), samples.values.max()), "the range is that of the samples"
    expected = (low + high) / 2 + normalised * (high - low) / 2
    np.testing.assert_allclose(file.sample(samples.positions), expected, atol=1e-5 * (high - low))


def test_a_mesh_array_is_learnt_so_too_and_holes_stay_holes() -> None:
    array = on_mesh(tetrahedra(6))
    array.values[5] = np.nan
    result = srn_core.compress(array, bytes=9000, pruner="none", **{"training.passes": 400})
    back = result.file.decode_on_mesh()
    assert np.flatnonzero(~np.isfinite(back.values)).tolist() == [5]
    assert result.report["psnr"] > 35 and "passes" in result.report


def test_a_pruned_grid_starts_no_finer_than_the_samples_can_tell() -> None:
    config = CompressConfig(pruner="smallify")
    assert oversize(config, 1000) == 10.0
    assert oversize(config, 1000, 20_000) == 20_000 * LATENTS_PER_VALUE / 1000
    assert oversize(config, 1000, 100) == 1.0
    assert oversize(config.with_settings({"pruning.oversize": 7}), 1000, 100) == 7.0


def test_both_networks_are_compared_at_the_samples() -> None:
    samples = clustered(600)
    config = CompressConfig().with_settings(
        {"network": "auto", "target.bytes": 1500, "training.passes": 20, "predictor": "none"}
    )
    result = compress_samples(samples, config)
    tried = result.report["tried"]
    assert set(tried) == {"fvsrn", "neurcomp"}
    best = max(tried.values(), key=lambda one: one["psnr"])
    assert result.report["psnr"] == pytest.approx(best["psnr"], abs=1e-4)

"""Tuning codebooks and steps of quantised networks, codes fixed."""

from __future__ import annotations

from typing import Optional

import numpy as np
import pytest
import torch
from fields import waves

from srn_core import codec
from srn_core.codec import StoredArray
from srn_core.config import TrainingConfig
from srn_core.networks import SceneNetwork, build_network
from srn_core.networks.base import Lattice
from srn_core.progress import Progress
from srn_core.pruners import KeepAll
from srn_core.spec import FvSrnSpec, NetworkSpec, NeurcompSpec
from srn_core.training import codebooks
from srn_core.training.codebooks import tune_codebooks
from srn_core.training.phases import phases_of
from srn_core.training.samplers import LatticeSampler
from srn_core.training.sizing import wavelet_spec
from srn_core.training.trainer import Limits, Trainer
from srn_core.training.truth import Truth, truth_of
from srn_core.volume import Volume

HALF = Volume.from_array(waves()).geometry.half_extent
SPECS: dict[str, NetworkSpec] = {
    "fvsrn": FvSrnSpec(HALF, 1, (12, 12), 2, 2, (6, 8, 10), wavelet_spec("bior4.4", 2)),
    "neurcomp": NeurcompSpec(HALF, 1, 16, (16, 16), True, 10.0),
}
TRUTH: Truth = truth_of(Volume.from_array(waves()), None, ((-3.5, 3.5),), torch.device("cpu"))


def sampler(seed: int = 1) -> LatticeSampler:
    return LatticeSampler(TRUTH, 1000, torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module", params=SPECS)
def learnt(request: pytest.FixtureRequest) -> tuple[NetworkSpec, dict[str, np.ndarray]]:
    """A trained network, part of whose latents are pruned."""
    spec = SPECS[request.param]
    network = build_network(spec, torch.Generator().manual_seed(0))
    draws = torch.Generator().manual_seed(2)

    def prune(pruner: object) -> None:
        for site in network.sites() if spec.kind == "fvsrn" else []:
            network.fold(site.name, (torch.rand(site.shape, generator=draws) < 0.6).float())

    rate = 1e-2 if spec.kind == "fvsrn" else 3e-3
    trainer = Trainer(network, KeepAll(), sampler(), rate, torch.Generator().manual_seed(0), prune)
    trainer.run(phases_of(TrainingConfig(), "none"), Limits(passes=20))
    return spec, network.arrays()


def prepared(
    learnt: tuple[NetworkSpec, dict[str, np.ndarray]], bits: int, method: str
) -> tuple[SceneNetwork, dict[str, StoredArray]]:
    spec, arrays = learnt
    return build_network(spec), {name: codec.quantise(values, bits, method) for name, values in arrays.items()}


@torch.no_grad()
def whole_error(network: SceneNetwork, stored: dict[str, StoredArray]) -> float:
    network.load_arrays({name: array.values() for name, array in stored.items()})
    return float(network.lattice_error(Lattice(*TRUTH.axes), TRUTH.values))


@pytest.mark.parametrize(("bits", "method", "most"), [(3, "kmeans", 0.75), (3, "uniform", 0.95), (8, "uniform", 1.0)])
def test_tuning_lowers_the_error(
    learnt: tuple[NetworkSpec, dict[str, np.ndarray]], bits: int, method: str, most: float
) -> None:
    network, stored = prepared(learnt, bits, method)
    before = whole_error(network, stored)
    tuned = tune_codebooks(network, stored, sampler(), passes=10)
    assert whole_error(network, tuned) <= most * before


@pytest.mark.parametrize("method", ["kmeans", "uniform"])
def test_codes_zeros_and_types_stay(learnt: tuple[NetworkSpec, dict[str, np.ndarray]], method: str) -> None:
    network, stored = prepared(learnt, 3, method)
    tuned = tune_codebooks(network, stored, sampler(), passes=3)
    assert list(tuned) == list(stored)
    changed = 0
    for name, array in tuned.items():
        was = stored[name]
        np.testing.assert_array_equal(array.codes, was.codes)
        assert array.bits == was.bits and array.values().dtype == np.float32
        np.testing.assert_array_equal(array.values() == 0, was.values() == 0)
        if was.codebook is None:
            assert array.codebook is None and array.step is not None and array.step > 0
            assert array.step == float(np.float32(array.step))
        else:
            assert array.codebook is not None and array.codebook.dtype == np.float32
            assert array.codebook.shape == was.codebook.shape
        changed += int(not np.array_equal(array.values(), was.values()))
    assert changed > len(stored) / 2
    if learnt[0].kind == "fvsrn":  # whose latents were pruned
        assert sum(int((a.values() == 0).sum()) for a in tuned.values()) > 300


def test_the_network_holds_what_is_returned(learnt: tuple[NetworkSpec, dict[str, np.ndarray]]) -> None:
    network, stored = prepared(learnt, 3, "kmeans")
    tuned = tune_codebooks(network, stored, sampler(), passes=1)
    for name, values in network.arrays().items():
        np.testing.assert_array_equal(values, tuned[name].values())
    assert all(p.grad is None for p in network.parameters())


@pytest.mark.parametrize("rate", [50.0, 1e30])
def test_tuning_that_does_harm_is_undone(learnt: tuple[NetworkSpec, dict[str, np.ndarray]], rate: float) -> None:
    network, stored = prepared(learnt, 4, "kmeans")
    tuned = tune_codebooks(network, stored, sampler(), passes=1, rate=rate)
    assert all(tuned[name] is stored[name] for name in stored)
    for name, values in network.arrays().items():
        np.testing.assert_array_equal(values, stored[name].values())


def test_no_passes_change_nothing(learnt: tuple[NetworkSpec, dict[str, np.ndarray]]) -> None:
    network, stored = prepared(learnt, 4, "kmeans")
    assert tune_codebooks(network, stored, sampler(), passes=0) == stored


def test_same_seed_same_codebooks(learnt: tuple[NetworkSpec, dict[str, np.ndarray]]) -> None:
    network, stored = prepared(learnt, 3, "kmeans")
    first, again, other = (tune_codebooks(network, stored, sampler(seed), passes=1) for seed in (5, 5, 6))
    assert all(np.array_equal(first[name].values(), again[name].values()) for name in stored)
    assert any(not np.array_equal(first[name].values(), other[name].values()) for name in stored)


@pytest.mark.parametrize("method", ["kmeans", "uniform"])
def test_gradients_are_those_of_finite_differences(method: str) -> None:
    """The chain rule from values to shifts, on a quadratic whose gradient is known."""
    draws = np.random.default_rng(0)
    values = draws.normal(size=(40, 5)).astype(np.float32)
    values[::3] = 0
    table = codebooks._Table(codec.quantise(values, 3, method), torch.device("cpu"))
    pull = torch.as_tensor(draws.normal(size=values.shape).astype(np.float32))

    def loss() -> float:
        return float(((table.values() - pull).double() ** 2).sum())

    table.take(2 * (table.values() - pull))
    assert table.shift.grad is not None
    for i, slope in enumerate(table.shift.grad):
        results = []
        for change in (0.01, -0.01):
            with torch.no_grad():
                table.shift[i] = change
            results.append(loss())
        with torch.no_grad():
            table.shift[i] = 0.0
        assert float(slope) == pytest.approx((results[0] - results[1]) / 0.02, rel=1e-3, abs=1e-3)
    if method == "kmeans":
        assert table.shift.grad[table.start == 0.0].tolist() == [0.0]


def test_progress_is_told_and_may_stop(
    learnt: tuple[NetworkSpec, dict[str, np.ndarray]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codebooks, "REPORT_SECONDS", 0.0)
    network, stored = prepared(learnt, 3, "kmeans")
    reports: list[Progress] = []

    def stop_at_the_third(report: Progress) -> Optional[bool]:
        reports.append(report)
        return False if len(reports) == 3 else None

    before = whole_error(network, stored)
    tuned = tune_codebooks(network, stored, sampler(), passes=1e6, progress=stop_at_the_third)
    assert len(reports) == 3 and [r.fraction for r in reports] == sorted(r.fraction for r in reports)
    assert all(r.phase == "tuning codebooks" and r.psnr is not None and r.eta_seconds for r in reports)
    assert whole_error(network, tuned) <= before * 1.01

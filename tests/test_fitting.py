"""Landing on a wanted size: cut, precision, thresholds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from fields import waves

import srn_core
from srn_core import codec
from srn_core.codec import NeuralField
from srn_core.config import CompressConfig, PruningConfig, SmallifyConfig
from srn_core.errors import SrnInputError
from srn_core.fitting import BytesTarget, Cutting, ParameterTarget, Precision, Storage, land
from srn_core.fitting.cutting import DEAD_ZONE, SMALLEST_KEPT, cut_copy, natural_step
from srn_core.fitting.landing import restored
from srn_core.fitting.search import largest
from srn_core.networks import SceneNetwork, build_network
from srn_core.pruners import KeepAll, Smallify
from srn_core.spec import ConstantSpec, FvSrnSpec, NeurcompSpec
from srn_core.training.sizing import wavelet_spec
from srn_core.volume import Geometry

HALF = (1.0, 1.0, 1.0)
GEOMETRY = Geometry((32, 32, 32))


def storage(**quantise: Any) -> Storage:
    config = CompressConfig().with_settings({f"quantise.{k}": v for k, v in quantise.items()})
    template = NeuralField(ConstantSpec(HALF, 1), {}, GEOMETRY, "v", "float32", ((0.0, 1.0),), original_bytes=131072)
    return Storage(template, config.quantise, 16, 0)


def grid_network(features: int = 1) -> SceneNetwork:
    """A latent grid with heavy tails, as trained ones have."""
    spec = FvSrnSpec(HALF, 1, (8,), 2, features, (16, 16, 16), wavelet_spec("bior4.4", 2))
    network = build_network(spec, torch.Generator().manual_seed(0))
    arrays = network.arrays()
    draw = np.random.default_rng(0)
    for name in arrays:
        if name.startswith(("approx", "detail")):
            arrays[name] = draw.laplace(size=arrays[name].shape).astype(np.float32) ** 2
    network.load_arrays(arrays)
    return network


def sine_network() -> SceneNetwork:
    return build_network(NeurcompSpec(HALF, 1, 24, (24, 24), True, 30.0), torch.Generator().manual_seed(0))


def no_error(network: SceneNetwork) -> float:
    return 0.0


def stored_bytes(target: BytesTarget, network: SceneNetwork) -> int:
    arrays = land(target, network, no_error)
    return len(codec.to_bytes([target.storage.field_of(network, arrays)]))


@pytest.mark.parametrize("most", [2_500, 4_000, 5_500])
@pytest.mark.parametrize("pruner", [KeepAll, lambda: Smallify(SmallifyConfig())], ids=["none", "smallify"])
def test_a_grid_is_cut_and_stored_to_fill_the_bytes(most: int, pruner: Any) -> None:
    network, target = grid_network(), BytesTarget(storage(), most)
    chosen = pruner()
    chosen.attach(network, torch.Generator().manual_seed(0))
    Cutting(target, PruningConfig()).fold(chosen, no_error)
    assert 0.96 * most <= stored_bytes(target, network) <= most


@pytest.mark.parametrize("most", [2_500, 3_500])
def test_a_stack_of_sines_fills_the_bytes_by_its_precision(most: int) -> None:
    network, target = sine_network(), BytesTarget(storage(), most)
    assert 0.96 * most <= stored_bytes(target, network) <= most


def test_given_bits_are_the_most_that_is_used() -> None:
    target = BytesTarget(storage(grid_bits=4, weight_bits=6), 100_000)
    arrays = land(target, grid_network(), no_error)
    for name, array in arrays.items():
        most = 7 if name.startswith(("approx", "detail")) else 31
        assert np.abs(array.codes).max() == (most if array.codes.any() else 0)


def test_kmeans_lands_by_its_centroids() -> None:
    network, target = grid_network(), BytesTarget(storage(method="kmeans", weight_bits=8), 4_000)
    arrays = land(target, network, no_error)
    size = len(codec.to_bytes([target.storage.field_of(network, arrays)]))
    assert 0.9 * 4_000 <= size <= 4_000
    assert arrays["detail1"].codebook is not None and arrays["detail1"].codebook.size != 256


@pytest.mark.parametrize("bits", [8, 10])
def test_large_codebooks_shrink_before_the_network_does(bits: int) -> None:
    network, target = sine_network(), BytesTarget(storage(method="kmeans", weight_bits=bits), 5_500)
    pruner = KeepAll()
    pruner.attach(network)
    Cutting(target, PruningConfig()).fold(pruner, no_error)
    assert all(kept == 24 for kept in network.kept_entries().values())
    assert stored_bytes(target, network) <= 5_500


def test_what_cannot_fit_is_refused() -> None:
    with pytest.raises(SrnInputError, match="ask for a lower ratio"):
        land(BytesTarget(storage(), 700), sine_network(), no_error)
    with pytest.raises(SrnInputError, match="at most 10 parameters"):
        ParameterTarget(storage(), 10).check(sine_network())


def test_parameters_are_counted_to_the_one() -> None:
    network, target = grid_network(features=2), ParameterTarget(storage(), 1_000)
    pruner = KeepAll()
    pruner.attach(network)
    Cutting(target, PruningConfig()).fold(pruner, no_error)
    counted = sum(np.count_nonzero(a.values()) for a in land(target, network, no_error).values())
    assert 970 <= counted <= 1_000


def test_least_worthy_entries_go_first() -> None:
    network, target = grid_network(), ParameterTarget(storage(), 1_000)
    worth = {site.name: network.importance(site.name).numpy() for site in network.sites()}
    pruner = KeepAll()
    pruner.attach(network)
    Cutting(target, PruningConfig()).fold(pruner, no_error)
    left = {name: network.importance(name).numpy() for name in worth}
    smallest_kept = min(v[v > 0].min() for v in left.values() if (v > 0).any())
    largest_cut = max(worth[name][left[name] == 0].max() for name in worth)
    assert largest_cut < smallest_kept


def test_fixed_thresholds_are_obeyed_layer_by_layer() -> None:
    network = grid_network()
    pruner = Smallify(SmallifyConfig(initial="one"))
    pruner.attach(network)
    pruner.tracker.variance.copy_(torch.linspace(0, 1, pruner.tracker.variance.numel()))
    rates = pruner.drop_rates()
    limits = (1.0, 0.2, 0.9)
    target = BytesTarget(storage(), 10**6)
    Cutting(target, PruningConfig("fixed", limits)).fold(pruner, no_error)
    for (site, rate), limit in zip(rates.items(), limits):
        assert network.kept_entries()[site] == int((rate <= limit).sum())
    again = Smallify(SmallifyConfig())
    again.attach(grid_network())
    with pytest.raises(SrnInputError, match="2 thresholds, but the network has 3 layers"):
        Cutting(target, PruningConfig("fixed", (0.5, 0.5))).fold(again, no_error)


def test_layerwise_thresholds_find_the_layer_that_matters() -> None:
    """Only errors in the coarsest layer count here: it must keep more than a common threshold would leave it."""

    def fold(thresholds: str) -> tuple[SceneNetwork, float]:
        network = grid_network()
        pruner = KeepAll()
        pruner.attach(network)
        before = torch.as_tensor(network.arrays()["detail2"])

        def error_of(candidate: SceneNetwork) -> float:
            return float((torch.as_tensor(candidate.arrays()["detail2"]) - before).square().sum())

        Cutting(ParameterTarget(storage(), 800), PruningConfig(thresholds)).fold(pruner, error_of)
        return network, error_of(network)

    (common, worse), (own, better) = fold("searched"), fold("layerwise")
    assert better < worse
    assert own.kept_entries()["detail2"] > common.kept_entries()["detail2"]
    assert sum(own.kept_entries().values()) <= sum(common.kept_entries().values()) * 1.02


def test_cut_and_step_go_together() -> None:
    network = grid_network()
    masks = {s.name: network.importance(s.name).numpy() > 0.5 for s in network.sites()}
    cut = cut_copy(network, masks)
    sizes = np.concatenate([np.abs(v).ravel() for n, v in cut.arrays().items() if n.startswith(("approx", "detail"))])
    step = natural_step(cut)
    assert step == pytest.approx(np.quantile(sizes[sizes > 0], SMALLEST_KEPT) / DEAD_ZONE, rel=1e-6)
    assert natural_step(sine_network()) is None


def test_restored_network_holds_the_stored_numbers() -> None:
    network, store = grid_network(), storage()
    stored = store.arrays_of(network, Precision(step=0.5, weight_levels=100))
    again = restored(network, stored)
    for name, values in again.arrays().items():
        assert np.array_equal(values, stored[name].values())
        if name.startswith(("approx", "detail")):
            assert np.abs(values - network.arrays()[name]).max() <= 0.2501 + 1e-6


@pytest.mark.parametrize("bound", [-7.3, -0.2, 0.0, 0.4, 5.7])
@pytest.mark.parametrize("off", [0.6, 1.0, 1.5])
def test_search_goes_as_far_as_fits_with_few_measurements(bound: float, off: float) -> None:
    measured = []

    def measure(x: float) -> float:
        measured.append(x)
        return 2.0 ** (x - bound) * 0.9 + 0.1

    found = largest(lambda x: off * 2.0 ** (x - bound), measure, -10, 10)
    assert found is not None and 0.97 < 2.0 ** (found - bound) * 0.9 + 0.1 <= 1.0
    assert len(measured) <= 8


def test_search_ends_where_nothing_grows_or_nothing_fits() -> None:
    assert largest(lambda x: 0.5, lambda x: 0.5, 0, 10) == 10
    assert largest(lambda x: 2.0, lambda x: 2.0, 0, 10) is None


@pytest.mark.parametrize("network", ["fvsrn", "neurcomp"])
@pytest.mark.parametrize("ratio", [15, 30])
def test_the_file_lands_within_three_percent(network: str, ratio: float) -> None:
    volume = waves(40, 40, 40)
    settings = {"training.passes": 3, "network": network, "target.ratio": ratio, "device": "cpu"}
    result = srn_core.compress(volume, **settings)
    assert ratio <= result.report["ratio"] <= 1.03 * ratio
    assert math.isfinite(result.report["psnr"])

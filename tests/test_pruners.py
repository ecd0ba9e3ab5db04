"""The pruner contract, and Smallify against its equations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from srn_core.config import CompressConfig, SmallifyConfig
from srn_core.errors import SrnInputError
from srn_core.networks import SceneNetwork, build_network
from srn_core.pruners import PRUNERS, Smallify, build_pruner
from srn_core.pruners.sign_variance import SignVariance
from srn_core.spec import FvSrnSpec, NeurcompSpec
from srn_core.training.sizing import wavelet_spec

HALF = (1.0, 1.0, 1.0)


def networks() -> list[SceneNetwork]:
    specs = [
        FvSrnSpec(HALF, 1, (8,), 2, 3, (6, 8, 8), wavelet_spec("bior4.4", 2)),
        FvSrnSpec(HALF, 1, (8,), 2, 3, (6, 8, 8), None),
        NeurcompSpec(HALF, 1, 12, (10, 9), True, 30.0),
        NeurcompSpec(HALF, 1, 12, (10, 9), False, 30.0),
    ]
    return [build_network(spec, torch.Generator().manual_seed(0)) for spec in specs]


@pytest.fixture(params=range(4), ids=["wavelet", "spatial", "residual", "plain"])
def network(request: pytest.FixtureRequest) -> SceneNetwork:
    return networks()[request.param]


def attached(network: SceneNetwork, **changes: Any) -> Smallify:
    pruner = Smallify(SmallifyConfig(**changes))
    pruner.attach(network, torch.Generator().manual_seed(1))
    return pruner


POINTS = torch.rand(200, 3, generator=torch.Generator().manual_seed(2)) * 2 - 1


@pytest.mark.parametrize("name", PRUNERS)
def test_fold_leaves_a_plain_network_with_the_arrays_of_its_spec(name: str, network: SceneNetwork) -> None:
    pruner = build_pruner(CompressConfig(pruner=name))
    pruner.attach(network, torch.Generator().manual_seed(0))
    pruner.eval()
    before = network(POINTS)
    pruner.fold()
    torch.testing.assert_close(network(POINTS), before, atol=2e-5, rtol=1e-4)
    assert {n: a.shape for n, a in network.arrays().items()} == network.spec().shapes()
    with pytest.raises(RuntimeError, match="attached to no network"):
        _ = pruner.network


def test_unknown_pruner_names_the_known_ones() -> None:
    with pytest.raises(SrnInputError, match="none, mask, smallify"):
        CompressConfig(pruner="magic")


def test_switches_start_normal_as_in_the_thesis(network: SceneNetwork) -> None:
    pruner = attached(network)
    betas = pruner.beta.detach().numpy()
    assert {n: tuple(b.shape) for n, b in pruner.by_site(pruner.beta).items()} == {
        s.name: s.shape for s in network.sites()
    }
    if len(betas) > 300:
        assert abs(betas.mean()) < 0.2 and abs(betas.std() - 1) < 0.15
    opened = attached(network, initial="one")
    assert (opened.beta == 1).all()


def test_switches_multiply_the_site(network: SceneNetwork) -> None:
    """Setting all switches to zero silences every site (2.11)."""
    pruner = attached(network)
    with torch.no_grad():
        pruner.beta.zero_()
    site = network.sites()[0]
    values = torch.ones(3, *site.shape)
    assert (network.gated(site.name, values) == 0).all()


def test_loss_is_equation_2_12(network: SceneNetwork) -> None:
    pruner = attached(network, lambda_beta=0.3, lambda_weight=0.07)
    betas = float(np.abs(pruner.beta.detach().numpy().astype(float)).sum())
    weights = sum(
        float((w.detach().numpy().astype(float) ** 2).sum()) for site in network.sites() for w in site.weights
    )
    assert float(pruner.loss().detach()) == pytest.approx(0.3 * betas + 0.07 * weights, rel=1e-5)


def test_loss_pulls_switches_to_zero(network: SceneNetwork) -> None:
    pruner = attached(network, lambda_beta=2.0, lambda_weight=0.0)
    pruner.loss().backward()
    assert pruner.beta.grad is not None
    np.testing.assert_allclose(pruner.beta.grad.numpy(), 2.0 * np.sign(pruner.beta.detach().numpy()))


def test_sign_variance_is_the_exponentially_weighted_variance() -> None:
    """Finch's recursion (4.1) against the definition: weights alpha (1 - alpha)^k on past signs."""
    rng = np.random.default_rng(0)
    signs = np.sign(rng.normal(size=(60, 5)) + 0.3)
    alpha = 0.1
    tracker = SignVariance(torch.tensor(signs[0]), alpha)
    for row in signs[1:]:
        tracker.observe(torch.tensor(row * 3.7))
    n = len(signs)
    weights = np.array([(1 - alpha) ** (n - 1)] + [alpha * (1 - alpha) ** (n - 1 - k) for k in range(1, n)])
    mean = (weights[:, None] * signs).sum(0)
    variance = (weights[:, None] * (signs - mean) ** 2).sum(0)
    np.testing.assert_allclose(tracker.mean.numpy(), mean, atol=1e-12)
    np.testing.assert_allclose(tracker.variance.numpy(), variance, atol=1e-12)


def test_sign_variance_tells_the_undecided_from_the_decided() -> None:
    tracker = SignVariance(torch.ones(2), 0.05)
    for step in range(400):
        tracker.observe(torch.tensor([1.0, -1.0 if step % 2 else 1.0]))
    assert float(tracker.variance[0]) == 0.0
    assert float(tracker.variance[1]) > 0.9


def test_trackers_state_is_saved_and_follows_the_module(network: SceneNetwork) -> None:
    pruner = attached(network)
    state = pruner.state_dict()
    assert set(state) == {"beta", "tracker.mean", "tracker.variance"}
    assert state["tracker.variance"].shape == (sum(math.prod(s.shape) for s in network.sites()),)
    assert not any("layers" in key or "coefficients" in key for key in state), "the network is not the pruner's"


def test_flipping_switches_are_pruned_and_removed(network: SceneNetwork) -> None:
    size = sum(p.numel() for p in network.parameters())
    pruner = attached(network, momentum=0.1)
    undecided = torch.arange(pruner.beta.numel()) % 3 == 0
    for step in range(100):
        with torch.no_grad():
            pruner.beta.copy_(torch.where(undecided, 1e-4 * (-1.0) ** step, 0.8))
        pruner.after_step()
    for site, mask in pruner.mask().items():
        assert torch.equal(mask, ~pruner.by_site(undecided)[site])
    assert pruner.kept_fraction() == pytest.approx(1 - float(undecided.float().mean()))
    before = network(POINTS)
    pruner.fold()
    # What goes was multiplied by 1e-4: its loss is of that order.
    torch.testing.assert_close(network(POINTS), before, atol=5e-3, rtol=0)
    assert sum(int(np.count_nonzero(a)) for a in network.arrays().values()) < size


def test_pruned_neurons_shrink_the_matrices() -> None:
    network = build_network(NeurcompSpec(HALF, 1, 12, (10, 9), True, 30.0), torch.Generator().manual_seed(0))
    pruner = attached(network)
    with torch.no_grad():
        pruner.by_site(pruner.tracker.variance)["block0.inner"][:4] = 1.0
    pruner.fold()
    spec = network.spec()
    assert isinstance(spec, NeurcompSpec) and spec.hidden == (6, 9)
    assert network.arrays()["block0.inner.weight"].shape == (6, 12)
    assert network.arrays()["block0.outer.weight"].shape == (12, 6)


def test_smallify_prunes_when_trained(network: SceneNetwork) -> None:
    """With a heavy L1 and nothing to learn, switches go to zero, flip there and are pruned."""
    pruner = attached(network, lambda_beta=1.0, lambda_weight=0.0, momentum=0.1)
    optimiser = torch.optim.Adam(pruner.parameters(), lr=0.05)
    for _ in range(200):
        optimiser.zero_grad()
        pruner.loss().backward()
        optimiser.step()
        pruner.after_step()
    assert pruner.kept_fraction() < 0.2

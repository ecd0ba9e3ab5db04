"""The noise of variational dropout: its moments, counted (thesis 2.13-2.16)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pruned import network_of, pruner_on
from torch import Tensor

from srn_core.pruners.householder import Reflections
from srn_core.pruners.noise import LocalNoiseGate, Noise, NoiseGate
from srn_core.pruners.variational import VariationalDropout

DRAWS = 40_000


def drawn(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def set_up(kind: str, **settings: object) -> VariationalDropout:
    pruner = pruner_on(network_of(kind), "variational-static", **settings)
    assert isinstance(pruner, VariationalDropout)
    draw = drawn(6)
    with torch.no_grad():
        pruner.log_theta.copy_(0.3 * torch.randn(pruner.log_theta.shape, generator=draw))
        pruner.log_variance.copy_(torch.randn(pruner.log_variance.shape, generator=draw) - 1)
    return pruner


def assert_moments(samples: Tensor, mean: Tensor, covariance: Tensor) -> None:
    """Rows of samples have these moments, within five standard errors."""
    count = len(samples)
    spread = covariance.diagonal().sqrt()
    assert ((samples.mean(0) - mean).abs() < 5 * spread / count**0.5).all()
    error = (2 * torch.outer(spread, spread).square()).sqrt() / count**0.5
    assert ((torch.cov(samples.t()) - covariance).abs() < 5 * error).all()


def householder(vectors: Tensor) -> Tensor:
    """The product of reflections, the last one to the left, typed in."""
    q = torch.eye(vectors.shape[1], dtype=vectors.dtype)
    for v in vectors:
        q = (torch.eye(len(v), dtype=v.dtype) - 2 * torch.outer(v, v) / v.dot(v)) @ q
    return q


def test_each_sample_of_a_layer_draws_its_own_noise() -> None:
    pruner = set_up("residual")
    site = "block0.inner"
    x = torch.linspace(-2, 2, 10)
    with torch.no_grad():
        samples = pruner.network.gated(site, x.expand(DRAWS, 10))
    theta = pruner.by_site(pruner.log_theta.detach())[site].exp()
    variance = pruner.by_site(pruner.log_variance.detach())[site].exp()
    assert_moments(samples, x * theta, torch.diag(x.square() * variance))
    follow = torch.corrcoef(torch.stack([samples[:-1, 0], samples[1:, 0]]))[0, 1]
    assert abs(float(follow)) < 5 / DRAWS**0.5


def test_the_features_of_a_coefficient_share_its_noise() -> None:
    pruner = set_up("spatial")
    values = torch.ones(3, 6, 8, 8)
    with torch.no_grad():
        samples = torch.stack([pruner.network.gated("grid", values) for _ in range(4000)])
    assert torch.equal(samples[:, 0], samples[:, 1]) and torch.equal(samples[:, 0], samples[:, 2])
    theta, variance = pruner.log_theta.detach().exp(), pruner.log_variance.detach().exp()
    flat = samples[:, 0].reshape(len(samples), -1)
    assert ((flat.mean(0) - theta).abs() < 5 * (variance / 4000).sqrt()).all()
    torch.testing.assert_close(flat.var(0), variance, rtol=0.15, atol=0)


def test_initial_drop_rate_is_the_setting() -> None:
    pruner = pruner_on(network_of("wavelet"), "variational-dynamic", initial_drop_rate=0.2)
    for site, rates in pruner.drop_rates().items():
        torch.testing.assert_close(rates, torch.full_like(rates, 0.2))
        torch.testing.assert_close(pruner.values()[site], torch.ones_like(rates))


def test_drop_rate_is_that_of_alpha() -> None:
    pruner = set_up("residual")
    sigma = (0.5 * pruner.log_variance.detach().double()).exp()
    theta = pruner.log_theta.detach().double().exp()
    alpha = sigma**2 / theta**2
    for site, expected in pruner.by_site(alpha / (1 + alpha)).items():
        torch.testing.assert_close(pruner.drop_rates()[site].double(), expected, rtol=1e-5, atol=0)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_reflections_are_the_product_of_householder_matrices(count: int) -> None:
    draw = drawn(7)
    vectors = torch.randn(count, 9, generator=draw, dtype=torch.float64)
    rows = torch.randn(4, 9, generator=draw, dtype=torch.float64)
    variances = torch.rand(9, generator=draw, dtype=torch.float64)
    q = householder(vectors)
    torch.testing.assert_close(q @ q.t(), torch.eye(9, dtype=torch.float64))
    torch.testing.assert_close(Reflections(vectors).apply(rows), rows @ q.t())
    torch.testing.assert_close(
        Reflections(vectors).variances(variances), (q @ torch.diag(variances) @ q.t()).diagonal()
    )


def test_one_reflections_variances_in_closed_form() -> None:
    """With u the unit vector: d_i (1 - 4 u_i^2) + 4 u_i^2 sum_j u_j^2 d_j."""
    vector, variances = torch.tensor([[3.0, 0.0, 4.0]]), torch.tensor([1.0, 2.0, 5.0])
    u2 = np.array([9, 0, 16]) / 25
    d = variances.numpy()
    expected = d * (1 - 4 * u2) + 4 * u2 * (u2 * d).sum()
    np.testing.assert_allclose(Reflections(vector).variances(variances).numpy(), expected, rtol=1e-6)


def test_gradients_of_reflections_are_exact() -> None:
    draw = drawn(8)
    vectors = torch.randn(3, 6, generator=draw, dtype=torch.float64, requires_grad=True)
    variances = torch.rand(6, generator=draw, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v, d: Reflections(v).variances(d), (vectors, variances))
    assert torch.autograd.gradcheck(lambda v, d: Reflections(v).apply(d), (vectors, variances))


def test_reflected_noise_has_the_covariance_it_is_said_to_have() -> None:
    pruner = set_up("residual", reflections=2)
    site = "block1.inner"
    place = pruner.place(site)
    assert pruner.vectors is not None
    with torch.no_grad():
        samples = pruner.network.gated(site, torch.ones(DRAWS, 9))
        q = householder(pruner.vectors[:, place])
        covariance = q @ torch.diag(pruner.log_variance[place].exp()) @ q.t()
        assert_moments(samples, pruner.log_theta[place].exp(), covariance)
        marginal = pruner.marginal_log_variance()[place].exp()
    torch.testing.assert_close(marginal, covariance.diagonal(), rtol=1e-4, atol=1e-6)


def test_local_noise_has_the_moments_of_noise_before_the_map() -> None:
    draw = drawn(9)
    noise = Noise(torch.rand(6, generator=draw) + 0.5, torch.rand(6, generator=draw), None)
    weight, bias = torch.randn(4, 6, generator=draw), torch.randn(4, generator=draw)
    x = torch.randn(6, generator=draw).expand(DRAWS, 6)
    before = NoiseGate(lambda: noise, lambda: True, drawn(10))(x) @ weight.t() + bias
    behind = LocalNoiseGate(lambda: noise, lambda: True, drawn(11)).linear(x, weight, bias)
    mean = (x[0] * noise.mean) @ weight.t() + bias
    covariance = weight @ torch.diag((x[0] * noise.spread).square()) @ weight.t()
    assert_moments(before, mean, covariance)
    assert_moments(behind, mean, torch.diag(covariance.diagonal()))
    calm = LocalNoiseGate(lambda: noise, lambda: False, drawn(12)).linear(x[:1], weight, bias)
    torch.testing.assert_close(calm[0], mean)


def test_local_noise_survives_a_silent_layer() -> None:
    x = torch.zeros(3, 6, requires_grad=True)
    spread = torch.ones(6, requires_grad=True)
    gate = LocalNoiseGate(lambda: Noise(torch.ones(6), spread, None), lambda: True, drawn(0))
    gate.linear(x, torch.ones(2, 6), torch.zeros(2)).sum().backward()
    assert x.grad is not None and spread.grad is not None
    assert torch.isfinite(x.grad).all() and torch.isfinite(spread.grad).all()


@pytest.mark.parametrize(
    ("kind", "settings", "local"),
    [("residual", {}, True), ("plain", {}, True), ("residual", {"reflections": 1}, False), ("spatial", {}, False)],
)
def test_noise_is_drawn_behind_linear_layers_where_that_is_known_how(kind: str, settings: dict, local: bool) -> None:
    pruner = pruner_on(network_of(kind), "variational-static", local_reparameterisation=True, **settings)
    network = pruner.network
    assert all(hasattr(network._gates[site.name], "linear") == local for site in network.sites())
    points = torch.zeros(4, 3)
    with torch.no_grad():
        first, second = network(points), network(points)
        assert not torch.equal(first, second)
        pruner.eval()
        calm = network(points)
        pruner.fold()
        torch.testing.assert_close(network(points), calm, atol=1e-6, rtol=1e-5)

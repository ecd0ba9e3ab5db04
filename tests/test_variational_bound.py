"""The bound that variational dropout maximises, term by term (thesis 2.17-2.21, 4.2)."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from pruned import POINTS, SPECS, batch_for, network_of, pruner_on
from torch import Tensor
from torch.distributions import Bernoulli, MultivariateNormal, Normal, kl_divergence

from srn_core.networks.batch import Batch
from srn_core.pruners import DynamicVariational, StaticVariational
from srn_core.pruners.divergence import divergence_from_prior, drop_rate_entropy
from srn_core.pruners.likelihoods import negative_log_likelihood, psigma_for
from srn_core.pruners.position_sigma import FLOOR, PositionSigma
from srn_core.pruners.variational import VariationalDropout


def on(kind: str, name: str = "static", **settings: object) -> VariationalDropout:
    pruner = pruner_on(network_of(kind), f"variational-{name}", **settings)
    assert isinstance(pruner, VariationalDropout)
    draw = torch.Generator().manual_seed(6)
    with torch.no_grad():
        pruner.log_theta.copy_(0.3 * torch.randn(pruner.log_theta.shape, generator=draw))
        pruner.log_variance.copy_(2 * torch.randn(pruner.log_variance.shape, generator=draw))
    return pruner


def test_divergence_is_that_from_the_log_uniform_prior() -> None:
    """(2.20) against the integral it approximates: -H(q) + E log|Xi| and the constant that makes it end at 0."""
    eps = (np.arange(400_000) + 0.5) / 400_000 * 20 - 10
    density = np.exp(-0.5 * eps**2) / math.sqrt(2 * math.pi) * 20 / 400_000
    at_infinity = float((density * np.log(np.abs(eps))).sum())
    for log_alpha in np.linspace(-8, 8, 33):
        root = math.exp(log_alpha / 2)
        expected = -0.5 * log_alpha + float((density * np.log(np.abs(1 + root * eps))).sum()) - at_infinity
        got = float(divergence_from_prior(torch.tensor(log_alpha)))
        assert got == pytest.approx(expected, abs=0.03)


def test_divergence_falls_to_nothing_as_the_noise_grows() -> None:
    log_alpha = torch.linspace(-30, 30, 601, dtype=torch.float64)
    values = divergence_from_prior(log_alpha)
    assert (values.diff() < 0).all() and float(values[-1]) == pytest.approx(0.0, abs=1e-9)
    assert torch.isfinite(divergence_from_prior(torch.tensor([-200.0, 200.0]))).all()


def test_entropy_is_that_of_a_coin() -> None:
    log_alpha = torch.linspace(-12, 12, 49, dtype=torch.float64)
    torch.testing.assert_close(drop_rate_entropy(log_alpha), Bernoulli(logits=log_alpha).entropy())
    extreme = torch.tensor([-300.0, 300.0], requires_grad=True)
    drop_rate_entropy(extreme).sum().backward()
    assert extreme.grad is not None and torch.isfinite(extreme.grad).all()


def test_less_entropy_means_drop_rates_of_0_or_1() -> None:
    p = torch.tensor([0.3, 0.45, 0.55, 0.7])
    log_alpha = torch.logit(p).requires_grad_()
    optimiser = torch.optim.SGD([log_alpha], lr=1.0)
    for _ in range(500):
        optimiser.zero_grad()
        drop_rate_entropy(log_alpha).sum().backward()
        optimiser.step()
    rates = torch.sigmoid(log_alpha.detach())
    assert (rates[:2] < 0.05).all() and (rates[2:] > 0.95).all()


def test_likelihood_is_that_of_a_normal_distribution() -> None:
    values, target, log_psigma = torch.randn(3, 50, 2, generator=torch.Generator().manual_seed(0)).double()
    expected = -Normal(values, log_psigma.exp()).log_prob(target)
    torch.testing.assert_close(negative_log_likelihood(values, target, log_psigma), expected)


def weighted_mean(values: Tensor, batch: Batch) -> Tensor:
    return values.mean() if batch.weight is None else values[batch.weight[:, 0] > 0].mean()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", SPECS)
def test_static_data_term_is_the_scaled_likelihood(kind: str, weighted: bool) -> None:
    pruner = on(kind, psigma=0.13).eval()
    assert isinstance(pruner, StaticVariational)
    batch = batch_for(pruner.network, True, weighted)
    with torch.no_grad():
        got = pruner.data_term(batch).loss
        likelihood = -Normal(pruner.network(batch.points()), 0.13).log_prob(batch.target)
    torch.testing.assert_close(got, 2 * 0.13**2 * weighted_mean(likelihood, batch), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", SPECS)
def test_dynamic_data_term_is_the_scaled_likelihood(kind: str, weighted: bool) -> None:
    pruner = on(kind, "dynamic").eval()
    assert isinstance(pruner, DynamicVariational)
    batch = batch_for(pruner.network, True, weighted)
    with torch.no_grad():
        pruner.psigma_squared.fill_(0.02)
        for parameter in pruner.sigma.parameters():
            parameter.mul_(1.3)
        got = pruner.data_term(batch).loss
        psigma = pruner.sigma(batch.points()).exp()
        likelihood = -Normal(pruner.network(batch.points()), psigma).log_prob(batch.target)
    torch.testing.assert_close(got, 0.04 * weighted_mean(likelihood, batch), rtol=1e-4, atol=1e-6)
    assert float(pruner.psigma_squared) == pytest.approx(0.02), "evaluation leaves the running mean alone"


def test_running_mean_follows_psigma_in_training() -> None:
    pruner = on("spatial", "dynamic")
    assert isinstance(pruner, DynamicVariational)
    pruner.psigma_squared.fill_(1.0)
    batch = batch_for(pruner.network, False)
    expected = 1.0
    for _ in range(5):
        latest = float(pruner.sigma(batch.points()).detach().exp().square().mean())
        expected += 0.02 * (latest - expected)
        pruner.data_term(batch)
    assert float(pruner.psigma_squared) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", ["static", "dynamic"])
def test_loss_is_equation_2_21(name: str) -> None:
    settings = {"kl_weight": 0.7, "kl_ramp": 2.0, "lambda_weight": 0.3, "lambda_entropy": 0.2, "weight_norm": 1}
    pruner = on("plain", name, **settings)
    pruner.data_size = 1234
    pruner.advance(0.25)
    log_theta, log_variance = (p.detach().double() for p in (pruner.log_theta, pruner.log_variance))
    alpha = log_variance.exp() / log_theta.exp() ** 2
    minus = 0.63576 / (1 + torch.exp(-(1.87320 + 1.48695 * alpha.log()))) - 0.5 * torch.log(1 + 1 / alpha) - 0.63576
    p = alpha / (1 + alpha)
    weights = sum(float(w.detach().abs().sum()) for site in pruner.network.sites() for w in site.weights)
    entropy = float(Bernoulli(probs=p).entropy().sum())
    psigma = psigma_for("fvsrn", 100.0)
    bound = 0.35 * -float(minus.sum()) + 0.3 * weights + 0.2 * entropy
    assert float(pruner.loss().detach()) == pytest.approx(2 * psigma**2 / 1234 * bound, rel=1e-4)


def test_weight_of_the_divergence_grows_to_its_cap() -> None:
    pruner = on("plain", kl_weight=0.5, kl_ramp=4.0)
    found = []
    for done in (0.0, 0.1, 0.25, 0.6, 1.0):
        pruner.advance(done)
        found.append(pruner.kl_weight)
    assert found == pytest.approx([0.0, 0.2, 0.5, 0.5, 0.5])


def test_reflected_divergence_is_that_of_the_correlated_noise() -> None:
    """D_KL(q || p) = sum of the marginals' divergences + D_KL(q || product of its marginals)."""
    pruner = on("residual", reflections=2)
    plain = on("residual")
    assert pruner.vectors is not None
    expected = 0.0
    for site in pruner.network.sites():
        place = pruner.place(site.name)
        q = torch.eye(place.stop - place.start, dtype=torch.float64)
        for v in pruner.vectors.detach()[:, place].double():
            q = (torch.eye(len(v)) - 2 * torch.outer(v, v) / v.dot(v)) @ q
        covariance = q @ torch.diag(pruner.log_variance.detach()[place].double().exp()) @ q.t()
        covariance = (covariance + covariance.t()) / 2
        theta = pruner.log_theta.detach()[place].double().exp()
        independent = torch.diag(covariance.diagonal())
        expected += float(kl_divergence(MultivariateNormal(theta, covariance), MultivariateNormal(theta, independent)))
        expected += float(divergence_from_prior((covariance.diagonal() / theta**2).log()).sum())
    assert float(pruner.divergence().detach()) == pytest.approx(expected, rel=1e-4)
    assert float(plain.divergence().detach()) != pytest.approx(expected, rel=1e-2)


@pytest.mark.parametrize("parameter", ["log_theta", "log_variance", "vectors"])
def test_gates_see_the_gradient_of_the_bound(parameter: str) -> None:
    """Finite differences of the loss, taken in units of S / N."""
    pruner = on("residual", psigma=0.1, reflections=1, lambda_entropy=0.4).double()
    pruner.advance(1.0)
    pruner.loss().backward()
    values = getattr(pruner, parameter)
    step = 1e-5
    unit = 2 * 0.1**2 / pruner.data_size
    for index in (0, 7, values.numel() - 1):
        ends = []
        for sign in (1, -1):
            with torch.no_grad():
                values.view(-1)[index] += sign * step
                ends.append(float(pruner.loss()) / unit)
                values.view(-1)[index] -= sign * step
        assert float(values.grad.view(-1)[index]) == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-4, abs=1e-6)


def test_data_and_divergence_are_weighed_against_each_other_as_in_the_bound() -> None:
    """The gates' gradient of data term plus loss, without noise, is that of N * mean NLL + D_KL."""
    pruner = on("plain", psigma=0.2, kl_weight=1.0).double().eval()
    pruner.network.double()
    pruner.advance(1.0)
    batch = batch_for(pruner.network, False)
    batch = Batch(batch.points().double(), batch.target.double(), None)
    (pruner.data_term(batch).loss + pruner.loss()).backward()
    assert pruner.log_theta.grad is not None
    for index in (0, 13, 30):
        ends = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                pruner.log_theta[index] += step
                likelihood = -Normal(pruner.network(batch.points()), 0.2).log_prob(batch.target)
                ends.append(float(pruner.data_size * likelihood.mean() + pruner.divergence()))
                pruner.log_theta[index] -= step
        assert float(pruner.log_theta.grad[index]) == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-4)


def test_second_network_starts_near_its_start_and_stays_above_the_floor() -> None:
    sigma = PositionSigma(2, 2, 16, 0.03, torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(sigma(POINTS).exp(), torch.full((200, 2), 0.03), rtol=0.2, atol=0)
        sigma.dense[-1].bias.fill_(-40.0)
    out = sigma(POINTS)
    torch.testing.assert_close(out.detach().exp(), torch.full((200, 2), FLOOR))


def test_second_network_learns_where_the_errors_are() -> None:
    network = network_of("residual")
    pruner = pruner_on(network, "variational-dynamic").eval()
    assert isinstance(pruner, DynamicVariational)
    draw = torch.Generator().manual_seed(1)
    points = torch.rand(3000, 3, generator=draw) * 2 - 1
    spread = torch.where(points[:, :1] > 0, 0.3, 0.02)
    with torch.no_grad():
        batch = Batch(points, network(points) + spread * torch.randn(3000, 1, generator=draw), None)
    optimiser = torch.optim.Adam(pruner.sigma.parameters(), lr=2e-2)
    for _ in range(300):
        optimiser.zero_grad()
        pruner.data_term(batch).loss.backward()
        optimiser.step()
    log_psigma = pruner.sigma(points).detach()[:, 0]
    rough, fine = (float(log_psigma[where].mean().exp()) for where in (points[:, 0] > 0.2, points[:, 0] < -0.2))
    assert rough == pytest.approx(0.3, rel=0.3)
    assert fine == pytest.approx(0.02, rel=0.3)


def test_weight_of_the_divergence_suits_the_network_where_it_is_open() -> None:
    few, many = on("plain"), on("wavelet")
    for pruner in (few, many):
        pruner.data_size = 10**6
        pruner.advance(1.0)
    assert few.kl_weight == pytest.approx(10**6 / few.log_theta.numel())
    assert many.kl_weight == 1.0
    few.data_size = 1
    assert few.largest_kl_weight() == 1.0

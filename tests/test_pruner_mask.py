"""Binary masks against their equations (thesis 2.10, 4.3), and the norms that all pruners put on weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pruned import SPECS, network_of, pruner_on

from srn_core.pruners import Mask
from srn_core.pruners.flat import weight_norm
from srn_core.pruners.gradient_scale import GradientScale
from srn_core.pruners.mask import StraightThrough


def masked(kind: str = "wavelet", **settings: object) -> Mask:
    pruner = pruner_on(network_of(kind), "mask", **settings)
    assert isinstance(pruner, Mask)
    with torch.no_grad():
        pruner.logits.copy_(torch.randn(pruner.logits.shape, generator=torch.Generator().manual_seed(5)))
    return pruner


def test_straight_through_is_equation_4_3() -> None:
    """Against the equation typed in with detach() for sg."""
    draw = torch.Generator().manual_seed(0)
    weights = torch.randn(3, 4, 5, generator=draw, dtype=torch.float64, requires_grad=True)
    logits = torch.randn(4, 5, generator=draw, dtype=torch.float64, requires_grad=True)
    towards = torch.randn(3, 4, 5, generator=draw, dtype=torch.float64)
    soft = torch.sigmoid(logits)
    hard = (soft >= 0.4).double()
    out = StraightThrough.apply(weights, soft, hard)
    got = torch.autograd.grad((out * towards).sum(), (weights, logits))
    mask = torch.sigmoid(logits)
    equation = (weights * (mask >= 0.4) - weights * mask).detach() + weights * mask
    expected = torch.autograd.grad((equation * towards).sum(), (weights, logits))
    torch.testing.assert_close(out, equation)
    torch.testing.assert_close(got, expected)
    # By hand: the gradient passes the threshold as if it were not there.
    slope = (mask * (1 - mask)).detach()
    torch.testing.assert_close(got[1], (weights.detach() * towards).sum(0) * slope)


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.8])
def test_the_gate_is_one_or_nothing(threshold: float) -> None:
    pruner = masked(threshold=threshold)
    for site in pruner.network.sites():
        soft = torch.sigmoid(pruner.by_site(pruner.logits.detach())[site.name])
        out = pruner.network.gated(site.name, torch.full((2, *site.shape), 3.0))
        assert torch.equal(out, torch.where(soft < 1 - threshold, 0.0, 3.0).expand_as(out))
        assert torch.equal(out[0] > 0, pruner.mask()[site.name])


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("kind", SPECS)
def test_loss_is_equation_2_10(kind: str, p: int) -> None:
    pruner = masked(kind, lambda_mask=0.3, lambda_weight=0.07, weight_norm=p)
    soft = 1 / (1 + np.exp(-pruner.logits.detach().numpy().astype(float)))
    weights = [w.detach().numpy().astype(float) for site in pruner.network.sites() for w in site.weights]
    expected = 0.3 * soft.sum() + 0.07 * sum((np.abs(w) ** p).sum() for w in weights)
    assert float(pruner.loss().detach()) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("price", [1e-9, 0.5])
def test_the_price_pulls_all_masks_shut_whatever_its_size(price: float) -> None:
    """The L1 norm is on sigmoid(M): its gradient has one sign, on both sides of the threshold."""
    pruner = masked(lambda_mask=price, lambda_weight=0.0)
    pruner.loss().backward()
    soft = torch.sigmoid(pruner.logits.detach())
    assert pruner.logits.grad is not None
    torch.testing.assert_close(pruner.logits.grad, soft * (1 - soft))


def test_masks_start_open_at_the_setting() -> None:
    pruner = pruner_on(network_of("residual"), "mask", initial=0.8)
    for site, rates in pruner.drop_rates().items():
        torch.testing.assert_close(rates, torch.full_like(rates, 0.2))
        assert (pruner.values()[site] == 1).all()


def test_the_price_comes_in_gradually() -> None:
    pruner = masked(lambda_mask=0.3, lambda_weight=0.0)
    whole = float(pruner.loss().detach())
    for done, share in ((0.0, 0.0), (0.25, 0.0), (0.5, 0.5), (0.75, 1.0), (1.0, 1.0)):
        pruner.advance(done)
        assert float(pruner.loss().detach()) == pytest.approx(share * whole)


def test_what_is_shut_stays_shut() -> None:
    pruner = masked()
    with torch.no_grad():
        pruner.logits[::2] = -0.1
    for site, values in pruner.values().items():
        assert torch.equal(values > 0, pruner.drop_rates()[site] <= 0.5)
        assert (pruner.contributions()[site][values == 0] == 0).all()


@pytest.mark.parametrize("p", [1, 2])
def test_weight_norms_gradient_is_that_of_the_powers(p: int) -> None:
    draw = torch.Generator().manual_seed(0)
    weights = [torch.randn(*s, generator=draw, dtype=torch.float64, requires_grad=True) for s in ((3, 4), (2, 5, 2))]
    assert torch.autograd.gradcheck(lambda *w: weight_norm(w, p), weights)
    expected = sum(float((w.detach().abs() ** p).sum()) for w in weights)
    assert float(weight_norm(weights, p).detach()) == pytest.approx(expected)


def test_a_scaled_gradient_changes_the_gradient_alone() -> None:
    values = torch.tensor([1.0, -2.0], requires_grad=True)
    scaled = GradientScale.apply(values, 1e6)
    assert torch.equal(scaled, values)
    scaled.square().sum().backward()
    assert values.grad is not None
    torch.testing.assert_close(values.grad, torch.tensor([2e6, -4e6]))

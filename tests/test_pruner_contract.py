"""What every pruner keeps to on every network."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from pruned import POINTS, SPECS, batch_for, decide, network_of, pruner_on, train

from srn_core.pruners import PRUNERS, Mask

LEARNING = [name for name in PRUNERS if name not in ("none", "rate")]
VARIATIONAL = [name for name in PRUNERS if name.startswith("variational")]
EVERYTHING: dict[str, dict[str, Any]] = {
    "mask": {"lambda_mask": 1e-5, "lambda_weight": 1e-6, "weight_norm": 1},
    "smallify": {"lambda_beta": 1e-5, "lambda_weight": 1e-6, "weight_norm": 1},
    **{name: {"lambda_weight": 0.1, "lambda_entropy": 0.1, "reflections": 2} for name in VARIATIONAL},
}
"""Every term of the loss at work."""


@pytest.mark.parametrize("kind", SPECS)
@pytest.mark.parametrize("name", LEARNING)
def test_folding_hard_masks_changes_nothing(name: str, kind: str) -> None:
    network = network_of(kind)
    pruner = pruner_on(network, name).eval()
    kept = decide(pruner)
    flat = torch.cat([mask.reshape(-1) for mask in pruner.mask().values()])
    assert torch.equal(flat, kept)
    assert pruner.kept_fraction() == pytest.approx(float(kept.float().mean()))
    with torch.no_grad():
        before = network(POINTS)
        assert (before - network_of(kind)(POINTS)).abs().max() > 1e-3, "the gates do something"
        pruner.fold()
        torch.testing.assert_close(network(POINTS), before, atol=2e-5, rtol=1e-4)
    assert sum(network.kept_entries().values()) == int(kept.sum())
    assert {n: a.shape for n, a in network.arrays().items()} == network.spec().shapes()


@pytest.mark.parametrize("kind", SPECS)
@pytest.mark.parametrize("name", PRUNERS)
def test_rates_values_and_contributions_have_the_sites_shapes(name: str, kind: str) -> None:
    network = network_of(kind)
    pruner = pruner_on(network, name)
    shapes = {site.name: site.shape for site in network.sites()}
    for found in (pruner.drop_rates(), pruner.values(), pruner.mask(), pruner.contributions()):
        assert {site: tuple(values.shape) for site, values in found.items()} == shapes
        assert not any(values.requires_grad for values in found.values())
    assert all(((rates >= 0) & (rates <= 1)).all() for rates in pruner.drop_rates().values())
    assert all(not mask.any() for mask in pruner.mask(dict.fromkeys(shapes, -1.0)).values())
    assert pruner.loss().shape == ()


@pytest.mark.parametrize("kind", SPECS)
@pytest.mark.parametrize("name", PRUNERS)
def test_evaluation_draws_no_noise(name: str, kind: str) -> None:
    network = network_of(kind)
    pruner = pruner_on(network, name)
    with torch.no_grad():
        noisy = network(POINTS), network(POINTS)
        assert torch.equal(*noisy) != (name in VARIATIONAL)
        pruner.eval()
        assert torch.equal(network(POINTS), network(POINTS))
        pruner.train()
        assert torch.equal(network(POINTS), network(POINTS)) != (name in VARIATIONAL)


@pytest.mark.parametrize("kind", SPECS)
@pytest.mark.parametrize("name", PRUNERS)
def test_a_copy_of_the_network_keeps_its_gates(name: str, kind: str) -> None:
    network = network_of(kind)
    pruner = pruner_on(network, name).eval()
    with torch.no_grad():
        torch.testing.assert_close(copy.deepcopy(network)(POINTS), network(POINTS))
        if name in LEARNING:
            decide(pruner)
            torch.testing.assert_close(copy.deepcopy(network)(POINTS), network(POINTS))


@pytest.mark.parametrize("lattice", [True, False], ids=["lattice", "points"])
@pytest.mark.parametrize("kind", SPECS)
@pytest.mark.parametrize("name", PRUNERS)
def test_same_seed_same_result(name: str, kind: str, lattice: bool) -> None:
    results = []
    for seed in (1, 1, 2):
        network = network_of(kind)
        pruner = pruner_on(network, name, seed)
        train(network, pruner, 3, lattice)
        results.append(torch.cat([p.detach().reshape(-1) for p in [*network.parameters(), *pruner.parameters()]]))
    assert torch.equal(results[0], results[1])
    drawn = name == "smallify" or name in VARIATIONAL
    assert torch.equal(results[0], results[2]) != drawn


@pytest.mark.parametrize("kind", ["wavelet", "residual"])
@pytest.mark.parametrize("name", LEARNING)
def test_a_saved_pruner_goes_on_as_it_would_have(name: str, kind: str) -> None:
    network = network_of(kind)
    pruner = pruner_on(network, name)
    train(network, pruner, 3)
    other = network_of(kind)
    again = pruner_on(other, name, seed=9)
    other.load_state_dict(network.state_dict())
    again.load_state_dict(pruner.state_dict())
    for site, rates in pruner.drop_rates().items():
        assert torch.equal(rates, again.drop_rates()[site])
    assert torch.equal(torch.stack(train(network, pruner, 3)), torch.stack(train(other, again, 3)))


@pytest.mark.parametrize("lattice", [True, False], ids=["lattice", "points"])
@pytest.mark.parametrize("kind", SPECS)
@pytest.mark.parametrize("name", LEARNING)
def test_gradient_reaches_every_parameter(name: str, kind: str, lattice: bool) -> None:
    network = network_of(kind)
    pruner = pruner_on(network, name, **EVERYTHING.get(name, {}))
    pruner.advance(1.0)
    batch = batch_for(network, lattice, weighted=True)
    term = pruner.data_term(batch)
    (term.loss + pruner.loss()).backward()
    for owner in (network, pruner):
        for title, parameter in owner.named_parameters():
            assert parameter.grad is not None, title
            assert torch.isfinite(parameter.grad).all() and (parameter.grad != 0).any(), title


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", SPECS)
@pytest.mark.parametrize("name", PRUNERS)
def test_the_reported_error_is_the_squared_error(name: str, kind: str, weighted: bool) -> None:
    network = network_of(kind)
    pruner = pruner_on(network, name).eval()
    batch = batch_for(network, True, weighted)
    error = pruner.data_term(batch).error
    squares = (network(batch.points()) - batch.target).square()
    if batch.weight is not None:
        squares = squares[batch.weight[:, 0] > 0]
    assert not error.requires_grad
    assert float(error) == pytest.approx(float(squares.detach().mean()), rel=1e-4)


@pytest.mark.parametrize("kind", ["wavelet", "plain"])
@pytest.mark.parametrize("name", LEARNING)
def test_a_price_without_a_use_prunes(name: str, kind: str) -> None:
    """With nothing to learn but the pruner's own loss, all entries go."""
    prices = {"mask": {"lambda_mask": 1.0, "lambda_weight": 0.0}, "smallify": {"lambda_beta": 1.0, "momentum": 0.1}}
    network = network_of(kind)
    pruner = pruner_on(network, name, **prices.get(name, {}))
    assert pruner.kept_fraction() == 1.0
    optimiser = torch.optim.Adam(pruner.parameters(), lr=0.05)
    pruner.advance(1.0)
    for _ in range(250):
        optimiser.zero_grad()
        pruner.loss().backward()
        optimiser.step()
        pruner.after_step()
    assert pruner.kept_fraction() < 0.2


def test_a_mask_that_is_off_can_come_on_again() -> None:
    network = network_of("spatial")
    pruner = pruner_on(network, "mask", initial=0.45, lambda_mask=1e-6)
    assert isinstance(pruner, Mask) and pruner.kept_fraction() == 0.0
    train(network, pruner, 60)
    assert 0.05 < pruner.kept_fraction() < 0.95

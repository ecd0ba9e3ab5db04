"""What pruners ask for an entry where the settings leave it open."""

from __future__ import annotations

import pytest
import torch

from srn_core.config import CompressConfig
from srn_core.networks import build_network
from srn_core.pruners import build_pruner
from srn_core.pruners.likelihoods import psigma_for
from srn_core.pruners.prices import entry_price, expected_error
from srn_core.spec import NeurcompSpec


def test_expected_error_grows_with_the_ratio() -> None:
    errors = [expected_error(ratio) for ratio in (1, 10, 100, 1000)]
    assert errors == sorted(set(errors))
    assert expected_error(10) == 0.01
    assert expected_error(0.1) == errors[0] and expected_error(1e9) == 0.2


@pytest.mark.parametrize("network", ["fvsrn", "neurcomp"])
def test_prices_grow_with_the_expected_error(network: str) -> None:
    assert entry_price(network, 400) == pytest.approx(4 * entry_price(network, 100))
    assert psigma_for(network, 400) == pytest.approx(2 * psigma_for(network, 100))


@pytest.mark.parametrize("name,weight", [("mask", "lambda_mask"), ("smallify", "lambda_beta")])
def test_all_switches_together_cost_the_price(name: str, weight: str) -> None:
    """Whatever the number of entries; and a setting takes its place."""
    totals = []
    for width in (10, 40):
        network = build_network(NeurcompSpec((1.0, 1.0, 1.0), 1, width, (width,), True, 30.0))
        pruner = build_pruner(CompressConfig(network="neurcomp", pruner=name), 100.0)
        pruner.attach(network, torch.Generator().manual_seed(0))
        totals.append(getattr(pruner, weight) * width)
    assert totals[0] == pytest.approx(totals[1]) and totals[0] > 0
    given = CompressConfig(pruner=name).with_settings({f"{name}.{weight}": 0.25})
    pruner = build_pruner(given, 100.0)
    pruner.attach(network, torch.Generator().manual_seed(0))
    assert getattr(pruner, weight) == 0.25

"""Pruning by rate: which integer a coefficient becomes, and the price in bits of weights that are trained."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from fields import waves
from hypothesis import given, settings
from hypothesis import strategies as st
from pruned import POINTS, SPECS, network_of, pruner_on, train

import srn_core
from srn_core.codec.adaptive import Adaptive
from srn_core.codec.context_network import SIGN_BINS, SIZE_BINS, ZERO_BINS, default_model, sign_contexts
from srn_core.codec.pyramid_blocks import BLOCK, SMALL
from srn_core.codec.pyramid_coder import Models
from srn_core.codec.pyramid_tokens import EXTRA, FIRST, LARGEST_CODE
from srn_core.codec.pyramids import draft
from srn_core.codec.rans import TOTAL
from srn_core.config import CompressConfig
from srn_core.pruners import PRUNERS, Rate, build_pruner
from srn_core.pruners.prices import expected_error
from srn_core.pruners.rate import STEPS
from srn_core.pyramid import analyse, pyramid_of
from srn_core.rate.chooser import RateChooser

GROUPS = (("zyx", 3),)


def models(seed: int) -> Models:
    """Tables that have learnt something."""
    found, random = Models(default_model()), np.random.default_rng(seed)
    for model, bins, most in ((found.zeros, ZERO_BINS, 2), (found.sizes, SIZE_BINS, 12), (found.signs, SIGN_BINS, 2)):
        model.update(random.integers(0, bins, 500), random.integers(most == 12, most, 500))
    return found


def bits_of(model: Adaptive, context: int, symbol: int) -> float:
    return -math.log2(int(model.tables()[context, symbol]) / TOTAL)


def cost(value: float, code: int, price: float, learnt: Models, zero: int, size: int, expected: int) -> float:
    """D + lambda R of one coefficient, in squared steps, as the coder would code it."""
    if code == 0:
        return value**2 + price * bits_of(learnt.zeros, zero, 0)
    token = int(np.flatnonzero(abs(code) >= FIRST)[-1])
    odd = (code < 0) != (expected < 0)
    bits = bits_of(learnt.zeros, zero, 1) + bits_of(learnt.sizes, size, token) + int(EXTRA[token])
    bits += bits_of(learnt.signs, int(sign_contexts(np.array([expected]))[0]), int(odd))
    return (value - code) ** 2 + price * bits


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.03, 0.1, 0.4, 2.0]), st.sampled_from([0.7, 3.0, 60.0]))
def test_the_cheapest_of_zero_the_lower_and_the_nearest_is_chosen(seed, price, scale):
    random = np.random.default_rng(seed)
    learnt = models(seed)
    wanted = random.laplace(size=12).astype(np.float32) * np.float32(scale)
    zero, size = random.integers(0, ZERO_BINS, 12), random.integers(0, SIZE_BINS, 12)
    expected = random.integers(-400, 401, 12)
    codes = RateChooser(price).codes(wanted, learnt, zero, size, expected)
    assert codes.dtype == np.int32
    for place, code in enumerate(codes):
        value = float(wanted[place])
        nearest = int(np.rint(value))
        told = (price, learnt, int(zero[place]), int(size[place]), int(expected[place]))
        costs = {c: cost(value, c, *told) for c in {0, nearest - int(np.sign(nearest)), nearest}}
        assert int(code) in costs, "never larger, never of the other sign"
        assert costs[int(code)] <= min(costs.values()) + 1e-9


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.floats(0.1, 1e4))
def test_what_costs_nothing_is_rounded(seed, scale):
    random = np.random.default_rng(seed)
    wanted = (random.laplace(size=(1, 5, 6, 7)) * scale).astype(np.float32)
    codes, _ = draft(wanted, GROUPS, RateChooser(0.0))
    np.testing.assert_array_equal(codes, np.rint(wanted))


def test_halves_and_the_largest_are_rounded_too():
    wanted = np.array([0.5, -0.5, 1.5, -2.5, 0.0, -0.0, 1e9, -1e9], np.float32).reshape(1, 1, 1, 8)
    codes, _ = draft(wanted, GROUPS, RateChooser(0.0))
    assert codes.ravel().tolist() == [0, 0, 2, -2, 0, 0, LARGEST_CODE, -LARGEST_CODE]


def coefficients(size: int = 32, rough: float = 0.05) -> np.ndarray:
    """(1, z, y, x) of a smooth field with some noise."""
    values = waves(size, size, size) / 3 + rough * np.random.default_rng(0).normal(size=(size,) * 3)
    return analyse(values.astype(np.float32), pyramid_of("bior4.4", GROUPS))[None]


@pytest.mark.parametrize("step", [0.3, 0.1, 0.03])
def test_error_plus_price_is_less_than_that_of_rounding(step):
    wanted = coefficients() / np.float32(step)
    price = 0.1

    def total(chooser: Any) -> tuple[float, float]:
        codes, stream = draft(wanted, GROUPS, chooser)
        error = float(np.square(wanted - codes, dtype=np.float64).sum())
        return error + price * 8 * stream.size, error

    rounded, chosen = total(RateChooser(0.0)), total(RateChooser(price))
    assert chosen[0] < rounded[0]
    assert chosen[1] > rounded[1], "nothing is nearer than the nearest"


def test_a_higher_price_is_fewer_bits_and_more_error():
    wanted = coefficients() / np.float32(0.1)
    found = [draft(wanted, GROUPS, RateChooser(price)) for price in (0.0, 0.05, 0.1, 0.3, 1.0)]
    sizes = [stream.size for _, stream in found]
    errors = [float(np.square(wanted - codes).sum()) for codes, _ in found]
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] < 0.7 * sizes[0]
    assert errors == sorted(errors)
    for codes, _ in found:
        assert np.all(np.abs(codes) <= np.abs(np.rint(wanted))) and not np.any(codes * wanted < 0)


def test_blocks_that_are_not_worth_their_bits_are_emptied_and_others_left_alone():
    wanted = np.zeros((3 * BLOCK, 2 * BLOCK, 2 * BLOCK), np.float32)
    wanted[3, 4, 5] = 0.7
    wanted[BLOCK + 1, 2, 3] = -40.0
    wanted[BLOCK + 1, 2, 4] = 0.4
    kept = RateChooser(0.1).blocks(wanted)
    assert kept[3, 4, 5] == 0.0
    np.testing.assert_array_equal(kept[BLOCK:], wanted[BLOCK:])
    np.testing.assert_array_equal(RateChooser(0.0).blocks(wanted), np.where(wanted == np.float32(0.4), wanted, wanted))
    small = wanted[:BLOCK]
    assert small.size <= SMALL and RateChooser(0.1).blocks(small) is small, "a small band has no blocks"


def test_what_is_chosen_is_what_is_stored():
    wanted = coefficients(20) / np.float32(0.05)
    codes, stream = draft(wanted, GROUPS, RateChooser())
    again, _ = draft(codes, GROUPS)
    np.testing.assert_array_equal(codes, again)
    assert draft(codes, GROUPS)[1].streams() == stream.streams()


# The pruner of networks that are trained.


def test_the_registry_knows_it_first():
    assert next(iter(PRUNERS)) == "rate"
    assert isinstance(build_pruner(CompressConfig(pruner="rate")), Rate)


@pytest.mark.parametrize("ratio", [10.0, 100.0, 1000.0])
def test_its_price_is_that_of_a_bit_at_high_rate(ratio):
    pruner = build_pruner(CompressConfig(pruner="rate", network="neurcomp"), ratio)
    assert isinstance(pruner, Rate)
    assert pruner.price == pytest.approx(2 * math.log(2) * expected_error(ratio) ** 2)


@pytest.mark.parametrize("kind", SPECS)
def test_its_gradient_is_that_of_finite_differences(kind):
    """The step that follows the weights is held, as the gradient holds it."""
    network = network_of(kind).double()
    pruner = pruner_on(network, "rate")
    assert isinstance(pruner, Rate)
    pruner.loss().backward()
    weights = [weight for site in network.sites() for weight in site.weights]
    count = sum(weight.numel() for weight in weights)
    random = torch.Generator().manual_seed(1)
    for weight in weights:
        assert weight.grad is not None
        step = weight.detach().square().mean().sqrt() / STEPS

        def bits(values: torch.Tensor, step: torch.Tensor = step) -> torch.Tensor:
            return 0.5 * torch.log2(1 + (values / step).square()).sum()

        for place in torch.randint(weight.numel(), (5,), generator=random).tolist():
            shift = torch.zeros(weight.numel(), dtype=torch.float64)
            shift[place] = 1e-4 * float(step)
            shift = shift.reshape(weight.shape)
            slope = (bits(weight.detach() + shift) - bits(weight.detach() - shift)) / (2e-4 * float(step))
            assert float(weight.grad.reshape(-1)[place]) == pytest.approx(
                float(slope) * pruner.price / count, rel=1e-4, abs=1e-12
            )


def test_weights_of_nothing_but_zeros_have_a_finite_price():
    network = network_of("spatial")
    with torch.no_grad():
        for site in network.sites():
            for weight in site.weights:
                weight.zero_()
    pruner = pruner_on(network, "rate")
    loss = pruner.loss()
    loss.backward()
    assert loss.item() == 0.0
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


def test_it_pulls_every_weight_towards_zero_and_small_ones_by_a_larger_share():
    network = network_of("residual")
    pruner_on(network, "rate").loss().backward()
    for site in network.sites():
        for weight in site.weights:
            assert weight.grad is not None
            values, order = weight.detach().reshape(-1), weight.detach().reshape(-1).abs().argsort()
            share = (weight.grad.reshape(-1) / values)[order]
            assert share.min() > 0
            assert torch.all(share[1:] <= share[:-1] * 1.001)


def test_it_has_no_gates():
    network, plain = network_of("residual"), network_of("residual")
    pruner = pruner_on(network, "rate")
    with torch.no_grad():
        assert torch.equal(network(POINTS), plain(POINTS))
    assert pruner.kept_fraction() == 1.0
    assert not list(pruner.parameters())
    errors = train(network, pruner, 40)
    assert float(errors[-1]) < float(errors[0])


def test_a_neurcomp_with_it_trains_and_lands():
    field = waves(16, 14, 12)
    result = srn_core.compress(
        field,
        bytes=1500,
        network="neurcomp",
        pruner="rate",
        passes=4,
        device="cpu",
        **{"training.batch": 1024, "neurcomp.blocks": 1},
    )
    assert 0.9 * 1500 < result.file.nbytes <= 1500
    assert (result.report["network"], result.report["pruner"]) == ("neurcomp", "rate")
    assert result.report["psnr"] > 15
    assert result.file.decode().values.shape == field.shape

"""Networks whose latents are the values: gradients through pyramid, filter and skip, and how they start."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from srn_core.networks import FvSrn, Lattice, build_network
from srn_core.networks.grid_filter import GridFilter
from srn_core.networks.pyramid_synthesis import PyramidSynthesis
from srn_core.pyramid import pyramid_of
from srn_core.spec import FvSrnSpec

GROUPS = {"dyadic": (("zyx", 2),), "packet": (("z", 1), ("yx", 2)), "x alone": (("x", 3),)}
SPEC = FvSrnSpec((1.0, 0.8, 0.5), 2, (), 0, 2, (4, 6, 7), pyramid_of("bior4.4", (("zyx", 2),)), True, (3,))


@pytest.mark.parametrize("groups", GROUPS.values(), ids=GROUPS)
@pytest.mark.parametrize("shape", [(4, 5, 6), (1, 7, 3), (1, 1, 9)])
def test_gradients_through_the_pyramid(shape: tuple[int, int, int], groups: tuple[tuple[str, int], ...]) -> None:
    synthesis = PyramidSynthesis(shape, pyramid_of("bior4.4", groups)).double()
    coefficients = torch.randn(2, *shape, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(synthesis, (coefficients,))


def test_the_backward_pass_leaves_the_gradient_it_got_alone() -> None:
    synthesis = PyramidSynthesis((4, 5, 6), pyramid_of("bior4.4", (("zyx", 1),)))
    coefficients = torch.randn(1, 4, 5, 6, requires_grad=True)
    grid, given = synthesis(coefficients), torch.randn(1, 4, 5, 6)
    before = given.clone()
    grid.backward(given)
    assert torch.equal(given, before)


def test_gradients_through_the_filter() -> None:
    spec = replace(SPEC, grid=(1, 3, 4))
    filter_ = GridFilter(spec, torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        for parameter in filter_.parameters():
            parameter.normal_(0, 0.2, generator=torch.Generator().manual_seed(1))
    grid = torch.randn(2, 1, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(filter_, (grid,))


def test_the_filter_starts_as_nothing() -> None:
    grid = torch.randn(2, 4, 6, 7)
    filter_ = GridFilter(SPEC, torch.Generator().manual_seed(0))
    assert torch.equal(filter_(grid), grid)
    filter_(grid).square().sum().backward()
    last = filter_.convolutions[-1].weight.grad
    assert last is not None and last.abs().max() > 0, "and can leave it"


def test_a_predictor_starts_with_little_to_add() -> None:
    network = build_network(replace(SPEC, widths=(16,), frequencies=2, filter=()), torch.Generator().manual_seed(0))
    alone = build_network(replace(SPEC, filter=()))
    arrays = network.arrays()
    arrays["coefficients"] *= 50
    network.load_arrays(arrays)
    alone.load_arrays({"coefficients": arrays["coefficients"]})
    points = torch.rand(200, 3) - 0.5
    difference = (network(points) - alone(points)).detach().abs().max()
    assert 0 < difference < 0.5 * alone(points).detach().abs().max()


def test_training_reaches_a_target() -> None:
    """The filter and the coefficients learn together: a few steps lower the error of a lattice."""
    network = build_network(SPEC, torch.Generator().manual_seed(0))
    assert isinstance(network, FvSrn)
    x, y, z = (torch.linspace(-h, h, n) for h, n in zip(SPEC.half_extent, reversed(SPEC.grid)))
    lattice = Lattice(x, y, z)
    target = torch.sin(torch.arange(2 * 4 * 6 * 7) * 0.1).view(-1, 2)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.05)
    errors = []
    with network.for_lattices():
        for _ in range(60):
            optimiser.zero_grad()
            error = network.lattice_error(lattice, target)
            error.backward()
            optimiser.step()
            errors.append(float(error.detach()))
    assert errors[-1] < 0.05 * errors[0]


def test_importance_without_a_predictor_is_the_size() -> None:
    network = build_network(SPEC, torch.Generator().manual_seed(0))
    assert isinstance(network, FvSrn)
    coefficients = network.latent.coefficients["coefficients"]
    torch.testing.assert_close(network.importance("coefficients"), coefficients.detach().norm(dim=0))

"""Every layer against its equation, computed another way, and its gradient against finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from srn_core.networks.fourier import axis_columns, fourier_features, position_features
from srn_core.networks.siren import ResidualSineBlock, SineLayer
from srn_core.networks.snake import SnakeStack, snake_alt, snake_stack


def double(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.double, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def test_snake_alt_is_equation_2_9() -> None:
    a = np.linspace(-7, 7, 101)
    np.testing.assert_allclose(snake_alt(torch.tensor(a)).numpy(), 0.5 * a + np.sin(a) ** 2, rtol=1e-12)


@pytest.mark.parametrize("hidden", [0, 1, 3])
def test_snake_stack_equals_layer_by_layer(hidden: int) -> None:
    widths = [5, *[6] * hidden, 2]
    a = double(7, 5)
    layers = [(double(o, i, seed=i + o), double(o, seed=o)) for i, o in zip(widths, widths[1:])]
    expected = a
    for weight, bias in layers:
        expected = (0.5 * expected + torch.sin(expected) ** 2) @ weight.t() + bias
    torch.testing.assert_close(snake_stack(a, layers), expected)


def test_snake_stack_gradients_match_finite_differences() -> None:
    layers = [double(6, 5, seed=1), double(6, seed=2), double(2, 6, seed=3), double(2, seed=4)]
    assert torch.autograd.gradcheck(SnakeStack.apply, (double(7, 5), *layers))


def test_snake_stack_without_gradients_gives_the_same() -> None:
    a, layers = double(4, 5), [(double(3, 5, seed=1), double(3, seed=2))]
    with torch.no_grad():
        torch.testing.assert_close(snake_stack(a, layers), SnakeStack.apply(a, *layers[0]))


def test_sine_layer_is_equation_2_4() -> None:
    layer = SineLayer(3, 4, 30.0, True, torch.Generator().manual_seed(0))
    x = np.random.default_rng(0).uniform(-1, 1, (10, 3)).astype(np.float32)
    weight, bias = layer.weight.detach().numpy().astype(float), layer.bias.detach().numpy().astype(float)
    np.testing.assert_allclose(layer(torch.tensor(x)).detach().numpy(), np.sin(30.0 * x @ weight.T + bias), atol=2e-5)


@pytest.mark.parametrize(("first", "bound"), [(True, 1 / 64), (False, np.sqrt(6 / 64) / 30)])
def test_sine_layer_starts_uniform_within_its_bound(first: bool, bound: float) -> None:
    weight = SineLayer(64, 256, 30.0, first, torch.Generator().manual_seed(0)).weight.detach().numpy()
    assert np.abs(weight).max() <= bound
    assert weight.std() == pytest.approx(bound / np.sqrt(3), rel=0.03)


def test_deep_sine_layers_keep_their_spread() -> None:
    """The point of the initialisation: the sine's argument is distributed alike at every depth."""
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(4096, 3, generator=generator) * 2 - 1
    spreads = []
    for depth in range(6):
        layer = SineLayer(x.shape[1], 128, 30.0, depth == 0, generator)
        x = layer(x)
        spreads.append(float(x.detach().std()))
    assert max(spreads[1:]) / min(spreads[1:]) < 1.15


@pytest.mark.parametrize("scales", [(1.0, 1.0), (0.5, 1.0), (0.5, 0.5), (1.0, 0.5)])
def test_residual_block_parts_are_sine_layers(scales: tuple[float, float]) -> None:
    block = ResidualSineBlock(8, 5, 30.0, scales, torch.Generator().manual_seed(0))
    assert block.inner.weight.shape == (5, 8) and block.outer.weight.shape == (8, 5)
    assert (block.in_scale, block.out_scale) == scales


def test_fourier_features_are_the_formula() -> None:
    u = torch.rand(9, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    expected = []
    for octave in range(4):
        expected += [np.sin(2.0**octave * np.pi * u.numpy()), np.cos(2.0**octave * np.pi * u.numpy())]
    np.testing.assert_allclose(fourier_features(u, 4).numpy(), np.concatenate(expected, 1), atol=2e-6)
    assert fourier_features(u, 0).shape == (9, 0)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_axis_columns_are_those_that_change_with_the_axis(axis: int) -> None:
    u = torch.full((1, 3), 0.3)
    moved = u.clone()
    moved[0, axis] = 0.41
    changed = (position_features(u, 3) != position_features(moved, 3))[0].nonzero()[:, 0].tolist()
    assert changed == axis_columns(axis, 3)

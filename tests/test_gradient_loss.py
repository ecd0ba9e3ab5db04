"""The loss on spatial derivatives (thesis 2.7): the network's, the volume's, and what training makes of them."""

from __future__ import annotations

from functools import partial
from typing import Optional

import numpy as np
import pytest
import torch
from fields import waves
from torch import Tensor

from srn_core.config import CompressConfig, SmallifyConfig, TrainingConfig
from srn_core.networks import Lattice, SceneNetwork, build_network
from srn_core.networks.batch import Batch
from srn_core.pruners import KeepAll, Smallify
from srn_core.spec import FvSrnSpec, NeurcompSpec
from srn_core.training.decay import decay_of
from srn_core.training.fields import train_network
from srn_core.training.phases import phases_of
from srn_core.training.samplers import SAMPLERS, LatticeSampler, RandomSampler
from srn_core.training.trainer import Limits, Trainer
from srn_core.training.truth import Truth, derivatives_of, truth_of
from srn_core.volume import Volume

HALF = (1.0, 0.8, 0.25)
SPECS = {
    "residual": NeurcompSpec(HALF, 2, 8, (7, 6, 5), True, 30.0),
    "one-block": NeurcompSpec(HALF, 1, 8, (7,), True, 30.0),
    "plain": NeurcompSpec(HALF, 2, 8, (7, 6), False, 30.0),
}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(params=SPECS)
def network(request: pytest.FixtureRequest) -> SceneNetwork:
    """In double precision, with switches at its sites."""
    network = build_network(SPECS[request.param], generator(3))
    pruner = Smallify(SmallifyConfig())
    pruner.attach(network, generator(4))
    pruner.double()
    return network.double()


def some_points(count: int = 20) -> Tensor:
    return torch.rand(count, 3, generator=generator(5), dtype=torch.double) * 2 - 1


def test_values_beside_the_gradient_are_those_of_the_network(network: SceneNetwork) -> None:
    values, gradient = network.values_and_gradient(some_points())
    torch.testing.assert_close(values, network(some_points()))
    assert gradient.shape == (20, network.spec().components, 3)


def test_gradient_is_that_of_finite_differences(network: SceneNetwork) -> None:
    points, step = some_points(), 1e-5
    _, gradient = network.values_and_gradient(points)
    for axis in range(3):
        shift = torch.zeros(3, dtype=torch.double)
        shift[axis] = step
        slope = (network(points + shift) - network(points - shift)) / (2 * step)
        torch.testing.assert_close(gradient[:, :, axis], slope, rtol=1e-6, atol=1e-6)


def test_gradient_is_that_of_autograd(network: SceneNetwork) -> None:
    points = some_points().requires_grad_()
    _, gradient = network.values_and_gradient(points)
    for c in range(gradient.shape[1]):
        (slope,) = torch.autograd.grad(network(points)[:, c].sum(), points)
        torch.testing.assert_close(gradient[:, c], slope)


def gradient_batch(network: SceneNetwork, weight: Optional[Tensor] = None) -> Batch:
    points, components = some_points(), network.spec().components
    target = torch.zeros(20, components, dtype=torch.double)
    truth = torch.randn(20, components, 3, generator=generator(6), dtype=torch.double)
    return Batch(points, target, None, truth, weight)


def test_gradient_error_is_the_mean_over_what_has_weight(network: SceneNetwork) -> None:
    weight = (torch.arange(20) % 3 > 0).double()[:, None]
    batch = gradient_batch(network, weight)
    assert batch.gradient is not None
    squares = (network.values_and_gradient(some_points())[1] - batch.gradient).square().detach().numpy()
    expected = squares[weight[:, 0].bool().numpy()].mean()
    assert float(batch.gradient_error(network).detach()) == pytest.approx(expected)
    assert float(gradient_batch(network).gradient_error(network).detach()) == pytest.approx(squares.mean())


def test_gradient_error_leads_back_to_every_parameter_as_finite_differences_say(network: SceneNetwork) -> None:
    batch, step = gradient_batch(network), 1e-6
    parameters = list(network.parameters())
    slopes = torch.autograd.grad(batch.gradient_error(network), parameters, allow_unused=True)
    for parameter, slope in zip(parameters, slopes):
        flat = parameter.data.view(-1)
        for i in range(0, len(flat), max(1, len(flat) // 4)):
            kept, errors = float(flat[i]), []
            for change in (step, -step):
                flat[i] = kept + change
                errors.append(float(batch.gradient_error(network).detach()))
            flat[i] = kept
            expected = (errors[0] - errors[1]) / (2 * step)
            got = 0.0 if slope is None else float(slope.reshape(-1)[i])
            assert got == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_derivatives_reach_the_switches() -> None:
    network = build_network(SPECS["residual"], generator(3))
    pruner = Smallify(SmallifyConfig())
    pruner.attach(network, generator(4))
    pruner.double()
    error = gradient_batch(network.double()).gradient_error(network)
    slopes = torch.autograd.grad(error, list(pruner.parameters()))
    assert slopes and all((slope != 0).all() for slope in slopes)


def test_a_gate_that_draws_noise_gives_values_and_derivatives_the_same() -> None:
    network = build_network(SPECS["residual"], generator(3)).double()
    draws = generator(8)
    noise: list[Tensor] = []

    def noisy(values: Tensor) -> Tensor:
        noise.append(1.0 + torch.randn(values.shape, generator=draws, dtype=values.dtype))
        return values * noise[-1]

    for site in network.sites():
        network.set_gate(site.name, noisy)
    points = some_points().requires_grad_()
    values, gradient = network.values_and_gradient(points)
    assert len(noise) == len(network.sites())
    for site, drawn in zip(network.sites(), noise):
        network.set_gate(site.name, lambda v, drawn=drawn: v * drawn)  # type: ignore[misc]
    again = network(points)
    torch.testing.assert_close(values, again)
    (slope,) = torch.autograd.grad(again[:, 0].sum(), points)
    torch.testing.assert_close(gradient[:, 0], slope)


def test_a_network_of_latents_says_that_it_has_no_such_derivative() -> None:
    network = build_network(FvSrnSpec(HALF, 1, (8,), 2, 2, (4, 4, 4), None), generator())
    with pytest.raises(NotImplementedError, match="FvSrn"):
        network.values_and_gradient(some_points().float())


def truth(values: Optional[np.ndarray] = None, valid: Optional[np.ndarray] = None) -> Truth:
    values = waves() if values is None else values
    ok = values if valid is None else values[valid]
    span = ((float(ok.min()), float(ok.max())),)
    return truth_of(Volume.from_array(values), valid, span, torch.device("cpu"), derivatives=True)


def ramp() -> np.ndarray:
    """Linear along each axis: differences are exact everywhere, ends included."""
    z, y, x = np.meshgrid(np.arange(6.0), np.arange(5.0), np.arange(7.0), indexing="ij")
    return 3 * x - 2 * y + 0.5 * z


def test_derivatives_are_of_normalised_values_along_normalised_coordinates() -> None:
    t = truth(ramp())
    assert t.derivatives is not None and t.derivatives.valid is None
    # A voxel is 2 / 6 of normalised length; the range of the values is mapped to 2.
    expected = np.array([3.0, -2.0, 0.5]) * (2.0 / np.ptp(ramp())) * 3.0
    np.testing.assert_allclose(t.derivatives.values[:, 0].numpy(), np.tile(expected, (t.voxels, 1)), rtol=1e-5)
    assert t.derivatives.power == pytest.approx(float(np.mean(expected**2)), rel=1e-5)


def test_derivatives_of_a_smooth_field_are_close_to_its_own() -> None:
    x, y = np.linspace(-1, 1, 65), np.linspace(-0.5, 0.5, 33)
    values = (np.sin(2 * x)[None, None] * np.cos(3 * y)[None, :, None])[..., None].astype(np.float32)
    got, known = derivatives_of(values, None, (x, y, np.zeros(1)))
    assert known is None
    inner = (slice(None), slice(1, -1), slice(1, -1), 0)
    np.testing.assert_allclose(got[inner][..., 0][0], np.outer(np.cos(3 * y), 2 * np.cos(2 * x))[1:-1, 1:-1], atol=5e-3)
    np.testing.assert_allclose(
        got[inner][..., 1][0], np.outer(-3 * np.sin(3 * y), np.sin(2 * x))[1:-1, 1:-1], atol=5e-3
    )
    assert (got[..., 2] == 0).all(), "an axis of one sample has no derivative"


def test_derivatives_are_not_known_beside_voxels_without_value() -> None:
    valid = np.ones((5, 6, 7), bool)
    valid[2, 3, 4] = False
    axes = [np.linspace(-1, 1, n) for n in (7, 6, 5)]
    _, known = derivatives_of(np.zeros((5, 6, 7, 1), np.float32), valid, axes)
    assert known is not None
    unknown = {tuple(i) for i in np.argwhere(~known)}
    assert unknown == {(2, 3, 4), (1, 3, 4), (3, 3, 4), (2, 2, 4), (2, 4, 4), (2, 3, 3), (2, 3, 5)}


@pytest.mark.parametrize("sampler", SAMPLERS.values())
def test_samplers_give_the_derivatives_where_they_look(sampler: type[LatticeSampler]) -> None:
    """On x^2 + y z central differences are exact and, but for x, linear: so is what is interpolated from them."""
    z, y, x = np.meshgrid(np.arange(6.0), np.arange(5.0), np.arange(7.0), indexing="ij")
    values = x**2 + y * z
    valid = np.ones(values.shape, bool)
    valid[0, 0, 0] = False
    t = truth(values, valid)
    batch = sampler(t, 400, generator()).draw()
    assert batch.gradient is not None and batch.gradient_weight is not None and batch.weight is not None
    index = (batch.points().numpy().astype(float) * 6 + (np.array([7, 5, 6]) - 1)) / 2
    i, j, k = index.T
    inner = (i >= 1) & (i <= 5)
    expected = np.stack([2 * i, k, j], 1) * (2.0 / np.ptp(values[valid])) * 3.0
    where = inner & (batch.gradient_weight[:, 0].numpy() > 0)
    assert where.sum() > 50
    np.testing.assert_allclose(batch.gradient[where, 0].numpy(), expected[where], atol=2e-4)
    assert (batch.gradient_weight <= batch.weight).all()
    near = (index < 0.99).all(1)
    assert (batch.gradient_weight[near] == 0).all()


def test_nobody_pays_for_derivatives_that_are_not_asked_for() -> None:
    t = truth_of(Volume.from_array(waves()), None, ((-3.0, 3.0),), torch.device("cpu"))
    assert t.derivatives is None
    for sampler in SAMPLERS.values():
        batch = sampler(t, 100, generator()).draw()
        assert batch.gradient is None and batch.gradient_weight is None
        with pytest.raises(ValueError, match="no derivatives"):
            batch.gradient_error(build_network(SPECS["one-block"], generator()))


def learnt(
    weight: float, sampler: str = "lattice", pruner: object = None, residual: bool = True
) -> tuple[float, float]:
    """Mean squared errors of value and derivative, over all voxels, after a short training."""
    t = truth()
    spec = NeurcompSpec((1.0, 19 / 23, 15 / 23), 1, 16, (16, 16), residual, 10.0)
    network = build_network(spec, generator())
    trainer = Trainer(
        network,
        pruner or KeepAll(),  # type: ignore[arg-type]
        SAMPLERS[sampler](t, 1000, generator(1)),
        5e-3,
        generator(2),
        decay=partial(decay_of, TrainingConfig()),
        gradient_weight=weight,
    )
    trainer.run(phases_of(TrainingConfig(), "none"), Limits(passes=25))
    everywhere = Lattice(*t.axes)
    assert t.derivatives is not None
    whole = Batch(everywhere, t.values, None, t.derivatives.values)
    with torch.no_grad():
        return float(whole.error(network)), float(whole.gradient_error(network)) / t.derivatives.power


@pytest.mark.parametrize("sampler", ["lattice", "random"])
def test_training_with_it_gives_better_derivatives(sampler: str) -> None:
    plain, with_gradient = learnt(0.0, sampler), learnt(0.1, sampler)
    assert with_gradient[1] < 0.7 * plain[1]
    assert with_gradient[0] < 2e-3


def test_it_goes_with_pruners_and_plain_stacks() -> None:
    pruner = Smallify(SmallifyConfig(lambda_beta=1e-6, lambda_weight=0.0, initial="one"))
    value, slope = learnt(0.1, pruner=pruner, residual=False)
    assert value < 1e-2 and slope < 0.2


def test_a_weight_needs_a_truth_with_derivatives() -> None:
    t = truth_of(Volume.from_array(waves()), None, ((-3.0, 3.0),), torch.device("cpu"))
    network = build_network(SPECS["one-block"], generator())
    trainer = Trainer(network, KeepAll(), RandomSampler(t, 100, generator()), 1e-3, generator(), gradient_weight=1.0)
    with pytest.raises(ValueError, match="truth with derivatives"):
        trainer.run(phases_of(TrainingConfig(), "none"), Limits(passes=1))


@pytest.mark.parametrize(("network", "known"), [("neurcomp", True), ("fvsrn", False)])
def test_the_setting_reaches_the_training_of_neurcomp_alone(network: str, known: bool) -> None:
    config = CompressConfig(network=network, pruner="none").with_settings(
        {"neurcomp.gradient_weight": 0.1, "training.passes": 0.2}
    )
    spec = SPECS["one-block"] if known else FvSrnSpec(HALF, 1, (8,), 2, 2, (4, 4, 4), None)
    volume = Volume.from_array(waves())
    trained = train_network(
        volume, None, ((-3.0, 3.0),), spec, config, lambda pruner, *_: pruner.fold(), None, ratio=10.0
    )
    assert (trained.sampler.truth.derivatives is not None) is known

"""Gradients: of graphs, of the decoder, and of neural files in the world's units."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from reference_networks import evaluate, numbers_of, random_field
from test_onnx_graph import SPECS, axes_of, crossings

from onnx_export.decoder import Decoder
from onnx_export.gradient_output import BUILDERS as GRADIENT_BUILDERS
from onnx_export.graph import BUILDERS, points_graph
from onnx_export.latent_slopes import AT_LATENT
from onnx_export.layers import FULL_SINE
from srn_core.codec import NeuralField
from srn_core.errors import SrnInputError, SrnStoppedError
from srn_core.networks import build_network
from srn_core.progress import Progress
from srn_core.spec import ConstantSpec, FvSrnSpec, NetworkSpec, NeurcompSpec
from srn_core.volume import Geometry

OPERATORS = {"Abs", "Add", "Cast", "Concat", "Cos", "Floor", "Gather", "GatherElements", "Gemm", "Identity"}
OPERATORS |= {"Less", "MatMul", "Max", "Min", "Mul", "ReduceSum", "Reshape", "Round", "Sin", "Squeeze", "Sub"}
OPERATORS |= {"Transpose", "Unsqueeze"}
"""What a model with gradients is made of: operators that the CPU and the CUDA provider both have."""

LATENTS = FvSrnSpec((1.0, 0.8, 0.5), 1, (), 0, 1, (4, 5, 6), None, True)
SMALL: dict[str, NetworkSpec] = {
    "latents": LATENTS,
    "latents, vectors": replace(LATENTS, components=3, features=3),
    "fvsrn": FvSrnSpec((1.0, 0.8, 0.5), 2, (12, 8), 2, 4, (4, 5, 6), None),
    "neurcomp": NeurcompSpec((1.0, 0.8, 0.5), 2, 12, (8, 12), True, 30.0),
    "constant": ConstantSpec((1.0, 0.8, 0.5), 1),
}


def run(model: onnx.ModelProto, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    assert [o.name for o in session.get_outputs()] == ["values", "gradient"]
    values, gradient = session.run(None, {"points": points.astype(np.float32)})
    return np.asarray(values), np.asarray(gradient)


def places(spec: FvSrnSpec, points: np.ndarray) -> np.ndarray:
    """Fractional indices of latents (N, 3); 0 along an axis without length."""
    half, samples = np.array(spec.half_extent), np.array(spec.grid[::-1])
    return (points + half) * np.where(half > 0, (samples - 1) / (2 * np.where(half > 0, half, 1)), 0)


def inside_cells(spec: NetworkSpec, count: int = 60, seed: int = 1) -> np.ndarray:
    """Positions that float32 holds, none of them near the places of latents, where the gradient jumps."""
    points = np.random.default_rng(seed).uniform(-0.97, 0.97, (count, 3)) * np.array(spec.half_extent)
    points = points.astype(np.float32).astype(np.float64)
    if isinstance(spec, FvSrnSpec):
        place = places(spec, points)
        near = (np.abs(place - np.rint(place)) < 2 * AT_LATENT) & (np.array(spec.half_extent) > 0)
        points = points[~near.any(axis=1)]
    return points


def differences(spec: NetworkSpec, numbers: dict[str, np.ndarray], points: np.ndarray, step: float) -> np.ndarray:
    """(N, C, 3): central differences of the plain evaluation in float64."""
    found = np.zeros((len(points), spec.components, 3))
    for axis in np.flatnonzero(spec.half_extent):
        aside = np.eye(3)[axis] * step
        above, below = (evaluate(spec, numbers, points + sign * aside) for sign in (1, -1))
        found[:, :, axis] = (above - below) / (2 * step)
    return found


@pytest.mark.parametrize("for_cpu", [False, True], ids=["plain", "cpu"])
@pytest.mark.parametrize("name", SPECS)
def test_graphs_give_the_derivatives_of_the_plain_evaluation(name: str, for_cpu: bool) -> None:
    spec = SPECS[name]
    field = random_field(spec, seed=len(name))
    numbers, points = numbers_of(field), inside_cells(spec)
    values, gradient = run(points_graph(field, physical=False, for_cpu=for_cpu, gradient=True), points)
    truth = differences(spec, numbers, points, 1e-5)
    largest = np.abs(truth).max()
    assert largest > 0.1 or spec.kind == "constant" or max(spec.half_extent) == 0, "a flat field would prove nothing"
    assert gradient.shape == truth.shape
    np.testing.assert_allclose(gradient, truth, rtol=0, atol=max(3e-5 * largest, 1e-9))
    np.testing.assert_allclose(values, evaluate(spec, numbers, points), rtol=0, atol=2e-5)


@pytest.mark.parametrize("name", [n for n, s in SPECS.items() if s.kind != "constant"])
def test_decoder_has_the_gradient_of_the_trained_network(name: str) -> None:
    spec = SPECS[name]
    field = random_field(spec, seed=3)
    network = build_network(spec)
    network.load_arrays(numbers_of(field))
    points = inside_cells(spec, 40)
    at = torch.tensor(points, dtype=torch.float32, requires_grad=True)
    values = network(at)
    truth = np.stack(
        [torch.autograd.grad(values[:, c].sum(), at, retain_graph=True)[0].numpy() for c in range(spec.components)],
        axis=1,
    )
    truth[:, :, np.array(spec.half_extent) == 0] = 0.0  # the volume has no extent there
    _, gradient = Decoder(field, providers="cpu", threads=1).points_gradient(points)
    np.testing.assert_allclose(gradient, truth, rtol=0, atol=max(1e-4 * np.abs(truth).max(), 1e-9))


def test_every_kind_of_network_has_gradients() -> None:
    assert set(GRADIENT_BUILDERS) == set(BUILDERS)


def test_polynomial_is_a_sine() -> None:
    r = np.linspace(-0.5, 0.5, 20001)
    assert np.abs(r * np.polyval(FULL_SINE[::-1], r * r) - np.sin(2 * np.pi * r)).max() < 6.1e-6


@pytest.mark.parametrize("name", SPECS)
def test_models_are_made_of_what_cuda_has_too(name: str) -> None:
    field = random_field(SPECS[name])
    for for_cpu in (False, True):
        model = points_graph(field, for_cpu=for_cpu, gradient=True)
        onnx.checker.check_model(model, full_check=True)
        assert {n.op_type for n in model.graph.node} <= OPERATORS
    plain = points_graph(field).SerializeToString()
    assert len(points_graph(field, gradient=True).SerializeToString()) < len(plain) + 40_000, "no table twice"


@pytest.mark.parametrize("for_cpu", [False, True], ids=["plain", "cpu"])
def test_at_a_latent_the_gradient_is_the_mean_of_both_sides(for_cpu: bool) -> None:
    field = random_field(LATENTS)
    grid = numbers_of(field)["grid"][0].astype(np.float64)
    axes = axes_of(LATENTS, (6, 5, 4))
    _, gradient = run(points_graph(field, False, for_cpu, gradient=True), crossings(axes))
    per_latent = [(n - 1) / (2 * h) for n, h in zip((6, 5, 4), LATENTS.half_extent)]
    # NumPy's: central inside, of the one cell at the ends.
    truth = np.stack([np.gradient(grid, axis=2 - axis) * per_latent[axis] for axis in range(3)], axis=-1)
    np.testing.assert_allclose(gradient[:, 0], truth.reshape(-1, 3), rtol=0, atol=2e-6 * np.abs(truth).max())
    np.testing.assert_allclose(
        Decoder(field).grid_gradient(*axes)[1][..., 0, :], truth, rtol=0, atol=2e-6 * np.abs(truth).max()
    )


def test_beside_a_latent_each_side_has_its_own() -> None:
    field = random_field(LATENTS)
    grid = numbers_of(field)["grid"][0].astype(np.float64)
    aside = 4 * AT_LATENT * 2.0 / 5  # of the spacing of 6 latents from -1 to 1
    x = np.linspace(-1, 1, 6)
    axes = [np.sort(np.concatenate([x - aside, x + aside]))[1:-1], np.array([-0.8]), np.array([-0.5])]
    truth = np.repeat(np.diff(grid[0, 0]) * 2.5, 2)
    for gradient in (Decoder(field).grid_gradient(*axes)[1], Decoder(field).points_gradient(crossings(axes))[1]):
        np.testing.assert_allclose(gradient.reshape(-1, 3)[:, 0], truth, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", SPECS)
def test_grid_and_points_have_the_same_gradient(name: str) -> None:
    """On latents, between them, at and beyond the border, and where a coordinate is not a number."""
    spec = SPECS[name]
    field = random_field(spec, seed=len(name))
    decoder = Decoder(field, threads=2, chunk=300)
    axes = [
        np.concatenate([np.linspace(-h, h, 7), np.linspace(-1.1 * h, 1.1 * h, 4), [np.nan]]) for h in spec.half_extent
    ]
    values, gradient = decoder.grid_gradient(*axes)
    at_values, at_points = decoder.points_gradient(crossings(axes))
    assert gradient.shape == (12, 12, 12, spec.components, 3)
    assert values.dtype == gradient.dtype == at_points.dtype == np.float32
    np.testing.assert_array_equal(values, decoder.grid(*axes))
    np.testing.assert_allclose(at_values, values.reshape(at_values.shape), rtol=0, atol=2e-5)
    np.testing.assert_array_equal(np.isnan(gradient).any(-1), np.isnan(values))
    np.testing.assert_array_equal(np.isnan(gradient).all(-1), np.isnan(values))
    np.testing.assert_allclose(
        gradient.reshape(at_points.shape), at_points, rtol=0, atol=1e-5 * max(1.0, np.nanmax(np.abs(gradient)))
    )


@pytest.mark.parametrize("widths", [(), (4,)])
def test_a_filter_is_run_as_far_as_the_gradient_reaches(widths: tuple[int, ...], monkeypatch: Any) -> None:
    """On a latent at the seam of two parts that are filtered apart, its neighbours on both sides count."""
    monkeypatch.setattr("onnx_export.grid_filter.BOX_NUMBERS", 2 * 5**3)
    field = random_field(replace(LATENTS, widths=widths, grid=(12, 13, 14), filter=(2,)))
    axes = axes_of(field.spec, (14, 13, 12))
    _, whole = Decoder(field).grid_gradient(*axes)
    for i in range(1, 12):
        one = [u[i : i + 1] for u in axes]
        for found in (Decoder(field).grid_gradient(*one)[1], Decoder(field).points_gradient(crossings(one))[1]):
            np.testing.assert_allclose(found.ravel(), whole[i, i, i].ravel(), rtol=0, atol=1e-4 * np.abs(whole).max())


@pytest.mark.parametrize("name", SMALL)
def test_beyond_the_border_nothing_changes(name: str) -> None:
    """On the border the gradient is that of the inside; beyond, the held field changes along the border only."""
    spec = SMALL[name]
    decoder = Decoder(random_field(spec))
    y, z = np.array([0.11]), np.array([0.07])
    rounding = 4e-7
    x = np.array([1.0 - 1e-4, 1.0, 1.0 + rounding, 1.0 + 1e-4, 7.0, np.inf])
    for gradient in (
        decoder.grid_gradient(x, y, z)[1].reshape(6, -1, 3),
        decoder.points_gradient(np.stack(np.broadcast_arrays(x, y, z), axis=-1))[1],
    ):
        tolerance = 0.02 * max(1.0, np.abs(gradient).max())  # 1e-4 further in, the network's own is a little different
        np.testing.assert_allclose(gradient[1:3], gradient[[0, 0]], rtol=0, atol=tolerance)
        np.testing.assert_array_equal(gradient[3:, :, 0], 0)
        np.testing.assert_allclose(gradient[3:, :, 1:], gradient[[1] * 3, :, 1:], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", SMALL)
def test_chunks_and_threads_make_no_difference(name: str) -> None:
    field = random_field(SMALL[name])
    axes = axes_of(field.spec, (9, 8, 7))
    values, gradient = Decoder(field, chunk=10**6, threads=1).grid_gradient(*axes)
    points = crossings(axes)
    _, at_points = Decoder(field, chunk=10**6, threads=1).points_gradient(points)
    largest = max(1.0, float(np.abs(gradient).max()))
    for chunk, threads in ((1, 1), (60, 3)):
        parts = Decoder(field, chunk=chunk, threads=threads)
        np.testing.assert_allclose(parts.grid_gradient(*axes)[1], gradient, rtol=0, atol=1e-5 * largest)
        np.testing.assert_allclose(parts.points_gradient(points)[1], at_points, rtol=0, atol=1e-5 * largest)
    assert values.shape == (7, 8, 9, field.spec.components)


@pytest.mark.parametrize("name", ["latents", "fvsrn"])
def test_progress_ends_at_one_and_can_stop(name: str) -> None:
    decoder = Decoder(random_field(SMALL[name]), chunk=64, threads=1)
    axes = axes_of(decoder.field.spec, (9, 8, 7))
    decoder.grid_gradient(*axes)
    seen: list[float] = []
    decoder.grid_gradient(*axes, progress=lambda p: seen.append(p.fraction))
    assert seen == sorted(seen) and len(seen) > 10 and seen[-1] == pytest.approx(1.0)

    def stop(report: Progress) -> bool:
        return report.fraction < 0.6

    with pytest.raises(SrnStoppedError):
        decoder.grid_gradient(*axes, progress=stop)
    with pytest.raises(SrnStoppedError):
        decoder.points_gradient(crossings(axes), progress=stop)


def test_nothing_asked_nothing_given() -> None:
    decoder = Decoder(random_field(SMALL["fvsrn"]))
    values, gradient = decoder.points_gradient(np.zeros((0, 3)))
    assert values.shape == (0, 2) and gradient.shape == (0, 2, 3)
    values, gradient = decoder.grid_gradient(np.zeros(0), np.zeros(2), np.zeros(3))
    assert values.shape == (3, 2, 0, 2) and gradient.shape == (3, 2, 0, 2, 3)
    with pytest.raises(SrnInputError, match=r"\(N, 3\)"):
        decoder.points_gradient(np.zeros((3, 2)))


TURNED = Geometry(
    (21, 17, 11),
    origin=(100.0, -20.0, 5.0),
    spacing=(0.5, 0.25, 2.0),
    direction=(0.6, -0.8, 0.0, 0.8, 0.6, 0.0, 0.0, 0.0, -1.0),
    start=(3, 0, -4),
)


@pytest.mark.parametrize("name", [n for n in SMALL if n != "constant"])
def test_exported_gradient_is_physical(name: str) -> None:
    """In the array's units per unit of length, along the world's axes, as its metadata place them."""
    spec = SMALL[name]
    ranges = [(10.0, 50.0), (-3.0, 3.0), (0.0, 0.5)][: spec.components]
    field = random_field(spec, geometry=TURNED, value_range=ranges)
    points = inside_cells(spec)
    _, gradient = run(points_graph(field, gradient=True), points)
    truth = in_the_world(field, differences(spec, numbers_of(field), points, 1e-5))
    for component in range(spec.components):
        largest = np.abs(truth[:, component]).max()
        np.testing.assert_allclose(gradient[:, component], truth[:, component], rtol=0, atol=3e-5 * largest)


def in_the_world(field: NeuralField, normalised: np.ndarray) -> np.ndarray:
    """The chain rule written out: one direction after another."""
    geometry = field.geometry
    direction, spacing = np.array(geometry.direction).reshape(3, 3), np.array(geometry.spacing)
    per_index = normalised * 2 / (max(geometry.dims) - 1)
    found = np.zeros_like(per_index)
    for axis in range(3):
        # The axes are at right angles: a change along one of them is one along its direction.
        found += (per_index[..., axis] / spacing[axis])[..., None] * direction[:, axis]
    low, high = np.array(field.value_range).T
    return found * ((high - low) / 2)[:, None]


@pytest.mark.parametrize("name", ["latents alone, vectors", "fvsrn bior4.4", "neurcomp"])
def test_small_models_have_the_same_gradient(name: str) -> None:
    field = random_field(SPECS[name])
    points = inside_cells(field.spec)
    _, plain = run(points_graph(field, gradient=True), points)
    _, small = run(points_graph(field, gradient=True, small=True), points)
    np.testing.assert_allclose(small, plain, rtol=0, atol=2e-6 * np.abs(plain).max())


def test_a_gradient_beyond_float32_is_refused_in_words() -> None:
    geometry = Geometry((21, 17, 11), spacing=(1e-30, 1.0, 1.0))
    field = random_field(LATENTS, geometry=geometry, value_range=[(0.0, 1e30)])
    points_graph(field)
    with pytest.raises(SrnInputError, match="gradient of array 'pressure'.*float32"):
        points_graph(field, gradient=True)

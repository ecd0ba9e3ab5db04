"""Networks: specs and arrays, lattice against points, the latent grid against PyWavelets, folding."""

from __future__ import annotations

import numpy as np
import pytest
import pywt
import torch

from srn_core.networks import FvSrn, Lattice, Neurcomp, SceneNetwork, build_network
from srn_core.networks.base import mean_squared_error
from srn_core.networks.latent_grid import LatentGrid, interpolation_matrix
from srn_core.networks.lattice_error import blocks_of
from srn_core.pyramid import pyramid_of
from srn_core.spec import FvSrnSpec, NetworkSpec, NeurcompSpec, WaveletSpec, level_shapes, spec_from_dict, spec_to_dict
from srn_core.training.sizing import wavelet_spec
from srn_core.wavelet import bands, synthesise

HALF = (1.0, 0.8, 0.25)


def fvsrn(**changes: object) -> FvSrnSpec:
    settings: dict[str, object] = {
        "half_extent": HALF,
        "components": 2,
        "widths": (8, 7),
        "frequencies": 3,
        "features": 4,
        "grid": (5, 16, 13),
        "wavelet": wavelet_spec("bior4.4", 3),
    }
    return FvSrnSpec(**{**settings, **changes})  # type: ignore[arg-type]


SPECS: dict[str, NetworkSpec] = {
    "fvsrn": fvsrn(),
    "fvsrn-spatial": fvsrn(wavelet=None, components=1),
    "fvsrn-haar": fvsrn(wavelet=wavelet_spec("haar", 2), frequencies=0),
    "fvsrn-slice": fvsrn(half_extent=(1.0, 0.5, 0.0), grid=(1, 9, 12)),
    "fvsrn-skip": fvsrn(features=2, components=2, skip=True),
    "fvsrn-pyramid": fvsrn(wavelet=pyramid_of("bior4.4", [("z", 1), ("yx", 2)])),
    "latents": fvsrn(
        widths=(), features=1, components=1, skip=True, wavelet=pyramid_of("bior2.2", [("zyx", 2)]), filter=(3,)
    ),
    "neurcomp": NeurcompSpec(HALF, 2, 8, (7, 6, 5), True, 30.0),
    "neurcomp-one-block": NeurcompSpec(HALF, 1, 8, (7,), True, 30.0),
    "neurcomp-plain": NeurcompSpec(HALF, 2, 8, (7, 6, 5), False, 30.0),
}


@pytest.fixture(params=SPECS)
def network(request: pytest.FixtureRequest) -> SceneNetwork:
    return build_network(SPECS[request.param], torch.Generator().manual_seed(3))


def lattice_of(network: SceneNetwork) -> Lattice:
    x, y, z = (torch.linspace(-h, h, n) for h, n in zip(network.spec().half_extent, (9, 5, 3)))
    return Lattice(x, y, z)


def points_of(lattice: Lattice) -> torch.Tensor:
    z, y, x = torch.meshgrid(lattice.z, lattice.y, lattice.x, indexing="ij")
    return torch.stack([x.reshape(-1), y.reshape(-1), z.reshape(-1)], -1)


def test_arrays_have_the_shapes_of_the_spec(network: SceneNetwork) -> None:
    assert {name: a.shape for name, a in network.arrays().items()} == network.spec().shapes()


def test_spec_survives_json(network: SceneNetwork) -> None:
    assert spec_from_dict(spec_to_dict(network.spec())) == network.spec()


def test_arrays_rebuild_the_network(network: SceneNetwork) -> None:
    points = points_of(lattice_of(network))
    other = build_network(network.spec(), torch.Generator().manual_seed(99))
    assert not torch.allclose(other(points), network(points))
    other.load_arrays(network.arrays())
    torch.testing.assert_close(other(points), network(points))


def test_lattice_equals_points(network: SceneNetwork) -> None:
    lattice = lattice_of(network)
    torch.testing.assert_close(network.on_lattice(lattice), network(points_of(lattice)), atol=2e-6, rtol=1e-5)


def test_lattice_and_points_have_the_same_gradients(network: SceneNetwork) -> None:
    lattice = lattice_of(network)
    grads = []
    for values in (network.on_lattice(lattice), network(points_of(lattice))):
        network.zero_grad()
        values.square().sum().backward()
        grads.append([p.grad.clone() for p in network.parameters() if p.grad is not None])
    assert len(grads[0]) == len(grads[1]) == len(list(network.parameters()))
    for a, b in zip(*grads):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_lattice_error_is_the_mean_squared_error_with_its_gradients(
    network: SceneNetwork, threads: int, weighted: bool
) -> None:
    lattice, before = lattice_of(network), torch.get_num_threads()
    count = 9 * 5 * 3
    generator = torch.Generator().manual_seed(5)
    target = torch.rand(count, network.spec().components, generator=generator)
    weight = (torch.rand(count, 1, generator=generator) > 0.4).float() if weighted else None
    try:
        torch.set_num_threads(threads)
        results = []
        for _ in range(2):
            network.zero_grad()
            error = network.lattice_error(lattice, target, weight)
            (3.0 * error).backward()
            results.append((float(error.detach()), [p.grad.clone() for p in network.parameters()]))
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert results[0][0] == results[1][0], "the same each time"
    assert all(torch.equal(a, b) for a, b in zip(results[0][1], results[1][1]))
    network.zero_grad()
    expected = mean_squared_error(network.on_lattice(lattice), target, weight)
    (3.0 * expected).backward()
    assert results[0][0] == pytest.approx(float(expected.detach()), rel=1e-5)
    for got, parameter in zip(results[0][1], network.parameters()):
        torch.testing.assert_close(got, parameter.grad, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 9000), (1, 200, 90), (40, 30, 20), (7, 5000, 1)])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_blocks_cover_a_lattice_once(shape: tuple[int, int, int], threads: int) -> None:
    covered = np.zeros(shape[:2], int)
    for z, y in blocks_of(*shape, threads):
        covered[z, y] += 1
    assert (covered == 1).all()


def test_parameter_gradients_match_finite_differences() -> None:
    for spec in (fvsrn(grid=(2, 4, 5), features=2, widths=(3,)), NeurcompSpec(HALF, 1, 3, (2,), True, 3.0)):
        network = build_network(spec, torch.Generator().manual_seed(0)).double()
        points = points_of(lattice_of(network)).double()[::7]
        parameters = dict(network.named_parameters())

        def value(*tensors: torch.Tensor, net: SceneNetwork = network, at: torch.Tensor = points) -> torch.Tensor:
            names = [name for name, _ in net.named_parameters()]
            return torch.func.functional_call(net, dict(zip(names, tensors)), (at,))

        assert torch.autograd.gradcheck(value, tuple(p.detach().clone().requires_grad_() for p in parameters.values()))


def test_neurcomp_is_equation_2_5() -> None:
    spec = NeurcompSpec(HALF, 1, 6, (5, 4, 3), True, 30.0)
    network = Neurcomp(spec, torch.Generator().manual_seed(0)).double()
    a = {name: t.detach().numpy() for name, t in network.tensors().items()}
    u = np.random.default_rng(0).uniform(-0.2, 0.2, (20, 3))

    def sine(name: str, x: np.ndarray) -> np.ndarray:
        return np.sin(30.0 * x @ a[f"{name}.weight"].T + a[f"{name}.bias"])

    x = sine("first", u)
    x = x + sine("block0.outer", sine("block0.inner", x))
    x = x + sine("block1.outer", sine("block1.inner", 0.5 * x))
    x = 0.5 * (x + sine("block2.outer", sine("block2.inner", 0.5 * x)))
    expected = x @ a["output.weight"].T + a["output.bias"]
    np.testing.assert_allclose(network(torch.tensor(u)).detach().numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("name", pywt.wavelist(kind="discrete"))
def test_latent_grid_is_pywavelets_inverse_transform(name: str) -> None:
    filters = pywt.Wavelet(name)
    for grid, levels in (((8, 16, 12), 2), ((7, 9, 3), 2), ((1, 13, 6), 3)):
        spec = fvsrn(grid=grid, wavelet=wavelet_spec(name, levels), features=2)
        rng = np.random.default_rng(1)
        arrays = {key: rng.normal(size=shape).astype(np.float32) for key, shape in spec.grid_shapes().items()}
        expected = _pywavelets(spec, arrays, filters)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(synthesise(spec, arrays), expected, atol=1e-6 * scale)
        latent = LatentGrid(spec)
        spatial = latent.spatial({key: torch.tensor(a) for key, a in arrays.items()})
        np.testing.assert_allclose(spatial.detach().numpy(), expected, atol=4e-6 * scale)


def _pywavelets(spec: FvSrnSpec, arrays: dict[str, np.ndarray], filters: pywt.Wavelet) -> np.ndarray:
    assert spec.wavelet is not None
    levels = level_shapes(spec.grid, spec.wavelet.levels)
    shapes = [spec.grid] + [shape for shape, _ in levels[:-1]]
    grid = arrays["approx"].astype(float)
    for level in range(len(levels), 0, -1):
        split = levels[level - 1][1]
        if not any(split):
            continue
        parts = {}
        for number, band in enumerate(bands(split)):
            key = "".join("ad"[b] for b, s in zip(band, split) if s)
            parts[key] = grid if number == 0 else arrays[f"detail{level}"][:, number - 1].astype(float)
        axes = [i + 1 for i, s in enumerate(split) if s]
        grid = pywt.idwtn(parts, filters, mode="periodization", axes=axes)
        grid = grid[(slice(None), *(slice(0, n) for n in shapes[level - 1]))]
    return grid


def test_unknown_wavelet_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="no discrete wavelet called 'mexh'"):
        wavelet_spec("mexh", 2)


def test_interpolation_is_linear_and_clamped() -> None:
    u = torch.tensor([-2.0, -0.8, -0.1, 0.3, 0.8, 5.0])
    got = (interpolation_matrix(u, 0.8, 5) @ torch.tensor([0.0, 10, 0, 20, 40])).numpy()
    expected = np.interp(u.numpy(), np.linspace(-0.8, 0.8, 5), [0.0, 10, 0, 20, 40])
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_fold_of_coefficients_keeps_the_output_and_the_zeros() -> None:
    network = FvSrn(fvsrn(), torch.Generator().manual_seed(0))
    points = points_of(lattice_of(network))
    scale = (torch.rand(network.sites()[1].shape) > 0.5).float() * 1.7
    network.set_gate("detail1", lambda values: values * scale)
    before = network(points)
    network.set_gate("detail1", None)
    network.fold("detail1", scale)
    torch.testing.assert_close(network(points), before)
    optimiser = torch.optim.SGD(network.parameters(), 1.0)
    network(points).square().sum().backward()
    optimiser.step()
    assert (network.arrays()["detail1"][:, scale.numpy() == 0] == 0).all()


@pytest.mark.parametrize("residual", [True, False])
def test_fold_of_neurons_keeps_the_output_and_cuts_the_matrices(residual: bool) -> None:
    spec = NeurcompSpec(HALF, 1, 8, (7, 6, 5), residual, 30.0)
    network = Neurcomp(spec, torch.Generator().manual_seed(0))
    points = points_of(lattice_of(network))
    scales = {}
    for site in network.sites():
        scales[site.name] = torch.where(torch.arange(site.shape[0]) % 3 == 1, 0.0, 0.7)
        network.set_gate(site.name, lambda values, s=scales[site.name]: values * s)
    before = network(points)
    for name, scale in scales.items():
        network.set_gate(name, None)
        network.fold(name, scale)
    torch.testing.assert_close(network(points), before, atol=1e-6, rtol=1e-5)
    assert network.spec().hidden == (5, 4, 3) if residual else (5, 4, 3)
    assert network.spec().width == (8 if residual else 5)
    assert {name: a.shape for name, a in network.arrays().items()} == network.spec().shapes()


def test_a_layer_pruned_to_nothing_keeps_one_silent_neuron() -> None:
    network = Neurcomp(NeurcompSpec(HALF, 1, 8, (7, 6), True, 30.0), torch.Generator().manual_seed(0))
    points = points_of(lattice_of(network))
    network.set_gate("block0.inner", lambda values: values * 0)
    before = network(points)
    network.set_gate("block0.inner", None)
    network.fold("block0.inner", torch.zeros(7))
    assert network.spec().hidden == (1, 6)
    torch.testing.assert_close(network(points), before)


def test_wavelet_spec_is_complete() -> None:
    spec = wavelet_spec("db2", 3)
    assert isinstance(spec, WaveletSpec) and len(spec.rec_lo) == 4 and spec.levels == 3
    assert wavelet_spec("none", 3) is None


@pytest.mark.parametrize("components", [1, 3])
def test_one_feature_a_component_starts_near_the_latent_itself(components: int) -> None:
    spec = FvSrnSpec((1.0, 1.0, 1.0), components, (12, 12, 12), 2, components, (6, 6, 6), None)
    network = build_network(spec, torch.Generator().manual_seed(0))
    assert isinstance(network, FvSrn)
    with torch.no_grad():
        network.latent.coefficients["grid"].normal_(generator=torch.Generator().manual_seed(1))
        network.dense[-1].weight[:, 2 * components :] = 0.0
        points = torch.rand(100, 3, generator=torch.Generator().manual_seed(2)) * 2 - 1
        torch.testing.assert_close(network(points), network.latent.at_points(network.grid(), points), atol=2e-5, rtol=0)


@pytest.mark.parametrize("residual", [True, False])
def test_neurons_of_all_layers_are_compared_by_their_share_of_the_layer(residual: bool) -> None:
    """The output's weights are many times smaller than a sine layer's; that must not cost a whole layer."""
    network = build_network(NeurcompSpec((1.0, 1.0, 1.0), 1, 12, (10, 9), residual, 30.0))
    for site in network.sites():
        importance = network.importance(site.name)
        assert importance.shape == site.shape
        assert float(importance.square().mean()) == pytest.approx(1.0, rel=1e-4)
        norms = site.weights[0].detach().norm(dim=0)
        torch.testing.assert_close(importance / importance.max(), norms / norms.max())

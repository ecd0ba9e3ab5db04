"""Fields without a predictor: decoding at the grid's own places copies, the filter runs once, and in boxes."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any, Optional

import numpy as np
import pytest
from reference_networks import evaluate, filtered, numbers_of, random_field

import onnx_export.grid_filter as grid_filter
import srn_core
from onnx_export.blocks import blocks, cube_shape
from onnx_export.decoder import Decoder
from onnx_export.graph import points_graph
from onnx_export.grid_filter import filtered_grid
from onnx_export.plain_network import plain_network
from onnx_export.sessions import Sessions
from srn_core import codec, coordinates
from srn_core.codec.field import NeuralField
from srn_core.errors import SrnStoppedError
from srn_core.native import calls
from srn_core.progress import Progress
from srn_core.pyramid import pyramid_of, synthesise_pyramid
from srn_core.spec import FvSrnSpec
from srn_core.volume import Geometry

DIMS = (17, 14, 9)  # x, y, z
PYRAMID = pyramid_of("bior4.4", (("zyx", 2),))


def latents(
    components: int = 1, filter_: tuple[int, ...] = (), dims: tuple[int, int, int] = DIMS, seed: int = 3
) -> NeuralField:
    nx, ny, nz = dims
    half = coordinates.half_extent(dims)
    spec = FvSrnSpec(half, components, (), 0, components, (nz, ny, nx), PYRAMID, True, filter_)
    return random_field(spec, seed, Geometry(dims), vector=components > 1)


def axes_of(field: NeuralField) -> list[np.ndarray]:
    dims = field.geometry.dims
    return [coordinates.normalise_axis(np.arange(n, dtype=float), n, dims) for n in dims]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("components", [1, 3])
@pytest.mark.parametrize("dims", [DIMS, (12, 9, 1), (1, 1, 30)])
def test_voxels_are_the_latents_to_the_bit(components: int, threads: int, dims: tuple[int, int, int]) -> None:
    field = latents(components, dims=dims)
    wanted = [synthesise_pyramid(c, PYRAMID) for c in numbers_of(field)["coefficients"]]
    decoder = Decoder(field, threads=threads)
    np.testing.assert_array_equal(decoder.grid(*axes_of(field)), np.stack(wanted, axis=-1))


def test_voxels_need_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise AssertionError("a session was opened")

    monkeypatch.setattr(Sessions, "opened", fail)
    field = latents()
    decoder = Decoder(field, providers="cpu")
    assert np.ptp(decoder.grid(*axes_of(field))) > 0.1
    assert decoder.providers == ("CPUExecutionProvider",)
    monkeypatch.setattr(calls, "there", lambda: False)
    with pytest.raises(AssertionError, match="session"):
        decoder.points(np.zeros((1, 3)))


@pytest.mark.skipif(not calls.there(), reason="there are no compiled loops")
def test_points_need_no_session_where_there_are_compiled_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    field = latents()
    wanted = Decoder(field, providers="cpu").grid(*axes_of(field))
    monkeypatch.setattr(Sessions, "opened", None)
    x, y, z = axes_of(field)
    points = np.stack(np.meshgrid(z, y, x, indexing="ij")[::-1], axis=-1).reshape(-1, 3)
    found = Decoder(field, providers="cpu").points(points).reshape(wanted.shape)
    np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize("pick", [slice(3, 8), slice(1, None, 2), slice(None, None, -1), [4, 4, 0]])
@pytest.mark.parametrize("axis", range(3))
def test_any_choice_of_voxels(axis: int, pick: Any) -> None:
    field = latents(2)
    axes = axes_of(field)
    decoder = Decoder(field)
    whole = decoder.grid(*axes)
    axes[axis] = axes[axis][pick]
    places: list[Any] = [slice(None)] * 3
    places[2 - axis] = pick
    np.testing.assert_array_equal(decoder.grid(*axes), whole[tuple(places)])


def test_outside_is_held_at_the_border() -> None:
    field = latents()
    axes = axes_of(field)
    decoder = Decoder(field)
    whole = decoder.grid(*axes)
    far = decoder.grid(np.array([-np.inf, 9.0]), axes[1], axes[2])
    np.testing.assert_array_equal(far, whole[:, :, [0, -1]])


@pytest.mark.parametrize("hidden", [(), (3,), (4, 2)])
def test_between_voxels_they_are_interpolated(hidden: tuple[int, ...]) -> None:
    field = latents(2, hidden)
    decoder = Decoder(field, chunk=50)
    axes = [np.linspace(-h, h, n) for h, n in zip(field.spec.half_extent, (7, 6, 5))]
    z, y, x = np.meshgrid(*axes[::-1], indexing="ij")
    points = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    truth = evaluate(field.spec, numbers_of(field), points)
    np.testing.assert_allclose(decoder.grid(*axes).reshape(-1, 2), truth, rtol=0, atol=2e-5)
    np.testing.assert_allclose(decoder.points(points), truth, rtol=0, atol=2e-5)
    native = axes_of(field)
    z, y, x = np.meshgrid(*native[::-1], indexing="ij")
    at_voxels = decoder.points(np.stack([x, y, z], axis=-1).reshape(-1, 3))
    np.testing.assert_allclose(at_voxels, decoder.grid(*native).reshape(-1, 2), rtol=0, atol=2e-5)


def test_nan_positions_give_nan_values_and_no_others() -> None:
    field = latents()
    axes = axes_of(field)
    decoder = Decoder(field)
    whole = decoder.grid(*axes)
    axes[0][2] = np.nan
    values = decoder.grid(*axes)
    assert np.isnan(values[:, :, 2]).all()
    rest = [i for i in range(DIMS[0]) if i != 2]
    np.testing.assert_allclose(values[:, :, rest], whole[:, :, rest], rtol=0, atol=1e-5)


def test_with_a_predictor_nothing_is_copied() -> None:
    spec = FvSrnSpec(coordinates.half_extent(DIMS), 1, (8,), 2, 1, DIMS[::-1], PYRAMID, True)
    field = random_field(spec, 3, Geometry(DIMS))
    z, y, x = np.meshgrid(*axes_of(field)[::-1], indexing="ij")
    truth = evaluate(spec, numbers_of(field), np.stack([x, y, z], axis=-1).reshape(-1, 3))
    grid = Decoder(field).grid(*axes_of(field))
    np.testing.assert_allclose(grid.reshape(-1, 1), truth, rtol=0, atol=2e-5)
    latent = synthesise_pyramid(numbers_of(field)["coefficients"][0], PYRAMID)
    assert np.abs(grid[..., 0] - latent).max() > 0.01


def test_a_file_gives_regions_and_finer_grids(tmp_path: Path) -> None:
    field = latents(2, (4,))
    codec.write(tmp_path / "latents.srn", [field])
    file = srn_core.load(tmp_path / "latents.srn")
    whole = file.decode().values
    assert whole.shape == (9, 14, 17, 2)
    part = file.decode(region=(2, 6, 3, 3, 1, 8)).values
    np.testing.assert_array_equal(part, whole[1:9, 3:4, 2:7])
    finer = file.decode(dims=(33, 27, 17)).values  # every second sample is a voxel
    np.testing.assert_allclose(finer[::2, ::2, ::2], whole, rtol=0, atol=2e-5)
    np.testing.assert_allclose(finer[1, 0, 0], (whole[0, 0, 0] + whole[1, 0, 0]) / 2, rtol=0, atol=2e-5)


@pytest.mark.parametrize("hidden", [(3,), (4, 2), (2, 2, 2)])
@pytest.mark.parametrize("dims", [DIMS, (1, 1, 1), (30, 1, 2)])
def test_the_filter_is_the_plain_arithmetic(
    monkeypatch: pytest.MonkeyPatch, dims: tuple[int, int, int], hidden: tuple[int, ...]
) -> None:
    field = latents(2, hidden, dims)
    assert isinstance(field.spec, FvSrnSpec)
    arrays = numbers_of(field)
    grid = np.stack([synthesise_pyramid(c, PYRAMID) for c in arrays["coefficients"]])
    truth = filtered(field.spec, {name: a.astype(float) for name, a in arrays.items()}, grid.astype(float))
    assert np.abs(truth - grid).max() > 0.05
    for numbers, threads in ((1 << 21, 1), (200, 1), (300, 3)):
        monkeypatch.setattr(grid_filter, "BOX_NUMBERS", numbers)
        found = filtered_grid(field.spec, arrays, threads)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, truth, rtol=0, atol=1e-5)


def test_the_filter_runs_once_and_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grid_filter, "BOX_NUMBERS", 500)
    field = latents(filter_=(3,))
    told: list[Progress] = []
    decoder = Decoder(field, threads=2)
    axes = axes_of(field)
    whole = decoder.grid(*axes, progress=told.append)  # type: ignore[arg-type]
    shares = [p.fraction for p in told if p.phase == "filtering"]
    assert len(shares) > 3 and shares == sorted(shares) and shares[-1] == 1.0
    told.clear()
    np.testing.assert_array_equal(decoder.grid(*axes, progress=told.append), whole)  # type: ignore[arg-type]
    decoder.points(np.zeros((3, 3)), progress=told.append)  # type: ignore[arg-type]
    assert {p.phase for p in told} == {"decoding"}


def test_the_filter_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grid_filter, "BOX_NUMBERS", 500)
    field = latents(filter_=(3,))

    def stop(report: Progress) -> Optional[bool]:
        return False

    decoder = Decoder(field)
    with pytest.raises(SrnStoppedError):
        decoder.grid(*axes_of(field), progress=stop)
    assert np.isfinite(decoder.grid(*axes_of(field))).all(), "and started anew"


def test_the_filter_needs_little_memory_beside_its_result() -> None:
    field = latents(filter_=(8, 8), dims=(96, 96, 96))
    assert isinstance(field.spec, FvSrnSpec)
    arrays = numbers_of(field)
    tracemalloc.start()
    filtered_grid(field.spec, arrays)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * arrays["coefficients"].nbytes


def test_models_hold_the_filtered_grid() -> None:
    field = latents(filter_=(3,))
    network = plain_network(field)
    assert set(network.arrays) == {"grid"}
    (held,) = (i for i in points_graph(field).graph.initializer if i.name.startswith("latent"))
    np.testing.assert_array_equal(np.frombuffer(held.raw_data, np.float32), network.arrays["grid"].reshape(-1))


@pytest.mark.parametrize("dims", [(100, 100, 100), (5, 200, 200), (1, 1, 1000), (7, 7, 7)])
@pytest.mark.parametrize("voxels", [1, 27, 1000, 1 << 18])
def test_cubes_cover_everything_within_their_size(dims: tuple[int, int, int], voxels: int) -> None:
    shape = cube_shape(dims, voxels)
    assert np.prod(shape) <= max(voxels, 1)
    assert sum((x.stop - x.start) * (y.stop - y.start) * (z.stop - z.start) for x, y, z in blocks(dims, shape)) == (
        np.prod(dims)
    )

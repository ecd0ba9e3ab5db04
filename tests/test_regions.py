"""Filtered latents where a request touches them and nowhere else, with the values of the whole."""

from __future__ import annotations

from typing import Any, Optional

import numpy as np
import pytest
from reference_networks import random_field

import onnx_export.grid_filter as grid_filter
from onnx_export.decoder import Decoder
from onnx_export.grid_filter import Box, GridFilter, filtered_grid
from srn_core import coordinates
from srn_core.codec.field import NeuralField
from srn_core.errors import SrnStoppedError
from srn_core.native import calls
from srn_core.progress import Progress
from srn_core.pyramid import pyramid_of
from srn_core.spec import FvSrnSpec
from srn_core.volume import Geometry

DIMS = (52, 40, 33)  # x, y, z
LATENTS = 52 * 40 * 33
FILTER = (4, 3)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Latents that were filtered, call by call; the grid has many boxes."""
    monkeypatch.setattr(grid_filter, "BOX_NUMBERS", 4 * 8**3)
    counted: list[int] = []
    run = GridFilter.run

    def counting(self: GridFilter, grid: np.ndarray, boxes: list[Box], *rest: Any, **more: Any) -> None:
        run(self, grid, boxes, *rest, **more)
        counted.append(sum(int(np.prod([p.stop - p.start for p in box])) for box in boxes))

    monkeypatch.setattr(GridFilter, "run", counting)
    return counted


def field_of(components: int = 1, widths: tuple[int, ...] = (), dims: tuple[int, int, int] = DIMS) -> NeuralField:
    nx, ny, nz = dims
    pyramid = pyramid_of("bior4.4", (("zyx", 2),))
    half = coordinates.half_extent(dims)
    spec = FvSrnSpec(half, components, widths, 0, components, (nz, ny, nx), pyramid, True, FILTER)
    return random_field(spec, 3, Geometry(dims), vector=components > 1)


def axes_of(field: NeuralField) -> list[np.ndarray]:
    dims = field.geometry.dims
    return [coordinates.normalise_axis(np.arange(n, dtype=float), n, dims) for n in dims]


def whole_of(field: NeuralField) -> np.ndarray:
    """(z, y, x, components) by the filter in one piece."""
    assert isinstance(field.spec, FvSrnSpec)
    return np.moveaxis(filtered_grid(field.spec, {n: a.values() for n, a in field.arrays.items()}), 0, -1)


def test_a_slice_is_filtered_alone(work: list[int]) -> None:
    field = field_of()
    whole = whole_of(field)
    work.clear()
    x, y, z = axes_of(field)
    decoder = Decoder(field, threads=2)
    found = decoder.grid(x, y, z[17:18])
    np.testing.assert_allclose(found, whole[17:18], rtol=0, atol=1e-6)
    assert work == [52 * 40], "exactly the slice"
    np.testing.assert_array_equal(decoder.grid(x[3:9], y, z[17:18]), found[:, :, 3:9])
    assert work == [52 * 40], "and what is a part of it, not again"


def test_a_fine_slice_between_latents_needs_two_planes(work: list[int]) -> None:
    field = field_of()
    decoder = Decoder(field)
    x, y, z = axes_of(field)
    fine = np.linspace(x[0], x[-1], 512), np.linspace(y[0], y[-1], 512)
    found = decoder.grid(*fine, z[20:21] + (z[1] - z[0]) / 2)
    assert sum(work) == 2 * 52 * 40
    np.testing.assert_allclose(found, Decoder(field, threads=1).grid(*fine, np.append(z, z[20] / 2 + z[21] / 2))[-1:])


@pytest.mark.parametrize("threads", [1, 3])
def test_a_region_is_filtered_in_the_boxes_of_the_whole_and_only_once(work: list[int], threads: int) -> None:
    field = field_of(components=2)
    whole = whole_of(field)
    work.clear()
    x, y, z = axes_of(field)
    decoder = Decoder(field, threads=threads)
    found = decoder.grid(x[5:30], y[4:21], z[6:20])
    np.testing.assert_allclose(found, whole[6:20, 4:21, 5:30], rtol=0, atol=1e-6)
    assert 25 * 17 * 14 <= sum(work) < 0.4 * LATENTS
    first = sum(work)
    decoder.grid(x[6:29], y[5:20], z[7:19])
    assert sum(work) == first
    np.testing.assert_allclose(decoder.grid(x, y, z), whole, rtol=0, atol=1e-6)
    assert sum(work) <= LATENTS + first, "no box twice"
    done = len(work)
    decoder.grid(x, y, z)
    decoder.points(np.random.default_rng(0).uniform(-1, 1, (20, 3)))
    assert len(work) == done


def test_parts_that_follow_one_another_are_filtered_once(work: list[int]) -> None:
    field = field_of()
    x, y, z = axes_of(field)
    decoder = Decoder(field)
    decoder.expect(x, y, z)
    assert sum(work) == LATENTS
    for layer in range(0, len(z), 2):
        decoder.grid(x, y, z[layer : layer + 2])
    assert sum(work) == LATENTS


@pytest.mark.parametrize("components", [1, 2])
def test_points_need_their_boxes_alone(work: list[int], components: int) -> None:
    dims = DIMS if components == 1 else (160, 40, 33)  # tables of cells do not fit
    field = field_of(components, dims=dims)
    rng = np.random.default_rng(1)
    line = np.linspace([-0.3, -0.2, -0.1], [0.2, 0.1, 0.1], 200)
    some = rng.uniform(-1, 1, (5, 3))
    decoder = Decoder(field, chunk=64)
    found = decoder.points(np.vstack([line, some, [[np.nan, 0, 0], [9.0, -9.0, 9.0]]]))
    if components == 1:
        assert 0 < sum(work) < 0.5 * LATENTS
    latents = whole_of(field)
    other = Decoder(field)
    other.plain()
    np.testing.assert_array_equal(found[:-2], other.points(np.vstack([line, some])))
    np.testing.assert_allclose(found[-1], latents[-1, 0, -1], rtol=0, atol=1e-6)
    assert np.isnan(found[-2]).all()


def test_points_on_every_latent_and_their_gradients(work: list[int]) -> None:
    """A latent that is not filtered yet would show, be its share ever so small."""
    field = field_of(dims=(19, 17, 18))
    whole = whole_of(field)
    x, y, z = axes_of(field)
    decoder, other = Decoder(field), Decoder(field)
    other.plain()
    for index in np.random.default_rng(2).integers(0, [19, 17, 18], (60, 3)):
        u = np.array([[x[index[0]], y[index[1]], z[index[2]]]])
        np.testing.assert_allclose(decoder.points(u)[0], whole[index[2], index[1], index[0]], rtol=0, atol=2e-6)
        fresh = Decoder(field)
        found, wanted = fresh.points_gradient(u), other.points_gradient(u)
        np.testing.assert_array_equal(found[1], wanted[1])


def test_gradients_of_a_slice_need_its_neighbours(work: list[int]) -> None:
    field = field_of()
    x, y, z = axes_of(field)
    whole = Decoder(field).grid_gradient(x, y, z)
    work.clear()
    decoder = Decoder(field)
    values, gradient = decoder.grid_gradient(x, y, z[11:12])
    assert sum(work) < 0.3 * LATENTS
    np.testing.assert_allclose(values, whole[0][11:12], rtol=0, atol=1e-6)
    np.testing.assert_allclose(gradient, whole[1][11:12], rtol=0, atol=1e-4)


def test_with_a_predictor_a_slice_is_filtered_alone_too(work: list[int]) -> None:
    field = field_of(widths=(8,))
    x, y, z = axes_of(field)
    found = Decoder(field).grid(x, y, z[4:5])
    assert sum(work) == 52 * 40
    np.testing.assert_allclose(found, Decoder(field).grid(x, y, z)[4:5], rtol=0, atol=1e-5)


def test_stopping_leaves_nothing_half_done(work: list[int]) -> None:
    field = field_of()
    x, y, z = axes_of(field)
    decoder = Decoder(field, threads=1)

    def stop(report: Progress) -> Optional[bool]:
        return report.fraction < 0.5

    for part in (z, z[3:4]):
        with pytest.raises(SrnStoppedError):
            decoder.grid(x, y, part, progress=stop)
    np.testing.assert_allclose(decoder.grid(x, y, z), whole_of(field), rtol=0, atol=1e-6)


def test_the_cpus_model_takes_the_latents_from_the_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "there", lambda: False)
    decoder = Decoder(field_of(), providers="cpu")
    decoder.points(np.zeros((1, 3)))
    session, _ = decoder.sessions.opened("points")
    assert {put.name for put in session.get_inputs()} == {"points", "latent"}
    assert len(decoder._points_model("points", True)) < 20_000

"""Isosurfaces block by block are those of the field decoded whole."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from example_fields import field_of, fvsrn, neurcomp
from srn_filters.contour_pieces import Contour, ContourPieces
from surface_fields import ball, file_of, latents_alone, same_cells, smooth, triangles

from onnx_export.decoder import Decoder
from srn_core.codec import Corrections, NeuralField, Plateau, quantise
from srn_core.decoding import wanted_grid
from srn_core.errors import SrnInputError, SrnStoppedError
from srn_core.spec import ConstantSpec, FvSrnSpec
from srn_core.surface import SurfaceBlocks, network_bounds
from srn_core.surface.block_axes import block_axes
from srn_core.surface.value_bounds import value_bounds
from srn_core.volume import Geometry

SHAPE = (21, 26, 33)
EDGE = 8


def corrections() -> Corrections:
    generator = np.random.default_rng(1)
    codes = generator.integers(-3, 4, (*SHAPE, 1)) * (generator.random((*SHAPE, 1)) > 0.95)
    return Corrections(codes.astype(np.int32), 0.1)


def finer_latents(**more: Any) -> NeuralField:
    """Latents that do not lie on the voxels."""
    shape = (11, 17, 30)
    geometry = Geometry((33, 26, 21))
    spec = FvSrnSpec(geometry.half_extent, 1, (), 0, 1, shape, None, skip=True)
    return field_of(spec, {"grid": quantise(smooth(shape)[None].astype(np.float32), 12, "uniform")}, geometry=geometry)


KINDS = {
    "plain": lambda: latents_alone(SHAPE),
    "other latents": finer_latents,
    "masked": lambda: latents_alone(SHAPE, valid=smooth(SHAPE, 3) < 0.3),
    "integers": lambda: latents_alone(SHAPE, dtype="uint8", value_range=((0.0, 200.0),)),
    "masked integers": lambda: latents_alone(
        SHAPE, dtype="int16", value_range=((-90.0, 110.0),), valid=smooth(SHAPE, 3) < 0.3
    ),
    "plateau": lambda: latents_alone(SHAPE, plateau=Plateau(smooth(SHAPE, 4) > 0.3, (0.5,))),
    "corrected": lambda: latents_alone(SHAPE, corrections=corrections()),
    "cells": lambda: latents_alone(SHAPE, geometry=Geometry(SHAPE[::-1], association="cell")),
    "half floats": lambda: latents_alone(SHAPE, dtype="float16"),
    "flat along z": lambda: latents_alone((1, 26, 33)),
    "flat along x": lambda: latents_alone((26, 33, 1)),
    "constant": lambda: field_of(ConstantSpec((1.0, 1.0, 1.0), 1)),
}


def contoured(blocks: SurfaceBlocks) -> Contour:
    pieces = ContourPieces(blocks.geometry.dims, blocks.edge)
    for block in blocks.blocks():
        pieces.add(block)
    return pieces.together()


def assert_as_whole(
    field: NeuralField, isovalues: list[float], within: float = 1e-4, exhaustive: bool = False, **grid: Any
) -> SurfaceBlocks:
    """Contours the field block by block, and decoded whole; the cells must be the same."""
    file = file_of(field)
    blocks = file.surface_blocks(isovalues, edge=EDGE, exhaustive=exhaustive, **grid)
    contour = contoured(blocks)
    for isovalue, whole in zip(isovalues, triangles(file.decode(**grid), isovalues)):
        here = contour.cells[contour.isovalues[contour.cells[:, 0]] == isovalue]
        assert len(here) == len(whole[1])
        assert same_cells((contour.points, here), whole, within), isovalue
    return blocks


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [0.5, 1, 2])
def test_same_triangles_as_of_the_whole(kind: str, scale: float) -> None:
    field = KINDS[kind]()
    low, high = field.value_range[0]
    # The last one is a value that integers take.
    isovalues = [low + 0.75 * (high - low), low + 0.8 * (high - low), round(low + 0.85 * (high - low))]
    blocks = assert_as_whole(field, isovalues, scale=scale)
    assert blocks.exact
    assert blocks.decoded < blocks.total or scale < 1, "blocks without surface are left out"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [0.5, 1, 1.7])
def test_bounds_hold(kind: str, scale: float) -> None:
    field = KINDS[kind]()
    axes = block_axes(wanted_grid(field, scale=scale).index, EDGE)
    bounds, _ = value_bounds(Decoder(field, providers="cpu"), axes, 0)
    volume = file_of(field).decode(scale=scale)
    values = volume.values.astype(np.float64)
    if volume.valid is not None:
        values[~volume.valid] = np.nan
    for place in np.ndindex(*bounds.low.shape):
        where = tuple(slice(a.first[i], a.last[i] + 1) for a, i in zip(axes, place))
        held = values[where][np.isfinite(values[where])]
        assert (bounds.low[place] <= held).all() and (held <= bounds.high[place]).all(), place


def test_parts_and_sizes_of_a_grid() -> None:
    field = latents_alone(SHAPE, geometry=Geometry(SHAPE[::-1], (5.0, 6.0, 7.0), start=(-3, 4, 5)))
    assert_as_whole(field, [0.4], region=(0, 20, 5, 25, 6, 19))
    assert_as_whole(field, [0.4], region=(0, 20, 5, 25, 6, 19), dims=(41, 12, 17))


@pytest.mark.parametrize("spec", [neurcomp(), fvsrn()])
def test_networks_are_found_too(spec: Any) -> None:
    field = field_of(spec, geometry=Geometry((40, 30, 21)))
    # Steep networks turn the last digits of values into more than those of places.
    assert not assert_as_whole(field, [0.1, 0.6], 2e-3).exact
    assert assert_as_whole(field, [0.1], 2e-3, exhaustive=True).exact


def test_surfaces_are_followed_from_block_to_block(monkeypatch: pytest.MonkeyPatch) -> None:
    field = ball()
    # Bounds so narrow that only a few blocks are found.
    monkeypatch.setattr(network_bounds, "costs_network", lambda spec: True)
    monkeypatch.setattr(network_bounds, "STEP", EDGE)
    monkeypatch.setattr(network_bounds, "MARGIN", -0.15)
    blocks = file_of(field).surface_blocks([0.5], edge=EDGE)
    found = blocks.found
    contour = contoured(blocks)
    assert 0 < found < blocks.decoded < blocks.total
    whole = triangles(file_of(field).decode(), [0.5])[0]
    assert len(contour.cells) == len(whole[1]) and same_cells((contour.points, contour.cells), whole)


@pytest.mark.parametrize("jitter", [0.0, 1e-4])
def test_seams_are_closed(jitter: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where a device gives each block other last digits."""
    plain = SurfaceBlocks._decode

    def jittered(self: SurfaceBlocks, place: tuple[int, int, int]) -> np.ndarray:
        values = plain(self, place)
        return values + (jitter * np.random.default_rng(place).normal(size=values.shape)).astype(values.dtype)

    monkeypatch.setattr(SurfaceBlocks, "_decode", jittered)
    contour = contoured(file_of(ball()).surface_blocks([0.8], edge=EDGE))
    assert len(np.unique(contour.points, axis=0)) == len(contour.points)
    sides = Counter(tuple(sorted((cell[i], cell[i - 1]))) for cell in contour.cells.tolist() for i in range(3))
    assert set(sides.values()) == {2}, "each side of a triangle is that of another one too"


def test_several_threads_give_the_same() -> None:
    field = latents_alone(SHAPE)
    one = file_of(field)
    two = type(one)([field], one.to_bytes(), providers="cpu", threads=2)
    first, second = (contoured(file.surface_blocks([0.2], edge=EDGE, scale=2)) for file in (one, two))
    np.testing.assert_array_equal(first.points, second.points)
    np.testing.assert_array_equal(first.cells, second.cells)


def test_stops_when_told_to() -> None:
    blocks = file_of(latents_alone(SHAPE)).surface_blocks([0.2], edge=EDGE)
    with pytest.raises(SrnStoppedError):
        for _ in blocks.blocks(lambda report: report.fraction < 0.5):
            pass
    assert 0 < blocks.decoded < blocks.found


def test_vectors_go_by_component() -> None:
    spec = FvSrnSpec((1.0, 0.8, 0.6), 2, (), 0, 2, SHAPE, None, skip=True)
    latents = np.stack([smooth(SHAPE, 0), smooth(SHAPE, 1)]).astype(np.float32)
    field = field_of(spec, {"grid": quantise(latents, 12, "uniform")}, geometry=Geometry(SHAPE[::-1]))
    file = file_of(field)
    contour = contoured(file.surface_blocks([0.5], component=1, edge=EDGE))
    volume = file.decode()
    second = type(volume)(volume.values[..., 1], volume.geometry)
    assert same_cells((contour.points, contour.cells), triangles(second, [0.5])[0])
    with pytest.raises(SrnInputError, match="no component 2; they are numbered from 0 to 1"):
        file.surface_blocks([0.5], component=2)


@pytest.mark.parametrize("isovalues", [[], [np.nan], [0.1, np.inf]])
def test_isovalues_must_be_numbers(isovalues: list[float]) -> None:
    with pytest.raises(SrnInputError, match="at least one value, and finite"):
        file_of(latents_alone(SHAPE)).surface_blocks(isovalues)

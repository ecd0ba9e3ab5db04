"""The graphs of every network against a plain NumPy evaluation of the same spec and arrays."""

from __future__ import annotations

import json
from itertools import product
from typing import Any, Optional

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_networks import evaluate, numbers_of, random_field, trilinear, wavelet_spec

from onnx_export.decoder import Decoder
from onnx_export.graph import BUILDERS, points_graph
from onnx_export.grid_graph import grid_graph, needs_graph
from onnx_export.layers import SINE_ROOT
from onnx_export.metadata import world_to_normalised
from srn_core import coordinates
from srn_core.codec.field import NeuralField
from srn_core.errors import SrnInputError
from srn_core.pyramid import pyramid_of
from srn_core.spec import ConstantSpec, FvSrnSpec, NetworkSpec, NeurcompSpec
from srn_core.volume import Geometry

RANGE = 2.0
"""Normalised values span [-1, 1]."""
TOLERANCE = 1e-5 * RANGE

ALLOWED = {
    "Add",
    "Cast",
    "Concat",
    "Cos",
    "Floor",
    "Gather",
    "GatherElements",
    "Gemm",
    "Identity",
    "MatMul",
    "Max",
    "Min",
    "Mul",
}
ALLOWED |= {"ReduceSum", "Reshape", "Round", "Sin", "Sub", "Transpose", "Unsqueeze"}
"""What an exported model is made of: operators that every runtime has."""

BOX = (1.0, 0.8, 0.5)


def fvsrn(**changes: Any) -> FvSrnSpec:
    given_: dict[str, Any] = {
        "half_extent": BOX,
        "components": 1,
        "widths": (16, 16),
        "frequencies": 3,
        "features": 4,
        "grid": (5, 6, 7),
        "wavelet": None,
    }
    given_.update(changes)
    return FvSrnSpec(**given_)


SPECS: dict[str, NetworkSpec] = {
    "fvsrn spatial": fvsrn(),
    "fvsrn no frequencies": fvsrn(frequencies=0),
    "fvsrn one frequency": fvsrn(frequencies=1),
    "fvsrn six frequencies": fvsrn(frequencies=6),
    "fvsrn one feature": fvsrn(features=1),
    "fvsrn sixteen features": fvsrn(features=16, widths=(32, 24, 32)),
    "fvsrn vectors": fvsrn(components=3),
    "fvsrn one layer": fvsrn(widths=(8,)),
    "fvsrn haar": fvsrn(grid=(8, 9, 10), wavelet=wavelet_spec("haar", 2)),
    "fvsrn db2": fvsrn(grid=(8, 9, 10), wavelet=wavelet_spec("db2", 2)),
    "fvsrn bior4.4": fvsrn(grid=(12, 11, 10), wavelet=wavelet_spec("bior4.4", 3), components=2),
    "fvsrn flat": fvsrn(half_extent=(1.0, 0.5, 0.0), grid=(1, 6, 7)),
    "fvsrn flat, thick grid": fvsrn(half_extent=(1.0, 0.0, 0.5), grid=(5, 3, 7)),
    "fvsrn line": fvsrn(half_extent=(0.0, 0.0, 1.0), grid=(9, 1, 1)),
    "fvsrn one vertex": fvsrn(half_extent=(0.0, 0.0, 0.0), grid=(1, 1, 1)),
    "fvsrn skip": fvsrn(components=3, features=3, skip=True),
    "fvsrn pyramid": fvsrn(wavelet=pyramid_of("bior4.4", [("zyx", 2)])),
    "fvsrn filter": fvsrn(filter=(3, 5), features=2),
    "latents alone": fvsrn(widths=(), features=1, skip=True),
    "latents alone, vectors": fvsrn(
        widths=(),
        components=2,
        features=2,
        skip=True,
        wavelet=pyramid_of("bior6.8", [("z", 1), ("yx", 3)]),
        filter=(4,),
    ),
    "latents alone, flat": fvsrn(
        half_extent=(1.0, 0.5, 0.0),
        grid=(1, 6, 7),
        widths=(),
        features=1,
        skip=True,
        wavelet=pyramid_of("bior2.2", [("yx", 4)]),
        filter=(4, 4),
    ),
    "latents alone, one vertex": fvsrn(
        half_extent=(0.0, 0.0, 0.0), grid=(1, 1, 1), widths=(), features=1, skip=True, filter=(2,)
    ),
    "neurcomp": NeurcompSpec(BOX, 1, 20, (20, 12, 20), True, 30.0),
    "neurcomp one block": NeurcompSpec(BOX, 2, 12, (5,), True, 30.0),
    "neurcomp plain": NeurcompSpec(BOX, 3, 16, (12, 20), False, 30.0),
    "neurcomp no hidden": NeurcompSpec(BOX, 1, 16, (), False, 25.0),
    "neurcomp flat": NeurcompSpec((1.0, 0.6, 0.0), 1, 16, (16, 16), True, 30.0),
    "constant": ConstantSpec(BOX, 2),
}


def run(model: onnx.ModelProto, **inputs: np.ndarray) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["values"], inputs)[0])


def axes_of(spec: NetworkSpec, dims: tuple[int, int, int], over: float = 1.0) -> list[np.ndarray]:
    return [np.linspace(-h * over, h * over, n) for h, n in zip(spec.half_extent, dims)]


def crossings(axes: list[np.ndarray]) -> np.ndarray:
    z, y, x = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
    return np.stack([x, y, z], axis=-1).reshape(-1, 3)


def grid_and_points(field: NeuralField, axes: list[np.ndarray], for_cpu: bool) -> tuple[np.ndarray, np.ndarray]:
    decoder = Decoder(field, "cpu", threads=1)
    if needs_graph(field.spec):
        model = grid_graph(field.spec, numbers_of(field), for_cpu).SerializeToString()
        decoder.sessions.session("grid", lambda _: model)
    grid = decoder.grid(*axes)
    assert grid.shape == (len(axes[2]), len(axes[1]), len(axes[0]), field.spec.components)
    model = points_graph(field, physical=False, for_cpu=for_cpu)
    points = run(model, points=crossings(axes).astype(np.float32))
    return grid.reshape(points.shape), points


@pytest.mark.parametrize("for_cpu", [False, True], ids=["plain", "cpu"])
@pytest.mark.parametrize("name", SPECS)
def test_graphs_equal_the_plain_evaluation(name: str, for_cpu: bool) -> None:
    spec = SPECS[name]
    field = random_field(spec, seed=len(name))
    axes = axes_of(spec, (7, 6, 5), over=1.1)  # a little outside too, where positions are held at the border
    truth = evaluate(spec, numbers_of(field), crossings(axes))
    if spec.kind != "constant" and max(spec.half_extent) > 0:
        assert np.ptp(truth) > 0.1, "a field without contrast would prove nothing"
    grid, points = grid_and_points(field, axes, for_cpu)
    np.testing.assert_allclose(grid, truth, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(points, truth, rtol=0, atol=TOLERANCE)


sizes = st.integers(1, 7)


@settings(max_examples=15, deadline=None)
@given(
    grid=st.tuples(sizes, sizes, sizes),
    dims=st.tuples(sizes, sizes, sizes),
    widths=st.lists(st.integers(1, 9), max_size=3),
    frequencies=st.integers(0, 5),
    features=st.integers(1, 5),
    components=st.integers(1, 3),
    filter_=st.sampled_from([None, "haar", "db2", "bior4.4"]),
    hidden=st.lists(st.integers(1, 4), max_size=2),
    skip=st.booleans(),
    for_cpu=st.booleans(),
)
def test_any_fvsrn_shape(
    grid: tuple[int, int, int],
    dims: tuple[int, int, int],
    widths: list[int],
    frequencies: int,
    features: int,
    components: int,
    filter_: Optional[str],
    hidden: list[int],
    skip: bool,
    for_cpu: bool,
) -> None:
    wavelet = pyramid_of(filter_, [("x", 1), ("zy", 2)]) if filter_ == "bior4.4" else None
    if filter_ in ("haar", "db2"):
        wavelet = wavelet_spec(filter_, 2)
    half = coordinates.half_extent(dims)
    skip = skip or not widths
    features = components if skip else features
    spec = FvSrnSpec(half, components, tuple(widths), frequencies, features, grid, wavelet, skip, tuple(hidden))
    field = random_field(spec, seed=sum(dims))
    axes = axes_of(spec, dims)
    truth = evaluate(spec, numbers_of(field), crossings(axes))
    for values in grid_and_points(field, axes, for_cpu):
        np.testing.assert_allclose(values, truth, rtol=0, atol=TOLERANCE)


@settings(max_examples=10, deadline=None)
@given(
    width=st.integers(1, 12),
    hidden=st.lists(st.integers(1, 12), max_size=3),
    residual=st.booleans(),
    omega=st.floats(1.0, 40.0),
    components=st.integers(1, 3),
)
def test_any_neurcomp_shape(width: int, hidden: list[int], residual: bool, omega: float, components: int) -> None:
    spec = NeurcompSpec(BOX, components, width, tuple(hidden), residual, omega)
    field = random_field(spec, seed=width)
    axes = axes_of(spec, (4, 3, 5))
    truth = evaluate(spec, numbers_of(field), crossings(axes))
    for values in grid_and_points(field, axes, for_cpu=True):
        np.testing.assert_allclose(values, truth, rtol=0, atol=TOLERANCE)


def test_axes_may_be_uneven_and_unsorted() -> None:
    field = random_field(SPECS["fvsrn spatial"])
    axes = [np.array([0.9, -0.3, 0.31, -1.0]), np.array([0.2]), np.array([0.5, -0.5, 0.1])]
    truth = evaluate(field.spec, numbers_of(field), crossings(axes))
    grid, _ = grid_and_points(field, axes, for_cpu=True)
    np.testing.assert_allclose(grid, truth, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("for_cpu", [False, True])
def test_latent_samples_lie_on_both_ends(for_cpu: bool) -> None:
    """At the corners of the box the network sees the corners of the latent grid, exactly."""
    spec = fvsrn(frequencies=0)
    field = random_field(spec)
    arrays = numbers_of(field)
    corners = np.array(list(product(*[(-h, h) for h in BOX])), np.float32)
    picked = [arrays["grid"][:, -int(z > 0), -int(y > 0), -int(x > 0)] for x, y, z in corners]
    np.testing.assert_allclose(trilinear(arrays["grid"], BOX, corners.astype(float)), picked, atol=1e-5)
    values = run(points_graph(field, physical=False, for_cpu=for_cpu), points=corners)
    np.testing.assert_allclose(values, evaluate(spec, arrays, corners), rtol=0, atol=TOLERANCE)


def test_high_frequencies_keep_their_phase() -> None:
    """sin(2^l pi u) of a float32 u is exact to rounding at l = 15, where 2^l pi u has no digit left for it."""
    field = random_field(fvsrn(frequencies=16))
    points = np.random.default_rng(3).uniform(-0.5, 0.5, (500, 3)).astype(np.float32)
    truth = evaluate(field.spec, numbers_of(field), points)
    np.testing.assert_allclose(run(points_graph(field, False), points=points), truth, rtol=0, atol=TOLERANCE)


def test_polynomial_is_a_squared_sine() -> None:
    r = np.linspace(-0.5, 0.5, 20001)
    root = r * np.polyval(SINE_ROOT[::-1], r * r)
    assert np.abs(root**2 - np.sin(np.pi * r) ** 2).max() < 9e-7


@pytest.mark.parametrize("for_cpu", [False, True])
def test_large_pre_activations(for_cpu: bool) -> None:
    """Snake is right far from zero too: hundreds of periods out, to the precision its argument has there."""
    spec = fvsrn(widths=(8,), frequencies=0)
    field = random_field(spec)
    stored = field.arrays["layer0.bias"]
    field.arrays["layer0.bias"] = type(stored)(np.full(8, 3000, np.int32), 16, step=0.25)  # type: ignore[index]
    axes = axes_of(spec, (4, 4, 4))
    truth = evaluate(spec, numbers_of(field), crossings(axes))
    grid, points = grid_and_points(field, axes, for_cpu)
    scale = np.abs(truth).max()
    assert scale > 20
    np.testing.assert_allclose(grid, truth, rtol=0, atol=2e-6 * scale)
    np.testing.assert_allclose(points, truth, rtol=0, atol=2e-6 * scale)


def test_values_come_in_the_arrays_own_units() -> None:
    spec = fvsrn(components=2)
    field = random_field(spec, value_range=[(-300.0, 500.0), (0.25, 0.5)])
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (50, 3)).astype(np.float32)
    normalised = evaluate(spec, numbers_of(field), points)
    low, high = np.array(field.value_range).T
    wanted = low + (normalised + 1) / 2 * (high - low)
    values = run(points_graph(field), points=points)
    np.testing.assert_allclose((values - wanted) / (high - low), 0, atol=1e-5)


def test_constant_field_gives_its_value() -> None:
    field = random_field(ConstantSpec(BOX, 2), value_range=[(7.5, 7.5), (-2.0, -2.0)])
    np.testing.assert_array_equal(run(points_graph(field), points=np.zeros((3, 3), np.float32)), [[7.5, -2.0]] * 3)


def test_range_beyond_float32_is_refused_in_words() -> None:
    field = random_field(fvsrn(), value_range=[(0.0, 1e300)])
    with pytest.raises(SrnInputError, match="pressure.*float32"):
        points_graph(field)


@pytest.mark.parametrize("name", ["fvsrn db2", "neurcomp", "constant"])
def test_not_a_number_in_not_a_number_out(name: str) -> None:
    field = random_field(SPECS[name])
    points = np.zeros((4, 3), np.float32)
    points[1, 0], points[3, 2] = np.nan, np.nan
    values = run(points_graph(field), points=points)
    np.testing.assert_array_equal(np.isnan(values).all(axis=1), [False, True, False, True])
    assert np.isfinite(values[[0, 2]]).all()


@pytest.mark.parametrize("name", SPECS)
def test_models_are_valid_and_portable(name: str) -> None:
    """Checked in full, of an opset that old runtimes know, without custom or lossy operators."""
    field = random_field(SPECS[name])
    models = [points_graph(field), points_graph(field, False, True)]
    if needs_graph(field.spec):
        models += [grid_graph(field.spec, numbers_of(field), for_cpu) for for_cpu in (False, True)]
    for model in models:
        onnx.checker.check_model(model, full_check=True)
        assert [(o.domain, o.version) for o in model.opset_import] == [("", 18)]
        assert model.ir_version <= 9
        assert {n.domain for n in model.graph.node} == {""}
    exported = {n.op_type for n in points_graph(field).graph.node}
    assert exported <= ALLOWED


def test_exported_model_is_no_larger_than_its_numbers() -> None:
    spec = fvsrn(grid=(24, 24, 24), features=8)
    numbers = sum(a.values().nbytes for a in random_field(spec).arrays.values())
    assert len(points_graph(random_field(spec)).SerializeToString()) < numbers + 12_000


def test_every_kind_of_spec_has_a_builder() -> None:
    assert set(BUILDERS) == {spec.kind for spec in SPECS.values()}


GEOMETRIES = {
    "plain": Geometry((11, 9, 6)),
    "distant": Geometry((11, 9, 6), origin=(5e5, -4e6, 12.0), spacing=(0.25, 0.5, 100.0), start=(3, 0, -4)),
    "turned cells": Geometry(
        (11, 9, 6),
        origin=(1.0, 2.0, 3.0),
        spacing=(0.1, 0.2, 0.3),
        direction=(0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0),
        association="cell",
    ),
    "flat": Geometry((11, 9, 1), spacing=(2.0, 2.0, 0.0)),
}


@pytest.mark.parametrize("name", GEOMETRIES)
def test_metadata_leads_from_world_to_normalised(name: str) -> None:
    geometry = GEOMETRIES[name]
    matrix, offset = world_to_normalised(geometry)
    index = np.random.default_rng(0).uniform(0, np.array(geometry.dims) - 1, (20, 3))
    world = geometry.position_of(index)
    wanted = coordinates.normalise(index, geometry.dims)
    got = (world - np.array(geometry.origin)) @ matrix.T + offset
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-8)


def test_metadata_says_what_the_field_is() -> None:
    geometry = GEOMETRIES["turned cells"]
    field = random_field(
        fvsrn(components=2),
        geometry=geometry,
        value_range=[(0.0, 1.0), (2.0, 5.0)],
        name='wind "u"',
        units="m/s",
        time=1.5,
        vector=True,
    )
    found = {p.key: json.loads(p.value) for p in points_graph(field).metadata_props}
    assert found["srn.array"] == 'wind "u"'
    assert found["srn.units"] == "m/s"
    assert found["srn.time"] == 1.5
    assert found["srn.dims"] == [11, 9, 6]
    assert found["srn.origin"] == list(geometry.origin)
    assert found["srn.spacing"] == list(geometry.spacing)
    assert found["srn.direction"] == list(geometry.direction)
    assert found["srn.start"] == [0, 0, 0]
    assert found["srn.association"] == "cell"
    assert found["srn.half_extent"] == list(BOX)
    assert found["srn.value_range"] == [[0.0, 1.0], [2.0, 5.0]]
    assert found["srn.dtype"] == "float32"
    assert found["srn.components"] == 2
    assert found["srn.vector"] is True
    assert found["srn.normalised"] is False
    assert found["srn.network"] == "fvsrn"
    assert isinstance(found["srn.version"], str)

"""Gradients of neural files: in the world's units and directions, on grids, at points, and on the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from reference_networks import random_field

from srn_core import cli, codec
from srn_core.codec import Corrections, NeuralField, Plateau
from srn_core.errors import SrnInputError
from srn_core.io import read_volume
from srn_core.neural_file import NeuralFile
from srn_core.spec import FvSrnSpec, NetworkSpec, NeurcompSpec
from srn_core.volume import Geometry, Volume

TURNED = Geometry(
    (9, 7, 5),
    origin=(100.0, -20.0, 5.0),
    spacing=(0.5, 0.25, 2.0),
    direction=(0.6, -0.8, 0.0, 0.8, 0.6, 0.0, 0.0, 0.0, -1.0),
    start=(3, 0, -4),
)
BOX = TURNED.half_extent
LATENTS = FvSrnSpec(BOX, 1, (), 0, 1, (5, 7, 9), None, True)
NETWORKS: dict[str, NetworkSpec] = {
    "latents": LATENTS,
    "latents, vectors": replace(LATENTS, components=2, features=2),
    "fvsrn": FvSrnSpec(BOX, 2, (12, 8), 2, 4, (4, 5, 6), None),
    "neurcomp": NeurcompSpec(BOX, 1, 12, (8, 12), True, 12.0),
}
RANGES = [(10.0, 50.0), (-3.0, 3.0)]


def field_of(name: str, geometry: Geometry = TURNED, **more: Any) -> NeuralField:
    spec = NETWORKS[name]
    more = {"vector": spec.components > 1, **more}
    return random_field(spec, seed=5, geometry=geometry, value_range=RANGES[: spec.components], **more)


def opened(field: NeuralField) -> NeuralFile:
    return NeuralFile([field], b"")


def between_voxels(geometry: Geometry, count: int = 40) -> np.ndarray:
    """World positions inside cells of voxels and of the latents of all networks here."""
    share = np.random.default_rng(2).uniform(0.15, 0.4, (count, 3))
    cell = np.random.default_rng(3).integers(0, np.array(geometry.dims) - 1, (count, 3))
    return geometry.position_of(cell + share)


@pytest.mark.parametrize("association", ["point", "cell"])
@pytest.mark.parametrize("name", NETWORKS)
def test_gradient_is_what_values_change_by_along_the_worlds_axes(name: str, association: str) -> None:
    geometry = replace(TURNED, association=association)
    file = opened(field_of(name, geometry))
    points = between_voxels(geometry)
    values, gradient = file.sample_with_gradient(points)
    np.testing.assert_allclose(values, file.sample(points), rtol=0, atol=1e-3)
    assert gradient.shape == (*values.shape, 3) and gradient.dtype == np.float64
    step = 2e-3  # float32 values: smaller ones would show their digits
    for axis in range(3):
        aside = np.eye(3)[axis] * step
        change = (file.sample(points + aside) - file.sample(points - aside)) / (2 * step)
        largest = np.abs(gradient).max()
        good = np.abs(change - gradient[..., axis]) < 5e-3 * largest
        # Where the predictor's latents jump within a step, a difference is no derivative.
        assert good.mean() > (0.9 if name == "fvsrn" else 0.999)


def test_a_linear_field_has_its_slope_everywhere() -> None:
    """Latents that rise by known steps along each axis, in a turned volume with a spacing of its own per axis."""
    field = field_of("latents")
    z, y, x = np.mgrid[:5, :7, :9]
    codes = 30 * x - 20 * y + 50 * z
    stored = replace(field.arrays["grid"], codes=codes[None].astype(np.int32), step=1e-3)
    file = opened(replace(field, arrays={"grid": stored}, value_range=((-1.0, 1.0),)))
    direction = np.array(TURNED.direction).reshape(3, 3)
    slope = direction @ (np.array([0.03, -0.02, 0.05]) / TURNED.spacing)
    for wanted in ({}, {"scale": 2.5}, {"dims": (5, 6, 7), "region": (4, 9, 1, 5, -3, -1)}):
        volume, gradient = file.decode_with_gradient(**wanted)
        assert gradient.values.shape == (*volume.geometry.shape, 3)
        np.testing.assert_allclose(gradient.values, np.broadcast_to(slope, gradient.values.shape), rtol=0, atol=1e-5)
    _, at_points = file.sample_with_gradient(between_voxels(TURNED))
    np.testing.assert_allclose(at_points, np.broadcast_to(slope, at_points.shape), rtol=0, atol=1e-5)


@pytest.mark.parametrize("association", ["point", "cell"])
@pytest.mark.parametrize("name", NETWORKS)
def test_grids_and_points_agree(name: str, association: str) -> None:
    """On original voxels, between them, and for cells half a cell beyond the outermost centres."""
    geometry = replace(TURNED, association=association)
    file = opened(field_of(name, geometry))
    for wanted in ({}, {"scale": 2}, {"dims": (7, 1, 4)}, {"region": (4, 8, 2, 3, -2, -1), "scale": 3}):
        volume, gradient = file.decode_with_gradient(**wanted)
        np.testing.assert_array_equal(volume.values, file.decode(**wanted).values)
        nx, ny, nz = volume.geometry.dims
        index = np.stack(np.meshgrid(range(nz), range(ny), range(nx), indexing="ij"), axis=-1)[..., ::-1].reshape(-1, 3)
        _, at_points = file.sample_with_gradient(volume.geometry.position_of(index))
        largest = np.abs(at_points).max()
        np.testing.assert_allclose(
            gradient.values.reshape(at_points.shape), at_points, rtol=0, atol=2e-5 * largest, err_msg=str(wanted)
        )
        assert gradient.geometry == volume.geometry


def test_parts_are_parts_of_the_whole() -> None:
    file = opened(field_of("latents, vectors"))
    _, whole = file.decode_with_gradient(scale=2)
    _, part = file.decode_with_gradient(scale=2, part=(2, 5, 0, 6, 3, 4))
    np.testing.assert_allclose(part.values, whole.values[3:5, 0:7, 2:6], rtol=0, atol=1e-4)


def test_components_follow_one_another_as_vtk_orders_them() -> None:
    file = opened(field_of("latents, vectors"))
    volume, gradient = file.decode_with_gradient()
    assert volume.values.shape == (5, 7, 9, 2) and gradient.values.shape == (5, 7, 9, 6)
    for component in range(2):
        field = field_of("latents, vectors")
        codes = field.arrays["grid"].codes[component : component + 1]
        alone = replace(
            field,
            spec=LATENTS,
            arrays={"grid": replace(field.arrays["grid"], codes=codes)},
            value_range=(RANGES[component],),
            vector=False,
        )
        _, wanted = opened(alone).decode_with_gradient()
        found = gradient.values[..., 3 * component : 3 * component + 3]
        np.testing.assert_allclose(found, wanted.values, rtol=1e-6, atol=1e-6)  # products of matrices round by shape


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_gradient_of_any_dtype_is_that_of_the_unrounded_field(dtype: str) -> None:
    field = field_of("latents")
    _, wanted = opened(field).decode_with_gradient()
    volume, gradient = opened(replace(field, dtype=dtype, units="Pa", time=1.5)).decode_with_gradient()
    assert volume.values.dtype == dtype
    assert gradient.values.dtype == ("float64" if dtype == "float64" else "float32")
    assert (gradient.name, gradient.units, gradient.time) == ("pressure gradient", "", 1.5)
    np.testing.assert_allclose(gradient.values, wanted.values, rtol=1e-6)


def test_voxels_without_value_have_none_and_plateaus_are_flat() -> None:
    valid, mask = np.ones((2, *TURNED.shape), bool)
    valid[1:3, 2, 4:6] = False
    mask[:] = False
    mask[3:, :2, :3] = True
    codes = np.random.default_rng(0).integers(-3, 4, (*TURNED.shape, 1)).astype(np.int32)
    plain = field_of("latents")
    _, wanted = opened(plain).decode_with_gradient()
    field = replace(plain, valid=valid, plateau=Plateau(mask, (7.0,)), corrections=Corrections(codes, 0.5))
    volume, gradient = opened(field).decode_with_gradient()
    np.testing.assert_array_equal(np.isnan(gradient.values), np.repeat(np.isnan(volume.values)[..., None], 3, axis=-1))
    np.testing.assert_array_equal(np.isnan(volume.values), ~valid)
    assert gradient.valid is not None
    np.testing.assert_array_equal(gradient.valid, valid)
    np.testing.assert_array_equal(gradient.values[mask & valid], 0)
    np.testing.assert_array_equal(gradient.values[valid & ~mask], wanted.values[valid & ~mask])
    index = np.argwhere(np.ones(TURNED.shape, bool))[:, ::-1]
    values, at_points = opened(field).sample_with_gradient(TURNED.position_of(index))
    np.testing.assert_array_equal(np.isnan(at_points).any(axis=1), np.isnan(values))
    np.testing.assert_array_equal(at_points[(mask & valid).ravel()], 0)


@pytest.mark.parametrize("dims", [(9, 7, 1), (1, 7, 5), (9, 1, 1), (1, 1, 1)])
@pytest.mark.parametrize("kind", ["latents", "neurcomp"])
def test_nothing_changes_along_an_axis_of_one_voxel(kind: str, dims: tuple[int, int, int]) -> None:
    spacing = tuple(0.0 if n == 1 else s for n, s in zip(dims, (0.5, 0.25, 2.0)))
    geometry = Geometry(dims, spacing=(spacing[0], spacing[1], spacing[2]))
    spec = replace(NETWORKS[kind], half_extent=geometry.half_extent)
    if isinstance(spec, FvSrnSpec):
        spec = replace(spec, grid=geometry.shape)
    file = opened(random_field(spec, geometry=geometry))
    _, gradient = file.decode_with_gradient()
    for axis in range(3):
        assert np.any(gradient.values[..., axis]) == (dims[axis] > 1)
    _, at_points = file.sample_with_gradient(geometry.position_of(np.zeros((1, 3))))
    np.testing.assert_allclose(at_points[0], gradient.values[0, 0, 0], rtol=1e-4, atol=1e-5)


def test_outside_is_nan_or_held() -> None:
    file = opened(field_of("latents"))
    inside = np.array([[8.0, 2.5, 1.5]])
    beyond = np.array([[8.4, 2.5, 1.5]])
    world = TURNED.position_of(np.concatenate([inside, beyond]))
    world = np.vstack([world, [np.nan, 0.0, 0.0]])
    _, lost = file.sample_with_gradient(world)
    np.testing.assert_array_equal(np.isnan(lost).all(axis=1), [False, True, True])
    _, held = file.sample_with_gradient(world, outside="clamp")
    along = np.array(TURNED.direction).reshape(3, 3)[:, 0]
    assert abs(held[0] @ along) > 0.1
    assert held[1] @ along == pytest.approx(0.0, abs=1e-9), "the held field does not change along the axis it left"
    np.testing.assert_allclose(held[1], held[0] - (held[0] @ along) * along, rtol=0, atol=1e-4)
    assert np.isnan(held[2]).all()


def test_wrong_requests_are_refused_as_by_decode_and_sample() -> None:
    file = opened(field_of("latents"))
    with pytest.raises(SrnInputError, match="no array 'heat'"):
        file.decode_with_gradient(array="heat")
    with pytest.raises(SrnInputError, match="either dims or a scale"):
        file.decode_with_gradient(dims=(2, 2, 2), scale=2)
    with pytest.raises(SrnInputError, match=r"\(N, 3\)"):
        file.sample_with_gradient(np.zeros(3))
    with pytest.raises(SrnInputError, match="'nan' or 'clamp'"):
        file.sample_with_gradient(np.zeros((1, 3)), outside="wrap")


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A neural file on disk."""
    path = tmp_path / "a.srn"
    path.write_bytes(codec.to_bytes([replace(field_of("latents, vectors"), name="flow")]))
    return path


@pytest.mark.parametrize("ending", [".vti", ".npz"])
def test_decompress_writes_the_gradient_beside_the_values(written: Path, ending: str) -> None:
    out = written.with_suffix(ending)
    assert cli.main(["decompress", str(written), str(out), "--scale", "2", "--gradient", "--quiet"]) == 0
    wanted = NeuralFile.from_bytes(written.read_bytes()).decode_with_gradient(scale=2)
    for volume in wanted:
        found = read_volume(out, volume.name)
        assert found.geometry == volume.geometry
        np.testing.assert_array_equal(found.values, volume.values)


def test_decompress_reads_back_in_vtk(written: Path) -> None:
    pytest.importorskip("vtkmodules")
    from srn_core.io import vtk_files
    from srn_core.io.read import ReadOptions

    out = written.with_suffix(".vti")
    assert cli.main(["decompress", str(written), str(out), "--gradient", "--quiet"]) == 0
    assert vtk_files.array_names(str(out)) == ["flow", "flow gradient"]
    found: Volume = vtk_files.read(str(out), "flow gradient", ReadOptions())
    assert found.values.shape == (5, 7, 9, 6)


@pytest.mark.parametrize("ending", [".npy", ".raw", ".h5"])
def test_a_format_of_one_array_refuses_the_gradient(
    written: Path, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = written.with_suffix(ending)
    assert cli.main(["decompress", str(written), str(out), "--gradient"]) == 2
    message = capsys.readouterr().err
    assert "holds one array" in message and ".vti, .npz" in message
    assert not out.exists()


def test_export_writes_a_model_with_gradients(written: Path) -> None:
    out = written.with_suffix(".onnx")
    assert cli.main(["export", str(written), str(out), "--gradient", "--quiet"]) == 0
    session = onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    entries = session.get_modelmeta().custom_metadata_map
    about = {k: json.loads(v) for k, v in entries.items() if k.startswith("srn.")}
    world = between_voxels(TURNED, 5)
    u = (world - about["srn.origin"]) @ np.transpose(about["srn.world_to_normalised"]) + about["srn.offset"]
    values, gradient = session.run(["values", "gradient"], {"points": u.astype(np.float32)})
    wanted, slopes = NeuralFile.from_bytes(written.read_bytes()).sample_with_gradient(world)
    np.testing.assert_allclose(values, wanted, rtol=0, atol=1e-3)
    np.testing.assert_allclose(gradient, slopes, rtol=0, atol=1e-4 * np.abs(slopes).max())


def test_without_being_asked_for_there_is_no_gradient(written: Path) -> None:
    out = written.with_suffix(".onnx")
    NeuralFile.from_bytes(written.read_bytes()).export(out)
    session = onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    assert [o.name for o in session.get_outputs()] == ["values"]

"""The ONNX Runtime decoder: grids and points in bounded memory, providers, and what it says."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from reference_networks import evaluate, numbers_of, random_field

from onnx_export.blocks import block_shape, blocks
from onnx_export.decoder import Decoder
from onnx_export.graph import points_graph
from onnx_export.providers import CPU
from srn_core.codec.field import NeuralField
from srn_core.errors import SrnInputError, SrnStoppedError
from srn_core.progress import Progress
from srn_core.spec import FvSrnSpec, NeurcompSpec
from srn_core.volume import Geometry

ROOT = Path(__file__).resolve().parents[1]
BOX = (1.0, 0.8, 0.5)


@pytest.fixture(params=["fvsrn", "neurcomp"])
def field(request: Any) -> NeuralField:
    if request.param == "fvsrn":
        return random_field(FvSrnSpec(BOX, 2, (16, 16), 3, 4, (5, 6, 7), None))
    return random_field(NeurcompSpec(BOX, 2, 16, (16, 16), True, 30.0))


def axes(*dims: int) -> list[np.ndarray]:
    return [np.linspace(-h, h, n) for h, n in zip(BOX, dims)]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("chunk", [1, 7, 60, 200])
def test_chunks_make_no_difference(field: NeuralField, chunk: int, threads: int) -> None:
    ux, uy, uz = axes(9, 8, 7)
    whole = Decoder(field, chunk=10**6, threads=1)
    parts = Decoder(field, chunk=chunk, threads=threads)
    np.testing.assert_allclose(parts.grid(ux, uy, uz), whole.grid(ux, uy, uz), rtol=0, atol=1e-6)
    u = np.random.default_rng(0).uniform(-0.5, 0.5, (101, 3))
    np.testing.assert_allclose(parts.points(u), whole.points(u), rtol=0, atol=1e-6)


def test_grid_and_points_agree(field: NeuralField) -> None:
    ux, uy, uz = axes(6, 5, 4)
    z, y, x = np.meshgrid(uz, uy, ux, indexing="ij")
    u = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    decoder = Decoder(field)
    grid, points = decoder.grid(ux, uy, uz), decoder.points(u)
    assert grid.shape == (4, 5, 6, 2) and points.shape == (120, 2)
    assert grid.dtype == points.dtype == np.float32
    np.testing.assert_allclose(grid.reshape(-1, 2), points, rtol=0, atol=2e-5)
    np.testing.assert_allclose(points, evaluate(field.spec, numbers_of(field), u), rtol=0, atol=2e-5)


def test_nan_positions_give_nan_values_and_no_others(field: NeuralField) -> None:
    ux, uy, uz = axes(6, 5, 4)
    decoder = Decoder(field, chunk=13)
    clean = decoder.grid(ux, uy, uz)
    ux[2], uz[-1] = np.nan, np.nan
    values = decoder.grid(ux, uy, uz)
    missing = np.zeros((4, 5, 6), bool)
    missing[:, :, 2] = missing[-1] = True
    np.testing.assert_array_equal(np.isnan(values), np.repeat(missing[..., None], 2, axis=3))
    np.testing.assert_allclose(values[~missing], clean[~missing], rtol=0, atol=1e-6)
    u = np.zeros((30, 3))
    u[17, 1] = np.nan
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(decoder.points(u)).any(axis=1)), [17])


def test_infinite_positions_are_held_at_the_border(field: NeuralField) -> None:
    decoder = Decoder(field)
    far = decoder.points(np.array([[np.inf, -np.inf, 1e9]]))
    np.testing.assert_array_equal(far, decoder.points(np.array([[BOX[0], -BOX[1], BOX[2]]])))


def test_nothing_asked_nothing_given(field: NeuralField) -> None:
    decoder = Decoder(field)
    assert decoder.points(np.zeros((0, 3))).shape == (0, 2)
    assert decoder.grid(np.zeros(0), np.zeros(2), np.zeros(3)).shape == (3, 2, 0, 2)


def test_results_go_where_they_are_asked_to(field: NeuralField, tmp_path: Path) -> None:
    ux, uy, uz = axes(6, 5, 4)
    decoder = Decoder(field, chunk=20)
    out = np.memmap(tmp_path / "values", np.float64, "w+", shape=(4, 5, 6, 2))
    assert decoder.grid(ux, uy, uz, out=out) is out
    np.testing.assert_array_equal(out, decoder.grid(ux, uy, uz))
    with pytest.raises(SrnInputError, match="out must be"):
        decoder.grid(ux, uy, uz, out=np.zeros((4, 5, 6), np.float32))
    with pytest.raises(SrnInputError, match="out must be"):
        decoder.grid(ux, uy, uz, out=np.zeros((4, 5, 6, 2), np.int32))


@pytest.mark.parametrize("threads", [1, 2])
def test_progress_rises_to_one_and_can_stop(field: NeuralField, threads: int) -> None:
    ux, uy, uz = axes(8, 8, 8)
    decoder = Decoder(field, chunk=32, threads=threads)
    seen: list[float] = []
    decoder.grid(ux, uy, uz, progress=lambda p: seen.append(p.fraction))
    assert seen == sorted(seen) and len(seen) == 16 and seen[-1] == 1.0

    def stop(report: Progress) -> bool:
        return report.fraction < 0.5

    with pytest.raises(SrnStoppedError):
        decoder.grid(ux, uy, uz, progress=stop)
    with pytest.raises(SrnStoppedError):
        decoder.points(np.zeros((500, 3)), progress=stop)


@pytest.mark.parametrize("shape", [(3,), (4, 2), (2, 2, 3)])
def test_points_of_a_wrong_shape(field: NeuralField, shape: tuple[int, ...]) -> None:
    with pytest.raises(SrnInputError, match=r"\(N, 3\)"):
        Decoder(field).points(np.zeros(shape))


def test_wrong_settings(field: NeuralField) -> None:
    with pytest.raises(SrnInputError, match="threads"):
        Decoder(field, threads=0)
    with pytest.raises(SrnInputError, match="chunk"):
        Decoder(field, chunk=0)


def test_says_what_it_runs_on(field: NeuralField, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="onnx_export.sessions"):
        decoder = Decoder(field, providers="cpu", threads=1)
        assert decoder.providers == (CPU,)
        decoder.grid(*axes(2, 2, 2))
    assert decoder.statement == f"decoding with ONNX Runtime {onnxruntime.__version__} on CPU, 1 thread"
    assert [r.getMessage() for r in caplog.records] == [decoder.statement]


@pytest.mark.parametrize("dims", [(1, 1, 1), (5, 1, 9), (100, 3, 2), (17, 13, 11), (1, 1, 5000), (4000, 2, 2)])
@pytest.mark.parametrize("voxels", [1, 10, 256, 1 << 20])
def test_blocks_cover_everything_once_and_stay_small(dims: tuple[int, int, int], voxels: int) -> None:
    shape = block_shape(dims, voxels)
    assert np.prod(shape) <= voxels
    count = np.zeros(dims[::-1], int)
    for x, y, z in blocks(dims, shape):
        part = count[z, y, x]
        assert 0 < part.size <= voxels
        part += 1
    assert (count == 1).all()


def test_exported_file_works_with_onnxruntime_alone(tmp_path: Path) -> None:
    geometry = Geometry((21, 17, 11), origin=(100.0, 0.0, -5.0), spacing=(0.5, 0.25, 2.0))
    field = random_field(
        FvSrnSpec(BOX, 1, (16, 16), 3, 4, (5, 6, 7), None), geometry=geometry, value_range=[(10.0, 50.0)], units="Pa"
    )
    path = tmp_path / "field.onnx"
    path.write_bytes(points_graph(field).SerializeToString())
    world = np.array([[101.5, 0.75, 3.0], [110.0, 4.0, 15.0]])
    script = ROOT / "examples" / "onnxruntime_only.py"
    command = [sys.executable, "-I", str(script), str(path), *map(str, world.ravel())]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "pressure Pa"
    got = [float(line.split("->")[1]) for line in lines[1:]]
    index = geometry.index_of(world)
    u = (2 * index - (np.array(geometry.dims) - 1)) / 20
    normalised = evaluate(field.spec, numbers_of(field), u)[:, 0]
    np.testing.assert_allclose(got, 10 + (normalised + 1) / 2 * 40, rtol=0, atol=1e-5 * 40)


def test_importing_the_room_imports_nothing_heavy() -> None:
    code = (
        "import sys, onnx_export, onnx_export.decoder, onnx_export.graph; "
        "print([m for m in ('torch', 'onnx', 'onnxruntime', 'paraview', 'pywt') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_package_is_named(package: str) -> None:
    code = (
        f"import sys; sys.modules['{package}'] = None\n"
        "from onnx_export.decoder import Decoder\n"
        "from srn_core.codec.field import NeuralField\n"
        "from srn_core.errors import SrnMissingPackageError\n"
        "from srn_core.spec import ConstantSpec\n"
        "from srn_core.volume import Geometry\n"
        "field = NeuralField(ConstantSpec((1., 1., 1.), 1), {}, Geometry((2, 2, 2)), 'a', 'float32', ((0., 0.),))\n"
        "try:\n"
        "    Decoder(field).points([[0., 0., 0.]])\n"
        "except SrnMissingPackageError as error:\n"
        "    print(error.package, '|', error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.startswith(f"{package} | "), done.stdout + done.stderr
    assert "pip install" in done.stdout

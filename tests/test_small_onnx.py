"""Small models: the same function as plain ones, in few bytes, and nothing of the unpacking left when they run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_networks import random_field, wavelet_spec

import srn_core
from onnx_export import filter_in_graph, small_network
from onnx_export.graph import points_graph
from onnx_export.small_network import opening_bytes
from onnx_export.small_weights import SmallWriter
from srn_core import codec, coordinates
from srn_core.codec.field import NeuralField, StoredArray
from srn_core.pyramid import pyramid_of
from srn_core.spec import ConstantSpec, FvSrnSpec, NetworkSpec, NeurcompSpec, PyramidSpec, WaveletSpec
from srn_core.volume import Geometry

BOX = (1.0, 0.8, 0.5)


def opened(model: onnx.ModelProto, optimised: Optional[Path] = None) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    if optimised is not None:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(optimised)
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def both(field: NeuralField, **options: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Outputs of the small and of the plain model, at places all over the volume."""
    half = np.array(field.spec.half_extent)
    points = (np.random.default_rng(5).uniform(-1.05, 1.05, (300, 3)) * half).astype(np.float32)
    small, plain = (
        [np.asarray(a) for a in opened(points_graph(field, small=s, **options)).run(None, {"points": points})]
        for s in (True, False)
    )
    return small, plain


def fvsrn(
    grid: tuple[int, int, int],
    wavelet: Any = None,
    components: int = 1,
    widths: tuple[int, ...] = (),
    hidden: tuple[int, ...] = (),
    features: Optional[int] = None,
) -> FvSrnSpec:
    half = coordinates.half_extent(grid[::-1])
    return FvSrnSpec(half, components, widths, 2, features or components, grid, wavelet, features is None, hidden)


def with_codebooks(field: NeuralField, entries: int = 16) -> NeuralField:
    """The same with k-means codebooks."""
    rng = np.random.default_rng(2)
    arrays = {}
    for name, stored in field.arrays.items():
        book = np.sort(rng.choice(stored.values().reshape(-1), entries)).astype(np.float32)
        codes = np.abs(stored.values()[..., None] - book).argmin(-1)
        arrays[name] = StoredArray(codes.astype(np.int32), 4, codebook=book)
    return NeuralField(**{**vars(field), "arrays": arrays})


def pruned(field: NeuralField, kept: float = 0.07, most: int = 40) -> NeuralField:
    """The same with most latents 0 and the others in a few steps, as training leaves them."""
    rng = np.random.default_rng(3)
    arrays = dict(field.arrays)
    for name, stored in field.arrays.items():
        if name in ("grid", "coefficients", "approx") or name.startswith("detail"):
            codes = np.where(
                rng.random(stored.codes.shape) < kept, rng.integers(-most, most + 1, stored.codes.shape), 0
            )
            codes.reshape(-1)[0] = 700  # one large number, as coarse bands have them
            arrays[name] = StoredArray(codes.astype(np.int32), 12, step=0.01)
    return NeuralField(**{**vars(field), "arrays": arrays})


SPECS: dict[str, NetworkSpec] = {
    "constant": ConstantSpec(BOX, 2),
    "neurcomp": NeurcompSpec(BOX, 2, 24, (24, 24), True, 30.0),
    "neurcomp plain": NeurcompSpec(BOX, 1, 16, (20,), False, 30.0),
    "spatial": fvsrn((6, 7, 8), components=1, widths=(16,), features=4),
    "spatial, many features": fvsrn((6, 7, 8), widths=(16,), features=9),
    "wavelet": fvsrn((13, 12, 11), wavelet_spec("bior4.4", 2), widths=(12,), features=3),
    "wavelet, flat": fvsrn((1, 12, 11), wavelet_spec("haar", 2), widths=(12,), features=2),
    "pyramid": fvsrn((17, 14, 9), pyramid_of("bior4.4", [("zyx", 3)])),
    "pyramid, long filters": fvsrn((18, 33, 20), pyramid_of("bior6.8", [("zyx", 4)])),
    "pyramid, packet": fvsrn((5, 18, 21), pyramid_of("bior4.4", [("z", 2), ("yx", 3)])),
    "pyramid, some axes": fvsrn((5, 18, 21), pyramid_of("bior2.2", [("x", 2)])),
    "pyramid, no levels": fvsrn((5, 6, 7), pyramid_of("bior2.2", [])),
    "pyramid, slice": fvsrn((1, 22, 19), pyramid_of("bior4.4", [("zyx", 6)])),
    "pyramid, line": fvsrn((40, 1, 1), pyramid_of("bior4.4", [("zyx", 3)])),
    "pyramid, one voxel": fvsrn((1, 1, 1), pyramid_of("bior4.4", [("zyx", 3)])),
    "pyramid, two by three": fvsrn((2, 3, 1), pyramid_of("bior6.8", [("zyx", 5)])),
    "pyramid, vectors": fvsrn((9, 10, 11), pyramid_of("bior4.4", [("zyx", 2)]), components=3),
    "pyramid, predictor": fvsrn((9, 10, 11), pyramid_of("bior4.4", [("zyx", 2)]), widths=(8,), features=2),
    "filter": fvsrn((9, 10, 11), pyramid_of("bior4.4", [("zyx", 2)]), hidden=(4,)),
    "filter, deep, vectors": fvsrn((9, 6, 7), pyramid_of("bior4.4", [("zyx", 2)]), components=2, hidden=(3, 5)),
    "filter, slice": fvsrn((1, 20, 17), pyramid_of("bior4.4", [("yx", 2)]), hidden=(4,)),
    "filter, spatial": fvsrn((6, 7, 8), hidden=(4,)),
    "filter, wavelet": fvsrn((8, 9, 8), wavelet_spec("db2", 1), hidden=(4,)),
}


@pytest.mark.parametrize("kind", ["uniform", "pruned", "codebooks"])
@pytest.mark.parametrize("name", SPECS)
def test_small_models_give_what_plain_ones_give(name: str, kind: str) -> None:
    field = random_field(SPECS[name], seed=len(name))
    field = pruned(field) if kind == "pruned" else with_codebooks(field) if kind == "codebooks" else field
    small, plain = both(field, physical=False)
    np.testing.assert_allclose(small[0], plain[0], rtol=0, atol=2e-6 * max(2.0, float(np.ptp(plain[0]))))


@pytest.mark.parametrize("name", ["neurcomp", "neurcomp plain", "spatial", "spatial, many features"])
def test_weights_and_latents_as_they_are_stay_so_to_the_bit(name: str) -> None:
    field = random_field(SPECS[name])
    for one in (field, with_codebooks(field), pruned(field)):
        small, plain = both(one)
        np.testing.assert_array_equal(small[0], plain[0])


@pytest.mark.parametrize("name", ["neurcomp", "spatial, many features", "pyramid, vectors", "filter"])
def test_gradients_too(name: str) -> None:
    small, plain = both(pruned(random_field(SPECS[name])), physical=False, gradient=True)
    assert len(small) == len(plain) == 2
    for a, b in zip(small, plain):
        np.testing.assert_allclose(a, b, rtol=0, atol=5e-6 * np.abs(b).max())


size = st.integers(1, 20)
levels = st.integers(0, 5)


@settings(max_examples=40, deadline=None)
@given(
    grid=st.tuples(size, size, size),
    wavelet=st.sampled_from(["bior2.2", "bior4.4", "bior6.8"]),
    groups=st.one_of(
        levels.map(lambda n: [("zyx", n)]),
        st.tuples(levels, levels).map(lambda n: [("z", n[0]), ("yx", n[1])]),
        st.tuples(levels, levels, levels).map(lambda n: [("x", n[0]), ("z", n[1]), ("y", n[2])]),
        levels.map(lambda n: [("xz", n)]),
    ),
    components=st.integers(1, 2),
    hidden=st.sampled_from([(), (2,)]),
)
def test_any_pyramid(
    grid: tuple[int, int, int],
    wavelet: str,
    groups: list[tuple[str, int]],
    components: int,
    hidden: tuple[int, ...],
) -> None:
    field = random_field(fvsrn(grid, pyramid_of(wavelet, groups), components, hidden=hidden), sum(grid))
    for one in (field, pruned(field)):
        small, plain = both(one, physical=False)
        np.testing.assert_allclose(small[0], plain[0], rtol=0, atol=2e-6 * max(2.0, float(np.ptp(plain[0]))))


@pytest.mark.parametrize("name", SPECS)
def test_nothing_is_left_to_unpack_at_a_run(name: str, tmp_path: Path) -> None:
    """What ONNX Runtime runs is the plain model: no operator more, and no table of packed numbers."""
    field = pruned(random_field(SPECS[name], seed=1))
    counts = []
    for small in (True, False):
        opened(points_graph(field, small=small), tmp_path / "run.onnx")
        run = onnx.load(tmp_path / "run.onnx").graph
        counts.append(sorted(node.op_type for node in run.node))
        assert not any(i.data_type in (onnx.TensorProto.UINT8, onnx.TensorProto.INT8) for i in run.initializer)
    assert counts[0] == counts[1]


def test_the_packed_model_is_packed() -> None:
    """The test above would say nothing of a model that unpacks nothing."""
    field = pruned(random_field(fvsrn((24, 24, 24), pyramid_of("bior4.4", [("zyx", 3)]), hidden=(4,))))
    used = {node.op_type for node in points_graph(field, small=True).graph.node}
    assert used >= {"ConstantOfShape", "CumSum", "ScatterElements", "Einsum", "Slice", "Pad", "Conv", "Tanh"}


def test_slabs_of_the_filter_fit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    field = pruned(random_field(SPECS["filter"]))
    whole = both(field, physical=False)[0][0]
    monkeypatch.setattr(filter_in_graph, "SLAB_NUMBERS", 4 * 14 * 15 * 2)
    model = points_graph(field, physical=False, small=True)
    assert sum(node.op_type == "Tanh" for node in model.graph.node) == 5
    np.testing.assert_allclose(both(field, physical=False)[0][0], whole, rtol=0, atol=1e-6)


def test_a_sparse_field_is_a_few_times_its_file() -> None:
    n = 64
    spec = fvsrn((n, n, n), pyramid_of("bior4.4", [("zyx", 4)]), hidden=(4,))
    field = pruned(random_field(spec), kept=0.02, most=4)
    file = len(codec.to_bytes([field]))
    small, plain = (len(points_graph(field, small=s).SerializeToString()) for s in (True, False))
    assert small < 6 * file < plain / 4


def test_codebooks_take_a_byte_a_number() -> None:
    field = with_codebooks(random_field(NeurcompSpec(BOX, 1, 64, (64, 64), True, 30.0)), 256)
    numbers = sum(a.codes.size for a in field.arrays.values())
    small, plain = (len(points_graph(field, small=s).SerializeToString()) for s in (True, False))
    assert plain > 4 * numbers
    assert small < 1.5 * numbers + 8000


@pytest.mark.parametrize(
    "value",
    [
        np.array([0.0, -0.0, np.nan, 1.0] * 100, np.float32),
        np.arange(300, dtype=np.float32),
        np.zeros((20, 30), np.float32),
        np.full((20, 30), -0.0, np.float32),
        np.eye(40, dtype=np.float64),
        np.repeat(np.arange(400, dtype=np.float32), 30).reshape(30, 400),
    ],
    ids=["signed zeros", "all different", "zeros", "negative zeros", "matrix", "16 bits"],
)
def test_constants_come_back_to_the_bit(value: np.ndarray) -> None:
    writer = SmallWriter()
    back = writer.node("Identity", writer.constant(value))
    if value.dtype != np.float32:
        back = writer.cast(back, np.float32)
    offset = writer.input("none", np.float32, ["N", 0])
    flat = writer.node("Concat", writer.reshape(back, [1, -1]), writer.reshape(offset, [1, -1]), axis=1)
    model = writer.model(flat, "values", [1, "M"], "constant", {})
    found = opened(model).run(None, {"none": np.zeros((1, 0), np.float32)})[0]
    assert found.tobytes() == value.astype(np.float32).tobytes()


def test_models_are_small_unless_opening_takes_much_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    field = pruned(random_field(SPECS["pyramid, long filters"]))
    wanted = [len(points_graph(field, small=s).SerializeToString()) for s in (True, False)]
    assert len(points_graph(field, small=None).SerializeToString()) == wanted[0]
    monkeypatch.setattr(small_network, "OPENING_BYTES", opening_bytes(field) - 1)
    assert len(points_graph(field, small=None).SerializeToString()) == wanted[1]
    monkeypatch.undo()
    large = fvsrn((256, 256, 256), pyramid_of("bior4.4", [("zyx", 4)]), hidden=(32,))
    sized = NeuralField(large, {}, Geometry((256, 256, 256)), "p", "float32", ((0.0, 1.0),))
    assert not small_network.worth_packing(sized)


def test_tiny_grids_are_left_plain_where_nothing_is_said() -> None:
    field = pruned(random_field(SPECS["pyramid, two by three"]))
    sizes = [len(points_graph(field, small=s).SerializeToString()) for s in (True, False, None)]
    assert sizes[2] == sizes[1] < sizes[0]


@pytest.mark.parametrize("size_", [5e-4, 2e3])
def test_gains_that_would_lose_digits_leave_the_grid_plain(size_: float) -> None:
    usual = pyramid_of("bior4.4", [("zyx", 3)])
    pyramid = PyramidSpec("odd", tuple(size_ * t for t in usual.low), usual.high, usual.groups)
    field = pruned(random_field(fvsrn((9, 10, 11), pyramid)))
    small, plain = both(field, physical=False)
    assert np.isfinite(plain[0]).all() and np.ptp(plain[0]) > 0
    np.testing.assert_array_equal(small[0], plain[0])


def test_files_export_small_models_by_default(tmp_path: Path) -> None:
    field = pruned(random_field(fvsrn((20, 22, 24), pyramid_of("bior4.4", [("zyx", 3)]))), most=4)
    file = srn_core.NeuralFile.from_bytes(codec.to_bytes([field]))
    small, plain = file.onnx_bytes(), file.onnx_bytes(small=False)
    assert len(small) < len(plain) / 3
    file.export(tmp_path / "a.onnx", small=False)
    assert (tmp_path / "a.onnx").read_bytes() == plain


def test_wavelets_are_of_both_kinds() -> None:
    """The list above has both, or it would not say what it seems to."""
    kinds = {type(spec.wavelet) for spec in SPECS.values() if isinstance(spec, FvSrnSpec)}
    assert kinds == {type(None), WaveletSpec, PyramidSpec}

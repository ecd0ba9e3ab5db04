"""Neural fields made on the spot: known ones, and hypothesis strategies for arbitrary ones."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Optional

import numpy as np
from hypothesis import strategies as st

from srn_core.codec import Corrections, NeuralField, Plateau, Quality, StoredArray, quantise
from srn_core.codec.header import DTYPES
from srn_core.spec import ConstantSpec, FvSrnSpec, NetworkSpec, NeurcompSpec, WaveletSpec
from srn_core.volume import Geometry

ROOT_HALF = 0.7071067811865476
HAAR = (ROOT_HALF, ROOT_HALF), (ROOT_HALF, -ROOT_HALF)


def neurcomp(
    residual: bool = True, width: int = 8, hidden: tuple[int, ...] = (6, 5), components: int = 1
) -> NetworkSpec:
    return NeurcompSpec((1.0, 0.75, 0.5), components, width, hidden, residual, 30.0)


def fvsrn(wavelet: bool = True, grid: tuple[int, int, int] = (5, 4, 8), features: int = 3) -> NetworkSpec:
    spec = WaveletSpec("haar", 2, *HAAR) if wavelet else None
    return FvSrnSpec((1.0, 0.75, 0.5), 1, (8, 7), 2, features, grid, spec)


def filled(
    spec: NetworkSpec, bits: int = 8, method: str = "uniform", zeros: float = 0.0, seed: int = 0
) -> dict[str, StoredArray]:
    """Laplacian numbers for every array of a spec; a share of the positions is zero in all features."""
    generator = np.random.default_rng(seed)
    arrays = {}
    for name, shape in spec.shapes().items():
        values = generator.laplace(size=shape) * (generator.random(shape[1:]) >= zeros)
        arrays[name] = quantise(values.astype(np.float32), bits, method)
    return arrays


def field_of(spec: NetworkSpec, arrays: Optional[dict[str, StoredArray]] = None, **more: Any) -> NeuralField:
    """A field of a spec, with sensible values for what ``more`` leaves out."""
    known: dict[str, Any] = {
        "geometry": Geometry((9, 7, 5)),
        "name": "pressure",
        "dtype": "float32",
        "value_range": tuple((-1.5, 2.25) for _ in range(spec.components)),
        "vector": spec.components > 1,
    }
    return NeuralField(spec, filled(spec) if arrays is None else arrays, **{**known, **more})


def assert_same(one: NeuralField, other: NeuralField) -> None:
    """Equal in everything, to the bit."""
    assert list(one.arrays) == list(other.arrays)
    for name, array in one.arrays.items():
        found = other.arrays[name]
        np.testing.assert_array_equal(array.codes, found.codes, err_msg=name)
        assert found.codes.dtype == np.int32
        assert array.bits == found.bits
        assert array.step == found.step
        assert (array.codebook is None) == (found.codebook is None)
        np.testing.assert_array_equal(array.values(), found.values(), err_msg=name)
        assert found.values().dtype == np.float32
    for item in fields(NeuralField):
        if item.name == "valid":
            assert (one.valid is None) == (other.valid is None)
            if one.valid is not None:
                np.testing.assert_array_equal(one.valid, other.valid)
        elif item.name == "plateau":
            assert (one.plateau is None) == (other.plateau is None)
            if one.plateau is not None:
                assert one.plateau.values == other.plateau.values
                np.testing.assert_array_equal(one.plateau.mask, other.plateau.mask)
                assert other.plateau.mask.dtype == np.bool_
        elif item.name == "corrections":
            assert (one.corrections is None) == (other.corrections is None)
            if one.corrections is not None:
                assert one.corrections.step == other.corrections.step
                np.testing.assert_array_equal(one.corrections.codes, other.corrections.codes)
                assert other.corrections.codes.dtype == np.int32
        elif item.name == "mesh":
            assert one.mesh == other.mesh
            if one.mesh is not None and other.mesh is not None:
                assert (one.mesh.valid is None) == (other.mesh.valid is None)
                if one.mesh.valid is not None:
                    np.testing.assert_array_equal(one.mesh.valid, other.mesh.valid)
                assert (one.mesh.corrections is None) == (other.mesh.corrections is None)
                if one.mesh.corrections is not None and other.mesh.corrections is not None:
                    np.testing.assert_array_equal(one.mesh.corrections.codes, other.mesh.corrections.codes)
                    assert one.mesh.corrections.step == other.mesh.corrections.step
        elif item.name == "adds_to":
            assert (one.adds_to is None) == (other.adds_to is None)
            if one.adds_to is not None and other.adds_to is not None:
                assert_same(one.adds_to, other.adds_to)
        elif item.name == "quality":
            assert (one.quality is None) == (other.quality is None)
            if one.quality is not None:  # NaN equals itself here
                np.testing.assert_array_equal(list(vars(one.quality).values()), list(vars(other.quality).values()))
        elif item.name != "arrays":
            assert getattr(one, item.name) == getattr(other, item.name), item.name


_sizes = st.integers(1, 6)
_finite = st.floats(allow_nan=False, allow_infinity=False)
_any_float = st.floats()
_texts = st.text(max_size=12)


@st.composite
def specs(draw: Any) -> NetworkSpec:
    half = tuple(draw(st.floats(0, 1)) for _ in range(3))
    components = draw(st.integers(1, 3))
    kind = draw(st.sampled_from(["neurcomp", "fvsrn", "constant"]))
    if kind == "constant":
        return ConstantSpec(half, components)
    if kind == "neurcomp":
        hidden = tuple(draw(st.lists(_sizes, max_size=3)))
        return NeurcompSpec(half, components, draw(_sizes), hidden, draw(st.booleans()), draw(st.floats(0.1, 100)))
    wavelet = None
    if draw(st.booleans()):
        wavelet = WaveletSpec("haar", draw(st.integers(0, 3)), *HAAR)
    grid = (draw(_sizes), draw(_sizes), draw(_sizes))
    widths = tuple(draw(st.lists(_sizes, min_size=1, max_size=3)))
    return FvSrnSpec(half, components, widths, draw(st.integers(0, 3)), draw(st.integers(1, 4)), grid, wavelet)


@st.composite
def stored(draw: Any, shape: tuple[int, ...]) -> StoredArray:
    """Any codes an array may have, sparse or not."""
    bits = draw(st.integers(1, 16))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    kept = generator.random(shape) < draw(st.sampled_from([0.0, 0.05, 0.5, 1.0]))
    if draw(st.booleans()):
        entries = draw(st.integers(1, min(2**bits, 40)))
        codes = generator.integers(0, entries, shape) * kept
        return StoredArray(codes.astype(np.int32), bits, codebook=generator.normal(size=entries).astype(np.float32))
    half = 2 ** (max(bits, 2) - 1)
    codes = generator.integers(-half, half, shape) * kept
    return StoredArray(codes.astype(np.int32), bits, step=float(np.float32(draw(st.floats(0, 1e6, width=32)))))


@st.composite
def masks(draw: Any, shape: tuple[int, int, int]) -> np.ndarray:
    """Any share of the voxels, none and all among them."""
    return np.random.default_rng(draw(st.integers(0, 99))).random(shape) < draw(st.floats(0, 1))


@st.composite
def corrections(draw: Any, shape: tuple[int, ...]) -> Corrections:
    generator = np.random.default_rng(draw(st.integers(0, 99)))
    codes = generator.integers(-(2 ** draw(st.integers(1, 14))), 2**15, shape) * draw(masks(shape))
    return Corrections(codes.astype(np.int32), draw(st.floats(0, 1e300)))


@st.composite
def neural_fields(draw: Any) -> NeuralField:
    spec = draw(specs())
    arrays = {name: draw(stored(shape)) for name, shape in spec.shapes().items()}
    triple = st.tuples(_finite, _finite, _finite)
    dims = draw(st.tuples(_sizes, _sizes, _sizes))
    geometry = Geometry(
        dims,
        draw(triple),
        draw(triple),
        draw(st.one_of(st.just(Geometry((1, 1, 1)).direction), st.tuples(*[_finite] * 9))),
        draw(st.tuples(*[st.integers(-(2**40), 2**40)] * 3)),
        draw(st.sampled_from(["point", "cell"])),
    )
    valid, plateau, corrected = None, None, None
    if draw(st.booleans()):
        valid = draw(masks(geometry.shape))
    if draw(st.booleans()):
        values = tuple(draw(_finite) for _ in range(spec.components))
        plateau = Plateau(draw(masks(geometry.shape)), values)
    if draw(st.booleans()):
        corrected = draw(corrections((*geometry.shape, spec.components)))
    ranges = tuple(tuple(sorted(draw(st.tuples(_finite, _finite)))) for _ in range(spec.components))
    return NeuralField(
        spec,
        arrays,
        geometry,
        draw(_texts),
        draw(st.sampled_from(DTYPES)),
        ranges,
        spec.components > 1 or draw(st.booleans()),
        draw(_texts),
        draw(st.one_of(st.none(), _finite)),
        valid,
        draw(st.integers(0, 2**62)),
        draw(st.one_of(st.none(), st.builds(Quality, _any_float, _any_float, _any_float, _any_float))),
        draw(
            st.dictionaries(
                _texts, st.one_of(st.none(), st.booleans(), _finite, _texts, st.integers(-99, 99)), max_size=3
            )
        ),
        plateau,
        corrected,
    )

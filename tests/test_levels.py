"""Levels of detail: coarse bands of a pyramid alone, in place and in value where the fine field is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_fields import field_of

from srn_core import codec, coordinates
from srn_core.codec import Corrections, NeuralField, StoredArray
from srn_core.codec.layout import CodeType
from srn_core.codec.lazy_arrays import LazyArrays
from srn_core.codec.pyramids import BITS, codes_of
from srn_core.codec.writer import to_bytes
from srn_core.errors import SrnFormatError, SrnInputError
from srn_core.neural_file import NeuralFile
from srn_core.pyramid import analyse, coarse_levels, coarse_shape, pyramid_of, synthesise_coarse, synthesise_pyramid
from srn_core.spec import FvSrnSpec
from srn_core.volume import Geometry

WAVELETS = ("bior2.2", "bior4.4", "bior6.8")
SHAPES = [(33, 40, 47), (32, 33, 64), (1, 50, 31), (40, 1, 1), (3, 2, 45)]
GROUPS = [(("zyx", 3),), (("z", 2), ("yx", 3)), (("yx", 4),), (("z", 1), ("y", 2), ("x", 3))]


def smooth(shape: tuple[int, int, int]) -> np.ndarray:
    z, y, x = np.meshgrid(*(np.arange(n) / 40 for n in shape), indexing="ij")
    return np.asarray(0.3 + 0.4 * np.sin(2 * x + y) - 0.2 * z * y, np.float32)


def stored(shape: tuple[int, int, int], groups: Any, wavelet: str = "bior4.4", components: int = 1) -> NeuralField:
    pyramid = pyramid_of(wavelet, groups)
    dims = shape[::-1]
    values = np.stack([smooth(shape) * (1 - 0.5 * c) for c in range(components)])
    spec = FvSrnSpec(coordinates.half_extent(dims), components, (), 0, components, shape, pyramid, True)
    codes = np.rint(np.stack([analyse(v, pyramid) for v in values]) / 1e-4).astype(np.int32)
    arrays = {"coefficients": StoredArray(codes, BITS, step=1e-4)}
    return field_of(
        spec,
        arrays,
        geometry=Geometry(dims),
        value_range=((-1.0, 1.0),) * components,
        vector=components > 1,
        dtype="float32",
    )


@pytest.mark.parametrize("wavelet", WAVELETS)
@pytest.mark.parametrize("groups", GROUPS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("level", [1, 2, 5])
def test_coarse_samples_lie_on_fine_ones(wavelet: str, groups: Any, shape: tuple[int, int, int], level: int) -> None:
    pyramid = pyramid_of(wavelet, groups)
    for values, tolerance in ((np.full(shape, 0.7, np.float32), 1e-5), (smooth(shape), 0.03)):
        z, y, x = coarse_shape(shape, groups, level)
        assert (z, y, x) == tuple(-(-n // 2**s) for n, s in zip(shape, coarse_levels(groups, level)))
        coarse = synthesise_coarse(analyse(values, pyramid)[:z, :y, :x], shape, pyramid, level)
        steps = [2**s for s in coarse_levels(groups, level)]
        fine = values[:: steps[0], :: steps[1], :: steps[2]]
        assert coarse.shape == fine.shape and coarse.dtype == np.float32
        np.testing.assert_allclose(coarse, fine, rtol=0, atol=tolerance * (1 if max(steps) <= 4 else 4))


def test_level_nought_is_the_whole() -> None:
    pyramid = pyramid_of("bior4.4", GROUPS[0])
    coefficients = analyse(smooth(SHAPES[0]), pyramid)
    assert coarse_shape(SHAPES[0], GROUPS[0], 0) == SHAPES[0]
    np.testing.assert_array_equal(
        synthesise_coarse(coefficients, SHAPES[0], pyramid, 0), synthesise_pyramid(coefficients, pyramid)
    )


@pytest.mark.parametrize("components", [1, 3])
@pytest.mark.parametrize("groups", GROUPS)
def test_coarse_bands_are_decoded_alone(groups: Any, components: int, monkeypatch: pytest.MonkeyPatch) -> None:
    field = stored((33, 40, 47), groups, components=components)
    data = to_bytes([field])
    whole = codec.from_bytes(data)[0].arrays["coefficients"]
    (lazy,) = codec.from_bytes(data, lazy=True)
    assert isinstance(lazy.arrays, LazyArrays)
    for level in (3, 1, 2):
        z, y, x = coarse_shape((33, 40, 47), groups, level)
        first = lazy.arrays.first("coefficients", (z, y, x))
        np.testing.assert_array_equal(first.codes, whole.codes[:, :z, :y, :x])
        assert (first.step, first.bits) == (whole.step, whole.bits)
    np.testing.assert_array_equal(lazy.arrays["coefficients"].codes, whole.codes)
    again = lazy.arrays.first("coefficients", (2, 3, 4))
    np.testing.assert_array_equal(again.codes, whole.codes[:, :2, :3, :4])
    assert lazy.arrays["coefficients"] is lazy.arrays["coefficients"], "decoded once"


def test_a_coarse_picture_leaves_the_fine_bands_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def watched(stream: bytes, shape: Any, kind: Any, within: Any = None) -> np.ndarray:
        asked.append(within)
        return codes_of(stream, shape, kind, within)

    monkeypatch.setattr("srn_core.codec.reader.codes_of", watched)
    file = NeuralFile.from_bytes(to_bytes([stored((33, 40, 47), GROUPS[0])]))
    assert asked == []
    assert file.nbytes > 0 and file.fields[0].geometry.dims == (47, 40, 33) and asked == []
    file.decode(dims=(12, 10, 9), level=2)
    file.decode(level=2)
    assert asked == [(9, 10, 12)]
    file.decode(level=0)
    file.decode(level=1)
    assert asked == [(9, 10, 12), None], "what is there is not decoded again"


@pytest.mark.parametrize("level", [1, 2, 3, 9])
@pytest.mark.parametrize("components", [1, 2])
def test_decoding_at_a_level_is_near_the_field_and_on_the_grid_asked_for(level: int, components: int) -> None:
    file = NeuralFile.from_bytes(to_bytes([stored((33, 40, 47), GROUPS[1], components=components)]))
    fine = file.decode()
    coarse = file.decode(level=level)
    assert coarse.geometry == fine.geometry and coarse.values.dtype == fine.values.dtype
    reached = tuple(slice(0, (n - 1) // 2**k * 2**k + 1) for n, k in zip((33, 40, 47), coarse_levels(GROUPS[1], level)))
    assert np.abs(coarse.values - fine.values)[reached].max() < 0.06, "as far as there are coarse samples"
    region = (3, 20, 5, 30, 2, 9)
    finer = file.decode(level=level, region=region, dims=(35, 51, 15)).values
    np.testing.assert_allclose(finer[::2, ::2, ::2], file.decode(level=level, region=region).values, rtol=0, atol=1e-6)
    window = file.decode(level=level, part=(3, 20, 5, 30, 2, 9)).values
    np.testing.assert_allclose(window, coarse.values[2:10, 5:31, 3:21], rtol=0, atol=1e-6)


def test_gradients_have_levels_too() -> None:
    file = NeuralFile.from_bytes(to_bytes([stored((33, 40, 47), GROUPS[0])]))
    (_, fine), (values, coarse) = file.decode_with_gradient(), file.decode_with_gradient(level=1)
    np.testing.assert_array_equal(values.values, file.decode(level=1).values)
    inner = (slice(4, -4),) * 3
    assert np.abs(coarse.values[inner] - fine.values[inner]).max() < 0.2 * np.abs(fine.values).max()


def test_corrections_are_for_the_whole_field_alone() -> None:
    plain = stored((9, 10, 11), GROUPS[0])
    corrections = Corrections(np.full((9, 10, 11, 1), 3, np.int32), 0.5)
    mended = NeuralField(**{**vars(plain), "corrections": corrections})
    one, other = (NeuralFile.from_bytes(to_bytes([f])) for f in (plain, mended))
    np.testing.assert_allclose(other.decode().values - one.decode().values, 1.5, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(other.decode(level=1).values, one.decode(level=1).values)


def test_networks_without_a_pyramid_know_no_levels() -> None:
    file = NeuralFile.from_bytes((Path(__file__).parent / "golden" / NEURCOMP).read_bytes())
    np.testing.assert_array_equal(file.decode(level=2).values, file.decode().values)


NEURCOMP = next(p.name for p in sorted((Path(__file__).parent / "golden").glob("*.srn")) if "pyramid" not in p.name)


def test_a_level_must_be_a_number_from_nought_on() -> None:
    file = NeuralFile.from_bytes(to_bytes([stored((9, 10, 11), GROUPS[0])]))
    with pytest.raises(SrnInputError, match="level of detail"):
        file.decode(level=-1)


def test_damage_is_found_when_opening_and_hostile_codes_when_they_are_decoded() -> None:
    data = to_bytes([stored((33, 40, 47), GROUPS[0])])
    flipped = bytearray(data)
    flipped[-40] ^= 1
    with pytest.raises(SrnFormatError, match="checksum"):
        codec.from_bytes(bytes(flipped), lazy=True)
    with pytest.raises(SrnFormatError):
        codes_of(b"\x01\x07\x03\x00" + b"\x00" * 9, (1, 33, 40, 47), CodeType(BITS, True), (4, 5, 6))

"""The compiled loops give the same bits as the Python that they stand for; without them everything works."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Optional

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_networks import random_field

from onnx_export.decoder import Decoder as FieldDecoder
from srn_core import coordinates, native
from srn_core.codec.adaptive import Adaptive
from srn_core.codec.layout import CodeType
from srn_core.codec.pyramids import codes_of, draft
from srn_core.codec.rans import Decoder, Encoder
from srn_core.errors import SrnFormatError
from srn_core.native import calls
from srn_core.pyramid_axis import analysis_taps, transform_axis
from srn_core.spec import FvSrnSpec
from srn_core.volume import Geometry
from tools import compile_native
from tools.compile_native import compile_library, compiler

KIND = CodeType(25, True)
LOW = (0.758907729, 0.417849109, -0.040367979, -0.078722001, 0.014467505, 0.014426283)
HIGH = (
    -0.825922997,
    0.420796285,
    0.094059203,
    -0.077263173,
    -0.049732903,
    0.011934565,
    0.01699064,
    -0.001914286,
    -0.001908832,
)

pytestmark = pytest.mark.skipif(not compiler(), reason="there is no C compiler to make the library with")


@pytest.fixture(autouse=True)
def there() -> None:
    """The installation has made the library."""
    assert calls.there(), "run: python tools/compile_native.py"


def in_python(work: Callable[[], Any]) -> Any:
    """What comes of it without the compiled loops."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calls, "there", lambda: False)
        return work()


def outcome(work: Callable[[], Any]) -> Any:
    """What comes of it, or that the file is damaged."""
    try:
        return work()
    except SrnFormatError:
        return None


@st.composite
def pyramids(draw: st.DrawFn) -> tuple[np.ndarray, tuple[tuple[str, int], ...]]:
    """Codes (features, z, y, x), few or many of them 0, in blocks or all over, and the groups of axes."""
    shape = (draw(st.integers(1, 2)), *(draw(st.integers(1, 21)) for _ in range(3)))
    groups = draw(st.sampled_from([(), (("zyx", 1),), (("zyx", 3),), (("z", 2), ("yx", 1)), (("x", 4),)]))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    largest = draw(st.sampled_from([1, 3, 40, 300, 1 << 23]))
    codes = random.integers(-largest, largest + 1, shape) * (random.random(shape) < draw(st.sampled_from([0.02, 1.0])))
    codes[:, : draw(st.integers(0, 20))] = 0
    return codes.astype(np.int32), groups


@given(pyramids())
@settings(max_examples=60, deadline=None)
def test_a_pyramid_is_the_same_stream_and_comes_back_from_it_both_ways(pyramid):
    codes, groups = pyramid
    stream = draft(codes, groups)[1].streams()[0]
    assert stream == in_python(lambda: draft(codes, groups)[1].streams()[0])
    np.testing.assert_array_equal(codes_of(stream, codes.shape, KIND), codes)
    np.testing.assert_array_equal(in_python(lambda: codes_of(stream, codes.shape, KIND)), codes)


@pytest.mark.parametrize("groups", [(), (("zyx", 2),)])
def test_blocks_of_a_band_without_anything_are_left_out_both_ways(groups):
    random = np.random.default_rng(3)
    codes = np.zeros((1, 41, 38, 45), np.int32)
    codes[0, 5:19, 9:30, 2:33] = random.integers(-9, 10, (14, 21, 31))
    stream = draft(codes, groups)[1].streams()[0]
    assert stream == in_python(lambda: draft(codes, groups)[1].streams()[0])
    np.testing.assert_array_equal(codes_of(stream, codes.shape, KIND), codes)
    parts = [codes_of(stream, codes.shape, KIND, (11, 10, 12))]
    parts.append(in_python(lambda: codes_of(stream, codes.shape, KIND, (11, 10, 12))))
    np.testing.assert_array_equal(*parts)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_a_damaged_stream_is_refused_or_read_alike(data):
    random = np.random.default_rng(5)
    codes = (random.integers(-30, 31, (1, 12, 13, 14)) // random.integers(1, 40, (1, 12, 13, 14))).astype(np.int32)
    stream = bytearray(draft(codes, (("zyx", 1),))[1].streams()[0])
    if data.draw(st.booleans()):
        del stream[data.draw(st.integers(8, len(stream) - 1)) :]
    else:
        stream[data.draw(st.integers(4, len(stream) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    found = [outcome(lambda: codes_of(bytes(stream), codes.shape, KIND))]
    found.append(in_python(lambda: outcome(lambda: codes_of(bytes(stream), codes.shape, KIND))))
    assert (found[0] is None) == (found[1] is None)
    if found[0] is not None:
        np.testing.assert_array_equal(*found)


@given(st.integers(1, 700), st.integers(2, 70), st.integers(0, 99), st.booleans())
@settings(max_examples=40, deadline=None)
def test_learnt_probabilities_and_plain_bits_are_the_same_both_ways(count, alphabet, seed, coarse):
    random = np.random.default_rng(seed)
    contexts = random.integers(0, 6, count)
    symbols = np.minimum(random.geometric(0.3, count) - 1, alphabet - 1)
    widths = random.integers(0, 16, count)
    numbers = random.integers(0, 1 << 15, count) >> (15 - widths)

    def model() -> Adaptive:
        return Adaptive(np.ones((3 if coarse else 6, alphabet)), np.arange(6) // 2 if coarse else None)

    def encoded() -> bytes:
        coder = Encoder()
        coder.take(*model().encode(contexts, symbols, [count // 3, count - count // 3]))
        coder.bits(widths, numbers)
        return coder.finish()

    def decoded() -> tuple[np.ndarray, ...]:
        coder, learnt = Decoder(stream), model()
        parts = [learnt.decode(coder, contexts[: count // 3]), learnt.decode(coder, contexts[count // 3 :])]
        found = np.concatenate(parts), coder.bits(widths)
        coder.finish()
        return found

    stream = encoded()
    assert stream == in_python(encoded)
    for found in (decoded(), in_python(decoded)):
        np.testing.assert_array_equal(found[0], symbols)
        np.testing.assert_array_equal(found[1], numbers)


@given(
    st.tuples(st.integers(1, 5), st.integers(2, 90), st.integers(2, 90)),
    st.booleans(),
    st.booleans(),
    st.sampled_from([(LOW, HIGH), ((1.0, 0.5), (1.0,)), ((0.7, 0.4, -0.04), (0.8, -0.4, 0.1, 0.02))]),
)
@settings(max_examples=60, deadline=None)
def test_a_wavelet_level_has_the_same_bits_both_ways(shape, last, inverse, taps):
    wide = np.random.default_rng(0).normal(size=(shape[1], shape[0], shape[2] + 3)).astype(np.float32)
    view = wide.transpose(1, 0, 2)[:, :, 1 : 1 + shape[2]]
    other = wide.copy().transpose(1, 0, 2)[:, :, 1 : 1 + shape[2]]
    before = view.copy()
    taps = taps if inverse else analysis_taps(*taps)
    transform_axis(view, last, taps, inverse)
    in_python(lambda: transform_axis(other, last, taps, inverse))
    assert view.tobytes() == other.tobytes() != before.tobytes()


def test_what_is_analysed_is_synthesised():
    data = np.random.default_rng(1).normal(size=(3, 50, 41))
    for last in (True, False):
        found = data.copy()
        transform_axis(found, last, analysis_taps(LOW, HIGH), False)
        assert np.abs(found - data).max() > 0.1
        transform_axis(found, last, (LOW, HIGH), True)
        np.testing.assert_allclose(found, data, atol=1e-6)


@given(st.integers(1, 3), st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_values_at_points_are_those_of_the_graph(components, shape, seed):
    random = np.random.default_rng(seed)
    points = random.uniform(-1.5, 1.5, (200, 3))
    points[:4, 0], points[4, 1], points[5, 2] = [np.nan, np.inf, -np.inf, 0.0], np.nan, np.inf
    dims = (shape[2], shape[1], shape[0])
    half = np.array(coordinates.half_extent(dims))
    points[6:14] = half * [[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
    spec = FvSrnSpec(coordinates.half_extent(dims), components, (), 0, components, shape, None, True)
    field = random_field(spec, seed, Geometry(dims), vector=components > 1)
    grid = field.arrays["grid"].values()
    found = FieldDecoder(field).points(points)
    wanted = in_python(lambda: FieldDecoder(field).points(points))
    np.testing.assert_allclose(found, wanted, atol=2e-6)
    corners = found[6:14].reshape(2, 2, 2, components)
    np.testing.assert_allclose(corners[1, 0, 1], grid[:, -1, 0, -1], atol=1e-6)
    assert np.isnan(found[0]).all() and np.isnan(found[4]).all() and np.isfinite(found[[1, 2, 3, 5]]).all()


def asked(script: str, **variables: str) -> str:
    """What a new Python prints."""
    import os

    done = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, **variables}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_environment_leaves_the_library_aside():
    script = "from srn_core.native import calls; print(calls.there())"
    assert asked(script) == "True"
    assert asked(script, SRN_NO_COMPILER="1") == "False"


@pytest.mark.parametrize("content", [None, b"", b"\x7fELF and no more"])
def test_a_library_that_is_missing_or_none_is_left_aside(content: Optional[bytes], tmp_path: Path, monkeypatch):
    monkeypatch.setattr(native, "FOLDER", tmp_path)
    if content is not None:
        (tmp_path / native.file_name()).write_bytes(content)
    assert native.library.__wrapped__() is None


def test_a_library_of_another_release_is_left_aside(tmp_path: Path, monkeypatch):
    assert compile_library(tmp_path) == ""
    monkeypatch.setattr(native, "FOLDER", tmp_path)
    assert native.library.__wrapped__() is not None
    monkeypatch.setattr(native, "VERSION", native.VERSION + 1)
    assert native.library.__wrapped__() is None


def test_compiling_says_what_is_in_its_way_and_leaves_nothing_half_made(tmp_path: Path, monkeypatch):
    assert compile_native.file_name() == native.file_name()
    monkeypatch.setenv("CC", "no-such-compiler")
    assert "no C compiler" in compile_library(tmp_path)
    monkeypatch.setenv("CC", f"{sys.executable} -c 'import sys; sys.exit(3)'")
    assert "failed" in compile_library(tmp_path)
    monkeypatch.delenv("CC")
    monkeypatch.setenv("SRN_NO_COMPILER", "1")
    assert "SRN_NO_COMPILER" in compile_library(tmp_path)
    assert list(tmp_path.iterdir()) == []

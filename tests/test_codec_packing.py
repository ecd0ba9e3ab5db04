"""Section codecs, layouts and masks: round trips, limits, and the bytes they are documented to have."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from srn_core.codec.layouts import LAYOUTS, CodeType, layout_named
from srn_core.codec.mask import FORMS, mask_from_bytes, mask_to_bytes, most_mask_bytes
from srn_core.codec.packing import CODECS, codec_named, deflate, inflate, pack_smallest
from srn_core.errors import SrnFormatError, SrnMissingPackageError

payloads = st.one_of(st.binary(max_size=300), st.binary(max_size=4).map(lambda b: b * 500))


@given(payloads, st.sampled_from(sorted(CODECS)))
def test_codecs_give_back_what_they_packed(data, name):
    if data or name != "zstd":  # nothing is never packed by zstd
        assert CODECS[name].unpack(CODECS[name].pack(data), len(data)) == data
    codec, packed = pack_smallest(data)
    assert len(packed) <= len(data)
    assert CODECS[codec].unpack(packed, len(data)) == data


@given(payloads.filter(bool), st.sampled_from(sorted(CODECS)), st.integers(-3, 3).filter(bool))
def test_codecs_refuse_another_size_and_trailing_bytes(data, name, more):
    packed = CODECS[name].pack(data)
    with pytest.raises(SrnFormatError):
        CODECS[name].unpack(packed, max(0, len(data) + more))
    with pytest.raises(SrnFormatError):
        CODECS[name].unpack(packed + b"x", len(data))
    with pytest.raises(SrnFormatError):
        CODECS[name].unpack(packed[:-1], len(data))


@pytest.mark.parametrize("name", ["deflate", "zstd"])
def test_bombs_are_not_unpacked(name):
    bomb = CODECS[name].pack(bytes(50_000_000))
    assert len(bomb) < 60_000
    with pytest.raises(SrnFormatError):
        CODECS[name].unpack(bomb, 100)


def test_a_frame_without_a_size_is_refused():
    packed = zstandard.ZstdCompressor(write_content_size=False).compress(b"abc" * 100)
    with pytest.raises(SrnFormatError, match="does not declare"):
        CODECS["zstd"].unpack(packed, 300)


def test_dictionary_is_needed_to_inflate():
    packed = deflate(b"a typical header", b"typical header a")
    assert inflate(packed, 100, b"typical header a", exact=False) == b"a typical header"
    with pytest.raises(SrnFormatError):
        inflate(packed, 100, exact=False)


def test_unknown_names_list_the_known_ones():
    with pytest.raises(SrnFormatError, match=r"'lzw'.*deflate, raw, zstd.*update"):
        codec_named("lzw")
    with pytest.raises(
        SrnFormatError, match=r"'odd'.*dense, entropy, masked, packed, pyramid, shared, significance.*update"
    ):
        layout_named("odd")
    with pytest.raises(SrnFormatError, match=r"'odd'.*rows, bits, nested.*update"):
        mask_from_bytes(b"", (1, 1, 1), "odd")


def test_a_missing_zstandard_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(SrnMissingPackageError, match="zstandard"):
        CODECS["zstd"].unpack(b"x", 1)


shapes = st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple), min_size=1, max_size=4)


# "pyramid" is told more than shapes: tests/test_pyramid_coder.py.
@given(
    shapes,
    st.integers(1, 16),
    st.booleans(),
    st.floats(0, 1),
    st.integers(0, 999),
    st.sampled_from(sorted(set(LAYOUTS) - {"pyramid"})),
)
def test_layouts_give_back_the_codes(shapes, bits, signed, kept, seed, name):
    kind = CodeType(bits, signed)
    generator = np.random.default_rng(seed)
    low, high = kind.bounds
    arrays = [
        (generator.integers(low, high + 1, shape) * (generator.random(shape) < kept)).astype(np.int32)
        for shape in shapes
    ]
    layout = LAYOUTS[name]
    streams = layout.split(arrays, kind)
    limits = layout.limits(shapes, kind)
    assert len(streams) == len(limits)
    assert all(len(s) <= limit for s, limit in zip(streams, limits))
    for array, found in zip(arrays, layout.join(streams, shapes, kind)):
        assert found.dtype == np.int32
        np.testing.assert_array_equal(array, found)
    for place in range(len(streams)):
        for wrong in (streams[place] + b"\0", streams[place][:-1]):
            if wrong != streams[place]:
                with pytest.raises(SrnFormatError):
                    layout.join([*streams[:place], wrong, *streams[place + 1 :]], shapes, kind)


def test_layouts_have_the_documented_bytes():
    kind = CodeType(8, True)
    array = np.array([[0, -1, 0, 5], [0, 0, 0, -128]], np.int32)
    assert LAYOUTS["dense"].split([array], kind) == [bytes([0, 255, 0, 5, 0, 0, 0, 128])]
    assert LAYOUTS["masked"].split([array], kind) == [bytes([0b01010001]), bytes([255, 5, 128])]
    assert LAYOUTS["shared"].split([array], kind) == [bytes([0b01010000]), bytes([255, 5, 0, 128])]
    wide = np.array([1, -2, 300], np.int32)
    assert LAYOUTS["dense"].split([wide], CodeType(16, True)) == [bytes([1, 254, 44]), bytes([0, 255, 1])]
    assert LAYOUTS["packed"].split([wide[:2]], CodeType(3, True)) == [bytes([0b00111000])]


def test_bits_after_the_end_are_refused():
    with pytest.raises(SrnFormatError, match="after its end"):
        LAYOUTS["packed"].join([bytes([0b00111001])], [(2,)], CodeType(3, True))


@given(st.tuples(*[st.integers(1, 6)] * 3), st.floats(0, 1), st.integers(0, 99), st.sampled_from(FORMS))
def test_masks_come_back(shape, share, seed, form):
    mask = np.random.default_rng(seed).random(shape) < share
    before = mask.copy()
    np.testing.assert_array_equal(mask_from_bytes(mask_to_bytes(mask, form), shape, form), mask)
    np.testing.assert_array_equal(mask, before)
    size, most = len(mask_to_bytes(mask, form)), most_mask_bytes(shape, form)
    assert size <= most if form == "nested" else size == most


def test_mask_bits_outside_the_voxels_are_refused():
    for form in ("rows", "bits"):
        assert mask_from_bytes(b"\xe0", (1, 1, 3), form).all()
        for wrong in (b"\xf0", b"", b"\xe0\0"):
            with pytest.raises(SrnFormatError):
                mask_from_bytes(wrong, (1, 1, 3), form)


def test_rows_make_a_shape_small():
    z, y, x = np.mgrid[:45, :45, :45]
    ball = (z - 20) ** 2 + (y - 20) ** 2 + (x - 20) ** 2 < 300
    sizes = {form: len(pack_smallest(mask_to_bytes(ball, form))[1]) for form in FORMS}
    assert sizes["rows"] < 0.5 * sizes["bits"]
    assert sizes["nested"] < 0.95 * sizes["rows"]

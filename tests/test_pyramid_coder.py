"""The layout "pyramid": any codes of any pyramid come back, and no damage does worse than an error."""

from __future__ import annotations

import dataclasses
import struct
import tracemalloc
import zlib
from typing import Any, Callable, Optional

import numpy as np
import pytest
from example_fields import assert_same, field_of, filled, fvsrn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from srn_core import codec, coordinates
from srn_core.codec import NeuralField, StoredArray, header_text
from srn_core.codec.container import MAGIC, PREFIX
from srn_core.codec.layouts import LAYOUTS, CodeType
from srn_core.codec.pyramid_blocks import (
    BLOCK,
    BLOCK_CONTEXTS,
    SMALL,
    block_bases,
    block_places,
    blocks_of,
    has_blocks,
    spread,
)
from srn_core.codec.pyramid_coder import code_pyramids
from srn_core.codec.pyramid_contexts import FEATURES, PARITIES, lattice
from srn_core.codec.pyramid_relations import on_shape, relations
from srn_core.codec.pyramid_tokens import DIRECT, EXTRA, FIRST, LARGEST_CODE, TOKENS, token_of
from srn_core.codec.pyramids import BITS, MODEL, draft
from srn_core.codec.rans import Decoder, Encoder
from srn_core.errors import SrnFormatError, SrnInputError
from srn_core.native import calls
from srn_core.pyramid import analyse, pyramid_of
from srn_core.spec import FvSrnSpec
from srn_core.volume import Geometry

PYRAMID = LAYOUTS["pyramid"]
KIND = CodeType(BITS, True)
Groups = tuple[tuple[str, int], ...]
DYADIC: Groups = (("zyx", 3),)

relaxed = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)


@pytest.fixture(autouse=True, params=["compiled", "in Python"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything here holds with the compiled loops and without."""
    if request.param == "in Python":
        monkeypatch.setattr(calls, "there", lambda: False)


def packed(codes: np.ndarray, groups: Groups) -> bytes:
    """The stream of codes (features, z, y, x)."""
    found, stream = draft(codes, groups)
    np.testing.assert_array_equal(found, codes)
    assert found.dtype == np.int32
    (data,) = stream.streams()
    assert abs(len(data) - stream.size) <= 24 + 0.005 * len(data), "the size is told before the stream is made"
    return data


def unpacked(data: bytes, shape: tuple[int, ...]) -> np.ndarray:
    (found,) = PYRAMID.join([data], [shape], KIND)
    assert found.dtype == np.int32 and found.shape == shape
    return found


def clustered(shape: tuple[int, ...], scale: float = 2.0, seed: int = 0) -> np.ndarray:
    """Codes like those of a field: large where the pyramid is coarse, and most of them zero."""
    generator = np.random.default_rng(seed)
    place = sum(np.square(np.arange(n) / max(n, 4)).reshape([-1 if a == axis else 1 for a in range(3)])
                for axis, n in enumerate(shape[1:]))  # fmt: skip
    return np.trunc(generator.laplace(size=shape) * scale * np.exp(-6 * place)).astype(np.int32)


@st.composite
def groupings(draw: Any) -> Groups:
    """Some of the axes, each at most once, in any order and company."""
    letters = draw(st.permutations("zyx"))
    found, start = [], 0
    while start < 3 and draw(st.integers(0, 5)) > 0:
        end = draw(st.integers(start + 1, 3))
        axes = "".join(sorted(letters[start:end], key="zyx".index))
        found.append((axes, draw(st.sampled_from([0, 1, 2, 3, 5, 16]))))
        start = end
    return tuple(found)


_sizes = st.one_of(st.integers(1, 5), st.integers(1, 13), st.just(1))
_shapes = st.one_of(
    st.tuples(st.integers(1, 3), _sizes, _sizes, _sizes),
    st.permutations([1, 7, 40]).map(lambda sizes: (1, *sizes)),
    st.just((2, 1, 1, 1)),
    st.just((1, 9, 16, 17)),
    st.just((1, 19, 18, 17)),
)


@st.composite
def latents(draw: Any) -> np.ndarray:
    """(features, z, y, x) codes of any size, from none at all to the largest."""
    shape = draw(_shapes)
    generator = np.random.default_rng(draw(st.integers(0, 99)))
    kind = draw(st.sampled_from(["zero", "one", "noise", "laplace", "corner", "largest", "sparse"]))
    codes = np.zeros(shape, np.int64)
    most = (1 << draw(st.integers(1, 24))) - 1
    if kind == "one":
        codes[tuple(int(generator.integers(n)) for n in shape)] = -most
    elif kind == "noise":
        codes = generator.integers(-most, most, shape, endpoint=True)
    elif kind == "laplace":
        codes = np.clip(np.rint(generator.laplace(size=shape) * most / 8), -most, most).astype(np.int64)
    elif kind == "corner":
        codes[:, : shape[1] // 2 + 1, : shape[2] // 2 + 1, :1] = most
    elif kind == "largest":
        codes = np.where(generator.random(shape) < 0.5, LARGEST_CODE, -LARGEST_CODE)
    elif kind == "sparse":
        codes = generator.integers(-most, most, shape, endpoint=True) * (generator.random(shape) < 0.03)
    return codes.astype(np.int32)


@settings(relaxed, max_examples=150)
@given(latents(), groupings())
def test_any_codes_of_any_pyramid_come_back(codes, groups):
    data = packed(codes, groups)
    np.testing.assert_array_equal(unpacked(data, codes.shape), codes)
    assert len(data) <= PYRAMID.limits([codes.shape], KIND)[0]
    assert packed(codes, groups) == data


@pytest.mark.parametrize("groups", [DYADIC, (("z", 2), ("yx", 3)), (), (("x", 3),), (("y", 1), ("x", 2), ("z", 3))])
@pytest.mark.parametrize("shape", [(1, 30, 31, 33), (2, 1, 60, 50), (1, 200, 1, 40)])
def test_bands_with_blocks_come_back(shape, groups):
    """Blocks that are empty, cut by the end of the band, and full."""
    for codes in (clustered(shape, 40.0), clustered(shape) * 0, np.ones(shape, np.int32)):
        np.testing.assert_array_equal(unpacked(packed(codes, groups), shape), codes)


def test_either_direction_of_the_coder_gives_the_same():
    codes = clustered((2, 12, 13, 14), 5.0)
    encoder = Encoder()
    np.testing.assert_array_equal(code_pyramids(encoder, codes.shape, DYADIC, codes), codes)
    decoder = Decoder(encoder.finish())
    np.testing.assert_array_equal(code_pyramids(decoder, codes.shape, DYADIC), codes)
    decoder.finish()


@pytest.mark.parametrize("shape", [(1, 30, 31, 33), (2, 1, 60, 50)])
def test_slabs_change_nothing(shape, monkeypatch):
    codes = clustered(shape)
    data = packed(codes, DYADIC)
    monkeypatch.setattr("srn_core.codec.pass_contexts.SLAB", 100)
    assert packed(codes, DYADIC) == data
    np.testing.assert_array_equal(unpacked(data, shape), codes)


def test_zeros_cost_next_to_nothing_and_noise_little_more_than_it_has():
    zeros = np.zeros((1, 64, 64, 64), np.int32)
    assert len(packed(zeros, DYADIC)) < 150
    noise = np.random.default_rng(0).integers(-LARGEST_CODE, LARGEST_CODE, (1, 16, 16, 16)).astype(np.int32)
    assert len(packed(noise, DYADIC)) < 1.05 * noise.size * 25 / 8 + 200


def test_contexts_pay():
    """Coefficients of a field that is rough here and smooth there take far fewer bytes than their entropy."""
    z, y, x = np.meshgrid(*[np.linspace(-1, 1, 48)] * 3, indexing="ij")
    noise = np.random.default_rng(0).normal(size=z.shape)
    field = np.sin(6 * x + 4 * y * z) + 0.2 * noise * np.exp(-20 * (x**2 + (y - 0.3) ** 2))
    codes = np.rint(analyse(field.astype(np.float32), pyramid_of("bior4.4", DYADIC)) / 0.02).astype(np.int32)[None]
    counts = np.unique(codes, return_counts=True)[1]
    order_0 = -np.sum(counts * np.log2(counts / counts.sum())) / 8
    assert len(packed(codes, DYADIC)) < 0.7 * order_0


def test_tokens_cover_every_magnitude_once():
    magnitudes = np.concatenate([np.arange(1, 1 << 16), FIRST[8:], FIRST[8:] - 1, [LARGEST_CODE]])
    tokens = token_of(magnitudes)
    assert tokens.min() == 1 and tokens.max() == TOKENS - 1
    rest = magnitudes - FIRST[tokens]
    assert np.all((rest >= 0) & (rest < 1 << EXTRA[tokens]))
    np.testing.assert_array_equal(FIRST[1:] + (1 << EXTRA[1:]), [*FIRST[2:], LARGEST_CODE + 1])
    assert np.all(EXTRA[:DIRECT] == 0)


def test_passes_cover_every_place_once():
    seen = np.zeros((5, 4, 7), int)
    for parity in PARITIES:
        seen[lattice(parity)] += 1
    assert np.all(seen == 1)


@settings(relaxed, max_examples=60)
@given(_shapes, groupings())
def test_bands_lean_on_earlier_bands_alone(shape, groups):
    bands = relations(shape[1:], groups)
    covered = np.zeros(shape[1:], int)
    for place, relation in enumerate(bands):
        covered[relation.band.slices] += 1
        assert covered[relation.band.slices].shape == relation.shape
        every = [*relation.parents, *relation.lower, *relation.others]
        assert all(p < place for p in every) and len(set(every)) == len(every)
        assert len(relation.parents) <= 2
        for other in every:
            assert on_shape(np.zeros(bands[other].shape), relation.shape).shape == relation.shape
    assert np.all(covered == 1)


@pytest.mark.parametrize("shape", [(8, 16, 24), (9, 17, 25), (1, 50, 60), (3, 3, 400)])
def test_blocks_are_the_cubes_they_say(shape):
    some = np.random.default_rng(1).random(shape) < 0.004
    blocks = blocks_of(some)
    assert blocks.shape == tuple(-(-n // BLOCK) for n in shape)
    for z, y, x in np.ndindex(*blocks.shape):
        cube = some[z * BLOCK :, y * BLOCK :, x * BLOCK :][:BLOCK, :BLOCK, :BLOCK]
        assert blocks[z, y, x] == cube.any()
    mask = spread(blocks, shape)
    assert mask.shape == shape and np.all(mask[some])
    assert np.array_equal(blocks_of(mask), blocks)


def test_contexts_of_blocks_stay_within_their_table():
    shape = (40, 40, 40)
    bands = relations(shape, (("zyx", 1),))
    magnitudes = [np.full(band.shape, 255, np.uint8) for band in bands]
    for relation in bands:
        for found in (None, np.ones(blocks_of(np.zeros(relation.shape, bool)).shape, bool)):
            places = block_places(block_bases(relation, magnitudes), found)
            assert places.shape == tuple(-(-n // BLOCK) for n in relation.shape)
            assert places.min() >= 0 and places.max() < BLOCK_CONTEXTS
    assert has_blocks((16, 16, 9)) and not has_blocks((16, 16, 8)) and SMALL == 2048


# Damage.

STREAM_SHAPE = (1, 7, 8, 9)
STREAM_CODES = clustered(STREAM_SHAPE, 30.0)


def test_a_stream_cut_anywhere_is_refused():
    data = packed(STREAM_CODES, DYADIC)
    for end in (*range(12), *range(12, len(data), 4)):
        with pytest.raises(SrnFormatError):
            unpacked(data[:end], STREAM_SHAPE)
    with pytest.raises(SrnFormatError):
        unpacked(data + b"\0\0", STREAM_SHAPE)


def test_a_flipped_bit_is_an_error_or_tells_other_codes():
    data = packed(STREAM_CODES, DYADIC)
    noticed = 0
    places = range(4, len(data), 5)
    for place in places:
        for bit in (0, 7):
            damaged = bytearray(data)
            damaged[place] ^= 1 << bit
            try:
                found = unpacked(bytes(damaged), STREAM_SHAPE)
            except SrnFormatError:
                noticed += 1
            else:
                assert not np.array_equal(found, STREAM_CODES)
    assert noticed > 0.95 * 2 * len(places), "the states at the end give damage away"


@settings(relaxed, max_examples=100)
@given(latents(), groupings(), st.data())
def test_damage_of_any_kind_raises_nothing_else(codes, groups, data):
    stream = bytearray(packed(codes, groups))
    for _ in range(data.draw(st.integers(1, 4))):
        kind = data.draw(st.sampled_from(["flip", "set", "cut", "insert"]))
        place = data.draw(st.integers(0, max(len(stream) - 1, 0)))
        if kind == "flip" and stream:
            stream[place] ^= data.draw(st.integers(1, 255))
        elif kind == "set" and stream:
            stream[place] = data.draw(st.integers(0, 255))
        elif kind == "cut":
            del stream[place:]
        else:
            stream[place:place] = data.draw(st.binary(min_size=1, max_size=8))
    try:
        found = unpacked(bytes(stream), codes.shape)
    except SrnFormatError as error:
        assert 10 < len(str(error)) < 300
    else:
        assert int(np.abs(found).max()) <= LARGEST_CODE


@settings(relaxed, max_examples=200)
@given(st.binary(max_size=60), _shapes)
def test_noise_is_no_stream(data, shape):
    for start in (b"", bytes([1, 7, 2, MODEL]), bytes([1, 7, 2, MODEL, 0])):
        try:
            unpacked(start + data, shape)
        except SrnFormatError:
            pass


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"", "beginning"),
        (bytes([4, 1, 1, 2, 1, 4, 1, 1, 1, MODEL]), "beginning"),
        (bytes([255]), "beginning"),
        (bytes([1, 7]), "beginning"),
        (bytes([1, 0, 2, MODEL]), "beginning"),
        (bytes([1, 8, 2, MODEL]), "beginning"),
        (bytes([2, 6, 2, 4, 1, MODEL]), "beginning"),
        (bytes([1, 7, 17, MODEL]), "beginning"),
        (bytes([1, 7, 3, MODEL + 1]), "update"),
        (bytes([0, 255]), "update"),
    ],
)
def test_beginnings_that_no_writer_makes(head, words):
    body = packed(STREAM_CODES, DYADIC)[4:]
    with pytest.raises(SrnFormatError, match=words):
        unpacked(head + body if words == "update" else head, STREAM_SHAPE)


def test_codes_beyond_the_bits_are_refused():
    data = packed(STREAM_CODES * 1000, DYADIC)
    with pytest.raises(SrnFormatError, match="bounds"):
        PYRAMID.join([data], [STREAM_SHAPE], CodeType(8, True))


@pytest.mark.parametrize(
    ("shapes", "kind"),
    [([(9, 10, 11)], KIND), ([STREAM_SHAPE] * 2, KIND), ([STREAM_SHAPE], CodeType(8, False)), ([], KIND)],
)
def test_what_is_no_pyramid_is_refused(shapes, kind):
    with pytest.raises(SrnFormatError, match="latent"):
        PYRAMID.join([packed(STREAM_CODES, DYADIC)], shapes, kind)


def test_a_short_stream_takes_no_memory_for_what_it_claims():
    """The limits of a file's numbers hold the rest; what decodes them takes tens of bytes for each."""
    shape = (1, 64, 64, 64)
    size = shape[1] * shape[2] * shape[3]
    stream = bytes([0, MODEL, 5]) + struct.pack("<32I", *[1 << 16] * 32) + bytes(200)
    tracemalloc.start()
    try:
        with pytest.raises(SrnFormatError):
            unpacked(stream, shape)
        assert tracemalloc.get_traced_memory()[1] < (40 + 8 * FEATURES) * size + (1 << 24)
    finally:
        tracemalloc.stop()


# Whole files.


def field_with(codes: np.ndarray, groups: Groups, step: float = 0.25, **more: Any) -> NeuralField:
    """A field of latents alone."""
    features, nz, ny, nx = codes.shape
    spec = FvSrnSpec(
        coordinates.half_extent((nx, ny, nz)), features, (), 0, features, (nz, ny, nx),
        pyramid_of("bior4.4", groups), True,
    )  # fmt: skip
    arrays = {"coefficients": StoredArray(codes, BITS, step=step)}
    return field_of(spec, arrays, geometry=Geometry((nx, ny, nz)), **more)


SAMPLE = codec.to_bytes(field_with(STREAM_CODES, DYADIC))


@settings(relaxed, max_examples=50)
@given(latents(), groupings(), st.floats(0, 1e6, width=32))
def test_files_come_back_to_the_bit(codes, groups, step):
    field = field_with(codes, groups, step)
    data = codec.to_bytes(field)
    (found,) = codec.from_bytes(data)
    assert_same(field, found)
    assert codec.to_bytes(found) == data
    assert codec.header_of(data)["fields"][0]["groups"][0]["layout"] == "pyramid"


def test_the_coarsest_and_the_finest_code_can_be_stored_and_no_other():
    codes = np.zeros((1, 3, 4, 5), np.int32)
    for value in (LARGEST_CODE, -LARGEST_CODE):
        codes[0, 1, 2, 3] = value
        field = field_with(codes, DYADIC)
        assert_same(field, codec.from_bytes(codec.to_bytes(field))[0])
    for value in (LARGEST_CODE + 1, -LARGEST_CODE - 1):
        codes[0, 1, 2, 3] = value
        with pytest.raises(SrnInputError, match="codes outside"):
            codec.to_bytes(field_with(codes, DYADIC))


def test_pyramids_and_other_fields_share_a_file():
    sparse = fvsrn(grid=(8, 8, 8))
    fields = [
        field_with(STREAM_CODES, DYADIC),
        field_of(sparse, filled(sparse, 6), name="density"),
        field_with(clustered((3, 6, 5, 4)), (("z", 1), ("yx", 2)), name="velocity"),
    ]
    for one, other in zip(fields, codec.from_bytes(codec.to_bytes(fields))):
        assert_same(one, other)


def forged(change: Callable[[dict[str, Any]], Any], stream: Optional[bytes] = None, data: bytes = SAMPLE) -> bytes:
    """The sample with another header, and another stream, under right checksums: what an attacker would send."""
    _, version, length, _ = PREFIX.unpack_from(data)
    header = header_text.decode(data[PREFIX.size : PREFIX.size + length])
    sections = data[PREFIX.size + length :]
    row = header["fields"][0]["groups"][0]["sections"][0]
    if stream is not None:
        sections = stream
        row[:] = ["raw", len(stream), len(stream), zlib.crc32(stream)]
    change(header)
    text = header_text.encode(header)
    front = struct.pack("<4sHI", MAGIC, version, len(text))
    return front + struct.pack("<I", zlib.crc32(front + text)) + text + sections


def latent_stream(data: bytes = SAMPLE) -> bytes:
    """The stream of the sample's latents."""
    length = PREFIX.unpack_from(data)[2]
    return data[PREFIX.size + length :]


def group(**more: Any) -> Callable[[dict[str, Any]], None]:
    return lambda header: header["fields"][0]["groups"][0].update(more)


def test_the_forger_changes_nothing_by_itself():
    assert forged(lambda header: None) == SAMPLE
    assert_same(codec.from_bytes(forged(lambda header: None, latent_stream()))[0], codec.from_bytes(SAMPLE)[0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (group(bits=26), "bits"),
        (group(bits=0), "bits"),
        (group(bits=3), "bounds"),
        (group(layout="entropy"), "pyramid may have 25 bits"),
        (group(layout="dense"), "pyramid may have 25 bits"),
        (group(layout="significance"), "pyramid may have 25 bits"),
        (group(layout="dense", bits=16), "sections|section"),
        (lambda h: (h["fields"][0]["groups"][0].pop("steps"), group(codebooks=[4], bits=8)(h)), "latent|section"),
        (lambda h: h["fields"][0]["spec"].update(grid=[1 << 20, 1 << 20, 1 << 20]), "numbers"),
        (lambda h: h["fields"][0]["spec"].update(grid=[7, 8, 10]), "stream|end"),
    ],
)
def test_lies_about_latents_are_named(change, words):
    with pytest.raises(SrnFormatError, match=words):
        codec.from_bytes(forged(change))


def test_sound_checksums_do_not_make_a_damaged_stream_sound():
    whole, stream = codec.from_bytes(SAMPLE)[0].arrays["coefficients"].codes, latent_stream()
    generator = np.random.default_rng(3)
    for place in range(0, len(stream), 3):
        damaged = bytearray(stream)
        damaged[place] ^= 1 << int(generator.integers(8))
        try:
            (found,) = codec.from_bytes(forged(lambda header: None, bytes(damaged)))
        except SrnFormatError:
            continue
        assert place < 4 or not np.array_equal(found.arrays["coefficients"].codes, whole)


def test_a_stream_tells_its_own_pyramid():
    """What the spec says counts for the transform alone; the codes are read as they were written."""
    other = packed(STREAM_CODES, (("z", 1), ("yx", 2)))
    (found,) = codec.from_bytes(forged(lambda header: None, other))
    np.testing.assert_array_equal(found.arrays["coefficients"].codes, STREAM_CODES)


def test_a_ready_stream_is_stored_as_it_is():
    field = field_with(STREAM_CODES, DYADIC)
    stream = packed(STREAM_CODES, DYADIC)
    ready = dataclasses.replace(field.arrays["coefficients"], stream=stream)
    data = codec.to_bytes(dataclasses.replace(field, arrays={"coefficients": ready}))
    assert data == codec.to_bytes(field) and stream in data

"""Damaged, cut, lying and hostile files: one clear error, never a crash, a hang or a huge allocation."""

from __future__ import annotations

import copy
import json
import struct
import tracemalloc
import zlib
from typing import Any, Callable

import numpy as np
import pytest
from example_fields import assert_same, field_of, filled, fvsrn, neural_fields, neurcomp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mesh_fields import tetrahedra

from srn_core import codec
from srn_core.codec import header_text
from srn_core.codec.container import FORMAT_VERSION, MAGIC, PREFIX
from srn_core.codec.header_dictionary import DICTIONARY
from srn_core.codec.packing import CODECS, deflate
from srn_core.errors import SrnFormatError
from srn_core.volume import Geometry

relaxed = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)

SPARSE = fvsrn(grid=(8, 8, 8))
LAND = np.indices((5, 7, 9)).sum(axis=0) < 6
MENDED = codec.Corrections((np.arange(315).reshape(5, 7, 9, 1) % 17 == 0).astype(np.int32), 0.5)
MESH = tetrahedra(2)
AT_CELLS = codec.Corrections((np.arange(7)[:, None] % 3 - 1).astype(np.int32), 0.5)
SAMPLE = codec.to_bytes(
    [
        field_of(neurcomp(), valid=np.arange(315).reshape(5, 7, 9) % 3 > 0, provenance={"seed": 1}),
        field_of(
            SPARSE,
            filled(SPARSE, 4, "kmeans", zeros=0.7),
            name="density",
            plateau=codec.Plateau(LAND, (1.0,)),
            corrections=MENDED,
        ),
        field_of(neurcomp(width=2, hidden=()), name="heat", mesh=codec.OnMesh(MESH, "point", np.arange(8) != 3)),
        field_of(neurcomp(width=2, hidden=()), name="heat", mesh=codec.OnMesh(MESH, "cell", corrections=AT_CELLS)),
    ]
)


def split(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The header as JSON, and the sections."""
    _, _, length, _ = PREFIX.unpack_from(data)
    packed = data[PREFIX.size : PREFIX.size + length]
    return header_text.decode(packed), data[PREFIX.size + length :]


def framed(packed: bytes, sections: bytes = b"", version: int = FORMAT_VERSION) -> bytes:
    """A file with right checksums, whatever its header is."""
    front = struct.pack("<4sHI", MAGIC, version, len(packed))
    return front + struct.pack("<I", zlib.crc32(front + packed)) + packed + sections


def with_text(text: bytes) -> bytes:
    return framed(deflate(text, DICTIONARY))


def forged(change: Callable[[dict[str, Any]], Any], data: bytes = SAMPLE) -> bytes:
    """The sample with a changed header and right checksums: what an attacker would send."""
    header, sections = split(data)
    header = copy.deepcopy(header)
    change(header)
    try:  # where the lie makes sections fewer or shorter, so is the file: the length alone must not give it away
        sections = sections[: sum(s[1] for f in header["fields"] for s in sections_in(f))]
    except (TypeError, KeyError, IndexError, AttributeError):
        pass
    return framed(header_text.encode(header), sections)


def sections_in(field: dict[str, Any]) -> list[list[Any]]:
    """The section rows of a field's JSON."""
    parts = [
        field.get("valid", {}),
        field.get("plateau", {}).get("mask", {}),
        field.get("corrections", {}).get("mask", {}),
    ]
    found = [*(part.get("section") for part in parts), field.get("corrections", {}).get("section")]
    found += [field.get("mesh", {}).get(name) for name in ("positions", "connectivity", "valid")]
    found += [field.get("mesh", {}).get(name, {}).get("section") for name in ("faces", "corrections")]
    return [s for group in field["groups"] for s in group["sections"]] + [section for section in found if section]


def test_the_forger_changes_nothing_by_itself():
    one, two = codec.from_bytes(SAMPLE), codec.from_bytes(forged(lambda header: None))
    for a, b in zip(one, two):
        assert_same(a, b)


def test_cut_at_every_byte():
    for length in range(len(SAMPLE)):
        with pytest.raises(SrnFormatError):
            codec.from_bytes(SAMPLE[:length])


def test_every_flipped_byte_is_noticed():
    generator = np.random.default_rng(0)
    for place in range(len(SAMPLE)):
        damaged = bytearray(SAMPLE)
        damaged[place] ^= 1 << int(generator.integers(8))
        with pytest.raises(SrnFormatError):
            codec.from_bytes(bytes(damaged))


@relaxed
@given(neural_fields(), st.data())
def test_damage_to_any_file_is_noticed(field, data):
    whole = codec.to_bytes(field)
    place = data.draw(st.integers(0, len(whole) - 1))
    kind = data.draw(st.sampled_from(["cut", "flip", "insert", "remove", "append", "swap"]))
    if kind == "cut":
        damaged = whole[:place]
    elif kind == "flip":
        damaged = whole[:place] + bytes([whole[place] ^ data.draw(st.integers(1, 255))]) + whole[place + 1 :]
    elif kind == "insert":
        damaged = whole[:place] + data.draw(st.binary(min_size=1, max_size=9)) + whole[place:]
    elif kind == "remove":
        damaged = whole[:place] + whole[place + data.draw(st.integers(1, 9)) :]
    elif kind == "append":
        damaged = whole + data.draw(st.binary(min_size=1, max_size=9))
    else:
        damaged = whole[place:] + whole[:place]
    if damaged == whole:
        return
    with pytest.raises(SrnFormatError):
        codec.from_bytes(damaged)


@given(st.binary(max_size=200))
def test_noise_is_no_file(data):
    for start in (b"", MAGIC, struct.pack("<4sH", MAGIC, FORMAT_VERSION)):
        with pytest.raises(SrnFormatError):
            codec.from_bytes(start + data)
    with pytest.raises(SrnFormatError):
        codec.from_bytes(framed(data))
    with pytest.raises(SrnFormatError):
        codec.from_bytes(with_text(data))


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths to everything in a JSON value."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key, item in value.items():
            found += places(item, (*path, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            found += places(item, (*path, i))
    return found


SAMPLE_PLACES = places(split(SAMPLE)[0])


@settings(relaxed, max_examples=300)
@given(st.sampled_from(SAMPLE_PLACES), st.one_of(_json, st.integers(-2, 300), st.just(KeyError)))
def test_any_lie_in_the_header_is_an_error_or_a_sound_file(path, lie):
    def change(header):
        inner = header
        for key in path[:-1]:
            inner = inner[key]
        if lie is KeyError:
            del inner[path[-1]]
        else:
            inner[path[-1]] = lie

    try:
        fields = codec.from_bytes(forged(change))
    except SrnFormatError as error:
        assert 10 < len(str(error)) < 2000
        return
    for field in fields:
        assert {n: a.codes.shape for n, a in field.arrays.items()} == field.spec.shapes()
        assert all(np.all(np.isfinite(array.values())) for array in field.arrays.values())
        assert field.valid is None or field.valid.shape == field.geometry.shape
    assert codec.from_bytes(codec.to_bytes(fields))


def set_in_second(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    return set_in(*path, value=value, field=1)


def set_in_mesh(name: str, value: Any, field: int = 2) -> Callable[[dict[str, Any]], None]:
    return set_in("mesh", name, value=value, field=field)


def set_in(*path: Any, value: Any, field: int = 0) -> Callable[[dict[str, Any]], None]:
    def change(header: dict[str, Any]) -> None:
        inner: Any = header["fields"][field]
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_in_mesh("points", 2**31 - 1), "claims to hold"),
        (set_in_mesh("points", 7), "claims 96 bytes where 84 are the most"),
        (set_in_mesh("points", 9), "wrong number of bytes"),
        (set_in_mesh("corners", 2**31 - 1), "claims to hold"),
        (set_in_mesh("corners", 26), "wrong number of bytes"),
        (set_in_mesh("cells", 0), "claims"),
        (set_in_mesh("stride", 7), "a point that is not there"),
        (set_in_mesh("surface", True), "vertices, lines, polygons and strips"),
        (set_in_mesh("connectivity", ["raw", 0, 0, 0]), "damaged"),
        (set_in_mesh("same_as", 0), "neither points nor another field's, or both"),
        (set_in_mesh("same_as", 1, field=3), "comes later or brings none"),
        (set_in_mesh("same_as", 3, field=3), "comes later or brings none"),
        (set_in_mesh("same_as", 2**20, field=3), "comes later or brings none"),
        (set_in_mesh("at", "point", field=3), "occurs twice"),
        (set_in_mesh("corrections", {"step": 0.5}, field=3), "lacks 'section'"),
        (set_in_mesh("faces", {"polyhedra": 1}), "lacks 'faces'"),
        (
            set_in_mesh("faces", {"polyhedra": 1, "faces": 1, "corners": 2**31 - 1, "section": ["raw", 0, 0, 0]}),
            "claims",
        ),
        (set_in_mesh("faces", {"polyhedra": 0, "faces": 0, "corners": 0, "section": ["raw", 0, 0, 0]}), "polyhedra"),
        (
            set_in_mesh("faces", {"polyhedra": 0, "faces": 0, "corners": 0, "section": ["raw", 0, 0, 0]}, 3),
            "brings none",
        ),
        (set_in("mesh", "corrections", "step", value=-0.5, field=3), "corrections of a negative step"),
        (set_in("mesh", "corrections", "step", value={"$number": "nan"}, field=3), "step"),
        (set_in("mesh", "corrections", "section", 2, value=2**39, field=3), "claims"),
        (set_in_mesh("at", "cell"), "occurs twice"),
        (set_in("geometry", "dims", value=[-1, 7, 5]), "dims"),
        (set_in("geometry", "dims", value=[2**31, 1, 1]), "dims"),
        (lambda header: header["fields"][1]["geometry"].update(dims=[2**30, 2**30, 1]), "grid"),
        (set_in("geometry", "dims", value=[9, 7]), "dims"),
        (set_in("geometry", "dims", value=[9, 7, True]), "dims"),
        (set_in("geometry", "dims", value=[90000, 7, 5]), "damaged"),
        (set_in("geometry", "origin", value=["a", 0, 0]), "origin"),
        (set_in("geometry", "origin", value=[{"$number": "nan"}, 0, 0]), "origin"),
        (set_in("name", value=5), "name"),
        (set_in("dtype", value="object"), "dtype"),
        (set_in("range", value=[[2, 1]]), "minimum"),
        (set_in("range", value=[[0, 1], [0, 1]]), "components"),
        (set_in("spec", "kind", value="evil"), "evil"),
        (set_in("spec", "hidden", value=[2**20, 2**20]), "numbers"),
        (set_in("spec", "width", value=9), "damaged"),
        (set_in("groups", value=[]), "arrays"),
        (set_in("groups", 0, "arrays", value=[0] * 12), "each once"),
        (set_in("groups", 0, "layout", value="odd"), "update"),
        (set_in("groups", 0, "bits", value=17), "bits"),
        (set_in("groups", 0, "steps", value=[1.0]), "step"),
        (set_in("groups", 0, "steps", value=[1e39] * 12), "float32"),
        (set_in("groups", 0, "steps", value=[3e38] * 12), "not finite"),
        (set_in("groups", 0, "codebooks", value=[3] * 12), "either"),
        (set_in("groups", 0, "sections", 0, 0, value="lzw"), "lzw"),
        (set_in("groups", 0, "sections", 0, 2, value=2**39), "claims"),
        (set_in("groups", 0, "sections", 0, 1, value=2**39), "cut off"),
        (set_in("groups", 0, "sections", 0, 1, value=-1), "whole number"),
        (set_in("valid", value={"same_as": 0}), "later"),
        (set_in("valid", value={"same_as": 7}), "later"),
        (set_in("valid", value={}), "neither"),
        (set_in("valid", "form", value="odd"), "update"),
        (set_in_second("plateau", value={}), "lacks"),
        (set_in_second("plateau", "values", value=[1.0, 2.0]), "plateau of 2 components"),
        (set_in_second("plateau", "values", value=[{"$number": "nan"}]), "values"),
        (set_in_second("plateau", "mask", value={"same_as": 0}), "no such mask"),
        (set_in_second("plateau", "mask", value={"same_as": 1}), "later"),
        (set_in_second("plateau", "mask", "section", 2, value=2**39), "claims"),
        (set_in_second("corrections", "step", value=-1.0), "negative"),
        (set_in_second("corrections", "step", value={"$number": "inf"}), "step"),
        (set_in_second("corrections", "mask", value={"same_as": 0}), "no such mask"),
        (set_in_second("corrections", "mask", value={}), "neither"),
        (set_in_second("corrections", "mask", "form", value="odd"), "update"),
        (set_in_second("corrections", "section", 2, value=2**39), "claims"),
        (set_in_second("geometry", "dims", value=[2**12, 2**12, 2**8]), "masks"),
        (lambda header: header["fields"].clear(), "fields"),
        (lambda header: header["fields"].append(header["fields"][1]), "bytes"),
        (lambda header: header["fields"][1].update(name="pressure"), "twice"),
        (lambda header: header.pop("generator"), "generator"),
    ],
)
def test_lies_are_named(change, message):
    with pytest.raises(SrnFormatError, match=message):
        codec.from_bytes(forged(change))


def test_a_newer_file_says_so():
    packed = header_text.encode(split(SAMPLE)[0])
    with pytest.raises(SrnFormatError, match="newer release"):
        codec.from_bytes(framed(packed, split(SAMPLE)[1], version=FORMAT_VERSION + 1))
    with pytest.raises(SrnFormatError, match="version 0"):
        codec.from_bytes(framed(packed, version=0))


def test_entries_of_later_releases_are_passed_over():
    header = lambda h: (h.update(later=1), h["fields"][0].update(later={"a": [1]}))  # noqa: E731
    for one, other in zip(codec.from_bytes(SAMPLE), codec.from_bytes(forged(header))):
        assert_same(one, other)


@pytest.mark.parametrize(
    "text",
    [
        b'{"generator":"x","generator":"y","fields":[]}',
        b'{"generator":"x","fields":NaN}',
        b'{"generator":"x","fields":-Infinity}',
        b'{"generator":"x","fields":' + b"1" * 100_000 + b"}",
        b'{"generator":"x","fields":1e' + b"1" * 100_000 + b"}",
        b'{"generator":"x","fields":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"generator":"x","fields":[{"provenance":' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}]}",
        b"\xff\xfe{}",
        b"[]",
        b"",
    ],
)  # fmt: skip
def test_json_that_no_writer_makes(text):
    with pytest.raises(SrnFormatError):
        codec.from_bytes(with_text(text))


def memory_of(data: bytes) -> int:
    """Most bytes that Python and NumPy held while the file was refused."""
    tracemalloc.start()
    try:
        with pytest.raises(SrnFormatError):
            codec.from_bytes(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_bombs_do_not_fill_the_memory():
    header_bomb = with_text(b'{"generator":"' + b"a" * 100_000_000)
    assert len(header_bomb) < 300_000
    assert memory_of(header_bomb) < 50_000_000

    def lying(codec_name: str, claimed: int, content: int) -> bytes:
        packed = CODECS[codec_name].pack(bytes(content))
        header, sections = split(SAMPLE)
        first = header["fields"][0]["groups"][0]["sections"][0]
        rest = sections[first[1] :]
        first[:] = [codec_name, len(packed), claimed, zlib.crc32(packed)]
        return framed(header_text.encode(header), packed + rest)

    for name in ("deflate", "zstd"):
        for claimed in (10, 100, 20_000_000):
            assert memory_of(lying(name, claimed, 20_000_000)) < 2_000_000


def test_huge_networks_and_masks_are_refused_before_they_are_made():
    header = json.loads(json.dumps(split(SAMPLE)[0]))
    spec = header["fields"][1]["spec"]
    spec["grid"] = [2**20, 2**20, 2**20]
    assert memory_of(framed(header_text.encode(header), split(SAMPLE)[1])) < 1_000_000
    spec.update(grid=[1000, 1000, 1000], features=4096, wavelet=None)
    assert memory_of(framed(header_text.encode(header), split(SAMPLE)[1])) < 1_000_000
    big = forged(set_in("geometry", "dims", value=[2**12, 2**12, 2**12]))
    assert memory_of(big) < 1_000_000


def test_an_honest_sparse_file_is_within_the_limits():
    """Nothing but zeros in a large grid, and a mask of one simple shape: small, and still readable."""
    spec = fvsrn(wavelet=False, grid=(64, 64, 64), features=8)
    valid = np.zeros((200, 200, 200), bool)
    valid[50:] = True
    field = field_of(spec, filled(spec, zeros=1.0), valid=valid, geometry=Geometry((200, 200, 200)))
    data = codec.to_bytes(field)
    assert len(data) < 2000
    assert_same(field, codec.from_bytes(data)[0])


def test_a_long_series_is_within_the_limits():
    """Hundreds of time steps whose headers are nearly alike, each with long settings."""
    settings_ = {f"setting{i}": "the same in each of them" for i in range(60)}
    steps = [field_of(neurcomp(width=2, hidden=()), time=float(t), provenance=settings_) for t in range(400)]
    data = codec.to_bytes(steps)
    assert len(data) < 400 * 120
    assert [field.time for field in codec.from_bytes(data)] == [float(t) for t in range(400)]


def test_corrections_of_huge_grids_are_refused_before_they_are_made():
    """Their codes would take 4 bytes for each value of the grid."""
    dims = set_in_second("geometry", "dims", value=[2**10, 2**9, 2**8])
    assert memory_of(forged(dims)) < 1_000_000


def test_corrections_that_do_not_fit_their_mask():
    header, sections = split(SAMPLE)
    field = header["fields"][1]
    mask = np.zeros((5, 7, 9), bool)
    mask[0, 0, :4] = True
    for some in (mask, ~mask):
        packed = CODECS["raw"].pack(np.packbits(some).tobytes())
        row = field["corrections"]["mask"]["section"]
        before = len(sections) - row[1] - field["corrections"]["section"][1]
        changed = sections[:before] + packed + sections[before + row[1] :]
        lie = copy.deepcopy(header)
        lie["fields"][1]["corrections"]["mask"] = {
            "form": "bits",
            "section": ["raw", len(packed), len(packed), zlib.crc32(packed)],
        }
        with pytest.raises(SrnFormatError):
            codec.from_bytes(framed(header_text.encode(lie), changed))

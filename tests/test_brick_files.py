"""Files of bricks: put together from the bricks' own, joined with others, and what is refused of them."""

from __future__ import annotations

import copy
import struct
import zlib
from typing import Any, Callable

import numpy as np
import pytest
from brick_fields import WORLD, bricked, wavy
from example_fields import assert_same, field_of, neurcomp

from srn_core import codec
from srn_core.codec import header_text
from srn_core.codec.container import MAGIC, PREFIX
from srn_core.codec.join import assembled, joined
from srn_core.errors import SrnFormatError, SrnInputError
from srn_core.grid_points import RectilinearPoints
from srn_core.neural_file import NeuralFile
from srn_core.volume import Geometry

DIMS = (22, 18, 17)
VALUES = wavy(DIMS)
MASK = np.indices(VALUES.shape).sum(axis=0) > 9
FIELD = bricked(VALUES, 16, 2, 0.25, mask=MASK)
SAMPLE = codec.to_bytes(FIELD)


def forged(change: Callable[[list[dict[str, Any]]], Any], version: int = 5) -> bytes:
    """The sample with changed fields and right checksums."""
    length = PREFIX.unpack_from(SAMPLE)[2]
    header = copy.deepcopy(header_text.decode(SAMPLE[PREFIX.size : PREFIX.size + length]))
    change(header["fields"])
    packed = header_text.encode(header)
    front = struct.pack("<4sHI", MAGIC, version, len(packed))
    return front + struct.pack("<I", zlib.crc32(front + packed)) + packed + SAMPLE[PREFIX.size + length :]


def test_the_version_says_that_older_readers_must_not_read_it():
    assert PREFIX.unpack_from(SAMPLE)[1] == 5
    assert PREFIX.unpack_from(codec.to_bytes(field_of(neurcomp())))[1] == 1


def test_bricks_are_put_together_from_their_own_files():
    own = [codec.to_bytes(brick.open()) for brick in FIELD.bricks]
    whole = assembled(FIELD, [(content, brick.fades) for content, brick in zip(own, FIELD.bricks)])
    (found,) = codec.from_bytes(whole)
    assert_same(found, FIELD)
    for one, other in zip(found.bricks, FIELD.bricks):
        assert one.masked
        np.testing.assert_array_equal(one.open().valid, other.open().valid)
        assert one.open().arrays["coefficients"].codes.tolist() == other.open().arrays["coefficients"].codes.tolist()
    assert len(whole) < sum(map(len, own))
    with pytest.raises(SrnInputError, match="outside"):
        assembled(bricked(VALUES[:-1], 64), [(own[-1], (0,) * 6)])


def test_masks_that_two_arrays_share_are_stored_once():
    other = bricked(VALUES, 16, 2, 0.5, mask=MASK, name="other")
    both = codec.to_bytes([FIELD, other])
    first, second = codec.from_bytes(both)
    for one, brick in zip(first.bricks, second.bricks):
        np.testing.assert_array_equal(brick.open().valid, one.open().valid)
    assert len(both) < len(SAMPLE) + len(codec.to_bytes(other))
    sewn = codec.from_bytes(joined([SAMPLE, codec.to_bytes(other)]))
    assert [field.name for field in sewn] == ["waves", "other"]
    np.testing.assert_array_equal(sewn[1].bricks[3].open().valid, first.bricks[3].open().valid)


def test_fields_joined_with_bricks_keep_their_grids():
    axes = RectilinearPoints(np.arange(22.0) ** 2, np.arange(18.0), np.arange(17.0))
    plain = Geometry(DIMS)
    contents = [
        codec.to_bytes(field)
        for field in (
            bricked(VALUES, 16, geometry=plain),
            field_of(neurcomp(), name="b"),
            bricked(VALUES, 16, geometry=plain, name="c"),
        )
    ]
    found = codec.from_bytes(joined(contents, places=[axes, None, axes]))
    assert [field.geometry.points for field in found] == [axes, None, axes]
    assert [len(field.bricks) for field in found] == [8, 0, 8]
    file = NeuralFile(found, b"")
    values, gradient = file.decode_with_gradient(array="c")
    assert np.isfinite(gradient.values).all()
    np.testing.assert_allclose(file.sample(axes.at(np.array([[3.0, 4, 5]])), "c"), values.values[5, 4, 3], atol=1e-6)


LIES: list[tuple[str, Callable[[list[dict[str, Any]]], Any]]] = [
    ("lacks some", lambda f: f[0]["spec"].update(count=9)),
    ("brick of no field", lambda f: f[0]["spec"].update(count=3)),
    ("is none", lambda f: f[1].pop("fades")),
    ("outside", lambda f: f[-1]["geometry"].update(start=[100, 0, 0])),
    ("outside", lambda f: f[0]["geometry"].update(dims=[5, 5, 5])),
    ("fades over more", lambda f: f[1].update(fades=[0, 99, 0, 0, 0, 0])),
    ("list of 6", lambda f: f[1].update(fades=[1])),
    ("another type", lambda f: f[1].update(dtype="int8")),
    ("another kind", lambda f: f[1]["geometry"].update(association="cell")),
    ("brick itself", lambda f: f[0].update(fades=[0] * 6)),
    ("brick itself", lambda f: f[1].update(spec=f[0]["spec"])),
    ("belong to its bricks", lambda f: f[0].update(valid={"same_as": 0})),
    ("from 1 to", lambda f: f[0]["spec"].update(count=0)),
    ("unknown network kind", lambda f: f[0]["spec"].update(version=1)),
    ("later", lambda f: f[1].update(plateau={"values": [0.5], "mask": {"same_as": 3}})),
]


@pytest.mark.parametrize("words, lie", LIES, ids=range(len(LIES)))
def test_lies_about_bricks_are_refused_when_the_file_is_opened(words, lie):
    with pytest.raises(SrnFormatError, match=words):
        codec.from_bytes(forged(lie), lazy=True)


def test_damage_in_a_brick_is_found_when_the_file_is_opened():
    broken = bytearray(SAMPLE)
    broken[-20] ^= 4
    with pytest.raises(SrnFormatError, match="checksum"):
        codec.from_bytes(bytes(broken), lazy=True)


def test_opening_takes_no_memory_for_bricks_that_nobody_decodes():
    """Sixteen thousand bricks of a quarter of a billion codes each would fill any memory."""
    (found,) = codec.from_bytes(SAMPLE, lazy=True)
    opened = found.bricks[0].open()
    assert opened.arrays["coefficients"] is not opened.arrays["coefficients"]  # nothing is kept
    assert WORLD["start"] == found.geometry.start

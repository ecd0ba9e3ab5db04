"""Masks by probability: what comes back, what they cost, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from srn_core.codec import mask_nested
from srn_core.codec.mask import mask_from_bytes, mask_to_bytes, most_mask_bytes
from srn_core.codec.mask_nested import CUTS, Cut, decode, encode
from srn_core.errors import SrnFormatError


def ball(size: int, radius: float) -> np.ndarray:
    z, y, x = np.ogrid[:size, :size, :size]
    return (z - 0.52 * size) ** 2 + (y - 0.47 * size) ** 2 + (x - 0.5 * size) ** 2 < radius**2


def coast() -> np.ndarray:
    """Land in the lowest two layers of an ocean of 20."""
    z, y, x = np.ogrid[:20, :100, :100]
    height = 1.5 * np.sin(x / 23) + np.cos(y / 17 + x / 31) - 0.2
    return z < height


@pytest.mark.parametrize("cut", [*CUTS, Cut(2, 1), Cut(3, 0), Cut(8, 8)])
@given(st.tuples(*[st.integers(1, 11)] * 3), st.floats(0, 1), st.integers(0, 99))
def test_any_mask_comes_back(cut, shape, share, seed):
    mask = np.random.default_rng(seed).random(shape) < share
    data = encode(mask, cut)
    found = decode(data, shape)
    assert found.dtype == np.bool_
    np.testing.assert_array_equal(found, mask)
    assert len(data) <= most_mask_bytes(shape, "nested")


@pytest.mark.parametrize(
    ("mask", "most"),
    [
        (np.zeros((256, 256, 256), bool), 8),
        (np.ones((100, 3, 40), bool), 8),
        (ball(64, 25), 720),
        (coast(), 345),
        (np.random.default_rng(0).random((40, 40, 40)) < 0.01, 700),
    ],
    ids=["nothing", "everything", "ball", "coast", "scattered"],
)
def test_masks_are_small(mask, most):
    data = mask_to_bytes(mask, "nested")
    assert len(data) <= most
    np.testing.assert_array_equal(mask_from_bytes(data, mask.shape, "nested"), mask)


def test_noise_costs_little_more_than_its_bits():
    mask = np.random.default_rng(0).random((32, 32, 32)) < 0.5
    assert len(mask_to_bytes(mask, "nested")) < 1.03 * mask.size / 8


def test_damage_is_refused_or_gives_a_mask():
    """Without the checksum of the section; what matters is that nothing else is raised and nothing hangs."""
    mask = ball(20, 7)
    data = encode(mask, CUTS[1])
    generator = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        damaged = bytearray(data)
        for place in generator.integers(0, len(data), generator.integers(1, 4)):
            damaged[place] ^= 1 << int(generator.integers(8))
        try:
            found = decode(bytes(damaged[: generator.integers(1, len(data) + 1)]), mask.shape)
            assert found.shape == mask.shape
        except SrnFormatError:
            refused += 1
    assert refused > 250


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x0f", b"\x12", b"\x90", b"\x10\x11\x00"])
def test_what_no_writer_makes(data):
    with pytest.raises(SrnFormatError):
        decode(data, (4, 4, 4))


def test_another_shape_is_refused():
    data = encode(ball(20, 7), CUTS[0])
    with pytest.raises(SrnFormatError):
        decode(data, (40, 40, 40))


def test_huge_masks_take_another_form(monkeypatch):
    with pytest.raises(SrnFormatError, match="nested"):
        most_mask_bytes((1 << 10, 1 << 10, 1 << 10), "nested")
    monkeypatch.setattr(mask_nested, "MOST_VOXELS", 10)
    with pytest.raises(SrnFormatError, match="nested"):
        most_mask_bytes((2, 2, 3), "nested")


def test_contexts_of_a_ball_do_not_depend_on_the_side():
    """A mask and its complement cost about the same: no side is taken for granted."""
    mask = ball(48, 19)
    one, other = (len(mask_to_bytes(m, "nested")) for m in (mask, ~mask))
    assert abs(one - other) < 0.1 * one

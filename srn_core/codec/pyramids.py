"""The layout "pyramid": latent arrays in the layout of a wavelet pyramid, coded in contexts.

The stream tells the shape of the pyramid, since it must be known before the first code: one byte with the number of
groups, for each a byte with its axes (bit 0 z, bit 1 y, bit 2 x) and a byte with its levels; one byte with the number
of the context model (0); then the interleaved rANS stream.
"""

from __future__ import annotations

from typing import Optional, Sequence

import numpy as np

from srn_core.codec.layout import CodeType, Draft, Layout, count_of
from srn_core.codec.pyramid_coder import Chooser, code_pyramids
from srn_core.codec.rans import Decoder, Encoder
from srn_core.errors import SrnFormatError

BITS = 25
"""Bits per code: magnitudes are less than 2^24."""
MODEL = 0
"""Number of the context model."""
MOST_LEVELS = 16
LATENT_AXES = 4


class Pyramid(Layout):
    """See the module. The writer uses it where the spec's grid is a pyramid; it cannot be told by shapes alone."""

    name = "pyramid"

    def suits(self, shapes: Sequence[tuple[int, ...]], kind: CodeType) -> bool:
        """Never: what the pyramid is like is not known here."""
        return False

    def split(self, arrays: Sequence[np.ndarray], kind: CodeType) -> list[bytes]:
        """Not without the groups of axes: see :func:`draft`."""
        raise ValueError("the layout 'pyramid' needs the groups of axes")

    def limits(self, shapes: Sequence[tuple[int, ...]], kind: CodeType) -> list[int]:
        """At most 6 bytes a code, and what stands before."""
        return [6 * count_of(shapes) + 4096]

    def join(self, streams: Sequence[bytes], shapes: Sequence[tuple[int, ...]], kind: CodeType) -> list[np.ndarray]:
        """The one array."""
        if len(shapes) != 1:
            raise SrnFormatError("the layout 'pyramid' holds one latent array; the file is damaged")
        return [codes_of(streams[0], shapes[0], kind)]


def codes_of(
    stream: bytes, shape: tuple[int, ...], kind: CodeType, within: Optional[Sequence[int]] = None
) -> np.ndarray:
    """The array (features, z, y, x), int32, of a stream; or only what lies ``within`` the first (z, y, x) of it.

    Raises SrnFormatError for a stream that :func:`draft` would not have made, as far as it is read.
    """
    if len(shape) != LATENT_AXES or not kind.signed:
        raise SrnFormatError("the layout 'pyramid' holds one latent array; the file is damaged")
    groups, data = _parsed(stream)
    decoder = Decoder(data)
    found = code_pyramids(decoder, shape, groups, within=within)
    if within is None:
        decoder.finish()
    else:
        z, y, x = within
        found = found[:, :z, :y, :x].copy()
    low, high = kind.bounds
    if found.size and not low <= int(found.min()) <= int(found.max()) <= high:
        raise SrnFormatError("an array has codes out of its bounds; the file is damaged")
    return found


def draft(
    wanted: np.ndarray, groups: Sequence[tuple[str, int]], chooser: Optional[Chooser] = None
) -> tuple[np.ndarray, Draft]:
    """Code (features, z, y, x) integers, or with a ``chooser`` coefficients in steps: (codes, int32; their stream)."""
    encoder = Encoder()
    codes = code_pyramids(encoder, wanted.shape, groups, wanted, chooser)
    head = [len(groups)]
    for axes, levels in groups:
        head += [sum(1 << "zyx".index(letter) for letter in axes), levels]
    return codes, Draft(bytes([*head, MODEL]), encoder, [encoder.size])


def _parsed(stream: bytes) -> tuple[list[tuple[str, int]], bytes]:
    """(groups, rANS stream)."""
    damaged = SrnFormatError("a pyramid of latents has no sound beginning; the file is damaged")
    if not stream or stream[0] > 3 or len(stream) < 2 * stream[0] + 2:
        raise damaged
    groups, seen = [], 0
    for number in range(stream[0]):
        axes, levels = stream[1 + 2 * number], stream[2 + 2 * number]
        if not 0 < axes < 8 or axes & seen or levels > MOST_LEVELS:
            raise damaged
        seen |= axes
        groups.append(("".join(letter for bit, letter in enumerate("zyx") if axes >> bit & 1), levels))
    end = 1 + 2 * stream[0]
    if stream[end] != MODEL:
        raise SrnFormatError("the latents use a context model that this release does not know; update SRN for ParaView")
    return groups, stream[end + 1 :]

"""One volume as a pyramid of latents: coded with a step, decoded again, and how large and how good that is."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Callable, Mapping, NamedTuple, Optional

import numpy as np

from srn_core import codec
from srn_core.codec import NeuralField
from srn_core.codec.field import StoredArray
from srn_core.codec.layout import Draft
from srn_core.codec.pyramids import BITS, draft
from srn_core.original_dtype import as_dtype
from srn_core.pyramid import analyse
from srn_core.rate.chooser import RateChooser
from srn_core.spec import FvSrnSpec, PyramidSpec
from srn_core.volume import Volume

Decode = Callable[[FvSrnSpec, Mapping[str, np.ndarray]], np.ndarray]
"""Spec and arrays -> the grid (features, z, y, x) that is read: the shipped decoder's own."""

SAFETY = 10
"""Bytes kept free for what is written last: the measured quality may deflate worse than its stand-in."""

SPEC = 40
"""What spec, array table and section heads add to the header of an empty file, about."""


class Base(NamedTuple):
    """What is added to what is coded."""

    grid: np.ndarray
    """(features, z, y, x) float32, normalised as the values are."""
    groups: tuple[tuple[str, int], ...]
    """Of its pyramid, which has to have the same ones as that of what is coded."""
    span: float
    """What the ranges of all fields span together that are decoded for it, in the array's units."""


@dataclass(frozen=True)
class Coded:
    """The latents at one step."""

    step: float
    codes: np.ndarray
    stream: Draft


class Coding:
    """What is coded.

    Args:
        volume: the original.
        values: (features, z, y, x) float32, normalised, smooth where nothing counts.
        counts: (z, y, x) of bool, voxels whose error counts; None: all.
        template: the field but for its spec and arrays.
        decode: see :data:`Decode`.
        chooser: what each coefficient is worth; None: at the usual price.
        base: what decoded values are added to, and has been taken from ``values`` already.
    """

    def __init__(
        self,
        volume: Volume,
        values: np.ndarray,
        counts: Optional[np.ndarray],
        template: NeuralField,
        pyramid: PyramidSpec,
        decode: Decode,
        chooser: Optional[RateChooser] = None,
        base: Optional[Base] = None,
    ) -> None:
        self.volume, self.values, self.counts = volume, values, counts
        self.template, self.pyramid = template, pyramid
        self.filter: tuple[int, ...] = ()
        self.filter_arrays: dict[str, StoredArray] = {}
        self.chooser = chooser or RateChooser()
        self._base = base
        self.hurried = False
        """Whether a size need not be used up as far as that of a small volume otherwise is."""
        self._decode = decode
        self._coefficients: Optional[np.ndarray] = None
        self._beside: Optional[int] = None

    @property
    def below(self) -> float:
        """See :attr:`Base.span`."""
        return 0.0 if self._base is None else self._base.span

    def coefficients(self) -> np.ndarray:
        """(features, z, y, x) float32; kept until :meth:`forget`."""
        if self._coefficients is None:
            self._coefficients = np.stack([analyse(component, self.pyramid) for component in self.values])
        return self._coefficients

    def forget(self) -> None:
        """Make room: what is soon computed again."""
        self._coefficients = None

    @property
    def finest(self) -> float:
        """The smallest step whose codes can be stored."""
        largest = float(max(self.coefficients().max(), -self.coefficients().min()))
        return max(largest / ((1 << (BITS - 1)) - 2), 1e-9)

    def use_filter(self, channels: tuple[int, ...], arrays: dict[str, StoredArray]) -> None:
        """Store a filter with the latents from now on."""
        self.filter, self.filter_arrays, self._beside = channels, arrays, None

    def coded(self, step: float) -> Coded:
        """The latents at a step."""
        step = float(np.float32(step))
        codes, stream = draft(self.coefficients() / np.float32(step), self.pyramid.groups, self.chooser)
        return Coded(step, codes, stream)

    def spec(self) -> FvSrnSpec:
        """The network."""
        features, *grid = self.values.shape
        z, y, x = grid
        return FvSrnSpec(
            half_extent=self.volume.geometry.half_extent,
            components=features,
            widths=(),
            frequencies=0,
            features=features,
            grid=(z, y, x),
            wavelet=self.pyramid,
            skip=True,
            filter=self.filter,
        )

    def field(self, coded: Coded, stream: Optional[bytes] = None) -> NeuralField:
        """The field to store."""
        if stream is None:
            stream = coded.stream.streams()[0]
        latents = StoredArray(coded.codes, BITS, step=coded.step, stream=stream)
        return replace(self.template, spec=self.spec(), arrays={"coefficients": latents, **self.filter_arrays})

    def bytes_of(self, coded: Coded) -> float:
        """Bytes of the file, nearly: all but the latents is measured once."""
        if self._beside is None:
            self._beside = len(codec.to_bytes([self.field(coded, b"\0")])) + SAFETY + 1
        return self._beside + coded.stream.size

    def room(self, most: int) -> float:
        """Bytes that a file of ``most`` leaves for the latents, about; without a filter."""
        return max(most - len(codec.to_bytes([self.template])) - SPEC, 1.0)

    def grid(self, codes: np.ndarray, step: float) -> np.ndarray:
        """The decoded grid (features, z, y, x), normalised."""
        arrays = {name: array.values() for name, array in self.filter_arrays.items()}
        arrays["coefficients"] = codes * np.float32(step)
        return self._decode(self.spec(), arrays)

    def psnr(self, grid: np.ndarray) -> float:
        """Full-range PSNR in dB of a decoded grid, as :func:`srn_core.metrics.psnr` measures the file."""
        valid = self.template.valid
        total = 0.0
        ranges = np.array(self.template.value_range, np.float64)
        low, high = ranges[:, :1, None], ranges[:, 1:, None]
        original = self.volume.values.reshape(*self.volume.values.shape[:3], -1)
        for z in range(grid.shape[1]):
            normalised = grid[:, z] if self._base is None else grid[:, z] + self._base.grid[:, z]
            physical = normalised * (high / 2 - low / 2) + (low / 2 + high / 2)
            # Rounding to the original dtype counts: float32 is coarse where the range is far from 0.
            physical = as_dtype(physical, original.dtype).astype(np.float64)
            error = physical - np.moveaxis(original[z], -1, 0)
            if self.counts is not None:
                error = error[:, self.counts[z]]
            total += float(np.square(error).sum())
        voxels = self.volume.geometry.samples if valid is None else int(np.count_nonzero(valid))
        span = float(ranges[:, 1].max() - ranges[:, 0].min())
        if total == 0.0:
            return math.inf
        return 20 * math.log10(span) - 10 * math.log10(total / (voxels * len(ranges)))

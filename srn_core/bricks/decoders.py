"""The decoders of a field's bricks: opened when first needed, as many kept as there is room for."""

from __future__ import annotations

import math
from collections import OrderedDict
from threading import RLock
from typing import TYPE_CHECKING, Any, Iterable, NamedTuple, Optional, Sequence

import numpy as np

from srn_core.bricks.places import OUTSIDE, axis_weight
from srn_core.codec import NeuralField
from srn_core.codec.field import Brick

if TYPE_CHECKING:
    from onnx_export.decoder import Decoder

HELD_BYTES = 1 << 30
"""Memory that decoded bricks may take beyond those in use."""
BYTES_A_NUMBER = 8
"""What a number of an opened brick takes, about: a latent, and the same filtered."""


class OpenBrick(NamedTuple):
    """A brick ready to be decoded."""

    field: NeuralField
    decoder: Decoder


class Reach(NamedTuple):
    """What a brick has to say along an axis of a grid."""

    part: slice
    """The samples of the grid at which its weight is above 0."""
    weight: np.ndarray
    change: np.ndarray
    """Of the weight, per sample index."""


class BrickDecoders:
    """What stands in a decoder's place for a field of bricks. Safe to use from several threads."""

    def __init__(self, field: NeuralField, providers: Optional[str] = None, threads: Optional[int] = None) -> None:
        self.field = field
        self._options = {"providers": providers, "threads": threads}
        self._opened: OrderedDict[int, OpenBrick] = OrderedDict()
        self._lock = RLock()
        self.decoded = 0
        """Bricks that have been opened so far, those opened again counted again."""

    @property
    def providers(self) -> tuple[str, ...]:
        """Of the first brick; see :class:`onnx_export.decoder.Decoder`."""
        return self._any().providers

    @property
    def statement(self) -> str:
        """One line that says what this runs on."""
        return self._any().statement

    @property
    def threads(self) -> int:
        """CPU threads."""
        from onnx_export.threads import thread_count

        return thread_count(self._options["threads"])  # type: ignore[arg-type]

    def _any(self) -> Decoder:
        with self._lock:
            number = next(iter(self._opened), 0)
        return self.open(number, (number,)).decoder

    def open(self, number: int, in_use: Iterable[int]) -> OpenBrick:
        """A brick. Those ``in_use`` stay opened; of others those used last, as long as there is room."""
        from onnx_export.decoder import Decoder

        with self._lock:
            if number not in self._opened:
                field = self.field.bricks[number].open()
                options: dict[str, Any] = self._options
                self._opened[number] = OpenBrick(field, Decoder(field, **options))
                self.decoded += 1
            self._opened.move_to_end(number)
            found = self._opened[number]
            kept = set(in_use)
            idle = [other for other in self._opened if other not in kept]
            room = HELD_BYTES - sum(_size(self._opened[other].field) for other in idle)
            while idle and room < 0:
                room += _size(self._opened.pop(idle.pop(0)).field)
            return found

    def expect(self, *axes: Any) -> None:
        """Nothing: what is asked for in parts is decoded brick by brick."""

    def reaching(self, index: Sequence[np.ndarray]) -> list[tuple[int, list[Reach]]]:
        """The bricks with a say in a grid whose samples lie at fractional ``index`` es along x, y, z (rising), and what
        they have to say along these."""
        found = []
        held = [np.clip(i, 0, n - 1) for i, n in zip(index, self.field.geometry.dims)]
        for number, brick in enumerate(self.field.bricks):
            reaches = []
            for axis, (places, first) in enumerate(zip(held, self.offset(brick))):
                low, high = brick.fades[2 * axis : 2 * axis + 2]
                weight, change = axis_weight(places - first, brick.geometry.dims[axis], low, high)
                some = np.flatnonzero(weight)
                if not some.size:
                    break
                part = slice(int(some[0]), int(some[-1]) + 1)
                reaches.append(Reach(part, weight[part], change[part]))
            else:
                found.append((number, reaches))
        return found

    def at(self, index: np.ndarray) -> list[tuple[int, np.ndarray]]:
        """The bricks in which fractional sample indices (N, 3) lie, held within the whole, and which of these."""
        found = []
        for number, brick in enumerate(self.field.bricks):
            local = index - self.offset(brick)
            last = np.array(brick.geometry.dims) - 1
            inside = np.flatnonzero(((local >= -OUTSIDE) & (local <= last + OUTSIDE)).all(axis=1))
            if inside.size:
                found.append((number, inside))
        return found

    def offset(self, brick: Brick) -> tuple[int, ...]:
        """x, y, z of a brick's first sample, counted from that of the whole."""
        return tuple(b - w for b, w in zip(brick.geometry.start, self.field.geometry.start))


def _size(field: NeuralField) -> int:
    """Bytes that an opened brick takes, about."""
    numbers = sum(math.prod(shape) for shape in field.spec.shapes().values())
    masks = sum(part is not None for part in (field.valid, field.plateau))
    if field.corrections is not None:
        masks += 4 * len(field.value_range)
    return BYTES_A_NUMBER * numbers + masks * field.geometry.samples

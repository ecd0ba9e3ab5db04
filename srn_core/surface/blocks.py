"""The blocks of a grid that surfaces of given values pass through, decoded one after the other."""

from __future__ import annotations

import heapq
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Iterable, Iterator, NamedTuple, Optional, Sequence, Union

import numpy as np

from srn_core.bricks.decoders import BrickDecoders
from srn_core.bricks.decoding import decoding_of
from srn_core.codec import NeuralField
from srn_core.decoding import WantedGrid
from srn_core.errors import SrnInputError, SrnStoppedError
from srn_core.progress import Progress, ProgressCallback
from srn_core.surface.block_axes import block_axes
from srn_core.surface.network_bounds import costs_network
from srn_core.surface.value_bounds import value_bounds
from srn_core.volume import Geometry

if TYPE_CHECKING:
    from onnx_export.decoder import Decoder

EDGE, CHEAP_EDGE = 32, 64
"""Cells along each edge of a block, a multiple of the steps of a coarse decode: small where a network is evaluated at
each sample, larger where samples cost next to nothing."""

Place = tuple[int, int, int]


class SurfaceBlock(NamedTuple):
    """The values of one block."""

    start: Place
    """Index of its first sample along x, y, z, counted in the wanted grid from 0."""
    values: np.ndarray
    """(z, y, x), both ends of each axis included: those of neighbouring blocks are the same numbers. NaN where there
    is no value."""
    isovalues: tuple[float, ...]
    """Those that lie between some of them."""


class SurfaceBlocks:
    """The blocks of a wanted grid that hold an isovalue: a value of it or above beside one below.

    Where the bounds are exact (:attr:`exact`), no other block holds one. Otherwise blocks are sought in a coarse
    decode and followed from there: where a surface leaves a decoded block, its neighbour is decoded too. What lies
    wholly between the samples of the coarse decode, and differs from them by more than they do from each other, is
    missed.
    """

    def __init__(
        self,
        field: NeuralField,
        decoder: Union[Decoder, BrickDecoders],
        isovalues: Sequence[float],
        grid: WantedGrid,
        component: int = 0,
        exhaustive: bool = False,
        edge: Optional[int] = None,
        progress: Optional[ProgressCallback] = None,
    ) -> None:
        """Seeks the blocks; they are decoded while one iterates.

        Args:
            isovalues: in the field's units.
            grid: see :func:`srn_core.decoding.wanted_grid`.
            component: which one of a vector field.
            exhaustive: decode all blocks; nothing is missed then.
            edge: cells along each edge of a block; by default what suits the network.
            progress: told how far the search is; returning False ends it with SrnStoppedError.

        Raises SrnInputError for no isovalue or one that is not finite, or a component that is not there.
        """
        self.isovalues = tuple(sorted({float(value) for value in isovalues}))
        if not self.isovalues or not np.isfinite(self.isovalues).all():
            raise SrnInputError("isosurfaces need at least one value, and finite ones")
        components = len(field.value_range)
        if not 0 <= component < components:
            raise SrnInputError(
                f"array '{field.name}' has no component {component}; "
                + ("it has one, number 0" if components == 1 else f"they are numbered from 0 to {components - 1}")
            )
        self._field, self._decoder, self._component, self._grid = field, decoder, component, grid
        self.edge = edge or (EDGE if costs_network(field.spec) else CHEAP_EDGE)
        """Cells along each edge of a block."""
        self._axes = block_axes(grid.index, self.edge)
        self.shape = _place(len(axis.first) for axis in self._axes)
        """Blocks along z, y, x."""
        self.total = int(np.prod(self.shape))
        """Blocks that the wanted grid has."""
        self.decoded = 0
        """Blocks that have been decoded so far."""
        self.exact = True
        """Whether all blocks that hold an isovalue are found."""
        self._sought = np.ones(self.shape, bool)
        if not exhaustive:
            bounds, self.exact = value_bounds(decoder, self._axes, component, progress)
            self._sought = np.any([(bounds.low <= v) & (v <= bounds.high) for v in self.isovalues], axis=0)

    @property
    def found(self) -> int:
        """Blocks that are decoded at least: those that may hold an isovalue by what is known beforehand."""
        return int(self._sought.sum())

    @property
    def geometry(self) -> Geometry:
        """Of the wanted grid."""
        return self._grid.geometry

    def blocks(self, progress: Optional[ProgressCallback] = None) -> Iterator[SurfaceBlock]:
        """Each block once, in bounded memory. ``progress``: as above."""
        asked, done = self._sought.copy(), np.zeros(self.shape, bool)
        waiting = [_place(place) for place in np.argwhere(asked)]  # ascending, so a heap
        seams: dict[tuple[int, Place], np.ndarray] = {}
        for place, values in self._decoded(waiting):
            done[place] = True
            self.decoded += 1
            faces = list(self._faces(place))
            for face in faces:
                if face.seam in seams:
                    values[face.where] = seams.pop(face.seam)
            for face in faces:
                if not asked[face.beyond] and self._held(values[face.where]):
                    asked[face.beyond] = True
                    heapq.heappush(waiting, face.beyond)
                if asked[face.beyond] and not done[face.beyond]:
                    seams[face.seam] = values[face.where].copy()
            share = self.decoded / int(asked.sum())
            if progress is not None and progress(Progress("contouring", share)) is False:
                raise SrnStoppedError("contouring was stopped")
            held = self._held(values)
            if held:
                z, y, x = (int(axis.first[i]) for axis, i in zip(self._axes, place))
                yield SurfaceBlock((x, y, z), values, held)

    def _decoded(self, waiting: list[Place]) -> Iterator[tuple[Place, np.ndarray]]:
        """The values of what waits, and of what comes to wait meanwhile; the next ones are decoded beside the work."""
        workers = self._decoder.threads
        under_way: deque[tuple[Place, Future[np.ndarray]]] = deque()
        with ThreadPoolExecutor(workers) as pool:
            try:
                while waiting or under_way:
                    while waiting and len(under_way) < 2 * workers:
                        place = heapq.heappop(waiting)
                        under_way.append((place, pool.submit(self._decode, place)))
                    place, future = under_way.popleft()
                    yield place, future.result()
            finally:
                for _, future in under_way:
                    future.cancel()

    def _decode(self, place: Place) -> np.ndarray:
        """The values (z, y, x) of a block, of a type that VTK has."""
        ends: list[int] = []
        for axis, start, block in zip(reversed(self._axes), self.geometry.start, reversed(place)):
            ends += [start + int(axis.first[block]), start + int(axis.last[block])]
        volume = decoding_of(self._field, self._decoder, self._grid.part(ends)).volume()
        values = volume.values[..., self._component] if self._field.vector else volume.values
        if values.dtype.kind != "f" and self._field.valid is not None:
            values = values.astype(np.float64)
        if volume.valid is not None:
            values[~volume.valid] = np.nan
        if values.dtype.itemsize < 4 and values.dtype.kind in "fb":
            values = values.astype(np.float32)
        return np.array(values, order="C")

    def _faces(self, place: Place) -> Iterator[_Face]:
        """The faces that a block shares with others."""
        for axis in range(3):
            for side in (0, 1):
                beyond = list(place)
                beyond[axis] += 2 * side - 1
                if 0 <= beyond[axis] < self.shape[axis]:
                    upper = beyond if side else place
                    yield _Face(_place(beyond), (slice(None),) * axis + (-side,), (axis, _place(upper)))

    def _held(self, values: np.ndarray) -> tuple[float, ...]:
        """The isovalues that some of these values reach and others do not."""
        least, most = np.fmin.reduce(values, axis=None), np.fmax.reduce(values, axis=None)
        return tuple(value for value in self.isovalues if least < value <= most)


class _Face(NamedTuple):
    """A layer of samples that two blocks share."""

    beyond: Place
    """The other block."""
    where: tuple[Any, ...]
    """Where it lies in the values of this one."""
    seam: tuple[int, Place]
    """Its name, the same for both."""


def _place(numbers: Iterable[Any]) -> Place:
    z, y, x = (int(number) for number in numbers)
    return z, y, x

"""The latent grid of an fv-SRN in space: decoded once, at one level of detail, and filtered, and added to that of an
earlier field, only where it is needed."""

from __future__ import annotations

from functools import partial
from itertools import product
from threading import RLock
from typing import Callable, NamedTuple, Optional, Sequence

import numpy as np

from onnx_export.grid_filter import Box, GridFilter
from onnx_export.lattice_latents import NEAR
from srn_core.codec.added import in_other_range
from srn_core.codec.field import NeuralField
from srn_core.codec.lazy_arrays import first_latents
from srn_core.progress import ProgressCallback, share_of
from srn_core.pyramid import coarse_levels, coarse_shape, synthesise_coarse
from srn_core.spec import FvSrnSpec, PyramidSpec
from srn_core.wavelet import synthesise

DEARER = 2
"""So many times less work must a part alone be than its boxes, which can be kept, to be filtered alone."""
CHUNK = 1 << 18
"""Points that are looked at together."""
ADDED_BOX = 32
"""Latents along each axis of what is added to an earlier field at a time, where there is no filter."""


class LatentScale(NamedTuple):
    """How latents lie along an axis: the first one at -``half``, ``samples`` of them, so many per unit."""

    half: float
    per_unit: float
    samples: int


class LatentBox(NamedTuple):
    """A part of a latent grid, finished."""

    origin: tuple[int, int, int]
    """z, y, x of its first latent."""
    values: np.ndarray
    """(features, z, y, x) float32; not to be written to."""


class Below:
    """The latents that a field's are added to, in the normalisation of these."""

    def __init__(self, field: NeuralField, to: NeuralField, latents: Callable[[], Latents]) -> None:
        """``latents``: of ``field``, which may be asked for more than once; ``to``: what is added to it."""
        self._latents = latents
        self._factor, self._offset = (
            part[:, None, None, None] for part in in_other_range(field.value_range, to.value_range)
        )
        self.count, other = 1, field.adds_to
        while other is not None:
            self.count, other = self.count + 1, other.adds_to

    @property
    def values(self) -> Optional[np.ndarray]:
        """All of them, where they are finished."""
        latents = self._latents()
        return latents.values if latents.finished else None

    def ready(self, boxes: Sequence[Box], progress: Optional[ProgressCallback] = None) -> LatentBox:
        """All of them, finished in boxes. ``progress`` and what is raised: as :meth:`Latents.whole`."""
        return LatentBox((0, 0, 0), self._latents().finished_in(boxes, progress))

    def box(self, box: Box, progress: Optional[ProgressCallback] = None) -> LatentBox:
        """A part of them, as :meth:`Latents.box` gives it."""
        return self._latents().box(box, progress)

    def of(self, latents: np.ndarray) -> np.ndarray:
        """What is added for some of them, float32."""
        return np.asarray((latents * self._factor + self._offset).astype(np.float32))


class Latents:
    """A latent grid. Safe to use from several threads."""

    def __init__(
        self,
        spec: FvSrnSpec,
        grid: np.ndarray,
        filter_: Optional[GridFilter] = None,
        splits: Sequence[int] = (0, 0, 0),
        below: Optional[Below] = None,
    ) -> None:
        """``grid`` (features, z, y, x) is yet to be filtered, and then to be added to what is ``below``. ``splits``:
        how often each axis z, y, x was halved."""
        known = None if below is None or filter_ is not None else below.values
        if below is not None and known is not None:
            grid, below = grid + below.of(known), None
        self._spec, self._plain, self._filter, self._below = spec, grid, filter_, below
        self._splits = splits
        finished = filter_ is None and below is None
        self._values = grid if finished else np.zeros(grid.shape, np.float32)
        self._recent: Optional[LatentBox] = None
        self._lock = RLock()
        size = (ADDED_BOX,) * 3 if filter_ is None else filter_.box_shape
        self._edges = [np.append(np.arange(0, n, step), n) for n, step in zip(grid.shape[1:], size)]
        self._done = np.full([len(edges) - 1 for edges in self._edges], finished)

    @property
    def finished(self) -> bool:
        """Whether all of it is."""
        return self._filter is None and self._below is None

    @property
    def values(self) -> np.ndarray:
        """(features, z, y, x), perhaps not all of it finished."""
        return self._values

    @property
    def scales(self) -> list[LatentScale]:
        """How the latents lie along x, y, z."""
        fine, coarse = self._spec.grid[::-1], self._values.shape[:0:-1]
        splits = tuple(self._splits)[::-1]
        return [
            LatentScale(half, (n - 1) / (2.0 * half * 2**split) if half > 0 else 0.0, samples)
            for half, n, samples, split in zip(self._spec.half_extent, fine, coarse, splits)
        ]

    def places(self, axes: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Fractional indices of latents, float64 and within them, at the normalised coordinates x, y, z; whole numbers
        where a latent is meant."""
        found = []
        for u, scale in zip(axes, self.scales):
            place = np.clip((u + scale.half) * scale.per_unit, 0.0, scale.samples - 1.0)
            nearest = np.rint(place)
            found.append(np.where(np.abs(place - nearest) <= NEAR, nearest, place))
        return found

    def around(self, places: Sequence[np.ndarray], margin: int = 0) -> Box:
        """The part, z, y, x, between whose latents places (n,) along x, y, z lie, n > 0, and ``margin`` more."""
        x, y, z = (
            slice(max(int(p.min()) - margin, 0), min(int(np.ceil(p.max())) + 1 + margin, samples))
            for p, samples in zip(places, self._values.shape[:0:-1])
        )
        return z, y, x

    def whole(self, progress: Optional[ProgressCallback] = None) -> np.ndarray:
        """(features, z, y, x), all of it finished. ``progress`` and what is raised: as :meth:`GridFilter.run`."""
        with self._lock:
            self._finish(np.argwhere(~self._done), progress)
            return self._values

    def box(self, box: Box, progress: Optional[ProgressCallback] = None) -> LatentBox:
        """A part of it, z, y, x, that must not be empty. ``progress`` and what is raised: as :meth:`whole`."""
        z, y, x = box
        with self._lock:
            recent = self._recent
            if self.finished:
                return LatentBox((z.start, y.start, x.start), self._values[:, z, y, x])
            if recent is not None:
                inner = [slice(p.start - o, p.stop - o) for p, o in zip(box, recent.origin)]
                if all(p.start >= 0 and p.stop <= n for p, n in zip(inner, recent.values.shape[1:])):
                    return LatentBox((z.start, y.start, x.start), recent.values[(slice(None), *inner)])
            missing = self._missing(box)
            if len(missing) and self._dearer(box, missing):
                values = np.empty((len(self._plain), *(p.stop - p.start for p in box)), np.float32)
                origin = (z.start, y.start, x.start)
                self._make(self._cut(box), values, origin, progress, box)
                self._recent = LatentBox(origin, values)
                return self._recent
            self._finish(missing, progress)
            return LatentBox((z.start, y.start, x.start), self._values[:, z, y, x])

    def at_points(self, points: np.ndarray, progress: Optional[ProgressCallback] = None) -> np.ndarray:
        """All latents, finished around normalised positions (N, 3), elsewhere perhaps not. Else as :meth:`whole`."""
        with self._lock:
            if self.finished:
                return self._values
            touched = np.zeros(self._done.shape, bool)
            for start in range(0, len(points), CHUNK):
                part = np.nan_to_num(np.asarray(points[start : start + CHUNK], np.float64))
                places = self.places(list(part.T))[::-1]
                # Gradients take a latent more on either side.
                ends = [
                    [np.searchsorted(e, np.clip(p + far, 0, e[-1] - 1), side="right") - 1 for far in (-1.0, 2.0)]
                    for p, e in zip(places, self._edges)
                ]
                for z, y, x in product(*ends):
                    touched[z, y, x] = True
            self._finish(np.argwhere(touched & ~self._done), progress)
            return self._values

    def finished_in(self, boxes: Sequence[Box], progress: Optional[ProgressCallback] = None) -> np.ndarray:
        """All latents, finished in boxes, of which there is one at least. Else as :meth:`whole`."""
        with self._lock:
            if not self.finished:
                missing = np.concatenate([self._missing(box) for box in boxes])
                self._finish(np.unique(missing, axis=0), progress)
            return self._values

    def _missing(self, box: Box) -> np.ndarray:
        """(n, 3) numbers of the boxes that a part touches and that are not done."""
        ends = [np.searchsorted(e, [part.start, part.stop - 1], side="right") - 1 for e, part in zip(self._edges, box)]
        touched = self._done[tuple(slice(first, last + 1) for first, last in ends)]
        return np.argwhere(~touched) + [first for first, _ in ends]

    def _dearer(self, box: Box, missing: np.ndarray) -> bool:
        """Whether the boxes that are ``missing`` are much more work than a part alone."""
        cost = _samples if self._filter is None else self._filter.cost
        return sum(cost(self._box(number)) for number in missing) > DEARER * sum(map(cost, self._cut(box)))

    def _cut(self, box: Box) -> list[Box]:
        return [box] if self._filter is None else self._filter.cut(box)

    def _box(self, number: np.ndarray) -> Box:
        z, y, x = (slice(int(e[n]), int(e[n + 1])) for e, n in zip(self._edges, number))
        return z, y, x

    def _finish(self, numbers: np.ndarray, progress: Optional[ProgressCallback]) -> None:
        """Make boxes that are not done."""
        if self.finished or not len(numbers):
            return
        self._make([self._box(n) for n in numbers], self._values, (0, 0, 0), progress)
        self._done[tuple(numbers.T)] = True
        if self._done.all():
            self._filter, self._below, self._recent, self._plain = None, None, None, self._values

    def _make(
        self,
        boxes: Sequence[Box],
        out: np.ndarray,
        origin: Sequence[int],
        progress: Optional[ProgressCallback],
        alone: Optional[Box] = None,
    ) -> None:
        """Put boxes into ``out``, whose first latent is that at ``origin``: filtered, and added to what is below.
        ``alone``: all that is asked for, where what lies around it may be left as it is."""
        below, told, known = self._below, progress, LatentBox((0, 0, 0), self._plain)
        if below is not None:
            share = below.count / (below.count + 1)
            first, told = share_of(progress, 0.0, share), share_of(progress, share, 1.0 - share)
            known = below.ready(boxes, first) if alone is None else below.box(alone, first)
        if self._filter is not None:
            self._filter.run(self._plain, boxes, out, origin, told)
        for box in boxes:
            here = (slice(None), *_moved(box, origin))
            if self._filter is None:
                out[here] = self._plain[(slice(None), *box)]
            if below is not None:
                out[here] += below.of(known.values[(slice(None), *_moved(box, known.origin))])


def latents_of(
    field: NeuralField,
    spec: FvSrnSpec,
    level: int = 0,
    threads: int = 1,
    below: Optional[Callable[[], Latents]] = None,
) -> Latents:
    """The latents of a field, at a level of detail (see :meth:`srn_core.neural_file.NeuralFile.decode`).

    ``below``: gives those of the field that it is added to, if it is, at the same level; by default they are made here.
    """
    other, added = field.adds_to, None
    if other is not None:
        if below is None:
            assert isinstance(other.spec, FvSrnSpec)
            added = Below(other, field, partial(_the_same, latents_of(other, other.spec, level, threads)))
        else:
            below()  # the first one of all is decoded first: two at a time are in memory then
            added = Below(other, field, below)
    if level and isinstance(spec.wavelet, PyramidSpec):
        pyramid, shape = spec.wavelet, coarse_shape(spec.grid, spec.wavelet.groups, level)
        coefficients = first_latents(field.arrays, "coefficients", shape).values()
        coarse = np.stack([synthesise_coarse(c, spec.grid, pyramid, level) for c in coefficients])
        return Latents(spec, coarse, None, coarse_levels(pyramid.groups, level), added)
    arrays = {name: stored.values() for name, stored in field.arrays.items()}
    grid = synthesise(spec, arrays)
    return Latents(spec, grid, GridFilter(spec, arrays, threads) if spec.filter else None, below=added)


def _samples(box: Box) -> int:
    z, y, x = (part.stop - part.start for part in box)
    return z * y * x


def _moved(box: Box, origin: Sequence[int]) -> Box:
    """A box as it is counted from an ``origin`` (z, y, x)."""
    z, y, x = (slice(part.start - first, part.stop - first) for part, first in zip(box, origin))
    return z, y, x


def _the_same(latents: Latents) -> Latents:
    return latents

"""The arrays of a field, of which a pyramid's are decoded when they are first asked for, or only in part."""

from __future__ import annotations

from threading import Lock
from typing import Callable, Iterator, Mapping, Optional, Sequence, Union

from srn_core.codec.field import StoredArray


class PendingPyramid:
    """The latents (features, z, y, x) of a pyramid, not decoded yet."""

    def __init__(self, decode: Callable[[Optional[Sequence[int]]], StoredArray], keep: bool = True) -> None:
        """``decode`` gives the array, or its first (z, y, x). Raises SrnFormatError. ``keep``: it is decoded once."""
        self._decode, self._keep = decode, keep
        self._whole: Optional[StoredArray] = None
        self._lock = Lock()

    def whole(self) -> StoredArray:
        """All of it."""
        if not self._keep:
            return self._decode(None)
        with self._lock:
            if self._whole is None:
                self._whole = self._decode(None)
            return self._whole

    def first(self, within: Sequence[int]) -> StoredArray:
        """Its first (z, y, x), for which only coarse bands are decoded."""
        whole = self._whole
        return self._decode(within) if whole is None else first_of(whole, within)

    def forget(self) -> None:
        """Make room; it is decoded again when it is asked for again."""
        with self._lock:
            self._whole = None


class LazyArrays(Mapping[str, StoredArray]):
    """Name -> array. Reading one may raise SrnFormatError."""

    def __init__(self, arrays: Mapping[str, Union[StoredArray, PendingPyramid]]) -> None:
        self._arrays = dict(arrays)

    def __getitem__(self, name: str) -> StoredArray:
        found = self._arrays[name]
        return found.whole() if isinstance(found, PendingPyramid) else found

    def forget(self) -> None:
        """Make room: what can be decoded again is let go."""
        for array in self._arrays.values():
            if isinstance(array, PendingPyramid):
                array.forget()

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def first(self, name: str, within: Sequence[int]) -> StoredArray:
        """The first (z, y, x) of an array (features, z, y, x)."""
        found = self._arrays[name]
        return found.first(within) if isinstance(found, PendingPyramid) else first_of(found, within)


def first_of(array: StoredArray, within: Sequence[int]) -> StoredArray:
    """The first (z, y, x) of an array (features, z, y, x)."""
    z, y, x = within
    return StoredArray(array.codes[:, :z, :y, :x], array.bits, array.step, array.codebook)


def first_latents(arrays: Mapping[str, StoredArray], name: str, within: Sequence[int]) -> StoredArray:
    """As :meth:`LazyArrays.first`, of any arrays."""
    return arrays.first(name, within) if isinstance(arrays, LazyArrays) else first_of(arrays[name], within)

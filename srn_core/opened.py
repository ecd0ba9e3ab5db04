"""Neural files that are open already: equal contents and options share what is decoded of them, and the sessions."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from threading import Lock
from typing import Optional
from weakref import WeakValueDictionary

from srn_core.neural_file import NeuralFile

MOST_BYTES = 1 << 30
"""Memory that files may hold together which nobody uses at the moment."""

Key = tuple[bytes, str, int]


class OpenedFiles:
    """The files that were opened last, by their bytes and options. Safe to use from several threads.

    A file that somebody still holds is always found again. Beyond that the last ones are kept, as long as what they
    hold or may come to hold is no more than ``most_bytes``.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._alive: WeakValueDictionary[Key, NeuralFile] = WeakValueDictionary()
        self._last: OrderedDict[Key, NeuralFile] = OrderedDict()
        self._lock = Lock()

    def open(self, data: bytes, providers: Optional[str], threads: int) -> NeuralFile:
        """The file of these bytes. Raises SrnFormatError where they are not one."""
        key = (blake2b(data).digest(), (providers or "auto").lower(), threads)
        with self._lock:
            file = self._alive.get(key)
            if file is None:
                file = NeuralFile.from_bytes(data, providers=providers, threads=threads)
                self._alive[key] = file
            self._last[key] = file
            self._last.move_to_end(key)
            while len(self._last) > 1 and sum(f.memory_bytes for f in self._last.values()) > self._most:
                self._last.popitem(last=False)
            if file.memory_bytes > self._most:
                del self._last[key]
        return file

    def clear(self) -> None:
        """Forget all of them; those that somebody holds stay as they are."""
        with self._lock:
            self._last.clear()
            self._alive.clear()

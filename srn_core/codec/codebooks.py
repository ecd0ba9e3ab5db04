"""The codebooks of a group as one stream of bytes."""

from __future__ import annotations

from typing import Sequence

import numpy as np


def codebook_stream(books: Sequence[np.ndarray]) -> bytes:
    """The entries of all codebooks: their first bytes (little-endian float32), then their second ones, ..."""
    entries = np.concatenate(books).astype("<f4")
    return entries.view(np.uint8).reshape(-1, 4).T.tobytes()


def codebooks_of(stream: bytes, sizes: Sequence[int]) -> list[np.ndarray]:
    """Undo :func:`codebook_stream`; the stream has 4 bytes per entry."""
    entries = np.frombuffer(stream, np.uint8).reshape(4, -1).T.copy().view("<f4").ravel().astype(np.float32)
    return np.split(entries, np.cumsum(sizes)[:-1])

"""The best a codec can do within given bytes: a search over its knob."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Callable, Optional

import numpy as np
from peers import Peer

from srn_core.errors import SrnInputError

FINEST = 1e-6
"""Smallest knob that is tried, in units of the value range."""
TRIES = 16
"""Encodings per wanted size; results of earlier sizes are used again."""
PROBED = 1.3
"""How far around the knob found further ones are tried, as a factor."""
PROBED_VOXELS = 6.5e8
"""Voxels that the further knobs of one size may encode: large volumes get fewer of them."""
LEAST_PROBES = 40
"""However large the volume, this many further knobs are tried."""
NEAR = 0.75
"""Share of the largest size that fits from which on results are decoded to find the best."""
HALF = 0.5
"""Share of the wanted bytes below which a result is no longer taken for one that does not decode."""
CLOSE = 0.998
"""Share of the wanted bytes from which on a result is near enough."""


@dataclass(frozen=True)
class Encoding:
    """One result of a codec."""

    setting: str
    """The knob as a share of the range, or that it came of the mode of a fixed size."""
    data: bytes
    encode_seconds: float


def squared_error(values: np.ndarray, decoded: np.ndarray) -> float:
    """Mean squared difference of two arrays of the same shape, in float64."""
    return float(np.square(decoded.astype(np.float64) - values).mean())


class RateSearch:
    """Finds, for one codec and one volume, the best encoding that still fits into given bytes.

    ``error`` judges a decoded float32 volume (z, y, x): the less, the better. By default it is the mean
    squared error.
    """

    def __init__(self, peer: Peer, values: np.ndarray, error: Optional[Callable[[np.ndarray], float]] = None) -> None:
        self.peer = peer
        self.values = np.ascontiguousarray(values, np.float32)
        self.span = float(self.values.max()) - float(self.values.min())
        if not self.span > 0:
            raise SrnInputError("the volume is constant or holds NaN: there is no error bound to search")
        self.error = error or (lambda decoded: squared_error(self.values, decoded))
        self.tried: dict[float, Encoding] = {}
        self._errors: dict[str, float] = {}

    def within(self, most: int) -> Optional[Encoding]:
        """The encoding of at most ``most`` bytes with the least error; None: none fits and decodes.

        Sizes are bisected over the knob's logarithm, then the largest results that fit are decoded, and
        that of the codec's mode of a fixed size with them. Where none of these decodes, smaller ones are
        sought, but none below half of ``most``: those would no longer speak for the codec at this size.
        """
        fixed, limit = self._fixed(most), most
        while True:
            fitting = self._fitting(limit)
            near = [e for e in fitting if len(e.data) >= NEAR * len(fitting[0].data)]
            judged = [*near, *fixed]
            best = min(judged, key=self._error, default=None)
            if best is None:
                return None
            if math.isfinite(self._error(best)):
                return best
            limit = len(near[-1].data) - 1 if near else 0
            if limit < HALF * most:
                return None

    def _fixed(self, most: int) -> list[Encoding]:
        begin = time.perf_counter()
        try:
            data = self.peer.at_bytes(self.values, most)
        except Exception:  # a codec that fails at a size has no result of that size
            return []
        if data is None or len(data) > most:
            return []
        return [Encoding(f"fixed size, {most} bytes", data, time.perf_counter() - begin)]

    def _fitting(self, most: int) -> list[Encoding]:
        """Encodings of at most ``most`` bytes, the largest first."""
        low = max((k for k, e in self.tried.items() if not _fits(e, most)), default=FINEST * self.span)
        high = min((k for k, e in self.tried.items() if _fits(e, most)), default=self.peer.coarsest * self.span)
        for _ in range(TRIES):
            if not low * 1.001 < high:
                break
            knob = math.sqrt(low * high)
            encoding = self._encode(knob)
            if not _fits(encoding, most):
                low = knob
            else:
                high = knob
                if len(encoding.data) >= CLOSE * most:
                    break
        for factor in np.geomspace(1 / PROBED, PROBED, self._probes()):
            self._encode(high * float(factor))
        return sorted((e for e in self.tried.values() if _fits(e, most)), key=lambda e: -len(e.data))

    def _probes(self) -> int:
        return min(self.peer.probes, max(LEAST_PROBES, int(PROBED_VOXELS / self.values.size)))

    def _encode(self, knob: float) -> Encoding:
        begin = time.perf_counter()
        try:
            data = self.peer.encode(self.values, knob)
        except Exception:  # each codec fails in its own way, a WebAssembly trap among them
            data = b""
        setting = f"{knob / self.span:.4g} of the range"
        self.tried[knob] = Encoding(setting, data, time.perf_counter() - begin)
        return self.tried[knob]

    def _error(self, encoding: Encoding) -> float:
        """The error of what it decodes to, infinite where the codec cannot decode its own result."""
        key = f"{encoding.setting} {len(encoding.data)}"
        if key not in self._errors:
            try:
                error = self.error(self.peer.decode(encoding.data, self.values.shape))
            except Exception:
                error = math.inf
            self._errors[key] = error if math.isfinite(error) else math.inf
        return self._errors[key]


def _fits(encoding: Encoding, most: int) -> bool:
    """Whether there is a result, and one of at most so many bytes."""
    return 0 < len(encoding.data) <= most

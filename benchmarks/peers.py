"""Classical compressors that ours is measured against, each behind the same few lines.

Every codec is driven by its own knob, a bound on the error in units of the value range, and none is
helped or held back otherwise: default settings, float32 in and out, one thread.

========  ==========================  ======================================================
name      package                     knob
========  ==========================  ======================================================
sperr     numcodecs-wasm-sperr        quantisation step of the wavelet coefficients (mode q)
sz3       pysz                        absolute error bound
zfp       zfpy                        tolerance of its fixed-accuracy mode
tthresh   numcodecs-wasm-tthresh      root mean square error
========  ==========================  ======================================================

TTHRESH's WebAssembly build loses quality and fails to decode some of its own results. Where the
environment variable TTHRESH names a native program, that is run instead.
"""

from __future__ import annotations

import math
import os
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path
from typing import Optional, Type

import numpy as np

from srn_core.errors import SrnInputError, SrnMissingPackageError

FINEST = 1e-6
"""Smallest knob that is tried, in units of the value range."""
TRIES = 16
"""Encodings per wanted size; results of earlier sizes are used again."""
PROBED = 1.3
"""How far around the knob found further ones are tried, as a factor."""
NEAR = 0.75
"""Share of the largest size that fits from which on results are decoded to find the best."""
HALF = 0.5
"""Share of the wanted bytes below which a result is no longer taken for one that does not decode."""
CLOSE = 0.998
"""Share of the wanted bytes from which on a result is near enough."""


class Peer(ABC):
    """A lossy codec of float32 volumes (z, y, x) with one knob: the larger, the fewer bytes."""

    name: str
    distribution: str
    """What pip calls the package."""
    modules: tuple[str, ...] = ()
    """What has to be importable."""
    coarsest = 4.0
    """Largest knob that is tried, in units of the value range."""
    probes = 0
    """Knobs tried around the one found, for codecs whose sizes jump up and down as the knob grows."""

    @abstractmethod
    def encode(self, values: np.ndarray, knob: float) -> bytes:
        """The compressed volume; ``knob`` is in the field's units."""

    @abstractmethod
    def decode(self, data: bytes, shape: tuple[int, ...]) -> np.ndarray:
        """The float32 volume (z, y, x) that ``data`` holds."""

    def check(self) -> None:
        """Raises SrnMissingPackageError or SrnInputError where the codec cannot run here."""
        for module in self.modules:
            try:
                import_module(module)
            except ModuleNotFoundError as error:
                missing = SrnMissingPackageError(self.distribution, f"Comparing with {self.name}", "bench")
                raise missing from error
            except Exception as error:  # packages that do not go together fail in many ways
                raise SrnInputError(f"{self.distribution} is installed but cannot be imported: {error}") from error

    def version(self) -> str:
        """Package and version."""
        return f"{self.distribution} {metadata.version(self.distribution)}"


class Sperr(Peer):
    """SPERR: CDF 9/7 wavelets and SPECK (Li et al. 2023)."""

    name, distribution, modules = "sperr", "numcodecs-wasm-sperr", ("numcodecs_wasm_sperr",)

    def encode(self, values: np.ndarray, knob: float) -> bytes:
        return bytes(self._codec(knob).encode(values))

    def decode(self, data: bytes, shape: tuple[int, ...]) -> np.ndarray:
        return np.asarray(self._codec(1.0).decode(np.frombuffer(data, np.uint8))).reshape(shape)

    def _codec(self, knob: float):  # type: ignore[no-untyped-def]
        return import_module("numcodecs_wasm_sperr").Sperr(mode="q", q=knob)


class Sz3(Peer):
    """SZ3: interpolation and Lorenzo prediction (Liang et al. 2023)."""

    name, distribution, modules = "sz3", "pysz", ("pysz",)
    probes = 200

    def encode(self, values: np.ndarray, knob: float) -> bytes:
        pysz = import_module("pysz")
        settings = pysz.szConfig()
        settings.errorBoundMode = pysz.szErrorBoundMode.ABS
        settings.absErrorBound = knob
        return bytes(pysz.sz.compress(values, settings)[0])

    def decode(self, data: bytes, shape: tuple[int, ...]) -> np.ndarray:
        result = import_module("pysz").sz.decompress(np.frombuffer(data, np.uint8), np.float32, shape)
        return np.asarray(result[0] if isinstance(result, tuple) else result)


class Zfp(Peer):
    """ZFP: block transform of 4^3 samples (Lindstrom 2014)."""

    name, distribution, modules = "zfp", "zfpy", ("zfpy",)
    # It keeps some 8 bits more than the tolerance asks for, so high ratios lie far beyond the range.
    coarsest = 1024.0

    def encode(self, values: np.ndarray, knob: float) -> bytes:
        return bytes(import_module("zfpy").compress_numpy(values, tolerance=knob))

    def decode(self, data: bytes, shape: tuple[int, ...]) -> np.ndarray:
        return np.asarray(import_module("zfpy").decompress_numpy(data)).reshape(shape)


class Tthresh(Peer):
    """TTHRESH: Tucker decomposition with a thresholded core (Ballester-Ripoll et al. 2020)."""

    name, distribution, modules = "tthresh", "numcodecs-wasm-tthresh", ("numcodecs_wasm_tthresh",)
    # Beyond this its files grow again.
    coarsest = 0.06

    def encode(self, values: np.ndarray, knob: float) -> bytes:
        program = os.environ.get("TTHRESH")
        if not program:
            module = import_module("numcodecs_wasm_tthresh")
            return bytes(module.Tthresh(eb_mode="rmse", eb_rmse=knob).encode(values))
        with tempfile.TemporaryDirectory() as folder:
            source, result = Path(folder, "source"), Path(folder, "result")
            values.astype(np.float32).tofile(source)
            sizes = [str(n) for n in values.shape[::-1]]
            given = ["-i", str(source), "-t", "float", "-s", *sizes, "-r", repr(float(knob)), "-c", str(result)]
            subprocess.run([program, *given], check=True, capture_output=True)
            return result.read_bytes()

    def decode(self, data: bytes, shape: tuple[int, ...]) -> np.ndarray:
        program = os.environ.get("TTHRESH")
        if not program:
            module = import_module("numcodecs_wasm_tthresh")
            decoded = module.Tthresh(eb_mode="rmse", eb_rmse=1.0).decode(np.frombuffer(data, np.uint8))
            return np.asarray(decoded).reshape(shape)
        with tempfile.TemporaryDirectory() as folder:
            source, result = Path(folder, "source"), Path(folder, "result")
            source.write_bytes(data)
            subprocess.run([program, "-c", str(source), "-o", str(result)], check=True, capture_output=True)
            return np.fromfile(result, np.float32).reshape(shape)

    def check(self) -> None:
        if not os.environ.get("TTHRESH"):
            super().check()

    def version(self) -> str:
        return "tthresh, native" if os.environ.get("TTHRESH") else super().version()


PEERS: dict[str, Type[Peer]] = {peer.name: peer for peer in (Sperr, Sz3, Zfp, Tthresh)}


@dataclass(frozen=True)
class Encoding:
    """One result of a codec."""

    knob: float
    data: bytes
    encode_seconds: float


class RateSearch:
    """Finds, for one codec and one volume, the best encoding that still fits into given bytes."""

    def __init__(self, peer: Peer, values: np.ndarray) -> None:
        self.peer = peer
        self.values = np.ascontiguousarray(values, np.float32)
        self.span = float(self.values.max()) - float(self.values.min())
        if not self.span > 0:
            raise SrnInputError("the volume is constant or holds NaN: there is no error bound to search")
        self.tried: dict[float, Encoding] = {}

    def within(self, most: int) -> Optional[Encoding]:
        """The encoding of at most ``most`` bytes with the least squared error; None: none fits and decodes.

        Sizes are bisected over the knob's logarithm, then the largest results that fit are decoded.
        Where none of these decodes, smaller ones are sought, but none below half of ``most``: those
        would no longer speak for the codec at this size.
        """
        limit = most
        while True:
            fitting = self._fitting(limit)
            near = [e for e in fitting if len(e.data) >= NEAR * len(fitting[0].data)]
            errors = {e.knob: self._squared_error(e) for e in near}
            best = min(errors, key=lambda k: errors[k], default=None)
            if best is None:
                return None
            if math.isfinite(errors[best]):
                return self.tried[best]
            limit = len(near[-1].data) - 1
            if limit < HALF * most:
                return None

    def _fitting(self, most: int) -> list[Encoding]:
        """Encodings of at most ``most`` bytes, the largest first."""
        low = max((k for k, e in self.tried.items() if len(e.data) > most), default=FINEST * self.span)
        high = min((k for k, e in self.tried.items() if len(e.data) <= most), default=self.peer.coarsest * self.span)
        for _ in range(TRIES):
            if not low * 1.001 < high:
                break
            encoding = self._encode(math.sqrt(low * high))
            if len(encoding.data) > most:
                low = encoding.knob
            else:
                high = encoding.knob
                if len(encoding.data) >= CLOSE * most:
                    break
        for factor in np.geomspace(1 / PROBED, PROBED, self.peer.probes):
            self._encode(high * float(factor))
        return sorted((e for e in self.tried.values() if len(e.data) <= most), key=lambda e: -len(e.data))

    def _encode(self, knob: float) -> Encoding:
        begin = time.perf_counter()
        data = self.peer.encode(self.values, knob)
        self.tried[knob] = Encoding(knob, data, time.perf_counter() - begin)
        return self.tried[knob]

    def _squared_error(self, encoding: Encoding) -> float:
        """Mean squared error, infinite where the codec cannot decode its own result."""
        try:
            decoded = self.peer.decode(encoding.data, self.values.shape)
        except Exception:  # each codec fails in its own way, a WebAssembly trap among them
            return math.inf
        error = float(np.square(decoded.astype(np.float64) - self.values).mean())
        return error if math.isfinite(error) else math.inf

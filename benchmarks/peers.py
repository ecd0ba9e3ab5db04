"""Classical compressors that ours is measured against, each behind the same few lines.

Every codec is driven by its own knob, a bound on the error, and, where it has one, by its own mode of a
fixed size; whichever is better at the bytes allowed counts. None is helped or held back otherwise:
default settings, float32 in and out, one thread.

========  ==========================  ==========================================  =====================
name      package                     knob                                        mode of a fixed size
========  ==========================  ==========================================  =====================
sperr     numcodecs-wasm-sperr        quantisation step of the coefficients (q)   bits per voxel (bpp)
sz3       pysz                        absolute error bound                        none
zfp       zfpy                        tolerance of its fixed-accuracy mode        bits per voxel (rate)
tthresh   numcodecs-wasm-tthresh      root mean square error                      none
========  ==========================  ==========================================  =====================

TTHRESH's WebAssembly build loses quality and fails to decode some of its own results. Where the
environment variable TTHRESH names a native program, that is run instead, and the method is called
``tthresh (native)``.
"""

from __future__ import annotations

import math
import os
import subprocess
import tempfile
from abc import ABC, abstractmethod
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, Optional, Type

import numpy as np

from srn_core.errors import SrnInputError, SrnMissingPackageError

ZFP_EDGE = 4
"""Edge of ZFP's blocks; its fixed-rate mode pads each axis to a multiple of it."""
ZFP_HEADER = 32
"""Bytes set aside for ZFP's header and the padding of its last word."""
ZFP_LEAST = 10
"""Bits of a block below which ZFP's fixed-rate mode writes past its buffer: 1 and the exponent's 8 are its least."""


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

    @property
    def method(self) -> str:
        """What its rows are called."""
        return self.name

    @abstractmethod
    def encode(self, values: np.ndarray, knob: float) -> bytes:
        """The compressed volume; ``knob`` is in the field's units."""

    @abstractmethod
    def decode(self, data: bytes, shape: tuple[int, ...]) -> np.ndarray:
        """The float32 volume (z, y, x) that ``data`` holds."""

    def at_bytes(self, values: np.ndarray, most: int) -> Optional[bytes]:
        """What the codec's own mode of a fixed size makes of about ``most`` bytes; None: it has none."""
        return None

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
        return bytes(self._codec(mode="q", q=knob).encode(values))

    def at_bytes(self, values: np.ndarray, most: int) -> Optional[bytes]:
        # The rate asked for leaves out the header, so the first result says how much that is.
        allowed, data = most, b""
        for _ in range(3):
            if allowed <= 0:
                return None
            data = bytes(self._codec(mode="bpp", bpp=8 * allowed / values.size).encode(values))
            if len(data) <= most:
                break
            allowed -= len(data) - most
        return data

    def decode(self, data: bytes, shape: tuple[int, ...]) -> np.ndarray:
        return np.asarray(self._codec(mode="q", q=1.0).decode(np.frombuffer(data, np.uint8))).reshape(shape)

    def _codec(self, **settings: Any) -> Any:
        return import_module("numcodecs_wasm_sperr").Sperr(**settings)


class Sz3(Peer):
    """SZ3: interpolation and Lorenzo prediction (Liang et al. 2023)."""

    name, distribution, modules = "sz3", "pysz", ("pysz",)
    probes = 2000

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

    def at_bytes(self, values: np.ndarray, most: int) -> Optional[bytes]:
        blocks = math.prod(-(-n // ZFP_EDGE) for n in values.shape)
        bits = 8 * (most - ZFP_HEADER) // blocks
        if bits < ZFP_LEAST:
            return None
        return bytes(import_module("zfpy").compress_numpy(values, rate=bits / ZFP_EDGE**values.ndim))

    def decode(self, data: bytes, shape: tuple[int, ...]) -> np.ndarray:
        return np.asarray(import_module("zfpy").decompress_numpy(data)).reshape(shape)


class Tthresh(Peer):
    """TTHRESH: Tucker decomposition with a thresholded core (Ballester-Ripoll et al. 2020)."""

    name, distribution, modules = "tthresh", "numcodecs-wasm-tthresh", ("numcodecs_wasm_tthresh",)
    # Beyond this its files grow again.
    coarsest = 0.06

    @property
    def method(self) -> str:
        return "tthresh (native)" if os.environ.get("TTHRESH") else "tthresh"

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


def peer_of(method: str) -> str:
    """The peer that a method's rows speak for: ``tthresh`` for ``tthresh (native)``; "" for a method of ours."""
    name = method.partition(" (")[0]
    return name if name in PEERS else ""

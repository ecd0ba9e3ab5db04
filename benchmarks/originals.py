"""Volumes as every method of a comparison gets them, and the figures of what comes back."""

from __future__ import annotations

import argparse
import zlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Optional

import numpy as np
from rate_search import squared_error

from srn_core import metrics
from srn_core.cli import source
from srn_core.errors import SrnInputError
from srn_core.volume import Volume

FLOAT_RATIOS = (50.0, 100.0, 200.0, 400.0)
INTEGER_RATIOS = (10.0, 20.0, 40.0, 80.0)


@dataclass(frozen=True)
class Original:
    """A scalar volume (z, y, x); float64 has become float32, all other types are as they were."""

    label: str
    """The file's name without its ending, and ``:array`` where an array was chosen."""
    volume: Volume
    valid: Optional[np.ndarray]
    """Which voxels hold a value, (z, y, x) of bool; None: all."""

    @classmethod
    def read(cls, text: str, given: Optional[argparse.Namespace] = None) -> Original:
        """The volume of ``PATH`` or ``PATH:array``; ``given`` holds the arguments of srn_core.cli.source.

        Raises SrnInputError where it cannot be read or compared.
        """
        path, colon, array = text.rpartition(":")
        if not colon or Path(text).exists():
            path, array = text, ""
        options = vars(given) if given else vars(_no_options())
        array = array or options["array"] or ""
        volume = source.read(path, argparse.Namespace(**{**options, "array": array or None}))
        if volume.components != 1:
            raise SrnInputError(f"'{text}' has {volume.components} components; the peers compress scalar fields only")
        values = volume.values.reshape(volume.geometry.shape)
        if values.dtype.kind == "f" and values.dtype.itemsize > 4:
            values = values.astype(np.float32)
        single = replace(volume, values=values)
        valid = single.validity()
        held = values if valid is None else values[valid]
        if held.size == 0 or not held.max() > held.min():
            raise SrnInputError(f"'{text}' holds one value only: there is nothing to compare")
        return cls(Path(path).stem + (f":{array}" if array else ""), single, valid)

    @property
    def nbytes(self) -> int:
        """Bytes that ratios count against."""
        return self.volume.nbytes

    @property
    def default_ratios(self) -> tuple[float, ...]:
        """Ratios at which fields of this type are usually of use."""
        return FLOAT_RATIOS if self.volume.values.dtype.kind == "f" else INTEGER_RATIOS

    @cached_property
    def crc32(self) -> str:
        """Checksum of the values."""
        return f"{zlib.crc32(np.ascontiguousarray(self.volume.values).data.cast('B')):08x}"

    def described(self) -> dict[str, str]:
        """The columns of every row that say what was compressed."""
        return {
            "volume": self.label,
            "dims": " x ".join(str(n) for n in self.volume.geometry.dims),
            "dtype": self.volume.values.dtype.name,
            "original_bytes": str(self.nbytes),
            "crc32": self.crc32,
        }

    def allowed(self, ratio: float) -> int:
        """Bytes a file may have at a ratio."""
        return int(self.nbytes / ratio)

    def filled(self) -> np.ndarray:
        """float32 values for codecs that know no missing ones: these are the mean."""
        values = self.volume.values.astype(np.float32)
        if self.valid is not None:
            values[~self.valid] = values[self.valid].mean(dtype=np.float64)
        return values

    def restored(self, decoded: np.ndarray) -> np.ndarray:
        """A codec's float32 result in the original's type, as ours gives it back."""
        dtype = self.volume.values.dtype
        if dtype.kind in "iu":
            limits = np.iinfo(dtype)
            return np.clip(np.rint(decoded.astype(np.float64)), limits.min, limits.max).astype(dtype)
        return decoded >= 0.5 if dtype.kind == "b" else decoded.astype(dtype)

    def squared_error(self, decoded: np.ndarray) -> float:
        """Mean squared error over valid voxels of a codec's float32 result, once it is restored."""
        restored, values = self.restored(decoded), self.volume.values
        if self.valid is not None:
            restored, values = restored[self.valid], values[self.valid]
        return squared_error(values.astype(np.float64), restored)

    def measured(self, nbytes: int, decoded: np.ndarray, encode_s: float, decode_s: float) -> dict[str, str]:
        """The figures of one row; ``decoded`` has the original's type."""
        quality = metrics.measure(self.volume.values, decoded, self.valid)
        held = self.volume.values if self.valid is None else self.volume.values[self.valid]
        span = float(held.max()) - float(held.min())
        return {
            "bytes": str(nbytes),
            "ratio": f"{self.nbytes / nbytes:.2f}",
            "psnr": f"{quality.psnr:.3f}",
            "ssim": f"{quality.ssim:.5f}",
            "max_error": f"{quality.max_error:.6g}",
            "max_error_of_range": f"{quality.max_error / span:.5f}",
            "encode_s": f"{encode_s:.4g}",
            "decode_s": f"{decode_s:.4g}",
            "decode_mb_s": f"{self.nbytes / 1e6 / decode_s:.1f}",
        }


def _no_options() -> argparse.Namespace:
    """The arguments of the product's readers, none of them given."""
    parser = argparse.ArgumentParser()
    source.add(parser)
    return parser.parse_args([])

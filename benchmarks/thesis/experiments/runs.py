"""Compressions that have been run: all experiments share one table of them, so that none is run twice."""

from __future__ import annotations

import json
import sys
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Mapping, Optional

import numpy as np

import srn_core
from experiments.table import Row, Table, key_of
from srn_core.config import CompressConfig, setting_names
from srn_core.errors import SrnInputError
from srn_core.io import read_volume
from srn_core.volume import Volume

COLUMNS = (
    "volume", "checksum", "network", "pruner", "seed", "passes", "device", "bytes", "ratio", "parameters",
    "parameter_ratio", "psnr", "ssim", "kept_fraction", "own_dropped", "fold_change", "width", "grid",
    "train_seconds", "seconds", "drop_rates", "version", "settings", "error",
)  # fmt: skip
REPORTED = (
    "bytes", "ratio", "parameters", "parameter_ratio", "psnr", "ssim", "kept_fraction", "fold_change",
    "train_seconds", "seconds", "device",
)  # fmt: skip
"""Columns that are taken from the report as they are."""


@dataclass(frozen=True)
class Subject:
    """A volume as every run gets it: one component, float64 rounded to float32."""

    label: str
    volume: Volume
    checksum: str

    @classmethod
    def of(cls, label: str, volume: Volume) -> Subject:
        """A volume under a name. Raises SrnInputError for vector fields."""
        if volume.components != 1:
            raise SrnInputError(f"'{label}' has {volume.components} components; the experiments take scalar fields")
        values = volume.values.reshape(volume.geometry.shape)
        if values.dtype.itemsize > 4:
            values = values.astype(np.float32)
        single = Volume(values, volume.geometry, volume.name, volume.units, volume.time, volume.valid)
        return cls(label, single, f"{zlib.crc32(np.ascontiguousarray(values).tobytes()):08x}")

    @classmethod
    def read(cls, text: str) -> Subject:
        """The volume of ``PATH`` or ``PATH:array``."""
        path, colon, array = text.rpartition(":")
        if not colon or Path(text).exists():
            path, array = text, ""
        return cls.of(Path(path).stem + (f":{array}" if array else ""), read_volume(path, array or None))


class Runs:
    """The table of all runs in a folder, which makes those that are missing.

    Args:
        folder: where ``runs.csv`` lies.
        resume: whether finished runs of earlier calls stand; those of this call always do.
        device: what trains. It is recorded, but no part of a run's key.
        keep: whether the files are kept, in ``files/``.
    """

    def __init__(self, folder: Path, resume: bool, device: str, keep: bool = False) -> None:
        self.table = Table(folder / "runs.csv", COLUMNS)
        self.resume, self.device = resume, device
        self.files = folder / "files" if keep else None
        self._made: set[tuple[str, ...]] = set()

    def row(self, subject: Subject, settings: Mapping[str, Any]) -> Row:
        """The row of a run. A run that fails has its error in the row and no figures."""
        text = settings_text(settings)
        known = self.table.get(subject.label, text)
        if known and (key_of(known) in self._made or (self.resume and self._stands(known, subject))):
            return known
        config = config_of(text)
        row = {
            "volume": subject.label, "checksum": subject.checksum, "network": config.network, "pruner": config.pruner,
            "seed": str(config.seed), "passes": _text(config.training.passes), "device": self.device,
            "version": srn_core.__version__, "settings": text,
        }  # fmt: skip
        try:
            row.update(self._figures(subject, config, row))
        except Exception as error:  # whatever it is: the other runs go on, and the table says so
            row["error"] = " ".join(f"{type(error).__name__}: {error}".split())
        self.table.put([row])
        self._made.add(key_of(row))
        said = (
            f"FAILED {row['error']}" if row.get("error") else f"{float(row['psnr']):6.2f} dB {row['bytes']:>8s} bytes"
        )
        print(f"{subject.label:20s} {said}  {text}", file=sys.stderr, flush=True)
        return self.table.get(subject.label, text)

    @staticmethod
    def _stands(row: Row, subject: Subject) -> bool:
        return not row["error"] and row["checksum"] == subject.checksum

    def _figures(self, subject: Subject, config: CompressConfig, row: Row) -> Row:
        result = srn_core.compress(subject.volume, config=config, device=self.device)
        if self.files is not None:
            self.files.mkdir(exist_ok=True)
            name = f"{subject.label.replace(':', '_')}-{zlib.crc32(row['settings'].encode()):08x}.srn"
            result.file.save(self.files / name)
        figures = {name: _text(result.report.get(name)) for name in REPORTED}
        spec, layers = result.file.fields[0].spec, {k: v for k, v in result.drop_rates.items() if k != "drop_rate"}
        if hasattr(spec, "grid"):
            figures["grid"] = "x".join(str(n) for n in reversed(spec.grid))
        figures["width"] = _text(getattr(spec, "width", None) or getattr(spec, "widths", ("",))[0])
        if layers:
            figures["drop_rates"] = json.dumps(layers, separators=(",", ":"))
            figures["own_dropped"] = _text(own_dropped(result.drop_rates, config))
        return figures


def own_dropped(drop_rates: Mapping[str, Any], config: CompressConfig) -> Optional[float]:
    """Share of all entries that the pruner itself would drop: those with drop rates above its own threshold.

    Counted in the histogram, so exact where the threshold is an edge of a bin, as the defaults are. With searched
    thresholds the wanted size says how much goes; this tells how much the pruner is sure of.
    """
    section = "variational" if config.pruner.startswith("variational") else config.pruner
    threshold = getattr(config, section).threshold
    above = np.asarray(drop_rates["drop_rate"], float) > threshold
    counts = np.sum([column for name, column in drop_rates.items() if name != "drop_rate"], axis=0)
    return float(counts[above].sum() / counts.sum()) if counts.sum() else None


def settings_text(settings: Mapping[str, Any]) -> str:
    """Settings as one text, in order, without those that have their default: equal runs have equal texts."""
    config, default = CompressConfig().with_settings(settings), CompressConfig()
    names = [name for name in setting_names() if name != "device"]
    # Network and pruner stand there always, for those who read the table.
    changed = [n for n in names if n in ("network", "pruner", "seed") or _get(config, n) != _get(default, n)]
    return " ".join(f"{name}={_setting(_get(config, name))}" for name in changed)


@lru_cache(maxsize=1024)
def config_of(text: str) -> CompressConfig:
    """The settings that a text of :func:`settings_text` means."""
    return CompressConfig().with_settings(dict(pair.split("=", 1) for pair in text.split()))


def _get(config: CompressConfig, name: str) -> Any:
    value: Any = config
    for part in name.split("."):
        value = getattr(value, part)
    return value


def _setting(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(_setting(v) for v in value)
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.7g}" if isinstance(value, float) else str(value)

"""What is asked of a search, and the record of it that makes a search resumable."""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Mapping, Optional, Tuple

import numpy as np

from srn_core.atomic import write_bytes
from srn_core.errors import SrnFormatError, SrnInputError
from srn_core.prediction.coded_sizes import coded_sizes
from srn_core.prediction.size_model import CodedSize
from srn_core.prediction.statistics import VolumeStatistics
from srn_core.search.generators import GENERATORS
from srn_core.search.objectives import objectives
from srn_core.settings import choice
from srn_core.version import __version__
from srn_core.volume import Volume

RECORD = "search.json"
FORMAT = 2
MAY_CHANGE = ("trials", "workers", "defaults", "keep_files", "limit")
"""What another run of the same search may have otherwise: it changes no trial that is there."""
MOST_TRIALS, MOST_WORKERS = 100_000, 256


@dataclass(frozen=True)
class SearchRequest:
    """The settings of a search."""

    network: str = "fvsrn"
    pruner: str = "smallify"
    objectives: Tuple[str, ...] = ("ratio", "psnr")
    """The two figures that are traded off."""
    sizes: str = "target"
    """"target": each trial asks for a ratio, which is searched like a setting. "settings": nothing is asked for; the
    network's size, the pruner's weights and its threshold decide, as in the thesis."""
    trials: int = 40
    seconds: float = 60.0
    """Training of each trial; where ``fixed`` has the passes, those end it, and only the limit goes by the clock."""
    limit: Optional[float] = None
    """Seconds after which a trial is killed; None: twice ``seconds`` and a minute."""
    workers: int = 1
    """Trials at the same time, each in a process with one thread."""
    generator: str = "ax"
    """"ax": after a start that is spread evenly, Bayesian optimisation; "sobol": spread evenly all the way."""
    first_defaults: Optional[int] = None
    """The first trials are the product's defaults, at ratios spread over the range; None: a fifth of all, at most 8.
    Only where ratios are searched."""
    start: Optional[int] = None
    """Evenly spread trials after those and before Ax takes over; None: a quarter of what is left, at least 5."""
    seed: int = 0
    """Of the proposals, and of each trial."""
    device: str = "auto"
    margin: Optional[float] = 12.0
    """dB below the front's PSNR at a trial's ratio at which the trial is stopped; None: none is."""
    defaults: bool = False
    """Whether the product's defaults, and those of network and pruner, are measured beside, at some ratios."""
    keep_files: bool = False
    """Whether the neural files of the front are kept."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Dotted settings that every trial has."""
    freed: Mapping[str, str] = field(default_factory=dict)
    """Settings to search as well, or within other bounds; see :meth:`srn_core.search.space.Space.of`."""

    def __post_init__(self) -> None:
        objectives(self.objectives)
        choice("generator", self.generator, GENERATORS)
        for name, most in (("trials", MOST_TRIALS), ("workers", MOST_WORKERS)):
            if not 1 <= getattr(self, name) <= most:
                raise SrnInputError(f"{name} must be from 1 to {most}, not {getattr(self, name)}")
        for name in ("seconds", "limit", "margin"):
            value = getattr(self, name)
            if value is not None and not 0 < value < 1e9:
                raise SrnInputError(f"{name} must be more than 0, not {value}")
        if self.start is not None and self.start < 1:
            raise SrnInputError(f"start must be at least 1, not {self.start}")
        if self.first_defaults is not None and not 0 <= self.first_defaults <= MOST_TRIALS:
            raise SrnInputError(f"first_defaults must be from 0 to {MOST_TRIALS}, not {self.first_defaults}")
        if self.first_defaults and not self.asks_for_ratios:
            raise SrnInputError(
                "only a search for ratios can begin with the defaults: leave first_defaults out, or choose sizes "
                "target and fix no target"
            )
        if not 0 <= self.seed < 2**31:
            raise SrnInputError(f"seed must be a whole number from 0 to 2^31 - 1, not {self.seed}")

    @property
    def method(self) -> Tuple[str, str]:
        """Network and pruner."""
        return self.network, self.pruner

    @property
    def hard_limit(self) -> float:
        """Seconds after which a trial is killed."""
        return self.limit if self.limit is not None else 2.0 * self.seconds + 60.0

    @property
    def asks_for_ratios(self) -> bool:
        """Whether each trial asks for a ratio of its own."""
        return self.sizes == "target" and not any(name.startswith("target.") for name in self.fixed)

    @property
    def defaults_first(self) -> int:
        """Trials at the start that are the product's defaults."""
        if self.first_defaults is not None:
            return self.first_defaults
        return min(self.trials // 5, 8) if self.asks_for_ratios else 0

    @property
    def spread(self) -> int:
        """Evenly spread trials after them."""
        return self.start if self.start is not None else max(5, (self.trials - self.defaults_first) // 4)


@dataclass(frozen=True)
class Source:
    """Where the volume is, so that each worker can read it for itself."""

    path: str
    array: Optional[str] = None
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of :class:`srn_core.io.read.ReadOptions`."""

    def read(self) -> Volume:
        """The volume."""
        from srn_core.io import read_volume

        return read_volume(self.path, self.array, **self.options)


@dataclass(frozen=True)
class Record:
    """A search as its folder tells of it."""

    request: SearchRequest
    source: Source
    name: str
    dims: Tuple[int, int, int]
    nbytes: int
    crc32: str
    """Of the volume's values, as benchmarks/rate_distortion.csv has it."""
    statistics: VolumeStatistics
    coded: Tuple[CodedSize, ...]
    """What its middle was coded to, for predictors of sizes."""
    version: str = __version__

    @classmethod
    def of(cls, request: SearchRequest, source: Source, volume: Volume) -> Record:
        """The record of a search that begins."""
        return cls(
            request,
            source,
            volume.name,
            volume.geometry.dims,
            volume.nbytes,
            crc32(volume),
            VolumeStatistics.of(volume),
            tuple(coded_sizes(volume)),
        )

    def save(self, folder: Path) -> None:
        """Write it into the search's folder."""
        text = json.dumps({"format": FORMAT, **asdict(self)}, indent=2, allow_nan=False) + "\n"
        write_bytes(folder / RECORD, text.encode("utf-8"))

    @classmethod
    def load(cls, folder: Path) -> Record:
        """Raises SrnInputError where there is none, SrnFormatError where it is damaged."""
        path = folder / RECORD
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise SrnInputError(f"'{folder}' holds no search ({RECORD}: {error.strerror or error})") from error
        except (ValueError, RecursionError) as error:
            raise SrnFormatError(f"'{path}' is no JSON: {error}") from error
        try:
            if data.pop("format") != FORMAT:
                raise SrnFormatError(f"'{path}' is of a format that this release does not read")
            request = {"first_defaults": 0, **data["request"], "objectives": tuple(data["request"]["objectives"])}
            return cls(
                **{
                    **data,
                    "request": SearchRequest(**request),
                    "source": Source(**data["source"]),
                    "dims": tuple(data["dims"]),
                    "statistics": VolumeStatistics.from_dict(data["statistics"]),
                    "coded": tuple(CodedSize.from_dict(size) for size in data["coded"]),
                }
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            if isinstance(error, (SrnInputError, SrnFormatError)):
                raise
            raise SrnFormatError(f"'{path}' is not the record of a search: {error}") from error

    def check_same(self, other: Record, folder: Path) -> None:
        """Raise SrnInputError where another search than this one would go on in its folder."""
        if self.crc32 != other.crc32 or self.dims != other.dims:
            raise SrnInputError(f"the search in '{folder}' is about another volume; give another --out")
        for item in fields(SearchRequest):
            mine, theirs = getattr(self.request, item.name), getattr(other.request, item.name)
            if item.name not in MAY_CHANGE and mine != theirs:
                raise SrnInputError(
                    f"the search in '{folder}' has {item.name} {mine}, not {theirs}: keep it, or give another --out"
                )


def crc32(volume: Volume) -> str:
    """Eight hexadecimal digits of the values' CRC32."""
    return f"{zlib.crc32(np.ascontiguousarray(volume.values).data.cast('B')):08x}"
